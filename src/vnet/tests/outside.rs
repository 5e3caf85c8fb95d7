//! What may leave: the table of denied ranges, policy and errors, and the pump to a real connection.

#![expect(
    clippy::disallowed_methods,
    reason = "real sockets on the host's loopback play the outside"
)]

use super::*;
use crate::vnet::connection::End;
use crate::vnet::egress::{
    DENIED_V4, DENIED_V6, Fresh, Outlet, Permit, is_denied, pump, unwrapped,
};
use crate::vnet::stream::Stream;
use crate::vnet::udp::Inbox;
use crate::wait::WaitQueue;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The next address after `ip`, or before.
fn step(ip: IpAddr, up: bool) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => {
            let number = u32::from(ip);
            let next = if up { number.checked_add(1) } else { number.checked_sub(1) };
            next.map(|number| Ipv4Addr::from(number).into())
        }
        IpAddr::V6(ip) => {
            let number = u128::from(ip);
            let next = if up { number.checked_add(1) } else { number.checked_sub(1) };
            next.map(|number| Ipv6Addr::from(number).into())
        }
    }
}

#[test]
fn every_denied_range_to_its_edges() {
    let v4 = DENIED_V4.iter().map(|range| (range.network().into(), range.broadcast().into()));
    let v6 = DENIED_V6.iter().map(|range| (range.network().into(), range.broadcast().into()));
    let ranges: Vec<(IpAddr, IpAddr)> = v4.chain(v6).collect();
    let inside = |ip: IpAddr| ranges.iter().any(|&(first, last)| (first..=last).contains(&ip));
    let mut allowed_neighbours = 0;
    for &(first, last) in &ranges {
        assert!(is_denied(first) && is_denied(last), "{first}-{last}");
        for neighbour in [step(first, false), step(last, true)].into_iter().flatten() {
            let global = neighbour.is_ipv4()
                || (ip("2000::")..=ip("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
                    .contains(&neighbour);
            assert_eq!(is_denied(neighbour), inside(neighbour) || !global, "{neighbour}");
            allowed_neighbours += usize::from(!is_denied(neighbour));
        }
    }
    assert!(
        allowed_neighbours > 20,
        "the control: {allowed_neighbours} addresses next to a range are allowed"
    );
}

/// The registries' entries and the threat model's list, written out independently of the table.
const DENIED: &[&str] = &[
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.0.22",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.1.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::7f00:1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd00:a9fe::15",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "4000::1",
    "1fff::1",
    "e000::1",
];

/// A network with this policy.
fn net_with(egress: Egress) -> Arc<Net> {
    Net::new(egress, Resolver::new(), Gate::default(), &Limits::default(), "")
}

/// What a connect or a datagram to `to` is told.
fn judged(net: &Net, to: SocketAddr, kind: Kind, fresh: Fresh) -> Result<(), Errno> {
    net.judge(to, kind, fresh).map(|_| ()).map_err(|denial| denial.errno)
}

#[tokio::test]
async fn denied_addresses() {
    let everything = Egress::internet().allow("0.0.0.0/0").unwrap();
    let (open, closed) = (net_with(everything), closed_net());
    for denied in DENIED {
        assert!(is_denied(ip(denied)), "{denied}");
        let to = SocketAddr::new(ip(denied), 80);
        let listed = Egress::deny_all().allow(denied);
        let listed = listed.map_or_else(|_| open.clone(), net_with);
        for (kind, fresh) in [(Kind::Stream, Fresh::Now), (Kind::Datagram, Fresh::Recent)] {
            assert_eq!(judged(&open, to, kind, fresh), Err(Errno::ACCESS), "{denied}");
            assert_eq!(judged(&listed, to, kind, fresh), Err(Errno::ACCESS), "{denied}");
            assert_eq!(judged(&closed, to, kind, fresh), Err(Errno::NETUNREACH), "{denied}");
        }
    }
}

#[tokio::test]
async fn allowed_addresses() {
    let (open, closed) = (net_with(Egress::internet()), closed_net());
    for allowed in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2000::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "3ffe::1",
    ] {
        assert!(!is_denied(ip(allowed)), "{allowed}");
        let to = SocketAddr::new(ip(allowed), 443);
        for kind in [Kind::Stream, Kind::Datagram] {
            assert_eq!(judged(&open, to, kind, Fresh::Now), Ok(()), "{allowed}");
            let closed = judged(&closed, to, kind, Fresh::Now);
            assert_eq!(closed, Err(Errno::NETUNREACH), "{allowed}");
        }
    }
}

#[test]
fn wrapped_addresses_are_unwrapped() {
    for (wrapped, inner) in [
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("64:ff9b::8.8.8.8", "8.8.8.8"),
        ("64:ff9b::127.0.0.1", "127.0.0.1"),
        ("2606:4700::1", "2606:4700::1"),
        ("9.9.9.9", "9.9.9.9"),
    ] {
        assert_eq!(unwrapped(ip(wrapped)), ip(inner), "{wrapped}");
    }
}

#[tokio::test]
async fn connects_that_must_not_leave_fail_at_once() {
    let closed = closed_net();
    let open =
        Net::new(Egress::internet(), Resolver::new(), Gate::default(), &Limits::default(), "");
    let cases = [
        (&closed, "1.1.1.1:80", Errno::NETUNREACH),
        (&closed, "10.0.0.1:80", Errno::NETUNREACH),
        (&closed, "[2606:4700::1]:80", Errno::NETUNREACH),
        (&open, "10.0.0.1:80", Errno::ACCESS),
        (&open, "169.254.169.254:80", Errno::ACCESS),
        (&open, "169.254.0.22:80", Errno::ACCESS),
        (&open, "[::ffff:10.0.0.1]:80", Errno::ACCESS),
        (&open, "[::7f00:1]:80", Errno::ACCESS),
        (&open, "[64:ff9b::7f00:1]:80", Errno::ACCESS),
        (&open, "[fe80::1%2]:80", Errno::ACCESS),
        (&open, "255.255.255.255:80", Errno::ACCESS),
    ];
    for (net, to, errno) in cases {
        let to = at(to);
        let family = if to.is_ipv4() { Family::Inet } else { Family::Inet6 };
        let tcp = net.socket(family, Kind::Stream, Owner::default()).unwrap();
        assert_eq!(tcp.connect(to), Err(errno), "{to}");
        assert_eq!(tcp.local_address().port(), 0, "no port is left taken");
        let udp = net.socket(family, Kind::Datagram, Owner::default()).unwrap();
        assert_eq!(udp.send(b"x", Some(to)), Err(errno), "{to}");
        assert_eq!(udp.connect(to), Err(errno), "{to}");
    }
    let bound = stream(&open);
    bound.bind(at("127.0.0.1:0")).unwrap();
    assert_eq!(bound.connect(at("1.1.1.1:80")), Err(Errno::INVAL), "no way out from loopback");
}

/// The host's real listener is on its loopback: a guest that names the same address and port reaches only its own sandbox.
#[tokio::test]
async fn the_hosts_loopback_is_another_one() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = canary.local_addr().unwrap();
    let net =
        Net::new(Egress::internet(), Resolver::new(), Gate::default(), &Limits::default(), "");
    let client = stream(&net);
    assert_eq!(client.connect(address), Err(Errno::INPROGRESS));
    assert_eq!(client.finish_connect(), Err(Errno::CONNREFUSED));
    let control = TcpStream::connect(address);
    let (_, accepted) = tokio::join!(control, canary.accept());
    assert!(accepted.is_ok(), "the canary does hear a real connection, and that one first");
}

