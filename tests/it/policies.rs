//! The policy of a running sandbox in the forms that `network` does not try: IPv6 in each spelling, cuts of IPv6 connections, name servers
//! of the sandbox's own, caps of connections and of bandwidth.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::held::{Listed, wait_for_sockets};
use crate::http::{Guest, control};
use crate::ingress::{SERVERS, start};
use crate::nameserver::Nameserver;
use crate::namespace::outside;
use crate::network::{in_world, in_world_with};
use crate::run::run;
use crate::server::{API_KEY, Server};

const V6: &str = "2606:4700:4700::1111";

/// Tells of each host whether it was reached, as the address that answered or the number of the error.
const DIAL: &str = r#"
import json, socket, sys
for host in sys.argv[1:]:
    try:
        with socket.create_connection((host, 80), timeout=600) as stream:
            stream.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
            told = stream.makefile("rb").read().rpartition(b"\r\n\r\n")[2]
        print(host, json.loads(told)["at"])
    except OSError as error:
        print(host, error.errno)
"#;

/// Another policy for a running sandbox; what the API says to it.
fn set(server: &Server, guest: &Guest<'_>, network: &Value) -> (u16, String) {
    let path = format!("/sandboxes/{}/network", guest.id);
    let answer = control(server, ("PUT", &path), API_KEY, network);
    (answer.status, answer.text())
}

fn dialled(guest: &Guest<'_>, hosts: &[&str]) -> Vec<String> {
    let said = guest.shell(&format!("python3 /tmp/dial.py {}", hosts.join(" ")));
    said.lines().map(str::to_owned).collect()
}

#[test]
fn addresses_of_ipv6_are_one_however_they_are_written() {
    let name = "policies::addresses_of_ipv6_are_one_however_they_are_written";
    in_world(name, &[], |server, _, _, _| {
        let guest = Guest::create(server);
        guest.write("/tmp/dial.py", DIAL.as_bytes());
        const V6_FORMS: &[&str] = &[V6, "2606:4700:4700:0:0:0:0:1111", "2606:4700:4700::0.0.17.17"];
        const V4_FORMS: &[&str] = &["8.8.8.8", "::ffff:8.8.8.8", "::FFFF:808:808"];
        // With nothing denied each is reached, and is the address that it is.
        let open = |at: &str, forms: &[&str]| -> Vec<String> {
            forms.iter().map(|form| format!("{form} {at}")).collect()
        };
        let shut = |errno: u32, forms: &[&str]| -> Vec<String> {
            forms.iter().map(|form| format!("{form} {errno}")).collect()
        };
        let all = [V6_FORMS, V4_FORMS].concat();
        let both = [open(V6, V6_FORMS), open("8.8.8.8", V4_FORMS)].concat();
        assert_eq!(dialled(&guest, &all), both);
        let v6_denied = [shut(13, V6_FORMS), open("8.8.8.8", V4_FORMS)].concat();
        let v4_denied = [open(V6, V6_FORMS), shut(13, V4_FORMS)].concat();
        for (entry, expected) in [
            ("2606:4700:4700::1111", &v6_denied),
            ("2606:4700:4700:0000:0000:0000:0000:1111", &v6_denied),
            ("2606:4700:4700::0.0.17.17", &v6_denied),
            ("2606:4700::/32", &v6_denied),
            ("2606:4700:ffff::/32", &v6_denied),
            ("2606:4700:4700::1112/127", &both),
            ("8.8.8.8", &v4_denied),
            ("::ffff:8.8.8.8", &v4_denied),
            ("::ffff:808:808", &v4_denied),
            ("::ffff:8.8.8.0/120", &v4_denied),
            ("8.8.0.0/16", &v4_denied),
        ] {
            let denied = json!({ "denyOut": [entry] });
            assert_eq!(set(server, &guest, &denied).0, 204, "{entry}");
            assert_eq!(&dialled(&guest, &all), expected, "{entry}");
        }
        for (entry, expected) in [
            (V6, [open(V6, V6_FORMS), shut(13, V4_FORMS)].concat()),
            ("::ffff:8.8.8.8", v6_denied.clone()),
        ] {
            let allowed = json!({ "allowOut": [entry], "denyOut": ["0.0.0.0/0"] });
            assert_eq!(set(server, &guest, &allowed).0, 204, "{entry}");
            assert_eq!(dialled(&guest, &all), expected, "{entry}");
        }
        assert_eq!(set(server, &guest, &json!({ "allow_internet_access": false })).0, 204);
        assert_eq!(dialled(&guest, &all), shut(101, &all));
        for wrong in ["::", "::/0", "2606:4700::/129", "2606:4700:::1", "fe80::1%2"] {
            let (status, said) = set(server, &guest, &json!({ "denyOut": [wrong] }));
            assert!(status == 400 && said.contains("invalid denied CIDR"), "{wrong}: {said}");
        }
        // By name: TLS and HTTP to the address that the name has, which is of IPv6 only.
        let named = json!({ "allowOut": ["six.example.org"], "denyOut": ["0.0.0.0/0"] });
        assert_eq!(set(server, &guest, &named).0, 204);
        let ask = |url: &str| {
            guest.shell(&format!("curl -sS -g --max-time 600 '{url}' 2>&1 || echo \"[$?]\""))
        };
        let told: Value = serde_json::from_str(&ask("http://six.example.org/")).expect("JSON");
        assert_eq!(told["at"], V6);
        assert_eq!(ask(&format!("http://[{V6}]/")), "isolet: this host is not allowed\n");
        assert!(ask("http://8.8.8.8/").ends_with("[7]\n"));
    });
}

