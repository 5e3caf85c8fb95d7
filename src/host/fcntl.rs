//! Descriptor flags and advisory locks: fcntl64, flock, dup, dup3, close, close_range.

use super::{Call, Wake, nr};
use crate::errno::{Errno, RESTART};
use crate::process::OpenFile;
use crate::process::file::{Object, Whence, flag};
use crate::process::locks::{OFFSET_MAX, Owner, Record};
use crate::process::pipe::End;
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;

/// Commands of fcntl(2); musl calls the lock commands by their 64-bit numbers on 32-bit machines.
mod command {
    pub(super) const DUPFD: u32 = 0;
    pub(super) const GETFD: u32 = 1;
    pub(super) const SETFD: u32 = 2;
    pub(super) const GETFL: u32 = 3;
    pub(super) const SETFL: u32 = 4;
    pub(super) const GETLK: u32 = 5;
    pub(super) const SETLK: u32 = 6;
    pub(super) const SETLKW: u32 = 7;
    pub(super) const SETOWN: u32 = 8;
    pub(super) const GETOWN: u32 = 9;
    pub(super) const GETLK64: u32 = 12;
    pub(super) const SETLK64: u32 = 13;
    pub(super) const SETLKW64: u32 = 14;
    pub(super) const OFD_GETLK: u32 = 36;
    pub(super) const OFD_SETLK: u32 = 37;
    pub(super) const OFD_SETLKW: u32 = 38;
    pub(super) const DUPFD_CLOEXEC: u32 = 1030;
    pub(super) const SETPIPE_SZ: u32 = 1031;
    pub(super) const GETPIPE_SZ: u32 = 1032;
}

/// `FD_CLOEXEC`
const FD_CLOEXEC: u32 = 1;

/// Answers `number` if it is one of ours.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::FCNTL64 => fcntl(call).await,
        nr::FLOCK => flock(call).await,
        nr::DUP => dup(call),
        nr::DUP3 => dup3(call),
        nr::CLOSE => close(call),
        nr::CLOSE_RANGE => close_range(call),
        _ => return None,
    })
}

fn dup(call: &mut Call<'_>) -> Result<u32, Errno> {
    let file = call.file(0)?;
    call.install(file, false)
}

fn dup3(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [old, new, flags, ..] = call.args;
    if flags & !flag::CLOEXEC != 0 || old == new {
        return Err(Errno::INVAL);
    }
    let file = call.file(0)?;
    let before = call.process().fds.lock().replace(new, file, flags & flag::CLOEXEC != 0)?;
    drop(before);
    Ok(new)
}

fn close(call: &mut Call<'_>) -> Result<u32, Errno> {
    let file = call.process().fds.lock().close(call.args[0])?;
    drop(file);
    Ok(0)
}

fn close_range(call: &mut Call<'_>) -> Result<u32, Errno> {
    /// `CLOSE_RANGE_UNSHARE` (tables are never shared between processes) and `CLOSE_RANGE_CLOEXEC`.
    const UNSHARE: u32 = 2;
    const CLOEXEC: u32 = 4;
    let [first, last, flags, ..] = call.args;
    if flags & !(UNSHARE | CLOEXEC) != 0 || first > last {
        return Err(Errno::INVAL);
    }
    let mut table = call.process().fds.lock();
    if flags & CLOEXEC == 0 {
        let files = table.close_range(first, last);
        drop(table);
        drop(files);
        return Ok(0);
    }
    let fds: Vec<u32> = table.iter().map(|(fd, _)| fd).collect();
    for fd in fds.into_iter().filter(|fd| (first..=last).contains(fd)) {
        table.set_cloexec(fd, true)?;
    }
    Ok(0)
}

async fn fcntl(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, command, argument, ..] = call.args;
    let file = call.file(0)?;
    let path_only = file.flags() & flag::PATH != 0;
    match command {
        command::DUPFD | command::DUPFD_CLOEXEC => {
            let cloexec = command == command::DUPFD_CLOEXEC;
            call.process().fds.lock().insert(argument, file, cloexec)
        }
        command::GETFD => call.process().fds.lock().cloexec(fd).map(u32::from),
        command::SETFD => {
            call.process().fds.lock().set_cloexec(fd, argument & FD_CLOEXEC != 0).map(|()| 0)
        }
        command::GETFL => Ok(file.flags()),
        _ if path_only => Err(Errno::BADF),
        command::SETFL => {
            file.set_flags(argument);
            Ok(0)
        }
        command::GETLK | command::GETLK64 | command::OFD_GETLK => get_lock(call, &file),
        command::SETLK | command::SETLK64 | command::OFD_SETLK => {
            set_lock(call, &file, false).await
        }
        command::SETLKW | command::SETLKW64 | command::OFD_SETLKW => {
            set_lock(call, &file, true).await
        }
        // Signals on input are not sent: O_ASYNC is kept and has no effect.
        command::SETOWN => Ok(0),
        command::GETOWN => Ok(0),
        command::GETPIPE_SZ => Ok(pipe_end(&file)?.capacity() as u32),
        command::SETPIPE_SZ => Ok(pipe_end(&file)?.set_capacity(argument as usize)? as u32),
        _ => Err(Errno::INVAL),
    }
}

fn pipe_end(file: &OpenFile) -> Result<&End, Errno> {
    match file.object() {
        Object::Pipe(end) => Ok(end),
        _ => Err(Errno::BADF),
    }
}

// ---- locks

/// `struct flock` with 64-bit offsets.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Flock {
    kind: i16,
    whence: i16,
    reserved: u32,
    start: i64,
    len: i64,
    pid: i32,
    reserved_end: u32,
}

