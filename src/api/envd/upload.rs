//! `POST /files`: many files in one multipart request, or one as the raw body; plain or gzip. Bytes go to the file as they
//! arrive: what a request holds in memory does not grow with its size, compressed or not, and the sandbox's quota ends it.

use super::files::{admit, http_error};
use super::signature::Operation;
use super::{Call, entry, filesystem, metadata, path};
use crate::api::error::ApiError;
use crate::{Error, FileWriter, Files, User};
use async_compression::tokio::bufread::GzipDecoder;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::{Stream, StreamExt, TryStreamExt};
use multer::Multipart;
use rustix::io::Errno;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_util::io::{ReaderStream, StreamReader};

/// Files of one request.
const FILES_MAX: usize = 1000;

/// A client may send nothing for this long in the middle of an upload.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Mode of new files: 0666 with a umask of 022.
const FILE_MODE: u32 = 0o644;

/// Bytes that are unpacked at a time.
const UNPACKED_BYTES: usize = 64 << 10;

/// Bytes that the form parser may swallow without giving out a file or a piece of one: headers of a part, text between parts.
const UNPARSED_BYTES_MAX: usize = 4 << 20;

/// `POST /files`.
///
/// # Errors
///
/// As [`admit`]; 400 for a body that is neither form nor bytes, or a path that cannot be written; 408 for a client that
/// stopped; 507 for a full disk. Files before the failing one are written, the failing one in part.
pub(crate) async fn upload(call: &Call, request: Request) -> Result<Json<Vec<Value>>, ApiError> {
    let (query, user) = admit(call, request.uri(), request.headers(), Operation::Write)?;
    let (mut parts, body) = request.into_parts();
    let target = Target {
        files: call.machine.sandbox.files(),
        user,
        metadata: metadata::from_headers(&parts.headers).map_err(ApiError::bad_request)?,
        announced: announced(&parts.headers),
    };
    let body = unpacked(&mut parts.headers, body)?;
    let media = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let written = match media.split(';').next().unwrap_or_default().trim() {
        "application/octet-stream" => {
            let Some(path) = &query.path else {
                return Err(ApiError::bad_request(
                    "path: missing; a raw body needs it in the query",
                ));
            };
            let stream = body.into_data_stream().map_err(io::Error::other);
            vec![target.write(path, stream).await?]
        }
        "multipart/form-data" => {
            let boundary = multer::parse_boundary(media)
                .map_err(|error| ApiError::bad_request(error.to_string()))?;
            let unparsed = Arc::new(AtomicUsize::new(0));
            let stream =
                Paced { body: body.into_data_stream(), unparsed: unparsed.clone(), rest: false };
            form_files(&target, Multipart::new(stream, boundary), &unparsed, query.path.as_deref())
                .await?
        }
        _ => {
            return Err(ApiError::bad_request(
                "content-type: must be multipart/form-data or application/octet-stream",
            ));
        }
    };
    if written.is_empty() {
        return Err(ApiError::bad_request("the form has no part named 'file'"));
    }
    Ok(Json(written))
}

/// The length that the body says it has.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body without its compression; the header goes with it.
fn unpacked(headers: &mut HeaderMap, body: Body) -> Result<Body, ApiError> {
    let encoding = headers.remove(header::CONTENT_ENCODING);
    match encoding.as_ref().map(|encoding| encoding.as_bytes()) {
        None | Some(b"identity") => Ok(body),
        Some(b"gzip") => {
            let packed = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
            let mut plain = GzipDecoder::new(packed);
            plain.multiple_members(true);
            Ok(Body::from_stream(ReaderStream::with_capacity(plain, UNPACKED_BYTES)))
        }
        Some(_) => {
            let message = "content-encoding: must be gzip, identity or absent";
            Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
        }
    }
}

async fn form_files(
    target: &Target,
    mut form: Multipart<'_>,
    unparsed: &AtomicUsize,
    only: Option<&str>,
) -> Result<Vec<Value>, ApiError> {
    let mut written = Vec::new();
    loop {
        let next =
            tokio::time::timeout(IDLE_MAX, form.next_field()).await.map_err(|_| stopped())?;
        unparsed.store(0, Ordering::Relaxed);
        let Some(part) = next.map_err(|error| ApiError::bad_request(format!("form: {error}")))?
        else {
            break;
        };
        if part.name() != Some("file") {
            pass_over(part, unparsed).await?;
            continue;
        }
        if written.len() == FILES_MAX {
            return Err(ApiError::bad_request(format!(
                "more than {FILES_MAX} files in one request"
            )));
        }
        let path = match (only, part.file_name()) {
            (Some(path), _) => path.to_owned(),
            (None, Some(name)) => name.to_owned(),
            (None, None) => {
                return Err(ApiError::bad_request(
                    "a part has no file name, and the query no path",
                ));
            }
        };
        let full = path::resolve(&path, &target.user.home).map_err(ApiError::bad_request)?;
        if written.iter().any(|one: &Value| one["path"] == full.as_str()) {
            return Err(ApiError::bad_request(format!(
                "you cannot upload multiple files to the same path '{full}' in one upload request, \
                 only the first specified file was uploaded"
            )));
        }
        let content =
            part.map_err(io::Error::other).inspect(|_| unparsed.store(0, Ordering::Relaxed));
        written.push(target.write(&path, content).await?);
    }
    Ok(written)
}

