//! The bytes of one regular file: an image's slice below, chunks (chunk.rs) of its own above, holes elsewhere.
//!
//! ```text
//! byte at offset o:  chunks[o / CHUNK] if present (zeros past its end)
//!                    else image[o] if o < image.len()
//!                    else 0 (a hole), up to size
//! ```
//!
//! Chunks are reference-counted and copied when one that is shared is written, so a clone of a [`Content`] costs one
//! counter. Invariant: neither chunks nor image hold bytes past `size`. Not here: locking and times (inode.rs), where a chunk's
//! bytes lie (spill.rs).

use super::chunk::Chunk;
use super::quota::Usage;
use crate::errno::Errno;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// Bytes of a chunk: large enough that a big file has few, small enough that copying one is quick.
pub(super) const CHUNK: usize = 64 << 10;
/// Unit in which storage is charged: Linux's page and ext4's usual block, in bytes.
pub(super) const BLOCK: u64 = 4096;
/// Largest file in bytes: ext4's limit with 4 KiB blocks (16 TiB less one block).
pub(crate) const FILE_SIZE_MAX: u64 = (16 << 40) - BLOCK;

/// SHA-256 of a whole file.
pub(crate) type ContentId = [u8; 32];

/// An image's file that is unpacked when somebody first reads past its head, and then once for all sandboxes.
pub(crate) struct Lazy {
    len: u64,
    head: LazyLock<Bytes, Box<dyn FnOnce() -> Bytes + Send>>,
    unpack: Box<dyn Fn() -> Result<Bytes, Errno> + Send + Sync>,
    unpacked: Mutex<Option<Bytes>>,
}

impl Lazy {
    /// A file of `len` bytes. `head` gives what it begins with, as much as is cheap; `unpack` the whole, or EIO if
    /// it is damaged.
    pub(crate) fn new(
        len: u64,
        head: impl FnOnce() -> Bytes + Send + 'static,
        unpack: impl Fn() -> Result<Bytes, Errno> + Send + Sync + 'static,
    ) -> Self {
        Self {
            len,
            head: LazyLock::new(Box::new(head)),
            unpack: Box::new(unpack),
            unpacked: Mutex::new(None),
        }
    }

    fn get(&self) -> Result<Bytes, Errno> {
        let mut unpacked = self.unpacked.lock();
        if let Some(bytes) = &*unpacked {
            return Ok(bytes.clone());
        }
        let bytes = (self.unpack)()?;
        if bytes.len() as u64 != self.len {
            return Err(Errno::IO);
        }
        *unpacked = Some(bytes.clone());
        Ok(bytes)
    }
}

impl std::fmt::Debug for Lazy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lazy").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Where the bytes of an image's file come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// They are at hand.
    Bytes(Bytes),
    /// They are unpacked when needed.
    Lazy(Arc<Lazy>),
}

/// A file's bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    size: u64,
    image: Bytes,
    /// Stands for `image` (which is then empty, as are `chunks`) until it is needed.
    lazy: Option<Arc<Lazy>>,
    chunks: Arc<BTreeMap<u64, Arc<Chunk>>>,
    /// What `chunks` cost, in bytes, as charged to the sandbox's quota.
    charged: u64,
    id: Option<ContentId>,
}

/// What a chunk of `len` bytes costs.
fn cost(len: usize) -> u64 {
    (len as u64).next_multiple_of(BLOCK)
}

/// Chunk number and offset within it.
fn split(offset: u64) -> (u64, usize) {
    (offset / CHUNK as u64, (offset % CHUNK as u64) as usize)
}

impl Content {
    /// An image's file: costs the sandbox nothing until written.
    pub(super) fn from_image(source: Source, id: Option<ContentId>) -> Self {
        match source {
            Source::Bytes(image) => Self { size: image.len() as u64, image, id, ..Self::default() },
            Source::Lazy(lazy) => Self { size: lazy.len, lazy: Some(lazy), id, ..Self::default() },
        }
    }

