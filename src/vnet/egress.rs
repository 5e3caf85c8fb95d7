//! What may leave a sandbox, and the only real sockets that carry it.
//!
//! Every TCP connect and every datagram is checked here on its canonical address, at the moment it is dialled; nothing that
//! was checked earlier counts. Real sockets are unbound clients on the host: none of them listens, and a datagram is passed
//! in only from an address that the guest has sent to (an address- and port-restricted NAT).

#![expect(clippy::disallowed_methods, reason = "the one place that dials out")]

use super::connection::End;
use super::special::{is_denied, unwrapped};
use super::stream::Stream;
use super::udp::{DATAGRAM_BYTES_MAX, Inbox};
use crate::errno::Errno;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpStream, UdpSocket};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Buffer of each direction of a pump, besides the connection's own queues.
const PUMP_BYTES: usize = 16 << 10;
/// How long a real connection lives on after the guest has closed its end, to flush (Linux's `tcp_fin_timeout`).
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(60);
/// Peers that one UDP socket remembers having sent to; the oldest is forgotten.
const PEERS_MAX: usize = 1024;
/// How old the list of the host's addresses may be for a datagram. A connect always reads it anew.
const HOST_ADDRESSES_AGE_MAX: Duration = Duration::from_secs(1);

/// Real sockets that one sandbox may hold.
pub(super) const REAL_SOCKETS_MAX: usize = 512;
/// Real sockets of all sandboxes where the host names no limit of descriptors.
const REAL_SOCKETS_OF_HOST_MAX: usize = 1 << 20;

/// What may leave a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Egress {
    /// Nothing: connects fail with ENETUNREACH, names do not resolve.
    Denied,
    /// Connections to the public internet. Special-purpose ranges and the host's own addresses are refused with EACCES.
    Internet,
}

impl Egress {
    /// Whether a connection to `to` may be made now.
    ///
    /// # Errors
    ///
    /// ENETUNREACH when egress is off; EACCES for an address that is never dialled, or when the host's own cannot be listed.
    pub(super) fn check(self, to: SocketAddr) -> Result<(), Errno> {
        self.judge(to.ip(), host_addresses)
    }

    /// As [`Self::check`], for one datagram.
    ///
    /// # Errors
    ///
    /// As [`Self::check`].
    pub(super) fn check_datagram(self, to: SocketAddr) -> Result<(), Errno> {
        self.judge(to.ip(), recent_host_addresses)
    }

    fn judge(
        self,
        ip: IpAddr,
        own: impl FnOnce() -> io::Result<Arc<[IpAddr]>>,
    ) -> Result<(), Errno> {
        if self == Self::Denied {
            return Err(Errno::NETUNREACH);
        }
        if is_denied(ip) {
            return Err(Errno::ACCESS);
        }
        let own = own().map_err(|_| Errno::ACCESS)?;
        if own.contains(&unwrapped(ip)) { Err(Errno::ACCESS) } else { Ok(()) }
    }

    /// Whether a name may resolve to `ip`.
    pub(super) fn may_resolve_to(self, ip: IpAddr) -> bool {
        self.judge(ip, recent_host_addresses).is_ok()
    }
}

/// The addresses of the host's interfaces now.
fn host_addresses() -> io::Result<Arc<[IpAddr]>> {
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(interfaces.into_iter().map(|interface| interface.ip().to_canonical()).collect())
}

/// The same, at most [`HOST_ADDRESSES_AGE_MAX`] old.
fn recent_host_addresses() -> io::Result<Arc<[IpAddr]>> {
    static RECENT: Mutex<Option<(Instant, Arc<[IpAddr]>)>> = Mutex::new(None);
    let mut recent = RECENT.lock();
    if let Some((at, addresses)) = &*recent
        && at.elapsed() < HOST_ADDRESSES_AGE_MAX
    {
        return Ok(addresses.clone());
    }
    let addresses = host_addresses()?;
    *recent = Some((Instant::now(), addresses.clone()));
    Ok(addresses)
}

/// The guest's error for one of the host's: the number, where there is one.
fn errno_of(error: &io::Error) -> Errno {
    match Errno::from_io_error(error) {
        // The host's own lack of descriptors or ports is not the guest's.
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => Errno::NOBUFS,
        Some(errno) => errno,
        None => Errno::IO,
    }
}

/// The right to hold one real socket, of a sandbox's and of all sandboxes' share.
pub(super) struct Permit {
    _of_sandbox: OwnedSemaphorePermit,
    _of_host: OwnedSemaphorePermit,
}

impl Permit {
    /// Takes one of a sandbox's share.
    ///
    /// # Errors
    ///
    /// ENOBUFS when either share is used up: one guest must not take the descriptors of the others and of the API.
    pub(super) fn take(of_sandbox: &Arc<Semaphore>) -> Result<Self, Errno> {
        let full = |_| Errno::NOBUFS;
        let _of_sandbox = of_sandbox.clone().try_acquire_owned().map_err(full)?;
        Ok(Self { _of_sandbox, _of_host: host_permit()? })
    }
}

