//! What the files of a process say (`/proc/PID`, `/proc/PID/task/TID`), in the formats of proc(5).
//!
//! Numbers that have no meaning here (page faults, addresses, context switches) are 0. Memory is in pages of 64 KiB: the
//! page size that programs are told. A process's memory is one mapping, its linear memory.

use super::text::{PAGE_BYTES, TICK_NS};
use crate::errno::Errno;
use crate::process::file::{Object, OpenFile};
use crate::process::kernel::Kernel;
use crate::process::process::{Attributes, Process};
use crate::process::signal::Signal;
use crate::process::thread::COMM_LEN;
use crate::process::tree::{ExitStatus, INIT, State};
use crate::process::usage::Cpu;
use std::fmt::Write as _;
use std::sync::Arc;

/// Files of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Personal {
    Auxv,
    Cgroup,
    CmdLine,
    Comm,
    Environ,
    Io,
    Limits,
    LoginUid,
    Maps,
    MountInfo,
    Mounts,
    OomScore,
    OomScoreAdj,
    Personality,
    SchedStat,
    SessionId,
    Smaps,
    SmapsRollup,
    Stat,
    StatM,
    Status,
    Wchan,
}

pub(super) const PERSONAL: [(&str, Personal); 22] = [
    ("auxv", Personal::Auxv),
    ("cgroup", Personal::Cgroup),
    ("cmdline", Personal::CmdLine),
    ("comm", Personal::Comm),
    ("environ", Personal::Environ),
    ("io", Personal::Io),
    ("limits", Personal::Limits),
    ("loginuid", Personal::LoginUid),
    ("maps", Personal::Maps),
    ("mountinfo", Personal::MountInfo),
    ("mounts", Personal::Mounts),
    ("oom_score", Personal::OomScore),
    ("oom_score_adj", Personal::OomScoreAdj),
    ("personality", Personal::Personality),
    ("schedstat", Personal::SchedStat),
    ("sessionid", Personal::SessionId),
    ("smaps", Personal::Smaps),
    ("smaps_rollup", Personal::SmapsRollup),
    ("stat", Personal::Stat),
    ("statm", Personal::StatM),
    ("status", Personal::Status),
    ("wchan", Personal::Wchan),
];

impl Personal {
    /// Whether only the process's own user and root may read it.
    pub(super) fn is_private(self) -> bool {
        matches!(
            self,
            Self::Auxv
                | Self::Environ
                | Self::Io
                | Self::Maps
                | Self::Personality
                | Self::Smaps
                | Self::SmapsRollup
        )
    }

    /// Permission bits.
    pub(super) fn mode(self) -> u32 {
        match self {
            Self::Auxv | Self::Environ | Self::Io | Self::Personality => 0o400,
            Self::Comm => 0o644,
            _ => 0o444,
        }
    }
}

/// The files that process 1, which is no program, has.
pub(super) const INIT_HAS: [&str; 10] = [
    "cgroup",
    "cmdline",
    "comm",
    "environ",
    "maps",
    "oom_score",
    "oom_score_adj",
    "stat",
    "statm",
    "status",
];

/// Capabilities (capabilities(7)) that the rights of user 0 amount to here: CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID,
/// KILL, SETGID, SETUID, NET_BIND_SERVICE, SYS_CHROOT, SYS_NICE, SYS_RESOURCE, MKNOD. There are none apart from it.
const ROOT_CAPABILITIES: u64 = 0x0984_04ff;

/// What /proc/mounts tells: source, place, type, options.
const MOUNTS: [(&str, &str, &str, &str); 3] = [
    ("isolet", "/", "tmpfs", "rw,relatime"),
    ("proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime"),
    ("devpts", "/dev/pts", "devpts", "rw,nosuid,noexec,relatime,mode=620,ptmxmode=666"),
];

