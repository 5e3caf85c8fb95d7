//! Whom a request is for: the control plane, or one port of one sandbox. Decided from the host name and the routing headers
//! alone, once, before anything else is looked at.
//!
//! ```text
//! 3000-abc.DOMAIN                            port 3000 of sandbox abc
//! IP, localhost, DOMAIN, api.DOMAIN, sandbox.DOMAIN
//!     with E2b-Sandbox-Id and E2b-Sandbox-Port    that port of that sandbox
//!     without them                                control plane
//! any other name                             control plane; with routing headers: 400
//! ```
//!
//! Whatever can be read in two ways is refused: two `Host` headers, a `Host` that differs from the request target's authority
//! or from the routing headers, half of the routing headers, ports and ids that are not plain.

use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use std::net::IpAddr;

/// The longest sandbox id that is looked up; ours have 20 characters.
const ID_CHARACTERS_MAX: usize = 64;

const ID_HEADER: &str = "e2b-sandbox-id";
const PORT_HEADER: &str = "e2b-sandbox-port";

/// Whom a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The REST API.
    Control,
    /// A port inside a sandbox, which may not exist.
    Sandbox {
        /// `[a-z0-9]+`.
        id: String,
        /// Never 0.
        port: u16,
    },
}

/// Why a request's target cannot be told; the text of a 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTarget {
    #[error("invalid host: missing, repeated, or not a host name")]
    Host,
    #[error("invalid host: the Host header and the request target disagree")]
    Authority,
    #[error("invalid host: use <port>-<sandbox id>.<domain>, port 1 to 65535, id of a-z and 0-9")]
    Label,
    #[error(
        "invalid routing headers: E2b-Sandbox-Id (a-z, 0-9) and E2b-Sandbox-Port (1 to 65535), once each"
    )]
    Headers,
    #[error("the host and the routing headers name different sandboxes")]
    Disagree,
    #[error("routing headers are not honoured on this host name")]
    HeadersHere,
}

/// The name under which sandboxes are reached, without its port, in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    name: String,
    shown: String,
}

impl Domain {
    /// From `isolet.localhost:8080` or `sandboxes.example.org`. `None` if it is not a DNS name with an optional port.
    pub(crate) fn new(shown: &str) -> Option<Self> {
        let authority: Authority = shown.parse().ok()?;
        let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let named = name.parse::<IpAddr>().is_err() && name.split('.').all(label);
        // 65 characters are left for the longest label, `65535-` and an id.
        let plain = !shown.contains('@') && name.len() <= 180;
        (named && plain).then(|| Self { name, shown: shown.to_ascii_lowercase() })
    }

    /// Without the port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// With the port, as it was given.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The ports of its public URLs: the one that is shown, or those of HTTP and HTTPS.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let port = self.shown.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        port.map_or_else(|| vec![80, 443], |port| vec![port])
    }

    /// What stands before `.DOMAIN` in `host`; empty for DOMAIN itself.
    fn prefix<'a>(&self, host: &'a str) -> Option<&'a str> {
        let rest = host.strip_suffix(&self.name)?;
        if rest.is_empty() {
            Some("")
        } else {
            rest.strip_suffix('.').filter(|rest| !rest.is_empty())
        }
    }
}

/// Whom the request with this target and these headers is for.
///
/// # Errors
///
/// [`BadTarget`], when it can be read in two ways or none.
pub(crate) fn target(uri: &Uri, headers: &HeaderMap, domain: &Domain) -> Result<Target, BadTarget> {
    let host = host(uri, headers)?;
    let routed = routing(headers)?;
    let prefix = domain.prefix(&host);
    if let Some(label) = prefix.filter(|prefix| looks_like_port(prefix)) {
        let named = sandbox_label(label).ok_or(BadTarget::Label)?;
        return match routed {
            Some(routed) if routed != named => Err(BadTarget::Disagree),
            _ => Ok(named),
        };
    }
    let ours = matches!(prefix, Some("" | "api" | "sandbox"));
    if prefix.is_some() && !ours {
        return Err(BadTarget::Label);
    }
    match routed {
        None => Ok(Target::Control),
        Some(routed) if ours || host == "localhost" || is_address(&host) => Ok(routed),
        Some(_) => Err(BadTarget::HeadersHere),
    }
}

