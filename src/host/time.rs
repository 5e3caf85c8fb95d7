//! System calls about time: clocks, sleeping, timers that send signals.

use super::{Call, Wake, nr};
use crate::errno::Errno;
use crate::process::Kernel;
use crate::process::cpu_timer::Counts;
use crate::process::signal::{SigInfo, Signal};
use crate::process::timer::{Notice, Setting, Timer};
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

const CLOCK_REALTIME: i32 = 0;
const CLOCK_MONOTONIC: i32 = 1;
const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
const CLOCK_MONOTONIC_RAW: i32 = 4;
const CLOCK_REALTIME_COARSE: i32 = 5;
const CLOCK_MONOTONIC_COARSE: i32 = 6;
const CLOCK_BOOTTIME: i32 = 7;
const CLOCK_REALTIME_ALARM: i32 = 8;
const CLOCK_BOOTTIME_ALARM: i32 = 9;
const CLOCK_TAI: i32 = 11;
const TIMER_ABSTIME: u32 = 1;
const ITIMER_REAL: u32 = 0;
const ITIMER_VIRTUAL: u32 = 1;
const ITIMER_PROF: u32 = 2;
/// Resolution told for the coarse clocks: Linux's tick at 250 Hz.
const COARSE_NS: i64 = 4_000_000;

/// `struct timespec` with 64-bit time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Timespec64 {
    pub(crate) sec: i64,
    pub(crate) nsec: i64,
}

impl Timespec64 {
    /// A length of time.
    ///
    /// # Errors
    ///
    /// EINVAL if it is negative or the nanoseconds are not below a second.
    pub(crate) fn duration(self) -> Result<Duration, Errno> {
        let sec = u64::try_from(self.sec).map_err(|_negative| Errno::INVAL)?;
        let nsec = u32::try_from(self.nsec).map_err(|_range| Errno::INVAL)?;
        if nsec >= 1_000_000_000 {
            return Err(Errno::INVAL);
        }
        Ok(Duration::new(sec, nsec))
    }
}

impl From<Duration> for Timespec64 {
    fn from(duration: Duration) -> Self {
        let sec = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self { sec, nsec: i64::from(duration.subsec_nanos()) }
    }
}

/// `struct __kernel_old_itimerval`: interval, then value, in seconds and microseconds.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct OldItimerval([i32; 4]);

/// The calls of this file.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::CLOCK_GETTIME64 => clock_gettime(call),
        nr::CLOCK_SETTIME64 | nr::CLOCK_ADJTIME64 => Err(Errno::PERM),
        nr::CLOCK_GETRES_TIME64 => clock_getres(call),
        nr::CLOCK_NANOSLEEP_TIME64 => clock_nanosleep(call).await,
        nr::TIMER_CREATE => timer_create(call),
        nr::TIMER_SETTIME64 => timer_settime(call),
        nr::TIMER_GETTIME64 => timer_gettime(call),
        nr::TIMER_GETOVERRUN => call
            .process()
            .timers
            .get(call.args[0])
            .map(|timer| timer.overrun().min(i32::MAX as u32)),
        nr::TIMER_DELETE => call.process().timers.delete(call.args[0]).map(|()| 0),
        nr::SETITIMER => setitimer(call),
        nr::GETITIMER => getitimer(call),
        _ => return None,
    })
}

/// Time since the epoch.
fn realtime() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Nanoseconds of CPU that a CPU-time clock counts; none if it is no such clock.
fn cpu_ns(call: &Call<'_>, clock: i32) -> Result<Option<u64>, Errno> {
    if clock == CLOCK_PROCESS_CPUTIME_ID {
        call.thread().tell_cpu();
        return Ok(Some(call.process().cpu().total_ns()));
    }
    if clock == CLOCK_THREAD_CPUTIME_ID {
        return Ok(Some(call.thread().cpu().total_ns()));
    }
    if clock >= 0 {
        return Ok(None);
    }
    // clock_getcpuclockid: the number's complement above three bits of kind (include/linux/posix-timers.h).
    let id = u32::try_from(!(clock >> 3)).map_err(|_negative| Errno::INVAL)?;
    if clock & 4 != 0 {
        let threads = call.process().threads();
        let mut threads = threads.iter();
        let own = if id == 0 { call.thread().tid } else { id };
        let thread = threads.find(|thread| thread.tid == own).ok_or(Errno::INVAL)?;
        return Ok(Some(thread.cpu().total_ns()));
    }
    let process = match id {
        0 => call.process().clone(),
        pid => call.kernel().process(pid).ok_or(Errno::INVAL)?,
    };
    Ok(Some(process.cpu().total_ns()))
}

