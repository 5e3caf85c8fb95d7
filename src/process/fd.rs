//! The descriptor table of one process: numbers to open file descriptions, with the close-on-exec flag of each.
//!
//! It opens and reads nothing. Files that leave the table are given back to the caller, to be dropped with no lock held.

use super::budget::Budget;
use super::file::OpenFile;
use super::locks::{Owner, TableLocks};
use crate::errno::Errno;
use std::sync::Arc;

/// Descriptors of one process.
pub(crate) struct FdTable {
    slots: Vec<Option<Slot>>,
    /// No slot below is free.
    first_free: usize,
    /// Numbers are below it (`RLIMIT_NOFILE`).
    limit: usize,
    /// Open file descriptions of the sandbox.
    files: Arc<Budget>,
    locks: TableLocks,
}

#[derive(Clone)]
struct Slot {
    file: Arc<OpenFile>,
    cloexec: bool,
}

impl FdTable {
    /// An empty table for `limit` descriptors; files that come into it count against `files`.
    pub(crate) fn new(limit: usize, files: Arc<Budget>) -> Self {
        Self { slots: Vec::new(), first_free: 0, limit, files, locks: TableLocks::default() }
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
    /// EMFILE when none is free below the limit, EINVAL when `min` is not below it, ENFILE when the sandbox has too many.
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
        file.count_in(&self.files)?;
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
    /// EBADF when `fd` is not below the limit, ENFILE when the sandbox has too many files.
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
        file.count_in(&self.files)?;
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
            files: self.files.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::file::{Object, flag};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const LIMIT: usize = 12;

    fn file() -> Arc<OpenFile> {
        OpenFile::new(Object::Null, flag::READ_WRITE)
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert { min: u32, cloexec: bool },
        Replace { fd: u32, cloexec: bool },
        Close(u32),
        CloseRange(u32, u32),
        SetCloexec(u32, bool),
        Exec,
        Fork,
    }

    fn step() -> impl Strategy<Value = Step> {
        let fd = 0u32..LIMIT as u32 + 3;
        prop_oneof![
            6 => (fd.clone(), any::<bool>()).prop_map(|(min, cloexec)| Step::Insert { min, cloexec }),
            6 => any::<bool>().prop_map(|cloexec| Step::Insert { min: 0, cloexec }),
            4 => (fd.clone(), any::<bool>()).prop_map(|(fd, cloexec)| Step::Replace { fd, cloexec }),
            4 => fd.clone().prop_map(Step::Close),
            1 => (fd.clone(), fd.clone()).prop_map(|(first, last)| Step::CloseRange(first, last)),
            2 => (fd, any::<bool>()).prop_map(|(fd, cloexec)| Step::SetCloexec(fd, cloexec)),
            1 => Just(Step::Exec),
            1 => Just(Step::Fork),
        ]
    }

    #[test]
    fn a_sandbox_has_so_many_files() {
        let files = Budget::new(2);
        let mut table = FdTable::new(LIMIT, files.clone());
        let one = file();
        for fd in 0..3 {
            assert_eq!(table.insert(0, one.clone(), false), Ok(fd), "one file, however often");
        }
        assert_eq!(table.insert(0, file(), false), Ok(3));
        assert_eq!(table.insert(0, file(), false), Err(Errno::NFILE));
        assert_eq!(table.replace(3, file(), false).err(), Some(Errno::NFILE));
        assert!(table.get(3).is_ok());
        drop(table.close(3));
        assert_eq!(table.insert(0, file(), false), Ok(3));
        drop(table);
        assert_eq!(files.used(), 1, "ours");
    }

    /// The table as a map: number to file and flag.
    type Model = BTreeMap<u32, (usize, bool)>;

    fn address(file: &Arc<OpenFile>) -> usize {
        Arc::as_ptr(file).addr()
    }

    fn insert(table: &mut FdTable, model: &mut Model, min: u32, cloexec: bool) {
        let file = file();
        let free = (min..LIMIT as u32).find(|fd| !model.contains_key(fd));
        let expected =
            if min as usize >= LIMIT { Err(Errno::INVAL) } else { free.ok_or(Errno::MFILE) };
        assert_eq!(table.insert(min, file.clone(), cloexec), expected);
        if let Ok(fd) = expected {
            model.insert(fd, (address(&file), cloexec));
        }
    }

    fn apply(table: &mut FdTable, model: &mut Model, step: Step) {
        match step {
            Step::Insert { min, cloexec } => insert(table, model, min, cloexec),
            Step::Replace { fd, cloexec } => {
                let file = file();
                let before = model.get(&fd).map(|slot| slot.0);
                let outcome = table.replace(fd, file.clone(), cloexec);
                if fd as usize >= LIMIT {
                    assert_eq!(outcome.err(), Some(Errno::BADF));
                } else {
                    assert_eq!(outcome.expect("below").as_ref().map(address), before);
                    model.insert(fd, (address(&file), cloexec));
                }
            }
            Step::Close(fd) => {
                let expected = model.remove(&fd).map(|slot| slot.0).ok_or(Errno::BADF);
                assert_eq!(table.close(fd).as_ref().map(address).map_err(|errno| *errno), expected);
            }
            Step::CloseRange(first, last) => {
                table.close_range(first, last);
                model.retain(|&fd, _| fd < first || fd > last);
            }
            Step::SetCloexec(fd, cloexec) => {
                let outcome = table.set_cloexec(fd, cloexec);
                assert_eq!(outcome.is_ok(), model.contains_key(&fd));
                if let Some(slot) = model.get_mut(&fd) {
                    slot.1 = cloexec;
                }
            }
            Step::Exec => {
                table.exec();
                model.retain(|_, slot| !slot.1);
            }
            Step::Fork => *table = table.fork(),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec(step(), 1..80)) {
            let files = Budget::new(100);
            let mut table = FdTable::new(LIMIT, files.clone());
            let mut model = Model::new();
            for step in steps {
                apply(&mut table, &mut model, step);
                let seen: Model = table
                    .iter()
                    .map(|(fd, file)| (fd, (address(file), table.cloexec(fd).expect("open"))))
                    .collect();
                prop_assert_eq!(&seen, &model);
                prop_assert_eq!(files.used(), model.len());
            }
        }
    }
}
