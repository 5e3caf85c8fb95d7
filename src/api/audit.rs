//! The audit log: one line for each action on the control plane, done, refused or left by its client, with who and what and no
//! secret. Lines go
//! where the server's log goes, under the target `isolet::audit`; reading (`GET`) is no action. A request without a good key is told as
//! well, reading or not, but only some a second: nobody fills the log without a key.

use super::host::is_id;
use super::peer;
use super::sandboxes::SandboxId;
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The status of an action whose client went away before the answer, as nginx logs it; what it began may be done all the same.
const CLIENT_LEFT: u16 = 499;

/// An action that is being done. Dropped without [`Doing::end`], its client has gone, which is told too.
pub(crate) struct Doing {
    /// `None` once its line is written.
    action: Option<Action>,
    key: Arc<str>,
}

impl Doing {
    /// The action that a request is, by the key of this id; `None` if it only reads.
    pub(crate) fn begin(request: &Request, key: &Arc<str>) -> Option<Self> {
        let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
        (!reads).then(|| Self { action: Some(Action::of(request)), key: key.clone() })
    }

    /// Writes the line: it came to `response`.
    pub(crate) fn end(mut self, response: &Response) {
        let made = response.extensions().get::<SandboxId>().map(|id| id.0.clone());
        if let Some(action) = self.action.take() {
            action.tell(&self.key, made, response.status().as_u16());
        }
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        if let Some(action) = self.action.take() {
            action.tell(&self.key, None, CLIENT_LEFT);
        }
    }
}

/// What a request wants done.
struct Action {
    what: String,
    client: String,
    sandbox: Option<Arc<str>>,
    start: Instant,
}

impl Action {
    fn of(request: &Request) -> Self {
        // The route as the server has it, never the text of the client.
        let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
        let path = request.uri().path();
        let named = path.split_once("sandboxes/").map(|(_, rest)| rest);
        let named = named.and_then(|rest| rest.split(['/', '-']).next()).filter(|id| is_id(id));
        let client = peer(request).address.map_or("-".into(), |at| at.ip().to_string());
        let what = format!("{} {route}", request.method());
        Self { what, client, sandbox: named.map(Into::into), start: Instant::now() }
    }

    /// Writes the line: the action by the key of this id made `made` and ended with `status`.
    fn tell(self, key: &str, made: Option<Arc<str>>, status: u16) {
        let sandbox = made.or(self.sandbox);
        tracing::info!(
            target: "isolet::audit",
            action = self.what,
            key,
            client = self.client,
            sandbox = sandbox.as_deref().unwrap_or("-"),
            status,
            ms = self.start.elapsed().as_millis() as u64,
            "control action"
        );
    }
}

/// Lines about requests without a good key in [`REFUSALS_WINDOW`].
const REFUSALS_TOLD: u32 = 20;

/// How long [`REFUSALS_TOLD`] lines are enough for.
const REFUSALS_WINDOW: Duration = Duration::from_secs(1);

/// What is told of requests without a good key: some lines a second, each with how many went before it untold.
#[derive(Clone, Default)]
pub(crate) struct Refusals(Arc<Mutex<Window>>);

#[derive(Default)]
struct Window {
    since: Option<Instant>,
    told: u32,
    untold: u64,
}

impl Window {
    /// Whether one more is told, and with how many untold ones before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        let passed = self.since.is_none_or(|since| now - since >= REFUSALS_WINDOW);
        if passed {
            (self.since, self.told) = (Some(now), 0);
        }
        if self.told >= REFUSALS_TOLD {
            self.untold += 1;
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.untold))
    }
}

impl Refusals {
    /// Writes the line, unless there were many already. What came as a key is not in it: it may be a good one mistyped.
    pub(crate) fn tell(&self, request: &Request) {
        let Some(untold) = self.0.lock().admit(Instant::now()) else { return };
        let action = Action::of(request);
        tracing::warn!(
            target: "isolet::audit",
            action = action.what,
            key = if request.headers().contains_key("x-api-key") { "unknown" } else { "none" },
            client = action.client,
            sandbox = action.sandbox.as_deref().unwrap_or("-"),
            status = 401_u16,
            untold,
            "refused: no good key"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;

    /// What is logged while `work` runs.
    fn logged(work: impl FnOnce()) -> String {
        #[derive(Clone, Default)]
        struct Sink(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let sink = Sink::default();
        let to = sink.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || to.clone()).finish();
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(sink.0.lock().clone()).unwrap()
    }

    #[test]
    fn an_action_is_told_once_however_it_ends() {
        let request = |method: &str| {
            Request::builder().method(method).uri("/sandboxes").body(Body::empty()).unwrap()
        };
        let key = Arc::from("key_one");
        assert!(Doing::begin(&request("GET"), &key).is_none());
        let doing = Doing::begin(&request("POST"), &key).unwrap();
        let done = logged(|| doing.end(&StatusCode::CREATED.into_response()));
        assert_eq!((done.lines().count(), done.contains("status=201")), (1, true), "{done}");
        // The client hangs up: the server drops what answers it, wherever that waits.
        let doing = Doing::begin(&request("DELETE"), &key).unwrap();
        let left = logged(|| drop(async move { doing.end(&StatusCode::OK.into_response()) }));
        assert_eq!((left.lines().count(), left.contains("status=499")), (1, true), "{left}");
        assert!(left.contains("key_one") && left.contains("DELETE"), "{left}");
    }

    #[test]
    fn refusals_are_told_some_a_second_and_the_rest_counted() {
        let (mut window, start) = (Window::default(), Instant::now());
        let told = (0..100).filter_map(|_| window.admit(start)).collect::<Vec<_>>();
        assert_eq!(told, [0; REFUSALS_TOLD as usize]);
        let later = start + REFUSALS_WINDOW;
        assert_eq!(window.admit(later), Some(100 - u64::from(REFUSALS_TOLD)));
        assert_eq!(window.admit(later), Some(0));
    }
}
