//! A connection out of a sandbox as it is carried: counted for the log, slowed to the sandbox's bandwidth, cut when the policy turns.

use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::client::TlsStream;

/// The least that a bucket holds, so that a low rate still moves whole datagrams.
const BURST_BYTES_MIN: u64 = 64 << 10;

/// A byte stream to the outside.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// Lets the close that follows be a reset.
    fn make_reset(&mut self);
}

impl Wire for TcpStream {
    fn make_reset(&mut self) {
        // Fails for a connection that is gone already.
        let _ = self.set_zero_linger();
    }
}

impl<W: Wire> Wire for TlsStream<W> {
    fn make_reset(&mut self) {
        self.get_mut().0.make_reset();
    }
}

impl<W: Wire + ?Sized> Wire for Box<W> {
    fn make_reset(&mut self) {
        (**self).make_reset();
    }
}

/// The name that a TLS server must prove to be.
pub(super) fn server_name(name: &str) -> io::Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).map_err(io::Error::other)
}

/// What a sandbox may send and receive in a second, both ways together: a token bucket.
pub(in crate::vnet) struct Bucket {
    rate: u64,
    state: Mutex<(u64, Instant)>,
}

impl Bucket {
    /// One of `rate` bytes a second, filled for a tenth of a second.
    pub(in crate::vnet) fn new(rate: u64) -> Self {
        Self { rate: rate.max(1), state: Mutex::new((Self::burst(rate), Instant::now())) }
    }

    fn burst(rate: u64) -> u64 {
        (rate / 10).max(BURST_BYTES_MIN)
    }

    /// Takes up to `want` bytes; if there are none, how long until there are.
    fn take(&self, want: usize) -> Result<usize, Duration> {
        let mut state = self.state.lock();
        let now = Instant::now();
        let passed = now.duration_since(state.1);
        let earned = passed.as_micros().saturating_mul(u128::from(self.rate)) / 1_000_000;
        let earned = u64::try_from(earned).unwrap_or(u64::MAX);
        if earned > 0 {
            *state = (state.0.saturating_add(earned).min(Self::burst(self.rate)), now);
        }
        let granted = state.0.min(want as u64);
        if granted == 0 {
            let quantum = Self::burst(self.rate) / 4;
            return Err(Duration::from_micros(quantum * 1_000_000 / self.rate + 1));
        }
        state.0 -= granted;
        Ok(usize::try_from(granted).unwrap_or(want))
    }

    /// Takes `bytes` at once, or nothing.
    pub(super) fn take_all(&self, bytes: usize) -> bool {
        match self.take(bytes) {
            Ok(granted) if granted == bytes => true,
            Ok(granted) => {
                self.give_back(granted);
                false
            }
            Err(_) => false,
        }
    }

    fn give_back(&self, bytes: usize) {
        let mut state = self.state.lock();
        state.0 = state.0.saturating_add(bytes as u64).min(Self::burst(self.rate));
    }
}

/// Waits of one direction.
#[derive(Default)]
struct Wait(Option<Pin<Box<Sleep>>>);

impl Wait {
    /// Up to `want` bytes of the bucket's.
    fn poll_take(&mut self, bucket: &Bucket, want: usize, cx: &mut Context<'_>) -> Poll<usize> {
        loop {
            if let Some(sleep) = &mut self.0 {
                ready!(sleep.as_mut().poll(cx));
                self.0 = None;
            }
            match bucket.take(want) {
                Ok(granted) => return Poll::Ready(granted),
                Err(pause) => self.0 = Some(Box::pin(tokio::time::sleep(pause))),
            }
        }
    }
}

/// Whose connection it is, and what is known of it.
pub(crate) trait Tally: Unpin + Send {
    /// Whether the policy has turned against it.
    fn is_cut(&self) -> bool;
    /// So many bytes were read from the wire.
    fn add_read(&self, bytes: usize);
    /// So many bytes were written to the wire.
    fn add_written(&self, bytes: usize);
}

/// A wire with its account.
pub(crate) struct Metered<W: Wire, T: Tally> {
    wire: W,
    tally: T,
    bucket: Option<Arc<Bucket>>,
    waits: [Wait; 2],
}

impl<W: Wire, T: Tally> Metered<W, T> {
    /// `bucket` is the sandbox's bandwidth, if it is limited.
    pub(in crate::vnet) fn new(wire: W, tally: T, bucket: Option<Arc<Bucket>>) -> Self {
        Self { wire, tally, bucket, waits: Default::default() }
    }

    fn check(&self) -> io::Result<()> {
        if self.tally.is_cut() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl<W: Wire, T: Tally> Wire for Metered<W, T> {
    fn make_reset(&mut self) {
        self.wire.make_reset();
    }
}

impl<W: Wire, T: Tally> Drop for Metered<W, T> {
    fn drop(&mut self) {
        if self.check().is_err() {
            self.wire.make_reset();
        }
    }
}

impl<W: Wire, T: Tally> AsyncRead for Metered<W, T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        let mut room = buf.remaining();
        if let Some(bucket) = &this.bucket {
            room = ready!(this.waits[0].poll_take(bucket, room, cx));
        }
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
        let read = Pin::new(&mut this.wire).poll_read(cx, &mut part);
        let count = part.filled().len();
        if let Some(bucket) = &this.bucket {
            bucket.give_back(room - count);
        }
        ready!(read)?;
        buf.advance(count);
        this.tally.add_read(count);
        Poll::Ready(Ok(()))
    }
}

impl<W: Wire, T: Tally> AsyncWrite for Metered<W, T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check()?;
        let mut room = buf.len();
        if let Some(bucket) = &this.bucket {
            room = ready!(this.waits[1].poll_take(bucket, room, cx));
        }
        let written = Pin::new(&mut this.wire).poll_write(cx, &buf[..room]);
        let count = match &written {
            Poll::Ready(Ok(count)) => *count,
            _ => 0,
        };
        if let Some(bucket) = &this.bucket {
            bucket.give_back(room - count);
        }
        this.tally.add_written(count);
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        Pin::new(&mut this.wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        Pin::new(&mut this.wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bucket_gives_its_rate_and_no_more() {
        const RATE: u64 = 1 << 20;
        let bucket = Bucket::new(RATE);
        let start = Instant::now();
        let mut wait = Wait::default();
        let mut taken = 0;
        while taken < 300 << 10 {
            taken += std::future::poll_fn(|cx| wait.poll_take(&bucket, 8192, cx)).await;
            let earned = start.elapsed().as_secs_f64() * RATE as f64;
            let burst = Bucket::burst(RATE) as f64;
            assert!(taken as f64 <= burst + earned + 1.0, "{taken} after {earned}");
        }
        bucket.give_back(usize::MAX);
        let all = usize::try_from(Bucket::burst(RATE)).unwrap();
        assert_eq!(bucket.take(usize::MAX), Ok(all), "never more than the burst");
        assert!(!bucket.take_all(all), "a datagram goes whole or not at all");
    }
}
