//! wasi:sockets: TCP, UDP and name lookup, over the sandbox's own network ([`crate::vnet`]) and its egress policy.
//!
//! Sockets are Linux's underneath: an operation that WASI splits in `start` and `finish` is done at its start, or waits in the kernel.

mod lookup;
mod tcp;
mod udp;

pub use lookup::{Answer, Resolving};
pub use tcp::Tcp;
pub use udp::{Incoming, Outgoing, Udp};

use super::bindings::wasi::sockets::instance_network;
use super::bindings::wasi::sockets::network::{
    self, ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
    Ipv6SocketAddress,
};
use super::io::ErrorValue;
use super::{Held, Wasi};
use crate::errno::Errno;
use crate::host::net::UNPRIVILEGED_PORTS;
use crate::process::OpenFile;
use crate::process::file::{Object, flag};
use crate::vnet::{Family, Kind, Owner, Socket};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use wasmtime::component::Resource;

/// Options (include/uapi/asm-generic/socket.h, in.h, in6.h).
const SOL_SOCKET: i32 = 1;
const SOL_IP: i32 = 0;
const SOL_IPV6: i32 = 41;
const SO_REUSEADDR: i32 = 2;
const SO_SNDBUF: i32 = 7;
const SO_RCVBUF: i32 = 8;
const IP_TTL: i32 = 2;
const IPV6_UNICAST_HOPS: i32 = 16;
const IPV6_V6ONLY: i32 = 26;

/// The sandbox's network: there is one.
pub struct Network;

/// Why a call on sockets fails.
pub enum SocketFault {
    Failed(ErrorCode),
    Trap(wasmtime::Error),
}

impl From<Errno> for SocketFault {
    fn from(errno: Errno) -> Self {
        Self::Failed(code(errno))
    }
}

impl From<ErrorCode> for SocketFault {
    fn from(code: ErrorCode) -> Self {
        Self::Failed(code)
    }
}

impl From<wasmtime::Error> for SocketFault {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

impl From<wasmtime::component::ResourceTableError> for SocketFault {
    fn from(error: wasmtime::component::ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

type SocketResult<T> = Result<T, SocketFault>;

/// WASI's name for an error.
fn code(errno: Errno) -> ErrorCode {
    match errno {
        Errno::ACCESS | Errno::PERM => ErrorCode::AccessDenied,
        Errno::NOTSUP | Errno::PROTONOSUPPORT | Errno::NOSYS | Errno::NOPROTOOPT => {
            ErrorCode::NotSupported
        }
        Errno::INVAL | Errno::AFNOSUPPORT | Errno::DESTADDRREQ => ErrorCode::InvalidArgument,
        Errno::NOMEM | Errno::NOBUFS => ErrorCode::OutOfMemory,
        Errno::TIMEDOUT => ErrorCode::Timeout,
        Errno::ALREADY => ErrorCode::ConcurrencyConflict,
        Errno::AGAIN | Errno::INPROGRESS => ErrorCode::WouldBlock,
        Errno::ISCONN | Errno::NOTCONN => ErrorCode::InvalidState,
        Errno::MFILE | Errno::NFILE => ErrorCode::NewSocketLimit,
        Errno::ADDRNOTAVAIL => ErrorCode::AddressNotBindable,
        Errno::ADDRINUSE => ErrorCode::AddressInUse,
        Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::NETDOWN | Errno::HOSTDOWN => {
            ErrorCode::RemoteUnreachable
        }
        Errno::CONNREFUSED => ErrorCode::ConnectionRefused,
        Errno::CONNRESET | Errno::PIPE => ErrorCode::ConnectionReset,
        Errno::CONNABORTED => ErrorCode::ConnectionAborted,
        Errno::MSGSIZE => ErrorCode::DatagramTooLarge,
        _ => ErrorCode::Unknown,
    }
}

fn family(wanted: IpAddressFamily) -> Family {
    match wanted {
        IpAddressFamily::Ipv4 => Family::Inet,
        IpAddressFamily::Ipv6 => Family::Inet6,
    }
}

fn family_of(socket: &Socket) -> IpAddressFamily {
    match socket.family() {
        Family::Inet => IpAddressFamily::Ipv4,
        Family::Inet6 => IpAddressFamily::Ipv6,
    }
}

fn ip_told(ip: IpAddr) -> IpAddress {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            IpAddress::Ipv4((a, b, c, d))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h] = ip.segments();
            IpAddress::Ipv6((a, b, c, d, e, f, g, h))
        }
    }
}

fn told(address: SocketAddr) -> IpSocketAddress {
    match (address, ip_told(address.ip())) {
        (SocketAddr::V6(v6), IpAddress::Ipv6(ip)) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: v6.port(),
            flow_info: v6.flowinfo(),
            address: ip,
            scope_id: v6.scope_id(),
        }),
        (other, IpAddress::Ipv4(ip)) => {
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port: other.port(), address: ip })
        }
        (SocketAddr::V4(v4), IpAddress::Ipv6(_)) => {
            // An address and its own part are of one family.
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port: v4.port(), address: (0, 0, 0, 0) })
        }
    }
}

