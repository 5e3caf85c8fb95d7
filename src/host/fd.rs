//! Reading, writing and making descriptors: read to pwritev2, pipe2, eventfd2, timerfd, memfd, dup, close.
//!
//! Guest memory is read and written in place, a piece at a time; only vectors for objects that must see them whole are gathered.
//! Locks and flags are in `fcntl.rs`, terminals in `tty.rs`, copying between descriptors in `transfer.rs`.

use super::time::{Timespec64, deadline};
use super::{Call, Wake, nr, special, tty};
use crate::errno::{Errno, RESTART};
use crate::process::eventfd::EventFd;
use crate::process::file::{Object, Whence, flag};
use crate::process::limit;
use crate::process::timerfd::{Setting, TimerFd};
use crate::process::{OpenFile, Process, Signal, Thread, pipe};
use crate::vfs::{Cred, OpenFlags, Opened};
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Entries of a vector (`IOV_MAX`).
const VECTOR_MAX: u32 = 1024;
/// Bytes of one call (Linux's `MAX_RW_COUNT`).
pub(super) const COUNT_MAX: u32 = 0x7fff_f000;
/// Bytes moved between two chances for other tasks of the host thread, and for a kill.
pub(super) const PIECE: usize = 1 << 20;
/// Bytes of a vector that are gathered to be written in one step.
const GATHER_MAX: usize = 1 << 20;
/// `RWF_*` flags that mean nothing here and may be given: HIPRI, DSYNC, SYNC, NOWAIT on memory.
const RWF_HARMLESS: u32 = 0x1 | 0x2 | 0x4;
/// `RWF_APPEND`
const RWF_APPEND: u32 = 0x10;

/// Paces a loop that moves bytes without waiting: other tasks of the host thread, and a kill, get a chance after each
/// [`PIECE`], and a short call costs nothing.
#[derive(Default)]
pub(super) struct Pace(usize);

impl Pace {
    /// Counts `bytes` that were moved.
    pub(super) async fn moved(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(bytes);
        if self.0 >= PIECE {
            self.0 = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// Answers `number` if it is one of ours.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::READ | nr::READV => {
            let done = read(call, number).await;
            call.process().usage.reads.note(done.unwrap_or(0));
            done
        }
        nr::WRITE | nr::WRITEV => {
            let done = write(call, number).await;
            call.process().usage.writes.note(done.unwrap_or(0));
            done
        }
        nr::PREAD64 | nr::PREADV | nr::PREADV2 => {
            let done = pread(call, number).await;
            call.process().usage.reads.note(done.unwrap_or(0));
            done
        }
        nr::PWRITE64 | nr::PWRITEV | nr::PWRITEV2 => {
            let done = pwrite(call, number).await;
            call.process().usage.writes.note(done.unwrap_or(0));
            done
        }
        nr::LLSEEK => llseek(call),
        nr::PIPE2 => pipe2(call),
        nr::EVENTFD2 => eventfd2(call),
        nr::TIMERFD_CREATE => timerfd_create(call),
        nr::TIMERFD_SETTIME64 => timerfd_settime(call),
        nr::TIMERFD_GETTIME64 => timerfd_gettime(call),
        nr::MEMFD_CREATE => memfd_create(call),
        _ => return None,
    })
}

/// A run of guest memory.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Span {
    pub(super) address: u32,
    pub(super) len: u32,
}

