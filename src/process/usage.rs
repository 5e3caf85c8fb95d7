//! What a process has used, and the bounds on it that are looked at where it is used: CPU, memory, bytes read and written.
//!
//! Plain counters. Limits as programs set and see them are in `limit.rs`, which keeps the bounds here up to date.

use super::cpu_timer::CpuTimers;
use super::limit::{self, Limits};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// CPU time in nanoseconds: the program's own, and that of its system calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cpu {
    pub(crate) user_ns: u64,
    pub(crate) system_ns: u64,
}

impl Cpu {
    /// Both together.
    pub(crate) fn total_ns(self) -> u64 {
        self.user_ns.saturating_add(self.system_ns)
    }

    /// The sum of two.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            user_ns: self.user_ns.saturating_add(other.user_ns),
            system_ns: self.system_ns.saturating_add(other.system_ns),
        }
    }
}

/// CPU time that is added up.
#[derive(Debug, Default)]
pub(crate) struct CpuCounter {
    user_ns: AtomicU64,
    system_ns: AtomicU64,
}

impl CpuCounter {
    /// Adds to it.
    pub(crate) fn add(&self, more: Cpu) {
        self.user_ns.fetch_add(more.user_ns, Ordering::Relaxed);
        if more.system_ns > 0 {
            self.system_ns.fetch_add(more.system_ns, Ordering::Relaxed);
        }
    }

    /// What it is now.
    pub(crate) fn get(&self) -> Cpu {
        Cpu {
            user_ns: self.user_ns.load(Ordering::Relaxed),
            system_ns: self.system_ns.load(Ordering::Relaxed),
        }
    }

    /// What it is now; it begins anew.
    pub(crate) fn take(&self) -> Cpu {
        Cpu {
            user_ns: self.user_ns.swap(0, Ordering::Relaxed),
            system_ns: self.system_ns.swap(0, Ordering::Relaxed),
        }
    }
}

/// What a bound on CPU time asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CpuVerdict {
    /// SIGXCPU: the soft limit, and each second after it.
    Warn,
    /// SIGKILL: the hard limit.
    Kill,
}

/// Bytes and calls of reading and writing, as /proc/PID/io tells them.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    bytes: AtomicU64,
    calls: AtomicU64,
}

impl Transfers {
    /// Counts a call that moved so many bytes.
    pub(crate) fn note(&self, bytes: u32) {
        self.bytes.fetch_add(u64::from(bytes), Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes and calls.
    pub(crate) fn get(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.calls.load(Ordering::Relaxed))
    }
}

/// The counters and bounds of one process.
#[derive(Debug)]
pub(crate) struct Usage {
    /// Of its threads.
    pub(crate) cpu: CpuCounter,
    /// Of the children it waited for, and theirs.
    pub(crate) children_cpu: CpuCounter,
    /// The largest linear memory of one of those children, in bytes.
    pub(crate) children_memory_max: AtomicU64,
    pub(crate) reads: Transfers,
    pub(crate) writes: Transfers,
    /// Those of setitimer(2) that count CPU time.
    pub(crate) timers: CpuTimers,
    cpu_soft_ns: AtomicU64,
    cpu_hard_ns: AtomicU64,
    /// Bytes its linear memory may grow to; its instances look at it.
    memory_max: Arc<AtomicU64>,
}

impl Usage {
    /// Nothing used, bounds from `limits`.
    pub(crate) fn new(limits: &Limits) -> Self {
        let usage = Self {
            cpu: CpuCounter::default(),
            children_cpu: CpuCounter::default(),
            children_memory_max: AtomicU64::new(0),
            reads: Transfers::default(),
            writes: Transfers::default(),
            timers: CpuTimers::default(),
            cpu_soft_ns: AtomicU64::new(u64::MAX),
            cpu_hard_ns: AtomicU64::new(u64::MAX),
            memory_max: Arc::new(AtomicU64::new(u64::MAX)),
        };
        usage.bound(limits);
        usage
    }

    /// Takes the bounds from `limits`.
    pub(crate) fn bound(&self, limits: &Limits) {
        let cpu = limits.get(limit::CPU);
        // Linux takes a limit of 0 seconds for one.
        let ns = |seconds: u64| seconds.max(1).saturating_mul(SECOND);
        self.cpu_soft_ns.store(ns(cpu.soft), Ordering::Relaxed);
        self.cpu_hard_ns.store(ns(cpu.hard), Ordering::Relaxed);
        let memory = limits.get(limit::ADDRESS_SPACE).soft.min(limits.get(limit::DATA).soft);
        self.memory_max.store(memory, Ordering::Relaxed);
    }

    /// The bound on its linear memory, for those who let it grow.
    pub(crate) fn memory_max(&self) -> Arc<AtomicU64> {
        self.memory_max.clone()
    }

    /// Adds CPU time, and says what a limit asks for.
    pub(crate) fn add_cpu(&self, more: Cpu) -> Option<CpuVerdict> {
        self.cpu.add(more);
        let soft = self.cpu_soft_ns.load(Ordering::Relaxed);
        let hard = self.cpu_hard_ns.load(Ordering::Relaxed);
        if soft.min(hard) == u64::MAX {
            return None;
        }
        let used = self.cpu.get().total_ns();
        if used >= hard {
            return Some(CpuVerdict::Kill);
        }
        if used < soft {
            return None;
        }
        self.cpu_soft_ns.store(used.saturating_add(SECOND), Ordering::Relaxed);
        Some(CpuVerdict::Warn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::limit::Limit;

    #[test]
    fn a_limit_on_cpu_warns_each_second_and_then_kills() {
        let mut limits = Limits::new(10, 10);
        limits.put(limit::CPU, Limit { soft: 1, hard: 4 });
        let usage = Usage::new(&limits);
        let half = |user| Cpu { user_ns: user * SECOND / 4, system_ns: SECOND / 4 };
        assert_eq!(usage.add_cpu(half(1)), None);
        assert_eq!(usage.add_cpu(half(1)), Some(CpuVerdict::Warn));
        assert_eq!(usage.add_cpu(half(1)), None);
        assert_eq!(usage.add_cpu(half(1)), Some(CpuVerdict::Warn));
        assert_eq!(usage.add_cpu(half(7)), Some(CpuVerdict::Kill));
        assert_eq!(usage.cpu.get(), Cpu { user_ns: 11 * SECOND / 4, system_ns: 5 * SECOND / 4 });
    }
}
