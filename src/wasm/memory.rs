//! The linear memories of processes: reserved address space, an image mapped copy-on-write, pages copied on fork.
//!
//! wasmtime asks [`Creator`] for every memory. What memory an instance gets is decided before it is instantiated: a
//! [`Mapping`] is handed over to the creator ([`hand_over`]) on the thread that instantiates, and taken by the
//! first request that matches; requests without a hand-over are the engine's own (heaps of exceptions).
//! Nothing awaits between hand-over and allocation, since the resource limiter is synchronous.
//!
//! One of two files with `unsafe` code: pages are mapped, copied and read here and nowhere else.
#![expect(unsafe_code, reason = "maps and copies the pages of linear memories")]
#![expect(clippy::disallowed_methods, reason = "reads this process's own pagemap")]

use crate::errno::Errno;
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use std::cell::RefCell;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// Bytes of a page of the host. Linux on x86-64 and most of aarch64; checked by [`Creator::new`].
const PAGE: usize = 4096;

/// Address space of one 32-bit memory, so that no bounds checks are needed (wasmtime's default reservation).
const RESERVED: usize = 4 << 30;

/// Inaccessible bytes behind it, for constant offsets (wasmtime's default guard on 64-bit hosts).
const GUARD: usize = 32 << 20;

/// What a program's memory holds when it starts: a sealed memory file, mapped privately by every process.
#[derive(Debug)]
pub(crate) struct Image {
    file: OwnedFd,
    /// Whole pages.
    bytes: usize,
}

impl Image {
    /// An image of `content` from address 0.
    ///
    /// # Errors
    ///
    /// The host's, if it has no memory left.
    pub(crate) fn new(content: &[u8]) -> Result<Self, Errno> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(rustix::fs::memfd_create("isolet-image", flags)?);
        let bytes = content.len().next_multiple_of(PAGE);
        let io = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
        for (chunk, at) in content.chunks(PAGE).zip((0u64..).step_by(PAGE)) {
            // Pages of zeros are holes.
            if chunk.iter().any(|&byte| byte != 0) {
                file.write_all_at(chunk, at).map_err(io)?;
            }
        }
        file.set_len(bytes as u64).map_err(io)?;
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        rustix::fs::fcntl_add_seals(&file, seals)?;
        Ok(Self { file: file.into(), bytes })
    }

    /// Reads `range` of the image; bytes past its end are zero.
    pub(crate) fn read(&self, start: usize, into: &mut [u8]) {
        into.fill(0);
        let available = self.bytes.saturating_sub(start).min(into.len());
        // A sealed file in memory does not fail; a short read leaves zeros.
        let _ = rustix::io::pread(&self.file, &mut into[..available], start as u64);
    }
}

/// The address space of one process's memory; shared by its threads' instances.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    /// Accessible bytes, whole WebAssembly pages; only grows.
    bytes: AtomicUsize,
    image: Arc<Image>,
    /// Length at the start, as the module asks.
    minimum: usize,
    /// Address space it may grow into, without the guard behind it.
    reserved: usize,
    /// Inaccessible bytes behind the reservation.
    guard: usize,
}

