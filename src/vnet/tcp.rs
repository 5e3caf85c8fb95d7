//! What is TCP's own about a socket: connect in steps, listen, accept, shutdown. Rules as Linux's `inet_stream_connect` has them.

use super::connection::{End, Phase, Shut};
use super::egress::{Flow, NetProtocol, Subject, dial};
use super::listener::{Listener, Waiting};
use super::ports::Kind;
use super::socket::{Role, Socket, State, Told, unspecified};
use super::stream::Stream;
use super::{Route, resolver, route, source_for};
use crate::errno::Errno;
use crate::wait::WaitQueue;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;

impl Socket {
    pub(super) fn connect_stream(&self, to: SocketAddr) -> Result<(), Errno> {
        let mut state = self.state.lock();
        match &state.role {
            Role::Listening(_) => return Err(Errno::ISCONN),
            Role::Joined { told: Told::Connected, .. } => return Err(Errno::ISCONN),
            Role::Joined { told: Told::Never, .. } => return Err(Errno::INVAL),
            Role::Joined { told: Told::NotYet, .. } => {
                drop(state);
                return self.finish_connect().map_err(|errno| match errno {
                    Errno::AGAIN => Errno::ALREADY,
                    other => other,
                });
            }
            Role::Idle(_) => {}
            Role::Datagram(_) => return Err(Errno::OPNOTSUPP),
        }
        let doorway = &self.net.resolver.doorway;
        if doorway.is_at(to) && doorway.is_open_to(&self.net.egress(), to.ip()) {
            return self.visit(&mut state, to);
        }
        let route = route(to);
        let (to, flow) = match route {
            Route::NameServer => (super::NAME_SERVER, None),
            Route::Inside(to) => (to, None),
            Route::Outside(to) => (to, Some(Flow::open(&self.net, to, self.owner)?)),
        };
        let bound_before = state.binding.is_some();
        let local = self.source(&mut state, to, matches!(route, Route::Outside(_)))?;
        if local == to {
            return self.connect_to_itself(&mut state, to);
        }
        let queues = [self.queue.clone(), WaitQueue::new()];
        let pair = End::pair(&self.net.account, queues, local, to);
        let (end, server) = pair.inspect_err(|_| {
            if !bound_before {
                self.release_port(&mut state);
            }
        })?;
        if let Role::Idle(shut) = &state.role {
            end.begin_shut(*shut);
        }
        state.role = Role::Joined { end, told: Told::NotYet };
        drop(state);
        if let Some(flow) = flow {
            dial(flow, server);
        } else if route == Route::NameServer {
            server.establish();
            resolver::serve_stream(&self.net, Stream::new(server), self.owner);
        } else {
            match self.net.ports.listener(to, local.port()) {
                Some(listener) => listener.offer(server),
                None => server.refuse(Errno::CONNREFUSED),
            }
        }
        Err(Errno::INPROGRESS)
    }

    /// Both ends open at once, as TCP has it ("simultaneous open"): a listener that shares the port does not hear of it.
    fn connect_to_itself(&self, state: &mut State, address: SocketAddr) -> Result<(), Errno> {
        let end = End::of_itself(&self.net.account, self.queue.clone(), address)?;
        if let Role::Idle(shut) = &state.role {
            // Here Linux does send the end of what was shut before.
            end.shutdown(*shut)?;
        }
        state.role = Role::Joined { end, told: Told::NotYet };
        Err(Errno::INPROGRESS)
    }

