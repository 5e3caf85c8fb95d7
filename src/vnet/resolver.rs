//! The sandbox's name server: 127.0.0.53 port 53, UDP and TCP, as systemd-resolved's stub is for a machine.
//!
//! Questions go to the host's own resolvers (hickory, as the host's resolv.conf says), wherever those are; answers with an
//! address that egress would refuse lose it, and the sandbox remembers which name an address came from. There is no cache:
//! sandboxes must not see each other's lookups by their times.
//!
//! With egress off no question leaves, and every name but localhost does not exist (NXDOMAIN). A closed port would be more
//! literal, but musl asks from an unconnected socket, which hears no refusal and waits out its timeout; this fails at once.
//!
//! It does not read the host's /etc/hosts, use its search list, or validate DNSSEC.

#![expect(clippy::disallowed_methods, reason = "sees when the host's resolv.conf changes")]

use super::stream::Stream;
use super::udp::Inbox;
use super::{Egress, NAME_SERVER, Net, special};
use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::system_conf::read_system_conf;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The longest that a lookup may take, tries included; the guest's C library gives up after 5 s.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a TCP client may be silent (RFC 7766 asks for seconds).
const STREAM_IDLE_MAX: Duration = Duration::from_secs(10);
/// The largest UDP answer: what survives every path without fragments (DNS flag day 2020).
const UDP_ANSWER_BYTES_MAX: u16 = 1232;
/// Addresses whose names are remembered.
const NAMES_MAX: usize = 4096;
/// A name is remembered at least this long, so that a short TTL leaves time to connect.
const NAME_AGE_MIN: Duration = Duration::from_secs(60);
/// ... and at most this long.
const NAME_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// TTL of the answers made here, in seconds.
const LOCALHOST_TTL_S: u32 = 86_400;
/// Extended DNS error "Prohibited" (RFC 8914), its option code and info code.
const EXTENDED_ERROR: u16 = 15;
const PROHIBITED: u16 = 18;

/// Where the host's resolver configuration is.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Lookups by the host's resolvers. One for all sandboxes.
pub(crate) struct Resolver {
    client: Mutex<Option<(Option<SystemTime>, TokioResolver)>>,
    /// A name server that is never asked.
    except: Option<SocketAddr>,
}

impl Resolver {
    /// One that follows the host's resolver configuration as it changes.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { client: Mutex::new(None), except: None })
    }

    /// The same, but it never asks `server`: for a name server that forwards and may be in the host's configuration itself.
    pub(crate) fn except(server: SocketAddr) -> Arc<Self> {
        Arc::new(Self { client: Mutex::new(None), except: Some(server) })
    }

    /// One that asks `client`, whatever the host's configuration says.
    #[cfg(test)]
    pub(super) fn with(client: TokioResolver) -> Arc<Self> {
        Arc::new(Self { client: Mutex::new(Some((modified(), client))), except: None })
    }

    fn client(&self) -> Result<TokioResolver, NetError> {
        let modified = modified();
        let mut current = self.client.lock();
        if let Some((at, client)) = &*current
            && *at == modified
        {
            return Ok(client.clone());
        }
        let (mut config, mut options) = read_system_conf()?;
        if let Some(except) = self.except {
            leave_out(&mut config, except);
        }
        if config.name_servers.is_empty() {
            return Err(NetError::NoConnections);
        }
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = 0;
        options.preserve_intermediates = true;
        let provider = TokioRuntimeProvider::default();
        let builder = TokioResolver::builder_with_config(config, provider).with_options(options);
        let client = builder.build()?;
        *current = Some((modified, client.clone()));
        Ok(client)
    }

    /// The answer records and the response code for a fully qualified name.
    pub(crate) async fn lookup(&self, name: Name, kind: RecordType) -> (ResponseCode, Vec<Record>) {
        let Ok(_socket) = super::egress::host_permit() else {
            return (ResponseCode::ServFail, Vec::new());
        };
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => {
                tracing::warn!(%error, "the host's resolver configuration cannot be used");
                return (ResponseCode::ServFail, Vec::new());
            }
        };
        match tokio::time::timeout(LOOKUP_TIMEOUT, client.lookup(name, kind)).await {
            Ok(Ok(found)) => (ResponseCode::NoError, found.answers().to_vec()),
            Ok(Err(NetError::Dns(DnsError::NoRecordsFound(none)))) => {
                (none.response_code, Vec::new())
            }
            Ok(Err(NetError::Dns(DnsError::ResponseCode(code)))) => (code, Vec::new()),
            Ok(Err(_)) | Err(_) => (ResponseCode::ServFail, Vec::new()),
        }
    }
}

