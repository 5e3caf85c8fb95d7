//! The engine: how a process's program becomes running machine code.
//!
//! ```text
//! program file -> split (code, memory image) -> code cache -> InstancePre -> an instance in a store of its own
//!                                                   '-> for some: start image, memory of a run that has initialised itself
//! ```
//!
//! wasmtime, Cranelift, async, epochs; one store per thread of a process. Guests run on a tokio runtime of their own, so that
//! whoever serves requests goes on while every core spins. It decides nothing about processes: those are `process`'s.

mod cache;
mod compile;
mod component;
mod epoch;
mod foreign;
mod instance;
mod interrupt;
mod memory;
mod split;
mod start_image;
mod user;

pub use compile::compile_standard_input;

use crate::config::CompileLimits;
use crate::errno::Errno;
use crate::error::Error;
use crate::host::Context;
use crate::vfs;
use cache::Cache;
use compile::Compiler;
use component::Components;
use memory::{Creator, Image};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use start_image::StartImage;
pub(crate) use start_image::{Maker, Snapshot};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::sync::OnceCell;
use user::{UserProgram, Users};
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
    /// The imports of users' modules.
    foreign: Linker<Context>,
    /// Those of users' components.
    components: Components,
    users: Users,
    cache: Cache,
    known: Mutex<HashMap<Digest, Arc<Known>>>,
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
    /// What it is started from instead, once that is made.
    start_image: OnceLock<Arc<StartImage>>,
    /// Names of all exported mutable globals, in the module's order.
    globals: Vec<String>,
    /// Whether it forks (passed through Asyncify).
    forks: bool,
}

