//! The router between clients and guests' servers when one of the two is hostile: what a guest sees of
//! a request, what its answers can do, tunnels, private ports. Whom a host name means is in `tenants`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Guest, control, exchange, request};
use crate::server::{API_KEY, Server};

/// Servers in a guest, a port each.
const SERVERS: &str = r#"
import socket, threading
def head(c):
    got = b""
    while b"\r\n\r\n" not in got:
        got += c.recv(4096)
    return got
def echo(c):
    got = head(c)
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(got), got))
def two_answers(c):
    head(c)
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
def garbage(c):
    head(c)
    c.sendall(b"not HTTP at all\r\n" * 100)
def endless_head(c):
    head(c)
    c.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        c.sendall(b"X: " + b"x" * 1000 + b"\r\n")
def tunnel(c):
    head(c)
    c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: shout\r\nConnection: Upgrade\r\n\r\nhello")
    while got := c.recv(4096):
        c.sendall(got.upper())
def length(c):
    got, _, rest = head(c).partition(b"\r\n\r\n")
    count = len(rest)
    while got := c.recv(65536):
        count += len(got)
        if count >= 3000000:
            break
    c.sendall(b"HTTP/1.1 200 OK\r\n\r\n%d" % count)
def answer(listener, handler):
    while True:
        c, _ = listener.accept()
        def one(c):
            try:
                handler(c)
            except OSError:
                pass
            c.close()
        threading.Thread(target=one, args=(c,)).start()
for port, handler in enumerate([echo, two_answers, garbage, endless_head, tunnel, length], 7001):
    listener = socket.create_server(("0.0.0.0", port))
    threading.Thread(target=answer, args=(listener, handler)).start()
print("up", flush=True)
"#;

