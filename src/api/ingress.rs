//! How a sandbox's ports answer the outside, as its creator asked: E2B's `network.allowPublicTraffic`, `maskRequestHost` and
//! `httpsPorts`. It reads and shows those fields; the router does what they say.

use super::envd;
use super::error::ApiError;
use axum::http::uri::Authority;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What stands for the port in `maskRequestHost`.
const PORT_PLACEHOLDER: &str = "${PORT}";

/// The longest `maskRequestHost`: a DNS name and a port.
const MASK_BYTES_MAX: usize = 260;

/// Ports that `httpsPorts` may list.
const HTTPS_PORTS_MAX: usize = 64;

/// What a sandbox's creator asked for its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ingress {
    /// Whether they answer to everybody; without it requests need the sandbox's traffic token.
    pub(crate) public: bool,
    /// What a guest's server sees as its `Host`; `${PORT}` stands for the port. `None`: what the client sent.
    pub(crate) host_mask: Option<String>,
    /// Ports whose servers speak TLS.
    pub(crate) https_ports: BTreeSet<u16>,
}

impl Default for Ingress {
    fn default() -> Self {
        Self { public: true, host_mask: None, https_ports: BTreeSet::new() }
    }
}

impl Ingress {
    /// From the members of E2B's `network`; those of egress are not looked at.
    ///
    /// # Errors
    ///
    /// 400, naming the member and what it may be.
    pub(crate) fn read(network: &Map<String, Value>) -> Result<Self, ApiError> {
        let bad = |name: &str, problem: &dyn std::fmt::Display| {
            ApiError::bad_request(format!("network.{name}: {problem}"))
        };
        let mut ingress = Self::default();
        match network.get("allowPublicTraffic") {
            None | Some(Value::Null) => {}
            Some(Value::Bool(public)) => ingress.public = *public,
            Some(_) => return Err(bad("allowPublicTraffic", &"must be true or false")),
        }
        match network.get("maskRequestHost") {
            None | Some(Value::Null) => {}
            Some(Value::String(mask)) => {
                ingress.host_mask = Some(checked_mask(mask).map_err(ApiError::bad_request)?);
            }
            Some(_) => return Err(bad("maskRequestHost", &"must be a string")),
        }
        match network.get("httpsPorts") {
            None | Some(Value::Null) => {}
            Some(Value::Array(ports)) if ports.len() > HTTPS_PORTS_MAX => {
                let problem = format!("at most {HTTPS_PORTS_MAX} ports");
                return Err(bad("httpsPorts", &problem));
            }
            Some(Value::Array(ports)) => {
                for port in ports {
                    let number = port.as_u64().and_then(|port| u16::try_from(port).ok());
                    match number {
                        Some(envd::PORT) => {
                            let problem =
                                format!("port {} is envd's and is no HTTPS port", envd::PORT);
                            return Err(bad("httpsPorts", &problem));
                        }
                        Some(number) if number > 0 => ingress.https_ports.insert(number),
                        _ => {
                            return Err(bad(
                                "httpsPorts",
                                &format!("{port} is no port, 1 to 65535"),
                            ));
                        }
                    };
                }
            }
            Some(_) => return Err(bad("httpsPorts", &"must be a list of ports")),
        }
        Ok(ingress)
    }

    /// The members of `network` that tell of it.
    pub(crate) fn shown(&self) -> Map<String, Value> {
        let mut network = Map::new();
        network.insert("allowPublicTraffic".into(), self.public.into());
        if let Some(mask) = &self.host_mask {
            network.insert("maskRequestHost".into(), mask.as_str().into());
        }
        if !self.https_ports.is_empty() {
            network.insert("httpsPorts".into(), json!(self.https_ports));
        }
        network
    }
}

/// A mask that is a host name or address with an optional port once its placeholder is written out, in E2B's words if not.
fn checked_mask(mask: &str) -> Result<String, String> {
    let shown: String = mask.chars().take(MASK_BYTES_MAX).collect();
    if !mask.is_ascii() {
        return Err(format!(
            "mask request host '{shown}' is not ASCII. Please use ASCII characters only."
        ));
    }
    let written = mask.replace(PORT_PLACEHOLDER, "65535");
    let authority = written.parse::<Authority>().ok();
    let valid = authority.is_some_and(|authority| {
        let host = authority.host();
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let port = written.strip_prefix(host).unwrap_or("?");
        let port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        !host.is_empty() && (bracketed || named) && port
    });
    if valid && mask.len() <= MASK_BYTES_MAX {
        Ok(mask.to_owned())
    } else {
        Err(format!("mask request host is not valid: {shown}"))
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(network: Value) -> Result<Ingress, String> {
        let Value::Object(network) = network else { panic!("not an object") };
        Ingress::read(&network).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn what_is_asked_is_shown_again() {
        assert_eq!(read(json!({})), Ok(Ingress::default()));
        let all = json!({"allowPublicTraffic": false, "maskRequestHost": "${PORT}-a.example:80", "httpsPorts": [443, 8443]});
        let ingress = read(all.clone()).unwrap();
        assert_eq!(Value::Object(ingress.shown()), all);
        let nulls =
            json!({"allowPublicTraffic": null, "maskRequestHost": null, "httpsPorts": null});
        assert_eq!(read(nulls), Ok(Ingress::default()));
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (network, named) in [
            (json!({"httpsPorts": [0]}), "network.httpsPorts"),
            (json!({"httpsPorts": [65536]}), "network.httpsPorts"),
            (json!({"httpsPorts": ["443"]}), "network.httpsPorts"),
            (json!({"httpsPorts": [49983]}), "envd"),
            (json!({"httpsPorts": 443}), "network.httpsPorts"),
            (json!({"httpsPorts": vec![1; 65]}), "at most 64"),
            (json!({"allowPublicTraffic": "no"}), "network.allowPublicTraffic"),
            (json!({"maskRequestHost": 1}), "network.maskRequestHost"),
            (json!({"maskRequestHost": ""}), "mask request host is not valid"),
            (json!({"maskRequestHost": "a b"}), "mask request host is not valid"),
            (json!({"maskRequestHost": "a\r\nX: y"}), "mask request host is not valid"),
            (json!({"maskRequestHost": "user@a"}), "mask request host is not valid"),
            (json!({"maskRequestHost": "a/b"}), "mask request host is not valid"),
            (json!({"maskRequestHost": "a:b"}), "mask request host is not valid"),
            (json!({"maskRequestHost": "a:${PORT}${PORT}"}), "mask request host is not valid"),
            (json!({"maskRequestHost": "b\u{fc}cher.example"}), "is not ASCII"),
        ] {
            let message = read(network.clone()).unwrap_err();
            assert!(message.contains(named), "{network}: {message}");
        }
        for mask in ["localhost", "localhost:${PORT}", "[::1]:${PORT}", "127.0.0.1:1", "a_b.c"] {
            assert!(read(json!({ "maskRequestHost": mask })).is_ok(), "{mask}");
        }
    }
}