impl Call<'_> {
    /// The file that a descriptor argument names.
    ///
    /// # Errors
    ///
    /// EBADF.
    pub(super) fn file(&self, argument: usize) -> Result<Arc<OpenFile>, Errno> {
        self.process().fds.lock().get(self.args[argument])
    }

    /// Gives `file` the lowest free descriptor.
    ///
    /// # Errors
    ///
    /// EMFILE.
    pub(super) fn install(&self, file: Arc<OpenFile>, cloexec: bool) -> Result<u32, Errno> {
        self.process().fds.lock().insert(0, file, cloexec)
    }

    /// Gives two files the lowest free descriptors, or neither.
    ///
    /// # Errors
    ///
    /// EMFILE.
    pub(super) fn install_two(
        &self,
        files: [Arc<OpenFile>; 2],
        cloexec: bool,
    ) -> Result<[u32; 2], Errno> {
        let [one, two] = files;
        let first = self.install(one, cloexec)?;
        match self.install(two, cloexec) {
            Ok(second) => Ok([first, second]),
            Err(errno) => {
                self.close_again(first);
                Err(errno)
            }
        }
    }

    /// Takes a descriptor back that could not be told to the guest.
    pub(super) fn close_again(&self, fd: u32) {
        let file = self.process().fds.lock().close(fd);
        drop(file);
    }

    /// The runs of memory that arguments 1 and 2 describe: address and length, or a vector of both. Empty ones are left out.
    ///
    /// # Errors
    ///
    /// EFAULT, EINVAL for too many or too long.
    fn spans(&mut self, vector: bool) -> Result<Vec<Span>, Errno> {
        let [_, address, len, ..] = self.args;
        if !vector {
            let len = len.min(COUNT_MAX);
            return Ok(if len == 0 { Vec::new() } else { vec![Span { address, len }] });
        }
        self.vector(address, len)
    }

    /// The runs of memory of a `struct iovec` array.
    ///
    /// # Errors
    ///
    /// EFAULT, EINVAL for too many or too long.
    pub(super) fn vector(&mut self, address: u32, count: u32) -> Result<Vec<Span>, Errno> {
        if count > VECTOR_MAX {
            return Err(Errno::INVAL);
        }
        let bytes = self.bytes(address, count as usize * size_of::<Span>())?;
        let mut spans: Vec<Span> =
            bytes.chunks_exact(size_of::<Span>()).map(bytemuck::pod_read_unaligned).collect();
        let mut left = COUNT_MAX;
        for span in &mut spans {
            if span.len > i32::MAX as u32 {
                return Err(Errno::INVAL);
            }
            span.len = span.len.min(left);
            left -= span.len;
        }
        spans.retain(|span| span.len > 0);
        Ok(spans)
    }

    /// Copies runs of memory, from byte `skip` of them on, into one buffer of at most `max` bytes.
    ///
    /// # Errors
    ///
    /// EFAULT.
    pub(super) fn gather(
        &mut self,
        spans: &[Span],
        mut skip: usize,
        max: usize,
    ) -> Result<Vec<u8>, Errno> {
        let mut gathered = Vec::with_capacity(total(spans).saturating_sub(skip).min(max));
        for span in spans {
            let skipped = skip.min(span.len as usize);
            skip -= skipped;
            let len = (span.len as usize - skipped).min(max - gathered.len());
            let address = span.address.saturating_add(returned(skipped));
            gathered.extend_from_slice(self.bytes(address, len)?);
        }
        Ok(gathered)
    }

    /// Copies a buffer out into runs of memory.
    ///
    /// # Errors
    ///
    /// EFAULT.
    pub(super) fn scatter(&mut self, spans: &[Span], mut from: &[u8]) -> Result<(), Errno> {
        for span in spans {
            let (now, rest) = from.split_at(from.len().min(span.len as usize));
            self.bytes(span.address, now.len())?.copy_from_slice(now);
            from = rest;
        }
        Ok(())
    }
}

/// Bytes of all runs together.
pub(super) fn total(spans: &[Span]) -> usize {
    spans.iter().map(|span| span.len as usize).sum()
}

fn returned(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(COUNT_MAX)
}

// ---- reading

async fn read(call: &mut Call<'_>, number: u32) -> Result<u32, Errno> {
    let file = call.file(0)?;
    let spans = call.spans(number == nr::READV)?;
    read_spans(call, &file, &spans).await
}

