//! wasi:sockets/udp.

use super::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network, SO_RCVBUF, SO_SNDBUF, SocketResult,
    buffer_size, family, family_of, given, hop_limit, peer, set_buffer_size, set_hop_limit, told,
};
use crate::errno::Errno;
use crate::host::component::bindings::wasi::sockets::udp::{
    self, IncomingDatagram, OutgoingDatagram,
};
use crate::host::component::bindings::wasi::sockets::udp_create_socket;
use crate::host::component::io::Pollable;
use crate::host::component::{Held, Wasi};
use crate::process::OpenFile;
use crate::vnet::{Kind, Socket};
use crate::wait::Ready;
use std::net::SocketAddr;
use std::sync::Arc;
use wasmtime::component::Resource;

/// Datagrams of one call.
const DATAGRAMS_MAX: u64 = 16;
/// Bytes of a datagram.
const DATAGRAM_BYTES_MAX: usize = u16::MAX as usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unbound,
    BindStarted,
    Bound,
}

/// A UDP socket.
pub struct Udp {
    held: Held,
    socket: Arc<Socket>,
    state: State,
    remote: Option<SocketAddr>,
}

/// What arrives at a socket.
pub struct Incoming {
    file: Arc<OpenFile>,
    socket: Arc<Socket>,
}

/// What leaves it.
pub struct Outgoing {
    file: Arc<OpenFile>,
    socket: Arc<Socket>,
    remote: Option<SocketAddr>,
    permit: u64,
}

impl Wasi {
    fn udp(&self, this: &Resource<Udp>) -> SocketResult<Arc<Socket>> {
        Ok(self.table.get(this)?.socket.clone())
    }
}

impl udp_create_socket::Host for Wasi {
    async fn create_udp_socket(&mut self, wanted: IpAddressFamily) -> SocketResult<Resource<Udp>> {
        let (held, socket) = self.new_socket(family(wanted), Kind::Datagram)?;
        Ok(self.push(Udp { held, socket, state: State::Unbound, remote: None })?)
    }
}

impl udp::Host for Wasi {}

impl udp::HostUdpSocket for Wasi {
    async fn start_bind(
        &mut self,
        this: Resource<Udp>,
        _network: Resource<Network>,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        let udp = self.table.get(&this)?;
        if udp.state != State::Unbound {
            return Err(ErrorCode::InvalidState.into());
        }
        self.bind(&udp.socket, given(address))?;
        self.table.get_mut(&this)?.state = State::BindStarted;
        Ok(())
    }

    async fn finish_bind(&mut self, this: Resource<Udp>) -> SocketResult<()> {
        let udp = self.table.get_mut(&this)?;
        if udp.state != State::BindStarted {
            return Err(ErrorCode::NotInProgress.into());
        }
        udp.state = State::Bound;
        Ok(())
    }

    async fn stream(
        &mut self,
        this: Resource<Udp>,
        remote: Option<IpSocketAddress>,
    ) -> SocketResult<(Resource<Incoming>, Resource<Outgoing>)> {
        let udp = self.table.get_mut(&this)?;
        if udp.state != State::Bound {
            return Err(ErrorCode::InvalidState.into());
        }
        let socket = udp.socket.clone();
        let remote = remote.map(|remote| peer(&socket, given(remote))).transpose()?;
        match remote {
            Some(remote) => socket.connect(remote)?,
            None if udp.remote.is_some() => socket.disconnect(),
            None => {}
        }
        udp.remote = remote;
        let file = udp.held.file.clone();
        let incoming = self.push(Incoming { file: file.clone(), socket: socket.clone() })?;
        let outgoing = self.push(Outgoing { file, socket, remote, permit: 0 })?;
        Ok((incoming, outgoing))
    }

    async fn local_address(&mut self, this: Resource<Udp>) -> SocketResult<IpSocketAddress> {
        let udp = self.table.get(&this)?;
        match udp.state {
            State::Bound => Ok(told(udp.socket.local_address())),
            State::Unbound | State::BindStarted => Err(ErrorCode::InvalidState.into()),
        }
    }

    async fn remote_address(&mut self, this: Resource<Udp>) -> SocketResult<IpSocketAddress> {
        let remote = self.table.get(&this)?.remote;
        Ok(told(remote.ok_or(ErrorCode::InvalidState)?))
    }

    async fn address_family(&mut self, this: Resource<Udp>) -> wasmtime::Result<IpAddressFamily> {
        Ok(family_of(&self.table.get(&this)?.socket))
    }

    async fn unicast_hop_limit(&mut self, this: Resource<Udp>) -> SocketResult<u8> {
        hop_limit(&*self.udp(&this)?)
    }

    async fn set_unicast_hop_limit(&mut self, this: Resource<Udp>, value: u8) -> SocketResult<()> {
        set_hop_limit(&*self.udp(&this)?, value)
    }

