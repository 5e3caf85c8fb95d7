//! Real UDP sockets behind guests' ones. A datagram is passed in only from an address that the guest has sent to (an address-
//! and port-restricted NAT), and only while the policy lets it.

#![expect(clippy::disallowed_methods, reason = "makes the real sockets of datagrams")]

use super::errno_of;
use super::gate::{Fresh, Permit};
use super::log::{NetProtocol, Owner, Record, Subject};
use crate::errno::Errno;
use crate::vnet::Net;
use crate::vnet::packet::Arrival;
use crate::vnet::ports::Kind;
use crate::vnet::udp::{DATAGRAM_BYTES_MAX, Inbox};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::UdpSocket;
use tokio_util::sync::DropGuard;

/// Peers that one UDP socket remembers having sent to; the oldest is forgotten.
const PEERS_MAX: usize = 1024;
/// Peers that all UDP sockets of a sandbox remember together; past it each forgets its oldest for a new one, down to one.
const PEERS_OF_SANDBOX_MAX: usize = 4096;

/// A real UDP socket behind a guest's one.
pub(in crate::vnet) struct Outlet {
    socket: Arc<UdpSocket>,
    shared: Arc<Shared>,
    _receiving: DropGuard,
    _permit: Permit,
}

struct Shared {
    net: Arc<Net>,
    owner: Owner,
    peers: Mutex<Peers>,
    /// Set where the real socket is connected: it reaches nobody else.
    only: Option<SocketAddr>,
}

/// Whom the guest has sent to, oldest first.
#[derive(Default)]
struct Peers(VecDeque<(SocketAddr, Arc<Record>)>);

impl Peers {
    fn find(&self, peer: SocketAddr) -> Option<&Arc<Record>> {
        self.0.iter().find(|(known, _)| *known == peer).map(|(_, record)| record)
    }

    /// Adds one; `of_sandbox` counts those of all sockets.
    fn add(&mut self, peer: SocketAddr, record: Arc<Record>, of_sandbox: &AtomicUsize) {
        let others = of_sandbox.fetch_add(1, Ordering::Relaxed);
        if (self.0.len() == PEERS_MAX || others >= PEERS_OF_SANDBOX_MAX)
            && let Some((_, record)) = self.0.pop_front()
        {
            record.end();
            of_sandbox.fetch_sub(1, Ordering::Relaxed);
        }
        self.0.push_back((peer, record));
    }

    /// Forgets all of them.
    fn clear(&mut self, of_sandbox: &AtomicUsize) {
        of_sandbox.fetch_sub(self.0.len(), Ordering::Relaxed);
        self.0.drain(..).for_each(|(_, record)| record.end());
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        // Now, and not when the receiving task notices.
        self.shared.peers.lock().clear(&self.shared.net.outside.peers);
    }
}

impl Shared {
    /// The record of what goes to and comes from `peer`, which the guest sends to.
    fn record(&self, peer: SocketAddr) -> Arc<Record> {
        let mut peers = self.peers.lock();
        if let Some(record) = peers.find(peer) {
            return record.clone();
        }
        let name = self.net.names.latest(peer.ip());
        let record = self.net.log.allowed(Subject {
            owner: self.owner,
            protocol: NetProtocol::Udp,
            name: name.as_deref(),
            question: None,
            address: Some(peer),
        });
        peers.add(peer, record.clone(), &self.net.outside.peers);
        record
    }
}

