//! One TCP connection in memory: two ends, two bounded byte queues, and the half-close and reset rules of Linux's loopback.
//!
//! Both ends may be guest sockets (loopback); or one is, and the other is the host's: a [`Stream`](super::stream::Stream)
//! for the router, the egress pump or the name server. A socket that connects to itself is both ends of its own: one side, which is
//! its own other side. Nothing here waits: `EAGAIN` and a queue to subscribe to.
//! There are no segments, sequence numbers or timers, since memory loses nothing.

use super::account::Account;
use crate::errno::Errno;
use crate::wait::{Ready, WaitQueue, Waiter};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// Bytes one direction of a connection holds: Linux's default receive buffer is 128 KiB and its send buffer as much again.
pub(super) const FLOW_BYTES_MAX: usize = 256 << 10;
/// Bytes one direction holds while the sandbox's buffers together are over their bound.
pub(super) const FLOW_BYTES_MIN: usize = 4 << 10;
/// An empty queue that has grown past this gives its memory back.
const KEPT_BYTES_MAX: usize = 16 << 10;

/// Which directions a shutdown(2) ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shut {
    /// No more is received.
    pub(crate) read: bool,
    /// No more is sent.
    pub(crate) write: bool,
}

impl Shut {
    /// Neither.
    pub(super) const NONE: Self = Self { read: false, write: false };

    /// What either ends.
    pub(super) fn or(self, other: Self) -> Self {
        Self { read: self.read || other.read, write: self.write || other.write }
    }
}

/// Where a connection is in its life, as one end sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The other end has not answered yet.
    Opening,
    /// Established; either direction may have ended.
    Open,
    /// Refused, reset, or ended both ways (TCP's CLOSED).
    Dead,
}

struct Side {
    inbound: VecDeque<u8>,
    phase: Phase,
    /// The other end sends no more.
    fin: bool,
    read_shut: bool,
    write_shut: bool,
    /// The end was dropped.
    closed: bool,
    /// SO_ERROR.
    error: Option<Errno>,
}

impl Side {
    fn new() -> Self {
        Self {
            inbound: VecDeque::new(),
            phase: Phase::Opening,
            fin: false,
            read_shut: false,
            write_shut: false,
            closed: false,
            error: None,
        }
    }

    /// What is sent here is gone, and a reset comes back: of an end that is closed, or whose reader has shut both ways.
    fn swallows(&self) -> bool {
        self.closed || (self.read_shut && self.write_shut)
    }

    /// A reset arrives: what was received stays readable, then the error shows once.
    fn reset(&mut self) {
        if self.phase == Phase::Dead || self.closed {
            return;
        }
        // Linux's tcp_reset(): CLOSE_WAIT gives EPIPE.
        self.error = Some(if self.fin { Errno::PIPE } else { Errno::CONNRESET });
        self.phase = Phase::Dead;
    }

    /// The other end sends no more. With the own end of sending, the connection is over.
    fn finish(&mut self) {
        self.fin |= self.phase == Phase::Open;
        if self.fin && self.write_shut {
            self.phase = Phase::Dead;
        }
    }
}

/// What both ends share.
pub(super) struct Link {
    sides: Mutex<[Side; 2]>,
    queues: [WaitQueue; 2],
    account: Arc<Account>,
    id: u64,
}

impl Link {
    fn new(account: &Arc<Account>, queues: [WaitQueue; 2]) -> Result<Arc<Self>, Errno> {
        account.admit(|id| Self {
            sides: Mutex::new([Side::new(), Side::new()]),
            queues,
            account: account.clone(),
            id,
        })
    }

    /// Ends the connection for both ends, as when the network goes away.
    pub(super) fn abort(&self) {
        {
            let mut sides = self.sides.lock();
            for side in sides.iter_mut() {
                side.reset();
            }
        }
        self.wake();
    }

    fn wake(&self) {
        self.queues[0].wake_all();
        self.queues[1].wake_all();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.account.remove(self.id);
    }
}

/// One end of a connection. Dropping it closes: FIN, or RST if received bytes were not read.
pub(super) struct End {
    link: Arc<Link>,
    side: u8,
    /// The other end's side; the same one where a socket is connected to itself.
    other: u8,
    /// This end's address, canonical (never v4-mapped).
    pub(super) local: SocketAddr,
    /// The other end's address, canonical.
    pub(super) peer: SocketAddr,
}

