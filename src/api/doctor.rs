//! `isolet doctor`: is everything there between a client on this machine and the ports of sandboxes? It walks the way that a client's
//! request takes, server, names, port, TLS, SDK variables, and says of each step whether it stands and what to do if not.
//!
//! It changes nothing, and needs no rights that the client itself does not have.

#![expect(clippy::disallowed_methods, reason = "it tries what a client would do on the host")]

use super::environment;
use super::host::Domain;
use super::tls::SYSTEM_ROOTS;
use crate::Error;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt::Write;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Any one step takes at most this long.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// One step of the way.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at.
    pub what: String,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it; empty where nothing is to be done.
    pub advice: String,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it must be.
    Good,
    /// Something works less well than it could.
    Doubtful,
    /// Clients fail here.
    Bad,
}

/// Whose way is looked at.
#[derive(Clone, Debug)]
pub struct Doctor {
    listen: SocketAddr,
    domain: Domain,
    data_dir: PathBuf,
    variable: fn(&str) -> Option<String>,
}

impl Doctor {
    /// For a server on `listen`, known by `domain` (`None`: `isolet.localhost` with its port), with its data in `data_dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a domain that is no DNS name.
    pub fn new(listen: SocketAddr, domain: Option<&str>, data_dir: PathBuf) -> Result<Self, Error> {
        let shown =
            domain.map_or_else(|| format!("isolet.localhost:{}", listen.port()), str::to_owned);
        let domain = Domain::new(&shown).ok_or_else(|| Error::Invalid {
            field: "domain",
            problem: format!("{shown:?} is no DNS name with an optional port"),
        })?;
        Ok(Self { listen, domain, data_dir, variable: |name| std::env::var(name).ok() })
    }

