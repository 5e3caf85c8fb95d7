//! The templates that there are: names, which image each starts from, what E2B's clients may ask about them. None is ever
//! built here; see `control` for what is answered to that.

use super::error::ApiError;
use super::metrics::unknown_parameter;
use super::sandboxes::{ENVD_VERSION, rfc3339};
use super::{Api, schema};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::time::UNIX_EPOCH;

/// E2B's default templates.
const NAMES: [&str; 2] = ["base", "code-interpreter-v1"];

/// The image behind a template. Until the interpreter has an image of its own, both of E2B's templates are Python's.
///
/// # Errors
///
/// 404 for a name that is none.
pub(crate) fn image(api: &Api, template: &str) -> Result<&'static str, ApiError> {
    if !NAMES.contains(&template) {
        return Err(not_found(template));
    }
    let python = api.machines.runtime().has_image("python");
    Ok(if python { "python" } else { "base" })
}

fn not_found(template: &str) -> ApiError {
    let shown: String = template.chars().take(200).collect();
    ApiError::new(StatusCode::NOT_FOUND, format!("template '{shown}' not found"))
}

/// E2B's `Template`. They came with the server: there are no times, and nobody made them.
fn shown(api: &Api, name: &str) -> Value {
    let limits = &api.machines.runtime().config().limits;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    json!({
        "templateID": name,
        "buildID": "00000000-0000-0000-0000-000000000000",
        "cpuCount": cores,
        "memoryMB": limits.memory_bytes_max >> 20,
        "diskSizeMB": limits.disk_bytes_max >> 20,
        "public": true,
        "aliases": [name],
        "names": [name],
        "createdAt": rfc3339(UNIX_EPOCH),
        "updatedAt": rfc3339(UNIX_EPOCH),
        "createdBy": null,
        "lastSpawnedAt": null,
        "spawnCount": 0,
        "buildCount": 1,
        "envdVersion": ENVD_VERSION,
        "buildStatus": "ready",
        "isDefault": true,
    })
}

/// `GET /templates`.
#[utoipa::path(
    get,
    operation_id = "list_templates_v1",
    path = "/templates",
    tag = "templates",
    params(
        ("teamID" = Option<String>, Query),
        ("limit" = Option<i32>, Query),
        ("nextToken" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "All", body = [schema::Template]),
        schema::Refusal,
    ),
)]
pub(crate) async fn list_v1(
    api: State<Api>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Vec<Value>>, ApiError> {
    page(&api, &raw.unwrap_or_default())
}

/// `GET /v2/templates`: one page has them all.
#[utoipa::path(
    get,
    operation_id = "list_templates_v2",
    path = "/v2/templates",
    tag = "templates",
    params(
        ("teamID" = Option<String>, Query),
        ("limit" = Option<i32>, Query),
        ("nextToken" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "All", body = [schema::Template]),
        schema::Refusal,
    ),
)]
pub(crate) async fn list_v2(
    api: State<Api>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Vec<Value>>, ApiError> {
    page(&api, &raw.unwrap_or_default())
}

fn page(api: &Api, raw: &str) -> Result<Json<Vec<Value>>, ApiError> {
    for (name, _) in form_urlencoded::parse(raw.as_bytes()) {
        // A key has one team, and everything fits on one page.
        if !["teamID", "limit", "nextToken"].contains(&&*name) {
            return Err(unknown_parameter(&name, "teamID, limit, nextToken"));
        }
    }
    Ok(Json(NAMES.iter().map(|name| shown(api, name)).collect()))
}

/// `GET /templates/{id}`.
#[utoipa::path(
    get,
    operation_id = "template_detail",
    path = "/templates/{templateID}",
    tag = "templates",
    params(
        ("templateID" = String, Path, description = "The template's name"),
    ),
    responses(
        (status = 200, description = "All about it", body = schema::Template),
        (status = 404, description = "No such template", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn detail(
    api: State<Api>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = NAMES.iter().find(|known| **known == name).ok_or_else(|| not_found(&name))?;
    let mut template = shown(&api, name);
    template["builds"] = json!([]);
    Ok(Json(template))
}

/// `DELETE /templates/{id}`: what came with the server stays.
#[utoipa::path(
    delete,
    operation_id = "delete_template",
    path = "/templates/{templateID}",
    tag = "templates",
    params(("templateID" = String, Path, description = "The template's name")),
    responses(
        (status = 403, description = "It belongs to the server", body = schema::Error),
        (status = 404, description = "No such template", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn remove(Path(name): Path<String>) -> ApiError {
    if !NAMES.contains(&&*name) {
        return not_found(&name);
    }
    ApiError::new(StatusCode::FORBIDDEN, format!("template '{name}' belongs to the server"))
}

/// `GET /templates/aliases/{alias}`: whether there is a template of this name.
#[utoipa::path(
    get,
    operation_id = "template_alias",
    path = "/templates/aliases/{alias}",
    tag = "templates",
    params(
        ("alias" = String, Path, description = "The template's name"),
    ),
    responses(
        (status = 200, description = "There is one", body = schema::TemplateAlias),
        (status = 404, description = "No such template", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn alias(Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    let name = NAMES.iter().find(|known| **known == name).ok_or_else(|| not_found(&name))?;
    Ok(Json(json!({ "templateID": name, "public": true })))
}
