//! The socket calls on unix domain sockets. Calls on other sockets, which share the numbers, are `net.rs`'s.
//!
//! Sockets bound to paths are nodes of the file system; who may connect is its permission to write there.

use super::control::{self, Control, HEADER, push};
use super::fd::{Span, total};
use super::net::message::MessageHeader;
use super::{Call, Wake, nr};
use crate::errno::{Errno, RESTART};
use crate::process::file::{Object, flag};
use crate::process::unix::{Address, Bound, Credentials, Kind, Received, Rights, Socket};
use crate::process::{OpenFile, Signal, unix};
use crate::vfs::{self, Access, DeviceId};
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;

/// `AF_UNIX`, `AF_UNSPEC`
const FAMILY: u16 = 1;
const FAMILY_NONE: u16 = 0;
/// Bytes before the path of a `struct sockaddr_un`.
const FAMILY_BYTES: usize = 2;
/// Bytes gathered from the guest at a time.
const PIECE: usize = 256 << 10;
/// Bytes received into a vector at a time: more are never there.
const RECEIVE_MAX: usize = unix::INBOX_BYTES_MAX;

/// `MSG_*`
mod message {
    pub(super) const PEEK: u32 = 0x2;
    pub(super) const TRUNCATED: u32 = 0x20;
    pub(super) const DONT_WAIT: u32 = 0x40;
    pub(super) const WAIT_ALL: u32 = 0x100;
    pub(super) const NO_SIGNAL: u32 = 0x4000;
    pub(super) const CLOEXEC: u32 = 0x4000_0000;
}

/// `SOL_SOCKET` and its options.
mod option {
    pub(super) const LEVEL: u32 = 1;
    pub(super) const REUSE_ADDRESS: u32 = 2;
    pub(super) const TYPE: u32 = 3;
    pub(super) const ERROR: u32 = 4;
    pub(super) const SEND_BUFFER: u32 = 7;
    pub(super) const RECEIVE_BUFFER: u32 = 8;
    pub(super) const KEEP_ALIVE: u32 = 9;
    pub(super) const PASS_CREDENTIALS: u32 = 16;
    pub(super) const PEER_CREDENTIALS: u32 = 17;
    pub(super) const ACCEPTS: u32 = 30;
    pub(super) const PROTOCOL: u32 = 38;
    pub(super) const DOMAIN: u32 = 39;
}

/// Types of control messages: descriptors, credentials.
const SCM_RIGHTS: u32 = 1;
const SCM_CREDENTIALS: u32 = 2;

/// `struct ucred`
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct UserCredentials {
    pid: u32,
    uid: u32,
    gid: u32,
}

/// Answers a socket call if it is about a unix socket.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    if matches!(number, nr::SOCKET | nr::SOCKETPAIR) {
        let ours = call.args[0] == u32::from(FAMILY);
        return ours.then(|| make(call, number == nr::SOCKETPAIR));
    }
    let about_sockets = matches!(number, nr::BIND..=nr::RECVMSG | nr::ACCEPT4);
    let file = about_sockets.then(|| call.file(0).ok()).flatten()?;
    let Object::Unix(socket) = file.object() else { return None };
    let socket = socket.clone();
    Some(match number {
        nr::BIND => bind(call, &socket),
        nr::LISTEN => listen(call, &socket),
        nr::ACCEPT | nr::ACCEPT4 => accept(call, &file, &socket, number).await,
        nr::CONNECT => connect(call, &file, &socket).await,
        nr::GETSOCKNAME => {
            let [_, address, len, ..] = call.args;
            write_address(call, &socket.address(), address, len).map(|()| 0)
        }
        nr::GETPEERNAME => getpeername(call, &socket),
        nr::SENDTO => sendto(call, &file, &socket).await,
        nr::SENDMSG => sendmsg(call, &file, &socket).await,
        nr::RECVFROM => recvfrom(call, &file, &socket).await,
        nr::RECVMSG => recvmsg(call, &file, &socket).await,
        nr::SETSOCKOPT => setsockopt(call, &socket),
        nr::GETSOCKOPT => getsockopt(call, &socket),
        nr::SHUTDOWN => shutdown(call, &socket),
        _ => return None,
    })
}

