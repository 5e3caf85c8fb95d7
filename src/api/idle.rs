//! Connections over HTTP/2 on which nothing is asked for are ended: of HTTP/1.1 the bound for the next head does that, HTTP/2 has
//! none, and its pings are answered by clients that want nothing.
//!
//! What counts is calls, from a request to the end of its answer or of the tunnel that it became, not what moves in them: that
//! has bounds of its own (`stall`, `proxy::pace`).

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// The calls of one connection.
#[derive(Debug)]
pub(crate) struct Calls(Mutex<State>);

#[derive(Debug)]
struct State {
    open: usize,
    /// When the last one ended.
    ended: Instant,
}

impl Default for Calls {
    fn default() -> Self {
        Self(Mutex::new(State { open: 0, ended: Instant::now() }))
    }
}

impl Calls {
    /// Counts one more, until what is returned is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Call {
        self.0.lock().open += 1;
        Call(self.clone())
    }

    /// Completes once there has been no call for `idle`.
    pub(crate) async fn rested(&self, idle: Duration) {
        loop {
            let now = Instant::now();
            let until = {
                let state = self.0.lock();
                if state.open > 0 { now + idle } else { state.ended + idle }
            };
            if now >= until {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call(Arc<Calls>);

impl Drop for Call {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.open -= 1;
        state.ended = Instant::now();
    }
}

/// The body of an answer, whose call lasts as long as it.
pub(crate) struct Answering {
    body: Body,
    _call: Arc<Call>,
}

impl Answering {
    /// Holds `call` until `body` is dropped.
    pub(crate) fn new(body: Body, call: Arc<Call>) -> Self {
        Self { body, _call: call }
    }
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn it_rests_after_its_last_call() {
        let calls = Arc::new(Calls::default());
        let began = Instant::now();
        calls.rested(IDLE).await;
        assert!(began.elapsed() >= IDLE, "one that asks for nothing");
        let long = calls.begin();
        let short = calls.begin();
        let mut rested = std::pin::pin!(calls.rested(IDLE));
        drop(short);
        assert!(tokio::time::timeout(4 * IDLE, &mut rested).await.is_err(), "one is open");
        drop(long);
        let ended = Instant::now();
        rested.await;
        assert!(ended.elapsed() >= IDLE);
    }
}
