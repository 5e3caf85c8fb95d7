//! Loopback inside one sandbox: bytes in are bytes out, ports, both address families, limits, the router's way in.

use super::*;
use crate::vnet::account::Account;
use crate::vnet::connection::{End, FLOW_BYTES_MAX, Shut};
use crate::vnet::options::{IPV6_V6ONLY, SO_ERROR, SOL_IPV6};
use crate::vnet::{GATEWAY_V4, GUEST_V4, SOL_SOCKET};
use crate::wait::{Ready, WaitQueue};
use proptest::prelude::*;
use std::collections::VecDeque;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SO_REUSEADDR: i32 = 2;
const SO_REUSEPORT: i32 = 15;

fn inside() -> (tokio::runtime::Runtime, Arc<Net>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let net = {
        let _inside = runtime.enter();
        closed_net()
    };
    (runtime, net)
}

#[derive(Clone, Debug)]
enum Step {
    Send(usize, usize),
    Recv(usize, usize),
    Shut(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let side = || 0..2usize;
    let size = || prop_oneof![8 => 1..50usize, 1 => 1..FLOW_BYTES_MAX * 2];
    let step = prop_oneof![
        6 => (side(), size()).prop_map(|(side, len)| Step::Send(side, len)),
        6 => (side(), size()).prop_map(|(side, len)| Step::Recv(side, len)),
        1 => side().prop_map(Step::Shut),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each direction is a bounded queue of bytes that ends when its sender says so, whatever the other direction does.
    #[test]
    fn a_connection_is_two_queues(steps in steps()) {
        let account = Account::new(1);
        let (a, b) = {
            let address = at("127.0.0.1:1");
            let queues = [WaitQueue::new(), WaitQueue::new()];
            End::pair(&account, queues, address, address).unwrap()
        };
        a.establish();
        let ends = [a, b];
        let mut model: [VecDeque<u8>; 2] = Default::default(); // by receiver
        let mut shut = [false; 2]; // by sender
        let mut next = 0u8;
        for step in steps {
            match step {
                Step::Send(from, len) => {
                    let bytes: Vec<u8> = (0..len).map(|i| next.wrapping_add(i as u8)).collect();
                    let room = FLOW_BYTES_MAX - model[1 - from].len();
                    let expected = match (shut[from], room.min(len)) {
                        (true, _) => Err(Errno::PIPE),
                        (false, 0) => Err(Errno::AGAIN),
                        (false, count) => Ok(count),
                    };
                    prop_assert_eq!(ends[from].send(&bytes), expected);
                    if let Ok(count) = expected {
                        model[1 - from].extend(&bytes[..count]);
                        next = next.wrapping_add(count as u8);
                    }
                }
                Step::Recv(to, len) => {
                    let mut buf = vec![0; len];
                    let expected: Vec<u8> = model[to].drain(..len.min(model[to].len())).collect();
                    match ends[to].recv(&mut buf, false) {
                        Ok(count) => prop_assert_eq!(&buf[..count], &expected[..]),
                        Err(errno) => {
                            prop_assert_eq!(errno, Errno::AGAIN);
                            prop_assert!(expected.is_empty() && !shut[1 - to]);
                        }
                    }
                    if expected.is_empty() && shut[1 - to] {
                        prop_assert_eq!(ends[to].recv(&mut buf, true), Ok(0));
                    }
                }
                Step::Shut(side) => {
                    let write = Shut { read: false, write: true };
                    let over = shut[0] && shut[1];
                    let expected = if over { Err(Errno::NOTCONN) } else { Ok(()) };
                    prop_assert_eq!(ends[side].shutdown(write), expected);
                    shut[side] = true;
                }
            }
            prop_assert_eq!(account.buffered_bytes(), model[0].len() + model[1].len());
        }
        drop(ends);
        prop_assert_eq!(account.buffered_bytes(), 0);
    }
}

#[test]
fn ports_conflict_as_addresses_overlap() {
    let (_runtime, net) = inside();
    let bind = |text: &str, v6only: bool| {
        let address = at(text);
        let family = if address.is_ipv4() { Family::Inet } else { Family::Inet6 };
        let socket = net.socket(family, Kind::Stream, Owner::default()).unwrap();
        if v6only {
            socket.set_option(SOL_IPV6, IPV6_V6ONLY, 1).unwrap();
        }
        socket.bind(address).map(|()| socket)
    };
    let cases = [
        ("127.0.0.1:80", "127.0.0.1:80", false, true),
        ("127.0.0.1:80", "127.0.0.2:80", false, false),
        ("0.0.0.0:80", "127.0.0.1:80", false, true),
        ("0.0.0.0:80", "[::1]:80", false, false),
        ("0.0.0.0:80", "[::]:80", false, true),
        ("0.0.0.0:80", "[::]:80", true, false),
        ("[::]:80", "[::1]:80", true, true),
        ("127.0.0.1:80", "[::ffff:127.0.0.1]:80", false, true),
        ("127.0.0.1:80", "127.0.0.1:81", false, false),
    ];
    for (first, second, v6only, conflict) in cases {
        let held = bind(first, v6only && first.starts_with('[')).expect(first);
        let result = bind(second, v6only).map(drop);
        let expected = if conflict { Err(Errno::ADDRINUSE) } else { Ok(()) };
        assert_eq!(result, expected, "{first} then {second}, v6only {v6only}");
        drop(held);
        bind(second, v6only).expect("the port is given back");
    }
    for foreign in ["10.0.0.1:80", "169.254.0.22:80", "8.8.8.8:80", "[2606:4700::1]:80"] {
        assert_eq!(bind(foreign, false).map(drop), Err(Errno::ADDRNOTAVAIL), "{foreign}");
    }
    assert_eq!(bind("127.0.0.53:53", false).map(drop), Err(Errno::ADDRINUSE));
}

#[test]
fn ports_are_shared_only_when_all_ask_for_it() {
    let (_runtime, net) = inside();
    let socket = |name: i32, on: bool| {
        let socket = stream(&net);
        socket.set_option(SOL_SOCKET, name, i32::from(on)).unwrap();
        socket
    };
    for (name, listening_conflicts) in [(SO_REUSEADDR, true), (SO_REUSEPORT, false)] {
        let address = at("127.0.0.1:900");
        let first = socket(name, true);
        first.bind(address).unwrap();
        assert_eq!(socket(name, false).bind(address), Err(Errno::ADDRINUSE));
        let second = socket(name, true);
        second.bind(address).unwrap();
        first.listen(1).unwrap();
        let expected = if listening_conflicts { Err(Errno::ADDRINUSE) } else { Ok(()) };
        assert_eq!(second.listen(1), expected, "{name}");
    }
}

#[test]
fn families_meet_at_a_dual_listener() {
    let (_runtime, net) = inside();
    let (dual, address) = listener(&net, "[::]:700");
    assert_eq!(address, at("[::]:700"));
    for (family, to, seen) in [
        (Family::Inet, "127.0.0.1:700", "::ffff:127.0.0.1"),
        (Family::Inet, "0.0.0.0:700", "::ffff:127.0.0.1"),
        (Family::Inet, "127.1.2.3:700", "::ffff:127.0.0.1"),
        (Family::Inet, "169.254.0.21:700", "::ffff:169.254.0.21"),
        (Family::Inet6, "[::1]:700", "::1"),
        (Family::Inet6, "[::]:700", "::1"),
        (Family::Inet6, "[::ffff:127.0.0.1]:700", "::ffff:127.0.0.1"),
    ] {
        let client = net.socket(family, Kind::Stream, Owner::default()).unwrap();
        assert_eq!(client.connect(at(to)), Err(Errno::INPROGRESS));
        client.finish_connect().expect(to);
        let (accepted, peer) = dual.accept().unwrap();
        assert_eq!(peer.ip().to_string(), seen, "{to}");
        assert_eq!(accepted.local_address().port(), 700);
        assert!(accepted.local_address().is_ipv6());
        assert_eq!(accepted.peer_address(), Ok(peer));
        assert_eq!(client.peer_address().unwrap().port(), 700);
        assert_eq!(client.local_address().port(), peer.port());
    }
    let only = net.socket(Family::Inet6, Kind::Stream, Owner::default()).unwrap();
    only.set_option(SOL_IPV6, IPV6_V6ONLY, 1).unwrap();
    assert_eq!(only.connect(at("[::ffff:127.0.0.1]:700")), Err(Errno::NETUNREACH));
    assert_eq!(stream(&net).connect(at("[::1]:700")), Err(Errno::AFNOSUPPORT));
}

#[test]
fn backlog_overflows_wait_for_room() {
    let (_runtime, net) = inside();
    let server = stream(&net);
    server.bind(at("127.0.0.1:0")).unwrap();
    server.listen(1).unwrap();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let client = stream(&net);
            assert_eq!(client.connect(server.local_address()), Err(Errno::INPROGRESS));
            client
        })
        .collect();
    let connected = || -> Vec<bool> {
        clients.iter().map(|client| client.ready().contains(Ready::OUT)).collect()
    };
    assert_eq!(connected(), [true, true, false, false], "one more than the backlog, as on Linux");
    assert_eq!(clients[3].connect(server.local_address()), Err(Errno::ALREADY));
    let mut accepted = vec![server.accept().unwrap()];
    assert_eq!(connected(), [true, true, true, false]);
    accepted.push(server.accept().unwrap());
    accepted.push(server.accept().unwrap());
    assert_eq!(connected(), [true; 4]);
    drop(server);
    assert_eq!(clients[3].finish_connect(), Err(Errno::CONNRESET));
}

