//! A small HTTP/1.1 client that sends exactly what it is told, and E2B's API over it. For what the
//! SDKs would not send: wrong hosts, wrong keys, foreign ids.
//!
//! One request per connection. Not for large bodies: an answer is read whole.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::server::{API_KEY, Server};

/// Any one answer, on a busy machine; a new python process serves some of them.
const ANSWER_BOUND: Duration = Duration::from_secs(900);

/// Port of envd, the agent in each sandbox, on its host name.
const ENVD_PORT: u16 = 49983;

/// An answer, read to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, as sent.
    pub head: String,
    /// The body, chunks joined.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in: {} {}", self.status, self.text()))
    }
}

/// Sends `request`, bytes as they are, and reads the answer to its end.
#[track_caller]
pub fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(ANSWER_BOUND)).expect("a bound above zero");
    stream.write_all(request).expect("the server reads");
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        let sent = String::from_utf8_lossy(request);
        panic!("{error}, after {:?}, to:\n{sent}", String::from_utf8_lossy(&bytes));
    }
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let raw = &bytes[end + 4..];
    let chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked");
    let body = if chunked { unchunk(raw) } else { raw.to_vec() };
    Answer { status, head, body }
}

fn unchunk(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = raw.windows(2).position(|window| window == b"\r\n").expect("a chunk's size");
        let size = std::str::from_utf8(&raw[..line]).expect("ASCII");
        let size = usize::from_str_radix(size.trim(), 16).expect("hexadecimal");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&raw[line + 2..line + 2 + size]);
        raw = &raw[line + 2 + size + 2..];
    }
}

/// One request: method, path, `Host`, further head lines, body.
#[track_caller]
pub fn request(
    server: &Server,
    (method, path): (&str, &str),
    host: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method == "POST" {
        bytes.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(body);
    exchange(server.address(), &bytes)
}

/// A control-plane request with `key`; `body` is JSON or null for none.
#[track_caller]
pub fn control(server: &Server, line: (&str, &str), key: &str, body: &Value) -> Answer {
    let host = server.address().to_string();
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let headers = [("X-API-Key", key), ("Content-Type", "application/json")];
    request(server, line, &host, &headers, &body)
}

/// A sandbox made over raw HTTP; killed when dropped.
pub struct Guest<'a> {
    server: &'a Server,
    /// Its id.
    pub id: String,
    /// The token that envd wants.
    pub token: String,
}

impl<'a> Guest<'a> {
    /// Creates one from the default template.
    #[track_caller]
    pub fn create(server: &'a Server) -> Guest<'a> {
        let body = json!({ "templateID": "base", "timeout": 7200 });
        let answer = control(server, ("POST", "/v2/sandboxes"), API_KEY, &body);
        assert_eq!(answer.status, 201, "{}", answer.text());
        Guest::adopt(server, &answer.json())
    }

    /// The one that an answer of the control plane tells of.
    #[track_caller]
    pub fn adopt(server: &'a Server, answer: &Value) -> Guest<'a> {
        let field = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name}"));
        Guest {
            server,
            id: field("sandboxID").to_owned(),
            token: field("envdAccessToken").to_owned(),
        }
    }

    /// Lets it live for hours, as the long forms of tests need.
    #[track_caller]
    pub fn prolong(&self) {
        let path = format!("/sandboxes/{}/timeout", self.id);
        let answer = control(self.server, ("POST", &path), API_KEY, &json!({ "timeout": 20_000 }));
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// The host name of one of its ports.
    pub fn host(&self, port: u16) -> String {
        host(self.server, &self.id, port)
    }

    /// A request to one of its ports.
    #[track_caller]
    pub fn get(&self, port: u16, path: &str) -> Answer {
        request(self.server, ("GET", path), &self.host(port), &[], b"")
    }

    /// A unary or streaming call of envd, with the token.
    #[track_caller]
    pub fn envd(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let headers = [
            ("X-Access-Token", self.token.as_str()),
            ("Content-Type", content_type),
            ("Connect-Protocol-Version", "1"),
        ];
        request(self.server, ("POST", path), &self.host(ENVD_PORT), &headers, body)
    }

    /// Writes a file as the default user.
    #[track_caller]
    pub fn write(&self, path: &str, content: &[u8]) {
        let answer = self.envd(&format!("/files?path={path}"), "application/octet-stream", content);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Runs a shell command to its end; its standard output.
    #[track_caller]
    pub fn shell(&self, command: &str) -> String {
        let message = json!({
            "process": { "cmd": "/bin/bash", "args": ["-l", "-c", command], "envs": {} },
            "stdin": false,
        });
        let message = message.to_string().into_bytes();
        let mut body = vec![0];
        body.extend(u32::try_from(message.len()).expect("a short message").to_be_bytes());
        body.extend(message);
        let answer = self.envd("/process.Process/Start", "application/connect+json", &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut output = Vec::new();
        let mut code = None;
        for message in envelopes(&answer.body) {
            let event = &message["event"];
            if let Some(data) = event["data"]["stdout"].as_str() {
                output.extend(BASE64.decode(data).expect("base64"));
            }
            if event["end"].is_object() {
                code = Some(event["end"]["exitCode"].as_i64().unwrap_or(0));
            }
        }
        let output = String::from_utf8(output).expect("UTF-8");
        assert_eq!(code, Some(0), "{command}: {output}\n{}", answer.text());
        output
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let path = format!("/sandboxes/{}", self.id);
            let answer = control(self.server, ("DELETE", &path), API_KEY, &Value::Null);
            assert!(matches!(answer.status, 204 | 404), "{}", answer.text());
        }
    }
}

/// The host name of a port of the sandbox `id`.
pub fn host(server: &Server, id: &str, port: u16) -> String {
    format!("{port}-{id}.{}", server.domain())
}

/// The messages of a Connect stream: one byte of flags, four of length, JSON.
fn envelopes(mut body: &[u8]) -> Vec<Value> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = body.split_at_checked(5) {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let (message, rest) = rest.split_at(usize::try_from(length).expect("64-bit host"));
        messages.push(serde_json::from_slice(message).expect("JSON"));
        body = rest;
    }
    messages
}

#[test]
fn chunked_bodies_are_joined() {
    let answer = parse(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
    );
    assert_eq!((answer.status, answer.text().as_str()), (200, "abc0123456789"));
}
