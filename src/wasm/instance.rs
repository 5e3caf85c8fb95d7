//! One thread of a process, from its first instruction to its end.
//!
//! ```text
//!            +--------------------------- fork: both sides ---------------------------+
//!            v                                                                        |
//! start -> instance -> enter guest code -> left it: returned | exit | exec | fork | trap | killed
//!            ^                                          |       |      |
//!            +------------- exec: a new program --------+-------+      +-> thread.finish(end), everything freed
//! ```
//!
//! A process is killed by dropping the future that runs it: it ends at its next await, and a guest that never calls out
//! awaits at every epoch.

use super::interrupt::WAITS;
use super::memory::{self, Mapping};
use super::start_image::{Slot, Snapshot};
use super::{Engine, Loaded, Program, foreign};
use crate::errno::Errno;
use crate::host::fork::{Fork, ForkState};
use crate::host::growth::Growth;
use crate::host::stack::StackCharge;
use crate::host::start_image::Beginning;
use crate::host::{self, Context, Departure};
use crate::process::account::Charge;
use crate::process::exec;
use crate::process::shared::Pass;
use crate::process::{End, Exec, ExitStatus, Thread};
use crate::vfs;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, ready};
use wasmtime::{AsContextMut, Instance, Linker, Store, Trap, UpdateDeadline, Val};

/// What a further thread's instance calls, with the thread's argument.
pub(super) const THREAD_ENTRY: &str = "isolet_thread_start";

/// Bytes that a fork copies before others get their turn: about 2 ms.
const FORK_SLICE: usize = 4 << 20;

/// The global that holds the stack's top in linear memory.
const STACK_POINTER: &str = "__stack_pointer";

/// Puts the imports of built-in programs into `linker`.
pub(super) fn link(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        "isolet_v1",
        "syscall",
        |caller, (n, a, b, c, d, e, f): (u32, u32, u32, u32, u32, u32, u32)| {
            Box::new(host::Call::new(caller, [a, b, c, d, e, f]).run(n))
        },
    )?;
    linker.func_wrap_async("isolet_v1", "fork", |caller, (): ()| {
        Box::new(host::fork::fork(caller))
    })?;
    Ok(())
}

/// What a thread starts from.
pub(super) enum Origin {
    /// The process's program.
    Program(exec::Program),
    /// The same, in order to make the program's start image.
    Making { program: exec::Program, made: Slot },
    /// The copy of another process, in the middle of `fork`.
    Fork { program: Arc<Program>, mapping: Arc<Mapping>, globals: Vec<Val>, growth: Growth },
    /// A further thread over the same memory.
    Thread {
        program: Arc<Program>,
        mapping: Arc<Mapping>,
        stack_top: u32,
        argument: u32,
        growth: Growth,
    },
}

/// How the guest is entered.
#[derive(Clone, Copy)]
enum Entry {
    Start,
    /// `_start` again, to rebuild the stack down to `fork`.
    Rewind,
    Thread(u32),
}

/// Why guest code stopped.
enum Left {
    End(End),
    Exec(exec::Program),
    Fork,
    StartImage,
    StartPlainly,
}

impl Exec for Engine {
    fn start(self: Arc<Self>, thread: Arc<Thread>, program: exec::Program) {
        self.launch(thread, Origin::Program(program));
    }
}

impl Engine {
    /// Lets a thread run on the guests' runtime.
    pub(super) fn launch(self: Arc<Self>, thread: Arc<Thread>, origin: Origin) {
        let guests = self.guests.clone();
        // Boxed, since running a thread can launch further ones.
        let life: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(live(self, thread, origin));
        guests.spawn(life);
    }
}

