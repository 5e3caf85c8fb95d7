//! The engine: how a process's program becomes running machine code.
//!
//! ```text
//! program file -> split (code, memory image) -> code cache -> InstancePre -> an instance in a store of its own
//! ```
//!
//! wasmtime, Cranelift, async, epochs; one store per thread of a process. Guests run on a tokio runtime of their own, so that
//! whoever serves requests goes on while every core spins. It decides nothing about processes: those are `process`'s.

mod cache;
mod epoch;
mod instance;
mod memory;
mod split;

use crate::errno::Errno;
use crate::error::Error;
use crate::host::Context;
use crate::vfs;
use cache::Cache;
use memory::{Creator, Image};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::OnceCell;
use wasmtime::{ExternType, InstancePre, Linker, Module};

/// Machine stack for a guest's frames, in bytes. CPython's recursion limit and deep JSON need it (measured on CPython 3.13:
/// 16 MiB); address space, touched only as used.
const WASM_STACK_BYTES: usize = 16 << 20;

/// The whole stack of a guest's fiber: its frames and the host's above them.
const FIBER_STACK_BYTES: usize = WASM_STACK_BYTES + (2 << 20);

/// A file larger than this is not hashed to see whether it is a copy of a built-in program.
const PROGRAM_BYTES_MAX: u64 = 64 << 20;

/// SHA-256 of a program's module.
pub(crate) type Digest = [u8; 32];

/// Runs programs. One per [`Runtime`](crate::Runtime).
pub(crate) struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<Context>,
    cache: Cache,
    sources: Mutex<HashMap<Digest, Source>>,
    /// Lengths of the known programs.
    lengths: Mutex<HashSet<u64>>,
    programs: Mutex<HashMap<Digest, Arc<OnceCell<Arc<Program>>>>>,
    epoch: epoch::Ticker,
    guests: tokio::runtime::Handle,
}

/// A compiled program, ready to be instantiated.
pub(crate) struct Program {
    pre: InstancePre<Context>,
    image: Arc<Image>,
    /// Memory at the start, in bytes.
    minimum: usize,
    /// Names of all exported mutable globals, in the module's order.
    globals: Vec<String>,
    /// Whether it forks (passed through Asyncify).
    forks: bool,
}

