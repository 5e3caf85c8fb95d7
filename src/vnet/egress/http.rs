//! HTTP between a guest and the one server its connection goes to: each request's host is looked at before it leaves, and the
//! host's header rule is applied. HTTP/1.1 and HTTP/2, bodies and upgrades streamed.
//!
//! A request is made anew from what hyper understood of it, so nothing can be hidden between two readings. It is not a cache,
//! follows nothing, and knows no other server.

use super::flow::Flow;
use super::log::NetVerdict;
use super::{Grant, name};
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1 as client1, http2 as client2};
use hyper::server::conn::{http1 as server1, http2 as server2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;

/// A request's head is at most this long, and has at most so many headers.
const HEAD_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 200;
/// Requests at a time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;

type Body = Either<Incoming, Full<Bytes>>;

/// What a connection's requests are held against.
pub(super) struct Site {
    flow: Arc<Flow>,
    /// The server name, where the server has proved by TLS to be it.
    proved: Option<String>,
    /// The name that a proxy was given, which alone resolves it.
    sent: Option<String>,
}

/// Why a request does not leave.
struct Refused(StatusCode, &'static str);

impl Site {
    pub(super) fn new(flow: Arc<Flow>, proved: Option<String>, sent: Option<String>) -> Self {
        Self { flow, proved, sent }
    }

    /// Looks at a request, and sets what its host's rule says.
    fn admit<B>(&self, request: &mut Request<B>) -> Result<(), Refused> {
        let host = host_of(request)?;
        let name = name::strict(host.as_bytes());
        if let Some(proved) = &self.proved
            && name.as_ref() != Some(proved)
        {
            return Err(Refused(StatusCode::MISDIRECTED_REQUEST, "not the host that TLS named"));
        }
        if let Some(sent) = &self.sent
            && name.as_ref() != Some(sent)
        {
            return Err(Refused(
                StatusCode::MISDIRECTED_REQUEST,
                "not the host of this connection",
            ));
        }
        let (net, to) = (self.flow.net(), self.flow.to());
        let egress = net.egress();
        // The address was a lookup's answer for this very name, or the name itself was sent.
        let bound = |name: &String| self.sent.is_some() || net.names.holds(to.ip(), name);
        if self.flow.grant() == Grant::Names {
            let allowed = name.as_ref().is_some_and(|name| egress.allows_name(name) && bound(name));
            if !allowed {
                return Err(Refused(StatusCode::FORBIDDEN, "this host is not allowed"));
            }
        }
        if let Some(name) = &name {
            self.flow.say(name).map_err(|reason| Refused(StatusCode::FORBIDDEN, reason))?;
        }
        let Some((name, rule)) =
            name.as_ref().and_then(|name| Some((name, egress.rule_for(name)?)))
        else {
            return Ok(());
        };
        if rule.is_empty() {
            return Ok(());
        }
        if self.proved.is_none() && !bound(name) {
            // Else a guest could name the host to a server of its own, and read the secret there.
            return Err(Refused(
                StatusCode::FORBIDDEN,
                "this address was not looked up for this host",
            ));
        }
        if request.method() == Method::TRACE {
            return Err(Refused(
                StatusCode::METHOD_NOT_ALLOWED,
                "TRACE would show the headers that are set",
            ));
        }
        rule.apply(request.headers_mut());
        Ok(())
    }

    /// The answer for a request that does not leave.
    fn refuse(&self, refused: &Refused) -> Response<Body> {
        self.flow.record().turn(NetVerdict::Denied, refused.1);
        answer(refused.0, refused.1)
    }
}

fn answer(status: StatusCode, text: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(format!("isolet: {text}\n")));
    let mut response = Response::new(Either::Right(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// The one host that a request names, without its port.
fn host_of<B>(request: &Request<B>) -> Result<String, Refused> {
    let wrong = || Refused(StatusCode::BAD_REQUEST, "a request must name one host");
    let mut named: Option<String> =
        request.uri().authority().map(|authority| authority.host().to_ascii_lowercase());
    for header in request.headers().get_all(HOST) {
        let authority = header.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
        let authority = authority.filter(|authority| !authority.as_str().contains('@'));
        let host = authority.ok_or_else(wrong)?.host().to_ascii_lowercase();
        if named.replace(host.clone()).is_some_and(|other| other != host) {
            return Err(wrong());
        }
    }
    if request.headers().get_all(HOST).iter().count() > 1 {
        return Err(wrong());
    }
    named.ok_or_else(wrong)
}

/// Takes out what belongs to one connection (RFC 9110 section 7.6.1), but for an upgrade that is asked for or granted.
fn end_to_end(headers: &mut HeaderMap, upgrade: bool) {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(|name| !(upgrade && *name == UPGRADE))
        .collect();
    for name in listed {
        // Nobody lists away what a request is held to, or where a message ends.
        if ![HOST, CONTENT_LENGTH].contains(&name) {
            headers.remove(name);
        }
    }
    let trailers =
        headers.get(TE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    for name in [CONNECTION, TE, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate"] {
        headers.remove(name);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    } else {
        headers.remove(UPGRADE);
    }
}

/// Whether a request asks for another protocol. Another version of HTTP is none: what a guest sends inside it would not be
/// looked at (RFC 9113 has dropped that upgrade).
fn upgrades(headers: &HeaderMap) -> bool {
    let values = headers.get_all(UPGRADE).iter();
    let mut asked = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let http = |one: &[u8]| {
        let name = one.trim_ascii().to_ascii_lowercase();
        name == b"h2c" || name.starts_with(b"http/")
    };
    headers.contains_key(UPGRADE) && !asked.any(http)
}

/// Makes of a request what is sent on. What ends here goes first: else a guest could list a header that a rule sets in its own `Connection`.
fn prepare<B>(site: &Site, request: &mut Request<B>, version2: bool) -> Result<(), Refused> {
    let upgrade = !version2 && upgrades(request.headers());
    end_to_end(request.headers_mut(), upgrade);
    site.admit(request)?;
    address(request, version2)
}

/// HTTP/1 gets the path alone, and the host as its header.
fn address<B>(request: &mut Request<B>, version2: bool) -> Result<(), Refused> {
    if version2 {
        *request.version_mut() = Version::HTTP_2;
        return Ok(());
    }
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str());
        let host =
            host.map_err(|_| Refused(StatusCode::BAD_REQUEST, "a request must name one host"))?;
        request.headers_mut().insert(HOST, host);
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    }
    Ok(())
}

/// Carries one connection's requests until either side has ended it.
pub(super) async fn serve<G, U>(guest: G, upstream: U, version2: bool, site: Site)
where
    G: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    U: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (guest, upstream) = (TokioIo::new(guest), TokioIo::new(upstream));
    let site = Arc::new(site);
    if version2 {
        serve2(guest, upstream, site).await;
    } else {
        serve1(guest, upstream, site).await;
    }
}

async fn serve1<G, U>(guest: TokioIo<G>, upstream: TokioIo<U>, site: Arc<Site>)
where
    G: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    U: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut client = client1::Builder::new();
    client.preserve_header_case(true).max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let Ok((sender, connection)) = client.handshake(upstream).await else { return };
    // One at a time on either side: hyper's server asks for the next request when the last one is answered.
    let sender = Arc::new(Mutex::new(sender));
    let service = service_fn(|request: Request<Incoming>| {
        let (site, sender) = (site.clone(), sender.clone());
        async move { Ok::<_, Infallible>(exchange1(&site, &sender, request).await) }
    });
    let mut server = server1::Builder::new();
    server.preserve_header_case(true).max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let serving = server.serve_connection(guest, service).with_upgrades();
    let down = site.flow.net().down.clone();
    // It ends when the guest's side has dropped the sender. How it ended shows in the answers that are missing.
    tokio::spawn(
        async move { down.run_until_cancelled(connection.with_upgrades()).await.is_some() },
    );
    let _ = serving.await;
}

async fn exchange1(
    site: &Site,
    sender: &Mutex<client1::SendRequest<Incoming>>,
    mut request: Request<Incoming>,
) -> Response<Body> {
    if let Err(refused) = prepare(site, &mut request, false) {
        return site.refuse(&refused);
    }
    let upgrade = request.headers().contains_key(UPGRADE);
    let from_guest = upgrade.then(|| hyper::upgrade::on(&mut request));
    let sent = {
        let mut sender = sender.lock().await;
        match sender.ready().await {
            Ok(()) => sender.send_request(request).await,
            Err(error) => Err(error),
        }
    };
    let Ok(mut response) = sent else {
        site.flow.record().turn(NetVerdict::Failed, "the server broke off");
        let mut gone = answer(StatusCode::BAD_GATEWAY, "the server broke off");
        gone.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return gone;
    };
    let granted = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    end_to_end(response.headers_mut(), granted);
    if let (true, Some(from_guest)) = (granted, from_guest) {
        let from_server = hyper::upgrade::on(&mut response);
        let down = site.flow.net().down.clone();
        tokio::spawn(async move {
            let tunnel = async {
                let (Ok(guest), Ok(server)) = (from_guest.await, from_server.await) else { return };
                let (mut guest, mut server) = (TokioIo::new(guest), TokioIo::new(server));
                // Either side may break off: that is the end of it.
                let _ = tokio::io::copy_bidirectional(&mut guest, &mut server).await;
            };
            down.run_until_cancelled(tunnel).await;
        });
    }
    response.map(Either::Left)
}

async fn serve2<G, U>(guest: TokioIo<G>, upstream: TokioIo<U>, site: Arc<Site>)
where
    G: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    U: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut client = client2::Builder::new(TokioExecutor::new());
    client.max_header_list_size(HEAD_BYTES_MAX as u32);
    let Ok((sender, connection)) = client.handshake(upstream).await else { return };
    let service = service_fn(|mut request: Request<Incoming>| {
        let (site, mut sender) = (site.clone(), sender.clone());
        async move {
            if let Err(refused) = prepare(&site, &mut request, true) {
                return Ok::<_, Infallible>(site.refuse(&refused));
            }
            Ok(match sender.send_request(request).await {
                Ok(mut response) => {
                    end_to_end(response.headers_mut(), false);
                    response.map(Either::Left)
                }
                Err(_) => {
                    site.flow.record().turn(NetVerdict::Failed, "the server broke off");
                    answer(StatusCode::BAD_GATEWAY, "the server broke off")
                }
            })
        }
    });
    let mut server = server2::Builder::new(TokioExecutor::new());
    server.max_concurrent_streams(STREAMS_MAX).max_header_list_size(HEAD_BYTES_MAX as u32);
    let serving = server.serve_connection(guest, service);
    let down = site.flow.net().down.clone();
    tokio::spawn(async move { down.run_until_cancelled(connection).await.is_some() });
    let _ = serving.await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vnet::egress::{Egress, Gate, Owner};
    use crate::vnet::{Net, resolver::Resolver};

    fn request(uri: &str, hosts: &[&str]) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_request_names_one_host() {
        for (uri, hosts, host) in [
            ("/", &["A.example"][..], Some("a.example")),
            ("/", &["a.example:8080"], Some("a.example")),
            ("http://a.example/", &["a.example"], Some("a.example")),
            ("http://a.example/", &[], Some("a.example")),
            ("http://a.example/", &["b.example"], None),
            ("/", &["a.example", "a.example"], None),
            ("/", &["x@a.example"], None),
            ("/", &["a.example/b"], None),
            ("/", &[""], None),
            ("/", &[], None),
        ] {
            let found = host_of(&request(uri, hosts)).ok();
            assert_eq!(found.as_deref(), host, "{uri} {hosts:?}");
        }
    }

    /// A connection to `a.example`, proved by TLS, whose rule sets these headers.
    fn site(headers: &[(&str, &str)]) -> Site {
        let egress = Egress::internet().rule("a.example", headers.iter().copied()).unwrap();
        let limits = crate::config::Limits::default();
        let net = Net::new(egress, Resolver::new(), Gate::default(), &limits, "");
        let to = "1.1.1.1:443".parse().unwrap();
        let flow = Flow::open(&net, to, Owner::default()).unwrap();
        Site::new(flow, Some("a.example".to_owned()), None)
    }

    #[tokio::test]
    async fn no_guest_lists_away_what_a_rule_sets() {
        let site = site(&[("X-Tenant", "guest"), ("Authorization", "secret")]);
        for version2 in [false, true] {
            let mut request = request("http://a.example/", &["a.example"]);
            for (name, value) in [
                ("connection", "X-Tenant, authorization"),
                ("x-tenant", "root"),
                ("authorization", "own"),
            ] {
                request.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            assert!(prepare(&site, &mut request, version2).is_ok());
            for (name, value) in [("x-tenant", "guest"), ("authorization", "secret")] {
                let all: Vec<_> = request.headers().get_all(name).iter().collect();
                assert_eq!(all, [value], "{name}");
            }
        }
    }

    #[tokio::test]
    async fn no_other_version_of_http_is_asked_for() {
        for (asked, passes) in
            [("websocket", true), ("h2c", false), ("echo, H2C", false), ("HTTP/2.0", false)]
        {
            let mut request = request("/", &["a.example"]);
            for (name, value) in [
                ("connection", "Upgrade, HTTP2-Settings"),
                ("upgrade", asked),
                ("http2-settings", "x"),
            ] {
                request.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            assert!(prepare(&site(&[]), &mut request, false).is_ok());
            assert_eq!(request.headers().contains_key(UPGRADE), passes, "{asked}");
            assert!(!request.headers().contains_key("http2-settings"), "{asked}");
        }
    }

    #[tokio::test]
    async fn what_belongs_to_the_connection_stays_there() {
        let mut request = request("http://a.example/b?c", &["a.example"]);
        for (name, value) in [
            ("connection", "close, X-Gone, Upgrade, Host, Content-Length"),
            ("content-length", "0"),
            ("x-gone", "1"),
            ("keep-alive", "1"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("x-kept", "1"),
        ] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        assert!(prepare(&site(&[]), &mut request, false).is_ok());
        assert_eq!(request.uri(), "/b?c");
        let mut left: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["connection", "content-length", "host", "te", "upgrade", "x-kept"]);
        assert_eq!(request.headers()["connection"], "upgrade");
    }
}