/// A thread's whole life.
async fn live(engine: Arc<Engine>, thread: Arc<Thread>, origin: Origin) {
    let killed = thread.killed();
    let mut unfinished = Unfinished(Some(thread.clone()));
    let run = OnProcessor {
        engine: &engine,
        thread: &thread,
        run: Box::pin(run(&engine, &thread, origin)),
    };
    let end = tokio::select! {
        biased;
        () = killed.cancelled() => End::Killed,
        end = run => end,
    };
    unfinished.0 = None;
    thread.finish(end);
}

/// A thread that is not told to have ended yet: a fault of ours ends its process, instead of leaving it there for ever.
struct Unfinished(Option<Arc<Thread>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            thread.finish(End::Fault(exec::SIGKILL));
        }
    }
}

async fn run(engine: &Arc<Engine>, thread: &Arc<Thread>, origin: Origin) -> End {
    let made = match &origin {
        Origin::Making { made, .. } => Some(made.clone()),
        _ => None,
    };
    let entered = match enter_origin(engine, thread, origin).await {
        Ok(entered) => entered,
        Err(end) => return end,
    };
    let (mut guest, mut entry) = entered;
    loop {
        match guest.enter(entry).await {
            Left::End(end) => {
                guest.clear_tid();
                // What this thread grew the memory by must be known to the others.
                Context::give_turn(&mut guest.store);
                return end;
            }
            Left::Fork => {
                if !guest.stack_is_saved().await {
                    return End::Fault(exec::SIGSEGV);
                }
                thread.cpu_until_now(false);
                let forked = guest.fork(engine).await;
                thread.cpu_until_now(true);
                let result = match forked {
                    Ok(pid) => pid.cast_signed(),
                    Err(errno) => -errno.raw_os_error(),
                };
                guest.set_fork_state(ForkState::Rewinding(result));
                entry = Entry::Rewind;
            }
            Left::Exec(program) => {
                thread.process.end_other_threads(thread).await;
                drop(guest);
                guest = match begin(engine, thread, program, Beginning::FromImage).await {
                    Ok(guest) => guest,
                    Err(end) => return end,
                };
                entry = Entry::Start;
            }
            Left::StartImage => {
                if let Some(made) = &made {
                    *made.lock() = guest.snapshot();
                }
                return End::GroupExit(ExitStatus::Code(0));
            }
            Left::StartPlainly => {
                let Some(program) = guest.executed.take() else {
                    return End::Fault(exec::SIGKILL);
                };
                drop(guest);
                guest = match begin(engine, thread, program, Beginning::Plain).await {
                    Ok(guest) => guest,
                    Err(end) => return end,
                };
            }
        }
    }
}

async fn enter_origin(
    engine: &Arc<Engine>,
    thread: &Arc<Thread>,
    origin: Origin,
) -> Result<(Guest, Entry), End> {
    match origin {
        Origin::Program(program) => {
            let guest = begin(engine, thread, program, Beginning::FromImage).await?;
            Ok((guest, Entry::Start))
        }
        Origin::Making { program, .. } => {
            let guest = begin(engine, thread, program, Beginning::Making).await?;
            Ok((guest, Entry::Start))
        }
        Origin::Fork { program, mapping, globals, growth } => {
            let guest = Guest::new(engine, thread, program, mapping, growth).await;
            let mut guest = guest.map_err(|error| broken(&error))?;
            guest.set_globals(&globals).map_err(|error| broken(&error))?;
            guest.set_fork_state(ForkState::Rewinding(0));
            Ok((guest, Entry::Rewind))
        }
        Origin::Thread { program, mapping, stack_top, argument, growth } => {
            let guest = Guest::new(engine, thread, program, mapping, growth).await;
            let mut guest = guest.map_err(|error| broken(&error))?;
            guest.set_stack(stack_top).map_err(|error| broken(&error))?;
            Ok((guest, Entry::Thread(argument)))
        }
    }
}

/// A fault that is ours or the host's: logged, and for the process as if it had been killed.
fn broken(error: &wasmtime::Error) -> End {
    tracing::error!(error = format!("{error:#}"), "a process could not go on");
    End::Fault(exec::SIGKILL)
}