/// Reads into runs of memory, waiting for the first bytes unless the file does not block.
pub(super) async fn read_spans(
    call: &mut Call<'_>,
    file: &Arc<OpenFile>,
    spans: &[Span],
) -> Result<u32, Errno> {
    if let Object::Terminal(terminal) = file.object() {
        return tty::read(call, file, terminal, spans).await;
    }
    if let Object::Signals(signals) = file.object() {
        return special::read_signals(call, file, signals, spans).await;
    }
    let until = file.read_timeout().map(|timeout| Instant::now() + timeout);
    loop {
        let waiter = file.subscribe();
        match read_now(call, file, spans, None).await {
            Err(Errno::AGAIN) if !file.nonblocking() => {}
            done => return done,
        }
        let waiter = waiter.ok_or(Errno::AGAIN)?;
        match call.wait(waiter, until).await {
            Wake::Done(()) => {}
            Wake::Interrupted if until.is_some() => return Err(Errno::INTR),
            Wake::Interrupted => return Err(RESTART),
            Wake::TimedOut => return Err(Errno::AGAIN),
        }
    }
}

/// Reads what is there, at `offset` if given.
pub(super) async fn read_now(
    call: &mut Call<'_>,
    file: &OpenFile,
    spans: &[Span],
    offset: Option<u64>,
) -> Result<u32, Errno> {
    let read = |into: &mut [u8], done: usize| match offset {
        Some(offset) => file.pread(into, offset.saturating_add(done as u64)),
        None => file.read(into),
    };
    if spans.is_empty() {
        return read(&mut [], 0).map(returned);
    }
    if spans.len() > 1 && file.carries_messages() {
        let mut message = vec![0; total(spans).min(64 << 10)];
        let count = read(&mut message, 0)?;
        call.scatter(spans, &message[..count])?;
        return Ok(returned(count));
    }
    let piece = if file.pollable() && !file.endless() { usize::MAX } else { PIECE };
    let (mut done, mut pace) = (0, Pace::default());
    for span in spans {
        let mut at = 0;
        while at < span.len as usize {
            let len = (span.len as usize - at).min(piece);
            let into = call.bytes(span.address.saturating_add(returned(at)), len);
            match into.and_then(|into| read(into, done)) {
                Ok(count) => {
                    (at, done) = (at + count, done + count);
                    if count < len {
                        return Ok(returned(done));
                    }
                    pace.moved(count).await;
                }
                Err(errno) if done == 0 => return Err(errno),
                Err(_later) => return Ok(returned(done)),
            }
        }
    }
    Ok(returned(done))
}

async fn pread(call: &mut Call<'_>, number: u32) -> Result<u32, Errno> {
    let file = call.file(0)?;
    if number == nr::PREADV2 && call.args[5] & !RWF_HARMLESS != 0 {
        return Err(Errno::OPNOTSUPP);
    }
    let spans = call.spans(number != nr::PREAD64)?;
    let offset = call.arg64(3);
    if number == nr::PREADV2 && offset == u64::MAX {
        return read_spans(call, &file, &spans).await;
    }
    read_now(call, &file, &spans, Some(position(offset)?)).await
}

fn position(offset: u64) -> Result<u64, Errno> {
    if offset.cast_signed() < 0 { Err(Errno::INVAL) } else { Ok(offset) }
}

// ---- writing

async fn write(call: &mut Call<'_>, number: u32) -> Result<u32, Errno> {
    let file = call.file(0)?;
    let spans = call.spans(number == nr::WRITEV)?;
    write_spans(call, &file, &spans).await
}

/// Where written bytes come from.
pub(super) enum Source<'a> {
    Guest(Span),
    Bytes(&'a [u8]),
}

/// Writes runs of memory: together if they are small, as pipes, sockets and appending need it.
pub(super) async fn write_spans(
    call: &mut Call<'_>,
    file: &Arc<OpenFile>,
    spans: &[Span],
) -> Result<u32, Errno> {
    match spans {
        [] => write_all(call, file, &Source::Bytes(&[])).await,
        [span] => write_all(call, file, &Source::Guest(*span)).await,
        _ if total(spans) <= GATHER_MAX => {
            let gathered = call.gather(spans, 0, GATHER_MAX)?;
            write_all(call, file, &Source::Bytes(&gathered)).await
        }
        _ if file.carries_messages() => Err(Errno::MSGSIZE),
        _ => {
            let mut done = 0;
            for span in spans {
                match write_all(call, file, &Source::Guest(*span)).await {
                    Ok(count) => {
                        done += count;
                        if count < span.len {
                            break;
                        }
                    }
                    Err(errno) if done == 0 => return Err(errno),
                    Err(_later) => break,
                }
            }
            Ok(done)
        }
    }
}

