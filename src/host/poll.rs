//! Waiting for several descriptors: ppoll, pselect6, epoll. None of them is restarted after a signal.

use super::time::Timespec64;
use super::{Call, Wake, nr};
use crate::errno::Errno;
use crate::process::epoll::{EDGE, Epoll, Event, ONE_SHOT};
use crate::process::file::{Object, Waiters, flag};
use crate::process::signal::SigSet;
use crate::process::{OpenFile, epoll};
use crate::wait::{Ready, Waiter};
use bytemuck::{Pod, Zeroable};
use futures_util::future::select_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Reports of one epoll_wait.
const EVENTS_MAX: u32 = 1024;
/// Bytes of a signal set.
const SIGSET_BYTES: u32 = 8;
/// select(2)'s view of poll(2)'s bits: what makes a descriptor readable, writable or exceptional.
const SELECT_READ: u32 = 0x1 | 0x40 | 0x80 | 0x10 | 0x8;
const SELECT_WRITE: u32 = 0x4 | 0x100 | 0x200 | 0x8;
const SELECT_EXCEPT: u32 = 0x2;
const SELECTS: [u32; 3] = [SELECT_READ, SELECT_WRITE, SELECT_EXCEPT];
/// Reported whether asked for or not: `POLLERR`, `POLLHUP`, `POLLNVAL`.
const ALWAYS: u32 = 0x8 | 0x10 | 0x20;

/// Answers `number` if it is one of ours.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::PPOLL_TIME64 => ppoll(call).await,
        nr::PSELECT6_TIME64 => pselect6(call).await,
        nr::EPOLL_CREATE1 => epoll_create1(call),
        nr::EPOLL_CTL => epoll_ctl(call),
        nr::EPOLL_PWAIT | nr::EPOLL_PWAIT2 => epoll_wait(call, number).await,
        _ => return None,
    })
}

