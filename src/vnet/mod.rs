//! The virtual network of one sandbox: its addresses, its ports, its sockets. Loopback is memory; the outside is [`egress`].
//!
//! ```text
//! socket      what a descriptor holds: bind, connect, options, readiness; tcp and udp are its two kinds
//!   ports       who has which port; listeners and inboxes by address
//!   connection  one TCP connection in memory; listener: backlog; stream: the host's end of one
//!   egress      the policy, and the only real outgoing sockets
//!   resolver    the name server at 127.0.0.53;  names: what its answers were for
//!   doorway     the way from guests to public URLs of sandboxes
//! ```
//!
//! The sandbox has an interface as E2B's have: 169.254.0.21, with the gateway 169.254.0.22 from which the router's connections come.
//! A guest's bind is an entry in a table; no host port is ever taken. Errors of a connect that must not leave:
//! **ENETUNREACH** when egress is off (as without a route), **EACCES** for a denied address (as by a `prohibit` route).

mod account;
mod connection;
mod datagram;
mod doorway;
mod egress;
mod listener;
mod names;
mod options;
mod packet;
mod ports;
mod resolver;
mod socket;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

pub(crate) use connection::Shut;
pub(crate) use doorway::{Pass, Visit};
pub use egress::{Egress, EgressProxy, NetEvent, NetProtocol, NetVerdict};
pub(crate) use egress::{Gate, Owner};
pub(crate) use listener::Waiting;
pub(crate) use options::{
    IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_TOS, IP_TTL, IPV6_RECVHOPLIMIT, IPV6_RECVPKTINFO,
    IPV6_RECVTCLASS, IPV6_TCLASS, SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP, SOL_UDP, UDP_SEGMENT,
};
pub(crate) use packet::{
    Arrival, LOOPBACK_INTERFACE, LOOPBACK_MTU, OUTSIDE_INTERFACE, OUTSIDE_MTU, Wish,
};
pub(crate) use ports::Kind;
pub(crate) use resolver::Resolver;
pub(crate) use socket::{Family, Socket};
pub use stream::Stream;
pub(crate) use udp::Received;

use crate::config::Limits;
use crate::errno::Errno;
use crate::wait::{WaitQueue, Waiter};
use account::Account;
use connection::End;
use doorway::Visits;
use egress::{Bucket, Log, Outside};
use names::Names;
use ports::Ports;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The sandbox's own address (E2B: `169.254.0.21/30`).
pub(crate) const GUEST_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 21);
/// Where connections from outside come from, and the default gateway (E2B: `169.254.0.22`).
pub(crate) const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 22);
/// The sandbox's own IPv6 address, a unique local one.
pub(crate) const GUEST_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xa9fe, 0, 0, 0, 0, 0, 0x15);
/// The gateway's IPv6 address.
pub(crate) const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xa9fe, 0, 0, 0, 0, 0, 0x16);
/// Where the name server answers, as systemd-resolved's stub does.
pub(crate) const NAME_SERVER: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), 53);

/// Name lookups in flight per sandbox; a further one is dropped, and asked again by the guest's C library.
const LOOKUPS_MAX: usize = 64;

/// One sandbox's network.
pub(crate) struct Net {
    outside: Outside,
    gate: Gate,
    log: Log,
    bandwidth: Option<Arc<Bucket>>,
    resolver: Arc<Resolver>,
    names: Names,
    lookups: Arc<Semaphore>,
    real_sockets: Arc<Semaphore>,
    visits: Visits,
    ports: Ports,
    account: Arc<Account>,
    sockets: AtomicUsize,
    sockets_max: usize,
    /// Port of the next connection from outside, for its peer address only.
    next_dial: AtomicUsize,
    runtime: Handle,
    down: CancellationToken,
}

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    /// To the name server.
    NameServer,
    /// To this sandbox, at this address.
    Inside(SocketAddr),
    /// Away from it.
    Outside(SocketAddr),
}

