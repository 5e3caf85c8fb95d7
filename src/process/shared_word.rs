//! Words of shared mappings, by which processes exclude and wake each other: compare-and-exchange and the queues of futex(2).
//!
//! A mapping is a copy ([`super::shared`]), so an atomic instruction on it excludes nobody else. The exchange here is made
//! on what the mapping stands for, under one lock of the sandbox. A word is named by that too, wherever it is mapped.
//!
//! Lock order: a process's mappings, then the exchanges, then what is mapped.

use super::futex::Futexes;
use super::shared::{Backing, Mapping, Mappings};
use crate::errno::Errno;
use parking_lot::Mutex;

/// Bytes of a word.
const WORD: usize = 4;

/// What a sandbox keeps of such words.
#[derive(Debug, Default)]
pub(crate) struct SharedWords {
    exchanges: Mutex<()>,
    /// Threads of any process that wait for one.
    pub(crate) futexes: Futexes<SharedWord>,
}

/// A word's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SharedWord {
    object: Object,
    offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Object {
    /// By device and inode number.
    File(u64, u64),
    /// By [`super::shared::Anonymous::id`].
    Memory(u64),
}

impl Mapping {
    /// The word at `address`, if that is in the mapping and others have it too.
    fn word(&self, address: usize) -> Option<SharedWord> {
        if self.alone || !self.range.contains(&address) {
            return None;
        }
        let object = match &self.backing {
            Backing::File(file) => file.stat().map(|stat| Object::File(stat.dev, stat.ino)).ok()?,
            Backing::Memory(memory) => Object::Memory(memory.id),
        };
        Some(SharedWord { object, offset: self.offset_of(address) })
    }

    fn offset_of(&self, address: usize) -> u64 {
        self.offset + (address - self.range.start) as u64
    }

    /// What stands at `address` for everyone.
    fn current(&self, address: usize) -> Result<u32, Errno> {
        let mut bytes = [0; WORD];
        self.backing.load(&mut bytes, self.offset_of(address))?;
        Ok(u32::from_le_bytes(bytes))
    }
}

impl Mappings {
    /// The identity of the word at `address` (a multiple of 4), if other processes may have it too.
    pub(crate) fn word(&self, address: u32) -> Option<SharedWord> {
        if !self.any() {
            return None;
        }
        self.list.lock().iter().find_map(|mapping| mapping.word(address as usize))
    }

    /// The word at `address` as everyone sees it; none if it is not in a shared mapping.
    pub(crate) fn current(&self, address: u32) -> Option<Result<u32, Errno>> {
        let list = self.list.lock();
        let mapping = list.iter().find(|mapping| mapping.word(address as usize).is_some())?;
        Some(mapping.current(address as usize))
    }

