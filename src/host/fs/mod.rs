//! The file system calls: openat, mkdirat, statx, getdents64, renameat2 and the rest, over [`crate::vfs`].
//!
//! Each is a small function: arguments, one or two operations, a result. Rules of permission and names are the vfs's;
//! reading and writing what is open is in host/fd.rs. Calls come from musl 1.2.6 as riscv32 (64-bit values in two words).

mod attributes;
mod inotify;
mod names;
mod open;
mod stat;
mod xattr;

pub(super) use attributes::admit_size;
pub(super) use open::open;

use super::{Call, nr};
use crate::errno::Errno;
use crate::process::file::flag;
use crate::process::{OpenFile, Process};
use crate::vfs::{Context, Cred, Dir, Node, Vfs};
use std::sync::Arc;

/// The descriptor argument that means the working directory (`AT_FDCWD`, -100).
const AT_FDCWD: u32 = -100i32 as u32;
/// Do not follow a final link.
const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
/// unlinkat(2): remove a directory.
const AT_REMOVEDIR: u32 = 0x200;
/// faccessat2(2): judge by effective ids.
const AT_EACCESS: u32 = 0x200;
/// linkat(2): follow a final link.
const AT_SYMLINK_FOLLOW: u32 = 0x400;
/// statx(2): mount nothing by looking; nothing ever is.
const AT_NO_AUTOMOUNT: u32 = 0x800;
/// An empty path means the descriptor itself.
const AT_EMPTY_PATH: u32 = 0x1000;
/// statx(2): how hard to ask a network file system; there is none.
const AT_STATX_SYNC_TYPE: u32 = 0x6000;

/// Answers `number` if it is one of ours.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::OPENAT => open::openat(call).await,
        // Programs fall back to openat.
        nr::OPENAT2 => Err(Errno::NOSYS),
        nr::MKDIRAT => names::mkdirat(call),
        nr::MKNODAT => names::mknodat(call),
        nr::UNLINKAT => names::unlinkat(call),
        nr::SYMLINKAT => names::symlinkat(call),
        nr::LINKAT => names::linkat(call),
        nr::RENAMEAT2 => names::renameat2(call),
        nr::READLINKAT => names::readlinkat(call),
        nr::CHDIR => names::chdir(call),
        nr::FCHDIR => names::fchdir(call),
        nr::CHROOT => names::chroot(call),
        nr::GETCWD => names::getcwd(call),
        nr::STATX => stat::statx(call),
        nr::STATFS64 => stat::statfs64(call),
        nr::FSTATFS64 => stat::fstatfs64(call),
        nr::GETDENTS64 => stat::getdents64(call),
        nr::FACCESSAT => attributes::faccessat(call),
        nr::FACCESSAT2 => attributes::faccessat2(call),
        nr::FCHMOD => attributes::fchmod(call),
        nr::FCHMODAT => attributes::fchmodat(call),
        nr::FCHMODAT2 => attributes::fchmodat2(call),
        nr::FCHOWN => attributes::fchown(call),
        nr::FCHOWNAT => attributes::fchownat(call),
        nr::UTIMENSAT_TIME64 => attributes::utimensat(call),
        nr::UMASK => Ok(attributes::umask(call)),
        nr::TRUNCATE64 => attributes::truncate(call),
        nr::FTRUNCATE64 => attributes::ftruncate(call),
        nr::FALLOCATE => attributes::fallocate(call),
        // Only who holds CAP_SYS_ADMIN may mount, and nobody in a sandbox does.
        nr::MOUNT | nr::UMOUNT2 => Err(Errno::PERM),
        nr::FADVISE64_64 => attributes::fadvise(call),
        nr::READAHEAD => attributes::readahead(call),
        // Files live in memory: nothing is behind them to write to.
        nr::SYNC => Ok(0),
        nr::SYNCFS => opened(call, call.args[0]).map(|_| 0),
        nr::SYNC_FILE_RANGE => attributes::sync_file_range(call),
        nr::FSYNC | nr::FDATASYNC => attributes::fsync(call),
        nr::SETXATTR | nr::LSETXATTR | nr::FSETXATTR => xattr::set(call, number),
        nr::GETXATTR | nr::LGETXATTR | nr::FGETXATTR => xattr::get(call, number),
        nr::LISTXATTR | nr::LLISTXATTR | nr::FLISTXATTR => xattr::list(call, number),
        nr::INOTIFY_INIT1 => inotify::init(call),
        nr::INOTIFY_ADD_WATCH => inotify::add_watch(call),
        nr::INOTIFY_RM_WATCH => inotify::rm_watch(call),
        nr::REMOVEXATTR | nr::LREMOVEXATTR | nr::FREMOVEXATTR => xattr::remove(call, number),
        _ => return None,
    })
}

