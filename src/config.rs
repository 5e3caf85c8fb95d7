//! Every setting, limit and default of isolet, with its unit.
//!
//! Limits are per sandbox unless the name says otherwise. Numbers follow E2B where it has one.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of one [`Runtime`](crate::Runtime).
#[derive(Clone, Debug)]
pub struct Config {
    /// Where compiled code, keys and state live. Made if missing, with mode 0700.
    pub data_dir: PathBuf,
    /// Folders of further images (`image.toml` and `blobs`), trusted as the built-in ones are.
    pub images: Vec<PathBuf>,
    /// Limits of sandboxes that ask for none of their own.
    pub limits: Limits,
    /// Live sandboxes in this host process.
    pub sandboxes_max: usize,
    /// Worker threads that run guests; 0 means one per core.
    pub guest_threads: usize,
    /// Lifetime of a sandbox that asks for none.
    pub timeout_default: Duration,
    /// The longest lifetime that can be asked for.
    pub timeout_max: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: default_data_dir(),
            images: Vec::new(),
            limits: Limits::default(),
            sandboxes_max: 1000,
            guest_threads: 0,
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

/// What one sandbox may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Linear memories of all processes, plus kernel buffers, in bytes.
    pub memory_bytes_max: u64,
    /// Content of the writable file layer, in bytes.
    pub disk_bytes_max: u64,
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
    /// Bytes of arguments and environment of one program together (`ARG_MAX`).
    pub arguments_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 512 << 20,
            disk_bytes_max: 1 << 30,
            inodes_max: 200_000,
            processes_max: 256,
            threads_max: 1024,
            descriptors_max: 1024,
            sockets_max: 4096,
            arguments_bytes_max: 2 << 20,
        }
    }
}
