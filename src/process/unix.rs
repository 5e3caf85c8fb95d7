//! Unix domain sockets: streams, datagrams and packets between processes of one sandbox, unix(7).
//!
//! Every socket owns an inbox that its peers push into; two sockets' locks are never held together. Nothing here blocks.
//! Descriptors can travel with data. Those that are unix sockets themselves could form circles that keep each other alive:
//! their number in flight is small, and the sandbox's [`Namespace`] empties every inbox when it is shut down.
//!
//! ```text
//! new -> bound -> listening            new -> connecting (in a listener's backlog) -> connected -> peer gone
//! ```

use super::budget::{Budget, Reservation, next_inode};
use super::file::{Object, OpenFile};
use crate::errno::Errno;
use crate::wait::{Ready, WaitQueue, Waiter};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};

/// Bytes that wait in one inbox.
pub(crate) const INBOX_BYTES_MAX: usize = 64 << 10;
/// Messages that wait in one inbox (streams: pieces with descriptors).
const INBOX_MESSAGES_MAX: usize = 256;
/// Descriptors in one message: Linux's `SCM_MAX_FD`.
pub(crate) const RIGHTS_MAX: usize = 253;
/// Descriptors in flight in a sandbox, and how many of them may be unix sockets.
const RIGHTS_IN_FLIGHT_MAX: usize = 1024;
const SOCKETS_IN_FLIGHT_MAX: usize = 64;
/// The longest backlog: Linux's `SOMAXCONN`, smaller.
const BACKLOG_MAX: usize = 128;
/// Bytes of a path in `sockaddr_un`.
pub(crate) const PATH_MAX: usize = 108;

/// How a socket carries data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Stream,
    Datagram,
    /// Messages over a connection.
    Packet,
}

/// A socket's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Address {
    #[default]
    Unnamed,
    /// As given to bind(2).
    Path(Arc<[u8]>),
    /// Without the leading NUL.
    Abstract(Arc<[u8]>),
}

/// Who made a connection (`struct ucred`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// What a node of a bound path keeps.
#[derive(Debug)]
pub(crate) struct Bound(pub(crate) Weak<Socket>);

/// The unix sockets of one sandbox: abstract names, and all of them to be emptied at its end.
#[derive(Debug)]
pub(crate) struct Namespace {
    names: Mutex<BTreeMap<Arc<[u8]>, Weak<Socket>>>,
    all: Mutex<Vec<Weak<Socket>>>,
    buffers: Arc<Budget>,
    rights: Arc<Budget>,
    sockets: Arc<Budget>,
}

impl Namespace {
    /// No sockets; their inboxes count against `buffers`.
    pub(crate) fn new(buffers: Arc<Budget>) -> Arc<Self> {
        Arc::new(Self {
            names: Mutex::default(),
            all: Mutex::default(),
            buffers,
            rights: Budget::new(RIGHTS_IN_FLIGHT_MAX),
            sockets: Budget::new(SOCKETS_IN_FLIGHT_MAX),
        })
    }

    /// The socket bound to an abstract name.
    ///
    /// # Errors
    ///
    /// ECONNREFUSED for none.
    pub(crate) fn find(&self, name: &[u8]) -> Result<Arc<Socket>, Errno> {
        self.names.lock().get(name).and_then(Weak::upgrade).ok_or(Errno::CONNREFUSED)
    }

    /// Empties every inbox and backlog, which breaks circles of sockets that hold each other.
    pub(crate) fn shut_down(&self) {
        let all: Vec<Weak<Socket>> = std::mem::take(&mut *self.all.lock());
        for socket in all.iter().filter_map(Weak::upgrade) {
            let (inbox, role) = {
                let mut state = socket.state.lock();
                state.peer_closed = true;
                (std::mem::take(&mut state.inbox), std::mem::replace(&mut state.role, Role::Closed))
            };
            drop((inbox, role));
            socket.queue.wake_all();
        }
    }

