//! Open file descriptions: an object, the offset that its descriptors share, and its status flags, open(2).
//!
//! Every operation is non-blocking: what would block answers EAGAIN, and [`OpenFile::subscribe`] tells when to try
//! again. Descriptor numbers are in [`super::fd`]; job control of terminals and SIGPIPE belong to the system call.
//!
//! Lock order: the offset, then the object's own lock.

use super::budget::{Budget, Reservation, next_inode};
use super::epoll::Epoll;
use super::eventfd::EventFd;
use super::inotify::Inotify;
use super::locks::{FileKey, FileLocks};
use super::pidfd::PidFd;
use super::pipe;
use super::pty::{Master, Replica};
use super::signalfd::SignalFd;
use super::timerfd::TimerFd;
use super::unix;
use crate::errno::Errno;
use crate::vfs;
use crate::vnet;
use crate::wait::{Ready, Waiter};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Flags of open(2), asm-generic.
pub(crate) mod flag {
    pub(crate) const ACCESS: u32 = 0o3;
    pub(crate) const WRITE_ONLY: u32 = 0o1;
    pub(crate) const READ_WRITE: u32 = 0o2;
    pub(crate) const NO_CTTY: u32 = 0o400;
    pub(crate) const APPEND: u32 = 0o2000;
    pub(crate) const NONBLOCK: u32 = 0o4000;
    pub(crate) const ASYNC: u32 = 0o20000;
    pub(crate) const DIRECT: u32 = 0o40000;
    pub(crate) const LARGE_FILE: u32 = 0o100_000;
    pub(crate) const NO_ATIME: u32 = 0o1_000_000;
    pub(crate) const CLOEXEC: u32 = 0o2_000_000;
    pub(crate) const PATH: u32 = 0o10_000_000;
    /// What `F_SETFL` can change.
    pub(crate) const SETTABLE: u32 = APPEND | NONBLOCK | ASYNC | DIRECT | NO_ATIME;
    /// What `F_GETFL` shows.
    pub(crate) const SHOWN: u32 = ACCESS | SETTABLE | LARGE_FILE | PATH | 0o4_010_000;
}

/// What a descriptor can refer to.
pub(crate) enum Object {
    /// A regular file or directory.
    File(Arc<vfs::File>),
    /// An end of a pipe or FIFO.
    Pipe(pipe::End),
    /// A terminal as programs see it.
    Terminal(Replica),
    /// The controlling side of a pseudo-terminal.
    Master(Master),
    /// A socket of the virtual network.
    Socket(Arc<vnet::Socket>),
    /// A unix domain socket.
    Unix(Arc<unix::Socket>),
    /// eventfd(2).
    Event(EventFd),
    /// timerfd_create(2).
    Timer(Arc<TimerFd>),
    /// epoll_create(2).
    Epoll(Arc<Epoll>),
    /// inotify(7).
    Inotify(Arc<Inotify>),
    /// signalfd(2).
    Signals(SignalFd),
    /// pidfd_open(2).
    Process(PidFd),
    /// `/dev/null`
    Null,
    /// `/dev/zero`
    Zero,
    /// `/dev/full`
    Full,
    /// `/dev/random` and `/dev/urandom`
    Random,
}

/// An open file description.
pub(crate) struct OpenFile {
    object: Object,
    offset: Mutex<u64>,
    flags: AtomicU32,
    /// Its inode number, where the object has none.
    number: u64,
    /// What `/proc/PID/fd` shows, where the object alone does not know.
    path: OnceLock<Box<[u8]>>,
    /// The FIFO it was opened by.
    node: OnceLock<vfs::Node>,
    /// Set once a lock is held in this description's name, to give it back.
    locks: OnceLock<Arc<FileLocks>>,
    /// Its place among the sandbox's open files, once it is in a table.
    counted: OnceLock<Reservation>,
}

