//! The listening side: one port for HTTP/1.1, HTTP/2 and TLS, told apart by the first bytes of a connection (`sniff`); limits on
//! what a connection may cost; draining.
//!
//! `axum::serve` is not used: it sets no timers, so a client that sends half a header would stay for ever. Every connection
//! holds a place (see `admission`), handed on to the tunnel that an upgrade makes of it.

#![expect(clippy::disallowed_methods, reason = "it listens, and makes the data directory")]

use super::admission::Admission;
use super::framing::Along;
use super::host::Domain;
use super::idle::{Answering, Calls};
use super::sniff::{First, sniff};
use super::stall::Impatient;
use super::through::Through;
use super::tls::{self, Tls};
use super::{Api, KeyFile, Options, Peer, TeamLimits, build, environment, keys};
use crate::vnet::Visit;
use crate::{Error, Runtime};
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use ipnet::IpNet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// A new connection sends its first byte, and finishes a TLS handshake, within this time each.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A request's head arrives within this time; a connection between requests may idle as long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection over HTTP/2 on which nothing is asked for this long is ended (E2B's idle timeout).
const IDLE_TIMEOUT: Duration = Duration::from_secs(620);

/// A client that takes nothing of what is sent to it for this long is left.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of a request's head, HTTP/1.1 and HTTP/2.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Headers of an HTTP/1.1 request.
const HEADERS_MAX: usize = 128;

/// HTTP/2 streams of one connection: the JavaScript SDK keeps up to 200 RPCs on one.
const STREAMS_MAX: u32 = 256;

/// HTTP/2 streams that a client resets before they are served; the answer to rapid resets.
const RESETS_MAX: usize = 64;

/// Bytes that wait for one slow HTTP/2 reader.
const SEND_BYTES_MAX: usize = 64 << 10;

/// A connection over HTTP/2 answers a ping within this time, asked this often.
const PING: Duration = Duration::from_secs(30);

/// A wait after an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Requests in progress at the stop have this long; then their sandboxes are gone for them, and they have [`LAST_WORDS`].
const DRAIN: Duration = Duration::from_secs(5);

/// The time to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The name under which sandboxes are reached, with the port that clients use. `None`: `isolet.localhost:PORT`.
    pub domain: Option<String>,
    /// Where the API key and the certificate authority are kept.
    pub data_dir: PathBuf,
    /// API keys; each is a team. Empty: one is made at first start and kept in `data_dir/api-key`. Those of the
    /// [`KeyFile`](super::KeyFile) of `data_dir` work as well.
    pub api_keys: Vec<String>,
    /// What each team may ask for.
    pub team_limits: TeamLimits,
    /// Whether the control plane has `/metrics`, for Prometheus, without a key.
    pub metrics: bool,
    /// Reverse proxies in front of this server: what they say of their own clients' addresses is passed on to guests.
    pub trusted_proxies: Vec<IpNet>,
    /// Certificate chain and key, PEM files. `None`: a certificate of our own authority.
    pub tls_files: Option<(PathBuf, PathBuf)>,
}

impl ServeOptions {
    /// The defaults, on this address and with this directory.
    pub fn new(listen: SocketAddr, data_dir: PathBuf) -> Self {
        Self {
            listen,
            domain: None,
            data_dir,
            api_keys: Vec::new(),
            team_limits: TeamLimits::default(),
            metrics: false,
            trusted_proxies: Vec::new(),
            tls_files: None,
        }
    }
}

/// What a server is known by: domain, keys, certificate. Made at first start, read after that.
pub struct Identity {
    pub(crate) domain: Domain,
    pub(crate) api_keys: Vec<String>,
    pub(crate) tls: Tls,
}