fn credentials(call: &Call<'_>) -> Credentials {
    let cred = call.process().file_cred();
    Credentials { pid: call.process().pid, uid: cred.uid, gid: cred.gid }
}

/// Runs `action` with how the caller sees the file system, and its working directory.
fn with_view<T>(call: &Call<'_>, action: impl FnOnce(&vfs::Context<'_>, &vfs::Dir, u32) -> T) -> T {
    let (cred, root, cwd, umask) = call.process().with_attributes(|attributes| {
        let (root, cwd) = (attributes.root.clone(), attributes.cwd.clone());
        (attributes.cred.file(), root, cwd, attributes.umask)
    });
    action(&vfs::Context { cred: &cred, root: &root, pid: call.process().pid }, &cwd, umask)
}

// ---- addresses

/// The address at `pointer`; none for `AF_UNSPEC`.
fn read_address(call: &mut Call<'_>, pointer: u32, len: u32) -> Result<Option<Address>, Errno> {
    let len = len as usize;
    if !(FAMILY_BYTES..=FAMILY_BYTES + unix::PATH_MAX).contains(&len) {
        return Err(Errno::INVAL);
    }
    let bytes = call.bytes(pointer, len)?;
    let (family, path) = bytes.split_at(FAMILY_BYTES);
    match u16::from_le_bytes([family[0], family[1]]) {
        FAMILY => {}
        FAMILY_NONE => return Ok(None),
        _ => return Err(Errno::INVAL),
    }
    Ok(Some(match path {
        [] => Address::Unnamed,
        [0, name @ ..] => Address::Abstract(name.into()),
        path => {
            let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
            Address::Path(path[..end].into())
        }
    }))
}

fn address_bytes(address: &Address) -> Vec<u8> {
    let mut bytes = FAMILY.to_le_bytes().to_vec();
    match address {
        Address::Unnamed => {}
        Address::Path(path) => {
            bytes.extend_from_slice(path);
            bytes.push(0);
        }
        Address::Abstract(name) => {
            bytes.push(0);
            bytes.extend_from_slice(name);
        }
    }
    bytes
}

/// Writes an address as far as it fits, and its whole length.
fn write_address(
    call: &mut Call<'_>,
    address: &Address,
    pointer: u32,
    len_pointer: u32,
) -> Result<(), Errno> {
    if pointer == 0 {
        return Ok(());
    }
    let bytes = address_bytes(address);
    let room: u32 = call.read(len_pointer)?;
    if room.cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    let count = bytes.len().min(room as usize);
    call.bytes(pointer, count)?.copy_from_slice(&bytes[..count]);
    call.write(len_pointer, &(bytes.len() as u32))
}

/// The socket that an address leads to.
fn find(call: &Call<'_>, address: &Address) -> Result<Arc<Socket>, Errno> {
    match address {
        Address::Unnamed => Err(Errno::CONNREFUSED),
        Address::Abstract(name) => call.kernel().unix.find(name),
        Address::Path(path) => {
            let node = with_view(call, |context, cwd, _| {
                let node = call.kernel().vfs.node(context, cwd, path, true)?;
                node.access(context, Access::WRITE)?;
                Ok(node)
            })?;
            let bound = node.attached::<Bound>();
            bound.and_then(|bound| bound.0.upgrade()).ok_or(Errno::CONNREFUSED)
        }
    }
}

// ---- making and connecting

/// socket(2) and socketpair(2).
fn make(call: &mut Call<'_>, pair: bool) -> Result<u32, Errno> {
    let [_, kind, protocol, fds, ..] = call.args;
    let flags = kind & (flag::CLOEXEC | flag::NONBLOCK);
    let kind = match kind & !flags {
        1 => Kind::Stream,
        2 | 3 => Kind::Datagram,
        5 => Kind::Packet,
        _ => return Err(Errno::SOCKTNOSUPPORT),
    };
    if protocol != 0 && protocol != u32::from(FAMILY) {
        return Err(Errno::PROTONOSUPPORT);
    }
    let cloexec = flags & flag::CLOEXEC != 0;
    let owner = credentials(call);
    let namespace = call.kernel().unix.clone();
    if !pair {
        let socket = Socket::new(&namespace, kind, owner)?;
        return call.install(open(socket, flags), cloexec);
    }
    call.bytes(fds, 8)?;
    let (one, two) = Socket::pair(&namespace, kind, owner)?;
    let numbers = call.install_two([open(one, flags), open(two, flags)], cloexec)?;
    call.write(fds, &numbers)?;
    Ok(0)
}