/// A guest's end and the real peer at the other end of a pump.
async fn pumped(net: &Arc<Net>) -> (Stream, TcpStream, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (real, accepted) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let queues = [WaitQueue::new(), WaitQueue::new()];
    let (guest, host) =
        End::pair(&net.account, queues, at("169.254.0.21:1"), at("1.1.1.1:80")).unwrap();
    guest.establish();
    let pump = tokio::spawn(pump(Stream::new(host), real.unwrap()));
    (Stream::new(guest), accepted.unwrap().0, pump)
}

#[tokio::test]
async fn the_pump_carries_half_closes_both_ways() {
    let net = closed_net();
    for guest_first in [true, false] {
        let (mut guest, mut peer, pump) = pumped(&net).await;
        let mut text = String::new();
        if guest_first {
            guest.write_all(b"question").await.unwrap();
            guest.shutdown().await.unwrap();
            peer.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "question");
            peer.write_all(b"answer").await.unwrap();
            drop(peer);
            text.clear();
            guest.read_to_string(&mut text).await.unwrap();
        } else {
            peer.write_all(b"banner").await.unwrap();
            peer.shutdown().await.unwrap();
            guest.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "banner");
            guest.write_all(b"answer").await.unwrap();
            drop(guest);
            text.clear();
            peer.read_to_string(&mut text).await.unwrap();
        }
        assert_eq!(text, "answer");
        tokio::time::timeout(PATIENCE, pump).await.expect("the pump ends").unwrap();
    }
}

#[tokio::test]
async fn the_pump_carries_resets_both_ways() {
    let net = closed_net();
    let (mut guest, peer, pump) = pumped(&net).await;
    peer.set_zero_linger().unwrap();
    drop(peer);
    let error = guest.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    pump.await.unwrap();

    let (guest, mut peer, pump) = pumped(&net).await;
    guest.reset();
    let error = peer.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    pump.await.unwrap();
}