/// A sandbox in which the servers run.
fn servers(guest: Guest<'_>) -> Guest<'_> {
    guest.write("/tmp/servers.py", SERVERS.as_bytes());
    guest.shell("python3 /tmp/servers.py > /tmp/up 2>&1 & while ! grep -q . /tmp/up; do :; done");
    assert_eq!(guest.shell("cat /tmp/up"), "up\n");
    guest
}

#[test]
fn a_guest_sees_no_tokens_and_no_forged_origins() {
    let guest = servers(Guest::create(Server::shared()));
    let (host, token) = (guest.host(7001), guest.token.clone());
    let headers = [
        ("X-API-Key", API_KEY),
        ("X-Access-Token", token.as_str()),
        ("E2b-Traffic-Access-Token", "traffic"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", "for=192.0.2.1"),
        ("TE", "trailers"),
        ("Connection", "X-Hop"),
        ("X-Hop", "1"),
        ("Authorization", "Bearer of-the-guest"),
    ];
    let answer = request(Server::shared(), ("GET", "/path?a=b"), &host, &headers, b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = answer.text();
    let mut lines: Vec<_> = seen.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "GET /path?a=b HTTP/1.1");
    lines.sort_unstable();
    let expected = [
        "authorization: Bearer of-the-guest".to_owned(),
        "connection: close, te".to_owned(),
        format!("host: {host}"),
        "te: trailers".to_owned(),
        "x-forwarded-for: 127.0.0.1".to_owned(),
        format!("x-forwarded-host: {host}"),
        "x-forwarded-proto: http".to_owned(),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn answers_of_a_guest_poison_nothing() {
    let guest = servers(Guest::create(Server::shared()));
    // Two requests in one connection: the first server answers twice, the second one must be heard.
    let two = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\n\r\nGET /second HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        guest.host(7002),
        guest.host(7001)
    );
    let mut stream = TcpStream::connect(Server::shared().address()).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(900))).expect("a bound above zero");
    stream.write_all(two.as_bytes()).expect("the server reads");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("the server closes");
    assert!(answers.contains("GET /second HTTP/1.1"), "{answers}");
    assert!(!answers.contains("poison"), "{answers}");
    for port in [7003, 7004] {
        let answer = guest.get(port, "/");
        assert_eq!((answer.status, &answer.json()["code"]), (502, &json!(502)), "{port}");
    }
    let closed = guest.get(7999, "/").json();
    let expected = json!({"sandboxId": guest.id, "port": 7999, "code": 502,
        "message": "The sandbox is running but port is not open"});
    assert_eq!(closed, expected);
    let page = [("Accept", "text/html,application/xhtml+xml")];
    let page = request(Server::shared(), ("GET", "/"), &guest.host(7999), &page, b"");
    assert!(page.status == 502 && page.text().starts_with("<!doctype html>"), "{}", page.text());
}

#[test]
fn a_request_has_one_length() {
    let guest = servers(Guest::create(Server::shared()));
    let raw = |head: &str, body: &str| {
        let host = guest.host(7001);
        let request = format!("POST / HTTP/1.1\r\nHost: {host}\r\n{head}\r\n\r\n{body}");
        exchange(Server::shared().address(), request.as_bytes())
    };
    for (what, head, body) in [
        ("two lengths", "Content-Length: 4\r\nContent-Length: 5\r\nConnection: close", "abcd"),
        ("a signed length", "Content-Length: +4\r\nConnection: close", "abcd"),
        ("chunks not last", "Transfer-Encoding: chunked, gzip\r\nConnection: close", "0\r\n\r\n"),
        (
            "a length and chunks",
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: close",
            "0\r\n\r\n",
        ),
        ("unknown coding", "Transfer-Encoding: xchunked\r\nConnection: close", "0\r\n\r\n"),
        ("a folded line", "X: a\r\n b\r\nContent-Length: 0\r\nConnection: close", ""),
        ("a space before the colon", "Content-Length : 0\r\nConnection: close", ""),
    ] {
        assert_eq!(raw(head, body).status, 400, "{what}");
    }
}

#[test]
fn bodies_stream_to_the_guest() {
    let guest = servers(Guest::create(Server::shared()));
    let answer =
        request(Server::shared(), ("POST", "/"), &guest.host(7006), &[], &vec![b'x'; 3_000_000]);
    assert_eq!((answer.status, answer.text().as_str()), (200, "3000000"));
}

#[test]
fn an_upgraded_connection_is_a_tunnel_until_the_sandbox_ends() {
    let guest = servers(Guest::create(Server::shared()));
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n",
        guest.host(7005)
    );
    let mut stream = TcpStream::connect(Server::shared().address()).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(900))).expect("a bound above zero");
    stream.write_all(head.as_bytes()).expect("the server reads");
    let mut until = |end: &str| {
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the tunnel is open");
            seen.push(byte[0]);
        }
        String::from_utf8(seen).expect("ASCII")
    };
    let answer = until("hello");
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains("upgrade: shout"), "{answer}");
    // What would be refused as a request is nobody's business here.
    let bytes =
        "bytes\0\r\n\r\nGET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(bytes.as_bytes()).expect("the tunnel is open");
    let mut seen = vec![0; bytes.len()];
    stream.read_exact(&mut seen).expect("the tunnel is open");
    assert_eq!(String::from_utf8(seen).expect("ASCII"), bytes.to_ascii_uppercase());
    // A server that switches unasked is none that speaks HTTP.
    assert_eq!(guest.get(7005, "/").status, 502);
    let path = format!("/sandboxes/{}", guest.id);
    assert_eq!(control(Server::shared(), ("DELETE", &path), API_KEY, &Value::Null).status, 204);
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest);
    let reset =
        end.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
    assert!(rest.is_empty() && (end.is_ok() || reset), "{end:?} {rest:?}");
}

#[test]
fn private_ports_want_the_traffic_token() {
    let server = Server::shared();
    let body = json!({"templateID": "base", "network": {"allowPublicTraffic": false}});
    let made = control(server, ("POST", "/v2/sandboxes"), API_KEY, &body).json();
    let token = made["trafficAccessToken"].as_str().expect("a token").to_owned();
    let guest = servers(Guest::adopt(server, &made));
    let ask =
        |headers: &[(&str, &str)]| request(server, ("GET", "/"), &guest.host(7001), headers, b"");
    let name = "E2b-Traffic-Access-Token";
    assert_eq!(ask(&[(name, &token)]).status, 200);
    let wrong = [
        &[][..],
        &[(name, "wrong")],
        &[(name, ""), (name, token.as_str())],
        &[("X-API-Key", API_KEY)],
    ];
    for headers in wrong {
        let answer = ask(headers);
        assert_eq!((answer.status, &answer.json()["code"]), (403, &json!(403)), "{headers:?}");
    }
    assert!(!ask(&[(name, &token)]).text().contains(&token), "the guest must not see it");
}