// SAFETY: the pointer is to a mapping that lives as long as the value; who may touch the bytes behind it when is the
// process's turn (process/turn.rs), and the methods below that touch them say what they need.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// `bytes` of memory (whole WebAssembly pages) that start as `image`, zero behind it, of an instance that asks for `minimum`.
    ///
    /// # Errors
    ///
    /// ENOEXEC if the image or the minimum is longer; the host's: no address space or no memory map left.
    pub(crate) fn new(image: Arc<Image>, minimum: usize, bytes: usize) -> Result<Self, Errno> {
        Self::reserve(image, minimum, bytes, RESERVED, GUARD)
    }

    fn reserve(
        image: Arc<Image>,
        minimum: usize,
        bytes: usize,
        reserved: usize,
        guard: usize,
    ) -> Result<Self, Errno> {
        if image.bytes > bytes || minimum > bytes || bytes > reserved {
            return Err(Errno::NOEXEC);
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a fresh anonymous mapping at an address of the host's choice aliases nothing.
        let base = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                reserved + guard,
                ProtFlags::empty(),
                flags,
            )?
        };
        let base = NonNull::new(base.cast()).ok_or(Errno::NOMEM)?;
        let mapping =
            Self { base, bytes: AtomicUsize::new(bytes), image, minimum, reserved, guard };
        mapping.map_image()?;
        mapping.make_accessible(mapping.image.bytes, bytes)?;
        Ok(mapping)
    }

    fn map_image(&self) -> Result<(), Errno> {
        if self.image.bytes == 0 {
            return Ok(());
        }
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let at = self.base.as_ptr().cast();
        // SAFETY: the range lies in this value's own reservation (checked in `new`), which nobody uses yet.
        unsafe { rustix::mm::mmap(at, self.image.bytes, prot, flags, &self.image.file, 0)? };
        Ok(())
    }

    /// Makes `from..to` of the reservation readable and writable.
    fn make_accessible(&self, from: usize, to: usize) -> Result<(), Errno> {
        if to <= from {
            return Ok(());
        }
        // The engine's heap of exceptions asks for more than it has when it is full.
        if to > self.reserved {
            return Err(Errno::NOMEM);
        }
        // SAFETY: the range lies in this value's own reservation.
        unsafe {
            let at = self.base.as_ptr().add(from).cast();
            rustix::mm::mprotect(at, to - from, MprotectFlags::READ | MprotectFlags::WRITE)
        }
    }

    /// Accessible bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }

    /// Where it lies, for checking that an instance got it.
    pub(crate) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Begins a copy for a forked process: the same image, and every page that differs from it. No thread of the process may
    /// run until the copy is finished: the caller has its turn.
    ///
    /// # Errors
    ///
    /// The host's.
    pub(crate) fn begin_fork(&self) -> Result<Copying<'_>, Errno> {
        let child = Self::new(self.image.clone(), self.minimum, self.bytes())?;
        Ok(Copying { from: self, child, left: self.changed_pages()? })
    }

    /// All that is in it, without the zeros at its end. No thread of the process may run meanwhile: the caller has its turn.
    pub(crate) fn content(&self) -> Vec<u8> {
        // SAFETY: accessible memory of this value's own, which nobody writes to (precondition).
        let bytes = unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.bytes()) };
        let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        bytes[..used].to_vec()
    }

    /// Runs (offset, length) of pages written since the image was mapped, by /proc/self/pagemap: bit 63 present or 62
    /// swapped, and not bit 61 (page of a file), Documentation/admin-guide/mm/pagemap.rst.
    fn changed_pages(&self) -> Result<Vec<(usize, usize)>, Errno> {
        let pages = self.bytes() / PAGE;
        let mut entries = vec![0u8; pages * 8];
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
        let file = rustix::fs::open("/proc/self/pagemap", flags, rustix::fs::Mode::empty())?;
        let start = (self.base.as_ptr() as usize / PAGE * 8) as u64;
        let io = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
        File::from(file).read_exact_at(&mut entries, start).map_err(io)?;
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for (page, entry) in entries.chunks_exact(8).enumerate() {
            let entry = u64::from_le_bytes(entry.try_into().expect("eight bytes"));
            let private = entry >> 62 != 0 && entry >> 61 & 1 == 0;
            if !private {
                continue;
            }
            let at = page * PAGE;
            match runs.last_mut() {
                Some((from, length)) if *from + *length == at => *length += PAGE,
                _ => runs.push((at, PAGE)),
            }
        }
        Ok(runs)
    }

    /// ORs `bits` into the aligned word at `address`; outside memory nothing happens. Safe at any time, also while the
    /// guest runs: one atomic operation on memory that never goes away while the mapping lives.
    pub(crate) fn or_word(&self, address: u32, bits: u32) {
        let address = address as usize;
        if !address.is_multiple_of(4) || address + 4 > self.bytes() {
            return;
        }
        // SAFETY: aligned, inside accessible memory, which only grows; guest code accesses it by plain wasm
        // operations, which the engine compiles to single machine accesses.
        let word = unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(address).cast()) };
        word.fetch_or(bits, Ordering::SeqCst);
    }
}

/// A copy of a memory that is being made.
pub(crate) struct Copying<'a> {
    from: &'a Mapping,
    child: Mapping,
    /// Runs of pages (offset, length) still to be copied.
    left: Vec<(usize, usize)>,
}

impl Copying<'_> {
    /// Copies at most `budget` bytes (some whole pages at least). Whether nothing is left.
    pub(crate) fn step(&mut self, budget: usize) -> bool {
        let mut budget = (budget / PAGE).max(1) * PAGE;
        while let Some((at, length)) = self.left.pop() {
            let now = length.min(budget);
            // SAFETY: both ranges lie inside accessible memory of two different mappings (`changed_pages` stays
            // below `bytes`); the parent does not run (precondition), the child is not known to anybody yet.
            unsafe {
                std::ptr::copy_nonoverlapping(
                    self.from.base.as_ptr().add(at),
                    self.child.base.as_ptr().add(at),
                    now,
                );
            }
            budget -= now;
            if now < length {
                self.left.push((at + now, length - now));
            }
            if budget == 0 {
                break;
            }
        }
        self.left.is_empty()
    }

    /// Bytes still to be copied.
    #[cfg(test)]
    fn bytes_left(&self) -> usize {
        self.left.iter().map(|(_, length)| length).sum()
    }

    /// The copy.
    pub(crate) fn finish(mut self) -> Mapping {
        while !self.step(usize::MAX / 2) {}
        self.child
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the reservation is this value's own, and no view of it is left (each holds an Arc).
        let unmapped =
            unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.reserved + self.guard) };
        if let Err(errno) = unmapped {
            tracing::error!(%errno, "could not unmap a guest's memory");
        }
    }
}