impl Outlet {
    /// Opens a socket of `to`'s family, connected to it or to nobody, that delivers into `inbox`.
    ///
    /// # Errors
    ///
    /// The host's, ENETUNREACH among them where it has no route.
    pub(in crate::vnet) fn open(
        net: &Arc<Net>,
        owner: Owner,
        to: SocketAddr,
        connected: bool,
        inbox: Arc<Inbox>,
        permit: Permit,
    ) -> Result<Self, Errno> {
        let any: IpAddr = match to {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let open = || {
            let socket = std::net::UdpSocket::bind(SocketAddr::new(any, 0))?;
            socket.set_nonblocking(true)?;
            if connected {
                socket.connect(to)?;
            }
            let _inside = net.runtime.enter();
            UdpSocket::from_std(socket)
        };
        let socket = Arc::new(open().map_err(|error| errno_of(&error))?);
        let only = connected.then_some(to);
        let shared = Arc::new(Shared { net: net.clone(), owner, peers: Mutex::default(), only });
        let stop = net.down.child_token();
        let receive = receive(socket.clone(), shared.clone(), inbox);
        net.runtime.spawn(stop.clone().run_until_cancelled_owned(receive));
        Ok(Self { socket, shared, _receiving: stop.drop_guard(), _permit: permit })
    }

    /// Whether it can send to `to`.
    pub(in crate::vnet) fn reaches(&self, to: SocketAddr) -> bool {
        self.shared.only.is_none_or(|only| only == to)
    }

    /// Sends one datagram to `to`, which has been checked. One for which the host or the bandwidth has no room now is lost.
    ///
    /// # Errors
    ///
    /// The host's.
    pub(in crate::vnet) fn send(&self, payload: &[u8], to: SocketAddr) -> Result<(), Errno> {
        use rustix::net::{SendFlags, send, sendto};
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let record = self.shared.record(to);
        if !self.shared.net.may_carry(payload.len()) {
            return Ok(());
        }
        // Directly on the descriptor, since tokio's readiness is only known after the first event.
        let sent = match self.shared.only {
            Some(_) => send(&*self.socket, payload, flags),
            None => sendto(&*self.socket, payload, flags, &to),
        };
        match sent {
            Ok(bytes) => record.add_sent(bytes),
            Err(Errno::AGAIN | Errno::NOBUFS) => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }
}

/// Passes in what comes back from those the guest has sent to.
async fn receive(socket: Arc<UdpSocket>, shared: Arc<Shared>, inbox: Arc<Inbox>) {
    let mut buf = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        match socket.recv_from(&mut buf).await {
            Ok((bytes, from)) => {
                let from = SocketAddr::new(from.ip(), from.port());
                let record = shared.peers.lock().find(from).cloned();
                if let Some(record) = record
                    && shared.net.judge(from, Kind::Datagram, Fresh::Recent).is_ok()
                    && shared.net.may_carry(bytes)
                {
                    record.add_received(bytes);
                    inbox.deliver(from, Arrival::outside(from.is_ipv6()), &buf[..bytes]);
                }
            }
            // An ICMP error: a connected socket is told, for others Linux keeps silent.
            Err(error) if shared.only.is_some() => inbox.fail(errno_of(&error)),
            Err(_) => {}
        }
        // A flood of datagrams or errors must not hold the thread.
        tokio::task::consume_budget().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vnet::egress::Log;

    #[test]
    fn peers_are_bounded_for_a_socket_and_for_the_sandbox() {
        let (log, of_sandbox) = (Log::default(), AtomicUsize::new(0));
        let send_to_many = |peers: &mut Peers| {
            for port in 1..=2000 {
                let peer = SocketAddr::from(([1, 1, 1, 1], port));
                let record = log.allowed(Subject {
                    owner: Owner::default(),
                    protocol: NetProtocol::Udp,
                    name: None,
                    question: None,
                    address: Some(peer),
                });
                peers.add(peer, record, &of_sandbox);
                assert!(peers.find(peer).is_some(), "the latest is always remembered");
            }
        };
        let mut sockets: [Peers; 6] = Default::default();
        sockets.iter_mut().for_each(send_to_many);
        let held = sockets.each_ref().map(|peers| peers.0.len());
        assert_eq!(held, [1024, 1024, 1024, 1024, 1, 1]);
        assert_eq!(of_sandbox.load(Ordering::Relaxed), held.iter().sum::<usize>());
        // What a socket gives back is another one's.
        sockets[0].clear(&of_sandbox);
        send_to_many(&mut sockets[5]);
        assert_eq!(sockets[5].0.len(), 1023);
        sockets.iter_mut().for_each(|peers| peers.clear(&of_sandbox));
        assert_eq!(of_sandbox.load(Ordering::Relaxed), 0);
    }
}
