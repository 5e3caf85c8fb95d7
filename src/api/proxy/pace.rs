//! Bodies and tunnels in which nothing moves do not stay for ever: a client that stops sending in the middle of a request holds a
//! connection of the guest's server, a guest that stops sending holds its client's.
//!
//! Time is looked at when something waits, not for each piece of a body: what moves pays one store of a clock reading.

use super::rewrite;
use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// When something last moved.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    /// Milliseconds after `began`.
    last: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }
}

impl Activity {
    fn touch(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.began + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Completes once nothing has moved for `idle`.
    pub(super) async fn rested(&self, idle: Duration) {
        loop {
            let until = self.last() + idle;
            if Instant::now() >= until {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// A stream whose reads and writes count as activity.
pub(super) struct Touching<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> Touching<S> {
    /// Tells `activity` of what moves through `stream`.
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn told<T>(&self, moved: Poll<T>) -> Poll<T> {
        if moved.is_ready() {
            self.activity.touch();
        }
        moved
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Touching<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.told(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Touching<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.told(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
#[error("nothing came for {0:?}")]
pub(super) struct Silent(Duration);

type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// One direction's body. It fails with [`Silent`] when it waits for its next piece and nothing has moved for `idle`, in any body that
/// shares its activity; trailers that a head may not have are taken out.
pub(super) struct Paced<B> {
    body: B,
    idle: Duration,
    activity: Arc<Activity>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the last look at it found nothing.
    waiting: bool,
}

impl<B> Paced<B> {
    /// A body that waits at most `idle`.
    pub(super) fn new(body: B, idle: Duration, activity: Arc<Activity>) -> Self {
        Self { body, idle, activity, timer: None, waiting: false }
    }

    /// Waits for the moment at which it has been silent for too long.
    fn poll_silent(&mut self, context: &mut Context<'_>) -> Poll<Silent> {
        if !std::mem::replace(&mut self.waiting, true) {
            // A receiver that was busy for long does not count against the sender.
            self.activity.touch();
        }
        loop {
            let until = self.activity.last() + self.idle;
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            ready!(timer.as_mut().poll(context));
            let until = self.activity.last() + self.idle;
            if Instant::now() >= until {
                return Poll::Ready(Silent(self.idle));
            }
            timer.as_mut().reset(until);
        }
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            return self.poll_silent(context).map(|silent| Some(Err(silent.into())));
        };
        self.waiting = false;
        self.activity.touch();
        let clean = |mut frame: Frame<Bytes>| {
            if let Some(trailers) = frame.trailers_mut() {
                rewrite::trailers(trailers);
            }
            frame
        };
        Poll::Ready(frame.map(|frame| frame.map(clean).map_err(Into::into)))
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
    use futures_util::{StreamExt, stream};
    use http_body_util::{BodyExt, StreamBody};
    use tokio::time::sleep;

    const IDLE: Duration = Duration::from_millis(100);
    const PIECE: Duration = Duration::from_millis(40);
    /// When something moved is kept in whole milliseconds.
    const BLUR: Duration = Duration::from_millis(1);

    /// A body whose pieces come sooner than they must, and then no more.
    fn slow(pieces: usize) -> impl Body<Data = Bytes, Error = io::Error> + Unpin {
        let piece = |_| async {
            sleep(PIECE).await;
            Ok::<_, io::Error>(Frame::data(Bytes::from_static(b"x")))
        };
        let pieces = stream::iter(0..pieces).then(piece).chain(stream::pending());
        StreamBody::new(Box::pin(pieces))
    }

    /// Takes pieces until there is silence; how many. None comes before its time.
    async fn pieces_of(
        mut body: Paced<impl Body<Data = Bytes, Error = io::Error> + Unpin>,
    ) -> usize {
        let mut count = 0;
        loop {
            let last = Instant::now();
            match body.frame().await.unwrap() {
                Ok(frame) => assert!(frame.is_data()),
                Err(error) => {
                    assert!(error.is::<Silent>() && last.elapsed() + BLUR >= IDLE, "{error}");
                    return count;
                }
            }
            count += 1;
        }
    }

    #[tokio::test]
    async fn slow_bodies_pass_and_silent_ones_end() {
        // A machine that is late may be silent for as long in the middle; it is not late for ever.
        for _ in 0..100 {
            let began = Instant::now();
            if pieces_of(Paced::new(slow(5), IDLE, Arc::default())).await == 5 {
                return assert!(began.elapsed() + BLUR >= 5 * PIECE + IDLE);
            }
        }
        panic!("no body passed");
    }

    #[tokio::test]
    async fn a_silent_direction_lives_while_the_other_one_moves() {
        for _ in 0..100 {
            let activity = Arc::new(Activity::default());
            let mut silent = Paced::new(slow(0), IDLE, activity.clone());
            let moving = Paced::new(slow(5), IDLE, activity);
            let began = Instant::now();
            // In this order: a late machine wakes both at once, and what moves is looked at first.
            let pieces = Box::pin(pieces_of(moving));
            let (count, error) = futures_util::future::join(pieces, silent.frame()).await;
            assert!(error.unwrap().unwrap_err().is::<Silent>());
            if count == 5 {
                return assert!(began.elapsed() + BLUR >= 5 * PIECE + IDLE);
            }
        }
        panic!("no body passed");
    }

    #[tokio::test]
    async fn idle_streams_are_noticed() {
        let began = Instant::now();
        let activity = Arc::new(Activity::default());
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut ours = Touching::new(ours, activity.clone());
        let move_once = async {
            sleep(PIECE).await;
            tokio::io::AsyncWriteExt::write_all(&mut theirs, b"x").await.unwrap();
            let mut byte = [0];
            tokio::io::AsyncReadExt::read_exact(&mut ours, &mut byte).await.unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = move_once => {}
            () = activity.rested(IDLE) => {}
        }
        assert!(began.elapsed() >= IDLE);
    }
}
