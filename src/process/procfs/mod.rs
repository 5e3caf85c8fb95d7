//! /proc: what ps, pgrep, free, df and scripts look at (proc(5)). Made up at each look, from the kernel's tables.
//!
//! This file is the tree of names; what the files say is in [`text`], [`personal`] and [`sockets`]. Lookups and links run with the file tree locked
//! (see [`crate::vfs`]), so they take facts only from this floor's tables; reading does not.
//!
//! As on Linux anyone sees every process, but what belongs to one (`environ`, `fd`, `cwd`, `exe`, `root`) only its own
//! user and root.

mod constants;
mod personal;
mod sockets;
mod text;

use super::file::Object;
use super::kernel::Kernel;
use super::process::Process;
use super::thread::COMM_LEN;
use super::tree::INIT;
use crate::errno::Errno;
use crate::vfs::{
    Attributes, Caller, DeviceId, Dynamic, DynamicEntry, DynamicMount, Kind, Link, Timespec,
};
use std::sync::{Arc, Weak};
use std::time::UNIX_EPOCH;

/// `f_type` of /proc (`PROC_SUPER_MAGIC`).
const MAGIC: u32 = 0x9fa0;
/// `st_dev` of /proc: any number no other mount has.
pub(crate) const DEVICE: u64 = 21;

/// The file system for `/proc`.
pub(crate) fn mount(kernel: &Arc<Kernel>) -> DynamicMount {
    let root = Arc::new(Node { kernel: Arc::downgrade(kernel), entry: Entry::Root });
    DynamicMount::new(root, DEVICE, MAGIC)
}

/// A directory whose names never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fixed {
    Sys,
    SysEpoll,
    SysFs,
    SysInotify,
    SysKernel,
    SysNet,
    SysNetCore,
    SysNetIpv4,
    SysPty,
    SysRandom,
    SysVm,
    Net,
}

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Root,
    /// `/proc/self`
    Own,
    /// `/proc/thread-self`
    OwnThread,
    /// A link of the root to a file of `/proc/self`.
    OwnFile(&'static str),
    Fixed(Fixed),
    /// A file that is no process's.
    File(text::Global),
    /// A file without content.
    Empty(u32),
    Process(u32),
    /// A file of a process, or of one of its threads.
    ProcessFile(Whose, personal::Personal),
    Tasks(u32),
    Task(Whose),
    Place(u32, Place),
    Descriptors(u32),
    Descriptor(u32, u32),
    DescriptorInfos(u32),
    DescriptorInfo(u32, u32),
    Namespaces(u32),
    /// By its place in [`NAMESPACES`].
    Namespace(u32, u32),
}

/// Links of `ns`: name, kind, inode. Every process of a sandbox is in the same ones; the numbers are those of Linux's first
/// ones (`PROC_*_INIT_INO`, and what follows them), since nothing else is behind the links.
const NAMESPACES: [(&str, &str, u64); 10] = [
    ("cgroup", "cgroup", 0xeffffffb),
    ("ipc", "ipc", 0xefffffff),
    ("mnt", "mnt", 0xeffffff8),
    ("net", "net", 0xeffffff9),
    ("pid", "pid", 0xeffffffc),
    ("pid_for_children", "pid", 0xeffffffc),
    ("time", "time", 0xeffffffa),
    ("time_for_children", "time", 0xeffffffa),
    ("user", "user", 0xeffffffd),
    ("uts", "uts", 0xeffffffe),
];

/// A process, or one thread of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Whose {
    pid: u32,
    tid: Option<u32>,
}

/// Links of a process to places in the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Cwd,
    Root,
    Exe,
}

const PLACES: [(&str, Place); 3] =
    [("cwd", Place::Cwd), ("exe", Place::Exe), ("root", Place::Root)];

