//! Random sequences of calls, made here and on the host's own Linux: every result and the trees at the end must be the
//! same. The host's side runs in a temporary directory on tmpfs, deep enough that no `..` leaves it.

#![expect(clippy::disallowed_methods, reason = "the host's file system is what is compared with")]

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use rustix::fs::{self as host, AtFlags, Mode, OFlags, RenameFlags};
use std::fmt::Write as _;
use std::os::fd::OwnedFd;
use std::sync::Once;

/// Directories above the one that paths start from. A path has at most 4 parts, and each of the 40 links that may be
/// followed adds at most 2: 84 times `..` is the most.
const DEPTH: usize = 100;
/// Bits that both sides take from new modes.
const UMASK: u32 = 0o022;

#[derive(Clone, Debug)]
enum Op {
    /// Flags besides access, mode; then what is written at which offset.
    Open(String, u32, u32, Option<(u64, usize)>),
    Mkdir(String, u32),
    Rmdir(String),
    Unlink(String),
    Symlink(String, String),
    Link(String, String, bool),
    Rename(String, String, u32),
    Readlink(String),
    Stat(String, bool),
    Chmod(String, u32),
    Truncate(String, u64),
    Access(String, u32),
    Fifo(String, u32),
    Times(String, bool),
    Chdir(String),
}

fn part() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("a"), 4 => Just("b"), 3 => Just("c"), 1 => Just("."), 1 => Just("..")]
}

fn path() -> impl Strategy<Value = String> {
    let slash = prop_oneof![6 => Just(""), 1 => Just("/"), 1 => Just("//")];
    (vec(part(), 1..=3), slash).prop_map(|(parts, slash)| parts.join("/") + slash)
}

fn target() -> impl Strategy<Value = String> {
    vec(part(), 1..=2).prop_map(|parts| parts.join("/"))
}

fn mode() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0o755), 1 => Just(0o644), 1 => Just(0o7777), 1 => Just(0o000), 1 => 0..=0o7777u32]
}

/// Each combination of O_RDONLY.. and the flags that change what open does.
fn flags() -> impl Strategy<Value = u32> {
    let extra = [
        OpenFlags::CREATE,
        OpenFlags::EXCLUSIVE,
        OpenFlags::TRUNCATE,
        OpenFlags::DIRECTORY,
        OpenFlags::NO_FOLLOW,
        OpenFlags::PATH,
    ];
    let extra = proptest::sample::subsequence(extra.to_vec(), 0..=3)
        .prop_map(|flags| flags.iter().fold(0, |all, flag| all | flag.bits()));
    let create = OpenFlags::CREATE.bits();
    prop_oneof![(0..3u32, extra).prop_map(|(access, extra)| access | extra), Just(create | 2)]
}

fn op() -> impl Strategy<Value = Op> {
    let data = proptest::option::of((0..70_000u64, 0..70_000usize));
    prop_oneof![
        6 => (path(), flags(), mode(), data).prop_map(|(p, f, m, d)| Op::Open(p, f, m, d)),
        4 => (path(), mode()).prop_map(|(p, m)| Op::Mkdir(p, m)),
        2 => path().prop_map(Op::Rmdir),
        2 => path().prop_map(Op::Unlink),
        3 => (target(), path()).prop_map(|(t, p)| Op::Symlink(t, p)),
        2 => (path(), path(), any::<bool>()).prop_map(|(a, b, f)| Op::Link(a, b, f)),
        5 => (path(), path(), 0..3u32).prop_map(|(a, b, how)| Op::Rename(a, b, how)),
        1 => path().prop_map(Op::Readlink),
        3 => (path(), any::<bool>()).prop_map(|(p, f)| Op::Stat(p, f)),
        2 => (path(), mode()).prop_map(|(p, m)| Op::Chmod(p, m)),
        1 => (path(), 0..200_000u64).prop_map(|(p, s)| Op::Truncate(p, s)),
        1 => (path(), 0..8u32).prop_map(|(p, want)| Op::Access(p, want)),
        1 => (path(), mode()).prop_map(|(p, m)| Op::Fifo(p, m)),
        1 => (path(), any::<bool>()).prop_map(|(p, now)| Op::Times(p, now)),
        1 => path().prop_map(Op::Chdir),
    ]
}

/// What both sides tell of a node, as text: no inode numbers, no times of the day.
fn describe(mode: u32, nlink: u64, size: u64, owner: (u32, u32)) -> String {
    let size = if mode & 0o170_000 == 0o040_000 { 0 } else { size };
    format!("{mode:o} {nlink} {size} {owner:?}")
}

type Outcome = Result<String, Errno>;