/// Connections and datagrams that stay, over both versions: says "up", and writes to a FIFO what became of them once one was reset.
const STAY: &str = r#"
import os, socket
os.mkfifo("/tmp/ended")
streams = [socket.create_connection((host, 2222)) for host in (SIX, "8.8.8.8")]
for stream in streams:
    assert stream.recv(10) == b"hello\n"
datagrams = []
for family, host in ((socket.AF_INET6, SIX), (socket.AF_INET, "8.8.8.8")):
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.connect((host, 7777))
    one.send(b"hello")
    assert one.recv(10) == b"hello"
    datagrams.append(one)
print("up", flush=True)
told = []
try:
    told.append("more" if streams[0].recv(10) else "closed")
except OSError as error:
    told.append(type(error).__name__)
for one in datagrams:
    try:
        one.send(b"again")
        told.append(one.recv(10).decode())
    except OSError as error:
        told.append(type(error).__name__)
streams[1].setblocking(False)
try:
    told.append("more" if streams[1].recv(10) else "closed")
except OSError as error:
    told.append(type(error).__name__)
open("/tmp/ended", "w").write(" ".join(told))
"#;

#[test]
fn what_is_open_over_ipv6_is_cut_when_it_is_denied() {
    let name = "policies::what_is_open_over_ipv6_is_cut_when_it_is_denied";
    in_world(name, &[], |server, _, _, _| {
        let guest = Guest::create(server);
        start(&guest, "stay", &STAY.replace("SIX", &format!("{V6:?}")));
        // One that denies neither changes nothing.
        assert_eq!(set(server, &guest, &json!({ "denyOut": ["2606:4700:4701::/48"] })).0, 204);
        assert_eq!(set(server, &guest, &json!({ "denyOut": ["2606:4700:4700::/48"] })).0, 204);
        assert_eq!(
            guest.shell("cat /tmp/ended"),
            "ConnectionResetError PermissionError again BlockingIOError"
        );
    });
}

#[test]
fn a_sandboxs_own_name_servers_are_asked_and_nobody_else() {
    let name = "policies::a_sandboxs_own_name_servers_are_asked_and_nobody_else";
    in_world(name, &[], |server, _, hosts, _| {
        let own = outside(|| {
            let names: &[(&str, &[&str])] =
                &[("api.example.org", &["8.8.8.8"]), ("own.example.org", &["1.1.1.1"])];
            Nameserver::start_at(Ipv4Addr::new(9, 9, 9, 9).into(), names)
        });
        let guest = Guest::create(server);
        let asked = |name: &str| {
            guest.shell(&format!("getent ahostsv4 {name} | head -1 | cut -d' ' -f1; true"))
        };
        assert_eq!(asked("api.example.org"), "1.1.1.1\n", "the host's");
        assert_eq!(asked("own.example.org"), "");
        assert!(hosts.asked().contains("own.example.org."), "the control: the host's was asked");
        assert_eq!(set(server, &guest, &json!({ "dnsServers": ["9.9.9.9"] })).0, 204);
        assert_eq!(asked("api.example.org"), "8.8.8.8\n");
        assert_eq!(asked("own.example.org"), "1.1.1.1\n");
        assert_eq!(asked("only.example.org"), "");
        assert!(own.asked().contains("only.example.org."));
        assert!(!hosts.asked().contains("only.example.org."), "{:?}", hosts.asked());
        // Nobody.
        assert_eq!(set(server, &guest, &json!({ "dnsServers": [] })).0, 204);
        assert_eq!(asked("nobody.example.org"), "");
        for server in [&own, hosts] {
            assert!(!server.asked().contains("nobody.example.org."), "{:?}", server.asked());
        }
        for wrong in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "45.67.89.2"] {
            let (status, said) = set(server, &guest, &json!({ "dnsServers": [wrong] }));
            assert!(status == 400 && said.contains("cannot be a name server here"), "{said}");
        }
        assert_eq!(set(server, &guest, &json!({})).0, 204);
        assert_eq!(asked("api.example.org"), "1.1.1.1\n", "the host's again");
    });
}