impl Net {
    /// A network of `owner`'s with no sockets. Its outgoing connections run on the tokio runtime it is made in.
    pub(crate) fn new(
        egress: Egress,
        resolver: Arc<Resolver>,
        gate: Gate,
        limits: &Limits,
        owner: &str,
    ) -> Arc<Self> {
        let bandwidth = limits.bandwidth_bytes_per_second.map(Bucket::new);
        Arc::new(Self {
            outside: Outside::new(egress),
            gate,
            log: Log::default(),
            bandwidth: bandwidth.map(Arc::new),
            visits: resolver.doorway.visits_of(owner),
            resolver,
            names: Names::default(),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            real_sockets: Arc::new(Semaphore::new(limits.connections_out_max)),
            ports: Ports::default(),
            // A connection outlives its socket until it is accepted, read or flushed.
            account: Account::new(limits.sockets_max.saturating_mul(2)),
            sockets: AtomicUsize::new(0),
            sockets_max: limits.sockets_max,
            next_dial: AtomicUsize::new(0),
            runtime: Handle::current(),
            down: CancellationToken::new(),
        })
    }

    /// Connects from outside to a guest's listener at `port`, on whatever address it listens.
    ///
    /// # Errors
    ///
    /// ECONNREFUSED if nothing listens, ETIMEDOUT or ENOBUFS if it is flooded, ENETDOWN once the sandbox has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes the connection.
    pub(crate) async fn dial(&self, port: u16) -> Result<Stream, Errno> {
        let (listener, ip) = self.ports.any_listener(port).ok_or(Errno::CONNREFUSED)?;
        if self.account.is_half_full() {
            return Err(Errno::NOBUFS); // A flood from outside leaves the guest room for its own.
        }
        let range = ports::EPHEMERAL_PORTS;
        let step = self.next_dial.fetch_add(1, Ordering::Relaxed) % range.len();
        let from_port = range.start() + u16::try_from(step).expect("the range has 16-bit numbers");
        let from = match ip {
            ip if ip.is_loopback() => ip,
            IpAddr::V4(_) => GATEWAY_V4.into(),
            IpAddr::V6(_) => GATEWAY_V6.into(),
        };
        let (client, server) = End::pair(
            &self.account,
            [WaitQueue::new(), WaitQueue::new()],
            SocketAddr::new(from, from_port),
            SocketAddr::new(ip, port),
        )?;
        let stream = Stream::new(client);
        listener.offer(server);
        stream.established().await?;
        Ok(stream)
    }

    /// Where guests listen for TCP, in order.
    pub(crate) fn listeners(&self) -> Vec<SocketAddr> {
        self.ports.listening()
    }

    /// A waiter for the next change of [`Self::listeners`].
    pub(crate) fn listeners_changed(&self) -> Waiter {
        self.ports.changed()
    }

    /// Whether [`Self::dial`] would find a listener.
    pub(crate) fn listening(&self, port: u16) -> bool {
        self.ports.any_listener(port).is_some()
    }

    /// Ends every connection, real ones included, and lets no new one begin. For the end of the sandbox.
    pub(crate) fn shut_down(&self) {
        self.down.cancel();
        self.account.shut_down();
    }

    /// Counts a socket.
    ///
    /// # Errors
    ///
    /// ENFILE at the sandbox's limit.
    fn admit_socket(&self) -> Result<(), Errno> {
        let more = |count| (count < self.sockets_max).then_some(count + 1);
        let admitted = self.sockets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        admitted.map(|_| ()).map_err(|_| Errno::NFILE)
    }

    fn dismiss_socket(&self) {
        self.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where `to` (canonical) leads. An unspecified address means loopback, as on Linux.
fn route(to: SocketAddr) -> Route {
    if to == NAME_SERVER {
        return Route::NameServer;
    }
    match to.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => {
            Route::Inside(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), to.port()))
        }
        IpAddr::V6(ip) if ip.is_unspecified() => {
            Route::Inside(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), to.port()))
        }
        ip if is_own(ip) => Route::Inside(to),
        _ => Route::Outside(to),
    }
}

/// Whether the sandbox has this (canonical) address.
fn is_own(ip: IpAddr) -> bool {
    ip.is_loopback() || ip == IpAddr::V4(GUEST_V4) || ip == IpAddr::V6(GUEST_V6)
}

/// The source address for a destination, where the socket is not bound to one.
fn source_for(to: IpAddr) -> IpAddr {
    match to {
        IpAddr::V4(ip) if ip.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V4(_) => GUEST_V4.into(),
        IpAddr::V6(ip) if ip.is_loopback() => ip.into(),
        IpAddr::V6(_) => GUEST_V6.into(),
    }
}
