//! Metadata of files: `X-Metadata-KEY: value` of an upload becomes the extended attribute `user.e2b.KEY`, and back. What a
//! program in the sandbox sets there with setfattr(1) shows as well.

use axum::http::HeaderMap;
use std::collections::BTreeMap;

/// What the names of the attributes begin with, as E2B's.
pub(crate) const PREFIX: &str = "user.e2b.";

/// What the names of the headers begin with.
const HEADER: &str = "x-metadata-";

/// Bytes of a file's keys and values together, as E2B's.
const BYTES_MAX: usize = 4096;

/// Bytes of a key: Linux's `XATTR_NAME_MAX` without the prefix.
const KEY_BYTES_MAX: usize = 255 - PREFIX.len();

/// The metadata that an upload's headers give, without prefix, in lower case.
///
/// # Errors
///
/// A sentence about what is wrong with it.
pub(crate) fn from_headers(headers: &HeaderMap) -> Result<BTreeMap<String, String>, String> {
    let mut metadata = BTreeMap::new();
    let mut bytes = 0;
    for (name, value) in headers {
        let Some(key) = name.as_str().strip_prefix(HEADER) else { continue };
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(format!("invalid metadata: a key must be 1 to {KEY_BYTES_MAX} characters"));
        }
        let Ok(value) = value.to_str() else {
            return Err(format!(
                "invalid metadata: the value of {key:?} must be printable US-ASCII"
            ));
        };
        bytes += key.len() + value.len();
        if bytes > BYTES_MAX {
            return Err(format!(
                "invalid metadata: keys and values together are more than {BYTES_MAX} bytes"
            ));
        }
        // Of a header that is there twice the first counts, as E2B's.
        metadata.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn read(pairs: &[(&str, &[u8])]) -> Result<BTreeMap<String, String>, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        from_headers(&headers)
    }

    #[test]
    fn headers_become_keys() {
        let found =
            read(&[("X-Metadata-Author", b"me"), ("x-metadata-a.b", b""), ("x-other", b"1")]);
        assert_eq!(
            found,
            Ok(BTreeMap::from([("a.b".into(), "".into()), ("author".into(), "me".into())]))
        );
        assert_eq!(read(&[("x-metadata-a", b"1"), ("x-metadata-a", b"2")]).unwrap()["a"], "1");
        assert_eq!(read(&[]), Ok(BTreeMap::new()));
    }

    #[test]
    fn what_no_attribute_can_hold_is_refused() {
        let long = format!("x-metadata-{}", "k".repeat(KEY_BYTES_MAX + 1));
        for pairs in [
            &[("x-metadata-", &b"v"[..])][..],
            &[(long.as_str(), b"v")],
            &[("x-metadata-a", b"\xff")],
            &[("x-metadata-a", &[b'v'; BYTES_MAX])],
        ] {
            assert!(read(pairs).unwrap_err().starts_with("invalid metadata: "));
        }
        assert!(read(&[("x-metadata-a", &[b'v'; BYTES_MAX - 1])]).is_ok());
    }
}