/// `F_RDLCK`, `F_WRLCK`, `F_UNLCK`
const READ_LOCK: i16 = 0;
const WRITE_LOCK: i16 = 1;
const UNLOCK: i16 = 2;

impl Flock {
    /// First and last byte.
    fn range(&self, file: &OpenFile) -> Result<(u64, u64), Errno> {
        let base = match Whence::try_from(u32::from(self.whence.cast_unsigned()))? {
            Whence::Set => 0,
            Whence::Current => file.with_offset(|offset| offset.cast_signed()),
            Whence::End => file.vfs_file().map_or(0, |file| file.len().cast_signed()),
            Whence::Data | Whence::Hole => return Err(Errno::INVAL),
        };
        let start = base.checked_add(self.start).ok_or(Errno::OVERFLOW)?;
        let (start, end) = match self.len {
            0 => (start, OFFSET_MAX.cast_signed()),
            len if len > 0 => (start, start.checked_add(len - 1).ok_or(Errno::OVERFLOW)?),
            len => (start.checked_add(len).ok_or(Errno::INVAL)?, start - 1),
        };
        let start = u64::try_from(start).map_err(|_negative| Errno::INVAL)?;
        Ok((start, end.cast_unsigned()))
    }

    fn record(&self, call: &Call<'_>, file: &OpenFile, owner: Owner) -> Result<Record, Errno> {
        let (start, end) = self.range(file)?;
        Ok(Record {
            owner,
            pid: call.process().pid,
            exclusive: self.kind == WRITE_LOCK,
            start,
            end,
        })
    }
}

/// The lock asked for and in whose name.
fn wanted(call: &mut Call<'_>, file: &OpenFile) -> Result<(Flock, Owner), Errno> {
    let [_, command, address, ..] = call.args;
    let flock: Flock = call.read(address)?;
    if !(READ_LOCK..=UNLOCK).contains(&flock.kind) {
        return Err(Errno::INVAL);
    }
    if (command::OFD_GETLK..=command::OFD_SETLKW).contains(&command) {
        if flock.pid != 0 {
            return Err(Errno::INVAL);
        }
        return Ok((flock, Owner::Description(file.lock_id())));
    }
    Ok((flock, call.process().fds.lock().lock_owner()))
}

fn get_lock(call: &mut Call<'_>, file: &OpenFile) -> Result<u32, Errno> {
    let (mut flock, owner) = wanted(call, file)?;
    if flock.kind == UNLOCK {
        return Err(Errno::INVAL);
    }
    let record = flock.record(call, file, owner)?;
    match call.kernel().locks.conflict(file.lock_key()?, &record) {
        None => flock.kind = UNLOCK,
        Some(held) => {
            let whole = held.end == OFFSET_MAX;
            flock = Flock {
                kind: if held.exclusive { WRITE_LOCK } else { READ_LOCK },
                whence: 0,
                start: held.start.cast_signed(),
                len: if whole { 0 } else { (held.end - held.start + 1).cast_signed() },
                pid: match held.owner {
                    Owner::Table(_) => held.pid.cast_signed(),
                    Owner::Description(_) => -1,
                },
                ..flock
            };
        }
    }
    let address = call.args[2];
    call.write(address, &flock)?;
    Ok(0)
}

async fn set_lock(call: &mut Call<'_>, file: &Arc<OpenFile>, wait: bool) -> Result<u32, Errno> {
    let (flock, owner) = wanted(call, file)?;
    let key = file.lock_key()?;
    let record = flock.record(call, file, owner)?;
    let locks = call.kernel().locks.clone();
    if flock.kind == UNLOCK {
        return locks.unset(key, owner, record.start, record.end).map(|()| 0);
    }
    let allowed = if record.exclusive { file.writable() } else { file.readable() };
    if !allowed {
        return Err(Errno::BADF);
    }
    match owner {
        Owner::Table(_) => call.process().fds.lock().locks().held_in(&locks),
        Owner::Description(_) => file.locked_in(&locks),
    }
    loop {
        let waiter = locks.subscribe();
        match locks.set(key, record) {
            Err(Errno::AGAIN) if wait => {}
            done => return done.map(|()| 0),
        }
        if matches!(owner, Owner::Table(_)) {
            locks.start_waiting(key, &record)?;
        }
        let wake = call.wait(waiter, None).await;
        locks.stop_waiting(owner);
        if wake == Wake::Interrupted {
            return Err(RESTART);
        }
    }
}

/// `flock(fd, operation)`
async fn flock(call: &mut Call<'_>) -> Result<u32, Errno> {
    /// `LOCK_SH`, `LOCK_EX`, `LOCK_NB`, `LOCK_UN`
    const SHARED: u32 = 1;
    const EXCLUSIVE: u32 = 2;
    const NONBLOCK: u32 = 4;
    const UNLOCK: u32 = 8;
    let operation = call.args[1];
    let file = call.file(0)?;
    if file.flags() & flag::PATH != 0 {
        return Err(Errno::BADF);
    }
    let exclusive = match operation & !NONBLOCK {
        SHARED => Some(false),
        EXCLUSIVE => Some(true),
        UNLOCK => None,
        _ => return Err(Errno::INVAL),
    };
    let key = file.lock_key()?;
    let locks = call.kernel().locks.clone();
    file.locked_in(&locks);
    loop {
        let waiter = locks.subscribe();
        match locks.flock(key, file.lock_id(), exclusive) {
            Err(Errno::AGAIN) if operation & NONBLOCK == 0 => {}
            done => return done.map(|()| 0),
        }
        if call.wait(waiter, None).await == Wake::Interrupted {
            return Err(RESTART);
        }
    }
}
