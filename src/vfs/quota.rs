//! What a sandbox's files may cost, and do: bytes and inodes of everything that its image did not bring. With it goes the store
//! (spill.rs) in which what is charged lies.

use super::spill::Store;
use crate::errno::Errno;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Limits of one sandbox's files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VfsLimits {
    /// Content, names of links and attributes, in bytes.
    pub(crate) bytes_max: u64,
    /// Files, directories and further hard links.
    pub(crate) inodes_max: u64,
}

impl Default for VfsLimits {
    fn default() -> Self {
        Self::from(&crate::config::Limits::default())
    }
}

impl From<&crate::config::Limits> for VfsLimits {
    fn from(limits: &crate::config::Limits) -> Self {
        Self { bytes_max: limits.disk_bytes_max, inodes_max: limits.inodes_max }
    }
}

/// What is used. Counters only: each charge is released by whoever made it.
#[derive(Debug)]
pub(super) struct Usage {
    limits: VfsLimits,
    store: Arc<Store>,
    bytes: AtomicU64,
    inodes: AtomicU64,
}

fn charge(counter: &AtomicU64, more: u64, max: u64) -> Result<(), Errno> {
    let add = |used: u64| used.checked_add(more).filter(|&sum| sum <= max);
    match counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
        Ok(_) => Ok(()),
        Err(_) => Err(Errno::NOSPC),
    }
}

impl Usage {
    pub(super) fn new(limits: VfsLimits, store: Arc<Store>, bytes: u64, inodes: u64) -> Self {
        Self { limits, store, bytes: AtomicU64::new(bytes), inodes: AtomicU64::new(inodes) }
    }

    pub(super) fn limits(&self) -> VfsLimits {
        self.limits
    }

    /// Where new content goes.
    pub(super) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn bytes_free(&self) -> u64 {
        self.limits.bytes_max.saturating_sub(self.bytes())
    }

    pub(super) fn inodes(&self) -> u64 {
        self.inodes.load(Ordering::Relaxed)
    }

    /// ENOSPC past the limit; charging nothing always works.
    pub(super) fn charge_bytes(&self, more: u64) -> Result<(), Errno> {
        if more == 0 { Ok(()) } else { charge(&self.bytes, more, self.limits.bytes_max) }
    }

    pub(super) fn release_bytes(&self, less: u64) {
        self.bytes.fetch_sub(less, Ordering::Relaxed);
    }

    /// ENOSPC past the limit.
    pub(super) fn charge_inode(&self) -> Result<(), Errno> {
        charge(&self.inodes, 1, self.limits.inodes_max)
    }

    pub(super) fn release_inodes(&self, less: u64) {
        self.inodes.fetch_sub(less, Ordering::Relaxed);
    }
}
