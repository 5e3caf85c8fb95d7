//! What a sandbox tried to reach: every outgoing connection, datagram peer and name lookup, let through or not. The last
//! [`RECORDS_MAX`] of them, in memory, as long as the sandbox lives. Payload is never in it, nor a header's value.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Records that are kept, each of 600 bytes at most. They are not charged to the sandbox's memory: a guest that has filled
/// that would act unseen.
const RECORDS_MAX: usize = 1000;
/// What a record takes, with a name of the longest.
#[cfg(test)]
const RECORD_BYTES_MAX: usize = 600;

/// How something was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetProtocol {
    /// A TCP connection.
    Tcp,
    /// Datagrams of one socket to one peer.
    Udp,
    /// A question to the name server.
    Dns,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetVerdict {
    /// It was let through.
    Allowed,
    /// The policy, or a range that is never dialled, stopped it, at once or later.
    Denied,
    /// It was let through and failed outside.
    Failed,
}

/// One record, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetEvent {
    /// Counts up from 1 within the sandbox.
    pub id: u64,
    /// When it began.
    pub at: SystemTime,
    /// The process that opened the socket.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
    /// How.
    pub protocol: NetProtocol,
    /// The name: asked for, spoken (TLS, HTTP), or that the address was last resolved from.
    pub name: Option<String>,
    /// The record type of a lookup.
    pub question: Option<String>,
    /// Where to; a lookup has none.
    pub address: Option<SocketAddr>,
    /// Bytes out, on the wire.
    pub sent: u64,
    /// Bytes in, on the wire.
    pub received: u64,
    /// What became of it.
    pub verdict: NetVerdict,
    /// Why, if it was not simply let through.
    pub reason: Option<String>,
    /// How often the same was refused in a row.
    pub times: u32,
    /// When it ended, if it has.
    pub ended: Option<SystemTime>,
}

/// Who a socket belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The process that made it.
    pub(crate) pid: u32,
    /// Its user.
    pub(crate) uid: u32,
}

/// What is being recorded.
pub(in crate::vnet) struct Record {
    id: u64,
    owner: Owner,
    protocol: NetProtocol,
    question: Option<String>,
    address: Option<SocketAddr>,
    sent: AtomicU64,
    received: AtomicU64,
    state: Mutex<State>,
}

#[derive(Clone)]
struct State {
    at: SystemTime,
    name: Option<String>,
    verdict: NetVerdict,
    reason: Option<&'static str>,
    times: u32,
    ended: Option<SystemTime>,
}

impl Record {
    pub(in crate::vnet) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(in crate::vnet) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The name has turned out.
    pub(super) fn set_name(&self, name: &str) {
        self.state.lock().name = Some(name.to_owned());
    }

    /// It was stopped after all, or failed; the first reason stays.
    pub(in crate::vnet) fn turn(&self, verdict: NetVerdict, reason: &'static str) {
        let mut state = self.state.lock();
        if state.reason.is_none() {
            state.verdict = verdict;
            state.reason = Some(reason);
        }
    }

    /// It is over.
    pub(in crate::vnet) fn end(&self) {
        self.state.lock().ended.get_or_insert_with(SystemTime::now);
    }

    fn event(&self) -> NetEvent {
        let state = self.state.lock().clone();
        NetEvent {
            id: self.id,
            at: state.at,
            pid: self.owner.pid,
            uid: self.owner.uid,
            protocol: self.protocol,
            name: state.name,
            question: self.question.clone(),
            address: self.address,
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            verdict: state.verdict,
            reason: state.reason.map(str::to_owned),
            times: state.times,
            ended: state.ended,
        }
    }
}

/// What a record begins with.
pub(in crate::vnet) struct Subject<'a> {
    pub(in crate::vnet) owner: Owner,
    pub(in crate::vnet) protocol: NetProtocol,
    pub(in crate::vnet) name: Option<&'a str>,
    pub(in crate::vnet) question: Option<String>,
    pub(in crate::vnet) address: Option<SocketAddr>,
}

/// The records of one sandbox.
#[derive(Default)]
pub(in crate::vnet) struct Log(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    records: VecDeque<Arc<Record>>,
    last: u64,
}

