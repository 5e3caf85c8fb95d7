//! Connections that stop being HTTP: `Upgrade` of HTTP/1.1, and extended CONNECT of HTTP/2 (RFC 8441, and RFC 9220's like), which
//! becomes an `Upgrade` on the guest's side. After the switch bytes pass untouched, both ways, until one side closes, nothing moved
//! for [`IDLE`], or the sandbox ends.
//!
//! It does not know what a WebSocket frame is: pings, closing and limits of messages are between the client and the guest.

use super::pace::{Activity, Touching};
use super::rewrite;
use crate::api::Peer;
use crate::api::machines::Machine;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rand::RngCore;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional_with_sizes;

/// A tunnel in which nothing moves for this long ends (E2B's idle timeout).
const IDLE: Duration = Duration::from_secs(620);

/// Buffer of each direction of a tunnel.
const BUFFER_BYTES: usize = 16 << 10;

/// The protocol whose handshake has a key.
const WEBSOCKET: &str = "websocket";

/// A client's wish to switch to another protocol.
pub(super) struct Switch {
    protocol: HeaderValue,
    /// Over HTTP/2 the WebSocket handshake has no key (RFC 8441 section 5); this one is for the guest.
    key: Option<HeaderValue>,
    version2: bool,
    client: OnUpgrade,
}

impl Switch {
    /// What the request asks for, if anything.
    ///
    /// # Errors
    ///
    /// 405 for CONNECT without a protocol: we are nobody's way to other hosts.
    pub(super) fn of(request: &mut Request) -> Result<Option<Self>, StatusCode> {
        let version2 = request.method() == Method::CONNECT;
        let protocol = if version2 {
            let protocol = request.extensions().get::<Protocol>();
            let named = protocol.and_then(|name| HeaderValue::from_str(name.as_str()).ok());
            Some(named.ok_or(StatusCode::METHOD_NOT_ALLOWED)?)
        } else {
            upgrade_protocol(request)
        };
        let Some(protocol) = protocol else { return Ok(None) };
        let is_websocket = protocol.as_bytes().eq_ignore_ascii_case(WEBSOCKET.as_bytes());
        let key = (version2 && is_websocket).then(random_key);
        let client = hyper::upgrade::on(&mut *request);
        if version2 {
            // What follows the head belongs to the tunnel.
            *request.body_mut() = Body::empty();
        }
        Ok(Some(Self { protocol, key, version2, client }))
    }

    /// Whether it came as extended CONNECT.
    pub(super) fn is_connect(&self) -> bool {
        self.version2
    }

    /// Asks the guest's server the same, in HTTP/1.1.
    pub(super) fn ask(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, self.protocol.clone());
        if let Some(key) = &self.key {
            headers.insert(header::SEC_WEBSOCKET_KEY, key.clone());
        }
    }

    /// The client's answer to the guest's `101`, and the tunnel behind it. It counts as the client's connection.
    pub(super) fn agree<B>(
        self,
        machine: &Machine,
        peer: Peer,
        mut answer: axum::http::Response<B>,
    ) -> Response {
        let guest = hyper::upgrade::on(&mut answer);
        let (mut parts, _) = answer.into_parts();
        let agreed = parts.headers.get(header::UPGRADE).cloned().unwrap_or(self.protocol);
        rewrite::strip_hop_by_hop(&mut parts.headers);
        if self.version2 {
            parts.status = StatusCode::OK;
            parts.version = Version::HTTP_2;
            for name in [header::SEC_WEBSOCKET_ACCEPT, header::CONTENT_LENGTH] {
                parts.headers.remove::<HeaderName>(name);
            }
        } else {
            parts.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(header::UPGRADE, agreed);
        }
        start(machine, peer, self.client, guest, IDLE);
        Response::from_parts(parts, Body::empty())
    }
}

/// The protocol that an HTTP/1.1 request wants to switch to. Another version of HTTP is none: inside such a tunnel a client could
/// send requests that are not rewritten (RFC 9113 has dropped that upgrade).
fn upgrade_protocol(request: &Request) -> Option<HeaderValue> {
    let mut options = rewrite::connection_options(request.headers());
    let wanted = options.any(|option| option.eq_ignore_ascii_case("upgrade"));
    let protocol = request.headers().get(header::UPGRADE)?;
    let text = protocol.to_str().ok()?.to_ascii_lowercase();
    let http = text.split(',').map(str::trim).any(|one| one == "h2c" || one.starts_with("http/"));
    (wanted && !http && request.version() == Version::HTTP_11).then(|| protocol.clone())
}

fn random_key() -> HeaderValue {
    let mut nonce = [0; 16];
    rand::rng().fill_bytes(&mut nonce);
    HeaderValue::try_from(BASE64.encode(nonce)).expect("base64 is a header's value")
}

/// Joins the two sides of an upgraded connection.
fn start(machine: &Machine, peer: Peer, client: OnUpgrade, guest: OnUpgrade, idle: Duration) {
    let gone = machine.gone.clone();
    tokio::spawn(async move {
        let _counted = (peer.place, peer.visit, peer.call);
        let join = async {
            let (client, guest) = tokio::try_join!(client, guest)?;
            let activity = Arc::new(Activity::default());
            let mut client = Touching::new(TokioIo::new(client), activity.clone());
            let mut guest = TokioIo::new(guest);
            let copy =
                copy_bidirectional_with_sizes(&mut client, &mut guest, BUFFER_BYTES, BUFFER_BYTES);
            tokio::select! {
                copied = copy => drop(copied?),
                () = activity.rested(idle) => tracing::debug!("an idle tunnel was closed"),
            }
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

    fn asked(headers: &[(&'static str, &'static str)]) -> Request {
        let mut request = Request::new(Body::empty());
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    #[test]
    fn upgrades_need_both_headers() {
        let both = [("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")];
        let switch = Switch::of(&mut asked(&both)).unwrap().unwrap();
        let mut headers = HeaderMap::new();
        switch.ask(&mut headers);
        assert_eq!(headers[header::CONNECTION], "upgrade");
        assert_eq!(headers[header::UPGRADE], "websocket");
        assert!(!headers.contains_key(header::SEC_WEBSOCKET_KEY), "the client has its own");
        assert!(Switch::of(&mut asked(&both[1..])).unwrap().is_none());
        assert!(Switch::of(&mut asked(&[("connection", "upgrade")])).unwrap().is_none());
        for http in ["h2c", "H2C", "websocket, h2c", "HTTP/2.0"] {
            let asked_for = [("connection", "upgrade"), ("upgrade", http)];
            assert!(Switch::of(&mut asked(&asked_for)).unwrap().is_none(), "{http}");
        }
    }

    #[test]
    fn extended_connect_becomes_an_upgrade_with_a_key() {
        let mut request = asked(&[("sec-websocket-version", "13")]);
        *request.method_mut() = Method::CONNECT;
        assert_eq!(Switch::of(&mut request).err(), Some(StatusCode::METHOD_NOT_ALLOWED));
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        let switch = Switch::of(&mut request).unwrap().unwrap();
        let mut headers = HeaderMap::new();
        switch.ask(&mut headers);
        assert_eq!(headers[header::UPGRADE], "websocket");
        assert_eq!(headers[header::SEC_WEBSOCKET_KEY].len(), 24);
    }
}
