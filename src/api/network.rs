//! What may leave a sandbox, over the API: the fields of a body, the answer that shows them, `PUT .../network`, and the log.
//!
//! What the fields mean is the crate's `Egress`; here is only how E2B writes them. Secrets (header values, the proxy's password,
//! its CA) come in; header values are shown to the sandbox's owner as E2B does, the rest never.

use super::body::Whole;
use super::error::ApiError;
use super::fields::Body;
use super::metrics::unknown_parameter;
use super::sandboxes::{find, member, read, rfc3339};
use super::teams::Tenant;
use super::{Api, schema};
use crate::{Egress, EgressProxy, Error, NetEvent, NetProtocol, NetVerdict};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Records of one answer, at most and unless asked otherwise.
const EVENTS_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    transform: Option<Transform>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transform {
    headers: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proxy {
    address: String,
    username: Option<String>,
    password: Option<String>,
    tls: Option<ProxyTls>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ProxyTls {
    enabled: bool,
    server_name: Option<String>,
    ca_cert: Option<String>,
}

/// The policy's own sentence: E2B's, where E2B has one.
fn refused(error: Error) -> ApiError {
    match error {
        Error::Invalid { problem, .. } => ApiError::bad_request(problem),
        other => other.into(),
    }
}

/// The policy that a body asks for: `fields` has the lists, `internet` whether there is any access.
///
/// # Errors
///
/// 400 that says what is wrong.
pub(crate) fn egress(
    fields: &Map<String, Value>,
    internet: Option<bool>,
) -> Result<Egress, ApiError> {
    // On unless it is switched off, as E2B's.
    let start = if internet.unwrap_or(true) { Egress::internet() } else { Egress::deny_all() };
    let list = |name| member::<Vec<String>>(fields, name).map(Option::unwrap_or_default);
    let egress = list("denyOut")?.iter().try_fold(start, |egress, entry| egress.deny(entry));
    let mut egress = egress.map_err(refused)?;
    for entry in list("allowOut")? {
        egress = egress.allow(&entry).map_err(refused)?;
    }
    let rules: BTreeMap<String, Vec<Rule>> = member(fields, "rules")?.unwrap_or_default();
    for (host, rules) in rules {
        if rules.len() > 1 {
            let message = format!("Domain {host:?} can have at most 1 transform rule.");
            return Err(ApiError::bad_request(message));
        }
        let transform = rules.into_iter().next().and_then(|rule| rule.transform);
        let headers = transform.and_then(|transform| transform.headers).unwrap_or_default();
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        egress = egress.rule(&host, headers).map_err(refused)?;
    }
    if let Some(proxy) = member::<Proxy>(fields, "egressProxy")? {
        egress = egress.proxy(proxy_of(&proxy).map_err(refused)?);
    }
    if let Some(servers) = member::<Vec<String>>(fields, "dnsServers")? {
        let parse = |text: &String| {
            let shown: String = text.chars().take(64).collect();
            let problem = format!("dnsServers: {shown:?} must be an IPv4 address");
            text.parse::<Ipv4Addr>().map_err(|_| ApiError::bad_request(problem))
        };
        let servers = servers.iter().map(parse).collect::<Result<_, _>>()?;
        egress = egress.name_servers(servers).map_err(refused)?;
    }
    egress.check().map_err(refused)?;
    Ok(egress)
}

fn proxy_of(asked: &Proxy) -> Result<EgressProxy, Error> {
    let username = asked.username.as_deref().unwrap_or_default();
    let password = asked.password.as_deref().unwrap_or_default();
    let proxy = EgressProxy::new(&asked.address)?.credentials(username, password)?;
    match &asked.tls {
        Some(tls) if tls.enabled => proxy.tls(tls.server_name.as_deref(), tls.ca_cert.as_deref()),
        _ => Ok(proxy),
    }
}

/// Asks whether the policy's proxy is at an address that may be dialled.
///
/// # Errors
///
/// 400 in E2B's words.
pub(crate) async fn check_proxy(api: &Api, egress: &Egress) -> Result<(), ApiError> {
    api.machines.runtime().check_proxy(egress).await.map_err(refused)
}

/// Adds what E2B's `network` says of a policy; absent is what was not asked for.
pub(crate) fn show(egress: &Egress, network: &mut Map<String, Value>) {
    let mut put = |name: &str, value: Value| network.insert(name.to_owned(), value);
    if !egress.allowed().is_empty() {
        put("allowOut", json!(egress.allowed()));
    }
    if !egress.denied().is_empty() {
        put("denyOut", json!(egress.denied()));
    }
    if !egress.rules().is_empty() {
        let rules = egress.rules().iter().map(|rule| {
            let headers: BTreeMap<&str, String> = rule.headers().collect();
            (rule.written().to_owned(), json!([{ "transform": { "headers": headers } }]))
        });
        put("rules", Value::Object(rules.collect()));
    }
    if let Some(servers) = egress.own_name_servers() {
        put("dnsServers", json!(servers));
    }
    if let Some(proxy) = egress.via() {
        let mut shown = json!({ "address": proxy.address() });
        if let Some(username) = proxy.username() {
            shown["username"] = json!(username);
        }
        if let Some(name) = proxy.tls_name() {
            shown["tls"] = json!({ "enabled": true });
            if let Some(name) = name {
                shown["tls"]["serverName"] = json!(name);
            }
        }
        put("egressProxy", shown);
    }
}

/// `PUT /sandboxes/{id}/network`: the whole policy anew; what is left out is as if it had never been asked for. Connections
/// that it denies are reset before the answer.
#[utoipa::path(
    put,
    path = "/sandboxes/{sandboxID}/network",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
    ),
    request_body = schema::NetworkUpdate,
    responses(
        (status = 204, description = "It is in force"),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn update(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
    Whole(body): Whole,
) -> Result<StatusCode, ApiError> {
    let fields = read(Body::Network, &body)?;
    let egress = egress(&fields, member(&fields, "allow_internet_access")?)?;
    let machine = find(&api, tenant.0, &id)?;
    check_proxy(&api, &egress).await?;
    machine.sandbox.set_egress(egress).map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /sandboxes/{id}/network/log`, which is isolet's own: what was tried, oldest first.
#[utoipa::path(
    get,
    path = "/sandboxes/{sandboxID}/network/log",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
        ("after" = Option<i64>, Query, description = "Only records with a greater id", minimum = 0),
        ("limit" = Option<i32>, Query, minimum = 0, maximum = 1000),
    ),
    responses(
        (status = 200, description = "Connections, datagram peers and lookups, allowed or not", body = schema::NetworkLog),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn log(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let (mut after, mut limit) = (0, EVENTS_MAX);
    for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
        let wrong = |allowed| ApiError::bad_request(format!("{name}: must be {allowed}"));
        match &*name {
            "after" => {
                let id = value.parse().ok().filter(|id| *id <= i64::MAX as u64);
                after = id.ok_or_else(|| wrong("the id of a record"))?;
            }
            "limit" => {
                let count = value.parse().ok().filter(|count| *count <= EVENTS_MAX);
                limit = count.ok_or_else(|| wrong("0 to 1000"))?;
            }
            _ => return Err(unknown_parameter(&name, "after, limit")),
        }
    }
    let machine = find(&api, tenant.0, &id)?;
    let events = machine.sandbox.net_events(after, limit);
    Ok(Json(json!({ "events": events.iter().map(event).collect::<Vec<_>>() })))
}

fn event(event: &NetEvent) -> Value {
    json!({
        "id": event.id,
        "timestamp": rfc3339(event.at),
        "pid": event.pid,
        "uid": event.uid,
        "protocol": match event.protocol {
            NetProtocol::Tcp => "tcp",
            NetProtocol::Udp => "udp",
            NetProtocol::Dns => "dns",
        },
        "name": event.name,
        "question": event.question,
        "address": event.address.map(|address| address.ip().to_string()),
        "port": event.address.map(|address| address.port()),
        "bytesOut": event.sent,
        "bytesIn": event.received,
        "verdict": match event.verdict {
            NetVerdict::Allowed => "allowed",
            NetVerdict::Denied => "denied",
            NetVerdict::Failed => "failed",
        },
        "reason": event.reason,
        "times": event.times,
        "endedAt": event.ended.map(rfc3339),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: Value) -> Result<Egress, String> {
        let Value::Object(fields) = value else { panic!("not an object") };
        egress(&fields, None).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn what_is_asked_for_is_shown_but_secrets() {
        let wanted = json!({
            "allowOut": ["api.example.com", "1.1.1.0/24"],
            "denyOut": ["0.0.0.0/0"],
            "rules": {"api.example.com": [{"transform": {"headers": {"authorization": "Bearer x"}}}]},
            "dnsServers": ["9.9.9.9"],
            "egressProxy": {"address": "proxy.example.com:1080", "username": "u", "password": "s3cret",
                            "tls": {"enabled": true, "serverName": "p.example"}},
        });
        let egress = asked(wanted.clone()).unwrap();
        assert!(
            !format!("{egress:?}").contains("s3cret") && !format!("{egress:?}").contains("Bearer")
        );
        let mut shown = Map::new();
        show(&egress, &mut shown);
        let mut expected = wanted;
        expected["egressProxy"].as_object_mut().unwrap().remove("password");
        assert_eq!(Value::Object(shown), expected);
        let mut nothing = Map::new();
        show(&asked(json!({})).unwrap(), &mut nothing);
        assert_eq!(nothing, Map::new());
    }

    #[test]
    fn what_is_wrong_is_refused_in_e2bs_words() {
        for (wrong, message) in [
            (json!({"denyOut": ["example.com"]}), "invalid denied CIDR example.com"),
            (json!({"allowOut": ["0.0.0.0"]}), "invalid allowed address 0.0.0.0"),
            (
                json!({"allowOut": ["example.com"]}),
                "When specifying allowed domains in allow out, you must include 'ALL_TRAFFIC' in deny out to block all other traffic.",
            ),
            (json!({"rules": {"": []}}), "Rule domain must not be empty."),
            (
                json!({"rules": {"a.b": [{}, {}]}}),
                "Domain \"a.b\" can have at most 1 transform rule.",
            ),
            (
                json!({"egressProxy": {"address": ""}}),
                "Invalid egress proxy config: egress proxy address must not be empty",
            ),
            (
                json!({"egressProxy": {"address": "a.b:1", "password": "x"}}),
                "Invalid egress proxy config: egress proxy password must be empty when username is empty",
            ),
            (json!({"dnsServers": ["::1"]}), "dnsServers: \"::1\" must be an IPv4 address"),
        ] {
            assert_eq!(asked(wrong), Err(message.to_owned()));
        }
        for (unknown, part) in [
            (json!({"rules": {"a.b": [{"transform": {"body": 1}}]}}), "rules: unknown field"),
            (json!({"egressProxy": {"address": "a.b:1", "kind": 1}}), "egressProxy: unknown field"),
            (
                json!({"egressProxy": {"address": "a.b:1", "tls": {"enabled": true, "x": 1}}}),
                "egressProxy: unknown",
            ),
            (json!({"allowOut": "x"}), "allowOut: invalid type"),
        ] {
            let message = asked(unknown).unwrap_err();
            assert!(message.starts_with(part), "{message}");
        }
    }
}
