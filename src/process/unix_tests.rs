//! Tests of [`super`]: unix domain sockets without system calls around them.

use super::*;
use crate::process::budget::BUFFERS_BYTES_MAX;
use crate::process::file::flag;

const ME: Credentials = Credentials { pid: 7, uid: 1000, gid: 1000 };
const OTHER: Credentials = Credentials { pid: 8, uid: 1001, gid: 1001 };

fn namespace() -> Arc<Namespace> {
    Namespace::new(Budget::new(BUFFERS_BYTES_MAX))
}

fn pair(kind: Kind) -> (Arc<Socket>, Arc<Socket>) {
    Socket::pair(&namespace(), kind, ME).expect("room")
}

fn file(socket: &Arc<Socket>) -> Arc<OpenFile> {
    OpenFile::new(Object::Unix(socket.clone()), flag::READ_WRITE)
}

fn send(socket: &Socket, bytes: &[u8]) -> Result<usize, Errno> {
    socket.send(bytes, &mut None, ME, None)
}

fn receive(socket: &Socket, size: usize) -> Result<Vec<u8>, Errno> {
    let mut into = vec![0; size];
    let count = socket.receive(&mut into, false)?.count;
    into.truncate(count);
    Ok(into)
}

#[test]
fn a_stream_joins_and_a_packet_does_not() {
    let (one, two) = pair(Kind::Stream);
    assert_eq!(receive(&two, 9), Err(Errno::AGAIN));
    assert_eq!(send(&one, b"ab"), Ok(2));
    assert_eq!(send(&one, b"cd"), Ok(2));
    assert_eq!(receive(&two, 3).as_deref(), Ok(b"abc".as_slice()));
    assert_eq!(receive(&two, 9).as_deref(), Ok(b"d".as_slice()));
    for kind in [Kind::Packet, Kind::Datagram] {
        let (one, two) = pair(kind);
        assert_eq!(send(&one, b"ab"), Ok(2));
        assert_eq!(send(&one, b""), Ok(0));
        let mut into = [0; 1];
        let received = two.receive(&mut into, false).expect("a message");
        assert_eq!((received.count, received.whole, into[0]), (1, 2, b'a'));
        assert_eq!(receive(&two, 9).as_deref(), Ok(b"".as_slice()));
    }
}

#[test]
fn an_inbox_is_bounded() {
    let (one, two) = pair(Kind::Stream);
    let big = vec![1; INBOX_BYTES_MAX + 5];
    assert_eq!(send(&one, &big), Ok(INBOX_BYTES_MAX));
    assert_eq!(send(&one, b"x"), Err(Errno::AGAIN));
    assert!(!one.ready().contains(Ready::OUT));
    let waiter = one.subscribe_to_send(None);
    assert_eq!(receive(&two, 5).map(|got| got.len()), Ok(5));
    assert!(futures_util::FutureExt::now_or_never(waiter).is_some(), "the sender is woken");
    assert_eq!(send(&one, &big), Ok(5));
    let (one, _two) = pair(Kind::Datagram);
    assert_eq!(send(&one, &big), Err(Errno::MSGSIZE));
    for _ in 0..INBOX_MESSAGES_MAX {
        assert_eq!(send(&one, b""), Ok(0));
    }
    assert_eq!(send(&one, b""), Err(Errno::AGAIN));
}

#[test]
fn a_listener_hands_out_connections_in_order() {
    let namespace = namespace();
    let listener = Socket::new(&namespace, Kind::Stream, OTHER).expect("room");
    assert_eq!(listener.listen(5, OTHER), Err(Errno::INVAL), "it has no name");
    listener.bind_abstract(b"door").expect("free");
    listener.listen(1, OTHER).expect("bound");
    let found = namespace.find(b"door").expect("bound");
    let client = Socket::new(&namespace, Kind::Stream, ME).expect("room");
    client.connect(&found, ME).expect("room in the backlog");
    assert_eq!(client.peer_credentials(), OTHER);
    assert_eq!(send(&client, b"early"), Ok(5));
    let second = Socket::new(&namespace, Kind::Stream, ME).expect("room");
    assert_eq!(second.connect(&found, ME), Err(Errno::AGAIN));
    let connection = listener.accept(OTHER).expect("waiting");
    assert_eq!(connection.peer_credentials(), ME);
    assert_eq!(connection.address(), Address::Abstract(b"door".as_slice().into()));
    assert_eq!(receive(&connection, 9).as_deref(), Ok(b"early".as_slice()));
    assert_eq!(listener.accept(OTHER).err(), Some(Errno::AGAIN));
    second.connect(&found, ME).expect("room again");
    drop((listener, found));
    assert_eq!(receive(&second, 9).as_deref(), Ok(b"".as_slice()), "never accepted");
    assert_eq!(namespace.find(b"door").err(), Some(Errno::CONNREFUSED));
}