/// Linux's loopback delivers a SYN before connect(2) is back, so the first finds nobody; only two processors at the same instant
/// make one connection there (1 of 3000 attempts), which is nothing that a program can rely on.
#[test]
fn two_sockets_that_connect_to_each_other_are_refused() {
    let (_runtime, net) = inside();
    let sockets = [stream(&net), stream(&net)];
    for socket in &sockets {
        socket.bind(at("127.0.0.1:0")).unwrap();
    }
    for (from, to) in [(0, 1), (1, 0)] {
        let to = sockets[to].local_address();
        assert_eq!(sockets[from].connect(to), Err(Errno::INPROGRESS));
    }
    for socket in &sockets {
        assert_eq!(socket.finish_connect(), Err(Errno::CONNREFUSED));
    }
}

#[test]
fn sockets_are_bounded_and_given_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    let limits = Limits { sockets_max: 4, ..Limits::default() };
    let net = Net::new(Egress::deny_all(), Resolver::new(), Gate::default(), &limits, "");
    let (server, address) = listener(&net, "127.0.0.1:0");
    let clients: Vec<_> = (0..3).map(|_| stream(&net)).collect();
    assert_eq!(
        net.socket(Family::Inet, Kind::Stream, Owner::default()).map(drop),
        Err(Errno::NFILE)
    );
    assert_eq!(clients[0].connect(address), Err(Errno::INPROGRESS));
    assert_eq!(server.accept().map(drop), Err(Errno::NFILE), "no socket for it");
    drop(clients.into_iter().skip(1).collect::<Vec<_>>());
    server.accept().expect("the connection has waited");
    // A client that connects and goes away leaves its connection in the backlog: those are bounded too.
    let mut connected = 0;
    loop {
        let client = stream(&net);
        match client.connect(address) {
            Err(Errno::INPROGRESS) => connected += 1,
            Err(errno) => break assert_eq!(errno, Errno::NOBUFS),
            Ok(()) => panic!("a connect takes two steps"),
        }
    }
    assert!((1..=8).contains(&connected), "{connected}");
}

