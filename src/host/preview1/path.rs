//! Calls on paths. What a path is relative to is `host/preopen.rs`'s.

use super::abi::{
    self, APPEND, DSYNC, FileStat, NONBLOCK, O_CREATE, O_DIRECTORY, O_EXCLUSIVE, O_TRUNCATE, RSYNC,
    SYMLINK_FOLLOW, SYNC, right,
};
use super::{P1, no_restart};
use crate::errno::Errno;
use crate::host::fs::{View, open};
use crate::host::memory::PATH_MAX;
use crate::host::preopen::{self, Purpose};
use crate::process::file::flag;
use crate::vfs::{Dir, Node, OpenFlags, Rename};

/// Permissions of new files and directories before the umask: preview 1 has none.
const FILE_MODE: u32 = 0o666;
const DIRECTORY_MODE: u32 = 0o777;

impl P1<'_> {
    /// The path whose address and length are arguments `at` and the next.
    ///
    /// # Errors
    ///
    /// EFAULT, ENAMETOOLONG, EILSEQ if it is not UTF-8, EINVAL with a NUL in it.
    fn path(&mut self, at: usize) -> Result<Vec<u8>, Errno> {
        let (address, len) = (self.u32(at), self.u32(at + 1) as usize);
        if len >= PATH_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        let path = self.call.bytes(address, len)?;
        if path.contains(&0) {
            return Err(Errno::INVAL);
        }
        std::str::from_utf8(path).map(|path| path.into()).map_err(|_invalid| Errno::ILSEQ)
    }

    /// What `path` is relative to, below the descriptor that argument `at` names.
    ///
    /// # Errors
    ///
    /// EBADF; `not_a_directory` for a file; EPERM for a path that leads out.
    fn base(
        &self,
        view: &View,
        at: usize,
        path: &[u8],
        purpose: Purpose,
        not_a_directory: Errno,
    ) -> Result<Dir, Errno> {
        let open = self.file(at)?;
        let dir = open.vfs_file().ok_or(Errno::BADF)?.dir().map_err(|_| not_a_directory)?;
        preopen::base(view, dir, self.slot(self.u32(at)).preopen, path, purpose)
    }

    /// The same for calls that answer EBADF for a file.
    fn directory(
        &self,
        view: &View,
        at: usize,
        path: &[u8],
        purpose: Purpose,
    ) -> Result<Dir, Errno> {
        self.base(view, at, path, purpose, Errno::BADF)
    }

    /// The node that arguments `at` (descriptor) and `at + 2`, `at + 3` (path) name; the argument between has the lookup flags.
    fn node(&mut self, at: usize) -> Result<(View, Node), Errno> {
        let follow = self.flags(at + 1, SYMLINK_FOLLOW)? != 0;
        let path = self.path(at + 2)?;
        let view = View::of(&self.call);
        let dir = self.directory(&view, at, &path, Purpose::Find)?;
        let node = view.vfs.node(&view.context(), &dir, &path, follow)?;
        Ok((view, node))
    }
}

pub(super) async fn path_create_directory(p1: &mut P1<'_>) -> Result<(), Errno> {
    let path = p1.path(1)?;
    let view = View::of(&p1.call);
    let dir = p1.directory(&view, 0, &path, Purpose::Make)?;
    view.vfs.mkdir(&view.context(), &dir, &path, DIRECTORY_MODE & !view.umask).map(drop)
}

pub(super) async fn path_filestat_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (view, node) = p1.node(0)?;
    let stat = node.stat_for(&view.context())?;
    p1.put(4, &FileStat::from(&stat))
}

pub(super) async fn path_filestat_set_times(p1: &mut P1<'_>) -> Result<(), Errno> {
    let flags = p1.flags(6, 15)?;
    let atime = abi::set_time(flags, 1, 2, p1.u64(4))?;
    let mtime = abi::set_time(flags, 4, 8, p1.u64(5))?;
    let (view, node) = p1.node(0)?;
    node.set_times(&view.context(), atime, mtime)
}

pub(super) async fn path_link(p1: &mut P1<'_>) -> Result<(), Errno> {
    // wasmtime refuses to follow.
    if p1.flags(1, SYMLINK_FOLLOW)? != 0 {
        return Err(Errno::INVAL);
    }
    let (view, node) = p1.node(0)?;
    let new = p1.path(5)?;
    let dir = p1.directory(&view, 4, &new, Purpose::Make)?;
    view.vfs.link(&view.context(), &node, &dir, &new)
}

