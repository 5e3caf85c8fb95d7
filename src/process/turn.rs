//! Whose turn it is: of a process's threads one runs at a time, and switches happen only inside host calls.
//!
//! A thread holds the turn while its guest code runs and gives it up while a system call waits. It is not a scheduler:
//! the order is that of the lock's queue (first come, first served), and between processes the async runtime decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The turn of one process. Cloned into none: every thread shares it through the process.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    lock: Arc<Mutex<()>>,
    waiting: AtomicUsize,
    /// The thread whose thread-local bytes are in memory; 0 before the first.
    last: AtomicU32,
    /// Length of the linear memory in bytes; a thread that resumes catches up with it.
    memory_bytes: AtomicU64,
}

/// Held while a thread's guest code runs.
pub(crate) type TurnGuard = OwnedMutexGuard<()>;

impl Turn {
    /// Waits for the turn. The second value is the thread that had it before, if another one.
    pub(crate) async fn take(&self, tid: u32) -> (TurnGuard, Option<u32>) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting(&self.waiting);
        let guard = self.lock.clone().lock_owned().await;
        drop(waiting);
        let last = self.last.swap(tid, Ordering::SeqCst);
        (guard, (last != tid && last != 0).then_some(last))
    }

    /// Whether a thread has the turn.
    pub(crate) fn is_held(&self) -> bool {
        self.lock.try_lock().is_err()
    }

    /// Whether a thread waits for its turn: whoever spins should give way.
    pub(crate) fn contended(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// The linear memory's length in bytes, as the last thread that ran left it.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::SeqCst)
    }

    /// Records the linear memory's length in bytes.
    pub(crate) fn set_memory_bytes(&self, bytes: u64) {
        self.memory_bytes.store(bytes, Ordering::SeqCst);
    }
}

/// Counts one waiting thread, also when the wait is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