/// The first instance of a program; `wanted` from its start image if it has one.
async fn begin(
    engine: &Arc<Engine>,
    thread: &Arc<Thread>,
    program: exec::Program,
    wanted: Beginning,
) -> Result<Guest, End> {
    let owner = thread.process.kernel.owner.clone();
    let failed = |errno: Errno| {
        tracing::warn!(pid = thread.process.pid, %errno, "a program could not be started");
        End::Fault(exec::SIGKILL)
    };
    let loaded = match engine.load(&program.file, &owner).await.map_err(failed)? {
        Loaded::BuiltIn(loaded) => loaded,
        Loaded::Users(loaded) => {
            // It runs here to its end; the futures of built-in programs need not be as large as its.
            return Err(Box::pin(foreign::run(engine, thread, program, loaded)).await);
        }
    };
    let start = || {
        let from = loaded.start_image().filter(|_| wanted == Beginning::FromImage);
        let (image, bytes) = match &from {
            Some(from) => (from.image.clone(), from.bytes),
            None => (loaded.image.clone(), loaded.minimum),
        };
        let most = thread.process.usage.memory_max();
        if bytes as u64 > most.load(Ordering::Relaxed) {
            return Err(Errno::NOMEM);
        }
        let charge = thread.process.kernel.memory.charge(bytes as u64);
        let charge = Arc::new(charge.ok_or(Errno::NOMEM)?);
        let mapping = Arc::new(Mapping::new(image, loaded.minimum, bytes)?);
        Ok::<_, Errno>((from, mapping, Growth::new(charge, most)))
    };
    let (from, mapping, growth) = start().map_err(failed)?;
    program.commit(thread);
    let guest = Guest::new(engine, thread, loaded, mapping, growth).await;
    let mut guest = guest.map_err(|error| broken(&error))?;
    match from {
        Some(from) => {
            guest.set_globals_but_stack(&from.globals()).map_err(|error| broken(&error))?;
            guest.store.data_mut().beginning = Beginning::FromImage;
            guest.executed = Some(program);
        }
        None if wanted == Beginning::Making => {
            guest.store.data_mut().beginning = Beginning::Making;
        }
        None => {}
    }
    Ok(guest)
}

/// An instance and the store it lives in.
struct Guest {
    store: Store<Context>,
    instance: Instance,
    program: Arc<Program>,
    mapping: Arc<Mapping>,
    /// What was executed, if it may have to begin again without its start image.
    executed: Option<exec::Program>,
}

impl Guest {
    async fn new(
        engine: &Arc<Engine>,
        thread: &Arc<Thread>,
        program: Arc<Program>,
        mapping: Arc<Mapping>,
        growth: Growth,
    ) -> wasmtime::Result<Self> {
        let machine = Arc::new(Machine {
            engine: engine.clone(),
            owner: thread.process.kernel.owner.clone(),
            program: program.clone(),
            mapping: mapping.clone(),
            charge: growth.charge().clone(),
        });
        let stack = StackCharge::new(&thread.process.kernel.memory);
        let stack = Arc::new(stack.expect("a charge of nothing always fits"));
        let context = Context::new(thread.clone(), growth, stack.clone(), machine);
        let mut store = Store::new(&engine.engine, context);
        store.limiter(|context| &mut context.growth);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(at_epoch(thread.clone(), mapping.clone(), stack));
        memory::hand_over(mapping.clone());
        let instance = program.pre.instantiate_async(&mut store).await;
        if memory::left_over().is_some() {
            wasmtime::bail!("the memory that was handed over was not taken");
        }
        let instance = instance?;
        let memory = instance.get_memory(&mut store, "memory").expect("checked when it was loaded");
        if memory.data_ptr(&store) != mapping.base() {
            wasmtime::bail!("the instance has another memory than the one handed over");
        }
        store.data_mut().memory = Some(memory);
        store.data_mut().signal_waits = instance.get_global(&mut store, WAITS);
        thread.process.turn.set_memory_bytes(mapping.bytes() as u64);
        let mut guest = Self { store, instance, program, mapping, executed: None };
        guest.find_locals();
        guest.find_fork()?;
        Ok(guest)
    }

