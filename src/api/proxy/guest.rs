//! Connections to guests' servers: who listens, in plain or over TLS, as HTTP/1.1 or HTTP/2, and which connection is used again.
//!
//! A connection to a guest belongs to one port of one sandbox's life and to one client's connection, and is never handed to another
//! client: an answer that a guest's server, or a client that tricks it, leaves behind in it reaches nobody else. Used again are
//! only connections that have carried nothing but requests without bodies, whose ends no two servers see differently; those
//! with bodies get one of their own, and so does gRPC, whose HTTP/2 connection carries all of the client's calls at once.

use crate::api::machines::Machine;
use crate::api::pages::Failure;
use crate::{Error, Stream};
use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{Method, Response, header};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// A guest's listener takes a connection within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A guest's server has done its TLS handshake within this time: it may be slow.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// A program that was started this long ago has opened its port, or is none that opens one.
const STARTING: Duration = Duration::from_secs(10);

/// Bytes of the head of a guest's answer.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Headers of a guest's answer.
const HEADERS_MAX: usize = 128;

/// A connection between two requests is kept this long: servers with one thread have nobody else to serve meanwhile.
const KEPT: Duration = Duration::from_secs(2);

/// Connections that one client's connection keeps between requests.
const KEPT_MAX: usize = 8;

/// Bytes of one call's answer, and of all calls of an HTTP/2 connection to a guest, that wait for a slow client.
const STREAM_BYTES_MAX: u32 = 256 << 10;
const CONNECTION_BYTES_MAX: u32 = 1 << 20;

/// A ping to a guest's HTTP/2 server is answered within this time, asked this often while calls are in progress.
const PING: Duration = Duration::from_secs(30);

/// How to reach a port of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// 1 to 65535.
    pub(super) number: u16,
    /// Whether the server there speaks TLS.
    pub(super) tls: bool,
    /// HTTP/2 from the first byte (or by ALPN), or HTTP/1.1.
    pub(super) version2: bool,
}

/// A connection on which a request can be sent.
pub(super) enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Sender {
    /// Sends it.
    ///
    /// # Errors
    ///
    /// What went wrong on the connection, or in the request's own body.
    pub(super) async fn send(&mut self, request: Request) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender) => sender.is_closed(),
        }
    }
}

/// Connects to a guest's port.
///
/// # Errors
///
/// [`Failure`]: nobody listens there, too many connections, a handshake that fails.
pub(super) async fn connect(machine: &Machine, port: Port, host: &str) -> Result<Sender, Failure> {
    let stream = dial(machine, port.number).await?;
    if !port.tls {
        return speak(machine, stream, port.version2).await;
    }
    let connector = TlsConnector::from(if port.version2 { TLS_2.clone() } else { TLS_1.clone() });
    let shaken = connector.connect(server_name(host), stream);
    let shaken = tokio::time::timeout(HANDSHAKE_TIMEOUT, shaken).await;
    let Ok(Ok(stream)) = shaken else { return Err(Failure::BadAnswer) };
    speak(machine, stream, port.version2).await
}

/// What a client would ask for: the name without its port. An address, and what is no DNS name, is not sent (RFC 6066).
fn server_name(host: &str) -> ServerName<'static> {
    let name = host.parse::<Authority>().ok();
    let name = name.and_then(|name| ServerName::try_from(name.host().to_owned()).ok());
    name.unwrap_or_else(|| ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST)))
}

/// Begins HTTP on a connection, which then ends with its last request, or with the sandbox.
async fn speak<S>(machine: &Machine, stream: S, version2: bool) -> Result<Sender, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let gone = machine.gone.clone();
    let stream = TokioIo::new(stream);
    if version2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .initial_stream_window_size(STREAM_BYTES_MAX)
            .initial_connection_window_size(CONNECTION_BYTES_MAX)
            .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX));
        let (sender, connection) =
            builder.handshake(stream).await.map_err(|_| Failure::BadAnswer)?;
        tokio::spawn(async move {
            tokio::select! {
                _ = connection => {}
                () = gone.cancelled() => {}
            }
        });
        return Ok(Sender::Http2(sender));
    }
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let (sender, connection) = builder.handshake(stream).await.map_err(|_| Failure::BadAnswer)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = connection.with_upgrades() => {}
            () = gone.cancelled() => {}
        }
    });
    Ok(Sender::Http1(sender))
}

/// A connection to a guest's listener. E2B's own example asks a server's port right after starting the server, so a port that is
/// closed gets the time that a program needs to come up; that a client starts nothing is answered at once.
async fn dial(machine: &Machine, port: u16) -> Result<Stream, Failure> {
    if !machine.sandbox.listening(port) {
        let starting = machine.processes.just_started(STARTING).ok_or(Failure::PortClosed)?;
        tokio::select! {
            () = opened(machine, port) => {}
            () = starting.past(STARTING) => {}
            () = machine.gone.cancelled() => {}
        }
    }
    match tokio::time::timeout(CONNECT_TIMEOUT, machine.sandbox.connect(port)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if is_flooded(&error) => Err(Failure::TooManyConnections),
        Err(_) => Err(Failure::TooManyConnections),
        Ok(Err(_)) => Err(Failure::PortClosed),
    }
}

