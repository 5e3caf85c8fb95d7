//! A chunk: up to [`CHUNK`] bytes of one file, in memory or in a slot of the spill file (spill.rs).
//!
//! ```text
//! byte at offset o of the chunk:  stored[o] if o < len, else 0
//! ```
//!
//! Chunks of a file's first [`HEAD_CHUNKS`] stay in memory while their store has some left; others are in a slot from the
//! start. A chunk moves from memory to a slot when it grows and no memory is left for it, and never back. Not here: sharing
//! and what it costs (content.rs).

use super::content::CHUNK;
use super::spill::{Resident, Slot, Store};
use crate::errno::Errno;
use std::sync::Arc;

/// Chunks of a file that may be in memory: small files and the heads of large ones, 1 MiB. Of a large file's bytes few are
/// used often, and the host's page cache knows them better.
const HEAD_CHUNKS: u64 = 16;

/// Zeros to fill gaps with.
static ZEROS: [u8; CHUNK] = [0; CHUNK];

/// Bytes of one file.
#[derive(Debug)]
pub(super) struct Chunk {
    len: usize,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Has `len` bytes.
    Memory(Resident),
    /// What it has past `len` is nobody's.
    Spilled(Slot),
}

impl Chunk {
    /// An empty one, the `index`th of its file.
    ///
    /// # Errors
    ///
    /// ENOSPC, EIO: the host's.
    pub(super) fn new(store: &Arc<Store>, index: u64) -> Result<Self, Errno> {
        let place = match store.spills() && index >= HEAD_CHUNKS {
            true => Place::Spilled(store.slot()?),
            false => Place::Memory(Resident::new(store.clone())),
        };
        Ok(Self { len: 0, place })
    }

    /// The mark of a hole: an empty chunk that takes no room anywhere.
    pub(super) fn hole(store: &Arc<Store>) -> Self {
        Self { len: 0, place: Place::Memory(Resident::new(store.clone())) }
    }

    /// A copy in `store` of the first `len` bytes of a chunk that is the `index`th of its file.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub(super) fn copy(&self, store: &Arc<Store>, index: u64, len: usize) -> Result<Self, Errno> {
        let mut copy = Self::new(store, index)?;
        let len = len.min(self.len);
        match &self.place {
            Place::Memory(resident) => copy.write(&resident.bytes[..len], 0)?,
            Place::Spilled(slot) => {
                let mut bytes = vec![0; len.min(slot.dirty)];
                slot.read(&mut bytes, 0)?;
                copy.write(&bytes, 0)?;
                copy.grow(len)?;
            }
        }
        Ok(copy)
    }

    /// Bytes stored.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Reads from `start` on, zeros past the end.
    ///
    /// # Errors
    ///
    /// EIO: the host's.
    pub(super) fn read(&self, out: &mut [u8], start: usize) -> Result<(), Errno> {
        let known = self.len.saturating_sub(start).min(out.len());
        let (known, rest) = out.split_at_mut(known);
        rest.fill(0);
        match &self.place {
            Place::Memory(resident) => {
                let end = start + known.len();
                known.copy_from_slice(resident.bytes.get(start..end).unwrap_or_default());
                Ok(())
            }
            Place::Spilled(slot) => slot.read(known, start),
        }
    }

    /// Writes at `start`, growing the chunk if that passes its end. `start` and the end of `data` are within [`CHUNK`].
    ///
    /// # Errors
    ///
    /// ENOSPC, EIO: the host's; the length is as before then.
    pub(super) fn write(&mut self, data: &[u8], start: usize) -> Result<(), Errno> {
        let end = start + data.len();
        if start > self.len {
            self.grow(start)?;
        }
        self.admit(end)?;
        match &mut self.place {
            Place::Memory(resident) => {
                let over = data.len().min(self.len - start);
                resident.bytes[start..start + over].copy_from_slice(&data[..over]);
                resident.bytes.extend_from_slice(&data[over..]);
            }
            Place::Spilled(slot) => slot.write(data, start)?,
        }
        self.len = self.len.max(end);
        Ok(())
    }

    /// Extends it with zeros to `len` bytes, at most [`CHUNK`].
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub(super) fn grow(&mut self, len: usize) -> Result<(), Errno> {
        if len <= self.len {
            return Ok(());
        }
        self.admit(len)?;
        match &mut self.place {
            Place::Memory(resident) => resident.bytes.resize(len, 0),
            Place::Spilled(slot) => {
                // Past what was ever written are zeros already.
                let stale = slot.dirty.min(len);
                if stale > self.len {
                    slot.write(&ZEROS[..stale - self.len], self.len)?;
                }
            }
        }
        self.len = len;
        Ok(())
    }

    /// Makes a range within its length read as zeros.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub(super) fn zero(&mut self, start: usize, end: usize) -> Result<(), Errno> {
        let end = end.min(self.len);
        if start >= end {
            return Ok(());
        }
        match &mut self.place {
            Place::Memory(resident) => {
                resident.bytes[start..end].fill(0);
                Ok(())
            }
            Place::Spilled(slot) => {
                let stale = slot.dirty.min(end);
                if stale <= start { Ok(()) } else { slot.write(&ZEROS[..stale - start], start) }
            }
        }
    }

    /// Cuts it to `len` bytes.
    pub(super) fn cut(&mut self, len: usize) {
        self.len = self.len.min(len);
        if let Place::Memory(resident) = &mut self.place {
            resident.bytes.truncate(len);
        }
    }

    /// Has room for `len` bytes: moves to a slot if no memory is left.
    fn admit(&mut self, len: usize) -> Result<(), Errno> {
        let Place::Memory(resident) = &mut self.place else { return Ok(()) };
        if resident.reserve(len) {
            return Ok(());
        }
        let mut slot = resident.store.slot()?;
        slot.write(&resident.bytes, 0)?;
        self.place = Place::Spilled(slot);
        Ok(())
    }
}