    /// Has the image's bytes at hand.
    fn unpack(&mut self) -> Result<(), Errno> {
        if let Some(lazy) = &self.lazy {
            self.image = lazy.get()?;
            self.lazy = None;
        }
        Ok(())
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes charged to the quota.
    #[cfg(test)]
    pub(super) fn charged(&self) -> u64 {
        self.charged
    }

    /// SHA-256 of the whole, known only for files of an image that nobody wrote.
    pub(super) fn id(&self) -> Option<ContentId> {
        self.id
    }

    /// Storage in bytes, the image's part included.
    pub(super) fn allocated(&self) -> u64 {
        if self.lazy.is_some() {
            return self.size.next_multiple_of(BLOCK);
        }
        let image = (self.image.len() as u64).next_multiple_of(BLOCK);
        let (last, _) = split(image);
        let covered = if image == 0 { 0 } else { self.chunks.range(..=last).count() as u64 };
        self.charged + image.saturating_sub(covered * CHUNK as u64)
    }

    /// Reads at `offset`; fewer bytes than `out` only at the end of the file.
    ///
    /// # Errors
    ///
    /// EIO when an image's file is damaged; so also below.
    pub(super) fn read(&mut self, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let len =
            out.len().min(usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX));
        if let Some(lazy) = &self.lazy {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            if let Some(head) = lazy.head.get(start..start.saturating_add(len)) {
                out[..len].copy_from_slice(head);
                return Ok(len);
            }
        }
        self.unpack()?;
        let mut done = 0;
        while done < len {
            let (index, start) = split(offset + done as u64);
            let piece = (len - done).min(CHUNK - start);
            let into = &mut out[done..done + piece];
            match self.chunks.get(&index) {
                Some(chunk) => chunk.read(into, start)?,
                None => {
                    let from = self.image_piece(index).get(start..).unwrap_or_default();
                    let known = from.len().min(piece);
                    into[..known].copy_from_slice(&from[..known]);
                    into[known..].fill(0);
                }
            }
            done += piece;
        }
        Ok(len)
    }

    /// How many bytes of a chunk are stored; what is missing reads as zeros.
    fn stored(&self, index: u64) -> usize {
        let own = self.chunks.get(&index).map(|chunk| chunk.len());
        own.unwrap_or_else(|| self.image_piece(index).len())
    }

    fn image_piece(&self, index: u64) -> &[u8] {
        let start = index.saturating_mul(CHUNK as u64).min(self.image.len() as u64) as usize;
        &self.image[start..self.image.len().min(start + CHUNK)]
    }

    /// The whole as one slice: shared if it is an image's untouched file, else copied.
    ///
    /// # Errors
    ///
    /// EFBIG if it is longer than `max` bytes.
    pub(super) fn whole(&mut self, max: u64) -> Result<Bytes, Errno> {
        if self.size > max {
            return Err(Errno::FBIG);
        }
        self.unpack()?;
        if self.chunks.is_empty() && self.image.len() as u64 == self.size {
            return Ok(self.image.clone());
        }
        let mut all = vec![0; usize::try_from(self.size).map_err(|_| Errno::FBIG)?];
        self.read(&mut all, 0)?;
        Ok(all.into())
    }

    /// Writes at `offset`, as much as the quota and the size limit allow.
    ///
    /// # Errors
    ///
    /// EFBIG at or past [`FILE_SIZE_MAX`], ENOSPC when not one byte fits.
    pub(super) fn write(
        &mut self,
        usage: &Usage,
        data: &[u8],
        offset: u64,
    ) -> Result<usize, Errno> {
        if data.is_empty() {
            return Ok(0);
        }
        let room = FILE_SIZE_MAX.saturating_sub(offset);
        if room == 0 {
            return Err(Errno::FBIG);
        }
        let len = data.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        self.unpack()?;
        self.id = None;
        let mut done = 0;
        while done < len {
            let (index, start) = split(offset + done as u64);
            let mut piece = (len - done).min(CHUNK - start);
            let from = &data[done..];
            if let Err(errno) = self.write_chunk(usage, index, start, &from[..piece]) {
                // The last of the quota: what whole blocks are left.
                piece = piece.min(self.room_in(usage, index).saturating_sub(start));
                if piece == 0 || self.write_chunk(usage, index, start, &from[..piece]).is_err() {
                    return if done == 0 { Err(errno) } else { Ok(done) };
                }
            }
            done += piece;
            self.size = self.size.max(offset + done as u64);
        }
        Ok(done)
    }

    /// Bytes that the quota lets a chunk have.
    fn room_in(&self, usage: &Usage, index: u64) -> usize {
        let now = self.chunks.get(&index).map_or(0, |chunk| cost(chunk.len()));
        let room = now + usage.bytes_free() / BLOCK * BLOCK;
        usize::try_from(room).unwrap_or(usize::MAX).min(CHUNK)
    }

    fn write_chunk(
        &mut self,
        usage: &Usage,
        index: u64,
        start: usize,
        data: &[u8],
    ) -> Result<(), Errno> {
        // What is wholly replaced need not be copied first.
        let base = if start == 0 { data.len() } else { 0 };
        self.change(usage, index, start + data.len(), base, |chunk| chunk.write(data, start))
    }

