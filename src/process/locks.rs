//! Advisory file locks: record locks of a process or a description (fcntl(2)) and whole-file locks (flock(2)).
//!
//! As on Linux the two kinds do not see each other. Nothing here blocks: a lock in the way answers EAGAIN, and one queue
//! per sandbox is woken whenever any lock goes. Nothing is enforced on reading or writing.
//!
//! Lock order: the table of locks is a leaf.

use super::budget::next_inode;
use super::file::OpenFile;
use crate::errno::Errno;
use crate::wait::{WaitQueue, Waiter};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// Locks of one sandbox, all files together.
pub(crate) const LOCKS_MAX: usize = 8192;
/// Owners followed in search of a deadlock: Linux's `MAX_DEADLK_ITERATIONS`.
const DEADLOCK_STEPS_MAX: usize = 10;
/// The last byte a lock can cover: `OFFSET_MAX`.
pub(crate) const OFFSET_MAX: u64 = i64::MAX as u64;

/// In whose name a record lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A descriptor table: a process's `F_SETLK` locks.
    Table(u64),
    /// An open file description: `F_OFD_SETLK` locks.
    Description(u64),
}

/// Which file: device and inode.
pub(crate) type FileKey = (u64, u64);

/// A record lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) owner: Owner,
    /// The process that set it, for `F_GETLK`.
    pub(crate) pid: u32,
    /// Whether it excludes readers.
    pub(crate) exclusive: bool,
    /// First and last byte.
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Record {
    fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    fn conflicts(&self, other: &Self) -> bool {
        self.owner != other.owner && (self.exclusive || other.exclusive) && self.overlaps(other)
    }
}

/// Every lock of a sandbox.
#[derive(Debug, Default)]
pub(crate) struct FileLocks {
    table: Mutex<Table>,
    queue: WaitQueue,
}

#[derive(Debug, Default)]
struct Table {
    records: HashMap<FileKey, Vec<Record>>,
    /// Description and whether exclusive.
    flocks: HashMap<FileKey, Vec<(u64, bool)>>,
    /// Who waits for whom.
    waits: HashMap<Owner, Owner>,
    count: usize,
}

impl FileLocks {
    /// The first lock that keeps `wanted` from being set.
    pub(crate) fn conflict(&self, key: FileKey, wanted: &Record) -> Option<Record> {
        self.table.lock().conflict(key, wanted)
    }

    /// Sets a record lock over what the same owner held there.
    ///
    /// # Errors
    ///
    /// EAGAIN when another's is in the way, ENOLCK past [`LOCKS_MAX`].
    pub(crate) fn set(&self, key: FileKey, wanted: Record) -> Result<(), Errno> {
        let mut table = self.table.lock();
        if table.conflict(key, &wanted).is_some() {
            return Err(Errno::AGAIN);
        }
        if table.count + 2 > LOCKS_MAX {
            return Err(Errno::NOLCK);
        }
        table.waits.remove(&wanted.owner);
        table.carve(key, wanted.owner, wanted.start, wanted.end);
        table.insert(key, wanted);
        drop(table);
        self.queue.wake_all(); // an exclusive lock may have become shared
        Ok(())
    }

    /// Takes an owner's record locks off a range.
    ///
    /// # Errors
    ///
    /// ENOLCK when it would split one and [`LOCKS_MAX`] are held.
    pub(crate) fn unset(
        &self,
        key: FileKey,
        owner: Owner,
        start: u64,
        end: u64,
    ) -> Result<(), Errno> {
        let mut table = self.table.lock();
        if table.count + 1 > LOCKS_MAX && !(start == 0 && end == OFFSET_MAX) {
            return Err(Errno::NOLCK);
        }
        table.carve(key, owner, start, end);
        drop(table);
        self.queue.wake_all();
        Ok(())
    }

    /// Notes that `wanted`'s owner is about to wait; forget it with [`Self::stop_waiting`].
    ///
    /// # Errors
    ///
    /// EDEADLK when the owner in the way waits, directly or not, for this one.
    pub(crate) fn start_waiting(&self, key: FileKey, wanted: &Record) -> Result<(), Errno> {
        let mut table = self.table.lock();
        let Some(blocker) = table.conflict(key, wanted) else { return Ok(()) };
        let mut at = blocker.owner;
        for _ in 0..DEADLOCK_STEPS_MAX {
            let Some(&next) = table.waits.get(&at) else { break };
            if next == wanted.owner {
                return Err(Errno::DEADLK);
            }
            at = next;
        }
        table.waits.insert(wanted.owner, blocker.owner);
        Ok(())
    }