/// The host name of a request in lower case, without port and final dot.
///
/// # Errors
///
/// [`BadTarget`], when there is none, more than one, or two that differ.
pub(crate) fn host(uri: &Uri, headers: &HeaderMap) -> Result<String, BadTarget> {
    let mut given = headers.get_all(HOST).iter();
    let (header, second) = (given.next(), given.next());
    if second.is_some() {
        return Err(BadTarget::Host);
    }
    let header = match header {
        None => None,
        Some(value) => {
            let text = value.to_str().map_err(|_| BadTarget::Host)?;
            Some(text.parse::<Authority>().map_err(|_| BadTarget::Host)?)
        }
    };
    let authority = match (uri.authority(), &header) {
        (Some(target), Some(header)) if !same(target, header) => return Err(BadTarget::Authority),
        (Some(target), _) => target,
        (None, Some(header)) => header,
        (None, None) => return Err(BadTarget::Host),
    };
    if authority.as_str().contains('@') {
        return Err(BadTarget::Host);
    }
    let name = authority.host().strip_suffix('.').unwrap_or(authority.host());
    if name.is_empty() { Err(BadTarget::Host) } else { Ok(name.to_ascii_lowercase()) }
}

fn same(a: &Authority, b: &Authority) -> bool {
    a.as_str().eq_ignore_ascii_case(b.as_str())
}

