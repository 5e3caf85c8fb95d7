//! The system calls: what a built-in program asks the kernel for, translated between guest memory and kernel objects.
//!
//! The interface is Linux's (guest-images/sysroot/ABI.md). Each area has a file with one `dispatch`; a call that no area
//! knows answers ENOSYS. Nothing here decides policy: rules live in `process`, `vfs` and `vnet`.
//!
//! A call runs on its thread's turn ([`crate::process::turn`]). It gives the turn up only in [`Call::wait`], so guest memory
//! is never borrowed across an await, and between two awaits no other thread of the process runs.

pub(crate) mod component;
mod control;
mod fcntl;
mod fd;
pub(crate) mod fork;
pub(crate) mod fs;
pub(crate) mod futex;
pub(crate) mod growth;
pub(crate) mod ids;
mod mapping;
pub(crate) mod memory;
mod net;
pub(crate) mod nr;
mod poll;
mod preopen;
pub(crate) mod preview1;
pub(crate) mod proc;
pub(crate) mod signal;
pub(crate) mod spawn;
pub(crate) mod special;
mod splice;
pub(crate) mod stack;
pub(crate) mod start_image;
pub(crate) mod system;
pub(crate) mod time;
mod transfer;
mod tty;
mod unix;

use crate::errno::Errno;
use crate::process::turn::TurnGuard;
use crate::process::{ExitStatus, Kernel, Process, Signal, Thread, exec};
use crate::vfs;
use growth::Growth;
use stack::StackCharge;
use start_image::Beginning;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wasmtime::{AsContextMut, Caller, Global, Memory};

/// How long a thread has its turn while it makes calls that do not wait and others wait for theirs: CPython's switch interval.
const TURN_MAX: Duration = Duration::from_millis(5);

/// What a system call needs of the engine that runs it.
pub(crate) trait Host: Send + Sync {
    /// Lets a further thread of the calling process run: the thread, its stack's top and its argument.
    fn start_thread(&self, thread: Arc<Thread>, stack_top: u32, argument: u32);

    /// Whether a file can be executed; ENOEXEC if not. What was loaded is kept for when it is.
    fn load<'a>(
        &'a self,
        file: &'a vfs::File,
    ) -> Pin<Box<dyn Future<Output = Result<(), Errno>> + Send + 'a>>;
}

/// Why a system call does not return to the guest.
pub(crate) enum Departure {
    /// The process goes on with another program.
    Exec(exec::Program),
    /// The thread ends.
    ExitThread(u8),
    /// The process ends.
    ExitGroup(ExitStatus),
    /// The program's memory is what it shall be started from.
    StartImage,
    /// The program begins again, not from its start image.
    StartPlainly,
}

/// What a store holds: the thread that runs in it and its hold on the process's turn.
pub(crate) struct Context {
    pub(crate) thread: Arc<Thread>,
    pub(crate) growth: Growth,
    /// Set before guest code runs.
    pub(crate) memory: Option<Memory>,
    /// What a loop of the program looks at, if it has been made to: 1 when a signal with a handler waits for the thread.
    pub(crate) signal_waits: Option<Global>,
    pub(crate) departure: Option<Departure>,
    pub(crate) fork: Option<fork::Fork>,
    pub(crate) beginning: Beginning,
    /// What preview 1 keeps, in a program that speaks it.
    pub(crate) preview1: Option<preview1::State>,
    stack: Arc<StackCharge>,
    host: Arc<dyn Host>,
    turn: Option<TurnGuard>,
    turn_since: Instant,
    /// Addresses of the program's thread-locals (`__start_isolet_tls`..`__stop_isolet_tls`); empty without any.
    locals: Range<u32>,
    /// This thread's bytes of that range while another thread may run.
    locals_saved: Vec<u8>,
}

impl Context {
    /// The context of `thread`'s next instance.
    pub(crate) fn new(
        thread: Arc<Thread>,
        growth: Growth,
        stack: Arc<StackCharge>,
        host: Arc<dyn Host>,
    ) -> Self {
        Self {
            thread,
            growth,
            memory: None,
            signal_waits: None,
            departure: None,
            fork: None,
            beginning: Beginning::Plain,
            preview1: None,
            stack,
            host,
            turn: None,
            turn_since: Instant::now(),
            locals: 0..0,
            locals_saved: Vec::new(),
        }
    }

    /// What the thread's machine stack is charged to.
    pub(crate) fn stack(&self) -> &StackCharge {
        &self.stack
    }

    /// Says where the program's thread-locals lie and what they are for a thread that has not run yet.
    pub(crate) fn set_locals(&mut self, range: Range<u32>, initial: Vec<u8>) {
        self.locals = range;
        self.locals_saved = initial;
    }

    /// Gives the turn up, after keeping this thread's own bytes and telling the memory's length.
    pub(crate) fn give_turn(mut store: impl AsContextMut<Data = Self>) {
        let mut store = store.as_context_mut();
        let Some(memory) = store.data().memory else { return };
        let (bytes, context) = memory.data_and_store_mut(&mut store);
        context.thread.process.turn.set_memory_bytes(bytes.len() as u64);
        let range = context.locals.start as usize..context.locals.end as usize;
        if let Some(locals) = bytes.get(range) {
            context.locals_saved.clear();
            context.locals_saved.extend_from_slice(locals);
        }
        context.turn = None;
    }

