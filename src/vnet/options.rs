//! Socket options: which exist, their ranges and defaults as on Linux, and the values of one socket.
//!
//! Options that only tune a real network (keep-alive times, congestion, buffer sizes) are accepted and read back, and change
//! nothing in memory. Options that would have to *do* something that is not done here (raw headers, extension headers,
//! multicast) are refused with ENOPROTOOPT, so that a program does not wait for what never comes.

use super::ports::Kind;
use crate::errno::Errno;
use std::collections::HashMap;
use std::time::Duration;

/// Levels of setsockopt(2).
pub(crate) const SOL_SOCKET: i32 = 1;
pub(crate) const SOL_IP: i32 = 0;
pub(crate) const SOL_TCP: i32 = 6;
pub(crate) const SOL_UDP: i32 = 17;
pub(crate) const SOL_IPV6: i32 = 41;

/// Names that something here looks at (include/uapi/asm-generic/socket.h, in.h, in6.h, tcp.h).
pub(crate) const SO_REUSEADDR: i32 = 2;
pub(crate) const SO_TYPE: i32 = 3;
pub(crate) const SO_ERROR: i32 = 4;
pub(crate) const SO_BROADCAST: i32 = 6;
pub(crate) const SO_SNDBUF: i32 = 7;
pub(crate) const SO_RCVBUF: i32 = 8;
pub(crate) const SO_REUSEPORT: i32 = 15;
pub(crate) const SO_ACCEPTCONN: i32 = 30;
pub(crate) const SO_PROTOCOL: i32 = 38;
pub(crate) const SO_DOMAIN: i32 = 39;
pub(crate) const IPV6_V6ONLY: i32 = 26;
const SO_RCVLOWAT: i32 = 18;
pub(crate) const IP_TOS: i32 = 1;
pub(crate) const IP_TTL: i32 = 2;
pub(crate) const IP_PKTINFO: i32 = 8;
pub(crate) const IP_RECVTTL: i32 = 12;
pub(crate) const IP_RECVTOS: i32 = 13;
const IP_MULTICAST_TTL: i32 = 33;
pub(super) const IPV6_UNICAST_HOPS: i32 = 16;
const IPV6_MULTICAST_HOPS: i32 = 18;
pub(crate) const IPV6_RECVPKTINFO: i32 = 49;
pub(crate) const IPV6_RECVHOPLIMIT: i32 = 51;
pub(crate) const IPV6_RECVTCLASS: i32 = 66;
pub(crate) const IPV6_TCLASS: i32 = 67;
pub(crate) const UDP_SEGMENT: i32 = 103;
const UDP_GRO: i32 = 104;

/// The largest SO_SNDBUF and SO_RCVBUF that may be asked for (`net.core.wmem_max`, `rmem_max`); Linux doubles it.
const BUFFER_ASKED_MAX: i32 = 212_992;

/// Which sockets have an option.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Any,
    Stream,
    Datagram,
    V6,
}

/// One settable option with a whole number for its value.
struct Spec {
    level: i32,
    name: i32,
    on: On,
    default: i32,
    min: i32,
    max: i32,
}

const fn flag(level: i32, name: i32, on: On, default: i32) -> Spec {
    Spec { level, name, on, default, min: i32::MIN, max: i32::MAX }
}

const fn range(level: i32, name: i32, on: On, default: i32, min: i32, max: i32) -> Spec {
    Spec { level, name, on, default, min, max }
}