    fn register(&self, socket: &Arc<Socket>) {
        let mut all = self.all.lock();
        if all.len() == all.capacity() {
            all.retain(|socket| socket.strong_count() > 0);
        }
        all.push(Arc::downgrade(socket));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Descriptors that travel with a message.
#[derive(Default)]
pub(crate) struct Rights {
    files: Vec<Arc<OpenFile>>,
    _held: Reservation,
    _held_sockets: Reservation,
}

impl Rights {
    /// The files, no longer in flight.
    pub(crate) fn into_files(self) -> Vec<Arc<OpenFile>> {
        self.files
    }
}

/// One message, or a run of a stream's bytes.
struct Message {
    bytes: VecDeque<u8>,
    rights: Rights,
    sender: Credentials,
    from: Address,
}

/// What a receive took.
#[derive(Default)]
pub(crate) struct Received {
    /// Bytes put into the buffer.
    pub(crate) count: usize,
    /// Length of the whole message, for datagrams and packets.
    pub(crate) whole: usize,
    pub(crate) rights: Vec<Arc<OpenFile>>,
    pub(crate) sender: Credentials,
    pub(crate) from: Address,
}

enum Role {
    Idle,
    Listening {
        backlog: VecDeque<Arc<Socket>>,
        max: usize,
    },
    /// For datagrams: where send(2) goes.
    Connected(Weak<Socket>),
    Closed,
}

struct State {
    role: Role,
    address: Address,
    peer_address: Address,
    peer: Credentials,
    inbox: VecDeque<Message>,
    inbox_bytes: usize,
    /// Nothing more will come: the peer closed or shut down writing.
    peer_closed: bool,
    /// The peer closed with unread data of ours: the next read says so once.
    reset: bool,
    read_shut: bool,
    write_shut: bool,
    /// `SO_PASSCRED`
    pass_credentials: bool,
    /// Who writes with write(2).
    owner: Credentials,
}

/// A unix domain socket.
pub(crate) struct Socket {
    kind: Kind,
    state: Mutex<State>,
    queue: WaitQueue,
    namespace: Arc<Namespace>,
    inode: u64,
    _held: Reservation,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "unix::Socket({})", self.inode)
    }
}

impl Socket {
    /// A socket without name or peer, made by `owner`.
    ///
    /// # Errors
    ///
    /// ENFILE when the sandbox's buffers are all taken.
    pub(crate) fn new(
        namespace: &Arc<Namespace>,
        kind: Kind,
        owner: Credentials,
    ) -> Result<Arc<Self>, Errno> {
        let held = namespace.buffers.reserve(INBOX_BYTES_MAX)?;
        let socket = Arc::new(Self {
            kind,
            state: Mutex::new(State {
                role: Role::Idle,
                address: Address::Unnamed,
                peer_address: Address::Unnamed,
                peer: owner,
                inbox: VecDeque::new(),
                inbox_bytes: 0,
                peer_closed: false,
                reset: false,
                read_shut: false,
                write_shut: false,
                pass_credentials: false,
                owner,
            }),
            queue: WaitQueue::new(),
            namespace: namespace.clone(),
            inode: next_inode(),
            _held: held,
        });
        namespace.register(&socket);
        Ok(socket)
    }

    /// Two connected sockets, socketpair(2).
    ///
    /// # Errors
    ///
    /// ENFILE when the sandbox's buffers are all taken.
    pub(crate) fn pair(
        namespace: &Arc<Namespace>,
        kind: Kind,
        owner: Credentials,
    ) -> Result<(Arc<Self>, Arc<Self>), Errno> {
        let (one, two) = (Self::new(namespace, kind, owner)?, Self::new(namespace, kind, owner)?);
        one.state.lock().role = Role::Connected(Arc::downgrade(&two));
        two.state.lock().role = Role::Connected(Arc::downgrade(&one));
        Ok((one, two))
    }

    /// How it carries data.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Binds it to an abstract name; an empty one picks a free name of five hexadecimal digits, as Linux does.
    ///
    /// # Errors
    ///
    /// EADDRINUSE, EINVAL when it has a name.
    pub(crate) fn bind_abstract(self: &Arc<Self>, name: &[u8]) -> Result<(), Errno> {
        let mut names = self.namespace.names.lock();
        let mut state = self.state.lock();
        if state.address != Address::Unnamed {
            return Err(Errno::INVAL);
        }
        names.retain(|_, socket| socket.strong_count() > 0);
        let name: Arc<[u8]> = if name.is_empty() {
            let free = |name: &Arc<[u8]>| !names.contains_key(name);
            let tries = std::iter::repeat_with(|| rand::random_range(0..=0xf_ffff));
            tries
                .map(|number: u32| Arc::from(format!("{number:05x}").into_bytes()))
                .take(4096)
                .find(free)
                .ok_or(Errno::NOSPC)?
        } else {
            name.into()
        };
        if names.contains_key(&name) {
            return Err(Errno::ADDRINUSE);
        }
        names.insert(name.clone(), Arc::downgrade(self));
        state.address = Address::Abstract(name);
        Ok(())
    }

