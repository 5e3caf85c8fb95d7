//! WASI 0.2: the interfaces of components, over the same kernel as Linux's calls.
//!
//! A component's handles are the engine's; what they stand for is here: descriptors and sockets are open files of the process, in its table of
//! descriptors, so that limits and /proc see them; streams and pollables are views of open files. Nothing is buffered here: a stream
//! writes what there is room for, or waits.
//!
//! ```text
//! bindings     what the WIT in wit/ generates
//! io           errors, pollables, streams
//! cli          arguments, environment, streams of the program, terminals, its end
//! clocks       clocks and randomness
//! filesystem   descriptors, directories, paths
//! sockets/     TCP, UDP, name lookup
//! process      children (isolet:guest)
//! ```
//!
//! A call waits as a system call does: it gives the turn up, a kill drops it wherever it is, a stop holds it.

mod bindings;
mod cli;
mod clocks;
mod filesystem;
mod io;
mod process;
mod sockets;

pub(crate) use bindings::{LinkOptions, Parent, ParentPre};

use super::Host;
use super::growth::Growth;
use crate::errno::Errno;
use crate::process::turn::TurnGuard;
use crate::process::{ExitStatus, Kernel, OpenFile, Process, Thread};
use crate::wait::Waiter;
use futures_util::future::select_all;
use std::sync::Arc;
use tokio::time::Instant;
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};

/// Things that a component holds: descriptors, sockets, streams, pollables, errors.
pub(crate) const HANDLES_MAX: usize = 8192;
/// Bytes of the host's memory that one call's arguments may take.
pub(crate) const CALL_BYTES_MAX: usize = 4 << 20;
/// Bytes that one read or list of random bytes gives at most.
const READ_BYTES_MAX: u64 = 64 << 10;

/// What a component's store holds.
pub(crate) struct Wasi {
    pub(crate) thread: Arc<Thread>,
    pub(crate) growth: Growth,
    /// How it asked to end.
    pub(crate) departure: Option<ExitStatus>,
    table: ResourceTable,
    /// Counts lookups that run, by its clones.
    lookups: Arc<()>,
    turn: Option<TurnGuard>,
    /// What loads the programs of its children.
    host: Arc<dyn Host>,
    /// Children that it let go, by number.
    abandoned: Vec<u32>,
}

impl Wasi {
    /// The interfaces of `thread`'s program; descriptors but the first three are closed.
    pub(crate) fn new(thread: Arc<Thread>, growth: Growth, host: Arc<dyn Host>) -> Self {
        let closed = thread.process.fds.lock().close_range(3, u32::MAX);
        drop(closed);
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        Self {
            thread,
            growth,
            departure: None,
            table,
            lookups: Arc::default(),
            turn: None,
            host,
            abandoned: Vec::new(),
        }
    }

    fn process(&self) -> &Arc<Process> {
        &self.thread.process
    }

    fn kernel(&self) -> &Arc<Kernel> {
        &self.thread.process.kernel
    }

    /// Takes the process's turn: its code runs.
    pub(crate) async fn take_turn(&mut self) {
        if self.turn.is_none() {
            self.turn = Some(self.thread.process.turn.take(self.thread.tid).await.0);
        }
    }

    /// Waits, without the turn, for the first of `waiters` or the deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the program must not run on.
    async fn wait(&mut self, waiters: Vec<Waiter>, deadline: Option<Instant>) {
        let bytes = self.growth.charge().bytes();
        self.thread.process.turn.set_memory_bytes(bytes);
        self.turn = None;
        let thread = self.thread.clone();
        let first = async {
            if waiters.is_empty() {
                std::future::pending::<()>().await;
            }
            drop(select_all(waiters.into_iter().map(Box::pin)).await);
        };
        let timeout = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = first => {}
            () = timeout => {}
        }
        thread.stop_point().await;
        self.take_turn().await;
    }

    /// The end of a call that did not wait: others run, and a stop holds the program before it goes on with what it got.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the program must not run on.
    async fn give_way(&mut self) {
        tokio::task::yield_now().await;
        self.thread.clone().stop_point().await;
    }

    /// Keeps something that the component gets a handle for.
    ///
    /// # Errors
    ///
    /// Ends the program that has too many.
    fn push<T: Send + 'static>(&mut self, entry: T) -> wasmtime::Result<Resource<T>> {
        Ok(self.table.push(entry)?)
    }

    /// Gives a file the lowest free descriptor.
    ///
    /// # Errors
    ///
    /// EMFILE, ENFILE.
    fn install(&self, file: Arc<OpenFile>) -> Result<Held, Errno> {
        let fd = self.process().fds.lock().insert(3, file.clone(), false);
        // A limit below what is always open is a limit reached.
        let fd = fd.map_err(|errno| if errno == Errno::INVAL { Errno::MFILE } else { errno })?;
        Ok(Held { process: self.process().clone(), fd, file })
    }
}

/// An open file in the process's table, as long as a handle stands for it.
struct Held {
    process: Arc<Process>,
    fd: u32,
    file: Arc<OpenFile>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let closed = {
            let mut fds = self.process.fds.lock();
            match fds.get(self.fd) {
                Ok(file) if Arc::ptr_eq(&file, &self.file) => fds.close(self.fd).ok(),
                _ => None,
            }
        };
        drop(closed);
    }
}

/// Puts every interface into `linker`.
pub(crate) fn link(linker: &mut Linker<Wasi>) -> wasmtime::Result<()> {
    let mut options = LinkOptions::default();
    options.network_error_code(true);
    options.clocks_timezone(true);
    Parent::add_to_linker::<_, HasSelf<_>>(linker, &options, |wasi| wasi)
}