/// A file of process 1.
pub(super) fn init(kernel: &Kernel, file: Personal) -> Vec<u8> {
    match file {
        Personal::Comm => b"init\n".to_vec(),
        Personal::Cgroup => b"0::/\n".to_vec(),
        Personal::OomScore | Personal::OomScoreAdj => b"0\n".to_vec(),
        Personal::StatM => b"0 0 0 0 0 0 0\n".to_vec(),
        Personal::Stat => {
            let facts = Facts {
                tid: INIT,
                comm: b"init".to_vec(),
                state: 'S',
                ppid: 0,
                pgid: INIT,
                sid: INIT,
                terminal: 0,
                foreground: -1,
                cpu: Cpu::default(),
                children: Cpu::default(),
                nice: 0,
                threads: 1,
                start_ticks: 0,
                memory: 0,
                signals: [0; 5],
                exit_code: 0,
            };
            facts.stat()
        }
        Personal::Status => format!(
            "Name:\tinit\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t1\nPid:\t1\nPPid:\t0\n\
             TracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t0\nGroups:\t \n\
             Threads:\t1\nCpus_allowed:\t{:x}\n",
            u64::MAX >> (64 - kernel.cpus)
        )
        .into_bytes(),
        _ => Vec::new(),
    }
}

/// A file of a process, or of its thread `tid`.
pub(super) fn personal(
    process: &Arc<Process>,
    tid: Option<u32>,
    file: Personal,
) -> Result<Vec<u8>, Errno> {
    let zombie = matches!(process.kernel.state(process.pid), None | Some(State::Zombie(_)));
    Ok(match file {
        Personal::Cgroup => b"0::/\n".to_vec(),
        Personal::CmdLine if zombie => Vec::new(),
        Personal::CmdLine => joined(&process.with_attributes(arguments).argv),
        Personal::Environ if zombie => Vec::new(),
        Personal::Environ => joined(&process.with_attributes(arguments).env),
        Personal::Comm => [comm(process, tid), b"\n".to_vec()].concat(),
        Personal::Limits => limits(process),
        Personal::Auxv => auxv(process),
        Personal::Io => io(process),
        Personal::Maps => maps(process).into_bytes(),
        // Whoever logged in was not told to this kernel (-1).
        Personal::LoginUid | Personal::SessionId => u32::MAX.to_string().into_bytes(),
        // Nobody is chosen to be killed when memory is short: who asks for it is refused.
        Personal::OomScore | Personal::OomScoreAdj => b"0\n".to_vec(),
        Personal::Personality => b"00000000\n".to_vec(),
        Personal::SchedStat => {
            let cpu = Facts::of(process, tid)?.cpu;
            format!("{} 0 0\n", cpu.total_ns()).into_bytes()
        }
        Personal::Smaps => [maps(process), sizes(process)].concat().into_bytes(),
        Personal::SmapsRollup => {
            let head = format!(
                "00000000-{:08x} ---p 00000000 00:00 0  [rollup]\n",
                process.memory_bytes()
            );
            [head, sizes(process)].concat().into_bytes()
        }
        Personal::MountInfo => mount_info(),
        Personal::Mounts => mounts(),
        Personal::Stat => Facts::of(process, tid)?.stat(),
        Personal::StatM => {
            let pages = process.memory_bytes() / PAGE_BYTES;
            format!("{pages} {pages} 0 0 0 {pages} 0\n").into_bytes()
        }
        Personal::Status => Facts::of(process, tid)?.status(process),
        Personal::Wchan => b"0".to_vec(),
    })
}

/// The auxiliary vector that programs are given (host/spawn.rs), without the pointers into their memory.
fn auxv(process: &Process) -> Vec<u8> {
    let cred = process.cred();
    let pairs = [
        [6, 65536],
        [17, 100],
        [11, cred.user.real],
        [12, cred.user.effective],
        [13, cred.group.real],
        [14, cred.group.effective],
        [23, u32::from(cred.is_secure())],
        [0, 0],
    ];
    pairs.iter().flatten().flat_map(|word: &u32| word.to_le_bytes()).collect()
}

fn io(process: &Process) -> Vec<u8> {
    let ((read, reads), (written, writes)) =
        (process.usage.reads.get(), process.usage.writes.get());
    format!(
        "rchar: {read}\nwchar: {written}\nsyscr: {reads}\nsyscw: {writes}\nread_bytes: 0\nwrite_bytes: 0\n\
         cancelled_write_bytes: 0\n"
    )
    .into_bytes()
}

/// The linear memory, from address 0.
fn maps(process: &Process) -> String {
    match process.memory_bytes() {
        0 => String::new(),
        bytes => format!("00000000-{bytes:08x} rw-p 00000000 00:00 0 \n"),
    }
}