/// The host's side: a working directory below the temporary one.
struct Host {
    _directory: tempfile::TempDir,
    above: Vec<OwnedFd>,
    top: OwnedFd,
    cwd: OwnedFd,
}

impl Drop for Host {
    /// Modes may forbid others than root to look and to remove.
    fn drop(&mut self) {
        for directory in self.above.iter().chain([&self.top]) {
            host::fchmod(directory, Mode::from_raw_mode(0o700)).expect("ours");
        }
        self.tree();
    }
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

impl Host {
    fn new() -> Self {
        static UMASK_SET: Once = Once::new();
        UMASK_SET.call_once(|| {
            rustix::process::umask(Mode::from_raw_mode(UMASK));
        });
        // tmpfs, since file systems on disks count and refuse some things in their own ways.
        let directory = tempfile::Builder::new().tempdir_in("/dev/shm").expect("tmpfs");
        let mut top = host::open(directory.path(), DIRECTORY, Mode::empty()).expect("made");
        let mut above = Vec::new();
        for _ in 0..DEPTH {
            host::mkdirat(&top, "w", Mode::from_raw_mode(0o755)).expect("made");
            let below = host::openat(&top, "w", DIRECTORY, Mode::empty()).expect("made");
            above.push(std::mem::replace(&mut top, below));
        }
        let cwd = top.try_clone().expect("a descriptor");
        Self { _directory: directory, above, top, cwd }
    }

    fn apply(&mut self, op: &Op) -> Outcome {
        let cwd = &self.cwd;
        let done = |result: rustix::io::Result<()>| result.map(|()| String::new());
        let mode = |mode: &u32| Mode::from_raw_mode(*mode);
        match op {
            Op::Open(path, flags, mode, data) => self.open(path, *flags, *mode, *data),
            Op::Mkdir(path, bits) => done(host::mkdirat(cwd, path, mode(bits))),
            Op::Rmdir(path) => done(host::unlinkat(cwd, path, AtFlags::REMOVEDIR)),
            Op::Unlink(path) => done(host::unlinkat(cwd, path, AtFlags::empty())),
            Op::Symlink(target, path) => done(host::symlinkat(target, cwd, path)),
            Op::Link(old, new, follow) => {
                let flags = if *follow { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
                done(host::linkat(cwd, old, cwd, new, flags))
            }
            Op::Rename(old, new, how) => {
                let flags = RenameFlags::from_bits_retain(*how);
                done(host::renameat_with(cwd, old, cwd, new, flags))
            }
            Op::Readlink(path) => {
                let text = host::readlinkat(cwd, path, Vec::new())?;
                Ok(text.to_string_lossy().into_owned())
            }
            Op::Stat(path, follow) => {
                let flags = if *follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
                let stat = host::statat(cwd, path, flags)?;
                let owner = (stat.st_uid, stat.st_gid);
                Ok(describe(stat.st_mode, stat.st_nlink, stat.st_size as u64, owner))
            }
            Op::Chmod(path, bits) => done(host::chmodat(cwd, path, mode(bits), AtFlags::empty())),
            Op::Truncate(path, size) => {
                // By an own open, as truncate(2) by path from a directory does not exist.
                let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
                done(host::ftruncate(host::openat(cwd, path, flags, Mode::empty())?, *size))
            }
            Op::Access(path, want) => {
                let want = host::Access::from_bits_retain(*want);
                done(host::accessat(cwd, path, want, AtFlags::empty()))
            }
            Op::Fifo(path, bits) => {
                done(host::mknodat(cwd, path, host::FileType::Fifo, mode(bits), 0))
            }
            Op::Times(path, now) => {
                let special = if *now { host::UTIME_NOW } else { 5 };
                let time = rustix::fs::Timespec { tv_sec: 5, tv_nsec: special };
                let times = host::Timestamps { last_access: time, last_modification: time };
                host::utimensat(cwd, path, &times, AtFlags::empty())?;
                let stat = host::statat(cwd, path, AtFlags::empty())?;
                Ok(format!("{}", stat.st_mtime == 5))
            }
            Op::Chdir(path) => {
                self.cwd = host::openat(cwd, path, DIRECTORY, Mode::empty())?;
                Ok(String::new())
            }
        }
    }

    fn open(&self, path: &str, flags: u32, mode: u32, data: Option<(u64, usize)>) -> Outcome {
        let flags = OFlags::from_bits_retain(flags) | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = host::openat(&self.cwd, path, flags, Mode::from_raw_mode(mode))?;
        let stat = host::fstat(&file)?;
        let regular = host::FileType::from_raw_mode(stat.st_mode).is_file();
        if !regular || flags.contains(OFlags::PATH) {
            return Ok(format!("{:o}", stat.st_mode));
        }
        let mut text = String::new();
        if let (Some((at, len)), true) = (data, flags.intersects(OFlags::WRONLY | OFlags::RDWR)) {
            let _ = write!(text, "{} ", rustix::io::pwrite(&file, &vec![b'x'; len], at)?);
        }
        if !flags.contains(OFlags::WRONLY) {
            let mut bytes = vec![0; 1 << 20];
            let count = rustix::io::pread(&file, &mut bytes, 0)?;
            let _ = write!(text, "{} {:x}", count, checksum(&bytes[..count]));
        }
        Ok(text)
    }

    /// Every node below the top, as text.
    fn tree(&self) -> String {
        let mut text = String::new();
        host::fchmod(&self.top, Mode::from_raw_mode(0o700)).expect("ours");
        let top = host::openat(&self.top, ".", DIRECTORY, Mode::empty()).expect("a directory");
        let mut waiting = vec![(String::new(), top)];
        while let Some((above, directory)) = waiting.pop() {
            let mut names: Vec<String> = host::Dir::read_from(&directory)
                .expect("a directory")
                .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
                .filter(|name| name != "." && name != "..")
                .collect();
            names.sort();
            for name in names {
                let stat = host::statat(&directory, &*name, AtFlags::SYMLINK_NOFOLLOW);
                let stat = stat.expect("just listed");
                let owner = (stat.st_uid, stat.st_gid);
                let about = describe(stat.st_mode, stat.st_nlink, stat.st_size as u64, owner);
                let _ = writeln!(text, "{above}/{name} {about}");
                // Modes may forbid the walk to others than root: the test is done with them.
                if host::FileType::from_raw_mode(stat.st_mode).is_dir() {
                    let all = Mode::from_raw_mode(0o700);
                    host::chmodat(&directory, &*name, all, AtFlags::empty()).expect("ours");
                    let below = host::openat(&directory, &*name, DIRECTORY, Mode::empty());
                    waiting.push((format!("{above}/{name}"), below.expect("ours")));
                }
            }
        }
        text
    }
}

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(7, |sum: u64, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}

/// Our side.
struct Ours {
    user: User,
    top: Dir,
    cwd: Dir,
}

impl Ours {
    fn new() -> Self {
        let root = User::root();
        root.chmod("/", 0o777).unwrap();
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        let user = root.other(uid.as_raw(), gid.as_raw(), &[]);
        let mut top = user.root.clone();
        for _ in 0..DEPTH {
            user.vfs.mkdir(&user.context(), &top, b"w", 0o755).unwrap();
            top = user.vfs.directory(&user.context(), &top, b"w").unwrap();
        }
        let cwd = top.clone();
        Self { user, top, cwd }
    }