impl Fixed {
    fn entries(self) -> Vec<(&'static str, Entry)> {
        use text::Global;
        let own: &[(&str, Entry)] = match self {
            Self::Sys => &[
                ("fs", Entry::Fixed(Self::SysFs)),
                ("kernel", Entry::Fixed(Self::SysKernel)),
                ("net", Entry::Fixed(Self::SysNet)),
                ("vm", Entry::Fixed(Self::SysVm)),
            ],
            Self::SysKernel => &[
                ("hostname", Entry::File(Global::Hostname)),
                ("osrelease", Entry::File(Global::OsRelease)),
                ("ostype", Entry::File(Global::OsType)),
                ("pid_max", Entry::File(Global::PidMax)),
                ("pty", Entry::Fixed(Self::SysPty)),
                ("random", Entry::Fixed(Self::SysRandom)),
                ("threads-max", Entry::File(Global::ThreadsMax)),
                ("version", Entry::File(Global::SysVersion)),
            ],
            Self::SysPty => &[("nr", Entry::File(Global::PtyCount))],
            Self::SysRandom => {
                &[("boot_id", Entry::File(Global::BootId)), ("uuid", Entry::File(Global::Uuid))]
            }
            Self::SysVm => &[("overcommit_memory", Entry::File(Global::Overcommit))],
            Self::SysFs => &[
                ("epoll", Entry::Fixed(Self::SysEpoll)),
                ("file-max", Entry::File(Global::FilesMax)),
                ("file-nr", Entry::File(Global::FileNumbers)),
                ("inotify", Entry::Fixed(Self::SysInotify)),
                ("nr_open", Entry::File(Global::DescriptorsMax)),
                ("pipe-max-size", Entry::File(Global::PipeMax)),
            ],
            Self::SysEpoll => &[("max_user_watches", Entry::File(Global::EpollWatches))],
            Self::SysInotify => &[
                ("max_user_instances", Entry::File(Global::InotifyInstances)),
                ("max_user_watches", Entry::File(Global::InotifyWatches)),
            ],
            Self::SysNet => &[
                ("core", Entry::Fixed(Self::SysNetCore)),
                ("ipv4", Entry::Fixed(Self::SysNetIpv4)),
            ],
            Self::SysNetCore | Self::SysNetIpv4 => &[],
            Self::Net => {
                let table = |&(name, table)| (name, Entry::File(Global::Net(table)));
                return sockets::TABLES.iter().map(table).collect();
            }
        };
        own.iter().copied().chain(constants(Some(self))).collect()
    }
}

/// The files of a directory that never change.
fn constants(place: Option<Fixed>) -> impl Iterator<Item = (&'static str, Entry)> {
    let all = constants::CONSTANTS.iter().enumerate();
    all.filter(move |(_, (parent, ..))| *parent == place)
        .map(|(index, (_, name, _))| (*name, Entry::File(text::Global::Constant(index))))
}

/// Names of the root that are not processes.
const ROOT: &[(&str, Entry)] = &[
    ("cpuinfo", Entry::File(text::Global::CpuInfo)),
    ("devices", Entry::File(text::Global::Devices)),
    ("filesystems", Entry::File(text::Global::FileSystems)),
    ("loadavg", Entry::File(text::Global::LoadAverage)),
    ("meminfo", Entry::File(text::Global::MemInfo)),
    ("mounts", Entry::OwnFile("mounts")),
    ("net", Entry::Fixed(Fixed::Net)),
    ("partitions", Entry::File(text::Global::Partitions)),
    ("self", Entry::Own),
    ("stat", Entry::File(text::Global::Stat)),
    ("swaps", Entry::File(text::Global::Swaps)),
    ("sys", Entry::Fixed(Fixed::Sys)),
    ("thread-self", Entry::OwnThread),
    ("uptime", Entry::File(text::Global::Uptime)),
    ("version", Entry::File(text::Global::Version)),
    ("vmstat", Entry::File(text::Global::VmStat)),
];

/// Names of the root, those whose files are always the same or empty included.
fn root() -> Vec<(&'static str, Entry)> {
    let empty = constants::EMPTY.iter().zip(0..).map(|(name, index)| (*name, Entry::Empty(index)));
    ROOT.iter().copied().chain(constants(None)).chain(empty).collect()
}

impl Entry {
    fn kind(self) -> Kind {
        match self {
            Self::Root
            | Self::Fixed(_)
            | Self::Process(_)
            | Self::Tasks(_)
            | Self::Task(_)
            | Self::Descriptors(_)
            | Self::DescriptorInfos(_)
            | Self::Namespaces(_) => Kind::Directory,
            Self::Own
            | Self::OwnThread
            | Self::OwnFile(_)
            | Self::Place(..)
            | Self::Namespace(..)
            | Self::Descriptor(..) => Kind::Symlink,
            Self::File(_) | Self::Empty(_) | Self::ProcessFile(..) | Self::DescriptorInfo(..) => {
                Kind::File
            }
        }
    }