impl Identity {
    /// The identity of a server with these options that listens on `address`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an option out of its range, [`Error::Host`] for files that can be neither read nor made.
    pub fn open(options: &ServeOptions, address: SocketAddr) -> Result<Self, Error> {
        let shown = match &options.domain {
            Some(domain) => domain.clone(),
            None => format!("isolet.localhost:{}", address.port()),
        };
        let domain = Domain::new(&shown).ok_or_else(|| Error::Invalid {
            field: "domain",
            problem: format!(
                "{shown:?} is no DNS name of at most 180 characters with an optional port"
            ),
        })?;
        let failed =
            |source| Error::Host { action: options.data_dir.display().to_string(), source };
        make_private_dir(&options.data_dir).map_err(failed)?;
        let mut api_keys = options.api_keys.clone();
        if api_keys.iter().any(String::is_empty) {
            let problem = "an API key must not be empty".into();
            return Err(Error::Invalid { field: "api-key", problem });
        }
        if api_keys.is_empty() {
            api_keys.push(keys::stored_api_key(&options.data_dir)?);
        }
        let tls = match &options.tls_files {
            Some((certificate, key)) => tls::from_files(certificate, key)?,
            None => tls::local(&options.data_dir, &domain, address.ip())?,
        };
        Ok(Self { domain, api_keys, tls })
    }
}

/// Descriptors that this process may have open.
fn descriptors() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Makes a directory that only we can read, if it is missing.
fn make_private_dir(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    identity: Identity,
    trusted_proxies: Vec<IpNet>,
    visits: Option<mpsc::Receiver<Visit>>,
    api: Api,
    router: Router,
}