    /// Where the program's thread-locals lie; a thread starts with those of the image.
    fn find_locals(&mut self) {
        let mut address = |name: &str| {
            let global = self.instance.get_global(&mut self.store, name)?;
            global.get(&mut self.store).i32().map(i32::cast_unsigned)
        };
        let (start, stop) = (address("__start_isolet_tls"), address("__stop_isolet_tls"));
        let (Some(start), Some(stop)) = (start, stop) else { return };
        if start >= stop || stop as usize > self.program.minimum {
            return;
        }
        let mut bytes = vec![0; (stop - start) as usize];
        self.program.image.read(start as usize, &mut bytes);
        self.store.data_mut().set_locals(start..stop, bytes);
    }

    fn find_fork(&mut self) -> wasmtime::Result<()> {
        if !self.program.forks {
            return Ok(());
        }
        let (instance, store) = (&self.instance, &mut self.store);
        let buffer = instance.get_global(&mut *store, "isolet_asyncify_buf");
        let buffer = buffer.and_then(|global| global.get(&mut *store).i32());
        let Some(buffer) = buffer else {
            wasmtime::bail!("it forks but exports no isolet_asyncify_buf");
        };
        let fork = Fork {
            state: ForkState::Running,
            buffer: buffer.cast_unsigned(),
            start_unwind: instance.get_typed_func(&mut *store, "asyncify_start_unwind")?,
            stop_unwind: instance.get_typed_func(&mut *store, "asyncify_stop_unwind")?,
            start_rewind: instance.get_typed_func(&mut *store, "asyncify_start_rewind")?,
            stop_rewind: instance.get_typed_func(&mut *store, "asyncify_stop_rewind")?,
        };
        store.data_mut().fork = Some(fork);
        Ok(())
    }

    /// Runs guest code until it leaves. The thread holds its process's turn when this returns.
    async fn enter(&mut self, entry: Entry) -> Left {
        Context::take_turn(&mut self.store).await;
        let result = self.call(entry).await;
        let context = self.store.data_mut();
        match (context.departure.take(), result) {
            (Some(Departure::Exec(program)), _) => Left::Exec(program),
            (Some(Departure::ExitThread(code)), _) => Left::End(End::ThreadExit(code)),
            (Some(Departure::ExitGroup(status)), _) => Left::End(End::GroupExit(status)),
            (Some(Departure::StartImage), _) => Left::StartImage,
            (Some(Departure::StartPlainly), _) => Left::StartPlainly,
            (None, Ok(())) => match context.fork.as_ref().map(|fork| fork.state) {
                Some(ForkState::Unwinding) => Left::Fork,
                // musl's _start never returns; what does has ended well.
                _ => Left::End(End::ThreadExit(0)),
            },
            (None, Err(error)) => Left::End(self.fault(&error)),
        }
    }

    async fn call(&mut self, entry: Entry) -> wasmtime::Result<()> {
        let store = &mut self.store;
        store.data().stack().begin();
        match entry {
            Entry::Thread(argument) => {
                let start = self.instance.get_typed_func::<u32, ()>(&mut *store, THREAD_ENTRY)?;
                start.call_async(store, argument).await
            }
            Entry::Start | Entry::Rewind => {
                if let (Entry::Rewind, Some(fork)) = (entry, store.data().fork.clone()) {
                    fork.start_rewind.call_async(&mut *store, fork.buffer).await?;
                    store.data().stack().begin();
                }
                let start = self.instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
                start.call_async(store, ()).await
            }
        }
    }