/// Waiters of several files, one for each however often it is asked for: epolls may watch epolls that watch many.
#[derive(Default)]
pub(crate) struct Waiters {
    list: Vec<Waiter>,
    seen: HashSet<u64>,
}

impl Waiters {
    /// The waiters.
    pub(crate) fn into_list(self) -> Vec<Waiter> {
        self.list
    }
}

/// Where lseek(2) counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whence {
    Set,
    Current,
    End,
    Data,
    Hole,
}

impl TryFrom<u32> for Whence {
    type Error = Errno;

    fn try_from(number: u32) -> Result<Self, Errno> {
        [Self::Set, Self::Current, Self::End, Self::Data, Self::Hole]
            .get(number as usize)
            .copied()
            .ok_or(Errno::INVAL)
    }
}

impl OpenFile {
    /// Opens `object` with the access mode and status flags of open(2).
    pub(crate) fn new(object: Object, flags: u32) -> Arc<Self> {
        Arc::new(Self {
            object,
            offset: Mutex::new(0),
            flags: AtomicU32::new(flags & flag::SHOWN),
            number: next_inode(),
            path: OnceLock::new(),
            node: OnceLock::new(),
            locks: OnceLock::new(),
            counted: OnceLock::new(),
        })
    }

    /// The same with the path that `/proc/PID/fd` shows.
    pub(crate) fn with_path(object: Object, flags: u32, path: &[u8]) -> Arc<Self> {
        let file = Self::new(object, flags);
        file.path.get_or_init(|| path.into());
        file
    }

    /// Counts it, once, among the open files of a sandbox.
    ///
    /// # Errors
    ///
    /// ENFILE when there are too many.
    pub(super) fn count_in(&self, files: &Arc<Budget>) -> Result<(), Errno> {
        if self.counted.get().is_none() {
            // Of two that count at once one is given back.
            let _late = self.counted.set(files.reserve(1)?);
        }
        Ok(())
    }

    /// What is open.
    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    /// The vfs file, if it is one.
    pub(crate) fn vfs_file(&self) -> Option<&Arc<vfs::File>> {
        match &self.object {
            Object::File(file) => Some(file),
            _ => None,
        }
    }

    /// Access mode and status flags, as `F_GETFL` shows them.
    pub(crate) fn flags(&self) -> u32 {
        self.flags.load(Ordering::SeqCst)
    }

    /// Sets the flags that `F_SETFL` can change.
    pub(crate) fn set_flags(&self, flags: u32) {
        let change = |old: u32| Some(old & !flag::SETTABLE | flags & flag::SETTABLE);
        let _always = self.flags.fetch_update(Ordering::SeqCst, Ordering::SeqCst, change);
    }

    /// Whether calls on it return EAGAIN instead of waiting.
    pub(crate) fn nonblocking(&self) -> bool {
        self.flags() & flag::NONBLOCK != 0
    }

    /// Whether it was opened for reading.
    pub(crate) fn readable(&self) -> bool {
        self.flags() & (flag::ACCESS | flag::PATH) != flag::WRITE_ONLY
            && self.flags() & flag::PATH == 0
    }

    /// Whether it was opened for writing.
    pub(crate) fn writable(&self) -> bool {
        matches!(self.flags() & flag::ACCESS, flag::WRITE_ONLY | flag::READ_WRITE)
            && self.flags() & flag::PATH == 0
    }

