//! All sandboxes of this host process, the engine they share and the images they start from.
//!
//! It creates, finds and forgets sandboxes; what happens inside one is `mod.rs`'s.

#![expect(clippy::disallowed_methods, reason = "opens the data directory")]

use super::image::Image;
use super::{Sandbox, SandboxConfig};
use crate::config::Config;
use crate::error::Error;
use crate::vnet::Resolver;
use crate::wasm::Engine;
use cap_std::fs::{Dir, Permissions, PermissionsExt};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Length of a sandbox id: 20 of 36 characters are 103 bits.
const ID_LENGTH: usize = 20;

/// How far the first start's compilation is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Programs compiled so far.
    pub done: usize,
    /// Programs to compile in all.
    pub total: usize,
    /// The program that was compiled last, by path.
    pub program: &'a str,
}

/// All sandboxes of this host process. Cheap to clone; the sandboxes end when the last clone and the last
/// [`Sandbox`] are dropped.
#[derive(Clone)]
pub struct Runtime(pub(super) Arc<Shared>);

/// What all sandboxes share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) engine: Arc<Engine>,
    pub(super) resolver: Arc<Resolver>,
    images: HashMap<String, Arc<Image>>,
    pub(super) sandboxes: Mutex<HashMap<String, Sandbox>>,
    /// Runs the guests; taken when it is shut down.
    guests: Option<tokio::runtime::Runtime>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(guests) = self.guests.take() {
            guests.shutdown_background();
        }
    }
}

impl Runtime {
    /// A runtime with the built-in images. The first one in a data directory compiles their programs, which takes a while; see
    /// [`Self::with_progress`].
    ///
    /// # Errors
    ///
    /// [`Error::Host`] if the data directory cannot be used, [`Error::Image`], [`Error::Engine`].
    pub async fn new(config: Config) -> Result<Self, Error> {
        Self::with_progress(config, |_| {}).await
    }

    /// As [`Self::new`]; tells `progress` after each program that was compiled.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub async fn with_progress(
        config: Config,
        progress: impl Fn(Progress<'_>) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let resolver = Resolver::new();
        let start = move || start(config, resolver, &progress);
        let started = tokio::task::spawn_blocking(start).await;
        started.map_err(|error| Error::Engine(error.to_string()))?
    }

    /// Loads every program now, in the background, so that the first sandbox to run one need not wait for it.
    pub fn warm(&self) {
        let engine = self.0.engine.clone();
        tokio::spawn(async move { engine.load_all().await });
    }

    /// One for tests that run no program: compiling the built-in ones takes minutes.
    #[cfg(test)]
    pub(crate) fn without_programs(config: Config) -> Result<Self, Error> {
        assemble(config, Resolver::new())
    }

    /// The settings it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Whether there is an image of this name.
    #[must_use]
    pub fn has_image(&self, name: &str) -> bool {
        self.0.images.contains_key(name)
    }

    /// Starts a sandbox.
    ///
    /// # Errors
    ///
    /// [`Error::ImageNotFound`], [`Error::Invalid`] for a timeout out of range, [`Error::HostFull`].
    ///
    /// # Cancel safety
    ///
    /// It does not wait for anything: dropped before it is polled, nothing has happened.
    pub async fn create(&self, config: SandboxConfig) -> Result<Sandbox, Error> {
        self.create_with(config, |_| {})
    }

    /// As [`Self::create`]; `announce` gets the sandbox before [`Self::get`] and [`Self::list`] know it, so that who keeps notes
    /// about sandboxes has them before anybody else can ask. One that is announced and then refused ends at once.
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub(crate) fn create_with(
        &self,
        config: SandboxConfig,
        announce: impl FnOnce(&Sandbox),
    ) -> Result<Sandbox, Error> {
        let image = self.0.images.get(&config.image);
        let image = image.ok_or_else(|| Error::ImageNotFound(config.image.clone()))?.clone();
        let id = random_id();
        let sandbox = Sandbox::start(&self.0, id.clone(), config, &image)?;
        announce(&sandbox);
        let mut sandboxes = self.0.sandboxes.lock();
        if sandboxes.len() >= self.0.config.sandboxes_max {
            drop(sandboxes);
            sandbox.end_now();
            let max = self.0.config.sandboxes_max;
            return Err(Error::HostFull(format!("{max} sandboxes are running")));
        }
        sandboxes.insert(id, sandbox.clone());
        Ok(sandbox)
    }

