//! A share for each owner of something that all sandboxes of a host use: so many at a time. Owners are known as long as somebody holds
//! their share.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use tokio::sync::Semaphore;

/// The shares of all owners.
pub(crate) struct Shares {
    each: usize,
    owners: Mutex<HashMap<Arc<str>, Weak<Semaphore>>>,
}

impl Shares {
    /// `each` owner may have so many at a time.
    pub(crate) fn new(each: usize) -> Self {
        Self { each, owners: Mutex::default() }
    }

    /// The share of `owner`, the same one as long as it is held.
    pub(crate) fn of(&self, owner: &str) -> Arc<Semaphore> {
        let mut owners = self.owners.lock();
        owners.retain(|_, share| share.strong_count() > 0);
        let known = owners.get(owner).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let share = Arc::new(Semaphore::new(self.each));
            owners.insert(owner.into(), Arc::downgrade(&share));
            share
        })
    }

    /// Owners that are known now.
    #[cfg(test)]
    pub(crate) fn known(&self) -> usize {
        self.owners.lock().len()
    }
}
