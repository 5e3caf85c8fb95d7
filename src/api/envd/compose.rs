//! `POST /files/compose`: several files become one, in order, and are gone. The destination appears whole or not at all.

use super::files::http_error;
use super::{Call, filesystem, path};
use crate::api::body;
use crate::api::error::ApiError;
use crate::{Error, FileWriter, Files, User};
use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use rand::Rng;
use rustix::fs::FileType;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Time for a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Files of one request.
const SOURCES_MAX: usize = 1000;

/// Bytes that are copied at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Mode of the new file: 0666 with a umask of 022.
const FILE_MODE: u32 = 0o644;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    #[serde(default)]
    source_paths: Vec<String>,
    #[serde(default)]
    destination: String,
    username: Option<String>,
}

/// `POST /files/compose`.
///
/// # Errors
///
/// 400 for a request that makes no sense, 401 for an unknown user, 404 for a missing source, 413 for a list too long, 507 for a full disk; then
/// nothing has changed but that directories above the destination may have been made.
pub(crate) async fn compose(call: &Call, request: Request) -> Result<Json<Value>, ApiError> {
    let body = body::read(request, BODY_BYTES_MAX);
    let body = tokio::time::timeout(BODY_TIMEOUT, body).await;
    let body = body
        .map_err(|_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "the request's body stopped"))??;
    let asked: Compose = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("invalid request body: {error}")))?;
    if asked.source_paths.is_empty() {
        return Err(ApiError::bad_request("source_paths must not be empty"));
    }
    if asked.source_paths.len() > SOURCES_MAX {
        return Err(ApiError::bad_request(format!("source_paths: more than {SOURCES_MAX} paths")));
    }
    if asked.destination.is_empty() {
        return Err(ApiError::bad_request("destination is required"));
    }
    let user = call
        .user_named(asked.username.as_deref().unwrap_or_default())
        .map_err(|message| ApiError::new(StatusCode::UNAUTHORIZED, message))?;
    let files = call.machine.sandbox.files();
    // Files can be large: not on a thread that answers others.
    let done = tokio::task::spawn_blocking(move || join(&files, &user, &asked)).await;
    done.unwrap_or_else(|_| Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error")))
}

fn join(files: &Files, user: &User, asked: &Compose) -> Result<Json<Value>, ApiError> {
    let full = |text: &str| path::resolve(text, &user.home).map_err(ApiError::bad_request);
    let destination = full(&asked.destination)?;
    let mut sources = Vec::new();
    for source in &asked.source_paths {
        let resolved = full(source)?;
        if resolved == destination || files.same_name(&resolved, &destination) {
            return Err(ApiError::bad_request(format!(
                "source path {source:?} cannot be the same as destination"
            )));
        }
        let stat = files.stat(&User::root(), &resolved).map_err(|_| {
            let message = format!("source file not found: {source}");
            ApiError::new(StatusCode::NOT_FOUND, message)
        })?;
        if FileType::from_raw_mode(stat.mode) != FileType::RegularFile {
            return Err(ApiError::bad_request(format!(
                "source path is not a regular file: {source}"
            )));
        }
        sources.push(resolved);
    }
    let aside = format!("{destination}.e2b-compose.{:016x}.tmp", rand::rng().random::<u64>());
    let composed = (|| {
        filesystem::make_dirs(files, user, path::parent(&destination))?;
        copy(files, &mut files.create_for(user, &aside, FILE_MODE)?, &sources)?;
        files.rename(&User::root(), &aside, &destination)
    })();
    if let Err(error) = composed {
        // It may never have been made.
        let _ = files.remove_file(&User::root(), &aside);
        return Err(http_error(&error));
    }
    for source in &sources {
        // Named twice, or removed by a program meanwhile.
        let _ = files.remove_file(&User::root(), source);
    }
    Ok(Json(json!({ "path": destination, "name": path::name(&destination), "type": "file" })))
}

fn copy(files: &Files, writer: &mut FileWriter, sources: &[String]) -> Result<(), Error> {
    let mut buffer = vec![0; CHUNK_BYTES];
    for source in sources {
        let reader = files.open(&User::root(), source)?;
        let mut at = 0;
        loop {
            let count = reader.read_at(at, &mut buffer)?;
            if count == 0 {
                break;
            }
            writer.write(&buffer[..count])?;
            at += count as u64;
        }
    }
    Ok(())
}
