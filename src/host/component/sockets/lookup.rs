//! wasi:sockets/ip-name-lookup: what a guest's C library would do, done here: /etc/hosts, then the sandbox's name server, by a socket of the
//! sandbox's own, so that its egress policy and log see the question.

use super::{ErrorCode, IpAddress, Network, SocketResult, ip_told};
use crate::errno::Errno;
use crate::host::component::Wasi;
use crate::host::component::bindings::wasi::sockets::ip_name_lookup;
use crate::host::component::io::Pollable;
use crate::host::fs::View;
use crate::process::Process;
use crate::vfs::{OpenFlags, Opened};
use crate::vnet::{Family, Kind, NAME_SERVER, Owner, Socket};
use crate::wait::{WaitQueue, Waiter};
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use wasmtime::component::Resource;

/// How long a question waits for its answer, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(5);
const TRIES: usize = 2;
/// Bytes of /etc/hosts that are looked at.
const HOSTS_BYTES_MAX: u64 = 64 << 10;
/// Bytes of an answer over UDP.
const ANSWER_BYTES_MAX: usize = 4096;
/// Addresses of one name.
const ADDRESSES_MAX: usize = 64;
/// Bytes of a name as text, in any script.
const NAME_BYTES_MAX: usize = 1024;
/// Lookups of one program at a time.
const LOOKUPS_MAX: usize = 64;

type Found = Result<VecDeque<IpAddr>, ErrorCode>;

/// An answer that may still be to come.
#[derive(Default)]
pub struct Answer {
    found: Mutex<Option<Found>>,
    queue: WaitQueue,
}

impl Answer {
    pub(in crate::host::component) fn is_there(&self) -> bool {
        self.found.lock().is_some()
    }

    pub(in crate::host::component) fn subscribe(&self) -> Waiter {
        self.queue.subscribe()
    }

    fn put(&self, found: Found) {
        *self.found.lock() = Some(found);
        self.queue.wake_all();
    }
}

/// The addresses of a name, one after the other.
pub struct Resolving {
    answer: Arc<Answer>,
    task: Option<AbortHandle>,
}

impl Drop for Resolving {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl ip_name_lookup::Host for Wasi {
    async fn resolve_addresses(
        &mut self,
        _network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<Resolving>> {
        let answer = Arc::new(Answer::default());
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse::<IpAddr>() {
            answer.put(Ok([ip].into()));
            return Ok(self.push(Resolving { answer, task: None })?);
        }
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let ascii = idna::domain_to_ascii(&name).map_err(|_name| ErrorCode::InvalidArgument)?;
        let asked = Name::from_ascii(&ascii).map_err(|_name| ErrorCode::InvalidArgument)?;
        let known = in_hosts(self.process(), &ascii);
        if !known.is_empty() {
            answer.put(Ok(known));
            return Ok(self.push(Resolving { answer, task: None })?);
        }
        let running = Arc::strong_count(&self.lookups) - 1;
        if running >= LOOKUPS_MAX {
            return Err(ErrorCode::TemporaryResolverFailure.into());
        }
        let counted = self.lookups.clone();
        let (process, found) = (self.process().clone(), answer.clone());
        let task = tokio::spawn(async move {
            let result = ask(&process, asked).await;
            found.put(result);
            drop(counted);
        });
        Ok(self.push(Resolving { answer, task: Some(task.abort_handle()) })?)
    }
}

impl ip_name_lookup::HostResolveAddressStream for Wasi {
    async fn resolve_next_address(
        &mut self,
        this: Resource<Resolving>,
    ) -> SocketResult<Option<IpAddress>> {
        let answer = self.table.get(&this)?.answer.clone();
        let next = match &mut *answer.found.lock() {
            None => Err(ErrorCode::WouldBlock),
            Some(Ok(addresses)) => Ok(addresses.pop_front().map(ip_told)),
            Some(Err(code)) => Err(*code),
        };
        if next.is_err() {
            tokio::task::yield_now().await;
        }
        Ok(next?)
    }

    async fn subscribe(
        &mut self,
        this: Resource<Resolving>,
    ) -> wasmtime::Result<Resource<Pollable>> {
        let answer = self.table.get(&this)?.answer.clone();
        self.push(Pollable::Lookup(answer))
    }

