//! Hostile bytes on every procedure of envd, in both forms: noise, frames with wrong heads, valid messages with bytes changed.
//! Whatever comes, the answer is one of Connect's, no fault of the server, and the sandbox works afterwards. Seeded: a failure
//! comes again.

use serde_json::Value;

use crate::http::{Answer, Guest, request};
use crate::server::Server;

/// Requests to each procedure in each form.
const ROUNDS: usize = 12;

/// The statuses of Connect that a client can cause, and those of HTTP for what is no call.
const STATUSES: [u16; 11] = [200, 400, 401, 403, 404, 405, 409, 415, 429, 501, 504];

/// Procedures, whether they stream, and a message of each in JSON and in protobuf.
const PROCEDURES: &[(&str, bool, &str, &[u8])] = &[
    ("process.Process/List", false, "{}", b""),
    ("process.Process/Start", true, r#"{"process":{"cmd":"true"}}"#, b"\x0a\x06\x0a\x04true"),
    ("process.Process/Connect", true, r#"{"process":{"pid":77}}"#, b"\x0a\x02\x08\x4d"),
    (
        "process.Process/Update",
        false,
        r#"{"process":{"pid":77},"pty":{"size":{"cols":1,"rows":2}}}"#,
        b"\x0a\x02\x08\x4d",
    ),
    (
        "process.Process/StreamInput",
        true,
        r#"{"start":{"process":{"pid":77}}}"#,
        b"\x0a\x04\x0a\x02\x08\x4d",
    ),
    (
        "process.Process/SendInput",
        false,
        r#"{"process":{"pid":77},"input":{"stdin":"eA=="}}"#,
        b"\x0a\x02\x08\x4d\x12\x03\x0a\x01x",
    ),
    (
        "process.Process/SendSignal",
        false,
        r#"{"process":{"tag":"x"},"signal":"SIGNAL_SIGTERM"}"#,
        b"\x0a\x03\x12\x01x\x10\x0f",
    ),
    ("process.Process/CloseStdin", false, r#"{"process":{"pid":77}}"#, b"\x0a\x02\x08\x4d"),
    ("filesystem.Filesystem/Stat", false, r#"{"path":"/tmp"}"#, b"\x0a\x04/tmp"),
    ("filesystem.Filesystem/MakeDir", false, r#"{"path":"/tmp/f/g"}"#, b"\x0a\x08/tmp/f/g"),
    (
        "filesystem.Filesystem/Move",
        false,
        r#"{"source":"/tmp/f","destination":"/tmp/h"}"#,
        b"\x0a\x06/tmp/f\x12\x06/tmp/h",
    ),
    (
        "filesystem.Filesystem/ListDir",
        false,
        r#"{"path":"/tmp","depth":2}"#,
        b"\x0a\x04/tmp\x10\x02",
    ),
    ("filesystem.Filesystem/Remove", false, r#"{"path":"/tmp/f"}"#, b"\x0a\x06/tmp/f"),
    (
        "filesystem.Filesystem/WatchDir",
        true,
        r#"{"path":"/tmp","recursive":true}"#,
        b"\x0a\x04/tmp\x10\x01",
    ),
    ("filesystem.Filesystem/CreateWatcher", false, r#"{"path":"/tmp"}"#, b"\x0a\x04/tmp"),
    ("filesystem.Filesystem/GetWatcherEvents", false, r#"{"watcherId":"x"}"#, b"\x0a\x01x"),
    ("filesystem.Filesystem/RemoveWatcher", false, r#"{"watcherId":"x"}"#, b"\x0a\x01x"),
];

/// xorshift64*: the same numbers every time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % bound.max(1)
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message");
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// One hostile body made of a good one.
fn spoiled(noise: &mut Noise, good: &[u8]) -> Vec<u8> {
    let mut body = good.to_vec();
    match noise.below(6) {
        0 => return noise.bytes(300),
        1 => body.truncate(noise.below(good.len())),
        2 => body.extend(noise.bytes(50)),
        3 => body = [good, good].concat(),
        _ => {}
    }
    for _ in 0..noise.below(4) {
        if !body.is_empty() {
            let at = noise.below(body.len());
            body[at] ^= 1 << noise.below(8);
        }
    }
    body
}

/// The code of the error that ends a stream, if one does.
fn end_code(answer: &Answer) -> Option<String> {
    let at = answer.body.windows(8).rposition(|window| window == b"{\"error\"")?;
    let end: Value = serde_json::from_slice(&answer.body[at..]).ok()?;
    end["error"]["code"].as_str().map(str::to_owned)
}

#[test]
fn whatever_comes_is_answered_by_the_book() {
    let (server, guest) = (Server::shared(), Guest::create(Server::shared()));
    let mut noise = Noise(0x15_01E7);
    for (path, stream, json, proto) in PROCEDURES {
        for (form, good) in [("json", json.as_bytes()), ("proto", *proto)] {
            let media = if *stream {
                format!("application/connect+{form}")
            } else {
                format!("application/{form}")
            };
            let good = if *stream { framed(good) } else { good.to_vec() };
            for _ in 0..ROUNDS {
                let body = spoiled(&mut noise, &good);
                let headers = [
                    ("X-Access-Token", guest.token.as_str()),
                    ("Content-Type", media.as_str()),
                    ("Connect-Protocol-Version", "1"),
                    // A stream that is opened after all ends by itself.
                    ("Connect-Timeout-Ms", "100"),
                ];
                let line = ("POST", format!("/{path}"));
                let answer =
                    request(server, (line.0, &line.1), &guest.host(49983), &headers, &body);
                let shown =
                    || format!("{path} {media} {body:?}: {} {}", answer.status, answer.text());
                assert!(STATUSES.contains(&answer.status), "{}", shown());
                assert_ne!(end_code(&answer).as_deref(), Some("internal"), "{}", shown());
                if answer.status >= 400 && answer.status != 415 {
                    assert!(answer.json()["message"].is_string(), "{}", shown());
                }
            }
        }
    }
    // What the messages did to its files is theirs to do; it answers, and so does the server.
    let list = guest.envd("/process.Process/List", "application/json", b"{}");
    assert_eq!(list.status, 200, "{}", list.text());
    assert_eq!(Guest::create(server).shell("echo alive"), "alive\n");
}
