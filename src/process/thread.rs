//! One thread of a process: its number, the guest words the host sets for it, and its side of signals.
//!
//! Which signal goes to whom is decided in `signal.rs`; a thread only keeps the result in an atomic that the engine can
//! read cheaply, and a queue for whoever waits.

use super::process::{End, Process};
use super::signal::{SigInfo, SigSet, Signal, Taken};
use super::usage::{Cpu, CpuCounter};
use crate::errno::Errno;
use crate::wait::WaitQueue;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

/// Bytes of a thread's name with its NUL (`TASK_COMM_LEN`).
pub(crate) const COMM_LEN: usize = 16;

/// One thread of a process.
pub(crate) struct Thread {
    /// Its number in the sandbox; the first thread's is the pid.
    pub(crate) tid: u32,
    /// Its process.
    pub(crate) process: Arc<Process>,
    killed: CancellationToken,
    doomed: AtomicBool,
    deliverable: AtomicBool,
    interrupt: WaitQueue,
    /// Anything was sent to the thread or its process (for sigtimedwait).
    arrival: WaitQueue,
    /// Guest addresses; 0 for none.
    pending_word: AtomicU32,
    break_word: Mutex<(u32, u32)>,
    clear_tid: AtomicU32,
    name: Mutex<Option<[u8; COMM_LEN]>>,
    /// What it has used in all, and of that what its process was not told yet.
    cpu: CpuCounter,
    cpu_untold: CpuCounter,
    /// Since when, in nanoseconds of the sandbox's life, its time on the processor is not counted yet.
    cpu_since: AtomicU64,
}

impl Thread {
    pub(super) fn new(tid: u32, process: Arc<Process>) -> Arc<Self> {
        let killed = process.killed().child_token();
        Arc::new(Self {
            tid,
            process,
            killed,
            doomed: AtomicBool::new(false),
            deliverable: AtomicBool::new(false),
            interrupt: WaitQueue::new(),
            arrival: WaitQueue::new(),
            pending_word: AtomicU32::new(0),
            break_word: Mutex::new((0, 0)),
            clear_tid: AtomicU32::new(0),
            name: Mutex::new(None),
            cpu: CpuCounter::default(),
            cpu_untold: CpuCounter::default(),
            cpu_since: AtomicU64::new(0),
        })
    }

    /// Cancelled when the thread must end at once: its process does, or another thread has called execve.
    pub(crate) fn killed(&self) -> CancellationToken {
        self.killed.clone()
    }

    pub(super) fn kill(&self) {
        self.doomed.store(true, Ordering::Release);
        self.killed.cancel();
    }

    /// The thread runs no more and its instance is gone. With the last one the process ends.
    pub(crate) fn finish(&self, end: End) {
        self.process.finish_thread(self.tid, end);
    }

    /// Whether it is the process's first thread.
    pub(crate) fn is_leader(&self) -> bool {
        self.tid == self.process.pid
    }

    /// Whether a signal with a handler is pending and not blocked. Cheap.
    pub(crate) fn deliverable(&self) -> bool {
        self.deliverable.load(Ordering::Acquire)
    }

    pub(super) fn set_deliverable(&self, deliverable: bool) {
        if !self.deliverable.swap(deliverable, Ordering::AcqRel) && deliverable {
            self.interrupt.wake_all();
        }
    }

    pub(super) fn wake_arrival(&self) {
        self.arrival.wake_all();
    }

    /// Where to wait for any signal to be sent (sigtimedwait, signalfd): subscribe, then look.
    pub(crate) fn arrivals(&self) -> &WaitQueue {
        &self.arrival
    }

    /// Completes when [`Self::deliverable`] becomes true.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop at any time.
    pub(crate) async fn interrupted(&self) {
        loop {
            let waiter = self.interrupt.subscribe();
            if self.deliverable() {
                return;
            }
            waiter.await;
        }
    }

    /// Waits while the process is stopped (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU), and for ever in a thread that must end: a
    /// program does not go on after the call that killed it.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop at any time.
    pub(crate) async fn stop_point(&self) {
        self.process.until_running().await;
        if self.process.is_doomed() || self.doomed.load(Ordering::Acquire) {
            std::future::pending::<()>().await;
        }
    }

    /// Guest address of the word to set when a signal is deliverable.
    pub(crate) fn pending_word(&self) -> Option<u32> {
        Some(self.pending_word.load(Ordering::Relaxed)).filter(|&address| address != 0)
    }

    /// Sets it; 0 takes it away.
    pub(crate) fn set_pending_word(&self, address: u32) {
        self.pending_word.store(address, Ordering::Relaxed);
    }

    /// Guest address and bits of the word to OR into at an epoch boundary when a signal is deliverable or
    /// another thread waits for the turn.
    pub(crate) fn break_word(&self) -> Option<(u32, u32)> {
        Some(*self.break_word.lock()).filter(|&(address, _)| address != 0)
    }

