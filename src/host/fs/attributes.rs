//! Calls that change what a node is: mode, owner, times, size; access checks, umask and fsync.

use super::{AT_EACCESS, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, View, node_of, opened, position};
use crate::errno::Errno;
use crate::host::Call;
use crate::host::fd::file_bytes_max;
use crate::process::Signal;
use crate::process::file::Object;
use crate::vfs::{Access, Allocate, Kind, SetTime, Timespec};

/// Owner or group argument that means "leave it" (-1).
const UNCHANGED: u32 = u32::MAX;
/// `UTIME_NOW`
const UTIME_NOW: u32 = 0x3fff_ffff;
/// `UTIME_OMIT`
const UTIME_OMIT: u32 = 0x3fff_fffe;
/// `POSIX_FADV_NOREUSE`, the highest advice there is.
const POSIX_FADV_NOREUSE: u32 = 5;
/// `SYNC_FILE_RANGE_WAIT_BEFORE`, `_WRITE` and `_WAIT_AFTER`.
const SYNC_FILE_RANGE_FLAGS: u32 = 7;
/// `FALLOC_FL_KEEP_SIZE`
const FALLOC_KEEP_SIZE: u32 = 0x01;
/// `FALLOC_FL_PUNCH_HOLE`
const FALLOC_PUNCH_HOLE: u32 = 0x02;
/// `FALLOC_FL_ZERO_RANGE`
const FALLOC_ZERO_RANGE: u32 = 0x10;

/// faccessat(2): by real ids.
pub(super) fn faccessat(call: &mut Call<'_>) -> Result<u32, Errno> {
    access(call, 0)
}

/// faccessat2(2).
pub(super) fn faccessat2(call: &mut Call<'_>) -> Result<u32, Errno> {
    access(call, call.args[3])
}

fn access(call: &mut Call<'_>, flags: u32) -> Result<u32, Errno> {
    let [fd, path, want, ..] = call.args;
    let want = Access::from_bits(want).ok_or(Errno::INVAL)?;
    if flags & !(AT_EACCESS | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0 {
        return Err(Errno::INVAL);
    }
    let path = call.path(path)?;
    let mut view = View::of(call);
    if flags & AT_EACCESS == 0 {
        view.cred = call.process().cred().real();
    }
    view.node(call, fd, &path, flags)?.access(&view.context(), want)?;
    Ok(0)
}

/// fchmod(2).
pub(super) fn fchmod(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, mode, ..] = call.args;
    node_of(&*opened(call, fd)?)?.chmod(&View::of(call).context(), mode)?;
    Ok(0)
}

/// fchmodat(2) as Linux has it: without flags.
pub(super) fn fchmodat(call: &mut Call<'_>) -> Result<u32, Errno> {
    chmod_at(call, 0)
}

/// fchmodat2(2).
pub(super) fn fchmodat2(call: &mut Call<'_>) -> Result<u32, Errno> {
    chmod_at(call, call.args[3])
}

fn chmod_at(call: &mut Call<'_>, flags: u32) -> Result<u32, Errno> {
    let [fd, path, mode, ..] = call.args;
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::INVAL);
    }
    let path = call.path(path)?;
    let view = View::of(call);
    view.node(call, fd, &path, flags)?.chmod(&view.context(), mode)?;
    Ok(0)
}

fn id(argument: u32) -> Option<u32> {
    (argument != UNCHANGED).then_some(argument)
}

/// fchown(2).
pub(super) fn fchown(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, uid, gid, ..] = call.args;
    node_of(&*opened(call, fd)?)?.chown(&View::of(call).context(), id(uid), id(gid))?;
    Ok(0)
}

/// fchownat(2).
pub(super) fn fchownat(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, path, uid, gid, flags, _] = call.args;
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::INVAL);
    }
    let path = call.path(path)?;
    let view = View::of(call);
    view.node(call, fd, &path, flags)?.chown(&view.context(), id(uid), id(gid))?;
    Ok(0)
}

/// One `struct timespec` of utimensat(2). Only the low word of the nanoseconds is theirs: the C library's `long` is 32 bits.
fn set_time(words: [u64; 2]) -> Result<SetTime, Errno> {
    match words[1] as u32 {
        UTIME_NOW => Ok(SetTime::Now),
        UTIME_OMIT => Ok(SetTime::Omit),
        nsec @ 0..1_000_000_000 => Ok(SetTime::At(Timespec { sec: words[0].cast_signed(), nsec })),
        _ => Err(Errno::INVAL),
    }
}

