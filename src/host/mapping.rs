//! Shared mappings as system calls see them: making and ending them, and the calls at which they are reconciled.
//!
//! Pages are the C library's (ABI.md); it tells the host which of them are shared. A mapping is reconciled before and after every
//! call by which a program could learn of another one's stores or let others know of its own: reading, writing, waiting,
//! locking, sending, and the beginning and end of processes. Only programs that have such mappings pay for it.

use super::fd::Pace;
use super::{Call, nr};
use crate::errno::Errno;
use crate::process::shared::{Anonymous, Backing, PAGE, Pass};
use crate::vfs::Kind;
use std::ops::Range;

/// `PROT_WRITE`
const WRITE: u32 = 2;
/// msync(2)'s flags: `MS_ASYNC`, `MS_INVALIDATE`, `MS_SYNC`.
const MS_ASYNC: u32 = 1;
const MS_SYNC: u32 = 4;
const MS_KNOWN: u32 = MS_ASYNC | 2 | MS_SYNC;
/// madvise(2)'s advice that is taken: hints, what is not done here anyway, and `MADV_FREE`, which may come to nothing.
const ADVICE: [std::ops::RangeInclusive<u32>; 5] =
    [0..=3, 11..=17, 19..=23, MADV_FREE..=MADV_FREE, MADV_COLLAPSE..=MADV_COLLAPSE];
const MADV_FREE: u32 = 8;
const MADV_COLLAPSE: u32 = 25;
/// The descriptor of a mapping without a file.
const NO_FILE: u32 = u32::MAX;

/// The calls of this file.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::ISOLET_MAP_SHARED => map_shared(call).await,
        nr::MUNMAP => munmap(call).await,
        nr::MREMAP => mremap(call),
        nr::MSYNC => msync(call).await,
        nr::MADVISE => madvise(call),
        _ => return None,
    })
}

/// Calls that have nothing to do with what others store.
fn is_private(number: u32) -> bool {
    matches!(
        number,
        nr::CLOCK_GETTIME64
            | nr::CLOCK_GETRES_TIME64
            | nr::GETPID
            | nr::GETPPID
            | nr::GETTID
            | nr::GETUID
            | nr::GETEUID
            | nr::GETGID
            | nr::GETEGID
            | nr::GETRANDOM
            | nr::UNAME
            | nr::RT_SIGACTION
            | nr::RT_SIGPROCMASK
            | nr::SIGALTSTACK
            | nr::SET_TID_ADDRESS
            | nr::ISOLET_START_BLOCK
            | nr::ISOLET_SIGNAL_TAKE
            | nr::ISOLET_SIGNAL_RETURN
            | nr::ISOLET_PENDING_WORD
            | nr::ISOLET_BREAK_WORD
            | nr::ISOLET_MAP_SHARED
            | nr::MUNMAP
            | nr::MREMAP
            | nr::MSYNC
            | nr::MADVISE
    )
}

impl Call<'_> {
    /// Reconciles the caller's shared mappings around call `number`.
    pub(super) async fn reconcile_for(&mut self, number: u32) {
        if self.process().shared.any() && !is_private(number) {
            // Who must know asks by msync(2); it is tried again at the next call.
            let _unstored = self.reconcile().await;
        }
    }

    async fn reconcile(&mut self) -> Result<(), Errno> {
        let process = self.process().clone();
        let (mut pass, mut pace) = (Pass::default(), Pace::default());
        // The caller keeps its turn: nothing of its memory changes between two steps.
        while let Some(bytes) = process.shared.step(self.memory(), &mut pass) {
            pace.moved(bytes).await;
        }
        pass.result()
    }
}

/// Whole pages of guest memory.
fn pages(address: u32, len: u32) -> Result<Range<usize>, Errno> {
    let (start, len) = (address as usize, (len as usize).next_multiple_of(PAGE));
    if !start.is_multiple_of(PAGE) || len == 0 || start + len > 1 << 32 {
        return Err(Errno::INVAL);
    }
    Ok(start..start + len)
}

/// `isolet_map_shared(address, length, protection, fd, offset)`
async fn map_shared(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [address, len, protection, fd, ..] = call.args;
    let (range, offset) = (pages(address, len)?, call.arg64(4));
    if !offset.is_multiple_of(PAGE as u64) || offset.cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    let writable = protection & WRITE != 0;
    let process = call.process().clone();
    let account = &process.kernel.memory;
    // The copy to compare with.
    let charge = account.charge(range.len() as u64).ok_or(Errno::NOMEM)?;
    let backing = if fd == NO_FILE {
        Backing::Memory(Anonymous::new(range.len(), account).ok_or(Errno::NOMEM)?)
    } else {
        let open = call.file(3)?;
        if !open.readable() || writable && !open.writable() {
            return Err(Errno::ACCESS);
        }
        let file = open.vfs_file().filter(|file| file.kind() == Kind::File && file.maps());
        Backing::File(file.ok_or(Errno::NODEV)?.clone())
    };
    // What lay there before is stored, then what lies there now loaded.
    let _unstored = call.reconcile().await;
    process.shared.remove(&range);
    process.shared.add(call.memory(), range, (backing, offset), writable, charge)?;
    call.reconcile().await?;
    Ok(0)
}

/// munmap(2) of memory that may be shared: it is ordinary memory afterwards, and the C library's to give out.
async fn munmap(call: &mut Call<'_>) -> Result<u32, Errno> {
    let range = pages(call.args[0], call.args[1])?;
    let process = call.process().clone();
    // Linux tells nobody either when what is stored at the end does not fit.
    let _unstored = call.reconcile().await;
    process.shared.remove(&range);
    Ok(0)
}

/// mremap(2) is the C library's; it asks whether the range is shared, which cannot be moved or grown.
fn mremap(call: &mut Call<'_>) -> Result<u32, Errno> {
    let range = pages(call.args[0], call.args[1])?;
    if call.process().shared.overlaps(&range) { Err(Errno::INVAL) } else { Ok(0) }
}

/// msync(2). Everything shared is reconciled, and at once: memory is all there is.
async fn msync(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [address, len, flags, ..] = call.args;
    let both = MS_ASYNC | MS_SYNC;
    if flags & !MS_KNOWN != 0 || flags & both == both || !(address as usize).is_multiple_of(PAGE) {
        return Err(Errno::INVAL);
    }
    if len != 0 {
        let range = pages(address, len).map_err(|_overflow| Errno::NOMEM)?;
        call.bytes(address, range.len()).map_err(|_outside| Errno::NOMEM)?;
    }
    call.reconcile().await.map_err(|_unstored| Errno::IO)?;
    Ok(0)
}

/// madvise(2). Advice that would change what is in memory is refused (EINVAL): `MADV_DONTNEED` would have to know which pages are
/// copies of a file, `MADV_DONTFORK` and `MADV_WIPEONFORK` what a fork shall not have.
fn madvise(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [address, len, advice, ..] = call.args;
    let known = ADVICE.iter().any(|range| range.contains(&advice));
    if !known || !(address as usize).is_multiple_of(PAGE) {
        return Err(Errno::INVAL);
    }
    if len == 0 {
        return Ok(0);
    }
    let range = pages(address, len)?;
    call.bytes(address, range.len()).map_err(|_outside| Errno::NOMEM)?;
    if advice == MADV_FREE && call.process().shared.overlaps(&range) {
        return Err(Errno::INVAL);
    }
    Ok(0)
}
