//! Errors of the control plane, as E2B writes them: `{"code": 404, "message": "..."}`.
//!
//! The JavaScript SDK branches on `code` in the body, the Python SDK on the status: both always agree here. envd's RPC errors
//! are another shape; see `envd::connect`.

use crate::Error;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::time::Duration;

/// Tells the Python SDK whether repeating the request can help; without it it repeats every 502, 503 and 504.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("should-retry");

/// Seconds after which a full host is worth asking again.
const RETRY_AFTER_SECONDS: u64 = 5;

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    /// Seconds after which repeating the request can help.
    retry_after: Option<u64>,
}

impl ApiError {
    /// An error with a status and the sentence that the caller sees.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// 400: the request is wrong; says what and what is allowed.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401, the same for a missing and for a wrong key.
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid API key: send it in the X-API-Key header")
    }

    /// 429: this caller has asked for too much; `wait` is how long it should not.
    pub(crate) fn too_many(message: impl Into<String>, wait: Duration) -> Self {
        let retry_after = Some(wait.as_millis().div_ceil(1000).clamp(1, 3600) as u64);
        Self { retry_after, ..Self::new(StatusCode::TOO_MANY_REQUESTS, message) }
    }

    /// 404 in E2B's words, the same for an unknown sandbox and for another tenant's.
    pub(crate) fn sandbox_not_found(id: &str) -> Self {
        let message = format!("Sandbox {id:?} doesn't exist or you don't have access to it");
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 501: E2B has this, this version of isolet does not.
    pub(crate) fn not_built(what: &str) -> Self {
        let message = format!("{what} is not in this version of isolet");
        Self::new(StatusCode::NOT_IMPLEMENTED, message)
    }

    /// The sentence that the caller sees.
    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match &error {
            Error::SandboxNotFound(id) => Self::sandbox_not_found(id),
            Error::ImageNotFound(name) => {
                Self::new(StatusCode::NOT_FOUND, format!("template '{name}' not found"))
            }
            Error::Invalid { .. } | Error::File { .. } | Error::Program { .. } => {
                Self::bad_request(error.to_string())
            }
            Error::HostFull(_) => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                message: error.to_string(),
                retry_after: Some(RETRY_AFTER_SECONDS),
            },
            Error::Image { .. } | Error::Host { .. } | Error::Engine(_) => {
                tracing::error!(error = %error, "request failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal error; the server's log has it",
                )
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "code": self.status.as_u16(), "message": self.message });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("true"));
        } else if self.status.is_server_error() {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        response
    }
}