    /// Sets it; address 0 takes it away.
    pub(crate) fn set_break_word(&self, address: u32, bits: u32) {
        *self.break_word.lock() = (address, bits);
    }

    /// Guest address where the host stores 0 when the thread ends, and then wakes it as a futex ([`Process::futexes`]).
    pub(crate) fn clear_tid(&self) -> Option<u32> {
        Some(self.clear_tid.load(Ordering::Relaxed)).filter(|&address| address != 0)
    }

    /// set_tid_address(2); 0 takes it away.
    pub(crate) fn set_clear_tid(&self, address: u32) {
        self.clear_tid.store(address, Ordering::Relaxed);
    }

    /// The words of the thread that forked are the child's too: its memory is a copy.
    pub(super) fn copy_addresses(&self, parent: &Self) {
        self.set_pending_word(parent.pending_word.load(Ordering::Relaxed));
        *self.break_word.lock() = *parent.break_word.lock();
        *self.name.lock() = *parent.name.lock();
    }

    /// Forgets every guest address: the memory they meant is gone (execve).
    pub(super) fn forget_addresses(&self) {
        self.set_pending_word(0);
        self.set_break_word(0, 0);
        self.set_clear_tid(0);
        *self.name.lock() = None;
    }

    /// The thread's name (`PR_SET_NAME`), if it has one of its own.
    pub(crate) fn name(&self) -> Option<[u8; COMM_LEN]> {
        *self.name.lock()
    }

    /// Sets it.
    pub(crate) fn set_name(&self, name: [u8; COMM_LEN]) {
        *self.name.lock() = Some(name);
    }

    /// CPU time used.
    pub(crate) fn cpu(&self) -> Cpu {
        self.cpu.get()
    }

    /// It is on a processor from now on.
    pub(crate) fn cpu_begins(&self) {
        self.cpu_since.store(self.process.kernel.age_ns(), Ordering::Relaxed);
    }

    /// Counts its time on the processor up to now, as the program's or (`system`) as that of a call.
    pub(crate) fn cpu_until_now(&self, system: bool) {
        let now = self.process.kernel.age_ns();
        let spent = now.saturating_sub(self.cpu_since.swap(now, Ordering::Relaxed));
        let more = match system {
            true => Cpu { user_ns: 0, system_ns: spent },
            false => Cpu { user_ns: spent, system_ns: 0 },
        };
        self.cpu.add(more);
        self.cpu_untold.add(more);
    }

    /// Tells its process what was counted.
    pub(crate) fn tell_cpu(&self) {
        self.process.add_cpu(self.cpu_untold.take());
    }

    /// Sends this thread a signal that its own call caused (SIGPIPE, SIGXFSZ).
    pub(crate) fn raise(&self, signal: Signal) {
        // A full queue cannot hold back a standard signal's effect for long, and the call reports its error anyway.
        let _ = self.process.post(SigInfo::kernel(signal), Some(self.tid));
    }

    /// The blocked signals.
    pub(crate) fn mask(&self) -> SigSet {
        self.process.with_signals(|signals| signals.mask(self.tid))
    }

    /// Blocks exactly `mask`.
    pub(crate) fn set_mask(&self, mask: SigSet) {
        self.process.change_signals(|signals| signals.set_mask(self.tid, mask));
    }

    /// Blocks exactly `mask` for the length of one call (ppoll, sigsuspend...); end it with [`Self::end_mask`].
    pub(crate) fn begin_mask(&self, mask: SigSet) {
        self.process.change_signals(|signals| signals.begin_mask(self.tid, mask));
    }

    /// Ends [`Self::begin_mask`]: with `interrupted` the mask before comes back only after the handler that is due.
    pub(crate) fn end_mask(&self, interrupted: bool) {
        self.process.change_signals(|signals| signals.end_mask(self.tid, interrupted));
    }

    /// Pending signals that are blocked.
    pub(crate) fn pending(&self) -> SigSet {
        self.process.with_signals(|signals| signals.pending(self.tid))
    }

    /// Takes the next signal that has a handler to call (`isolet_signal_take`).
    pub(crate) fn take_signal(&self) -> Option<Taken> {
        self.process.change_signals(|signals| signals.take(self.tid))
    }

    /// Takes a pending signal of `set` (sigtimedwait).
    pub(crate) fn accept_signal(&self, set: SigSet) -> Option<SigInfo> {
        self.process.change_signals(|signals| signals.accept(self.tid, set))
    }

    /// Starts a further thread over the same program: the caller hands it to [`super::Exec::thread`].
    ///
    /// # Errors
    ///
    /// EAGAIN when the sandbox has too many threads; ESRCH if the process is ending.
    pub(crate) fn add_thread(&self) -> Result<Arc<Self>, Errno> {
        self.process.add_thread(self.tid)
    }
}