fn is_address(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

/// Digits and a dash: meant as `<port>-<id>`, so it is that or an error, never something else.
fn looks_like_port(prefix: &str) -> bool {
    prefix.split_once('-').is_some_and(|(port, _)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn sandbox_label(label: &str) -> Option<Target> {
    let (port, id) = label.split_once('-')?;
    sandbox(id, port)
}

fn sandbox(id: &str, port: &str) -> Option<Target> {
    let plain = (1..=5).contains(&port.len())
        && !port.starts_with('0')
        && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = plain.then(|| port.parse::<u16>().ok()).flatten()?;
    is_id(id).then(|| Target::Sandbox { id: id.to_owned(), port })
}

/// Whether `id` could be a sandbox's.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=ID_CHARACTERS_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// What the routing headers name, if they are there.
fn routing(headers: &HeaderMap) -> Result<Option<Target>, BadTarget> {
    let one = |name| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| BadTarget::Headers),
            (Some(_), Some(_)) => Err(BadTarget::Headers),
        }
    };
    match (one(ID_HEADER)?, one(PORT_HEADER)?) {
        (None, None) => Ok(None),
        (Some(id), Some(port)) => sandbox(id, port).map(Some).ok_or(BadTarget::Headers),
        _ => Err(BadTarget::Headers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(target_uri: &str, headers: &[(&'static str, &str)]) -> Result<Target, BadTarget> {
        let domain = Domain::new("isolet.localhost:8080").unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        target(&target_uri.parse().unwrap(), &map, &domain)
    }

    fn to(id: &str, port: u16) -> Result<Target, BadTarget> {
        Ok(Target::Sandbox { id: id.into(), port })
    }

    #[test]
    fn hosts_name_ports_of_sandboxes() {
        for host in [
            "3000-abc1.isolet.localhost:8080",
            "3000-ABC1.Isolet.LOCALHOST:8080",
            "3000-abc1.isolet.localhost.",
            "3000-abc1.isolet.localhost.:8080",
            "3000-abc1.isolet.localhost",
        ] {
            assert_eq!(ask("/", &[("host", host)]), to("abc1", 3000), "{host}");
        }
        assert_eq!(ask("https://3000-a.isolet.localhost/x", &[]), to("a", 3000));
    }

    #[test]
    fn hosts_that_are_almost_a_sandbox_are_refused() {
        for label in [
            "0-abc",
            "65536-abc",
            "03000-abc",
            "3000-",
            "3000-a-b",
            "3000-a_b",
            "-abc",
            "3000-a.b",
            "x",
        ] {
            let host = format!("{label}.isolet.localhost");
            assert_eq!(ask("/", &[("host", &host)]), Err(BadTarget::Label), "{host}");
        }
        assert_eq!(ask("/", &[]), Err(BadTarget::Host));
        assert_eq!(ask("/", &[("host", "a"), ("host", "a")]), Err(BadTarget::Host));
        assert_eq!(ask("/", &[("host", "u@127.0.0.1")]), Err(BadTarget::Host));
        assert_eq!(
            ask("http://3000-a.isolet.localhost/", &[("host", "3000-b.isolet.localhost")]),
            Err(BadTarget::Authority)
        );
    }

    #[test]
    fn the_rest_is_the_control_plane() {
        for host in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "localhost",
            "isolet.localhost:8080",
            "api.isolet.localhost",
            "box",
        ] {
            assert_eq!(ask("/", &[("host", host)]), Ok(Target::Control), "{host}");
        }
        // Somebody else's domain is no way to a sandbox.
        assert_eq!(ask("/", &[("host", "3000-abc.evil.example")]), Ok(Target::Control));
        assert_eq!(ask("/", &[("host", "3000-abc.notisolet.localhost")]), Ok(Target::Control));
    }

    #[test]
    fn routing_headers_count_on_our_hosts_only() {
        let both = |host: &'static str| {
            ask("/", &[("host", host), (ID_HEADER, "abc"), (PORT_HEADER, "49983")])
        };
        for host in
            ["127.0.0.1:1", "[::1]", "localhost", "isolet.localhost", "sandbox.isolet.localhost"]
        {
            assert_eq!(both(host), to("abc", 49983), "{host}");
        }
        assert_eq!(both("49983-abc.isolet.localhost"), to("abc", 49983));
        assert_eq!(both("49983-other.isolet.localhost"), Err(BadTarget::Disagree));
        assert_eq!(both("evil.example"), Err(BadTarget::HeadersHere));
        let host = ("host", "127.0.0.1");
        assert_eq!(ask("/", &[host, (ID_HEADER, "abc")]), Err(BadTarget::Headers));
        assert_eq!(ask("/", &[host, (PORT_HEADER, "1")]), Err(BadTarget::Headers));
        for (id, port) in
            [("abc", "0"), ("abc", "+1"), ("abc", "65536"), ("a/b", "1"), ("", "1"), ("ABC", "1")]
        {
            let answer = ask("/", &[host, (ID_HEADER, id), (PORT_HEADER, port)]);
            assert_eq!(answer, Err(BadTarget::Headers), "{id} {port}");
        }
        let twice = [host, (ID_HEADER, "a"), (ID_HEADER, "b"), (PORT_HEADER, "1")];
        assert_eq!(ask("/", &twice), Err(BadTarget::Headers));
    }

    #[test]
    fn domains_are_dns_names() {
        for good in ["isolet.localhost:8080", "sb.test", "a.b-c.d:1"] {
            assert!(Domain::new(good).is_some(), "{good}");
        }
        for bad in ["", "127.0.0.1", "[::1]:80", "a b", "-a.b", "a..b", "user@a.b", "a_b.c", ".a"] {
            assert!(Domain::new(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_host_reaches_a_sandbox_it_does_not_spell(host in "[0-9a-zA-Z.:@\\-\\[\\]_]{0,60}") {
            if let Ok(Target::Sandbox { id, port }) = ask("/", &[("host", host.as_str())]) {
                let spelled = format!("{port}-{id}.isolet.localhost");
                let lower = host.to_ascii_lowercase();
                let name = lower.split(':').next().unwrap_or_default();
                prop_assert_eq!(name.trim_end_matches('.'), spelled);
            }
        }

        #[test]
        fn every_sandbox_can_be_spelled(id in "[a-z0-9]{1,20}", port in 1u16..) {
            let host = format!("{port}-{id}.isolet.localhost:8080");
            prop_assert_eq!(ask("/", &[("host", host.as_str())]), to(&id, port));
        }
    }
}
