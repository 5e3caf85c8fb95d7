//! What the files of /proc say, in the formats of proc(5).
//!
//! Numbers that have no meaning here (page faults, kernel addresses) are 0, which is what proc(5) allows or Linux tells those
//! who may not know. Memory is in pages of 64 KiB: the page size that programs are told.

use crate::errno::Errno;
use crate::process::file::OpenFile;
use crate::process::kernel::Kernel;
use crate::process::process::{Attributes, Process};
use crate::process::signal::Signal;
use crate::process::thread::COMM_LEN;
use crate::process::tree::{ExitStatus, INIT, PID_MAX, State};
use crate::process::{pipe, release};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// Bytes of a page as programs are told (`AT_PAGESZ`): WebAssembly's.
const PAGE_BYTES: u64 = 65536;
/// Clock ticks a second (`AT_CLKTCK`).
const TICK_NS: u64 = 10_000_000;

/// Files that belong to no process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    CpuInfo,
    FileSystems,
    LoadAverage,
    MemInfo,
    Stat,
    Uptime,
    Version,
    Hostname,
    OsRelease,
    OsType,
    SysVersion,
    PidMax,
    ThreadsMax,
    BootId,
    Uuid,
    Overcommit,
    DescriptorsMax,
    PipeMax,
    NetTcp,
    NetTcp6,
}

/// Files of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Personal {
    Cgroup,
    CmdLine,
    Comm,
    Environ,
    Limits,
    Maps,
    MountInfo,
    Mounts,
    Stat,
    StatM,
    Status,
    Wchan,
}

pub(super) const PERSONAL: [(&str, Personal); 12] = [
    ("cgroup", Personal::Cgroup),
    ("cmdline", Personal::CmdLine),
    ("comm", Personal::Comm),
    ("environ", Personal::Environ),
    ("limits", Personal::Limits),
    ("maps", Personal::Maps),
    ("mountinfo", Personal::MountInfo),
    ("mounts", Personal::Mounts),
    ("stat", Personal::Stat),
    ("statm", Personal::StatM),
    ("status", Personal::Status),
    ("wchan", Personal::Wchan),
];

/// The files that process 1, which is no program, has.
pub(super) const INIT_HAS: [&str; 6] = ["cgroup", "cmdline", "comm", "stat", "statm", "status"];

/// What /proc/mounts tells: source, place, type, options.
const MOUNTS: [(&str, &str, &str, &str); 3] = [
    ("isolet", "/", "tmpfs", "rw,relatime"),
    ("proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime"),
    ("devpts", "/dev/pts", "devpts", "rw,nosuid,noexec,relatime,mode=620,ptmxmode=666"),
];

/// A global file.
pub(super) fn global(kernel: &Kernel, file: Global) -> Vec<u8> {
    let line = |value: String| format!("{value}\n").into_bytes();
    match file {
        Global::CpuInfo => cpu_info(kernel),
        Global::FileSystems => b"nodev\tproc\nnodev\ttmpfs\nnodev\tdevpts\n".to_vec(),
        Global::LoadAverage => load_average(kernel),
        Global::MemInfo => mem_info(kernel),
        Global::Stat => stat(kernel),
        Global::Uptime => uptime(kernel),
        Global::Version => line(format!(
            "Linux version {} (isolet) (rustc, Cranelift) {}",
            release::RELEASE,
            release::VERSION
        )),
        Global::Hostname => [kernel.hostname(), b"\n".to_vec()].concat(),
        Global::OsRelease => line(release::RELEASE.to_owned()),
        Global::OsType => b"Linux\n".to_vec(),
        Global::SysVersion => line(release::VERSION.to_owned()),
        Global::PidMax => line(PID_MAX.to_string()),
        Global::ThreadsMax => line(kernel.limits.threads_max.to_string()),
        Global::BootId => line(kernel.boot_id.clone()),
        Global::Uuid => line(crate::process::kernel::random_uuid()),
        Global::Overcommit => b"2\n".to_vec(),
        Global::DescriptorsMax => line(kernel.limits.descriptors_max.to_string()),
        Global::PipeMax => line(pipe::CAPACITY_MAX.to_string()),
        Global::NetTcp => tcp(kernel, false),
        Global::NetTcp6 => tcp(kernel, true),
    }
}

/// Listening sockets; connections are not listed.
fn tcp(kernel: &Kernel, six: bool) -> Vec<u8> {
    let words = |ip: IpAddr| -> String {
        let octets = match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        // Each four bytes as a number of the machine, which is little-endian.
        octets
            .chunks(4)
            .flat_map(|word| word.iter().rev())
            .map(|byte| format!("{byte:02X}"))
            .collect()
    };
    let mut text = String::from(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n",
    );
    let listeners = kernel.net.listeners().into_iter().filter(|address| address.is_ipv6() == six);
    for (row, address) in listeners.enumerate() {
        let any = "0".repeat(if six { 32 } else { 8 });
        let _infallible = writeln!(
            text,
            "{row:4}: {}:{:04X} {any}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 0",
            words(address.ip()),
            address.port()
        );
    }
    text.into_bytes()
}

fn cpu_info(kernel: &Kernel) -> Vec<u8> {
    let mut text = String::new();
    for cpu in 0..kernel.cpus {
        let _infallible = write!(
            text,
            "processor\t: {cpu}\nvendor_id\t: isolet\nmodel name\t: WebAssembly (wasm32)\n\
             cpu cores\t: {}\nflags\t\t:\n\n",
            kernel.cpus
        );
    }
    text.into_bytes()
}

