//! What travels with a datagram besides its content: where it arrived, its hop limit, its traffic class (RFC 3542, ip(7)).
//!
//! Inside the sandbox all of it is carried. Of a datagram from outside the host's system does not tell the last two, and one
//! that leaves has those that the host's system gives it.

use super::options::{
    IP_TOS, IP_TTL, IPV6_TCLASS, IPV6_UNICAST_HOPS, SOL_IP, SOL_IPV6, SOL_UDP, UDP_SEGMENT,
};
use super::ports::Kind;
use super::socket::{Family, Socket};
use super::{GUEST_V4, GUEST_V6, Route, is_own};
use crate::errno::Errno;
use std::net::{IpAddr, SocketAddr};

/// Index of the interface `lo`.
pub(crate) const LOOPBACK_INTERFACE: u32 = 1;
/// Index of the interface `eth0`.
pub(crate) const OUTSIDE_INTERFACE: u32 = 2;

/// The longest packets of `lo` and `eth0`, headers included.
pub(crate) const LOOPBACK_MTU: u32 = 65_536;
pub(crate) const OUTSIDE_MTU: u32 = 1500;

/// Datagrams that one send may be cut into: Linux's `UDP_MAX_SEGMENTS`.
const SEGMENTS_MAX: usize = 128;

/// How a datagram arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The address that it was sent to.
    pub(crate) to: IpAddr,
    /// Index of the interface that it came in by.
    pub(crate) interface: u32,
    /// Hop limit or time to live, and traffic class or type of service, if they are known.
    pub(crate) class: Option<Class>,
}

/// The two bytes of an IP header that a program may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// Hop limit; IPv4's time to live.
    pub(crate) hops: u8,
    /// Traffic class; IPv4's type of service.
    pub(crate) traffic: u8,
}

/// What a program asks for one datagram, where it does not take what its socket has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The address to send from.
    pub(crate) from: Option<IpAddr>,
    /// Index of the interface to send by.
    pub(crate) interface: Option<u32>,
    /// Hop limit, time to live.
    pub(crate) hops: Option<u8>,
    /// Traffic class, type of service.
    pub(crate) traffic: Option<u8>,
    /// Bytes of each of the datagrams that it is cut into; 0 leaves it whole.
    pub(crate) segment: Option<u16>,
}

impl Arrival {
    /// By the loopback interface.
    pub(super) fn inside(to: IpAddr, class: Class) -> Self {
        Self { to, interface: LOOPBACK_INTERFACE, class: Some(class) }
    }

    /// From outside, over IPv6 or IPv4.
    pub(super) fn outside(v6: bool) -> Self {
        let to = if v6 { GUEST_V6.into() } else { GUEST_V4.into() };
        Self { to, interface: OUTSIDE_INTERFACE, class: None }
    }
}

impl Class {
    /// That of a socket on which nothing was set.
    pub(super) const DEFAULT: Self = Self { hops: 64, traffic: 0 };
}

impl Wish {
    /// The address to send from: the wished one, else `usual`.
    ///
    /// # Errors
    ///
    /// EINVAL for an address that is not the sandbox's, or of the other family.
    pub(super) fn source(&self, usual: IpAddr) -> Result<IpAddr, Errno> {
        match self.from {
            Some(from) if !is_own(from) || from.is_ipv4() != usual.is_ipv4() => Err(Errno::INVAL),
            Some(from) => Ok(from),
            None => Ok(usual),
        }
    }

    /// Whether the wished interface leads along `route`.
    ///
    /// # Errors
    ///
    /// ENODEV if there is no such interface, ENETUNREACH if it does not.
    pub(super) fn may_take(&self, route: Route) -> Result<(), Errno> {
        let leads = match (self.interface, route) {
            (None, _) | (Some(LOOPBACK_INTERFACE), Route::Inside(_) | Route::NameServer) => true,
            (Some(OUTSIDE_INTERFACE), Route::Inside(to)) => !to.ip().is_loopback(),
            (Some(OUTSIDE_INTERFACE), Route::Outside(_)) => true,
            (Some(LOOPBACK_INTERFACE | OUTSIDE_INTERFACE), _) => false,
            (Some(_), _) => return Err(Errno::NODEV),
        };
        if leads { Ok(()) } else { Err(Errno::NETUNREACH) }
    }
}

impl Socket {
    /// Whether a flag of setsockopt(2) is on.
    pub(crate) fn has_flag(&self, level: i32, name: i32) -> bool {
        self.options.lock().is_on(level, name)
    }

    /// Whether what is sent to `to`, or to the peer, goes over IPv4.
    pub(crate) fn sends_over_v4(&self, to: Option<SocketAddr>) -> bool {
        let to = to.or_else(|| self.peer_address().ok());
        self.family == Family::Inet || to.is_some_and(|to| to.ip().to_canonical().is_ipv4())
    }

    /// Bytes of each of the datagrams that `length` bytes are sent in, never 0 (UDP_SEGMENT, Linux's `udp_send_skb`).
    ///
    /// # Errors
    ///
    /// EMSGSIZE for those longer than a packet on `route`, EINVAL for too many.
    pub(super) fn segment(&self, length: usize, route: Route, wish: &Wish) -> Result<usize, Errno> {
        let set = || {
            let v6 = self.family == Family::Inet6;
            let set = self.options.lock().get((SOL_UDP, UDP_SEGMENT), Kind::Datagram, v6).ok();
            set.and_then(|set| u16::try_from(set).ok()).unwrap_or_default()
        };
        let size = usize::from(wish.segment.unwrap_or_else(set));
        if size == 0 {
            return Ok(length.max(1));
        }
        let (v6, mtu) = match route {
            Route::NameServer => (false, LOOPBACK_MTU),
            Route::Inside(to) => (to.is_ipv6(), LOOPBACK_MTU),
            Route::Outside(to) => (to.is_ipv6(), OUTSIDE_MTU),
        };
        let headers = if v6 { 48 } else { 28 };
        if size.min(length) + headers > mtu as usize {
            return Err(Errno::MSGSIZE);
        }
        if length > size * SEGMENTS_MAX { Err(Errno::INVAL) } else { Ok(size) }
    }

    /// What a datagram to the address family of `to` has in its header.
    pub(super) fn class(&self, to: IpAddr, wish: &Wish) -> Class {
        let names = match to {
            IpAddr::V4(_) => [(SOL_IP, IP_TTL), (SOL_IP, IP_TOS)],
            IpAddr::V6(_) => [(SOL_IPV6, IPV6_UNICAST_HOPS), (SOL_IPV6, IPV6_TCLASS)],
        };
        let options = self.options.lock();
        let set = names.map(|name| {
            let value = options.get(name, Kind::Datagram, self.family == Family::Inet6).ok();
            value.and_then(|value| u8::try_from(value).ok())
        });
        Class {
            hops: wish.hops.or(set[0]).unwrap_or(Class::DEFAULT.hops),
            traffic: wish.traffic.or(set[1]).unwrap_or(Class::DEFAULT.traffic),
        }
    }
}