fn given(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) }) => {
            SocketAddrV4::new([a, b, c, d].into(), port).into()
        }
        IpSocketAddress::Ipv6(v6) => {
            let (a, b, c, d, e, f, g, h) = v6.address;
            let ip = [a, b, c, d, e, f, g, h].into();
            SocketAddrV6::new(ip, v6.port, v6.flow_info, v6.scope_id).into()
        }
    }
}

/// An address that a socket of this family may have: of that family, and no IPv4 in IPv6's clothes.
fn fits(socket: &Socket, address: SocketAddr) -> SocketResult<SocketAddr> {
    let mapped = matches!(address.ip(), IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some());
    if (socket.family() == Family::Inet6) != address.is_ipv6() || mapped {
        return Err(ErrorCode::InvalidArgument.into());
    }
    Ok(address)
}

/// The same of an address to talk to: a host and a port.
fn peer(socket: &Socket, address: SocketAddr) -> SocketResult<SocketAddr> {
    if address.ip().is_unspecified() || address.port() == 0 {
        return Err(ErrorCode::InvalidArgument.into());
    }
    fits(socket, address)
}

/// The size of a buffer, which Linux tells doubled.
fn buffer_size(socket: &Socket, option: i32) -> SocketResult<u64> {
    Ok(u64::try_from(socket.option(SOL_SOCKET, option)? / 2).unwrap_or(0))
}

fn set_buffer_size(socket: &Socket, option: i32, value: u64) -> SocketResult<()> {
    if value == 0 {
        return Err(ErrorCode::InvalidArgument.into());
    }
    let value = i32::try_from(value).unwrap_or(i32::MAX / 2);
    Ok(socket.set_option(SOL_SOCKET, option, value)?)
}

fn hop_option(socket: &Socket) -> (i32, i32) {
    match socket.family() {
        Family::Inet => (SOL_IP, IP_TTL),
        Family::Inet6 => (SOL_IPV6, IPV6_UNICAST_HOPS),
    }
}

fn hop_limit(socket: &Socket) -> SocketResult<u8> {
    let (level, name) = hop_option(socket);
    Ok(u8::try_from(socket.option(level, name)?).unwrap_or(64))
}

fn set_hop_limit(socket: &Socket, value: u8) -> SocketResult<()> {
    if value == 0 {
        return Err(ErrorCode::InvalidArgument.into());
    }
    let (level, name) = hop_option(socket);
    Ok(socket.set_option(level, name, i32::from(value))?)
}

impl Wasi {
    /// A new socket in the table of descriptors.
    fn new_socket(&self, family: Family, kind: Kind) -> SocketResult<(Held, Arc<Socket>)> {
        let owner = Owner { pid: self.process().pid, uid: self.process().cred().user.effective };
        let socket = self.kernel().net.socket(family, kind, owner)?;
        if family == Family::Inet6 {
            socket.set_option(SOL_IPV6, IPV6_V6ONLY, 1)?;
        }
        Ok((self.hold(socket.clone())?, socket))
    }

    fn hold(&self, socket: Arc<Socket>) -> Result<Held, Errno> {
        self.install(OpenFile::new(Object::Socket(socket), flag::READ_WRITE))
    }

    /// bind(2), with Linux's rule of ports below 1024.
    fn bind(&self, socket: &Socket, address: SocketAddr) -> SocketResult<()> {
        let address = fits(socket, address)?;
        let privileged = (1..UNPRIVILEGED_PORTS).contains(&address.port());
        if privileged && !self.process().cred().is_root() {
            return Err(ErrorCode::AccessDenied.into());
        }
        Ok(socket.bind(address)?)
    }
}

impl instance_network::Host for Wasi {
    async fn instance_network(&mut self) -> wasmtime::Result<Resource<Network>> {
        self.push(Network)
    }
}

impl network::Host for Wasi {
    fn convert_error_code(&mut self, fault: SocketFault) -> wasmtime::Result<ErrorCode> {
        match fault {
            SocketFault::Failed(code) => Ok(code),
            SocketFault::Trap(error) => Err(error),
        }
    }

    async fn network_error_code(
        &mut self,
        error: Resource<ErrorValue>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(Some(code(self.table.get(&error)?.0)))
    }
}

impl network::HostNetwork for Wasi {
    async fn drop(&mut self, this: Resource<Network>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_there_and_back() {
        for text in ["1.2.3.4:5", "0.0.0.0:0", "[::1]:80", "[fd00:a9fe::15%7]:65535"] {
            let address: SocketAddr = text.parse().expect("an address");
            assert_eq!(given(told(address)), address);
        }
    }
}
