//! Listing sandboxes: filters, order, pages.
//!
//! A page ends with the start time and id of its last sandbox; the next one begins after that pair, so a sandbox that comes
//! or goes between two pages neither repeats nor hides another.

use super::error::ApiError;
use super::machines::Machine;
use super::sandboxes::listed;
use super::teams::Tenant;
use super::{Api, schema};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::{Extension, Json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Sandboxes on a page, at most and unless asked otherwise; E2B's number.
const PAGE_MAX: usize = 100;

const NEXT_TOKEN: HeaderName = HeaderName::from_static("x-next-token");
const TOTAL: HeaderName = HeaderName::from_static("x-total-running");

type Answer = Result<(HeaderMap, Json<Vec<Value>>), ApiError>;

/// Start in nanoseconds since 1970, and id: what the list is ordered by.
type Place = (u128, String);

#[derive(Debug, PartialEq)]
struct Query {
    metadata: BTreeMap<String, String>,
    running: bool,
    started_after: Option<SystemTime>,
    template: Option<String>,
    newest_first: bool,
    limit: usize,
    after: Option<Place>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            metadata: BTreeMap::new(),
            running: true,
            started_after: None,
            template: None,
            newest_first: true,
            limit: PAGE_MAX,
            after: None,
        }
    }
}

/// `GET /sandboxes`: everything at once, filtered by metadata.
#[utoipa::path(
    get,
    path = "/sandboxes",
    tag = "sandboxes",
    params(
        ("metadata" = Option<String>, Query, description = "Pairs that a sandbox must have, URL-encoded, as a query string"),
    ),
    responses(
        (status = 200, description = "All", body = [schema::ListedSandbox]),
        schema::Refusal,
    ),
)]
pub(crate) async fn list_v1(
    api: State<Api>,
    tenant: Extension<Tenant>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let query = parse(raw.as_deref().unwrap_or_default(), &["metadata"])?;
    let (page, _) = page(api.machines.all_of(tenant.0), &Query { limit: usize::MAX, ..query });
    Ok((HeaderMap::new(), Json(page.iter().map(|machine| listed(machine)).collect())))
}

/// `GET /v2/sandboxes`.
#[utoipa::path(
    get,
    path = "/v2/sandboxes",
    tag = "sandboxes",
    params(
        ("metadata" = Option<String>, Query, description = "Pairs that a sandbox must have, URL-encoded, as a query string"),
        ("state" = Option<String>, Query, description = "running, paused, or both with a comma", pattern = "^(running|paused)(,(running|paused))?$"),
        ("startedAfter" = Option<String>, Query, format = DateTime),
        ("template" = Option<String>, Query),
        ("order" = Option<schema::Order>, Query),
        ("limit" = Option<i32>, Query, minimum = 1, maximum = 100),
        ("nextToken" = Option<String>, Query, description = "X-Next-Token of the page before"),
    ),
    responses(
        (status = 200, description = "One page; X-Next-Token leads to the next", body = [schema::ListedSandbox]),
        schema::Refusal,
    ),
)]
pub(crate) async fn list_v2(
    api: State<Api>,
    tenant: Extension<Tenant>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let known = ["metadata", "state", "startedAfter", "template", "order", "limit", "nextToken"];
    let query = parse(raw.as_deref().unwrap_or_default(), &known)?;
    let machines = api.machines.all_of(tenant.0);
    let mut headers = HeaderMap::new();
    headers.insert(TOTAL, HeaderValue::from(machines.len()));
    let (page, next) = page(machines, &query);
    if let Some((nanoseconds, id)) = next {
        let token = URL_SAFE_NO_PAD.encode(format!("{nanoseconds}:{id}"));
        headers.insert(NEXT_TOKEN, HeaderValue::try_from(token).expect("base64 is a header value"));
    }
    Ok((headers, Json(page.iter().map(|machine| listed(machine)).collect())))
}

fn place(machine: &Machine) -> Place {
    let started = machine.sandbox.started_at().duration_since(UNIX_EPOCH).unwrap_or_default();
    (started.as_nanos(), machine.sandbox.id().to_owned())
}

/// The sandboxes of one page, and where the next one begins if there is one.
fn page(machines: Vec<Arc<Machine>>, query: &Query) -> (Vec<Arc<Machine>>, Option<Place>) {
    let mut chosen: Vec<(Place, Arc<Machine>)> = machines
        .into_iter()
        .filter(|machine| chosen(machine, query))
        .map(|machine| (place(&machine), machine))
        .collect();
    chosen.sort_by(|a, b| if query.newest_first { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) });
    if let Some(after) = &query.after {
        chosen.retain(|(place, _)| if query.newest_first { place < after } else { place > after });
    }
    let more = chosen.len() > query.limit;
    chosen.truncate(query.limit);
    let next = chosen.last().filter(|_| more).map(|(place, _)| place.clone());
    (chosen.into_iter().map(|(_, machine)| machine).collect(), next)
}