#[test]
fn datagrams_are_bounded_by_dropping() {
    let (_runtime, net) = inside();
    let (a, b) = (datagram(&net), datagram(&net));
    b.bind(at("127.0.0.1:0")).unwrap();
    let sent = 10_000;
    for _ in 0..sent {
        assert_eq!(a.send(&[7; 100], Some(b.local_address())), Ok(100));
    }
    let mut buf = [0; 10];
    let mut received = 0;
    while let Ok(got) = b.recv(&mut buf, false) {
        assert_eq!((got.bytes, got.full_bytes), (10, 100), "cut, and the length told");
        assert_eq!(got.from.map(|from| from.ip()), Some("127.0.0.1".parse().unwrap()));
        received += 1;
    }
    assert!((500..sent).contains(&received), "{received}");
    assert_eq!(net.account.buffered_bytes(), 0);
    assert_eq!(a.send(&[0; 65_508], Some(b.local_address())), Err(Errno::MSGSIZE));
    assert_eq!(a.send(&[0], None), Err(Errno::DESTADDRREQ));
}

#[test]
fn a_connected_datagram_socket_hears_one_peer() {
    let (_runtime, net) = inside();
    let (server, other, friend) = (datagram(&net), datagram(&net), datagram(&net));
    server.bind(at("0.0.0.0:53")).unwrap();
    friend.bind(at("127.0.0.1:99")).unwrap();
    server.connect(friend.local_address()).unwrap();
    assert_eq!(server.local_address(), at("127.0.0.1:53"));
    other.send(b"stranger", Some(at("127.0.0.1:53"))).unwrap();
    friend.send(b"friend", Some(at("127.0.0.1:53"))).unwrap();
    let mut buf = [0; 16];
    let got = server.recv(&mut buf, false).unwrap();
    assert_eq!(&buf[..got.bytes], b"friend");
    assert_eq!(server.recv(&mut buf, false), Err(Errno::AGAIN));
    server.disconnect();
    other.send(b"stranger", Some(at("127.0.0.1:53"))).unwrap();
    assert_eq!(server.recv(&mut buf, false).map(|got| got.bytes), Ok(8));
}

