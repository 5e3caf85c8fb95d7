//! `GET /files`: a file's bytes, whole or a range, read as the client takes them, plain or gzip. Who may is checked here for
//! both directions.

use super::conditional::{self, Encoding, Range, Verdict, Version};
use super::signature::{self, Claim, Operation};
use super::{Call, entry, path};
use crate::api::error::ApiError;
use crate::{Error, FileReader, User};
use async_compression::tokio::bufread::GzipEncoder;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_util::io::{ReaderStream, StreamReader};

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
    Ok(respond(request, reader, &Version::new(stat.modified, stat.size), &full))
}

/// The file as the request's headers want it.
fn respond(request: &Request, reader: FileReader, version: &Version, full: &str) -> Response {
    let asked = request.headers();
    let encoding = match conditional::encoding(asked) {
        Encoding::None => {
            let message = "no acceptable encoding found, supported: gzip, identity";
            return ApiError::new(StatusCode::NOT_ACCEPTABLE, message).into_response();
        }
        Encoding::Gzip if conditional::is_special(asked) => Encoding::Identity,
        encoding => encoding,
    };
    let length = reader.len();
    let verdict = conditional::verdict(asked, version);
    let range = asked
        .get(header::RANGE)
        .filter(|_| request.method() == Method::GET && conditional::range_applies(asked, version));
    let range = match range.map(|range| Range::parse(range.to_str().unwrap_or_default(), length)) {
        None | Some(Range::Ignored) => None,
        Some(Range::Bytes(start, end)) => Some((start, end)),
        Some(Range::Outside) if verdict == Verdict::Send => {
            let headers = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response();
        }
        Some(Range::Outside) => None,
    };
    let (start, end) = range.unwrap_or((0, length));
    let (status, body) = match verdict {
        Verdict::NotModified => (StatusCode::NOT_MODIFIED, Body::empty()),
        Verdict::Failed => (StatusCode::PRECONDITION_FAILED, Body::empty()),
        Verdict::Send if request.method() == Method::HEAD => (StatusCode::OK, Body::empty()),
        Verdict::Send if encoding == Encoding::Gzip => {
            (StatusCode::OK, packed(contents(reader, start, end)))
        }
        Verdict::Send if range.is_some() => {
            (StatusCode::PARTIAL_CONTENT, contents(reader, start, end))
        }
        Verdict::Send => (StatusCode::OK, contents(reader, start, end)),
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(modified) = version.modified {
        let date = HeaderValue::try_from(httpdate::fmt_http_date(modified));
        headers.insert(header::LAST_MODIFIED, date.expect("a date is a header value"));
    }
    if encoding == Encoding::Gzip {
        // What is sent has no length and no parts; its tag would be another.
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    } else {
        let tag = HeaderValue::try_from(&version.tag).expect("digits in quotes");
        headers.insert(header::ETAG, tag);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    if verdict != Verdict::Send {
        return response;
    }
    if encoding != Encoding::Gzip {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    }
    if range.is_some() {
        let shown = format!("bytes {start}-{}/{length}", end - 1);
        headers.insert(header::CONTENT_RANGE, HeaderValue::try_from(shown).expect("digits"));
    }
    headers.insert(header::CONTENT_TYPE, content_type(full));
    // Whatever a guest wrote there, a browser that opens the URL must not run it as a page of this host.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let nothing = HeaderValue::from_static("sandbox; default-src 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    response
}

/// A body compressed as it is sent: fast, since clients are near.
fn packed(body: Body) -> Body {
    let plain = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
    let packed = GzipEncoder::with_quality(plain, async_compression::Level::Fastest);
    Body::from_stream(ReaderStream::with_capacity(packed, CHUNK_BYTES))
}

fn content_type(full: &str) -> HeaderValue {
    let guess = mime_guess::from_path(full).first_or_octet_stream();
    let text = match guess.type_() {
        mime_guess::mime::TEXT => format!("{}; charset=utf-8", guess.essence_str()),
        _ => guess.essence_str().to_owned(),
    };
    HeaderValue::try_from(text).expect("a media type is a header value")
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
}
