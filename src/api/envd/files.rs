//! `GET /files`: a file's bytes, whole or a range, read as the client takes them. Who may is checked here for both directions.

use super::signature::{self, Claim, Operation};
use super::{Call, entry, path};
use crate::api::error::ApiError;
use crate::{Error, FileReader, User};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes read from a file at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// The query of `/files`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query {
    pub(crate) path: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) expiration: Option<String>,
}

impl Query {
    /// Reads a query string.
    ///
    /// # Errors
    ///
    /// A sentence about a parameter that is unknown or there twice.
    pub(crate) fn parse(raw: &str) -> Result<Self, String> {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            let place = match &*name {
                "path" => &mut query.path,
                "username" => &mut query.username,
                "signature" => &mut query.signature,
                "signature_expiration" => &mut query.expiration,
                _ => {
                    let shown: String = name.chars().take(64).collect();
                    return Err(format!("query parameter {shown:?} is unknown"));
                }
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(format!("query parameter {name:?} is there twice"));
            }
        }
        Ok(query)
    }

    /// What it claims to be allowed.
    pub(crate) fn claim(&self) -> Claim<'_> {
        Claim {
            path: self.path.as_deref().unwrap_or_default(),
            user: self.username.as_deref().unwrap_or_default(),
            signature: self.signature.as_deref(),
            expiration: self.expiration.as_deref(),
        }
    }
}

/// Checks token or signature, and finds the user.
///
/// # Errors
///
/// 400 for a query that cannot be read, 401 otherwise, in envd's words.
pub(crate) fn admit(
    call: &Call,
    uri: &Uri,
    headers: &HeaderMap,
    operation: Operation,
) -> Result<(Query, User), ApiError> {
    let query = Query::parse(uri.query().unwrap_or_default()).map_err(ApiError::bad_request)?;
    let refused = |message: String| ApiError::new(StatusCode::UNAUTHORIZED, message);
    match call.token(headers) {
        Some(true) => {}
        Some(false) => {
            return Err(refused("access token present in header but does not match".into()));
        }
        None => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            signature::check(&query.claim(), operation, &call.machine.token, now)
                .map_err(|message| refused(message.into()))?;
        }
    }
    let user = call.user_named(query.username.as_deref().unwrap_or_default()).map_err(refused)?;
    Ok((query, user))
}

/// A file system error as an HTTP error, in envd's statuses.
pub(crate) fn http_error(error: &Error) -> ApiError {
    let status = match entry::errno(error) {
        Some(Errno::NOENT) => StatusCode::NOT_FOUND,
        Some(Errno::NOSPC | Errno::DQUOT) => {
            return ApiError::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "not enough disk space available",
            );
        }
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => StatusCode::FORBIDDEN,
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::INTERNAL_SERVER_ERROR,
    };
    ApiError::new(status, entry::sentence(error))
}

/// `GET /files?path=`.
///
/// # Errors
///
/// As [`admit`], 404 for no such file, 400 for what is no regular file.
pub(crate) fn download(call: &Call, request: &Request) -> Result<Response, ApiError> {
    let (query, user) = admit(call, request.uri(), request.headers(), Operation::Read)?;
    let full = path::resolve(query.path.as_deref().unwrap_or_default(), &user.home)
        .map_err(ApiError::bad_request)?;
    let files = call.machine.sandbox.files();
    let failed = |error: Error| http_error(&error);
    let root = User::root();
    let stat = files.stat(&root, &full).map_err(failed)?;
    match FileType::from_raw_mode(stat.mode) {
        FileType::RegularFile => {}
        FileType::Directory => {
            return Err(ApiError::bad_request(format!("path '{full}' is a directory")));
        }
        _ => return Err(ApiError::bad_request(format!("path '{full}' is not a regular file"))),
    }
    let reader = files.open(&root, &full).map_err(failed)?;
    let length = reader.len();
    let range = request.headers().get(header::RANGE).filter(|_| request.method() == Method::GET);
    let range = match range.map(|range| parse_range(range.to_str().unwrap_or_default(), length)) {
        None | Some(Range::Ignored) => None,
        Some(Range::Bytes(start, end)) => Some((start, end)),
        Some(Range::Outside) => {
            let headers = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
        }
    };
    let (start, end) = range.unwrap_or((0, length));
    let body = match *request.method() {
        Method::HEAD => Body::empty(),
        _ => contents(reader, start, end),
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_TYPE, content_type(&full));
    // Whatever a guest wrote there, a browser that opens the URL must not run it as a page of this host.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let nothing = HeaderValue::from_static("sandbox; default-src 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let shown = format!("bytes {start}-{}/{length}", end - 1);
        response
            .headers_mut()
            .insert(header::CONTENT_RANGE, HeaderValue::try_from(shown).expect("digits"));
    }
    Ok(response)
}

