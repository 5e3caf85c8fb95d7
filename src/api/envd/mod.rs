//! envd, E2B's agent inside a sandbox, as clients see it on port 49983: two Connect services and a few HTTP paths. Here it is
//! not inside: it works on the sandbox from the host, and no guest can reach or imitate it.
//!
//! Everything but `/health` and `/files` needs the sandbox's access token; `/files` takes a signature instead as well.

mod compose;
mod conditional;
pub(crate) mod connect;
mod entry;
mod files;
mod filesystem;
mod metadata;
mod path;
mod process;
mod protobuf;
pub(crate) mod registry;
mod schema;
pub(crate) mod signature;
mod upload;
pub(crate) mod watch;

use super::Api;
use super::error::ApiError;
use super::machines::Machine;
use crate::User;
use axum::extract::Request;
use axum::http::{self, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connect::{Code, RpcError};
use schema::Method;
use std::collections::BTreeMap;
use std::sync::Arc;

/// envd's port; never a guest's.
pub(crate) const PORT: u16 = 49983;

/// What clients are told when a sandbox ends under them. The Python SDK looks for "was not found".
pub(crate) const GONE: &str = "The sandbox was not found";

/// Whose rights a request has that does not say.
const DEFAULT_USER: &str = "user";

/// The header with the sandbox's token.
pub(crate) const TOKEN_HEADER: &str = "x-access-token";

/// A request to the envd of one sandbox.
#[derive(Clone)]
pub(crate) struct Call {
    /// The server.
    pub(crate) api: Api,
    /// The sandbox.
    pub(crate) machine: Arc<Machine>,
}

impl Call {
    /// Whether the sandbox has ended or is about to.
    fn is_gone(&self) -> bool {
        let machine = &self.machine;
        machine.gone.is_cancelled()
            || self.api.machines.runtime().get(machine.sandbox.id()).is_none()
    }

    /// The user that an RPC acts for, from `Authorization: Basic base64("NAME:")`.
    ///
    /// # Errors
    ///
    /// `unauthenticated` for a header that is none of that, or a name that the sandbox does not know.
    fn user(&self, headers: &HeaderMap) -> Result<User, RpcError> {
        let unauthenticated = |message: String| RpcError::new(Code::Unauthenticated, message);
        let name = match headers.get(header::AUTHORIZATION) {
            None => DEFAULT_USER.to_owned(),
            Some(value) => basic_user(value.as_bytes()).ok_or_else(|| {
                unauthenticated("authorization: must be Basic base64(\"user:\")".into())
            })?,
        };
        self.user_named(&name).map_err(unauthenticated)
    }

    /// A user of the sandbox; the default one if `name` is empty.
    ///
    /// # Errors
    ///
    /// A sentence in envd's words.
    fn user_named(&self, name: &str) -> Result<User, String> {
        let name = if name.is_empty() { DEFAULT_USER } else { name };
        let shown: String = name.chars().take(64).collect();
        self.machine.sandbox.user(name).ok_or_else(|| format!("invalid username: '{shown}'"))
    }

    /// The variables that every program of the sandbox sees: E2B's, and those it was made with.
    fn sandbox_environment(&self) -> BTreeMap<String, String> {
        let machine = &self.machine;
        let mut all: BTreeMap<String, String> = [
            ("E2B_SANDBOX", "true"),
            ("E2B_SANDBOX_ID", machine.sandbox.id()),
            ("E2B_TEMPLATE_ID", &machine.template),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        all.extend(machine.sandbox.envs().clone());
        all
    }

    /// Whether the request has the sandbox's token. `None` if it has none at all.
    fn token(&self, headers: &HeaderMap) -> Option<bool> {
        let mut tokens = headers.get_all(TOKEN_HEADER).iter();
        let (token, second) = (tokens.next(), tokens.next());
        token.map(|token| second.is_none() && self.machine.token.matches(token.as_bytes()))
    }
}

fn basic_user(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let name = decoded.split(':').next().unwrap_or_default();
    Some(name.to_owned())
}

/// Answers one request to envd; pages of any origin may ask and read the answer, as E2B's. A token is never sent by a browser of
/// itself, so that gives a page nothing it does not know already.
pub(crate) async fn handle(call: Call, request: Request) -> Response {
    let asked = request.headers();
    let preflight = request.method() == http::Method::OPTIONS
        && asked.contains_key(header::ORIGIN)
        && asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight { preflighted() } else { answer(call, request).await };
    let any = HeaderValue::from_static("*");
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
    response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, any);
    response
}

/// What a browser wants to hear before it sends a request with a token.
fn preflighted() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "*"),
        // `*` leaves this one out.
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*, Authorization"),
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn answer(call: Call, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/health" => return StatusCode::NO_CONTENT.into_response(),
        "/files" => return answer_files(&call, request).await,
        _ => {}
    }
    if call.token(request.headers()) != Some(true) {
        let message = "unauthorized access: send the sandbox's token in the X-Access-Token header";
        return ApiError::new(StatusCode::UNAUTHORIZED, message).into_response();
    }
    match (request.method(), path.as_str()) {
        (&http::Method::GET, "/envs") => axum::Json(call.sandbox_environment()).into_response(),
        (&http::Method::GET, "/metrics") => call.machine.metrics.envd().into_response(),
        (&http::Method::POST, "/files/compose") => {
            compose::compose(&call, request).await.into_response()
        }
        _ => match path.strip_prefix('/').and_then(|path| path.split_once('/')) {
            Some((service, name)) if schema::SERVICES.contains(&service) => {
                match schema::find(service, name) {
                    Some(procedure) => answer_rpc(&call, procedure, request).await,
                    None => RpcError::new(Code::Unimplemented, "no such procedure").into_response(),
                }
            }
            _ => ApiError::new(StatusCode::NOT_FOUND, "no such path").into_response(),
        },
    }
}

