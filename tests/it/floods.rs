//! Clients that are slow on purpose, and clients that are many: slowhttptest and h2load of Debian against a guest's server through the
//! router, for seconds. Longer runs: docs/deploying.md, "Tools".

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::held::{Listed, sockets, wait_for_sockets};
use crate::http::Guest;
use crate::ingress::{SERVERS, start};
use crate::namespace::enter;
use crate::run::run;
use crate::sdk;
use crate::server::{Server, isolet, start_dns};

/// The whole test, a guest of a debug build included.
const BOUND: Duration = Duration::from_secs(3600);

/// One attack; it is told to last [`SECONDS`].
const ATTACK_BOUND: Duration = Duration::from_secs(900);

/// Seconds of each attack.
const SECONDS: &str = "5";

/// Installs a Debian package that has `program`, outside of namespaces.
fn need(program: &str, package: &str) {
    if !Path::new("/usr/bin").join(program).exists() && sdk::is_root() {
        sdk::apt_install(package);
    }
}

/// The most connections that a status of slowhttptest tells of, open or closed by the server.
fn slow_connections(told: &str) -> u32 {
    let counts =
        told.lines().filter(|line| line.contains("connected:") || line.contains("closed:"));
    let number = |line: &str| {
        // The number stands at the end, behind a colour.
        let digits = line.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse::<u32>().unwrap_or_else(|_| panic!("no number in {line:?}"))
    };
    counts.map(number).max().unwrap_or_default()
}

#[test]
fn slow_clients_keep_nobody_out() {
    isolet();
    need("slowhttptest", "slowhttptest");
    enter("floods::slow_clients_keep_nobody_out", Ipv4Addr::LOCALHOST.into(), BOUND, || {
        let (_dns, _) = start_dns(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)), "isolet.localhost");
        // slowhttptest takes the first address that a name has, of either version.
        let server = Server::start("[::]:8080", "isolet.localhost:8080");
        let guest = Guest::create(&server);
        start(&guest, "web", SERVERS);
        assert_eq!(guest.get(9011, "/").status, 200);
        let url = format!("http://{}/100000", guest.host(9005));
        for attack in [
            &["-H", "-i", "1"][..],
            &["-B", "-i", "1", "-s", "8192", "-x", "10"],
            &["-X", "-w", "64", "-y", "128", "-n", "1", "-z", "16"],
        ] {
            let mut slow = Command::new("slowhttptest");
            slow.args(attack)
                .args(["-c", "100", "-r", "100", "-l", SECONDS, "-p", "3", "-u", &url]);
            let (answered, told) = thread::scope(|scope| {
                let attacker = scope.spawn(|| run(&mut slow, ATTACK_BOUND));
                let mut answered = 0;
                while !attacker.is_finished() {
                    assert_eq!(guest.get(9011, "/").status, 200, "{attack:?}");
                    answered += 1;
                }
                (answered, attacker.join().expect("it does not panic"))
            });
            let told = told.success();
            assert!(answered > 0, "{attack:?}: no answer\n{told}");
            // The positive control: there were slow connections.
            assert!(slow_connections(&told) > 0, "{attack:?}:\n{told}");
        }
        assert_eq!(guest.get(9011, "/").status, 200);
    });
}

#[test]
fn many_requests_of_http_2_are_all_answered() {
    need("h2load", "nghttp2-client");
    let server = Server::shared();
    let guest = Guest::create(server);
    start(&guest, "web", SERVERS);
    for (scheme, port) in [("http", 9011), ("https", 9001)] {
        let mut load = Command::new("h2load");
        load.args([
            "-n",
            "1000",
            "-c",
            "8",
            "-m",
            "8",
            &format!("--connect-to={}", server.address()),
        ]);
        load.arg(format!("{scheme}://{}/", guest.host(port)));
        let told = run(&mut load, ATTACK_BOUND).success();
        assert!(told.contains("1000 succeeded, 0 failed, 0 errored"), "{told}");
        assert!(told.contains("status codes: 1000 2xx"), "{told}");
    }
}

/// Descriptors of a server that may have few, and connections that would take most of them.
const DESCRIPTORS: usize = 256;
const HALF_OPEN: usize = 200;

#[test]
fn half_open_connections_take_half_of_the_descriptors_at_most() {
    let plain = isolet();
    let mut program = Command::new("bash");
    program.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"")]);
    program.arg(plain.get_program());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => program.env(name, value),
            None => program.env_remove(name),
        };
    }
    let server = Server::start_as(program, "127.0.0.1:0", "few.localhost:8080", &[]);
    let connect = || {
        let stream = TcpStream::connect(server.address()).expect("room in the backlog");
        stream.set_read_timeout(Some(BOUND)).expect("a bound above zero");
        stream
    };
    let ask = |stream: &mut TcpStream| {
        let asked = format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", server.address());
        stream.write_all(asked.as_bytes()).expect("the server reads");
        let mut told = [0; 1024];
        let count = stream.read(&mut told).expect("the server answers");
        assert!(told[..count].starts_with(b"HTTP/1.1 200 "), "{:?}", told[..count].escape_ascii());
    };
    let port = format!(":{:04X}", server.address().port());
    let served = |one: &Listed| one.local.ends_with(&port) && one.state == "01" && one.is_held;
    let mut early = connect();
    ask(&mut early);
    let half_open: Vec<TcpStream> = (0..HALF_OPEN)
        .map(|_| {
            let mut stream = connect();
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: ").expect("the system takes it");
            stream
        })
        .collect();
    let most = DESCRIPTORS / 2;
    wait_for_sockets(most, served);
    for _ in 0..20 {
        ask(&mut early);
        assert_eq!(sockets(served), most, "who waits has no descriptor");
    }
    drop(half_open);
    ask(&mut connect());
    wait_for_sockets(1, served);
}