impl End {
    /// Both ends of a new connection that is still opening: the client's, then the server's.
    ///
    /// # Errors
    ///
    /// ENOBUFS when the sandbox has too many connections.
    pub(super) fn pair(
        account: &Arc<Account>,
        queues: [WaitQueue; 2],
        client: SocketAddr,
        server: SocketAddr,
    ) -> Result<(Self, Self), Errno> {
        let link = Link::new(account, queues)?;
        let other = Self { link: link.clone(), side: 1, other: 0, local: server, peer: client };
        Ok((Self { link, side: 0, other: 1, local: client, peer: server }, other))
    }

    /// The only end of a connection of `address` to itself, established: what it sends it receives, and its own FIN and reset too.
    ///
    /// # Errors
    ///
    /// As [`Self::pair`].
    pub(super) fn of_itself(
        account: &Arc<Account>,
        queue: WaitQueue,
        address: SocketAddr,
    ) -> Result<Self, Errno> {
        let link = Link::new(account, [queue.clone(), queue])?;
        let end = Self { link, side: 0, other: 0, local: address, peer: address };
        end.establish();
        Ok(end)
    }

    fn own(&self) -> usize {
        usize::from(self.side)
    }

    fn other(&self) -> usize {
        usize::from(self.other)
    }

    /// The connection is established, for both ends.
    pub(super) fn establish(&self) {
        {
            let mut sides = self.link.sides.lock();
            for side in sides.iter_mut().filter(|side| side.phase == Phase::Opening) {
                side.phase = Phase::Open;
            }
        }
        self.link.wake();
    }

    /// The connection cannot be opened: the other end sees `errno`.
    pub(super) fn refuse(self, errno: Errno) {
        let mut sides = self.link.sides.lock();
        let other = &mut sides[self.other()];
        if other.phase == Phase::Opening {
            other.phase = Phase::Dead;
            other.error = Some(errno);
        }
        drop(sides);
    }

    /// Closes with a reset, whatever is unread (SO_LINGER of 0, a listener that closes).
    pub(super) fn reset(self) {
        self.link.sides.lock()[self.other()].reset();
    }

    /// Directions that shutdown(2) had ended before the socket was connected; the other end does not hear of it.
    pub(super) fn begin_shut(&self, shut: Shut) {
        let own = &mut self.link.sides.lock()[self.own()];
        own.read_shut |= shut.read;
        own.write_shut |= shut.write;
    }

    pub(super) fn phase(&self) -> Phase {
        self.link.sides.lock()[self.own()].phase
    }

    /// A view of this end that does not keep it open.
    pub(super) fn watch(&self) -> Watch {
        Watch { link: self.link.clone(), side: self.own(), other: self.other() }
    }

    /// The queue that tells of changes at this end.
    pub(super) fn queue(&self) -> &WaitQueue {
        &self.link.queues[self.own()]
    }

    pub(super) fn subscribe(&self) -> Waiter {
        self.queue().subscribe()
    }

    /// SO_ERROR: reads and clears.
    pub(super) fn take_error(&self) -> Option<Errno> {
        self.link.sides.lock()[self.own()].error.take()
    }

    /// Bytes that could be read now (FIONREAD).
    pub(super) fn readable_bytes(&self) -> usize {
        self.link.sides.lock()[self.own()].inbound.len()
    }

    /// Receives into `buf`; 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// EAGAIN, or the pending error (ECONNRESET, EPIPE...).
    pub(super) fn recv(&self, buf: &mut [u8], peek: bool) -> Result<usize, Errno> {
        let mut sides = self.link.sides.lock();
        let own = &mut sides[self.own()];
        if own.inbound.is_empty() {
            if own.fin {
                return Ok(0);
            }
            if let Some(errno) = own.error.take() {
                return Err(errno);
            }
            let ended = own.read_shut || own.phase == Phase::Dead;
            return if ended { Ok(0) } else { Err(Errno::AGAIN) };
        }
        let count = buf.len().min(own.inbound.len());
        let (front, back) = own.inbound.as_slices();
        let first = count.min(front.len());
        buf[..first].copy_from_slice(&front[..first]);
        buf[first..count].copy_from_slice(&back[..count - first]);
        if peek {
            return Ok(count);
        }
        own.inbound.drain(..count);
        let held = own.inbound.len();
        if held == 0 && own.inbound.capacity() > KEPT_BYTES_MAX {
            own.inbound = VecDeque::new();
        }
        drop(sides);
        self.link.account.give_back(count);
        if self.link.account.is_worth_a_wake(held) {
            self.link.queues[self.other()].wake_all();
        }
        Ok(count)
    }

