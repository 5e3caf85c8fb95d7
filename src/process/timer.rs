//! Timers of a process that send it signals: ITIMER_REAL (setitimer(2), alarm(2)) and those of timer_create(2).
//!
//! Time is the host's monotonic clock, in tokio's milliseconds. A timer that fires while its signal still waits adds to
//! the overrun count instead of queueing another.

use super::process::Process;
use super::signal::{SigInfo, Signal};
use crate::errno::Errno;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// The shortest interval: faster ones would keep the host busy, and its timers count milliseconds.
const INTERVAL_MIN: Duration = Duration::from_millis(1);
/// Timers made by timer_create(2) in one process.
pub(crate) const TIMERS_MAX: usize = 32;

/// What is left until the timer fires, and how often it does after that; zero for not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) value: Duration,
    pub(crate) interval: Duration,
}

/// What a timer sends: the signal, and the thread that alone shall get it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notice {
    pub(crate) info: SigInfo,
    pub(crate) tid: Option<u32>,
}

/// One timer; not running at first.
#[derive(Debug)]
pub(crate) struct Timer {
    /// The clock it was made for (clock_gettime(2)'s number), for whoever sets absolute times.
    clock: i32,
    notice: Option<Notice>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    armed: Option<Armed>,
    overrun: u32,
}

#[derive(Debug)]
struct Armed {
    next: Instant,
    interval: Duration,
    task: AbortHandle,
}

impl Armed {
    fn left(&self) -> Setting {
        let left = self.next.saturating_duration_since(Instant::now());
        // A timer about to fire is not one that is off.
        Setting { value: left.max(Duration::from_micros(1)), interval: self.interval }
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Timer {
    /// A timer that sends `notice`, or only counts.
    pub(crate) fn new(clock: i32, notice: Option<Notice>) -> Arc<Self> {
        Arc::new(Self { clock, notice, state: Mutex::default() })
    }

    /// The one of setitimer(2).
    pub(super) fn alarm() -> Arc<Self> {
        let info = SigInfo::kernel(Signal::ALRM);
        Self::new(0, Some(Notice { info, tid: None }))
    }

    /// The clock it was made for.
    pub(crate) fn clock(&self) -> i32 {
        self.clock
    }

    /// What is left.
    pub(crate) fn get(&self) -> Setting {
        self.state.lock().armed.as_ref().map(Armed::left).unwrap_or_default()
    }

    /// Sets the timer, which is one of `process`, to fire at `first` (never, for none), and returns what was left of the
    /// setting before. Call it on the runtime.
    pub(crate) fn set(
        self: &Arc<Self>,
        process: &Arc<Process>,
        first: Option<Instant>,
        interval: Duration,
    ) -> Setting {
        let mut state = self.state.lock();
        let before = state.armed.take().map(|armed| armed.left()).unwrap_or_default();
        state.overrun = 0;
        if let Some(next) = first {
            let interval = if interval.is_zero() { interval } else { interval.max(INTERVAL_MIN) };
            // The task takes the lock before it fires, so it finds this entry.
            let firing = run(Arc::downgrade(process), Arc::downgrade(self), next);
            let task = tokio::spawn(firing).abort_handle();
            state.armed = Some(Armed { next, interval, task });
        }
        before
    }

    /// Firings that were not signalled one by one since the last signal (timer_getoverrun(2)).
    pub(crate) fn overrun(&self) -> u32 {
        self.state.lock().overrun
    }

    /// Takes the setting away.
    pub(super) fn stop(&self) {
        self.state.lock().armed.take();
    }

    /// Sets the timer that fired at `fired` anew; the time of the next firing, if any. Firings that were missed are counted.
    fn rearm(&self, fired: Instant, waits: bool) -> Option<Instant> {
        let mut state = self.state.lock();
        let State { armed, overrun } = &mut *state;
        let current = armed.as_mut().filter(|armed| armed.next == fired)?;
        *overrun = if waits { overrun.saturating_add(1) } else { 0 };
        if current.interval.is_zero() {
            *armed = None;
            return None;
        }
        let late = Instant::now().saturating_duration_since(fired);
        let missed = late.as_nanos() / current.interval.as_nanos();
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        *overrun = overrun.saturating_add(missed);
        let next = fired.checked_add(current.interval.saturating_mul(missed.saturating_add(1)))?;
        current.next = next;
        Some(next)
    }

    /// Fires; the time of the next firing, if any.
    fn fire(&self, process: &Process, fired: Instant) -> Option<Instant> {
        let Some(Notice { mut info, tid }) = self.notice else { return self.rearm(fired, false) };
        let waits = process.with_signals(|signals| {
            let (own, shared) = signals.pending_sets(tid.unwrap_or(0));
            if tid.is_some() { own } else { shared }.contains(info.signal)
        });
        let next = self.rearm(fired, waits);
        if !waits {
            if info.code == SigInfo::TIMER {
                info.uid = self.overrun();
            }
            let _gone_or_full = process.post(info, tid);
        }
        next
    }
}

async fn run(process: Weak<Process>, timer: Weak<Timer>, mut next: Instant) {
    loop {
        tokio::time::sleep_until(next).await;
        let (Some(process), Some(timer)) = (process.upgrade(), timer.upgrade()) else { return };
        match timer.fire(&process, next) {
            Some(at) => next = at,
            None => return,
        }
    }
}

/// The timers that one process has made with timer_create(2), by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Timers(Mutex<BTreeMap<u32, Arc<Timer>>>);

impl Timers {
    /// Makes a timer over a clock; `notice` is told its number.
    ///
    /// # Errors
    ///
    /// EAGAIN past [`TIMERS_MAX`].
    pub(crate) fn create(
        &self,
        clock: i32,
        notice: impl FnOnce(u32) -> Option<Notice>,
    ) -> Result<u32, Errno> {
        let mut timers = self.0.lock();
        let free = (0..TIMERS_MAX as u32).find(|id| !timers.contains_key(id));
        let id = free.ok_or(Errno::AGAIN)?;
        timers.insert(id, Timer::new(clock, notice(id)));
        Ok(id)
    }

    /// The timer with this number.
    ///
    /// # Errors
    ///
    /// EINVAL.
    pub(crate) fn get(&self, id: u32) -> Result<Arc<Timer>, Errno> {
        self.0.lock().get(&id).cloned().ok_or(Errno::INVAL)
    }

    /// Takes a timer away.
    ///
    /// # Errors
    ///
    /// EINVAL.
    pub(crate) fn delete(&self, id: u32) -> Result<(), Errno> {
        self.0.lock().remove(&id).ok_or(Errno::INVAL)?.stop();
        Ok(())
    }

    /// Takes all away (execve, the end).
    pub(super) fn clear(&self) {
        let timers = std::mem::take(&mut *self.0.lock());
        for timer in timers.values() {
            timer.stop();
        }
    }
}
