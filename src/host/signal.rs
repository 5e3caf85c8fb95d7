//! System calls about signals: sending, blocking, waiting, and the hand-over of handlers to the guest (ABI.md).

use super::time::Timespec64;
use super::{Call, Wake, nr};
use crate::errno::Errno;
use crate::process::signal::{Action, ActionFlags, Disposition, SigInfo, SigSet, Signal};
use crate::process::{Process, Target};
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;
use tokio::time::Instant;

const SIG_DFL: u32 = 0;
const SIG_IGN: u32 = 1;
const SIG_BLOCK: u32 = 0;
const SIG_UNBLOCK: u32 = 1;
const SIG_SETMASK: u32 = 2;
/// Bytes of the kernel's signal set.
const SIGSET_BYTES: u32 = 8;

/// The kernel's `struct sigaction` of the asm-generic table: no restorer.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct KernelAction {
    handler: u32,
    flags: u32,
    mask: [u32; 2],
}

/// `struct isolet_signal`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct IsoletSignal {
    signal: i32,
    handler: u32,
    flags: u32,
    reserved: u32,
    old_mask: u64,
    pad: [u8; 8],
    siginfo: [u8; 128],
}

/// The calls of this file.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::KILL => kill(call),
        nr::TKILL => tgkill(call, None, call.args[0], call.args[1]),
        nr::TGKILL => tgkill(call, Some(call.args[0]), call.args[1], call.args[2]),
        nr::RT_SIGACTION => sigaction(call),
        nr::RT_SIGPROCMASK => sigprocmask(call),
        nr::RT_SIGPENDING => sigpending(call),
        nr::RT_SIGSUSPEND => sigsuspend(call).await,
        nr::RT_SIGQUEUEINFO => sigqueueinfo(call),
        nr::RT_SIGTIMEDWAIT_TIME64 => sigtimedwait(call).await,
        nr::ISOLET_SIGNAL_TAKE => signal_take(call),
        nr::ISOLET_SIGNAL_RETURN => signal_return(call),
        nr::ISOLET_PENDING_WORD => pending_word(call),
        nr::ISOLET_BREAK_WORD => break_word(call),
        _ => return None,
    })
}

/// A signal number from the guest, where 0 only asks.
pub(super) fn signal_or_probe(number: u32) -> Result<Option<Signal>, Errno> {
    if number == 0 { Ok(None) } else { Signal::new(number).map(Some) }
}

fn kill(call: &mut Call<'_>) -> Result<u32, Errno> {
    let signal = signal_or_probe(call.args[1])?;
    let process = call.process();
    let target = match call.args[0].cast_signed() {
        0 => Target::Group(process.pgid()),
        -1 => Target::All,
        i32::MIN => return Err(Errno::SRCH),
        pid @ 1.. => Target::Pid(pid.cast_unsigned()),
        group => Target::Group(group.unsigned_abs()),
    };
    process.kernel.signal(target, signal, Some(process))?;
    Ok(0)
}

/// tkill(2), and tgkill(2) with the process that the thread must belong to.
fn tgkill(call: &mut Call<'_>, pid: Option<u32>, tid: u32, signal: u32) -> Result<u32, Errno> {
    let positive = |id: u32| id.cast_signed() > 0;
    if !positive(tid) || pid.is_some_and(|pid| !positive(pid)) {
        return Err(Errno::INVAL);
    }
    let signal = signal_or_probe(signal)?;
    let owner = call.kernel().owner_of(tid).ok_or(Errno::SRCH)?;
    if pid.is_some_and(|pid| pid != owner.pid) {
        return Err(Errno::SRCH);
    }
    let process = call.process();
    process.may_signal(&owner, signal)?;
    if let Some(signal) = signal {
        let uid = process.cred().user.real;
        let info = SigInfo::user(signal, SigInfo::TKILL, process.pid, uid);
        owner.post(info, Some(tid))?;
    }
    Ok(0)
}

/// The number in a `siginfo_t`, and the rest of it: pid, uid and value as rt_sigqueueinfo(2) gives them.
pub(super) fn read_info(call: &mut Call<'_>, address: u32) -> Result<(u32, SigInfo), Errno> {
    let [number, _, code, pid, uid, value]: [u32; 6] = call.read(address)?;
    let code = code.cast_signed();
    // Which signal, the caller says.
    Ok((number, SigInfo { signal: Signal::HUP, code, pid, uid, value, times: [0; 2] }))
}

fn sigqueueinfo(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [pid, signal, info, ..] = call.args;
    let (_, given) = read_info(call, info)?;
    let code = given.code;
    let process = call.process().clone();
    // Only the kernel and kill(2) say that they are the kernel and kill(2).
    if (code >= 0 || code == SigInfo::TKILL) && pid != process.pid {
        return Err(Errno::PERM);
    }
    let signal = signal_or_probe(signal)?;
    let target: Arc<Process> = process.kernel.process(pid).ok_or(Errno::SRCH)?;
    process.may_signal(&target, signal)?;
    if let Some(signal) = signal {
        target.post(given.of(signal), None)?;
    }
    Ok(0)
}

fn check_size(size: u32) -> Result<(), Errno> {
    if size == SIGSET_BYTES { Ok(()) } else { Err(Errno::INVAL) }
}

