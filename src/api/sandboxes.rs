//! Handlers for one sandbox: create, look, connect, prolong, kill. Bodies and answers are E2B's; which fields a body may have
//! is in `fields`.

use super::body::Whole;
use super::error::ApiError;
use super::fields::{self, Body};
use super::host::is_id;
use super::idempotency;
use super::ingress::Ingress;
use super::machines::{Machine, Made};
use super::teams::Tenant;
use super::templates;
use super::{Api, network, schema};
use crate::SandboxConfig;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The version of envd that this server speaks like; the SDKs gate features on it.
pub(crate) const ENVD_VERSION: &str = "0.6.13";

/// Lifetime of a sandbox made over v1 without `timeout`, as E2B's.
const TIMEOUT_V1: Duration = Duration::from_secs(15);

/// The longest `duration` of a refresh, as E2B's.
const REFRESH_SECONDS_MAX: u64 = 3600;

type Answer = Result<(StatusCode, Json<Value>), ApiError>;

/// As [`Answer`], and tells the audit log which sandbox it was.
type Created = Result<(StatusCode, Extension<SandboxId>, Json<Value>), ApiError>;

/// The id of a sandbox that an answer is about.
#[derive(Clone, Debug)]
pub(crate) struct SandboxId(pub(crate) Arc<str>);