    fn node(&self, path: &str, follow: bool) -> Result<Node, Errno> {
        self.user.vfs.node(&self.user.context(), &self.cwd, path.as_bytes(), follow)
    }

    fn apply(&mut self, op: &Op) -> Outcome {
        let (vfs, context, cwd) = (&self.user.vfs, self.user.context(), &self.cwd);
        let done = |result: Result<(), Errno>| result.map(|()| String::new());
        match op {
            Op::Open(path, flags, mode, data) => self.open(path, *flags, *mode, *data),
            Op::Mkdir(path, mode) => {
                done(vfs.mkdir(&context, cwd, path.as_bytes(), mode & !UMASK).map(drop))
            }
            Op::Rmdir(path) => done(vfs.rmdir(&context, cwd, path.as_bytes())),
            Op::Unlink(path) => done(vfs.unlink(&context, cwd, path.as_bytes())),
            Op::Symlink(target, path) => {
                let (target, path) = (target.as_bytes(), path.as_bytes());
                done(vfs.symlink(&context, target, cwd, path).map(drop))
            }
            Op::Link(old, new, follow) => {
                let node = self.node(old, *follow)?;
                done(vfs.link(&context, &node, cwd, new.as_bytes()))
            }
            Op::Rename(old, new, how) => {
                let how = [Rename::Replace, Rename::NoReplace, Rename::Exchange][*how as usize];
                done(vfs.rename(&context, (cwd, old.as_bytes()), (cwd, new.as_bytes()), how))
            }
            Op::Readlink(path) => {
                let text = self.node(path, false)?.readlink(&context)?;
                Ok(String::from_utf8_lossy(&text).into_owned())
            }
            Op::Stat(path, follow) => Ok(about(&self.node(path, *follow)?.stat()?)),
            Op::Chmod(path, mode) => done(self.node(path, true)?.chmod(&context, *mode)),
            Op::Truncate(path, size) => {
                let flags = OpenFlags::WRITE_ONLY;
                match vfs.open(&context, cwd, path.as_bytes(), flags, 0)? {
                    Opened::File(file) => done(file.truncate(*size)),
                    // Nobody reads the FIFO.
                    _ => Err(Errno::NXIO),
                }
            }
            Op::Access(path, want) => {
                let want = Access::from_bits_retain(*want);
                done(self.node(path, true)?.access(&context, want))
            }
            Op::Fifo(path, mode) => {
                let (path, device) = (path.as_bytes(), DeviceId::default());
                done(vfs.mknod(&context, cwd, path, Kind::Fifo, device, mode & !UMASK).map(drop))
            }
            Op::Times(path, now) => {
                let given = SetTime::At(Timespec { sec: 5, nsec: 5 });
                let time = if *now { SetTime::Now } else { given };
                let node = self.node(path, true)?;
                node.set_times(&context, time, time)?;
                Ok(format!("{}", node.stat()?.mtime.sec == 5))
            }
            Op::Chdir(path) => {
                // As the other side: an open directory, which needs read permission and no search.
                let flags = OpenFlags::DIRECTORY;
                match vfs.open(&context, cwd, path.as_bytes(), flags, 0)? {
                    Opened::File(file) => self.cwd = file.dir()?,
                    _ => return Err(Errno::NOTDIR),
                }
                Ok(String::new())
            }
        }
    }

