//! Descriptors of signals and of processes: signalfd4, pidfd_open, pidfd_send_signal, pidfd_getfd.

use super::fd::Span;
use super::signal::{read_info, signal_or_probe};
use super::{Call, Wake, nr};
use crate::errno::{Errno, RESTART};
use crate::process::file::{Object, OpenFile, flag};
use crate::process::pidfd::PidFd;
use crate::process::signal::{SigInfo, SigSet};
use crate::process::signalfd::{RECORD_BYTES, SignalFd};
use std::sync::Arc;

/// Bytes of the kernel's signal set.
const SIGSET_BYTES: u32 = 8;
/// Signals that one read takes: the thread's memory is written in one piece.
const RECORDS_MAX: usize = 64;

/// The calls of this file.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::SIGNALFD4 => signalfd4(call),
        nr::PIDFD_OPEN => pidfd_open(call),
        nr::PIDFD_SEND_SIGNAL => pidfd_send_signal(call),
        // As where ptrace(2) is not allowed.
        nr::PIDFD_GETFD => {
            call.file(0).and_then(|file| process(&file).map(drop)).and(Err(Errno::PERM))
        }
        _ => return None,
    })
}

fn signalfd4(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, mask, size, flags, ..] = call.args;
    if size != SIGSET_BYTES || flags & !(flag::CLOEXEC | flag::NONBLOCK) != 0 {
        return Err(Errno::INVAL);
    }
    let mask = SigSet::from_bits(call.read(mask)?);
    if fd != u32::MAX {
        let file = call.file(0)?;
        let Object::Signals(signals) = file.object() else { return Err(Errno::INVAL) };
        signals.set_mask(mask);
        return Ok(fd);
    }
    let signals = SignalFd::new(mask, call.process());
    let file = OpenFile::new(Object::Signals(signals), flag::READ_WRITE | flags & flag::NONBLOCK);
    call.install(file, flags & flag::CLOEXEC != 0)
}

/// read(2) of a signal descriptor, waiting for the first signal unless it does not block.
pub(super) async fn read_signals(
    call: &mut Call<'_>,
    file: &OpenFile,
    signals: &SignalFd,
    spans: &[Span],
) -> Result<u32, Errno> {
    let len = super::fd::total(spans).min(RECORDS_MAX * RECORD_BYTES);
    let mut records = vec![0; len];
    let thread = call.thread().clone();
    loop {
        let waiter = thread.arrivals().subscribe();
        match signals.read(&thread, &mut records) {
            Ok(count) => {
                call.scatter(spans, &records[..count])?;
                return u32::try_from(count).map_err(|_large| Errno::INVAL);
            }
            Err(Errno::AGAIN) if !file.nonblocking() => {}
            Err(errno) => return Err(errno),
        }
        if call.wait(waiter, None).await == Wake::Interrupted {
            return Err(RESTART);
        }
    }
}

fn pidfd_open(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [pid, flags, ..] = call.args;
    if flags & !flag::NONBLOCK != 0 || pid.cast_signed() <= 0 {
        return Err(Errno::INVAL);
    }
    let kernel = call.kernel();
    let Some(found) = kernel.process(pid) else {
        // A thread that is not its process's first.
        return Err(if kernel.owner_of(pid).is_some() { Errno::INVAL } else { Errno::SRCH });
    };
    let object = Object::Process(PidFd::new(found));
    call.install(OpenFile::new(object, flag::READ_WRITE | flags), true)
}

/// The process that a descriptor is.
///
/// # Errors
///
/// EBADF for another descriptor.
pub(super) fn process(file: &OpenFile) -> Result<&PidFd, Errno> {
    match file.object() {
        Object::Process(process) => Ok(process),
        _ => Err(Errno::BADF),
    }
}

/// The process whose folder of /proc a descriptor is, which this one call also takes (killall's way).
fn folder_of_process(call: &Call<'_>, file: &OpenFile) -> Option<PidFd> {
    let kernel = call.kernel();
    let path = kernel.vfs.path_of_node(&file.vfs_file()?.node());
    let pid = std::str::from_utf8(path.strip_prefix(b"/proc/")?).ok()?.parse().ok()?;
    Some(PidFd::new(kernel.process(pid)?))
}

fn pidfd_send_signal(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, signal, info, flags, ..] = call.args;
    if flags != 0 {
        return Err(Errno::INVAL);
    }
    let file: Arc<OpenFile> = call.file(0)?;
    let folder = folder_of_process(call, &file);
    let target = match &folder {
        Some(target) => target,
        None => process(&file)?,
    };
    let own = call.process().clone();
    let given = match info {
        0 => None,
        address => Some(read_info(call, address)?),
    };
    let target_is_own = target.process().pid == own.pid;
    if let Some((number, info)) = &given {
        if *number != signal {
            return Err(Errno::INVAL);
        }
        if (info.code >= 0 || info.code == SigInfo::TKILL) && !target_is_own {
            return Err(Errno::PERM);
        }
    }
    let probe = signal_or_probe(signal)?;
    if !target.is_there() {
        return Err(Errno::SRCH);
    }
    own.may_signal(target.process(), probe)?;
    let Some(signal) = probe else { return Ok(0) };
    let info = match given {
        Some((_, info)) => info.of(signal),
        None => SigInfo::user(signal, SigInfo::USER, own.pid, own.cred().user.real),
    };
    target.process().post(info, None)?;
    Ok(0)
}
