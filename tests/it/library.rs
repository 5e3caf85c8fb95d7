//! The crate, embedded: sandboxes in this very process, killed from every state, bounded, and gone without a trace.

use std::sync::OnceLock;
use std::time::Duration;

use isolet::{
    Child, Command, Config, Egress, EndReason, Error, Limits, Runtime, Sandbox, SandboxConfig,
    Stdio,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::OnceCell;

use crate::alone::alone;
use crate::server::{data_dir, isolet};

/// A hang is a failure.
const BOUND: Duration = Duration::from_secs(1800);

/// From a kill to the end.
const KILL_BOUND: Duration = Duration::from_secs(300);

/// Runs `test` on an async runtime that outlives it, within [`BOUND`].
fn block_on<T>(test: impl Future<Output = T>) -> T {
    static TOKIO: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let tokio = TOKIO.get_or_init(|| tokio::runtime::Runtime::new().expect("threads start"));
    drop(isolet()); // compiles the built-in programs, once for all tests
    tokio.block_on(async { tokio::time::timeout(BOUND, test).await.expect("it hangs") })
}

/// One runtime for all tests of this file, over the shared code cache.
async fn runtime() -> &'static Runtime {
    static RUNTIME: OnceCell<Runtime> = OnceCell::const_new();
    let config = Config { data_dir: data_dir(), ..Config::default() };
    RUNTIME.get_or_init(|| async { Runtime::new(config).await.expect("the runtime starts") }).await
}

async fn sandbox() -> Sandbox {
    let wanted =
        SandboxConfig::new("python", Egress::deny_all()).timeout(Duration::from_secs(7200));
    runtime().await.create(wanted).await.expect("a sandbox")
}

fn spawn(sandbox: &Sandbox, program: &str, args: &[&str]) -> Child {
    let user = sandbox.user("user").expect("every image has this user");
    let command = Command::new(program).args(args.iter().copied()).login_env(sandbox, &user);
    let command = command.stdin(Stdio::Piped).stdout(Stdio::Piped).stderr(Stdio::Piped);
    sandbox.spawn(command).expect("the program starts")
}

