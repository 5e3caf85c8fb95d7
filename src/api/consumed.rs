//! The rest of a request's body, when the answer begins before it was read to its end.
//!
//! A client that is still sending when the connection closes may never see the answer: it fails on its own write. So what
//! nobody wants is read and dropped, for [`DRAIN`]. Only then HTTP/1.1 can use the connection again; if the rest is longer,
//! `Connection: close` says that it cannot, and hyper closes it. A client that waits for `100 Continue` sends nothing yet, and is
//! not asked to.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::Response;
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// The rest of a body is read for this long.
const DRAIN: Duration = Duration::from_secs(10);

/// Tells whether the body was read to its end.
pub(crate) struct Consumed(Option<Arc<State>>);

#[derive(Default)]
struct State {
    ended: AtomicBool,
    /// Whether the client sends without being asked to, or was asked.
    coming: AtomicBool,
    /// What was dropped before its end.
    rest: Mutex<Option<Body>>,
}

/// A body that remembers that it was read to its end, and stays for who reads the rest.
struct Watched {
    body: Body,
    state: Arc<State>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let state = &self.state;
        if !state.ended.load(Ordering::Relaxed) && state.coming.load(Ordering::Relaxed) {
            *self.state.rest.lock() = Some(std::mem::take(&mut self.body));
        }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.state.coming.store(true, Ordering::Relaxed);
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.state.ended.store(true, Ordering::Relaxed);
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
    let waits = request.headers().contains_key(header::EXPECT);
    let state = Arc::new(State { coming: AtomicBool::new(!waits), ..State::default() });
    let watched = Consumed(Some(state.clone()));
    (request.map(|body| Body::new(Watched { body, state })), watched)
}

impl Consumed {
    /// The answer, once the rest of the request is out of the way; it says that the connection closes if that was too much.
    pub(crate) async fn answer(&self, response: Response) -> Response {
        self.answer_within(response, DRAIN).await
    }

    async fn answer_within(&self, mut response: Response, drain_max: Duration) -> Response {
        let Some(state) = &self.0 else { return response };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return response;
        }
        let rest = state.rest.lock().take();
        if let Some(rest) = rest {
            let mut rest = rest.into_data_stream();
            let drain = async { while let Some(Ok(_)) = rest.next().await {} };
            if tokio::time::timeout(drain_max, drain).await.is_ok() {
                state.ended.store(true, Ordering::Relaxed);
            }
        }
        if !state.ended.load(Ordering::Relaxed) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Fate {
        Read,
        Dropped,
        Kept,
    }

    async fn closes(body: Body, fate: Fate) -> bool {
        let (request, consumed) = watch(Request::new(body));
        let mut kept = None;
        match fate {
            Fate::Read => {
                drop(axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap());
            }
            Fate::Dropped => drop(request),
            Fate::Kept => kept = Some(request),
        }
        let bound = Duration::from_millis(100);
        let answer = consumed.answer_within(Response::new(Body::empty()), bound).await;
        drop(kept);
        answer.headers().contains_key(header::CONNECTION)
    }

    #[tokio::test]
    async fn an_answer_to_half_a_request_closes() {
        let chunks =
            || Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("x")]));
        let endless =
            || Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert!(!closes(Body::empty(), Fate::Kept).await);
        assert!(closes(chunks(), Fate::Kept).await, "somebody still reads");
        assert!(!closes(chunks(), Fate::Dropped).await, "the rest is read");
        assert!(!closes(chunks(), Fate::Read).await);
        assert!(!closes(Body::from("x"), Fate::Dropped).await);
        assert!(closes(endless(), Fate::Dropped).await, "the rest does not come");
        let mut waiting = Request::new(chunks());
        waiting.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        let (request, consumed) = watch(waiting);
        drop(request);
        let answer = consumed.answer(Response::new(Body::empty())).await;
        assert!(answer.headers().contains_key(header::CONNECTION), "it was not asked to send");
    }
}