    /// Forgets that `owner` waits.
    pub(crate) fn stop_waiting(&self, owner: Owner) {
        self.table.lock().waits.remove(&owner);
    }

    /// Locks a whole file in the name of a description, replacing its lock; `None` unlocks.
    ///
    /// # Errors
    ///
    /// EAGAIN when another's is in the way, ENOLCK past [`LOCKS_MAX`].
    pub(crate) fn flock(
        &self,
        key: FileKey,
        id: u64,
        exclusive: Option<bool>,
    ) -> Result<(), Errno> {
        let mut table = self.table.lock();
        // As on Linux a changed lock is first given up, so a failed upgrade loses it.
        let lost = table.unflock(key, id);
        let outcome = match exclusive {
            None => Ok(()),
            Some(wanted) => {
                let held = table.flocks.get(&key).map_or(&[][..], Vec::as_slice);
                if held.iter().any(|&(_, exclusive)| exclusive || wanted) {
                    Err(Errno::AGAIN)
                } else if table.count >= LOCKS_MAX {
                    Err(Errno::NOLCK)
                } else {
                    table.flocks.entry(key).or_default().push((id, wanted));
                    table.count += 1;
                    Ok(())
                }
            }
        };
        drop(table);
        if lost {
            self.queue.wake_all(); // only then: a waiter must not wake itself
        }
        outcome
    }

    /// A waiter for the next lock that goes.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.queue.subscribe()
    }

    /// Drops every lock of a descriptor table that is gone, or those on one file.
    fn release(&self, owner: Owner, key: Option<FileKey>) {
        let mut table = self.table.lock();
        let keys: Vec<FileKey> = match key {
            Some(key) => vec![key],
            None => table.records.keys().copied().collect(),
        };
        for key in keys {
            table.carve(key, owner, 0, OFFSET_MAX);
        }
        table.waits.remove(&owner);
        drop(table);
        self.queue.wake_all();
    }

    /// Drops every lock held in the name of a description that is gone.
    pub(super) fn release_description(&self, id: u64) {
        let mut table = self.table.lock();
        let keys: Vec<FileKey> = table.flocks.keys().copied().collect();
        for key in keys {
            table.unflock(key, id);
        }
        drop(table);
        self.release(Owner::Description(id), None);
    }
}

impl Table {
    fn conflict(&self, key: FileKey, wanted: &Record) -> Option<Record> {
        self.records.get(&key)?.iter().find(|held| held.conflicts(wanted)).copied()
    }

    /// Takes `owner`'s locks off a range, splitting what reaches beyond it.
    fn carve(&mut self, key: FileKey, owner: Owner, start: u64, end: u64) {
        let Some(held) = self.records.get_mut(&key) else { return };
        self.count -= held.len();
        let mut left = Vec::with_capacity(held.len() + 1);
        for record in held.drain(..) {
            if record.owner != owner || record.start > end || record.end < start {
                left.push(record);
                continue;
            }
            if record.start < start {
                left.push(Record { end: start - 1, ..record });
            }
            if record.end > end {
                left.push(Record { start: end + 1, ..record });
            }
        }
        self.count += left.len();
        if left.is_empty() {
            self.records.remove(&key);
        } else {
            *held = left;
        }
    }

    /// Adds a lock to a range that its owner holds nothing of, joining neighbours of the same kind.
    fn insert(&mut self, key: FileKey, mut record: Record) {
        let held = self.records.entry(key).or_default();
        self.count -= held.len();
        held.retain(|other| {
            let mergeable = other.owner == record.owner && other.exclusive == record.exclusive;
            let before = other.end.checked_add(1) == Some(record.start);
            let after = record.end.checked_add(1) == Some(other.start);
            if mergeable && (before || after) {
                record.start = record.start.min(other.start);
                record.end = record.end.max(other.end);
                return false;
            }
            true
        });
        held.push(record);
        held.sort_by_key(|record| record.start);
        self.count += held.len();
    }

    /// Whether there was a lock to take away.
    fn unflock(&mut self, key: FileKey, id: u64) -> bool {
        let Some(held) = self.flocks.get_mut(&key) else { return false };
        let before = held.len();
        held.retain(|&(other, _)| other != id);
        let removed = before - held.len();
        self.count -= removed;
        if held.is_empty() {
            self.flocks.remove(&key);
        }
        removed > 0
    }
}