/// What a clock shows now.
fn now(call: &Call<'_>, clock: i32) -> Result<Duration, Errno> {
    if let Some(ns) = cpu_ns(call, clock)? {
        return Ok(Duration::from_nanos(ns));
    }
    match clock {
        CLOCK_REALTIME | CLOCK_REALTIME_COARSE | CLOCK_REALTIME_ALARM | CLOCK_TAI => Ok(realtime()),
        CLOCK_MONOTONIC
        | CLOCK_MONOTONIC_RAW
        | CLOCK_MONOTONIC_COARSE
        | CLOCK_BOOTTIME
        | CLOCK_BOOTTIME_ALARM => Ok(call.kernel().booted.elapsed()),
        _ => Err(Errno::INVAL),
    }
}

fn clock_gettime(call: &mut Call<'_>) -> Result<u32, Errno> {
    let now = now(call, call.args[0].cast_signed())?;
    call.write(call.args[1], &Timespec64::from(now))?;
    Ok(0)
}

fn clock_getres(call: &mut Call<'_>) -> Result<u32, Errno> {
    let clock = call.args[0].cast_signed();
    now(call, clock)?;
    let coarse = matches!(clock, CLOCK_REALTIME_COARSE | CLOCK_MONOTONIC_COARSE);
    let resolution = Timespec64 { sec: 0, nsec: if coarse { COARSE_NS } else { 1 } };
    if call.args[1] != 0 {
        call.write(call.args[1], &resolution)?;
    }
    Ok(0)
}

/// When `clock` shows `at`, as a moment of the host's monotonic clock; none if that is too far to count.
///
/// # Errors
///
/// EINVAL for clocks that nobody can wait on.
pub(crate) fn deadline(
    kernel: &Kernel,
    clock: i32,
    at: Duration,
) -> Result<Option<Instant>, Errno> {
    match clock {
        CLOCK_REALTIME | CLOCK_TAI | CLOCK_REALTIME_ALARM => {
            Ok(Instant::now().checked_add(at.saturating_sub(realtime())))
        }
        CLOCK_MONOTONIC | CLOCK_BOOTTIME | CLOCK_BOOTTIME_ALARM => {
            Ok(kernel.booted.checked_add(at).map(Instant::from_std))
        }
        CLOCK_PROCESS_CPUTIME_ID => Err(Errno::OPNOTSUPP),
        _ => Err(Errno::INVAL),
    }
}

async fn clock_nanosleep(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [clock, flags, request, remaining, ..] = call.args;
    let clock = clock.cast_signed();
    let length = call.read::<Timespec64>(request)?.duration()?;
    let absolute = flags & TIMER_ABSTIME != 0;
    let until = if absolute {
        deadline(call.kernel(), clock, length)?
    } else {
        deadline(call.kernel(), clock, Duration::ZERO)?;
        Instant::now().checked_add(length)
    };
    match call.wait(std::future::pending::<()>(), until).await {
        Wake::Done(()) | Wake::TimedOut => Ok(0),
        Wake::Interrupted => {
            let left =
                until.map_or(length, |until| until.saturating_duration_since(Instant::now()));
            if !absolute && remaining != 0 {
                call.write(remaining, &Timespec64::from(left))?;
            }
            Err(Errno::INTR)
        }
    }
}

fn to_itimerval(setting: Setting) -> OldItimerval {
    let half = |duration: Duration| {
        let sec = i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
        (sec, duration.subsec_micros().cast_signed())
    };
    let (interval, value) = (half(setting.interval), half(setting.value));
    OldItimerval([interval.0, interval.1, value.0, value.1])
}

fn from_itimerval(OldItimerval(words): OldItimerval) -> Result<Setting, Errno> {
    let half = |sec: i32, usec: i32| {
        let sec = u64::try_from(sec).map_err(|_negative| Errno::INVAL)?;
        match u32::try_from(usec) {
            Ok(usec @ 0..=999_999) => Ok(Duration::new(sec, usec * 1000)),
            _ => Err(Errno::INVAL),
        }
    };
    Ok(Setting { interval: half(words[0], words[1])?, value: half(words[2], words[3])? })
}

/// What a timer of setitimer(2) counts: real time, or CPU time of the process.
fn counted(which: u32) -> Result<Option<Counts>, Errno> {
    match which {
        ITIMER_REAL => Ok(None),
        ITIMER_VIRTUAL => Ok(Some(Counts::User)),
        ITIMER_PROF => Ok(Some(Counts::All)),
        _ => Err(Errno::INVAL),
    }
}

fn getitimer(call: &mut Call<'_>) -> Result<u32, Errno> {
    let setting = match counted(call.args[0])? {
        None => call.process().alarm.get(),
        Some(counts) => {
            call.thread().tell_cpu();
            call.process().usage.timers.get(counts, call.process().cpu())
        }
    };
    call.write(call.args[1], &to_itimerval(setting))?;
    Ok(0)
}

/// Sets a timer of the caller to a relative time; a value of zero stops it.
fn set(call: &Call<'_>, timer: &Arc<Timer>, setting: Setting) -> Setting {
    // A time too far to count is never.
    let first = Some(setting.value).filter(|value| !value.is_zero());
    let first = first.and_then(|value| Instant::now().checked_add(value));
    timer.set(call.process(), first, setting.interval)
}

