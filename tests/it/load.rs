//! Many sandboxes under mixed load over HTTP: no error, and the server's memory and descriptors are flat afterwards. The test
//! is the short form; `ISOLET_LOAD_SECONDS=600` makes the same program go on for so long (see CONTRIBUTING.md).
//!
//! Not a benchmark: what it prints depends on the machine, and only errors and growth fail it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::held::Held;
use crate::http::{Guest, control, request};
use crate::server::{API_KEY, Server};

/// Requests in flight: each worker has one.
const WORKERS: usize = 20;

/// Sandboxes that live at a time, each worker's share of them its own.
const SANDBOXES: usize = 200;

/// What the allocator may keep more of after a round than after the one before. A round makes more than 200 sandboxes, so
/// that this is below 100 KiB for each.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

/// Turns of a worker in a round: ten at each of its sandboxes.
const TURNS: usize = 100;

/// Bytes of a file that is written and read back.
const FILE_BYTES: usize = 64 << 10;

/// The load on one server.
struct Load<'a> {
    server: &'a Server,
    commands: AtomicU64,
    files: AtomicU64,
    lifecycle: AtomicU64,
}

impl<'a> Load<'a> {
    fn on(server: &'a Server) -> Load<'a> {
        let none = || AtomicU64::new(0);
        Load { server, commands: none(), files: none(), lifecycle: none() }
    }

    fn create(&self) -> Guest<'a> {
        self.lifecycle.fetch_add(1, Ordering::Relaxed);
        Guest::create(self.server)
    }

    /// Kills it, and once more when the value is dropped: the second time it is gone.
    fn kill(&self, guest: Guest<'a>) {
        self.lifecycle.fetch_add(2, Ordering::Relaxed);
        let path = format!("/sandboxes/{}", guest.id);
        let answer = control(self.server, ("DELETE", &path), API_KEY, &Value::Null);
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    fn command(&self, guest: &Guest<'_>, command: &str, expected: &str) {
        self.commands.fetch_add(1, Ordering::Relaxed);
        assert_eq!(guest.shell(command), expected, "{command}");
    }

    fn file(&self, guest: &Guest<'_>, salt: usize) {
        self.files.fetch_add(2, Ordering::Relaxed);
        let content: Vec<u8> = (0..FILE_BYTES).map(|at| (at * 31 + salt) as u8).collect();
        guest.write("load.bin", &content);
        let token = [("X-Access-Token", guest.token.as_str())];
        let line = ("GET", "/files?path=load.bin");
        let answer = request(self.server, line, &guest.host(49983), &token, b"");
        assert!(answer.status == 200 && answer.body == content, "{}: {}", answer.status, salt);
    }

    /// One turn of a worker at one of its sandboxes: a command, a file, a look at it; in every fifth of them the sandbox is
    /// killed with a process still running in it, and another is made in its place.
    fn turn(&self, guest: &mut Guest<'a>, number: usize) {
        match number % 5 {
            0 => self.command(guest, &format!("echo {number}"), &format!("{number}\n")),
            1 => self.command(guest, "seq 1000 | grep -c 7 && test ! -e /tmp/other", "271\n"),
            2 => self.file(guest, number),
            3 => {
                self.lifecycle.fetch_add(1, Ordering::Relaxed);
                let path = format!("/sandboxes/{}", guest.id);
                let answer = control(self.server, ("GET", &path), API_KEY, &Value::Null);
                assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("running")));
            }
            _ => {
                self.command(guest, "sleep 10000 >/dev/null 2>&1 & echo started", "started\n");
                self.kill(std::mem::replace(guest, self.create()));
            }
        }
    }

    /// Makes the sandboxes, gives each worker its turns, kills them all.
    fn round(&self) {
        thread::scope(|scope| {
            for worker in 0..WORKERS {
                scope.spawn(move || {
                    let mut mine: Vec<_> =
                        (0..SANDBOXES / WORKERS).map(|_| self.create()).collect();
                    let count = mine.len();
                    for number in 0..TURNS {
                        // One turn later each time it comes to a sandbox again: each gets every kind.
                        let kind = worker + number + number / count;
                        self.turn(&mut mine[number % count], kind);
                    }
                    mine.into_iter().for_each(|guest| self.kill(guest));
                });
            }
        });
    }

    fn counts(&self) -> [u64; 3] {
        [&self.commands, &self.files, &self.lifecycle].map(|count| count.load(Ordering::Relaxed))
    }

    fn requests(&self) -> u64 {
        self.counts().iter().sum()
    }
}

/// How long the long form takes, if it is asked for.
fn asked_seconds() -> Option<Duration> {
    let text = std::env::var("ISOLET_LOAD_SECONDS").ok()?;
    Some(Duration::from_secs(text.parse().expect("ISOLET_LOAD_SECONDS: a number of seconds")))
}

#[test]
fn two_hundred_sandboxes_under_load_leave_nothing_behind() {
    let more = ["--team-requests-per-second", "1000000"];
    let server = Server::start_with("127.0.0.1:0", "load.localhost:8080", &more);
    let asked = asked_seconds();
    // Twice: memory that was freed is used again by a different order of requests.
    let warm_up = Load::on(&server);
    warm_up.round();
    warm_up.round();
    let warm = Held::settled(&server, |_| true);
    println!("after {} requests of warm-up: {warm}", warm_up.requests());
    let load = Load::on(&server);
    let start = Instant::now();
    loop {
        load.round();
        if asked.is_none_or(|asked| start.elapsed() >= asked) {
            break;
        }
        let seconds = start.elapsed().as_secs();
        println!("{seconds:4} s, {} requests: {}", load.requests(), Held::by(&server));
    }
    let seconds = start.elapsed().as_secs_f64();
    let flat = |held: Held| held.is_flat_since(warm, GROWTH_BYTES_MAX);
    let after = Held::settled(&server, flat);
    println!("{} requests in {seconds:.1} s, no error: {after}", load.requests());
    let [commands, files, lifecycle] = load.counts();
    println!("of them {commands} commands, {files} of files, {lifecycle} of lifecycle");
    assert!(flat(after), "grew from {warm} to {after}");
    let (status, log) = server.stop();
    assert!(status.success(), "{status}\n{log}");
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}