/// The record locks of one descriptor table: given up file by file as descriptors close, and all at its end.
#[derive(Debug)]
pub(crate) struct TableLocks {
    id: u64,
    shared: OnceLock<Arc<FileLocks>>,
}

impl Default for TableLocks {
    fn default() -> Self {
        Self { id: next_inode(), shared: OnceLock::new() }
    }
}

impl TableLocks {
    /// In whose name they are held.
    pub(crate) fn owner(&self) -> Owner {
        Owner::Table(self.id)
    }

    /// Notes that a lock will be held there.
    pub(crate) fn held_in(&self, locks: &Arc<FileLocks>) {
        self.shared.get_or_init(|| locks.clone());
    }

    /// Gives up the locks on a file of which a descriptor was closed.
    pub(super) fn closed(&self, file: &OpenFile) {
        if let (Some(shared), Ok(key)) = (self.shared.get(), file.lock_key()) {
            shared.release(self.owner(), Some(key));
        }
    }
}

impl Drop for TableLocks {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.get() {
            shared.release(self.owner(), None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: FileKey = (1, 1);

    fn record(owner: u64, exclusive: bool, start: u64, end: u64) -> Record {
        Record { owner: Owner::Table(owner), pid: owner as u32, exclusive, start, end }
    }

    #[test]
    fn a_lock_is_split_and_joined() {
        let locks = FileLocks::default();
        locks.set(KEY, record(1, true, 0, 99)).expect("free");
        locks.unset(KEY, Owner::Table(1), 40, 59).expect("own");
        assert_eq!(locks.set(KEY, record(2, true, 30, 45)), Err(Errno::AGAIN));
        locks.set(KEY, record(2, true, 40, 59)).expect("the gap");
        locks.unset(KEY, Owner::Table(2), 0, OFFSET_MAX).expect("own");
        locks.set(KEY, record(1, true, 40, 59)).expect("free again");
        assert_eq!(locks.table.lock().records[&KEY], vec![record(1, true, 0, 99)]);
    }

    #[test]
    fn a_circle_of_waiters_is_refused() {
        let locks = FileLocks::default();
        locks.set(KEY, record(1, true, 0, 0)).expect("free");
        locks.set(KEY, record(2, true, 1, 1)).expect("free");
        locks.start_waiting(KEY, &record(1, true, 1, 1)).expect("2 waits for nobody");
        assert_eq!(locks.start_waiting(KEY, &record(2, true, 0, 0)), Err(Errno::DEADLK));
        locks.stop_waiting(Owner::Table(1));
        locks.start_waiting(KEY, &record(2, true, 0, 0)).expect("1 gave up");
    }

    #[test]
    fn whole_file_locks_exclude_each_other() {
        let locks = FileLocks::default();
        locks.flock(KEY, 1, Some(false)).expect("free");
        locks.flock(KEY, 2, Some(false)).expect("shared");
        assert_eq!(locks.flock(KEY, 3, Some(true)), Err(Errno::AGAIN));
        locks.release_description(1);
        locks.release_description(2);
        locks.flock(KEY, 3, Some(true)).expect("free");
        assert_eq!(locks.table.lock().count, 1);
    }

    proptest! {
        /// Against a model with one entry per byte.
        #[test]
        fn agrees_with_a_byte_map(steps in prop::collection::vec(
            (0u64..3, 0u8..3, 0u64..20, 0u64..6), 1..80,
        )) {
            let locks = FileLocks::default();
            let mut bytes = [[0u8; 26]; 3]; // per owner: 0 none, 1 shared, 2 exclusive
            for (owner, kind, start, more) in steps {
                let end = start + more;
                let span = start as usize..=end as usize;
                if kind == 0 {
                    locks.unset(KEY, Owner::Table(owner), start, end).expect("room");
                    bytes[owner as usize][span].fill(0);
                    continue;
                }
                let free = (0..3).filter(|&other| other != owner as usize).all(|other| {
                    bytes[other][span.clone()].iter().all(|&held| held == 0 || (held == 1 && kind == 1))
                });
                let outcome = locks.set(KEY, record(owner, kind == 2, start, end));
                prop_assert_eq!(outcome.is_ok(), free);
                if free {
                    bytes[owner as usize][span].fill(kind);
                }
            }
            let table = locks.table.lock();
            prop_assert_eq!(table.count, table.records.values().map(Vec::len).sum::<usize>());
        }
    }
}
