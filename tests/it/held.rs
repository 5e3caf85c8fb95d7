//! What a server's process holds, as Linux tells it: memory now and at its peak, descriptors, and the blocks of files without a
//! name. Not what of it is whose: a test that looks has a server of its own.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use crate::http::request;
use crate::server::Server;

/// For what ends in the background after the last sandbox is killed.
const SETTLE_BOUND: Duration = Duration::from_secs(600);

/// Over a hundred programs are compiled at the lowest priority beside other tests.
const COMPILE_BOUND: Duration = Duration::from_secs(3600);

/// Descriptors that come and go by themselves: the connection of the look itself, programs that are compiled in the background.
pub const PASSING: usize = 4;

/// What a server holds.
#[derive(Clone, Copy)]
pub struct Held {
    /// Its resident memory.
    pub resident_bytes: u64,
    /// Its open descriptors.
    pub descriptors: usize,
}

impl Held {
    /// What it holds now, once it compiles no program in the background.
    pub fn by(server: &Server) -> Held {
        wait_until_compiled(server);
        let pid = server.pid();
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("our own child").count();
        Held { resident_bytes: status_bytes(pid, "VmRSS:"), descriptors }
    }

    /// The same once it is as `good` says, or after a bound.
    pub fn settled(server: &Server, good: impl Fn(Held) -> bool) -> Held {
        let deadline = Instant::now() + SETTLE_BOUND;
        let host = server.address().to_string();
        loop {
            // An answered request has gone through all of the server's loops.
            assert_eq!(request(server, ("GET", "/health"), &host, &[], b"").status, 200);
            let held = Held::by(server);
            if good(held) || Instant::now() > deadline {
                return held;
            }
        }
    }

    /// Whether nothing grew since `before` but memory by `growth_bytes` and descriptors by [`PASSING`].
    pub fn is_flat_since(self, before: Held, growth_bytes: u64) -> bool {
        self.resident_bytes <= before.resident_bytes + growth_bytes
            && self.descriptors <= before.descriptors + PASSING
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB resident, {} descriptors", self.resident_bytes >> 20, self.descriptors)
    }
}

/// A figure of /proc/PID/status in bytes.
pub fn status_bytes(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).expect("a line of Linux");
    kib.trim().parse::<u64>().expect("a number") << 10
}

/// Waits until the server has compiled the programs that nobody has used yet: the compiler's memory is not what is looked for.
fn wait_until_compiled(server: &Server) {
    let deadline = Instant::now() + COMPILE_BOUND;
    let tasks = format!("/proc/{}/task", server.pid());
    loop {
        let threads = fs::read_dir(&tasks).expect("our own child").flatten();
        let names = threads.map(|thread| fs::read_to_string(thread.path().join("comm")));
        if !names.flatten().any(|name| name.trim() == "isolet-ahead") {
            return;
        }
        assert!(Instant::now() < deadline, "programs are still compiled in the background");
        // Looking without a pause would leave the lowest priority nothing to run on.
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A TCP socket of IPv4 as the kernel lists it (proc(5)): addresses in hexadecimal.
pub struct Listed {
    /// `ADDRESS:PORT` of its own.
    pub local: String,
    /// `ADDRESS:PORT` of the other side.
    pub remote: String,
    /// As in include/net/tcp_states.h.
    pub state: String,
    /// Whether a program has a descriptor of it: not while it waits to be accepted.
    pub is_held: bool,
}

/// Waits until so many TCP sockets of this network namespace are as `wanted` says.
#[track_caller]
pub fn wait_for_sockets(count: usize, wanted: impl Fn(&Listed) -> bool) {
    let deadline = Instant::now() + SETTLE_BOUND;
    loop {
        let now = sockets(&wanted);
        if now == count {
            return;
        }
        assert!(Instant::now() < deadline, "{now} sockets, not {count}");
        std::thread::yield_now();
    }
}

/// How many TCP sockets of this network namespace are as `wanted` says.
pub fn sockets(wanted: impl Fn(&Listed) -> bool) -> usize {
    let text = fs::read_to_string("/proc/net/tcp").expect("the kernel lists its sockets");
    let listed = text.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        Listed {
            local: fields[1].to_owned(),
            remote: fields[2].to_owned(),
            state: fields[3].to_owned(),
            is_held: fields[9] != "0",
        }
    });
    listed.filter(wanted).count()
}

/// By how much resident memory was ever above what it was at the start, while `work` was done.
pub fn peak_growth<T>(server: &Server, work: impl FnOnce() -> T) -> (u64, T) {
    wait_until_compiled(server);
    let pid = server.pid();
    // proc(5): 5 resets the peak to what it is now.
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("our own child");
    let before = status_bytes(pid, "VmRSS:");
    let done = work();
    (status_bytes(pid, "VmHWM:").saturating_sub(before), done)
}

/// Bytes of the host's disk under the server's open files that have no name: its sandboxes' spill files.
pub fn spilled_bytes(server: &Server) -> u64 {
    let entries = fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("our own child");
    let mut bytes = 0;
    for entry in entries {
        let path = entry.expect("a descriptor").path();
        // One that was closed meanwhile is none.
        let (Ok(target), Ok(data)) = (fs::read_link(&path), fs::metadata(&path)) else { continue };
        let unnamed = data.is_file() && target.to_string_lossy().ends_with(" (deleted)");
        if unnamed && !target.to_string_lossy().contains("memfd:") {
            bytes += data.blocks() * 512;
        }
    }
    bytes
}