/// Whether a connect failed because there are too many connections, waiting or open.
fn is_flooded(error: &Error) -> bool {
    let Error::Host { source, .. } = error else { return false };
    let no_buffers = rustix::io::Errno::NOBUFS.raw_os_error();
    source.kind() == ErrorKind::TimedOut || source.raw_os_error() == Some(no_buffers)
}

/// Waits until a program of the sandbox listens on `port`, for ever if none does.
async fn opened(machine: &Machine, port: u16) {
    loop {
        let changed = machine.sandbox.listeners_changed();
        if machine.sandbox.listening(port) {
            return;
        }
        changed.await;
    }
}

/// Whether a connection that carries this request may carry another one: the request has no body, and asking twice is as good as
/// asking once (RFC 9110 section 9.2.2), in case the server closes a kept connection at the very moment it is used.
pub(super) fn is_repeatable(request: &Request) -> bool {
    let plain = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    plain
        && http_body::Body::is_end_stream(request.body())
        && !request.headers().contains_key(header::TRANSFER_ENCODING)
}

/// The connections to guests that one client's connection keeps between its requests.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    idle: Vec<Idle>,
    /// Whether somebody closes what was kept long enough.
    tidied: bool,
}

struct Idle {
    machine: Weak<Machine>,
    port: Port,
    sender: Sender,
    since: Instant,
}

impl Idle {
    fn leads_to(&self, machine: &Arc<Machine>, port: Port) -> bool {
        self.port == port && self.machine.as_ptr() == Arc::as_ptr(machine)
    }
}

impl Kept {
    /// A connection to this port of this sandbox that can take a request now.
    pub(super) async fn take(&self, machine: &Arc<Machine>, port: Port) -> Option<Sender> {
        loop {
            let found = self.find(machine, port)?;
            match found {
                Sender::Http1(mut sender) => {
                    // It is ready once the end of the last answer was the end of what the server sent.
                    let ready = tokio::time::timeout(KEPT, sender.ready()).await;
                    if matches!(ready, Ok(Ok(()))) {
                        return Some(Sender::Http1(sender));
                    }
                }
                shared @ Sender::Http2(_) => return Some(shared),
            }
        }
    }

    fn find(&self, machine: &Arc<Machine>, port: Port) -> Option<Sender> {
        let idle = &mut self.0.lock().idle;
        idle.retain(|one| !one.sender.is_closed() && one.machine.strong_count() > 0);
        let index = idle.iter().rposition(|one| one.leads_to(machine, port))?;
        if let Sender::Http2(sender) = &idle[index].sender {
            let sender = sender.clone();
            idle[index].since = Instant::now();
            return Some(Sender::Http2(sender));
        }
        Some(idle.swap_remove(index).sender)
    }

    /// Keeps a connection for the next request, for a while.
    pub(super) fn put(self: &Arc<Self>, machine: &Arc<Machine>, port: Port, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut shelf = self.0.lock();
        if port.version2 {
            // The one that this is a handle of, or one that a call in between has replaced.
            shelf.idle.retain(|one| !one.leads_to(machine, port));
        }
        if shelf.idle.len() >= KEPT_MAX {
            shelf.idle.remove(0);
        }
        let (machine, since) = (Arc::downgrade(machine), Instant::now());
        shelf.idle.push(Idle { machine, port, sender, since });
        if !std::mem::replace(&mut shelf.tidied, true) {
            tokio::spawn(tidy(Arc::downgrade(self)));
        }
    }

    /// Drops what was kept long enough; whether somebody must look again.
    fn drop_old(&self) -> bool {
        let mut shelf = self.0.lock();
        shelf.idle.retain(|one| one.since.elapsed() < KEPT && !one.sender.is_closed());
        shelf.tidied = !shelf.idle.is_empty();
        shelf.tidied
    }
}

/// Closes kept connections in time, for as long as there are any.
async fn tidy(kept: Weak<Kept>) {
    loop {
        tokio::time::sleep(KEPT).await;
        if !kept.upgrade().is_some_and(|kept| kept.drop_old()) {
            return;
        }
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("idle", &self.0.lock().idle.len()).finish()
    }
}

/// TLS to a guest for HTTP/1.1, and for HTTP/2.
static TLS_1: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| to_guests(b"http/1.1"));
static TLS_2: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| to_guests(b"h2"));

/// TLS without a look at the certificate: the way to a guest is memory of this process, nobody else can be at its end.
fn to_guests(protocol: &[u8]) -> Arc<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Anybody(provider.clone()));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    // Nothing of one sandbox is remembered for another one.
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// Takes any certificate.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
