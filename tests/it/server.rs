//! A running `isolet serve` for a test, and `isolet` as a command, both over one shared data directory.
//!
//! The data directory lies in cargo's target folder, so that the built-in programs are compiled once
//! for all tests. A server ends with the test process that started it, however that ends: a small shell
//! around it waits for the end of its own stdin and then sends SIGTERM.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Signal, kill_process_group};

use crate::run::{group_of, run};
use crate::sdk;

/// Compiling every built-in program in a debug build on a busy two-core machine.
const COMPILE_BOUND: Duration = Duration::from_secs(3600);

/// From start to the ready line, with everything compiled.
const READY_BOUND: Duration = Duration::from_secs(900);

/// From SIGTERM to the end.
const STOP_BOUND: Duration = Duration::from_secs(600);

/// The key that servers of tests take.
pub const API_KEY: &str = "e2b_0123456789abcdef0123456789abcdef01234567";

/// Ends its command when stdin ends; passes its exit status on.
const GUARD: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(read -r _ <&3; kill -TERM "$server") >/dev/null 2>&1 &
exec 3<&-
wait "$server""#;

/// `isolet` as a command, over the shared data directory, whose built-in programs are compiled.
pub fn isolet() -> Command {
    static PREPARED: OnceLock<()> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let _held = sdk::lock("isolet-data");
        let mut first = bare();
        run(first.args(["run", "--", "/bin/sh", "-c", ":"]), COMPILE_BOUND).success();
    });
    bare()
}

fn bare() -> Command {
    let built = env!("CARGO_BIN_EXE_isolet").into();
    // A release build, for what is to be measured.
    let mut command = Command::new(std::env::var_os("ISOLET_TEST_BINARY").unwrap_or(built));
    // isolet's own default is $XDG_DATA_HOME/isolet, for `serve` and `run` alike.
    command.env("XDG_DATA_HOME", sdk::cache().join("data")).env_remove("ISOLET_API_KEY");
    command
}

/// The data directory that [`isolet`] uses.
pub fn data_dir() -> PathBuf {
    sdk::cache().join("data/isolet")
}

/// A program that ends when we do, in a process group of its own, with everything it printed.
pub struct Guarded {
    shell: Child,
    log: Arc<Mutex<String>>,
    watchers: Vec<JoinHandle<()>>,
}

impl Guarded {
    /// Starts `program`; `each` sees every line of its standard output.
    fn start(program: &Command, each: impl Fn(&str) + Send + 'static) -> Guarded {
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARD, "sh"]).arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut shell = shell.spawn().expect("sh is there");
        let log = Arc::new(Mutex::new(String::new()));
        let stdout = shell.stdout.take().expect("stdout is piped");
        let stderr = shell.stderr.take().expect("stderr is piped");
        let watchers =
            vec![watch(stdout, Arc::clone(&log), each), watch(stderr, Arc::clone(&log), |_| {})];
        Guarded { shell, log, watchers }
    }

    /// What it has printed so far, both streams.
    pub fn log(&self) -> String {
        self.log.lock().expect("no one panics with this lock").clone()
    }

    /// Sends SIGTERM and returns how it ended and everything it printed.
    #[track_caller]
    pub fn stop(mut self) -> (ExitStatus, String) {
        drop(self.shell.stdin.take());
        let group = group_of(&self.shell);
        let (ended, end) = sync_channel(1);
        let (hung, status) = thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let status = self.shell.wait();
                // The receiver is gone only if the test has already failed.
                let _ = ended.send(());
                status.expect("a child can be waited for")
            });
            let hung = end.recv_timeout(STOP_BOUND).is_err();
            let _ = kill_process_group(group, Signal::KILL);
            (hung, waiter.join().expect("the waiter does not panic"))
        });
        for watcher in self.watchers.drain(..) {
            watcher.join().expect("reading lines does not panic");
        }
        let log = self.log();
        assert!(!hung, "SIGTERM did not end it in {STOP_BOUND:?}:\n{log}");
        (status, log)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = kill_process_group(group_of(&self.shell), Signal::KILL);
        let _ = self.shell.wait();
        if thread::panicking() {
            eprintln!("--- isolet\n{}\n---", self.log());
        }
    }
}

/// A server that a test, or all of them, talk to.
pub struct Server {
    process: Guarded,
    address: SocketAddr,
    domain: String,
}

