//! Whether a request's body was read to its end by the time its answer begins.
//!
//! HTTP/1.1 can use a connection again only after the whole request; hyper closes it otherwise, but the client learns that
//! only from `Connection: close`. Without that header it may send the next request into the closing connection and lose it.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// Tells whether the body was read to its end.
pub(crate) struct Consumed(Option<Arc<AtomicBool>>);

/// A body that remembers that it was read to its end.
struct Watched {
    body: Body,
    ended: Arc<AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.ended.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Watches the body of a request, unless it has none.
pub(crate) fn watch(request: Request) -> (Request, Consumed) {
    let empty = http_body::Body::is_end_stream(request.body());
    if empty || request.version() > Version::HTTP_11 {
        return (request, Consumed(None));
    }
    let ended = Arc::new(AtomicBool::new(false));
    let watched = Consumed(Some(ended.clone()));
    (request.map(|body| Body::new(Watched { body, ended })), watched)
}

impl Consumed {
    /// The answer, which says that the connection closes if the request was not read to its end.
    pub(crate) fn answer(&self, mut response: Response) -> Response {
        let half = self.0.as_ref().is_some_and(|ended| !ended.load(Ordering::Relaxed));
        if half && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn closes(body: Body, read: bool) -> bool {
        let (request, consumed) = watch(Request::new(body));
        if read {
            axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
        }
        consumed.answer(Response::new(Body::empty())).headers().contains_key(header::CONNECTION)
    }

    #[tokio::test]
    async fn an_answer_to_half_a_request_closes() {
        assert!(closes(Body::from("x"), false).await);
        assert!(!closes(Body::from("x"), true).await);
        assert!(!closes(Body::empty(), false).await);
        let chunks =
            || Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("x")]));
        assert!(closes(chunks(), false).await);
        assert!(!closes(chunks(), true).await);
    }
}
