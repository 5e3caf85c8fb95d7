//! The router to guest ports: a request in, a request to the guest's server, its answer back.
//!
//! ```text
//! admit    the traffic token, where ports are private
//! tunnel   Upgrade and extended CONNECT: bytes both ways after the switch
//! rewrite  what passes of a head and of trailers
//! guest    the connection to the guest's server: plain or TLS, HTTP/1.1 or HTTP/2, new or kept
//! pace     bodies end when nothing moves
//! ```
//!
//! Requests and answers are parsed by hyper on both sides and written anew. The guest's server gets HTTP/1.1, as E2B's do, but
//! for gRPC, which is HTTP/2 (with trailers) or nothing. Bodies stream both ways with back-pressure.

mod guest;
mod pace;
mod rewrite;
mod tunnel;

pub(crate) use guest::Kept;

use super::Peer;
use super::machines::Machine;
use super::pages::{Failure, wants_page};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use guest::{Port, Sender};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use pace::{Activity, Paced, Silent};
use rewrite::Way;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tunnel::Switch;

/// A guest's server begins its answer within this time after the last of the request went to it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// An HTTP/1.1 client sends the next piece of a request's body within this time.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// An exchange in which nothing moves, in either direction, ends after this time (E2B's idle timeout).
const IDLE_TIMEOUT: Duration = Duration::from_secs(620);

/// The header with a sandbox's traffic token.
const TRAFFIC_TOKEN: &str = "e2b-traffic-access-token";

/// Passes a request to a port of a sandbox.
pub(crate) async fn handle(
    machine: &Arc<Machine>,
    port: u16,
    peer: Peer,
    mut request: Request,
) -> Response {
    let page = wants_page(request.headers());
    let passed = match (admit(machine, request.headers()), Switch::of(&mut request)) {
        (Err(failure), _) => Err(failure),
        (Ok(()), Err(status)) => return (status, "CONNECT is not supported\n").into_response(),
        (Ok(()), Ok(switch)) => pass(machine, port, peer, switch, request).await,
    };
    passed.unwrap_or_else(|failure| failure.response(page, machine.sandbox.id(), port))
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

/// Whether this is gRPC: `application/grpc` and its `+json`'s like, but not gRPC-Web, which is made for HTTP/1.1.
fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let (kind, format) = kind.split_once('+').map_or((kind, None), |(kind, f)| (kind, Some(f)));
    kind.eq_ignore_ascii_case("application/grpc") && format != Some("")
}

/// Whether the client may ask for more on its connection.
fn client_stays(request: &Request) -> bool {
    let mut options = rewrite::connection_options(request.headers());
    request.version() >= Version::HTTP_11
        && !options.any(|option| option.eq_ignore_ascii_case("close"))
}

/// The exchange with the guest's server.
async fn pass(
    machine: &Arc<Machine>,
    port: u16,
    peer: Peer,
    switch: Option<Switch>,
    request: Request,
) -> Result<Response, Failure> {
    let port = Port {
        number: port,
        tls: machine.ingress.https_ports.contains(&port),
        version2: switch.is_none() && is_grpc(request.headers()),
    };
    let repeatable = switch.is_none() && guest::is_repeatable(&request);
    let stays = client_stays(&request);
    // A proxy's connection carries requests of many clients: they share none that one of them could leave something behind in.
    let plain = repeatable && !peer.trusted;
    let kept = peer.kept.clone().filter(|_| stays && (port.version2 || plain));
    let mask = machine.ingress.host_mask.as_deref();
    let mask = mask.map(|host| rewrite::mask(host, port.number));
    let way =
        Way { version2: port.version2, tls: port.tls, kept: kept.is_some(), mask: mask.as_deref() };
    let idle = if request.version() > Version::HTTP_11 { IDLE_TIMEOUT } else { BODY_TIMEOUT };
    let request =
        rewrite::request(request, &peer, switch.as_ref(), way).map_err(|_| Failure::Malformed)?;
    let activity = Arc::new(Activity::default());
    let request = request.map(|body| {
        let empty = http_body::Body::is_end_stream(&body);
        if empty { body } else { Body::new(Paced::new(body, idle, activity.clone())) }
    });
    let asking = ask(machine, port, kept.as_ref(), repeatable, request);
    let (mut answer, sender) = tokio::select! {
        asked = asking => asked?,
        () = activity.rested(ANSWER_TIMEOUT) => return Err(Failure::NoAnswer),
    };
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        // A server that switches unasked is none that speaks HTTP.
        let switch = switch.ok_or(Failure::BadAnswer)?;
        return Ok(switch.agree(machine, peer, answer));
    }
    // To CONNECT any success would say that the tunnel stands.
    let stands = switch.is_some_and(|switch| switch.is_connect()) && answer.status().is_success();
    if stands || answer.status().is_informational() {
        return Err(Failure::BadAnswer);
    }
    rewrite::strip_hop_by_hop(answer.headers_mut());
    rewrite::one_length(answer.headers_mut());
    *answer.version_mut() = Version::default();
    let kept = kept.map(|kept| Lease { kept, machine: machine.clone(), port, sender });
    Ok(answer.map(|body| {
        let body = Paced::new(body, IDLE_TIMEOUT, activity);
        Body::new(Answer { body, lease: kept }.settled())
    }))
}