/// Options whose value is 0 or 1 whatever non-zero number is set.
const FLAGS: &[Spec] = &[
    flag(SOL_SOCKET, 1, On::Any, 0), // SO_DEBUG
    flag(SOL_SOCKET, SO_REUSEADDR, On::Any, 0),
    flag(SOL_SOCKET, 5, On::Any, 0), // SO_DONTROUTE
    flag(SOL_SOCKET, SO_BROADCAST, On::Any, 0),
    flag(SOL_SOCKET, 9, On::Any, 0),  // SO_KEEPALIVE
    flag(SOL_SOCKET, 10, On::Any, 0), // SO_OOBINLINE
    flag(SOL_SOCKET, SO_REUSEPORT, On::Any, 0),
    flag(SOL_TCP, 1, On::Stream, 0),  // TCP_NODELAY
    flag(SOL_TCP, 3, On::Stream, 0),  // TCP_CORK
    flag(SOL_TCP, 12, On::Stream, 1), // TCP_QUICKACK
    flag(SOL_IP, IP_PKTINFO, On::Any, 0),
    flag(SOL_IP, IP_RECVTTL, On::Any, 0),
    flag(SOL_IP, IP_RECVTOS, On::Any, 0),
    flag(SOL_IP, 24, On::Any, 0), // IP_BIND_ADDRESS_NO_PORT
    flag(SOL_IP, 34, On::Any, 1), // IP_MULTICAST_LOOP
    flag(SOL_IPV6, IPV6_V6ONLY, On::V6, 0),
    flag(SOL_IPV6, 19, On::V6, 1), // IPV6_MULTICAST_LOOP
    flag(SOL_IPV6, IPV6_RECVPKTINFO, On::V6, 0),
    flag(SOL_IPV6, IPV6_RECVHOPLIMIT, On::V6, 0),
    flag(SOL_IPV6, IPV6_RECVTCLASS, On::V6, 0),
    flag(SOL_UDP, UDP_GRO, On::Datagram, 0), // A permission to join datagrams, which nothing here uses.
];

/// Options with a number; out of range is EINVAL.
const NUMBERS: &[Spec] = &[
    range(SOL_SOCKET, 12, On::Any, 0, 0, 6), // SO_PRIORITY
    range(SOL_SOCKET, SO_RCVLOWAT, On::Any, 1, 1, i32::MAX),
    range(SOL_TCP, 2, On::Stream, 536, 88, 32767), // TCP_MAXSEG
    range(SOL_TCP, 4, On::Stream, 7200, 1, 32767), // TCP_KEEPIDLE
    range(SOL_TCP, 5, On::Stream, 75, 1, 32767),   // TCP_KEEPINTVL
    range(SOL_TCP, 6, On::Stream, 9, 1, 127),      // TCP_KEEPCNT
    range(SOL_TCP, 7, On::Stream, 6, 1, 127),      // TCP_SYNCNT
    range(SOL_TCP, 8, On::Stream, 60, i32::MIN, i32::MAX), // TCP_LINGER2
    range(SOL_TCP, 9, On::Stream, 0, i32::MIN, i32::MAX), // TCP_DEFER_ACCEPT
    range(SOL_TCP, 10, On::Stream, 0, 0, i32::MAX), // TCP_WINDOW_CLAMP
    range(SOL_TCP, 18, On::Stream, 0, 0, i32::MAX), // TCP_USER_TIMEOUT
    range(SOL_TCP, 25, On::Stream, -1, i32::MIN, i32::MAX), // TCP_NOTSENT_LOWAT
    range(SOL_IP, IP_TOS, On::Any, 0, 0, 255),
    range(SOL_IP, IP_TTL, On::Any, 64, 1, 255),
    range(SOL_IP, 10, On::Any, 1, 0, 5), // IP_MTU_DISCOVER
    range(SOL_IP, IP_MULTICAST_TTL, On::Any, 1, 0, 255),
    range(SOL_IPV6, IPV6_UNICAST_HOPS, On::V6, 64, 0, 255),
    range(SOL_IPV6, IPV6_MULTICAST_HOPS, On::V6, 1, 0, 255),
    range(SOL_IPV6, 23, On::V6, 1, 0, 5), // IPV6_MTU_DISCOVER
    range(SOL_IPV6, IPV6_TCLASS, On::V6, 0, 0, 255),
    range(SOL_IPV6, 72, On::V6, 2, 0, i32::MAX), // IPV6_ADDR_PREFERENCES
    range(SOL_UDP, UDP_SEGMENT, On::Datagram, 0, 0, 65535),
];

/// Numbers that -1 sets to their default.
const OF_DEFAULT: &[(i32, i32)] = &[
    (SOL_IP, IP_TTL),
    (SOL_IP, IP_MULTICAST_TTL),
    (SOL_IPV6, IPV6_UNICAST_HOPS),
    (SOL_IPV6, IPV6_MULTICAST_HOPS),
    (SOL_IPV6, IPV6_TCLASS),
];

