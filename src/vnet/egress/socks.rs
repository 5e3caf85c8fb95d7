//! The SOCKS5 proxy that a sandbox's TCP goes through (RFC 1928, user and password: RFC 1929), with TLS to it on request.
//!
//! It fails closed: no proxy, no connection. The proxy's own address is looked up anew for each connection and passes the
//! same gate as any other. Connections that an address rule lets out carry the address; those that a name lets out carry the
//! name, which the proxy resolves.

#![expect(clippy::disallowed_methods, reason = "dials the proxy")]

use super::gate::{Fresh, Gate};
use super::meter::Wire;
use super::name;
use super::tls::{self, Trust};
use crate::errno::Errno;
use crate::error::Error;
use crate::vnet::resolver::Resolver;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{Error as SocksError, TargetAddr};

/// The longest that a proxy may take to open a connection.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest user name or password (RFC 1929).
const CREDENTIAL_BYTES_MAX: usize = 255;
/// The longest CA certificate text and server name (E2B's).
const CA_BYTES_MAX: usize = 8192;

/// A SOCKS5 proxy. Its password is in no `Debug` text.
#[derive(Clone)]
pub struct EgressProxy {
    host: Host,
    port: u16,
    credentials: Option<(String, String)>,
    tls: Option<Tls>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

#[derive(Clone, Debug)]
struct Tls {
    name: Option<String>,
    /// What [`Trust`] was made of.
    pem: Option<String>,
    trust: Trust,
}

impl fmt::Debug for EgressProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("EgressProxy");
        shown.field("address", &self.address()).field("username", &self.username());
        shown.field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

impl PartialEq for EgressProxy {
    fn eq(&self, other: &Self) -> bool {
        let tls = |proxy: &Self| proxy.tls.as_ref().map(|tls| (tls.name.clone(), tls.pem.clone()));
        (&self.host, self.port, &self.credentials) == (&other.host, other.port, &other.credentials)
            && tls(self) == tls(other)
    }
}

impl Eq for EgressProxy {}

fn invalid(problem: &str) -> Error {
    let problem = format!("Invalid egress proxy config: {problem}");
    Error::Invalid { field: "egressProxy", problem }
}

/// Where a connection is to end.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    Address(SocketAddr),
    Name(&'a str, u16),
}

impl EgressProxy {
    /// The proxy at `address`, which is `host:port`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for anything else.
    pub fn new(address: &str) -> Result<Self, Error> {
        let address = address.trim();
        if address.is_empty() {
            return Err(invalid("egress proxy address must not be empty"));
        }
        let form = || invalid("egress proxy address must be in host:port form");
        let (host, port) = address.rsplit_once(':').ok_or_else(form)?;
        if host.is_empty() {
            return Err(invalid("egress proxy host must not be empty"));
        }
        let number = port.parse::<u16>().ok().filter(|port| *port > 0);
        let port = number.ok_or_else(|| {
            let shown: String = port.chars().take(20).collect();
            invalid(&format!("egress proxy port {shown:?} is not a valid 1-65535 value"))
        })?;
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = match (literal, host.parse::<std::net::Ipv4Addr>()) {
            (Some(v6), _) => {
                Host::Address(v6.parse::<std::net::Ipv6Addr>().map_err(|_| form())?.into())
            }
            (None, Ok(v4)) => Host::Address(v4.into()),
            (None, Err(_)) => Host::Name(name::written(host).ok_or_else(form)?),
        };
        Ok(Self { host, port, credentials: None, tls: None })
    }

    /// Logs in there.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a password without a user, or more than 255 bytes of either.
    pub fn credentials(mut self, username: &str, password: &str) -> Result<Self, Error> {
        if username.is_empty() && !password.is_empty() {
            return Err(invalid("egress proxy password must be empty when username is empty"));
        }
        for (what, value) in [("username", username), ("password", password)] {
            if value.len() > CREDENTIAL_BYTES_MAX {
                let problem =
                    format!("egress proxy {what} must not exceed {CREDENTIAL_BYTES_MAX} bytes");
                return Err(invalid(&problem));
            }
        }
        if !username.is_empty() && password.is_empty() {
            return Err(invalid("egress proxy password must not be empty when username is given"));
        }
        self.credentials = (!username.is_empty()).then(|| (username.into(), password.into()));
        Ok(self)
    }

    /// Speaks TLS with it. `server_name` is whom its certificate must name, if not the host of its address; `ca_cert` (PEM) is
    /// whom to trust instead of the host's roots.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a name or certificate that is none.
    pub fn tls(mut self, server_name: Option<&str>, ca_cert: Option<&str>) -> Result<Self, Error> {
        if server_name.is_some_and(|text| {
            name::strict(text.as_bytes()).is_none() && text.parse::<IpAddr>().is_err()
        }) {
            return Err(invalid("tls.serverName must be a domain name or an IP address"));
        }
        let trust = match ca_cert {
            None => Trust::Host,
            Some(pem) if pem.len() > CA_BYTES_MAX => {
                return Err(invalid(&format!("tls.caCert must not exceed {CA_BYTES_MAX} bytes")));
            }
            Some(pem) => Trust::only(pem).map_err(|problem| {
                invalid(&format!("tls.caCert must be PEM certificates: {problem}"))
            })?,
        };
        let (name, pem) = (server_name.map(str::to_owned), ca_cert.map(str::to_owned));
        self.tls = Some(Tls { name, pem, trust });
        Ok(self)
    }

