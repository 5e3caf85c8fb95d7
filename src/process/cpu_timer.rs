//! The timers of setitimer(2) that count CPU time of a process: ITIMER_VIRTUAL and ITIMER_PROF.
//!
//! They are looked at when a thread tells what it used: at each of the host's ticks while it computes, and when a call of its
//! ends or waits. Linux looks at them at its own ticks. Those of real time are in `timer.rs`.

use super::process::Process;
use super::signal::{SigInfo, Signal};
use super::timer::Setting;
use super::usage::{Cpu, CpuVerdict};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Which CPU time a timer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    /// ITIMER_VIRTUAL: the program's own; sends SIGVTALRM.
    User,
    /// ITIMER_PROF: the program's and that of its system calls; sends SIGPROF.
    All,
}

impl Counts {
    fn of(self, used: Cpu) -> u64 {
        match self {
            Self::User => used.user_ns,
            Self::All => used.total_ns(),
        }
    }

    fn signal(self) -> Signal {
        match self {
            Self::User => Signal::VTALRM,
            Self::All => Signal::PROF,
        }
    }
}

/// Both timers of a process.
#[derive(Debug, Default)]
pub(crate) struct CpuTimers([CpuTimer; 2]);

/// Times are nanoseconds of the CPU time that the timer counts, since the process began.
#[derive(Debug)]
struct CpuTimer {
    /// `u64::MAX` while the timer is off. Written under the lock of `interval_ns`.
    due_ns: AtomicU64,
    interval_ns: Mutex<u64>,
}

impl Default for CpuTimer {
    fn default() -> Self {
        Self { due_ns: AtomicU64::new(u64::MAX), interval_ns: Mutex::new(0) }
    }
}

impl CpuTimer {
    fn left(due_ns: u64, interval_ns: u64, used_ns: u64) -> Setting {
        let interval = Duration::from_nanos(interval_ns);
        // A timer about to fire is not one that is off.
        let left = due_ns.saturating_sub(used_ns).max(1000);
        let value = if due_ns == u64::MAX { Duration::ZERO } else { Duration::from_nanos(left) };
        Setting { value, interval }
    }

    fn get(&self, used_ns: u64) -> Setting {
        let interval_ns = self.interval_ns.lock();
        Self::left(self.due_ns.load(Ordering::Relaxed), *interval_ns, used_ns)
    }

    fn set(&self, setting: Setting, used_ns: u64) -> Setting {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let mut interval_ns = self.interval_ns.lock();
        let due_ns = match setting.value {
            Duration::ZERO => u64::MAX,
            value => used_ns.saturating_add(ns(value)),
        };
        let before = self.due_ns.swap(due_ns, Ordering::Relaxed);
        let before = Self::left(before, *interval_ns, used_ns);
        *interval_ns = ns(setting.interval);
        before
    }

    /// Whether it fires at `used_ns`; then it is set anew.
    fn fires(&self, used_ns: u64) -> bool {
        if used_ns < self.due_ns.load(Ordering::Relaxed) {
            return false;
        }
        let interval_ns = self.interval_ns.lock();
        let due_ns = self.due_ns.load(Ordering::Relaxed);
        if used_ns < due_ns {
            return false;
        }
        // Firings that were missed are one.
        let missed = (used_ns - due_ns).checked_div(*interval_ns);
        let next =
            missed.map(|missed| due_ns.saturating_add((missed + 1).saturating_mul(*interval_ns)));
        self.due_ns.store(next.unwrap_or(u64::MAX), Ordering::Relaxed);
        true
    }
}

impl CpuTimers {
    fn timer(&self, counts: Counts) -> &CpuTimer {
        &self.0[usize::from(counts == Counts::All)]
    }

    /// What is left of a timer when `used` has been used.
    pub(crate) fn get(&self, counts: Counts, used: Cpu) -> Setting {
        self.timer(counts).get(counts.of(used))
    }

    /// Sets a timer when `used` has been used; what was left of its setting before.
    pub(crate) fn set(&self, counts: Counts, setting: Setting, used: Cpu) -> Setting {
        self.timer(counts).set(setting, counts.of(used))
    }

    /// The signals of those that fire when `used` has been used.
    fn due(&self, used: Cpu) -> impl Iterator<Item = Signal> {
        let fires = move |counts: &Counts| self.timer(*counts).fires(counts.of(used));
        [Counts::User, Counts::All].into_iter().filter(fires).map(Counts::signal)
    }
}

impl Process {
    /// Adds what a thread used: timers of CPU time may fire; at the limit of it the process is told, and then ended.
    pub(crate) fn add_cpu(&self, more: Cpu) {
        self.kernel.cpu.add(more);
        let verdict = self.usage.add_cpu(more);
        for signal in self.usage.timers.due(self.cpu()) {
            let _full = self.post(SigInfo::kernel(signal), None);
        }
        let signal = match verdict {
            None => return,
            Some(CpuVerdict::Warn) => Signal::XCPU,
            Some(CpuVerdict::Kill) => Signal::KILL,
        };
        let _full = self.post(SigInfo::kernel(signal), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(user: u64, system: u64) -> Cpu {
        Cpu { user_ns: user * 1_000_000, system_ns: system * 1_000_000 }
    }

    fn setting(value_ms: u64, interval_ms: u64) -> Setting {
        let (value, interval) =
            (Duration::from_millis(value_ms), Duration::from_millis(interval_ms));
        Setting { value, interval }
    }

    #[test]
    fn each_counts_its_own_time() {
        let timers = CpuTimers::default();
        timers.set(Counts::User, setting(10, 0), used(5, 50));
        timers.set(Counts::All, setting(10, 0), used(5, 50));
        assert_eq!(timers.get(Counts::User, used(8, 51)), setting(7, 0));
        assert_eq!(timers.get(Counts::All, used(8, 51)), setting(6, 0));
        assert_eq!(timers.due(used(8, 56)).collect::<Vec<_>>(), []);
        assert_eq!(timers.due(used(9, 56)).collect::<Vec<_>>(), [Signal::PROF]);
        assert_eq!(timers.due(used(15, 56)).collect::<Vec<_>>(), [Signal::VTALRM]);
        assert_eq!(timers.due(used(90, 90)).collect::<Vec<_>>(), [], "neither has an interval");
        assert_eq!(timers.get(Counts::All, used(90, 90)), Setting::default());
    }

    #[test]
    fn an_interval_goes_on_without_the_firings_that_were_missed() {
        let timers = CpuTimers::default();
        assert_eq!(timers.set(Counts::User, setting(10, 4), used(0, 0)), Setting::default());
        assert_eq!(timers.due(used(19, 0)).count(), 1);
        assert_eq!(timers.get(Counts::User, used(19, 0)), setting(3, 4));
        assert_eq!(timers.due(used(21, 0)).count(), 0);
        assert_eq!(timers.due(used(22, 0)).count(), 1);
        assert_eq!(timers.set(Counts::User, Setting::default(), used(23, 0)), setting(3, 4));
        assert_eq!(timers.due(used(99, 0)).count(), 0);
    }
}
