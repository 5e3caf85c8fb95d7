//! Threads of a Python in a sandbox: under the GIL as on Linux, none starves another.

use std::time::Duration;

use crate::run::run;
use crate::server::isolet;

const BOUND: Duration = Duration::from_secs(180);

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
