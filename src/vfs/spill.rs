//! Where the content of a sandbox's files lies: an amount of memory, and past it slots of a file of the host's.
//!
//! ```text
//! Store     one per sandbox: bytes of memory left, the spill file (made when the first slot is taken), free slots
//! Resident  bytes in memory, counted against the store
//! Slot      CHUNK bytes of the spill file, one owner's until it is dropped
//! ```
//!
//! The spill file has no name: it goes with the last slot, or with this process, however that ends. It is read and written
//! through the host's page cache, never mapped, so an error of the host's disk is an errno and no signal. A freed slot is
//! punched out of it, which gives its blocks and cached pages back at once.
//!
//! Not here: which bytes a file has (chunk.rs, content.rs), what they cost (quota.rs), in which directory a spill file is made
//! (whoever made the [`Opener`]).

use super::content::CHUNK;
use crate::errno::Errno;
use parking_lot::{Mutex, MutexGuard};
use rustix::fs::FallocateFlags;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Makes a file of the host's for reading and writing that has no name.
pub(crate) type Opener = Arc<dyn Fn() -> std::io::Result<File> + Send + Sync>;

/// Where the content of one sandbox's files lies.
pub(crate) struct Store {
    /// Bytes of memory that content may take.
    memory_max: u64,
    memory: AtomicU64,
    opener: Option<Opener>,
    file: OnceLock<File>,
    slots: Mutex<Slots>,
    /// Whether a failure of the host was told: it is told once, since a guest decides how often it happens.
    told: AtomicBool,
}

#[derive(Default)]
struct Slots {
    /// The first number that was never given out.
    next: u64,
    /// To be given out again, the last first.
    free: Vec<Free>,
    /// Slots that have an owner.
    owned: u64,
    /// How many calls of [`Store::together`] are under way.
    batches: u32,
    /// Freed in the meantime.
    freed: Vec<Free>,
    /// Slots that are being punched out and are in neither list.
    leaving: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Free {
    number: u64,
    /// Bytes from its start that may be other than zero.
    dirty: usize,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl Store {
    /// A store of `memory_max` bytes of memory and a spill file.
    pub(crate) fn new(memory_max: u64, opener: Opener) -> Arc<Self> {
        Self::with(memory_max, Some(opener))
    }

    /// A store without a spill file, for trees that no guest writes to.
    pub(crate) fn in_memory() -> Arc<Self> {
        Self::with(u64::MAX, None)
    }

    fn with(memory_max: u64, opener: Option<Opener>) -> Arc<Self> {
        Arc::new(Self {
            memory_max,
            memory: AtomicU64::new(0),
            opener,
            file: OnceLock::new(),
            slots: Mutex::default(),
            told: AtomicBool::new(false),
        })
    }

    /// Whether there is anything but memory.
    pub(super) fn spills(&self) -> bool {
        self.opener.is_some()
    }

    /// Bytes of memory that content takes now.
    #[cfg(test)]
    pub(super) fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    /// Slots that have an owner, and the length of the spill file in bytes.
    #[cfg(test)]
    pub(super) fn spilled(&self) -> (u64, u64) {
        let len = self.file.get().map_or(0, |file| file.metadata().expect("an open file").len());
        (self.slots.lock().owned, len)
    }

    fn take(&self, bytes: u64) -> bool {
        let add = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.memory_max);
        self.memory.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    /// A slot that reads as zeros past [`Slot::dirty`].
    ///
    /// # Errors
    ///
    /// ENOSPC, EIO: those of the host's, when it has no file to give.
    pub(super) fn slot(self: &Arc<Self>) -> Result<Slot, Errno> {
        let mut slots = self.slots.lock();
        self.file()?;
        let Free { number, dirty } = slots.free.pop().unwrap_or_else(|| {
            slots.next += 1;
            Free { number: slots.next - 1, dirty: 0 }
        });
        slots.owned += 1;
        Ok(Slot { store: self.clone(), number, dirty })
    }

    fn file(&self) -> Result<&File, Errno> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let opener = self.opener.as_ref().ok_or(Errno::NOSPC)?;
        let file = opener().map_err(|error| self.failed(&error))?;
        Ok(self.file.get_or_init(|| file))
    }

    /// The guest's errno for an error of the host's, and a line in the log.
    fn failed(&self, error: &std::io::Error) -> Errno {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "a sandbox's spill file");
        }
        match Errno::from_io_error(error) {
            // EFBIG is the host's limit, not the guest's.
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Errno::NOSPC,
            _ => Errno::IO,
        }
    }

    /// Runs `drop_many`; the slots that it frees are punched out of the file in as few pieces as they are.
    pub(super) fn together<T>(&self, drop_many: impl FnOnce() -> T) -> T {
        if !self.spills() {
            return drop_many();
        }
        self.slots.lock().batches += 1;
        let done = drop_many();
        let mut slots = self.slots.lock();
        slots.batches -= 1;
        if slots.batches > 0 || slots.freed.is_empty() {
            return done;
        }
        let freed = std::mem::take(&mut slots.freed);
        self.give_back(slots, freed);
        done
    }

    fn free(&self, free: Free) {
        let mut slots = self.slots.lock();
        slots.owned -= 1;
        if slots.batches > 0 {
            slots.freed.push(free);
        } else {
            self.give_back(slots, vec![free]);
        }
    }

    /// Empties the file if nobody owns a slot or is about to give one back.
    fn reset(&self, slots: &mut Slots) -> bool {
        let empty = slots.owned == 0 && slots.freed.is_empty() && slots.leaving == 0;
        if !empty || self.file.get().is_none_or(|file| file.set_len(0).is_err()) {
            return false;
        }
        slots.next = 0;
        slots.free = Vec::new();
        true
    }

    /// Punches slots out of the file, which takes its time, and has them for others.
    fn give_back(&self, mut slots: MutexGuard<'_, Slots>, mut freed: Vec<Free>) {
        if self.reset(&mut slots) {
            return;
        }
        slots.leaving += freed.len();
        drop(slots);
        freed.sort_unstable();
        for run in freed.chunk_by_mut(|a, b| a.number + 1 == b.number) {
            if run.iter().all(|free| free.dirty == 0) {
                continue;
            }
            let (start, len) = (run[0].number * CHUNK as u64, (run.len() * CHUNK) as u64);
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let punched = self
                .file
                .get()
                .is_some_and(|file| rustix::fs::fallocate(file, flags, start, len).is_ok());
            // A file system that cannot keeps the blocks until the slot is used again.
            if punched {
                run.iter_mut().for_each(|free| free.dirty = 0);
            }
        }
        let mut slots = self.slots.lock();
        slots.leaving -= freed.len();
        // The lowest is given out first: files stay together.
        slots.free.extend(freed.into_iter().rev());
        self.reset(&mut slots);
    }
}