    /// Whether it can still get a name.
    ///
    /// # Errors
    ///
    /// EINVAL when it has one.
    pub(crate) fn may_bind(&self) -> Result<(), Errno> {
        match self.state.lock().address {
            Address::Unnamed => Ok(()),
            _ => Err(Errno::INVAL),
        }
    }

    /// Gives it the path whose node now leads to it.
    pub(crate) fn bound_to(&self, path: &[u8]) {
        self.state.lock().address = Address::Path(path.into());
    }

    /// Accepts connections from now on, listen(2). `owner` is who connectors will see.
    ///
    /// # Errors
    ///
    /// EOPNOTSUPP for datagrams, EINVAL without a name or when connected.
    pub(crate) fn listen(&self, backlog: u32, owner: Credentials) -> Result<(), Errno> {
        if self.kind == Kind::Datagram {
            return Err(Errno::OPNOTSUPP);
        }
        let wanted = (backlog as usize).clamp(1, BACKLOG_MAX);
        let mut state = self.state.lock();
        if state.address == Address::Unnamed {
            return Err(Errno::INVAL);
        }
        match &mut state.role {
            Role::Listening { max, .. } => *max = wanted,
            role @ Role::Idle => *role = Role::Listening { backlog: VecDeque::new(), max: wanted },
            Role::Connected(_) | Role::Closed => return Err(Errno::INVAL),
        }
        state.peer = owner;
        Ok(())
    }

    /// Connects to `target`; a stream then waits in its backlog but can already be written to.
    ///
    /// # Errors
    ///
    /// EPROTOTYPE for another kind, ECONNREFUSED when nobody listens, EISCONN, EAGAIN when the backlog is full (wait on
    /// the target's queue).
    pub(crate) fn connect(
        self: &Arc<Self>,
        target: &Arc<Self>,
        me: Credentials,
    ) -> Result<(), Errno> {
        if target.kind != self.kind {
            return Err(Errno::PROTOTYPE);
        }
        let target_address = target.address();
        if self.kind == Kind::Datagram {
            let mut state = self.state.lock();
            state.role = Role::Connected(Arc::downgrade(target));
            state.peer_address = target_address;
            return Ok(());
        }
        match self.state.lock().role {
            Role::Idle => {}
            Role::Connected(_) => return Err(Errno::ISCONN),
            Role::Listening { .. } | Role::Closed => return Err(Errno::INVAL),
        }
        let accepted = Self::new(&self.namespace, self.kind, me)?;
        {
            let mut state = accepted.state.lock();
            state.role = Role::Connected(Arc::downgrade(self));
            state.address = target_address.clone();
            state.peer_address = self.address();
        }
        let listener = {
            let mut state = target.state.lock();
            let listener = state.peer;
            match &mut state.role {
                Role::Listening { backlog, max } if backlog.len() < *max => {
                    backlog.push_back(accepted.clone());
                }
                Role::Listening { .. } => return Err(Errno::AGAIN),
                _ => return Err(Errno::CONNREFUSED),
            }
            listener
        };
        let mut state = self.state.lock();
        state.role = Role::Connected(Arc::downgrade(&accepted));
        (state.peer_address, state.peer) = (target_address, listener);
        drop(state);
        target.queue.wake_all();
        self.queue.wake_all();
        Ok(())
    }

    /// Takes a datagram socket's default destination away (connect to `AF_UNSPEC`).
    pub(crate) fn disconnect(&self) {
        let mut state = self.state.lock();
        state.role = Role::Idle;
        state.peer_address = Address::Unnamed;
    }

