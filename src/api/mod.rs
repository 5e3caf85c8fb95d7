//! Everything that speaks HTTP: E2B's control plane, envd, and the router to the ports of guests, on one port.
//!
//! ```text
//! serve   connections: TLS or not by the first byte, limits, draining
//! stall   a client that stops reading is left
//! host    whom a request is for
//!   control, sandboxes, list, fields     REST, with an API key
//!   envd                                 processes and files of one sandbox, with its token
//!   proxy, pages                         any other port of a sandbox
//! dns     not HTTP: a name server on loopback for the wildcard domain
//! ```
//!
//! Nothing here decides what a guest may do, and nothing below it knows HTTP. Request bodies are streamed or bounded before
//! they are held, and secrets are compared in constant time (`keys`).

mod admission;
mod consumed;
mod control;
pub mod dns;
pub(crate) mod envd;
mod environment;
mod error;
mod fields;
mod host;
mod keys;
mod list;
mod machines;
mod pages;
mod proxy;
mod sandboxes;
mod serve;
mod stall;
mod tls;

pub use environment::print_env;
pub use serve::{Identity, ServeOptions, Server, serve};

use crate::{Error, Runtime};
use admission::Place;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use error::ApiError;
use host::{Domain, Target};
use keys::ApiKeys;
use machines::Machines;
use pages::Failure;
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

/// What the API needs to know besides the runtime.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name under which sandboxes are reached, with the port that clients use: `isolet.localhost:8080`.
    pub domain: String,
    /// The keys that open the control plane. Each is a tenant that sees its own sandboxes only.
    pub api_keys: Vec<String>,
}

/// The state of the server.
#[derive(Clone)]
pub(crate) struct Api {
    machines: Machines,
    keys: ApiKeys,
    domain: Arc<Domain>,
}

/// Who a request comes from; put into its extensions by `serve`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    /// The client's address, if it is known.
    address: Option<SocketAddr>,
    /// Whether it came over TLS.
    tls: bool,
    /// The connection's place among those allowed, held for as long as anything of it lives.
    place: Option<Arc<Place>>,
}

/// The E2B-compatible API as a service, for use inside another server: everything but the listening.
///
/// Serve it with `into_make_service_with_connect_info::<SocketAddr>()` and guests learn their clients' addresses. It must see
/// every path and host name: mount it at the root.
///
/// # Errors
///
/// [`Error::Invalid`] if the domain is no DNS name (with an optional port), or there is no API key.
pub fn router(runtime: Runtime, options: Options) -> Result<Router, Error> {
    Ok(build(runtime, options)?.1)
}

fn build(runtime: Runtime, options: Options) -> Result<(Api, Router), Error> {
    let invalid = |field, problem: &str| Error::Invalid { field, problem: problem.into() };
    let domain = Domain::new(&options.domain).ok_or_else(|| {
        invalid("domain", "must be a DNS name of at most 180 characters, with an optional port")
    })?;
    if options.api_keys.iter().all(String::is_empty) {
        return Err(invalid("api_keys", "must have at least one key that is not empty"));
    }
    let keys = ApiKeys::new(options.api_keys);
    let api = Api { machines: Machines::new(runtime), keys, domain: Arc::new(domain) };
    let control = control::router(api.clone());
    let router = Router::new().fallback(dispatch).with_state((api.clone(), control));
    Ok((api, router))
}

/// Sends a request to the part that it is for.
async fn dispatch(State((api, control)): State<(Api, Router)>, request: Request) -> Response {
    let (request, consumed) = consumed::watch(request);
    consumed.answer(answer(api, control, request).await)
}

async fn answer(api: Api, control: Router, request: Request) -> Response {
    if is_ambiguous(request.headers()) {
        let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
        return (StatusCode::BAD_REQUEST, close, "invalid request: two lengths\n").into_response();
    }
    match host::target(request.uri(), request.headers(), &api.domain) {
        Err(problem) => (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response(),
        Ok(Target::Control) if request.uri().path() == "/files" => signed_files(api, request).await,
        Ok(Target::Control) => match control.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Ok(Target::Sandbox { id, port }) => match api.machines.get(&id) {
            None => Failure::SandboxNotFound.response(request.headers(), &id, port),
            Some(machine) if port == envd::PORT => {
                envd::handle(envd::Call { api, machine }, request).await
            }
            Some(machine) => {
                let peer = peer(&request);
                proxy::handle(&machine, port, peer, request).await
            }
        },
    }
}

/// Whether a request's length can be told in two ways, which is how requests are smuggled past routers. hyper lets few of
/// them come here: it refuses lengths that differ, and of a length beside chunks it drops the length and closes the
/// connection after the answer. This is for servers that embed us in another way.
fn is_ambiguous(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    lengths > 1 || (lengths == 1 && headers.contains_key(header::TRANSFER_ENCODING))
}

fn peer(request: &Request) -> Peer {
    let known = request.extensions().get::<Peer>().cloned();
    known.unwrap_or_else(|| {
        let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        Peer { address, ..Peer::default() }
    })
}

/// `/files` without a sandbox: with `E2B_SANDBOX_URL` the SDKs sign URLs that name none. The signature tells whose it is.
async fn signed_files(api: Api, request: Request) -> Response {
    let operation = match *request.method() {
        Method::POST => envd::signature::Operation::Write,
        _ => envd::signature::Operation::Read,
    };
    let found = envd::signer(&api, request.uri().query().unwrap_or_default(), operation);
    match found {
        Ok(machine) => envd::answer_files(&envd::Call { api, machine }, request).await,
        Err(message) => ApiError::new(StatusCode::UNAUTHORIZED, message).into_response(),
    }
}