    /// Looks at every step, in the order in which a client takes them.
    pub async fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.server().await];
        let (names, addresses) = self.names().await;
        checks.push(names);
        if !addresses.is_empty() {
            let (port, address) = self.port(&addresses).await;
            checks.push(port);
            if let Some(address) = address {
                checks.push(self.certificate(address).await);
            }
        }
        checks.push(self.trust());
        checks.push(self.variables());
        checks.push(self.key().await);
        checks
    }

    /// The commands that make this system resolve the names of sandboxes, for each kind of system.
    #[must_use]
    pub fn set_up_names(&self) -> String {
        set_up_names(self.domain.name())
    }

    async fn server(&self) -> Check {
        let what = format!("server on {}", self.listen);
        match get(self.reached(), "/health", None).await {
            Ok(status) if status.is_success() => good(what, "it answers"),
            Ok(status) => bad(what, format!("/health answers {status}"), "is it isolet?"),
            Err(error) => {
                let advice =
                    "start it: isolet serve; with another address: isolet doctor --listen ADDRESS";
                bad(what, error.to_string(), advice)
            }
        }
    }

    /// Where a client on this machine reaches the server itself.
    fn reached(&self) -> SocketAddr {
        let ip = match self.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, self.listen.port())
    }

    /// A name that nobody has asked for before, as a new sandbox's is.
    fn fresh_name(&self) -> String {
        format!("3000-{}.{}", environment::random_label(), self.domain.name())
    }

    async fn names(&self) -> (Check, Vec<IpAddr>) {
        let name = self.fresh_name();
        let what = format!("names: *.{}", self.domain.name());
        let lookup = tokio::time::timeout(STEP_TIMEOUT, tokio::net::lookup_host((name, 0))).await;
        let addresses: Vec<IpAddr> = match lookup {
            Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        if addresses.is_empty() {
            let advice = format!(
                "browsers and curl may know them by themselves; Node, Python and others ask this system. Once, as root:\n{}",
                self.set_up_names()
            );
            return (bad(what, "this system's resolver does not know them", advice), addresses);
        }
        (good(what, format!("they lead to {}", listed(&addresses))), addresses)
    }

    /// The port that clients use for HTTPS.
    fn public_port(&self) -> u16 {
        self.domain.ports().last().copied().unwrap_or_default()
    }

    /// Whether one of the addresses takes connections, and which: clients try them all.
    async fn port(&self, addresses: &[IpAddr]) -> (Check, Option<SocketAddr>) {
        let port = self.public_port();
        let what = format!("port {port} of {}", listed(addresses));
        let mut problem = String::new();
        for ip in addresses {
            let address = SocketAddr::new(*ip, port);
            let connected = tokio::time::timeout(STEP_TIMEOUT, TcpStream::connect(address)).await;
            match connected.map_err(|_| io::ErrorKind::TimedOut.into()).and_then(|made| made) {
                Ok(_) => return (good(what, format!("{ip} takes connections")), Some(address)),
                Err(error) => problem = error.to_string(),
            }
        }
        let advice = format!(
            "getHost() URLs lead there; let the server, or the proxy in front of it, listen there, or start it with \
             --domain {}:PORT",
            self.domain.name()
        );
        (bad(what, problem, advice), None)
    }

    /// Whether the certificate is one for the names of sandboxes that clients with the right roots take.
    async fn certificate(&self, address: SocketAddr) -> Check {
        let name = self.fresh_name();
        let what = format!("certificate for {name}");
        let mut roots = system_roots();
        roots.extend(certificates(&self.authority()));
        match shake_hands(address, &name, roots).await {
            Ok(()) => good(what, "it is for that name, by a root that is known here"),
            Err(error) => {
                let advice = "the certificate must be for DOMAIN and *.DOMAIN: isolet serve --tls-cert FILE --tls-key FILE, \
                              or without both for one of isolet's own authority";
                bad(what, error.to_string(), advice)
            }
        }
    }

    fn authority(&self) -> PathBuf {
        self.data_dir.join("tls/ca.pem")
    }

    /// Whether programs that are started from here trust our authority, where one is used.
    fn trust(&self) -> Check {
        let what = "trust of programs started here".to_owned();
        let ours = certificates(&self.authority());
        if ours.is_empty() {
            let found = format!("{} is not there: no local authority", self.authority().display());
            return Check { state: State::Doubtful, ..good(what, found) };
        }
        let trusted = |certificates: &[CertificateDer<'static>]| {
            ours.iter().all(|one| certificates.contains(one))
        };
        let of = |name: &str| {
            let file = (self.variable)(name).map(PathBuf::from);
            file.is_some_and(|file| trusted(&certificates(&file)))
        };
        let everywhere = trusted(&system_roots());
        let (python, node) = (of("SSL_CERT_FILE"), of("NODE_EXTRA_CA_CERTS"));
        if (everywhere || python) && node {
            return good(what, "Python, curl and Node take certificates of the local authority");
        }
        let missing = match (everywhere || python, node) {
            (true, _) => "Node does not",
            (_, true) => "Python and curl do not",
            (false, false) => "neither Python and curl nor Node do",
        };
        let advice = "paste what `isolet serve --print-env` prints into this shell";
        bad(what, format!("{missing} take certificates of the local authority"), advice)
    }

    fn variables(&self) -> Check {
        let what = "SDK variables".to_owned();
        let url = environment::url(self.listen);
        let mut wrong = Vec::new();
        let mut expect = |name: &str, expected: &str| match (self.variable)(name) {
            Some(value) if value.trim_end_matches('/') == expected => {}
            Some(value) => wrong.push(format!("{name} is {value}, not {expected}")),
            None => wrong.push(format!("{name} is not set")),
        };
        expect("E2B_API_URL", &url);
        expect("E2B_SANDBOX_URL", &url);
        expect("E2B_DOMAIN", self.domain.shown());
        if (self.variable)("E2B_DEBUG").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            wrong.push("E2B_DEBUG is set: the SDKs then talk to localhost:3000".into());
        }
        if wrong.is_empty() {
            return good(what, "they point here");
        }
        bad(what, wrong.join("; "), "paste what `isolet serve --print-env` prints into this shell")
    }

    async fn key(&self) -> Check {
        let what = "API key".to_owned();
        let advice = "paste what `isolet serve --print-env` prints, or make one: isolet key create";
        let Some(key) = (self.variable)("E2B_API_KEY") else {
            return bad(what, "E2B_API_KEY is not set", advice);
        };
        match get(self.reached(), "/v2/sandboxes?limit=1", Some(&key)).await {
            Ok(status) if status.is_success() => good(what, "the server takes it"),
            Ok(StatusCode::UNAUTHORIZED) => bad(what, "the server does not know it", advice),
            Ok(status) => bad(what, format!("the server answers {status}"), advice),
            Err(error) => bad(what, format!("cannot be tried: {error}"), "start the server"),
        }
    }
}

fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}

fn good(what: String, found: impl Into<String>) -> Check {
    Check { what, state: State::Good, found: found.into(), advice: String::new() }
}

fn bad(what: String, found: impl Into<String>, advice: impl Into<String>) -> Check {
    Check { what, state: State::Bad, found: found.into(), advice: advice.into() }
}