/// One instance's view of a mapping. Its length may lag behind while another thread grows the memory; see
/// `Call::resume` in host/mod.rs.
struct View {
    mapping: Arc<Mapping>,
    bytes: usize,
}

// SAFETY: `as_ptr` is valid for `byte_capacity` bytes of reservation plus the guard; `byte_size` of them are accessible; the
// base never moves; new bytes are zero, since pages of the reservation were never accessible before.
unsafe impl LinearMemory for View {
    fn byte_size(&self) -> usize {
        self.bytes
    }

    fn byte_capacity(&self) -> usize {
        self.mapping.reserved
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        let accessible = self.mapping.bytes();
        if new_size > accessible {
            self.mapping.make_accessible(accessible, new_size)?;
            self.mapping.bytes.store(new_size, Ordering::SeqCst);
        }
        self.bytes = new_size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.mapping.base.as_ptr()
    }
}

thread_local! {
    static HANDED_OVER: RefCell<Option<Arc<Mapping>>> = const { RefCell::new(None) };
}

/// Gives `mapping` to the next memory that this thread's instantiation asks for.
pub(crate) fn hand_over(mapping: Arc<Mapping>) {
    HANDED_OVER.with(|slot| *slot.borrow_mut() = Some(mapping));
}

/// Takes back what no instantiation asked for; `Some` is an error of the caller's.
pub(crate) fn left_over() -> Option<Arc<Mapping>> {
    HANDED_OVER.with(|slot| slot.borrow_mut().take())
}

/// Answers wasmtime's requests for memories.
#[derive(Debug)]
pub(crate) struct Creator(());

impl Creator {
    /// # Errors
    ///
    /// EINVAL on a host whose pages are not 4 KiB.
    pub(crate) fn new() -> Result<Self, Errno> {
        if rustix::param::page_size() == PAGE { Ok(Self(())) } else { Err(Errno::INVAL) }
    }
}

// SAFETY: both kinds of memory below keep LinearMemory's contract.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        if ty.is_64() || guard > GUARD || reserved.is_some_and(|bytes| bytes > RESERVED) {
            return Err(format!("a memory of this shape is not provided: {ty:?}, guard {guard}"));
        }
        let matches = |mapping: &Arc<Mapping>| mapping.minimum == minimum;
        let handed = HANDED_OVER.with(|slot| slot.borrow_mut().take_if(|mapping| matches(mapping)));
        let mapping = match handed {
            Some(mapping) => mapping,
            None => {
                // The engine's own heap, for exceptions.
                let empty = Image::new(&[]).map_err(|errno| errno.to_string())?;
                let reserved = reserved.unwrap_or(minimum).max(minimum);
                let fresh = Mapping::reserve(Arc::new(empty), minimum, minimum, reserved, guard);
                Arc::new(fresh.map_err(|errno| errno.to_string())?)
            }
        };
        let bytes = mapping.bytes();
        Ok(Box::new(View { mapping, bytes }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte(mapping: &Mapping, at: usize) -> u8 {
        assert!(at < mapping.bytes());
        // SAFETY: inside accessible memory; only this test knows the mapping.
        unsafe { mapping.base.as_ptr().add(at).read() }
    }

    #[test]
    fn a_fork_copies_what_was_changed_in_slices() {
        let image = Arc::new(Image::new(&[1; 4 * PAGE]).expect("memory"));
        let mapping = Mapping::new(image, 32 * PAGE, 64 * PAGE).expect("address space");
        assert_eq!(
            byte(&mapping, PAGE),
            1,
            "reading an image's page does not make it the process's"
        );
        assert_eq!(mapping.begin_fork().expect("room").bytes_left(), 0);
        for page in [2, 3, 40] {
            mapping.or_word((page * PAGE) as u32, 0xf0);
        }
        let mut copying = mapping.begin_fork().expect("room");
        assert_eq!(copying.bytes_left(), 3 * PAGE);
        assert!(!copying.step(PAGE));
        assert_eq!(copying.bytes_left(), 2 * PAGE);
        let child = copying.finish();
        mapping.or_word((40 * PAGE) as u32, 0x0f);
        let found = [PAGE, 2 * PAGE, 3 * PAGE, 40 * PAGE, 41 * PAGE].map(|at| byte(&child, at));
        assert_eq!(found, [1, 0xf1, 0xf1, 0xf0, 0]);
        assert_eq!(byte(&mapping, 40 * PAGE), 0xff);
    }
}