/// Writes everything, waiting for room unless the file does not block. EPIPE raises SIGPIPE.
pub(super) async fn write_all(
    call: &mut Call<'_>,
    file: &Arc<OpenFile>,
    source: &Source<'_>,
) -> Result<u32, Errno> {
    let len = match source {
        Source::Guest(span) => span.len as usize,
        Source::Bytes(bytes) => bytes.len(),
    };
    let until = file.write_timeout().map(|timeout| Instant::now() + timeout);
    let piece = if file.pollable() && !file.endless() { usize::MAX } else { PIECE };
    let (mut done, mut pace) = (0, Pace::default());
    loop {
        tty::admit_write(call, file)?;
        let waiter = file.subscribe_to_write();
        let room = match file_size_room(call.thread(), file, None, (len - done).min(piece), done) {
            Ok(room) => room,
            Err(_full) if done > 0 => return Ok(returned(done)),
            Err(errno) => return Err(errno),
        };
        let outcome = match source {
            Source::Guest(span) => {
                let from = call.bytes(span.address.saturating_add(returned(done)), room);
                from.and_then(|from| file.write(from))
            }
            Source::Bytes(bytes) => file.write(&bytes[done..done + room]),
        };
        match outcome {
            Ok(count) => {
                done += count;
                // A regular file takes less only when it is full.
                if done == len || (count < room && !file.pollable()) || file.carries_messages() {
                    return Ok(returned(done));
                }
                pace.moved(count).await;
                continue;
            }
            Err(Errno::AGAIN) if !file.nonblocking() => {}
            Err(errno) => {
                if errno == Errno::PIPE {
                    call.thread().raise(Signal::PIPE);
                }
                return if done > 0 { Ok(returned(done)) } else { Err(errno) };
            }
        }
        let errno = match call.wait(waiter.ok_or(Errno::AGAIN)?, until).await {
            Wake::Done(()) => continue,
            Wake::Interrupted if until.is_some() => Errno::INTR,
            Wake::Interrupted => RESTART,
            Wake::TimedOut => Errno::AGAIN,
        };
        return if done > 0 { Ok(returned(done)) } else { Err(errno) };
    }
}

/// Writes as much as there is room for, at most [`GATHER_MAX`] bytes. EPIPE raises SIGPIPE.
pub(super) fn write_now(
    call: &mut Call<'_>,
    file: &OpenFile,
    spans: &[Span],
) -> Result<u32, Errno> {
    let gathered = call.gather(spans, 0, GATHER_MAX)?;
    let room = file_size_room(call.thread(), file, None, gathered.len(), 0)?;
    let written = file.write(&gathered[..room]);
    if written == Err(Errno::PIPE) {
        call.thread().raise(Signal::PIPE);
    }
    written.map(returned)
}

/// `RLIMIT_FSIZE`
pub(super) fn file_bytes_max(process: &Process) -> u64 {
    process.with_attributes(|attributes| attributes.limits.get(limit::FILE_SIZE).soft)
}

/// How much of `len` bytes `RLIMIT_FSIZE` lets into the file; SIGXFSZ when nothing, and nothing was `done` before.
pub(super) fn file_size_room(
    thread: &Thread,
    file: &OpenFile,
    offset: Option<u64>,
    len: usize,
    done: usize,
) -> Result<usize, Errno> {
    let max = file_bytes_max(&thread.process);
    let Some(content) = file.vfs_file().filter(|_| max != u64::MAX && len > 0) else {
        return Ok(len);
    };
    let at = match offset {
        _ if file.flags() & flag::APPEND != 0 => content.len(),
        Some(offset) => offset,
        None => file.with_offset(|offset| *offset),
    };
    let room = max.saturating_sub(at);
    if room == 0 {
        if done == 0 {
            thread.raise(Signal::XFSZ);
        }
        return Err(Errno::FBIG);
    }
    Ok(usize::try_from(room).map_or(len, |room| room.min(len)))
}

