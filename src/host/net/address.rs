//! `struct sockaddr_in` and `struct sockaddr_in6` as musl for riscv32 lays them out, to and from socket addresses.

use crate::errno::Errno;
use crate::host::Call;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Sizes of `struct sockaddr_in`, of `struct sockaddr_in6`, of the latter as RFC 2133 had it (`SIN6_LEN_RFC2133`), and of
/// `struct sockaddr_storage`, past which no length is taken.
const INET_BYTES: usize = 16;
const INET6_BYTES: usize = 28;
const INET6_BYTES_MIN: usize = 24;
const STORAGE_BYTES: u32 = 128;

const AF_UNSPEC: u16 = 0;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// An address from the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// AF_INET or AF_INET6.
    Internet(SocketAddr),
    /// AF_UNSPEC, with what AF_INET would make of it, if there are bytes enough.
    Unspecified(Option<SocketAddr>),
}

impl Address {
    /// The address of `len` bytes at `pointer`.
    ///
    /// # Errors
    ///
    /// EINVAL for a wrong length, EFAULT, EAFNOSUPPORT.
    pub(super) fn read(call: &mut Call<'_>, pointer: u32, len: u32) -> Result<Self, Errno> {
        if len > STORAGE_BYTES {
            return Err(Errno::INVAL);
        }
        Self::decode(call.bytes(pointer, len as usize)?)
    }

    fn decode(bytes: &[u8]) -> Result<Self, Errno> {
        let (family, rest) = bytes.split_first_chunk::<2>().ok_or(Errno::INVAL)?;
        match u16::from_le_bytes(*family) {
            AF_UNSPEC => Ok(Self::Unspecified(inet(rest))),
            AF_INET => inet(rest).map(Self::Internet).ok_or(Errno::INVAL),
            AF_INET6 => inet6(rest).map(Self::Internet).ok_or(Errno::INVAL),
            _ => Err(Errno::AFNOSUPPORT),
        }
    }
}

/// The rest of a `struct sockaddr_in` after its family.
fn inet(rest: &[u8]) -> Option<SocketAddr> {
    if rest.len() + 2 < INET_BYTES {
        return None;
    }
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let ip = Ipv4Addr::from(*rest.first_chunk::<4>()?);
    Some(SocketAddrV4::new(ip, u16::from_be_bytes(*port)).into())
}

/// The rest of a `struct sockaddr_in6` after its family.
fn inet6(rest: &[u8]) -> Option<SocketAddr> {
    if rest.len() + 2 < INET6_BYTES_MIN {
        return None;
    }
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let (flow, rest) = rest.split_first_chunk::<4>()?;
    let (ip, rest) = rest.split_first_chunk::<16>()?;
    let scope = rest.first_chunk::<4>().map_or(0, |scope| u32::from_le_bytes(*scope));
    let flow = u32::from_be_bytes(*flow);
    Some(SocketAddrV6::new(Ipv6Addr::from(*ip), u16::from_be_bytes(*port), flow, scope).into())
}

/// The bytes of an address.
pub(super) fn encode(address: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(INET6_BYTES);
    match address {
        SocketAddr::V4(v4) => {
            bytes.extend(AF_INET.to_le_bytes());
            bytes.extend(v4.port().to_be_bytes());
            bytes.extend(v4.ip().octets());
            bytes.resize(INET_BYTES, 0);
        }
        SocketAddr::V6(v6) => {
            bytes.extend(AF_INET6.to_le_bytes());
            bytes.extend(v6.port().to_be_bytes());
            bytes.extend(v6.flowinfo().to_be_bytes());
            bytes.extend(v6.ip().octets());
            bytes.extend(v6.scope_id().to_le_bytes());
        }
    }
    bytes
}

/// Where an address goes and how much of it fits: a pointer, and a pointer to its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressLength {
    pointer: u32,
    len_pointer: u32,
    room: u32,
}

impl AddressLength {
    /// The guest's place for an address; none where `pointer` is NULL.
    ///
    /// # Errors
    ///
    /// EFAULT, EINVAL for a negative length.
    pub(super) fn read(call: &mut Call<'_>, pointer: u32, len_pointer: u32) -> Result<Self, Errno> {
        if pointer == 0 {
            return Ok(Self { pointer, len_pointer, room: 0 });
        }
        Self::required(call, pointer, len_pointer)
    }

    /// The same where NULL is a fault.
    ///
    /// # Errors
    ///
    /// EFAULT, EINVAL for a negative length.
    pub(super) fn required(
        call: &mut Call<'_>,
        pointer: u32,
        len_pointer: u32,
    ) -> Result<Self, Errno> {
        if pointer == 0 || len_pointer == 0 {
            return Err(Errno::FAULT);
        }
        let room: u32 = call.read(len_pointer)?;
        if room.cast_signed() < 0 {
            return Err(Errno::INVAL);
        }
        Ok(Self { pointer, len_pointer, room })
    }

    /// Writes what fits of `address`, and its whole length.
    ///
    /// # Errors
    ///
    /// EFAULT.
    pub(super) fn write(self, call: &mut Call<'_>, address: SocketAddr) -> Result<(), Errno> {
        self.write_bytes(call, &encode(address))
    }

    /// Writes that there is no address (a stream's receive).
    ///
    /// # Errors
    ///
    /// EFAULT.
    pub(super) fn write_none(self, call: &mut Call<'_>) -> Result<(), Errno> {
        self.write_bytes(call, &[])
    }

    fn write_bytes(self, call: &mut Call<'_>, bytes: &[u8]) -> Result<(), Errno> {
        if self.pointer == 0 {
            return Ok(());
        }
        let count = bytes.len().min(self.room as usize);
        call.bytes(self.pointer, count)?.copy_from_slice(&bytes[..count]);
        let len = u32::try_from(bytes.len()).expect("an address is 28 bytes at most");
        call.write(self.len_pointer, &len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes as musl's riscv32 structures have them.
    #[test]
    fn layouts() {
        let v4: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let bytes = [2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(encode(v4), bytes);
        assert_eq!(Address::decode(&bytes), Ok(Address::Internet(v4)));
        assert_eq!(Address::decode(&bytes[..15]), Err(Errno::INVAL));
        let v6 = SocketAddrV6::new("fe80::1".parse().unwrap(), 53, 0x01020304, 7);
        let bytes = [
            10, 0, 0, 53, 1, 2, 3, 4, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0,
            0, 0,
        ];
        assert_eq!(encode(v6.into()), bytes);
        assert_eq!(Address::decode(&bytes), Ok(Address::Internet(v6.into())));
        assert_eq!(Address::decode(&bytes[..23]), Err(Errno::INVAL));
        assert_eq!(Address::decode(&[1, 0, b'/']), Err(Errno::AFNOSUPPORT));
        assert_eq!(Address::decode(&[0, 0]), Ok(Address::Unspecified(None)));
        assert_eq!(Address::decode(&[2]), Err(Errno::INVAL));
    }
}
