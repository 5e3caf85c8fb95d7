//! wasi:filesystem: descriptors of files and directories, over [`crate::vfs`]. Where paths begin is `host/preopen.rs`'s.

use super::bindings::wasi::clocks::wall_clock::Datetime;
use super::bindings::wasi::filesystem::preopens;
use super::bindings::wasi::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    MetadataHashValue, NewTimestamp, OpenFlags as Wanted, PathFlags,
};
use super::io::{ErrorValue, Input, Output};
use super::{Held, READ_BYTES_MAX, Wasi};
use crate::errno::Errno;
use crate::host::fd::file_size_room;
use crate::host::fs::View;
use crate::host::memory::PATH_MAX;
use crate::host::preopen::{self, Purpose};
use crate::process::file::{Object, flag};
use crate::process::{OpenFile, device};
use crate::vfs::{self, Dir, Kind, Node, OpenFlags, Opened, Rename, SetTime, Stat, Timespec};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;
use wasmtime::component::Resource;

/// Permissions of new files and directories before the umask: WASI has none.
const FILE_MODE: u32 = 0o666;
const DIRECTORY_MODE: u32 = 0o777;
/// Entries of a directory that are read ahead.
const ENTRIES_AHEAD: usize = 64;

/// A descriptor.
pub struct Descriptor {
    held: Held,
    /// The name of a directory that was open at the start.
    preopen: Option<&'static str>,
}

/// A directory that is being listed.
pub struct Entries {
    directory: Arc<vfs::File>,
    cookie: u64,
    ahead: VecDeque<DirectoryEntry>,
}

/// Why a call on files fails.
pub enum FsFault {
    Failed(Errno),
    Trap(wasmtime::Error),
}