    /// Reads at the shared offset, or the next bytes of a stream.
    ///
    /// # Errors
    ///
    /// EBADF not open for reading, EISDIR, EAGAIN, and the object's own.
    pub(crate) fn read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        if !self.readable() {
            return Err(Errno::BADF);
        }
        match &self.object {
            Object::File(file) => {
                let mut offset = self.offset.lock();
                let count = file.read_at(into, *offset)?;
                *offset += count as u64;
                Ok(count)
            }
            Object::Pipe(end) => end.try_read(into),
            Object::Terminal(terminal) => terminal.read(into),
            Object::Master(master) => master.read(into),
            Object::Socket(socket) => socket.read(into),
            Object::Unix(socket) => socket.read(into),
            Object::Event(event) => event.read(into),
            Object::Timer(timer) => timer.read(into),
            Object::Inotify(inotify) => inotify.read(into),
            // Signals are read by a thread (host/special.rs).
            Object::Epoll(_) | Object::Signals(_) | Object::Process(_) => Err(Errno::INVAL),
            Object::Null => Ok(0),
            Object::Zero | Object::Full => {
                into.fill(0);
                Ok(into.len())
            }
            Object::Random => {
                rand::RngCore::fill_bytes(&mut rand::rng(), into);
                Ok(into.len())
            }
        }
    }

    /// Writes at the shared offset, at the end with `O_APPEND`, or to a stream.
    ///
    /// # Errors
    ///
    /// EBADF not open for writing, EAGAIN, EPIPE (the caller raises SIGPIPE), and the object's own.
    pub(crate) fn write(&self, from: &[u8]) -> Result<usize, Errno> {
        if !self.writable() {
            return Err(Errno::BADF);
        }
        match &self.object {
            Object::File(file) => self.write_file(file, from),
            Object::Pipe(end) => end.try_write(from),
            Object::Terminal(terminal) => terminal.write(from),
            Object::Master(master) => master.write(from),
            Object::Socket(socket) => socket.write(from),
            Object::Unix(socket) => socket.write(from),
            Object::Event(event) => event.write(from),
            Object::Timer(_)
            | Object::Epoll(_)
            | Object::Inotify(_)
            | Object::Signals(_)
            | Object::Process(_) => Err(Errno::INVAL),
            Object::Null | Object::Zero | Object::Random => Ok(from.len()),
            Object::Full => Err(Errno::NOSPC),
        }
    }

    fn write_file(&self, file: &vfs::File, from: &[u8]) -> Result<usize, Errno> {
        let mut offset = self.offset.lock();
        if self.flags() & flag::APPEND != 0 {
            let (count, after) = file.append(from)?;
            *offset = after;
            return Ok(count);
        }
        let count = file.write_at(from, *offset)?;
        *offset += count as u64;
        Ok(count)
    }

    /// Reads at `offset` of a seekable file; the shared offset stays.
    ///
    /// # Errors
    ///
    /// EBADF not open for reading, ESPIPE, EISDIR.
    pub(crate) fn pread(&self, into: &mut [u8], offset: u64) -> Result<usize, Errno> {
        if !self.readable() {
            return Err(Errno::BADF);
        }
        match &self.object {
            Object::File(file) => file.read_at(into, offset),
            Object::Null | Object::Zero | Object::Full | Object::Random => self.read(into),
            _ => Err(Errno::SPIPE),
        }
    }

    /// Writes at `offset` of a seekable file; the shared offset stays. With `O_APPEND` it appends, as Linux does.
    ///
    /// # Errors
    ///
    /// EBADF not open for writing, ESPIPE.
    pub(crate) fn pwrite(&self, from: &[u8], offset: u64) -> Result<usize, Errno> {
        if !self.writable() {
            return Err(Errno::BADF);
        }
        match &self.object {
            Object::File(file) if self.flags() & flag::APPEND != 0 => {
                file.append(from).map(|(count, _)| count)
            }
            Object::File(file) => file.write_at(from, offset),
            Object::Null | Object::Zero | Object::Full | Object::Random => self.write(from),
            _ => Err(Errno::SPIPE),
        }
    }

    /// Moves the shared offset; the new one.
    ///
    /// # Errors
    ///
    /// ESPIPE, EINVAL for a negative result, ENXIO past the end for data and holes, EBADF for a path descriptor.
    pub(crate) fn seek(&self, distance: i64, whence: Whence) -> Result<u64, Errno> {
        if self.flags() & flag::PATH != 0 {
            return Err(Errno::BADF);
        }
        let file = match &self.object {
            Object::File(file) => file,
            Object::Null | Object::Zero | Object::Full | Object::Random => return Ok(0),
            _ => return Err(Errno::SPIPE),
        };
        let mut offset = self.offset.lock();
        let to = match whence {
            Whence::Set => Some(distance),
            Whence::Current => distance.checked_add_unsigned(*offset),
            Whence::End => distance.checked_add_unsigned(file.stat()?.size),
            Whence::Data | Whence::Hole => {
                let from = u64::try_from(distance).map_err(|_negative| Errno::NXIO)?;
                let seek = if whence == Whence::Data {
                    vfs::File::seek_data
                } else {
                    vfs::File::seek_hole
                };
                i64::try_from(seek(file, from)?).ok()
            }
        };
        *offset = u64::try_from(to.ok_or(Errno::OVERFLOW)?).map_err(|_negative| Errno::INVAL)?;
        Ok(*offset)
    }

    /// The shared offset, unless somebody moves it at this very moment: who reads a description's own entry in /proc does.
    pub(crate) fn offset_now(&self) -> Option<u64> {
        self.offset.try_lock().map(|offset| *offset)
    }

    /// Whether reading and writing never wait: as much as is asked for, at once.
    pub(crate) fn endless(&self) -> bool {
        matches!(self.object, Object::Null | Object::Zero | Object::Full | Object::Random)
    }

    /// Runs `action` on the shared offset (directory positions, sendfile).
    pub(crate) fn with_offset<T>(&self, action: impl FnOnce(&mut u64) -> T) -> T {
        action(&mut self.offset.lock())
    }

    /// Which file its locks are on.
    ///
    /// # Errors
    ///
    /// EBADF for what cannot be locked.
    pub(crate) fn lock_key(&self) -> Result<FileKey, Errno> {
        self.vfs_file().ok_or(Errno::BADF)?.node().id()
    }

    /// In whose name description locks (`F_OFD_SETLK`, flock(2)) are held.
    pub(crate) fn lock_id(&self) -> u64 {
        std::ptr::from_ref(self).addr() as u64
    }

    /// Notes that a lock is held in its name in `locks`.
    pub(crate) fn locked_in(&self, locks: &Arc<FileLocks>) {
        self.locks.get_or_init(|| locks.clone());
    }

    /// The node it was opened by, of a FIFO or device.
    pub(crate) fn node(&self) -> Option<&vfs::Node> {
        self.node.get()
    }

    /// The same with the node of the FIFO or device it was opened by.
    pub(crate) fn with_node(object: Object, flags: u32, node: vfs::Node) -> Arc<Self> {
        let file = Self::new(object, flags);
        file.node.get_or_init(|| node);
        file
    }

    /// The path given at open, for `/proc/PID/fd`.
    pub(crate) fn path(&self) -> Option<&[u8]> {
        self.path.get().map(AsRef::as_ref)
    }

    /// A number of its own: the inode number of an object that has none.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The inode number that stat(2) and `/proc/PID/fd` tell of a socket.
    pub(crate) fn socket_inode(&self) -> u64 {
        match &self.object {
            Object::Unix(socket) => socket.inode(),
            _ => self.number,
        }
    }

    /// Whether each read or write is one message.
    pub(crate) fn carries_messages(&self) -> bool {
        match &self.object {
            Object::Socket(socket) => socket.kind() == vnet::Kind::Datagram,
            Object::Unix(socket) => socket.kind() != unix::Kind::Stream,
            _ => false,
        }
    }

    /// A waiter for room to write; the same as [`Self::subscribe`] but for datagrams, whose room is the peer's.
    pub(crate) fn subscribe_to_write(&self) -> Option<Waiter> {
        match &self.object {
            Object::Unix(socket) => Some(socket.subscribe_to_send(None)),
            _ => self.subscribe(),
        }
    }

    /// How long a read may wait (`SO_RCVTIMEO`).
    pub(crate) fn read_timeout(&self) -> Option<Duration> {
        match &self.object {
            Object::Socket(socket) => socket.recv_timeout(),
            _ => None,
        }
    }

    /// How long a write may wait (`SO_SNDTIMEO`).
    pub(crate) fn write_timeout(&self) -> Option<Duration> {
        match &self.object {
            Object::Socket(socket) => socket.send_timeout(),
            _ => None,
        }
    }

    /// Whether poll(2) means anything on it; regular files are always ready.
    pub(crate) fn pollable(&self) -> bool {
        !matches!(self.object, Object::File(_))
    }

    /// What it is ready for.
    pub(crate) fn ready(&self) -> Ready {
        match &self.object {
            Object::Pipe(end) => end.ready(),
            Object::Terminal(terminal) => terminal.ready(),
            Object::Master(master) => master.ready(),
            Object::Socket(socket) => socket.ready(),
            Object::Unix(socket) => socket.ready(),
            Object::Event(event) => event.ready(),
            Object::Timer(timer) => timer.ready(),
            Object::Epoll(epoll) => epoll.ready(),
            Object::Inotify(inotify) => inotify.ready(),
            Object::Signals(signals) => signals.ready(),
            Object::Process(process) => process.ready(),
            Object::File(_) | Object::Null | Object::Zero | Object::Full | Object::Random => {
                Ready::IN | Ready::OUT
            }
        }
    }

    /// A waiter for the next change; none where nothing ever blocks. For an epoll see [`Self::waiters`].
    pub(crate) fn subscribe(&self) -> Option<Waiter> {
        match &self.object {
            Object::Pipe(end) => Some(end.subscribe()),
            Object::Terminal(terminal) => Some(terminal.subscribe()),
            Object::Master(master) => Some(master.subscribe()),
            Object::Socket(socket) => Some(socket.subscribe()),
            Object::Unix(socket) => Some(socket.subscribe()),
            Object::Event(event) => Some(event.subscribe()),
            Object::Timer(timer) => Some(timer.subscribe()),
            Object::Epoll(epoll) => Some(epoll.subscribe()),
            Object::Inotify(inotify) => Some(inotify.subscribe()),
            Object::Signals(signals) => Some(signals.subscribe()),
            Object::Process(process) => Some(process.subscribe()),
            Object::File(_) | Object::Null | Object::Zero | Object::Full | Object::Random => None,
        }
    }

    /// Adds every waiter that can make it ready: for an epoll also those of the files it watches.
    pub(crate) fn waiters(&self, into: &mut Waiters) {
        if !into.seen.insert(self.lock_id()) {
            return;
        }
        into.list.extend(self.subscribe());
        if let Object::Epoll(epoll) = &self.object {
            epoll.waiters(into);
        }
    }

    /// Bytes that a write takes now, if it is ready to be written; at least one, where what it takes is not known.
    pub(crate) fn room(&self) -> usize {
        match &self.object {
            Object::Pipe(end) => end.room(),
            Object::Socket(socket) => socket.room(),
            Object::Terminal(_) | Object::Master(_) | Object::Unix(_) | Object::Event(_) => 4096,
            _ => usize::MAX,
        }
    }

    /// Bytes that can be read now (`FIONREAD`); none where Linux answers ENOTTY.
    pub(crate) fn available(&self) -> Option<u64> {
        match &self.object {
            Object::Pipe(end) => Some(end.available() as u64),
            Object::Terminal(terminal) => Some(terminal.available() as u64),
            Object::Master(master) => Some(master.available() as u64),
            Object::Socket(socket) => Some(socket.readable_bytes() as u64),
            Object::Unix(socket) => Some(socket.available() as u64),
            Object::Inotify(inotify) => Some(inotify.available() as u64),
            Object::File(file) if !file.is_dir() => {
                Some(file.stat().ok()?.size.saturating_sub(*self.offset.lock()))
            }
            _ => None,
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if let Some(locks) = self.locks.get() {
            locks.release_description(self.lock_id());
        }
    }
}
