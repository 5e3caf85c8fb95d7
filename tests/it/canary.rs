//! Canaries: listeners that remember who they heard from. A test that says "nothing got out" stands on
//! one, and on the same canary having heard the positive control.
//!
//! One listener takes every address of its namespace and tells them apart by the address it was
//! called on. Not a server of anything: it greets and hangs up.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// What a canary says to whoever connects.
pub const GREETING: &str = "canary\n";

/// Addresses outside that a guest with internet access may reach.
pub const PUBLIC: &[&str] = &["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111"];

/// Addresses outside, one or more of each special-purpose range, that no guest ever may reach
/// (IANA's special-purpose registries; the v4-in-v6 forms hide 127.0.0.1 and 10.0.0.1).
pub const DENIED: &[&str] = &[
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "240.0.0.1",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
];

/// Long enough for a loopback or veth round trip on a busy machine; only failures wait for it.
const HEAR_BOUND: Duration = Duration::from_secs(300);

type Heard = Arc<(Mutex<BTreeMap<IpAddr, usize>>, Condvar)>;

/// A TCP listener on every address of the namespace it was made in.
pub struct Canary {
    port: u16,
    heard: Heard,
}

impl Canary {
    /// Listens on `port` of every IPv4 and IPv6 address. The thread ends with the test process.
    pub fn listen(port: u16) -> Canary {
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let heard = Heard::default();
        let writer = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let called = stream.local_addr().map(|address| address.ip().to_canonical());
                let (map, changed) = &*writer;
                let mut map = map.lock().expect("no one panics with this lock");
                *map.entry(called.expect("an accepted socket has one")).or_default() += 1;
                changed.notify_all();
                // The caller may be gone already; it was heard all the same.
                let _ = stream.write_all(GREETING.as_bytes());
            }
        });
        Canary { port, heard }
    }

    /// Also hears datagrams on the same port, each of which names the address it was sent to. They count
    /// as calls to that address.
    pub fn and_datagrams(self) -> Canary {
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, self.port)).expect("a free port");
        let writer = Arc::clone(&self.heard);
        thread::spawn(move || {
            let mut packet = [0; 256];
            while let Ok((length, _)) = socket.recv_from(&mut packet) {
                let text = String::from_utf8_lossy(&packet[..length]);
                let address = text.parse().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
                let (map, changed) = &*writer;
                let mut map = map.lock().expect("no one panics with this lock");
                *map.entry(address.to_canonical()).or_default() += 1;
                changed.notify_all();
            }
        });
        self
    }

    /// How often each address was called.
    pub fn heard(&self) -> BTreeMap<IpAddr, usize> {
        self.heard.0.lock().expect("no one panics with this lock").clone()
    }

    /// Waits until the canary was called on `address` at least `times` times.
    #[track_caller]
    pub fn wait_for(&self, address: IpAddr, times: usize) {
        let (map, changed) = &*self.heard;
        let map = map.lock().expect("no one panics with this lock");
        let (_map, wait) = changed
            .wait_timeout_while(map, HEAR_BOUND, |map| map.get(&address).is_none_or(|n| *n < times))
            .expect("no one panics with this lock");
        assert!(!wait.timed_out(), "the canary did not hear a call to {address}");
    }

    /// Positive control for datagrams: an ordinary program of the host sends one to `address`, and the
    /// canary hears it. They arrive in order, so those sent before have been counted too.
    #[track_caller]
    pub fn assert_hears_datagram(&self, address: IpAddr) {
        let before = self.heard().get(&address).copied().unwrap_or(0);
        let any: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).expect("a free port");
        socket
            .send_to(address.to_string().as_bytes(), (address, self.port))
            .unwrap_or_else(|error| panic!("the host itself cannot send to {address}: {error}"));
        self.wait_for(address, before + 1);
    }

    /// Positive control: an ordinary program of the host calls `address` and the canary hears it.
    /// Calls are taken in order, so everything that called before has been counted too.
    #[track_caller]
    pub fn assert_hears_host(&self, address: IpAddr) {
        let before = self.heard().get(&address).copied().unwrap_or(0);
        let target = SocketAddr::new(address, self.port);
        let mut stream = TcpStream::connect_timeout(&target, HEAR_BOUND)
            .unwrap_or_else(|error| panic!("the host itself cannot reach {target}: {error}"));
        let mut greeting = String::new();
        stream.read_to_string(&mut greeting).expect("the canary greets");
        assert_eq!(greeting, GREETING);
        self.wait_for(address, before + 1);
    }
}