    /// The end that a trap is.
    fn fault(&self, error: &wasmtime::Error) -> End {
        let pid = self.store.data().thread.process.pid;
        tracing::debug!(pid, error = format!("{error:#}"), "a program trapped");
        End::Fault(error.downcast_ref::<Trap>().map_or(exec::SIGILL, foreign::signal_of))
    }

    /// Ends the unwinding of the stack. False if it did not fit the buffer: memory behind that is overwritten then, and the
    /// process must not run on.
    async fn stack_is_saved(&mut self) -> bool {
        let fork = self.store.data().fork.clone().expect("only a forking program gets here");
        self.store.data().stack().begin();
        let stopped = fork.stop_unwind.call_async(&mut self.store, ()).await;
        if let Err(error) = &stopped {
            tracing::warn!(error = format!("{error:#}"), "the stack was too deep to fork");
        }
        stopped.is_ok()
    }

    /// Copies the process whose stack has just been unwound. The child's pid.
    async fn fork(&mut self, engine: &Arc<Engine>) -> Result<u32, Errno> {
        let thread = self.store.data().thread.clone();
        self.reconcile_shared(&thread).await;
        let account = &thread.process.kernel.memory;
        let charge = account.charge(self.mapping.bytes() as u64).ok_or(Errno::NOMEM)?;
        let mapping = copy_memory(&thread, &self.mapping.clone()).await?;
        let globals = self.globals();
        let child = thread.process.fork(&thread)?;
        let pid = child.process.pid;
        let origin = Origin::Fork {
            program: self.program.clone(),
            mapping,
            globals,
            growth: Growth::new(Arc::new(charge), child.process.usage.memory_max()),
        };
        engine.clone().launch(child, origin);
        Ok(pid)
    }

    /// Brings shared mappings up to date before the memory is copied: else a fork would store again what was stored before.
    async fn reconcile_shared(&mut self, thread: &Thread) {
        let shared = &thread.process.shared;
        if !shared.any() {
            return;
        }
        shared.begin_fork();
        let memory = self.store.data().memory.expect("set when the instance was made");
        let mut pass = Pass::default();
        while shared.step(memory.data_mut(&mut self.store), &mut pass).is_some() {
            thread.cpu_until_now(true);
            tokio::task::yield_now().await;
        }
    }

    fn set_fork_state(&mut self, state: ForkState) {
        if let Some(fork) = &mut self.store.data_mut().fork {
            fork.state = state;
        }
    }

    /// Values of all mutable globals, in the order of [`Program::globals`].
    fn globals(&mut self) -> Vec<Val> {
        let (instance, store) = (&self.instance, &mut self.store);
        let names = self.program.globals.iter();
        let globals = names.filter_map(|name| instance.get_global(&mut *store, name));
        let globals: Vec<_> = globals.collect();
        globals.into_iter().map(|global| global.get(&mut *store)).collect()
    }

    fn set_globals(&mut self, values: &[Val]) -> wasmtime::Result<()> {
        for (name, value) in self.program.globals.iter().zip(values) {
            let global = self.instance.get_global(&mut self.store, name);
            let Some(global) = global else { wasmtime::bail!("global {name} is gone") };
            global.set(&mut self.store, *value)?;
        }
        Ok(())
    }

    /// Sets all globals, but leaves the stack's top where the module has it: nothing is on the stack.
    fn set_globals_but_stack(&mut self, values: &[Val]) -> wasmtime::Result<()> {
        let stack = self.instance.get_global(&mut self.store, STACK_POINTER);
        let Some(stack) = stack else { wasmtime::bail!("it exports no {STACK_POINTER}") };
        let top = stack.get(&mut self.store);
        self.set_globals(values)?;
        stack.set(&mut self.store, top)
    }

    /// What the program has made of its memory, to be started from.
    fn snapshot(&mut self) -> Option<Snapshot> {
        let globals = self.globals();
        Snapshot::new(self.mapping.bytes(), &globals, self.mapping.content())
    }

