//! Requests to a guest's port through the router. The native twin is the same Python server on this
//! machine, asked over loopback without a router.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use serde_json::json;

use crate::TEMPLATE;
use crate::ratio::{ISOLET, NATIVE};
use crate::server::Server;

const SERVE: &str = include_str!("../tests/guests/serve.py");

/// One request after the other, each a new connection to the Python server, as HTTP/1.0 wants it.
pub fn all(criterion: &mut Criterion, tokio: &tokio::runtime::Runtime, server: &Server) {
    let id = tokio.block_on(guest(server));
    let headers = [("e2b-sandbox-id", id.as_str()), ("e2b-sandbox-port", "3000")];
    let mut group = criterion.benchmark_group("request to a guest");
    group.throughput(Throughput::Elements(1));
    group.bench_function(ISOLET, |bencher| {
        bencher.to_async(tokio).iter(|| async {
            let (status, body) = server.send("GET", "/serve.py", &headers, Bytes::new()).await;
            assert!(status.is_success() && body == SERVE, "{status}");
        });
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("serve.py"), SERVE).expect("a writable folder");
    let mut native = native(folder.path());
    group.bench_function(NATIVE, |bencher| {
        bencher.iter(|| {
            let mut stream = TcpStream::connect(("127.0.0.1", PORT)).expect("the twin listens");
            stream.write_all(b"GET /serve.py HTTP/1.0\r\n\r\n").expect("the twin reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("the twin answers");
            assert!(answer.ends_with(SERVE), "{answer}");
        });
    });
    group.finish();
    native.kill().expect("the twin runs");
    native.wait().expect("the twin can be waited for");
    tokio.block_on(server.control("DELETE", &format!("/sandboxes/{id}"), json!(null)));
}

/// Where the native twin listens.
const PORT: u16 = 38_471;

fn native(folder: &std::path::Path) -> Child {
    let mut python = Command::new("python3");
    python.args(["serve.py", &PORT.to_string()]).current_dir(folder).stdout(Stdio::piped());
    let mut twin = python.spawn().expect("this machine has Python");
    let mut line = String::new();
    let mut stdout = BufReader::new(twin.stdout.take().expect("stdout is piped"));
    stdout.read_line(&mut line).expect("the twin says that it is ready");
    assert_eq!(line, "ready\n");
    twin
}

/// A sandbox that serves its home on port 3000; its id.
async fn guest(server: &Server) -> String {
    let made =
        server.control("POST", "/v2/sandboxes", json!({ "templateID": TEMPLATE, "timeout": 3600 }));
    let made = made.await;
    let field = |name: &str| made[name].as_str().expect("the API names it").to_owned();
    let (id, token) = (field("sandboxID"), field("envdAccessToken"));
    let envd = |kind| {
        [
            ("e2b-sandbox-id", id.as_str()),
            ("e2b-sandbox-port", "49983"),
            ("x-access-token", token.as_str()),
            ("content-type", kind),
        ]
    };
    let path = "/files?path=/home/user/serve.py";
    let kind = envd("application/octet-stream");
    let (status, body) = server.send("POST", path, &kind, Bytes::from(SERVE)).await;
    assert!(status.is_success(), "{status} {body:?}");
    let start = "exec 3< <(exec python3 serve.py 3000 </dev/null 2>/dev/null); read -r said <&3";
    let message = json!({ "process": { "cmd": "/bin/bash", "args": ["-c", start] } }).to_string();
    // Connect's framing: one byte of flags, four of length.
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    let body = [&[0][..], &length, message.as_bytes()].concat();
    let kind = envd("application/connect+json");
    let (status, body) = server.send("POST", "/process.Process/Start", &kind, body.into()).await;
    assert!(status.is_success(), "{status} {body:?}");
    id
}
