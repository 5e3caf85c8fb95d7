//! The ports that a sandbox's programs listen on, with their URLs: `GET /sandboxes/{id}/ports`, an addition of our own to E2B's API, and
//! a line in the log for each port that opens.

use super::error::ApiError;
use super::host::Domain;
use super::machines::Machine;
use super::sandboxes::find;
use super::teams::Tenant;
use super::{Api, envd, schema};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Weak;
use std::time::Duration;

/// The log's target, which `serve` shows by default.
const LOG: &str = "isolet::ports";

/// Ports of one sandbox that the log tells of; a program may open any number.
const TOLD_MAX: usize = 100;

/// A listener must stay this long to be told of, and the log hears of a sandbox no more often.
const PAUSE: Duration = Duration::from_millis(200);

/// Where a client finds `port` of the sandbox `id`.
fn url(domain: &Domain, id: &str, port: u16) -> String {
    format!("https://{port}-{id}.{}", domain.shown())
}

/// `GET /sandboxes/{id}/ports`.
#[utoipa::path(
    get,
    path = "/sandboxes/{sandboxID}/ports",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
    ),
    responses(
        (status = 200, description = "The ports that its programs listen on, lowest first", body = Vec<schema::OpenPort>),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn ports(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let machine = find(&api, tenant.0, &id)?;
    let (sandbox, domain) = (&machine.sandbox, &api.domain);
    // envd's own port is not a program's.
    let open = sandbox.listeners().into_iter().filter(|port| *port != envd::PORT);
    let open = open.map(|port| json!({"port": port, "url": url(domain, sandbox.id(), port)}));
    Ok(Json(open.collect()))
}

/// Tells the log of each port of a machine that opens, for as long as it lives.
pub(crate) async fn tell(machine: Weak<Machine>, domain: Domain) {
    let mut told = HashSet::new();
    while told.len() < TOLD_MAX {
        let Some(alive) = machine.upgrade() else { return };
        let (sandbox, gone) = (alive.sandbox.clone(), alive.gone.clone());
        drop(alive);
        let changed = sandbox.listeners_changed();
        for port in sandbox.listeners() {
            if told.len() < TOLD_MAX && told.insert(port) {
                let id = sandbox.id();
                tracing::info!(target: LOG, "port {port} of {id}: {}", url(&domain, id, port));
            }
        }
        drop(sandbox);
        let next = async {
            changed.await;
            tokio::time::sleep(PAUSE).await;
        };
        if gone.run_until_cancelled(next).await.is_none() {
            return;
        }
    }
}