    /// The running sandbox of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Sandbox> {
        self.0.sandboxes.lock().get(id).cloned()
    }

    /// All running sandboxes, in no order.
    #[must_use]
    pub fn list(&self) -> Vec<Sandbox> {
        self.0.sandboxes.lock().values().cloned().collect()
    }

    /// Kills every sandbox.
    pub async fn shut_down(&self) {
        for sandbox in self.list() {
            sandbox.kill().await;
        }
    }
}

/// The part of starting that blocks: files, images, compilation.
fn start(
    config: Config,
    resolver: Arc<Resolver>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Runtime, Error> {
    let runtime = assemble(config, resolver)?;
    compile(&runtime.0.engine, runtime.0.images.values(), progress)?;
    Ok(runtime)
}

/// A runtime whose programs are not compiled yet.
fn assemble(config: Config, resolver: Arc<Resolver>) -> Result<Runtime, Error> {
    let data = data_dir(&config)?;
    let guests = guests(&config)?;
    let engine = Engine::new(&data, guests.handle().clone())?;
    let mut images = HashMap::new();
    for image in Image::load_all(&config.images)? {
        images.insert(image.name().to_owned(), image);
    }
    let shared = Shared {
        config,
        engine,
        resolver,
        images,
        sandboxes: Mutex::default(),
        guests: Some(guests),
    };
    Ok(Runtime(Arc::new(shared)))
}

/// Opens the data directory; one that we make is its owner's alone.
fn data_dir(config: &Config) -> Result<Dir, Error> {
    let path = &config.data_dir;
    let host =
        |source| Error::Host { action: format!("open data directory {}", path.display()), source };
    let authority = cap_std::ambient_authority();
    if let Ok(dir) = Dir::open_ambient_dir(path, authority) {
        return Ok(dir);
    }
    Dir::create_ambient_dir_all(path, authority).map_err(host)?;
    let dir = Dir::open_ambient_dir(path, authority).map_err(host)?;
    dir.set_permissions(".", Permissions::from_mode(0o700)).map_err(host)?;
    Ok(dir)
}

/// The async runtime that guests run on, and nothing else.
fn guests(config: &Config) -> Result<tokio::runtime::Runtime, Error> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if config.guest_threads == 0 { cores } else { config.guest_threads };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("isolet-guest")
        .enable_time()
        .build()
        .map_err(|source| Error::Host { action: "start the guests' threads".into(), source })
}

/// Compiles what the code cache has not, several programs at once.
fn compile<'a>(
    engine: &Arc<Engine>,
    images: impl Iterator<Item = &'a Arc<Image>>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<(), Error> {
    let mut programs: Vec<_> = images.flat_map(|image| image.programs()).collect();
    programs.sort_by_key(|program| program.digest);
    programs.dedup_by_key(|program| program.digest);
    for &program in &programs {
        let source = program.clone();
        engine.register(program.digest, program.bytes, Arc::new(move || source.wasm()));
    }
    programs.retain(|program| !engine.compiled(&program.digest));
    let total = programs.len();
    let queue = Mutex::new(programs.into_iter());
    let done = Mutex::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(total);
    let work = || -> Result<(), Error> {
        loop {
            let Some(program) = queue.lock().next() else { return Ok(()) };
            engine.prepare(&program.digest, || program.wasm())?;
            let mut done = done.lock();
            *done += 1;
            progress(Progress { done: *done, total, program: &program.path });
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(result) => result,
            Err(_) => Err(Error::Engine("compiling a built-in program panicked".into())),
        })
    })
}

/// A new sandbox id: `[a-z0-9]`, from the system's randomness.
fn random_id() -> String {
    use rand::Rng;
    let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    (0..ID_LENGTH).map(|_| alphabet[random.random_range(0..alphabet.len())] as char).collect()
}
