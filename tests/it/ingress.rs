//! Guests' servers through the router as clients find them: any address they listen on, HTTP/1.1 and HTTP/2 at the front, gRPC,
//! WebSocket over both, TLS inside, trailers, streams, large bodies; what `network` asks for. Hostile sides are in `router` and
//! `smuggling`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::held::peak_growth;
use crate::http::{Guest, control, request};
use crate::run::run;
use crate::sdk;
use crate::server::{API_KEY, Server, data_dir};

/// One client program: Python starts, and asks a guest of a debug build a few times.
const CLIENT_BOUND: Duration = Duration::from_secs(900);

/// HTTP/1.1 servers of all kinds, from port 9001.
pub const SERVERS: &str = include_str!("../guests/web.py");
/// gRPC on port 9100.
pub const H2_SERVER: &str = include_str!("../guests/h2_server.py");
/// WebSocket on port 9200.
pub const WS_SERVER: &str = include_str!("../guests/ws_server.py");

/// Runs a server program in the background until it says that it is up.
#[track_caller]
pub fn start(guest: &Guest<'_>, name: &str, program: &str) {
    guest.write(&format!("/tmp/{name}.py"), program.as_bytes());
    run_until_up(guest, &format!("PYTHONPATH=/home/user/lib exec python3 /tmp/{name}.py"));
}

/// Starts a server by a shell's command, waits for its line and leaves it running.
#[track_caller]
fn run_until_up(guest: &Guest<'_>, command: &str) {
    let command = format!("exec 3< <({command} </dev/null 2>&1); read -r said <&3; echo \"$said\"");
    assert_eq!(guest.shell(&command), "up\n");
}

/// A sandbox with the servers of `web.py`.
fn servers() -> Guest<'static> {
    let guest = Guest::create(Server::shared());
    start(&guest, "web", SERVERS);
    guest
}

/// Gives a guest the pure Python libraries of `tests/sdk/web`.
pub fn install(guest: &Guest<'_>) {
    let packages = sdk::web_packages();
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(packages).args(["--exclude", "__pycache__", "--exclude", "*.so", "-cf", "-"]);
    tar.args(["h2", "hpack", "hyperframe", "websockets"]).stdout(Stdio::piped());
    let output = tar.output().expect("tar is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    guest.write("/home/user/lib.tar", &output.stdout);
    guest.shell("mkdir lib && tar -C lib -xf lib.tar");
}

/// curl, told where the server is: names under its domain lead there, its certificate is trusted.
fn curl(server: &Server) -> Command {
    let mut curl = Command::new("curl");
    let connect = format!("::127.0.0.1:{}", server.address().port());
    curl.args(["--silent", "--show-error", "--fail-with-body", "--noproxy", "*"]);
    curl.args(["--max-time", "3600", "--connect-to", &connect, "--cacert"])
        .arg(data_dir().join("tls/ca.pem"));
    curl
}

#[test]
fn servers_are_found_on_whatever_address_they_listen() {
    let guest = servers();
    for port in 9011..=9015 {
        let answer = guest.get(port, "/here");
        assert_eq!(answer.status, 200, "{port}: {}", answer.text());
        assert!(answer.text().starts_with("GET /here HTTP/1.1\r\n"), "{port}: {}", answer.text());
    }
    assert_eq!(guest.get(9010, "/").status, 502);
}

#[test]
fn one_name_speaks_http_1_and_2_with_and_without_tls() {
    let server = Server::shared();
    let guest = servers();
    let host = guest.host(9014);
    for (scheme, options, version) in [
        ("http", &["--http1.1"][..], "1.1"),
        ("http", &["--http1.0"], "1"),
        ("http", &["--http2-prior-knowledge"], "2"),
        ("https", &["--http1.1"], "1.1"),
        ("https", &["--http2"], "2"),
    ] {
        let mut curl = curl(server);
        // As browsers do over HTTP/2, for which it must be one over HTTP/1.1.
        curl.args(["--header", "Cookie: a=1", "--header", "Cookie: b=2"]);
        curl.args(options).args([
            "--write-out",
            "\n%{http_version}",
            &format!("{scheme}://{host}/a?b"),
        ]);
        let answer = run(&mut curl, CLIENT_BOUND).success();
        let (body, told) = answer.rsplit_once('\n').expect("two parts");
        assert_eq!(told, version, "{scheme} {options:?}");
        assert!(body.starts_with("GET /a?b HTTP/1.1\r\n"), "{body}");
        assert!(body.contains(&format!("\r\nhost: {host}\r\n")), "{body}");
        assert!(body.contains(&format!("\r\nx-forwarded-proto: {scheme}\r\n")), "{body}");
        let cookies = if version == "2" {
            "\r\ncookie: a=1; b=2\r\n"
        } else {
            "\r\ncookie: a=1\r\ncookie: b=2\r\n"
        };
        assert!(body.contains(cookies), "{body}");
    }
}

#[test]
fn trailers_pass_both_ways_but_for_those_that_never_may() {
    let guest = servers();
    let host = guest.host(9003);
    let raw = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close, TE\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\
         Trailer: x-mine, x-api-key\r\n\r\n3\r\nabc\r\n0\r\nx-mine: 5\r\nx-api-key: secret\r\n\r\n"
    );
    let mut stream = TcpStream::connect(Server::shared().address()).expect("the server listens");
    stream.set_read_timeout(Some(CLIENT_BOUND)).expect("a bound above zero");
    stream.write_all(raw.as_bytes()).expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server closes");
    assert!(answer.contains("\r\nx-mine: 5\r\n") && !answer.contains("secret"), "{answer}");
    assert!(answer.ends_with("0\r\nx-sum: 7\r\n\r\n"), "{answer}");
}

