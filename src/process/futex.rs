//! Threads that wait for a word of memory to change (futex(2)): of one process, by address, or of a sandbox, by word of a
//! shared mapping ([`super::shared_word`]).
//!
//! Whether to wait is decided by the system call, which reads the word. In a process it holds the turn until it waits, so no
//! other thread can change the word and wake in between; across processes it joins the queue before it reads. A wait that
//! ends early must ask [`FutexWait::cancel`], since a wake-up may have counted it already. There are at most as many
//! waiters as threads.

use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;

/// Waiters by the word that they wait for.
#[derive(Debug)]
pub(crate) struct Futexes<K> {
    queues: Mutex<BTreeMap<K, VecDeque<Arc<Waiter>>>>,
}

impl<K> Default for Futexes<K> {
    fn default() -> Self {
        Self { queues: Mutex::default() }
    }
}

#[derive(Debug)]
struct Waiter {
    bitset: u32,
    woken: Notify,
}

/// A place in a queue.
#[derive(Debug)]
pub(crate) struct FutexWait<'a, K: Ord> {
    futexes: &'a Futexes<K>,
    waiter: Arc<Waiter>,
}

impl<K: Ord> Futexes<K> {
    /// Joins the queue of `word` for wake-ups whose set meets `bitset`.
    pub(crate) fn enqueue(&self, word: K, bitset: u32) -> FutexWait<'_, K> {
        let waiter = Arc::new(Waiter { bitset, woken: Notify::new() });
        self.queues.lock().entry(word).or_default().push_back(waiter.clone());
        FutexWait { futexes: self, waiter }
    }

    /// Wakes at most `count` waiters, oldest first, whose set meets `bitset`; how many it were.
    pub(crate) fn wake(&self, word: &K, count: u32, bitset: u32) -> u32 {
        let mut queues = self.queues.lock();
        let Some(queue) = queues.get_mut(word) else { return 0 };
        let mut woken = 0;
        queue.retain(|waiter| {
            let chosen = woken < count && waiter.bitset & bitset != 0;
            if chosen {
                woken += 1;
                waiter.woken.notify_one();
            }
            !chosen
        });
        if queue.is_empty() {
            queues.remove(word);
        }
        woken
    }

    /// Wakes at most `wake` waiters of `from` and moves at most `moved` others to `to`; how many were woken, how many moved.
    pub(crate) fn requeue(&self, from: K, wake: u32, to: K, moved: u32) -> (u32, u32) {
        let woken = self.wake(&from, wake, u32::MAX);
        if from == to {
            return (woken, 0);
        }
        let mut queues = self.queues.lock();
        let Some(mut queue) = queues.remove(&from) else { return (woken, 0) };
        let rest = queue.split_off(queue.len().min(moved as usize));
        let count = u32::try_from(queue.len()).unwrap_or(u32::MAX);
        if !rest.is_empty() {
            queues.insert(from, rest);
        }
        if !queue.is_empty() {
            queues.entry(to).or_default().append(&mut queue);
        }
        (woken, count)
    }

    /// Forgets all waiters: the memory they meant is gone.
    pub(super) fn clear(&self) {
        self.queues.lock().clear();
    }

    /// How many wait.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.queues.lock().values().map(VecDeque::len).sum()
    }
}

impl<K: Ord> FutexWait<'_, K> {
    /// Completes when woken; a wake-up before the first poll counts.
    ///
    /// # Cancel safety
    ///
    /// The place in the queue stays until [`Self::cancel`] or the drop of `self`.
    pub(crate) async fn woken(&self) {
        self.waiter.woken.notified().await;
    }

    /// Leaves the queue without having seen a wake-up; true if one had come after all.
    pub(crate) fn cancel(self) -> bool {
        !self.leave()
    }

    /// Whether it was still in a queue.
    fn leave(&self) -> bool {
        let mut queues = self.futexes.queues.lock();
        // It may have been moved to another word.
        let mut found = false;
        queues.retain(|_, queue| {
            queue.retain(|waiter| {
                let this = Arc::ptr_eq(waiter, &self.waiter);
                found |= this;
                !this
            });
            !queue.is_empty()
        });
        found
    }
}

impl<K: Ord> Drop for FutexWait<'_, K> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn wakes_oldest_first_and_only_matching_bits() {
        let futexes = Futexes::default();
        let (first, second, third) =
            (futexes.enqueue(8, 1), futexes.enqueue(8, 2), futexes.enqueue(8, 1));
        assert_eq!(futexes.wake(&8, 1, 2), 1);
        assert!(second.woken().now_or_never().is_some());
        assert_eq!(futexes.wake(&8, 1, u32::MAX), 1);
        assert!(first.woken().now_or_never().is_some());
        assert!(third.woken().now_or_never().is_none());
        assert_eq!(futexes.wake(&12, 9, u32::MAX), 0);
        assert!(!third.cancel());
        assert_eq!(futexes.len(), 0);
    }

    #[test]
    fn a_wake_up_that_crosses_a_cancel_is_seen() {
        let futexes = Futexes::default();
        let wait = futexes.enqueue(4, u32::MAX);
        assert_eq!(futexes.wake(&4, 1, u32::MAX), 1);
        assert!(wait.cancel());
    }

    #[test]
    fn requeue_moves_waiters_without_waking_them() {
        let futexes = Futexes::default();
        let waits: Vec<_> = (0..4).map(|_| futexes.enqueue(4, u32::MAX)).collect();
        assert_eq!(futexes.requeue(4, 1, 8, 2), (1, 2));
        assert!(waits[1].woken().now_or_never().is_none());
        assert_eq!(futexes.wake(&8, 9, u32::MAX), 2);
        assert_eq!(futexes.wake(&4, 9, u32::MAX), 1);
        assert_eq!(futexes.requeue(4, 1, 8, 1), (0, 0));
        drop(waits);
        assert_eq!(futexes.len(), 0);
    }
}