#[test]
fn options_are_kept_and_checked() {
    let (_runtime, net) = inside();
    let socket = stream(&net);
    for (level, name, set, read) in
        [(1, 9, 7, 1), (6, 1, 1, 1), (6, 4, 30, 30), (1, 8, 1 << 30, 425_984), (0, 2, 9, 9)]
    {
        socket.set_option(level, name, set).unwrap();
        assert_eq!(socket.option(level, name), Ok(read), "{level} {name}");
    }
    assert_eq!(socket.set_option(6, 6, 128), Err(Errno::INVAL), "TCP_KEEPCNT");
    assert_eq!(socket.set_option(6, 30, 1), Err(Errno::NOPROTOOPT), "TCP_FASTOPEN_CONNECT");
    assert_eq!(datagram(&net).set_option(6, 1, 1), Err(Errno::NOPROTOOPT), "TCP_NODELAY on UDP");
    assert_eq!(socket.set_option(41, 26, 1), Err(Errno::NOPROTOOPT), "IPV6_V6ONLY on IPv4");
    assert_eq!(socket.option(SOL_SOCKET, SO_ERROR), Ok(0));
}

#[test]
fn linger_of_zero_resets() {
    let (_runtime, net) = inside();
    let (client, server) = pair(&net);
    client.set_linger(Some(0));
    drop(client);
    let mut buf = [0; 4];
    assert_eq!(server.recv(&mut buf, false), Err(Errno::CONNRESET));
    assert_eq!(server.recv(&mut buf, false).map(|got| got.bytes), Ok(0));
}

#[test]
fn two_sandboxes_share_nothing() {
    let (_runtime, one) = inside();
    let (_other_runtime, two) = inside();
    let (_first, address) = listener(&one, "0.0.0.0:8000");
    let (_second, _) = listener(&two, "0.0.0.0:8000");
    assert_eq!(one.listeners(), [address]);
    let stranger = stream(&two);
    let (_third, only_one) = listener(&one, "127.0.0.1:8001");
    assert_eq!(stranger.connect(only_one), Err(Errno::INPROGRESS));
    assert_eq!(stranger.finish_connect(), Err(Errno::CONNREFUSED));
}