async fn pwrite(call: &mut Call<'_>, number: u32) -> Result<u32, Errno> {
    let file = call.file(0)?;
    let flags = if number == nr::PWRITEV2 { call.args[5] } else { 0 };
    if flags & !(RWF_HARMLESS | RWF_APPEND) != 0 {
        return Err(Errno::OPNOTSUPP);
    }
    let spans = call.spans(number != nr::PWRITE64)?;
    let offset = call.arg64(3);
    if number == nr::PWRITEV2 && offset == u64::MAX {
        return write_spans(call, &file, &spans).await;
    }
    if flags & RWF_APPEND != 0 {
        return Err(Errno::OPNOTSUPP);
    }
    pwrite_spans(call, &file, &spans, position(offset)?).await
}

/// Writes runs of memory at `offset`.
pub(super) async fn pwrite_spans(
    call: &mut Call<'_>,
    file: &OpenFile,
    spans: &[Span],
    offset: u64,
) -> Result<u32, Errno> {
    if spans.is_empty() {
        return file.pwrite(&[], offset).map(returned);
    }
    let (mut done, mut pace) = (0, Pace::default());
    for span in spans {
        let mut at = 0;
        while at < span.len as usize {
            let to = offset.saturating_add(done as u64);
            let len = (span.len as usize - at).min(PIECE);
            let room = match file_size_room(call.thread(), file, Some(to), len, done) {
                Ok(room) => room,
                Err(_full) if done > 0 => return Ok(returned(done)),
                Err(errno) => return Err(errno),
            };
            let from = call.bytes(span.address.saturating_add(returned(at)), room);
            match from.and_then(|from| file.pwrite(from, to)) {
                Ok(count) => {
                    (at, done) = (at + count, done + count);
                    if count < len {
                        return Ok(returned(done));
                    }
                    pace.moved(count).await;
                }
                Err(errno) if done == 0 => return Err(errno),
                Err(_later) => return Ok(returned(done)),
            }
        }
    }
    Ok(returned(done))
}

/// `_llseek(fd, high, low, result, whence)`
fn llseek(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, high, low, result, whence, _] = call.args;
    let file = call.file(0)?;
    let distance = (u64::from(high) << 32 | u64::from(low)).cast_signed();
    let offset = file.seek(distance, Whence::try_from(whence)?)?;
    call.write(result, &offset)?;
    Ok(0)
}

// ---- making descriptors

fn pipe2(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fds, flags, ..] = call.args;
    if flags & !(flag::CLOEXEC | flag::NONBLOCK | flag::DIRECT) != 0 {
        return Err(Errno::INVAL);
    }
    call.bytes(fds, 8)?;
    let owner = call.process().cred().file();
    let (reader, writer) = pipe::accounted(&call.kernel().buffers, (owner.uid, owner.gid))?;
    let status = flags & flag::NONBLOCK;
    let files = [
        OpenFile::new(Object::Pipe(reader), status),
        OpenFile::new(Object::Pipe(writer), flag::WRITE_ONLY | status),
    ];
    let numbers = call.install_two(files, flags & flag::CLOEXEC != 0)?;
    call.write(fds, &numbers)?;
    Ok(0)
}

fn eventfd2(call: &mut Call<'_>) -> Result<u32, Errno> {
    /// `EFD_SEMAPHORE`
    const SEMAPHORE: u32 = 1;
    let [value, flags, ..] = call.args;
    if flags & !(flag::CLOEXEC | flag::NONBLOCK | SEMAPHORE) != 0 {
        return Err(Errno::INVAL);
    }
    let event = EventFd::new(value, flags & SEMAPHORE != 0);
    let file = OpenFile::new(Object::Event(event), flag::READ_WRITE | flags & flag::NONBLOCK);
    call.install(file, flags & flag::CLOEXEC != 0)
}