/// Takes a name server out of a configuration, by address and port.
pub(super) fn leave_out(config: &mut ResolverConfig, except: SocketAddr) {
    for server in &mut config.name_servers {
        let ip = server.ip.to_canonical();
        server.connections.retain(|connection| SocketAddr::new(ip, connection.port) != except);
    }
    config.name_servers.retain(|server| !server.connections.is_empty());
}

/// When the host's configuration was last changed; `None` without one.
fn modified() -> Option<SystemTime> {
    std::fs::metadata(RESOLV_CONF).and_then(|about| about.modified()).ok()
}

/// Which name an address was last resolved from.
#[derive(Default)]
pub(super) struct Names(Mutex<HashMap<IpAddr, (String, Instant)>>);

impl Names {
    /// The name, while the answer is valid.
    pub(super) fn get(&self, ip: IpAddr) -> Option<String> {
        let names = self.0.lock();
        let (name, until) = names.get(&ip.to_canonical())?;
        (*until > Instant::now()).then(|| name.clone())
    }

    /// Remembers that `ip` was an answer for `name`.
    pub(super) fn put(&self, ip: IpAddr, name: &str, ttl: Duration) {
        let now = Instant::now();
        let mut names = self.0.lock();
        if names.len() >= NAMES_MAX && !names.contains_key(&ip) {
            names.retain(|_, (_, until)| *until > now);
        }
        if names.len() >= NAMES_MAX && !names.contains_key(&ip) {
            let soonest = names.iter().min_by_key(|(_, (_, until))| *until).map(|(ip, _)| *ip);
            soonest.and_then(|ip| names.remove(&ip));
        }
        names.insert(ip, (name.to_owned(), now + ttl.clamp(NAME_AGE_MIN, NAME_AGE_MAX)));
    }
}

/// Answers one UDP query into `inbox`; dropped when too many are in flight.
pub(super) fn serve_datagram(net: &Arc<Net>, query: &[u8], inbox: Arc<Inbox>) {
    let Ok(permit) = net.lookups.clone().try_acquire_owned() else { return };
    let (net, query) = (net.clone(), query.to_vec());
    net.runtime.clone().spawn(async move {
        let down = net.down.clone();
        let work = async {
            if let Some(answer) = answer(&net, &query, false).await {
                inbox.deliver(NAME_SERVER, &answer);
            }
        };
        down.run_until_cancelled(work).await;
        drop(permit);
    });
}

/// Answers queries on a TCP connection (a 16-bit length before each message) until it is closed or silent.
pub(super) fn serve_stream(net: &Arc<Net>, mut stream: Stream) {
    let net = net.clone();
    net.runtime.clone().spawn(async move {
        let down = net.down.clone();
        let work = async {
            let mut query = Vec::new();
            loop {
                let read = async {
                    let len = stream.read_u16().await?;
                    query.resize(usize::from(len), 0);
                    stream.read_exact(&mut query).await
                };
                let Ok(Ok(_)) = tokio::time::timeout(STREAM_IDLE_MAX, read).await else { return };
                let Ok(_permit) = net.lookups.acquire().await else { return };
                let Some(answer) = answer(&net, &query, true).await else { return };
                let Ok(len) = u16::try_from(answer.len()) else { return };
                let framed = [&len.to_be_bytes()[..], &answer].concat();
                let write = stream.write_all(&framed);
                let Ok(Ok(())) = tokio::time::timeout(STREAM_IDLE_MAX, write).await else { return };
            }
        };
        down.run_until_cancelled(work).await;
    });
}

