//! What the files of /proc say that are about no process, in the formats of proc(5).
//!
//! Numbers that have no meaning here (page faults, kernel addresses) are 0, which is what proc(5) allows or Linux tells those
//! who may not know.

use super::sockets;
use crate::process::budget::FILES_MAX;
use crate::process::kernel::Kernel;
use crate::process::tree::{INIT, PID_MAX};
use crate::process::{inotify, pipe, release};
use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

/// Bytes of a page as programs are told (`AT_PAGESZ`): WebAssembly's.
pub(super) const PAGE_BYTES: u64 = 65536;
/// Nanoseconds of a clock tick (`AT_CLKTCK`).
pub(super) const TICK_NS: u64 = 10_000_000;

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
    FilesMax,
    FileNumbers,
    Partitions,
    Swaps,
    VmStat,
    Devices,
    PtyCount,
    InotifyInstances,
    InotifyWatches,
    EpollWatches,
    /// A table of sockets.
    Net(sockets::Table),
    /// A text that never changes, by its place in [`super::constants::CONSTANTS`].
    Constant(usize),
}

impl Global {
    /// A number of its own.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::CpuInfo => 0,
            Self::FileSystems => 1,
            Self::LoadAverage => 2,
            Self::MemInfo => 3,
            Self::Stat => 4,
            Self::Uptime => 5,
            Self::Version => 6,
            Self::Hostname => 7,
            Self::OsRelease => 8,
            Self::OsType => 9,
            Self::SysVersion => 10,
            Self::PidMax => 11,
            Self::ThreadsMax => 12,
            Self::BootId => 13,
            Self::Uuid => 14,
            Self::Overcommit => 15,
            Self::DescriptorsMax => 16,
            Self::PipeMax => 17,
            Self::FilesMax => 18,
            Self::FileNumbers => 19,
            Self::Partitions => 20,
            Self::Swaps => 21,
            Self::VmStat => 22,
            Self::Devices => 23,
            Self::PtyCount => 24,
            Self::InotifyInstances => 25,
            Self::InotifyWatches => 26,
            Self::EpollWatches => 27,
            Self::Net(table) => 64 + table as u64,
            Self::Constant(index) => 128 + index as u64,
        }
    }
}

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
        Global::FilesMax => line(FILES_MAX.to_string()),
        Global::FileNumbers => line(format!("{}\t0\t{FILES_MAX}", kernel.files.used())),
        Global::Partitions => b"major minor  #blocks  name\n\n".to_vec(),
        Global::Swaps => b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_vec(),
        Global::VmStat => vm_stat(kernel),
        Global::Devices => {
            b"Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n"
                .to_vec()
        }
        Global::PtyCount => line(kernel.terminals.list().len().to_string()),
        Global::InotifyInstances => line(inotify::INSTANCES_MAX.to_string()),
        Global::InotifyWatches => line(inotify::WATCHES_MAX.to_string()),
        Global::EpollWatches => line(crate::process::epoll::WATCHES_MAX.to_string()),
        Global::Net(table) => sockets::table(kernel, table),
        Global::Constant(index) => line(super::constants::CONSTANTS[index].2.to_owned()),
    }
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

/// What vmstat(8) looks at: pages of 4 KiB, and nothing ever is paged.
fn vm_stat(kernel: &Kernel) -> Vec<u8> {
    let (free, used) = (kernel.memory_free() >> 12, kernel.memory.used() >> 12);
    format!(
        "nr_free_pages {free}\nnr_inactive_anon 0\nnr_active_anon {used}\nnr_inactive_file 0\nnr_active_file 0\n\
         nr_anon_pages {used}\nnr_mapped 0\nnr_file_pages 0\nnr_dirty 0\nnr_writeback 0\nnr_shmem 0\n\
         nr_slab_reclaimable 0\nnr_slab_unreclaimable 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n\
         pgfault 0\npgmajfault 0\npgfree 0\npgsteal_kswapd 0\noom_kill 0\n"
    )
    .into_bytes()
}

fn stat(kernel: &Kernel) -> Vec<u8> {
    let cpus = u64::from(kernel.cpus);
    let available = kernel.age_ns().saturating_mul(cpus);
    let used = kernel.cpu_used();
    let idle = available.saturating_sub(used.total_ns());
    let [user, system, idle] = [used.user_ns, used.system_ns, idle].map(|ns| ns / TICK_NS);
    let mut text = format!("cpu  {user} 0 {system} {idle} 0 0 0 0 0 0\n");
    for cpu in 0..cpus {
        // Nobody knows which one ran what.
        let [user, system, idle] = [user, system, idle].map(|ticks| ticks / cpus);
        let _infallible = writeln!(text, "cpu{cpu} {user} 0 {system} {idle} 0 0 0 0 0 0");
    }
    let booted = kernel.booted_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let processes = kernel.processes();
    let running = processes.iter().filter(|process| process.is_running()).count();
    let _infallible = write!(
        text,
        "intr 0\nctxt 0\nbtime {booted}\nprocesses {}\nprocs_running {running}\nprocs_blocked 0\nsoftirq 0\n",
        kernel.forked()
    );
    text.into_bytes()
}

fn uptime(kernel: &Kernel) -> Vec<u8> {
    let up = kernel.booted.elapsed().as_secs_f64();
    let used = kernel.cpu_used().total_ns() as f64 / 1e9;
    let idle = (up * f64::from(kernel.cpus) - used).max(0.0);
    format!("{up:.2} {idle:.2}\n").into_bytes()
}