impl Server {
    /// Takes the port and readies keys and certificates.
    ///
    /// # Errors
    ///
    /// [`Error::Host`] if the address cannot be had; otherwise as [`Identity::open`].
    pub async fn bind(runtime: Runtime, options: &ServeOptions) -> Result<Self, Error> {
        let failed =
            |source| Error::Host { action: format!("listening on {}", options.listen), source };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let identity = Identity::open(options, address)?;
        let api_options = Options {
            domain: identity.domain.shown().to_owned(),
            api_keys: identity.api_keys.clone(),
            key_file: Some(KeyFile::new(&options.data_dir)),
            team_limits: options.team_limits.clone(),
            metrics: options.metrics,
        };
        let visits = runtime.open_doorway(identity.domain.name(), identity.domain.ports());
        let (api, router) = build(runtime, api_options)?;
        let trusted_proxies = options.trusted_proxies.clone();
        Ok(Self { listener, address, identity, trusted_proxies, visits, api, router })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `export` lines that point the SDKs here.
    pub fn environment(&self) -> String {
        environment::exports(&self.identity, self.address)
    }

    /// What to do if this system does not resolve the names of sandboxes; `None` if it does.
    pub fn resolver_hint(&self) -> impl Future<Output = Option<String>> + Send + use<> {
        let domain = self.identity.domain.name().to_owned();
        async move { environment::resolver_hint(&domain).await }
    }

    /// Answers until `stop` completes, then lets requests in progress finish, for a few seconds. The sandboxes are left alone.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let connections = Connections {
            router: self.router,
            acceptor: TlsAcceptor::from(self.identity.tls.config),
            draining: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let admission = Admission::new(descriptors());
        let guests = Admission::of_guests();
        let mut visits = self.visits.take();
        let receive = async {
            while let Some(visit) = next(&mut visits).await {
                let place = guests.admit(guests.seat().await, None).map(Arc::new);
                let peer = Peer {
                    address: Some(visit.from),
                    place,
                    visit: Some(visit.pass),
                    ..Peer::default()
                };
                connections.start(visit.stream, peer);
            }
        };
        let accept = async {
            loop {
                let seat = admission.seat().await;
                match self.listener.accept().await {
                    Ok((stream, address)) => {
                        let ip = address.ip().to_canonical();
                        let trusted = self.trusted_proxies.iter().any(|net| net.contains(&ip));
                        let Some(place) = admission.admit(seat, (!trusted).then_some(ip)) else {
                            tracing::debug!(%address, "a client has too many connections");
                            continue;
                        };
                        // Small frames of a stream go out at once.
                        if let Err(error) = stream.set_nodelay(true) {
                            tracing::debug!(%error, "a connection was gone at once");
                            continue;
                        }
                        let place = Some(Arc::new(place));
                        let peer =
                            Peer { address: Some(address), trusted, place, ..Peer::default() };
                        connections.start(stream, peer);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accept => {}
            () = receive => {}
            () = stop => {}
        }
        drop(self.listener);
        connections.draining.cancel();
        connections.tasks.close();
        if tokio::time::timeout(DRAIN, connections.tasks.wait()).await.is_err() {
            for machine in self.api.machines.all() {
                machine.gone.cancel();
            }
            if tokio::time::timeout(LAST_WORDS, connections.tasks.wait()).await.is_err() {
                tracing::info!(left = connections.tasks.len(), "connections were cut off");
            }
        }
    }
}

/// Serves the API of `runtime` until `stop` completes, as [`Server::run`]; `ready` is called once it listens.
///
/// # Errors
///
/// As [`Server::bind`].
pub async fn serve(
    runtime: Runtime,
    options: &ServeOptions,
    ready: impl FnOnce(&Server),
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let server = Server::bind(runtime, options).await?;
    ready(&server);
    server.run(stop).await;
    Ok(())
}

/// The next guest that visits; none ever, if others take them.
async fn next(visits: &mut Option<mpsc::Receiver<Visit>>) -> Option<Visit> {
    match visits {
        Some(visits) => visits.recv().await,
        None => std::future::pending().await,
    }
}

struct Connections {
    router: Router,
    acceptor: TlsAcceptor,
    draining: CancellationToken,
    tasks: TaskTracker,
}

impl Connections {
    /// Serves one connection in a task of its own.
    fn start<S>(&self, stream: S, mut peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (router, acceptor) = (self.router.clone(), self.acceptor.clone());
        let draining = self.draining.clone();
        peer.kept = Some(Arc::default());
        self.tasks.spawn(async move {
            let address = peer.address;
            let served = async {
                let sniffed = tokio::time::timeout(HANDSHAKE_TIMEOUT, sniff(stream)).await??;
                let (stream, first) = (Impatient::new(sniffed.0, WRITE_TIMEOUT), sniffed.1);
                match first {
                    First::Nothing => Ok(()),
                    First::Http1 => converse(stream, false, peer, router, draining).await,
                    First::Http2 => converse(stream, true, peer, router, draining).await,
                    First::Tls => {
                        peer.tls = true;
                        let shaken = acceptor.accept(stream);
                        let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, shaken).await??;
                        let version2 = stream.get_ref().1.alpn_protocol() == Some(tls::HTTP_2);
                        converse(stream, version2, peer, router, draining).await
                    }
                }
            };
            if let Err(error) = served.await {
                tracing::debug!(?address, error, "a connection broke off");
            }
        });
    }
}

type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

/// Speaks HTTP with one client until it leaves or the server drains: HTTP/2 if ALPN agreed on it or the client began with it, else HTTP/1.1.
async fn converse<S>(
    stream: S,
    version2: bool,
    peer: Peer,
    router: Router,
    draining: CancellationToken,
) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let calls = version2.then(Arc::<Calls>::default);
    let counted = calls.clone();
    let tunnel = Arc::<AtomicBool>::default();
    let switched = tunnel.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        let call = counted.as_ref().map(|calls| Arc::new(calls.begin()));
        request.extensions_mut().insert(Peer { call: call.clone(), ..peer.clone() });
        let answer = router.clone().oneshot(request);
        let switched = switched.clone();
        async move {
            let answer = answer.await?;
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                switched.store(true, Ordering::Relaxed);
            }
            Ok::<_, Infallible>(match call {
                Some(call) => answer.map(|body| Body::new(Answering::new(body, call))),
                None => answer,
            })
        }
    });
    if let Some(calls) = calls {
        let stream = TokioIo::new(stream);
        let mut connection = std::pin::pin!(version_2().serve_connection(stream, service));
        tokio::select! {
            served = connection.as_mut() => return Ok(served?),
            () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
            () = calls.rested(IDLE_TIMEOUT) => connection.as_mut().graceful_shutdown(),
        }
        return Ok(connection.await?);
    }
    let stream = TokioIo::new(Through::new(stream, Along::until(tunnel)));
    let mut connection =
        std::pin::pin!(version_1().serve_connection(stream, service).with_upgrades());
    tokio::select! {
        served = connection.as_mut() => return Ok(served?),
        () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}

fn version_1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
}

fn version_2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_send_buf_size(SEND_BYTES_MAX)
        .enable_connect_protocol();
    builder
}
