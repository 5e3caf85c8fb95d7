//! Sending and receiving: sendto, sendmsg, sendmmsg and their counterparts, with vectors, flags and time limits.
//!
//! A stream's blocking send goes on until everything is taken, as Linux's does. Control messages are `packet`'s. There is no
//! urgent data: sending it (MSG_OOB) is EOPNOTSUPP.

use super::address::{Address, AddressLength, encode};
use super::{Open, Patience, packet};
use crate::errno::Errno;
use crate::host::Call;
use crate::host::control::{self, Room};
use crate::host::fd::{Pace, Span, total};
use crate::host::time::Timespec64;
use crate::process::Signal;
use crate::vnet::{Kind, Received, Wish};
use bytemuck::{Pod, Zeroable};
use std::net::SocketAddr;
use tokio::time::Instant;

/// Flags (include/linux/socket.h).
const MSG_OOB: u32 = 0x1;
const MSG_PEEK: u32 = 0x2;
const MSG_TRUNC: u32 = 0x20;
const MSG_DONTWAIT: u32 = 0x40;
const MSG_WAITALL: u32 = 0x100;
const MSG_ERRQUEUE: u32 = 0x2000;
const MSG_NOSIGNAL: u32 = 0x4000;
const MSG_WAITFORONE: u32 = 0x10000;
const MSG_FASTOPEN: u32 = 0x2000_0000;

/// Bytes of a vector copied out of the guest at a time.
const PIECE: usize = 256 << 10;
/// Bytes received into a vector at a time: the most that a connection holds.
const RECEIVE_MAX: usize = 256 << 10;
/// Messages of one call (`UIO_MAXIOV`).
const MESSAGES_MAX: u32 = 1024;

/// `struct msghdr`, 32-bit.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(in crate::host) struct MessageHeader {
    pub(in crate::host) name: u32,
    pub(in crate::host) name_len: u32,
    pub(in crate::host) vector: u32,
    pub(in crate::host) vector_len: u32,
    pub(in crate::host) control: u32,
    pub(in crate::host) control_len: u32,
    pub(in crate::host) flags: u32,
}

/// Size of `struct mmsghdr`: a header and the length.
const MESSAGE_BYTES: u32 = 32;
const LENGTH_OFFSET: u32 = 28;

// ---- sending

/// `sendto(fd, buffer, length, flags, address, address_length)`
pub(super) async fn sendto(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, address, len, flags, to, to_len] = call.args;
    let open = Open::of(call)?;
    let to = destination(call, &open, to, to_len)?;
    let len = len.min(i32::MAX as u32);
    let spans = [Span { address, len }];
    send(call, &open, &spans, (to, Wish::default()), flags).await
}

/// `sendmsg(fd, header, flags)`
pub(super) async fn sendmsg(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, pointer, flags, ..] = call.args;
    let open = Open::of(call)?;
    send_header(call, &open, pointer, flags).await
}

/// `sendmmsg(fd, messages, count, flags)`: stops at the first error, told only if nothing was sent.
pub(super) async fn sendmmsg(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, messages, count, flags, ..] = call.args;
    let open = Open::of(call)?;
    let mut done = 0;
    while done < count.min(MESSAGES_MAX) {
        let at = messages.checked_add(done * MESSAGE_BYTES).ok_or(Errno::FAULT)?;
        let sent = match send_header(call, &open, at, flags).await {
            Ok(bytes) => call.write(at.saturating_add(LENGTH_OFFSET), &bytes),
            Err(errno) => Err(errno),
        };
        match sent {
            Ok(()) => done += 1,
            Err(errno) if done == 0 => return Err(errno),
            Err(_later) => break,
        }
    }
    Ok(done)
}

async fn send_header(
    call: &mut Call<'_>,
    open: &Open,
    pointer: u32,
    flags: u32,
) -> Result<u32, Errno> {
    let header: MessageHeader = call.read(pointer)?;
    let spans = call.vector(header.vector, header.vector_len)?;
    let to = destination(call, open, header.name, header.name_len)?;
    let controls = control::read(call, &header)?;
    let wish = packet::wish(open, &controls, to)?;
    send(call, open, &spans, (to, wish), flags).await
}

/// Where to send; a stream does not look at it.
fn destination(
    call: &mut Call<'_>,
    open: &Open,
    pointer: u32,
    len: u32,
) -> Result<Option<SocketAddr>, Errno> {
    if pointer == 0 || len == 0 || open.socket.kind() == Kind::Stream {
        return Ok(None);
    }
    match Address::read(call, pointer, len)? {
        Address::Internet(address) => Ok(Some(address)),
        Address::Unspecified(address) => address.map(Some).ok_or(Errno::INVAL),
    }
}