/// Looks a name up in one thread and serves HTTP in others: `/name` waits for the address.
const LOOKS: &str = r#"
import http.server, socket, threading
found = []
def look():
    while not found:
        try:
            found.append(socket.getaddrinfo("slow.example.org", 80)[0][4][0])
        except socket.gaierror:
            pass
looker = threading.Thread(target=look)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/name":
            looker.join()
        self.send_response(200)
        self.end_headers()
        self.wfile.write((found or ["still looking"])[0].encode())
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("0.0.0.0", 5000), Handler)
looker.start()
print("up", flush=True)
server.serve_forever()
"#;

#[test]
fn a_thread_that_waits_for_a_name_holds_up_no_other() {
    let name = "policies::a_thread_that_waits_for_a_name_holds_up_no_other";
    in_world(name, &[], |server, _, _, _| {
        let (asks, asked) = channel();
        let (answers, answer) = channel::<()>();
        // Both ends go with the test: then it answers whatever comes.
        let hold = move || {
            let _ = asks.send(());
            let _ = answer.recv();
        };
        let names: &[(&str, &[&str])] = &[("slow.example.org", &["1.1.1.1"])];
        let _slow =
            outside(|| Nameserver::start_held(Ipv4Addr::new(9, 9, 9, 9).into(), names, hold));
        let guest = Guest::create(server);
        assert_eq!(set(server, &guest, &json!({ "dnsServers": ["9.9.9.9"] })).0, 204);
        start(&guest, "looks", LOOKS);
        asked.recv_timeout(HELD_BOUND).expect("the name server is asked");
        assert_eq!(guest.get(5000, "/").text(), "still looking");
        drop(answers);
        assert_eq!(guest.get(5000, "/name").text(), "1.1.1.1");
    });
}

/// A hang.
const HELD_BOUND: Duration = Duration::from_secs(600);

/// Opens connections until it is refused, closes one, and opens another.
const FILL: &str = r#"
import socket
held = []
try:
    while len(held) < 100:
        held.append(socket.create_connection(("8.8.8.8", 2222)))
        assert held[-1].recv(10) == b"hello\n"
except OSError as error:
    print(len(held), error.errno)
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("8.8.8.8", 7777))
except OSError as error:
    print(error.errno)
local = socket.create_server(("127.0.0.1", 0))
socket.create_connection(local.getsockname())
held.pop().close()
# The place is free once the other side has closed, too.
while True:
    try:
        held.append(socket.create_connection(("8.8.8.8", 2222)))
        break
    except OSError as error:
        assert error.errno == 105, error
print("again")
"#;

/// A record of the log is complete long before.
const LOG_BOUND: Duration = Duration::from_secs(600);

/// Bytes that the last visit of a sandbox to another one's URL brought, as its log has them.
fn visited_bytes(server: &Server, sandbox: &str) -> u64 {
    let path = format!("/sandboxes/{sandbox}/network/log");
    let log = control(server, ("GET", &path), API_KEY, &Value::Null).json();
    let events = log["events"].as_array().expect("events");
    let visit = events.iter().rfind(|event| event["address"] == "169.254.0.22");
    visit.expect("the visit")["bytesIn"].as_u64().expect("a count")
}

