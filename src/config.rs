//! Every setting, limit and default of isolet, with its unit.
//!
//! Limits are per sandbox unless the name says otherwise. Numbers follow E2B where it has one.

use ipnet::IpNet;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of one [`Runtime`](crate::Runtime).
#[derive(Clone, Debug)]
pub struct Config {
    /// Where compiled code, keys and state live. Made if missing, with mode 0700.
    pub data_dir: PathBuf,
    /// Where content of sandboxes' files goes that memory is too small for ([`Limits::file_memory_bytes_max`]), in files without a
    /// name: not into memory again (tmpfs), and where there is room. Made if missing, with mode 0700; `None`: the data directory.
    pub spill_dir: Option<PathBuf>,
    /// Folders of further images (`image.toml` and `blobs`), trusted as the built-in ones are.
    pub images: Vec<PathBuf>,
    /// Limits of sandboxes that ask for none of their own.
    pub limits: Limits,
    /// Special-purpose ranges that guests may reach all the same, as far as their policy lets them. An address of this host
    /// itself is opened only by its very own `/32` or `/128`.
    pub open_ranges: Vec<IpNet>,
    /// Live sandboxes in this host process.
    pub sandboxes_max: usize,
    /// Worker threads that run guests; 0 means one per core.
    pub guest_threads: usize,
    /// The `isolet` program, of this crate's version: it compiles users' own WebAssembly, in a process of its own for each
    /// (`isolet compile-wasm`). `None`: only programs of images run; any other says why on its standard error.
    pub compiler: Option<PathBuf>,
    /// What such a compilation may use.
    pub compile: CompileLimits,
    /// Lifetime of a sandbox that asks for none.
    pub timeout_default: Duration,
    /// The longest lifetime that can be asked for.
    pub timeout_max: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: default_data_dir(),
            spill_dir: None,
            images: Vec::new(),
            limits: Limits::default(),
            open_ranges: Vec::new(),
            sandboxes_max: 1000,
            guest_threads: 0,
            compiler: None,
            compile: CompileLimits::default(),
            timeout_default: Duration::from_secs(300),
            timeout_max: Duration::from_secs(24 * 3600),
        }
    }
}

/// `$XDG_DATA_HOME/isolet`, else `~/.local/share/isolet`, else `./.isolet`.
fn default_data_dir() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(data) = set("XDG_DATA_HOME") {
        return data.join("isolet");
    }
    set("HOME").map_or_else(|| PathBuf::from(".isolet"), |home| home.join(".local/share/isolet"))
}

/// What compiling one program of a user's may use, and what is kept of it.
#[derive(Clone, Debug)]
pub struct CompileLimits {
    /// The WebAssembly file, in bytes.
    pub wasm_bytes_max: u64,
    /// Its machine code, in bytes.
    pub code_bytes_max: u64,
    /// Address space of the compiling process, in bytes (`RLIMIT_AS`).
    pub address_space_bytes_max: u64,
    /// Processor time of it, in whole seconds (`RLIMIT_CPU`).
    pub cpu_max: Duration,
    /// Time by the clock.
    pub time_max: Duration,
    /// Compilations at a time in this host process; of one owner's sandboxes it is one.
    pub at_a_time: usize,
    /// How long one keeps its place while another owner's waits for one: then it goes on behind all others, at the lowest priority.
    pub slice: Duration,
    /// Compilations that go on so. When there are as many, one whose slice is over while others wait is given up.
    pub behind: usize,
    /// Machine code of all users' programs kept in the data directory, in bytes; what was not used for longest goes first.
    pub kept_bytes_max: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            wasm_bytes_max: 64 << 20,
            code_bytes_max: 512 << 20,
            address_space_bytes_max: 4 << 30,
            cpu_max: Duration::from_secs(180),
            time_max: Duration::from_secs(600),
            at_a_time: 2,
            slice: Duration::from_secs(10),
            behind: 4,
            kept_bytes_max: 2 << 30,
        }
    }
}

/// What one sandbox may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Linear memories of all processes, plus kernel buffers, in bytes.
    pub memory_bytes_max: u64,
    /// Content of the writable file layer, in bytes.
    pub disk_bytes_max: u64,
    /// Of that, what is kept in this process's memory, in bytes; the rest lies in the host's file system
    /// ([`Config::spill_dir`]). Of one file it is at most the first MiB.
    pub file_memory_bytes_max: u64,
    /// Files, directories, links... of the writable layer.
    pub inodes_max: u64,
    /// Processes alive or waiting to be reaped.
    pub processes_max: usize,
    /// Threads of all processes.
    pub threads_max: usize,
    /// Open descriptors of one process (`RLIMIT_NOFILE`).
    pub descriptors_max: usize,
    /// Sockets of the sandbox.
    pub sockets_max: usize,
    /// Connections and datagram sockets to the outside at a time.
    pub connections_out_max: usize,
    /// Bytes that pass to and from the outside in a second, both ways together; `None` for as many as there are.
    pub bandwidth_bytes_per_second: Option<u64>,
    /// Bytes of arguments and environment of one program together (`ARG_MAX`).
    pub arguments_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 512 << 20,
            disk_bytes_max: 1 << 30,
            file_memory_bytes_max: 16 << 20,
            inodes_max: 200_000,
            processes_max: 256,
            threads_max: 1024,
            descriptors_max: 1024,
            sockets_max: 4096,
            connections_out_max: 512,
            bandwidth_bytes_per_second: None,
            arguments_bytes_max: 2 << 20,
        }
    }
}