/// The options of one socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    set: HashMap<(i32, i32), i32>,
    /// SO_LINGER, in seconds; `None` is off.
    pub(crate) linger_s: Option<u32>,
    /// The seconds that were set with it on, which are read back when it is off too.
    pub(crate) linger_set_s: u32,
    /// SO_RCVTIMEO; `None` waits for ever.
    pub(crate) recv_timeout: Option<Duration>,
    /// SO_SNDTIMEO, also for connect(2).
    pub(crate) send_timeout: Option<Duration>,
}

impl Options {
    /// Whether a flag is set.
    pub(super) fn is_on(&self, level: i32, name: i32) -> bool {
        self.set.get(&(level, name)).is_some_and(|&value| value != 0)
    }

    /// Sets an option with a whole number for its value.
    ///
    /// # Errors
    ///
    /// ENOPROTOOPT if the socket has no such option, EINVAL outside its range.
    pub(super) fn set(
        &mut self,
        (level, name): (i32, i32),
        value: i32,
        kind: Kind,
        v6: bool,
    ) -> Result<(), Errno> {
        let value = match (level, name) {
            (SOL_SOCKET, SO_SNDBUF) => (value.clamp(0, BUFFER_ASKED_MAX) * 2).max(4608),
            (SOL_SOCKET, SO_RCVBUF) => (value.clamp(0, BUFFER_ASKED_MAX) * 2).max(2304),
            (SOL_SOCKET, SO_RCVLOWAT) if value < 0 => i32::MAX,
            (SOL_SOCKET, SO_RCVLOWAT) => value.max(1),
            // As `do_ip_setsockopt` has it; at IPv6's level there is no such option then.
            (SOL_IP, IP_MULTICAST_TTL) if kind == Kind::Stream => return Err(Errno::INVAL),
            (SOL_IPV6, IPV6_MULTICAST_HOPS) if kind == Kind::Stream => {
                return Err(Errno::NOPROTOOPT);
            }
            _ if value == -1 && OF_DEFAULT.contains(&(level, name)) => {
                find(NUMBERS, level, name, kind, v6).ok_or(Errno::NOPROTOOPT)?;
                self.set.remove(&(level, name));
                return Ok(());
            }
            _ if find(FLAGS, level, name, kind, v6).is_some() => i32::from(value != 0),
            _ => {
                let spec = find(NUMBERS, level, name, kind, v6).ok_or(Errno::NOPROTOOPT)?;
                let range = spec.min..=spec.max;
                range.contains(&value).then_some(value).ok_or(Errno::INVAL)?
            }
        };
        self.set.insert((level, name), value);
        Ok(())
    }

    /// Reads an option that [`Self::set`] sets, or its default.
    ///
    /// # Errors
    ///
    /// ENOPROTOOPT; at a level that the socket does not have, EOPNOTSUPP from those of IPv4.
    pub(super) fn get(
        &self,
        (level, name): (i32, i32),
        kind: Kind,
        v6: bool,
    ) -> Result<i32, Errno> {
        if let Some(&value) = self.set.get(&(level, name)) {
            return Ok(value);
        }
        match (level, name, kind) {
            (SOL_SOCKET, SO_SNDBUF, Kind::Stream) => Ok(87_040),
            (SOL_SOCKET, SO_RCVBUF, Kind::Stream) => Ok(131_072),
            (SOL_SOCKET, SO_SNDBUF | SO_RCVBUF, Kind::Datagram) => Ok(212_992),
            _ => {
                let spec = find(FLAGS, level, name, kind, v6);
                let spec = spec.or_else(|| find(NUMBERS, level, name, kind, v6));
                let ours = match level {
                    SOL_SOCKET | SOL_IP => true,
                    SOL_TCP => v6 || kind == Kind::Stream,
                    SOL_UDP => v6 || kind == Kind::Datagram,
                    _ => v6,
                };
                let none = if ours { Errno::NOPROTOOPT } else { Errno::OPNOTSUPP };
                spec.map(|spec| spec.default).ok_or(none)
            }
        }
    }
}

fn find(
    specs: &'static [Spec],
    level: i32,
    name: i32,
    kind: Kind,
    v6: bool,
) -> Option<&'static Spec> {
    let fits = |spec: &&Spec| match spec.on {
        On::Any => true,
        On::Stream => kind == Kind::Stream,
        On::Datagram => kind == Kind::Datagram,
        On::V6 => v6,
    };
    specs.iter().filter(fits).find(|spec| spec.level == level && spec.name == name)
}
