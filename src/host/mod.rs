//! The system calls: what a built-in program asks the kernel for, translated between guest memory and kernel objects.
//!
//! The interface is Linux's (guest-images/sysroot/ABI.md). Each area has a file with one `dispatch`; a call that no area
//! knows answers ENOSYS. Nothing here decides policy: rules live in `process`, `vfs` and `vnet`.
//!
//! A call runs on its thread's turn ([`crate::process::turn`]). It gives the turn up only in [`Call::wait`], so guest memory
//! is never borrowed across an await, and between two awaits no other thread of the process runs.

pub(crate) mod memory;
pub(crate) mod nr;

use crate::errno::Errno;
use crate::process::turn::TurnGuard;
use crate::process::{Kernel, Process, Thread};
use std::future::Future;
use std::sync::Arc;
use tokio::time::Instant;
use wasmtime::{Caller, Memory};

/// What a store holds: the thread that runs in it and its hold on the process's turn.
pub(crate) struct Context {
    pub(crate) thread: Arc<Thread>,
    pub(crate) memory: Option<Memory>,
    pub(crate) turn: Option<TurnGuard>,
    /// Addresses of the thread-local bytes (`__start_isolet_tls`, `__stop_isolet_tls`); empty without threads.
    pub(crate) locals: std::ops::Range<u32>,
    /// This thread's bytes of that range while another thread runs.
    pub(crate) locals_saved: Vec<u8>,
    /// How a wait ended that must end the program: set instead of returning into the guest.
    pub(crate) limiter: wasmtime::StoreLimits,
}

/// One system call in progress.
pub(crate) struct Call<'a> {
    caller: Caller<'a, Context>,
    /// The call's six words.
    pub(crate) args: [u32; 6],
}

/// How a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wake<T> {
    /// What was waited for happened.
    Done(T),
    /// A signal with a handler came first.
    Interrupted,
    /// The deadline passed first.
    TimedOut,
}

impl<'a> Call<'a> {
    /// A call made by the instance behind `caller`.
    pub(crate) fn new(caller: Caller<'a, Context>, args: [u32; 6]) -> Self {
        Self { caller, args }
    }

    /// The calling thread.
    pub(crate) fn thread(&self) -> &Arc<Thread> {
        &self.caller.data().thread
    }

    /// The calling process.
    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.thread().process
    }

    /// The kernel of the caller's sandbox.
    pub(crate) fn kernel(&self) -> &Arc<Kernel> {
        &self.process().kernel
    }

    /// A 64-bit argument in words `low` (low half) and `low + 1`.
    pub(crate) fn arg64(&self, low: usize) -> u64 {
        u64::from(self.args[low]) | u64::from(self.args[low + 1]) << 32
    }

    /// Makes the call: Linux's result, or `-errno`.
    pub(crate) async fn run(mut self, number: u32) -> i32 {
        let result = self.dispatch(number).await;
        self.thread().clone().stop_point().await;
        self.flag_signals();
        match result {
            Ok(value) => value.cast_signed(),
            Err(errno) => -errno.raw_os_error(),
        }
    }

    async fn dispatch(&mut self, number: u32) -> Result<u32, Errno> {
        tracing::trace!(pid = self.process().pid, number, "unknown system call");
        Err(Errno::NOSYS)
    }

    /// Sets the thread's pending word if a signal waits for its handler.
    fn flag_signals(&mut self) {
        if !self.thread().deliverable() {
            return;
        }
        if let Some(word) = self.thread().pending_word() {
            // A word outside memory is the guest's own loss: it will not see its signals.
            let _ = self.write(word, &1u32);
        }
    }

    /// Waits for `future` without holding the turn; a signal with a handler or the deadline may come first.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `future`; the thread then no longer has the turn and must not run on.
    pub(crate) async fn wait<T>(
        &mut self,
        future: impl Future<Output = T> + Send,
        deadline: Option<Instant>,
    ) -> Wake<T> {
        let thread = self.thread().clone();
        self.release();
        let timeout = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let wake = tokio::select! {
            biased;
            done = future => Wake::Done(done),
            () = thread.interrupted() => Wake::Interrupted,
            () = timeout => Wake::TimedOut,
        };
        self.resume().await;
        wake
    }

    /// Gives the turn up, after keeping this thread's own bytes.
    fn release(&mut self) {
        self.caller.data_mut().turn = None;
    }

    /// Takes the turn again and makes memory this thread's: its length and its thread-locals.
    async fn resume(&mut self) {
        let thread = self.thread().clone();
        let (guard, _before) = thread.process.turn.take(thread.tid).await;
        self.caller.data_mut().turn = Some(guard);
    }
}
