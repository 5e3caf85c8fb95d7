//! Everything that speaks HTTP: E2B's control plane, envd, and the router to the ports of guests, on one port.
//!
//! ```text
//! serve   connections: TLS, HTTP/2 or HTTP/1.1 by the first bytes (sniff), limits, draining
//! framing requests with two lengths are refused;  through: what sniff and framing have of a stream
//! stall   a client that stops reading is left;  idle: one that asks for nothing more
//! host    whom a request is for
//!   control, sandboxes, list, fields     REST, with an API key (teams, quota, idempotency, audit)
//!   metrics, logs, network, listeners, templates, schema     more of it, and the OpenAPI document
//!   envd                                 processes and files of one sandbox, with its token
//!   proxy, pages, ingress                any other port of a sandbox
//! dns     not HTTP: a name server on loopback for the wildcard domain
//! doctor  what stands between a client and all of this
//! ```
//!
//! Nothing here decides what a guest may do, and nothing below it knows HTTP. Request bodies are streamed or bounded before
//! they are held, and secrets are compared in constant time (`keys`).

mod admission;
mod audit;
mod body;
mod consumed;
mod control;
pub mod dns;
pub mod doctor;
pub(crate) mod envd;
mod environment;
mod error;
mod fields;
mod framing;
mod host;
mod idempotency;
mod idle;
mod ingress;
mod keys;
mod list;
mod listeners;
mod logs;
mod machines;
mod metrics;
mod network;
mod pages;
mod prometheus;
mod proxy;
mod quota;
mod sandboxes;
mod schema;
mod serve;
mod sniff;
mod stall;
mod teams;
mod templates;
mod through;
mod tls;

pub use environment::print_env;
pub use quota::TeamLimits;
pub use serve::{Identity, ServeOptions, Server, serve};
pub use teams::{ApiKey, KeyFile};

use crate::vnet::Pass;
use crate::{Error, Runtime};
use admission::Place;
use audit::Refusals;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use error::ApiError;
use host::{BadTarget, Domain, Target};
use idempotency::Answers;
use machines::Machines;
use pages::{Failure, wants_page};
use prometheus::Counters;
use quota::Quotas;
use std::net::SocketAddr;
use std::sync::Arc;
use teams::ApiKeys;
use tower::ServiceExt;

/// What the API needs to know besides the runtime.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name under which sandboxes are reached, with the port that clients use: `isolet.localhost:8080`.
    pub domain: String,
    /// The keys that open the control plane. Each is a team of its own, which sees its own sandboxes only.
    pub api_keys: Vec<String>,
    /// Further keys, which may change while the server runs.
    pub key_file: Option<KeyFile>,
    /// What each team may ask for.
    pub team_limits: TeamLimits,
    /// Whether the control plane has `/metrics`, for Prometheus, without a key.
    pub metrics: bool,
}

impl Options {
    /// The defaults, under this name and with these keys.
    #[must_use]
    pub fn new(domain: impl Into<String>, api_keys: Vec<String>) -> Self {
        Self {
            domain: domain.into(),
            api_keys,
            key_file: None,
            team_limits: TeamLimits::default(),
            metrics: false,
        }
    }
}

/// The state of the server.
#[derive(Clone)]
pub(crate) struct Api {
    machines: Machines,
    keys: ApiKeys,
    domain: Arc<Domain>,
    quotas: Quotas,
    answers: Answers,
    counters: Counters,
    refusals: Refusals,
}

/// Who a request comes from; put into its extensions by `serve`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    /// The client's address, if it is known.
    address: Option<SocketAddr>,
    /// Whether it came over TLS.
    tls: bool,
    /// Whether it is a proxy of the operator's, which says where its own clients are.
    trusted: bool,
    /// The connection's place among those allowed, held for as long as anything of it lives.
    place: Option<Arc<Place>>,
    /// A guest's right to this connection, if it comes from one.
    visit: Option<Arc<Pass>>,
    /// The call that this is of a connection over HTTP/2, held for as long as it lasts.
    call: Option<Arc<idle::Call>>,
    /// The connections to guests that this connection keeps between its requests.
    kept: Option<Arc<proxy::Kept>>,
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
    if options.api_keys.iter().all(String::is_empty) && options.key_file.is_none() {
        return Err(invalid("api_keys", "must have at least one key that is not empty"));
    }
    let api = Api {
        machines: Machines::new(runtime, domain.clone()),
        keys: ApiKeys::new(options.api_keys, options.key_file),
        domain: Arc::new(domain),
        quotas: Quotas::new(options.team_limits),
        answers: Answers::default(),
        counters: Counters::new(),
        refusals: Refusals::default(),
    };
    let control = control::router(api.clone(), options.metrics);
    let router = Router::new().fallback(dispatch).with_state((api.clone(), control));
    Ok((api, router))
}

/// Sends a request to the part that it is for.
async fn dispatch(State((api, control)): State<(Api, Router)>, request: Request) -> Response {
    let (request, consumed) = consumed::watch(request);
    let counters = api.counters.clone();
    let target = host::target(request.uri(), request.headers(), &api.domain);
    let counted = counters.begin(&target, request.method());
    let response = consumed.answer(answer(api, control, target, request).await).await;
    counted.end(response.status());
    response
}

async fn answer(
    api: Api,
    control: Router,
    target: Result<Target, BadTarget>,
    request: Request,
) -> Response {
    if let Some(refusal) = misframed(request.headers()) {
        let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
        return (refusal.0, close, refusal.1).into_response();
    }
    match target {
        Ok(Target::Control) if peer(&request).visit.is_some() => {
            let told = "sandboxes reach public URLs of sandboxes here, not the control plane\n";
            (StatusCode::FORBIDDEN, told).into_response()
        }
        Err(problem) => (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response(),
        Ok(Target::Control) if request.uri().path() == "/files" => signed_files(api, request).await,
        Ok(Target::Control) => match control.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Ok(Target::Sandbox { id, port }) => match api.machines.get(&id) {
            None => {
                let page = wants_page(request.headers());
                Failure::SandboxNotFound.response(page, &id, port)
            }
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

/// Why a request is refused whose length can be told in two ways, which is how requests are smuggled past routers, or that is coded
/// in a way that nobody behind us would hear of. Lengths that differ hyper refuses, and a length beside chunks `framing`; here that
/// is for servers that embed us in another way.
fn misframed(headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    if lengths > 1 || (lengths == 1 && headers.contains_key(header::TRANSFER_ENCODING)) {
        return Some((StatusCode::BAD_REQUEST, "invalid request: two lengths\n"));
    }
    let lines = headers.get_all(header::TRANSFER_ENCODING).iter();
    let codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let codings: Vec<&[u8]> = codings.map(<[u8]>::trim_ascii).collect();
    let chunked = codings.iter().filter(|one| one.eq_ignore_ascii_case(b"chunked")).count();
    match (chunked, codings.len()) {
        (0, 0) | (1, 1) => None,
        (chunked, all) if chunked == all => {
            Some((StatusCode::BAD_REQUEST, "invalid request: chunked twice\n"))
        }
        _ => Some((StatusCode::NOT_IMPLEMENTED, "the only transfer coding is chunked\n")),
    }
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
