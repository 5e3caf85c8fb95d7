//! What a download's headers ask for beside the file: a part of it, only if it changed, compressed. RFC 9110; as Go's
//! `http.ServeContent`, which envd uses. Text in, decisions out.

use axum::http::{HeaderMap, HeaderName, header};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a client may know a version of a file by.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// Strong, quotes and all.
    pub(crate) tag: String,
    /// In whole seconds, as HTTP writes times; `None` if HTTP cannot write it.
    pub(crate) modified: Option<SystemTime>,
}

/// The last second that HTTP dates are made for here: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

impl Version {
    /// The version of a file with this time of change and length.
    pub(crate) fn new(modified: SystemTime, length: u64) -> Self {
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs();
        let shown = (1..=LAST_SECOND).contains(&seconds);
        Self {
            tag: format!("\"{:x}-{length:x}\"", since.as_nanos()),
            modified: shown.then(|| UNIX_EPOCH + Duration::from_secs(seconds)),
        }
    }
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answer as if there were none.
    Send,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client thinks.
    Failed,
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, name)?).ok()
}

/// Whether a list of entity tags has this one; a weak tag of it counts only where `weak` ones do.
fn lists(list: &str, tag: &str, weak: bool) -> bool {
    list.split(',').map(str::trim).any(|one| {
        one == "*" || one == tag || (weak && one.strip_prefix("W/").is_some_and(|one| one == tag))
    })
}

/// The conditions in the order of RFC 9110 section 13.2.2.
pub(crate) fn verdict(headers: &HeaderMap, version: &Version) -> Verdict {
    let tag = &version.tag;
    if let Some(list) = text(headers, header::IF_MATCH) {
        if !lists(list, tag, false) {
            return Verdict::Failed;
        }
    } else if let Some(date) = date(headers, header::IF_UNMODIFIED_SINCE)
        && version.modified.is_some_and(|modified| modified > date)
    {
        return Verdict::Failed;
    }
    if let Some(list) = text(headers, header::IF_NONE_MATCH) {
        if lists(list, tag, true) {
            return Verdict::NotModified;
        }
    } else if let Some(date) = date(headers, header::IF_MODIFIED_SINCE)
        && version.modified.is_some_and(|modified| modified <= date)
    {
        return Verdict::NotModified;
    }
    Verdict::Send
}

/// Whether a range is to be looked at: without `If-Range`, or if that is this version.
pub(crate) fn range_applies(headers: &HeaderMap, version: &Version) -> bool {
    match text(headers, header::IF_RANGE) {
        None => !headers.contains_key(header::IF_RANGE),
        Some(given) if given.starts_with('"') => given == version.tag,
        Some(given) => {
            let date = httpdate::parse_http_date(given).ok();
            date.is_some() && date == version.modified
        }
    }
}

/// Whether the answer depends on a part or a condition, and so is sent as it is, uncompressed.
pub(crate) fn is_special(headers: &HeaderMap) -> bool {
    [header::RANGE, header::IF_RANGE, header::IF_MODIFIED_SINCE, header::IF_NONE_MATCH]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// A part of a file that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// From the first to before the second.
    Bytes(u64, u64),
    /// None of it is in the file.
    Outside,
    /// Several ranges, other units, nonsense: the whole file, as RFC 9110 allows.
    Ignored,
}

impl Range {
    /// What a `Range` header says of a file of `length` bytes.
    pub(crate) fn parse(text: &str, length: u64) -> Self {
        let Some((first, last)) =
            text.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
        else {
            return Self::Ignored;
        };
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
        };
        match (number(first), number(last)) {
            (Some(first), _) if first >= length && (last.is_empty() || number(last).is_some()) => {
                Self::Outside
            }
            (Some(first), None) if last.is_empty() => Self::Bytes(first, length),
            (Some(first), Some(last)) if first <= last => {
                Self::Bytes(first, last.saturating_add(1).min(length))
            }
            (None, Some(0)) if first.is_empty() => Self::Outside,
            (None, Some(_)) if first.is_empty() && length == 0 => Self::Outside,
            (None, Some(count)) if first.is_empty() => {
                Self::Bytes(length.saturating_sub(count), length)
            }
            _ => Self::Ignored,
        }
    }
}

/// How a body may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    /// 406: neither will do.
    None,
}