fn chosen(machine: &Machine, query: &Query) -> bool {
    let has = |(name, value)| machine.sandbox.metadata().get(name) == Some(value);
    query.running
        && query.metadata.iter().all(has)
        && query.started_after.is_none_or(|after| machine.sandbox.started_at() > after)
        && query.template.as_ref().is_none_or(|template| *template == machine.template)
}

fn parse(raw: &str, known: &[&str]) -> Result<Query, ApiError> {
    let mut query = Query::default();
    for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
        if !known.contains(&&*name) {
            let message =
                format!("query parameter {name:?} is unknown; known: {}", known.join(", "));
            return Err(ApiError::bad_request(message));
        }
        if !value.is_empty() {
            parameter(&mut query, &name, &value)
                .map_err(|allowed| ApiError::bad_request(format!("{name}: must be {allowed}")))?;
        }
    }
    Ok(query)
}

/// Sets what one parameter says; the error is what it may be.
fn parameter(query: &mut Query, name: &str, value: &str) -> Result<(), &'static str> {
    match name {
        "metadata" => query.metadata = metadata(value),
        "state" => {
            let states: Vec<&str> = value.split(',').collect();
            if !states.iter().all(|state| ["running", "paused"].contains(state)) {
                return Err("running, paused, or both with a comma");
            }
            query.running = states.contains(&"running");
        }
        "startedAfter" => {
            let time = OffsetDateTime::parse(value, &Rfc3339).map_err(|_| "an RFC 3339 time")?;
            query.started_after = Some(time.into());
        }
        "template" => query.template = Some(value.to_owned()),
        "order" => match value {
            "asc" => query.newest_first = false,
            "desc" => query.newest_first = true,
            _ => return Err("asc or desc"),
        },
        "limit" => {
            let limit = value.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
            query.limit = limit.ok_or("1 to 100")?;
        }
        _ => query.after = Some(token(value).ok_or("the X-Next-Token of the page before")?),
    }
    Ok(())
}

/// The metadata filter: a query string whose names and values were URL-encoded once more before it was made.
fn metadata(value: &str) -> BTreeMap<String, String> {
    let decode =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    form_urlencoded::parse(value.as_bytes())
        .map(|(name, value)| (decode(&name), decode(&value)))
        .collect()
}

fn token(value: &str) -> Option<Place> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
    let (nanoseconds, id) = text.split_once(':')?;
    Some((nanoseconds.parse().ok()?, id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 7] =
        ["metadata", "state", "startedAfter", "template", "order", "limit", "nextToken"];

    #[test]
    fn the_metadata_filter_is_encoded_twice() {
        // As the JavaScript SDK sends {a: "b c"} and {"k=": "100%"}.
        let query = parse("metadata=a%3Db%252520c", &ALL).unwrap();
        assert_eq!(query.metadata, BTreeMap::from([("a".into(), "b c".into())]));
        let query = parse("metadata=k%25253D%3D100%252525", &ALL).unwrap();
        assert_eq!(query.metadata, BTreeMap::from([("k=".into(), "100%".into())]));
    }

    #[test]
    fn parameters_are_read_or_refused() {
        let query = parse("state=running%2Cpaused&limit=5&order=asc&template=base", &ALL).unwrap();
        assert!(query.running && !query.newest_first);
        assert_eq!((query.limit, query.template.as_deref()), (5, Some("base")));
        assert!(!parse("state=paused", &ALL).unwrap().running);
        assert_eq!(parse("nextToken=&limit=", &ALL).unwrap(), Query::default());
        for bad in [
            "limit=0",
            "limit=101",
            "limit=x",
            "order=up",
            "state=dead",
            "startedAfter=1",
            "nextToken=%21",
            "x=1",
        ] {
            let error = parse(bad, &ALL).unwrap_err();
            let name = bad.split('=').next().unwrap();
            assert!(error.message().contains(name), "{}", error.message());
        }
    }

    #[test]
    fn tokens_go_round() {
        let text = URL_SAFE_NO_PAD.encode("12:abc");
        assert_eq!(token(&text), Some((12, "abc".into())));
        assert_eq!(token(&URL_SAFE_NO_PAD.encode("x:abc")), None);
    }
}