    /// Its address, `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.host {
            Host::Address(ip) => SocketAddr::new(*ip, self.port).to_string(),
            Host::Name(name) => format!("{name}:{}", self.port),
        }
    }

    /// The user name.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.credentials.as_ref().map(|(username, _)| username.as_str())
    }

    /// Whether TLS is on, and the server name if one was given.
    #[must_use]
    pub fn tls_name(&self) -> Option<Option<&str>> {
        self.tls.as_ref().map(|tls| tls.name.as_deref())
    }

    /// The addresses that it has now.
    ///
    /// # Errors
    ///
    /// Why there is none that may be dialled.
    pub(in crate::vnet) async fn addresses(
        &self,
        resolver: &Resolver,
        gate: &Gate,
    ) -> Result<Vec<SocketAddr>, String> {
        let found = match &self.host {
            Host::Address(ip) => vec![*ip],
            Host::Name(name) => resolver.addresses(name).await,
        };
        if found.is_empty() {
            return Err(format!("resolve egress proxy host {:?}: no address", self.address()));
        }
        // One bad address spoils all, as E2B's: else a name could be both.
        for ip in &found {
            if let Err(reason) = gate.check(*ip, Fresh::Now) {
                return Err(format!(
                    "egress proxy endpoint resolves to an internal / denied IP range: {ip} ({reason})"
                ));
            }
        }
        Ok(found.into_iter().map(|ip| SocketAddr::new(ip, self.port)).collect())
    }

    /// Opens a connection to `target` through the proxy.
    ///
    /// # Errors
    ///
    /// What the proxy says of the target, as connect(2) would; EHOSTUNREACH where the proxy itself does not work.
    pub(super) async fn open(
        &self,
        resolver: &Resolver,
        gate: &Gate,
        target: Target<'_>,
    ) -> Result<Box<dyn Wire>, Errno> {
        let work = async {
            let addresses = self.addresses(resolver, gate).await;
            let addresses = addresses.map_err(|_| Errno::HOSTUNREACH)?;
            let mut stream = None;
            for address in addresses {
                if let Ok(connected) = TcpStream::connect(address).await {
                    stream = Some(connected);
                    break;
                }
            }
            let stream = stream.ok_or(Errno::HOSTUNREACH)?;
            // Small writes of the handshake and of what follows go out at once; fails for a dead connection only.
            let _ = stream.set_nodelay(true);
            match &self.tls {
                None => self.ask(stream, target).await,
                Some(tls) => {
                    let host = match &self.host {
                        Host::Address(ip) => ip.to_string(),
                        Host::Name(name) => name.clone(),
                    };
                    let name = tls.name.as_deref().unwrap_or(&host);
                    let secured = tls::connect(&tls.trust, name, &[], stream).await;
                    self.ask(secured.map_err(|_| Errno::HOSTUNREACH)?, target).await
                }
            }
        };
        tokio::time::timeout(TIMEOUT, work).await.unwrap_or(Err(Errno::TIMEDOUT))
    }

    async fn ask<S: Wire + 'static>(
        &self,
        stream: S,
        target: Target<'_>,
    ) -> Result<Box<dyn Wire>, Errno> {
        let target = match target {
            Target::Address(address) => TargetAddr::Ip(address),
            Target::Name(name, port) => TargetAddr::Domain(name.into(), port),
        };
        let opened = match &self.credentials {
            None => Socks5Stream::connect_with_socket(stream, target).await,
            Some((user, password)) => {
                Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
            }
        };
        match opened {
            Ok(opened) => Ok(Box::new(opened.into_inner())),
            Err(SocksError::ConnectionRefused) => Err(Errno::CONNREFUSED),
            Err(SocksError::NetworkUnreachable) => Err(Errno::NETUNREACH),
            Err(SocksError::ConnectionNotAllowedByRuleset) => Err(Errno::ACCESS),
            Err(SocksError::TtlExpired) => Err(Errno::TIMEDOUT),
            Err(_) => Err(Errno::HOSTUNREACH),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_with_ports() {
        for (text, shown) in [
            ("Proxy.Example.com:1080", "proxy.example.com:1080"),
            (" 1.1.1.1:1080 ", "1.1.1.1:1080"),
            ("[2606:4700::1]:1080", "[2606:4700::1]:1080"),
        ] {
            assert_eq!(EgressProxy::new(text).unwrap().address(), shown);
        }
        for (text, part) in [
            ("", "must not be empty"),
            ("proxy", "host:port form"),
            (":1080", "host must not be empty"),
            ("a.b:0", "not a valid 1-65535 value"),
            ("a.b:65536", "not a valid 1-65535 value"),
            ("2606:4700::1:1080", "host:port form"),
            ("a b:1080", "host:port form"),
            ("http://a.b:1080", "host:port form"),
        ] {
            let message = EgressProxy::new(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn passwords_are_in_no_text() {
        let proxy = EgressProxy::new("a.b:1").unwrap().credentials("user", "s3cret").unwrap();
        assert!(!format!("{proxy:?}").contains("s3cret"));
        let plain = || EgressProxy::new("a.b:1").unwrap();
        assert!(plain().credentials("", "s3cret").is_err());
        assert!(plain().credentials(&"u".repeat(256), "p").is_err());
        assert!(plain().tls(Some("a b"), None).is_err());
        assert!(plain().tls(None, Some("no pem")).is_err());
        assert!(plain().tls(None, Some(&"x".repeat(8193))).is_err());
    }
}