/// Bytes in memory.
#[derive(Debug)]
pub(super) struct Resident {
    pub(super) bytes: Vec<u8>,
    pub(super) store: Arc<Store>,
    /// What is counted: the capacity that was asked for.
    counted: usize,
}

impl Resident {
    /// None yet.
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { bytes: Vec::new(), store, counted: 0 }
    }

    /// Has room for `len` bytes, at most [`CHUNK`]; false if there is no memory for them.
    pub(super) fn reserve(&mut self, len: usize) -> bool {
        if len <= self.counted {
            return true;
        }
        let capacity = len.next_power_of_two().min(CHUNK);
        if !self.store.take((capacity - self.counted) as u64) {
            return false;
        }
        self.counted = capacity;
        self.bytes.reserve_exact(capacity - self.bytes.len());
        true
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.store.memory.fetch_sub(self.counted as u64, Ordering::Relaxed);
    }
}

/// [`CHUNK`] bytes of the spill file.
#[derive(Debug)]
pub(super) struct Slot {
    store: Arc<Store>,
    number: u64,
    /// Bytes from its start that may be other than zero; the rest is.
    pub(super) dirty: usize,
}

impl Slot {
    fn place(&self, start: usize) -> Result<(&File, u64), Errno> {
        Ok((self.store.file()?, self.number * CHUNK as u64 + start as u64))
    }

    /// Reads from `start` on, zeros past what was ever written.
    ///
    /// # Errors
    ///
    /// EIO.
    pub(super) fn read(&self, out: &mut [u8], start: usize) -> Result<(), Errno> {
        let stored = self.dirty.saturating_sub(start).min(out.len());
        let (stored, rest) = out.split_at_mut(stored);
        rest.fill(0);
        if stored.is_empty() {
            return Ok(());
        }
        let (file, at) = self.place(start)?;
        file.read_exact_at(stored, at).map_err(|error| self.store.failed(&error))
    }

    /// Writes at `start`, within the slot.
    ///
    /// # Errors
    ///
    /// ENOSPC, EIO; some of the bytes may have been written.
    pub(super) fn write(&mut self, data: &[u8], start: usize) -> Result<(), Errno> {
        let end = start + data.len();
        debug_assert!(end <= CHUNK, "within the slot");
        // Before: what fails in the middle has written too.
        self.dirty = self.dirty.max(end);
        let (file, at) = self.place(start)?;
        file.write_all_at(data, at).map_err(|error| self.store.failed(&error))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.store.free(Free { number: self.number, dirty: self.dirty });
    }
}
