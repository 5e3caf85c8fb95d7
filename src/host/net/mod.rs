//! The socket calls on internet sockets, over [`crate::vnet`]. Unix domain sockets, which share the numbers, are `unix.rs`'s.
//!
//! Refused: raw and packet sockets (EPERM), netlink and other families (EAFNOSUPPORT). A port below 1024 is root's, as on
//! Linux. Reading and writing a socket's descriptor is in host/fd.rs, readiness in host/poll.rs.

mod address;
pub(super) mod interface;
pub(super) mod message;
mod option;
mod packet;

use super::{Call, Wake, nr};
use crate::errno::{Errno, RESTART};
use crate::process::OpenFile;
use crate::process::file::{Object, flag};
use crate::vnet::{Family, Kind, Owner, Shut, Socket};
use crate::wait::Waiter;
use address::{Address, AddressLength};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Address families (include/linux/socket.h).
const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;
const AF_PACKET: u32 = 17;
/// Socket types.
const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const SOCK_RAW: u32 = 3;
const SOCK_RDM: u32 = 4;
const SOCK_SEQPACKET: u32 = 5;
/// Protocols.
const IPPROTO_TCP: u32 = 6;
const IPPROTO_UDP: u32 = 17;
const IPPROTO_ICMP: u32 = 1;
const IPPROTO_ICMPV6: u32 = 58;
/// Ports below are bound by root only (`net.ipv4.ip_unprivileged_port_start`).
pub(super) const UNPRIVILEGED_PORTS: u16 = 1024;

/// Answers `number` if it is a socket call; ENOTSOCK for a descriptor of another kind.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::SOCKET => socket(call),
        nr::SOCKETPAIR => socketpair(call),
        nr::BIND => bind(call),
        nr::LISTEN => listen(call),
        nr::ACCEPT => accept(call, 0).await,
        nr::ACCEPT4 => accept(call, call.args[3]).await,
        nr::CONNECT => connect(call).await,
        nr::GETSOCKNAME => getsockname(call),
        nr::GETPEERNAME => getpeername(call),
        nr::SENDTO => message::sendto(call).await,
        nr::SENDMSG => message::sendmsg(call).await,
        nr::SENDMMSG => message::sendmmsg(call).await,
        nr::RECVFROM => message::recvfrom(call).await,
        nr::RECVMSG => message::recvmsg(call).await,
        nr::RECVMMSG_TIME64 => message::recvmmsg(call).await,
        nr::SETSOCKOPT => option::setsockopt(call),
        nr::GETSOCKOPT => option::getsockopt(call),
        nr::SHUTDOWN => shutdown(call),
        _ => return None,
    })
}

/// An open socket: its description, for O_NONBLOCK, and itself.
struct Open {
    file: Arc<OpenFile>,
    socket: Arc<Socket>,
}

impl Open {
    /// The socket that the call's first argument names.
    fn of(call: &Call<'_>) -> Result<Self, Errno> {
        let file = call.file(0)?;
        let socket = match file.object() {
            Object::Socket(socket) => socket.clone(),
            // A call that unix.rs does not know for its sockets.
            Object::Unix(_) => return Err(Errno::OPNOTSUPP),
            _ => return Err(Errno::NOTSOCK),
        };
        Ok(Self { file, socket })
    }
}

/// How long a call may wait.
#[derive(Clone, Copy)]
struct Patience {
    waits: bool,
    deadline: Option<Instant>,
}

impl Patience {
    fn new(file: &OpenFile, dont_wait: bool, timeout: Option<Duration>) -> Self {
        let waits = !dont_wait && !file.nonblocking();
        Self { waits, deadline: timeout.map(|timeout| Instant::now() + timeout) }
    }

    /// Waits for the next change.
    ///
    /// # Errors
    ///
    /// EAGAIN when it may not wait any longer; when a signal came, RESTART, or EINTR with a timeout, as Linux does.
    async fn wait(self, call: &mut Call<'_>, waiter: Waiter) -> Result<(), Errno> {
        if !self.waits {
            return Err(Errno::AGAIN);
        }
        match call.wait(waiter, self.deadline).await {
            Wake::Done(()) => Ok(()),
            Wake::Interrupted if self.deadline.is_some() => Err(Errno::INTR),
            Wake::Interrupted => Err(RESTART),
            Wake::TimedOut => Err(Errno::AGAIN),
        }
    }
}

/// Checks socket(2)'s arguments.
fn kind_of(family: u32, kind: u32, protocol: u32) -> Result<(Family, Kind), Errno> {
    let family = match family {
        AF_INET => Family::Inet,
        AF_INET6 => Family::Inet6,
        AF_PACKET => return Err(Errno::PERM),
        _ => return Err(Errno::AFNOSUPPORT),
    };
    match (kind, protocol) {
        (SOCK_STREAM, 0 | IPPROTO_TCP) => Ok((family, Kind::Stream)),
        (SOCK_DGRAM, 0 | IPPROTO_UDP) => Ok((family, Kind::Datagram)),
        (SOCK_DGRAM, IPPROTO_ICMP | IPPROTO_ICMPV6) => Err(Errno::ACCESS), // net.ipv4.ping_group_range is empty
        (SOCK_RAW, _) => Err(Errno::PERM),
        (SOCK_STREAM | SOCK_DGRAM, _) => Err(Errno::PROTONOSUPPORT),
        (SOCK_RDM | SOCK_SEQPACKET, _) => Err(Errno::SOCKTNOSUPPORT),
        _ => Err(Errno::INVAL),
    }
}

/// The flags of a type argument, and the type without them.
fn split_flags(kind: u32) -> (u32, u32) {
    let flags = kind & (flag::NONBLOCK | flag::CLOEXEC);
    (flags, kind & !flags)
}