async fn line(child: &Child) -> String {
    let mut stdout = BufReader::new(child.take_stdout().expect("piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).await.expect("a pipe is read");
    line
}

async fn output(child: &Child) -> (Option<i32>, String, String) {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    drop(child.take_stdin());
    let (mut out, mut err) =
        (child.take_stdout().expect("piped"), child.take_stderr().expect("piped"));
    let (a, b) = tokio::join!(out.read_to_string(&mut stdout), err.read_to_string(&mut stderr));
    a.and(b).expect("pipes are read");
    (child.wait().await.code, stdout, stderr)
}

/// What a killed program was doing, and a program that does it after it has printed a line.
const STATES: &[(&str, &[&str])] = &[
    ("computing in a shell", &["bash", "-c", "echo go; while :; do :; done"]),
    ("computing in Python", &["python3", "-uc", "print('go')\nwhile True: pass"]),
    ("computing in C, inside one call", &["python3", "-uc", "print('go'); 7 ** 10 ** 8"]),
    ("sleeping", &["sh", "-c", "echo go; exec sleep 1000"]),
    ("reading a pipe", &["sh", "-c", "echo go; exec cat"]),
    ("writing a full pipe", &["sh", "-c", "echo go; yes | sleep 1000"]),
    ("waiting for a child", &["sh", "-c", "echo go; sleep 1000; echo no"]),
    ("opening a FIFO", &["sh", "-c", "mkfifo /tmp/f; echo go; cat /tmp/f"]),
    (
        "accepting",
        &[
            "python3",
            "-uc",
            "import socket\ns = socket.create_server(('', 8000))\nprint('go')\ns.accept()",
        ],
    ),
    (
        "connecting",
        &[
            "python3",
            "-uc",
            "import socket\ns = socket.create_server(('', 8001), backlog=0)\nprint('go')\n\
             l = [socket.create_connection(('127.0.0.1', 8001)) for _ in range(1000)]",
        ],
    ),
    ("polling", &["python3", "-uc", "import select\nprint('go')\nselect.select([], [], [], 1000)"]),
    (
        "waiting for a lock",
        &[
            "python3",
            "-uc",
            "import threading\nl = threading.Lock(); l.acquire()\nprint('go')\nl.acquire()",
        ],
    ),
    (
        "with threads in all of these",
        &[
            "python3",
            "-uc",
            "import threading, time, socket, os\n\
             def spin():\n while True: pass\n\
             for f in spin, spin, lambda: time.sleep(1000), lambda: os.read(0, 1), lambda: socket.create_server(('', 8002)).accept():\n \
             threading.Thread(target=f).start()\n\
             print('go')",
        ],
    ),
];

#[test]
fn kill_ends_a_program_in_every_state() {
    block_on(async {
        let sandbox = sandbox().await;
        for (state, command) in STATES {
            let child = spawn(&sandbox, command[0], &command[1..]);
            assert_eq!(line(&child).await, "go\n", "{state}");
            child.signal(9).expect("it runs");
            let status = tokio::time::timeout(KILL_BOUND, child.wait()).await;
            let status = status.unwrap_or_else(|_| panic!("not killed while {state}"));
            assert_eq!((status.code, status.signal), (None, Some(9)), "{state}");
        }
        sandbox.kill().await;
    });
}

#[test]
fn killing_a_sandbox_ends_all_of_it_in_every_state() {
    block_on(async {
        for (state, command) in STATES {
            let sandbox = sandbox().await;
            let child = spawn(&sandbox, command[0], &command[1..]);
            assert_eq!(line(&child).await, "go\n", "{state}");
            let killed = tokio::time::timeout(KILL_BOUND, sandbox.kill()).await;
            killed.unwrap_or_else(|_| panic!("not killed while {state}"));
            assert!(child.has_ended(), "{state}");
            assert!(runtime().await.get(sandbox.id()).is_none(), "{state}");
            assert!(sandbox.connect(8000).await.is_err(), "{state}");
            assert!(sandbox.user("user").is_none(), "its files are gone: {state}");
            sandbox.kill().await; // a second time is no error
        }
    });
}

#[test]
fn a_sandbox_ends_at_its_timeout_and_not_before_a_longer_one() {
    block_on(async {
        let wanted =
            SandboxConfig::new("base", Egress::deny_all()).timeout(Duration::from_secs(3600));
        let sandbox = runtime().await.create(wanted).await.expect("a sandbox");
        let child = spawn(&sandbox, "sleep", &["1000"]);
        sandbox.set_timeout(Duration::from_millis(50)).expect("in range");
        assert_eq!(sandbox.ended().await, EndReason::TimedOut);
        assert_eq!(child.wait().await.signal, Some(9));
        let refused = sandbox.set_timeout(Duration::ZERO).expect_err("zero is no timeout");
        assert!(refused.to_string().contains("timeout"), "{refused}");
    });
}

#[test]
fn memory_is_one_limit_for_all_processes() {
    block_on(async {
        let limits = Limits { memory_bytes_max: 128 << 20, ..Limits::default() };
        let wanted = SandboxConfig::new("python", Egress::deny_all()).limits(limits);
        let wanted = wanted.timeout(Duration::from_secs(7200));
        let sandbox = runtime().await.create(wanted).await.expect("a sandbox");
        let program = "
try:
    bytearray(256 << 20)
    print('got it')
except MemoryError:
    print('MemoryError')
print(len(bytearray(32 << 20)))
";
        let child = spawn(&sandbox, "python3", &["-c", program]);
        let (code, stdout, stderr) = output(&child).await;
        assert_eq!((code, stdout.as_str()), (Some(0), "MemoryError\n33554432\n"), "{stderr}");
        let holder =
            "import sys\nx = bytearray(64 << 20)\nprint('held', flush=True)\nsys.stdin.read()";
        let first = spawn(&sandbox, "python3", &["-c", holder]);
        assert_eq!(line(&first).await, "held\n");
        let second = spawn(&sandbox, "python3", &["-c", holder]);
        let (code, stdout, stderr) = output(&second).await;
        assert!(code != Some(0) && stdout.is_empty(), "{code:?} {stdout} {stderr}");
        first.signal(9).expect("it runs");
        first.wait().await;
        let (code, stdout, stderr) = output(&spawn(&sandbox, "python3", &["-c", holder])).await;
        assert_eq!((code, stdout.as_str()), (Some(0), "held\n"), "memory came back: {stderr}");
        sandbox.kill().await;
    });
}

#[test]
fn a_descriptor_that_reads_about_itself_answers() {
    block_on(async {
        let sandbox = sandbox().await;
        let script =
            "exec 5</dev/null; exec 5</proc/self/fdinfo/5; read -r line <&5; echo \"$line\"";
        let child = spawn(&sandbox, "bash", &["-c", script]);
        let (code, stdout, stderr) = output(&child).await;
        assert_eq!((code, stdout.as_str()), (Some(0), "pos:\t0\n"), "{stderr}");
        sandbox.kill().await;
    });
}

#[test]
fn copies_of_programs_run_and_other_files_do_not() {
    block_on(async {
        let sandbox = sandbox().await;
        let script = "cp /usr/bin/dash mysh && ./mysh -c 'echo copied'; printf '\\0asm' >fake; chmod +x fake; \
                      ./fake; echo $?; truncate -s 60M fake; ./fake; echo $?";
        let child = spawn(&sandbox, "sh", &["-c", script]);
        let (_, stdout, stderr) = output(&child).await;
        assert_eq!(stdout, "copied\n126\n126\n", "{stderr}");
        sandbox.kill().await;
    });
}

#[test]
fn a_fork_bomb_is_the_problem_of_its_sandbox_alone() {
    block_on(async {
        let (attacker, victim) = (sandbox().await, sandbox().await);
        let bomb = spawn(&attacker, "bash", &["-c", "echo go; b() { b | b & }; b; sleep 1000"]);
        assert_eq!(line(&bomb).await, "go\n");
        for _ in 0..5 {
            let child = spawn(&victim, "sh", &["-c", "echo fine | cat"]);
            assert_eq!(output(&child).await, (Some(0), "fine\n".into(), String::new()));
        }
        attacker.kill().await;
        victim.kill().await;
    });
}

#[test]
fn a_program_that_is_not_read_waits_and_loses_nothing() {
    block_on(async {
        let sandbox = sandbox().await;
        let child = spawn(&sandbox, "sh", &["-c", "head -c 4000000 /dev/zero; echo done >&2"]);
        let mut stderr = child.take_stderr().expect("piped");
        let mut byte = [0];
        let early = tokio::time::timeout(Duration::from_millis(300), stderr.read(&mut byte)).await;
        assert!(early.is_err(), "the writer did not wait for its reader");
        let mut stdout = child.take_stdout().expect("piped");
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).await.expect("a pipe is read");
        assert_eq!(bytes.len(), 4_000_000);
        assert_eq!(child.wait().await.code, Some(0));
        sandbox.kill().await;
    });
}

#[test]
fn a_port_is_dialled_in_process_and_streams_both_ways() {
    block_on(async {
        let sandbox = sandbox().await;
        let program = "
import socket
s = socket.create_server(('', 7007))
print('ready', flush=True)
c, _ = s.accept()
while data := c.recv(65536):
    c.sendall(data)
";
        let child = spawn(&sandbox, "python3", &["-c", program]);
        assert_eq!(line(&child).await, "ready\n");
        assert!(sandbox.listening(7007) && sandbox.listeners() == [7007]);
        let stream = sandbox.connect(7007).await.expect("it listens");
        let (mut reader, mut writer) = tokio::io::split(stream);
        let sent: Vec<u8> = (0..1_000_000u32).map(|n| n.to_le_bytes()[1]).collect();
        let expected = sent.clone();
        let write = async move {
            writer.write_all(&sent).await.expect("it reads");
            writer.shutdown().await.expect("half-close");
        };
        let mut received = Vec::new();
        let read = reader.read_to_end(&mut received);
        let ((), read) = tokio::join!(write, read);
        read.expect("it answers");
        assert!(received == expected, "{} bytes came back", received.len());
        assert!(matches!(sandbox.connect(7008).await, Err(Error::Host { .. })));
        sandbox.kill().await;
    });
}

#[test]
fn a_thousand_sandboxes_come_and_go_and_leave_nothing() {
    let name = "library::a_thousand_sandboxes_come_and_go_and_leave_nothing";
    alone(name, || block_on(come_and_go()));
}

async fn come_and_go() {
    let round = async || {
        for _ in 0..10 {
            let mut creating = tokio::task::JoinSet::new();
            for _ in 0..20 {
                creating.spawn(async {
                    let sandbox = sandbox().await;
                    let child = spawn(&sandbox, "sh", &["-c", "echo $$"]);
                    let (code, ..) = output(&child).await;
                    sandbox.kill().await;
                    code
                });
            }
            while let Some(code) = creating.join_next().await {
                assert_eq!(code.expect("no panic"), Some(0));
            }
        }
    };
    round().await;
    let before = mappings();
    for _ in 0..4 {
        round().await;
    }
    let after = mappings();
    // Stacks of pooled threads come and go, two each; a leaked memory would be 800 of them.
    assert!(after < before + 400, "{before} mappings before, {after} after");
}

/// Memory maps of this process.
fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").expect("procfs").lines().count()
}