#[test]
fn events_come_when_they_are_sent() {
    let guest = servers();
    let mut stream = TcpStream::connect(Server::shared().address()).expect("the server listens");
    stream.set_read_timeout(Some(CLIENT_BOUND)).expect("a bound above zero");
    let asked = format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", guest.host(9004));
    stream.write_all(asked.as_bytes()).expect("the server reads");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "data: one"), "the first event");
    assert_eq!(guest.get(9004, "/go").text(), "going");
    assert!(lines.any(|line| line == "data: two"), "the second event");
}

#[test]
fn large_bodies_pass_both_ways_over_every_version_and_are_not_held() {
    let size = std::env::var("ISOLET_BODY_MIB").map_or(256, |mib| mib.parse().expect("a number"));
    let bytes: u64 = size << 20;
    let server = Server::start("127.0.0.1:0", "isolet.localhost:8080");
    let guest = Guest::create(&server);
    guest.prolong();
    start(&guest, "web", SERVERS);
    // The first ones grow buffers and the guest's own memory.
    pass_both_ways(&server, &guest, ("http", "--http1.1"), bytes / 4);
    for (scheme, version) in [("http", "--http1.1"), ("https", "--http2")] {
        let pass = || pass_both_ways(&server, &guest, (scheme, version), bytes);
        let (grown, ()) = peak_growth(&server, pass);
        eprintln!("{version}: {size} MiB each way, the server grew by {} MiB", grown >> 20);
        assert!(grown < bytes / 2, "{version}: {size} MiB each way, grew by {} MiB", grown >> 20);
    }
}

/// A download and an upload of so many bytes, by a scheme and a version of HTTP as curl names it.
#[track_caller]
fn pass_both_ways(server: &Server, guest: &Guest<'_>, (scheme, version): (&str, &str), bytes: u64) {
    let host = guest.host(9005);
    let mut down = curl(server);
    down.args([version, "--output", "/dev/null", "--write-out", "%{size_download}"]);
    down.arg(format!("{scheme}://{host}/{bytes}"));
    assert_eq!(run(&mut down, BODY_BOUND).success(), bytes.to_string(), "{version}");
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.as_file().set_len(bytes).expect("a sparse file");
    let mut up = curl(server);
    up.args([version, "--upload-file"]).arg(file.path()).arg(format!("{scheme}://{host}/"));
    assert_eq!(run(&mut up, BODY_BOUND).success(), bytes.to_string(), "{version}");
}

/// Bodies of 5 GiB take minutes in a debug build.
const BODY_BOUND: Duration = Duration::from_secs(3600);

#[test]
fn a_client_that_waits_for_100_hears_the_final_answer() {
    let server = Server::shared();
    let guest = servers();
    for (port, expected) in [(9005, "5"), (9006, "no")] {
        let mut curl = curl(server);
        curl.args([
            "--http1.1",
            "--no-fail-with-body",
            "--header",
            "Expect: 100-continue",
            "--data-binary",
            "12345",
        ]);
        curl.arg(format!("http://{}/", guest.host(port)));
        assert_eq!(run(&mut curl, CLIENT_BOUND).success(), expected, "{port}");
    }
}