fn install(call: &Call<'_>, socket: Arc<Socket>, flags: u32) -> Result<u32, Errno> {
    let status = flag::READ_WRITE | flags & flag::NONBLOCK;
    let file = OpenFile::new(Object::Socket(socket), status);
    call.install(file, flags & flag::CLOEXEC != 0)
}

/// `socket(family, type, protocol)`
fn socket(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [family, kind, protocol, ..] = call.args;
    let (flags, kind) = split_flags(kind);
    let (family, kind) = kind_of(family, kind, protocol)?;
    let owner = Owner { pid: call.process().pid, uid: call.process().cred().user.effective };
    let socket = call.kernel().net.socket(family, kind, owner)?;
    install(call, socket, flags)
}

/// `socketpair(family, type, protocol, fds)`: unix sockets only.
fn socketpair(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [family, kind, protocol, ..] = call.args;
    kind_of(family, split_flags(kind).1, protocol)?;
    Err(Errno::OPNOTSUPP)
}

/// `bind(fd, address, length)`
fn bind(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, pointer, len, ..] = call.args;
    let open = Open::of(call)?;
    let address = match Address::read(call, pointer, len)? {
        Address::Internet(address) => address,
        // Linux takes AF_UNSPEC for AF_INET where the address is the wildcard.
        Address::Unspecified(Some(address))
            if open.socket.family() == Family::Inet && address.ip().is_unspecified() =>
        {
            address
        }
        Address::Unspecified(_) => return Err(Errno::AFNOSUPPORT),
    };
    let privileged = (1..UNPRIVILEGED_PORTS).contains(&address.port());
    if privileged && !call.process().cred().is_root() {
        return Err(Errno::ACCESS);
    }
    open.socket.bind(address)?;
    Ok(0)
}

/// `listen(fd, backlog)`
fn listen(call: &mut Call<'_>) -> Result<u32, Errno> {
    Open::of(call)?.socket.listen(call.args[1].cast_signed())?;
    Ok(0)
}

/// `accept4(fd, address, length, flags)`
async fn accept(call: &mut Call<'_>, flags: u32) -> Result<u32, Errno> {
    let [_, pointer, len_pointer, ..] = call.args;
    if split_flags(flags).1 != 0 {
        return Err(Errno::INVAL);
    }
    let open = Open::of(call)?;
    let room = AddressLength::read(call, pointer, len_pointer)?;
    let patience = Patience::new(&open.file, false, open.socket.recv_timeout());
    let (accepted, peer) = loop {
        let waiter = open.socket.subscribe();
        match open.socket.accept() {
            Err(Errno::AGAIN) => patience.wait(call, waiter).await?,
            done => break done?,
        }
    };
    let fd = install(call, accepted, flags)?;
    if let Err(errno) = room.write(call, peer) {
        call.close_again(fd);
        return Err(errno);
    }
    Ok(fd)
}

/// `connect(fd, address, length)`
async fn connect(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, pointer, len, ..] = call.args;
    let open = Open::of(call)?;
    let address = match Address::read(call, pointer, len)? {
        Address::Internet(address) => address,
        Address::Unspecified(_) => {
            open.socket.disconnect();
            return Ok(0);
        }
    };
    let patience = Patience::new(&open.file, false, open.socket.send_timeout());
    match open.socket.connect(address) {
        // EALREADY too: a connect that a signal interrupted is made again, and then waits on.
        Err(Errno::INPROGRESS | Errno::ALREADY) if patience.waits => {}
        done => return done.map(|()| 0),
    }
    loop {
        let waiter = open.socket.subscribe();
        match open.socket.finish_connect() {
            Err(Errno::AGAIN) => match patience.wait(call, waiter).await {
                Err(Errno::AGAIN) => return Err(Errno::INPROGRESS),
                done => done?,
            },
            done => return done.map(|()| 0),
        }
    }
}

/// `getsockname(fd, address, length)`
fn getsockname(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, pointer, len_pointer, ..] = call.args;
    let open = Open::of(call)?;
    let address = open.socket.local_address();
    AddressLength::required(call, pointer, len_pointer)?.write(call, address)?;
    Ok(0)
}

/// `getpeername(fd, address, length)`
fn getpeername(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, pointer, len_pointer, ..] = call.args;
    let open = Open::of(call)?;
    let address = open.socket.peer_address()?;
    AddressLength::required(call, pointer, len_pointer)?.write(call, address)?;
    Ok(0)
}

/// `shutdown(fd, how)`
fn shutdown(call: &mut Call<'_>) -> Result<u32, Errno> {
    let open = Open::of(call)?;
    let how = match call.args[1] {
        0 => Shut { read: true, write: false },
        1 => Shut { read: false, write: true },
        2 => Shut { read: true, write: true },
        _ => return Err(Errno::INVAL),
    };
    open.socket.shutdown(how)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_socket() {
        assert_eq!(kind_of(AF_INET, SOCK_STREAM, 0), Ok((Family::Inet, Kind::Stream)));
        assert_eq!(kind_of(AF_INET6, SOCK_DGRAM, 17), Ok((Family::Inet6, Kind::Datagram)));
        assert_eq!(kind_of(AF_INET, SOCK_RAW, 1), Err(Errno::PERM));
        assert_eq!(kind_of(AF_PACKET, SOCK_RAW, 0), Err(Errno::PERM));
        assert_eq!(kind_of(16, SOCK_RAW, 0), Err(Errno::AFNOSUPPORT));
        assert_eq!(kind_of(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), Err(Errno::ACCESS));
        assert_eq!(kind_of(AF_INET, SOCK_STREAM, 17), Err(Errno::PROTONOSUPPORT));
        assert_eq!(kind_of(AF_INET, 9, 0), Err(Errno::INVAL));
    }
}