    /// Changes a chunk that it then has for itself, charged for at least `len` bytes. If it has no more than `replaced` bytes so far,
    /// `change` may get it empty.
    ///
    /// # Errors
    ///
    /// ENOSPC past the quota, and those of the host's.
    fn change(
        &mut self,
        usage: &Usage,
        index: u64,
        len: usize,
        replaced: usize,
        change: impl FnOnce(&mut Chunk) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let old_cost = self.chunks.get(&index).map_or(0, |chunk| cost(chunk.len()));
        let admitted = cost(self.stored(index).max(len));
        usage.charge_bytes(admitted - old_cost)?;
        let own = Arc::get_mut(&mut self.chunks).and_then(|chunks| chunks.get_mut(&index));
        let changed = match own.and_then(Arc::get_mut) {
            Some(chunk) => change(chunk),
            // Others have it as it is, and so does this file if the host fails.
            None => self.copied(usage, index, replaced).and_then(|mut chunk| {
                change(&mut chunk)?;
                Arc::make_mut(&mut self.chunks).insert(index, Arc::new(chunk));
                Ok(())
            }),
        };
        let new_cost = self.chunks.get(&index).map_or(0, |chunk| cost(chunk.len()));
        usage.release_bytes(admitted - new_cost);
        self.charged = self.charged - old_cost + new_cost;
        changed
    }

    /// A copy of a chunk for this file alone, empty if it has no more than `replaced` bytes.
    fn copied(&self, usage: &Usage, index: u64, replaced: usize) -> Result<Chunk, Errno> {
        let store = usage.store();
        match self.chunks.get(&index) {
            Some(chunk) if chunk.len() > replaced => chunk.copy(store, index, chunk.len()),
            Some(_) => Chunk::new(store, index),
            None => {
                let mut chunk = Chunk::new(store, index)?;
                let base = self.image_piece(index);
                if base.len() > replaced {
                    chunk.write(base, 0)?;
                }
                Ok(chunk)
            }
        }
    }

    /// Cuts or extends (with a hole) to `size`.
    ///
    /// # Errors
    ///
    /// EFBIG past [`FILE_SIZE_MAX`].
    pub(super) fn truncate(&mut self, usage: &Usage, size: u64) -> Result<(), Errno> {
        if size > FILE_SIZE_MAX {
            return Err(Errno::FBIG);
        }
        if size == self.size {
            return Ok(());
        }
        if size == 0 {
            self.lazy = None;
        }
        self.unpack()?;
        self.id = None;
        if size < self.size {
            self.cut(usage, size)?;
        }
        self.size = size;
        Ok(())
    }

    fn cut(&mut self, usage: &Usage, size: u64) -> Result<(), Errno> {
        let (index, within) = split(size);
        let own = Arc::get_mut(&mut self.chunks)
            .and_then(|chunks| Arc::get_mut(chunks.get_mut(&index)?))
            .is_some();
        let last = self.chunks.get(&index).filter(|chunk| within > 0 && chunk.len() > within);
        // What can fail comes first.
        let copy = match last {
            Some(chunk) if !own => Some(chunk.copy(usage.store(), index, within)?),
            _ => None,
        };
        if (self.image.len() as u64) > size {
            self.image.truncate(size as usize);
        }
        if self.chunks.is_empty() {
            return Ok(());
        }
        let chunks = Arc::make_mut(&mut self.chunks);
        let mut gone = chunks.split_off(&(index + u64::from(within > 0)));
        let mut freed: u64 = gone.values().map(|chunk| cost(chunk.len())).sum();
        if let Some(chunk) = chunks.get_mut(&index) {
            let before = cost(chunk.len());
            match copy {
                Some(copy) => *chunk = Arc::new(copy),
                None => Arc::get_mut(chunk).into_iter().for_each(|chunk| chunk.cut(within)),
            }
            freed += before - cost(chunk.len());
        }
        usage.store().together(|| gone.clear());
        self.charged -= freed;
        usage.release_bytes(freed);
        Ok(())
    }