/// What smaps says of it: that it is all there, which is how it is charged.
fn sizes(process: &Process) -> String {
    let kib = process.memory_bytes() >> 10;
    let mut text = String::new();
    let page = PAGE_BYTES >> 10;
    let lines = [
        ("Size", kib),
        ("KernelPageSize", page),
        ("MMUPageSize", page),
        ("Rss", kib),
        ("Pss", kib),
        ("Pss_Dirty", kib),
        ("Shared_Clean", 0),
        ("Shared_Dirty", 0),
        ("Private_Clean", 0),
        ("Private_Dirty", kib),
        ("Referenced", kib),
        ("Anonymous", kib),
        ("Swap", 0),
        ("SwapPss", 0),
        ("Locked", 0),
    ];
    for (name, value) in lines {
        let _infallible = writeln!(text, "{:<16}{value:>8} kB", format!("{name}:"));
    }
    text
}

fn arguments(attributes: &mut Attributes) -> Arc<crate::process::exec::Arguments> {
    attributes.arguments.clone()
}

/// Strings, each with its NUL.
fn joined(strings: &[Vec<u8>]) -> Vec<u8> {
    strings.iter().flat_map(|string| string.iter().copied().chain([0])).collect()
}

fn comm(process: &Process, tid: Option<u32>) -> Vec<u8> {
    let threads = process.threads();
    let thread = threads.iter().find(|thread| Some(thread.tid) == tid && !thread.is_leader());
    let own: Option<[u8; COMM_LEN]> = thread.and_then(|thread| thread.name());
    let name = own.unwrap_or_else(|| process.with_attributes(|attributes| attributes.comm));
    name.into_iter().take_while(|&byte| byte != 0).collect()
}

fn mounts() -> Vec<u8> {
    let line = |(source, place, kind, options)| format!("{source} {place} {kind} {options} 0 0\n");
    MOUNTS.map(line).concat().into_bytes()
}

fn mount_info() -> Vec<u8> {
    let devices = [crate::vfs::DEV, super::DEVICE, crate::process::describe::TERMINALS];
    let mut text = String::new();
    for (id, ((source, place, kind, options), device)) in (1..).zip(MOUNTS.into_iter().zip(devices))
    {
        let parent = u32::from(id != 1);
        let _infallible =
            writeln!(text, "{id} {parent} 0:{device} / {place} {options} - {kind} {source} rw");
    }
    text.into_bytes()
}

fn limits(process: &Process) -> Vec<u8> {
    let mut text = String::from(
        "Limit                     Soft Limit           Hard Limit           Units     \n",
    );
    let value = |value: u64| match value {
        u64::MAX => "unlimited".to_owned(),
        value => value.to_string(),
    };
    for (resource, (name, unit)) in (0..).zip(crate::process::limit::NAMES) {
        let Ok(limit) = crate::process::limit::get(process, resource) else { continue };
        let (soft, hard) = (value(limit.soft), value(limit.hard));
        let _infallible = writeln!(text, "{name:<25} {soft:<20} {hard:<20} {unit:<10}");
    }
    text.into_bytes()
}

/// `/proc/PID/fdinfo/N`
pub(super) fn descriptor(process: &Process, fd: u32) -> Result<Vec<u8>, Errno> {
    let (file, cloexec) = {
        let fds = process.fds.lock();
        let file: Arc<OpenFile> = fds.get(fd).map_err(|_closed| Errno::NOENT)?;
        (file, fds.cloexec(fd).unwrap_or(false))
    };
    // Not waited for: the reader of this text may be the one who holds the offset.
    let position = file.offset_now().unwrap_or(0);
    let flags = file.flags() | if cloexec { 0o2_000_000 } else { 0 };
    let inode = file.stat().map_or(0, |stat| stat.ino);
    let mut text = format!("pos:\t{position}\nflags:\t0{flags:o}\nmnt_id:\t1\nino:\t{inode}\n");
    match file.object() {
        Object::Process(process) => {
            let pid = process.pid_shown();
            let _infallible = write!(text, "Pid:\t{pid}\nNSpid:\t{pid}\n");
        }
        Object::Signals(signals) => {
            let _infallible = writeln!(text, "sigmask:\t{:016x}", signals.mask().bits());
        }
        Object::Inotify(inotify) => text.push_str(&inotify.describe()),
        _ => {}
    }
    Ok(text.into_bytes())
}