    /// Takes a waiting connection for `owner`.
    ///
    /// # Errors
    ///
    /// EAGAIN for none, EINVAL when it does not listen, EOPNOTSUPP for datagrams.
    pub(crate) fn accept(&self, owner: Credentials) -> Result<Arc<Self>, Errno> {
        if self.kind == Kind::Datagram {
            return Err(Errno::OPNOTSUPP);
        }
        let mut state = self.state.lock();
        let Role::Listening { backlog, .. } = &mut state.role else { return Err(Errno::INVAL) };
        let connection = backlog.pop_front().ok_or(Errno::AGAIN)?;
        drop(state);
        connection.state.lock().owner = owner;
        self.queue.wake_all(); // whoever waits for room in the backlog
        Ok(connection)
    }

    /// Its name.
    pub(crate) fn address(&self) -> Address {
        self.state.lock().address.clone()
    }

    /// Its peer's name.
    ///
    /// # Errors
    ///
    /// ENOTCONN.
    pub(crate) fn peer_address(&self) -> Result<Address, Errno> {
        let state = self.state.lock();
        match state.role {
            Role::Connected(_) => Ok(state.peer_address.clone()),
            _ => Err(Errno::NOTCONN),
        }
    }

    /// Who is at the other end (`SO_PEERCRED`).
    pub(crate) fn peer_credentials(&self) -> Credentials {
        self.state.lock().peer
    }

    /// Whether receives tell who sent (`SO_PASSCRED`).
    pub(crate) fn passes_credentials(&self) -> bool {
        self.state.lock().pass_credentials
    }

    /// Sets it.
    pub(crate) fn pass_credentials(&self, pass: bool) {
        self.state.lock().pass_credentials = pass;
    }

    /// Whether it listens (`SO_ACCEPTCONN`).
    pub(crate) fn listens(&self) -> bool {
        matches!(self.state.lock().role, Role::Listening { .. })
    }

    /// Prepares descriptors for travel.
    ///
    /// # Errors
    ///
    /// ETOOMANYREFS past the bounds of the sandbox, EINVAL past [`RIGHTS_MAX`].
    pub(crate) fn rights(&self, files: Vec<Arc<OpenFile>>) -> Result<Rights, Errno> {
        if files.len() > RIGHTS_MAX {
            return Err(Errno::INVAL);
        }
        let sockets = files.iter().filter(|file| matches!(file.object(), Object::Unix(_))).count();
        let full = |_full| Errno::TOOMANYREFS;
        let held = self.namespace.rights.reserve(files.len()).map_err(full)?;
        let held_sockets = self.namespace.sockets.reserve(sockets).map_err(full)?;
        Ok(Rights { files, _held: held, _held_sockets: held_sockets })
    }

    fn peer(&self) -> Result<Arc<Self>, Errno> {
        let state = self.state.lock();
        if state.write_shut {
            return Err(Errno::PIPE);
        }
        match &state.role {
            Role::Connected(peer) => peer.upgrade().ok_or(if self.kind == Kind::Datagram {
                Errno::CONNREFUSED
            } else {
                Errno::PIPE
            }),
            Role::Closed => Err(Errno::PIPE),
            Role::Idle if self.kind == Kind::Datagram => Err(Errno::DESTADDRREQ),
            _ => Err(Errno::NOTCONN),
        }
    }

    /// Sends to the peer, or a datagram to `to`. Streams take what fits; messages go whole. The rights are taken only
    /// when something was sent.
    ///
    /// # Errors
    ///
    /// EPIPE when the peer is gone (the caller raises SIGPIPE), ENOTCONN, EAGAIN without room, EMSGSIZE for a message that
    /// never fits, ECONNREFUSED, EISCONN for an address on a stream.
    pub(crate) fn send(
        &self,
        from: &[u8],
        rights: &mut Option<Rights>,
        sender: Credentials,
        to: Option<&Arc<Self>>,
    ) -> Result<usize, Errno> {
        let peer = match to {
            Some(_) if self.kind != Kind::Datagram => return Err(Errno::ISCONN),
            Some(to) if to.kind != Kind::Datagram => return Err(Errno::PROTOTYPE),
            Some(to) => to.clone(),
            None => self.peer()?,
        };
        if self.kind != Kind::Stream && from.len() > INBOX_BYTES_MAX {
            return Err(Errno::MSGSIZE);
        }
        if self.kind == Kind::Stream && from.is_empty() {
            return Ok(0);
        }
        let address = self.address();
        let mut state = peer.state.lock();
        if state.read_shut {
            return Err(Errno::PIPE);
        }
        let room = INBOX_BYTES_MAX.saturating_sub(state.inbox_bytes);
        let stream = self.kind == Kind::Stream;
        let fits = if stream { room > 0 } else { from.len() <= room };
        let joins = stream
            && rights.is_none()
            && state
                .inbox
                .back()
                .is_some_and(|last| last.rights.files.is_empty() && last.sender == sender);
        if !fits || (!joins && state.inbox.len() >= INBOX_MESSAGES_MAX) {
            return Err(Errno::AGAIN);
        }
        let count = from.len().min(room);
        state.inbox_bytes += count;
        match state.inbox.back_mut().filter(|_| joins) {
            Some(last) => last.bytes.extend(&from[..count]),
            None => state.inbox.push_back(Message {
                bytes: from[..count].to_vec().into(),
                rights: rights.take().unwrap_or_default(),
                sender,
                from: address,
            }),
        }
        drop(state);
        peer.queue.wake_all();
        Ok(count)
    }

