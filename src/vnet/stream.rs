//! The host's end of a connection, as tokio's reader and writer: what the router, the egress pump and the name server hold.

use super::connection::{End, Phase};
use crate::errno::Errno;
use crate::wait::{Ready, Waiter};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A byte stream to a guest's socket. Dropping it closes the connection: FIN, or RST if received bytes were not read.
pub struct Stream {
    end: End,
    reading: Option<Pin<Box<Waiter>>>,
    writing: Option<Pin<Box<Waiter>>>,
}

impl Stream {
    pub(super) fn new(end: End) -> Self {
        Self { end, reading: None, writing: None }
    }

    /// The guest's address.
    pub fn peer_addr(&self) -> SocketAddr {
        self.end.peer
    }

    /// Closes with a reset.
    pub(super) fn reset(self) {
        self.end.reset();
    }

    /// Completes when the guest's end is closed or the connection reset.
    pub(super) fn orphaned(&self) -> impl Future<Output = ()> + use<> {
        let watch = self.end.watch();
        async move {
            loop {
                let waiter = watch.subscribe();
                if watch.is_orphan() {
                    return;
                }
                waiter.await;
            }
        }
    }

    /// Looks at what has arrived without taking it, once that is more than `seen` bytes; the count is not more only where the
    /// guest sends no more, or `buf` is full.
    ///
    /// # Errors
    ///
    /// The connection's.
    pub(super) async fn peek(&self, buf: &mut [u8], seen: usize) -> Result<usize, Errno> {
        loop {
            let waiter = self.end.subscribe();
            match self.end.recv(buf, true) {
                Ok(count) if count > seen || count == buf.len() => return Ok(count),
                Ok(count) if self.end.ready().contains(Ready::RDHUP) => return Ok(count),
                Ok(_) | Err(Errno::AGAIN) => waiter.await,
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Waits until the connection is established.
    ///
    /// # Errors
    ///
    /// The reason why it is not (ECONNREFUSED).
    pub(super) async fn established(&self) -> Result<(), Errno> {
        loop {
            let waiter = self.end.subscribe();
            match self.end.phase() {
                Phase::Open => return Ok(()),
                Phase::Dead => return Err(self.end.take_error().unwrap_or(Errno::CONNREFUSED)),
                Phase::Opening => waiter.await,
            }
        }
    }
}

/// Tries until there is an answer other than EAGAIN; the subscription is made before the try, so that no wake-up is lost.
fn poll_until<T>(
    end: &End,
    slot: &mut Option<Pin<Box<Waiter>>>,
    cx: &mut Context<'_>,
    mut attempt: impl FnMut(&End) -> Result<T, Errno>,
) -> Poll<io::Result<T>> {
    loop {
        let waiter = slot.get_or_insert_with(|| Box::pin(end.subscribe()));
        match attempt(end) {
            Err(Errno::AGAIN) => {
                ready!(waiter.as_mut().poll(cx));
                *slot = None;
            }
            done => {
                *slot = None;
                return Poll::Ready(done.map_err(io::Error::from));
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let into = buf.initialize_unfilled();
        let count =
            ready!(poll_until(&this.end, &mut this.reading, cx, |end| end.recv(into, false)))?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        poll_until(&this.end, &mut this.writing, cx, |end| end.send(buf))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // What is written is already the other end's.
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let write = super::connection::Shut { read: false, write: true };
        match self.end.shutdown(write) {
            // A connection that is already gone has nothing more to shut.
            Ok(()) | Err(Errno::NOTCONN) => Poll::Ready(Ok(())),
            Err(errno) => Poll::Ready(Err(errno.into())),
        }
    }
}