pub(super) async fn path_open(p1: &mut P1<'_>) -> Result<(), Errno> {
    let follow = p1.flags(1, SYMLINK_FOLLOW)? != 0;
    let path = p1.path(2)?;
    let how = p1.flags(4, O_CREATE | O_DIRECTORY | O_EXCLUSIVE | O_TRUNCATE)?;
    let base = p1.u64(5);
    let known = APPEND | DSYNC | NONBLOCK | RSYNC | SYNC;
    let status = p1.flags(7, u32::from(known))? as u16;
    if how & O_DIRECTORY != 0 && how & (O_CREATE | O_EXCLUSIVE | O_TRUNCATE) != 0 {
        return Err(Errno::INVAL);
    }
    let view = View::of(&p1.call);
    let purpose = if how & O_CREATE != 0 { Purpose::Make } else { Purpose::Find };
    let dir = p1.base(&view, 0, &path, purpose, Errno::NOTDIR)?;
    let mut flags = OpenFlags::empty();
    for (bit, asked) in [
        (how & O_CREATE != 0, OpenFlags::CREATE),
        (how & O_DIRECTORY != 0, OpenFlags::DIRECTORY),
        (how & O_EXCLUSIVE != 0, OpenFlags::EXCLUSIVE),
        (how & O_TRUNCATE != 0, OpenFlags::TRUNCATE),
        (!follow, OpenFlags::NO_FOLLOW),
    ] {
        flags.set(asked, bit);
    }
    // As wasmtime: what is made can be written, and what is not written can be read.
    let write = base & right::FD_WRITE != 0 || how & O_CREATE != 0;
    let read = base & right::FD_READ != 0 || base & right::FD_WRITE == 0;
    flags |= match (read, write) {
        (true, true) => OpenFlags::READ_WRITE,
        (false, true) => OpenFlags::WRITE_ONLY,
        (_, false) => OpenFlags::empty(),
    };
    let mut bits = flags.bits();
    for (asked, bit) in [(APPEND, flag::APPEND), (NONBLOCK, flag::NONBLOCK)] {
        bits |= if status & asked != 0 { bit } else { 0 };
    }
    let mode = FILE_MODE & !view.umask;
    let file = open(&mut p1.call, &view, &dir, &path, bits, mode).await.map_err(no_restart)?;
    p1.install(8, file, status & (DSYNC | RSYNC | SYNC))
}

pub(super) async fn path_readlink(p1: &mut P1<'_>) -> Result<(), Errno> {
    let path = p1.path(1)?;
    let view = View::of(&p1.call);
    let dir = p1.directory(&view, 0, &path, Purpose::Find)?;
    let node = view.vfs.node(&view.context(), &dir, &path, false)?;
    let text = node.readlink(&view.context())?;
    let (buffer, room) = (p1.u32(3), p1.u32(4) as usize);
    let count = text.len().min(room);
    p1.call.bytes(buffer, count)?.copy_from_slice(&text[..count]);
    p1.put(5, &(count as u32))
}

pub(super) async fn path_remove_directory(p1: &mut P1<'_>) -> Result<(), Errno> {
    let path = p1.path(1)?;
    let view = View::of(&p1.call);
    let dir = p1.directory(&view, 0, &path, Purpose::Find)?;
    view.vfs.rmdir(&view.context(), &dir, &path)
}

pub(super) async fn path_rename(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (old, new) = (p1.path(1)?, p1.path(4)?);
    let view = View::of(&p1.call);
    let from = p1.directory(&view, 0, &old, Purpose::Find)?;
    let to = p1.directory(&view, 3, &new, Purpose::Make)?;
    view.vfs.rename(&view.context(), (&from, &old), (&to, &new), Rename::Replace)
}

pub(super) async fn path_symlink(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (target, path) = (p1.path(0)?, p1.path(3)?);
    let view = View::of(&p1.call);
    let dir = p1.directory(&view, 2, &path, Purpose::Make)?;
    view.vfs.symlink(&view.context(), &target, &dir, &path).map(drop)
}

pub(super) async fn path_unlink_file(p1: &mut P1<'_>) -> Result<(), Errno> {
    let path = p1.path(1)?;
    let view = View::of(&p1.call);
    let dir = p1.directory(&view, 0, &path, Purpose::Find)?;
    view.vfs.unlink(&view.context(), &dir, &path)
}