fn setitimer(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [which, new, old, ..] = call.args;
    let counts = counted(which)?;
    let setting = match new {
        0 => Setting::default(),
        address => from_itimerval(call.read(address)?)?,
    };
    if old != 0 {
        call.bytes(old, size_of::<OldItimerval>())?;
    }
    let before = match counts {
        None => set(call, &call.process().alarm.clone(), setting),
        Some(counts) => {
            call.thread().tell_cpu();
            call.process().usage.timers.set(counts, setting, call.process().cpu())
        }
    };
    if old != 0 {
        call.write(old, &to_itimerval(before))?;
    }
    Ok(0)
}

/// `struct sigevent`, as far as it is looked at: value, signal, kind, thread.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct SigEvent {
    value: u32,
    signal: u32,
    notify: u32,
    tid: u32,
}

/// timer_create(2) over the clocks that can be waited on.
fn timer_create(call: &mut Call<'_>) -> Result<u32, Errno> {
    const SIGEV_SIGNAL: u32 = 0;
    const SIGEV_NONE: u32 = 1;
    const SIGEV_THREAD_ID: u32 = 4;
    let [clock, event, out, ..] = call.args;
    let clock = clock.cast_signed();
    deadline(call.kernel(), clock, Duration::ZERO)?;
    call.bytes(out, 4)?;
    let event: Option<SigEvent> = if event == 0 { None } else { Some(call.read(event)?) };
    let process = call.process().clone();
    let notice = |signal: Signal, value: u32, tid| {
        move |id| {
            let info = SigInfo { value, ..SigInfo::user(signal, SigInfo::TIMER, id, 0) };
            Some(Notice { info, tid })
        }
    };
    let id = match event {
        None => process.timers.create(clock, |id| notice(Signal::ALRM, id, None)(id)),
        Some(SigEvent { notify: SIGEV_NONE, .. }) => process.timers.create(clock, |_| None),
        Some(SigEvent { value, signal, notify: SIGEV_SIGNAL, .. }) => {
            process.timers.create(clock, notice(Signal::new(signal)?, value, None))
        }
        Some(SigEvent { value, signal, notify: SIGEV_THREAD_ID, tid }) => {
            if !process.threads().iter().any(|thread| thread.tid == tid) {
                return Err(Errno::INVAL);
            }
            process.timers.create(clock, notice(Signal::new(signal)?, value, Some(tid)))
        }
        Some(_) => Err(Errno::INVAL),
    }?;
    call.write(out, &id)?;
    Ok(0)
}

/// `struct itimerspec`: interval, then value.
fn to_itimerspec(setting: Setting) -> [Timespec64; 2] {
    [setting.interval.into(), setting.value.into()]
}

fn timer_settime(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [id, flags, new, old, ..] = call.args;
    let [interval, value]: [Timespec64; 2] = call.read(new)?;
    let setting = Setting { interval: interval.duration()?, value: value.duration()? };
    let process = call.process().clone();
    let timer = process.timers.get(id)?;
    if old != 0 {
        call.bytes(old, size_of::<[Timespec64; 2]>())?;
    }
    let before = if flags & TIMER_ABSTIME != 0 && !setting.value.is_zero() {
        let first = deadline(call.kernel(), timer.clock(), setting.value)?;
        timer.set(&process, first, setting.interval)
    } else {
        set(call, &timer, setting)
    };
    if old != 0 {
        call.write(old, &to_itimerspec(before))?;
    }
    Ok(0)
}

fn timer_gettime(call: &mut Call<'_>) -> Result<u32, Errno> {
    let setting = call.process().timers.get(call.args[0])?.get();
    call.write(call.args[1], &to_itimerspec(setting))?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked() {
        let spec = |sec, nsec| Timespec64 { sec, nsec }.duration();
        assert_eq!(spec(1, 5), Ok(Duration::new(1, 5)));
        assert_eq!(spec(i64::MAX, 999_999_999).map(|d| d.as_secs()), Ok(i64::MAX as u64));
        for (sec, nsec) in [(-1, 0), (0, -1), (0, 1_000_000_000), (i64::MIN, i64::MIN)] {
            assert_eq!(spec(sec, nsec), Err(Errno::INVAL));
        }
    }

    #[test]
    fn itimerval_is_interval_then_value_in_microseconds() {
        let setting = Setting {
            value: Duration::from_micros(2_000_003),
            interval: Duration::from_micros(1_000_004),
        };
        assert_eq!(to_itimerval(setting).0, [1, 4, 2, 3]);
        assert_eq!(from_itimerval(OldItimerval([1, 4, 2, 3])), Ok(setting));
        assert!(from_itimerval(OldItimerval([0, 1_000_000, 0, 0])).is_err());
        assert!(from_itimerval(OldItimerval([0, 0, -1, 0])).is_err());
    }
}