/// One of the real sockets of all sandboxes: half of the descriptors that this process may open.
///
/// # Errors
///
/// ENOBUFS when all are taken.
pub(super) fn host_permit() -> Result<OwnedSemaphorePermit, Errno> {
    static SHARE: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let share = limit.map_or(REAL_SOCKETS_OF_HOST_MAX, |limit| limit / 2);
        Arc::new(Semaphore::new(share.min(REAL_SOCKETS_OF_HOST_MAX)))
    });
    SHARE.clone().try_acquire_owned().map_err(|_| Errno::NOBUFS)
}

/// Connects `end` to `to`, which has been checked, and carries bytes until both directions have ended.
pub(super) fn dial(
    runtime: &Handle,
    down: &CancellationToken,
    to: SocketAddr,
    end: End,
    permit: Permit,
) {
    let down = down.clone();
    runtime.spawn(async move {
        let _until_closed = permit;
        let watch = end.watch();
        let abandoned = async {
            loop {
                let waiter = watch.subscribe();
                if watch.is_orphan() {
                    return;
                }
                waiter.await;
            }
        };
        let connected = tokio::select! {
            connected = TcpStream::connect(to) => connected,
            () = abandoned => return,
            () = down.cancelled() => return,
        };
        match connected {
            Err(error) => end.refuse(errno_of(&error)),
            Ok(real) => {
                end.establish();
                tokio::select! {
                    () = pump(Stream::new(end), real) => {}
                    () = down.cancelled() => {}
                }
            }
        }
    });
}

/// Carries bytes both ways, half-closes and resets included. Back-pressure is the bounded queues on either side.
pub(super) async fn pump(mut guest: Stream, mut real: TcpStream) {
    // What the guest writes leaves at once: its own C library and queue have gathered it already.
    let _ = real.set_nodelay(true);
    let orphaned = guest.orphaned();
    let orphan_timeout = async {
        orphaned.await;
        tokio::time::sleep(ORPHAN_TIMEOUT).await;
    };
    let copied = tokio::select! {
        copied = copy_bidirectional_with_sizes(&mut guest, &mut real, PUMP_BYTES, PUMP_BYTES) => copied,
        () = orphan_timeout => Ok((0, 0)),
    };
    if copied.is_err() {
        let _ = real.set_zero_linger(); // The other side learns of it as this one did.
        guest.reset();
    }
}

/// A real UDP socket behind a guest's one.
pub(super) struct Outlet {
    socket: Arc<UdpSocket>,
    peers: Arc<Mutex<Peers>>,
    /// Set where the real socket is connected: it reaches nobody else.
    only: Option<SocketAddr>,
    _receiving: DropGuard,
    _permit: Permit,
}

/// Whom the guest has sent to, oldest first.
#[derive(Default)]
struct Peers(VecDeque<SocketAddr>);

impl Peers {
    fn add(&mut self, peer: SocketAddr) {
        if self.0.contains(&peer) {
            return;
        }
        if self.0.len() == PEERS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(peer);
    }
}

impl Outlet {
    /// Opens a socket of `to`'s family, connected to it or to nobody, that delivers into `inbox`.
    ///
    /// # Errors
    ///
    /// The host's, ENETUNREACH among them where it has no route.
    pub(super) fn open(
        runtime: &Handle,
        down: &CancellationToken,
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
            let _inside = runtime.enter();
            UdpSocket::from_std(socket)
        };
        let socket = Arc::new(open().map_err(|error| errno_of(&error))?);
        let peers = Arc::new(Mutex::new(Peers::default()));
        let stop = down.child_token();
        let only = connected.then_some(to);
        let receive = receive(socket.clone(), peers.clone(), only, inbox);
        runtime.spawn(stop.clone().run_until_cancelled_owned(receive));
        Ok(Self { socket, peers, only, _receiving: stop.drop_guard(), _permit: permit })
    }

    /// Whether it can send to `to`.
    pub(super) fn reaches(&self, to: SocketAddr) -> bool {
        self.only.is_none_or(|only| only == to)
    }

    /// Sends one datagram to `to`, which has been checked. One for which the host has no room now is lost.
    ///
    /// # Errors
    ///
    /// The host's.
    pub(super) fn send(&self, payload: &[u8], to: SocketAddr) -> Result<(), Errno> {
        use rustix::net::{SendFlags, send, sendto};
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        // Directly on the descriptor, since tokio's readiness is only known after the first event.
        let sent = match self.only {
            Some(_) => send(&*self.socket, payload, flags),
            None => {
                self.peers.lock().add(to);
                sendto(&*self.socket, payload, flags, &to)
            }
        };
        match sent {
            Ok(_) | Err(Errno::AGAIN | Errno::NOBUFS) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// Passes in what comes back from those the guest has sent to.
async fn receive(
    socket: Arc<UdpSocket>,
    peers: Arc<Mutex<Peers>>,
    only: Option<SocketAddr>,
    inbox: Arc<Inbox>,
) {
    let mut buf = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        match socket.recv_from(&mut buf).await {
            Ok((bytes, from)) => {
                let from = SocketAddr::new(from.ip(), from.port());
                let known =
                    only.map_or_else(|| peers.lock().0.contains(&from), |only| only == from);
                if known {
                    inbox.deliver(from, &buf[..bytes]);
                }
            }
            // An ICMP error: a connected socket is told, for others Linux keeps silent.
            Err(error) if only.is_some() => inbox.fail(errno_of(&error)),
            Err(_) => {}
        }
        // A flood of datagrams or errors must not hold the thread.
        tokio::task::consume_budget().await;
    }
}