/// What stat and status tell of a process or thread.
struct Facts {
    tid: u32,
    comm: Vec<u8>,
    state: char,
    ppid: u32,
    pgid: u32,
    sid: u32,
    /// Device number of the controlling terminal.
    terminal: u32,
    foreground: i64,
    cpu: Cpu,
    children: Cpu,
    nice: i8,
    threads: usize,
    start_ticks: u64,
    /// Bytes.
    memory: u64,
    /// Pending for the thread, pending for the process, blocked, ignored, caught.
    signals: [u64; 5],
    exit_code: u32,
}

impl Facts {
    fn of(process: &Arc<Process>, tid: Option<u32>) -> Result<Self, Errno> {
        let kernel = &process.kernel;
        let state = kernel.state(process.pid).ok_or(Errno::SRCH)?;
        let id = tid.unwrap_or(process.pid);
        let threads = process.threads();
        let thread = threads.iter().find(|thread| thread.tid == id);
        let session = process.session();
        let terminal = session.terminal().map(|terminal| terminal.device());
        let foreground = if terminal.is_some() { i64::from(session.foreground()) } else { -1 };
        let cpu = match (tid, thread) {
            (Some(_), Some(thread)) => thread.cpu(),
            _ => process.cpu(),
        };
        let signals = process.with_signals(|signals| {
            let (own, shared) = signals.pending_sets(id);
            let (ignored, caught) = signals.dispositions();
            [own, shared, signals.mask(id), ignored, caught].map(|set| set.bits())
        });
        let started = process.started().saturating_duration_since(kernel.booted);
        Ok(Self {
            tid: id,
            comm: comm(process, tid),
            state: state_letter(process, state),
            ppid: process.ppid(),
            pgid: process.pgid(),
            sid: process.sid(),
            terminal: terminal.map_or(0, encode_device),
            foreground,
            cpu,
            children: process.children_cpu(),
            nice: process.with_attributes(|attributes| attributes.nice),
            threads: threads.len(),
            start_ticks: u64::try_from(started.as_millis() / 10).unwrap_or(u64::MAX),
            memory: if matches!(state, State::Zombie(_)) { 0 } else { process.memory_bytes() },
            signals,
            exit_code: match state {
                State::Zombie(ExitStatus::Code(code)) => u32::from(code) << 8,
                State::Zombie(ExitStatus::Signal(signal)) => u32::from(signal.number()),
                _ => 0,
            },
        })
    }

    /// The 52 fields of /proc/PID/stat.
    fn stat(&self) -> Vec<u8> {
        let mut text = format!("{} (", self.tid).into_bytes();
        text.extend_from_slice(&self.comm);
        let [own, shared, blocked, ignored, caught] = self.signals;
        let pending = (own | shared) & 0x7fff_ffff;
        let low = |set: u64| set & 0x7fff_ffff;
        let rest = format!(
            ") {state} {ppid} {pgid} {sid} {tty} {tpgid} 0 0 0 0 0 {utime} {stime} {cutime} {cstime} {priority} {nice} \
             {threads} 0 {start} {vsize} {rss} {limit} 0 0 0 0 0 {pending} {blocked} {ignored} {caught} 0 0 0 \
             {exit_signal} 0 0 0 0 0 0 0 0 0 0 0 0 0 {exit_code}\n",
            state = self.state,
            ppid = self.ppid,
            pgid = self.pgid,
            sid = self.sid,
            tty = self.terminal,
            tpgid = self.foreground,
            utime = self.cpu.user_ns / TICK_NS,
            stime = self.cpu.system_ns / TICK_NS,
            cutime = self.children.user_ns / TICK_NS,
            cstime = self.children.system_ns / TICK_NS,
            priority = 20 + i32::from(self.nice),
            nice = self.nice,
            threads = self.threads,
            start = self.start_ticks,
            vsize = self.memory,
            rss = self.memory / PAGE_BYTES,
            limit = u64::MAX,
            blocked = low(blocked),
            ignored = low(ignored),
            caught = low(caught),
            exit_signal = Signal::CHLD.number(),
            exit_code = self.exit_code,
        );
        text.extend_from_slice(rest.as_bytes());
        text
    }

