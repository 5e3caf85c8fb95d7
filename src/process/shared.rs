//! Shared mappings (`MAP_SHARED`): ranges of a program's linear memory that stand for a file, or for memory shared with its forks.
//!
//! A linear memory cannot have pages of another one in it. So a mapping is a copy that is reconciled with what it stands for
//! at system calls ([`Mappings::step`]; which calls is host/mapping.rs's): what the program stored since goes out, what
//! others stored comes in. What was stored is known by comparing with a third copy, byte by byte, so that two who
//! write different bytes both succeed. Two processes that never make a system call do not see each other's stores.

use super::account::{Charge, MemoryAccount};
use crate::errno::Errno;
use crate::vfs::{File, Timespec};
use parking_lot::Mutex;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bytes that are compared, stored and loaded in one step, and the unit of mappings.
pub(crate) const PAGE: usize = 4096;
/// Shared mappings of one process.
const MAPPINGS_MAX: usize = 256;
/// Bytes of them together: each call compares them.
const BYTES_MAX: usize = 64 << 20;
/// Bytes reconciled in one step: others on the processor get their turn between steps.
const STEP: usize = 256 << 10;

/// What a mapping stands for.
#[derive(Clone)]
pub(crate) enum Backing {
    /// A regular file.
    File(Arc<File>),
    /// Memory without a name; forks have it together.
    Memory(Arc<Anonymous>),
}

/// Memory without a name. Its charge is its own: who made it may be gone while a fork has it still.
pub(crate) struct Anonymous {
    /// No other has it.
    pub(super) id: u64,
    bytes: Mutex<Vec<u8>>,
    _charge: Charge,
}

impl Anonymous {
    /// `len` bytes of zeros; `None` if the account does not admit them.
    pub(crate) fn new(len: usize, account: &Arc<MemoryAccount>) -> Option<Arc<Self>> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let _charge = account.charge(len as u64)?;
        let id = MADE.fetch_add(1, Ordering::Relaxed);
        Some(Arc::new(Self { id, bytes: Mutex::new(vec![0; len]), _charge }))
    }
}

impl Backing {
    /// Something that changes whenever the content does; none if that cannot be told.
    fn version(&self) -> Option<(Timespec, u64)> {
        match self {
            Self::File(file) => file.stat().ok().map(|stat| (stat.mtime, stat.size)),
            Self::Memory(_) => None,
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.len(),
            Self::Memory(memory) => memory.bytes.lock().len() as u64,
        }
    }

    /// Reads a page; what is behind the end is zero.
    pub(super) fn load(&self, page: &mut [u8], offset: u64) -> Result<(), Errno> {
        page.fill(0);
        match self {
            Self::File(file) => {
                file.read_at(page, offset)?;
            }
            Self::Memory(memory) => {
                let memory = memory.bytes.lock();
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(memory.len());
                let count = page.len().min(memory.len() - start);
                page[..count].copy_from_slice(&memory[start..start + count]);
            }
        }
        Ok(())
    }

    /// Stores bytes that lie before the end.
    pub(super) fn store(&self, bytes: &[u8], offset: u64) -> Result<(), Errno> {
        match self {
            Self::File(file) => match file.write_at(bytes, offset)? {
                count if count < bytes.len() => Err(Errno::NOSPC),
                _ => Ok(()),
            },
            Self::Memory(memory) => {
                let start = usize::try_from(offset).map_err(|_range| Errno::INVAL)?;
                let mut memory = memory.bytes.lock();
                let into = memory.get_mut(start..start + bytes.len()).ok_or(Errno::INVAL)?;
                into.copy_from_slice(bytes);
                Ok(())
            }
        }
    }
}

/// One mapping.
pub(super) struct Mapping {
    /// Addresses in linear memory, whole pages.
    pub(super) range: Range<usize>,
    pub(super) backing: Backing,
    /// Of the range's start in what it stands for.
    pub(super) offset: u64,
    pub(super) writable: bool,
    /// Nobody else has it: memory that no fork was made of.
    pub(super) alone: bool,
    /// The content when it was last reconciled.
    pub(super) known: Vec<u8>,
    version: Option<(Timespec, u64)>,
    charge: Arc<Charge>,
}