/// `POST /sandboxes`.
#[utoipa::path(
    post,
    path = "/sandboxes",
    tag = "sandboxes",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body again get the same sandbox", pattern = "^[a-z0-9-]{1,255}$"),
    ),
    request_body = schema::NewSandbox,
    responses(
        (status = 201, description = "It runs", body = schema::Sandbox),
        (status = 404, description = "No such template", body = schema::Error),
        (status = 409, description = "The Idempotency-Key was used for something else", body = schema::Error),
        (status = 503, description = "The host is full", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn create_v1(
    api: State<Api>,
    tenant: Extension<Tenant>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Created {
    create(&api, tenant.0, &headers, &body, TIMEOUT_V1).await
}

/// `POST /v2/sandboxes`.
#[utoipa::path(
    post,
    path = "/v2/sandboxes",
    tag = "sandboxes",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body again get the same sandbox", pattern = "^[a-z0-9-]{1,255}$"),
    ),
    request_body = schema::NewSandbox,
    responses(
        (status = 201, description = "It runs", body = schema::Sandbox),
        (status = 404, description = "No such template", body = schema::Error),
        (status = 409, description = "The Idempotency-Key was used for something else", body = schema::Error),
        (status = 503, description = "The host is full", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn create_v2(
    api: State<Api>,
    tenant: Extension<Tenant>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Created {
    let timeout = api.machines.runtime().config().timeout_default;
    create(&api, tenant.0, &headers, &body, timeout).await
}

async fn create(
    api: &Api,
    owner: Tenant,
    headers: &HeaderMap,
    body: &[u8],
    timeout_default: Duration,
) -> Created {
    let key = idempotency::key(headers)?;
    let (config, made) = asked(api, owner, body, timeout_default)?;
    network::check_proxy(api, config.egress()).await?;
    let machine = api.answers.once(owner, key, body, || {
        let count = || api.machines.all_of(owner).len();
        api.quotas.create(count, || Ok(api.machines.create(config, made)?))
    })?;
    let id = SandboxId(machine.sandbox.id().into());
    Ok((StatusCode::CREATED, Extension(id), Json(brief(api, &machine))))
}

/// The sandbox that a body asks for.
fn asked(
    api: &Api,
    owner: Tenant,
    body: &[u8],
    timeout_default: Duration,
) -> Result<(SandboxConfig, Made), ApiError> {
    let fields = read(Body::Create, body)?;
    let template = member::<String>(&fields, "templateID")?
        .ok_or_else(|| ApiError::bad_request("templateID: missing; the name of a template"))?;
    let image = templates::image(api, &template)?;
    let timeout = match member(&fields, "timeout")? {
        None => timeout_default,
        Some(0i64) => return Err(ApiError::bad_request("timeout: must be at least 1 second")),
        Some(seconds) => lifetime(api, "timeout", seconds)?,
    };
    let network = member::<Map<String, Value>>(&fields, "network")?.unwrap_or_default();
    let egress = network::egress(&network, member(&fields, "allow_internet_access")?)?;
    let ingress = Ingress::read(&network)?;
    let metadata: BTreeMap<String, String> = member(&fields, "metadata")?.unwrap_or_default();
    let mut config =
        SandboxConfig::new(image, egress).metadata(metadata).timeout(timeout).owner(owner.owner());
    for (name, value) in member::<BTreeMap<String, String>>(&fields, "envVars")?.unwrap_or_default()
    {
        check_env(&name, &value)
            .map_err(|problem| ApiError::bad_request(format!("envVars: {problem}")))?;
        config = config.env(name, value);
    }
    Ok((config, Made { owner, template, ingress }))
}

/// Whether a program's environment can hold this variable.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn check_env(name: &str, value: &str) -> Result<(), String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("the name {name:?} must not be empty or contain '=' or NUL"));
    }
    if value.contains('\0') {
        Err(format!("the value of {name:?} must not contain NUL"))
    } else {
        Ok(())
    }
}

/// `GET /sandboxes/{id}`.
#[utoipa::path(
    get,
    path = "/sandboxes/{sandboxID}",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
    ),
    responses(
        (status = 200, description = "All about it", body = schema::SandboxDetail),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn detail(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
) -> Answer {
    let machine = find(&api, tenant.0, &id)?;
    let mut detail = listed(&machine);
    let egress = machine.sandbox.egress();
    let mut network = machine.ingress.shown();
    network::show(&egress, &mut network);
    let more = json!({
        "domain": api.domain.shown(),
        "envdAccessToken": machine.token.expose(),
        "allowInternetAccess": egress.has_internet(),
        "network": network,
        "lifecycle": {"onTimeout": "kill", "autoResume": false},
    });
    if let (Value::Object(detail), Value::Object(more)) = (&mut detail, more) {
        detail.extend(more);
    }
    Ok((StatusCode::OK, Json(detail)))
}

/// `DELETE /sandboxes/{id}`.
#[utoipa::path(
    delete,
    path = "/sandboxes/{sandboxID}",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn kill(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let machine = find(&api, tenant.0, &id)?;
    end(&machine).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn end(machine: &Machine) {
    // Streams end as "sandbox gone", not as the processes' ends that the kill is about to cause.
    machine.gone.cancel();
    machine.sandbox.kill().await;
}

/// `POST /sandboxes/{id}/connect`: `timeout` is required there.
#[utoipa::path(
    post,
    path = "/sandboxes/{sandboxID}/connect",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
    ),
    request_body = schema::Timeout,
    responses(
        (status = 200, description = "It runs", body = schema::Sandbox),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn connect_v1(
    api: State<Api>,
    tenant: Extension<Tenant>,
    id: Path<String>,
    Whole(body): Whole,
) -> Answer {
    connect(&api, tenant.0, &id, &body, true)
}

/// `POST /v2/sandboxes/{id}/connect`.
#[utoipa::path(
    post,
    path = "/v2/sandboxes/{sandboxID}/connect",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
    ),
    request_body = schema::Connect,
    responses(
        (status = 200, description = "It runs", body = schema::Sandbox),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn connect_v2(
    api: State<Api>,
    tenant: Extension<Tenant>,
    id: Path<String>,
    Whole(body): Whole,
) -> Answer {
    connect(&api, tenant.0, &id, &body, false)
}

/// Answers with the running sandbox; a timeout only ever prolongs it, as E2B's.
fn connect(api: &Api, tenant: Tenant, id: &str, body: &[u8], required: bool) -> Answer {
    let fields = read(Body::Connect, body)?;
    let asked = match member(&fields, "timeout")? {
        None if required => {
            return Err(ApiError::bad_request("timeout: missing; a number of seconds"));
        }
        asked => asked.map(|seconds| lifetime(api, "timeout", seconds)).transpose()?,
    };
    let machine = find(api, tenant, id)?;
    prolong(&machine, asked.unwrap_or_default())?;
    Ok((StatusCode::OK, Json(brief(api, &machine))))
}

/// `POST /sandboxes/{id}/resume`: nothing is ever paused here, so a sandbox that is there is running.
#[utoipa::path(
    post,
    path = "/sandboxes/{sandboxID}/resume",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
    ),
    responses(
        (status = 409, description = "It runs", body = schema::Error),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn resume(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let machine = find(&api, tenant.0, &id)?;
    let message = format!("sandbox {} is running already", machine.sandbox.id());
    Err(ApiError::new(StatusCode::CONFLICT, message))
}

/// `POST /sandboxes/{id}/timeout`: the sandbox ends that many seconds from now.
#[utoipa::path(
    post,
    path = "/sandboxes/{sandboxID}/timeout",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
    ),
    request_body = schema::Timeout,
    responses(
        (status = 204, description = "Done"),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn set_timeout(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
    Whole(body): Whole,
) -> Result<StatusCode, ApiError> {
    let Some(seconds) = member(&read(Body::Timeout, &body)?, "timeout")? else {
        return Err(ApiError::bad_request("timeout: missing; a number of seconds"));
    };
    let timeout = lifetime(&api, "timeout", seconds)?;
    let machine = find(&api, tenant.0, &id)?;
    if timeout.is_zero() {
        end(&machine).await;
    } else {
        machine.sandbox.set_timeout(timeout)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /sandboxes/{id}/refreshes`.
#[utoipa::path(
    post,
    path = "/sandboxes/{sandboxID}/refreshes",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
    ),
    request_body = schema::Refresh,
    responses(
        (status = 204, description = "Done"),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn refresh(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
    Whole(body): Whole,
) -> Result<StatusCode, ApiError> {
    let seconds = member(&read(Body::Refresh, &body)?, "duration")?.unwrap_or(TIMEOUT_V1.as_secs());
    if seconds > REFRESH_SECONDS_MAX {
        let message = format!("duration: {seconds} is more than {REFRESH_SECONDS_MAX} seconds");
        return Err(ApiError::bad_request(message));
    }
    prolong(&*find(&api, tenant.0, &id)?, Duration::from_secs(seconds))?;
    Ok(StatusCode::NO_CONTENT)
}

fn prolong(machine: &Machine, timeout: Duration) -> Result<(), ApiError> {
    if machine.sandbox.ends_at() < SystemTime::now() + timeout {
        machine.sandbox.set_timeout(timeout)?;
    }
    Ok(())
}

/// Seconds that a client gave, within this server's bounds.
fn lifetime(api: &Api, field: &str, seconds: i64) -> Result<Duration, ApiError> {
    let max = api.machines.runtime().config().timeout_max.as_secs();
    match u64::try_from(seconds) {
        Ok(seconds) if seconds <= max => Ok(Duration::from_secs(seconds)),
        _ => Err(ApiError::bad_request(format!(
            "{field}: {seconds} is not within 0 to {max} seconds"
        ))),
    }
}

/// The machine that a path names. Old ids carry a `-client` suffix, which is cut.
pub(crate) fn find(api: &Api, tenant: Tenant, id: &str) -> Result<Arc<Machine>, ApiError> {
    let short = id.split('-').next().unwrap_or_default();
    let shown: String = id.chars().take(64).collect();
    let known = is_id(short).then(|| api.machines.of(tenant, short)).flatten();
    known.ok_or_else(|| ApiError::sandbox_not_found(&shown))
}

/// Reads a JSON body: an object, or nothing, with the fields of the table.
pub(crate) fn read(body: Body, bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let object = serde_json::from_slice(bytes).map_err(|error| {
        ApiError::bad_request(format!("the body must be a JSON object: {error}"))
    })?;
    fields::check(body, &object)?;
    Ok(object)
}

/// The value of a member, if it is there and not `null`; an error names it.
pub(crate) fn member<T: DeserializeOwned>(
    object: &Map<String, Value>,
    name: &str,
) -> Result<Option<T>, ApiError> {
    let value = object.get(name).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|error| ApiError::bad_request(format!("{name}: {error}")))
}

/// E2B's `Sandbox`.
fn brief(api: &Api, machine: &Machine) -> Value {
    json!({
        "sandboxID": machine.sandbox.id(),
        "templateID": machine.template,
        "clientID": "isolet",
        "envdVersion": ENVD_VERSION,
        "envdAccessToken": machine.token.expose(),
        "trafficAccessToken": machine.traffic_token.as_ref().map(|token| token.expose()),
        "domain": api.domain.shown(),
    })
}

/// E2B's `ListedSandbox`.
pub(crate) fn listed(machine: &Machine) -> Value {
    let sandbox = &machine.sandbox;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    json!({
        "sandboxID": sandbox.id(),
        "templateID": machine.template,
        "clientID": "isolet",
        "startedAt": rfc3339(sandbox.started_at()),
        "endAt": rfc3339(sandbox.ends_at()),
        "state": "running",
        "cpuCount": cores,
        "memoryMB": sandbox.limits().memory_bytes_max >> 20,
        "diskSizeMB": sandbox.limits().disk_bytes_max >> 20,
        "envdVersion": ENVD_VERSION,
        "metadata": sandbox.metadata(),
        "volumeMounts": [],
    })
}

/// 9999-12-31T23:59:59Z, in seconds since 1970: the last that RFC 3339 can write. Guests set the times of files at will.
const LAST_SECOND: u64 = 253_402_300_799;

/// A time as the protocol writes it; one that it cannot write is the first or last that it can.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let since = since.min(Duration::from_secs(LAST_SECOND));
    let text = (OffsetDateTime::UNIX_EPOCH + since).format(&Rfc3339);
    text.unwrap_or_else(|_| "1970-01-01T00:00:00Z".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_time_is_written() {
        let after = |seconds| rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(after(0), "1970-01-01T00:00:00Z");
        assert_eq!(after(1_700_000_000), "2023-11-14T22:13:20Z");
        for late in [LAST_SECOND, LAST_SECOND + 1, 1 << 50, i64::MAX as u64] {
            assert_eq!(after(late), "9999-12-31T23:59:59Z");
        }
        let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(rfc3339(early), "1970-01-01T00:00:00Z");
    }
}