/// The machine whose token signed a `/files` query.
///
/// # Errors
///
/// The sentence for a 401.
pub(crate) fn signer(
    api: &Api,
    query: &str,
    operation: signature::Operation,
) -> Result<Arc<Machine>, &'static str> {
    let query = files::Query::parse(query).unwrap_or_default();
    let claim = query.claim();
    let given = claim.signature.ok_or("missing signature query parameter")?;
    if !claim.is_plausible() {
        return Err("invalid signature");
    }
    let signed =
        |machine: &Arc<Machine>| signature::matches(&claim, operation, &machine.token, given);
    api.machines.all().into_iter().find(signed).ok_or("invalid signature")
}

/// Answers `/files` of a sandbox; the token or a signature is checked there.
pub(crate) async fn answer_files(call: &Call, request: Request) -> Response {
    match *request.method() {
        http::Method::GET | http::Method::HEAD => files::download(call, &request).into_response(),
        http::Method::POST => upload::upload(call, request).await.into_response(),
        _ => ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST").into_response(),
    }
}

/// Answers a call of a procedure.
async fn answer_rpc(call: &Call, procedure: &'static Method, request: Request) -> Response {
    let wire = match connect::wire(request.method(), request.headers(), procedure) {
        Ok(wire) => wire,
        Err(refusal) => return refusal,
    };
    match (procedure.service, procedure.name) {
        ("process.Process", "Start") => process::start(call, wire, request).await,
        ("process.Process", "Connect") => process::connect(call, wire, request).await,
        ("process.Process", "StreamInput") => process::stream_input(call, wire, request).await,
        ("process.Process", name) => wire.answer(process::unary(call, wire, name, request).await),
        (_, "WatchDir") => watch::watch_dir(call, wire, request).await,
        (_, name @ ("CreateWatcher" | "GetWatcherEvents" | "RemoveWatcher")) => {
            wire.answer(watch::unary(call, wire, name, request).await)
        }
        (_, name) => wire.answer(filesystem::unary(call, wire, name, request).await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_come_as_basic_credentials() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text)).into_bytes();
        assert_eq!(basic_user(&basic("root:")), Some("root".into()));
        assert_eq!(basic_user(&basic("root")), Some("root".into()));
        assert_eq!(basic_user(&basic("a:b:c")), Some("a".into()));
        for bad in [&b"Bearer x"[..], b"Basic !!", b"Basic", b"Basic /w==", b"\xff"] {
            assert_eq!(basic_user(bad), None);
        }
    }
}