fn open(socket: Arc<Socket>, flags: u32) -> Arc<OpenFile> {
    OpenFile::new(Object::Unix(socket), flag::READ_WRITE | flags & flag::NONBLOCK)
}

fn bind(call: &mut Call<'_>, socket: &Arc<Socket>) -> Result<u32, Errno> {
    let [_, pointer, len, ..] = call.args;
    match read_address(call, pointer, len)?.ok_or(Errno::INVAL)? {
        Address::Unnamed => socket.bind_abstract(&[])?,
        Address::Abstract(name) => socket.bind_abstract(&name)?,
        Address::Path(path) => {
            socket.may_bind()?;
            let made = with_view(call, |context, cwd, umask| {
                let mode = 0o777 & !umask;
                let vfs = &call.kernel().vfs;
                vfs.mknod(context, cwd, &path, vfs::Kind::Socket, DeviceId::default(), mode)
            });
            let node = made.map_err(|errno| match errno {
                Errno::EXIST => Errno::ADDRINUSE,
                other => other,
            })?;
            node.attach(|| Bound(Arc::downgrade(socket)))?;
            socket.bound_to(&path);
        }
    }
    Ok(0)
}

fn listen(call: &mut Call<'_>, socket: &Arc<Socket>) -> Result<u32, Errno> {
    socket.listen(call.args[1], credentials(call))?;
    Ok(0)
}

async fn accept(
    call: &mut Call<'_>,
    file: &OpenFile,
    socket: &Arc<Socket>,
    number: u32,
) -> Result<u32, Errno> {
    let [_, pointer, len, flags, ..] = call.args;
    let flags = if number == nr::ACCEPT4 { flags } else { 0 };
    if flags & !(flag::CLOEXEC | flag::NONBLOCK) != 0 {
        return Err(Errno::INVAL);
    }
    let connection = loop {
        let waiter = socket.subscribe();
        match socket.accept(credentials(call)) {
            Err(Errno::AGAIN) if !file.nonblocking() => {}
            done => break done?,
        }
        if call.wait(waiter, None).await == Wake::Interrupted {
            return Err(RESTART);
        }
    };
    let peer = connection.peer_address().unwrap_or_default();
    write_address(call, &peer, pointer, len)?;
    call.install(open(connection, flags), flags & flag::CLOEXEC != 0)
}

async fn connect(call: &mut Call<'_>, file: &OpenFile, socket: &Arc<Socket>) -> Result<u32, Errno> {
    let [_, pointer, len, ..] = call.args;
    let Some(address) = read_address(call, pointer, len)? else {
        if socket.kind() != Kind::Datagram {
            return Err(Errno::INVAL);
        }
        socket.disconnect();
        return Ok(0);
    };
    let target = find(call, &address)?;
    loop {
        let waiter = target.subscribe();
        match socket.connect(&target, credentials(call)) {
            Err(Errno::AGAIN) if !file.nonblocking() => {}
            done => return done.map(|()| 0),
        }
        if call.wait(waiter, None).await == Wake::Interrupted {
            return Err(RESTART);
        }
    }
}

fn getpeername(call: &mut Call<'_>, socket: &Arc<Socket>) -> Result<u32, Errno> {
    let [_, address, len, ..] = call.args;
    let peer = socket.peer_address()?;
    write_address(call, &peer, address, len)?;
    Ok(0)
}

fn shutdown(call: &mut Call<'_>, socket: &Arc<Socket>) -> Result<u32, Errno> {
    let (read, write) = match call.args[1] {
        0 => (true, false),
        1 => (false, true),
        2 => (true, true),
        _ => return Err(Errno::INVAL),
    };
    socket.shut_down(read, write)?;
    Ok(0)
}

// ---- sending

/// What is sent besides the bytes.
struct Parcel {
    rights: Option<Rights>,
    sender: Credentials,
    to: Option<Arc<Socket>>,
    flags: u32,
}