    /// The process it belongs to.
    fn pid(self) -> Option<u32> {
        match self {
            Self::Process(pid)
            | Self::Tasks(pid)
            | Self::Place(pid, _)
            | Self::Descriptors(pid)
            | Self::Descriptor(pid, _)
            | Self::DescriptorInfos(pid)
            | Self::DescriptorInfo(pid, _)
            | Self::Namespaces(pid)
            | Self::Namespace(pid, _) => Some(pid),
            Self::ProcessFile(whose, _) | Self::Task(whose) => Some(whose.pid),
            _ => None,
        }
    }

    fn mode(self) -> u32 {
        match self {
            Self::Descriptors(_) | Self::DescriptorInfos(_) => 0o500,
            Self::Namespaces(_) => 0o511,
            Self::ProcessFile(_, file) => file.mode(),
            Self::File(text::Global::Hostname) => 0o644,
            _ => match self.kind() {
                Kind::Directory => 0o555,
                Kind::Symlink => 0o777,
                _ => 0o444,
            },
        }
    }

    /// A number no other entry has: the owner's in the high half, what it is in the low one.
    fn ino(self) -> u64 {
        let owned = |id: u32, kind: u64, item: u32| {
            u64::from(id) << 36 | kind << 28 | u64::from(item & 0x0fff_ffff)
        };
        match self {
            Self::Root => 1,
            Self::Own => 2,
            Self::OwnThread => 3,
            Self::OwnFile(_) => 4,
            Self::Fixed(fixed) => 16 + fixed as u64,
            Self::File(file) => 64 + file.number(),
            Self::Empty(index) => 32 + u64::from(index),
            Self::Process(pid) => owned(pid, 1, 0),
            Self::ProcessFile(Whose { pid, tid }, file) => {
                owned(pid, 2 + file as u64, tid.unwrap_or(0))
            }
            Self::Tasks(pid) => owned(pid, 32, 0),
            Self::Task(Whose { pid, tid }) => owned(pid, 33, tid.unwrap_or(0)),
            Self::Place(pid, place) => owned(pid, 34, place as u32),
            Self::Descriptors(pid) => owned(pid, 35, 0),
            Self::Descriptor(pid, fd) => owned(pid, 36, fd),
            Self::DescriptorInfos(pid) => owned(pid, 37, 0),
            Self::DescriptorInfo(pid, fd) => owned(pid, 38, fd),
            Self::Namespaces(pid) => owned(pid, 39, 0),
            Self::Namespace(pid, index) => owned(pid, 40, index),
        }
    }
}

/// One node of /proc.
struct Node {
    kernel: Weak<Kernel>,
    entry: Entry,
}

