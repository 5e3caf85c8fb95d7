//! splice(2): moves bytes between a pipe and another descriptor, without the guest's memory.
//!
//! Nothing waits while bytes are on their way: what the other side does not take goes back to the front of the pipe, and room in
//! a pipe is promised before anything is read for it. Reading from a terminal (and, as on Linux, from /dev/null) and tee(2)
//! are refused (EINVAL): callers go on with read and write.

use super::fd::{PIECE, file_size_room};
use super::transfer::Side;
use super::{Call, Wake, nr, tty};
use crate::errno::{Errno, RESTART};
use crate::process::file::{Object, flag};
use crate::process::pipe::End;
use crate::process::{OpenFile, Signal};
use crate::wait::Waiter;
use std::sync::Arc;

/// `SPLICE_F_NONBLOCK`, and all flags: MOVE and MORE are hints, GIFT is of vmsplice(2).
const NONBLOCK: u32 = 2;
const FLAGS: u32 = 0xf;

/// Answers `number` if it is one of ours.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::SPLICE => splice(call).await,
        nr::TEE => Err(Errno::INVAL),
        _ => return None,
    })
}

fn end(file: &OpenFile) -> Option<&End> {
    match file.object() {
        Object::Pipe(end) => Some(end),
        _ => None,
    }
}

/// `splice(in, in_offset, out, out_offset, length, flags)`
async fn splice(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, in_pointer, _, out_pointer, len, flags] = call.args;
    if len == 0 {
        return Ok(0);
    }
    if flags & !FLAGS != 0 {
        return Err(Errno::INVAL);
    }
    let (from, to) = (call.file(0)?, call.file(2)?);
    let (source, target) = (end(&from), end(&to));
    if source.is_some() && in_pointer != 0 || target.is_some() && out_pointer != 0 {
        return Err(Errno::SPIPE);
    }
    for pointer in [in_pointer, out_pointer] {
        if pointer != 0 {
            call.read::<u64>(pointer)?;
        }
    }
    if !from.readable() || !to.writable() {
        return Err(Errno::BADF);
    }
    let len = (len as usize).min(PIECE);
    let nonblocking = |pipe: &OpenFile| flags & NONBLOCK != 0 || pipe.nonblocking();
    match (source, target) {
        (Some(source), Some(target)) => {
            if source.is_same(target) {
                return Err(Errno::INVAL);
            }
            let waits = !nonblocking(&from) && !nonblocking(&to);
            between(call, source, target, len, waits).await
        }
        (Some(source), None) => {
            let waits = !nonblocking(&from);
            out_of(call, source, (&to, out_pointer), len, waits).await
        }
        (None, Some(target)) => {
            let waits = !nonblocking(&to);
            into(call, (&from, in_pointer), target, len, waits).await
        }
        (None, None) => Err(Errno::INVAL),
    }
}

/// Waits for a change that may end an EAGAIN.
async fn changed(call: &mut Call<'_>, waiter: Option<Waiter>, waits: bool) -> Result<(), Errno> {
    let waiter = waiter.filter(|_| waits).ok_or(Errno::AGAIN)?;
    match call.wait(waiter, None).await {
        Wake::Done(()) | Wake::TimedOut => Ok(()),
        Wake::Interrupted => Err(RESTART),
    }
}

/// A pipe that nobody reads: EPIPE raises SIGPIPE.
fn broken(call: &Call<'_>, errno: Errno) -> Errno {
    if errno == Errno::PIPE {
        call.thread().raise(Signal::PIPE);
    }
    errno
}

/// From pipe to pipe: what is there and fits.
async fn between(
    call: &mut Call<'_>,
    source: &End,
    target: &End,
    len: usize,
    waits: bool,
) -> Result<u32, Errno> {
    loop {
        let waiter = source.subscribe();
        match source.try_take(1) {
            Ok(byte) if byte.is_empty() => return Ok(0),
            Ok(byte) => source.put_back(&byte),
            Err(errno) => {
                changed(call, Some(waiter).filter(|_| errno == Errno::AGAIN), waits).await?;
                continue;
            }
        }
        let waiter = target.subscribe();
        let promise = match target.promise(len) {
            Ok(promise) => promise,
            Err(Errno::AGAIN) => {
                changed(call, Some(waiter), waits).await?;
                continue;
            }
            Err(errno) => return Err(broken(call, errno)),
        };
        // Another reader may have come between.
        let Ok(bytes) = source.try_take(promise.bytes()) else { continue };
        promise.fill(&bytes);
        return Ok(returned(bytes.len()));
    }
}