    /// Takes the turn and makes memory this thread's: its length, and its thread-locals if another thread ran.
    pub(crate) async fn take_turn(mut store: impl AsContextMut<Data = Self>) {
        if store.as_context().data().turn.is_some() {
            return;
        }
        let thread = store.as_context().data().thread.clone();
        let (guard, before) = thread.process.turn.take(thread.tid).await;
        let mut store = store.as_context_mut();
        store.data_mut().turn = Some(guard);
        store.data_mut().turn_since = Instant::now();
        let Some(memory) = store.data().memory else { return };
        if before.is_none() {
            return;
        }
        let length = thread.process.turn.memory_bytes();
        let missing = length.saturating_sub(memory.data_size(&store) as u64);
        if missing > 0 {
            let pages = missing / memory.page_size(&store);
            memory.grow(&mut store, pages).expect("the bytes are there and paid for");
        }
        let (bytes, context) = memory.data_and_store_mut(&mut store);
        let range = context.locals.start as usize..context.locals.end as usize;
        if let Some(locals) = bytes.get_mut(range) {
            locals.copy_from_slice(&context.locals_saved);
        }
    }
}

/// One system call in progress.
pub(crate) struct Call<'a> {
    caller: Caller<'a, Context>,
    /// The call's six words.
    pub(crate) args: [u32; 6],
}

/// Counts a call's time on the processor as the system's.
async fn as_system_time<T>(thread: &Thread, call: impl Future<Output = T>) -> T {
    let mut call = std::pin::pin!(call);
    std::future::poll_fn(|context| {
        thread.cpu_until_now(false);
        let polled = call.as_mut().poll(context);
        thread.cpu_until_now(true);
        polled
    })
    .await
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

    /// Makes the call: Linux's result, or `-errno`; an error when the guest is left for good.
    pub(crate) async fn run(mut self, number: u32) -> wasmtime::Result<i32> {
        if !self.caller.data().stack.note() {
            self.process().exit(ExitStatus::Signal(Signal::KILL)); // As when Linux is out of memory.
            wasmtime::bail!("the sandbox has no memory left for the stack");
        }
        let thread = self.thread().clone();
        let whole = async {
            self.reconcile_for(number).await;
            let result = self.dispatch(number).await;
            self.reconcile_for(number).await;
            if self.overstays() {
                self.wait(tokio::task::yield_now(), None).await;
            }
            result
        };
        let result = as_system_time(&thread, whole).await;
        if self.caller.data().departure.is_some() {
            wasmtime::bail!("the program was left");
        }
        self.thread().clone().stop_point().await;
        self.flag_signals();
        Ok(match result {
            Ok(value) => value.cast_signed(),
            Err(errno) => -errno.raw_os_error(),
        })
    }

    /// Whether the thread should give its turn up at the end of a call that did not wait. A program whose locks are free while it calls
    /// out (the GIL) would starve its other threads by calls that never wait: they wake, and have to see the lock free.
    fn overstays(&self) -> bool {
        let context = self.caller.data();
        context.departure.is_none()
            && self.process().turn.contended()
            && context.turn_since.elapsed() >= TURN_MAX
    }

    /// Makes the call leave the guest instead of returning to it.
    pub(crate) fn leave(&mut self, departure: Departure) {
        self.caller.data_mut().departure = Some(departure);
    }

    /// Whether the program forks; such a program has no further threads (a stack that is being saved is one thread's).
    pub(crate) fn forks(&self) -> bool {
        self.caller.data().fork.is_some()
    }

    /// How the program came to run.
    pub(crate) fn beginning(&self) -> Beginning {
        self.caller.data().beginning
    }

    /// Lets a further thread of this process run.
    pub(crate) fn start_thread(&self, thread: Arc<Thread>, stack_top: u32, argument: u32) {
        self.caller.data().host.start_thread(thread, stack_top, argument);
    }

    /// Makes sure that the engine can run a program, before the caller gives up its own.
    ///
    /// # Errors
    ///
    /// ENOEXEC.
    pub(crate) async fn load(&self, program: &exec::Program) -> Result<(), Errno> {
        let host = self.caller.data().host.clone();
        host.load(&program.file).await
    }

    async fn dispatch(&mut self, number: u32) -> Result<u32, Errno> {
        if let Some(result) = fd::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = fcntl::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = tty::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = poll::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = transfer::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = splice::dispatch(self, number).await {
            return result;
        }
        // Before the network's: the two share the numbers.
        if let Some(result) = unix::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = net::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = fs::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = futex::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = signal::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = mapping::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = special::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = time::dispatch(self, number).await {
            return result;
        }
        if let Some(result) = proc::dispatch(self, number).await {
            return result;
        }
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
        Context::give_turn(&mut self.caller);
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
        // A stopped process does not finish its call, nor does one that must end.
        thread.stop_point().await;
        Context::take_turn(&mut self.caller).await;
        wake
    }
}
