//! The body of a request to the control plane, whole and bounded. One that is too long or breaks off is an error in E2B's shape,
//! not a line of the HTTP library's.

use super::error::ApiError;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use std::error::Error;

/// Bytes of a request body on the control plane.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// All of a request's body.
pub(crate) struct Whole(pub(crate) Bytes);

impl<S: Sync> FromRequest<S> for Whole {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        read(request, BODY_BYTES_MAX).await.map(Self)
    }
}

/// Reads a body of at most `bytes_max`.
///
/// # Errors
///
/// 413 for a longer one, 400 for one that breaks off.
pub(crate) async fn read(request: Request, bytes_max: usize) -> Result<Bytes, ApiError> {
    axum::body::to_bytes(request.into_body(), bytes_max).await.map_err(|error| {
        if error.source().is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            let message = format!("the request's body is longer than {bytes_max} bytes");
            return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message);
        }
        ApiError::bad_request(format!("invalid request body: {error}"))
    })
}