impl Mapping {
    /// Loads what others changed in `window` of the range.
    fn load(&mut self, memory: &mut [u8], window: Range<usize>) -> Result<(), Errno> {
        let first = self.offset + window.start as u64;
        let mut page = vec![0; PAGE];
        let pages = memory.chunks_mut(PAGE).zip(self.known[window].chunks_mut(PAGE));
        for ((memory, known), offset) in pages.zip((first..).step_by(PAGE)) {
            let page = &mut page[..memory.len()];
            self.backing.load(page, offset)?;
            if page == known {
                continue;
            }
            for ((new, known), byte) in page.iter().zip(known).zip(memory) {
                // What could not be stored stays the program's.
                if new != known {
                    (*known, *byte) = (*new, *new);
                }
            }
        }
        Ok(())
    }

    /// Stores every run of bytes in `window` of the range that differs from what was known, up to the end of the file.
    fn store(&mut self, memory: &[u8], window: Range<usize>) -> Result<(), Errno> {
        let first = self.offset + window.start as u64;
        let known = &mut self.known[window];
        if !self.writable || memory == known {
            return Ok(());
        }
        let end = self.backing.len();
        let mut result = Ok(());
        let pages = memory.chunks(PAGE).zip(known.chunks_mut(PAGE));
        for ((memory, known), first) in pages.zip((first..).step_by(PAGE)) {
            if memory == known {
                continue;
            }
            let inside = usize::try_from(end.saturating_sub(first)).unwrap_or(usize::MAX);
            let inside = inside.min(memory.len());
            let mut at = 0;
            while let Some(begin) = (at..inside).find(|&at| memory[at] != known[at]) {
                let stop = (begin..inside).find(|&at| memory[at] == known[at]).unwrap_or(inside);
                match self.backing.store(&memory[begin..stop], first + begin as u64) {
                    Ok(()) => known[begin..stop].copy_from_slice(&memory[begin..stop]),
                    Err(errno) => result = Err(errno),
                }
                at = stop;
            }
        }
        result
    }

    /// What is left of it beside `hole`: a piece before and one behind.
    fn without(self, hole: &Range<usize>) -> Vec<Self> {
        let Range { start, end } = self.range;
        let pieces = [start..hole.start.clamp(start, end), hole.end.clamp(start, end)..end];
        let kept = pieces.into_iter().filter(|piece| !piece.is_empty());
        kept.map(|piece| Self {
            backing: self.backing.clone(),
            offset: self.offset + (piece.start - start) as u64,
            writable: self.writable,
            alone: self.alone,
            known: self.known[piece.start - start..piece.end - start].to_vec(),
            version: self.version,
            charge: self.charge.clone(),
            range: piece,
        })
        .collect()
    }
}

/// How far all mappings are reconciled: of each first what is stored, then what is loaded.
#[derive(Default)]
pub(crate) struct Pass {
    index: usize,
    loads: bool,
    offset: usize,
    version: Option<(Timespec, u64)>,
    failed: Option<Errno>,
}

impl Pass {
    /// How it went.
    ///
    /// # Errors
    ///
    /// That of a store or load that failed; it is tried again in the next pass.
    pub(crate) fn result(&self) -> Result<(), Errno> {
        self.failed.map_or(Ok(()), Err)
    }

    /// Goes on to the next mapping.
    fn next(&mut self) {
        (self.index, self.loads, self.offset) = (self.index + 1, false, 0);
    }
}

/// The shared mappings of one process.
#[derive(Default)]
pub(crate) struct Mappings {
    any: AtomicBool,
    pub(super) list: Mutex<Vec<Mapping>>,
}