/// A number as a name: no sign, no leading zero.
fn number(name: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(name).ok()?;
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn fixed_lookup(entries: &[(&str, Entry)], name: &[u8]) -> Option<Entry> {
    entries.iter().find(|(known, _)| known.as_bytes() == name).map(|&(_, entry)| entry)
}

impl Node {
    fn kernel(&self) -> Result<Arc<Kernel>, Errno> {
        self.kernel.upgrade().ok_or(Errno::SRCH)
    }

    fn process(&self, pid: u32) -> Result<Arc<Process>, Errno> {
        self.kernel()?.process(pid).ok_or(Errno::SRCH)
    }

    /// The process, if `caller` may see what is its own.
    fn private(&self, pid: u32, caller: Caller) -> Result<Arc<Process>, Errno> {
        let process = self.process(pid)?;
        let allowed = caller.pid == pid
            || caller.uid == 0
            || process.with_attributes(|attributes| {
                // As ptrace(2) decides: one that gave up or took on rights for a while is not the caller's.
                let user = &attributes.cred.user;
                let ids = [user.real, user.effective, user.saved];
                attributes.dumpable && ids.iter().all(|&id| id == caller.uid)
            });
        if allowed { Ok(process) } else { Err(Errno::ACCESS) }
    }

    fn exists(&self, pid: u32) -> Result<(), Errno> {
        if pid == INIT { Ok(()) } else { self.process(pid).map(drop) }
    }

    /// The names of this directory that do not depend on who is there.
    fn fixed(&self) -> Vec<(&'static str, Entry)> {
        let files = |whose| {
            personal::PERSONAL
                .iter()
                .map(move |&(name, file)| (name, Entry::ProcessFile(whose, file)))
        };
        match self.entry {
            Entry::Root => root(),
            Entry::Fixed(fixed) => fixed.entries(),
            Entry::Process(INIT) => {
                let mut names: Vec<_> = files(Whose { pid: INIT, tid: None }).collect();
                names.retain(|(name, _)| personal::INIT_HAS.contains(name));
                names
            }
            Entry::Process(pid) => {
                let mut names: Vec<_> = files(Whose { pid, tid: None }).collect();
                names.extend(PLACES.map(|(name, place)| (name, Entry::Place(pid, place))));
                names.push(("fd", Entry::Descriptors(pid)));
                names.push(("fdinfo", Entry::DescriptorInfos(pid)));
                names.push(("ns", Entry::Namespaces(pid)));
                names.push(("task", Entry::Tasks(pid)));
                names
            }
            Entry::Task(whose) => files(whose).collect(),
            Entry::Namespaces(pid) => {
                let links = NAMESPACES.iter().zip(0..);
                links.map(|((name, ..), index)| (*name, Entry::Namespace(pid, index))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The numbers that are names of this directory.
    fn numbers(&self, caller: Caller) -> Result<Vec<u32>, Errno> {
        match self.entry {
            Entry::Root => {
                let processes = self.kernel()?.processes();
                let pids = processes.iter().map(|process| process.pid);
                Ok(std::iter::once(INIT).chain(pids).collect())
            }
            Entry::Tasks(pid) => {
                let threads = self.process(pid)?.threads();
                Ok(threads.iter().map(|thread| thread.tid).collect())
            }
            Entry::Descriptors(pid) | Entry::DescriptorInfos(pid) => {
                let process = self.private(pid, caller)?;
                let fds = process.fds.lock();
                Ok(fds.iter().map(|(fd, _)| fd).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// What a number names in this directory.
    fn numbered(&self, number: u32) -> Option<Entry> {
        match self.entry {
            Entry::Root => Some(Entry::Process(number)),
            Entry::Tasks(pid) => Some(Entry::Task(Whose { pid, tid: Some(number) })),
            Entry::Descriptors(pid) => Some(Entry::Descriptor(pid, number)),
            Entry::DescriptorInfos(pid) => Some(Entry::DescriptorInfo(pid, number)),
            _ => None,
        }
    }

    fn place(&self, pid: u32, place: Place, caller: Caller) -> Result<crate::vfs::Node, Errno> {
        self.private(pid, caller)?.with_attributes(|attributes| match place {
            Place::Cwd => Ok(attributes.cwd.node()),
            Place::Root => Ok(attributes.root.node()),
            Place::Exe => match &attributes.exe {
                Some((file, _)) => Ok(file.node()),
                None => Err(Errno::NOENT),
            },
        })
    }
}

impl Dynamic for Node {
    fn attributes(&self, _caller: Caller) -> Result<Attributes, Errno> {
        let kernel = self.kernel()?;
        let process = match self.entry.pid() {
            None | Some(INIT) => None,
            Some(pid) => Some(self.process(pid)?),
        };
        let age = process.as_ref().map(|process| process.started() - kernel.booted);
        let since = (kernel.booted_at + age.unwrap_or_default()).duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default();
        let time = Timespec { sec: since.as_secs().cast_signed(), nsec: since.subsec_nanos() };
        let own =
            |process: &Arc<Process>| process.with_attributes(|attributes| attributes.dumpable);
        let (uid, gid) = process.filter(own).map_or((0, 0), |process| {
            let cred = process.file_cred();
            (cred.uid, cred.gid)
        });
        let kind = self.entry.kind();
        Ok(Attributes {
            ino: self.entry.ino(),
            kind,
            mode: self.entry.mode(),
            uid,
            gid,
            nlink: if kind == Kind::Directory { 2 } else { 1 },
            size: 0,
            rdev: DeviceId::default(),
            time,
        })
    }

    fn lookup(&self, caller: Caller, name: &[u8]) -> Result<Arc<dyn Dynamic>, Errno> {
        let found = fixed_lookup(&self.fixed(), name);
        let entry = match found {
            Some(entry) => entry,
            None => {
                let number = number(name).ok_or(Errno::NOENT)?;
                let entry = self.numbered(number).ok_or(Errno::NOENT)?;
                match entry {
                    Entry::Process(pid) => self.exists(pid).map_err(|_gone| Errno::NOENT)?,
                    _ if self.numbers(caller)?.contains(&number) => {}
                    _ => return Err(Errno::NOENT),
                }
                entry
            }
        };
        Ok(Arc::new(Self { kernel: self.kernel.clone(), entry }))
    }

    fn list(&self, caller: Caller) -> Result<Vec<DynamicEntry>, Errno> {
        let line = |name: &str, entry: Entry| DynamicEntry {
            ino: entry.ino(),
            kind: entry.kind(),
            name: name.as_bytes().to_vec(),
        };
        let mut names: Vec<_> =
            self.fixed().into_iter().map(|(name, entry)| line(name, entry)).collect();
        for number in self.numbers(caller)? {
            if let Some(entry) = self.numbered(number) {
                names.push(line(&number.to_string(), entry));
            }
        }
        Ok(names)
    }

    fn read(&self, caller: Caller) -> Result<Vec<u8>, Errno> {
        let kernel = self.kernel()?;
        match self.entry {
            Entry::File(file) => Ok(text::global(&kernel, file)),
            Entry::Empty(_) => Ok(Vec::new()),
            Entry::ProcessFile(Whose { pid: INIT, .. }, file) => Ok(personal::init(&kernel, file)),
            Entry::ProcessFile(whose, file) => {
                let process = match file {
                    file if file.is_private() => self.private(whose.pid, caller)?,
                    _ => self.process(whose.pid)?,
                };
                personal::personal(&process, whose.tid, file)
            }
            Entry::DescriptorInfo(pid, fd) => {
                let process = self.private(pid, caller)?;
                personal::descriptor(&process, fd)
            }
            _ => Err(Errno::ISDIR),
        }
    }

    fn write(&self, caller: Caller, data: &[u8]) -> Result<usize, Errno> {
        let line = data.strip_suffix(b"\n").unwrap_or(data);
        match self.entry {
            Entry::File(text::Global::Hostname) => {
                self.kernel()?.set_hostname(line)?;
            }
            Entry::ProcessFile(Whose { pid, .. }, personal::Personal::Comm) if pid != INIT => {
                if caller.pid != pid {
                    return Err(Errno::INVAL);
                }
                // As it is, with a newline at its end.
                let mut comm = [0; COMM_LEN];
                let length = data.len().min(COMM_LEN - 1);
                comm[..length].copy_from_slice(&data[..length]);
                self.process(pid)?.with_attributes(|attributes| attributes.comm = comm);
            }
            _ => return Err(Errno::IO),
        }
        Ok(data.len())
    }

    fn link(&self, caller: Caller) -> Result<Link, Errno> {
        let own = || Some(caller.pid).filter(|&pid| pid != 0).ok_or(Errno::NOENT);
        match self.entry {
            Entry::Own => Ok(Link::Path(own()?.to_string().into_bytes())),
            Entry::OwnThread => {
                let pid = own()?;
                // The caller's thread is not told here; the first one stands for it.
                Ok(Link::Path(format!("{pid}/task/{pid}").into_bytes()))
            }
            Entry::OwnFile(name) => Ok(Link::Path(format!("self/{name}").into_bytes())),
            Entry::Namespace(pid, index) => {
                self.private(pid, caller)?;
                let (_, kind, ino) = NAMESPACES[index as usize];
                // What Linux's text names is a file only by following the link; here nothing is behind it (ENOENT).
                Ok(Link::Path(format!("{kind}:[{ino}]").into_bytes()))
            }
            Entry::Place(pid, place) => {
                Ok(Link::Node { text: Vec::new(), node: self.place(pid, place, caller)? })
            }
            Entry::Descriptor(pid, fd) => {
                let process = self.private(pid, caller)?;
                let file = process.fds.lock().get(fd).map_err(|_closed| Errno::NOENT)?;
                Ok(match file.object() {
                    Object::File(open) => Link::Node { text: Vec::new(), node: open.node() },
                    _ => Link::Object { text: file.describe(), object: file },
                })
            }
            _ => Err(Errno::INVAL),
        }
    }

    fn readlink(&self, caller: Caller) -> Result<Vec<u8>, Errno> {
        let kernel = self.kernel()?;
        if let Entry::Descriptor(pid, fd) = self.entry {
            let file = self.private(pid, caller)?.fds.lock().get(fd);
            let file = file.map_err(|_closed| Errno::NOENT)?;
            if let Some(path) = file.path() {
                return Ok(path.to_vec());
            }
            if let Some(node) = file.node() {
                return Ok(kernel.vfs.path_of_node(node));
            }
        }
        Ok(match self.link(caller)? {
            Link::Path(text) | Link::Object { text, .. } => text,
            Link::Node { node, .. } => kernel.vfs.path_of_node(&node),
        })
    }
}