    fn set_stack(&mut self, top: u32) -> wasmtime::Result<()> {
        let global = self.instance.get_global(&mut self.store, STACK_POINTER);
        let Some(global) = global else { wasmtime::bail!("it exports no {STACK_POINTER}") };
        global.set(&mut self.store, Val::I32(top.cast_signed()))
    }

    /// What Linux does for `CLONE_CHILD_CLEARTID` when a thread ends. The thread still has the turn.
    fn clear_tid(&mut self) {
        let context = self.store.data();
        let Some(address) = context.thread.clear_tid() else { return };
        let memory = context.memory.expect("set when the instance was made");
        // An address outside memory is the guest's own loss.
        let _ = memory.write(self.store.as_context_mut(), address as usize, &[0; 4]);
        let thread = &self.store.data().thread;
        thread.process.futex_wake(address, u32::MAX);
    }
}

/// A copy of a process's memory; others on this processor get their turn meanwhile.
async fn copy_memory(thread: &Thread, memory: &Mapping) -> Result<Arc<Mapping>, Errno> {
    let mut copying = memory.begin_fork()?;
    while !copying.step(FORK_SLICE) {
        thread.cpu_until_now(true);
        tokio::task::yield_now().await;
    }
    Ok(Arc::new(copying.finish()))
}

/// What the system calls of one process need of the engine.
struct Machine {
    engine: Arc<Engine>,
    owner: Arc<str>,
    program: Arc<Program>,
    mapping: Arc<Mapping>,
    charge: Arc<Charge>,
}

impl host::Host for Machine {
    fn start_thread(&self, thread: Arc<Thread>, stack_top: u32, argument: u32) {
        let origin = Origin::Thread {
            program: self.program.clone(),
            mapping: self.mapping.clone(),
            stack_top,
            argument,
            growth: Growth::new(self.charge.clone(), thread.process.usage.memory_max()),
        };
        self.engine.clone().launch(thread, origin);
    }

    fn load<'a>(
        &'a self,
        file: &'a vfs::File,
    ) -> Pin<Box<dyn Future<Output = Result<(), Errno>> + Send + 'a>> {
        Box::pin(async { self.engine.load(file, &self.owner).await.map(drop) })
    }
}

/// What happens to a guest that computes past a tick: it is told of signals and of threads that wait, and gives way.
fn at_epoch(
    thread: Arc<Thread>,
    mapping: Arc<Mapping>,
    stack: Arc<StackCharge>,
) -> impl FnMut(wasmtime::StoreContextMut<'_, Context>) -> wasmtime::Result<UpdateDeadline> {
    move |mut store| {
        if !stack.note() {
            thread.process.exit(ExitStatus::Signal(exec::SIGKILL));
        }
        let signal = thread.deliverable();
        if let Some(word) = thread.pending_word().filter(|_| signal) {
            mapping.or_word(word, 1);
        }
        if let Some(waits) = store.data().signal_waits.filter(|_| signal) {
            waits.set(&mut store, Val::I32(1))?;
        }
        if let Some((word, bits)) = thread.break_word()
            && (signal || thread.process.turn.contended())
        {
            mapping.or_word(word, bits);
        }
        let thread = thread.clone();
        let give_way = async move {
            tokio::task::yield_now().await;
            thread.stop_point().await;
        };
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(give_way)))
    }
}

/// Measures a guest's time on the processor and keeps the epoch clock going meanwhile.
struct OnProcessor<'a, F> {
    engine: &'a Engine,
    thread: &'a Thread,
    run: Pin<Box<F>>,
}

impl<F: Future<Output = End>> Future for OnProcessor<'_, F> {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<End> {
        let running = self.engine.epoch.running();
        self.thread.cpu_begins();
        let polled = self.run.as_mut().poll(cx);
        self.thread.cpu_until_now(false);
        self.thread.tell_cpu();
        drop(running);
        Poll::Ready(ready!(polled))
    }
}
