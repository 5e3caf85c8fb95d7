//! What is UDP's own about a socket: connect, send to inside, to the name server, to outside; shutdown.

use super::connection::Shut;
use super::egress::Outlet;
use super::ports::At;
use super::socket::{Datagrams, Role, Socket, State, unspecified};
use super::udp::DATAGRAM_BYTES_MAX;
use super::{NAME_SERVER, Route, resolver, route, source_for};
use crate::errno::Errno;
use std::net::SocketAddr;
use std::sync::Arc;

impl Socket {
    pub(super) fn connect_datagram(&self, to: SocketAddr) -> Result<(), Errno> {
        let mut state = self.state.lock();
        let route = route(to);
        let peer = match route {
            Route::NameServer => NAME_SERVER,
            Route::Inside(to) => to,
            Route::Outside(to) => {
                self.net.egress.check(to)?;
                to
            }
        };
        let outside = matches!(route, Route::Outside(_));
        let bound = if state.explicit { state.local.ip() } else { unspecified(self.family) };
        if !bound.is_unspecified() && bound.is_ipv4() != peer.is_ipv4() {
            return Err(Errno::NETUNREACH);
        }
        if outside && bound.is_loopback() {
            return Err(Errno::INVAL);
        }
        let outlet = match outside {
            true => Some(self.outlet(&state, peer, true)?),
            false => None,
        };
        let ip = if bound.is_unspecified() { source_for(peer.ip()) } else { bound };
        if state.binding.is_none() {
            self.take_port(&mut state, ip, 0)?;
        }
        if let Some(binding) = state.binding {
            state.local.set_ip(ip);
            self.net.ports.set_peer(binding, At::new(ip, true), Some(peer));
        }
        if let Role::Datagram(datagrams) = &mut state.role {
            datagrams.peer = Some(peer);
            datagrams.outlets = [None, None];
            datagrams.outlets[usize::from(peer.is_ipv6())] = outlet;
        }
        Ok(())
    }

    /// A real socket to the outside; `connected` to `to` only, or to whom it sends.
    fn outlet(&self, state: &State, to: SocketAddr, connected: bool) -> Result<Outlet, Errno> {
        let Role::Datagram(datagrams) = &state.role else { return Err(Errno::OPNOTSUPP) };
        let net = &self.net;
        Outlet::open(&net.runtime, &net.down, to, connected, datagrams.inbox.clone())
    }

    pub(super) fn disconnect_datagram(&self) {
        let mut state = self.state.lock();
        if let Role::Datagram(datagrams) = &mut state.role {
            datagrams.peer = None;
            datagrams.outlets = [None, None];
        }
        let Some(binding) = state.binding else { return };
        if state.explicit {
            // Its own address stays what connect made it, as on Linux for a bound socket.
            let at = At::new(state.local.ip(), self.is_v6only());
            self.net.ports.set_peer(binding, at, None);
        } else {
            self.net.ports.remove(binding);
            state.binding = None;
            state.local = SocketAddr::new(unspecified(self.family), 0);
        }
    }

    pub(super) fn send_datagram(&self, buf: &[u8], to: Option<SocketAddr>) -> Result<usize, Errno> {
        let mut state = self.state.lock();
        let Role::Datagram(datagrams) = &state.role else { return Err(Errno::OPNOTSUPP) };
        if buf.len() > DATAGRAM_BYTES_MAX {
            return Err(Errno::MSGSIZE);
        }
        if let Some(errno) = datagrams.inbox.take_error() {
            return Err(errno);
        }
        if datagrams.write_shut {
            return Err(Errno::PIPE);
        }
        let peer = datagrams.peer;
        let to = match to {
            Some(to) => self.destination(to)?,
            None => peer.ok_or(Errno::DESTADDRREQ)?,
        };
        if to.port() == 0 {
            return Err(Errno::INVAL);
        }
        if state.binding.is_none() {
            self.take_port(&mut state, unspecified(self.family), 0)?;
        }
        let bound = state.local.ip();
        let ip = if bound.is_unspecified() { source_for(to.ip()) } else { bound };
        let from = SocketAddr::new(ip, state.local.port());
        if from.is_ipv4() != to.is_ipv4() {
            return Err(Errno::NETUNREACH);
        }
        match route(to) {
            Route::NameServer => {
                let Role::Datagram(Datagrams { inbox, .. }) = &state.role else {
                    return Err(Errno::OPNOTSUPP);
                };
                let inbox: Arc<_> = inbox.clone();
                drop(state);
                resolver::serve_datagram(&self.net, buf, inbox);
            }
            Route::Inside(to) => {
                let own = match &state.role {
                    Role::Datagram(datagrams) => datagrams.inbox.clone(),
                    _ => return Err(Errno::OPNOTSUPP),
                };
                drop(state);
                match self.net.ports.inbox(from, to) {
                    Some(inbox) => inbox.deliver(from, buf),
                    // The port-unreachable message comes back only to a connected socket.
                    None if peer == Some(to) => own.fail(Errno::CONNREFUSED),
                    None => {}
                }
            }
            Route::Outside(to) => self.send_outside(&mut state, buf, to)?,
        }
        Ok(buf.len())
    }

    /// Sends one datagram out, after asking the egress policy about it, each time.
    fn send_outside(&self, state: &mut State, buf: &[u8], to: SocketAddr) -> Result<(), Errno> {
        self.net.egress.check_datagram(to)?;
        if state.local.ip().is_loopback() {
            return Err(Errno::INVAL);
        }
        let index = usize::from(to.is_ipv6());
        let usable = match &state.role {
            Role::Datagram(datagrams) => {
                datagrams.outlets[index].as_ref().is_some_and(|outlet| outlet.reaches(to))
            }
            _ => return Err(Errno::OPNOTSUPP),
        };
        let fresh = if usable { None } else { Some(self.outlet(state, to, false)?) };
        let Role::Datagram(datagrams) = &mut state.role else { return Err(Errno::OPNOTSUPP) };
        if let Some(fresh) = fresh {
            datagrams.outlets[index] = Some(fresh);
        }
        match &datagrams.outlets[index] {
            Some(outlet) => outlet.send(buf, to),
            None => Err(Errno::NETUNREACH),
        }
    }

    pub(super) fn shutdown_datagram(&self, how: Shut) -> Result<(), Errno> {
        let mut state = self.state.lock();
        let Role::Datagram(datagrams) = &mut state.role else { return Err(Errno::NOTCONN) };
        if datagrams.peer.is_none() {
            return Err(Errno::NOTCONN);
        }
        datagrams.write_shut |= how.write;
        if how.read {
            datagrams.inbox.shut_read();
        }
        Ok(())
    }
}