    /// Connects to a public URL of a sandbox, by way of the gateway.
    fn visit(&self, state: &mut State, to: SocketAddr) -> Result<(), Errno> {
        let entry = self.net.resolver.doorway.enter(&self.net.visits).ok_or(Errno::NOBUFS)?;
        let bound_before = state.binding.is_some();
        let local = self.source(state, to, true)?;
        let queues = [self.queue.clone(), WaitQueue::new()];
        let pair = End::pair(&self.net.account, queues, local, to);
        let (end, server) = pair.inspect_err(|_| {
            if !bound_before {
                self.release_port(state);
            }
        })?;
        if let Role::Idle(shut) = &state.role {
            end.begin_shut(*shut);
        }
        state.role = Role::Joined { end, told: Told::NotYet };
        server.establish();
        let record = self.net.log.allowed(Subject {
            owner: self.owner,
            protocol: NetProtocol::Tcp,
            name: None,
            question: None,
            address: Some(to),
        });
        self.net.hold_visit(entry.admit(server, record, self.net.bandwidth.clone()));
        Err(Errno::INPROGRESS)
    }

    /// The source address of a connection, with a port taken for it if none was.
    fn source(
        &self,
        state: &mut State,
        to: SocketAddr,
        outside: bool,
    ) -> Result<SocketAddr, Errno> {
        let bound = state.local.ip();
        if !bound.is_unspecified() && bound.is_ipv4() != to.is_ipv4() {
            return Err(Errno::NETUNREACH);
        }
        if outside && bound.is_loopback() {
            return Err(Errno::INVAL); // Linux: a loopback source has no route out.
        }
        let ip = if bound.is_unspecified() { source_for(to.ip()) } else { bound };
        if state.binding.is_none() {
            self.take_port(state, ip, 0)?;
            if SocketAddr::new(ip, state.local.port()) == to {
                // Only who asks for it is connected to itself: another port, taken while this one is.
                let chance = state.binding.take();
                let taken = self.take_port(state, ip, 0);
                chance.into_iter().for_each(|binding| self.net.ports.remove(binding));
                taken?;
            }
        }
        Ok(SocketAddr::new(ip, state.local.port()))
    }

    /// The answer of a connect that was begun.
    ///
    /// # Errors
    ///
    /// EAGAIN while there is none; then why it failed (ECONNABORTED if SO_ERROR has told already), and the socket may connect anew.
    pub(crate) fn finish_connect(&self) -> Result<(), Errno> {
        let mut state = self.state.lock();
        let Role::Joined { end, told } = &mut state.role else {
            return Err(Errno::NOTCONN);
        };
        let errno = match end.phase() {
            Phase::Opening => return Err(Errno::AGAIN),
            Phase::Open => {
                *told = Told::Connected;
                return Ok(());
            }
            Phase::Dead => end.take_error().unwrap_or(Errno::CONNABORTED),
        };
        let old = self.reset_role(&mut state);
        drop(state);
        drop(old);
        Err(errno)
    }

    /// Back to a socket that may connect; a port that connect took is given back.
    fn reset_role(&self, state: &mut State) -> Role {
        self.release_port(state);
        std::mem::replace(&mut state.role, Role::Idle(Shut::NONE))
    }

    pub(super) fn disconnect_stream(&self) {
        let mut state = self.state.lock();
        if let (Role::Listening(_), Some(binding)) = (&state.role, state.binding) {
            self.net.ports.unlisten(binding);
        }
        let old = self.reset_role(&mut state);
        drop(state);
        match old {
            Role::Listening(listener) => listener.close(),
            Role::Joined { end, .. } => end.reset(),
            Role::Idle(_) | Role::Datagram(_) => {}
        }
    }

    /// listen(2); again, it changes the backlog.
    ///
    /// # Errors
    ///
    /// EOPNOTSUPP for datagrams, EINVAL when connected, EADDRINUSE.
    pub(crate) fn listen(&self, backlog: i32) -> Result<(), Errno> {
        let mut state = self.state.lock();
        match &state.role {
            Role::Datagram(_) => return Err(Errno::OPNOTSUPP),
            Role::Joined { .. } => return Err(Errno::INVAL),
            Role::Listening(listener) => {
                let listener = listener.clone();
                drop(state);
                listener.set_backlog(backlog);
                return Ok(());
            }
            Role::Idle(_) => {}
        }
        if state.binding.is_none() {
            self.take_port(&mut state, unspecified(self.family), 0)?;
        }
        let listener = Arc::new(Listener::new(self.queue.clone(), backlog));
        if let Some(binding) = state.binding {
            self.net.ports.listen(binding, listener.clone())?;
        }
        state.role = Role::Listening(listener);
        drop(state);
        self.queue.wake_all();
        Ok(())
    }

