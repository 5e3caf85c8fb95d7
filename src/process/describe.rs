//! What stat(2) and `/proc/PID/fd` tell of an open file, and opening it again through its link there.

use super::file::{Object, OpenFile, flag};
use super::pty::{Pty, REPLICA_MAJOR};
use crate::errno::Errno;
use crate::vfs::{self, DeviceId, Kind, Stat, Timespec};
use std::any::Any;
use std::sync::Arc;

/// `st_dev` of the file systems that have no mount: pipes, sockets, anonymous inodes, terminals. Any distinct numbers do.
const PIPES: u64 = 13;
const SOCKETS: u64 = 8;
const ANONYMOUS: u64 = 14;
pub(crate) const TERMINALS: u64 = 24;
/// `st_dev` of /dev, where no path is known.
const DEVICES: u64 = 5;

/// The inode number of `/dev/pts/N`, as Linux counts them.
pub(crate) fn terminal_inode(index: u32) -> u64 {
    u64::from(index) + 3
}

fn stat_of(dev: u64, ino: u64, mode: u32) -> Stat {
    let now = Timespec::now();
    Stat {
        dev,
        ino,
        mode,
        nlink: 1,
        blksize: 4096,
        atime: now,
        mtime: now,
        ctime: now,
        btime: now,
        ..Stat::default()
    }
}

fn device(major: u32, minor: u32) -> Stat {
    let mode = Kind::Device.mode_bits() | 0o666;
    let rdev = DeviceId { major, minor }.encode();
    Stat { rdev, ..stat_of(DEVICES, u64::from(major << 8 | minor), mode) }
}

fn terminal(pty: &Pty) -> Stat {
    let (uid, gid) = pty.owner;
    let mode = Kind::Device.mode_bits() | 0o620;
    let rdev = DeviceId { major: REPLICA_MAJOR, minor: pty.index }.encode();
    Stat { uid, gid, rdev, ..stat_of(TERMINALS, terminal_inode(pty.index), mode) }
}

impl OpenFile {
    /// What fstat(2) tells.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub(crate) fn stat(&self) -> Result<Stat, Errno> {
        if let Some(node) = self.node() {
            return node.stat();
        }
        Ok(match self.object() {
            Object::File(file) => file.stat()?,
            Object::Pipe(end) => {
                let (uid, gid) = end.owner();
                Stat { uid, gid, ..stat_of(PIPES, end.inode(), Kind::Fifo.mode_bits() | 0o600) }
            }
            Object::Terminal(replica) => terminal(replica.pty()),
            Object::Master(_) => device(5, 2),
            Object::Socket(_) => stat_of(SOCKETS, self.number(), Kind::Socket.mode_bits() | 0o777),
            Object::Unix(socket) => {
                stat_of(SOCKETS, socket.inode(), Kind::Socket.mode_bits() | 0o777)
            }
            Object::Event(event) => stat_of(ANONYMOUS, event.inode(), 0o600),
            Object::Timer(timer) => stat_of(ANONYMOUS, timer.inode(), 0o600),
            Object::Epoll(epoll) => stat_of(ANONYMOUS, epoll.inode(), 0o600),
            Object::Inotify(inotify) => stat_of(ANONYMOUS, inotify.inode(), 0o600),
            Object::Signals(signals) => stat_of(ANONYMOUS, signals.inode(), 0o600),
            Object::Process(process) => stat_of(ANONYMOUS, process.inode(), 0o600),
            Object::Null => device(1, 3),
            Object::Zero => device(1, 5),
            Object::Full => device(1, 7),
            Object::Random => device(1, 9),
        })
    }

    /// What readlink(2) of `/proc/PID/fd/N` tells, but for files that the vfs has a path for.
    pub(crate) fn describe(&self) -> Vec<u8> {
        if let Some(path) = self.path() {
            return path.to_vec();
        }
        match self.object() {
            Object::File(_) => b"(unreachable)".to_vec(),
            Object::Pipe(end) => format!("pipe:[{}]", end.inode()).into_bytes(),
            Object::Terminal(replica) => format!("/dev/pts/{}", replica.pty().index).into_bytes(),
            Object::Master(_) => b"/dev/ptmx".to_vec(),
            Object::Socket(_) => format!("socket:[{}]", self.number()).into_bytes(),
            Object::Unix(socket) => format!("socket:[{}]", socket.inode()).into_bytes(),
            Object::Event(_) => b"anon_inode:[eventfd]".to_vec(),
            Object::Timer(_) => b"anon_inode:[timerfd]".to_vec(),
            Object::Epoll(_) => b"anon_inode:[eventpoll]".to_vec(),
            Object::Inotify(_) => b"anon_inode:inotify".to_vec(),
            Object::Signals(_) => b"anon_inode:[signalfd]".to_vec(),
            Object::Process(_) => b"anon_inode:[pidfd]".to_vec(),
            Object::Null => b"/dev/null".to_vec(),
            Object::Zero => b"/dev/zero".to_vec(),
            Object::Full => b"/dev/full".to_vec(),
            Object::Random => b"/dev/urandom".to_vec(),
        }
    }

    /// Opens the same object anew, with its own offset and flags: open(2) of `/proc/PID/fd/N`, `/dev/stdin`.
    ///
    /// # Errors
    ///
    /// ENXIO for sockets and anonymous inodes, as on Linux; EIO for a locked or hung-up terminal.
    pub(crate) fn reopen(&self, flags: u32) -> Result<Arc<Self>, Errno> {
        let access = flags & flag::ACCESS;
        let object = match self.object() {
            Object::File(file) => Object::File(file.clone()),
            Object::Pipe(end) => Object::Pipe(end.reopen(access != flag::WRITE_ONLY, access != 0)),
            Object::Terminal(replica) => Object::Terminal(replica.pty().replica()?),
            Object::Null => Object::Null,
            Object::Zero => Object::Zero,
            Object::Full => Object::Full,
            Object::Random => Object::Random,
            Object::Master(_)
            | Object::Socket(_)
            | Object::Unix(_)
            | Object::Event(_)
            | Object::Timer(_)
            | Object::Epoll(_)
            | Object::Inotify(_)
            | Object::Signals(_)
            | Object::Process(_) => return Err(Errno::NXIO),
        };
        Ok(match (self.node(), self.path()) {
            (Some(node), _) => Self::with_node(object, flags, node.clone()),
            (None, Some(path)) => Self::with_path(object, flags, path),
            (None, None) => Self::new(object, flags),
        })
    }

    /// The open file behind what a link of `/proc` led to ([`vfs::Opened::Object`]).
    ///
    /// # Errors
    ///
    /// ENXIO if it is something else.
    pub(crate) fn from_link(object: Arc<dyn vfs::Object>) -> Result<Arc<Self>, Errno> {
        let object: Arc<dyn Any + Send + Sync> = object;
        object.downcast().map_err(|_other| Errno::NXIO)
    }
}

impl vfs::Object for OpenFile {
    fn stat(&self) -> Result<Stat, Errno> {
        OpenFile::stat(self)
    }
}
