//! Clients that do it wrong, on purpose or because they die: heads too large, chunks that are odd, connections that break off in
//! the middle of everything, streams that idle by the hundred. The server answers or closes, and holds nothing of it afterwards.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::held::{Held, PASSING};
use crate::http::{Answer, Guest, exchange};
use crate::server::{API_KEY, Server};

/// What the allocator may keep more of after a round than after the ones before.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

/// A silent server fails the test.
const ANSWER_BOUND: Duration = Duration::from_secs(900);

/// Processes of a sandbox that clients listen to, and listeners of each: as many as a server lets one process have.
const PROCESSES: usize = 6;
const LISTENERS: usize = 63;

/// Says that it is up and then waits for ever.
const WAITS: &str = "mkfifo /tmp/$$; echo up; read -r word </tmp/$$";

/// That it is up, in base64.
const UP: &str = "dXAK";

/// The head of a request to envd, without the empty line at its end.
fn envd(guest: &Guest<'_>, line: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: {}\r\nX-Access-Token: {}\r\n", guest.host(49983), guest.token)
}

/// A message in its frame.
fn framed(message: &Value) -> Vec<u8> {
    let text = message.to_string();
    let length = u32::try_from(text.len()).expect("short").to_be_bytes();
    [&[0], &length[..], text.as_bytes()].concat()
}

/// A streaming call.
fn call(guest: &Guest<'_>, path: &str, message: &Value) -> Vec<u8> {
    let body = framed(message);
    let head = envd(guest, &format!("POST {path}"));
    let lines =
        format!("Content-Type: application/connect+json\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), lines.as_bytes(), &body].concat()
}

/// Sends bytes and reads until the first of the answer.
fn open(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("the server listens");
    stream.set_read_timeout(Some(ANSWER_BOUND)).expect("a bound above zero");
    stream.write_all(bytes).expect("the server reads");
    let mut first = [0];
    stream.read_exact(&mut first).expect("the server answers");
    stream
}

/// Sends bytes of which the server may refuse some, and reads what comes; `None` if it closed without a word.
fn attempt(server: &Server, bytes: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(server.address()).expect("the server listens");
    stream.set_read_timeout(Some(ANSWER_BOUND)).expect("a bound above zero");
    // It may close before it has read all.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    // A reset after the answer, for what it did not read, is no failure.
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).map(|code| code.parse().expect("a status"))
}

#[test]
fn heads_and_chunks_out_of_shape_are_refused() {
    let server = Server::shared();
    let guest = Guest::create(server);
    let upload = |body: &str| {
        let head = envd(&guest, "POST /files?path=/tmp/odd");
        format!(
            "{head}Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        )
    };
    let get = envd(&guest, "GET /files?path=/tmp/odd");
    let many: String = (0..200).map(|index| format!("X-{index}: y\r\n")).collect();
    let long = "y".repeat(300 << 10);
    // A client that still sends when it is refused may hear of it by a reset alone.
    let large = [Some(431), Some(414), None].as_slice();
    let bad = [Some(400)].as_slice();
    let refused = [
        ("a header of 300 KiB", format!("{get}X: {long}\r\n\r\n"), large),
        ("200 headers", format!("{get}{many}\r\n"), large),
        ("a path of 300 KiB", format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), large),
        ("no HTTP", "hello\r\n\r\n".to_owned(), bad),
        ("a chunk's size that is no number", upload("zz\r\nabc\r\n0\r\n\r\n"), bad),
        ("a chunk's size past 64 bits", upload("fffffffffffffffff\r\nabc\r\n0\r\n\r\n"), bad),
        ("a chunk that is longer than it says", upload("3\r\nabcd\r\n0\r\n\r\n"), bad),
        ("a body that breaks off", upload("ffff\r\nabc"), bad),
    ];
    for (what, bytes, expected) in &refused {
        let got = attempt(server, bytes.as_bytes());
        assert!(expected.contains(&got), "{what}: {got:?}");
    }
    // The control of all that: an odd but lawful form of the same, a byte a chunk, with extensions and trailers.
    let text = "lawful".repeat(50);
    let chunks: String = text.chars().map(|one| format!("1;x=\"y\"\r\n{one}\r\n")).collect();
    let lawful = upload(&format!("{chunks}0\r\nX-Trailer: z\r\n\r\n"));
    let lawful = lawful.replacen("X-Access-Token", "Connection: close\r\nX-Access-Token", 1);
    let answer: Answer = exchange(server.address(), lawful.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(guest.shell("cat /tmp/odd"), text);
}

/// One of each way to go away in the middle.
fn hang_up(server: &Server, guest: &Guest<'_>, listened: &Value) {
    let address = server.address();
    let send = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.write_all(bytes).expect("the server reads");
        stream
    };
    drop(send(b"GET /v2/sandb"));
    drop(send(format!("{}X-H", envd(guest, "GET /health")).as_bytes()));
    let half = envd(guest, "POST /files?path=/tmp/half");
    let typed = "Content-Type: application/octet-stream\r\n";
    let announced = format!("{half}{typed}Content-Length: 1000000\r\n\r\n{}", "x".repeat(100_000));
    drop(send(announced.as_bytes()));
    let chunked = format!("{half}{typed}Transfer-Encoding: chunked\r\n\r\nffff\r\nabc");
    drop(send(chunked.as_bytes()));
    let form = format!(
        "{half}Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x\r\nContent-Dis"
    );
    drop(send(form.as_bytes()));
    let download = envd(guest, "GET /files?path=/tmp/large");
    drop(open(server, format!("{download}\r\n").as_bytes()));
    drop(open(server, format!("{download}Accept-Encoding: gzip\r\n\r\n").as_bytes()));
    drop(open(server, &call(guest, "/process.Process/Connect", listened)));
    let watched = json!({"path": "/tmp", "recursive": true});
    drop(open(server, &call(guest, "/filesystem.Filesystem/WatchDir", &watched)));
    let endless =
        json!({"process": {"cmd": "/bin/bash", "args": ["-c", "head -c 100000 /dev/zero"]}});
    drop(open(server, &call(guest, "/process.Process/Start", &endless)));
    // An answer that nobody takes.
    let list =
        format!("GET /v2/sandboxes HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {API_KEY}\r\n\r\n");
    drop(send(list.as_bytes()));
}