/// The status of a request in plain HTTP.
async fn get(address: SocketAddr, path: &str, key: Option<&str>) -> io::Result<StatusCode> {
    let work = async {
        let stream = TcpStream::connect(address).await?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(io::Error::other)?;
        tokio::spawn(connection);
        let mut request = Request::get(path).header(header::HOST, address.to_string());
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        let request = request.body(Body::empty()).map_err(io::Error::other)?;
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        Ok(answer.status())
    };
    tokio::time::timeout(STEP_TIMEOUT, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// A TLS handshake for `name`, trusting `roots`.
async fn shake_hands(
    address: SocketAddr,
    name: &str,
    roots: Vec<CertificateDer<'static>>,
) -> io::Result<()> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(store)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let work = async {
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(drop)
    };
    tokio::time::timeout(STEP_TIMEOUT, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The certificates of a PEM file; none if it cannot be read.
fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file)
        .map(|all| all.filter_map(Result::ok).collect())
        .unwrap_or_default()
}

fn system_roots() -> Vec<CertificateDer<'static>> {
    let found = SYSTEM_ROOTS.iter().map(|path| certificates(Path::new(path)));
    found.into_iter().find(|all| !all.is_empty()).unwrap_or_default()
}

/// What makes a system resolve everything under `domain` to this machine, for each kind of system.
fn set_up_names(domain: &str) -> String {
    let mut text = String::new();
    let mut add = |system: &str, commands: &str| {
        let (system, commands) =
            (system.replace("DOMAIN", domain), commands.replace("DOMAIN", domain));
        writeln!(text, "  {system}").expect("a string takes everything");
        for line in commands.lines() {
            writeln!(text, "      {line}").expect("a string takes everything");
        }
    };
    if domain == "localhost" || domain.ends_with(".localhost") {
        add("Debian, Ubuntu (libnss-myhostname)", "apt-get install libnss-myhostname");
        add(
            "systemd-resolved (knows *.localhost by itself)",
            "apt-get install systemd-resolved && systemctl enable --now systemd-resolved",
        );
    } else {
        add(
            "systemd-resolved, with `isolet dns --domain DOMAIN` running",
            "mkdir -p /etc/systemd/resolved.conf.d\n\
             printf '[Resolve]\\nDNS=127.0.0.1:5353\\nDomains=~DOMAIN\\n' > /etc/systemd/resolved.conf.d/isolet.conf\n\
             systemctl restart systemd-resolved",
        );
    }
    add(
        "dnsmasq",
        "echo 'address=/DOMAIN/127.0.0.1' > /etc/dnsmasq.d/isolet.conf\nsystemctl restart dnsmasq",
    );
    add(
        "macOS, with `isolet dns --domain DOMAIN` running",
        "sudo mkdir -p /etc/resolver\n\
         printf 'nameserver 127.0.0.1\\nport 5353\\n' | sudo tee /etc/resolver/DOMAIN",
    );
    add(
        "Windows (PowerShell as administrator), with `isolet dns --domain DOMAIN --listen 127.0.0.1:53` running",
        "Add-DnsClientNrptRule -Namespace \".DOMAIN\" -NameServers \"127.0.0.1\"",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doctor(domain: &str, variable: fn(&str) -> Option<String>) -> Doctor {
        let listen = "127.0.0.1:8080".parse().unwrap();
        Doctor { variable, ..Doctor::new(listen, Some(domain), "/nowhere".into()).unwrap() }
    }

    #[test]
    fn variables_that_point_elsewhere_are_named() {
        let unset = doctor("isolet.localhost:8080", |_| None).variables();
        assert!(unset.state == State::Bad && unset.found.contains("E2B_DOMAIN is not set"));
        let elsewhere = doctor("isolet.localhost:8080", |name| match name {
            "E2B_DOMAIN" => Some("isolet.localhost:8080".into()),
            "E2B_DEBUG" => Some("true".into()),
            _ => Some("https://api.e2b.app".into()),
        });
        let found = elsewhere.variables().found;
        let expected = "E2B_API_URL is https://api.e2b.app, not http://127.0.0.1:8080";
        assert!(found.contains(expected) && found.contains("E2B_DEBUG"), "{found}");
        assert!(!found.contains("E2B_DOMAIN"), "{found}");
    }

    #[test]
    fn set_ups_are_for_the_domain() {
        let local = set_up_names("isolet.localhost");
        assert!(local.contains("apt-get install libnss-myhostname"), "{local}");
        let other = set_up_names("sb.example");
        for part in [
            "Domains=~sb.example",
            "address=/sb.example/127.0.0.1",
            "/etc/resolver/sb.example",
            "-Namespace \".sb.example\"",
        ] {
            assert!(other.contains(part), "{part} in {other}");
        }
        assert!(!other.contains("DOMAIN") && !other.contains("myhostname"), "{other}");
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_comes_with_what_to_do() {
        // RFC 6761: resolvers answer "invalid" with no such name; needs no network.
        let (check, addresses) = doctor("isolet.invalid", |_| None).names().await;
        assert!(check.state == State::Bad && addresses.is_empty());
        assert!(check.advice.contains("/etc/resolver/isolet.invalid"), "{}", check.advice);
    }
}
