//! The router to guest ports: one request in, one fresh connection to the guest's listener, one answer back.
//!
//! Connections to guests are never reused, so an answer that a guest forges into its stream reaches nobody else. Requests and
//! answers are parsed by hyper on both sides and written anew; hop-by-hop headers, our tokens and forged `X-Forwarded-*`
//! never pass. Bodies stream both ways with back-pressure; after `101 Switching Protocols` bytes pass untouched.

use super::host::host;
use super::machines::Machine;
use super::pages::Failure;
use super::{Peer, envd};
use crate::Stream;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional;

/// A guest's listener takes a connection within this time or counts as closed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A program that was started this long ago has opened its port, or is none that opens one.
const STARTING: Duration = Duration::from_secs(10);

/// A guest's server begins its answer within this time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// Bytes of the head of a guest's answer.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Headers of a guest's answer.
const HEADERS_MAX: usize = 128;

/// The header with a sandbox's traffic token.
const TRAFFIC_TOKEN: &str = "e2b-traffic-access-token";

/// Headers that are ours and no guest sees.
const OURS: [&str; 5] =
    [envd::TOKEN_HEADER, TRAFFIC_TOKEN, "x-api-key", "e2b-sandbox-id", "e2b-sandbox-port"];

/// What a client may not say about where it comes from.
const FORWARDED: [&str; 7] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-real-ip",
];

/// Headers that end at the next hop (RFC 9110 section 7.6.1), and `Expect`, which we answer ourselves.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

/// Connects to a guest's port. E2B's own example asks a server's port right after starting the server, so a port that is
/// closed gets the time that a program needs to come up; that a client starts nothing is answered at once.
async fn connect(machine: &Machine, port: u16) -> Option<Stream> {
    if !machine.sandbox.listening(port) {
        let starting = machine.processes.just_started(STARTING)?;
        tokio::select! {
            () = opened(machine, port) => {}
            () = starting.past(STARTING) => {}
            () = machine.gone.cancelled() => {}
        }
    }
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, machine.sandbox.connect(port)).await;
    stream.ok()?.ok()
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

/// Passes a request to a port of a sandbox.
pub(crate) async fn handle(
    machine: &Arc<Machine>,
    port: u16,
    peer: Peer,
    mut request: Request,
) -> Response {
    let id = machine.sandbox.id();
    let asked = request.headers().clone();
    let failed = |failure: Failure| failure.response(&asked, id, port);
    if let Err(failure) = admit(machine, request.headers()) {
        return failed(failure);
    }
    if request.method() == Method::CONNECT {
        return (StatusCode::METHOD_NOT_ALLOWED, "CONNECT is not supported\n").into_response();
    }
    let upgrade = upgrade_protocol(&request);
    let client = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    let Ok(request) = rewrite(request, &peer, upgrade.as_ref()) else {
        return (StatusCode::BAD_REQUEST, "invalid request\n").into_response();
    };
    let Some(stream) = connect(machine, port).await else { return failed(Failure::PortClosed) };
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let Ok((mut sender, connection)) = builder.handshake(TokioIo::new(stream)).await else {
        return failed(Failure::BadAnswer);
    };
    // Ends with the exchange, or with the sandbox.
    let gone = machine.gone.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = connection.with_upgrades() => {}
            () = gone.cancelled() => {}
        }
    });
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, sender.send_request(request)).await;
    let Ok(Ok(mut answer)) = answer else {
        let gone = machine.gone.is_cancelled();
        return failed(if gone { Failure::SandboxNotFound } else { Failure::BadAnswer });
    };
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        strip_hop_by_hop(answer.headers_mut());
        *answer.version_mut() = Version::default();
        return answer.map(Body::new);
    }
    let (Some(client), Some(protocol)) = (client, upgrade) else {
        return failed(Failure::BadAnswer);
    };
    let guest = hyper::upgrade::on(&mut answer);
    tunnel(machine, peer, client, guest);
    let (mut parts, _) = answer.into_parts();
    let agreed = parts.headers.get(header::UPGRADE).cloned().unwrap_or(protocol);
    strip_hop_by_hop(&mut parts.headers);
    parts.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    parts.headers.insert(header::UPGRADE, agreed);
    Response::from_parts(parts, Body::empty())
}

/// Whether the request may reach the sandbox's ports.
fn admit(machine: &Machine, headers: &HeaderMap) -> Result<(), Failure> {
    let Some(token) = &machine.traffic_token else { return Ok(()) };
    let mut given = headers.get_all(TRAFFIC_TOKEN).iter();
    match (given.next(), given.next()) {
        (None, _) => Err(Failure::TokenMissing),
        (Some(given), None) if token.matches(given.as_bytes()) => Ok(()),
        _ => Err(Failure::TokenInvalid),
    }
}