async fn send(
    call: &mut Call<'_>,
    open: &Open,
    spans: &[Span],
    (to, wish): (Option<SocketAddr>, Wish),
    flags: u32,
) -> Result<u32, Errno> {
    if flags & (MSG_OOB | MSG_FASTOPEN) != 0 {
        return Err(Errno::OPNOTSUPP);
    }
    let stream = open.socket.kind() == Kind::Stream;
    let len = total(spans);
    if !stream && len > usize::from(u16::MAX) {
        return Err(Errno::MSGSIZE);
    }
    let timeout = open.socket.send_timeout();
    let patience = Patience::new(&open.file, flags & MSG_DONTWAIT != 0, timeout);
    let mut done = 0;
    let mut pace = Pace::default();
    loop {
        let waiter = open.socket.subscribe();
        let errno = match send_now(call, open, spans, done, (to, &wish)) {
            Ok(count) => {
                done += count;
                if !stream || done >= len {
                    return Ok(returned(done));
                }
                pace.moved(count).await;
                continue;
            }
            Err(Errno::AGAIN) => match patience.wait(call, waiter).await {
                Ok(()) => continue,
                Err(errno) => errno,
            },
            Err(errno) => errno,
        };
        if done > 0 {
            return Ok(returned(done));
        }
        if errno == Errno::PIPE && stream && flags & MSG_NOSIGNAL == 0 {
            call.thread().raise(Signal::PIPE);
        }
        return Err(errno);
    }
}

/// Sends what there is room for of the spans from byte `done` on: a single one in place, of several no more than that is copied.
fn send_now(
    call: &mut Call<'_>,
    open: &Open,
    spans: &[Span],
    done: usize,
    (to, wish): (Option<SocketAddr>, &Wish),
) -> Result<usize, Errno> {
    if let [span] = spans {
        let address = span.address.saturating_add(returned(done));
        let from = call.bytes(address, span.len as usize - done)?;
        return open.socket.send_as(from, to, wish);
    }
    let max = open.socket.room().clamp(1, PIECE);
    let piece = call.gather(spans, done, max)?;
    open.socket.send_as(&piece, to, wish)
}

// ---- receiving

/// `recvfrom(fd, buffer, length, flags, address, address_length)`
pub(super) async fn recvfrom(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, address, len, flags, from, from_len] = call.args;
    let open = Open::of(call)?;
    let room = AddressLength::read(call, from, from_len)?;
    let spans = [Span { address, len: len.min(i32::MAX as u32) }];
    let received = receive(call, &open, &spans, flags).await?;
    match received.from {
        Some(from) => room.write(call, from)?,
        None => room.write_none(call)?,
    }
    Ok(told(&open, received, flags))
}

/// `recvmsg(fd, header, flags)`
pub(super) async fn recvmsg(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, pointer, flags, ..] = call.args;
    let open = Open::of(call)?;
    receive_header(call, &open, pointer, flags).await
}

/// `recvmmsg_time64(fd, messages, count, flags, timeout)`: the timeout is looked at after each message, as on Linux.
pub(super) async fn recvmmsg(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, messages, count, mut flags, timeout, _] = call.args;
    let open = Open::of(call)?;
    let deadline = match timeout {
        0 => None,
        pointer => {
            let timeout = call.read::<Timespec64>(pointer)?.duration()?;
            Instant::now().checked_add(timeout)
        }
    };
    let mut done = 0;
    while done < count.min(MESSAGES_MAX) {
        let at = messages.checked_add(done * MESSAGE_BYTES).ok_or(Errno::FAULT)?;
        let received = match receive_header(call, &open, at, flags & !MSG_WAITFORONE).await {
            Ok(bytes) => call.write(at.saturating_add(LENGTH_OFFSET), &bytes),
            Err(errno) => Err(errno),
        };
        match received {
            Ok(()) => done += 1,
            Err(errno) if done == 0 => return Err(errno),
            Err(_later) => break,
        }
        if flags & MSG_WAITFORONE != 0 {
            flags |= MSG_DONTWAIT;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            break;
        }
    }
    Ok(done)
}