async fn sendto(call: &mut Call<'_>, file: &OpenFile, socket: &Socket) -> Result<u32, Errno> {
    let [_, address, len, flags, to, to_len] = call.args;
    let to = destination(call, to, to_len)?;
    let parcel = Parcel { rights: None, sender: credentials(call), to, flags };
    send(call, file, socket, &[Span { address, len }], parcel).await
}

fn destination(call: &mut Call<'_>, pointer: u32, len: u32) -> Result<Option<Arc<Socket>>, Errno> {
    if pointer == 0 || len == 0 {
        return Ok(None);
    }
    let address = read_address(call, pointer, len)?.ok_or(Errno::INVAL)?;
    find(call, &address).map(Some)
}

async fn sendmsg(call: &mut Call<'_>, file: &OpenFile, socket: &Socket) -> Result<u32, Errno> {
    let [_, header, flags, ..] = call.args;
    let header: MessageHeader = call.read(header)?;
    let spans = call.vector(header.vector, header.vector_len)?;
    let to = destination(call, header.name, header.name_len)?;
    let (rights, sender) = read_control(call, socket, &header)?;
    send(call, file, socket, &spans, Parcel { rights, sender, to, flags }).await
}

/// The control messages of a send: descriptors to pass, and credentials in whose name.
fn read_control(
    call: &mut Call<'_>,
    socket: &Socket,
    header: &MessageHeader,
) -> Result<(Option<Rights>, Credentials), Errno> {
    let mut sender = credentials(call);
    let mut files = Vec::new();
    for Control { level, kind, data } in control::read(call, header)? {
        if level != option::LEVEL {
            return Err(Errno::INVAL);
        }
        match kind {
            SCM_RIGHTS => {
                let table = call.process().fds.lock();
                for fd in data.chunks_exact(4) {
                    files.push(table.get(bytemuck::pod_read_unaligned(fd))?);
                }
            }
            SCM_CREDENTIALS => {
                let size = size_of::<UserCredentials>();
                let said = data.get(..size).ok_or(Errno::INVAL)?;
                sender = vouched(call, bytemuck::pod_read_unaligned(said))?;
            }
            _ => return Err(Errno::INVAL),
        }
    }
    let rights = if files.is_empty() { None } else { Some(socket.rights(files)?) };
    Ok((rights, sender))
}

/// Credentials that the caller may claim: its own, or any for root.
fn vouched(call: &Call<'_>, said: UserCredentials) -> Result<Credentials, Errno> {
    let cred = call.process().cred();
    let mine =
        |ids: &crate::process::cred::Ids, id| [ids.real, ids.effective, ids.saved].contains(&id);
    let own =
        said.pid == call.process().pid && mine(&cred.user, said.uid) && mine(&cred.group, said.gid);
    if !own && !cred.is_root() {
        return Err(Errno::PERM);
    }
    Ok(Credentials { pid: said.pid, uid: said.uid, gid: said.gid })
}

async fn send(
    call: &mut Call<'_>,
    file: &OpenFile,
    socket: &Socket,
    spans: &[Span],
    mut parcel: Parcel,
) -> Result<u32, Errno> {
    let whole = socket.kind() != Kind::Stream;
    let len = total(spans);
    if whole && len > unix::INBOX_BYTES_MAX {
        return Err(Errno::MSGSIZE);
    }
    let waits = !file.nonblocking() && parcel.flags & message::DONT_WAIT == 0;
    let mut done = 0;
    loop {
        let piece = call.gather(spans, done, PIECE)?;
        let waiter = socket.subscribe_to_send(parcel.to.as_ref());
        let sent = socket.send(&piece, &mut parcel.rights, parcel.sender, parcel.to.as_ref());
        let errno = match sent {
            Ok(count) => {
                done += count;
                if whole || done >= len {
                    return Ok(done as u32);
                }
                continue;
            }
            Err(Errno::AGAIN) if waits => match call.wait(waiter, None).await {
                Wake::Interrupted => RESTART,
                Wake::Done(()) | Wake::TimedOut => continue,
            },
            Err(errno) => errno,
        };
        if errno == Errno::PIPE && whole == (socket.kind() == Kind::Packet) {
            let quiet = parcel.flags & message::NO_SIGNAL != 0;
            if !quiet {
                call.thread().raise(Signal::PIPE);
            }
        }
        return if done > 0 { Ok(done as u32) } else { Err(errno) };
    }
}