    /// accept(2): the next connection and its peer.
    ///
    /// # Errors
    ///
    /// EAGAIN, EINVAL if not listening, EOPNOTSUPP for datagrams, ENFILE at the sandbox's limit (the connection stays).
    pub(crate) fn accept(&self) -> Result<(Arc<Self>, SocketAddr), Errno> {
        let listener = match &self.state.lock().role {
            Role::Listening(listener) => listener.clone(),
            Role::Datagram(_) => return Err(Errno::OPNOTSUPP),
            Role::Idle(_) | Role::Joined { .. } => return Err(Errno::INVAL),
        };
        let end = listener.accept()?;
        if let Err(errno) = self.net.admit_socket() {
            listener.put_back(end);
            return Err(errno);
        }
        let options = self.options.lock().clone(); // Linux: accepted sockets inherit them all.
        let (queue, local, peer) = (end.queue().clone(), end.local, end.peer);
        let role = Role::Joined { end, told: Told::Connected };
        let state = State { binding: None, local, chose_ip: true, chose_port: true, role };
        let accepted = Arc::new(Self {
            net: self.net.clone(),
            owner: self.owner,
            family: self.family,
            kind: Kind::Stream,
            queue,
            state: Mutex::new(state),
            options: Mutex::new(options),
        });
        Ok((accepted, self.shown(peer)))
    }

    /// The connections of a listener that nobody has accepted yet; of any other socket none.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let listener = match &self.state.lock().role {
            Role::Listening(listener) => listener.clone(),
            Role::Datagram(_) | Role::Idle(_) | Role::Joined { .. } => return Vec::new(),
        };
        let shown = |waiting: Waiting| Waiting {
            local: self.shown(waiting.local),
            peer: self.shown(waiting.peer),
            ..waiting
        };
        listener.waiting().into_iter().map(shown).collect()
    }

    pub(super) fn shutdown_stream(&self, how: Shut) -> Result<(), Errno> {
        let mut state = self.state.lock();
        let opening = match &mut state.role {
            Role::Joined { end, told } => match end.phase() {
                Phase::Opening => true,
                phase => {
                    told.settle(phase);
                    return end.shutdown(how);
                }
            },
            Role::Listening(_) => false,
            Role::Idle(shut) => {
                *shut = shut.or(how);
                return Err(Errno::NOTCONN);
            }
            Role::Datagram(_) => return Err(Errno::NOTCONN),
        };
        if !opening && !how.read {
            return Ok(());
        }
        // Linux: shutting the receiving side of a listener, or a connect in progress, goes back to an idle socket.
        if let (false, Some(binding)) = (opening, state.binding) {
            self.net.ports.unlisten(binding);
        }
        let old = self.reset_role(&mut state);
        drop(state);
        if let Role::Listening(listener) = old {
            listener.close();
        }
        Ok(())
    }

    /// TCP's state number for TCP_INFO (include/net/tcp_states.h).
    pub(crate) fn tcp_state(&self) -> u8 {
        const ESTABLISHED: u8 = 1;
        const SYN_SENT: u8 = 2;
        const CLOSE: u8 = 7;
        const LISTEN: u8 = 10;
        match &self.state.lock().role {
            Role::Listening(_) => LISTEN,
            Role::Joined { end, .. } => match end.phase() {
                Phase::Open => ESTABLISHED,
                Phase::Opening => SYN_SENT,
                Phase::Dead => CLOSE,
            },
            Role::Idle(_) | Role::Datagram(_) => CLOSE,
        }
    }
}
