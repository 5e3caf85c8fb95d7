//! Running host programs from a test: bounded in time, killed as a group, everything printed kept.
//!
//! Not for guests: those run in sandboxes, started through isolet.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// What a program did.
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// Its standard error, invalid UTF-8 replaced.
    pub stderr: String,
}

impl Output {
    /// Its standard output, if it ended with 0; otherwise the test fails and shows all it printed.
    #[track_caller]
    pub fn success(self) -> String {
        assert!(self.status.success(), "ended with {}\n{}", self.status, self.transcript());
        self.stdout
    }

    /// Both streams, for a failure's message.
    pub fn transcript(&self) -> String {
        format!("--- stdout\n{}\n--- stderr\n{}\n---", self.stdout, self.stderr)
    }
}

/// Starts `command` in a process group of its own with nothing on stdin, waits for it at most `bound`,
/// and returns what it did. A program that takes longer is killed with its children and fails the test.
#[track_caller]
pub fn run(command: &mut Command, bound: Duration) -> Output {
    attempt(command, bound).unwrap_or_else(|output| {
        panic!("hung for {bound:?}, killed: {command:?}\n{}", output.transcript())
    })
}

/// As [`run`], but a program that took longer is the caller's to judge: it is an `Err` with what was printed.
#[track_caller]
pub fn attempt(command: &mut Command, bound: Duration) -> Result<Output, Output> {
    let shown = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
    let group = group_of(&child);
    let stdout = collect(child.stdout.take().expect("stdout is piped"));
    let stderr = collect(child.stderr.take().expect("stderr is piped"));
    let (ended, end) = sync_channel(1);
    let waiter = thread::spawn(move || {
        let status = child.wait();
        // The receiver is gone only if the test has already failed.
        let _ = ended.send(());
        status.expect("a child can be waited for")
    });
    let hung = end.recv_timeout(bound) == Err(RecvTimeoutError::Timeout);
    if hung {
        kill_tree(group);
    }
    // Also after an ordinary end: a child left behind would hold the pipes open for ever.
    let _ = kill_process_group(group, Signal::KILL);
    let status = waiter.join().expect("the waiter does not panic");
    let text = |bytes: thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&bytes.join().expect("the reader does not panic")).into_owned()
    };
    let output = Output { status, stdout: text(stdout), stderr: text(stderr) };
    if hung { Err(output) } else { Ok(output) }
}

/// Starts `command`, shows `seen` each line it prints on either stream until `seen` returns something, and
/// kills it then. A program that ends or takes longer than `bound` before that fails the test.
#[track_caller]
pub fn watch_until<T>(
    command: &mut Command,
    bound: Duration,
    mut seen: impl FnMut(&str) -> Option<T>,
) -> T {
    let shown = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
    let (tell, lines) = sync_channel(64);
    let streams: [Box<dyn Read + Send>; 2] = [
        Box::new(child.stdout.take().expect("stdout is piped")),
        Box::new(child.stderr.take().expect("stderr is piped")),
    ];
    for stream in streams {
        let tell = tell.clone();
        thread::spawn(move || {
            let lines = BufReader::new(stream).split(b'\n').map_while(Result::ok);
            // The receiver is gone once it has seen what it waited for.
            lines.into_iter().try_for_each(|line| tell.send(line))
        });
    }
    drop(tell);
    let deadline = Instant::now() + bound;
    let mut transcript = String::new();
    let mut found = None;
    while found.is_none() {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(line) = lines.recv_timeout(left) else { break };
        let line = String::from_utf8_lossy(&line);
        transcript.push_str(&line);
        transcript.push('\n');
        found = seen(line.trim_end_matches('\r'));
    }
    let _ = kill_process_group(group_of(&child), Signal::KILL);
    let status = child.wait().expect("a child can be waited for");
    found.unwrap_or_else(|| panic!("not seen within {bound:?} ({status}): {shown}\n{transcript}"))
}

/// Kills a process and all below it, in whatever sessions and groups they are.
fn kill_tree(top: Pid) {
    let mut left = vec![top];
    while let Some(pid) = left.pop() {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for task in tasks {
            // One that has just ended has no children.
            let children = std::fs::read_to_string(task.path().join("children"));
            let children = children.unwrap_or_default();
            let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
            left.extend(pids.filter_map(Pid::from_raw));
        }
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// The process group that a child started with `process_group(0)` leads.
pub fn group_of(child: &Child) -> Pid {
    let id = i32::try_from(child.id()).expect("a pid fits an i32");
    Pid::from_raw(id).expect("a pid is not zero")
}

fn collect(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A broken stream still leaves what was read before it.
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

#[test]
fn a_hang_is_a_failure_that_shows_the_output_and_leaves_nothing() {
    // It waits before it has printed, and after that: for as long as the first takes on this machine.
    let mut bound = Duration::from_millis(500);
    let left = loop {
        let failure = std::panic::catch_unwind(|| {
            let mut command = Command::new("sh");
            run(command.args(["-c", "setsid sleep 100000 & echo $!; wait"]), bound);
        })
        .expect_err("the bound is shorter than the command");
        let message = failure.downcast_ref::<String>().expect("a formatted message");
        assert!(message.contains("hung"), "{message}");
        let printed = message.split_once("--- stdout\n").expect("a transcript").1;
        let pid = printed.lines().next().unwrap_or_default();
        if !pid.is_empty() {
            break pid.to_owned();
        }
        bound *= 2;
        assert!(bound < Duration::from_secs(300), "{message}");
    };
    let deadline = Instant::now() + Duration::from_secs(300);
    let stat = || std::fs::read_to_string(format!("/proc/{left}/stat"));
    // Gone, or ended and not yet waited for by whoever adopted it.
    while stat().is_ok_and(|stat| stat.contains("(sleep)") && !stat.contains(") Z")) {
        assert!(Instant::now() < deadline, "{left} lives");
        thread::yield_now();
    }
}
