//! /proc: what ps, pgrep, free, df and scripts look at (proc(5)). Made up at each look, from the kernel's tables.
//!
//! This file is the tree of names; what the files say is in [`text`]. Lookups and links run with the file tree locked
//! (see [`crate::vfs`]), so they take facts only from this floor's tables; reading does not.
//!
//! As on Linux anyone sees every process, but what belongs to one (`environ`, `fd`, `cwd`, `exe`, `root`) only its own
//! user and root.

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
    DynamicMount { root, dev: DEVICE, magic: MAGIC }
}

/// A directory whose names never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fixed {
    Sys,
    SysKernel,
    SysRandom,
    SysVm,
    SysFs,
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
    Process(u32),
    /// A file of a process, or of one of its threads.
    ProcessFile(Whose, text::Personal),
    Tasks(u32),
    Task(Whose),
    Place(u32, Place),
    Descriptors(u32),
    Descriptor(u32, u32),
    DescriptorInfos(u32),
    DescriptorInfo(u32, u32),
}

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
    fn entries(self) -> &'static [(&'static str, Entry)] {
        use text::Global;
        match self {
            Self::Sys => &[
                ("fs", Entry::Fixed(Self::SysFs)),
                ("kernel", Entry::Fixed(Self::SysKernel)),
                ("vm", Entry::Fixed(Self::SysVm)),
            ],
            Self::SysKernel => &[
                ("hostname", Entry::File(Global::Hostname)),
                ("osrelease", Entry::File(Global::OsRelease)),
                ("ostype", Entry::File(Global::OsType)),
                ("pid_max", Entry::File(Global::PidMax)),
                ("random", Entry::Fixed(Self::SysRandom)),
                ("threads-max", Entry::File(Global::ThreadsMax)),
                ("version", Entry::File(Global::SysVersion)),
            ],
            Self::SysRandom => {
                &[("boot_id", Entry::File(Global::BootId)), ("uuid", Entry::File(Global::Uuid))]
            }
            Self::Net => {
                &[("tcp", Entry::File(Global::NetTcp)), ("tcp6", Entry::File(Global::NetTcp6))]
            }
            Self::SysVm => &[("overcommit_memory", Entry::File(Global::Overcommit))],
            Self::SysFs => &[
                ("nr_open", Entry::File(Global::DescriptorsMax)),
                ("pipe-max-size", Entry::File(Global::PipeMax)),
            ],
        }
    }
}

/// Names of the root that are not processes.
const ROOT: &[(&str, Entry)] = &[
    ("cpuinfo", Entry::File(text::Global::CpuInfo)),
    ("filesystems", Entry::File(text::Global::FileSystems)),
    ("loadavg", Entry::File(text::Global::LoadAverage)),
    ("meminfo", Entry::File(text::Global::MemInfo)),
    ("mounts", Entry::OwnFile("mounts")),
    ("net", Entry::Fixed(Fixed::Net)),
    ("self", Entry::Own),
    ("stat", Entry::File(text::Global::Stat)),
    ("sys", Entry::Fixed(Fixed::Sys)),
    ("thread-self", Entry::OwnThread),
    ("uptime", Entry::File(text::Global::Uptime)),
    ("version", Entry::File(text::Global::Version)),
];

impl Entry {
    fn kind(self) -> Kind {
        match self {
            Self::Root
            | Self::Fixed(_)
            | Self::Process(_)
            | Self::Tasks(_)
            | Self::Task(_)
            | Self::Descriptors(_)
            | Self::DescriptorInfos(_) => Kind::Directory,
            Self::Own
            | Self::OwnThread
            | Self::OwnFile(_)
            | Self::Place(..)
            | Self::Descriptor(..) => Kind::Symlink,
            Self::File(_) | Self::ProcessFile(..) | Self::DescriptorInfo(..) => Kind::File,
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
            | Self::DescriptorInfo(pid, _) => Some(pid),
            Self::ProcessFile(whose, _) | Self::Task(whose) => Some(whose.pid),
            _ => None,
        }
    }

    fn mode(self) -> u32 {
        match self {
            Self::Descriptors(_) | Self::DescriptorInfos(_) => 0o500,
            Self::ProcessFile(_, text::Personal::Environ) => 0o400,
            Self::ProcessFile(_, text::Personal::Comm) => 0o644,
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
            Self::File(file) => 64 + file as u64,
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
            || caller.uid == process.with_attributes(|attributes| attributes.cred.user.effective);
        if allowed { Ok(process) } else { Err(Errno::ACCESS) }
    }

    fn exists(&self, pid: u32) -> Result<(), Errno> {
        if pid == INIT { Ok(()) } else { self.process(pid).map(drop) }
    }

    /// The names of this directory that do not depend on who is there.
    fn fixed(&self) -> Vec<(&'static str, Entry)> {
        let personal = |whose| {
            text::PERSONAL.iter().map(move |&(name, file)| (name, Entry::ProcessFile(whose, file)))
        };
        match self.entry {
            Entry::Root => ROOT.to_vec(),
            Entry::Fixed(fixed) => fixed.entries().to_vec(),
            Entry::Process(INIT) => {
                let mut names: Vec<_> = personal(Whose { pid: INIT, tid: None }).collect();
                names.retain(|(name, _)| text::INIT_HAS.contains(name));
                names
            }
            Entry::Process(pid) => {
                let mut names: Vec<_> = personal(Whose { pid, tid: None }).collect();
                names.extend(PLACES.map(|(name, place)| (name, Entry::Place(pid, place))));
                names.push(("fd", Entry::Descriptors(pid)));
                names.push(("fdinfo", Entry::DescriptorInfos(pid)));
                names.push(("task", Entry::Tasks(pid)));
                names
            }
            Entry::Task(whose) => personal(whose).collect(),
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
        let (uid, gid) = process.map_or((0, 0), |process| {
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
            Entry::ProcessFile(Whose { pid: INIT, .. }, file) => Ok(text::init(&kernel, file)),
            Entry::ProcessFile(whose, file) => {
                let process = match file {
                    text::Personal::Environ => self.private(whose.pid, caller)?,
                    _ => self.process(whose.pid)?,
                };
                text::personal(&process, whose.tid, file)
            }
            Entry::DescriptorInfo(pid, fd) => {
                let process = self.private(pid, caller)?;
                text::descriptor(&process, fd)
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
            Entry::ProcessFile(Whose { pid, .. }, text::Personal::Comm) if pid != INIT => {
                if caller.pid != pid {
                    return Err(Errno::INVAL);
                }
                let mut comm = [0; COMM_LEN];
                let length = line.len().min(COMM_LEN - 1);
                comm[..length].copy_from_slice(&line[..length]);
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