impl Log {
    /// Begins a record of what was let through.
    pub(in crate::vnet) fn allowed(&self, subject: Subject<'_>) -> Arc<Record> {
        self.0.lock().add(subject, NetVerdict::Allowed, None)
    }

    /// Records what was refused at once. The same again and again is one record: a guest that hammers a closed door does not
    /// push everything else out.
    pub(in crate::vnet) fn denied(&self, subject: Subject<'_>, reason: &'static str) {
        let mut ring = self.0.lock();
        if let Some(last) = ring.records.back()
            && last.owner == subject.owner
            && (last.protocol, last.address) == (subject.protocol, subject.address)
            && last.question == subject.question
        {
            let mut state = last.state.lock();
            if state.reason == Some(reason) && state.name.as_deref() == subject.name {
                state.times = state.times.saturating_add(1);
                state.ended = Some(SystemTime::now());
                return;
            }
        }
        ring.add(subject, NetVerdict::Denied, Some(reason)).end();
    }

    /// Those with an id above `after`, oldest first, at most `limit`.
    pub(in crate::vnet) fn events(&self, after: u64, limit: usize) -> Vec<NetEvent> {
        let records: Vec<Arc<Record>> = {
            let ring = self.0.lock();
            let newer = ring.records.iter().filter(|record| record.id > after);
            newer.take(limit).cloned().collect()
        };
        records.iter().map(|record| record.event()).collect()
    }
}

impl Ring {
    fn add(
        &mut self,
        subject: Subject<'_>,
        verdict: NetVerdict,
        reason: Option<&'static str>,
    ) -> Arc<Record> {
        self.last += 1;
        let state = State {
            at: SystemTime::now(),
            name: subject.name.map(str::to_owned),
            verdict,
            reason,
            times: 1,
            ended: None,
        };
        let record = Arc::new(Record {
            id: self.last,
            owner: subject.owner,
            protocol: subject.protocol,
            question: subject.question,
            address: subject.address,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            state: Mutex::new(state),
        });
        if self.records.len() == RECORDS_MAX {
            self.records.pop_front();
        }
        self.records.push_back(record.clone());
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(port: u16) -> Subject<'static> {
        Subject {
            owner: Owner { pid: 2, uid: 1000 },
            protocol: NetProtocol::Tcp,
            name: Some("a.example"),
            question: None,
            address: Some(SocketAddr::from(([1, 1, 1, 1], port))),
        }
    }

    #[test]
    fn records_are_bounded_and_repeats_are_one() {
        let log = Log::default();
        for _ in 0..10_000 {
            log.denied(subject(1), "denied");
        }
        let events = log.events(0, 10);
        assert_eq!((events.len(), events[0].times, events[0].id), (1, 10_000, 1));
        assert_eq!(events[0].verdict, NetVerdict::Denied);
        for port in 0..3000 {
            log.denied(subject(port), "denied");
        }
        let events = log.events(0, usize::MAX);
        assert_eq!(events.len(), RECORDS_MAX);
        assert_eq!(events.last().unwrap().address.unwrap().port(), 2999);
        assert_eq!(log.events(events[998].id, 10).len(), 1);
    }

    #[test]
    fn a_record_is_no_larger_than_the_documents_say() {
        // Its counts beside it, its place in the queue, and its name and question.
        let around = 3 * size_of::<usize>() + 253 + "NSEC3PARAM".len();
        assert!(size_of::<Record>() + around <= RECORD_BYTES_MAX, "{}", size_of::<Record>());
    }

    #[test]
    fn a_record_grows_while_it_is_open() {
        let log = Log::default();
        let record = log.allowed(subject(443));
        record.add_sent(10);
        record.add_received(20);
        let open = log.events(0, 1).remove(0);
        assert_eq!((open.sent, open.received, open.ended), (10, 20, None));
        record.turn(NetVerdict::Denied, "cut");
        record.turn(NetVerdict::Failed, "later");
        record.end();
        let ended = log.events(0, 1).remove(0);
        assert_eq!((ended.verdict, ended.reason.as_deref()), (NetVerdict::Denied, Some("cut")));
        assert!(ended.ended.is_some());
    }
}
