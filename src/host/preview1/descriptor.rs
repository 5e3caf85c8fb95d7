//! Calls on a descriptor that neither read nor write: what it is, its flags, size and times; directories; closing and renumbering.
//!
//! As in wasmtime, a directory is no file: what only a file has answers EBADF for it.

use super::abi::{self, APPEND, DSYNC, Dirent, FdStat, FileStat, NONBLOCK, RSYNC, SYNC, right};
use super::{P1, Slot};
use crate::errno::Errno;
use crate::host::fd::Pace;
use crate::host::fs::{View, admit_size, node_of, position};
use crate::process::OpenFile;
use crate::process::file::{Object, flag};
use crate::vfs::{self, Allocate};
use crate::vnet::Kind;
use std::sync::Arc;

/// Highest `$advice`.
const NOREUSE: u32 = 5;
/// Bytes of a directory that are gathered at a time.
const BATCH_BYTES: usize = 16 << 10;

impl P1<'_> {
    /// The regular file that the first argument names, and its description.
    ///
    /// # Errors
    ///
    /// EBADF, also for a directory.
    fn regular(&self) -> Result<(Arc<OpenFile>, Arc<vfs::File>), Errno> {
        let open = self.file(0)?;
        let file = open.vfs_file().filter(|file| !file.is_dir()).ok_or(Errno::BADF)?.clone();
        Ok((open, file))
    }

    /// A size or position.
    ///
    /// # Errors
    ///
    /// EINVAL past what a signed number holds.
    fn position(&self, at: usize) -> Result<u64, Errno> {
        position(self.u64(at))
    }
}

pub(super) async fn fd_advise(p1: &mut P1<'_>) -> Result<(), Errno> {
    p1.regular()?;
    p1.position(1)?;
    if p1.u32(3) > NOREUSE { Err(Errno::INVAL) } else { Ok(()) }
}

pub(super) async fn fd_allocate(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (open, file) = p1.regular()?;
    let (offset, len) = (p1.position(1)?, p1.position(2)?);
    if len == 0 {
        return Err(Errno::INVAL);
    }
    if !open.writable() {
        return Err(Errno::BADF);
    }
    let end = offset.checked_add(len).filter(|&end| end <= i64::MAX as u64).ok_or(Errno::FBIG)?;
    admit_size(&p1.call, file.len(), end)?;
    file.allocate(Allocate::Extend, offset, len)
}

pub(super) async fn fd_close(p1: &mut P1<'_>) -> Result<(), Errno> {
    let fd = p1.u32(0);
    let closed = p1.call.process().fds.lock().close(fd)?;
    drop(closed);
    p1.state()?.slots.remove(&fd);
    Ok(())
}

/// There is nothing behind a file that it would have to be written to; a directory may be synced, as on Linux.
fn synced(p1: &P1<'_>) -> Result<(), Errno> {
    p1.file(0)?.vfs_file().map(drop).ok_or(Errno::BADF)
}

pub(super) async fn fd_datasync(p1: &mut P1<'_>) -> Result<(), Errno> {
    synced(p1)
}

pub(super) async fn fd_sync(p1: &mut P1<'_>) -> Result<(), Errno> {
    synced(p1)
}

/// What kind of thing is open.
fn file_type(open: &OpenFile) -> u8 {
    match open.object() {
        Object::File(file) => abi::file_type(file.kind().dirent_type()),
        Object::Socket(socket) if socket.kind() == Kind::Datagram => abi::TYPE_DATAGRAM,
        Object::Socket(_) | Object::Unix(_) => abi::TYPE_STREAM,
        Object::Terminal(_)
        | Object::Master(_)
        | Object::Null
        | Object::Zero
        | Object::Full
        | Object::Random => abi::TYPE_CHARACTER,
        Object::Pipe(_)
        | Object::Event(_)
        | Object::Timer(_)
        | Object::Epoll(_)
        | Object::Inotify(_)
        | Object::Signals(_)
        | Object::Process(_) => abi::TYPE_UNKNOWN,
    }
}

/// Rights and inheriting rights. Only what can seek says so: that is how wasi-libc tells a terminal from other character devices.
fn rights(open: &OpenFile, slot: Slot) -> (u64, u64) {
    if slot.preopen.is_some() {
        return (right::PREOPEN, right::PREOPEN_INHERITING);
    }
    let mut rights = match open.object() {
        Object::File(file) if file.is_dir() => {
            right::ALL
                & !(right::FD_SEEK | right::FD_FILESTAT_SET_SIZE | right::PATH_FILESTAT_SET_SIZE)
        }
        Object::File(_) => right::ALL,
        Object::Null | Object::Zero | Object::Full | Object::Random => {
            right::FD_READ | right::FD_WRITE | right::FD_SEEK | right::FD_TELL | COMMON
        }
        Object::Socket(_) | Object::Unix(_) => {
            right::FD_READ | right::FD_WRITE | COMMON | right::SOCK_SHUTDOWN | right::SOCK_ACCEPT
        }
        _ => right::FD_READ | right::FD_WRITE | COMMON,
    };
    if !open.readable() {
        rights &= !(right::FD_READ | right::FD_READDIR);
    }
    if !open.writable() {
        rights &= !right::FD_WRITE;
    }
    (rights, rights)
}

/// What any stream may.
const COMMON: u64 = right::FD_FDSTAT_SET_FLAGS | right::FD_FILESTAT_GET | right::POLL_FD_READWRITE;