    async fn receive_buffer_size(&mut self, this: Resource<Udp>) -> SocketResult<u64> {
        buffer_size(&*self.udp(&this)?, SO_RCVBUF)
    }

    async fn set_receive_buffer_size(
        &mut self,
        this: Resource<Udp>,
        value: u64,
    ) -> SocketResult<()> {
        set_buffer_size(&*self.udp(&this)?, SO_RCVBUF, value)
    }

    async fn send_buffer_size(&mut self, this: Resource<Udp>) -> SocketResult<u64> {
        buffer_size(&*self.udp(&this)?, SO_SNDBUF)
    }

    async fn set_send_buffer_size(&mut self, this: Resource<Udp>, value: u64) -> SocketResult<()> {
        set_buffer_size(&*self.udp(&this)?, SO_SNDBUF, value)
    }

    /// Nothing that a socket does takes time; its streams are waited for.
    async fn subscribe(&mut self, this: Resource<Udp>) -> wasmtime::Result<Resource<Pollable>> {
        self.table.get(&this)?;
        self.push(Pollable::Always)
    }

    async fn drop(&mut self, this: Resource<Udp>) -> wasmtime::Result<()> {
        let udp = self.table.delete(this)?;
        drop(udp);
        Ok(())
    }
}

impl udp::HostIncomingDatagramStream for Wasi {
    async fn receive(
        &mut self,
        this: Resource<Incoming>,
        max: u64,
    ) -> SocketResult<Vec<IncomingDatagram>> {
        let socket = self.table.get(&this)?.socket.clone();
        let mut datagrams = Vec::new();
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        while (datagrams.len() as u64) < max.min(DATAGRAMS_MAX) {
            match socket.recv(&mut buffer, false) {
                Ok(received) => {
                    let Some(from) = received.from else { break };
                    let data = buffer[..received.bytes].to_vec();
                    datagrams.push(IncomingDatagram { data, remote_address: told(from) });
                }
                Err(Errno::AGAIN) => break,
                Err(_later) if !datagrams.is_empty() => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        tokio::task::yield_now().await;
        Ok(datagrams)
    }

    async fn subscribe(
        &mut self,
        this: Resource<Incoming>,
    ) -> wasmtime::Result<Resource<Pollable>> {
        let file = self.table.get(&this)?.file.clone();
        self.push(Pollable::Input(file))
    }

    async fn drop(&mut self, this: Resource<Incoming>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl udp::HostOutgoingDatagramStream for Wasi {
    async fn check_send(&mut self, this: Resource<Outgoing>) -> SocketResult<u64> {
        let outgoing = self.table.get_mut(&this)?;
        let ready = outgoing.file.ready().intersects(Ready::OUT | Ready::ERR);
        outgoing.permit = if ready { DATAGRAMS_MAX } else { 0 };
        Ok(outgoing.permit)
    }

    async fn send(
        &mut self,
        this: Resource<Outgoing>,
        datagrams: Vec<OutgoingDatagram>,
    ) -> SocketResult<u64> {
        let outgoing = self.table.get_mut(&this)?;
        if datagrams.len() as u64 > outgoing.permit {
            return Err(wasmtime::Error::msg("send: more than is permitted").into());
        }
        outgoing.permit -= datagrams.len() as u64;
        let (socket, connected) = (outgoing.socket.clone(), outgoing.remote);
        let mut sent = 0;
        for datagram in datagrams {
            let done = send(&socket, connected, datagram);
            match done {
                Ok(()) => sent += 1,
                Err(_later) if sent > 0 => break,
                Err(super::SocketFault::Failed(ErrorCode::WouldBlock)) => break,
                Err(fault) => return Err(fault),
            }
        }
        tokio::task::yield_now().await;
        Ok(sent)
    }

    async fn subscribe(
        &mut self,
        this: Resource<Outgoing>,
    ) -> wasmtime::Result<Resource<Pollable>> {
        let file = self.table.get(&this)?.file.clone();
        self.push(Pollable::Output(file))
    }

    async fn drop(&mut self, this: Resource<Outgoing>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

/// Sends one datagram: to the peer that the socket has, or where it says.
fn send(
    socket: &Socket,
    connected: Option<SocketAddr>,
    datagram: OutgoingDatagram,
) -> SocketResult<()> {
    let to = datagram.remote_address.map(|to| peer(socket, given(to))).transpose()?;
    let to = match (connected, to) {
        (Some(_), None) => None,
        (Some(connected), Some(to)) if connected == to => None,
        (None, Some(to)) => Some(to),
        _ => return Err(ErrorCode::InvalidArgument.into()),
    };
    socket.send(&datagram.data, to)?;
    Ok(())
}
