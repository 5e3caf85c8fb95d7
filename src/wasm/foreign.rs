//! Runs a user's program: a core module over preview 1, in a store of its own, from its first instruction to its end.
//!
//! Such a program has one thread, does not fork and does not become another program, so its process ends with it. A component's run is in
//! [`super::component`]; both are set up and judged here.

use super::user::{Runnable, UserProgram};
use super::{Engine, component};
use crate::errno::Errno;
use crate::host::growth::Growth;
use crate::host::stack::StackCharge;
use crate::host::{self, Context, Departure, preview1};
use crate::process::{End, ExitStatus, OpenFile, Signal, Thread, exec};
use crate::vfs;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use wasmtime::{InstancePre, Linker, Store, StoreContextMut, Trap, UpdateDeadline};

/// The exit code of what was found and cannot be executed, as shells have it.
const CANNOT_EXECUTE: u8 = 126;

/// Puts the imports of preview 1 into `linker`.
pub(super) fn link(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    preview1::link(linker)
}

/// Makes `loaded` the process's program and runs it to its end.
pub(super) async fn run(
    engine: &Arc<Engine>,
    thread: &Arc<Thread>,
    program: exec::Program,
    loaded: Arc<UserProgram>,
) -> End {
    program.commit(thread);
    let process = &thread.process;
    let charge = process.kernel.memory.charge(loaded.code_bytes);
    let (Some(_code), Some(charge)) = (charge, process.kernel.memory.charge(0)) else {
        return cannot(thread, "the sandbox has no memory left for its code").await;
    };
    let growth = Growth::of_many(Arc::new(charge), process.usage.memory_max());
    match &loaded.code {
        Err(why) => cannot(thread, why).await,
        Ok(Runnable::Module(pre)) => run_module(engine, thread, pre, growth).await,
        Ok(Runnable::Component(pre)) => component::run(engine, thread, pre, growth).await,
    }
}

/// Says on the process's standard error why its program cannot run.
pub(super) async fn cannot(thread: &Arc<Thread>, why: &str) -> End {
    complain(thread, &format!("cannot run this program: {why}")).await;
    End::GroupExit(ExitStatus::Code(CANNOT_EXECUTE))
}

/// Writes a line to the process's standard error.
async fn complain(thread: &Arc<Thread>, what: &str) {
    let name = thread.process.with_attributes(|attributes| attributes.exec_name.clone());
    let name = String::from_utf8_lossy(&name).into_owned();
    let text = format!("isolet: {name}: {what}\n");
    let errors = thread.process.fds.lock().get(2);
    if let Ok(errors) = errors {
        say(thread, &errors, text.as_bytes()).await;
    }
}

/// Writes all of `text`, waiting for room, unless nobody reads it.
async fn say(thread: &Thread, file: &OpenFile, mut text: &[u8]) {
    while !text.is_empty() {
        let waiter = file.subscribe_to_write();
        match (file.write(text), waiter) {
            (Ok(count), _) if count > 0 => text = &text[count..],
            (Err(Errno::AGAIN), Some(waiter)) if !file.nonblocking() => waiter.await,
            _ => return,
        }
        thread.stop_point().await;
    }
}

async fn run_module(
    engine: &Arc<Engine>,
    thread: &Arc<Thread>,
    pre: &InstancePre<Context>,
    growth: Growth,
) -> End {
    let Some(stack) = StackCharge::prepaid(&thread.process.kernel.memory) else {
        return End::Fault(exec::SIGKILL);
    };
    let stack = Arc::new(stack);
    let machine = Arc::new(Alone::new(engine.clone(), thread.process.kernel.owner.clone()));
    let mut context = Context::new(thread.clone(), growth, stack.clone(), machine);
    context.preview1 = Some(preview1::State::prepare(&thread.process));
    let mut store = Store::new(&engine.engine, context);
    store.limiter(|context| &mut context.growth);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(at_epoch(thread.clone(), stack));
    Context::take_turn(&mut store).await;
    store.data().stack().begin();
    let mut started = false;
    let ran = start(&mut store, pre, &mut started).await;
    if let Some(departure) = store.data_mut().departure.take() {
        return match departure {
            Departure::ExitThread(code) => End::ThreadExit(code),
            Departure::ExitGroup(status) => End::GroupExit(status),
            // Preview 1 has none of these.
            Departure::Exec(_) | Departure::StartImage | Departure::StartPlainly => {
                End::Fault(exec::SIGKILL)
            }
        };
    }
    match ran {
        Ok(()) => End::GroupExit(ExitStatus::Code(0)),
        Err(error) => fault(thread, &error, started).await,
    }
}