/// When a wait of this length from now ends; none for no end.
fn until(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

fn read_timeout(call: &mut Call<'_>, address: u32) -> Result<Option<Duration>, Errno> {
    match address {
        0 => Ok(None),
        address => call.read::<Timespec64>(address)?.duration().map(Some),
    }
}

/// The signal mask for the length of the call, if one is given.
fn read_mask(call: &mut Call<'_>, address: u32, size: u32) -> Result<Option<SigSet>, Errno> {
    if address == 0 {
        return Ok(None);
    }
    if size != SIGSET_BYTES {
        return Err(Errno::INVAL);
    }
    call.read::<u64>(address).map(|bits| Some(SigSet::from_bits(bits)))
}

/// Looks until `look` finds something, a signal comes or the time is over (then what `look` finds is nothing). With a
/// mask, that is the thread's for so long.
pub(super) async fn wait_for<T>(
    call: &mut Call<'_>,
    mask: Option<SigSet>,
    timeout: Option<Duration>,
    subscribe: impl Fn() -> Vec<Waiter>,
    mut look: impl FnMut() -> Option<T>,
) -> Result<Option<T>, Errno> {
    if let Some(mask) = mask {
        call.thread().begin_mask(mask);
    }
    let end = until(timeout);
    let outcome = loop {
        // Without time to wait there is nothing to subscribe to.
        let waiters = if timeout == Some(Duration::ZERO) { Vec::new() } else { subscribe() };
        if let Some(found) = look() {
            break Ok(Some(found));
        }
        if timeout == Some(Duration::ZERO) {
            break Ok(None);
        }
        let wake = if waiters.is_empty() {
            call.wait(std::future::pending::<()>(), end).await
        } else {
            let any = select_all(waiters.into_iter().map(Box::pin));
            call.wait(async { drop(any.await) }, end).await
        };
        match wake {
            Wake::Done(()) => {}
            Wake::TimedOut => break Ok(look()),
            Wake::Interrupted => break Err(Errno::INTR),
        }
    };
    if mask.is_some() {
        call.thread().end_mask(matches!(outcome, Err(Errno::INTR)));
    }
    outcome
}

// ---- poll

/// `struct pollfd`
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct PollFd {
    fd: i32,
    events: u16,
    revents: u16,
}

/// A polled file and the bits wanted of it.
struct Polled {
    file: Option<Arc<OpenFile>>,
    wanted: u32,
}

impl Polled {
    fn ready(&self) -> u32 {
        match &self.file {
            Some(file) => epoll::event_bits(file.ready()) & (self.wanted | ALWAYS),
            None => u32::from(Ready::NVAL.bits()),
        }
    }
}

fn subscribe_all(polled: &[Polled]) -> Vec<Waiter> {
    let mut waiters = Waiters::default();
    for file in polled.iter().filter_map(|polled| polled.file.as_ref()) {
        file.waiters(&mut waiters);
    }
    waiters.into_list()
}

/// The ready bits of each, if any has some.
fn look_all(polled: &[Polled]) -> Option<Vec<u32>> {
    let ready: Vec<u32> = polled.iter().map(Polled::ready).collect();
    ready.iter().any(|&bits| bits != 0).then_some(ready)
}

/// The files asked for, and their places among `asked`; negative numbers are left out.
fn look_up(call: &Call<'_>, asked: &[PollFd]) -> (Vec<usize>, Vec<Polled>) {
    let table = call.process().fds.lock();
    let places = asked.iter().enumerate();
    places
        .filter_map(|(at, asked)| {
            let fd = u32::try_from(asked.fd).ok()?;
            let wanted = u32::from(asked.events);
            Some((at, Polled { file: table.get(fd).ok(), wanted }))
        })
        .unzip()
}

/// `ppoll_time64(fds, count, timeout, mask, mask_size)`
async fn ppoll(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [address, count, timeout, mask, mask_size, _] = call.args;
    if count as usize > call.process().fds.lock().limit() {
        return Err(Errno::INVAL);
    }
    let timeout = read_timeout(call, timeout)?;
    let mask = read_mask(call, mask, mask_size)?;
    let size = count as usize * size_of::<PollFd>();
    let bytes = call.bytes(address, size)?;
    let mut asked: Vec<PollFd> =
        bytes.chunks_exact(size_of::<PollFd>()).map(bytemuck::pod_read_unaligned).collect();
    let (places, polled) = look_up(call, &asked);
    let found =
        wait_for(call, mask, timeout, || subscribe_all(&polled), || look_all(&polled)).await?;
    asked.iter_mut().for_each(|asked| asked.revents = 0);
    for (at, bits) in places.into_iter().zip(found.unwrap_or_default()) {
        asked[at].revents = bits as u16;
    }
    call.bytes(address, size)?.copy_from_slice(bytemuck::cast_slice(&asked));
    Ok(asked.iter().filter(|asked| asked.revents != 0).count() as u32)
}

// ---- select

/// Whether `fd` is in a set.
fn has(set: &[u8], fd: usize) -> bool {
    set[fd / 8] & 1 << (fd % 8) != 0
}

/// The descriptors below `count` that are in any of the sets, and their files.
fn look_up_sets(
    call: &Call<'_>,
    sets: &[Vec<u8>; 3],
    count: usize,
) -> Result<(Vec<usize>, Vec<Polled>), Errno> {
    let table = call.process().fds.lock();
    let (mut fds, mut polled) = (Vec::new(), Vec::new());
    for fd in 0..count {
        let asked = |(set, select): (&Vec<u8>, u32)| if has(set, fd) { select } else { 0 };
        let wanted = sets.iter().zip(SELECTS).map(asked).fold(0, |all, bits| all | bits);
        if wanted != 0 {
            fds.push(fd);
            polled.push(Polled { file: Some(table.get(fd as u32)?), wanted });
        }
    }
    Ok((fds, polled))
}

/// `pselect6_time64(nfds, read, write, except, timeout, {mask, mask_size})`
async fn pselect6(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [count, read, write, except, timeout, mask] = call.args;
    let limit = call.process().fds.lock().limit();
    if count.cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    let count = (count as usize).min(limit);
    let timeout = read_timeout(call, timeout)?;
    let mask = match mask {
        0 => None,
        address => {
            let [address, size]: [u32; 2] = call.read(address)?;
            read_mask(call, address, size)?
        }
    };
    let bytes = count.div_ceil(32) * 4;
    let addresses = [read, write, except];
    let mut sets = [vec![0u8; bytes], vec![0u8; bytes], vec![0u8; bytes]];
    for (set, address) in sets.iter_mut().zip(addresses).filter(|(_, address)| *address != 0) {
        set.copy_from_slice(call.bytes(address, bytes)?);
    }
    let (fds, polled) = look_up_sets(call, &sets, count)?;
    // ERR and HUP count only for the sets they are part of.
    let look = || {
        let ready: Vec<u32> = polled.iter().map(|polled| polled.ready() & polled.wanted).collect();
        ready.iter().any(|&bits| bits != 0).then_some(ready)
    };
    let found = wait_for(call, mask, timeout, || subscribe_all(&polled), look).await?;
    let mut results = [vec![0u8; bytes], vec![0u8; bytes], vec![0u8; bytes]];
    let mut total = 0;
    for (fd, bits) in fds.into_iter().zip(found.unwrap_or_default()) {
        for ((result, set), select) in results.iter_mut().zip(&sets).zip(SELECTS) {
            if bits & select != 0 && has(set, fd) {
                result[fd / 8] |= 1 << (fd % 8);
                total += 1;
            }
        }
    }
    for (result, address) in results.iter().zip(addresses).filter(|(_, address)| *address != 0) {
        call.bytes(address, bytes)?.copy_from_slice(result);
    }
    Ok(total)
}

// ---- epoll

/// `struct epoll_event`, which is packed on x86-64 alone.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct EpollEvent {
    events: u32,
    reserved: u32,
    data: u64,
}

