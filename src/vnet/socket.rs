//! A socket as a descriptor holds it: its family and kind, its address, its options, its readiness.
//!
//! No operation waits: `EAGAIN` (or `EINPROGRESS` for connect), and [`Socket::subscribe`] tells of the next change.
//! Addresses inside are canonical; they become v4-mapped only where an IPv6 socket shows them.

use super::connection::{End, Phase, Shut};
use super::egress::{Outlet, Owner};
use super::listener::Listener;
use super::options::{
    IPV6_V6ONLY, Options, SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_PROTOCOL, SO_REUSEADDR,
    SO_REUSEPORT, SO_TYPE, SOL_IPV6, SOL_SOCKET,
};
use super::packet::Wish;
use super::ports::{At, Binding, Kind, Reuse, Target};
use super::udp::{Inbox, Received};
use super::{NAME_SERVER, Net, is_own};
use crate::errno::Errno;
use crate::wait::{Ready, WaitQueue, Waiter};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// AF_INET.
    Inet,
    /// AF_INET6.
    Inet6,
}

/// One socket. Dropping the last owner closes it.
pub(crate) struct Socket {
    pub(super) net: Arc<Net>,
    /// Who made it, for the log of what leaves.
    pub(super) owner: Owner,
    pub(super) family: Family,
    pub(super) kind: Kind,
    pub(super) queue: WaitQueue,
    pub(super) state: Mutex<State>,
    pub(super) options: Mutex<Options>,
}

pub(super) struct State {
    pub(super) binding: Option<Binding>,
    /// The own address; unspecified and port 0 until bound.
    pub(super) local: SocketAddr,
    /// bind(2) named an address, or a port: a failed connect does not take those away (SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK).
    pub(super) chose_ip: bool,
    pub(super) chose_port: bool,
    pub(super) role: Role,
}

pub(super) enum Role {
    /// A stream socket that is neither listening nor connected; what shutdown(2) has ended all the same, as on Linux.
    Idle(Shut),
    Listening(Arc<Listener>),
    /// Connecting, connected or reset; and what connect(2) has told of it.
    Joined {
        end: End,
        told: Told,
    },
    Datagram(Datagrams),
}

/// What connect(2) has told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing yet.
    NotYet,
    /// 0; from now on it is EISCONN.
    Connected,
    /// Shut down between its failure and that being told: it is EINVAL (Linux's SS_DISCONNECTING).
    Never,
}

impl Told {
    /// What shutdown(2) makes of it on a connection that is not in the making.
    pub(super) fn settle(&mut self, phase: Phase) {
        if *self == Self::NotYet {
            *self = if phase == Phase::Open { Self::Connected } else { Self::Never };
        }
    }
}

/// What a datagram socket has besides an address.
pub(super) struct Datagrams {
    pub(super) inbox: Arc<Inbox>,
    pub(super) peer: Option<SocketAddr>,
    /// Real sockets to the outside, for IPv4 and IPv6, made when first needed.
    pub(super) outlets: [Option<Outlet>; 2],
}

impl Net {
    /// A new socket.
    ///
    /// # Errors
    ///
    /// ENFILE at the sandbox's limit, ENETDOWN once it has ended.
    pub(crate) fn socket(
        self: &Arc<Self>,
        family: Family,
        kind: Kind,
        owner: Owner,
    ) -> Result<Arc<Socket>, Errno> {
        if self.down.is_cancelled() {
            return Err(Errno::NETDOWN);
        }
        self.admit_socket()?;
        let queue = WaitQueue::new();
        let role = match kind {
            Kind::Stream => Role::Idle(Shut::NONE),
            Kind::Datagram => Role::Datagram(Datagrams {
                inbox: Arc::new(Inbox::new(queue.clone(), self.account.clone())),
                peer: None,
                outlets: [None, None],
            }),
        };
        let local = SocketAddr::new(unspecified(family), 0);
        let state = State { binding: None, local, chose_ip: false, chose_port: false, role };
        Ok(Arc::new(Socket {
            net: self.clone(),
            owner,
            family,
            kind,
            queue,
            state: Mutex::new(state),
            options: Mutex::default(),
        }))
    }
}

impl Socket {
    /// Its address family.
    pub(crate) fn family(&self) -> Family {
        self.family
    }