impl Engine {
    /// An engine whose guests run on `guests`.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] on a host that cannot run it; the cache's errors.
    pub(crate) fn new(
        data: &cap_std::fs::Dir,
        guests: tokio::runtime::Handle,
    ) -> Result<Arc<Self>, Error> {
        let creator = Creator::new()
            .map_err(|_| Error::Engine("the host's memory pages are not 4 KiB".into()))?;
        let failed = |error: wasmtime::Error| Error::Engine(format!("{error:#}"));
        let engine = wasmtime::Engine::new(&settings(creator)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        instance::link(&mut linker).map_err(failed)?;
        Ok(Arc::new(Self {
            epoch: epoch::Ticker::start(engine.clone()),
            linker,
            cache: Cache::open(data)?,
            sources: Mutex::default(),
            lengths: Mutex::default(),
            programs: Mutex::default(),
            engine,
            guests,
        }))
    }

    /// Whether `digest` can be loaded without compiling.
    pub(crate) fn compiled(&self, digest: &Digest) -> bool {
        self.cache.has(&self.engine, digest)
    }

    /// The program of `digest`; compiled from what `wasm` gives if the cache has it not. Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] when it is not a program.
    pub(crate) fn prepare(
        &self,
        digest: &Digest,
        wasm: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<Arc<Program>, Error> {
        let compiled = self.cache.load(&self.engine, digest, wasm)?;
        let image = Arc::new(compiled.image);
        let program = Program::new(&self.linker, &compiled.module, image)
            .map_err(|error| Error::Engine(format!("{error:#}")))?;
        Ok(Arc::new(program))
    }

    /// Makes a built-in program of `bytes` bytes known: only these are run.
    pub(crate) fn register(&self, digest: Digest, bytes: u64, source: Source) {
        self.lengths.lock().insert(bytes);
        self.sources.lock().insert(digest, source);
    }

    /// The compiled form of a file that is about to be executed; loaded at most once and then kept.
    ///
    /// # Errors
    ///
    /// ENOEXEC when it is not a built-in program (or a copy of one), or cannot be loaded; the reason is in the log.
    pub(crate) async fn load(self: &Arc<Self>, file: &vfs::File) -> Result<Arc<Program>, Errno> {
        let digest = match file.content_id() {
            Some(digest) => digest,
            None => self.digest_of_copy(file).await?,
        };
        self.load_known(digest).await
    }

    /// The digest of a file that may be a copy of a built-in program: only one of such a length is read at all, and not on
    /// a thread that runs guests.
    async fn digest_of_copy(&self, file: &vfs::File) -> Result<Digest, Errno> {
        if !self.lengths.lock().contains(&file.len()) {
            return Err(Errno::NOEXEC);
        }
        let content = file.read_all(PROGRAM_BYTES_MAX)?;
        let digest = tokio::task::spawn_blocking(move || Sha256::digest(&content).into()).await;
        digest.map_err(|_panicked| Errno::IO)
    }

    /// Loads every program that is known; one that cannot be loaded is in the log, and fails when it is run.
    pub(crate) async fn load_all(self: &Arc<Self>) {
        let digests: Vec<Digest> = self.sources.lock().keys().copied().collect();
        for digest in digests {
            let _ = self.load_known(digest).await;
        }
    }

    async fn load_known(self: &Arc<Self>, digest: Digest) -> Result<Arc<Program>, Errno> {
        let source = self.sources.lock().get(&digest).cloned().ok_or(Errno::NOEXEC)?;
        let cell = self.programs.lock().entry(digest).or_default().clone();
        let load = async {
            let engine = self.clone();
            let load = move || engine.prepare(&digest, || source());
            let loaded = tokio::task::spawn_blocking(load).await;
            loaded.map_err(|error| Error::Engine(error.to_string())).flatten()
        };
        let program = cell.get_or_try_init(|| load).await.inspect_err(|error| {
            tracing::warn!(%error, "a program could not be loaded");
        });
        program.cloned().map_err(|_| Errno::NOEXEC)
    }
}

/// Where a program's module comes from when it has to be compiled.
pub(crate) type Source = Arc<dyn Fn() -> Result<Vec<u8>, Error> + Send + Sync>;

impl Program {
    /// Checks what a program must have and links its imports.
    fn new(
        linker: &Linker<Context>,
        module: &Module,
        image: Arc<Image>,
    ) -> Result<Self, wasmtime::Error> {
        let exports = |name: &str| module.get_export(name);
        let Some(ExternType::Memory(memory)) = exports("memory") else {
            wasmtime::bail!("it exports no memory");
        };
        let Some(ExternType::Func(_)) = exports("_start") else {
            wasmtime::bail!("it exports no _start");
        };
        let forks = exports("asyncify_start_unwind").is_some();
        let mut globals = Vec::new();
        for export in module.exports() {
            if matches!(export.ty(), ExternType::Global(global)
                if global.mutability() == wasmtime::Mutability::Var)
            {
                globals.push(export.name().to_owned());
            }
        }
        let minimum = usize::try_from(memory.minimum() * split::WASM_PAGE_BYTES)?;
        Ok(Self { pre: linker.instantiate_pre(module)?, image, minimum, globals, forks })
    }
}

/// wasmtime's settings. Every proposal that programs do not need is off; why: SECURITY.md.
fn settings(creator: Creator) -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .async_stack_zeroing(true)
        .with_host_memory(Arc::new(creator))
        .memory_init_cow(false)
        .memory_may_move(false)
        .gc_heap_reservation(1 << 20)
        .gc_heap_guard_size(0)
        .gc_heap_reservation_for_growth(0)
        .wasm_exceptions(true)
        .wasm_gc(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(true)
        .wasm_component_model(false)
        .wasm_backtrace_max_frames(None)
        .concurrency_support(false)
        .shared_memory(false);
    config
}
