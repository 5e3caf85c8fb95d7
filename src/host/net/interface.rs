//! The ioctls that tell of interfaces (netdevice(7)), on any socket. There are two, `lo` and `eth0`, as /proc/net says too;
//! nothing about them can be changed.

use crate::errno::Errno;
use crate::host::Call;
use crate::vnet::{GUEST_V4, LOOPBACK_INTERFACE, LOOPBACK_MTU, OUTSIDE_INTERFACE, OUTSIDE_MTU};
use std::net::Ipv4Addr;

/// Requests (include/uapi/linux/sockios.h).
const SIOCGIFNAME: u32 = 0x8910;
const SIOCGIFCONF: u32 = 0x8912;
const SIOCGIFFLAGS: u32 = 0x8913;
const SIOCGIFADDR: u32 = 0x8915;
const SIOCGIFDSTADDR: u32 = 0x8917;
const SIOCGIFBRDADDR: u32 = 0x8919;
const SIOCGIFNETMASK: u32 = 0x891b;
const SIOCGIFMETRIC: u32 = 0x891d;
const SIOCGIFMTU: u32 = 0x8921;
const SIOCGIFHWADDR: u32 = 0x8927;
const SIOCGIFINDEX: u32 = 0x8933;
const SIOCGIFTXQLEN: u32 = 0x8942;
/// Those that change something, in the same range: all that are not above.
const ALL: std::ops::RangeInclusive<u32> = 0x8910..=0x8949;

const NAME_BYTES: usize = 16;
/// `struct ifreq`: a name, and a union of 16 bytes.
const REQUEST_BYTES: usize = 32;
const AF_INET: u16 = 2;

struct Interface {
    name: &'static str,
    index: u32,
    address: Ipv4Addr,
    prefix: u32,
    /// `IFF_UP`, `IFF_RUNNING`, and what it is.
    flags: u16,
    mtu: u32,
    queue: u32,
    /// `ARPHRD_*`, and the address of that kind.
    hardware: (u16, [u8; 6]),
}

const INTERFACES: [Interface; 2] = [
    Interface {
        name: "lo",
        index: LOOPBACK_INTERFACE,
        address: Ipv4Addr::LOCALHOST,
        prefix: 8,
        flags: 0x49,
        mtu: LOOPBACK_MTU,
        queue: 1000,
        hardware: (772, [0; 6]),
    },
    Interface {
        name: "eth0",
        index: OUTSIDE_INTERFACE,
        address: GUEST_V4,
        prefix: 30,
        flags: 0x1043,
        mtu: OUTSIDE_MTU,
        queue: 1000,
        hardware: (1, [0x02, 0, 0xa9, 0xfe, 0, 0x15]),
    },
];

impl Interface {
    fn mask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(!(u32::MAX >> self.prefix))
    }

    fn broadcast(&self) -> Ipv4Addr {
        match self.flags & 2 {
            0 => Ipv4Addr::UNSPECIFIED,
            _ => Ipv4Addr::from_bits(self.address.to_bits() | u32::MAX >> self.prefix),
        }
    }

    /// The union of a `struct ifreq` that answers `request`.
    fn answer(&self, request: u32) -> Option<[u8; NAME_BYTES]> {
        let mut union = [0; NAME_BYTES];
        let address = |ip: Ipv4Addr| {
            let mut address = [0; NAME_BYTES];
            address[..2].copy_from_slice(&AF_INET.to_le_bytes());
            address[4..8].copy_from_slice(&ip.octets());
            address
        };
        let number = match request {
            SIOCGIFADDR | SIOCGIFDSTADDR => return Some(address(self.address)),
            SIOCGIFBRDADDR => return Some(address(self.broadcast())),
            SIOCGIFNETMASK => return Some(address(self.mask())),
            SIOCGIFHWADDR => {
                union[..2].copy_from_slice(&self.hardware.0.to_le_bytes());
                union[2..8].copy_from_slice(&self.hardware.1);
                return Some(union);
            }
            SIOCGIFFLAGS => u32::from(self.flags),
            SIOCGIFINDEX => self.index,
            SIOCGIFMTU => self.mtu,
            SIOCGIFMETRIC => 0,
            SIOCGIFTXQLEN => self.queue,
            _ => return None,
        };
        union[..4].copy_from_slice(&number.to_le_bytes());
        Some(union)
    }

    fn request(&self, union: [u8; NAME_BYTES]) -> [u8; REQUEST_BYTES] {
        let mut bytes = [0; REQUEST_BYTES];
        bytes[..self.name.len()].copy_from_slice(self.name.as_bytes());
        bytes[NAME_BYTES..].copy_from_slice(&union);
        bytes
    }
}

/// `ioctl(socket, request, argument)`
///
/// # Errors
///
/// ENODEV for an interface that does not exist, EPERM for a change, ENOTTY for a request about something else, EFAULT.
pub(in crate::host) fn ioctl(
    call: &mut Call<'_>,
    request: u32,
    argument: u32,
) -> Result<u32, Errno> {
    if request == SIOCGIFCONF {
        return list(call, argument);
    }
    if !ALL.contains(&request) {
        return Err(Errno::NOTTY);
    }
    let bytes: [u8; REQUEST_BYTES] = call.read(argument)?;
    let found = match request {
        SIOCGIFNAME => {
            let index = u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
            INTERFACES.iter().find(|interface| interface.index == index)
        }
        _ => {
            let name = bytes[..NAME_BYTES].split(|&byte| byte == 0).next().unwrap_or_default();
            INTERFACES.iter().find(|interface| interface.name.as_bytes() == name)
        }
    };
    let Some(interface) = found else { return Err(Errno::NODEV) };
    let union = match request {
        SIOCGIFNAME => bytes[NAME_BYTES..].try_into().expect("the rest is the union"),
        _ => interface.answer(request).ok_or(Errno::PERM)?,
    };
    call.write(argument, &interface.request(union))?;
    Ok(0)
}

/// SIOCGIFCONF: as many interfaces as fit; without a buffer how many bytes all need.
fn list(call: &mut Call<'_>, argument: u32) -> Result<u32, Errno> {
    let [room, buffer]: [u32; 2] = call.read(argument)?;
    let mut length = 0;
    for interface in &INTERFACES {
        let next = length + REQUEST_BYTES as u32;
        if buffer != 0 {
            if next > room {
                break;
            }
            let union = interface.answer(SIOCGIFADDR).ok_or(Errno::PERM)?;
            let at = buffer.checked_add(length).ok_or(Errno::FAULT)?;
            call.write(at, &interface.request(union))?;
        }
        length = next;
    }
    call.write(argument, &[length, buffer])?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_told_as_in_struct_ifreq() {
        let eth0 = &INTERFACES[1];
        let address = eth0.request(eth0.answer(SIOCGIFADDR).unwrap());
        assert_eq!(&address[..16], b"eth0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(&address[16..24], [2, 0, 0, 0, 169, 254, 0, 21]);
        assert_eq!(eth0.mask(), Ipv4Addr::new(255, 255, 255, 252));
        assert_eq!(eth0.broadcast(), Ipv4Addr::new(169, 254, 0, 23));
        assert_eq!(INTERFACES[0].mask(), Ipv4Addr::new(255, 0, 0, 0));
        assert_eq!(INTERFACES[0].broadcast(), Ipv4Addr::UNSPECIFIED);
        assert!(eth0.answer(0x8914).is_none(), "SIOCSIFFLAGS");
    }
}
