//! A pretended internet in the outside namespace: HTTP and HTTPS (HTTP/1.1 and HTTP/2) on every address, a SOCKS5 proxy with
//! and without TLS, a server that speaks first, and datagrams that come back. It remembers who called what. Over HTTP it has files, if
//! it is given any, and WebSocket that echoes.
//!
//! One listener takes every address of the namespace, special-purpose ones among them, so that each "not reached" can be told.
//! Answers tell the guest what arrived; events tell the test.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde_json::json;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::canary::{DENIED, PUBLIC};
use crate::namespace::outside;

pub const HTTP: u16 = 80;
pub const HTTPS: u16 = 443;
/// HTTPS with a certificate that nobody should trust.
pub const FORGED: u16 = 8443;
/// Says "hello" before anybody has said anything.
pub const BANNER: u16 = 2222;
/// Datagrams come back.
pub const ECHO: u16 = 7777;
pub const SOCKS: u16 = 1080;
pub const SOCKS_TLS: u16 = 1081;

/// The proxy's user and password.
pub const CREDENTIALS: (&str, &str) = ("proxy-user", "proxy-password");

/// Hosts whose names begin so show nothing to requests without `X-Secret`.
const GUARDED: &str = "secret.";

/// What is added to the key of a WebSocket handshake (RFC 6455 section 1.3).
const WEBSOCKET: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Contents by path, with the slash in front.
type Files = Arc<BTreeMap<String, Vec<u8>>>;

type Events = Arc<Mutex<Vec<Event>>>;

/// Something that reached the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What kind: `http`, `tls`, `banner`, `socks`, `udp`.
    pub kind: &'static str,
    /// The address that was called.
    pub at: IpAddr,
    /// What was said: the request's host, the server name, the proxy's user and target.
    pub said: String,
}

/// A certificate authority of the test's.
pub struct TestAuthority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl TestAuthority {
    pub fn new(name: &str) -> TestAuthority {
        let key = KeyPair::generate().expect("randomness");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Python is as strict as RFC 5280.
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).expect("a certificate").pem();
        TestAuthority { issuer: Issuer::new(params, key), pem }
    }

    fn certificate(&self, name: &str) -> Arc<CertifiedKey> {
        let key = KeyPair::generate().expect("randomness");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.use_authority_key_identifier_extension = true;
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let secret = rustls::crypto::ring::sign::any_supported_type(&secret).expect("a key");
        Arc::new(CertifiedKey::new(vec![signed.der().clone()], secret))
    }
}

/// Gives a certificate for whatever name is asked for, and remembers the name.
struct AnyName {
    authority: Arc<TestAuthority>,
}

impl std::fmt::Debug for AnyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyName")
    }
}

impl ResolvesServerCert for AnyName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.authority.certificate(hello.server_name().unwrap_or("nobody.invalid")))
    }
}

/// What runs outside. It ends with the test process.
pub struct Internet {
    events: Events,
}

impl Internet {
    /// Starts it in the outside namespace; `names` are what its proxy knows, `authority` signs for everybody, `files` is what all of
    /// its servers have.
    pub fn start(
        names: &[(&str, &str)],
        authority: &Arc<TestAuthority>,
        files: Option<&Path>,
    ) -> Internet {
        let mut contents = BTreeMap::new();
        if let Some(files) = files {
            gather(files, String::new(), &mut contents);
        }
        let files = Arc::new(contents);
        let events = Events::default();
        let names: BTreeMap<String, IpAddr> = names
            .iter()
            .map(|(name, ip)| ((*name).to_owned(), ip.parse().expect("an address")))
            .collect();
        outside(|| {
            let listen = |port: u16| {
                let listener = std::net::TcpListener::bind((Ipv6Addr::UNSPECIFIED, port));
                let listener = listener.expect("a free port outside");
                listener.set_nonblocking(true).expect("a socket");
                listener
            };
            let ports = [HTTP, HTTPS, FORGED, BANNER, SOCKS, SOCKS_TLS].map(listen);
            for address in PUBLIC.iter().chain(DENIED) {
                // One for each, so that answers come from the address that was asked.
                let address: IpAddr = address.parse().expect("an address");
                echo(UdpSocket::bind((address, ECHO)).expect("an address of the outside"), &events);
            }
            let (events, authority) = (events.clone(), authority.clone());
            // A thread starts in its parent's namespace, so what it dials is dialled from outside.
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(serve(
                    ports,
                    Content { events, files },
                    names,
                    authority,
                ));
            });
        });
        Internet { events }
    }

    /// What has arrived so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().expect("no one panics with this lock").clone()
    }

    /// Every address that was called.
    pub fn called(&self) -> BTreeSet<IpAddr> {
        self.events().into_iter().map(|event| event.at).collect()
    }
}

