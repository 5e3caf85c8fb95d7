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

use super::doorway::Doorway;
use super::egress::{self, NetProtocol, NetVerdict, Owner, Subject};
use super::packet::{Arrival, Class};
use super::stream::Stream;
use super::udp::Inbox;
use super::{GATEWAY_V4, GATEWAY_V6, NAME_SERVER, Net};
use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::system_conf::read_system_conf;
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The longest that a lookup may take, tries included; the guest's C library gives up after 5 s.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a TCP client may be silent (RFC 7766 asks for seconds).
const STREAM_IDLE_MAX: Duration = Duration::from_secs(10);
/// The largest UDP answer: what survives every path without fragments (DNS flag day 2020).
const UDP_ANSWER_BYTES_MAX: u16 = 1232;
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
    /// Who is asked instead of the host's.
    servers: Option<Vec<Ipv4Addr>>,
    /// Where the names of public URLs lead.
    pub(crate) doorway: Doorway,
}

impl Resolver {
    /// One that follows the host's resolver configuration as it changes.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            client: Mutex::new(None),
            except: None,
            servers: None,
            doorway: Doorway::default(),
        })
    }

    /// The same, but it never asks `server`: for a name server that forwards and may be in the host's configuration itself.
    pub(crate) fn except(server: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            client: Mutex::new(None),
            except: Some(server),
            servers: None,
            doorway: Doorway::default(),
        })
    }

    /// One that asks these servers, whatever the host's configuration says.
    pub(super) fn asking(servers: &[Ipv4Addr]) -> Arc<Self> {
        let servers = Some(servers.to_vec());
        Arc::new(Self {
            client: Mutex::new(None),
            except: None,
            servers,
            doorway: Doorway::default(),
        })
    }

    /// One that asks `client`, whatever the host's configuration says.
    #[cfg(test)]
    pub(super) fn with(client: TokioResolver) -> Arc<Self> {
        let client = Mutex::new(Some((modified(), client)));
        Arc::new(Self { client, except: None, servers: None, doorway: Doorway::default() })
    }

    fn client(&self) -> Result<TokioResolver, NetError> {
        let modified = modified();
        let mut current = self.client.lock();
        if let Some((at, client)) = &*current
            && *at == modified
        {
            return Ok(client.clone());
        }
        let (mut config, mut options) = match &self.servers {
            None => read_system_conf()?,
            Some(servers) => {
                let servers = servers.iter().map(|ip| NameServerConfig::udp_and_tcp((*ip).into()));
                let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
                (config, ResolverOpts::default())
            }
        };
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
        if self.servers.as_ref().is_some_and(Vec::is_empty) {
            return (ResponseCode::Refused, Vec::new());
        }
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

impl Resolver {
    /// The addresses of a name, IPv4 first; none where it has none.
    pub(super) async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let Ok(mut name) = Name::from_ascii(name) else { return Vec::new() };
        name.set_fqdn(true);
        let mut found = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            let (_, records) = self.lookup(name.clone(), kind).await;
            found.extend(records.iter().filter_map(address_of));
        }
        found
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

/// Answers one UDP query into the inbox at an address; dropped when too many are in flight.
pub(super) fn serve_datagram(
    net: &Arc<Net>,
    query: &[u8],
    (inbox, at): (Arc<Inbox>, IpAddr),
    owner: Owner,
) {
    let Ok(permit) = net.lookups.clone().try_acquire_owned() else { return };
    let (net, query) = (net.clone(), query.to_vec());
    net.runtime.clone().spawn(async move {
        let down = net.down.clone();
        let work = async {
            if let Some(answer) = answer(&net, &query, false, owner).await {
                inbox.deliver(NAME_SERVER, Arrival::inside(at, Class::DEFAULT), &answer);
            }
        };
        down.run_until_cancelled(work).await;
        drop(permit);
    });
}

/// Answers queries on a TCP connection (a 16-bit length before each message) until it is closed or silent.
pub(super) fn serve_stream(net: &Arc<Net>, mut stream: Stream, owner: Owner) {
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
                let Some(answer) = answer(&net, &query, true, owner).await else { return };
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
async fn answer(net: &Net, query: &[u8], stream: bool, owner: Owner) -> Option<Vec<u8>> {
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
    let mut prohibited = false;
    let (code, records) = match &query.queries[..] {
        _ if query.metadata.op_code != OpCode::Query => (ResponseCode::NotImp, Vec::new()),
        [question] if question.query_class() == DNSClass::IN => {
            answer.add_query(question.clone());
            let (code, records, let_out) =
                resolve(net, question.name(), question.query_type(), owner).await;
            prohibited = !let_out;
            (code, records)
        }
        [_] => (ResponseCode::NotImp, Vec::new()),
        _ => (ResponseCode::FormErr, Vec::new()),
    };
    answer.metadata.response_code = code;
    answer.add_answers(records);
    if prohibited && let Some(edns) = &mut answer.edns {
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

/// The response code and records for one question, after the rules of this sandbox, and whether it was let out.
async fn resolve(
    net: &Net,
    name: &Name,
    kind: RecordType,
    owner: Owner,
) -> (ResponseCode, Vec<Record>, bool) {
    let nothing = |code| (code, Vec::new(), true);
    if !is_answered(kind) {
        return nothing(ResponseCode::NotImp);
    }
    let Some(text) = strict_name(name) else { return nothing(ResponseCode::NXDomain) };
    if leads_in(net, &text, kind) {
        let protocol = NetProtocol::Dns;
        let (name_asked, question) = (Some(text.as_str()), Some(kind.to_string()));
        let subject = Subject { owner, protocol, name: name_asked, question, address: None };
        net.log.allowed(subject).end();
        return (ResponseCode::NoError, Doorway::records(name, kind), true);
    }
    if text == "localhost" || text.ends_with(".localhost") {
        let data = match kind {
            RecordType::A => RData::A(A(Ipv4Addr::LOCALHOST)),
            RecordType::AAAA => RData::AAAA(AAAA(Ipv6Addr::LOCALHOST)),
            _ => return nothing(ResponseCode::NoError),
        };
        let record = Record::from_rdata(name.clone(), LOCALHOST_TTL_S, data);
        return (ResponseCode::NoError, vec![record], true);
    }
    let egress = net.egress();
    let subject = Subject {
        owner,
        protocol: NetProtocol::Dns,
        name: Some(&text),
        question: Some(kind.to_string()),
        address: None,
    };
    // The host's resolvers may know the names of private addresses; those are not the guest's business.
    let private = text.ends_with(".arpa")
        && name.parse_arpa_name().is_ok_and(|range| egress::is_denied(range.addr()));
    let refused = match () {
        () if !egress.may_look_up(&text) => Some("this name may not be looked up"),
        () if private => Some("the name of a special-purpose address"),
        () => None,
    };
    if let Some(reason) = refused {
        net.log.denied(subject, reason);
        return (ResponseCode::NXDomain, Vec::new(), false);
    }
    let record = net.log.allowed(subject);
    let mut absolute = name.clone();
    absolute.set_fqdn(true);
    let (code, records) = net.lookups_at().lookup(absolute, kind).await;
    let kept = records.into_iter().filter(|record| is_answered(record.record_type()));
    // What it says now, not what it said before the lookup.
    let egress = net.egress();
    let kept: Vec<Record> = kept
        .filter(|found| match address_of(found) {
            Some(ip) if !net.may_resolve_to(&egress, &text, ip) => {
                record.turn(NetVerdict::Denied, "an answer with an address that is denied");
                false
            }
            Some(ip) => {
                net.names.put(ip, &text, Duration::from_secs(found.ttl.into()));
                true
            }
            None => true,
        })
        .collect();
    if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
        record.turn(NetVerdict::Failed, "no answer");
    }
    record.end();
    (code, kept, true)
}

/// Whether a name leads to the doorway for this sandbox. One with a header rule does not: no headers are set on that way.
fn leads_in(net: &Net, name: &str, kind: RecordType) -> bool {
    let (doorway, egress) = (&net.resolver.doorway, net.egress());
    let at = if kind == RecordType::AAAA { GATEWAY_V6.into() } else { GATEWAY_V4.into() };
    doorway.leads(name) && doorway.is_open_to(&egress, at) && egress.rule_for(name).is_none()
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

/// The name in the strict form, so that what is looked up, remembered and later compared is the same text.
fn strict_name(name: &Name) -> Option<String> {
    // A label may hold any byte, a dot among them: each is looked at by itself.
    let plain = |label: &[u8]| !label.contains(&b'.');
    let labels: Vec<&[u8]> = name.iter().collect();
    labels.iter().all(|label| plain(label)).then(|| egress::strict(&labels.join(&b'.')))?
}
