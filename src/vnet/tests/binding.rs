//! Two sockets and one port: which pairs may bind and listen is the same here and on the host, for every pair of
//! addresses, IPV6_V6ONLY, SO_REUSEADDR and SO_REUSEPORT.

use super::{at, closed_net};
use crate::errno::Errno;
use crate::vnet::options::{IPV6_V6ONLY, SO_REUSEADDR, SO_REUSEPORT, SOL_IPV6};
use crate::vnet::{Family, Kind, Net, Owner, SOL_SOCKET};
use rustix::fd::OwnedFd;
use rustix::net::{self as host, AddressFamily, SocketFlags, SocketType, sockopt};
use std::net::SocketAddr;
use std::sync::Arc;

const ADDRESSES: [&str; 6] =
    ["127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", "[::]:0", "[::1]:0", "[::ffff:127.0.0.1]:0"];

/// What one socket asks for.
#[derive(Clone, Copy, Debug)]
struct Wish {
    address: SocketAddr,
    v6only: bool,
    reuse_address: bool,
    reuse_port: bool,
}

fn wishes() -> Vec<Wish> {
    let mut wishes = Vec::new();
    for address in ADDRESSES.map(at) {
        for v6only in [false, true] {
            for (reuse_address, reuse_port) in [(false, false), (true, false), (false, true)] {
                if address.is_ipv6() || !v6only {
                    wishes.push(Wish { address, v6only, reuse_address, reuse_port });
                }
            }
        }
    }
    wishes
}

fn ours(net: &Arc<Net>, wish: Wish, kind: Kind) -> Arc<crate::vnet::Socket> {
    let family = if wish.address.is_ipv4() { Family::Inet } else { Family::Inet6 };
    let socket = net.socket(family, kind, Owner::default()).expect("few sockets");
    socket.set_option(SOL_SOCKET, SO_REUSEADDR, wish.reuse_address.into()).expect("it exists");
    socket.set_option(SOL_SOCKET, SO_REUSEPORT, wish.reuse_port.into()).expect("it exists");
    if family == Family::Inet6 {
        socket.set_option(SOL_IPV6, IPV6_V6ONLY, wish.v6only.into()).expect("it exists");
    }
    socket
}

fn theirs(wish: Wish, kind: Kind) -> OwnedFd {
    let v4 = wish.address.is_ipv4();
    let family = if v4 { AddressFamily::INET } else { AddressFamily::INET6 };
    let kind = if kind == Kind::Stream { SocketType::STREAM } else { SocketType::DGRAM };
    let socket = host::socket_with(family, kind, SocketFlags::CLOEXEC, None).expect("a socket");
    sockopt::set_socket_reuseaddr(&socket, wish.reuse_address).expect("it exists");
    sockopt::set_socket_reuseport(&socket, wish.reuse_port).expect("it exists");
    if !v4 {
        sockopt::set_ipv6_v6only(&socket, wish.v6only).expect("it exists");
    }
    socket
}

/// Ports that are tried: on this machine another program may have one at the second's address, on all of them it has not.
const PORTS: usize = 20;

/// Compares what both say, on some port.
fn compare(net: &Arc<Net>, kind: Kind, first: Wish, second: Wish, listens: bool) {
    let mut differences = (0..PORTS).map(|_| difference(net, kind, first, second, listens));
    let Some(said) = differences.next().flatten() else { return };
    assert!(differences.any(|difference| difference.is_none()), "{said}");
}

/// Binds and, for streams, listens with both in turn; what each step said, where it differs.
fn difference(
    net: &Arc<Net>,
    kind: Kind,
    first: Wish,
    second: Wish,
    listens: bool,
) -> Option<String> {
    let (mine, host) = (ours(net, first, kind), theirs(first, kind));
    let bound = host::bind(&host, &first.address);
    if bound.is_err() {
        let same = mine.bind(first.address);
        assert_eq!(same, bound, "{first:?}"); // A mapped address on an IPv6-only socket.
        return None;
    }
    let name = host::getsockname(&host).expect("it is bound");
    let port = SocketAddr::try_from(name).expect("an internet address").port();
    let with_port = |wish: Wish| SocketAddr::new(wish.address.ip(), port);
    assert_eq!(mine.bind(with_port(first)), Ok(()), "{first:?}");
    if listens {
        assert_eq!(mine.listen(1), host::listen(&host, 1), "{first:?}");
    }
    let (mine_too, host_too) = (ours(net, second, kind), theirs(second, kind));
    let bind = (mine_too.bind(with_port(second)), host::bind(&host_too, &with_port(second)));
    let listen = || (mine_too.listen(1), host::listen(&host_too, 1));
    let told = match bind {
        (Ok(()), Ok(())) if kind == Kind::Stream => listen(),
        bind => bind,
    };
    (told.0 != told.1)
        .then(|| format!("ours, host: {told:?}: {first:?} (listening: {listens}), then {second:?}"))
}

#[test]
fn every_pair_as_on_the_host() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    let net = closed_net();
    for first in wishes() {
        for second in wishes() {
            compare(&net, Kind::Stream, first, second, false);
            compare(&net, Kind::Stream, first, second, true);
            compare(&net, Kind::Datagram, first, second, false);
        }
    }
}

#[test]
fn a_second_bind_of_one_socket_is_invalid() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    let socket = super::stream(&closed_net());
    socket.bind(at("127.0.0.1:0")).expect("a free port");
    assert_eq!(socket.bind(at("127.0.0.1:0")), Err(Errno::INVAL));
}