#[test]
fn caps_hold_for_each_sandbox_by_itself() {
    const MIB: usize = 1 << 20;
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("mib"), vec![b'x'; MIB]).expect("a writable folder");
    let name = "policies::caps_hold_for_each_sandbox_by_itself";
    let caps = ["--sandbox-connections", "5", "--sandbox-bandwidth-kib", "256"];
    in_world_with(name, &caps, Some(folder.path()), |server, _, _, _| {
        let guest = Guest::create(server);
        guest.write("/tmp/fill.py", FILL.as_bytes());
        // 105 is ENOBUFS.
        assert_eq!(guest.shell("python3 /tmp/fill.py"), "5 105\n105\nagain\n");
        let other = Guest::create(server);
        other.write("/tmp/fill.py", FILL.as_bytes());
        let fill = |guest: &Guest<'_>| guest.shell("python3 /tmp/fill.py");
        let (one, two) = std::thread::scope(|scope| {
            let one = scope.spawn(|| fill(&guest));
            (fill(&other), one.join().expect("it does not panic"))
        });
        assert_eq!((one.as_str(), two.as_str()), ("5 105\n105\nagain\n", "5 105\n105\nagain\n"));

        // Both ways together at most 256 KiB a second, but for the first 64 KiB: a machine that is busy only takes longer.
        let moved = Duration::from_millis((1024 - 64) * 1000 / 256);
        let began = Instant::now();
        let size = guest.shell("curl -sS -o /dev/null -w '%{size_download}' http://8.8.8.8/mib");
        assert_eq!(size, MIB.to_string());
        assert!(began.elapsed() >= moved, "{:?}", began.elapsed());
        let began = Instant::now();
        let up = "head -c 524288 /dev/zero | curl -sS --data-binary @- -w '%{size_upload}' -o /dev/null http://8.8.8.8/";
        assert_eq!(guest.shell(up), "524288");
        assert!(began.elapsed() >= Duration::from_millis((512 - 64) * 1000 / 256));

        // So does a visit to another sandbox's URL, and the log has its bytes.
        start(&other, "web", SERVERS);
        let began = Instant::now();
        let host = other.host(9005);
        // curl takes every name below localhost for its own machine.
        let size = guest.shell(&format!(
            "curl -sS -o /dev/null -w '%{{size_download}}' --resolve {host}:169.254.0.22 http://{host}/{MIB}"
        ));
        assert_eq!(size, MIB.to_string());
        assert!(began.elapsed() >= moved, "{:?}", began.elapsed());
        // The last bytes are counted when the guest may have them already.
        let deadline = Instant::now() + LOG_BOUND;
        while visited_bytes(server, &guest.id) <= MIB as u64 {
            assert!(Instant::now() < deadline, "{}", visited_bytes(server, &guest.id));
            std::thread::yield_now();
        }
    });
}

/// Calls one who never answers: as often as it may be, and far more often. Then once it is told to, it closes all of that and does it
/// again.
const PEND: &str = r#"
import errno, os, socket
held = []
def attempt():
    pending = socket.socket()
    pending.setblocking(False)
    code = pending.connect_ex(("4.4.4.4", 80))
    if code == errno.EINPROGRESS:
        held.append(pending)
    return code
for way in ("/tmp/go", "/tmp/told"):
    os.mkfifo(way)
while attempt() == errno.EINPROGRESS:
    pass
more = {errno.errorcode[attempt()] for _ in range(3000)}
print("up", flush=True)
open("/tmp/told", "w").write(f"{len(held)} {more}")
open("/tmp/go").read()
count = len(held)
for pending in held:
    pending.close()
held.clear()
# A place is free once the host has closed, too.
while len(held) < count:
    assert attempt() in (errno.EINPROGRESS, errno.ENOBUFS)
open("/tmp/told", "w").write(f"{len(held)} again")
open("/tmp/go").read()
"#;

#[test]
fn connections_that_nobody_answers_are_bounded_and_given_back() {
    const CAP: usize = 40;
    let name = "policies::connections_that_nobody_answers_are_bounded_and_given_back";
    in_world(name, &["--sandbox-connections", &CAP.to_string()], |server, _, _, _| {
        // Nobody answers there, not even that there is nobody; and the system goes on asking for longer than this test lasts. Where
        // it may not be told to, it gives up after two minutes.
        let mut silence = Command::new("ip");
        silence.args(["-n", "outside", "route", "add", "blackhole", "4.4.4.4/32"]);
        run(&mut silence, LOG_BOUND).success();
        let _ = std::fs::write("/proc/sys/net/ipv4/tcp_syn_retries", "60");
        let (guest, other) = (Guest::create(server), Guest::create(server));
        other.write("/tmp/fill.py", FILL.as_bytes());
        // The kernel's sockets that have asked and not been answered (SYN_SENT).
        let pending = |one: &Listed| one.remote == "04040404:0050" && one.state == "02";
        start(&guest, "pend", PEND);
        assert_eq!(guest.shell("cat /tmp/told"), format!("{CAP} {{'ENOBUFS'}}"));
        wait_for_sockets(CAP, pending);
        // Another sandbox has all of its own.
        let filled = other.shell("python3 /tmp/fill.py");
        assert_eq!(filled, format!("{CAP} 105\n105\nagain\n"));
        wait_for_sockets(CAP, pending);
        assert_eq!(guest.shell("echo >/tmp/go; cat /tmp/told"), format!("{CAP} again"));
        wait_for_sockets(CAP, pending);
        // They end with their sandbox.
        drop(guest);
        wait_for_sockets(0, pending);
    });
}
