//! What a sandbox's memory is charged to: one sum over its processes and the kernel's buffers.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The sum of one sandbox.
#[derive(Debug)]
pub(crate) struct MemoryAccount {
    used: AtomicU64,
    /// In bytes.
    max: u64,
}

impl MemoryAccount {
    /// An empty account that admits `max` bytes.
    pub(crate) fn new(max: u64) -> Arc<Self> {
        Arc::new(Self { used: AtomicU64::new(0), max })
    }

    /// Bytes charged now.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::SeqCst)
    }

    /// Bytes that may be charged in all.
    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// Charges `bytes`, if they fit.
    fn add(&self, bytes: u64) -> bool {
        let fits = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.max);
        self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fits).is_ok()
    }

    /// A charge of `bytes` that ends when it is dropped; `None` if they do not fit.
    pub(crate) fn charge(self: &Arc<Self>, bytes: u64) -> Option<Charge> {
        self.add(bytes).then(|| Charge { account: self.clone(), bytes: Mutex::new(bytes) })
    }
}

/// Bytes charged by one owner, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    account: Arc<MemoryAccount>,
    bytes: Mutex<u64>,
}

impl Charge {
    /// Raises the charge to `bytes` if that is more than now; false if the account does not admit it.
    pub(crate) fn raise_to(&self, bytes: u64) -> bool {
        let mut held = self.bytes.lock();
        if bytes <= *held {
            return true;
        }
        let admitted = self.account.add(bytes - *held);
        if admitted {
            *held = bytes;
        }
        admitted
    }
}

impl Charge {
    /// Bytes charged now.
    pub(crate) fn bytes(&self) -> u64 {
        *self.bytes.lock()
    }

    /// Lowers the charge to `bytes` if that is less than now.
    pub(crate) fn lower_to(&self, bytes: u64) {
        let mut held = self.bytes.lock();
        if bytes < *held {
            self.account.used.fetch_sub(*held - bytes, Ordering::SeqCst);
            *held = bytes;
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.used.fetch_sub(*self.bytes.get_mut(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_are_bounded_and_given_back() {
        let account = MemoryAccount::new(100);
        let first = account.charge(60).expect("fits");
        assert!(account.charge(41).is_none());
        assert!(first.raise_to(70));
        assert!(first.raise_to(10), "lowering is not asked for and changes nothing");
        assert_eq!(account.used(), 70);
        assert!(!first.raise_to(u64::MAX));
        first.lower_to(100);
        assert_eq!(account.used(), 70);
        first.lower_to(20);
        assert_eq!((account.used(), first.bytes()), (20, 20));
        drop(first);
        assert_eq!(account.used(), 0);
    }
}
