//! Internet access of a sandbox, on and off. Each test has namespaces of its own: isolet runs inside,
//! canaries listen outside on public and on forbidden addresses, and one inside on the host's own.
//!
//! Every "heard nothing" has its positive control: the host itself calls the same address, before
//! (it can be heard) and after (all that was sent earlier has been counted).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::process::Command;
use std::time::Duration;

use crate::canary::{Canary, DENIED, PUBLIC};
use crate::nameserver::Nameserver;
use crate::namespace::{INSIDE_V4, INSIDE_V6, enter, outside};
use crate::run::run;
use crate::sdk;
use crate::server::{Server, isolet};

const BOUND: Duration = Duration::from_secs(3600);
const PORT: u16 = 80;

/// Where the outside's name server is.
const NAMESERVER: &str = "45.67.89.1";

/// A name whose addresses are public, and one that hides the cloud's metadata service.
const PUBLIC_NAME: &str = "canary.example.org";
const PRIVATE_NAME: &str = "metadata.example.org";
const LOOPBACK_NAME: &str = "rebound.example.org";

/// Forms in which a guest may write an address that it may not reach.
const DENIED_FORMS: &[&str] = &[
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "fe80::1%2",
    INSIDE_V4,
    INSIDE_V6,
    PRIVATE_NAME,
    LOOPBACK_NAME,
];

/// Forms of the loopback: the guest's own, where nothing listens, and never the host's.
const LOOPBACK_FORMS: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "127.9.9.9",
    "2130706433",
    "0x7f.1",
    "017700000001",
    "0.0.0.0",
    "localhost",
    "::1",
    "::",
    "::ffff:127.0.0.1",
];

/// What listens in one test's namespaces.
struct World {
    outside: Canary,
    inside: Canary,
    nameserver: Nameserver,
}

impl World {
    fn new() -> World {
        let names: &[(&str, &[&str])] = &[
            (PUBLIC_NAME, &["1.1.1.1"]),
            (PRIVATE_NAME, &["169.254.169.254"]),
            (LOOPBACK_NAME, &["127.0.0.1"]),
        ];
        World {
            outside: outside(|| Canary::listen(PORT).and_datagrams()),
            inside: Canary::listen(PORT).and_datagrams(),
            nameserver: outside(|| Nameserver::start(names)),
        }
    }

    /// The host calls every address, by stream and datagram, and is heard.
    fn positive_controls(&self) {
        for address in PUBLIC.iter().chain(DENIED) {
            let address = address.parse().expect("an address");
            self.outside.assert_hears_host(address);
            self.outside.assert_hears_datagram(address);
        }
        for address in [INSIDE_V4, INSIDE_V6, "127.0.0.1", "::1"] {
            let address = address.parse().expect("an address");
            self.inside.assert_hears_host(address);
            self.inside.assert_hears_datagram(address);
        }
    }

    /// Runs `act` between two rounds of controls; what each canary heard from `act` alone.
    fn heard_during(&self, act: impl FnOnce()) -> BTreeMap<IpAddr, usize> {
        let total = || {
            let mut heard = self.outside.heard();
            for (address, times) in self.inside.heard() {
                *heard.entry(address).or_default() += times;
            }
            heard
        };
        self.positive_controls();
        let before = total();
        act();
        self.positive_controls();
        let mut heard = total();
        for (address, times) in &mut heard {
            // The closing round itself: one stream and one datagram for each address.
            *times -= before.get(address).map_or(0, |before| before + 2);
        }
        heard.retain(|_, times| *times > 0);
        heard
    }
}

/// Runs tests/guests/dial.py on `hosts` in a sandbox; what it said of each.
fn dial<'a>(flags: &[&str], hosts: impl Iterator<Item = &'a &'a str>) -> BTreeMap<String, String> {
    let mut command = isolet();
    command.arg("run").args(flags).args(["--", "python3", "-c", include_str!("../guests/dial.py")]);
    let printed = run(command.arg(PORT.to_string()).args(hosts), BOUND).success();
    let said = |line: &str| line.split_once(' ').map(|(host, rest)| (host.into(), rest.into()));
    printed.lines().map(|line| said(line).unwrap_or_else(|| panic!("{printed}"))).collect()
}

#[track_caller]
fn assert_refused<'a>(said: &BTreeMap<String, String>, hosts: impl Iterator<Item = &'a &'a str>) {
    for host in hosts {
        let outcome = said.get(*host).unwrap_or_else(|| panic!("{host} is missing in {said:?}"));
        assert!(outcome.starts_with("refused"), "{host}: {outcome}");
    }
}

fn in_world(test: &str, body: impl FnOnce(&World)) {
    // Compiles the built-in programs first if need be: that has a bound of its own.
    isolet();
    enter(test, NAMESERVER.parse().expect("an address"), BOUND, || body(&World::new()));
}

