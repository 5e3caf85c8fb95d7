//! Large files and endless output: whatever goes through a server, its memory does not grow by it, and a client that does not
//! read stops the program that writes; and when the host's disk is full, guests hear of it and nobody else. Each test has a server of its own, whose memory it looks at.
//!
//! Sizes are small for `cargo test`; `ISOLET_STREAM_MIB=2048` makes them as large as one likes (see CONTRIBUTING.md).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::held::{Held, peak_growth, spilled_bytes};
use crate::http::Guest;
use crate::namespace::mount_arguments;
use crate::server::{Server, isolet};

/// What may be in memory of anything that goes through: content that stays there (16 MiB), buffers, the allocator's own.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

/// Nothing moves for this long: then a test fails.
const STALL_BOUND: Duration = Duration::from_secs(900);

/// Bytes that are sent and compared at a time.
const BLOCK: usize = 1 << 20;

/// MiB that go through in a test.
fn mib(short: usize) -> usize {
    let asked = std::env::var("ISOLET_STREAM_MIB").ok();
    asked.map_or(short, |text| text.parse().expect("ISOLET_STREAM_MIB: a number"))
}

/// The `index`th block of a file that no compression makes small.
fn block(index: usize) -> Vec<u8> {
    let mut state = index as u64 + 1;
    let words = (0..BLOCK / 8).flat_map(|_| {
        // xorshift64, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}

/// Sends the head of a request to envd.
fn begin(server: &Server, guest: &Guest<'_>, line: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("the server listens");
    stream.set_read_timeout(Some(STALL_BOUND)).expect("a bound above zero");
    stream.set_write_timeout(Some(STALL_BOUND)).expect("a bound above zero");
    let head = format!(
        "{line} HTTP/1.1\r\nHost: {}\r\nX-Access-Token: {}\r\nConnection: close\r\n{headers}\r\n",
        guest.host(49983),
        guest.token
    );
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream
}

/// Reads the head of an answer.
fn head(stream: TcpStream) -> (String, BufReader<TcpStream>) {
    let mut reader = BufReader::with_capacity(BLOCK, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let count = reader.read_line(&mut head).expect("the server answers");
        assert!(count > 0, "ended in its head: {head}");
    }
    (head, reader)
}

/// Starts a command over Connect.
fn start(server: &Server, guest: &Guest<'_>, command: &str) -> TcpStream {
    let message = json!({"process": {"cmd": "/bin/bash", "args": ["-c", command]}}).to_string();
    let headers = format!(
        "Content-Type: application/connect+json\r\nContent-Length: {}\r\n",
        message.len() + 5
    );
    let mut stream = begin(server, guest, "POST /process.Process/Start", &headers);
    let length = u32::try_from(message.len()).expect("short").to_be_bytes();
    stream.write_all(&[&[0], &length[..], message.as_bytes()].concat()).expect("the server reads");
    stream
}

#[test]
fn a_large_file_goes_up_and_down_in_constant_memory() {
    let blocks = mib(384);
    let more = ["--sandbox-disk-mib", "4096"];
    let server = Server::start_with("127.0.0.1:0", "large.localhost:8080", &more);
    let guest = Guest::create(&server);
    // Once before: what is loaded at first use is no growth.
    guest.write("/home/user/small", b"x");
    guest.shell("wc -c small");
    let clock = Instant::now();
    let (up, ()) = peak_growth(&server, || {
        let headers = format!(
            "Content-Type: application/octet-stream\r\nContent-Length: {}\r\n",
            blocks * BLOCK
        );
        let mut stream = begin(&server, &guest, "POST /files?path=big", &headers);
        for index in 0..blocks {
            stream.write_all(&block(index)).expect("the server reads");
        }
        let (head, _) = head(stream);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    });
    let up_seconds = clock.elapsed().as_secs_f64();
    assert_eq!(guest.shell("wc -c < big"), format!("{}\n", blocks * BLOCK));
    let clock = Instant::now();
    let (down, ()) = peak_growth(&server, || {
        let (head, mut body) = head(begin(&server, &guest, "GET /files?path=big", ""));
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let mut read = vec![0; BLOCK];
        for index in 0..blocks {
            body.read_exact(&mut read).expect("all of it comes");
            assert!(read == block(index), "block {index} differs");
        }
        assert_eq!(body.read(&mut read).expect("the end"), 0);
    });
    let down_seconds = clock.elapsed().as_secs_f64();
    println!(
        "{blocks} MiB: up {up_seconds:.1} s, memory +{} MiB; down {down_seconds:.1} s, +{} MiB",
        up >> 20,
        down >> 20
    );
    assert!(up <= GROWTH_BYTES_MAX && down <= GROWTH_BYTES_MAX, "grew by {up} and {down} bytes");
    // It lies on the disk, and is gone from there with the sandbox.
    let spilled = spilled_bytes(&server);
    assert!(spilled >= ((blocks - 1) * BLOCK) as u64, "{spilled} bytes spilled");
    guest.shell("rm big");
    // Whoever was sent it may have it open for a moment.
    Held::settled(&server, |_| spilled_bytes(&server) < 1 << 20);
    assert!(spilled_bytes(&server) < 1 << 20, "removed files leave the disk");
    guest.shell("head -c 64M /dev/zero > again");
    assert!(spilled_bytes(&server) >= 63 << 20);
    drop(guest);
    let held = Held::settled(&server, |_| spilled_bytes(&server) == 0);
    assert_eq!(spilled_bytes(&server), 0, "ended sandboxes leave the disk: {held}");
}

#[test]
fn output_of_any_length_streams_in_constant_memory() {
    let bytes = mib(192) << 20;
    let server = Server::start_with("127.0.0.1:0", "output.localhost:8080", &[]);
    let guest = Guest::create(&server);
    guest.shell("head -c 1000 /dev/zero | wc -c");
    let clock = Instant::now();
    let (growth, (zeros, text)) = peak_growth(&server, || {
        let stream = start(&server, &guest, &format!("head -c {bytes} /dev/zero; exit 3"));
        let (head, mut body) = head(stream);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let (mut zeros, mut tail, mut piece) = (0, Vec::new(), vec![0; BLOCK]);
        loop {
            let count = body.read(&mut piece).expect("the stream goes on");
            if count == 0 {
                break (zeros, String::from_utf8_lossy(&tail).into_owned());
            }
            zeros += piece[..count].iter().filter(|byte| **byte == b'A').count();
            tail.extend_from_slice(&piece[..count]);
            tail.drain(..tail.len().saturating_sub(1000));
        }
    });
    println!(
        "{} MiB in {:.1} s, memory +{} MiB",
        bytes >> 20,
        clock.elapsed().as_secs_f64(),
        growth >> 20
    );
    // Base64 writes three zeros as four times `A`, and at an event's end up to two `=` in place of one.
    assert!(
        (bytes / 3 * 4 - bytes / 1000..=bytes / 3 * 4 + bytes / 1000).contains(&zeros),
        "{zeros}"
    );
    assert!(text.contains("\"exitCode\":3"), "{text}");
    assert!(growth <= GROWTH_BYTES_MAX, "grew by {growth} bytes");
}

#[test]
fn a_client_that_does_not_read_stops_the_writer_and_nothing_piles_up() {
    let server = Server::start_with("127.0.0.1:0", "slow.localhost:8080", &[]);
    let guest = Guest::create(&server);
    // Each 64 KiB that could be written are counted, where it can be seen without reading the output.
    let writer = "i=0; while head -c 65536 /dev/zero; do i=$((i+1)); echo $i > /tmp/count; done";
    let count = || -> u64 {
        guest.shell("cat /tmp/count 2>/dev/null || echo 0").trim().parse().unwrap_or(0)
    };
    let (growth, stream) = peak_growth(&server, || {
        let stream = start(&server, &guest, writer);
        let deadline = Instant::now() + STALL_BOUND;
        let (mut last, mut same) = (0, 0);
        // Stopped: several looks in a row, each a command of its own, that see one number.
        while same < 8 {
            assert!(Instant::now() < deadline, "the writer goes on: {last}");
            let now = count();
            same = if now == last && now > 0 { same + 1 } else { 0 };
            last = now;
        }
        assert!(last < 1024, "{last} times 64 KiB went somewhere");
        stream
    });
    assert!(growth <= GROWTH_BYTES_MAX, "grew by {growth} bytes");
    // It goes on when the client reads, and when the client has gone.
    let stopped = count();
    let (_, mut body) = head(stream);
    let mut piece = vec![0; BLOCK];
    for _ in 0..8 {
        body.read_exact(&mut piece).expect("more comes");
    }
    drop(body);
    let deadline = Instant::now() + STALL_BOUND;
    while count() < stopped + 200 {
        assert!(Instant::now() < deadline, "the writer stands still without a client");
    }
}

/// `isolet` in a mount namespace where `directory` is a file system of 24 MiB.
fn on_a_small_disk(directory: &std::path::Path) -> Command {
    let isolet = isolet();
    let mut program = Command::new("unshare");
    program.args(mount_arguments());
    program.args(["sh", "-c", "mount -t tmpfs -o size=24m tmpfs \"$0\" && exec \"$@\""]);
    program.arg(directory).arg(isolet.get_program());
    for (name, value) in isolet.get_envs() {
        match value {
            Some(value) => program.env(name, value),
            None => program.env_remove(name),
        };
    }
    program
}

#[test]
fn a_full_disk_of_the_host_is_an_error_of_the_guest_and_passes() {
    let directory = tempfile::tempdir().expect("a place for it");
    let path = directory.path().to_str().expect("a path in UTF-8");
    let more = ["--spill-dir", path, "--sandbox-file-memory-mib", "1"];
    let program = on_a_small_disk(directory.path());
    let server = Server::start_as(program, "127.0.0.1:0", "full.localhost:8080", &more);
    let guest = Guest::create(&server);
    let told = guest.shell("head -c 64M /dev/zero 2>&1 > big | cat");
    assert!(told.contains("No space left on device"), "{told}");
    let size: u64 = guest.shell("wc -c < big").trim().parse().expect("a number");
    assert!((8 << 20..64 << 20).contains(&size), "{size} bytes were written");
    assert_eq!(guest.shell("head -c $(wc -c < big) /dev/zero | cmp - big && echo same"), "same\n");
    let path = "/files?path=/home/user/more";
    let up = guest.envd(path, "application/octet-stream", &vec![1; 8 << 20]);
    assert_eq!(up.status, 507, "{}", up.text());
    // Who needs none of that disk does not notice.
    let other = Guest::create(&server);
    other.write("/home/user/small", b"small");
    assert_eq!(other.shell("cat small"), "small");
    guest.shell("rm big more");
    guest.write("/home/user/again", &vec![7; 12 << 20]);
    assert_eq!(
        guest.shell("wc -c < again; tail -c 1 again | od -An -tu1"),
        format!("{}\n   7\n", 12 << 20)
    );
    drop((guest, other));
    let (status, log) = server.stop();
    assert!(status.success() && !log.contains("panicked"), "{status}\n{log}");
    assert!(log.contains("spill files are memory there"), "a tmpfs is warned of:\n{log}");
}