/// Sends a request and waits for the head of the answer. A kept connection that its server has just closed is no failure: the request
/// is sent again on a new one.
async fn ask(
    machine: &Arc<Machine>,
    port: Port,
    kept: Option<&Arc<Kept>>,
    repeatable: bool,
    mut request: Request,
) -> Result<(axum::http::Response<Incoming>, Sender), Failure> {
    let waiting = match kept {
        Some(kept) => kept.take(machine, port).await,
        None => None,
    };
    if let Some(mut sender) = waiting {
        let again = repeatable.then(|| copy(&request));
        match (answer_of(machine, sender.send(request)).await, again) {
            (Err(Failure::BadAnswer), Some(again)) => request = again,
            (answered, _) => return answered.map(|answer| (answer, sender)),
        }
    }
    let host = match request.uri().authority() {
        Some(authority) => authority.as_str().to_owned(),
        None => request
            .headers()
            .get(header::HOST)
            .map_or("", |host| host.to_str().unwrap_or_default())
            .to_owned(),
    };
    let mut sender = guest::connect(machine, port, &host).await?;
    let answer = answer_of(machine, sender.send(request)).await?;
    Ok((answer, sender))
}

/// A request without a body once more.
fn copy(request: &Request) -> Request {
    let mut again = Request::new(Body::empty());
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.version_mut() = request.version();
    *again.headers_mut() = request.headers().clone();
    again
}

/// Waits for an answer's head, and tells why there is none.
async fn answer_of(
    machine: &Machine,
    answer: impl Future<Output = hyper::Result<axum::http::Response<Incoming>>>,
) -> Result<axum::http::Response<Incoming>, Failure> {
    match answer.await {
        Ok(answer) => Ok(answer),
        Err(_) if machine.gone.is_cancelled() => Err(Failure::SandboxNotFound),
        Err(error) if is_client_silent(&error) => Err(Failure::ClientSilent),
        // Its body broke off, or is none.
        Err(error) if error.is_user() => Err(Failure::Malformed),
        Err(_) => Err(Failure::BadAnswer),
    }
}

/// Whether an exchange broke off because the client stopped sending its request.
fn is_client_silent(error: &hyper::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<Silent>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A connection that is given back when the answer has been read to its end.
struct Lease {
    kept: Arc<Kept>,
    machine: Arc<Machine>,
    port: Port,
    sender: Sender,
}

impl Lease {
    fn end(self) {
        self.kept.put(&self.machine, self.port, self.sender);
    }
}

/// The body of a guest's answer.
struct Answer {
    body: Paced<Incoming>,
    lease: Option<Lease>,
}

impl Answer {
    /// Gives the connection back if there is nothing to read.
    fn settled(mut self) -> Self {
        // One of HTTP/2 carries other calls meanwhile.
        let shared = self.lease.as_ref().is_some_and(|lease| lease.port.version2);
        if (shared || http_body::Body::is_end_stream(&self.body))
            && let Some(lease) = self.lease.take()
        {
            lease.end();
        }
        self
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = <Paced<Incoming> as http_body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let ended = match &frame {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(_))) => self.body.is_end_stream(),
            _ => false,
        };
        if ended && let Some(lease) = self.lease.take() {
            lease.end();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn grpc_is_told_by_its_content_type() {
        let grpc = |kind: &'static str| {
            is_grpc(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]))
        };
        for kind in ["application/grpc", "Application/gRPC+proto", "application/grpc; a=b"] {
            assert!(grpc(kind), "{kind}");
        }
        for kind in ["application/grpc-web", "application/grpc-web+proto", "application/json", ""] {
            assert!(!grpc(kind), "{kind}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }
}