fn load_average(kernel: &Kernel) -> Vec<u8> {
    let processes = kernel.processes();
    let running = processes.iter().filter(|process| process.is_running()).count();
    let last = processes.iter().map(|process| process.pid).max().unwrap_or(INIT);
    let [one, five, fifteen] = kernel.load();
    format!("{one:.2} {five:.2} {fifteen:.2} {running}/{} {last}\n", processes.len() + 1)
        .into_bytes()
}

fn mem_info(kernel: &Kernel) -> Vec<u8> {
    let kib = |bytes: u64| bytes >> 10;
    let (total, free) = (kib(kernel.memory.max()), kib(kernel.memory_free()));
    let mut text = String::new();
    let lines = [
        ("MemTotal", total),
        ("MemFree", free),
        ("MemAvailable", free),
        ("Buffers", 0),
        ("Cached", 0),
        ("SwapCached", 0),
        ("Active", total - free),
        ("Inactive", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("AnonPages", total - free),
        ("Mapped", 0),
        ("Shmem", 0),
        ("Slab", 0),
        ("SReclaimable", 0),
        ("SUnreclaim", 0),
        ("CommitLimit", total),
        ("Committed_AS", total - free),
    ];
    for (name, value) in lines {
        let _infallible = writeln!(text, "{:<16}{value:>8} kB", format!("{name}:"));
    }
    text.into_bytes()
}

fn stat(kernel: &Kernel) -> Vec<u8> {
    let cpus = u64::from(kernel.cpus);
    let uptime = u64::try_from(kernel.booted.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let used = kernel.cpu_used().min(uptime.saturating_mul(cpus));
    let idle = uptime.saturating_mul(cpus) - used;
    let (user, idle) = (used / TICK_NS, idle / TICK_NS);
    let mut text = format!("cpu  {user} 0 0 {idle} 0 0 0 0 0 0\n");
    for cpu in 0..cpus {
        let (user, idle) = (user / cpus, idle / cpus);
        let _infallible = writeln!(text, "cpu{cpu} {user} 0 0 {idle} 0 0 0 0 0 0");
    }
    let booted = kernel.booted_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let processes = kernel.processes();
    let running = processes.iter().filter(|process| process.is_running()).count();
    let _infallible = write!(
        text,
        "intr 0\nctxt 0\nbtime {booted}\nprocesses {}\nprocs_running {running}\nprocs_blocked 0\n",
        kernel.forked()
    );
    text.into_bytes()
}

fn uptime(kernel: &Kernel) -> Vec<u8> {
    let up = kernel.booted.elapsed().as_secs_f64();
    let used = kernel.cpu_used() as f64 / 1e9;
    let idle = (up * f64::from(kernel.cpus) - used).max(0.0);
    format!("{up:.2} {idle:.2}\n").into_bytes()
}

/// A file of process 1.
pub(super) fn init(kernel: &Kernel, file: Personal) -> Vec<u8> {
    match file {
        Personal::Comm => b"init\n".to_vec(),
        Personal::Cgroup => b"0::/\n".to_vec(),
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
                cpu_ticks: 0,
                children_ticks: 0,
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
        Personal::Maps => Vec::new(),
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
    Ok(format!("pos:\t{position}\nflags:\t0{flags:o}\nmnt_id:\t1\nino:\t{inode}\n").into_bytes())
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
    cpu_ticks: u64,
    children_ticks: u64,
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
        let cpu_ns = match (tid, thread) {
            (Some(_), Some(thread)) => thread.cpu_ns(),
            _ => process.cpu_ns(),
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
            cpu_ticks: cpu_ns / TICK_NS,
            children_ticks: process.children_cpu_ns() / TICK_NS,
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
            ") {state} {ppid} {pgid} {sid} {tty} {tpgid} 0 0 0 0 0 {utime} 0 {cutime} 0 {priority} {nice} \
             {threads} 0 {start} {vsize} {rss} {limit} 0 0 0 0 0 {pending} {blocked} {ignored} {caught} 0 0 0 \
             {exit_signal} 0 0 0 0 0 0 0 0 0 0 0 0 0 {exit_code}\n",
            state = self.state,
            ppid = self.ppid,
            pgid = self.pgid,
            sid = self.sid,
            tty = self.terminal,
            tpgid = self.foreground,
            utime = self.cpu_ticks,
            cutime = self.children_ticks,
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
        let text = format!(
            "\nUmask:\t{umask:04o}\nState:\t{} ({name})\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t0\n\
             Uid:\t{}\nGid:\t{}\nFDSize:\t{}\nGroups:\t{groups}\nVmPeak:\t{kib:8} kB\nVmSize:\t{kib:8} kB\n\
             VmHWM:\t{kib:8} kB\nVmRSS:\t{kib:8} kB\nVmData:\t{kib:8} kB\nThreads:\t{}\n\
             SigQ:\t0/{}\nSigPnd:\t{own:016x}\nShdPnd:\t{shared:016x}\nSigBlk:\t{blocked:016x}\n\
             SigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\nNoNewPrivs:\t{no_new_privs}\nSeccomp:\t0\n\
             Cpus_allowed:\t{affinity:x}\n",
            self.state,
            process.pid,
            self.tid,
            self.ppid,
            ids(cred.user),
            ids(cred.group),
            process.fds.lock().len(),
            self.threads,
            crate::process::signal::PENDING_MAX,
        );
        let mut status = b"Name:\t".to_vec();
        status.extend(self.comm.iter().flat_map(|&byte| byte.escape_ascii()));
        status.extend_from_slice(text.as_bytes());
        status
    }
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
