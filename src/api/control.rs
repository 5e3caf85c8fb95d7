//! The control plane: routes, the API key, and the answers of what is not built yet. Handlers are in `sandboxes` and `list`.

use super::Api;
use super::error::ApiError;
use super::keys::Tenant;
use super::{list, sandboxes};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

/// Bytes of a request body on the control plane.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What E2B has and this version has not: path and name. An honest 501, behind the key like everything else.
const NOT_BUILT: &[(&str, &str)] = &[
    ("/sandboxes/metrics", "metrics"),
    ("/sandboxes/{id}/metrics", "metrics"),
    ("/sandboxes/{id}/logs", "reading logs"),
    ("/v2/sandboxes/{id}/logs", "reading logs"),
    ("/sandboxes/{id}/pause", "pausing a sandbox"),
    ("/sandboxes/{id}/resume", "resuming a sandbox"),
    ("/sandboxes/{id}/network", "changing the network of a running sandbox"),
    ("/sandboxes/{id}/snapshots", "taking snapshots"),
    ("/sandboxes/{id}/fork", "forking a sandbox"),
    ("/snapshots", "listing snapshots"),
    ("/templates", "building templates"),
    ("/templates/{*rest}", "building templates"),
    ("/v2/templates", "building templates"),
    ("/v2/templates/{*rest}", "building templates"),
    ("/v3/templates", "building templates"),
    ("/volumes", "volumes"),
    ("/volumes/{id}", "volumes"),
    ("/volumecontent/{*rest}", "volumes"),
    ("/secrets", "secrets"),
    ("/secrets/{id}", "secrets"),
    ("/events/{*rest}", "events"),
    ("/teams", "listing teams"),
];

/// The control plane's routes. All but `/health` need a key.
pub(crate) fn router(api: Api) -> Router {
    let mut keyed = Router::new()
        .route("/sandboxes", get(list::list_v1).post(sandboxes::create_v1))
        .route("/v2/sandboxes", get(list::list_v2).post(sandboxes::create_v2))
        .route("/sandboxes/{id}", get(sandboxes::detail).delete(sandboxes::kill))
        .route("/sandboxes/{id}/connect", post(sandboxes::connect_v1))
        .route("/v2/sandboxes/{id}/connect", post(sandboxes::connect_v2))
        .route("/sandboxes/{id}/timeout", post(sandboxes::set_timeout))
        .route("/sandboxes/{id}/refreshes", post(sandboxes::refresh));
    for (path, what) in NOT_BUILT {
        keyed = keyed.route(path, any(async move || ApiError::not_built(what)));
    }
    keyed
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "no such path"))
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed on this path")
        })
        .layer(axum::middleware::from_fn_with_state(api.clone(), authenticate))
        // Added after the layer: no key needed.
        .route("/health", get(health))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(api)
}

async fn health() -> StatusCode {
    StatusCode::OK
}

/// Lets a request through if its one `X-API-Key` is a tenant's; the handlers find the [`Tenant`] in its extensions.
async fn authenticate(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let Some(tenant) = tenant(&api, request.headers()) else {
        return ApiError::unauthorized().into_response();
    };
    request.extensions_mut().insert(tenant);
    next.run(request).await
}

fn tenant(api: &Api, headers: &HeaderMap) -> Option<Tenant> {
    let mut keys = headers.get_all("x-api-key").iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) => api.keys.tenant(key.as_bytes()),
        _ => None,
    }
}
