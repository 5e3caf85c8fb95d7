//! A listening TCP socket: connections that wait to be accepted, and those that wait for room among them.

use super::connection::{End, Phase};
use crate::errno::Errno;
use crate::wait::WaitQueue;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// The longest backlog that listen(2) grants: Linux's `net.core.somaxconn`.
const BACKLOG_MAX: usize = 4096;
/// Connections that wait for room in the backlog (Linux drops their SYN, and the client asks again).
const OVERFLOW_MAX: usize = 1024;

/// The receiving side of a listening socket.
pub(super) struct Listener {
    backlog: Mutex<Backlog>,
    queue: WaitQueue,
}

/// A connection that nobody has accepted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// The listener's side.
    pub(crate) local: SocketAddr,
    /// The client.
    pub(crate) peer: SocketAddr,
    /// What the client has sent.
    pub(crate) readable_bytes: usize,
}

struct Backlog {
    max: usize,
    ready: VecDeque<End>,
    overflow: VecDeque<End>,
    closed: bool,
}

impl Backlog {
    /// Linux's `sk_acceptq_is_full`: one more than asked for.
    fn has_room(&self) -> bool {
        self.ready.len() <= self.max
    }
}

impl Listener {
    /// A listener that wakes `queue`.
    pub(super) fn new(queue: WaitQueue, backlog: i32) -> Self {
        let (ready, overflow) = (VecDeque::new(), VecDeque::new());
        let backlog = Backlog { max: clamp(backlog), ready, overflow, closed: false };
        Self { backlog: Mutex::new(backlog), queue }
    }

    /// listen(2) once more.
    pub(super) fn set_backlog(&self, backlog: i32) {
        self.backlog.lock().max = clamp(backlog);
        self.promote();
    }

    /// A client's connection arrives: established at once if there is room, else it stays opening.
    pub(super) fn offer(&self, end: End) {
        let refused = {
            let mut backlog = self.backlog.lock();
            if backlog.closed {
                Some((end, Errno::CONNREFUSED))
            } else if backlog.has_room() && backlog.overflow.is_empty() {
                end.establish();
                backlog.ready.push_back(end);
                None
            } else if backlog.overflow.len() < OVERFLOW_MAX {
                backlog.overflow.push_back(end);
                None
            } else {
                Some((end, Errno::TIMEDOUT)) // As if every retry met a full queue.
            }
        };
        match refused {
            Some((end, errno)) => end.refuse(errno),
            None => self.queue.wake_all(),
        }
    }

    /// The next connection.
    ///
    /// # Errors
    ///
    /// EAGAIN, or EINVAL once closed.
    pub(super) fn accept(&self) -> Result<End, Errno> {
        let end = {
            let mut backlog = self.backlog.lock();
            if backlog.closed {
                return Err(Errno::INVAL);
            }
            backlog.ready.pop_front().ok_or(Errno::AGAIN)?
        };
        self.promote();
        Ok(end)
    }

    /// Puts a connection back to the front of the queue: it was taken and could not become a socket.
    pub(super) fn put_back(&self, end: End) {
        self.backlog.lock().ready.push_front(end);
    }

    /// Moves waiting connections into the backlog while there is room.
    fn promote(&self) {
        let mut gone = Vec::new();
        let mut promoted = false;
        {
            let mut backlog = self.backlog.lock();
            while backlog.has_room() {
                let Some(end) = backlog.overflow.pop_front() else { break };
                if end.phase() == Phase::Opening {
                    end.establish();
                    backlog.ready.push_back(end);
                    promoted = true;
                } else {
                    gone.push(end); // Its client gave up.
                }
            }
        }
        drop(gone);
        if promoted {
            self.queue.wake_all();
        }
    }

    /// Whether accept(2) would not block.
    pub(super) fn is_ready(&self) -> bool {
        !self.backlog.lock().ready.is_empty()
    }

    /// What waits to be accepted, the oldest first: both addresses, and the bytes that have arrived already.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let backlog = self.backlog.lock();
        let established = backlog.ready.iter().filter(|end| end.phase() == Phase::Open);
        let waiting = |end: &End| Waiting {
            local: end.local,
            peer: end.peer,
            readable_bytes: end.readable_bytes(),
        };
        established.map(waiting).collect()
    }

    /// Refuses what comes, resets what waits.
    pub(super) fn close(&self) {
        let (ready, overflow) = {
            let mut backlog = self.backlog.lock();
            backlog.closed = true;
            (std::mem::take(&mut backlog.ready), std::mem::take(&mut backlog.overflow))
        };
        ready.into_iter().for_each(End::reset);
        overflow.into_iter().for_each(|end| end.refuse(Errno::CONNREFUSED));
        self.queue.wake_all();
    }
}

/// Linux takes a negative backlog for the largest.
fn clamp(backlog: i32) -> usize {
    usize::try_from(backlog).unwrap_or(BACKLOG_MAX).min(BACKLOG_MAX)
}
