//! Header rules: what is set on outgoing requests to a host. Their values are secrets, and are in no `Debug` text.
//!
//! Limits and texts of errors are E2B's; refused besides are headers that frame a message, since they would split it.

use super::policy::is_name;
use http::HeaderMap;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use std::fmt;

/// E2B's `maxNetworkRuleDomainLen`, `maxNetworkRuleHeaderNameLen`, `maxNetworkRuleHeaderValueLen`, `maxNetworkRuleHeadersPerRule`.
const HOST_BYTES_MAX: usize = 128;
const NAME_BYTES_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 2048;
const HEADERS_MAX: usize = 20;

/// Starts of E2B's placeholders, for which there is nothing here that could fill them.
const PLACEHOLDERS: [&str; 2] = ["${e2b.identity.tokens.", "${e2b.secrets."];

/// The headers that are set on requests to one host.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    written: String,
    host: String,
    /// As they were written, and as they are set.
    headers: Vec<(String, HeaderName, HeaderValue)>,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, ..)| name.as_str()).collect();
        f.debug_struct("Rule").field("host", &self.host).field("headers", &names).finish()
    }
}

impl Rule {
    /// A rule for `host`; the error says what is wrong, without a value.
    pub(super) fn new<'a>(
        host: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        if host.is_empty() {
            return Err("Rule domain must not be empty.".into());
        }
        if host.len() > HOST_BYTES_MAX {
            let shown: String = host.chars().take(HOST_BYTES_MAX).collect();
            return Err(format!(
                "Rule domain {shown:?} exceeds maximum length of {HOST_BYTES_MAX} characters."
            ));
        }
        let name = is_name(host)
            .ok_or_else(|| format!("Rule domain {host:?} is not a valid domain name."))?;
        let mut rule = Self { written: host.to_owned(), host: name, headers: Vec::new() };
        for (name, value) in headers {
            let written = name.to_owned();
            let (name, value) = header(host, name, value)?;
            if rule.headers.iter().any(|(_, other, _)| *other == name) {
                return Err(format!("Domain {host:?} sets the header {name:?} twice."));
            }
            rule.headers.push((written, name, value));
        }
        if rule.headers.len() > HEADERS_MAX {
            return Err(format!(
                "Domain {host:?} can have at most {HEADERS_MAX} headers per rule."
            ));
        }
        Ok(rule)
    }

    /// The host, in the strict form.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The host as it was written.
    pub(crate) fn written(&self) -> &str {
        &self.written
    }

    /// Names and values, for who set them.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, String)> {
        self.headers.iter().map(|(name, _, value)| {
            (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
    }

    /// Whether it changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// Sets the headers; whatever the guest has sent under these names is gone.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        for (_, name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
    }
}

fn header(host: &str, name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    if name.is_empty() {
        return Err(format!("Header name in rule for domain {host:?} must not be empty."));
    }
    let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
    let place = format!("{shown:?} in rule for domain {host:?}");
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        format!("Header name {place} must contain only valid HTTP token characters.")
    })?;
    if name.len() > NAME_BYTES_MAX {
        return Err(format!(
            "Header name {place} exceeds maximum length of {NAME_BYTES_MAX} characters."
        ));
    }
    let framing = [CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    if framing.contains(&parsed)
        || parsed.as_str() == "keep-alive"
        || parsed.as_str().starts_with("proxy-")
    {
        return Err(format!("Header name {place} belongs to the connection and cannot be set."));
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(format!(
            "Value for header {place} exceeds maximum length of {VALUE_BYTES_MAX} characters."
        ));
    }
    if PLACEHOLDERS.iter().any(|start| value.contains(start)) {
        return Err(format!(
            "Value for header {place} has an E2B placeholder, which this version of isolet does not fill."
        ));
    }
    let mut value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| format!("Value for header {place} contains invalid characters."))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_no_text() {
        let rule = Rule::new("Api.Example.com", [("Authorization", "Bearer s3cret")]).unwrap();
        assert!(!format!("{rule:?}").contains("s3cret"));
        let mut headers = HeaderMap::new();
        headers.append("authorization", HeaderValue::from_static("mine"));
        headers.append("authorization", HeaderValue::from_static("too"));
        rule.apply(&mut headers);
        assert_eq!(headers.get_all("authorization").iter().count(), 1);
        assert!(!format!("{headers:?}").contains("s3cret"));
        for bad in ["s3cret\n", "s3cret\0", &"s3cret".repeat(400), "${e2b.secrets.s3cret}"] {
            let message = Rule::new("a.b", [("x", bad)]).unwrap_err();
            assert!(!message.contains("s3cret"), "{message}");
        }
    }

    #[test]
    fn what_cannot_be_set_is_refused() {
        for (host, name, part) in [
            ("", "x", "must not be empty"),
            ("*.a.b", "x", "is not a valid domain name"),
            ("1.1.1.1", "x", "is not a valid domain name"),
            ("a.b", "", "must not be empty"),
            ("a.b", "a b", "token characters"),
            ("a.b", "Content-Length", "belongs to the connection"),
            ("a.b", "Transfer-Encoding", "belongs to the connection"),
            ("a.b", "Host", "belongs to the connection"),
            ("a.b", "Proxy-Authorization", "belongs to the connection"),
        ] {
            let message = Rule::new(host, [(name, "v")]).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
        assert!(Rule::new(&"a".repeat(129), [("x", "v")]).unwrap_err().contains("maximum length"));
        assert!(
            Rule::new("a.b", [(&*"x".repeat(65), "v")]).unwrap_err().contains("maximum length")
        );
        assert!(Rule::new("a.b", [("X", "1"), ("x", "2")]).unwrap_err().contains("twice"));
        let many: Vec<String> = (0..21).map(|index| format!("x{index}")).collect();
        let many = many.iter().map(|name| (name.as_str(), "v"));
        assert!(Rule::new("a.b", many).unwrap_err().contains("at most 20"));
    }
}