    /// TCP or UDP.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// bind(2).
    ///
    /// # Errors
    ///
    /// EINVAL if bound or the address is of another family, EADDRNOTAVAIL for an address that is not the sandbox's, EADDRINUSE.
    pub(crate) fn bind(&self, address: SocketAddr) -> Result<(), Errno> {
        let mut state = self.state.lock();
        let v6only = self.is_v6only();
        if self.family == Family::Inet && address.is_ipv6() {
            return Err(Errno::AFNOSUPPORT);
        }
        if self.family == Family::Inet6 && address.is_ipv4() {
            return Err(Errno::INVAL);
        }
        let ip = address.ip().to_canonical();
        if self.family == Family::Inet6 && ip.is_ipv4() && v6only {
            return Err(Errno::INVAL);
        }
        if !ip.is_unspecified() && !is_own(ip) {
            return Err(Errno::ADDRNOTAVAIL);
        }
        if state.binding.is_some() || !matches!(state.role, Role::Idle(_) | Role::Datagram(_)) {
            return Err(Errno::INVAL);
        }
        if SocketAddr::new(ip, address.port()) == NAME_SERVER {
            return Err(Errno::ADDRINUSE);
        }
        self.take_port(&mut state, ip, address.port())?;
        state.chose_ip = !ip.is_unspecified();
        state.chose_port = address.port() != 0;
        Ok(())
    }

    /// Takes a port (0: any) at `ip`.
    pub(super) fn take_port(&self, state: &mut State, ip: IpAddr, port: u16) -> Result<(), Errno> {
        let target = match &state.role {
            Role::Datagram(datagrams) => Target::Inbox(datagrams.inbox.clone()),
            _ => Target::None,
        };
        let at = At::new(ip, self.is_v6only());
        let binding = self.net.ports.bind(self.kind, at, port, self.reuse(), target)?;
        state.local = SocketAddr::new(ip, binding.port);
        state.binding = Some(binding);
        Ok(())
    }

    /// Gives back what bind(2) did not ask for: the port, and the address that a connect chose.
    pub(super) fn release_port(&self, state: &mut State) {
        if !state.chose_ip {
            state.local.set_ip(unspecified(self.family));
        }
        if !state.chose_port {
            state.local.set_port(0);
            if let Some(binding) = state.binding.take() {
                self.net.ports.remove(binding);
            }
        }
    }

    /// The destination of a connect or send in canonical form.
    ///
    /// # Errors
    ///
    /// EAFNOSUPPORT, ENETUNREACH for a v4-mapped address on an IPv6-only socket.
    pub(super) fn destination(&self, to: SocketAddr) -> Result<SocketAddr, Errno> {
        if (self.family == Family::Inet6) != to.is_ipv6() {
            return Err(Errno::AFNOSUPPORT);
        }
        let ip = to.ip().to_canonical();
        if self.family == Family::Inet6 && ip.is_ipv4() && self.is_v6only() {
            return Err(Errno::NETUNREACH);
        }
        Ok(SocketAddr::new(ip, to.port()))
    }

    /// An address as this socket's family shows it.
    pub(super) fn shown(&self, address: SocketAddr) -> SocketAddr {
        match (self.family, address) {
            (Family::Inet6, SocketAddr::V4(v4)) => {
                SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
            }
            _ => address,
        }
    }

    /// connect(2), begun: a stream answers EINPROGRESS, then EALREADY until [`Self::finish_connect`] has an answer.
    ///
    /// # Errors
    ///
    /// As connect(2). ENETUNREACH when egress is off, EACCES for an address that is never dialled.
    pub(crate) fn connect(&self, to: SocketAddr) -> Result<(), Errno> {
        let to = self.destination(to)?;
        match self.kind {
            Kind::Stream => self.connect_stream(to),
            Kind::Datagram => self.connect_datagram(to),
        }
    }

    /// connect(2) with AF_UNSPEC: a datagram socket hears everybody again; a stream is closed.
    pub(crate) fn disconnect(&self) {
        match self.kind {
            Kind::Stream => self.disconnect_stream(),
            Kind::Datagram => self.disconnect_datagram(),
        }
        self.queue.wake_all();
    }

    /// Receives: from a stream what there is, or the next datagram.
    ///
    /// # Errors
    ///
    /// EAGAIN, ENOTCONN, or the pending error.
    pub(crate) fn recv(&self, buf: &mut [u8], peek: bool) -> Result<Received, Errno> {
        let state = self.state.lock();
        match &state.role {
            Role::Idle(Shut { read: true, .. }) => Ok(Received::NOTHING),
            Role::Idle(_) | Role::Listening(_) => Err(Errno::NOTCONN),
            Role::Joined { end, .. } => {
                let bytes = end.recv(buf, peek)?;
                Ok(Received::of_stream(bytes))
            }
            Role::Datagram(datagrams) => {
                let inbox = datagrams.inbox.clone();
                drop(state);
                let mut received = inbox.recv(buf, peek)?;
                received.from = received.from.map(|from| self.shown(from));
                Ok(received)
            }
        }
    }

