//! The same operations on the virtual network and on the host's loopback must answer the same, step by step:
//! results, error numbers, bytes, and what poll(2) and FIONREAD say of every socket afterwards.

use super::{PATIENCE, closed_net};
use crate::errno::Errno;
use crate::vnet::{Family, Kind, Net, Owner, Shut, Socket};
use crate::wait::Ready;
use proptest::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::net::{self as host, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

const SLOTS: usize = 5;

#[derive(Clone, Debug)]
enum Op {
    New(usize),
    Bind(usize),
    Listen(usize, i32),
    Connect(usize, usize),
    Accept(usize, usize),
    Send(usize, Vec<u8>),
    Recv(usize, usize, bool),
    Shutdown(usize, Shut),
    Close(usize),
    Error(usize),
    Peer(usize),
}

/// What an operation gave, without what may differ (descriptors, port numbers).
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Skipped,
    Done(Result<(), Errno>),
    Count(Result<usize, Errno>),
    Bytes(Result<Vec<u8>, Errno>),
    Pending(i32),
}

/// Both worlds, slot by slot; `port` is that of the last bind.
struct Worlds {
    net: Arc<Net>,
    kind: Kind,
    ours: [Option<Arc<Socket>>; SLOTS],
    theirs: [Option<OwnedFd>; SLOTS],
    our_port: [Option<u16>; SLOTS],
    their_port: [Option<u16>; SLOTS],
    /// Not used yet: Linux lets a connection that has ended be bound again, which no program does and we do not.
    fresh: [bool; SLOTS],
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
}

impl Worlds {
    fn new(kind: Kind) -> Self {
        Self {
            net: closed_net(),
            kind,
            ours: Default::default(),
            theirs: Default::default(),
            our_port: [None; SLOTS],
            their_port: [None; SLOTS],
            fresh: [false; SLOTS],
        }
    }

    /// One operation in both worlds: ours and the host's outcome.
    fn step(&mut self, op: &Op) -> (Outcome, Outcome) {
        if let Op::Connect(slot, _) | Op::Listen(slot, _) | Op::Accept(_, slot) = *op {
            self.fresh[slot] = false;
        }
        match *op {
            Op::New(slot) => self.open(slot),
            Op::Bind(slot) if !self.fresh[slot] => (Outcome::Skipped, Outcome::Skipped),
            Op::Connect(slot, to) => self.connect(slot, to),
            Op::Accept(slot, into) => self.accept(slot, into),
            Op::Close(slot) => {
                self.ours[slot] = None;
                self.theirs[slot] = None;
                (Outcome::Skipped, Outcome::Skipped)
            }
            Op::Bind(slot) => self.bind(slot),
            _ => self.simple(op),
        }
    }