    async fn drop(&mut self, this: Resource<Resolving>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

/// The addresses that /etc/hosts of the sandbox has for a name.
fn in_hosts(process: &Process, name: &str) -> VecDeque<IpAddr> {
    let view = View::of_process(process);
    let name = name.trim_end_matches('.');
    let opened = view.vfs.open(&view.context(), &view.root, b"/etc/hosts", OpenFlags::empty(), 0);
    let Ok(Opened::File(file)) = opened else { return VecDeque::new() };
    let Ok(content) = file.read_all(HOSTS_BYTES_MAX) else { return VecDeque::new() };
    let mut found = VecDeque::new();
    for line in String::from_utf8_lossy(&content).lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let Some(ip) = words.next().and_then(|word| word.parse().ok()) else { continue };
        if words.any(|known| known.eq_ignore_ascii_case(name)) && found.len() < ADDRESSES_MAX {
            found.push_back(ip);
        }
    }
    found
}

/// Asks the sandbox's name server for both kinds of address.
async fn ask(process: &Arc<Process>, name: Name) -> Found {
    let (four, six) = tokio::join!(
        question(process, name.clone(), RecordType::A),
        question(process, name, RecordType::AAAA)
    );
    match (four, six) {
        (Ok(mut four), Ok(six)) => {
            four.extend(six);
            four.truncate(ADDRESSES_MAX);
            if four.is_empty() { Err(ErrorCode::NameUnresolvable) } else { Ok(four) }
        }
        (Ok(some), Err(_)) | (Err(_), Ok(some)) if !some.is_empty() => Ok(some),
        (Err(code), _) | (_, Err(code)) => Err(code),
    }
}

async fn question(process: &Arc<Process>, name: Name, kind: RecordType) -> Found {
    let owner = Owner { pid: process.pid, uid: process.cred().user.effective };
    let failed = |errno: Errno| match errno {
        Errno::NFILE | Errno::MFILE => ErrorCode::NewSocketLimit,
        _ => ErrorCode::TemporaryResolverFailure,
    };
    let family = if NAME_SERVER.is_ipv4() { Family::Inet } else { Family::Inet6 };
    let socket = process.kernel.net.socket(family, Kind::Datagram, owner).map_err(failed)?;
    socket.connect(NAME_SERVER).map_err(failed)?;
    let id = rand::random();
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, kind));
    let query = message.to_vec().map_err(|_name| ErrorCode::InvalidArgument)?;
    for _ in 0..TRIES {
        socket.send(&query, None).map_err(failed)?;
        if let Ok(answer) = tokio::time::timeout(PATIENCE, answer_to(&socket, id)).await {
            return read(&answer.map_err(failed)?, kind);
        }
    }
    Err(ErrorCode::TemporaryResolverFailure)
}

/// Waits for the answer with this number.
async fn answer_to(socket: &Arc<Socket>, id: u16) -> Result<Message, Errno> {
    let mut buffer = [0; ANSWER_BYTES_MAX];
    loop {
        let waiter = socket.subscribe();
        match socket.recv(&mut buffer, false) {
            Ok(received) => {
                let answer = Message::from_vec(&buffer[..received.bytes]);
                if let Ok(answer) = answer
                    && answer.metadata.id == id
                {
                    return Ok(answer);
                }
            }
            Err(Errno::AGAIN) => waiter.await,
            Err(errno) => return Err(errno),
        }
    }
}

fn read(answer: &Message, kind: RecordType) -> Found {
    match answer.metadata.response_code {
        ResponseCode::NoError => {
            let addresses = answer.answers.iter().filter_map(|record| match &record.data {
                RData::A(a) if kind == RecordType::A => Some(IpAddr::V4(a.0)),
                RData::AAAA(aaaa) if kind == RecordType::AAAA => Some(IpAddr::V6(aaaa.0)),
                _ => None,
            });
            Ok(addresses.take(ADDRESSES_MAX).collect())
        }
        ResponseCode::NXDomain => Err(ErrorCode::NameUnresolvable),
        ResponseCode::ServFail => Err(ErrorCode::TemporaryResolverFailure),
        _ => Err(ErrorCode::PermanentResolverFailure),
    }
}