#[test]
fn peers_see_each_other_go() {
    let (one, two) = pair(Kind::Stream);
    assert_eq!(send(&two, b"unread"), Ok(6));
    assert_eq!(send(&one, b"last"), Ok(4));
    drop(one);
    assert_eq!(send(&two, b"x"), Err(Errno::PIPE));
    assert_eq!(receive(&two, 9).as_deref(), Ok(b"last".as_slice()));
    assert!(two.ready().contains(Ready::HUP | Ready::IN));
    assert_eq!(receive(&two, 9), Err(Errno::CONNRESET));
    assert_eq!(receive(&two, 9).as_deref(), Ok(b"".as_slice()));

    let (one, two) = pair(Kind::Stream);
    one.shut_down(false, true).expect("connected");
    assert_eq!(send(&one, b"x"), Err(Errno::PIPE));
    assert_eq!(receive(&two, 9).as_deref(), Ok(b"".as_slice()));
    assert_eq!(send(&two, b"still"), Ok(5));
    assert_eq!(two.ready(), Ready::IN | Ready::OUT | Ready::RDHUP);
}

#[test]
fn descriptors_travel_with_their_bytes() {
    let (one, two) = pair(Kind::Stream);
    let passed = OpenFile::new(Object::Null, flag::READ_WRITE);
    assert_eq!(send(&one, b"before"), Ok(6));
    let mut rights = Some(one.rights(vec![passed.clone()]).expect("room"));
    assert_eq!(one.send(b"with", &mut rights, ME, None), Ok(4));
    assert_eq!(send(&one, b"after"), Ok(5));
    let mut into = [0; 64];
    let received = two.receive(&mut into, false).expect("bytes");
    assert_eq!((received.count, received.rights.len()), (6, 0));
    let received = two.receive(&mut into, false).expect("bytes");
    assert_eq!(
        (received.count, received.rights.len()),
        (9, 1),
        "as Linux: it ends before the next"
    );
    assert!(Arc::ptr_eq(&received.rights[0], &passed));
    drop(received);
    assert_eq!(Arc::strong_count(&passed), 1);
    assert_eq!(one.namespace.rights.used(), 0);
}

#[test]
fn sockets_in_flight_are_few_and_circles_are_broken() {
    let namespace = namespace();
    let buffers = namespace.buffers.clone();
    let (one, two) = Socket::pair(&namespace, Kind::Stream, ME).expect("room");
    for _ in 0..SOCKETS_IN_FLIGHT_MAX {
        let mut rights = Some(one.rights(vec![file(&two)]).expect("room"));
        assert_eq!(one.send(b"x", &mut rights, ME, None), Ok(1));
    }
    assert_eq!(one.rights(vec![file(&two)]).err(), Some(Errno::TOOMANYREFS));
    drop((one, two));
    assert_eq!(buffers.used(), INBOX_BYTES_MAX, "the one that holds itself is left");
    namespace.shut_down();
    assert_eq!(buffers.used(), 0);
}

#[test]
fn datagrams_go_where_they_are_addressed() {
    let namespace = namespace();
    let [one, two] = [(); 2].map(|()| Socket::new(&namespace, Kind::Datagram, ME).expect("room"));
    assert_eq!(send(&one, b"x"), Err(Errno::DESTADDRREQ));
    one.bind_abstract(b"").expect("any name");
    assert_eq!(one.send(b"to two", &mut None, ME, Some(&two)), Ok(6));
    let mut into = [0; 9];
    let received = two.receive(&mut into, true).expect("a message");
    assert_eq!(received.from, one.address());
    assert_eq!(receive(&two, 9).as_deref(), Ok(b"to two".as_slice()));
    one.connect(&two, ME).expect("no listener needed");
    drop(two);
    assert_eq!(send(&one, b"x"), Err(Errno::CONNREFUSED));
}