/// The calling process as the file system sees it, taken once a call.
pub(super) struct View {
    pub(super) vfs: Arc<Vfs>,
    cred: Cred,
    pub(super) root: Dir,
    pub(super) cwd: Dir,
    pub(super) umask: u32,
    pid: u32,
}

impl View {
    pub(super) fn of(call: &Call<'_>) -> Self {
        Self::of_process(call.process())
    }

    pub(super) fn of_process(process: &Process) -> Self {
        process.with_attributes(|attributes| Self {
            vfs: process.kernel.vfs.clone(),
            cred: attributes.cred.file(),
            root: attributes.root.clone(),
            cwd: attributes.cwd.clone(),
            umask: attributes.umask,
            pid: process.pid,
        })
    }

    pub(super) fn context(&self) -> Context<'_> {
        Context { cred: &self.cred, root: &self.root, pid: self.pid }
    }

    /// The directory that `path` is relative to; an absolute path does not look at `fd`.
    fn at(&self, call: &Call<'_>, fd: u32, path: &[u8]) -> Result<Dir, Errno> {
        if path.first() == Some(&b'/') {
            return Ok(self.root.clone());
        }
        if fd == AT_FDCWD {
            return Ok(self.cwd.clone());
        }
        descriptor(call, fd)?.vfs_file().ok_or(Errno::NOTDIR)?.dir()
    }

    /// The node at `path` by `AT_SYMLINK_NOFOLLOW` and `AT_EMPTY_PATH` in `flags`.
    fn node(&self, call: &Call<'_>, fd: u32, path: &[u8], flags: u32) -> Result<Node, Errno> {
        if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
            return match fd {
                AT_FDCWD => Ok(self.cwd.node()),
                _ => node_of(&*descriptor(call, fd)?),
            };
        }
        let at = self.at(call, fd, path)?;
        self.vfs.node(&self.context(), &at, path, flags & AT_SYMLINK_NOFOLLOW == 0)
    }
}

/// The open file behind `fd`.
fn descriptor(call: &Call<'_>, fd: u32) -> Result<Arc<OpenFile>, Errno> {
    call.process().fds.lock().get(fd)
}

/// The same, but EBADF for one that is only a path (`O_PATH`).
fn opened(call: &Call<'_>, fd: u32) -> Result<Arc<OpenFile>, Errno> {
    let file = descriptor(call, fd)?;
    if file.flags() & flag::PATH != 0 { Err(Errno::BADF) } else { Ok(file) }
}

/// The node that is open.
///
/// # Errors
///
/// EPERM for what has no node (pipes, sockets): its mode and owner cannot be changed here.
pub(super) fn node_of(file: &OpenFile) -> Result<Node, Errno> {
    match file.vfs_file() {
        Some(file) => Ok(file.node()),
        None => file.node().cloned().ok_or(Errno::PERM),
    }
}

/// A size or position: negative ones are refused.
pub(super) fn position(value: u64) -> Result<u64, Errno> {
    if value > i64::MAX as u64 { Err(Errno::INVAL) } else { Ok(value) }
}