impl Server {
    /// Starts `isolet serve` on `listen` (port 0: any) for `domain`, and waits for its ready line.
    #[track_caller]
    pub fn start(listen: &str, domain: &str) -> Server {
        Server::start_with(listen, domain, &[])
    }

    /// As [`Server::start`], with further arguments.
    #[track_caller]
    pub fn start_with(listen: &str, domain: &str, more: &[&str]) -> Server {
        Server::start_as(isolet(), listen, domain, more)
    }

    /// As [`Server::start_with`], of a command with an environment of its own.
    #[track_caller]
    pub fn start_as(mut program: Command, listen: &str, domain: &str, more: &[&str]) -> Server {
        program.args(["serve", "--listen", listen, "--domain", domain, "--api-key", API_KEY]);
        program.args(more);
        let (tell, ready) = sync_channel(1);
        let process = Guarded::start(&program, move |line| {
            if let Some(address) = line.strip_prefix("isolet ready on http://") {
                // A second ready line finds the channel full or closed; the first one counts.
                let _ = tell.try_send(address.trim().to_owned());
            }
        });
        let address = ready.recv_timeout(READY_BOUND);
        let Ok(address) = address else {
            panic!("isolet serve printed no ready line: {address:?}\n{}", process.log());
        };
        let address = address.parse().expect("the ready line names the address");
        Server { process, address, domain: domain.to_owned() }
    }

    /// One server that all tests of this process share, on any loopback port.
    pub fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Server::start("127.0.0.1:0", "isolet.localhost:8080"))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The domain it serves, with its port.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What `serve --print-env` prints for this server: lines for a shell.
    pub fn exports(&self) -> String {
        let mut print = isolet();
        print.args(["serve", "--print-env", "--api-key", API_KEY, "--domain", &self.domain]);
        run(print.args(["--listen", &self.address.to_string()]), READY_BOUND).success()
    }

    /// `program` in a shell that the exports were pasted into, and then the lines of `more`.
    pub fn with_exports(&self, program: &Command, more: &str) -> Command {
        let script = format!("{}\n{more}\nexec \"$@\"", self.exports());
        let mut shell = Command::new("bash");
        shell.args(["-c", &script, "bash"]).arg(program.get_program()).args(program.get_args());
        shell
    }

    /// `program` with the SDKs pointed here over plain HTTP, by variables of our own.
    pub fn with_plain_http(&self, mut program: Command) -> Command {
        let url = format!("http://{}", self.address);
        program.env("E2B_API_KEY", API_KEY).env("E2B_API_URL", &url).env("E2B_SANDBOX_URL", &url);
        program
    }

    /// The server's process, for what /proc tells of it.
    pub fn pid(&self) -> u32 {
        let shell = self.process.shell.id();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
        let children = children.expect("Linux lists the children of our child");
        // The shell's other child is the one that waits for the end of stdin: a shell itself.
        let isolet = |pid: &&str| {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
            name.is_ok_and(|name| name.starts_with("isolet"))
        };
        let pid = children.split_whitespace().find(isolet).expect("the server runs");
        pid.parse().expect("a pid")
    }

    /// Sends SIGTERM and returns how the server ended and everything it printed.
    #[track_caller]
    pub fn stop(self) -> (ExitStatus, String) {
        self.process.stop()
    }
}

/// `isolet dns` for `domain` on `listen` (port 0: any), once it is ready, and where; ends with the test process.
#[track_caller]
pub fn start_dns(listen: SocketAddr, domain: &str) -> (Guarded, SocketAddr) {
    let mut program = isolet();
    program.args(["dns", "--listen", &listen.to_string(), "--domain", domain]);
    let (tell, ready) = sync_channel(1);
    let process = Guarded::start(&program, move |line| {
        if let Some(address) = line.strip_prefix("isolet dns ready on ") {
            let _ = tell.try_send(address.trim().to_owned());
        }
    });
    let Ok(address) = ready.recv_timeout(READY_BOUND) else {
        panic!("isolet dns is not ready on {listen}:\n{}", process.log());
    };
    (process, address.parse().expect("the ready line names the address"))
}

fn watch(
    stream: impl Read + Send + 'static,
    log: Arc<Mutex<String>>,
    each: impl Fn(&str) + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line);
            let mut log = log.lock().expect("no one panics with this lock");
            log.push_str(&line);
            log.push('\n');
            drop(log);
            each(&line);
        }
    })
}
