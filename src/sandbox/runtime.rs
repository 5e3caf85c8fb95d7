//! All sandboxes of this host process, the engine they share and the images they start from.
//!
//! It creates, finds and forgets sandboxes; what happens inside one is `mod.rs`'s.

#![expect(clippy::disallowed_methods, reason = "opens the data directory")]

use super::ahead::{self, Progress};
use super::image::{Image, Trees};
use super::spill::SpillDir;
use super::{Sandbox, SandboxConfig, prepare};
use crate::config::Config;
use crate::error::Error;
use crate::vnet::{Gate, Resolver, Visit};
use crate::wasm::Engine;
use cap_std::fs::{Dir, Permissions, PermissionsExt};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Length of a sandbox id: 20 of 36 characters are 103 bits.
const ID_LENGTH: usize = 20;

/// All sandboxes of this host process. Cheap to clone; the sandboxes end when the last clone and the last
/// [`Sandbox`] are dropped.
#[derive(Clone)]
pub struct Runtime(pub(super) Arc<Shared>);

/// What all sandboxes share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) engine: Arc<Engine>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) spill: SpillDir,
    pub(super) gate: Gate,
    pub(super) images: HashMap<String, Arc<Image>>,
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
    /// A runtime with the built-in images. The first one in a data directory compiles the programs that everybody needs,
    /// which takes a while (see [`Self::with_progress`]); others are compiled when they are first run, or ahead of
    /// that by [`Self::compile_ahead`].
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
        let runtime = started.map_err(|error| Error::Engine(error.to_string()))??;
        prepare::make_missing(&runtime.0).await?;
        Ok(runtime)
    }

    /// Compiles the programs that nobody has used yet, in the background and at the lowest priority, so that the first
    /// to run one need not wait for it.
    pub fn compile_ahead(&self) {
        let shared = Arc::downgrade(&self.0);
        let work = move || ahead::compile_the_rest(&shared);
        let thread = std::thread::Builder::new().name("isolet-ahead".into()).spawn(work);
        if let Err(error) = thread {
            tracing::warn!(%error, "programs are compiled when they are used");
        }
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

    /// Lets guests that may reach the internet reach the public URLs of sandboxes: names under `domain` lead to whoever takes the
    /// visits from what is returned, on these ports. `None` if somebody does so already.
    pub(crate) fn open_doorway(
        &self,
        domain: &str,
        ports: Vec<u16>,
    ) -> Option<mpsc::Receiver<Visit>> {
        self.0.resolver.doorway.open(domain, ports)
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
    ahead::compile_eager(&runtime.0.engine, runtime.0.images.values(), progress)?;
    Ok(runtime)
}

/// A runtime whose programs are known and not compiled yet.
fn assemble(config: Config, resolver: Arc<Resolver>) -> Result<Runtime, Error> {
    let data = data_dir(&config)?;
    let spill = SpillDir::open(&config, &data)?;
    let guests = guests(&config)?;
    let compiler = (config.compiler.clone(), config.compile.clone());
    let engine = Engine::new(&data, guests.handle().clone(), compiler)?;
    let mut images = HashMap::new();
    for image in Image::load_all(&config.images, &Trees::open(&data))? {
        images.insert(image.name().to_owned(), image);
    }
    ahead::register(&engine, images.values());
    let shared = Shared {
        gate: Gate::new(&config.open_ranges),
        config,
        engine,
        resolver,
        spill,
        images,
        sandboxes: Mutex::default(),
        guests: Some(guests),
    };
    Ok(Runtime(Arc::new(shared)))
}

/// Opens the data directory.
pub(super) fn data_dir(config: &Config) -> Result<Dir, Error> {
    let path = &config.data_dir;
    private_dir(path).map_err(|source| Error::Host {
        action: format!("open data directory {}", path.display()),
        source,
    })
}

/// Opens a directory; one that is made is its owner's alone.
pub(super) fn private_dir(path: &Path) -> std::io::Result<Dir> {
    let authority = cap_std::ambient_authority();
    if let Ok(dir) = Dir::open_ambient_dir(path, authority) {
        return Ok(dir);
    }
    Dir::create_ambient_dir_all(path, authority)?;
    let dir = Dir::open_ambient_dir(path, authority)?;
    dir.set_permissions(".", Permissions::from_mode(0o700))?;
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

/// A new sandbox id: `[a-z0-9]`, from the system's randomness.
pub(super) fn random_id() -> String {
    use rand::Rng;
    let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    (0..ID_LENGTH).map(|_| alphabet[random.random_range(0..alphabet.len())] as char).collect()
}
