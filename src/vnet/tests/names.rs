//! The name server of a sandbox, in front of a real (hickory) server on the host's loopback that plays the internet.

#![expect(
    clippy::disallowed_methods,
    reason = "real sockets on the host's loopback play the outside"
)]

use super::*;
use crate::vnet::NAME_SERVER;
use crate::vnet::resolver::leave_out;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::UdpSocket;

fn a(ip: &str) -> RData {
    RData::A(A(ip.parse::<Ipv4Addr>().unwrap()))
}

fn aaaa(ip: &str) -> RData {
    RData::AAAA(AAAA(ip.parse::<Ipv6Addr>().unwrap()))
}

/// What the pretended internet knows.
fn zone(name: &str, kind: RecordType) -> Option<Vec<(String, RData)>> {
    let own = |data: Vec<RData>| data.into_iter().map(|data| (name.to_owned(), data)).collect();
    Some(match (name, kind) {
        ("good.test.", RecordType::A) => own(vec![a("1.1.1.1")]),
        ("good.test.", RecordType::AAAA) => own(vec![aaaa("2606:4700::1")]),
        ("mixed.test.", RecordType::A) => own(vec![a("10.0.0.1"), a("1.0.0.1"), a("127.0.0.1")]),
        ("private.test.", RecordType::A) => own(vec![a("192.168.0.1")]),
        ("private.test.", RecordType::AAAA) => {
            own(vec![aaaa("::ffff:10.0.0.1"), aaaa("fd00:ec2::254")])
        }
        ("alias.test.", RecordType::A) => vec![
            (name.to_owned(), RData::CNAME(CNAME(Name::from_str("private.test.").unwrap()))),
            ("private.test.".to_owned(), a("192.168.0.1")),
        ],
        ("long.test.", RecordType::TXT) => {
            own((0..12).map(|i| RData::TXT(TXT::new(vec![format!("{i:0>60}")]))).collect())
        }
        ("good.test." | "private.test.", _) => Vec::new(),
        _ => return None,
    })
}

/// Starts it, UDP and TCP; the address, and how many questions came.
async fn internet() -> (SocketAddr, Arc<AtomicUsize>) {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = udp.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        let mut buf = [0; 1500];
        while let Ok((len, from)) = udp.recv_from(&mut buf).await {
            let query = Message::from_vec(&buf[..len]).unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            udp.send_to(&respond(&query), from).await.unwrap();
        }
    });
    (address, asked)
}

fn respond(query: &Message) -> Vec<u8> {
    let question = query.queries[0].clone();
    let mut answer = Message::response(query.metadata.id, OpCode::Query);
    let name = question.name().to_lowercase().to_string();
    match zone(&name, question.query_type()) {
        None => answer.metadata.response_code = ResponseCode::NXDomain,
        Some(records) => {
            answer.add_answers(
                records.into_iter().map(|(name, data)| {
                    Record::from_rdata(Name::from_str(&name).unwrap(), 0, data)
                }),
            );
        }
    }
    answer.add_query(question);
    answer.to_vec().unwrap()
}

/// A sandbox whose questions go to `server`.
fn sandbox(egress: Egress, server: SocketAddr) -> Arc<Net> {
    let mut transport = ConnectionConfig::udp();
    transport.port = server.port();
    let server = NameServerConfig::new(server.ip(), true, vec![transport]);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.options_mut().cache_size = 0;
    builder.options_mut().preserve_intermediates = true;
    let resolver = Resolver::with(builder.build().unwrap());
    Net::new(egress, resolver, Gate::default(), &Limits::default(), "")
}

fn query(name: &str, kind: RecordType) -> Vec<u8> {
    query_name(Name::from_str(name).unwrap(), kind)
}

fn query_name(name: Name, kind: RecordType) -> Vec<u8> {
    let mut message = Message::new(77, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, kind));
    message.to_vec().unwrap()
}

/// Asks as musl does: a datagram from an unconnected socket.
async fn ask(net: &Arc<Net>, name: &str, kind: RecordType) -> Message {
    ask_raw(net, query(name, kind)).await
}

async fn ask_raw(net: &Arc<Net>, question: Vec<u8>) -> Message {
    let socket = datagram(net);
    socket.bind(at("0.0.0.0:0")).unwrap();
    assert_eq!(socket.send(&question, Some(NAME_SERVER)), Ok(question.len()));
    let mut buf = [0; 4096];
    let got = until(&socket, |socket| socket.recv(&mut buf, false)).await.unwrap();
    assert_eq!(got.from, Some(NAME_SERVER));
    let answer = Message::from_vec(&buf[..got.bytes]).unwrap();
    assert_eq!(answer.metadata.id, 77);
    assert!(answer.metadata.recursion_available);
    answer
}

fn data(answer: &Message) -> Vec<String> {
    answer.answers.iter().map(|record| record.data.to_string()).collect()
}