// ---- receiving

async fn recvfrom(call: &mut Call<'_>, file: &OpenFile, socket: &Socket) -> Result<u32, Errno> {
    let [_, address, len, flags, from, from_len] = call.args;
    let received = receive(call, file, socket, &[Span { address, len }], flags).await?;
    if received.from != Address::Unnamed || socket.kind() == Kind::Datagram {
        write_address(call, &received.from, from, from_len)?;
    } else if from != 0 {
        call.write(from_len, &0u32)?;
    }
    Ok(told(socket, &received, flags))
}

/// The count to return: with `MSG_TRUNC` that of the whole message.
fn told(socket: &Socket, received: &Received, flags: u32) -> u32 {
    let whole = flags & message::TRUNCATED != 0 && socket.kind() != Kind::Stream;
    (if whole { received.whole } else { received.count }) as u32
}

async fn receive(
    call: &mut Call<'_>,
    file: &OpenFile,
    socket: &Socket,
    spans: &[Span],
    flags: u32,
) -> Result<Received, Errno> {
    let peek = flags & message::PEEK != 0;
    let waits = !file.nonblocking() && flags & message::DONT_WAIT == 0;
    let fill = flags & message::WAIT_ALL != 0 && socket.kind() == Kind::Stream && !peek;
    let wanted = total(spans);
    let mut all: Option<Received> = None;
    loop {
        let waiter = socket.subscribe();
        let done = all.as_ref().map_or(0, |all| all.count);
        let outcome = match spans {
            [span] => {
                let address = span.address.saturating_add(done as u32);
                let into = call.bytes(address, span.len as usize - done)?;
                socket.receive(into, peek)
            }
            _ => {
                let mut buffer = vec![0; (wanted - done).min(RECEIVE_MAX)];
                let outcome = socket.receive(&mut buffer, peek);
                if let Ok(received) = &outcome {
                    scatter_at(call, spans, done, &buffer[..received.count])?;
                }
                outcome
            }
        };
        match outcome {
            Ok(received) => {
                let ended = received.count == 0;
                let all = all.get_or_insert_default();
                all.count += received.count;
                all.whole = all.whole.max(received.whole);
                (all.sender, all.from) = (received.sender, received.from);
                all.rights.extend(received.rights);
                if !fill || ended || all.count >= wanted || !all.rights.is_empty() {
                    return Ok(std::mem::take(all));
                }
                continue;
            }
            Err(Errno::AGAIN) if waits => {}
            Err(errno) => return all.ok_or(errno),
        }
        if call.wait(waiter, None).await == Wake::Interrupted {
            return all.ok_or(RESTART);
        }
    }
}

/// Copies a buffer out into runs of memory from byte `skip` of them on.
fn scatter_at(
    call: &mut Call<'_>,
    spans: &[Span],
    mut skip: usize,
    from: &[u8],
) -> Result<(), Errno> {
    let mut rest = Vec::with_capacity(spans.len());
    for span in spans {
        let skipped = skip.min(span.len as usize) as u32;
        skip -= skipped as usize;
        let address = span.address.saturating_add(skipped);
        rest.push(Span { address, len: span.len - skipped });
    }
    call.scatter(&rest, from)
}

async fn recvmsg(call: &mut Call<'_>, file: &OpenFile, socket: &Socket) -> Result<u32, Errno> {
    let [_, pointer, flags, ..] = call.args;
    let mut header: MessageHeader = call.read(pointer)?;
    let spans = call.vector(header.vector, header.vector_len)?;
    let mut received = receive(call, file, socket, &spans, flags).await?;
    header.flags = 0;
    if header.name != 0 {
        let bytes = match &received.from {
            Address::Unnamed if socket.kind() != Kind::Datagram => Vec::new(),
            from => address_bytes(from),
        };
        let count = bytes.len().min(header.name_len as usize);
        call.bytes(header.name, count)?.copy_from_slice(&bytes[..count]);
        header.name_len = bytes.len() as u32;
    }
    if socket.kind() != Kind::Stream && received.whole > received.count {
        header.flags |= message::TRUNCATED;
    }
    let rights = std::mem::take(&mut received.rights);
    write_control(call, socket, &mut header, rights, received.sender, flags)?;
    call.write(pointer, &header)?;
    Ok(told(socket, &received, flags))
}