/// `struct itimerspec` with 64-bit time.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct TimerSpec {
    interval: Timespec64,
    value: Timespec64,
}

impl From<Setting> for TimerSpec {
    fn from(setting: Setting) -> Self {
        Self { interval: setting.interval.into(), value: setting.first.unwrap_or_default().into() }
    }
}

fn timerfd_create(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [clock, flags, ..] = call.args;
    if flags & !(flag::CLOEXEC | flag::NONBLOCK) != 0 {
        return Err(Errno::INVAL);
    }
    let clock = clock.cast_signed();
    deadline(call.kernel(), clock, Duration::ZERO)?;
    let timer = TimerFd::new(clock, &call.kernel().timers)?;
    let file = OpenFile::new(Object::Timer(timer), flag::READ_WRITE | flags & flag::NONBLOCK);
    call.install(file, flags & flag::CLOEXEC != 0)
}

fn timer(file: &OpenFile) -> Result<&Arc<TimerFd>, Errno> {
    match file.object() {
        Object::Timer(timer) => Ok(timer),
        _ => Err(Errno::INVAL),
    }
}

fn timerfd_settime(call: &mut Call<'_>) -> Result<u32, Errno> {
    /// `TFD_TIMER_ABSTIME`, and `TFD_TIMER_CANCEL_ON_SET`: the clock is never set.
    const ABSOLUTE: u32 = 1;
    const CANCEL_ON_SET: u32 = 2;
    let [_, flags, new, old, ..] = call.args;
    let file = call.file(0)?;
    let timer = timer(&file)?;
    if flags & !(ABSOLUTE | CANCEL_ON_SET) != 0 {
        return Err(Errno::INVAL);
    }
    let spec: TimerSpec = call.read(new)?;
    let (value, interval) = (spec.value.duration()?, spec.interval.duration()?);
    let first = match value {
        Duration::ZERO => None,
        value if flags & ABSOLUTE != 0 => deadline(call.kernel(), timer.clock(), value)?
            .map(|at| at.saturating_duration_since(Instant::now())),
        value => Some(value),
    };
    let before = timer.set(Setting { first, interval });
    if old != 0 {
        call.write(old, &TimerSpec::from(before))?;
    }
    Ok(0)
}

fn timerfd_gettime(call: &mut Call<'_>) -> Result<u32, Errno> {
    let file = call.file(0)?;
    let setting = timer(&file)?.get();
    call.write(call.args[1], &TimerSpec::from(setting))?;
    Ok(0)
}

/// A file without a name, on the quota like any other.
fn memfd_create(call: &mut Call<'_>) -> Result<u32, Errno> {
    /// `MFD_CLOEXEC`, `MFD_ALLOW_SEALING`, `MFD_NOEXEC_SEAL`, `MFD_EXEC`
    const CLOEXEC: u32 = 1;
    const KNOWN: u32 = CLOEXEC | 2 | 8 | 16;
    /// Bytes of a name: `NAME_MAX` less `memfd:`.
    const NAME_MAX: usize = 249;
    let [name, flags, ..] = call.args;
    if flags & !KNOWN != 0 {
        return Err(Errno::INVAL);
    }
    let name = call.cstr(name, NAME_MAX + 1).map_err(|errno| match errno {
        Errno::NAMETOOLONG => Errno::INVAL,
        other => other,
    })?;
    let vfs = &call.kernel().vfs;
    let (cred, root) = (Cred::root(), vfs.root());
    let context = crate::vfs::Context { cred: &cred, root: &root, pid: 0 };
    let path = format!("/dev/shm/.memfd.{}", crate::process::budget::next_inode()).into_bytes();
    let wanted = OpenFlags::READ_WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    let Opened::File(file) = vfs.open(&context, &root, &path, wanted, 0o777)? else {
        return Err(Errno::IO);
    };
    vfs.unlink(&context, &root, &path)?;
    let shown = [b"/memfd:", name.as_slice(), b" (deleted)"].concat();
    let file = OpenFile::with_path(Object::File(file), flag::READ_WRITE, &shown);
    call.install(file, flags & CLOEXEC != 0)
}