#[tokio::test]
async fn answers_lose_what_may_not_be_dialled() {
    let (server, _) = internet().await;
    let net = sandbox(Egress::internet(), server);
    for (name, kind, expected) in [
        ("good.test.", RecordType::A, vec!["1.1.1.1"]),
        ("GOOD.test.", RecordType::AAAA, vec!["2606:4700::1"]),
        ("mixed.test.", RecordType::A, vec!["1.0.0.1"]),
        ("private.test.", RecordType::A, vec![]),
        ("private.test.", RecordType::AAAA, vec![]),
        ("alias.test.", RecordType::A, vec!["private.test."]),
        ("localhost.", RecordType::A, vec!["127.0.0.1"]),
        ("a.localhost.", RecordType::AAAA, vec!["::1"]),
    ] {
        let answer = ask(&net, name, kind).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError, "{name}");
        assert_eq!(data(&answer), expected, "{name} {kind}");
    }
    let missing = ask(&net, "missing.test.", RecordType::A).await;
    assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(net.names.latest(IpAddr::from([1, 0, 0, 1])).as_deref(), Some("mixed.test"));
    assert_eq!(net.names.latest(IpAddr::from([10, 0, 0, 1])), None);
}

#[tokio::test]
async fn without_egress_no_question_leaves() {
    let (server, asked) = internet().await;
    let net = sandbox(Egress::deny_all(), server);
    for name in ["good.test.", "missing.test.", "1.1.1.1.in-addr.arpa."] {
        let answer = ask(&net, name, RecordType::A).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain, "{name}");
        assert!(answer.answers.is_empty());
    }
    assert_eq!(data(&ask(&net, "localhost.", RecordType::A).await), ["127.0.0.1"]);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    // The control: the same question with egress does arrive.
    let open = sandbox(Egress::internet(), server);
    ask(&open, "good.test.", RecordType::A).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn names_of_private_addresses_and_odd_names_are_not_asked() {
    let (server, asked) = internet().await;
    let net = sandbox(Egress::internet(), server);
    for name in ["1.0.0.10.in-addr.arpa.", "254.169.254.169.in-addr.arpa.", "."] {
        let answer = ask(&net, name, RecordType::PTR).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain, "{name}");
    }
    for label in [&b"a\0"[..], b"a.good", b"a b", b"\xff", b"*"] {
        let name = Name::from_labels([label, b"test"]).unwrap();
        let answer = ask_raw(&net, query_name(name, RecordType::A)).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain, "{label:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let any = ask(&net, "good.test.", RecordType::ANY).await;
    assert_eq!(any.metadata.response_code, ResponseCode::NotImp);
    ask(&net, "1.1.1.1.in-addr.arpa.", RecordType::PTR).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the control");
}

#[tokio::test]
async fn long_answers_come_by_tcp() {
    let (server, _) = internet().await;
    let net = sandbox(Egress::internet(), server);
    let cut = ask(&net, "long.test.", RecordType::TXT).await;
    assert!(cut.metadata.truncation && cut.answers.is_empty());

    let socket = stream(&net);
    assert_eq!(socket.connect(NAME_SERVER), Err(Errno::INPROGRESS));
    until(&socket, Socket::finish_connect).await.unwrap();
    assert_eq!(socket.peer_address(), Ok(NAME_SERVER));
    for _ in 0..2 {
        let question = query("long.test.", RecordType::TXT);
        let framed =
            [&u16::try_from(question.len()).unwrap().to_be_bytes()[..], &question].concat();
        assert_eq!(socket.write(&framed), Ok(framed.len()));
        let mut answer = Vec::new();
        let mut buf = [0; 700];
        let whole = |answer: &[u8]| {
            answer
                .first_chunk()
                .is_some_and(|len| answer.len() == 2 + usize::from(u16::from_be_bytes(*len)))
        };
        while !whole(&answer) {
            let count = until(&socket, |socket| socket.read(&mut buf)).await.unwrap();
            assert!(count > 0, "closed after {} bytes", answer.len());
            answer.extend(&buf[..count]);
        }
        assert_eq!(Message::from_vec(&answer[2..]).unwrap().answers.len(), 12);
    }
}

#[tokio::test]
async fn rubbish_is_ignored() {
    let (server, _) = internet().await;
    let net = sandbox(Egress::internet(), server);
    let socket = datagram(&net);
    let mut reply = query("good.test.", RecordType::A);
    reply[2] |= 0x80; // an answer, not a question
    for rubbish in [&b""[..], b"x", &[0xff; 600], &reply] {
        socket.send(rubbish, Some(NAME_SERVER)).unwrap();
    }
    socket.send(&query("good.test.", RecordType::A), Some(NAME_SERVER)).unwrap();
    let mut buf = [0; 600];
    let got = until(&socket, |socket| socket.recv(&mut buf, false)).await.unwrap();
    let answer = Message::from_vec(&buf[..got.bytes]).unwrap();
    assert_eq!(data(&answer), ["1.1.1.1"]);
}

/// `isolet dns --forward` in a resolv.conf that names it must not ask itself.
#[test]
fn a_name_server_is_left_out_by_address_and_port() {
    let servers = ["127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2"];
    let config = || {
        let servers = servers.map(|ip| NameServerConfig::udp_and_tcp(ip.parse().unwrap()));
        ResolverConfig::from_parts(None, Vec::new(), servers.to_vec())
    };
    for (except, left) in [("127.0.0.1:53", 1), ("127.0.0.1:5353", 3), ("127.0.0.2:53", 2)] {
        let mut config = config();
        leave_out(&mut config, at(except));
        assert_eq!(config.name_servers.len(), left, "{except}");
    }
}
