//! Guest ports: a guest's bind never takes a host port, and every sandbox has all of its own.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use crate::http::Guest;
use crate::namespace::enter;
use crate::server::{Server, isolet};

const SANDBOXES: usize = 100;

/// Creating them one after another on a busy machine, a python each.
const BOUND: Duration = Duration::from_secs(3600);

/// How many threads of ours drive them.
const DRIVERS: usize = 8;

/// Sockets of this network namespace that listen, as the kernel lists them.
fn listening() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).expect("the kernel lists its sockets");
        for line in text.lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            // include/net/tcp_states.h: TCP_LISTEN is 10.
            if fields.get(3) == Some(&"0A") {
                found.insert(format!("{table} {}", fields[1]));
            }
        }
    }
    found
}

#[test]
fn a_hundred_sandboxes_serve_one_port_and_the_host_none() {
    isolet();
    let name = "ports::a_hundred_sandboxes_serve_one_port_and_the_host_none";
    enter(name, Ipv4Addr::LOCALHOST.into(), BOUND, || {
        let server = Server::start("127.0.0.1:8080", "isolet.localhost:8080");
        let before = listening();
        assert_eq!(before.len(), 1, "the server's own listener: {before:?}");
        let guests: Vec<Guest> = thread::scope(|scope| {
            let drive = || -> Vec<Guest> {
                let mine = 0..SANDBOXES.div_ceil(DRIVERS);
                mine.map(|_| {
                    let guest = Guest::create(&server);
                    guest.write("/home/user/index.html", guest.id.as_bytes());
                    guest.write("/tmp/serve.py", include_bytes!("../guests/serve.py"));
                    assert_eq!(guest.shell(START), "ready\n");
                    guest
                })
                .collect()
            };
            let drivers: Vec<_> = (0..DRIVERS).map(|_| scope.spawn(drive)).collect();
            drivers.into_iter().flat_map(|driver| driver.join().expect("a driver")).collect()
        });
        assert!(guests.len() >= SANDBOXES);
        for guest in &guests {
            let answer = guest.get(3000, "/index.html");
            assert_eq!((answer.status, answer.text()), (200, guest.id.clone()));
        }
        assert_eq!(listening(), before, "a guest's listener took a host port");
        let first = &guests[0];
        assert_eq!(first.get(3001, "/").status, 502);
    });
}

/// Starts the server in the background, and ends once it has said that it listens.
const START: &str = "exec 3< <(exec python3 /tmp/serve.py 3000 </dev/null 2>/dev/null)
read -r said <&3; echo \"$said\"";

#[test]
fn a_published_port_of_a_run_answers() {
    use crate::http::exchange;
    use crate::run::watch_until;

    let mut command = isolet();
    command.args(["run", "--publish", "--", "python3", "-u", "-m", "http.server", "3000"]);
    let (mut url, mut serving) = (None, false);
    let answer = watch_until(&mut command, Duration::from_secs(900), |line| {
        let at = line.find("http://");
        if let Some(at) = at.filter(|_| !line.contains("0.0.0.0")) {
            url = line[at..].split_whitespace().next().map(str::to_owned);
        }
        // The two lines come from two writers, in either order.
        serving |= line.contains("Serving HTTP on");
        let url = url.as_ref().filter(|_| serving)?;
        let authority = url.trim_start_matches("http://").split('/').next()?.to_owned();
        let port: u16 = authority.rsplit(':').next()?.parse().ok()?;
        let head = format!("GET / HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        Some(exchange((Ipv4Addr::LOCALHOST, port).into(), head.as_bytes()))
    });
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("Directory listing for /"), "{}", answer.text());
}