/// Writes the control messages of a receive as far as they fit; descriptors that do not fit are closed.
fn write_control(
    call: &mut Call<'_>,
    socket: &Socket,
    header: &mut MessageHeader,
    mut rights: Vec<Arc<OpenFile>>,
    sender: Credentials,
    flags: u32,
) -> Result<(), Errno> {
    let room = if header.control == 0 { 0 } else { header.control_len as usize };
    let mut control = Vec::new();
    if socket.passes_credentials() {
        let said = UserCredentials { pid: sender.pid, uid: sender.uid, gid: sender.gid };
        push(&mut control, option::LEVEL, SCM_CREDENTIALS, bytemuck::bytes_of(&said));
        if control.len() > room {
            control.clear();
            header.flags |= control::TRUNCATED;
        }
    }
    let fits = room.saturating_sub(control.len() + HEADER) / 4;
    if rights.len() > fits {
        header.flags |= control::TRUNCATED;
        rights.truncate(fits);
    }
    let mut fds: Vec<u32> = Vec::with_capacity(rights.len());
    for file in rights {
        match call.install(file, flags & message::CLOEXEC != 0) {
            Ok(fd) => fds.push(fd),
            Err(_full) => header.flags |= control::TRUNCATED,
        }
    }
    if !fds.is_empty() {
        push(&mut control, option::LEVEL, SCM_RIGHTS, bytemuck::cast_slice(&fds));
    }
    call.bytes(header.control, control.len())?.copy_from_slice(&control);
    header.control_len = control.len() as u32;
    Ok(())
}

// ---- options

fn setsockopt(call: &mut Call<'_>, socket: &Socket) -> Result<u32, Errno> {
    let [_, level, name, value, len, _] = call.args;
    if level != option::LEVEL {
        return Err(Errno::NOPROTOOPT);
    }
    if len < 4 {
        return Err(Errno::INVAL);
    }
    let value: i32 = call.read(value)?;
    match name {
        option::PASS_CREDENTIALS => socket.pass_credentials(value != 0),
        // Sizes are fixed; names are never in a waiting state; peers are never out of reach.
        option::SEND_BUFFER
        | option::RECEIVE_BUFFER
        | option::REUSE_ADDRESS
        | option::KEEP_ALIVE => {}
        _ => return Err(Errno::NOPROTOOPT),
    }
    Ok(0)
}

fn getsockopt(call: &mut Call<'_>, socket: &Socket) -> Result<u32, Errno> {
    let [_, level, name, value, len, _] = call.args;
    if level != option::LEVEL {
        return Err(Errno::OPNOTSUPP);
    }
    let number = |number: u32| number.to_le_bytes().to_vec();
    let answer = match name {
        option::TYPE => number(match socket.kind() {
            Kind::Stream => 1,
            Kind::Datagram => 2,
            Kind::Packet => 5,
        }),
        option::ERROR | option::PROTOCOL | option::REUSE_ADDRESS | option::KEEP_ALIVE => number(0),
        option::SEND_BUFFER | option::RECEIVE_BUFFER => number(unix::INBOX_BYTES_MAX as u32),
        option::PASS_CREDENTIALS => number(u32::from(socket.passes_credentials())),
        option::ACCEPTS => number(u32::from(socket.listens())),
        option::DOMAIN => number(u32::from(FAMILY)),
        option::PEER_CREDENTIALS => {
            let Credentials { pid, uid, gid } = socket.peer_credentials();
            bytemuck::bytes_of(&UserCredentials { pid, uid, gid }).to_vec()
        }
        _ => return Err(Errno::NOPROTOOPT),
    };
    let room: u32 = call.read(len)?;
    let count = answer.len().min(room as usize);
    call.bytes(value, count)?.copy_from_slice(&answer[..count]);
    call.write(len, &(count as u32))?;
    Ok(0)
}