#[test]
fn clients_that_hang_up_leave_nothing_behind() {
    let server = Server::start_with("127.0.0.1:0", "hangup.localhost:8080", &[]);
    let guest = Guest::create(&server);
    guest.shell("head -c 4M /dev/urandom > /tmp/large; sleep 100000 > /dev/null 2>&1 &");
    let sleeper = json!({"process": {"cmd": "/bin/sleep", "args": ["100000"]}, "tag": "sleeper"});
    let held_open = open(&server, &call(&guest, "/process.Process/Start", &sleeper));
    let listened = json!({"process": {"tag": "sleeper"}});
    let round = || {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..15).for_each(|_| hang_up(&server, &guest, &listened)));
            }
        });
    };
    // What is as it was is told by what nobody listens to any more: the connections' descriptors.
    let idle = Held::by(&server).descriptors;
    round();
    let warm = Held::settled(&server, |held| held.descriptors <= idle + PASSING);
    for _ in 0..3 {
        round();
    }
    let after = Held::settled(&server, |held| held.is_flat_since(warm, GROWTH_BYTES_MAX));
    println!("after 60 clients of each kind: {warm}; after 240: {after}");
    assert!(after.is_flat_since(warm, GROWTH_BYTES_MAX), "grew from {warm} to {after}");
    assert_eq!(guest.shell("echo well"), "well\n");
    drop(held_open);
    drop(guest);
    let (status, log) = server.stop();
    assert!(status.success() && !log.contains("panicked"), "{status}\n{log}");
}

#[test]
fn hundreds_of_idle_streams_cost_little_and_leave_nothing() {
    let server = Server::start_with("127.0.0.1:0", "idle.localhost:8080", &[]);
    let guest = Guest::create(&server);
    let mut processes = Vec::new();
    for number in 0..PROCESSES {
        let waits = json!({"process": {"cmd": "/bin/sh", "args": ["-c", WAITS]}, "tag": number.to_string()});
        let mut stream = open(&server, &call(&guest, "/process.Process/Start", &waits));
        // A stream begins before its program is loaded, which takes descriptors that stay.
        let mut said = Vec::new();
        while !String::from_utf8_lossy(&said).contains(UP) {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("it says that it is up");
            said.push(byte[0]);
        }
        processes.push(stream);
    }
    let listen = || -> Vec<TcpStream> {
        let tags = (0..PROCESSES).flat_map(|number| [number; LISTENERS]);
        let call_of = |tag: usize| {
            let chosen = json!({"process": {"tag": tag.to_string()}});
            call(&guest, "/process.Process/Connect", &chosen)
        };
        tags.map(|tag| open(&server, &call_of(tag))).collect()
    };
    let before = Held::by(&server);
    // The first time takes what is taken once.
    drop(listen());
    let warm = Held::settled(&server, |held| held.descriptors <= before.descriptors + PASSING);
    assert!(warm.descriptors <= before.descriptors + PASSING, "grew from {before} to {warm}");
    let streams = listen();
    let full = Held::by(&server);
    assert!(full.descriptors + PASSING >= warm.descriptors + PROCESSES * LISTENERS, "{full}");
    let each = full.resident_bytes.saturating_sub(warm.resident_bytes) / streams.len() as u64;
    assert!(each <= 64 << 10, "{each} bytes for each idle stream");
    // One more than a process may have is told so, not cut off; others are answered meanwhile.
    let chosen = json!({"process": {"tag": "0"}});
    let media = "application/connect+json";
    let refused = guest.envd("/process.Process/Connect", media, &framed(&chosen)).text();
    assert!(refused.contains("resource_exhausted"), "{refused}");
    assert_eq!(guest.shell("echo well"), "well\n");
    println!("{} idle streams: {full}, {each} bytes each", streams.len());
    drop(streams);
    let after = Held::settled(&server, |held| held.is_flat_since(warm, GROWTH_BYTES_MAX));
    assert!(after.is_flat_since(warm, GROWTH_BYTES_MAX), "grew from {warm} to {after}");
}