    fn status(&self, process: &Process) -> Vec<u8> {
        let cred = process.cred();
        let (umask, no_new_privs, affinity) = process.with_attributes(|attributes| {
            (attributes.umask, u32::from(attributes.no_new_privs), attributes.affinity)
        });
        let ids = |ids: crate::process::cred::Ids| {
            format!("{}\t{}\t{}\t{}", ids.real, ids.effective, ids.saved, ids.effective)
        };
        let groups: String = cred.groups.iter().map(|group| format!("{group} ")).collect();
        let name = match self.state {
            'R' => "running",
            'T' => "stopped",
            'Z' => "zombie",
            _ => "sleeping",
        };
        let kib = self.memory >> 10;
        let [own, shared, blocked, ignored, caught] = self.signals;
        let of = |root: bool| if root { ROOT_CAPABILITIES } else { 0 };
        let root = |id: u32| id == 0;
        let held = of([cred.user.real, cred.user.effective, cred.user.saved].into_iter().any(root));
        let (used, none) = (of(root(cred.user.effective)), 0);
        let text = format!(
            "\nUmask:\t{umask:04o}\nState:\t{} ({name})\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t0\n\
             Uid:\t{}\nGid:\t{}\nFDSize:\t{}\nGroups:\t{groups}\nNStgid:\t{}\nNSpid:\t{}\nNSpgid:\t{}\nNSsid:\t{}\nVmPeak:\t{kib:8} kB\nVmSize:\t{kib:8} kB\n\
             VmLck:\t       0 kB\nVmPin:\t       0 kB\nVmHWM:\t{kib:8} kB\nVmRSS:\t{kib:8} kB\n\
             RssAnon:\t{kib:8} kB\nRssFile:\t       0 kB\nRssShmem:\t       0 kB\nVmData:\t{kib:8} kB\n\
             VmStk:\t       0 kB\nVmExe:\t       0 kB\nVmLib:\t       0 kB\nVmPTE:\t       0 kB\n\
             VmSwap:\t       0 kB\nThreads:\t{}\n\
             SigQ:\t0/{}\nSigPnd:\t{own:016x}\nShdPnd:\t{shared:016x}\nSigBlk:\t{blocked:016x}\n\
             SigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\nCapInh:\t{none:016x}\nCapPrm:\t{held:016x}\nCapEff:\t{used:016x}\n\
             CapBnd:\t{ROOT_CAPABILITIES:016x}\nCapAmb:\t{none:016x}\nNoNewPrivs:\t{no_new_privs}\nSeccomp:\t0\nSeccomp_filters:\t0\n\
             Cpus_allowed:\t{affinity:x}\nCpus_allowed_list:\t{}\nMems_allowed:\t1\nMems_allowed_list:\t0\n\
             voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n",
            self.state,
            process.pid,
            self.tid,
            self.ppid,
            ids(cred.user),
            ids(cred.group),
            process.fds.lock().len(),
            process.pid,
            self.tid,
            self.pgid,
            self.sid,
            self.threads,
            crate::process::signal::PENDING_MAX,
            list(affinity),
        );
        let mut status = b"Name:\t".to_vec();
        status.extend(self.comm.iter().flat_map(|&byte| byte.escape_ascii()));
        status.extend_from_slice(text.as_bytes());
        status
    }
}

/// The processors of a mask, as `0-2,5`.
fn list(mask: u64) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for cpu in (0..64).filter(|cpu| mask >> cpu & 1 != 0) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => runs.push((cpu, cpu)),
        }
    }
    let text = |&(first, last): &(u32, u32)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    runs.iter().map(text).collect::<Vec<_>>().join(",")
}

fn state_letter(process: &Process, state: State) -> char {
    match state {
        State::Zombie(_) => 'Z',
        State::Stopped(_) => 'T',
        State::Running if process.is_running() => 'R',
        State::Running => 'S',
    }
}

/// A device number as one word (`new_encode_dev`).
fn encode_device((major, minor): (u32, u32)) -> u32 {
    minor & 0xff | major << 8 | (minor & !0xff) << 12
}
