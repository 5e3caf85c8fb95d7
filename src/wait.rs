//! Waiting for a kernel object to change: the one way that everything blocking blocks.
//!
//! An object that can become readable, writable, connected... owns a [`WaitQueue`] and wakes it after each change. Who
//! finds nothing to do subscribes *first*, tries again, and then waits:
//!
//! ```text
//! loop { let waiter = queue.subscribe(); match try_it() { Err(EAGAIN) => waiter.await, done => return done } }
//! ```
//!
//! so that no wake-up is lost. It holds no data and makes no promise of fairness.

use std::sync::Arc;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Wakes every task that subscribed before the change.
#[derive(Clone, Debug, Default)]
pub(crate) struct WaitQueue(Arc<Notify>);

/// A subscription: completes at the first wake-up after it was made.
pub(crate) type Waiter = OwnedNotified;

impl WaitQueue {
    /// A queue that nobody waits on.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Wakes all current subscribers. Call it after the change is visible, best with no lock held.
    pub(crate) fn wake_all(&self) {
        self.0.notify_waiters();
    }

    /// Subscribes; wake-ups from now on count, even before the returned future is first polled.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.0.clone().notified_owned()
    }
}

bitflags::bitflags! {
    /// What an open file is ready for, in poll(2)'s bits.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Ready: u16 {
        /// Reading would not block.
        const IN = 0x001;
        /// Urgent data or an exceptional condition.
        const PRI = 0x002;
        /// Writing would not block.
        const OUT = 0x004;
        /// An error is pending, or the read end of a pipe is gone.
        const ERR = 0x008;
        /// The other end has hung up.
        const HUP = 0x010;
        /// The descriptor is not open.
        const NVAL = 0x020;
        /// A stream's peer has shut down writing.
        const RDHUP = 0x2000;
    }
}
