//! What the kernel buffers of one sandbox may hold together: pipes, unix sockets, terminals, watched descriptors.
//!
//! An object takes its worst case when it is made and gives it back when it is dropped, so that a guest cannot make the
//! host's memory grow by filling many small queues. It does not count linear memory or files: those have accounts of their own.

use crate::errno::Errno;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Buffer bytes of a sandbox's pipes, sockets and terminals together, 64 MiB: Linux's `pipe-user-pages-soft` (16384 pages).
pub(crate) const BUFFERS_BYTES_MAX: usize = 64 << 20;

/// Open file descriptions of a sandbox, whatever they are: Linux's `file-max`, for a machine of this size.
pub(crate) const FILES_MAX: usize = 32768;
/// Timers of a sandbox that are descriptors: each can have a task of the host's runtime.
pub(crate) const TIMERS_MAX: usize = 1024;

/// A counter with a maximum, shared by those who take from it.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    max: usize,
}

impl Budget {
    /// A budget of `max` units.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), max })
    }

    /// Takes `amount` until the reservation is dropped.
    ///
    /// # Errors
    ///
    /// ENFILE when that many are not left.
    pub(crate) fn reserve(self: &Arc<Self>, amount: usize) -> Result<Reservation, Errno> {
        let more = |used: usize| used.checked_add(amount).filter(|&sum| sum <= self.max);
        self.used
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .map_err(|_used| Errno::NFILE)?;
        Ok(Reservation { budget: Some(self.clone()), amount })
    }

    /// Units taken now.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }
}

/// Units taken from a [`Budget`], given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Reservation {
    budget: Option<Arc<Budget>>,
    amount: usize,
}

impl Reservation {
    /// Changes how much is taken.
    ///
    /// # Errors
    ///
    /// ENFILE when that many are not left; nothing has changed then.
    pub(crate) fn resize(&mut self, amount: usize) -> Result<(), Errno> {
        if let Some(budget) = &self.budget {
            if amount > self.amount {
                let mut more = budget.reserve(amount - self.amount)?;
                more.budget = None; // it is ours now
            } else {
                budget.used.fetch_sub(self.amount - amount, Ordering::SeqCst);
            }
        }
        self.amount = amount;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.used.fetch_sub(self.amount, Ordering::SeqCst);
        }
    }
}

/// A number no other anonymous object of this host process has: its inode number to guests.
pub(crate) fn next_inode() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_taken() {
        let budget = Budget::new(10);
        let mut first = budget.reserve(6).expect("6 of 10");
        assert_eq!(budget.reserve(5).unwrap_err(), Errno::NFILE);
        assert_eq!(first.resize(11).unwrap_err(), Errno::NFILE);
        first.resize(10).expect("all");
        first.resize(2).expect("less");
        assert_eq!(budget.used(), 2);
        drop(first);
        assert_eq!(budget.used(), 0);
    }
}