    /// Receives: a stream's bytes up to the next descriptors or other sender, or one message. `peek` leaves it there
    /// (its descriptors are then shared).
    ///
    /// # Errors
    ///
    /// EAGAIN when nothing came, ECONNRESET once after the peer closed with our data unread, ENOTCONN, EINVAL when it listens.
    pub(crate) fn receive(&self, into: &mut [u8], peek: bool) -> Result<Received, Errno> {
        let mut state = self.state.lock();
        match state.role {
            Role::Listening { .. } => return Err(Errno::INVAL),
            Role::Idle if self.kind != Kind::Datagram => return Err(Errno::NOTCONN),
            _ => {}
        }
        if state.inbox.is_empty() {
            if std::mem::take(&mut state.reset) {
                return Err(Errno::CONNRESET);
            }
            let ended = state.read_shut || (state.peer_closed && self.kind != Kind::Datagram);
            return if ended { Ok(Received::default()) } else { Err(Errno::AGAIN) };
        }
        if self.kind == Kind::Stream && into.is_empty() {
            return Ok(Received::default());
        }
        let mut received = state.take(into, self.kind == Kind::Stream, peek);
        // A stream goes on into the next run when that brings no descriptors and is by the same sender.
        while self.kind == Kind::Stream && !peek && received.count < into.len() {
            let joins = state
                .inbox
                .front()
                .is_some_and(|next| next.rights.files.is_empty() && next.sender == received.sender);
            if !joins {
                break;
            }
            received.count += state.take(&mut into[received.count..], true, false).count;
        }
        drop(state);
        self.wake_peer();
        Ok(received)
    }

    fn wake_peer(&self) {
        self.queue.wake_all();
        let peer = match &self.state.lock().role {
            Role::Connected(peer) => peer.upgrade(),
            _ => None,
        };
        if let Some(peer) = peer {
            peer.queue.wake_all();
        }
    }