impl Mappings {
    /// Whether there is any. Cheap.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Lets `range` (whole pages of `memory`, emptied) stand for `backing` from `offset` on; the next pass loads it. `charge` is
    /// for what that takes on the host. Nothing else is shared in the range.
    ///
    /// # Errors
    ///
    /// ENOMEM for too many or too much; EFAULT outside memory.
    pub(crate) fn add(
        &self,
        memory: &mut [u8],
        range: Range<usize>,
        (backing, offset): (Backing, u64),
        writable: bool,
        charge: Charge,
    ) -> Result<(), Errno> {
        let mut list = self.list.lock();
        let held: usize = list.iter().map(|mapping| mapping.range.len()).sum();
        if list.len() >= MAPPINGS_MAX || held.saturating_add(range.len()) > BYTES_MAX {
            return Err(Errno::NOMEM);
        }
        memory.get_mut(range.clone()).ok_or(Errno::FAULT)?.fill(0);
        let known = vec![0; range.len()];
        let alone = matches!(backing, Backing::Memory(_));
        let charge = Arc::new(charge);
        list.push(Mapping {
            range,
            backing,
            offset,
            writable,
            alone,
            known,
            version: None,
            charge,
        });
        self.any.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Lets `range` be ordinary memory again. What was stored there since the last pass is lost to others.
    pub(crate) fn remove(&self, range: &Range<usize>) {
        let mut list = self.list.lock();
        let mut kept = Vec::new();
        for mapping in list.drain(..) {
            if mapping.range.start >= range.end || mapping.range.end <= range.start {
                kept.push(mapping);
                continue;
            }
            kept.extend(mapping.without(range));
        }
        self.any.store(!kept.is_empty(), Ordering::Relaxed);
        *list = kept;
    }

    /// Whether some of `range` is shared.
    pub(crate) fn overlaps(&self, range: &Range<usize>) -> bool {
        let list = self.list.lock();
        list.iter()
            .any(|mapping| mapping.range.start < range.end && mapping.range.end > range.start)
    }

    /// Goes on with a pass over all mappings in `memory`: bytes that were looked at, none at the end.
    pub(crate) fn step(&self, memory: &mut [u8], pass: &mut Pass) -> Option<usize> {
        let mut list = self.list.lock();
        let mapping = loop {
            let mapping = list.get_mut(pass.index)?;
            if !mapping.alone {
                break mapping;
            }
            pass.next();
        };
        let len = mapping.range.len();
        let window = pass.offset..len.min(pass.offset + STEP);
        let (start, count) = (mapping.range.start + window.start, window.len());
        let Some(memory) = memory.get_mut(start..start + count) else {
            pass.failed = Some(Errno::FAULT);
            pass.next();
            return Some(0);
        };
        pass.offset = window.end;
        let done = match pass.loads {
            true => mapping.load(memory, window),
            false => mapping.store(memory, window),
        };
        pass.failed = pass.failed.or(done.err());
        if pass.offset < len {
            return Some(count);
        }
        if pass.loads {
            mapping.version = pass.version;
            pass.next();
            return Some(count);
        }
        // Asked before loading, so that a change meanwhile is seen the next time.
        pass.version = mapping.backing.version();
        if pass.version.is_some() && pass.version == mapping.version {
            pass.next();
        } else {
            (pass.loads, pass.offset) = (true, 0);
        }
        Some(count)
    }

    /// From the next pass on nothing is this process's alone: it is about to fork.
    pub(crate) fn begin_fork(&self) {
        self.list.lock().iter_mut().for_each(|mapping| mapping.alone = false);
    }

    /// Those of a fork, whose memory is a copy; after [`Self::begin_fork`] and a pass.
    ///
    /// # Errors
    ///
    /// ENOMEM when the sandbox's account does not admit them.
    pub(crate) fn fork(&self, account: &Arc<MemoryAccount>) -> Result<Self, Errno> {
        if !self.any() {
            return Ok(Self::default());
        }
        let list = self.list.lock();
        let copy = list.iter().map(|mapping| {
            let charge = account.charge(mapping.range.len() as u64).ok_or(Errno::NOMEM)?;
            Ok(Mapping {
                range: mapping.range.clone(),
                backing: mapping.backing.clone(),
                offset: mapping.offset,
                writable: mapping.writable,
                alone: false,
                known: mapping.known.clone(),
                version: mapping.version,
                charge: Arc::new(charge),
            })
        });
        let list = copy.collect::<Result<Vec<_>, Errno>>()?;
        Ok(Self { any: AtomicBool::new(true), list: Mutex::new(list) })
    }

    /// Forgets all: the memory they are in is gone.
    pub(crate) fn clear(&self) {
        self.any.store(false, Ordering::Relaxed);
        let list = std::mem::take(&mut *self.list.lock());
        drop(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: usize = 3 * PAGE;

    struct Side {
        memory: Vec<u8>,
        mappings: Mappings,
    }

    impl Side {
        fn reconcile(&mut self) {
            reconcile(&self.mappings, &mut self.memory);
        }
    }

    fn reconcile(mappings: &Mappings, memory: &mut [u8]) {
        let mut pass = Pass::default();
        while mappings.step(memory, &mut pass).is_some() {}
        pass.result().expect("room");
    }

    fn sides(length: usize) -> (Side, Side, Arc<Anonymous>) {
        let account = MemoryAccount::new(1 << 20);
        let shared = Anonymous::new(length, &account).expect("room");
        let mut first = Side { memory: vec![0xee; SIZE], mappings: Mappings::default() };
        let backing = (Backing::Memory(shared.clone()), 0);
        let range = PAGE..SIZE;
        let charge = account.charge(1).expect("room");
        first.mappings.add(&mut first.memory, range, backing, true, charge).expect("room");
        first.mappings.begin_fork();
        first.reconcile();
        let mappings = first.mappings.fork(&account).expect("room");
        let second = Side { memory: first.memory.clone(), mappings };
        (first, second, shared)
    }

    #[test]
    fn nothing_behind_the_end_is_stored() {
        let (mut first, mut second, shared) = sides(PAGE + 10);
        assert_eq!(first.memory[PAGE - 1..PAGE + 1], [0xee, 0]);
        first.memory[PAGE * 2 + 8..PAGE * 2 + 14].fill(7);
        first.reconcile();
        second.reconcile();
        assert_eq!(shared.bytes.lock()[PAGE + 7..], [0, 7, 7]);
        assert_eq!(second.memory[PAGE * 2 + 7..PAGE * 2 + 11], [0, 7, 7, 0]);
    }

    #[test]
    fn memory_that_only_a_fork_has_is_charged() {
        let account = MemoryAccount::new(1 << 20);
        let mut memory = vec![0; SIZE];
        let first = Mappings::default();
        let backing = Anonymous::new(2 * PAGE, &account).expect("room");
        let charge = account.charge(2 * PAGE as u64).expect("room");
        let backing = (Backing::Memory(backing), 0);
        first.add(&mut memory, PAGE..SIZE, backing, true, charge).expect("room");
        // A fork of a process that kept one page of it: the whole of what that page is part of is still there.
        first.remove(&(2 * PAGE..SIZE));
        first.begin_fork();
        let second = first.fork(&account).expect("room");
        drop(first);
        assert_eq!(account.used(), 3 * PAGE as u64);
        drop(second);
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn a_hole_leaves_both_its_sides() {
        let (mut first, mut second, shared) = sides(2 * PAGE);
        let account = MemoryAccount::new(1 << 20);
        first.memory[PAGE] = 1;
        first.reconcile();
        first.mappings.remove(&(PAGE..2 * PAGE));
        assert_eq!(shared.bytes.lock()[0], 1);
        first.memory[PAGE] = 2;
        first.memory[2 * PAGE] = 3;
        assert!(!first.mappings.overlaps(&(0..2 * PAGE)));
        first.reconcile();
        second.reconcile();
        assert_eq!((second.memory[PAGE], second.memory[2 * PAGE]), (1, 3));
        let elsewhere = (Backing::Memory(shared), 0);
        let far = SIZE..SIZE + PAGE;
        let charge = account.charge(1).expect("room");
        let added = first.mappings.add(&mut first.memory, far, elsewhere, true, charge);
        assert_eq!(added, Err(Errno::FAULT));
        first.mappings.clear();
        assert!(!first.mappings.any());
    }

    #[test]
    fn who_only_reads_stores_nothing() {
        let account = MemoryAccount::new(1 << 20);
        let shared = Anonymous::new(PAGE, &account).expect("room");
        shared.bytes.lock().fill(5);
        let (mut memory, mappings) = (vec![0; PAGE], Mappings::default());
        let backing = (Backing::Memory(shared.clone()), 0);
        let charge = account.charge(1).expect("room");
        mappings.add(&mut memory, 0..PAGE, backing, false, charge).expect("room");
        mappings.begin_fork();
        reconcile(&mappings, &mut memory);
        let fork = mappings.fork(&account).expect("room");
        memory[0] = 9;
        reconcile(&mappings, &mut memory);
        assert_eq!(shared.bytes.lock()[0], 5);
        shared.bytes.lock()[1] = 6;
        reconcile(&mappings, &mut memory);
        assert_eq!(memory[1], 6);
        assert!(account.used() > 0);
        drop((mappings, fork, shared));
        assert_eq!(account.used(), 0);
    }

    proptest! {
        /// Whoever stores and then reconciles is seen by the other after that; different bytes do not disturb each other.
        #[test]
        fn stores_meet_at_calls(steps in prop::collection::vec((any::<bool>(), 0..2 * PAGE, any::<u8>()), 1..60)) {
            let (mut first, mut second, shared) = sides(2 * PAGE);
            let mut model = vec![0u8; 2 * PAGE];
            for (who, at, value) in steps {
                let side = if who { &mut first } else { &mut second };
                side.reconcile();
                prop_assert!(side.memory[PAGE..] == model);
                side.memory[PAGE + at] = value;
                model[at] = value;
                side.reconcile();
            }
            prop_assert!(*shared.bytes.lock() == model);
        }
    }
}
