//! What one sandbox's network holds in memory: its connections, and the bytes in their queues together.
//!
//! It keeps a weak list of connections, so that shutting the network down reaches every one of them.

use super::connection::{FLOW_BYTES_MAX, FLOW_BYTES_MIN, Link};
use crate::errno::Errno;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

/// Bytes in all queues of a sandbox past which a queue holds only [`FLOW_BYTES_MIN`] (Linux's `tcp_mem` pressure).
const BUFFERED_BYTES_MAX: usize = 64 << 20;

/// The count of one sandbox.
pub(super) struct Account {
    links: Mutex<Links>,
    buffered_bytes: AtomicUsize,
    links_max: usize,
    next: AtomicU64,
}

struct Links {
    open: HashMap<u64, Weak<Link>>,
    down: bool,
}

impl Account {
    /// An empty count that admits `links_max` connections.
    pub(super) fn new(links_max: usize) -> Arc<Self> {
        Arc::new(Self {
            links: Mutex::new(Links { open: HashMap::new(), down: false }),
            buffered_bytes: AtomicUsize::new(0),
            links_max,
            next: AtomicU64::new(1),
        })
    }

    /// Counts a new connection.
    ///
    /// # Errors
    ///
    /// ENOBUFS when there are too many, ENETDOWN after [`Self::shut_down`].
    pub(super) fn admit(&self, make: impl FnOnce(u64) -> Link) -> Result<Arc<Link>, Errno> {
        let mut links = self.links.lock();
        if links.down {
            return Err(Errno::NETDOWN);
        }
        if links.open.len() >= self.links_max {
            return Err(Errno::NOBUFS);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let link = Arc::new(make(id));
        links.open.insert(id, Arc::downgrade(&link));
        Ok(link)
    }

    /// Whether half of the connections that are admitted exist.
    pub(super) fn is_half_full(&self) -> bool {
        self.links.lock().open.len() >= self.links_max / 2
    }

    /// A connection is gone.
    pub(super) fn remove(&self, id: u64) {
        self.links.lock().open.remove(&id);
    }

    /// Resets every connection and admits no further one.
    pub(super) fn shut_down(&self) {
        let open: Vec<Arc<Link>> = {
            let mut links = self.links.lock();
            links.down = true;
            links.open.values().filter_map(Weak::upgrade).collect()
        };
        // With the lock released, since the last owner of a connection takes it.
        for link in open {
            link.abort();
        }
    }

    /// Bytes that a queue with `held` bytes may still take.
    pub(super) fn room(&self, held: usize) -> usize {
        self.queue_max().saturating_sub(held)
    }

    /// Whether a sender that waits for room is told that `held` bytes are left: once a third is free, as on Linux
    /// (`sk_stream_is_writeable`), so that it does not wake for each little piece.
    pub(super) fn is_worth_a_wake(&self, held: usize) -> bool {
        held <= self.queue_max() / 3 * 2
    }

    /// Bytes that a queue holds at most now.
    fn queue_max(&self) -> usize {
        if self.pressed() { FLOW_BYTES_MIN } else { FLOW_BYTES_MAX }
    }

    /// Whether the queues together are over their bound.
    pub(super) fn pressed(&self) -> bool {
        self.buffered_bytes.load(Ordering::Relaxed) > BUFFERED_BYTES_MAX
    }

    pub(super) fn take(&self, bytes: usize) {
        self.buffered_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.buffered_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes in all queues now.
    #[cfg(test)]
    pub(super) fn buffered_bytes(&self) -> usize {
        self.buffered_bytes.load(Ordering::Relaxed)
    }
}