/// The files below `folder`.
fn gather(folder: &Path, at: String, contents: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let entry = entry.expect("a readable entry");
        let path = format!("{at}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            gather(&entry.path(), path, contents);
        } else {
            contents.insert(path, std::fs::read(entry.path()).expect("a readable file"));
        }
    }
}

/// What every connection is answered from.
#[derive(Clone)]
struct Content {
    events: Events,
    files: Files,
}

fn tell(events: &Events, kind: &'static str, at: IpAddr, said: impl Into<String>) {
    let event = Event { kind, at: at.to_canonical(), said: said.into() };
    events.lock().expect("no one panics with this lock").push(event);
}

/// Sends datagrams back.
fn echo(socket: UdpSocket, events: &Events) {
    let events = events.clone();
    thread::spawn(move || {
        let at = socket.local_addr().expect("a bound socket has one").ip();
        let mut packet = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            tell(&events, "udp", at, String::from_utf8_lossy(&packet[..length]));
            // A lost answer is the guest's to ask for again.
            let _ = socket.send_to(&packet[..length], from);
        }
    });
}

async fn serve(
    ports: [std::net::TcpListener; 6],
    content: Content,
    names: BTreeMap<String, IpAddr>,
    authority: Arc<TestAuthority>,
) {
    let forger = Arc::new(TestAuthority::new("forger"));
    let (trusted, forged) = (acceptor(authority), acceptor(forger));
    let names = Arc::new(names);
    let [http, https, forging, banner, socks, socks_tls] =
        ports.map(|port| TcpListener::from_std(port).expect("inside a runtime"));
    let each = |listener: TcpListener, kind: &'static str, tls: Option<TlsAcceptor>| {
        let (content, names) = (content.clone(), names.clone());
        async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (content, names, tls) = (content.clone(), names.clone(), tls.clone());
                tokio::spawn(async move {
                    let at = stream.local_addr().expect("an accepted socket has one").ip();
                    match tls {
                        None => answer(stream, at, kind, &content, &names).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else {
                                return tell(&content.events, "tls", at, "no handshake");
                            };
                            let name = stream.get_ref().1.server_name().unwrap_or_default();
                            tell(&content.events, "tls", at, name);
                            answer(stream, at, kind, &content, &names).await;
                        }
                    }
                });
            }
        }
    };
    tokio::join!(
        each(http, "http", None),
        each(https, "http", Some(trusted.clone())),
        each(forging, "http", Some(forged)),
        each(banner, "banner", None),
        each(socks, "socks", None),
        each(socks_tls, "socks", Some(trusted)),
    );
}

