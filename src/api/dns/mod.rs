//! `isolet dns`: a name server on loopback that answers the sandboxes' wildcard domain with this machine.
//!
//! `DOMAIN` and everything below it is A 127.0.0.1 and AAAA ::1. Other names are refused, or with `forward` asked of the
//! host's resolvers, so that it can be the only name server of a resolv.conf. It serves loopback only, keeps no cache, and
//! never asks itself where the host's configuration names it.

#![expect(clippy::disallowed_methods, reason = "it is a server on the host's loopback")]

use crate::Error;
use crate::vnet::Resolver;
use hickory_proto::op::{Edns, HeaderCounts, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{DNSClass, LowerName, Name, RData, Record, RecordType};
use hickory_server::net::runtime::Time;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo, Server};
use hickory_server::zone_handler::MessageResponseBuilder;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

/// TTL of the domain's answers, in seconds: short, since a domain may move to another machine.
const TTL_S: u32 = 60;
/// How long a TCP client may be silent.
const STREAM_IDLE_MAX: Duration = Duration::from_secs(10);
/// Responses that wait for a slow TCP client.
const RESPONSES_MAX: usize = 32;
/// The largest UDP answer that is offered (DNS flag day 2020).
const UDP_ANSWER_BYTES_MAX: u16 = 1232;
/// Tries to find a port that is free for UDP and TCP alike, where any will do.
const BIND_TRIES: usize = 16;

/// A name server that is bound and not serving yet.
pub struct Dns {
    udp: UdpSocket,
    tcp: TcpListener,
    address: SocketAddr,
    domain: Name,
    forward: bool,
}

impl Dns {
    /// Binds UDP and TCP at `listen` (port 0: any) for `domain`, whose port, if it has one, is left out.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an address that is not loopback or a domain that is no name, [`Error::Host`] if the port is taken.
    pub async fn bind(listen: SocketAddr, domain: &str, forward: bool) -> Result<Self, Error> {
        if !listen.ip().is_loopback() {
            let problem = format!("{listen} is not a loopback address");
            return Err(Error::Invalid { field: "listen", problem });
        }
        let domain = domain_name(domain)?;
        let (udp, tcp) = bind(listen).await.map_err(|source| Error::Host {
            action: format!("listening for name lookups on {listen}"),
            source,
        })?;
        let address = tcp.local_addr().map_err(|source| Error::Host {
            action: "reading the own address".to_owned(),
            source,
        })?;
        Ok(Self { udp, tcp, address, domain, forward })
    }

    /// Where it answers, by UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown`.
    ///
    /// # Errors
    ///
    /// [`Error::Host`] if its sockets fail.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), Error> {
        let resolver = self.forward.then(|| Resolver::except(self.address));
        let mut server = Server::new(Zone { domain: self.domain.into(), resolver });
        server.register_socket(self.udp);
        server.register_listener(self.tcp, STREAM_IDLE_MAX, RESPONSES_MAX);
        let ended = tokio::select! {
            ended = server.block_until_done() => ended,
            () = shutdown.cancelled() => server.shutdown_gracefully().await,
        };
        ended.map_err(|error| Error::Host {
            action: "answering name lookups".to_owned(),
            source: std::io::Error::other(error),
        })
    }
}

/// Binds and serves: `isolet dns`.
///
/// # Errors
///
/// As [`Dns::bind`] and [`Dns::serve`].
pub async fn serve(
    listen: SocketAddr,
    domain: &str,
    forward: bool,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    Dns::bind(listen, domain, forward).await?.serve(shutdown).await
}

async fn bind(listen: SocketAddr) -> std::io::Result<(UdpSocket, TcpListener)> {
    let mut tries = if listen.port() == 0 { BIND_TRIES } else { 1 };
    loop {
        tries -= 1;
        let udp = UdpSocket::bind(listen).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && tries > 0 => {}
            tcp => return Ok((udp, tcp?)),
        }
    }
}

/// `domain` as a fully qualified name, without its port.
fn domain_name(domain: &str) -> Result<Name, Error> {
    let invalid = |problem: &str| Error::Invalid {
        field: "domain",
        problem: format!("'{domain}' {problem}"),
    };
    let host = match domain.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        Some(_) => return Err(invalid("has something other than a port after its colon")),
        None => domain,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(invalid("is not a domain name"));
    }
    let mut name = Name::from_ascii(host).map_err(|_| invalid("is not a domain name"))?;
    name.set_fqdn(true);
    Ok(name)
}

/// What is answered.
struct Zone {
    domain: LowerName,
    resolver: Option<Arc<Resolver>>,
}

impl Zone {
    /// The response code and records for one question; the flag says that they are authoritative.
    async fn answer(
        &self,
        name: &LowerName,
        kind: RecordType,
    ) -> (ResponseCode, Vec<Record>, bool) {
        if self.domain.zone_of(name) {
            let data = match kind {
                RecordType::A => Some(RData::A(A(Ipv4Addr::LOCALHOST))),
                RecordType::AAAA => Some(RData::AAAA(AAAA(Ipv6Addr::LOCALHOST))),
                _ => None,
            };
            let record = data.map(|data| Record::from_rdata(name.into(), TTL_S, data));
            return (ResponseCode::NoError, record.into_iter().collect(), true);
        }
        match &self.resolver {
            None => (ResponseCode::Refused, Vec::new(), false),
            Some(resolver) => {
                let mut absolute = Name::from(name);
                absolute.set_fqdn(true);
                let (code, records) = resolver.lookup(absolute, kind).await;
                (code, records, false)
            }
        }
    }
}

#[async_trait::async_trait]
impl RequestHandler for Zone {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.recursion_available = self.resolver.is_some();
        let (code, records, authoritative) = match request.request_info() {
            Err(_) => (ResponseCode::FormErr, Vec::new(), false),
            Ok(_) if request.metadata.op_code != OpCode::Query => {
                (ResponseCode::NotImp, Vec::new(), false)
            }
            Ok(asked) if asked.query.query_class() != DNSClass::IN => {
                (ResponseCode::Refused, Vec::new(), false)
            }
            Ok(asked) => self.answer(asked.query.name(), asked.query.query_type()).await,
        };
        metadata.response_code = code;
        metadata.authoritative = authoritative;
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_ANSWER_BYTES_MAX);
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if request.edns.is_some() {
            builder.edns(&edns);
        }
        let answer = builder.build(metadata, &records, [], [], []);
        match response.send_response(answer).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(%error, "a name lookup's answer could not be sent");
                metadata.response_code = ResponseCode::ServFail;
                let counts = HeaderCounts::default();
                hickory_proto::op::Header { metadata, counts }.into()
            }
        }
    }
}

#[cfg(test)]
mod tests;