/// The answer to one message; `None` for what is not a query at all.
async fn answer(net: &Net, query: &[u8], stream: bool) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    if query.metadata.message_type != MessageType::Query {
        return None;
    }
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.metadata = Metadata::response_from_request(&query.metadata);
    answer.metadata.recursion_available = true;
    if let Some(asked) = &query.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_ANSWER_BYTES_MAX).set_dnssec_ok(asked.flags().dnssec_ok);
        answer.set_edns(edns);
    }
    let (code, records) = match &query.queries[..] {
        _ if query.metadata.op_code != OpCode::Query => (ResponseCode::NotImp, Vec::new()),
        [question] if question.query_class() == DNSClass::IN => {
            answer.add_query(question.clone());
            resolve(net, question.name(), question.query_type()).await
        }
        [_] => (ResponseCode::NotImp, Vec::new()),
        _ => (ResponseCode::FormErr, Vec::new()),
    };
    answer.metadata.response_code = code;
    answer.add_answers(records);
    if net.egress == Egress::Denied
        && let Some(edns) = &mut answer.edns
    {
        edns.options_mut()
            .insert(EdnsOption::Unknown(EXTENDED_ERROR, PROHIBITED.to_be_bytes().to_vec()));
    }
    let bytes = answer.to_vec().ok()?;
    let room = query.max_payload().min(UDP_ANSWER_BYTES_MAX);
    if !stream && bytes.len() > usize::from(room) {
        return answer.truncate().to_vec().ok();
    }
    Some(bytes)
}

/// The response code and records for one question, after the rules of this sandbox.
async fn resolve(net: &Net, name: &Name, kind: RecordType) -> (ResponseCode, Vec<Record>) {
    let nothing = |code| (code, Vec::new());
    if !is_answered(kind) {
        return nothing(ResponseCode::NotImp);
    }
    let Some(text) = strict_name(name) else { return nothing(ResponseCode::NXDomain) };
    if text == "localhost" || text.ends_with(".localhost") {
        let data = match kind {
            RecordType::A => RData::A(A(Ipv4Addr::LOCALHOST)),
            RecordType::AAAA => RData::AAAA(AAAA(Ipv6Addr::LOCALHOST)),
            _ => return nothing(ResponseCode::NoError),
        };
        let record = Record::from_rdata(name.clone(), LOCALHOST_TTL_S, data);
        return (ResponseCode::NoError, vec![record]);
    }
    // The host's resolvers may know the names of private addresses; those are not the guest's business.
    let private = text.ends_with(".arpa")
        && name.parse_arpa_name().is_ok_and(|range| special::is_denied(range.addr()));
    if net.egress == Egress::Denied || private {
        return nothing(ResponseCode::NXDomain);
    }
    let mut absolute = name.clone();
    absolute.set_fqdn(true);
    let (code, records) = net.resolver.lookup(absolute, kind).await;
    let kept = records.into_iter().filter(|record| is_answered(record.record_type()));
    let kept: Vec<Record> = kept
        .filter(|record| match address_of(record) {
            Some(ip) if !net.egress.may_resolve_to(ip) => false,
            Some(ip) => {
                net.names.put(ip, &text, Duration::from_secs(record.ttl.into()));
                true
            }
            None => true,
        })
        .collect();
    (code, kept)
}

fn address_of(record: &Record) -> Option<IpAddr> {
    match &record.data {
        RData::A(A(ip)) => Some((*ip).into()),
        RData::AAAA(AAAA(ip)) => Some((*ip).into()),
        _ => None,
    }
}

/// Record types that are asked for and passed on. Others may carry addresses past the filter (SVCB's hints), or are of no use
/// without validation (DNSSEC's).
fn is_answered(kind: RecordType) -> bool {
    use RecordType as T;
    matches!(
        kind,
        T::A | T::AAAA
            | T::CAA
            | T::CNAME
            | T::MX
            | T::NAPTR
            | T::NS
            | T::PTR
            | T::SOA
            | T::SRV
            | T::TXT
    )
}

/// The name in lower case without its last dot, if it is of letters, digits, hyphens and underscores; `None` for any other,
/// so that what is looked up, remembered and later compared is the same text.
fn strict_name(name: &Name) -> Option<String> {
    let plain = |label: &[u8]| {
        label.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if name.is_root() || !name.iter().all(plain) {
        return None;
    }
    let labels = name.iter().map(|label| String::from_utf8_lossy(label).to_ascii_lowercase());
    Some(labels.collect::<Vec<_>>().join("."))
}