    fn open(&self, path: &str, flags: u32, mode: u32, data: Option<(u64, usize)>) -> Outcome {
        let flags = OpenFlags::from_bits_truncate(flags);
        let (context, mode) = (self.user.context(), mode & !UMASK);
        let file = match self.user.vfs.open(&context, &self.cwd, path.as_bytes(), flags, mode)? {
            Opened::File(file) => file,
            Opened::Fifo(node) => {
                let only_writes = flags.contains(OpenFlags::WRITE_ONLY);
                let mode = node.stat()?.mode;
                return if only_writes { Err(Errno::NXIO) } else { Ok(format!("{mode:o}")) };
            }
            _ => return Err(Errno::NOSYS),
        };
        if file.kind() != Kind::File || flags.contains(OpenFlags::PATH) {
            return Ok(format!("{:o}", file.stat()?.mode));
        }
        let mut text = String::new();
        let writes = flags.intersects(OpenFlags::WRITE_ONLY | OpenFlags::READ_WRITE);
        if let (Some((at, len)), true) = (data, writes) {
            let _ = write!(text, "{} ", file.write_at(&vec![b'x'; len], at)?);
        }
        if !flags.contains(OpenFlags::WRITE_ONLY) {
            let mut bytes = vec![0; 1 << 20];
            let count = file.read_at(&mut bytes, 0)?;
            let _ = write!(text, "{} {:x}", count, checksum(&bytes[..count]));
        }
        Ok(text)
    }

    fn tree(&self) -> String {
        let vfs = &self.user.vfs;
        let root = User::root_of(vfs.clone());
        let context = root.context();
        let mut text = String::new();
        let mut waiting = vec![(String::new(), self.top.clone())];
        while let Some((above, directory)) = waiting.pop() {
            let opened = directory.node().open(&context, OpenFlags::DIRECTORY);
            let Ok(Opened::File(file)) = opened else { panic!("a directory") };
            let mut names = Vec::new();
            file.list(0, &mut |entry| {
                names.push(String::from_utf8_lossy(entry.name).into_owned());
                true
            })
            .expect("lists");
            names.retain(|name| name != "." && name != "..");
            names.sort();
            for name in names {
                let node = vfs.node(&context, &directory, name.as_bytes(), false).expect("listed");
                let _ = writeln!(text, "{above}/{name} {}", about(&node.stat().expect("stat")));
                if let Ok(dir) = node.dir(&context) {
                    waiting.push((format!("{above}/{name}"), dir));
                }
            }
        }
        text
    }
}

fn about(stat: &Stat) -> String {
    describe(stat.mode, stat.nlink.into(), stat.size, (stat.uid, stat.gid))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_same_as_linux(ops in vec(op(), 1..60)) {
        let (mut host, mut ours) = (Host::new(), Ours::new());
        for (at, op) in ops.iter().enumerate() {
            let (expected, found) = (host.apply(op), ours.apply(op));
            prop_assert_eq!(found, expected, "call {}: {:?}", at, op);
        }
        prop_assert_eq!(ours.tree(), host.tree());
    }
}
