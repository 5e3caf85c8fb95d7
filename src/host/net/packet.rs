//! Control messages of internet sockets (RFC 3542, ip(7)): what a datagram had with it, what one that is sent shall have.

use super::Open;
use crate::errno::Errno;
use crate::host::control::{Control, Room};
use crate::vnet::{
    Arrival, IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_TOS, IP_TTL, IPV6_RECVHOPLIMIT,
    IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_TCLASS, Kind, SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_UDP,
    Socket, UDP_SEGMENT, Wish,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Types of control messages at IPv6's level that no option is called by.
const IPV6_PKTINFO: i32 = 50;
const IPV6_HOPLIMIT: i32 = 52;
/// `IPV6_HOPOPTS`, `IPV6_RTHDRDSTOPTS`, `IPV6_RTHDR`, `IPV6_DSTOPTS`: extension headers.
const IPV6_HEADERS: [i32; 4] = [54, 55, 57, 59];
/// Those that unix sockets have and others pass over: `SCM_RIGHTS`, `SCM_CREDENTIALS`.
const SCM: [i32; 2] = [1, 2];

/// Gives the control messages that `socket` wants of a datagram.
pub(super) fn tell(socket: &Socket, arrival: &Arrival, room: &mut Room) {
    let wants = |level, name| socket.has_flag(level, name);
    let word = |byte: u8| i32::from(byte).to_le_bytes();
    if wants(SOL_IPV6, IPV6_RECVPKTINFO) {
        let to = match arrival.to {
            IpAddr::V4(to) => to.to_ipv6_mapped(),
            IpAddr::V6(to) => to,
        };
        let info = [&to.octets()[..], &arrival.interface.to_le_bytes()].concat();
        put(room, SOL_IPV6, IPV6_PKTINFO, &info);
    }
    match (arrival.to, arrival.class) {
        (IpAddr::V6(_), Some(class)) => {
            if wants(SOL_IPV6, IPV6_RECVHOPLIMIT) {
                put(room, SOL_IPV6, IPV6_HOPLIMIT, &word(class.hops));
            }
            if wants(SOL_IPV6, IPV6_RECVTCLASS) {
                put(room, SOL_IPV6, IPV6_TCLASS, &word(class.traffic));
            }
        }
        (IpAddr::V6(_), None) => {}
        (IpAddr::V4(to), class) => {
            if wants(SOL_IP, IP_PKTINFO) {
                let (interface, to) = (arrival.interface.to_le_bytes(), to.octets());
                put(room, SOL_IP, IP_PKTINFO, &[interface, to, to].concat());
            }
            if let Some(class) = class.filter(|_| wants(SOL_IP, IP_RECVTTL)) {
                put(room, SOL_IP, IP_TTL, &word(class.hops));
            }
            if let Some(class) = class.filter(|_| wants(SOL_IP, IP_RECVTOS)) {
                put(room, SOL_IP, IP_TOS, &[class.traffic]);
            }
        }
    }
}

fn put(room: &mut Room, level: i32, kind: i32, data: &[u8]) {
    room.put(level.cast_unsigned(), kind.cast_unsigned(), data);
}

/// What control messages ask for one that is sent to `to` or to the peer. Those of a level that does not concern it are passed
/// over, as on Linux; a stream looks at none.
///
/// # Errors
///
/// EINVAL for a message that is unknown or has no such value, EPERM for extension headers.
pub(super) fn wish(
    open: &Open,
    controls: &[Control],
    to: Option<SocketAddr>,
) -> Result<Wish, Errno> {
    let mut wish = Wish::default();
    let stream = open.socket.kind() == Kind::Stream;
    let v4 = !controls.is_empty() && open.socket.sends_over_v4(to);
    for control in controls {
        match (control.level.cast_signed(), control.kind.cast_signed()) {
            (SOL_SOCKET, kind) if SCM.contains(&kind) => {}
            (SOL_SOCKET, _) => return Err(Errno::INVAL),
            _ if stream => {}
            (SOL_UDP, UDP_SEGMENT) => {
                let size = control.data.as_slice().try_into().map_err(|_length| Errno::INVAL)?;
                wish.segment = Some(u16::from_le_bytes(size));
            }
            (SOL_UDP, _) => return Err(Errno::INVAL),
            (SOL_IPV6, IPV6_PKTINFO) => wish_source_v6(&mut wish, &control.data, v4)?,
            (SOL_IPV6, kind) if !v4 => wish_v6(&mut wish, kind, &control.data)?,
            (SOL_IP, kind) if v4 => wish_v4(&mut wish, kind, &control.data)?,
            _ => {}
        }
    }
    Ok(wish)
}

fn wish_v6(wish: &mut Wish, kind: i32, data: &[u8]) -> Result<(), Errno> {
    match kind {
        IPV6_HOPLIMIT => wish.hops = byte_or_usual(data)?,
        IPV6_TCLASS => wish.traffic = byte_or_usual(data)?,
        kind if IPV6_HEADERS.contains(&kind) => return Err(Errno::PERM),
        _ => return Err(Errno::INVAL),
    }
    Ok(())
}

fn wish_v4(wish: &mut Wish, kind: i32, data: &[u8]) -> Result<(), Errno> {
    let byte = |value: i32| u8::try_from(value).map_err(|_range| Errno::INVAL);
    match (kind, data) {
        (IP_PKTINFO, &[i0, i1, i2, i3, a, b, c, d, _, _, _, _]) => {
            wish_interface(wish, [i0, i1, i2, i3]);
            wish.from = chosen(Ipv4Addr::new(a, b, c, d).into());
        }
        (IP_TTL, _) => {
            wish.hops = Some(byte(word(data)?)?).filter(|&hops| hops > 0);
            wish.hops.ok_or(Errno::INVAL)?;
        }
        (IP_TOS, &[tos]) => wish.traffic = Some(tos),
        (IP_TOS, _) => wish.traffic = Some(byte(word(data)?)?),
        _ => return Err(Errno::INVAL),
    }
    Ok(())
}

/// `struct in6_pktinfo`; over IPv4 with a mapped address.
fn wish_source_v6(wish: &mut Wish, data: &[u8], v4: bool) -> Result<(), Errno> {
    let (address, rest) = data.split_first_chunk::<16>().ok_or(Errno::INVAL)?;
    let interface = rest.first_chunk::<4>().ok_or(Errno::INVAL)?;
    let address = Ipv6Addr::from(*address);
    if v4 && address.to_ipv4_mapped().is_none() {
        return Err(Errno::INVAL);
    }
    wish_interface(wish, *interface);
    wish.from = chosen(IpAddr::V6(address).to_canonical());
    Ok(())
}

fn wish_interface(wish: &mut Wish, index: [u8; 4]) {
    let index = u32::from_le_bytes(index);
    if index != 0 {
        wish.interface = Some(index);
    }
}

fn chosen(address: IpAddr) -> Option<IpAddr> {
    (!address.is_unspecified()).then_some(address)
}

/// A whole number and nothing more.
fn word(data: &[u8]) -> Result<i32, Errno> {
    data.try_into().map(i32::from_le_bytes).map_err(|_length| Errno::INVAL)
}

/// A byte; -1 is for what the socket has.
fn byte_or_usual(data: &[u8]) -> Result<Option<u8>, Errno> {
    match word(data)? {
        -1 => Ok(None),
        value => u8::try_from(value).map(Some).map_err(|_range| Errno::INVAL),
    }
}