    fn open(&mut self, slot: usize) -> (Outcome, Outcome) {
        let kind = match self.kind {
            Kind::Stream => SocketType::STREAM,
            Kind::Datagram => SocketType::DGRAM,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let theirs = host::socket_with(AddressFamily::INET, kind, flags, None);
        self.theirs[slot] = Some(theirs.expect("the host has descriptors"));
        self.ours[slot] =
            Some(self.net.socket(Family::Inet, self.kind, Owner::default()).expect("few sockets"));
        self.fresh[slot] = true;
        (Outcome::Skipped, Outcome::Skipped)
    }

    fn bind(&mut self, slot: usize) -> (Outcome, Outcome) {
        let (Some(ours), Some(theirs)) = (&self.ours[slot], &self.theirs[slot]) else {
            return (Outcome::Skipped, Outcome::Skipped);
        };
        let bound = (ours.bind(loopback(0)), host::bind(theirs, &loopback(0)));
        if let (Ok(()), Ok(())) = bound {
            let name = host::getsockname(theirs).expect("it is bound");
            let theirs = SocketAddr::try_from(name).expect("an internet address");
            self.our_port[slot] = Some(ours.local_address().port());
            self.their_port[slot] = Some(theirs.port());
        }
        (Outcome::Done(bound.0), Outcome::Done(bound.1))
    }

    fn connect(&mut self, slot: usize, to: usize) -> (Outcome, Outcome) {
        let (Some(ours), Some(theirs)) = (&self.ours[slot], &self.theirs[slot]) else {
            return (Outcome::Skipped, Outcome::Skipped);
        };
        let (Some(our_port), Some(their_port)) = (self.our_port[to], self.their_port[to]) else {
            return (Outcome::Skipped, Outcome::Skipped);
        };
        let ours = ours.connect(loopback(our_port));
        let theirs = host::connect(theirs, &loopback(their_port));
        (Outcome::Done(ours), Outcome::Done(theirs))
    }

    fn accept(&mut self, slot: usize, into: usize) -> (Outcome, Outcome) {
        let (Some(ours), Some(theirs)) = (&self.ours[slot], &self.theirs[slot]) else {
            return (Outcome::Skipped, Outcome::Skipped);
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        match (ours.accept(), host::accept_with(theirs, flags)) {
            (Ok((ours, _)), Ok(theirs)) => {
                self.ours[into] = Some(ours);
                self.theirs[into] = Some(theirs);
                (Outcome::Done(Ok(())), Outcome::Done(Ok(())))
            }
            (ours, theirs) => (Outcome::Done(ours.map(drop)), Outcome::Done(theirs.map(drop))),
        }
    }

    /// An operation that keeps the slots as they are.
    fn simple(&mut self, op: &Op) -> (Outcome, Outcome) {
        let (Op::Listen(slot, _) | Op::Send(slot, _) | Op::Recv(slot, ..)) = *op else {
            return self.state(op);
        };
        let (Some(ours), Some(theirs)) = (&self.ours[slot], &self.theirs[slot]) else {
            return (Outcome::Skipped, Outcome::Skipped);
        };
        match op {
            Op::Listen(_, backlog) => (
                Outcome::Done(ours.listen(*backlog)),
                Outcome::Done(host::listen(theirs, *backlog)),
            ),
            Op::Send(_, bytes) => (
                Outcome::Count(ours.send(bytes, None)),
                Outcome::Count(host::send(theirs, bytes, SendFlags::NOSIGNAL)),
            ),
            Op::Recv(_, len, peek) => {
                let mut buf = vec![0; *len];
                let got = ours.recv(&mut buf, *peek).map(|got| buf[..got.bytes].to_vec());
                let mut buf = vec![0; *len];
                let flags = if *peek { RecvFlags::PEEK } else { RecvFlags::empty() };
                let host = host::recv(theirs, &mut buf[..], flags);
                let host = host.map(|(_, count)| buf[..count.min(*len)].to_vec());
                (Outcome::Bytes(got), Outcome::Bytes(host))
            }
            _ => unreachable!("picked above"),
        }
    }

    fn state(&mut self, op: &Op) -> (Outcome, Outcome) {
        let (Op::Shutdown(slot, _) | Op::Error(slot) | Op::Peer(slot)) = *op else {
            unreachable!("every other operation has its own function")
        };
        let (Some(ours), Some(theirs)) = (&self.ours[slot], &self.theirs[slot]) else {
            return (Outcome::Skipped, Outcome::Skipped);
        };
        match op {
            Op::Shutdown(_, how) => {
                let host_how = match (how.read, how.write) {
                    (true, false) => host::Shutdown::Read,
                    (false, true) => host::Shutdown::Write,
                    _ => host::Shutdown::Both,
                };
                (
                    Outcome::Done(ours.shutdown(*how)),
                    Outcome::Done(host::shutdown(theirs, host_how)),
                )
            }
            Op::Error(_) => {
                let number = |errno: Option<Errno>| errno.map_or(0, Errno::raw_os_error);
                let theirs = host::sockopt::socket_error(theirs).expect("it is a socket").err();
                (Outcome::Pending(number(ours.take_error())), Outcome::Pending(number(theirs)))
            }
            _ => (
                Outcome::Done(ours.peer_address().map(drop)),
                Outcome::Done(host::getpeername(theirs).map(drop)),
            ),
        }
    }

    /// Readiness and unread bytes of every socket, ours and the host's.
    fn observe(&self) -> [(Ready, usize, Ready, usize); SLOTS] {
        std::array::from_fn(|slot| {
            let (Some(ours), Some(theirs)) = (&self.ours[slot], &self.theirs[slot]) else {
                return (Ready::empty(), 0, Ready::empty(), 0);
            };
            let asked = PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP;
            let mut polled = [PollFd::new(theirs, asked)];
            poll(&mut polled, Some(&Timespec::default())).expect("poll works");
            let host = Ready::from_bits_truncate(polled[0].revents().bits());
            let unread = rustix::io::ioctl_fionread(theirs).unwrap_or(0);
            let unread = usize::try_from(unread).expect("a small count");
            (ours.ready(), ours.readable_bytes(), host, unread)
        })
    }

    /// Waits until the host, whose loopback may lag, looks as ours does.
    fn settle(&self, history: &[Op]) {
        let start = Instant::now();
        loop {
            let seen = self.observe();
            if seen
                .iter()
                .all(|(ours, unread, host, host_unread)| ours == host && unread == host_unread)
            {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "after {history:?}\nours, host: {seen:?}");
            std::thread::yield_now();
        }
    }
}

fn run(kind: Kind, ops: &[Op]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    let mut worlds = Worlds::new(kind);
    for (done, op) in ops.iter().enumerate() {
        let (ours, host) = worlds.step(op);
        assert_eq!(ours, host, "ours, host; after {:?}", &ops[..=done]);
        worlds.settle(&ops[..=done]);
    }
}

const READ: Shut = Shut { read: true, write: false };
const WRITE: Shut = Shut { read: false, write: true };
const BOTH: Shut = Shut { read: true, write: true };

/// Slot 0 listens, 1 is the client, 2 the accepted socket.
fn connected() -> Vec<Op> {
    vec![
        Op::New(0),
        Op::Bind(0),
        Op::Listen(0, 4),
        Op::New(1),
        Op::Connect(1, 0),
        Op::Connect(1, 0),
        Op::Accept(0, 2),
    ]
}

fn after_connected(ops: impl IntoIterator<Item = Op>) {
    let mut all = connected();
    all.extend(ops);
    run(Kind::Stream, &all);
}

#[test]
fn refused_connects() {
    let (new, bind, close) = (Op::New(0), Op::Bind(0), Op::Close(0));
    let again = [Op::Connect(1, 0), Op::Connect(1, 0), Op::Connect(1, 0), Op::Error(1)];
    run(Kind::Stream, &[vec![new.clone(), bind.clone(), Op::New(1)], again.to_vec()].concat());
    let told = [Op::Connect(1, 0), Op::Error(1), Op::Recv(1, 4, false), Op::Connect(1, 0)];
    run(Kind::Stream, &[vec![new, bind, close, Op::New(1)], told.to_vec()].concat());
}

#[test]
fn shut_down_before_connect_has_told() {
    let (new, bind) = (Op::New(0), Op::Bind(0));
    let again = |how| {
        [
            Op::Connect(1, 0),
            Op::Shutdown(1, how),
            Op::Connect(1, 0),
            Op::Error(1),
            Op::Connect(1, 0),
        ]
    };
    for how in [READ, WRITE, BOTH] {
        let refused = [new.clone(), bind.clone(), Op::New(1)];
        run(Kind::Stream, &[&refused[..], &again(how)[..]].concat());
        let accepted = [new.clone(), bind.clone(), Op::Listen(0, 4), Op::New(1)];
        run(Kind::Stream, &[&accepted[..], &again(how)[..]].concat());
    }
}

#[test]
fn a_socket_that_connects_to_itself() {
    let hello = || Op::Send(0, b"hello".to_vec());
    let itself = [Op::New(0), Op::Bind(0), Op::Connect(0, 0), Op::Connect(0, 0)];
    let after = |ops: &[Op]| run(Kind::Stream, &[&itself[..], ops].concat());
    after(&[Op::Connect(0, 0), Op::Peer(0), Op::Listen(0, 4), Op::Accept(0, 1), Op::Error(0)]);
    after(&[hello(), Op::Recv(0, 3, true), hello(), Op::Recv(0, 9, false), Op::Recv(0, 9, false)]);
    // Nobody else is let in.
    after(&[Op::New(1), Op::Connect(1, 0), Op::Connect(1, 0)]);
    for first in [READ, WRITE, BOTH] {
        for second in [READ, WRITE, BOTH] {
            let ended = [
                hello(),
                Op::Shutdown(0, first),
                hello(),
                Op::Recv(0, 3, false),
                Op::Shutdown(0, second),
                hello(),
                Op::Recv(0, 99, false),
                Op::Recv(0, 9, false),
                Op::Error(0),
                Op::Peer(0),
                Op::Connect(0, 0),
            ];
            after(&ended);
        }
    }
    for how in [READ, WRITE, BOTH] {
        let shut = [
            &itself[..2],
            &[Op::Shutdown(0, how)],
            &itself[2..],
            &[hello(), Op::Recv(0, 9, false), Op::Peer(0)],
        ];
        run(Kind::Stream, &shut.concat());
    }
}

#[test]
fn half_closes_in_every_order() {
    let hello = || Op::Send(1, b"hello".to_vec());
    for first in [READ, WRITE, BOTH] {
        for second in [READ, WRITE, BOTH] {
            after_connected([
                hello(),
                Op::Shutdown(1, first),
                Op::Recv(2, 9, false),
                Op::Send(2, b"back".to_vec()),
                Op::Shutdown(2, second),
                Op::Recv(1, 9, false),
                hello(),
                Op::Recv(2, 9, false),
                Op::Error(1),
                Op::Peer(1),
                Op::Close(2),
                hello(),
                Op::Recv(1, 9, false),
            ]);
        }
    }
}

#[test]
fn closing_with_unread_bytes_resets() {
    let hello = || Op::Send(1, b"hello".to_vec());
    after_connected([hello(), Op::Close(2), Op::Recv(1, 9, false), Op::Recv(1, 9, false), hello()]);
    after_connected([hello(), Op::Close(2), hello(), hello(), Op::Peer(1)]);
    after_connected([
        Op::Send(2, b"unread".to_vec()),
        hello(),
        Op::Close(2),
        Op::Error(1),
        Op::Recv(1, 9, false),
        Op::Recv(1, 9, false),
    ]);
}

#[test]
fn writing_to_a_closed_peer() {
    let hello = || Op::Send(1, b"hello".to_vec());
    after_connected([Op::Close(2), hello(), hello(), Op::Recv(1, 4, false), hello()]);
    after_connected([Op::Close(2), hello(), Op::Error(1), hello(), Op::Shutdown(1, BOTH)]);
}

#[test]
fn closing_listeners() {
    let client = [Op::New(0), Op::Bind(0), Op::Listen(0, 4), Op::New(1), Op::Connect(1, 0)];
    let after = [Op::Recv(1, 4, false), Op::Send(1, b"x".to_vec()), Op::Connect(1, 0)];
    run(Kind::Stream, &[&client[..], &[Op::Close(0)], &after[..]].concat());
    run(Kind::Stream, &[&client[..], &[Op::Shutdown(0, READ)], &after[..]].concat());
    run(Kind::Stream, &[&client[..], &[Op::Connect(0, 0), Op::Send(0, vec![1])]].concat());
}

fn slot() -> impl Strategy<Value = usize> {
    0..SLOTS
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..64);
    let op = prop_oneof![
        1 => slot().prop_map(Op::New),
        1 => slot().prop_map(Op::Bind),
        1 => slot().prop_map(|slot| Op::Listen(slot, 64)),
        2 => (slot(), slot()).prop_map(|(slot, to)| Op::Connect(slot, to)),
        2 => (slot(), slot()).prop_map(|(slot, into)| Op::Accept(slot, into)),
        4 => (slot(), bytes()).prop_map(|(slot, bytes)| Op::Send(slot, bytes)),
        4 => (slot(), 1..96usize, any::<bool>()).prop_map(|(s, n, peek)| Op::Recv(s, n, peek)),
        2 => (slot(), prop::sample::select(vec![READ, WRITE, BOTH]))
            .prop_map(|(slot, how)| Op::Shutdown(slot, how)),
        1 => slot().prop_map(Op::Close),
        1 => slot().prop_map(Op::Error),
        1 => slot().prop_map(Op::Peer),
    ];
    prop::collection::vec(op, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn streams_as_on_the_host(rest in ops()) {
        after_connected(rest);
    }

    #[test]
    fn datagrams_as_on_the_host(rest in ops()) {
        let mut all = vec![Op::New(0), Op::Bind(0), Op::New(1), Op::Connect(1, 0), Op::New(2)];
        all.push(Op::Bind(2));
        all.extend(rest);
        run(Kind::Datagram, &all);
    }
}