pub(super) async fn fd_fdstat_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    let open = p1.file(0)?;
    let slot = p1.slot(p1.u32(0));
    let (rights_base, rights_inheriting) = rights(&open, slot);
    let mut flags = slot.flags;
    if open.flags() & flag::APPEND != 0 {
        flags |= APPEND;
    }
    if open.nonblocking() {
        flags |= NONBLOCK;
    }
    let file_type = file_type(&open);
    let stat = FdStat { file_type, padding: 0, flags, padding2: 0, rights_base, rights_inheriting };
    p1.put(1, &stat)
}

pub(super) async fn fd_fdstat_set_flags(p1: &mut P1<'_>) -> Result<(), Errno> {
    let open = p1.file(0)?;
    let known = APPEND | DSYNC | NONBLOCK | RSYNC | SYNC;
    let wanted = p1.flags(1, u32::from(known))? as u16;
    if wanted & (DSYNC | RSYNC | SYNC) != 0 {
        return Err(Errno::INVAL);
    }
    if open.vfs_file().is_some_and(|file| file.is_dir()) {
        return Err(Errno::BADF);
    }
    let append = if wanted & APPEND != 0 { flag::APPEND } else { 0 };
    open.set_flags(open.flags() & !flag::APPEND | append);
    let fd = p1.u32(0);
    let mut slot = p1.slot(fd);
    slot.flags = slot.flags & !NONBLOCK | wanted & NONBLOCK;
    p1.state()?.set(fd, slot);
    Ok(())
}

/// As wasmtime: rights cannot be changed.
pub(super) async fn fd_fdstat_set_rights(p1: &mut P1<'_>) -> Result<(), Errno> {
    p1.file(0)?;
    Err(Errno::NOTSUP)
}

pub(super) async fn fd_filestat_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    let open = p1.file(0)?;
    let mut stat = FileStat::from(&open.stat()?);
    stat.file_type = file_type(&open);
    p1.put(1, &stat)
}

pub(super) async fn fd_filestat_set_size(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (open, file) = p1.regular()?;
    let size = p1.position(1)?;
    if !open.writable() {
        return Err(Errno::INVAL);
    }
    admit_size(&p1.call, file.len(), size)?;
    file.truncate(size)
}

pub(super) async fn fd_filestat_set_times(p1: &mut P1<'_>) -> Result<(), Errno> {
    let flags = p1.flags(3, 15)?;
    let atime = abi::set_time(flags, 1, 2, p1.u64(1))?;
    let mtime = abi::set_time(flags, 4, 8, p1.u64(2))?;
    let open = p1.file(0)?;
    let view = View::of(&p1.call);
    node_of(&open)?.set_times(&view.context(), atime, mtime)
}

/// `$prestat`: a tag of 0 for a directory, and the length of its name.
pub(super) async fn fd_prestat_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    p1.file(0)?;
    let name = p1.slot(p1.u32(0)).preopen.ok_or(Errno::BADF)?;
    p1.put(1, &[0u32, name.len() as u32])
}

pub(super) async fn fd_prestat_dir_name(p1: &mut P1<'_>) -> Result<(), Errno> {
    p1.file(0)?;
    let name = p1.slot(p1.u32(0)).preopen.ok_or(Errno::NOTDIR)?;
    if name.len() > p1.u32(2) as usize {
        return Err(Errno::NAMETOOLONG);
    }
    let address = p1.u32(1);
    p1.call.bytes(address, name.len())?.copy_from_slice(name.as_bytes());
    Ok(())
}

pub(super) async fn fd_renumber(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (from, to) = (p1.u32(0), p1.u32(1));
    let slot = p1.slot(from);
    let replaced = {
        let mut table = p1.call.process().fds.lock();
        table.get(to)?;
        let file = table.get(from)?;
        if from == to {
            return Ok(());
        }
        let replaced = table.replace(to, file, false)?;
        [replaced, table.close(from).ok()]
    };
    drop(replaced);
    let state = p1.state()?;
    state.slots.remove(&from);
    state.set(to, slot);
    Ok(())
}

/// Entries of a directory, the last of them cut where the room ends: that says that there are more.
pub(super) async fn fd_readdir(p1: &mut P1<'_>) -> Result<(), Errno> {
    let open = p1.file(0)?;
    let file = open.vfs_file().filter(|file| file.is_dir()).ok_or(Errno::BADF)?.clone();
    if !open.readable() {
        return Err(Errno::BADF);
    }
    let (address, room, mut cookie) = (p1.u32(1), p1.u32(2) as usize, p1.u64(3));
    p1.call.bytes(address, room)?;
    let (mut done, mut pace) = (0, Pace::default());
    while done < room {
        let mut batch = Vec::new();
        file.list(cookie, &mut |entry| {
            let head = Dirent {
                next: entry.cookie,
                ino: entry.ino,
                name_len: entry.name.len() as u32,
                file_type: abi::file_type(entry.kind.dirent_type()),
                padding: [0; 3],
            };
            batch.extend_from_slice(bytemuck::bytes_of(&head));
            batch.extend_from_slice(entry.name);
            cookie = entry.cookie;
            batch.len() < BATCH_BYTES.min(room - done)
        })?;
        if batch.is_empty() {
            break;
        }
        batch.truncate(room - done);
        // Inside memory: `room` bytes were looked at.
        let at = address.wrapping_add(done as u32);
        p1.call.bytes(at, batch.len())?.copy_from_slice(&batch);
        done += batch.len();
        pace.moved(batch.len()).await;
    }
    p1.put(4, &(done as u32))
}
