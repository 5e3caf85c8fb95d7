//! A name server for tests that remembers what it was asked: so that "no lookup left the sandbox" can
//! be said. It knows the few names it is given, and that nothing else exists.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::namespace::{enter, outside};

/// Seconds an answer may be kept; none, so that each lookup is seen.
const TTL: u32 = 0;

/// An answer on a busy machine. Who listens on no port is refused at once.
const ANSWER_BOUND: Duration = Duration::from_secs(300);

/// A UDP name server on port 53 of the namespace it was made in.
pub struct Nameserver {
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl Nameserver {
    /// Answers for `names` (without the final dot). The thread ends with the test process.
    pub fn start(names: &[(&str, &[&str])]) -> Nameserver {
        Nameserver::start_at(Ipv6Addr::UNSPECIFIED.into(), names)
    }

    /// The same on one address, which may be one of another's every address.
    pub fn start_at(address: IpAddr, names: &[(&str, &[&str])]) -> Nameserver {
        Nameserver::start_held(address, names, || ())
    }

    /// The same, which answers each question only when `hold` comes back.
    pub fn start_held(
        address: IpAddr,
        names: &[(&str, &[&str])],
        mut hold: impl FnMut() + Send + 'static,
    ) -> Nameserver {
        let socket = bind(address).expect("port 53 is free here");
        let names: BTreeMap<String, Vec<IpAddr>> = names
            .iter()
            .map(|(name, addresses)| {
                let addresses = addresses.iter().map(|a| a.parse().expect("an address"));
                (format!("{name}."), addresses.collect())
            })
            .collect();
        let asked = Arc::new(Mutex::new(BTreeSet::new()));
        let writer = Arc::clone(&asked);
        thread::spawn(move || {
            let mut packet = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                let Ok(question) = Message::from_vec(&packet[..length]) else { continue };
                hold();
                let answer = answer(&names, &writer, &question);
                let answer = answer.to_vec().expect("a small message can be encoded");
                // A lost answer is asked for again.
                let _ = socket.send_to(&answer, from);
            }
        });
        Nameserver { asked }
    }

    /// The names it was asked for, in lower case with the final dot.
    pub fn asked(&self) -> BTreeSet<String> {
        self.asked.lock().expect("no one panics with this lock").clone()
    }
}

/// Port 53 of an address, also where somebody has it for every address: the more exact one hears.
fn bind(address: IpAddr) -> rustix::io::Result<UdpSocket> {
    use rustix::net::{AddressFamily, SocketType, sockopt};
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket(family, SocketType::DGRAM, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &SocketAddr::new(address, 53))?;
    Ok(socket.into())
}

/// Asks the name server at `address` for the IPv4 addresses of `name` (with its final dot). `None` when
/// it does not answer; an empty list when it says that there are none.
pub fn ask(address: SocketAddr, name: &str) -> Option<Vec<IpAddr>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
    socket.set_read_timeout(Some(ANSWER_BOUND)).expect("a bound above zero");
    let mut question = Message::query();
    let name = Name::from_ascii(name).expect("a name");
    question.add_query(Query::query(name, RecordType::A));
    let question = question.to_vec().expect("a small message can be encoded");
    socket.connect(address).and_then(|()| socket.send(&question)).ok()?;
    let mut packet = [0; 4096];
    let length = socket.recv(&mut packet).ok()?;
    let answer = Message::from_vec(&packet[..length]).expect("an answer in DNS's format");
    if answer.metadata.message_type != MessageType::Response {
        // Nobody had the port, so the kernel gave it to us, and we heard our own question.
        return None;
    }
    Some(answer.answers.iter().filter_map(|record| record.data.ip_addr()).collect())
}

fn answer(
    names: &BTreeMap<String, Vec<IpAddr>>,
    asked: &Mutex<BTreeSet<String>>,
    question: &Message,
) -> Message {
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.recursion_desired = true;
    answer.metadata.recursion_available = true;
    for query in &question.queries {
        answer.add_query(query.clone());
        let name = query.name().to_lowercase().to_string();
        let known = names.get(&name);
        asked.lock().expect("no one panics with this lock").insert(name);
        let Some(addresses) = known else {
            answer.metadata.response_code = ResponseCode::NXDomain;
            continue;
        };
        for address in addresses {
            let data = match (address, query.query_type()) {
                (IpAddr::V4(address), RecordType::A) => RData::A((*address).into()),
                (IpAddr::V6(address), RecordType::AAAA) => RData::AAAA((*address).into()),
                _ => continue,
            };
            answer.add_answer(Record::from_rdata(query.name().clone(), TTL, data));
        }
    }
    answer
}

#[test]
fn it_answers_what_it_knows_and_remembers_what_it_was_asked() {
    let name = "nameserver::it_answers_what_it_knows_and_remembers_what_it_was_asked";
    let address: IpAddr = "45.67.89.1".parse().expect("an address");
    enter(name, address, Duration::from_secs(900), || {
        let server = outside(|| Nameserver::start(&[("canary.example.org", &["1.1.1.1"])]));
        let found = ask((address, 53).into(), "canary.example.org.");
        assert_eq!(found, Some(vec![Ipv4Addr::new(1, 1, 1, 1).into()]));
        assert_eq!(ask((address, 53).into(), "other.example.org."), Some(vec![]));
        // By resolv.conf, as programs ask.
        let found = ("canary.example.org", 80).to_socket_addrs().expect("resolv.conf names it");
        assert_eq!(found.collect::<Vec<_>>(), ["1.1.1.1:80".parse().expect("an address")]);
        let asked: Vec<_> = server.asked().into_iter().collect();
        assert_eq!(asked, ["canary.example.org.", "other.example.org."]);
    });
}