fn read_set(call: &mut Call<'_>, address: u32) -> Result<SigSet, Errno> {
    Ok(SigSet::from_bits(call.read(address)?))
}

fn sigaction(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [signal, new, old, size, ..] = call.args;
    check_size(size)?;
    let signal = Signal::new(signal)?;
    let before = if new == 0 {
        call.process().action(signal)
    } else {
        let KernelAction { handler, flags, mask } = call.read(new)?;
        let disposition = match handler {
            SIG_DFL => Disposition::Default,
            SIG_IGN => Disposition::Ignore,
            handler => Disposition::Handler(handler),
        };
        let mask = SigSet::from_bits(u64::from(mask[0]) | u64::from(mask[1]) << 32);
        let flags = ActionFlags::from_bits_truncate(flags);
        call.process().set_action(signal, Action { disposition, flags, mask })?
    };
    if old != 0 {
        let handler = match before.disposition {
            Disposition::Default => SIG_DFL,
            Disposition::Ignore => SIG_IGN,
            Disposition::Handler(handler) => handler,
        };
        let bits = before.mask.bits();
        let mask = [bits as u32, (bits >> 32) as u32];
        call.write(old, &KernelAction { handler, flags: before.flags.bits(), mask })?;
    }
    Ok(0)
}

fn sigprocmask(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [how, new, old, size, ..] = call.args;
    check_size(size)?;
    let before = call.thread().mask();
    if new != 0 {
        let set = read_set(call, new)?;
        let mask = match how {
            SIG_BLOCK => before.union(set),
            SIG_UNBLOCK => before.minus(set),
            SIG_SETMASK => set,
            _ => return Err(Errno::INVAL),
        };
        call.thread().set_mask(mask);
    }
    if old != 0 {
        call.write(old, &before.bits())?;
    }
    Ok(0)
}

fn sigpending(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [address, size, ..] = call.args;
    check_size(size)?;
    let pending = call.thread().pending().bits();
    call.write(address, &pending)?;
    Ok(0)
}

async fn sigsuspend(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [address, size, ..] = call.args;
    check_size(size)?;
    let mask = read_set(call, address)?;
    let thread = call.thread().clone();
    thread.begin_mask(mask);
    call.wait(std::future::pending::<()>(), None).await;
    thread.end_mask(true);
    Err(Errno::INTR)
}

async fn sigtimedwait(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [set, info, timeout, size, ..] = call.args;
    check_size(size)?;
    let set = read_set(call, set)?;
    let until = match timeout {
        0 => None,
        at => Instant::now().checked_add(call.read::<Timespec64>(at)?.duration()?),
    };
    let thread = call.thread().clone();
    loop {
        let arrival = thread.arrivals().subscribe();
        if let Some(taken) = thread.accept_signal(set) {
            if info != 0 {
                call.write(info, &taken.to_bytes())?;
            }
            return Ok(u32::from(taken.signal.number()));
        }
        match call.wait(arrival, until).await {
            Wake::Done(()) => {}
            Wake::TimedOut => return Err(Errno::AGAIN),
            Wake::Interrupted => return Err(Errno::INTR),
        }
    }
}

fn signal_take(call: &mut Call<'_>) -> Result<u32, Errno> {
    let out = call.args[0];
    call.bytes(out, size_of::<IsoletSignal>())?;
    let thread = call.thread().clone();
    let Some(taken) = thread.take_signal() else {
        if let Some(word) = thread.pending_word() {
            call.write(word, &0u32)?;
        }
        return Ok(0);
    };
    let signal = taken.info.signal.number();
    let given = IsoletSignal {
        signal: i32::from(signal),
        handler: taken.handler,
        flags: taken.flags.bits(),
        reserved: 0,
        old_mask: taken.old_mask.bits(),
        pad: [0; 8],
        siginfo: taken.info.to_bytes(),
    };
    call.write(out, &given)?;
    Ok(u32::from(signal))
}

fn signal_return(call: &mut Call<'_>) -> Result<u32, Errno> {
    let mask = read_set(call, call.args[0])?;
    call.thread().set_mask(mask);
    Ok(0)
}

/// An aligned word of guest memory, or 0 for none.
fn check_word(call: &mut Call<'_>, address: u32) -> Result<(), Errno> {
    if !address.is_multiple_of(4) {
        return Err(Errno::INVAL);
    }
    if address != 0 {
        call.bytes(address, 4)?;
    }
    Ok(())
}

fn pending_word(call: &mut Call<'_>) -> Result<u32, Errno> {
    let address = call.args[0];
    check_word(call, address)?;
    call.thread().set_pending_word(address);
    Ok(0)
}

fn break_word(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [address, bits, ..] = call.args;
    check_word(call, address)?;
    call.thread().set_break_word(address, bits);
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same numbers as in guest-images/sysroot/src/internal/wasm32/isolet_impl.h.
    #[test]
    fn a_taken_signal_lies_as_the_header_says() {
        use std::mem::offset_of;
        assert_eq!(size_of::<IsoletSignal>(), 160);
        assert_eq!(offset_of!(IsoletSignal, handler), 4);
        assert_eq!(offset_of!(IsoletSignal, flags), 8);
        assert_eq!(offset_of!(IsoletSignal, old_mask), 16);
        assert_eq!(offset_of!(IsoletSignal, siginfo), 32);
    }
}