    /// Sends as much of `buf` as there is room for.
    ///
    /// # Errors
    ///
    /// EAGAIN, EPIPE after the end of sending, or the pending error.
    pub(super) fn send(&self, buf: &[u8]) -> Result<usize, Errno> {
        let mut sides = self.link.sides.lock();
        let own = &mut sides[self.own()];
        if let Some(errno) = own.error.take() {
            return Err(errno);
        }
        if own.write_shut || own.phase == Phase::Dead {
            return Err(Errno::PIPE);
        }
        if own.phase == Phase::Opening {
            return Err(Errno::AGAIN);
        }
        if buf.is_empty() {
            return Ok(0);
        }
        let other = &mut sides[self.other()];
        if other.swallows() {
            // As on a wire: the bytes leave, and a reset comes back.
            other.reset();
            sides[self.own()].reset();
            drop(sides);
            self.link.wake();
            return Ok(buf.len());
        }
        let count = buf.len().min(self.link.account.room(other.inbound.len()));
        if count == 0 {
            return Err(Errno::AGAIN);
        }
        other.inbound.extend(&buf[..count]);
        self.link.account.take(count);
        drop(sides);
        self.link.queues[self.other()].wake_all();
        Ok(count)
    }

    /// Bytes that can be sent now; some, if sending would fail; many, if they only bring a reset.
    pub(super) fn room(&self) -> usize {
        let sides = self.link.sides.lock();
        let (own, other) = (&sides[self.own()], &sides[self.other()]);
        if own.phase != Phase::Open || own.write_shut {
            1
        } else if other.swallows() {
            FLOW_BYTES_MAX
        } else {
            self.link.account.room(other.inbound.len())
        }
    }

    /// Ends one or both directions.
    ///
    /// # Errors
    ///
    /// ENOTCONN when the connection was refused or reset.
    pub(super) fn shutdown(&self, how: Shut) -> Result<(), Errno> {
        {
            let mut sides = self.link.sides.lock();
            let own = &mut sides[self.own()];
            if own.phase == Phase::Dead {
                return Err(Errno::NOTCONN);
            }
            own.read_shut |= how.read;
            if how.write && !own.write_shut {
                own.write_shut = true;
                sides[self.other()].finish();
                let own = &mut sides[self.own()];
                if own.fin {
                    own.phase = Phase::Dead;
                }
            }
        }
        self.link.wake();
        Ok(())
    }

    /// What poll(2) reports (Linux's `tcp_poll`).
    pub(super) fn ready(&self) -> Ready {
        let sides = self.link.sides.lock();
        let (own, other) = (&sides[self.own()], &sides[self.other()]);
        let dead = own.phase == Phase::Dead;
        let read_ended = own.fin || own.read_shut || dead;
        let write_ended = own.write_shut || dead;
        let mut ready = Ready::empty();
        ready.set(Ready::HUP, read_ended && write_ended);
        ready.set(Ready::IN | Ready::RDHUP, read_ended);
        ready.set(Ready::ERR, own.error.is_some());
        if own.phase != Phase::Opening {
            let room = other.closed || self.link.account.room(other.inbound.len()) > 0;
            ready.set(Ready::OUT, write_ended || room);
            if !own.inbound.is_empty() {
                ready |= Ready::IN;
            }
        }
        ready
    }
}

/// Looks at a connection without being one of its ends.
pub(super) struct Watch {
    link: Arc<Link>,
    side: usize,
    other: usize,
}

impl Watch {
    /// Whether the other end is closed or the connection reset.
    pub(super) fn is_orphan(&self) -> bool {
        let sides = self.link.sides.lock();
        sides[self.other].closed || sides[self.side].phase == Phase::Dead
    }

    pub(super) fn subscribe(&self) -> Waiter {
        self.link.queues[self.side].subscribe()
    }

    /// Resets the connection for both ends.
    pub(super) fn abort(&self) {
        self.link.abort();
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let unread = {
            let mut sides = self.link.sides.lock();
            let own = &mut sides[self.own()];
            own.closed = true;
            let unread = std::mem::take(&mut own.inbound).len();
            let cut = unread > 0 || own.phase == Phase::Opening;
            let other = &mut sides[self.other()];
            if cut {
                other.reset();
            }
            other.finish();
            unread
        };
        self.link.account.give_back(unread);
        self.link.wake();
    }
}
