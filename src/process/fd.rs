//! The descriptor table of one process: numbers to open file descriptions, with the close-on-exec flag of each.
//!
//! It opens and reads nothing. Files that leave the table are given back to the caller, to be dropped with no lock held.

use super::file::OpenFile;
use super::locks::{Owner, TableLocks};
use crate::errno::Errno;
use std::sync::Arc;

/// Descriptors of one process.
#[derive(Default)]
pub(crate) struct FdTable {
    slots: Vec<Option<Slot>>,
    /// No slot below is free.
    first_free: usize,
    /// Numbers are below it (`RLIMIT_NOFILE`).
    limit: usize,
    locks: TableLocks,
}

#[derive(Clone)]
struct Slot {
    file: Arc<OpenFile>,
    cloexec: bool,
}

impl FdTable {
    /// An empty table for `limit` descriptors.
    pub(crate) fn new(limit: usize) -> Self {
        Self { slots: Vec::new(), first_free: 0, limit, locks: TableLocks::default() }
    }

    /// The file that `fd` names.
    ///
    /// # Errors
    ///
    /// EBADF when none.
    pub(crate) fn get(&self, fd: u32) -> Result<Arc<OpenFile>, Errno> {
        self.slot(fd).map(|slot| slot.file.clone())
    }

    fn slot(&self, fd: u32) -> Result<&Slot, Errno> {
        self.slots.get(fd as usize).and_then(Option::as_ref).ok_or(Errno::BADF)
    }

    /// Gives `file` the lowest free number not below `min`.
    ///
    /// # Errors
    ///
    /// EMFILE when none is free below the limit, EINVAL when `min` is not below it.
    pub(crate) fn insert(
        &mut self,
        min: u32,
        file: Arc<OpenFile>,
        cloexec: bool,
    ) -> Result<u32, Errno> {
        let min = min as usize;
        if min >= self.limit && min > 0 {
            return Err(Errno::INVAL);
        }
        let from = min.max(self.first_free);
        let free = (from..self.slots.len()).find(|&at| self.slots[at].is_none());
        let at = free.unwrap_or_else(|| from.max(self.slots.len()));
        if at >= self.limit {
            return Err(Errno::MFILE);
        }
        if min <= self.first_free {
            self.first_free = at + 1;
        }
        self.put(at, Slot { file, cloexec });
        Ok(at as u32)
    }

    /// Makes `fd` name `file`; what it named before, for the caller to drop.
    ///
    /// # Errors
    ///
    /// EBADF when `fd` is not below the limit.
    pub(crate) fn replace(
        &mut self,
        fd: u32,
        file: Arc<OpenFile>,
        cloexec: bool,
    ) -> Result<Option<Arc<OpenFile>>, Errno> {
        let at = fd as usize;
        if at >= self.limit {
            return Err(Errno::BADF);
        }
        let before = self.close(fd).ok();
        if at == self.first_free {
            self.first_free += 1;
        }
        self.put(at, Slot { file, cloexec });
        Ok(before)
    }

    fn put(&mut self, at: usize, slot: Slot) {
        if at >= self.slots.len() {
            self.slots.resize_with(at + 1, || None);
        }
        self.slots[at] = Some(slot);
    }

    /// Frees `fd`; what it named, for the caller to drop. The process's record locks on that file go with it.
    ///
    /// # Errors
    ///
    /// EBADF when it names nothing.
    pub(crate) fn close(&mut self, fd: u32) -> Result<Arc<OpenFile>, Errno> {
        let slot = self.slots.get_mut(fd as usize).and_then(Option::take).ok_or(Errno::BADF)?;
        self.first_free = self.first_free.min(fd as usize);
        self.locks.closed(&slot.file);
        Ok(slot.file)
    }

    /// Frees every number from `first` to `last`; the files, for the caller to drop.
    pub(crate) fn close_range(&mut self, first: u32, last: u32) -> Vec<Arc<OpenFile>> {
        let end = (last as usize).saturating_add(1).min(self.slots.len());
        (first as usize..end).filter_map(|fd| self.close(fd as u32).ok()).collect()
    }

    /// Whether exec closes `fd`.
    ///
    /// # Errors
    ///
    /// EBADF when it names nothing.
    pub(crate) fn cloexec(&self, fd: u32) -> Result<bool, Errno> {
        self.slot(fd).map(|slot| slot.cloexec)
    }

    /// Sets whether exec closes `fd`.
    ///
    /// # Errors
    ///
    /// EBADF when it names nothing.
    pub(crate) fn set_cloexec(&mut self, fd: u32, cloexec: bool) -> Result<(), Errno> {
        let slot = self.slots.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::BADF)?;
        slot.cloexec = cloexec;
        Ok(())
    }

    /// Every open number with its file, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Arc<OpenFile>)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(fd, slot)| Some((fd as u32, &slot.as_ref()?.file)))
    }

    /// How many numbers are taken.
    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }

    /// A child's table: the same files under the same numbers, flags copied; record locks are not inherited.
    pub(crate) fn fork(&self) -> Self {
        Self {
            slots: self.slots.clone(),
            first_free: self.first_free,
            limit: self.limit,
            locks: TableLocks::default(),
        }
    }

    /// Frees what exec closes; the files, for the caller to drop.
    pub(crate) fn exec(&mut self) -> Vec<Arc<OpenFile>> {
        let marked = |fd: &usize| self.slots[*fd].as_ref().is_some_and(|slot| slot.cloexec);
        let fds: Vec<usize> = (0..self.slots.len()).filter(marked).collect();
        fds.into_iter().filter_map(|fd| self.close(fd as u32).ok()).collect()
    }

    /// Frees everything (the end of a process); the files, for the caller to drop.
    pub(crate) fn clear(&mut self) -> Vec<Arc<OpenFile>> {
        self.close_range(0, u32::MAX)
    }

    /// The number below which descriptors are given (`RLIMIT_NOFILE`).
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Sets it; descriptors already at or above it stay open.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// In whose name the process's record locks are held.
    pub(crate) fn lock_owner(&self) -> Owner {
        self.locks.owner()
    }

    /// The record locks of this table.
    pub(crate) fn locks(&self) -> &TableLocks {
        &self.locks
    }
}
