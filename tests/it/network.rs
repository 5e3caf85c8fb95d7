//! What may leave a sandbox, beyond on and off: lists of addresses and names, changes while it runs, header rules, a proxy,
//! the log. In namespaces of its own, against a pretended internet; the unmodified SDK asks, real clients in the guest call.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::canary::{DENIED, PUBLIC};
use crate::http::{Guest, control};
use crate::internet::{CREDENTIALS, HTTP, Internet, SOCKS, TestAuthority};
use crate::nameserver::Nameserver;
use crate::namespace::{enter, outside};
use crate::run::run;
use crate::sdk;
use crate::server::{API_KEY, Server, isolet};

const BOUND: Duration = Duration::from_secs(3600);

/// Where the outside's name server is.
const NAMESERVER: &str = "45.67.89.1";

const NAMES: &[(&str, &[&str])] = &[
    ("api.example.org", &["1.1.1.1"]),
    ("deep.in.wild.example.org", &["1.1.1.1"]),
    ("wild.example.org", &["1.1.1.1"]),
    ("private.wild.example.org", &["10.0.0.1"]),
    ("other.example.net", &["1.1.1.1"]),
    ("secret.example.org", &["8.8.8.8"]),
    ("www.example.org", &["8.8.8.8"]),
    ("proxy.example.org", &["8.8.8.8"]),
    ("six.example.org", &["2606:4700:4700::1111"]),
];

/// Runs `body` beside a pretended internet, with the server that the SDKs talk to.
pub fn in_world(
    test: &str,
    more: &[&str],
    body: impl FnOnce(&Server, &Internet, &Nameserver, &str),
) {
    in_world_with(test, more, None, body);
}

/// The same, where the internet has the files of a folder.
pub fn in_world_with(
    test: &str,
    more: &[&str],
    files: Option<&Path>,
    body: impl FnOnce(&Server, &Internet, &Nameserver, &str),
) {
    isolet();
    enter(test, NAMESERVER.parse().expect("an address"), BOUND, || {
        let authority = Arc::new(TestAuthority::new("outside"));
        let internet = Internet::start(&[("api.example.org", "1.1.1.1")], &authority, files);
        let nameserver = outside(|| Nameserver::start(NAMES));
        let folder = tempfile::tempdir().expect("a folder for the certificate");
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, &authority.pem).expect("a file in it");
        let mut program = isolet();
        program.env("SSL_CERT_FILE", &ca);
        let server = Server::start_as(program, "127.0.0.1:8080", "isolet.localhost:8080", more);
        body(&server, &internet, &nameserver, &ca.to_string_lossy());
    });
}

/// Positive control: the host itself calls an address of the outside, and is heard there.
#[track_caller]
fn assert_hears(internet: &Internet, address: IpAddr) {
    let before = internet.events().len();
    let stream = TcpStream::connect_timeout(&SocketAddr::new(address, SOCKS), BOUND);
    let mut stream =
        stream.unwrap_or_else(|error| panic!("the host cannot reach {address}: {error}"));
    // No credentials: the proxy tells of it and says so.
    std::io::Write::write_all(&mut stream, &[5, 1, 0]).expect("a connected socket");
    std::io::Read::read_exact(&mut stream, &mut [0; 2]).expect("an answer");
    let heard = internet.events()[before..].iter().any(|event| event.at == address);
    assert!(heard, "{address} was called and not heard");
}

#[test]
fn the_sdks_network_options_hold_against_real_clients() {
    let program = || sdk::python_program("network.py");
    program();
    let name = "network::the_sdks_network_options_hold_against_real_clients";
    in_world(name, &[], |server, internet, nameserver, ca| {
        let mut program = server.with_plain_http(program());
        let (user, password) = CREDENTIALS;
        program.env("OUTSIDE_CA", ca).env("PROXY_CREDENTIALS", format!("{user}:{password}"));
        assert_eq!(run(&mut program, BOUND).success(), "network ok\n");
        let events = internet.events();
        let forbidden: Vec<IpAddr> =
            DENIED.iter().map(|ip| ip.parse().expect("an address")).collect();
        let leaks: Vec<_> = events.iter().filter(|event| forbidden.contains(&event.at)).collect();
        assert!(leaks.is_empty(), "{leaks:?}");
        let said = |kind: &str, part: &str| {
            events.iter().filter(|event| event.kind == kind && event.said.contains(part)).count()
        };
        // Names that no policy let out, while one was in force that did not: neither looked up nor spoken.
        assert_eq!(said("udp", "past the proxy"), 0);
        assert_eq!(said("tls", "other.example.net"), 0);
        // The one request for it is the control that access came back.
        assert_eq!(said("http", "other.example.net"), 1);
        let through: Vec<&str> = events
            .iter()
            .filter(|event| event.kind == "socks")
            .map(|event| event.said.as_str())
            .collect();
        let expected = [
            "1.1.1.1:80",
            "1.1.1.1:443",
            "api.example.org:80",
            "api.example.org:443",
            "wrong credentials",
            // TLS where the proxy does not speak it.
            "no credentials",
        ];
        assert_eq!(through, expected);
        assert!(nameserver.asked().contains("api.example.org."));
        for address in &forbidden {
            assert_hears(internet, *address);
        }
    });
}

