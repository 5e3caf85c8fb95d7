//! Threads of a Python in a sandbox: under the GIL as on Linux, none starves another.

use std::time::Duration;

use crate::run::run;
use crate::server::isolet;

const BOUND: Duration = Duration::from_secs(900);

#[test]
fn a_held_connection_and_a_spinner_stop_nobody() {
    let mut command = isolet();
    command.args(["run", "--", "python3", "-c", include_str!("../guests/threads.py")]);
    assert_eq!(run(&mut command, BOUND).success(), "20 answered\n");
}

#[test]
fn a_pool_of_threads_loses_no_update() {
    let program = "
import concurrent.futures, threading
lock, total = threading.Lock(), [0]
def add(n):
    for _ in range(n):
        with lock:
            total[0] += 1
    return n
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(add, [5000] * 16)), total[0])
";
    let mut command = isolet();
    let printed = run(command.args(["run", "--", "python3", "-c", program]), BOUND).success();
    assert_eq!(printed, "80000 80000\n");
}

#[test]
fn memory_that_an_ended_thread_grew_is_everyones() {
    let program = "
import threading
kept = []
for n in range(1, 30):
    thread = threading.Thread(target=lambda: kept.append(bytearray(n * 300_000)))
    thread.start()
    thread.join()
    kept[-1][-1] = 1
    kept.append(bytearray(n * 100_000))
print(sum(map(len, kept)))
";
    let mut command = isolet();
    let printed = run(command.args(["run", "--", "python3", "-c", program]), BOUND).success();
    assert_eq!(printed, "174000000\n");
}

#[test]
fn an_interrupt_ends_a_python_that_spins_beside_threads() {
    let program = "
import os, signal, threading
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    while True: pass
except KeyboardInterrupt:
    print('interrupted', flush=True)
    os._exit(3)
";
    let mut command = isolet();
    let output = run(command.args(["run", "--", "python3", "-c", program]), BOUND);
    assert_eq!(output.stdout, "interrupted\n", "{}", output.transcript());
    assert_eq!(output.status.code(), Some(3));
}

/// C with threads, all at once: a spinner that longjmps, an accept loop, a growing heap, thread-locals, ^C. The same source runs
/// on this machine, so that what it asks for is what Linux gives.
#[test]
fn threads_of_c_lose_nothing_as_on_this_machine() {
    let guests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests");
    let native = tempfile::tempdir().expect("a directory");
    let program = native.path().join("first_day");
    let mut compiler = std::process::Command::new("gcc");
    let source = format!("{guests}/first_day.c");
    compiler.args(["-D_GNU_SOURCE", "-pthread", "-O1", "-o"]).arg(&program).arg(source);
    run(&mut compiler, BOUND).success();
    assert_eq!(run(&mut std::process::Command::new(&program), BOUND).success(), "ok\n");

    let mut command = isolet();
    command.args(["run", "--image-dir", &format!("{guests}/image"), "--image", "guests"]);
    assert_eq!(run(command.args(["--", "first_day"]), BOUND).success(), "ok\n");
}

#[test]
fn a_thread_that_calls_without_ever_waiting_starves_nobody() {
    let program = "
import socket, threading, time
left, right = socket.socketpair()
left.setblocking(False)
ends = False
def polls():
    while not ends:
        try: left.recv(1)
        except BlockingIOError: pass
thread = threading.Thread(target=polls)
thread.start()
for _ in range(200):
    time.sleep(0)
    time.sleep(0.001)
ends = True
thread.join()
print('done')
";
    let mut command = isolet();
    let printed = run(command.args(["run", "--", "python3", "-c", program]), BOUND).success();
    assert_eq!(printed, "done\n");
}