#[tokio::test]
async fn the_pump_holds_back_a_fast_sender() {
    let net = closed_net();
    let (mut guest, peer, _pump) = pumped(&net).await;
    let total = 64 << 20;
    let flood = tokio::spawn(async move {
        let mut peer = peer;
        let piece = vec![5; 1 << 16];
        for _ in 0..total / piece.len() {
            peer.write_all(&piece).await.unwrap();
        }
    });
    let (mut seen, mut most, mut buf) = (0, 0, vec![0; 1 << 16]);
    loop {
        let count = guest.read(&mut buf).await.unwrap();
        if count == 0 {
            break;
        }
        seen += count;
        most = most.max(net.account.buffered_bytes());
    }
    flood.await.unwrap();
    assert_eq!(seen, total);
    assert!(most <= crate::vnet::connection::FLOW_BYTES_MAX, "{most}");
}

/// A network for which the host's 127.0.0.1 is outside.
fn loopback_net() -> Arc<Net> {
    let gate = Gate::new(&["127.0.0.1/32".parse().unwrap()]);
    Net::new(Egress::internet(), Resolver::new(), gate, &Limits::default(), "")
}

/// An outlet as if `to` were outside, and the queue it delivers into.
fn outlet(net: &Arc<Net>, to: SocketAddr, connected: bool) -> (Outlet, Arc<Inbox>, WaitQueue) {
    let queue = WaitQueue::new();
    let inbox = Arc::new(Inbox::new(queue.clone(), net.account.clone()));
    let permit = Permit::take(&net.real_sockets).unwrap();
    let outlet = Outlet::open(net, Owner::default(), to, connected, inbox.clone(), permit).unwrap();
    (outlet, inbox, queue)
}

/// The next datagram's bytes and sender, or the error that came back.
async fn next(inbox: &Inbox, queue: &WaitQueue) -> Result<(Vec<u8>, SocketAddr), Errno> {
    let mut buf = [0; 64];
    let work = async {
        loop {
            let waiter = queue.subscribe();
            match inbox.recv(&mut buf, false) {
                Err(Errno::AGAIN) => waiter.await,
                done => break done,
            }
        }
    };
    let got = tokio::time::timeout(PATIENCE, work).await.expect("it comes in time")?;
    Ok((buf[..got.bytes].to_vec(), got.from.expect("a datagram has a sender")))
}

#[tokio::test]
async fn datagrams_come_back_only_from_whom_the_guest_has_written_to() {
    let net = loopback_net();
    let bind = || UdpSocket::bind("127.0.0.1:0");
    let (friend, stranger) = (bind().await.unwrap(), bind().await.unwrap());
    let (to, other) = (friend.local_addr().unwrap(), stranger.local_addr().unwrap());
    for connected in [false, true] {
        let (outlet, inbox, queue) = outlet(&net, to, connected);
        assert!(outlet.reaches(to));
        assert_eq!(outlet.reaches(other), !connected);
        outlet.send(b"hello", to).unwrap();
        let mut buf = [0; 16];
        let (count, guest) = friend.recv_from(&mut buf).await.unwrap();
        assert_eq!(&buf[..count], b"hello");
        stranger.send_to(b"unasked", guest).await.unwrap();
        friend.send_to(b"answer", guest).await.unwrap();
        assert_eq!(next(&inbox, &queue).await, Ok((b"answer".to_vec(), to)));
        if !connected {
            outlet.send(b"now you", other).unwrap();
            stranger.send_to(b"asked", guest).await.unwrap();
            assert_eq!(next(&inbox, &queue).await, Ok((b"asked".to_vec(), other)));
        }
    }
}

#[tokio::test]
async fn a_connected_outlet_tells_that_nobody_listens() {
    let net = loopback_net();
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (outlet, inbox, queue) = outlet(&net, closed, true);
    outlet.send(b"anybody?", closed).unwrap();
    assert_eq!(next(&inbox, &queue).await, Err(Errno::CONNREFUSED));
}

#[tokio::test]
async fn real_sockets_are_bounded_and_given_back() {
    let share = Arc::new(Semaphore::new(2));
    let held = [Permit::take(&share), Permit::take(&share)];
    assert!(held.iter().all(Result::is_ok));
    assert_eq!(Permit::take(&share).map(drop), Err(Errno::NOBUFS));
    drop(held);
    assert!(Permit::take(&share).is_ok());

    let net = closed_net();
    let before = net.real_sockets.available_permits();
    let to = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let held = outlet(&net, to, false);
    assert_eq!(net.real_sockets.available_permits(), before - 1);
    drop(held);
    assert_eq!(net.real_sockets.available_permits(), before);
}