/// The protocol that an HTTP/1.1 request wants to switch to.
fn upgrade_protocol(request: &Request) -> Option<HeaderValue> {
    let wanted =
        connection_options(request.headers()).any(|option| option.eq_ignore_ascii_case("upgrade"));
    let protocol = request.headers().get(header::UPGRADE)?;
    (wanted && request.version() == Version::HTTP_11).then(|| protocol.clone())
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::CONNECTION).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// Removes the headers that end here, and those that `Connection` names.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> =
        connection_options(headers).filter_map(|name| name.parse().ok()).collect();
    for name in named {
        // A Connection header cannot take away what makes the message what it is.
        if name != header::HOST && name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The request as the guest sees it.
fn rewrite(
    request: Request,
    peer: &Peer,
    upgrade: Option<&HeaderValue>,
) -> Result<Request, http::Error> {
    let (mut parts, body) = request.into_parts();
    // The whole authority, port and all, is what the guest's server sees as its own name.
    let authority = match parts.headers.get(header::HOST) {
        Some(host) => host.clone(),
        None => {
            HeaderValue::try_from(parts.uri.authority().map_or("", |authority| authority.as_str()))?
        }
    };
    debug_assert!(host(&parts.uri, &parts.headers).is_ok(), "dispatch has checked it");
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = Uri::try_from(path)?;
    parts.version = Version::HTTP_11;
    strip_hop_by_hop(&mut parts.headers);
    for name in OURS.iter().chain(&FORWARDED) {
        parts.headers.remove(*name);
    }
    if let Some(address) = peer.address {
        parts.headers.insert("x-forwarded-for", HeaderValue::try_from(address.ip().to_string())?);
    }
    let scheme = if peer.tls { "https" } else { "http" };
    parts.headers.insert("x-forwarded-proto", HeaderValue::from_static(scheme));
    parts.headers.insert("x-forwarded-host", authority.clone());
    parts.headers.insert(header::HOST, authority);
    match upgrade {
        Some(protocol) => {
            parts.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(header::UPGRADE, protocol.clone());
        }
        None => {
            parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
    parts.extensions.clear();
    Ok(Request::from_parts(parts, body))
}

/// Joins the two sides of an upgraded connection until one closes or the sandbox ends. It counts as the client's connection.
fn tunnel(machine: &Arc<Machine>, peer: Peer, client: OnUpgrade, guest: OnUpgrade) {
    let gone = machine.gone.clone();
    tokio::spawn(async move {
        let _counted = peer.place;
        let join = async {
            let (client, guest) = tokio::try_join!(client, guest)?;
            let (mut client, mut guest) = (TokioIo::new(client), TokioIo::new(guest));
            copy_bidirectional(&mut client, &mut guest).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        };
        tokio::select! {
            joined = join => {
                if let Err(error) = joined {
                    tracing::debug!(%error, "a tunnel broke off");
                }
            }
            () = gone.cancelled() => {}
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&'static str, &'static str)]) -> Request {
        let mut request =
            Request::builder().uri("http://3000-a.b:8080/x?y=1").body(Body::empty()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    fn peer() -> Peer {
        Peer { address: Some("192.0.2.7:5".parse().unwrap()), tls: true, place: None }
    }

    #[test]
    fn guests_see_no_tokens_and_no_forged_origins() {
        let mut headers = vec![
            ("authorization", "Bearer guest"),
            ("cookie", "a=b"),
            ("connection", "close, X-Secret"),
        ];
        headers.extend([
            ("x-secret", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "1"),
        ]);
        headers.extend(OURS.iter().chain(&FORWARDED).map(|name| (*name, "forged")));
        let seen = rewrite(request(&headers), &peer(), None).unwrap();
        let all: Vec<(&str, &str)> = seen
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        let mut all = all;
        all.sort_unstable();
        let expected = [
            ("authorization", "Bearer guest"),
            ("connection", "close"),
            ("cookie", "a=b"),
            ("host", "3000-a.b:8080"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-host", "3000-a.b:8080"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(all, expected);
        assert_eq!((seen.uri().to_string().as_str(), seen.version()), ("/x?y=1", Version::HTTP_11));
    }

    #[test]
    fn upgrades_need_both_headers() {
        let both = request(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(upgrade_protocol(&both), Some(HeaderValue::from_static("websocket")));
        assert_eq!(upgrade_protocol(&request(&[("upgrade", "websocket")])), None);
        assert_eq!(upgrade_protocol(&request(&[("connection", "upgrade")])), None);
        let protocol = HeaderValue::from_static("websocket");
        let seen = rewrite(both, &peer(), Some(&protocol)).unwrap();
        assert_eq!(seen.headers()[header::CONNECTION], "upgrade");
        assert_eq!(seen.headers()[header::UPGRADE], "websocket");
    }
}