#[test]
fn the_sdks_network_options_in_javascript() {
    let mut program = Server::shared().with_plain_http(sdk::js_program("network.mjs"));
    assert_eq!(run(&mut program, BOUND).success(), "network options ok\n");
}

#[test]
fn the_log_is_read_on_the_command_line() {
    let server = Server::shared();
    let body = json!({"templateID": "base", "timeout": 7200, "allow_internet_access": false});
    let made = control(server, ("POST", "/v2/sandboxes"), API_KEY, &body);
    assert_eq!(made.status, 201, "{}", made.text());
    let guest = Guest::adopt(server, &made.json());
    // Bash alone, which is compiled before the first sandbox starts.
    let dial = "{ for host in 1.1.1.1 1.1.1.1 1.1.1.1 example.org; do exec 3<>/dev/tcp/$host/80; done; } 2>/dev/null; echo done";
    assert_eq!(guest.shell(dial), "done\n");
    let mut command = server.with_plain_http(isolet());
    let printed = run(command.args(["net-log", &guest.id]), BOUND).success();
    let lines: Vec<&str> = printed.lines().collect();
    assert!(
        lines[0].ends_with("tcp - 1.1.1.1:80 out 0 in 0 denied (no internet access) 3 times"),
        "{printed}"
    );
    let lookup = lines.iter().any(|line| {
        line.contains("dns example.org A ")
            && line.contains("denied (this name may not be looked up)")
    });
    assert!(lookup, "{printed}");
    let mut command = server.with_plain_http(isolet());
    let json = run(command.args(["net-log", "--json", &guest.id]), BOUND).success();
    let first: Value = serde_json::from_str(json.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (&first["port"], &first["verdict"], &first["uid"]),
        (&json!(80), &json!("denied"), &json!(1000))
    );
    let mut command = server.with_plain_http(isolet());
    let unknown = run(command.args(["net-log", "nobody00000000000000"]), BOUND);
    assert!(
        !unknown.status.success() && unknown.stderr.contains("doesn't exist"),
        "{}",
        unknown.transcript()
    );
}

#[test]
fn an_opened_range_is_open_and_its_neighbours_are_not() {
    let name = "network::an_opened_range_is_open_and_its_neighbours_are_not";
    in_world(name, &[], |_, internet, _, _| {
        let script = "
import socket, sys
for host in sys.argv[1:]:
    try:
        socket.create_connection((host, 80), timeout=600).close()
        print(host, 'reached')
    except OSError as error:
        print(host, error.errno)";
        let hosts: Vec<&str> = PUBLIC.iter().chain(DENIED).copied().collect();
        let mut command = isolet();
        command.args(["run", "--open-range", "10.0.0.0/8", "--open-range", "fd00:ec2::/32"]);
        command.args(["--deny", "8.8.8.8", "--", "python3", "-c", script]).args(&hosts);
        let printed = run(&mut command, BOUND).success();
        let reached: Vec<&str> =
            printed.lines().filter_map(|line| line.strip_suffix(" reached")).collect();
        let open = ["1.1.1.1", "2606:4700:4700::1111", "10.0.0.1", "fd00:ec2::254"];
        // NAT64's form of an address that is open is that address, to whoever translates.
        let wrapped = "64:ff9b::a00:1";
        assert!(reached.iter().all(|host| open.contains(host) || *host == wrapped), "{printed}");
        assert!(open.iter().all(|host| reached.contains(host)), "{printed}");
        assert!(printed.contains("8.8.8.8 13\n"), "{printed}");
        assert!(!internet.called().contains(&IpAddr::from(Ipv4Addr::new(169, 254, 169, 254))));
        let control = TcpStream::connect((Ipv4Addr::new(169, 254, 169, 254), HTTP));
        assert!(control.is_ok(), "the control: the host itself reaches what the guest may not");
    });
}