fn epoll_create1(call: &mut Call<'_>) -> Result<u32, Errno> {
    let flags = call.args[0];
    if flags & !flag::CLOEXEC != 0 {
        return Err(Errno::INVAL);
    }
    let epoll = Epoll::new(call.kernel().watches.clone());
    let file = OpenFile::new(Object::Epoll(epoll), flag::READ_WRITE);
    call.install(file, flags & flag::CLOEXEC != 0)
}

fn instance(file: &OpenFile) -> Result<&Arc<Epoll>, Errno> {
    match file.object() {
        Object::Epoll(epoll) => Ok(epoll),
        _ => Err(Errno::INVAL),
    }
}

fn epoll_ctl(call: &mut Call<'_>) -> Result<u32, Errno> {
    const ADD: u32 = 1;
    const DELETE: u32 = 2;
    const MODIFY: u32 = 3;
    let [_, operation, fd, event, ..] = call.args;
    let file = call.file(0)?;
    let watched = call.file(2)?;
    let epoll = instance(&file)?;
    if operation == DELETE {
        return epoll.remove(fd, &watched).map(|()| 0);
    }
    let event: EpollEvent = call.read(event)?;
    /// `EPOLLEXCLUSIVE` and `EPOLLWAKEUP` change who is woken, not what is reported.
    const HINTS: u32 = 1 << 28 | 1 << 29;
    let wanted = event.events & !HINTS & (0xffff | EDGE | ONE_SHOT);
    match operation {
        ADD => epoll.add(fd, &watched, wanted, event.data)?,
        MODIFY => epoll.modify(fd, &watched, wanted, event.data)?,
        _ => return Err(Errno::INVAL),
    }
    Ok(0)
}

/// `epoll_pwait(epfd, events, max, timeout_ms, mask, mask_size)`; `epoll_pwait2` has a `struct timespec` for the time.
async fn epoll_wait(call: &mut Call<'_>, number: u32) -> Result<u32, Errno> {
    let [_, address, max, timeout, mask, mask_size] = call.args;
    let file = call.file(0)?;
    let epoll = instance(&file)?;
    if max == 0 || max > i32::MAX as u32 {
        return Err(Errno::INVAL);
    }
    let max = max.min(EVENTS_MAX);
    let size = max as usize * size_of::<EpollEvent>();
    call.bytes(address, size)?;
    let timeout = if number == nr::EPOLL_PWAIT2 {
        read_timeout(call, timeout)?
    } else {
        u64::try_from(timeout.cast_signed()).ok().map(Duration::from_millis)
    };
    let mask = read_mask(call, mask, mask_size)?;
    let subscribe = || {
        let mut waiters = Waiters::default();
        file.waiters(&mut waiters);
        waiters.into_list()
    };
    let look = || Some(epoll.collect(max as usize)).filter(|events| !events.is_empty());
    let found: Vec<Event> =
        wait_for(call, mask, timeout, subscribe, look).await?.unwrap_or_default();
    let events: Vec<EpollEvent> = found
        .iter()
        .map(|event| EpollEvent { events: event.events, reserved: 0, data: event.data })
        .collect();
    let bytes: &[u8] = bytemuck::cast_slice(&events);
    call.bytes(address, bytes.len())?.copy_from_slice(bytes);
    Ok(events.len() as u32)
}
