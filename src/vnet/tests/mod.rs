//! Tests of the virtual network: against a model, and against the host's own loopback.

mod binding;
mod differential;
mod loopback;
mod names;
mod outside;

use super::{Egress, Family, Gate, Kind, Net, Owner, Resolver, Socket};
use crate::config::Limits;
use crate::errno::Errno;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for anything that must happen; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(300);

/// A network without egress; call it inside a runtime.
fn closed_net() -> Arc<Net> {
    Net::new(Egress::deny_all(), Resolver::new(), Gate::default(), &Limits::default(), "")
}

fn stream(net: &Arc<Net>) -> Arc<Socket> {
    net.socket(Family::Inet, Kind::Stream, Owner::default()).expect("under the limit")
}

fn datagram(net: &Arc<Net>) -> Arc<Socket> {
    net.socket(Family::Inet, Kind::Datagram, Owner::default()).expect("under the limit")
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address with its port")
}

/// A listener at `address` with its actual address.
fn listener(net: &Arc<Net>, address: &str) -> (Arc<Socket>, SocketAddr) {
    let address = at(address);
    let family = if address.is_ipv4() { Family::Inet } else { Family::Inet6 };
    let socket = net.socket(family, Kind::Stream, Owner::default()).expect("under the limit");
    socket.bind(address).expect("the address is free");
    socket.listen(16).expect("it is bound");
    let address = socket.local_address();
    (socket, address)
}

/// A connected pair over loopback: the client, then the accepted socket.
fn pair(net: &Arc<Net>) -> (Arc<Socket>, Arc<Socket>) {
    let (listener, address) = listener(net, "127.0.0.1:0");
    let client = stream(net);
    assert_eq!(client.connect(address), Err(Errno::INPROGRESS));
    assert_eq!(client.finish_connect(), Ok(()));
    let (server, peer) = listener.accept().expect("a client waits");
    assert_eq!(peer, client.local_address());
    (client, server)
}

/// Repeats `attempt` after each wake-up of `socket` until it gives something other than EAGAIN.
async fn until<T>(
    socket: &Socket,
    mut attempt: impl FnMut(&Socket) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let work = async {
        loop {
            let waiter = socket.subscribe();
            match attempt(socket) {
                Err(Errno::AGAIN) => waiter.await,
                done => return done,
            }
        }
    };
    tokio::time::timeout(PATIENCE, work).await.expect("it happens in time")
}