#[test]
fn with_access_a_guest_reaches_public_addresses_and_no_others() {
    in_world("egress::with_access_a_guest_reaches_public_addresses_and_no_others", |world| {
        let hosts = || PUBLIC.iter().chain([&PUBLIC_NAME]);
        let others = || DENIED.iter().chain(DENIED_FORMS).chain(LOOPBACK_FORMS);
        let heard = world.heard_during(|| {
            let said = dial(&[], hosts().chain(others()));
            for host in hosts() {
                assert_eq!(said[*host], "reached canary", "{host}");
            }
            assert_refused(&said, others());
        });
        for address in PUBLIC {
            let address: IpAddr = address.parse().expect("an address");
            assert!(heard.contains_key(&address), "{address} was reached but not heard");
        }
        let public: Vec<IpAddr> = PUBLIC.iter().map(|a| a.parse().expect("an address")).collect();
        let leaks: Vec<_> = heard.keys().filter(|address| !public.contains(address)).collect();
        // A datagram to a name carries the name, and counts as the unspecified address.
        let unspecified: IpAddr = std::net::Ipv6Addr::UNSPECIFIED.into();
        assert!(leaks.iter().all(|address| **address == unspecified), "heard on {leaks:?}");
        assert!(heard.get(&unspecified).is_none_or(|times| *times <= 1), "{heard:?}");
    });
}

#[test]
fn without_access_nothing_leaves_not_even_a_lookup() {
    in_world("egress::without_access_nothing_leaves_not_even_a_lookup", |world| {
        let all = || {
            let addresses = PUBLIC.iter().chain(DENIED);
            addresses.chain(DENIED_FORMS).chain(LOOPBACK_FORMS).chain([&PUBLIC_NAME])
        };
        let heard = world.heard_during(|| {
            let said = dial(&["--no-internet"], all());
            assert_refused(&said, all());
        });
        assert!(heard.is_empty(), "heard on {heard:?}");
        let asked = world.nameserver.asked();
        assert!(asked.iter().all(|name| !name.contains("example")), "looked up: {asked:?}");
        // Positive control: the same name server hears the host's lookup.
        let found = (PUBLIC_NAME, PORT).to_socket_addrs().expect("the host can look names up");
        assert!(found.into_iter().any(|address| address.ip() == Ipv4Addr::new(1, 1, 1, 1)));
        assert!(world.nameserver.asked().contains(&format!("{PUBLIC_NAME}.")));
    });
}

#[test]
fn a_shell_dials_by_the_same_rules() {
    in_world("egress::a_shell_dials_by_the_same_rules", |world| {
        let shell = |flags: &[&str], address: &str| {
            let script =
                format!("exec 3<>/dev/tcp/{address}/{PORT} && read -r line <&3; echo $line");
            let mut command = isolet();
            command.arg("run").args(flags).args(["--", "bash", "-c", &script]);
            run(&mut command, BOUND).stdout
        };
        let heard = world.heard_during(|| {
            assert_eq!(shell(&[], "1.1.1.1"), "canary\n");
            for address in ["10.0.0.1", "169.254.169.254", "127.0.0.1", INSIDE_V4] {
                assert_eq!(shell(&[], address), "\n", "{address}");
            }
            assert_eq!(shell(&["--no-internet"], "1.1.1.1"), "\n");
        });
        let once = BTreeMap::from([(Ipv4Addr::new(1, 1, 1, 1).into(), 1)]);
        assert_eq!(heard, once);
    });
}

fn sdk_example(test: &str, program: impl FnOnce() -> Command) {
    in_world(test, |world| {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        let server = Server::start(&listen.to_string(), "isolet.localhost:8080");
        let mut program = server.with_plain_http(program());
        program.env("TARGET", "1.1.1.1").env("NAME", PUBLIC_NAME);
        let heard = world.heard_during(|| {
            assert_eq!(run(&mut program, BOUND).success(), "internet ok\n");
        });
        // Two sandboxes with access, by address and by name; the one without was not heard anywhere.
        assert_eq!(heard, BTreeMap::from([(Ipv4Addr::new(1, 1, 1, 1).into(), 4)]));
    });
}

#[test]
fn the_internet_example_runs_in_javascript() {
    let program = || sdk::js_program("internet.mjs");
    program();
    sdk_example("egress::the_internet_example_runs_in_javascript", program);
}

#[test]
fn the_internet_example_runs_in_python() {
    let program = || sdk::python_program("internet.py");
    program();
    sdk_example("egress::the_internet_example_runs_in_python", program);
}

#[test]
fn the_internet_example_runs_in_async_python() {
    let program = || sdk::python_program("internet_async.py");
    program();
    sdk_example("egress::the_internet_example_runs_in_async_python", program);
}