/// What `Accept-Encoding` makes of the two that there are: gzip wherever it is accepted, as envd.
pub(crate) fn encoding(headers: &HeaderMap) -> Encoding {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    for coding in values.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse::<f32>().ok());
        let accepted = quality.is_none_or(|quality| quality > 0.0);
        match name.as_str() {
            "gzip" | "x-gzip" => gzip = Some(accepted),
            "identity" => identity = Some(accepted),
            "*" => any = Some(accepted),
            _ => {}
        }
    }
    if gzip.or(any) == Some(true) {
        Encoding::Gzip
    } else if identity.or(any.filter(|any| !any)) == Some(false) {
        Encoding::None
    } else {
        Encoding::Identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn ranges_as_rfc_9110_has_them() {
        for (text, range) in [
            ("bytes=0-0", Range::Bytes(0, 1)),
            ("bytes=2-", Range::Bytes(2, 10)),
            ("bytes=2-99", Range::Bytes(2, 10)),
            ("bytes=-3", Range::Bytes(7, 10)),
            ("bytes=-99", Range::Bytes(0, 10)),
            ("bytes=10-", Range::Outside),
            ("bytes=99999999999999999999999-", Range::Outside),
            ("bytes=-0", Range::Outside),
            ("bytes=3-2", Range::Ignored),
            ("bytes=0-1,3-4", Range::Ignored),
            ("lines=0-1", Range::Ignored),
            ("bytes=--1", Range::Ignored),
        ] {
            assert_eq!(Range::parse(text, 10), range, "{text}");
        }
    }

    #[test]
    fn conditions_as_rfc_9110_has_them() {
        let version = Version::new(UNIX_EPOCH + Duration::from_millis(784_111_777_500), 16);
        assert_eq!(version.tag, "\"ae1b981da166f00-10\"");
        let (before, same) = ("Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:37 GMT");
        let (tag, weak) = (version.tag.clone(), format!("\"x\", W/{}", version.tag));
        for (name, value, expected) in [
            (header::IF_MODIFIED_SINCE, same, Verdict::NotModified),
            (header::IF_MODIFIED_SINCE, before, Verdict::Send),
            (header::IF_MODIFIED_SINCE, "yesterday", Verdict::Send),
            (header::IF_UNMODIFIED_SINCE, same, Verdict::Send),
            (header::IF_UNMODIFIED_SINCE, before, Verdict::Failed),
            (header::IF_NONE_MATCH, &tag, Verdict::NotModified),
            (header::IF_NONE_MATCH, &weak, Verdict::NotModified),
            (header::IF_NONE_MATCH, "*", Verdict::NotModified),
            (header::IF_NONE_MATCH, "\"x\"", Verdict::Send),
            (header::IF_MATCH, &tag, Verdict::Send),
            (header::IF_MATCH, &weak, Verdict::Failed),
            (header::IF_MATCH, "\"x\"", Verdict::Failed),
        ] {
            assert_eq!(
                verdict(&headers(&[(name.clone(), value)]), &version),
                expected,
                "{name}: {value}"
            );
        }
        let both = headers(&[(header::IF_NONE_MATCH, "\"x\""), (header::IF_MODIFIED_SINCE, same)]);
        assert_eq!(verdict(&both, &version), Verdict::Send, "a tag beats a date");
        for (value, applies) in
            [(tag.as_str(), true), ("\"x\"", false), (same, true), (before, false)]
        {
            assert_eq!(
                range_applies(&headers(&[(header::IF_RANGE, value)]), &version),
                applies,
                "{value}"
            );
        }
        assert!(range_applies(&HeaderMap::new(), &version));
        assert_eq!(Version::new(UNIX_EPOCH + Duration::from_secs(1 << 50), 0).modified, None);
    }

    #[test]
    fn encodings_as_rfc_9110_has_them() {
        for (value, expected) in [
            ("gzip", Encoding::Gzip),
            ("deflate, GZIP;q=0.5", Encoding::Gzip),
            ("*", Encoding::Gzip),
            ("gzip;q=0", Encoding::Identity),
            ("br, zstd", Encoding::Identity),
            ("", Encoding::Identity),
            ("identity;q=0", Encoding::None),
            ("br, *;q=0", Encoding::None),
            ("gzip, identity;q=0", Encoding::Gzip),
            ("identity, *;q=0", Encoding::Identity),
        ] {
            assert_eq!(
                encoding(&headers(&[(header::ACCEPT_ENCODING, value)])),
                expected,
                "{value}"
            );
        }
        assert_eq!(encoding(&HeaderMap::new()), Encoding::Identity);
    }

    proptest! {
        #[test]
        fn a_range_is_within_the_file(text in "bytes=[0-9]{0,21}-[0-9]{0,21}", length in 0u64..1000) {
            if let Range::Bytes(start, end) = Range::parse(&text, length) {
                prop_assert!(start < end && end <= length);
            }
        }
    }
}
