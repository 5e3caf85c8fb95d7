//! Every request field of E2B's control plane, and what this server does with it: honoured, or refused unless it says what
//! happens anyway. The one table; a field that is not in it is refused by name. It does not read the values: each handler
//! has its own struct for that.

use super::error::ApiError;
use serde_json::{Map, Value};

/// A request body of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// `POST /v2/sandboxes` and `POST /sandboxes`.
    Create,
    /// `POST [/v2]/sandboxes/{id}/connect`.
    Connect,
    /// `PUT /sandboxes/{id}/network`.
    Network,
    /// `POST /sandboxes/{id}/timeout`.
    Timeout,
    /// `POST /sandboxes/{id}/refreshes`.
    Refresh,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The handler does what it says.
    Honoured,
    /// An object whose members have rows of their own, `parent.member`.
    Object,
    /// Only these values, as JSON; they ask for what happens anyway. `null` is always one of them.
    Only(&'static [&'static str]),
}

/// One row: a body, a field of it, its rule.
#[derive(Debug)]
pub(crate) struct Field(pub(crate) Body, pub(crate) &'static str, pub(crate) Rule);

use Body::{Connect, Create, Network, Refresh, Timeout};
use Rule::{Honoured, Object, Only};

/// The table.
pub(crate) const FIELDS: &[Field] = &[
    Field(Create, "templateID", Honoured),
    Field(Create, "timeout", Honoured),
    Field(Create, "metadata", Honoured),
    Field(Create, "envVars", Honoured),
    Field(Create, "allow_internet_access", Honoured),
    // Every sandbox is secured; the v1 field can only agree.
    Field(Create, "secure", Only(&["true"])),
    Field(Create, "network", Object),
    Field(Create, "network.allowPublicTraffic", Honoured),
    Field(Create, "network.allowOut", Honoured),
    Field(Create, "network.denyOut", Honoured),
    Field(Create, "network.rules", Honoured),
    Field(Create, "network.egressProxy", Honoured),
    Field(Create, "network.maskRequestHost", Honoured),
    Field(Create, "network.httpsPorts", Honoured),
    Field(Create, "network.dnsServers", Honoured),
    Field(Create, "iam", Only(&["{}", "{\"tokens\":{}}"])),
    Field(Create, "mcp", Only(&["{}"])),
    Field(Create, "autoPause", Only(&["false"])),
    Field(Create, "autoPauseMemory", Only(&[])),
    Field(Create, "autoResume", Object),
    Field(Create, "autoResume.enabled", Only(&["false"])),
    Field(Create, "volumeMounts", Only(&["[]"])),
    Field(Connect, "timeout", Honoured),
    // How a paused sandbox would be resumed; here none is ever paused.
    Field(Connect, "memory", Only(&["true"])),
    Field(Network, "allowOut", Honoured),
    Field(Network, "denyOut", Honoured),
    Field(Network, "rules", Honoured),
    Field(Network, "egressProxy", Honoured),
    Field(Network, "dnsServers", Honoured),
    Field(Network, "allow_internet_access", Honoured),
    Field(Timeout, "timeout", Honoured),
    Field(Refresh, "duration", Honoured),
];

/// Checks the fields of `body` against the table.
///
/// # Errors
///
/// 400, naming the first field that is unknown or asks for what this version does not do, and what is allowed.
pub(crate) fn check(body: Body, fields: &Map<String, Value>) -> Result<(), ApiError> {
    check_members(body, "", fields)
}

fn check_members(body: Body, parent: &str, members: &Map<String, Value>) -> Result<(), ApiError> {
    for (name, value) in members {
        let path = format!("{parent}{name}");
        // `{"a.b": 1}` is not `{"a": {"b": 1}}`, whatever the table's spelling of the latter.
        let plain = !name.contains('.');
        let row = FIELDS.iter().find(|row| plain && row.0 == body && row.1 == path);
        match row.map(|row| row.2) {
            None => return Err(unknown(body, &path)),
            Some(Honoured) => {}
            Some(Object) => match value {
                Value::Null => {}
                Value::Object(members) => check_members(body, &format!("{path}."), members)?,
                _ => return Err(ApiError::bad_request(format!("{path}: must be an object"))),
            },
            Some(Only(allowed)) if is_one_of(value, allowed) => {}
            Some(Only(allowed)) => {
                let mut list = vec!["absent", "null"];
                list.extend(allowed);
                return Err(ApiError::bad_request(format!(
                    "{path}: not supported by this version of isolet; allowed: {}",
                    list.join(", ")
                )));
            }
        }
    }
    Ok(())
}

fn is_one_of(value: &Value, allowed: &[&str]) -> bool {
    value.is_null()
        || allowed
            .iter()
            .any(|text| serde_json::from_str::<Value>(text).is_ok_and(|one| one == *value))
}

fn unknown(body: Body, path: &str) -> ApiError {
    let known = FIELDS.iter().filter(|row| row.0 == body).map(|row| row.1).collect::<Vec<_>>();
    let shown: String = path.chars().take(100).collect();
    ApiError::bad_request(format!("{shown}: unknown field; known: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask(body: Body, value: Value) -> Result<(), String> {
        let Value::Object(map) = value else { panic!("not an object") };
        check(body, &map).map_err(|error| error.message().to_owned())
    }

    /// The protocol's fields with values that ask for something, and whether this server does it. Written from the protocol,
    /// not from the table.
    fn protocol() -> Vec<(Body, &'static str, Value, bool)> {
        vec![
            (Create, "templateID", json!("base"), true),
            (Create, "timeout", json!(300), true),
            (Create, "metadata", json!({"a": "b"}), true),
            (Create, "envVars", json!({"A": "b"}), true),
            (Create, "allow_internet_access", json!(false), true),
            (Create, "secure", json!(true), true),
            (Create, "network", json!({"allowPublicTraffic": false}), true),
            (Create, "network", json!({"allowOut": ["1.1.1.1"]}), true),
            (Create, "network", json!({"denyOut": ["0.0.0.0/0"]}), true),
            (Create, "network", json!({"rules": {"a.b": [{"transform": {"headers": {}}}]}}), true),
            (Create, "network", json!({"egressProxy": {"address": "a:1"}}), true),
            (Create, "network", json!({"maskRequestHost": "localhost:${PORT}"}), true),
            (Create, "network", json!({"httpsPorts": [443]}), true),
            (Create, "network", json!({"dnsServers": ["1.1.1.1"]}), true),
            (Create, "iam", json!({"tokens": {"x": {"audience": "a", "tokenType": "b"}}}), false),
            (Create, "mcp", json!({"browserbase": {"apiKey": "x"}}), false),
            (Create, "autoPause", json!(true), false),
            (Create, "autoPauseMemory", json!(false), false),
            (Create, "autoResume", json!({"enabled": true}), false),
            (Create, "volumeMounts", json!([{"name": "a", "path": "/a"}]), false),
            (Connect, "timeout", json!(300), true),
            (Connect, "memory", json!(false), false),
            (Network, "allowOut", json!(["1.1.1.1"]), true),
            (Network, "denyOut", json!(["0.0.0.0/0"]), true),
            (Network, "rules", json!({"a.b": []}), true),
            (Network, "egressProxy", json!({"address": "a:1"}), true),
            (Network, "dnsServers", json!(["1.1.1.1"]), true),
            (Network, "allow_internet_access", json!(false), true),
            (Timeout, "timeout", json!(300), true),
            (Refresh, "duration", json!(300), true),
        ]
    }

    #[test]
    fn every_field_is_honoured_or_refused_by_name() {
        for (body, name, value, done) in protocol() {
            let answer = ask(body, json!({ name: value }));
            assert_eq!(answer.is_ok(), done, "{body:?} {name} {value}: {answer:?}");
            if let Err(message) = answer {
                assert!(message.starts_with(name), "{message}");
                assert!(message.contains("allowed: absent, null"), "{message}");
            }
            assert_eq!(ask(body, json!({ name: null })), Ok(()), "null is absent: {name}");
        }
    }

    #[test]
    fn every_row_is_a_field_of_the_protocol() {
        for Field(body, path, _) in FIELDS {
            let (name, member) = path.split_once('.').unwrap_or((path, ""));
            let sent = protocol().into_iter().any(|(b, n, value, _)| {
                b == *body && n == name && (member.is_empty() || value.get(member).is_some())
            });
            assert!(sent, "{body:?} {path} is never sent by the test");
        }
    }

    #[test]
    fn defaults_that_clients_spell_out_are_accepted() {
        let spelled = json!({
            "templateID": "base", "metadata": {}, "envVars": {}, "secure": true, "autoPause": false,
            "autoResume": {"enabled": false}, "volumeMounts": [], "iam": {}, "mcp": null,
            "network": {"allowOut": [], "denyOut": [], "rules": {}, "allowPublicTraffic": true, "httpsPorts": [],
                        "dnsServers": [], "egressProxy": null, "maskRequestHost": null},
        });
        assert_eq!(ask(Create, spelled), Ok(()));
        assert_eq!(ask(Connect, json!({})), Ok(()));
    }

    #[test]
    fn unknown_fields_are_named() {
        for (value, name) in [
            (json!({"cpuCount": 2}), "cpuCount"),
            (json!({"network": {"evil": 1}}), "network.evil"),
            (json!({"network": 5}), "network"),
            (json!({"network.allowOut": 5}), "network.allowOut"),
            (json!({"secure": false}), "secure"),
        ] {
            let message = ask(Create, value).unwrap_err();
            assert!(message.starts_with(&format!("{name}:")), "{message}");
        }
        for dotted in ["network.allowPublicTraffic", "network.allowOut", "autoResume.enabled"] {
            let message = ask(Create, json!({ dotted: null })).unwrap_err();
            assert!(message.starts_with(&format!("{dotted}: unknown field")), "{message}");
        }
        let message = ask(Timeout, json!({"templateID": "base"})).unwrap_err();
        assert!(message.contains("known: timeout"), "{message}");
    }
}
