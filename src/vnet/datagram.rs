//! What is UDP's own about a socket: connect, send to inside, to the name server, to outside; shutdown.

use super::connection::Shut;
use super::egress::{Fresh, Outlet, Permit};
use super::packet::{Arrival, Wish};
use super::ports::At;
use super::socket::{Role, Socket, State, unspecified};
use super::udp::DATAGRAM_BYTES_MAX;
use super::{NAME_SERVER, Route, resolver, route, source_for};
use crate::errno::Errno;
use std::net::SocketAddr;

impl Socket {
    pub(super) fn connect_datagram(&self, to: SocketAddr) -> Result<(), Errno> {
        let mut state = self.state.lock();
        let route = route(to);
        let peer = match route {
            Route::NameServer => NAME_SERVER,
            Route::Inside(to) => to,
            Route::Outside(to) => {
                self.net.admit_datagrams(to, self.owner, Fresh::Now)?;
                to
            }
        };
        let outside = matches!(route, Route::Outside(_));
        let bound = if state.chose_ip { state.local.ip() } else { unspecified(self.family) };
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
        let permit = Permit::take(&net.real_sockets)?;
        let inbox = datagrams.inbox.clone();
        Outlet::open(net, self.owner, to, connected, inbox, permit)
    }

    pub(super) fn disconnect_datagram(&self) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if let Role::Datagram(datagrams) = &mut state.role {
            datagrams.peer = None;
            datagrams.outlets = [None, None];
        }
        self.release_port(state);
        if let Some(binding) = state.binding {
            let at = At::new(state.local.ip(), self.is_v6only());
            self.net.ports.set_peer(binding, at, None);
        }
    }

    pub(super) fn send_datagram(
        &self,
        buf: &[u8],
        to: Option<SocketAddr>,
        wish: &Wish,
    ) -> Result<usize, Errno> {
        let mut state = self.state.lock();
        if state.binding.is_none() {
            self.take_port(&mut state, unspecified(self.family), 0)?;
        }
        let Role::Datagram(datagrams) = &state.role else { return Err(Errno::OPNOTSUPP) };
        if buf.len() > DATAGRAM_BYTES_MAX {
            return Err(Errno::MSGSIZE);
        }
        let (peer, own) = (datagrams.peer, datagrams.inbox.clone());
        let to = match to {
            Some(to) => self.destination(to)?,
            None => peer.ok_or(Errno::DESTADDRREQ)?,
        };
        if to.port() == 0 {
            return Err(Errno::INVAL);
        }
        let bound = state.local.ip();
        let ip = if bound.is_unspecified() { source_for(to.ip()) } else { bound };
        let from = SocketAddr::new(wish.source(ip)?, state.local.port());
        if from.is_ipv4() != to.is_ipv4() {
            return Err(Errno::NETUNREACH);
        }
        let route = route(to);
        wish.may_take(route)?;
        if let Route::Outside(to) = route {
            self.net.admit_datagrams(to, self.owner, Fresh::Recent)?;
        }
        if let Some(errno) = own.take_error() {
            return Err(errno);
        }
        if own.write_ended() {
            return Err(Errno::PIPE);
        }
        let size = self.segment(buf.len(), route, wish)?;
        let (first, others) = buf.split_at(size.min(buf.len()));
        let pieces = std::iter::once(first).chain(others.chunks(size));
        match route {
            Route::NameServer => {
                drop(state);
                for piece in pieces {
                    let client = (own.clone(), from.ip());
                    resolver::serve_datagram(&self.net, piece, client, self.owner);
                }
            }
            Route::Inside(to) => {
                drop(state);
                match self.net.ports.inbox(from, to) {
                    Some(inbox) => {
                        let arrival = Arrival::inside(to.ip(), self.class(to.ip(), wish));
                        pieces.for_each(|piece| inbox.deliver(from, arrival, piece));
                    }
                    // The port-unreachable message comes back only to a connected socket.
                    None if peer == Some(to) => own.fail(Errno::CONNREFUSED),
                    None => {}
                }
            }
            Route::Outside(_) if from.ip().is_loopback() => return Err(Errno::INVAL),
            Route::Outside(to) => {
                for piece in pieces {
                    self.send_outside(&mut state, piece, to)?;
                }
            }
        }
        Ok(buf.len())
    }

    /// Sends one datagram out; the egress policy has just been asked about it.
    fn send_outside(&self, state: &mut State, buf: &[u8], to: SocketAddr) -> Result<(), Errno> {
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
        let state = self.state.lock();
        let Role::Datagram(datagrams) = &state.role else { return Err(Errno::NOTCONN) };
        datagrams.inbox.shut(how);
        // Linux says so after doing it.
        datagrams.peer.map(|_| ()).ok_or(Errno::NOTCONN)
    }
}