/// Instantiates a module and runs it; `started` says how far it came.
async fn start(
    store: &mut Store<Context>,
    pre: &InstancePre<Context>,
    started: &mut bool,
) -> wasmtime::Result<()> {
    let instance = pre.instantiate_async(&mut *store).await?;
    *started = true;
    let memory = instance.get_memory(&mut *store, "memory");
    store.data_mut().memory = memory;
    let bytes = memory.map_or(0, |memory| memory.data_size(&*store) as u64);
    store.data().thread.process.turn.set_memory_bytes(bytes);
    store.data().stack().begin();
    let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
    start.call_async(&mut *store, ()).await
}

/// The signal that Linux would send for a trap.
pub(super) fn signal_of(trap: &Trap) -> Signal {
    match trap {
        Trap::MemoryOutOfBounds
        | Trap::StackOverflow
        | Trap::TableOutOfBounds
        | Trap::IndirectCallToNull
        | Trap::HeapMisaligned => exec::SIGSEGV,
        Trap::IntegerDivisionByZero | Trap::IntegerOverflow | Trap::BadConversionToInteger => {
            exec::SIGFPE
        }
        _ => exec::SIGILL,
    }
}

/// Whether a component handed another one what the interface between them does not permit.
fn breaks_an_interface(trap: &Trap) -> bool {
    matches!(
        trap,
        Trap::StringOutOfBounds
            | Trap::ListOutOfBounds
            | Trap::InvalidChar
            | Trap::InvalidDiscriminant
            | Trap::UnalignedPointer
            | Trap::CannotEnterComponent
            | Trap::CannotLeaveComponent
    )
}

/// The end that an error of the engine's is: a signal for what the program did, words for what it could not be given, both for what it
/// must not do with an interface of the host's.
pub(super) async fn fault(thread: &Arc<Thread>, error: &wasmtime::Error, started: bool) -> End {
    let pid = thread.process.pid;
    tracing::debug!(pid, error = format!("{error:#}"), "a program of a user's trapped");
    match error.downcast_ref::<Trap>() {
        // What abort() compiles to.
        Some(Trap::UnreachableCodeReached) => End::Fault(exec::SIGABRT),
        Some(trap) if breaks_an_interface(trap) => {
            complain(thread, &trap.to_string()).await;
            End::Fault(exec::SIGABRT)
        }
        Some(trap) => End::Fault(signal_of(trap)),
        None if started => {
            complain(thread, &format!("{:#}", error.root_cause())).await;
            End::Fault(exec::SIGABRT)
        }
        None => cannot(thread, &format!("{error:#}")).await,
    }
}

/// What the calls of such a program need of the engine: children's programs, no threads.
pub(super) struct Alone {
    engine: Arc<Engine>,
    owner: Arc<str>,
}

impl Alone {
    /// For a program in a sandbox of `owner`'s.
    pub(super) fn new(engine: Arc<Engine>, owner: Arc<str>) -> Self {
        Self { engine, owner }
    }
}

impl host::Host for Alone {
    fn start_thread(&self, thread: Arc<Thread>, _stack_top: u32, _argument: u32) {
        thread.finish(End::Fault(exec::SIGKILL));
    }

    fn load<'a>(
        &'a self,
        file: &'a vfs::File,
    ) -> Pin<Box<dyn Future<Output = Result<(), Errno>> + Send + 'a>> {
        Box::pin(async { self.engine.load(file, &self.owner).await.map(drop) })
    }
}

/// What happens to a program that computes past a tick: it gives way, stops while its process is stopped, ends when it must.
pub(super) fn at_epoch<T: 'static>(
    thread: Arc<Thread>,
    stack: Arc<StackCharge>,
) -> impl FnMut(StoreContextMut<'_, T>) -> wasmtime::Result<UpdateDeadline> {
    move |_store| {
        if !stack.note() {
            thread.process.exit(ExitStatus::Signal(exec::SIGKILL));
        }
        let thread = thread.clone();
        let give_way = async move {
            tokio::task::yield_now().await;
            thread.stop_point().await;
        };
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(give_way)))
    }
}
