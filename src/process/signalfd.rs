//! signalfd4(2): pending signals that are read like a file.
//!
//! Whose signals: a read takes those of the reading thread and its process, as on Linux. Readiness, where nobody says who
//! asks, is that of the process that made the descriptor; for a copy in a child that differs from Linux.

use super::budget::next_inode;
use super::process::Process;
use super::signal::{SigInfo, SigSet};
use super::thread::Thread;
use crate::errno::Errno;
use crate::wait::{Ready, WaitQueue, Waiter};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// Bytes of `struct signalfd_siginfo`.
pub(crate) const RECORD_BYTES: usize = 128;

/// A signal descriptor.
pub(crate) struct SignalFd {
    mask: Mutex<SigSet>,
    maker: Weak<Process>,
    /// Woken when the set changes.
    changed: WaitQueue,
    inode: u64,
}

impl SignalFd {
    /// A descriptor for the signals of `mask`, made by `process`.
    pub(crate) fn new(mask: SigSet, process: &Arc<Process>) -> Self {
        let (changed, inode) = (WaitQueue::new(), next_inode());
        Self { mask: Mutex::new(mask.as_mask()), maker: Arc::downgrade(process), changed, inode }
    }

    /// The signals it tells of.
    pub(crate) fn mask(&self) -> SigSet {
        *self.mask.lock()
    }

    /// Sets them.
    pub(crate) fn set_mask(&self, mask: SigSet) {
        *self.mask.lock() = mask.as_mask();
        self.changed.wake_all();
    }

    /// Takes as many of `thread`'s pending signals as fit.
    ///
    /// # Errors
    ///
    /// EAGAIN for none, EINVAL for a buffer that holds none.
    pub(crate) fn read(&self, thread: &Thread, into: &mut [u8]) -> Result<usize, Errno> {
        if into.len() < RECORD_BYTES {
            return Err(Errno::INVAL);
        }
        let (mask, mut done) = (self.mask(), 0);
        for record in into.chunks_exact_mut(RECORD_BYTES) {
            let Some(info) = thread.accept_signal(mask) else { break };
            record.copy_from_slice(&encode(&info));
            done += RECORD_BYTES;
        }
        if done == 0 { Err(Errno::AGAIN) } else { Ok(done) }
    }

    /// What it is ready for.
    pub(crate) fn ready(&self) -> Ready {
        let Some(process) = self.maker.upgrade() else { return Ready::empty() };
        let pending = process.with_signals(|signals| signals.pending_anywhere());
        let due = pending.bits() & self.mask().bits() != 0;
        if due { Ready::IN } else { Ready::empty() }
    }

    /// A waiter for the next signal.
    pub(crate) fn subscribe(&self) -> Waiter {
        match self.maker.upgrade() {
            Some(process) => process.arrivals().subscribe(),
            None => self.changed.subscribe(),
        }
    }

    /// Its inode number.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }
}

/// `struct signalfd_siginfo`: signo, errno, code, pid, uid, fd, tid, band, overrun, trapno, status, int, then 64-bit ptr, utime,
/// stime.
fn encode(info: &SigInfo) -> [u8; RECORD_BYTES] {
    let mut bytes = [0; RECORD_BYTES];
    let words = [
        u32::from(info.signal.number()),
        0,
        info.code.cast_unsigned(),
        info.pid,
        info.uid,
        0,
        0,
        0,
        0,
        0,
        info.value,
        info.value,
        info.value,
        0,
        info.times[0],
        0,
        info.times[1],
        0,
    ];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}