#[tokio::test]
async fn the_router_reaches_every_kind_of_listener() {
    let net = closed_net();
    assert_eq!(net.dial(3000).await.map(drop), Err(Errno::CONNREFUSED));
    for (bound, peer) in [
        ("127.0.0.1:3000", "127.0.0.1"),
        ("0.0.0.0:3000", "169.254.0.22"),
        ("169.254.0.21:3000", "169.254.0.22"),
        ("[::1]:3000", "::1"),
        ("[::]:3000", "::ffff:169.254.0.22"),
    ] {
        let (server, _) = listener(&net, bound);
        assert!(net.listening(3000));
        let mut dialled = net.dial(3000).await.expect(bound);
        let (accepted, from) = server.accept().unwrap();
        assert_eq!(from.ip().to_string(), peer, "{bound}");
        dialled.write_all(b"GET /").await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(accepted.recv(&mut buf, false).map(|got| got.bytes), Ok(5));
        accepted.write(b"ok").unwrap();
        drop(accepted);
        let mut answer = String::new();
        dialled.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "ok");
    }
    assert!(!net.listening(3000));
    assert_eq!((GUEST_V4.octets()[3], GATEWAY_V4.octets()[3]), (21, 22), "as E2B's");
}

#[tokio::test]
async fn bulk_passes_with_back_pressure() {
    let net = closed_net();
    let (server, _) = listener(&net, "127.0.0.1:3000");
    let mut dialled = net.dial(3000).await.unwrap();
    let (accepted, _) = server.accept().unwrap();
    let total = 8 << 20;
    let writer = async {
        let piece: Vec<u8> = (0..99_991u32).map(|i| (i % 251) as u8).collect();
        let mut left = total;
        while left > 0 {
            let len = piece.len().min(left);
            dialled.write_all(&piece[..len]).await.unwrap();
            left -= len;
        }
        dialled.shutdown().await.unwrap();
    };
    let reader = async {
        let (mut seen, mut most, mut buf) = (0usize, 0, vec![0; 30_011]);
        loop {
            let count = until(&accepted, |socket| socket.read(&mut buf)).await.unwrap();
            if count == 0 {
                break (seen, most);
            }
            for (at, byte) in buf[..count].iter().enumerate() {
                assert_eq!(usize::from(*byte), (seen + at) % 99_991 % 251);
            }
            seen += count;
            most = most.max(accepted.readable_bytes());
        }
    };
    let ((), (seen, most)) = tokio::join!(writer, reader);
    assert_eq!(seen, total);
    assert!(most <= FLOW_BYTES_MAX, "{most}");
}

#[tokio::test]
async fn shutting_down_ends_everything() {
    let net = closed_net();
    let (server, address) = listener(&net, "127.0.0.1:3000");
    let mut dialled = net.dial(3000).await.unwrap();
    let (accepted, _) = server.accept().unwrap();
    let waiting = tokio::spawn(async move { dialled.read_u8().await });
    net.shut_down();
    let ended = tokio::time::timeout(PATIENCE, waiting).await.expect("in time").unwrap();
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(accepted.read(&mut [0; 4]), Err(Errno::CONNRESET));
    assert_eq!(net.dial(3000).await.map(drop), Err(Errno::NETDOWN));
    let late = net.socket(Family::Inet, Kind::Stream, Owner::default()).map(drop);
    assert_eq!(late, Err(Errno::NETDOWN));
    drop((server, accepted));
    assert_eq!(address.port(), 3000);
    assert_eq!(net.listeners(), []);
}

#[tokio::test]
async fn a_flood_from_outside_is_bounded() {
    let net = closed_net();
    let (server, _) = listener(&net, "127.0.0.1:3000");
    let mut dials: Vec<_> = (0..9_000).map(|_| Box::pin(net.dial(3000))).collect();
    let mut failed = 0;
    let mut open = Vec::new();
    for dial in &mut dials {
        match futures_util::poll!(dial.as_mut()) {
            std::task::Poll::Ready(Ok(stream)) => open.push(stream),
            std::task::Poll::Ready(Err(errno)) => {
                assert!(matches!(errno, Errno::TIMEDOUT | Errno::NOBUFS), "{errno}");
                failed += 1;
            }
            std::task::Poll::Pending => {}
        }
    }
    assert_eq!(open.len(), 17, "the backlog and one");
    assert!(failed > 0);
    drop((dials, open));
    // Whoever gave up is skipped, so that a real client is served soon.
    let mut accepted = 0;
    while server.accept().is_ok() {
        accepted += 1;
    }
    assert!(accepted <= 18, "{accepted}");
    let stream = net.dial(3000).await.expect("room again");
    server.accept().expect("it waits");
    drop(stream);
}