    /// Stores `new` at `address` (a multiple of 4) of `memory` if `expected` stands there, for all who have the word; what
    /// stood there. The caller has the process's turn.
    ///
    /// # Errors
    ///
    /// EFAULT outside memory and behind the end of a file, EACCES if the mapping may not be written.
    pub(crate) fn exchange(
        &self,
        words: &SharedWords,
        memory: &mut [u8],
        address: u32,
        (expected, new): (u32, u32),
    ) -> Result<u32, Errno> {
        let address = address as usize;
        let own = memory.get_mut(address..address + WORD).ok_or(Errno::FAULT)?;
        let mut list = self.list.lock();
        let Some(mapping) = list.iter_mut().find(|mapping| mapping.word(address).is_some()) else {
            let current = u32::from_le_bytes([own[0], own[1], own[2], own[3]]);
            if current == expected {
                own.copy_from_slice(&new.to_le_bytes());
            }
            return Ok(current);
        };
        if !mapping.writable {
            return Err(Errno::ACCESS);
        }
        let offset = mapping.offset_of(address);
        if offset + WORD as u64 > mapping.backing.len() {
            return Err(Errno::FAULT);
        }
        let _alone = words.exchanges.lock();
        let current = mapping.current(address)?;
        let mut stands = current;
        // Nothing is stored where nothing changes: it may be a way to read.
        if current == expected && current != new {
            mapping.backing.store(&new.to_le_bytes(), offset)?;
            stands = new;
        }
        own.copy_from_slice(&stands.to_le_bytes());
        let at = address - mapping.range.start;
        mapping.known[at..at + WORD].copy_from_slice(&stands.to_le_bytes());
        Ok(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::account::MemoryAccount;
    use crate::process::shared::{Anonymous, PAGE, Pass};
    use std::sync::Arc;

    fn reconcile(mappings: &Mappings, memory: &mut [u8]) {
        let mut pass = Pass::default();
        while mappings.step(memory, &mut pass).is_some() {}
        pass.result().expect("room");
    }

    /// Two processes that have a page in common, at different addresses.
    fn two() -> [(Mappings, Vec<u8>); 2] {
        let account = MemoryAccount::new(1 << 20);
        let shared = Anonymous::new(PAGE, &account).expect("room");
        [0, PAGE].map(|start| {
            let (mappings, mut memory) = (Mappings::default(), vec![0; 2 * PAGE]);
            let backing = (Backing::Memory(shared.clone()), 0);
            let charge = account.charge(1).expect("room");
            mappings.add(&mut memory, start..start + PAGE, backing, true, charge).expect("room");
            mappings.begin_fork();
            reconcile(&mappings, &mut memory);
            (mappings, memory)
        })
    }

    #[test]
    fn a_word_is_the_same_wherever_it_is_mapped() {
        let [(first, _), (second, _)] = two();
        assert_eq!(first.word(8), second.word(PAGE as u32 + 8));
        assert_ne!(first.word(8), first.word(12));
        assert_eq!(second.word(8), None);
        let [(other, _), _] = two();
        assert_ne!(first.word(8), other.word(8));
    }

    #[test]
    fn one_of_two_exchanges_succeeds() {
        let words = SharedWords::default();
        let [(first, mut here), (second, mut there)] = two();
        let far = PAGE as u32 + 8;
        assert_eq!(first.exchange(&words, &mut here, 8, (0, 5)), Ok(0));
        // The copy still says 0.
        assert_eq!(there[PAGE + 8], 0);
        assert_eq!(second.exchange(&words, &mut there, far, (0, 7)), Ok(5));
        assert_eq!((there[PAGE + 8], second.current(far)), (5, Some(Ok(5))));
        assert_eq!(second.exchange(&words, &mut there, far, (5, 6)), Ok(5));
        reconcile(&second, &mut there);
        reconcile(&first, &mut here);
        assert_eq!((here[8], there[PAGE + 8]), (6, 6));
    }

    #[test]
    fn a_word_of_ones_own_is_exchanged_too() {
        let words = SharedWords::default();
        let [(first, mut here), _] = two();
        let at = PAGE as u32;
        assert_eq!(first.exchange(&words, &mut here, at, (0, 3)), Ok(0));
        assert_eq!(first.exchange(&words, &mut here, at, (0, 4)), Ok(3));
        assert_eq!(here[PAGE], 3);
        assert_eq!(first.exchange(&words, &mut here, 2 * at, (0, 4)), Err(Errno::FAULT));
    }

    #[test]
    fn nothing_is_exchanged_behind_the_end_or_without_permission() {
        let account = MemoryAccount::new(1 << 20);
        let words = SharedWords::default();
        let shared: Arc<_> = Anonymous::new(8, &account).expect("room");
        for (writable, at, expected) in
            [(true, 4, Ok(0)), (true, 8, Err(Errno::FAULT)), (false, 4, Err(Errno::ACCESS))]
        {
            let (mappings, mut memory) = (Mappings::default(), vec![0; PAGE]);
            let backing = (Backing::Memory(shared.clone()), 0);
            let charge = account.charge(1).expect("room");
            mappings.add(&mut memory, 0..PAGE, backing, writable, charge).expect("room");
            mappings.begin_fork();
            assert_eq!(mappings.exchange(&words, &mut memory, at, (0, 0)), expected);
        }
    }
}