/// From a pipe to something else: waits for the first bytes only, and writes all that are there.
async fn out_of(
    call: &mut Call<'_>,
    source: &End,
    (to, pointer): (&Arc<OpenFile>, u32),
    len: usize,
    waits: bool,
) -> Result<u32, Errno> {
    let mut side = side(call, to, pointer)?;
    if side.is_some() && to.flags() & flag::APPEND != 0 {
        return Err(Errno::INVAL);
    }
    let mut done = 0;
    let stopped = loop {
        let (filled, emptied) = (source.subscribe(), to.subscribe_to_write());
        let bytes = match source.try_take(len - done) {
            Ok(bytes) if bytes.is_empty() => break Ok(()),
            Ok(bytes) => bytes,
            Err(_empty) if done > 0 => break Ok(()),
            Err(_empty) => {
                changed(call, Some(filled), waits).await?;
                continue;
            }
        };
        let written = write(call, to, side.as_ref(), &bytes, done);
        source.put_back(&bytes[written.unwrap_or(0)..]);
        let stopped = match written {
            Ok(count) => {
                done += count;
                if let Some(side) = &mut side {
                    side.at += count as u64;
                }
                if done == len || count == 0 {
                    break Ok(());
                }
                continue;
            }
            Err(Errno::AGAIN) => changed(call, emptied, !to.nonblocking()).await,
            Err(errno) => Err(broken(call, errno)),
        };
        if stopped.is_err() {
            break stopped;
        }
    };
    if done == 0 {
        stopped?;
    }
    if let Some(side) = &side {
        side.finish(call)?;
    }
    Ok(returned(done))
}

/// Writes what is taken at once; `done` bytes were written before.
fn write(
    call: &mut Call<'_>,
    to: &Arc<OpenFile>,
    side: Option<&Side>,
    bytes: &[u8],
    done: usize,
) -> Result<usize, Errno> {
    let Some(side) = side else {
        tty::admit_write(call, to)?;
        return to.write(bytes);
    };
    let room = file_size_room(call.thread(), to, Some(side.at), bytes.len(), done)?;
    to.pwrite(&bytes[..room], side.at)
}

/// From something else into a pipe: what is there at one time.
async fn into(
    call: &mut Call<'_>,
    (from, pointer): (&Arc<OpenFile>, u32),
    target: &End,
    len: usize,
    waits: bool,
) -> Result<u32, Errno> {
    let mut side = side(call, from, pointer)?;
    if matches!(from.object(), Object::Terminal(_) | Object::Null) {
        return Err(Errno::INVAL);
    }
    loop {
        let (filled, emptied) = (from.subscribe(), target.subscribe());
        let promise = match target.promise(len) {
            Ok(promise) => promise,
            Err(Errno::AGAIN) => {
                changed(call, Some(emptied), waits).await?;
                continue;
            }
            Err(errno) => return Err(broken(call, errno)),
        };
        let mut bytes = vec![0; promise.bytes()];
        let read = match &side {
            Some(side) => from.pread(&mut bytes, side.at),
            None => from.read(&mut bytes),
        };
        let count = match read {
            Ok(count) => count,
            Err(Errno::AGAIN) => {
                drop(promise);
                changed(call, filled, !from.nonblocking()).await?;
                continue;
            }
            Err(errno) => return Err(errno),
        };
        promise.fill(&bytes[..count]);
        if let Some(side) = &mut side {
            side.at += count as u64;
            side.finish(call)?;
        }
        return Ok(returned(count));
    }
}

/// The side that is no pipe: a place in a regular file, or none in what has no offset.
///
/// # Errors
///
/// EINVAL for what bytes cannot be moved from or to, or for an offset that the file has not.
fn side(call: &mut Call<'_>, file: &Arc<OpenFile>, pointer: u32) -> Result<Option<Side>, Errno> {
    match file.object() {
        Object::File(content) if content.is_dir() => Err(Errno::INVAL),
        Object::File(_) => Side::new(call, file.clone(), pointer).map(Some),
        Object::Event(_)
        | Object::Timer(_)
        | Object::Epoll(_)
        | Object::Inotify(_)
        | Object::Signals(_)
        | Object::Process(_) => Err(Errno::INVAL),
        _ if pointer != 0 && !file.endless() => Err(Errno::INVAL),
        _ => Ok(None),
    }
}

/// A count as a system call returns it: at most [`PIECE`].
fn returned(count: usize) -> u32 {
    u32::try_from(count).expect("a piece is short")
}
