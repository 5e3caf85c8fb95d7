//! The host's own ends of guests' streams, as tokio's [`AsyncRead`] and [`AsyncWrite`]: pipes for standard streams and the
//! master of a terminal. Back-pressure is the queue's: a writer waits for room, and dropping an end closes it.

use super::pipe::End;
use super::pty::Master;
use crate::errno::Errno;
use crate::wait::Waiter;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What can be read and written without waiting, and waited for.
pub(crate) trait Stream: Send + Sync {
    /// Reads what is there; 0 at the end.
    ///
    /// # Errors
    ///
    /// EAGAIN when nothing is there yet.
    fn try_read(&self, into: &mut [u8]) -> Result<usize, Errno>;
    /// Writes what fits.
    ///
    /// # Errors
    ///
    /// EAGAIN when nothing fits yet.
    fn try_write(&self, from: &[u8]) -> Result<usize, Errno>;
    /// A waiter for the next change.
    fn subscribe(&self) -> Waiter;
}

impl Stream for End {
    fn try_read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        End::try_read(self, into)
    }

    fn try_write(&self, from: &[u8]) -> Result<usize, Errno> {
        End::try_write(self, from)
    }

    fn subscribe(&self) -> Waiter {
        End::subscribe(self)
    }
}

impl Stream for Master {
    fn try_read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        match self.read(into) {
            Err(Errno::IO) => Ok(0), // no program has it open any more
            other => other,
        }
    }

    fn try_write(&self, from: &[u8]) -> Result<usize, Errno> {
        self.write(from)
    }

    fn subscribe(&self) -> Waiter {
        Master::subscribe(self)
    }
}

/// A stream read and written by host code.
pub(crate) struct HostEnd<S> {
    stream: S,
    reading: Option<Pin<Box<Waiter>>>,
    writing: Option<Pin<Box<Waiter>>>,
}

impl<S: Stream> HostEnd<S> {
    /// Wraps an end.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, reading: None, writing: None }
    }
}

/// Tries until the answer is not EAGAIN, waiting in `waiter` between. It subscribes before it tries, so no change is lost.
fn poll_until<T>(
    context: &mut Context<'_>,
    waiter: &mut Option<Pin<Box<Waiter>>>,
    subscribe: impl Fn() -> Waiter,
    mut attempt: impl FnMut() -> Result<T, Errno>,
) -> Poll<io::Result<T>> {
    loop {
        let pending = waiter.get_or_insert_with(|| Box::pin(subscribe()));
        match attempt() {
            Err(Errno::AGAIN) => {}
            done => {
                *waiter = None;
                return Poll::Ready(done.map_err(io::Error::from));
            }
        }
        if pending.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        *waiter = None;
    }
}

impl<S: Stream + Unpin> AsyncRead for HostEnd<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, reading, .. } = self.get_mut();
        let space = into.initialize_unfilled();
        if space.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let read = poll_until(context, reading, || stream.subscribe(), || stream.try_read(space));
        read.map_ok(|count| into.advance(count))
    }
}

impl<S: Stream + Unpin> AsyncWrite for HostEnd<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, writing, .. } = self.get_mut();
        poll_until(context, writing, || stream.subscribe(), || stream.try_write(from))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // dropping it closes it
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::pipe::pipe;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn carries_more_than_fits_and_ends() {
        let (reader, writer) = pipe();
        let sent: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            let mut writer = HostEnd::new(writer);
            writer.write_all(&sent).await.expect("a reader");
        });
        let mut received = Vec::new();
        HostEnd::new(reader).read_to_end(&mut received).await.expect("a pipe");
        writing.await.expect("no panic");
        assert!(received == expected);
    }

    #[tokio::test]
    async fn a_writer_without_readers_fails() {
        let (reader, writer) = pipe();
        drop(reader);
        let error = HostEnd::new(writer).write_all(b"x").await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