/// utimensat(2): a null path means the descriptor (futimens), null times mean now.
pub(super) fn utimensat(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, path, times, flags, ..] = call.args;
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::INVAL);
    }
    let (atime, mtime) = if times == 0 {
        (SetTime::Now, SetTime::Now)
    } else {
        let [a, b, c, d]: [u64; 4] = call.read(times)?;
        (set_time([a, b])?, set_time([c, d])?)
    };
    if (atime, mtime) == (SetTime::Omit, SetTime::Omit) {
        return Ok(0);
    }
    let view = View::of(call);
    let node = if path == 0 {
        if flags & !AT_EMPTY_PATH != 0 {
            return Err(Errno::INVAL);
        }
        if fd == super::AT_FDCWD {
            return Err(Errno::FAULT);
        }
        node_of(&*opened(call, fd)?)?
    } else {
        let path = call.path(path)?;
        view.node(call, fd, &path, flags)?
    };
    node.set_times(&view.context(), atime, mtime)?;
    Ok(0)
}

/// umask(2): the mask before.
pub(super) fn umask(call: &mut Call<'_>) -> u32 {
    let mask = call.args[0] & 0o777;
    call.process().with_attributes(|attributes| std::mem::replace(&mut attributes.umask, mask))
}

/// truncate64(2).
pub(super) fn truncate(call: &mut Call<'_>) -> Result<u32, Errno> {
    let path = call.path(call.args[0])?;
    let size = position(call.arg64(1))?;
    let view = View::of(call);
    let node = view.node(call, super::AT_FDCWD, &path, 0)?;
    admit_size(call, node.stat()?.size, size)?;
    node.truncate(&view.context(), size)?;
    Ok(0)
}

/// ftruncate64(2).
pub(super) fn ftruncate(call: &mut Call<'_>) -> Result<u32, Errno> {
    let size = position(call.arg64(1))?;
    let open = opened(call, call.args[0])?;
    let file = open.vfs_file().filter(|_| open.writable()).ok_or(Errno::INVAL)?;
    admit_size(call, file.len(), size)?;
    file.truncate(size)?;
    Ok(0)
}

/// Whether `RLIMIT_FSIZE` lets a file of `now` bytes grow to `size`; SIGXFSZ if not.
pub(in crate::host) fn admit_size(call: &Call<'_>, now: u64, size: u64) -> Result<(), Errno> {
    if size <= now || size <= file_bytes_max(call.process()) {
        return Ok(());
    }
    call.thread().raise(Signal::XFSZ);
    Err(Errno::FBIG)
}

/// fallocate(2).
pub(super) fn fallocate(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, mode, ..] = call.args;
    let (offset, len) = (position(call.arg64(2))?, position(call.arg64(4))?);
    if len == 0 {
        return Err(Errno::INVAL);
    }
    let how = match mode {
        0 => Allocate::Extend,
        FALLOC_KEEP_SIZE => Allocate::KeepSize,
        FALLOC_ZERO_RANGE => Allocate::Zero,
        mode if mode == FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE => Allocate::Punch,
        _ => return Err(Errno::OPNOTSUPP),
    };
    let open = opened(call, fd)?;
    if !open.writable() {
        return Err(Errno::BADF);
    }
    let Some(file) = open.vfs_file() else { return Err(Errno::SPIPE) };
    if how != Allocate::KeepSize {
        admit_size(call, file.len(), offset.saturating_add(len))?;
    }
    file.allocate(how, offset, len)?;
    Ok(0)
}

/// posix_fadvise(2): advice about a cache that files in memory do not need, checked as Linux checks it.
pub(super) fn fadvise(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, _, _, _, _, advice] = call.args;
    if matches!(opened(call, fd)?.object(), Object::Pipe(_)) {
        return Err(Errno::SPIPE);
    }
    position(call.arg64(3))?;
    if advice > POSIX_FADV_NOREUSE { Err(Errno::INVAL) } else { Ok(0) }
}

/// readahead(2): all of a file is there already.
pub(super) fn readahead(call: &mut Call<'_>) -> Result<u32, Errno> {
    let open = opened(call, call.args[0])?;
    if !open.readable() {
        return Err(Errno::BADF);
    }
    match open.vfs_file() {
        Some(file) if matches!(file.kind(), Kind::File) => Ok(0),
        _ => Err(Errno::INVAL),
    }
}

/// sync_file_range(2): done already, if the descriptor has a range.
pub(super) fn sync_file_range(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, _, _, _, _, flags] = call.args;
    let open = opened(call, fd)?;
    position(call.arg64(1))?;
    position(call.arg64(3))?;
    if flags & !SYNC_FILE_RANGE_FLAGS != 0 {
        return Err(Errno::INVAL);
    }
    match open.vfs_file() {
        Some(file) if matches!(file.kind(), Kind::File | Kind::Directory) => Ok(0),
        _ => Err(Errno::SPIPE),
    }
}

/// fsync(2), fdatasync(2): done already, if the descriptor can be synced.
pub(super) fn fsync(call: &mut Call<'_>) -> Result<u32, Errno> {
    let open = opened(call, call.args[0])?;
    match open.vfs_file() {
        Some(file) if matches!(file.kind(), Kind::File | Kind::Directory) => Ok(0),
        _ => Err(Errno::INVAL),
    }
}