    /// Sends: on a stream as much as there is room for, or one datagram (`to`, or the connected peer).
    ///
    /// # Errors
    ///
    /// EAGAIN, EPIPE (the caller raises SIGPIPE), EDESTADDRREQ, EMSGSIZE, or the pending error.
    pub(crate) fn send(&self, buf: &[u8], to: Option<SocketAddr>) -> Result<usize, Errno> {
        self.send_as(buf, to, &Wish::default())
    }

    /// As [`Self::send`]; a datagram as `wish` says.
    ///
    /// # Errors
    ///
    /// Those too, and EINVAL, ENODEV or ENETUNREACH for what cannot be.
    pub(crate) fn send_as(
        &self,
        buf: &[u8],
        to: Option<SocketAddr>,
        wish: &Wish,
    ) -> Result<usize, Errno> {
        if self.kind == Kind::Datagram {
            return self.send_datagram(buf, to, wish);
        }
        match &self.state.lock().role {
            Role::Joined { end, .. } => end.send(buf),
            _ => Err(Errno::PIPE),
        }
    }

    /// read(2).
    ///
    /// # Errors
    ///
    /// As [`Self::recv`].
    pub(crate) fn read(&self, buf: &mut [u8]) -> Result<usize, Errno> {
        self.recv(buf, false).map(|received| received.bytes)
    }

    /// write(2).
    ///
    /// # Errors
    ///
    /// As [`Self::send`].
    pub(crate) fn write(&self, buf: &[u8]) -> Result<usize, Errno> {
        self.send(buf, None)
    }

    /// shutdown(2).
    ///
    /// # Errors
    ///
    /// ENOTCONN.
    pub(crate) fn shutdown(&self, how: Shut) -> Result<(), Errno> {
        let result = match self.kind {
            Kind::Stream => self.shutdown_stream(how),
            Kind::Datagram => self.shutdown_datagram(how),
        };
        self.queue.wake_all();
        result
    }

    /// getsockname(2).
    pub(crate) fn local_address(&self) -> SocketAddr {
        let state = self.state.lock();
        match &state.role {
            Role::Joined { end, .. } => self.shown(end.local),
            _ => self.shown(state.local),
        }
    }

    /// getpeername(2).
    ///
    /// # Errors
    ///
    /// ENOTCONN.
    pub(crate) fn peer_address(&self) -> Result<SocketAddr, Errno> {
        let state = self.state.lock();
        let peer = match &state.role {
            Role::Joined { end, .. } if end.phase() == Phase::Open => Some(end.peer),
            Role::Datagram(datagrams) => datagrams.peer,
            _ => None,
        };
        peer.map(|peer| self.shown(peer)).ok_or(Errno::NOTCONN)
    }

    /// What poll(2) reports.
    pub(crate) fn ready(&self) -> Ready {
        match &self.state.lock().role {
            Role::Idle(shut) => {
                let ended = if shut.read { Ready::IN | Ready::RDHUP } else { Ready::empty() };
                Ready::OUT | Ready::HUP | ended
            }
            Role::Listening(listener) if listener.is_ready() => Ready::IN,
            Role::Listening(_) => Ready::empty(),
            Role::Joined { end, .. } => end.ready(),
            Role::Datagram(datagrams) => datagrams.inbox.ready(),
        }
    }