/// Reads a part that is no file to its end.
async fn pass_over(mut part: multer::Field<'_>, unparsed: &AtomicUsize) -> Result<(), ApiError> {
    loop {
        let next = tokio::time::timeout(IDLE_MAX, part.chunk()).await.map_err(|_| stopped())?;
        unparsed.store(0, Ordering::Relaxed);
        match next.map_err(|error| ApiError::bad_request(format!("form: {error}")))? {
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

/// A body that gives the form parser one chunk at a time. The parser takes whatever is ready before it looks at any of it,
/// which would be all of a packed body at once; and it looks for the end of a part's headers without a bound.
struct Paced {
    body: axum::body::BodyDataStream,
    /// Bytes given since the parser last gave something out.
    unparsed: Arc<AtomicUsize>,
    rest: bool,
}

impl Stream for Paced {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rest) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = self.body.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(chunk))) = &next {
            self.rest = true;
            let unparsed = self.unparsed.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len();
            if unparsed > UNPARSED_BYTES_MAX {
                let message =
                    format!("more than {UNPARSED_BYTES_MAX} bytes that belong to no file");
                return Poll::Ready(Some(Err(io::Error::other(message))));
            }
        }
        next.map_err(io::Error::other)
    }
}

fn stopped() -> ApiError {
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "the request's body stopped in the middle")
}

/// Where files go: a sandbox's file system, by root's rights as E2B's envd; what is written belongs to the user.
struct Target {
    files: Files,
    user: User,
    /// What each file gets, in place of what it had.
    metadata: BTreeMap<String, String>,
    /// Bytes that the request's body says it has, for the error of a full disk.
    announced: Option<u64>,
}

impl Target {
    /// Writes one file, making the directories above it.
    async fn write(
        &self,
        path: &str,
        content: impl Stream<Item = io::Result<Bytes>>,
    ) -> Result<Value, ApiError> {
        let full = path::resolve(path, &self.user.home).map_err(ApiError::bad_request)?;
        let mut writer = self.create(&full)?;
        let mut content = std::pin::pin!(content);
        loop {
            let next =
                tokio::time::timeout(IDLE_MAX, content.next()).await.map_err(|_| stopped())?;
            let Some(chunk) = next else { break };
            let chunk = chunk
                .map_err(|error| ApiError::bad_request(format!("the body broke off: {error}")))?;
            writer.write(&chunk).map_err(|error| self.unwritten(&error))?;
        }
        let mut written = json!({ "path": full, "name": path::name(&full), "type": "file" });
        match writer.replace_attributes(&self.files, metadata::PREFIX, &self.metadata) {
            Ok(()) if self.metadata.is_empty() => {}
            Ok(()) => written["metadata"] = json!(self.metadata),
            // Written, and kept nowhere, as E2B's on file systems without attributes.
            Err(error) if entry::errno(&error) == Some(Errno::OPNOTSUPP) => {}
            Err(error) => return Err(http_error(&error)),
        }
        Ok(written)
    }

    fn unwritten(&self, error: &Error) -> ApiError {
        match (entry::errno(error), self.announced) {
            (Some(Errno::NOSPC | Errno::DQUOT), Some(length)) => ApiError::new(
                StatusCode::INSUFFICIENT_STORAGE,
                format!("attempted to write {length} bytes: not enough disk space available"),
            ),
            _ => http_error(error),
        }
    }

    fn create(&self, full: &str) -> Result<FileWriter, ApiError> {
        let (files, user) = (&self.files, &self.user);
        if files.stat(&User::root(), full).is_ok_and(|stat| stat.mode & 0o170_000 == 0o040_000) {
            return Err(ApiError::bad_request(format!("path '{full}' is a directory")));
        }
        filesystem::make_dirs(files, user, path::parent(full))
            .and_then(|()| files.create_for(user, full, FILE_MODE))
            .map_err(|error| http_error(&error))
    }
}
