//! Datagrams: the bounded queue of received ones, and where a sent one goes.
//!
//! Loopback loses a datagram only when the receiver's queue is full, silently, as Linux does.

use super::account::Account;
use super::connection::Shut;
use super::packet::Arrival;
use crate::errno::Errno;
use crate::wait::{Ready, WaitQueue};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// The longest payload of a UDP datagram over IPv4: 65,535 less two headers.
pub(super) const DATAGRAM_BYTES_MAX: usize = 65_507;
/// What an inbox holds, overhead included: Linux's `net.core.rmem_default`.
const INBOX_BYTES_MAX: usize = 212_992;
/// Charged for each datagram besides its payload, so that empty ones are bounded too.
const OVERHEAD_BYTES: usize = 256;

/// What a receive gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// Bytes put into the buffer.
    pub(crate) bytes: usize,
    /// Bytes the datagram has; for a stream the same as `bytes`.
    pub(crate) full_bytes: usize,
    /// Who sent it; `None` for a stream.
    pub(crate) from: Option<SocketAddr>,
    /// How a datagram arrived.
    pub(crate) arrival: Option<Arrival>,
}

impl Received {
    /// The end of what there is to receive.
    pub(crate) const NOTHING: Self = Self::of_stream(0);

    /// Bytes of a stream.
    pub(super) const fn of_stream(bytes: usize) -> Self {
        Self { bytes, full_bytes: bytes, from: None, arrival: None }
    }
}

struct Datagram {
    from: SocketAddr,
    arrival: Arrival,
    payload: Box<[u8]>,
}

/// The datagrams a socket has received and not read.
pub(super) struct Inbox {
    state: Mutex<State>,
    queue: WaitQueue,
    account: Arc<Account>,
}

#[derive(Default)]
struct State {
    received: VecDeque<Datagram>,
    bytes: usize,
    error: Option<Errno>,
    shut: Shut,
}

impl Inbox {
    /// An empty one that wakes `queue`.
    pub(super) fn new(queue: WaitQueue, account: Arc<Account>) -> Self {
        Self { state: Mutex::default(), queue, account }
    }

    /// A datagram arrives; dropped when there is no room.
    pub(super) fn deliver(&self, from: SocketAddr, arrival: Arrival, payload: &[u8]) {
        let charge = payload.len() + OVERHEAD_BYTES;
        {
            let mut state = self.state.lock();
            if state.bytes + charge > INBOX_BYTES_MAX || self.account.pressed() {
                return;
            }
            state.bytes += charge;
            state.received.push_back(Datagram { from, arrival, payload: payload.into() });
            self.account.take(charge);
        }
        self.queue.wake_all();
    }

    /// An error comes back for something sent (ICMP); shown once.
    pub(super) fn fail(&self, errno: Errno) {
        self.state.lock().error = Some(errno);
        self.queue.wake_all();
    }

    /// SO_ERROR: reads and clears.
    pub(super) fn take_error(&self) -> Option<Errno> {
        self.state.lock().error.take()
    }

    /// shutdown(2).
    pub(super) fn shut(&self, how: Shut) {
        {
            let mut state = self.state.lock();
            state.shut = state.shut.or(how);
        }
        self.queue.wake_all();
    }

    /// Whether the socket may no longer send.
    pub(super) fn write_ended(&self) -> bool {
        self.state.lock().shut.write
    }

    /// Whether a receive must not wait: it gets nothing instead.
    pub(super) fn read_ended(&self) -> bool {
        self.state.lock().shut.read
    }

    /// Length of the next datagram (FIONREAD).
    pub(super) fn readable_bytes(&self) -> usize {
        self.state.lock().received.front().map_or(0, |next| next.payload.len())
    }

    /// The next datagram; what does not fit is lost.
    ///
    /// # Errors
    ///
    /// EAGAIN, or the pending error.
    pub(super) fn recv(&self, buf: &mut [u8], peek: bool) -> Result<Received, Errno> {
        let mut state = self.state.lock();
        if let Some(errno) = state.error.take() {
            return Err(errno);
        }
        // After shutdown(2) too: Linux ends only the waiting (see `Inbox::read_ended`).
        let next = state.received.front().ok_or(Errno::AGAIN)?;
        let bytes = buf.len().min(next.payload.len());
        buf[..bytes].copy_from_slice(&next.payload[..bytes]);
        let full_bytes = next.payload.len();
        let received =
            Received { bytes, full_bytes, from: Some(next.from), arrival: Some(next.arrival) };
        if !peek {
            state.received.pop_front();
            state.bytes -= full_bytes + OVERHEAD_BYTES;
            self.account.give_back(full_bytes + OVERHEAD_BYTES);
        }
        Ok(received)
    }

    /// What poll(2) reports; a datagram can always be sent.
    pub(super) fn ready(&self) -> Ready {
        let state = self.state.lock();
        let mut ready = Ready::OUT;
        ready.set(Ready::IN, !state.received.is_empty() || state.shut.read);
        ready.set(Ready::RDHUP, state.shut.read);
        ready.set(Ready::HUP, state.shut.read && state.shut.write);
        ready.set(Ready::ERR, state.error.is_some());
        ready
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.account.give_back(self.state.get_mut().bytes);
    }
}