impl From<Errno> for FsFault {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

impl From<wasmtime::component::ResourceTableError> for FsFault {
    fn from(error: wasmtime::component::ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

impl From<wasmtime::Error> for FsFault {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

/// WASI's name for an error; `io` for one that it has none for.
fn code(errno: Errno) -> ErrorCode {
    match errno {
        Errno::ACCESS => ErrorCode::Access,
        Errno::AGAIN => ErrorCode::WouldBlock,
        Errno::ALREADY => ErrorCode::Already,
        Errno::BADF => ErrorCode::BadDescriptor,
        Errno::BUSY => ErrorCode::Busy,
        Errno::DEADLK => ErrorCode::Deadlock,
        Errno::DQUOT => ErrorCode::Quota,
        Errno::EXIST => ErrorCode::Exist,
        Errno::FBIG => ErrorCode::FileTooLarge,
        Errno::ILSEQ => ErrorCode::IllegalByteSequence,
        Errno::INPROGRESS => ErrorCode::InProgress,
        Errno::INTR => ErrorCode::Interrupted,
        Errno::INVAL => ErrorCode::Invalid,
        Errno::ISDIR => ErrorCode::IsDirectory,
        Errno::LOOP => ErrorCode::Loop,
        Errno::MLINK => ErrorCode::TooManyLinks,
        Errno::MSGSIZE => ErrorCode::MessageSize,
        Errno::NAMETOOLONG => ErrorCode::NameTooLong,
        Errno::NODEV => ErrorCode::NoDevice,
        Errno::NOENT => ErrorCode::NoEntry,
        Errno::NOLCK => ErrorCode::NoLock,
        Errno::NOMEM | Errno::MFILE | Errno::NFILE => ErrorCode::InsufficientMemory,
        Errno::NOSPC => ErrorCode::InsufficientSpace,
        Errno::NOTDIR => ErrorCode::NotDirectory,
        Errno::NOTEMPTY => ErrorCode::NotEmpty,
        Errno::NOTRECOVERABLE => ErrorCode::NotRecoverable,
        Errno::NOTSUP | Errno::NOSYS => ErrorCode::Unsupported,
        Errno::NOTTY => ErrorCode::NoTty,
        Errno::NXIO => ErrorCode::NoSuchDevice,
        Errno::OVERFLOW => ErrorCode::Overflow,
        Errno::PERM => ErrorCode::NotPermitted,
        Errno::PIPE => ErrorCode::Pipe,
        Errno::ROFS => ErrorCode::ReadOnly,
        Errno::SPIPE => ErrorCode::InvalidSeek,
        Errno::TXTBSY => ErrorCode::TextFileBusy,
        Errno::XDEV => ErrorCode::CrossDevice,
        _ => ErrorCode::Io,
    }
}

fn kind(kind: Kind) -> DescriptorType {
    match kind {
        Kind::File => DescriptorType::RegularFile,
        Kind::Directory => DescriptorType::Directory,
        Kind::Symlink => DescriptorType::SymbolicLink,
        Kind::Fifo => DescriptorType::Fifo,
        Kind::Socket => DescriptorType::Socket,
        Kind::Device => DescriptorType::CharacterDevice,
    }
}

/// The kind that `S_IFMT` bits tell.
fn kind_of(stat: &Stat) -> DescriptorType {
    match stat.mode >> 12 {
        0o10 => DescriptorType::RegularFile,
        0o04 => DescriptorType::Directory,
        0o12 => DescriptorType::SymbolicLink,
        0o01 => DescriptorType::Fifo,
        0o14 => DescriptorType::Socket,
        0o02 => DescriptorType::CharacterDevice,
        _ => DescriptorType::Unknown,
    }
}

fn datetime(time: Timespec) -> Datetime {
    match u64::try_from(time.sec) {
        Ok(seconds) => Datetime { seconds, nanoseconds: time.nsec },
        // Before 1970, which WASI does not have.
        Err(_before) => Datetime { seconds: 0, nanoseconds: 0 },
    }
}

fn told(stat: &Stat) -> DescriptorStat {
    DescriptorStat {
        type_: kind_of(stat),
        link_count: u64::from(stat.nlink),
        size: stat.size,
        data_access_timestamp: Some(datetime(stat.atime)),
        data_modification_timestamp: Some(datetime(stat.mtime)),
        status_change_timestamp: Some(datetime(stat.ctime)),
    }
}

/// What tells files apart; the same as long as the file is. wasi-libc makes an inode number of it.
fn hash(stat: &Stat) -> MetadataHashValue {
    let mut digest = Sha256::new();
    for part in [stat.dev, stat.ino] {
        digest.update(part.to_le_bytes());
    }
    let digest = digest.finalize();
    let half = |at: usize| {
        let bytes = digest[at..at + 8].try_into().expect("eight bytes of thirty-two");
        u64::from_le_bytes(bytes)
    };
    MetadataHashValue { lower: half(0), upper: half(8) }
}

fn set_time(new: NewTimestamp) -> Result<SetTime, Errno> {
    match new {
        NewTimestamp::NoChange => Ok(SetTime::Omit),
        NewTimestamp::Now => Ok(SetTime::Now),
        NewTimestamp::Timestamp(time) => {
            let sec = i64::try_from(time.seconds).map_err(|_far| Errno::OVERFLOW)?;
            if time.nanoseconds >= 1_000_000_000 {
                return Err(Errno::INVAL);
            }
            Ok(SetTime::At(Timespec { sec, nsec: time.nanoseconds }))
        }
    }
}

/// A path that the kernel takes.
fn checked(path: &str) -> Result<&[u8], Errno> {
    if path.len() >= PATH_MAX {
        return Err(Errno::NAMETOOLONG);
    }
    if path.contains('\0') { Err(Errno::INVAL) } else { Ok(path.as_bytes()) }
}

/// A size or position that the kernel takes.
fn position(value: u64) -> Result<u64, Errno> {
    if value > i64::MAX as u64 { Err(Errno::INVAL) } else { Ok(value) }
}

fn follows(flags: PathFlags) -> bool {
    flags.contains(PathFlags::SYMLINK_FOLLOW)
}

type FsResult<T> = Result<T, FsFault>;

impl Wasi {
    /// The file of a descriptor.
    pub(super) fn descriptor_file(
        &self,
        this: &Resource<Descriptor>,
    ) -> wasmtime::Result<Arc<OpenFile>> {
        Ok(self.table.get(this)?.held.file.clone())
    }

    fn file_of(&self, this: &Resource<Descriptor>) -> FsResult<Arc<OpenFile>> {
        Ok(self.table.get(this)?.held.file.clone())
    }

    /// The regular file behind a descriptor.
    fn regular(&self, this: &Resource<Descriptor>) -> FsResult<(Arc<OpenFile>, Arc<vfs::File>)> {
        let open = self.file_of(this)?;
        let file = open.vfs_file().ok_or(Errno::BADF)?.clone();
        if file.is_dir() { Err(Errno::BADF.into()) } else { Ok((open, file)) }
    }

    /// What `path` is relative to.
    fn base(
        &self,
        view: &View,
        this: &Resource<Descriptor>,
        path: &[u8],
        purpose: Purpose,
    ) -> FsResult<Dir> {
        let descriptor = self.table.get(this)?;
        let dir = descriptor.held.file.vfs_file().ok_or(Errno::NOTDIR)?.dir()?;
        Ok(preopen::base(view, dir, descriptor.preopen, path, purpose)?)
    }

    /// The node at `path`.
    fn node_at(
        &self,
        this: &Resource<Descriptor>,
        flags: PathFlags,
        path: &str,
    ) -> FsResult<(View, Node)> {
        let view = View::of_process(self.process());
        let path = checked(path)?;
        let dir = self.base(&view, this, path, Purpose::Find)?;
        let node = view.vfs.node(&view.context(), &dir, path, follows(flags))?;
        Ok((view, node))
    }

    /// Whether `RLIMIT_FSIZE` lets a file have `size` bytes.
    fn admit_size(&self, open: &OpenFile, size: u64) -> FsResult<()> {
        let now = open.vfs_file().map_or(0, |file| file.len());
        if size > now {
            file_size_room(&self.thread, open, Some(size - 1), 1, 0)?;
        }
        Ok(())
    }

    /// Opens what stands behind a path, waiting for the peer of a FIFO.
    async fn open_path(
        &mut self,
        view: &View,
        dir: &Dir,
        path: &[u8],
        flags: OpenFlags,
    ) -> FsResult<Arc<OpenFile>> {
        let bits = flags.bits();
        let mode = FILE_MODE & !view.umask;
        match view.vfs.open(&view.context(), dir, path, flags, mode)? {
            Opened::File(file) => Ok(OpenFile::new(Object::File(file), bits)),
            Opened::Device(id, node) => Ok(device::open(self.process(), id, node, bits)?),
            Opened::Object(object) => Ok(OpenFile::from_link(object)?.reopen(bits)?),
            Opened::Fifo(node) => {
                let opening = device::open_fifo(self.process(), &node, bits)?;
                loop {
                    let waiter = opening.subscribe();
                    if opening.ready() {
                        let pipe = Object::Pipe(opening.finish());
                        return Ok(OpenFile::with_node(pipe, bits, node));
                    }
                    self.wait(vec![waiter], None).await;
                }
            }
        }
    }
}

impl preopens::Host for Wasi {
    async fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let view = View::of_process(self.process());
        let mut all = Vec::new();
        for name in preopen::NAMES {
            // A process that may not have so many descriptors has none.
            let Some(file) = preopen::open(&view, name) else { continue };
            let Ok(held) = self.install(file) else { continue };
            all.push((self.push(Descriptor { held, preopen: Some(name) })?, name.to_owned()));
        }
        Ok(all)
    }
}

impl types::Host for Wasi {
    fn convert_error_code(&mut self, fault: FsFault) -> wasmtime::Result<ErrorCode> {
        match fault {
            FsFault::Failed(errno) => Ok(code(errno)),
            FsFault::Trap(error) => Err(error),
        }
    }

    async fn filesystem_error_code(
        &mut self,
        error: Resource<ErrorValue>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(Some(code(self.table.get(&error)?.0)))
    }
}

impl types::HostDescriptor for Wasi {
    async fn read_via_stream(
        &mut self,
        this: Resource<Descriptor>,
        offset: u64,
    ) -> FsResult<Resource<Input>> {
        let file = self.file_of(&this)?;
        if !file.readable() || file.vfs_file().is_some_and(|file| file.is_dir()) {
            return Err(Errno::BADF.into());
        }
        let at = if file.vfs_file().is_some() { Some(position(offset)?) } else { None };
        Ok(self.push(Input { file, at, _held: None })?)
    }

    async fn write_via_stream(
        &mut self,
        this: Resource<Descriptor>,
        offset: u64,
    ) -> FsResult<Resource<Output>> {
        let file = self.file_of(&this)?;
        if !file.writable() {
            return Err(Errno::BADF.into());
        }
        let at = if file.vfs_file().is_some() { Some(position(offset)?) } else { None };
        Ok(self.push(Output { file, at, append: false, permit: 0, _held: None })?)
    }

    async fn append_via_stream(
        &mut self,
        this: Resource<Descriptor>,
    ) -> FsResult<Resource<Output>> {
        let file = self.file_of(&this)?;
        if !file.writable() {
            return Err(Errno::BADF.into());
        }
        let append = file.vfs_file().is_some();
        Ok(self.push(Output { file, at: None, append, permit: 0, _held: None })?)
    }

    async fn advise(
        &mut self,
        this: Resource<Descriptor>,
        _offset: u64,
        _length: u64,
        _advice: Advice,
    ) -> FsResult<()> {
        self.regular(&this).map(drop)
    }

    async fn sync_data(&mut self, this: Resource<Descriptor>) -> FsResult<()> {
        self.file_of(&this)?.vfs_file().map(drop).ok_or_else(|| Errno::INVAL.into())
    }

    async fn get_flags(&mut self, this: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        let file = self.file_of(&this)?;
        let mut flags = DescriptorFlags::empty();
        if file.readable() || file.flags() & flag::PATH != 0 {
            flags |= DescriptorFlags::READ;
        }
        if file.writable() {
            flags |= DescriptorFlags::WRITE;
        }
        if file.vfs_file().is_some_and(|file| file.is_dir()) {
            flags |= DescriptorFlags::MUTATE_DIRECTORY;
        }
        Ok(flags)
    }

    async fn get_type(&mut self, this: Resource<Descriptor>) -> FsResult<DescriptorType> {
        Ok(kind_of(&self.file_of(&this)?.stat()?))
    }

    async fn set_size(&mut self, this: Resource<Descriptor>, size: u64) -> FsResult<()> {
        let (open, file) = self.regular(&this)?;
        if !open.writable() {
            return Err(Errno::INVAL.into());
        }
        let size = position(size)?;
        self.admit_size(&open, size)?;
        Ok(file.truncate(size)?)
    }

    async fn set_times(
        &mut self,
        this: Resource<Descriptor>,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        let (access, modification) = (set_time(access)?, set_time(modification)?);
        let open = self.file_of(&this)?;
        let view = View::of_process(self.process());
        let node = crate::host::fs::node_of(&open)?;
        Ok(node.set_times(&view.context(), access, modification)?)
    }

    async fn read(
        &mut self,
        this: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> FsResult<(Vec<u8>, bool)> {
        let (open, _) = self.regular(&this)?;
        let length = length.min(READ_BYTES_MAX);
        let mut buffer = vec![0; usize::try_from(length).unwrap_or(0)];
        let count = open.pread(&mut buffer, position(offset)?)?;
        buffer.truncate(count);
        tokio::task::yield_now().await;
        Ok((buffer, count == 0 && length > 0))
    }

    async fn write(
        &mut self,
        this: Resource<Descriptor>,
        buffer: Vec<u8>,
        offset: u64,
    ) -> FsResult<u64> {
        let (open, _) = self.regular(&this)?;
        let offset = position(offset)?;
        let room = file_size_room(&self.thread, &open, Some(offset), buffer.len(), 0)?;
        let count = open.pwrite(&buffer[..room], offset)?;
        tokio::task::yield_now().await;
        Ok(count as u64)
    }

    async fn read_directory(&mut self, this: Resource<Descriptor>) -> FsResult<Resource<Entries>> {
        let open = self.file_of(&this)?;
        let directory = open.vfs_file().filter(|file| file.is_dir()).ok_or(Errno::NOTDIR)?.clone();
        if !open.readable() {
            return Err(Errno::ACCESS.into());
        }
        Ok(self.push(Entries { directory, cookie: 0, ahead: VecDeque::new() })?)
    }

    async fn sync(&mut self, this: Resource<Descriptor>) -> FsResult<()> {
        types::HostDescriptor::sync_data(self, this).await
    }

    async fn create_directory_at(
        &mut self,
        this: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let view = View::of_process(self.process());
        let path = checked(&path)?;
        let dir = self.base(&view, &this, path, Purpose::Make)?;
        let mode = DIRECTORY_MODE & !view.umask;
        Ok(view.vfs.mkdir(&view.context(), &dir, path, mode).map(drop)?)
    }

    async fn stat(&mut self, this: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        Ok(told(&self.file_of(&this)?.stat()?))
    }

    async fn stat_at(
        &mut self,
        this: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let (view, node) = self.node_at(&this, flags, &path)?;
        Ok(told(&node.stat_for(&view.context())?))
    }

    async fn set_times_at(
        &mut self,
        this: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        let (access, modification) = (set_time(access)?, set_time(modification)?);
        let (view, node) = self.node_at(&this, flags, &path)?;
        Ok(node.set_times(&view.context(), access, modification)?)
    }

    async fn link_at(
        &mut self,
        this: Resource<Descriptor>,
        flags: PathFlags,
        old: String,
        other: Resource<Descriptor>,
        new: String,
    ) -> FsResult<()> {
        if follows(flags) {
            return Err(Errno::INVAL.into());
        }
        let (view, node) = self.node_at(&this, flags, &old)?;
        let new = checked(&new)?;
        let dir = self.base(&view, &other, new, Purpose::Make)?;
        Ok(view.vfs.link(&view.context(), &node, &dir, new)?)
    }

    async fn open_at(
        &mut self,
        this: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        wanted: Wanted,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let made = wanted.contains(Wanted::CREATE);
        if wanted.contains(Wanted::DIRECTORY)
            && wanted.intersects(Wanted::CREATE | Wanted::EXCLUSIVE | Wanted::TRUNCATE)
        {
            return Err(Errno::INVAL.into());
        }
        let view = View::of_process(self.process());
        let path = checked(&path)?;
        let purpose = if made { Purpose::Make } else { Purpose::Find };
        let dir = self.base(&view, &this, path, purpose)?;
        let mut asked = OpenFlags::empty();
        for (bit, on) in [
            (OpenFlags::CREATE, made),
            (OpenFlags::DIRECTORY, wanted.contains(Wanted::DIRECTORY)),
            (OpenFlags::EXCLUSIVE, wanted.contains(Wanted::EXCLUSIVE)),
            (OpenFlags::TRUNCATE, wanted.contains(Wanted::TRUNCATE)),
            (OpenFlags::NO_FOLLOW, !follows(path_flags)),
        ] {
            asked.set(bit, on);
        }
        // As wasmtime: what is made can be written, and what is not written can be read.
        let write = flags.contains(DescriptorFlags::WRITE);
        let read = flags.contains(DescriptorFlags::READ) || !write;
        asked |= match (read, write || made) {
            (true, true) => OpenFlags::READ_WRITE,
            (false, true) => OpenFlags::WRITE_ONLY,
            (_, false) => OpenFlags::empty(),
        };
        let file = self.open_path(&view, &dir, path, asked).await?;
        let held = self.install(file)?;
        Ok(self.push(Descriptor { held, preopen: None })?)
    }

    async fn readlink_at(&mut self, this: Resource<Descriptor>, path: String) -> FsResult<String> {
        let (view, node) = self.node_at(&this, PathFlags::empty(), &path)?;
        let text = node.readlink(&view.context())?;
        String::from_utf8(text).map_err(|_bytes| Errno::ILSEQ.into())
    }

    async fn remove_directory_at(
        &mut self,
        this: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let view = View::of_process(self.process());
        let path = checked(&path)?;
        let dir = self.base(&view, &this, path, Purpose::Find)?;
        Ok(view.vfs.rmdir(&view.context(), &dir, path)?)
    }

    async fn rename_at(
        &mut self,
        this: Resource<Descriptor>,
        old: String,
        other: Resource<Descriptor>,
        new: String,
    ) -> FsResult<()> {
        let view = View::of_process(self.process());
        let (old, new) = (checked(&old)?, checked(&new)?);
        let from = self.base(&view, &this, old, Purpose::Find)?;
        let to = self.base(&view, &other, new, Purpose::Make)?;
        Ok(view.vfs.rename(&view.context(), (&from, old), (&to, new), Rename::Replace)?)
    }

    async fn symlink_at(
        &mut self,
        this: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FsResult<()> {
        let view = View::of_process(self.process());
        let (target, path) = (checked(&target)?, checked(&path)?);
        let dir = self.base(&view, &this, path, Purpose::Make)?;
        Ok(view.vfs.symlink(&view.context(), target, &dir, path).map(drop)?)
    }

    async fn unlink_file_at(&mut self, this: Resource<Descriptor>, path: String) -> FsResult<()> {
        let view = View::of_process(self.process());
        let path = checked(&path)?;
        let dir = self.base(&view, &this, path, Purpose::Find)?;
        Ok(view.vfs.unlink(&view.context(), &dir, path)?)
    }

    async fn is_same_object(
        &mut self,
        this: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        let stat = |descriptor: &Resource<Descriptor>| {
            let held = &self.table.get(descriptor)?.held;
            Ok::<_, wasmtime::Error>(held.file.stat().ok().map(|stat| (stat.dev, stat.ino)))
        };
        let (one, two) = (stat(&this)?, stat(&other)?);
        Ok(one.is_some() && one == two)
    }

    async fn metadata_hash(&mut self, this: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        Ok(hash(&self.file_of(&this)?.stat()?))
    }

    async fn metadata_hash_at(
        &mut self,
        this: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let (view, node) = self.node_at(&this, flags, &path)?;
        Ok(hash(&node.stat_for(&view.context())?))
    }

    async fn drop(&mut self, this: Resource<Descriptor>) -> wasmtime::Result<()> {
        let descriptor = self.table.delete(this)?;
        drop(descriptor);
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for Wasi {
    /// Names but `.` and `..`; one that is not UTF-8 is an error, and the next call goes on behind it.
    async fn read_directory_entry(
        &mut self,
        this: Resource<Entries>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let entries = self.table.get_mut(&this)?;
        if let Some(entry) = entries.ahead.pop_front() {
            return Ok(Some(entry));
        }
        let (ahead, mut last, mut illegal) = (&mut entries.ahead, entries.cookie, false);
        entries.directory.list(entries.cookie, &mut |entry| {
            if matches!(entry.name, b"." | b"..") {
                last = entry.cookie;
                return true;
            }
            let Ok(name) = std::str::from_utf8(entry.name) else {
                // What comes before it is told first.
                if ahead.is_empty() {
                    (illegal, last) = (true, entry.cookie);
                }
                return false;
            };
            ahead.push_back(DirectoryEntry { type_: kind(entry.kind), name: name.to_owned() });
            last = entry.cookie;
            ahead.len() < ENTRIES_AHEAD
        })?;
        entries.cookie = last;
        if illegal { Err(Errno::ILSEQ.into()) } else { Ok(entries.ahead.pop_front()) }
    }

    async fn drop(&mut self, this: Resource<Entries>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