    /// read(2): descriptors that come along are closed, as Linux does.
    ///
    /// # Errors
    ///
    /// Those of [`Self::receive`].
    pub(crate) fn read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        self.receive(into, false).map(|received| received.count)
    }

    /// write(2), in the name of who made or accepted the socket.
    ///
    /// # Errors
    ///
    /// Those of [`Self::send`].
    pub(crate) fn write(&self, from: &[u8]) -> Result<usize, Errno> {
        let owner = self.state.lock().owner;
        self.send(from, &mut None, owner, None)
    }

    /// Ends reading, writing or both, shutdown(2).
    ///
    /// # Errors
    ///
    /// ENOTCONN.
    pub(crate) fn shut_down(&self, read: bool, write: bool) -> Result<(), Errno> {
        let mut state = self.state.lock();
        let peer = match &state.role {
            Role::Connected(peer) => peer.upgrade(),
            Role::Listening { .. } => None,
            _ => return Err(Errno::NOTCONN),
        };
        state.read_shut |= read;
        state.write_shut |= write;
        drop(state);
        self.queue.wake_all();
        if let Some(peer) = peer.filter(|_| self.kind != Kind::Datagram) {
            let mut state = peer.state.lock();
            state.peer_closed |= write;
            state.write_shut |= read;
            drop(state);
            peer.queue.wake_all();
        }
        Ok(())
    }

    /// What it is ready for.
    pub(crate) fn ready(&self) -> Ready {
        let (mut ready, peer) = self.ready_to_read();
        let room = |peer: &Arc<Self>| {
            let state = peer.state.lock();
            state.inbox_bytes < INBOX_BYTES_MAX && state.inbox.len() < INBOX_MESSAGES_MAX
        };
        if peer.as_ref().is_some_and(|peer| peer.as_ref().is_none_or(room)) {
            ready |= Ready::OUT;
        }
        ready
    }

    /// Readiness but for writing, and the peer to ask for room: none when writing would not wait anyway.
    fn ready_to_read(&self) -> (Ready, Option<Option<Arc<Self>>>) {
        let state = self.state.lock();
        let mut ready = Ready::empty();
        let ended = state.peer_closed || state.read_shut;
        ready.set(Ready::IN, !state.inbox.is_empty() || state.reset);
        ready.set(Ready::ERR, state.reset);
        match &state.role {
            Role::Listening { backlog, .. } => {
                ready.set(Ready::IN, !backlog.is_empty());
                (ready, None)
            }
            Role::Connected(peer) => {
                if ended && self.kind != Kind::Datagram {
                    ready |= Ready::IN | Ready::RDHUP;
                }
                let peer = peer.upgrade();
                let gone = peer.is_none() || (ended && state.write_shut);
                ready.set(Ready::HUP, gone && self.kind != Kind::Datagram);
                (ready, Some(peer))
            }
            Role::Idle => {
                ready.set(Ready::HUP, self.kind != Kind::Datagram);
                (ready, Some(None))
            }
            Role::Closed => (ready | Ready::IN | Ready::HUP | Ready::RDHUP, Some(None)),
        }
    }

    /// A waiter for the next change.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.queue.subscribe()
    }

    /// Waiters for the next change here and at the peer, whose room decides about writing a datagram.
    pub(crate) fn subscribe_to_send(&self, to: Option<&Arc<Self>>) -> Waiter {
        let peer = match (to, &self.state.lock().role) {
            (Some(to), _) => Some(to.clone()),
            (None, Role::Connected(peer)) if self.kind == Kind::Datagram => peer.upgrade(),
            _ => None,
        };
        peer.map_or_else(|| self.subscribe(), |peer| peer.subscribe())
    }

    /// Bytes that can be read now (`FIONREAD`): of the first message for datagrams.
    pub(crate) fn available(&self) -> usize {
        let state = self.state.lock();
        match self.kind {
            Kind::Stream => state.inbox_bytes,
            _ => state.inbox.front().map_or(0, |message| message.bytes.len()),
        }
    }

    /// Its inode number.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }
}

impl State {
    /// Takes from the first message: of a stream what fits, else all of it.
    fn take(&mut self, into: &mut [u8], stream: bool, peek: bool) -> Received {
        let Some(message) = self.inbox.front_mut() else { return Received::default() };
        let whole = message.bytes.len();
        let count = super::pipe::copy_front(&message.bytes, into);
        let (sender, from) = (message.sender, message.from.clone());
        if peek {
            let rights = message.rights.files.clone();
            return Received { count, whole, rights, sender, from };
        }
        let rights = std::mem::take(&mut message.rights).into_files();
        if stream && count < whole {
            message.bytes.drain(..count);
            self.inbox_bytes -= count;
        } else {
            self.inbox_bytes -= whole;
            self.inbox.pop_front();
        }
        Received { count, whole, rights, sender, from }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if let Address::Abstract(name) = &state.address {
            // A dead socket's name may have been taken already.
            let mut names = self.namespace.names.lock();
            if names.get(name).is_some_and(|socket| socket.strong_count() == 0) {
                names.remove(name);
            }
        }
        let unread = !state.inbox.is_empty();
        if let Role::Connected(peer) = &state.role
            && self.kind != Kind::Datagram
            && let Some(peer) = peer.upgrade()
        {
            let mut state = peer.state.lock();
            state.peer_closed = true;
            state.reset |= unread;
            drop(state);
            peer.queue.wake_all();
        }
        self.queue.wake_all(); // who waits to send a datagram here
    }
}

#[cfg(test)]
#[path = "unix_tests.rs"]
mod tests;