#[test]
fn connections_are_kept_for_one_client_and_for_no_other() {
    let guest = servers();
    let server = Server::shared();
    let host = guest.host(9001);
    // A machine that is late lets go of what was kept for its two seconds: then from the start, with what must never be asserted
    // each time.
    let mut last = 0;
    let kept = (0..ATTEMPTS).any(|_| keeps_and_shares_nothing(server, &host, &mut last));
    assert!(kept, "no connection was used again in {ATTEMPTS} attempts");
}

/// How often a machine may be late.
const ATTEMPTS: usize = 20;

/// Whether connections were kept where they can be; `last` is the highest number of a connection so far.
#[track_caller]
fn keeps_and_shares_nothing(server: &Server, host: &str, last: &mut u32) -> bool {
    let mut fresh = |(connection, count): (u32, u32)| {
        assert!(connection > *last && count == 1, "{connection}, {count} is not new after {last}");
        *last = connection;
        connection
    };
    let mut session = Session::new(server, host);
    let first = fresh(session.get("/"));
    // Either the same connection again or, kept too long, a new one; never another one that was there.
    let again = |session: &mut Session<'_>,
                 fresh: &mut dyn FnMut((u32, u32)) -> u32,
                 line: &str,
                 count: u32| {
        let got = session.get(line);
        let kept = got == (first, count);
        if !kept {
            fresh(got);
        }
        kept
    };
    if !again(&mut session, &mut fresh, "/", 2) {
        return false;
    }
    // Another client gets another one.
    let mut other = Session::new(server, host);
    fresh(other.get("/"));
    // A body gets one of its own, and the kept one is still there.
    fresh(session.ask("POST /ignore HTTP/1.1", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    if !again(&mut session, &mut fresh, "/", 3) {
        return false;
    }
    // A server that closes a kept connection is asked again on a new one.
    if !again(&mut session, &mut fresh, "/leave", 4) {
        return false;
    }
    let next = fresh(session.get("/"));
    // What a server leaves behind an answer is nobody's answer.
    let split = session.get("/split");
    if split != (next, 2) {
        fresh(split);
    }
    fresh(session.get("/"));
    split == (next, 2)
}

/// A client's connection that stays; the servers of [`Session::get`] answer `CONNECTION REQUEST`, two numbers.
struct Session<'a> {
    stream: BufReader<TcpStream>,
    host: &'a str,
}

impl<'a> Session<'a> {
    fn new(server: &Server, host: &'a str) -> Self {
        let stream = TcpStream::connect(server.address()).expect("the server listens");
        stream.set_read_timeout(Some(CLIENT_BOUND)).expect("a bound above zero");
        Self { stream: BufReader::new(stream), host }
    }

    #[track_caller]
    fn get(&mut self, path: &str) -> (u32, u32) {
        self.ask(&format!("GET {path} HTTP/1.1"), "")
    }

    #[track_caller]
    fn ask(&mut self, line: &str, body: &str) -> (u32, u32) {
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let asked = format!("{line}\r\nHost: {}\r\n{length}\r\n{body}", self.host);
        self.stream.get_mut().write_all(asked.as_bytes()).expect("the server reads");
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a line of the head");
            if let Some(told) = line.strip_prefix("content-length: ") {
                length = told.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
            assert!(!line.is_empty(), "the connection is kept");
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        let body = String::from_utf8(body).expect("ASCII");
        let (connection, count) = body.split_once(' ').unwrap_or_else(|| panic!("{body}"));
        (connection.parse().expect("a number"), count.parse().expect("a number"))
    }
}

#[test]
fn servers_may_speak_tls_and_see_another_host() {
    let server = Server::shared();
    let network = json!({"httpsPorts": [9002], "maskRequestHost": "app-${PORT}.example:${PORT}"});
    let body = json!({ "templateID": "base", "timeout": 7200, "network": network });
    let made = control(server, ("POST", "/v2/sandboxes"), API_KEY, &body);
    assert_eq!(made.status, 201, "{}", made.text());
    let guest = Guest::adopt(server, &made.json());
    let detail =
        control(server, ("GET", &format!("/sandboxes/{}", guest.id)), API_KEY, &json!(null)).json();
    assert_eq!(detail["network"]["httpsPorts"], json!([9002]));
    assert_eq!(detail["network"]["maskRequestHost"], network["maskRequestHost"]);
    start(&guest, "web", SERVERS);
    let answer = guest.get(9002, "/in-tls");
    let seen = answer.text();
    assert!(seen.starts_with("GET /in-tls HTTP/1.1\r\n"), "{} {seen}", answer.status);
    assert!(seen.contains("\r\nhost: app-9002.example:9002\r\n"), "{seen}");
    assert!(seen.contains(&format!("\r\nx-forwarded-host: {}\r\n", guest.host(9002))), "{seen}");
    assert!(seen.ends_with("\r\nsni: app-9002.example"), "{seen}");
    // The other ports speak as they did; a client may say nothing of its own about the host that is shown.
    let forged = [("X-Forwarded-Host", "evil.example")];
    let seen = request(server, ("GET", "/"), &guest.host(9011), &forged, b"").text();
    assert!(seen.contains("\r\nhost: app-9011.example:9011\r\n"), "{seen}");
    assert!(!seen.contains("evil"), "{seen}");
    // A port that is said to speak TLS and does not gets an answer that says so.
    let body = json!({ "templateID": "base", "timeout": 7200, "network": {"httpsPorts": [9011]} });
    let plain =
        Guest::adopt(server, &control(server, ("POST", "/v2/sandboxes"), API_KEY, &body).json());
    start(&plain, "web", SERVERS);
    assert_eq!(plain.get(9011, "/").status, 502);
}

#[test]
fn grpc_passes_in_the_clear_and_over_tls() {
    let server = Server::shared();
    let guest = Guest::create(server);
    install(&guest);
    start(&guest, "h2_server", H2_SERVER);
    let authority = data_dir().join("tls/ca.pem");
    let authority = authority.to_str().expect("UTF-8");
    for ca in [&[][..], &[authority]] {
        let mut client = sdk::web_program("grpc_client.py");
        client.args([server.address().to_string(), guest.host(9100)]).args(ca);
        let printed = run(&mut client, CLIENT_BOUND).success();
        assert_eq!(printed, "ok unary\nok error\nok stream\n", "{ca:?}");
    }
}

#[test]
fn websockets_pass_over_http_1_and_2() {
    let server = Server::shared();
    let guest = Guest::create(server);
    guest.prolong();
    install(&guest);
    start(&guest, "ws", WS_SERVER);
    let mut client = sdk::web_program("extended_connect.py");
    client.args([server.address().to_string(), guest.host(9200)]);
    let printed = run(&mut client, CLIENT_BOUND).success();
    assert!(printed.starts_with("ok switched\nok echo\nok closed\nok refused "), "{printed}");
    autobahn(&guest, "1.1.*,2.*,7.1.1,12.1.1");
}

#[test]
fn autobahn_passes_to_a_component_that_echoes() {
    let guest = Guest::create(Server::shared());
    guest.prolong();
    guest.write("/home/user/echo", &crate::guests::echo());
    guest.shell("chmod +x echo");
    run_until_up(&guest, "exec ./echo");
    // All of the suite: see CONTRIBUTING.md.
    autobahn(&guest, &std::env::var("ISOLET_AUTOBAHN").unwrap_or_else(|_| QUICK_CASES.into()));
}

/// Cases of the Autobahn suite against the server on the guest's port 9200, through the router.
#[track_caller]
fn autobahn(guest: &Guest<'_>, cases: &str) {
    let mut client = sdk::web_program("autobahn.py");
    let url = format!("ws://{}", Server::shared().address());
    client.args([url, guest.host(9200), cases.into()]);
    eprintln!("{}", run(&mut client, AUTOBAHN_BOUND).success());
}

/// Framing, pings, reserved bits, opcodes, fragmentation, UTF-8, closing; some of limits; one of each way to agree on compression.
const QUICK_CASES: &str = "1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.1.1,9.2.1,9.3.1,9.7.1,10.*,12.1.1,12.5.14,13.1.1,13.2.1,13.3.1,13.4.1,13.5.1,13.6.1,13.7.1";

/// The whole suite takes minutes against a guest of a debug build.
const AUTOBAHN_BOUND: Duration = Duration::from_secs(3600);

#[test]
fn open_ports_are_listed_with_their_urls() {
    let guest = servers();
    let list = |id: &str| {
        let path = format!("/sandboxes/{id}/ports");
        control(Server::shared(), ("GET", &path), API_KEY, &json!(null))
    };
    let listed = list(&guest.id).json();
    let of = |port: u16| json!({"port": port, "url": format!("https://{}", guest.host(port))});
    let ports = listed.as_array().expect("a list");
    for port in [9001, 9002, 9013] {
        assert!(ports.contains(&of(port)), "{port}: {listed}");
    }
    assert_eq!(ports.len(), 11, "{listed}");
    assert_eq!(list("aaaaaaaaaaaaaaaaaaaa").status, 404);
}

/// Fetches a URL in the guest and prints the status and the body, or the kind of the failure.
const FETCH: &str = r#"
import ssl, sys, urllib.error, urllib.request
anybody = ssl.create_default_context()
anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
try:
    answer = urllib.request.urlopen(sys.argv[1], context=anybody, timeout=600)
    print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
except urllib.error.URLError as error:
    print(type(error.reason).__name__, error.reason)
"#;

#[test]
fn guests_reach_each_others_urls_by_the_router_and_with_egress_alone() {
    let server = Server::shared();
    let host = servers();
    let visitor = Guest::create(server);
    let inmate = json!({ "templateID": "base", "timeout": 7200, "allow_internet_access": false });
    let inmate = control(server, ("POST", "/v2/sandboxes"), API_KEY, &inmate).json();
    let inmate = Guest::adopt(server, &inmate);
    let fetch = |guest: &Guest<'_>, url: &str| {
        guest.write("/tmp/fetch.py", FETCH.as_bytes());
        guest.shell(&format!("python3 /tmp/fetch.py '{url}'"))
    };
    let name = host.host(9014);
    for scheme in ["http", "https"] {
        let seen = fetch(&visitor, &format!("{scheme}://{name}/visit"));
        assert!(seen.starts_with("200 GET /visit HTTP/1.1\r\n"), "{seen}");
        assert!(seen.contains("x-forwarded-for: 169.254.0.21\r\n"), "{seen}");
        assert!(seen.contains(&format!("x-forwarded-proto: {scheme}\r\n")), "{seen}");
    }
    let gone = fetch(
        &visitor,
        &format!("http://{}/", crate::http::host(server, "aaaaaaaaaaaaaaaaaaaa", 80)),
    );
    assert!(gone.starts_with("502 ") && gone.contains("was not found"), "{gone}");
    // The control plane is not behind that door, and no other port of the gateway is one.
    let api = fetch(&visitor, "http://api.isolet.localhost:8080/v2/sandboxes");
    assert!(api.starts_with("403 "), "{api}");
    let other =
        fetch(&visitor, &format!("http://{}:9014/", name.split(':').next().expect("a name")));
    assert!(other.starts_with("PermissionError "), "{other}");
    // Without internet access there is no such name, and no such way.
    let denied = fetch(&inmate, &format!("http://{name}/"));
    assert!(
        denied.starts_with("gaierror ") || denied.starts_with("ConnectionRefusedError "),
        "{denied}"
    );
    let address = fetch(&inmate, "http://169.254.0.22:8080/");
    assert!(address.starts_with("OSError ") && address.contains("unreachable"), "{address}");
}

/// Opens a visit that stays, says that it is up, and writes how it ended to a FIFO.
const STAY: &str = r#"
import os, socket, sys
HOST, WAYS = sys.argv[1], "/tmp/ended"
os.mkfifo(WAYS)
visit = socket.create_connection((HOST.split(":")[0], 8080))
visit.sendall(b"GET /events HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
got = b""
while b"data: one" not in got:
    got += visit.recv(4096)
print("up", flush=True)
try:
    ended = "more" if visit.recv(4096) else "closed"
except OSError as error:
    ended = type(error).__name__
open(WAYS, "w").write(ended)
"#;

#[test]
fn a_visit_is_cut_when_the_policy_comes_to_forbid_it() {
    let server = Server::shared();
    let host = servers();
    let visitor = Guest::create(server);
    let name = host.host(9004);
    start(&visitor, "stay", &STAY.replace("sys.argv[1]", &format!("{name:?}")));
    let path = format!("/sandboxes/{}/network", visitor.id);
    let set = |network: &serde_json::Value| {
        let answer = control(server, ("PUT", &path), API_KEY, network);
        assert!(answer.status < 300, "{} {}", answer.status, answer.text());
    };
    // Another change that allows it leaves it alone: what was waiting comes.
    set(&json!({"denyOut": ["192.0.2.0/24"]}));
    assert_eq!(host.get(9004, "/go").text(), "going");
    assert_eq!(visitor.shell("cat /tmp/ended; rm /tmp/ended"), "more");
    // This one does not; and the door is shut for new ones.
    let host = servers();
    let name = host.host(9004);
    start(&visitor, "stay", &STAY.replace("sys.argv[1]", &format!("{name:?}")));
    set(&json!({"denyOut": ["169.254.0.0/16"]}));
    assert_eq!(visitor.shell("cat /tmp/ended"), "ConnectionResetError");
    let shut = "import socket\nsocket.create_connection(('169.254.0.22', 8080))";
    let shut = visitor.shell(&format!("python3 -c \"{shut}\" 2>&1 | tail -1"));
    assert!(shut.starts_with("PermissionError"), "{shut}");
}