fn acceptor(authority: Arc<TestAuthority>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AnyName { authority }));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn answer<S>(
    mut stream: S,
    at: IpAddr,
    kind: &'static str,
    content: &Content,
    names: &BTreeMap<String, IpAddr>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let events = &content.events;
    match kind {
        "http" => {
            let service = service_fn(|request| respond(request, at, content.clone()));
            let server = auto::Builder::new(TokioExecutor::new());
            // A client that breaks off is no matter here.
            let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
        }
        "banner" => {
            tell(events, "banner", at, "");
            let _ = stream.write_all(b"hello\n").await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
        _ => {
            let _ = proxy(stream, at, events, names).await;
        }
    }
}

/// A file, if there is one of that path; else tells what arrived, as JSON. `Upgrade: echo` gets a tunnel that echoes, `websocket`
/// messages back.
async fn respond(
    mut request: Request<Incoming>,
    at: IpAddr,
    content: Content,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let host = request.uri().authority().map(|authority| authority.to_string());
    let header = |name: &str| {
        let all = request.headers().get_all(name).iter();
        all.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect::<Vec<_>>()
    };
    let host = host.unwrap_or_else(|| header("host").join(","));
    tell(&content.events, "http", at, &host);
    let guarded = host.starts_with(GUARDED) && header("x-secret").is_empty();
    if let Some(protocol) = header("upgrade").first().filter(|_| !guarded) {
        let protocol = protocol.clone();
        let key = header("sec-websocket-key").concat();
        return Ok(switch(&mut request, protocol, &key));
    }
    let mut path = request.uri().path().to_owned();
    if path.ends_with('/') {
        path.push_str("index.html");
    }
    if let Some(file) = content.files.get(&path).cloned() {
        let mut response = Response::new(Full::from(file));
        if guarded {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            *response.body_mut() = Full::default();
        } else if path.ends_with(".html") {
            response.headers_mut().insert("content-type", "text/html".parse().expect("a value"));
        }
        return Ok(response);
    }
    let mut said = json!({
        "at": at.to_canonical().to_string(),
        "host": host,
        "version": format!("{:?}", request.version()),
        "secret": header("x-secret"),
        "authorization": header("authorization"),
        "path": request.uri().path(),
    });
    let body = request.into_body().collect().await.map(|body| body.to_bytes().len());
    said["body"] = json!(body.unwrap_or(0));
    Ok(Response::new(Full::from(format!("{said}\n"))))
}

/// Agrees to another protocol, `echo` or `websocket`, and speaks it.
fn switch(request: &mut Request<Incoming>, protocol: String, key: &str) -> Response<Full<Bytes>> {
    let upgrade = hyper::upgrade::on(&mut *request);
    let websocket = protocol == "websocket";
    tokio::spawn(async move {
        let Ok(stream) = upgrade.await else { return };
        let mut stream = TokioIo::new(stream);
        // A client that breaks off is no matter here.
        let _ = match websocket {
            true => frames(&mut stream).await,
            false => {
                let (mut reader, mut writer) = tokio::io::split(stream);
                tokio::io::copy(&mut reader, &mut writer).await.map(drop)
            }
        };
    });
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let mut set = |name: &'static str, value: &str| {
        response.headers_mut().insert(name, value.parse().expect("a value"));
    };
    set("upgrade", &protocol);
    set("connection", "upgrade");
    if websocket {
        set("sec-websocket-accept", &BASE64.encode(Sha1::digest(format!("{key}{WEBSOCKET}"))));
    }
    response
}

/// Sends small frames of a client back without their mask, its closing one as well, and is done then.
async fn frames(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> std::io::Result<()> {
    loop {
        let mut head = [0; 6];
        stream.read_exact(&mut head).await?;
        let (first, length) = (head[0], head[1] & 0x7f);
        assert!(head[1] & 0x80 != 0 && length < 126, "a small frame with a mask");
        let mut payload = vec![0; usize::from(length)];
        stream.read_exact(&mut payload).await?;
        for (byte, mask) in payload.iter_mut().zip(head[2..].iter().cycle()) {
            *byte ^= mask;
        }
        stream.write_all(&[&[first, length][..], &payload].concat()).await?;
        if first & 0x0f == 8 {
            return Ok(());
        }
    }
}

/// SOCKS5 with a user and a password (RFC 1928, RFC 1929); CONNECT only.
async fn proxy<S>(
    mut stream: S,
    at: IpAddr,
    events: &Events,
    names: &BTreeMap<String, IpAddr>,
) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    let mut methods = vec![0; usize::from(head[1])];
    stream.read_exact(&mut methods).await?;
    if !methods.contains(&2) {
        tell(events, "socks", at, "no credentials");
        return stream.write_all(&[5, 0xff]).await;
    }
    stream.write_all(&[5, 2]).await?;
    let field = async |stream: &mut S| -> std::io::Result<String> {
        let mut bytes = vec![0; usize::from(stream.read_u8().await?)];
        stream.read_exact(&mut bytes).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    stream.read_u8().await?;
    let (user, password) = (field(&mut stream).await?, field(&mut stream).await?);
    if (user.as_str(), password.as_str()) != CREDENTIALS {
        tell(events, "socks", at, "wrong credentials");
        return stream.write_all(&[1, 1]).await;
    }
    stream.write_all(&[1, 0]).await?;
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    let (target, host) = match request[3] {
        1 => {
            let mut ip = [0; 4];
            stream.read_exact(&mut ip).await?;
            let ip = IpAddr::from(ip);
            (Some(ip), ip.to_string())
        }
        3 => {
            let name = field(&mut stream).await?;
            (names.get(&name).copied(), name)
        }
        _ => {
            let mut ip = [0; 16];
            stream.read_exact(&mut ip).await?;
            let ip = IpAddr::from(ip);
            (Some(ip), ip.to_string())
        }
    };
    let port = stream.read_u16().await?;
    tell(events, "socks", at, format!("{host}:{port}"));
    let connected = match target {
        Some(ip) => TcpStream::connect(SocketAddr::new(ip, port)).await.ok(),
        None => None,
    };
    let Some(mut server) = connected else {
        return stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await;
    };
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    tokio::io::copy_bidirectional(&mut stream, &mut server).await.map(|_| ())
}