impl Engine {
    /// An engine whose guests run on `guests`, and that has users' programs compiled by `compiler`.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] on a host that cannot run it; the cache's errors.
    pub(crate) fn new(
        data: &cap_std::fs::Dir,
        guests: tokio::runtime::Handle,
        (compiler, limits): (Option<PathBuf>, CompileLimits),
    ) -> Result<Arc<Self>, Error> {
        let creator = Creator::new()
            .map_err(|_| Error::Engine("the host's memory pages are not 4 KiB".into()))?;
        let failed = |error: wasmtime::Error| Error::Engine(format!("{error:#}"));
        let engine = new_engine(creator).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        instance::link(&mut linker).map_err(failed)?;
        let mut foreign = Linker::new(&engine);
        foreign::link(&mut foreign).map_err(failed)?;
        Ok(Arc::new(Self {
            epoch: epoch::Ticker::start(engine.clone()),
            linker,
            foreign,
            components: Components::new(&engine).map_err(failed)?,
            users: Users::new(Compiler::new(compiler, limits)),
            cache: Cache::open(data)?,
            known: Mutex::default(),
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

    /// Compiles a known program, if the cache has it not. Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] when it is not a program; [`Error::Image`] when it is damaged.
    pub(crate) fn compile(&self, digest: &Digest) -> Result<(), Error> {
        self.prepare(digest).map(drop)
    }

    /// Held by the one host process that compiles ahead for a data directory; none while another holds it.
    pub(crate) fn turn_to_compile_ahead(&self) -> Option<File> {
        self.cache.turn()
    }

    fn prepare(&self, digest: &Digest) -> Result<Arc<Program>, Error> {
        let unknown = || Error::Engine("it is not a built-in program".into());
        let known = self.known.lock().get(digest).cloned().ok_or_else(unknown)?;
        // Whoever comes while it is being compiled waits, and then finds it in the cache.
        let _compiling = known.compiling.lock();
        let compiled = self.cache.load(&self.engine, digest, || (known.source)())?;
        let image = Arc::new(compiled.image);
        let program = Program::new(&self.linker, &compiled.module, image)
            .map_err(|error| Error::Engine(format!("{error:#}")))?;
        if let Some(made_in) = known.start_image
            && let Some(image) = self.cache.start_image(&self.engine, digest, &made_in)
        {
            program.set_start_image(image);
        }
        Ok(Arc::new(program))
    }

    /// Waits for the right to make start images for the data directory; held by one host process at a time. Blocks.
    ///
    /// # Errors
    ///
    /// [`Error::Host`].
    pub(crate) fn turn_to_make_start_images(&self) -> Result<File, Error> {
        let host = |source| Error::Host { action: "lock the code cache".into(), source };
        self.cache.turn_to_make().map_err(host)
    }

    /// The digest of the image in which a program's start image is made, if it has one.
    pub(crate) fn start_image_made_in(&self, digest: &Digest) -> Option<Digest> {
        self.known.lock().get(digest).and_then(|known| known.start_image)
    }

    /// Whether a start image of a program is on disk, without looking whether it is sound.
    pub(crate) fn has_start_image(&self, digest: &Digest) -> bool {
        let made_in = self.start_image_made_in(digest);
        made_in.is_some_and(|made_in| self.cache.has_start_image(&self.engine, digest, &made_in))
    }

    /// Keeps the start image that a run of a program made; the next start uses it. Blocks.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] if it is none.
    pub(crate) async fn keep_start_image(
        self: &Arc<Self>,
        digest: Digest,
        made: Snapshot,
    ) -> Result<(), Error> {
        let unfit = || Error::Engine("a start image does not fit its program".into());
        let engine = self.clone();
        let made_in = self.start_image_made_in(&digest).ok_or_else(unfit)?;
        let kept = tokio::task::spawn_blocking(move || {
            let cache = &engine.cache;
            if let Err(error) = cache.keep_start_image(&engine.engine, &digest, &made_in, &made) {
                // As with code: it is made again next time.
                tracing::warn!(%error, "could not keep a start image");
            }
            StartImage::new(&made.head, &made.content)
        });
        let image = kept.await.ok().flatten().ok_or_else(unfit)?;
        let program = self.load_known(digest).await.map_err(|_| unfit())?;
        if program.set_start_image(image) { Ok(()) } else { Err(unfit()) }
    }

    /// Makes a built-in program of `bytes` bytes known: only these are run. `start_image`: it is asked for one, in the image of
    /// which this is the digest.
    pub(crate) fn register(
        &self,
        digest: Digest,
        bytes: u64,
        start_image: Option<Digest>,
        source: Source,
    ) {
        self.lengths.lock().insert(bytes);
        let mut known = self.known.lock();
        // The same program may be known by another path.
        let start_image = known.get(&digest).and_then(|known| known.start_image).or(start_image);
        let program = Known { source, start_image, compiling: Mutex::default() };
        known.insert(digest, Arc::new(program));
    }

    /// The compiled form of a file that is about to be executed in a sandbox of `owner`'s; loaded at most once and then kept.
    ///
    /// # Errors
    ///
    /// ENOEXEC when a built-in program cannot be loaded; the reason is in the log. A user's program that cannot be says
    /// why when it is run.
    async fn load(self: &Arc<Self>, file: &vfs::File, owner: &Arc<str>) -> Result<Loaded, Errno> {
        let digest = match file.content_id() {
            Some(digest) => Some(digest),
            None => self.digest_of_copy(file).await?,
        };
        match digest.filter(|digest| self.known.lock().contains_key(digest)) {
            Some(digest) => self.load_known(digest).await.map(Loaded::BuiltIn),
            None => self.users.load(self, file, owner).await.map(Loaded::Users),
        }
    }

    /// The digest of a file that may be a copy of a built-in program: only one of such a length is read at all, and not on
    /// a thread that runs guests.
    async fn digest_of_copy(&self, file: &vfs::File) -> Result<Option<Digest>, Errno> {
        if !self.lengths.lock().contains(&file.len()) {
            return Ok(None);
        }
        let content = file.read_all(PROGRAM_BYTES_MAX)?;
        let digest = tokio::task::spawn_blocking(move || Sha256::digest(&content).into()).await;
        digest.map(Some).map_err(|_panicked| Errno::IO)
    }

    async fn load_known(self: &Arc<Self>, digest: Digest) -> Result<Arc<Program>, Errno> {
        if !self.known.lock().contains_key(&digest) {
            return Err(Errno::NOEXEC);
        }
        let cell = self.programs.lock().entry(digest).or_default().clone();
        let load = async {
            let engine = self.clone();
            let load = move || engine.prepare(&digest);
            let loaded = tokio::task::spawn_blocking(load).await;
            loaded.map_err(|error| Error::Engine(error.to_string())).flatten()
        };
        let program = cell.get_or_try_init(|| load).await.inspect_err(|error| {
            tracing::warn!(%error, "a program could not be loaded");
        });
        program.cloned().map_err(|_| Errno::NOEXEC)
    }
}

/// A program that is about to run.
enum Loaded {
    BuiltIn(Arc<Program>),
    Users(Arc<UserProgram>),
}

/// A built-in program.
struct Known {
    source: Source,
    /// If it is started from an image of itself: the digest of the image in which that is made.
    start_image: Option<Digest>,
    /// Held while it is compiled.
    compiling: Mutex<()>,
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
        let start_image = OnceLock::new();
        let pre = linker.instantiate_pre(module)?;
        Ok(Self { pre, image, minimum, start_image, globals, forks })
    }

    /// What it is started from, if not from its module's memory.
    fn start_image(&self) -> Option<Arc<StartImage>> {
        self.start_image.get().cloned()
    }

    /// Gives it a start image; false if that is none of its own. The first one stays.
    fn set_start_image(&self, image: StartImage) -> bool {
        let fits = image.fits(self.minimum, self.globals.len());
        if fits {
            let _first = self.start_image.set(Arc::new(image));
        } else {
            tracing::warn!("a start image that does not fit its program is not used");
        }
        fits
    }
}

/// An engine with our settings: that of a runtime, or of the process that compiles for it.
fn new_engine(creator: Creator) -> Result<wasmtime::Engine, wasmtime::Error> {
    wasmtime::Engine::new(&settings(creator))
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
        .wasm_multi_memory(true)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(true)
        .wasm_component_model(true)
        .wasm_backtrace_max_frames(None)
        .concurrency_support(false)
        .shared_memory(false);
    config
}