    /// Completes at the next change of anything that [`Self::ready`] or another operation depends on.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.queue.subscribe()
    }

    /// Whether a receive that finds nothing ends with 0 instead of waiting: shutdown(2) of a datagram socket.
    pub(crate) fn read_ended(&self) -> bool {
        match &self.state.lock().role {
            Role::Datagram(datagrams) => datagrams.inbox.read_ended(),
            Role::Idle(_) | Role::Listening(_) | Role::Joined { .. } => false,
        }
    }

    /// Bytes that a read would give now (FIONREAD).
    pub(crate) fn readable_bytes(&self) -> usize {
        match &self.state.lock().role {
            Role::Joined { end, .. } => end.readable_bytes(),
            Role::Datagram(datagrams) => datagrams.inbox.readable_bytes(),
            Role::Idle(_) | Role::Listening(_) => 0,
        }
    }

    /// Bytes that a write takes now without waiting; of a datagram all it may have.
    pub(crate) fn room(&self) -> usize {
        match &self.state.lock().role {
            Role::Joined { end, .. } => end.room(),
            Role::Datagram(_) | Role::Idle(_) | Role::Listening(_) => usize::from(u16::MAX),
        }
    }

    /// SO_ERROR: the pending error, cleared by reading.
    pub(crate) fn take_error(&self) -> Option<Errno> {
        match &self.state.lock().role {
            Role::Joined { end, .. } => end.take_error(),
            Role::Datagram(datagrams) => datagrams.inbox.take_error(),
            Role::Idle(_) | Role::Listening(_) => None,
        }
    }

    /// setsockopt(2) of an option whose value is a whole number.
    ///
    /// # Errors
    ///
    /// ENOPROTOOPT, EINVAL.
    pub(crate) fn set_option(&self, level: i32, name: i32, value: i32) -> Result<(), Errno> {
        let v6 = self.family == Family::Inet6;
        let state = self.state.lock();
        if (level, name) == (SOL_IPV6, IPV6_V6ONLY) && state.binding.is_some() {
            return Err(Errno::INVAL);
        }
        self.options.lock().set((level, name), value, self.kind, v6)?;
        if let (SOL_SOCKET, SO_REUSEADDR | SO_REUSEPORT, Some(binding)) =
            (level, name, state.binding)
        {
            self.net.ports.set_reuse(binding, self.reuse());
        }
        Ok(())
    }

    /// getsockopt(2) of an option whose value is a whole number. SO_ERROR is cleared.
    ///
    /// # Errors
    ///
    /// As [`Options::get`](super::options::Options::get).
    pub(crate) fn option(&self, level: i32, name: i32) -> Result<i32, Errno> {
        let v6 = self.family == Family::Inet6;
        let stream = self.kind == Kind::Stream;
        Ok(match (level, name) {
            (SOL_SOCKET, SO_ERROR) => self.take_error().map_or(0, Errno::raw_os_error),
            (SOL_SOCKET, SO_TYPE) => {
                if stream {
                    1
                } else {
                    2
                }
            }
            (SOL_SOCKET, SO_DOMAIN) => {
                if v6 {
                    10
                } else {
                    2
                }
            }
            (SOL_SOCKET, SO_PROTOCOL) => {
                if stream {
                    6
                } else {
                    17
                }
            }
            (SOL_SOCKET, SO_ACCEPTCONN) => {
                i32::from(matches!(self.state.lock().role, Role::Listening(_)))
            }
            other => self.options.lock().get(other, self.kind, v6)?,
        })
    }

    /// Sets SO_LINGER, in seconds; `None` is off.
    pub(crate) fn set_linger(&self, seconds: Option<u32>) {
        let mut options = self.options.lock();
        options.linger_s = seconds;
        if let Some(seconds) = seconds {
            options.linger_set_s = seconds;
        }
    }

    /// SO_LINGER: whether it is on, and the seconds that it was on with last.
    pub(crate) fn linger(&self) -> (bool, u32) {
        let options = self.options.lock();
        (options.linger_s.is_some(), options.linger_set_s)
    }

    /// SO_RCVTIMEO; `None` waits for ever.
    pub(crate) fn recv_timeout(&self) -> Option<Duration> {
        self.options.lock().recv_timeout
    }

    /// Sets SO_RCVTIMEO.
    pub(crate) fn set_recv_timeout(&self, timeout: Option<Duration>) {
        self.options.lock().recv_timeout = timeout;
    }

    /// SO_SNDTIMEO; `None` waits for ever.
    pub(crate) fn send_timeout(&self) -> Option<Duration> {
        self.options.lock().send_timeout
    }

    /// Sets SO_SNDTIMEO.
    pub(crate) fn set_send_timeout(&self, timeout: Option<Duration>) {
        self.options.lock().send_timeout = timeout;
    }

    pub(super) fn is_v6only(&self) -> bool {
        self.options.lock().is_on(SOL_IPV6, IPV6_V6ONLY)
    }

    pub(super) fn reuse(&self) -> Reuse {
        let options = self.options.lock();
        Reuse {
            address: options.is_on(SOL_SOCKET, SO_REUSEADDR),
            port: options.is_on(SOL_SOCKET, SO_REUSEPORT),
        }
    }
}

/// The wildcard address of a family.
pub(super) fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::Inet => Ipv4Addr::UNSPECIFIED.into(),
        Family::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if let Some(binding) = state.binding.take() {
            self.net.ports.remove(binding);
        }
        match std::mem::replace(&mut state.role, Role::Idle(Shut::NONE)) {
            Role::Listening(listener) => listener.close(),
            Role::Joined { end, .. } if self.options.get_mut().linger_s == Some(0) => end.reset(),
            Role::Joined { .. } | Role::Datagram(_) | Role::Idle(_) => {}
        }
        self.net.dismiss_socket();
    }
}
