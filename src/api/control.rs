//! The control plane: routes, the API key, and the answers of what is not built yet. Handlers are in `sandboxes`, `list`,
//! `metrics`, `logs`, `network` and `templates`; what each route takes and gives stands on its handler, and `/openapi.json` is made of that.

use super::audit::Doing;
use super::error::ApiError;
use super::schema::Document;
use super::teams::{Caller, Tenant};
use super::{Api, list, listeners, logs, metrics, network, sandboxes, templates};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What E2B has and this version has not: path and name. An honest 501, behind the key like everything else; about a sandbox
/// that is not there, 404.
const NOT_BUILT: &[(&str, &str)] = &[
    ("/sandboxes/{sandboxID}/pause", "pausing a sandbox"),
    ("/sandboxes/{sandboxID}/snapshots", "taking snapshots"),
    ("/sandboxes/{sandboxID}/fork", "forking a sandbox"),
    ("/snapshots", "listing snapshots"),
    ("/templates/tags", "template tags"),
    ("/templates/{templateID}/{*rest}", "building templates"),
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

/// The routes that are documented, and the document.
fn documented() -> (Router<Api>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(list::list_v1, sandboxes::create_v1))
        .routes(routes!(list::list_v2, sandboxes::create_v2))
        .routes(routes!(metrics::latest))
        .routes(routes!(sandboxes::detail, sandboxes::kill))
        .routes(routes!(metrics::history))
        .routes(routes!(logs::logs_v1))
        .routes(routes!(logs::logs_v2))
        .routes(routes!(network::update))
        .routes(routes!(network::log))
        .routes(routes!(listeners::ports))
        .routes(routes!(sandboxes::connect_v1))
        .routes(routes!(sandboxes::connect_v2))
        .routes(routes!(sandboxes::resume))
        .routes(routes!(sandboxes::set_timeout))
        .routes(routes!(sandboxes::refresh))
        .routes(routes!(templates::list_v1))
        .routes(routes!(templates::list_v2))
        .routes(routes!(templates::detail, templates::remove))
        .routes(routes!(templates::alias))
        .split_for_parts()
}

/// The control plane's routes. All but `/health`, `/openapi.json` and, where it is served, `/metrics` need a key.
pub(crate) fn router(api: Api, figures: bool) -> Router {
    let (mut keyed, document) = documented();
    for (path, what) in NOT_BUILT {
        keyed = keyed.route(
            path,
            any(
                async move |api: State<Api>,
                            tenant: Extension<Tenant>,
                            Path(path): Path<HashMap<String, String>>| {
                    if let Some(id) = path.get("sandboxID") {
                        sandboxes::find(&api, tenant.0, id)?;
                    }
                    Err::<StatusCode, _>(ApiError::not_built(what))
                },
            ),
        );
    }
    let document = Arc::new(document);
    let mut router = keyed
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "no such path"))
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed on this path")
        })
        .layer(axum::middleware::from_fn_with_state(api.clone(), authenticate))
        // Added after the layer: no key needed.
        .route("/health", get(health))
        .route("/openapi.json", get(async move || Json(document.as_ref().clone())));
    if figures {
        let answer = async |State(api): State<Api>| api.counters.answer(&api);
        router = router.route("/metrics", get(answer));
    }
    router.with_state(api)
}

async fn health() -> StatusCode {
    StatusCode::OK
}

/// Lets a request through if its one `X-API-Key` is a team's, and that has not asked for too much; the handlers find the
/// [`Tenant`] in its extensions.
async fn authenticate(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let Some(caller) = caller(&api, request.headers()) else {
        api.refusals.tell(&request);
        return ApiError::unauthorized().into_response();
    };
    let doing = Doing::begin(&request, &caller.key);
    let response = match api.quotas.enter(caller.tenant) {
        Err(error) => error.into_response(),
        Ok(_pass) => {
            request.extensions_mut().insert(caller.tenant);
            next.run(request).await
        }
    };
    if let Some(doing) = doing {
        doing.end(&response);
    }
    response
}

fn caller(api: &Api, headers: &HeaderMap) -> Option<Caller> {
    let mut keys = headers.get_all("x-api-key").iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) => api.keys.caller(key.as_bytes()),
        _ => None,
    }
}