    /// Reserves storage for a range, so that later writes there cannot fail; grows the file unless `keep_size`.
    ///
    /// # Errors
    ///
    /// EFBIG, ENOSPC; what was reserved until then stays reserved.
    pub(super) fn allocate(
        &mut self,
        usage: &Usage,
        offset: u64,
        len: u64,
        keep_size: bool,
    ) -> Result<(), Errno> {
        let end = offset.checked_add(len).filter(|&end| end <= FILE_SIZE_MAX).ok_or(Errno::FBIG)?;
        if end - offset > usage.bytes_free().saturating_add(self.allocated()) {
            return Err(Errno::NOSPC);
        }
        self.unpack()?;
        // Bytes past the size are not kept (the invariant), so there only the promise is checked.
        let kept = if keep_size { end.min(self.size) } else { end };
        let mut at = offset;
        while at < kept {
            let (index, start) = split(at);
            let piece = (kept - at).min((CHUNK - start) as u64);
            if self.image_piece(index).len() < start + piece as usize
                || self.chunks.contains_key(&index)
            {
                let len = start + piece as usize;
                self.change(usage, index, len, 0, |chunk| chunk.grow(len))?;
            }
            at += piece;
            if !keep_size {
                self.grow_to(at);
            }
        }
        Ok(())
    }

    fn grow_to(&mut self, size: u64) {
        if size > self.size {
            self.id = None;
            self.size = size;
        }
    }

    /// Makes a range read as zeros, freeing whole chunks; never changes the size.
    ///
    /// # Errors
    ///
    /// ENOSPC, since zeroing part of an image's chunk takes a copy of it.
    pub(super) fn punch(&mut self, usage: &Usage, offset: u64, len: u64) -> Result<(), Errno> {
        self.unpack()?;
        usage.store().together(|| self.punch_chunks(usage, offset, len))
    }

    fn punch_chunks(&mut self, usage: &Usage, offset: u64, len: u64) -> Result<(), Errno> {
        let end = offset.saturating_add(len).min(self.size);
        let mut at = offset;
        while at < end {
            self.id = None;
            let (index, start) = split(at);
            let piece = (end - at).min((CHUNK - start) as u64) as usize;
            let stored = self.stored(index);
            if start == 0 && piece >= stored {
                self.free_chunk(usage, index);
            } else if start < stored {
                let until = stored.min(start + piece);
                self.change(usage, index, until, 0, |chunk| chunk.zero(start, until))?;
            }
            at = at.saturating_add(piece as u64);
            if self.chunks.is_empty() && at >= self.image.len() as u64 {
                break;
            }
            at = at.max(self.next_stored(at).unwrap_or(end));
        }
        Ok(())
    }

    /// Takes a chunk away; over an image an empty one stays as the mark of a hole.
    fn free_chunk(&mut self, usage: &Usage, index: u64) {
        let over_image = !self.image_piece(index).is_empty();
        let chunks = Arc::make_mut(&mut self.chunks);
        let old = match over_image {
            true => chunks.insert(index, Arc::new(Chunk::hole(usage.store()))),
            false => chunks.remove(&index),
        };
        let freed = old.map_or(0, |chunk| cost(chunk.len()));
        self.charged -= freed;
        usage.release_bytes(freed);
    }

    /// Where stored bytes begin at or after `offset`, by chunks.
    fn next_stored(&self, offset: u64) -> Option<u64> {
        let (first, _) = split(offset);
        let in_image = (offset..self.image.len() as u64)
            .step_by(CHUNK)
            .map(|at| split(at).0)
            .find(|index| !self.chunks.contains_key(index));
        let in_chunks =
            self.chunks.range(first..).find(|(_, chunk)| chunk.len() > 0).map(|(&index, _)| index);
        let index = match (in_image, in_chunks) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b)?,
        };
        Some(offset.max(index * CHUNK as u64)).filter(|&at| at < self.size)
    }

    /// `SEEK_DATA`: where data begins at or after `offset`.
    ///
    /// # Errors
    ///
    /// ENXIO past the end or when only a hole follows.
    pub(super) fn seek_data(&mut self, offset: u64) -> Result<u64, Errno> {
        if offset >= self.size {
            return Err(Errno::NXIO);
        }
        self.unpack()?;
        self.next_stored(offset).ok_or(Errno::NXIO)
    }

    /// `SEEK_HOLE`: where a hole (or the end) begins at or after `offset`.
    ///
    /// # Errors
    ///
    /// ENXIO past the end.
    pub(super) fn seek_hole(&mut self, offset: u64) -> Result<u64, Errno> {
        if offset >= self.size {
            return Err(Errno::NXIO);
        }
        self.unpack()?;
        let (mut index, _) = split(offset);
        while index * (CHUNK as u64) < self.size && self.stored(index) > 0 {
            index += 1;
        }
        Ok((index * CHUNK as u64).max(offset).min(self.size))
    }

    /// Gives back what the content was charged, and drops it; for the end of the file.
    pub(super) fn release(&mut self, usage: &Usage) {
        usage.release_bytes(std::mem::take(&mut self.charged));
        usage.store().together(|| *self = Self::default());
    }
}