fn content_type(full: &str) -> HeaderValue {
    let guess = mime_guess::from_path(full).first_or_octet_stream();
    let text = match guess.type_() {
        mime_guess::mime::TEXT => format!("{}; charset=utf-8", guess.essence_str()),
        _ => guess.essence_str().to_owned(),
    };
    HeaderValue::try_from(text).expect("a media type is a header value")
}

#[derive(Debug, PartialEq)]
enum Range {
    /// From the first to before the second.
    Bytes(u64, u64),
    /// None of it is in the file.
    Outside,
    /// Several ranges, other units, nonsense: the whole file, as RFC 9110 allows.
    Ignored,
}

fn parse_range(text: &str, length: u64) -> Range {
    let Some((first, last)) =
        text.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Range::Ignored;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (Some(first), _) if first >= length && (last.is_empty() || number(last).is_some()) => {
            Range::Outside
        }
        (Some(first), None) if last.is_empty() => Range::Bytes(first, length),
        (Some(first), Some(last)) if first <= last => {
            Range::Bytes(first, last.saturating_add(1).min(length))
        }
        (None, Some(0)) if first.is_empty() => Range::Outside,
        (None, Some(_)) if first.is_empty() && length == 0 => Range::Outside,
        (None, Some(count)) if first.is_empty() => {
            Range::Bytes(length.saturating_sub(count), length)
        }
        _ => Range::Ignored,
    }
}

/// A file's bytes from `start` to before `end`. A file that became shorter breaks the response off.
fn contents(reader: FileReader, start: u64, end: u64) -> Body {
    Body::from_stream(futures_util::stream::unfold(
        (reader, start),
        move |(reader, at)| async move {
            if at >= end {
                return None;
            }
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            let mut buffer = vec![0; length];
            let read = match reader.read_at(at, &mut buffer) {
                Ok(0) => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
                Ok(count) => {
                    buffer.truncate(count);
                    Ok(Bytes::from(buffer))
                }
                Err(error) => Err(std::io::Error::other(error)),
            };
            // After an error nothing follows.
            let next = read.as_ref().map_or(end, |bytes| at + bytes.len() as u64);
            Some((read, (reader, next)))
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            assert_eq!(parse_range(text, 10), range, "{text}");
        }
    }

    #[test]
    fn queries_are_read_or_refused() {
        let query =
            Query::parse("path=a%20b&username=root&signature=v1_x%2By&signature_expiration=5")
                .unwrap();
        assert_eq!(query.path.as_deref(), Some("a b"));
        assert_eq!(query.claim().signature, Some("v1_x+y"));
        assert!(Query::parse("path=a&path=b").is_err());
        assert!(Query::parse("evil=1").is_err());
        assert_eq!(Query::parse(""), Ok(Query::default()));
    }

    proptest! {
        #[test]
        fn a_range_is_within_the_file(text in "bytes=[0-9]{0,21}-[0-9]{0,21}", length in 0u64..1000) {
            if let Range::Bytes(start, end) = parse_range(&text, length) {
                prop_assert!(start < end && end <= length);
            }
        }
    }
}
