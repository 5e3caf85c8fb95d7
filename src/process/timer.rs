//! The interval timer of a process that sends SIGALRM (ITIMER_REAL of setitimer(2), alarm(2)).

use super::process::Process;
use super::signal::{SigInfo, Signal};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// The shortest interval: faster ones would keep the host busy, and its timers count milliseconds.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// What is left until the timer fires, and how often it does after that; zero for not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) value: Duration,
    pub(crate) interval: Duration,
}

/// The timer; not running at first.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Mutex<Option<Armed>>);

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

impl Alarm {
    /// What is left.
    pub(crate) fn get(&self) -> Setting {
        self.0.lock().as_ref().map(Armed::left).unwrap_or_default()
    }

    /// Sets the timer of `process`, whose timer this is, and returns what was left of the one before. A time too far
    /// to count is never. Call it on the runtime.
    pub(crate) fn set(&self, process: &Arc<Process>, setting: Setting) -> Setting {
        let next = Instant::now().checked_add(setting.value);
        let mut slot = self.0.lock();
        let before = slot.take().map(|armed| armed.left()).unwrap_or_default();
        if setting.value.is_zero() {
            return before;
        }
        let Some(next) = next else { return before };
        let interval = match setting.interval {
            Duration::ZERO => Duration::ZERO,
            interval => interval.max(INTERVAL_MIN),
        };
        // The task takes the slot's lock before it fires, so it finds this entry.
        let task = tokio::spawn(run(Arc::downgrade(process), next)).abort_handle();
        *slot = Some(Armed { next, interval, task });
        before
    }

    /// Takes the timer away.
    pub(super) fn stop(&self) {
        self.0.lock().take();
    }

    /// Sets the timer that fired at `fired` anew; the time of the next firing, if any. Missed firings count once.
    fn rearm(&self, fired: Instant) -> Option<Instant> {
        let mut slot = self.0.lock();
        let armed = slot.as_mut().filter(|armed| armed.next == fired)?;
        if armed.interval.is_zero() {
            *slot = None;
            return None;
        }
        let next = fired.checked_add(armed.interval)?.max(Instant::now());
        armed.next = next;
        Some(next)
    }
}

async fn run(process: Weak<Process>, mut next: Instant) {
    loop {
        tokio::time::sleep_until(next).await;
        let Some(process) = process.upgrade() else { return };
        let again = process.alarm.rearm(next);
        let _full = process.post(SigInfo::kernel(Signal::ALRM), None);
        match again {
            Some(at) => next = at,
            None => return,
        }
    }
}