async fn receive_header(
    call: &mut Call<'_>,
    open: &Open,
    pointer: u32,
    flags: u32,
) -> Result<u32, Errno> {
    let mut header: MessageHeader = call.read(pointer)?;
    if header.name != 0 && header.name_len.cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    let spans = call.vector(header.vector, header.vector_len)?;
    let received = receive(call, open, &spans, flags).await?;
    if header.name != 0 {
        let bytes = received.from.map(encode).unwrap_or_default();
        let count = bytes.len().min(header.name_len as usize);
        call.bytes(header.name, count)?.copy_from_slice(&bytes[..count]);
        header.name_len = returned(bytes.len());
    }
    header.flags = if received.full_bytes > received.bytes { MSG_TRUNC } else { 0 };
    let mut room = Room::of(&header);
    if let Some(arrival) = &received.arrival {
        packet::tell(&open.socket, arrival, &mut room);
    }
    room.write(call, &mut header)?;
    call.write(pointer, &header)?;
    Ok(told(open, received, flags))
}

/// The count to return: with MSG_TRUNC that of the whole datagram.
fn told(open: &Open, received: Received, flags: u32) -> u32 {
    let whole = flags & MSG_TRUNC != 0 && open.socket.kind() == Kind::Datagram;
    returned(if whole { received.full_bytes } else { received.bytes })
}

async fn receive(
    call: &mut Call<'_>,
    open: &Open,
    spans: &[Span],
    flags: u32,
) -> Result<Received, Errno> {
    if flags & MSG_ERRQUEUE != 0 {
        return Err(Errno::AGAIN); // Nothing is ever queued there: IP_RECVERR does not exist.
    }
    // No urgent data is ever sent here; for datagrams Linux looks at the flag when it sends only.
    if flags & MSG_OOB != 0 && open.socket.kind() == Kind::Stream {
        return Err(Errno::INVAL);
    }
    let peek = flags & MSG_PEEK != 0;
    let timeout = open.socket.recv_timeout();
    let patience = Patience::new(&open.file, flags & MSG_DONTWAIT != 0, timeout);
    let fill = flags & MSG_WAITALL != 0 && open.socket.kind() == Kind::Stream && !peek;
    let wanted = total(spans);
    let mut all = Received::NOTHING;
    loop {
        let waiter = open.socket.subscribe();
        let errno = match receive_now(call, open, spans, all.bytes, peek) {
            Ok(received) => {
                let ended = received.bytes == 0;
                all.bytes += received.bytes;
                all.full_bytes += received.full_bytes;
                (all.from, all.arrival) = (received.from, received.arrival);
                if !fill || ended || all.bytes >= wanted {
                    return Ok(all);
                }
                continue;
            }
            Err(Errno::AGAIN) if patience.waits && open.socket.read_ended() => return Ok(all),
            Err(Errno::AGAIN) => match patience.wait(call, waiter).await {
                Ok(()) => continue,
                Err(errno) => errno,
            },
            Err(errno) => errno,
        };
        return if all.bytes > 0 { Ok(all) } else { Err(errno) };
    }
}

/// Receives what is there, into the spans from byte `skip` on.
fn receive_now(
    call: &mut Call<'_>,
    open: &Open,
    spans: &[Span],
    skip: usize,
    peek: bool,
) -> Result<Received, Errno> {
    if let [span] = spans {
        let address = span.address.saturating_add(returned(skip));
        let into = call.bytes(address, span.len as usize - skip)?;
        return open.socket.recv(into, peek);
    }
    let mut buffer = vec![0; (total(spans) - skip).min(RECEIVE_MAX)];
    let received = open.socket.recv(&mut buffer, peek)?;
    call.scatter(&after(spans, skip), &buffer[..received.bytes])?;
    Ok(received)
}

/// The spans without their first `skip` bytes.
fn after(spans: &[Span], mut skip: usize) -> Vec<Span> {
    let rest = spans.iter().map(|span| {
        let skipped = skip.min(span.len as usize);
        skip -= skipped;
        let skipped = returned(skipped);
        Span { address: span.address.saturating_add(skipped), len: span.len - skipped }
    });
    rest.collect()
}

/// A count as a system call returns it; lengths from guests are below 2 GiB.
fn returned(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(i32::MAX as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        assert_eq!(size_of::<MessageHeader>(), 28);
        assert_eq!(MESSAGE_BYTES as usize, size_of::<MessageHeader>() + 4);
        assert_eq!(size_of::<Span>(), 8);
    }

    #[test]
    fn skipping_spans() {
        let spans = [Span { address: 100, len: 4 }, Span { address: 200, len: 6 }];
        let rest: Vec<_> = after(&spans, 5).iter().map(|s| (s.address, s.len)).collect();
        assert_eq!(rest, [(104, 0), (201, 5)]);
    }
}
