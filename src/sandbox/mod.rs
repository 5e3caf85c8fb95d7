//! One isolated machine: a file system, a network and processes under common limits, with an end that is known.
//!
//! ```text
//!             create                 kill, or the deadline passes
//!   (nothing) ------> running  --------------------------------->  ended (forgotten by the runtime)
//!                       |  ^
//!                       +--+  set_timeout: another deadline
//! ```
//!
//! One driver task per sandbox makes it end, so that what happens at the end happens once and in order: it is
//! forgotten (nobody finds it any more), its network is shut (connections break), its processes are killed, its files
//! are dropped (a client that still holds the sandbox, say in a stalled download, holds no more than that).

mod ahead;
mod child;
mod command;
mod file_attributes;
mod file_watch;
mod files;
mod image;
mod network;
mod prepare;
mod runtime;
mod spill;

pub use crate::vnet::{Egress, EgressProxy, NetEvent, NetProtocol, NetVerdict, Stream};
pub use ahead::Progress;
pub use child::{Child, ExitStatus, ReadEnd, WriteEnd};
pub use command::{Command, Stdio};
pub use file_watch::{FileEvent, FileEventKind, Watch};
pub(crate) use files::Accounts;
pub use files::{FileReader, FileStat, FileWriter, Files, User};
pub use runtime::Runtime;

use crate::config::Limits;
use crate::error::Error;
use crate::process::{Charge, Kernel};
use crate::vfs::{Vfs, VfsLimits};
use crate::vnet::Net;
use image::Image;
use runtime::Shared;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a new sandbox is to be.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    image: String,
    envs: BTreeMap<String, String>,
    metadata: BTreeMap<String, String>,
    egress: Egress,
    limits: Option<Limits>,
    timeout: Option<Duration>,
    owner: Arc<str>,
}

impl SandboxConfig {
    /// A sandbox from the image of this name. What may leave it has no default: it is the caller's decision.
    pub fn new(image: impl Into<String>, egress: Egress) -> Self {
        Self {
            image: image.into(),
            envs: BTreeMap::new(),
            metadata: BTreeMap::new(),
            egress,
            limits: None,
            timeout: None,
            owner: "".into(),
        }
    }

    /// What may leave it.
    #[must_use]
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Sets a variable that every login and command of the sandbox sees.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.envs.insert(name.into(), value.into());
        self
    }

    /// The caller's own notes about the sandbox.
    #[must_use]
    pub fn metadata(mut self, metadata: BTreeMap<String, String>) -> Self {
        self.metadata = metadata;
        self
    }

    /// Limits other than the runtime's.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Whose it is. Compiled code of users' own programs is shared between sandboxes of the same owner only; without one
    /// it is the crate's caller.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<Arc<str>>) -> Self {
        self.owner = owner.into();
        self
    }

    /// How long it lives, if nobody changes that later.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// Why a sandbox ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Somebody killed it.
    Killed,
    /// Its timeout passed.
    TimedOut,
}

/// What a sandbox costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of all its programs since it was created.
    pub cpu: Duration,
    /// Memory of its programs and buffers now, of [`Limits::memory_bytes_max`].
    pub memory_bytes: u64,
    /// Content of its files that its image did not bring, of [`Limits::disk_bytes_max`].
    pub disk_bytes: u64,
    /// Processes now.
    pub processes: usize,
}

/// One sandbox. Cheap to clone; it ends by [`kill`](Self::kill) or at its timeout, not when it is dropped.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    id: String,
    config: SandboxConfig,
    limits: Limits,
    started_at: SystemTime,
    kernel: Arc<Kernel>,
    /// Longest lifetime, from the runtime's settings.
    timeout_max: Duration,
    deadline: watch::Sender<Deadline>,
    kill: CancellationToken,
    ended: watch::Sender<Option<EndReason>>,
}

/// The same moment on two clocks: the one that is shown and the one that is kept.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    shown: SystemTime,
    kept: Instant,
}

impl Deadline {
    fn after(timeout: Duration) -> Self {
        Self { shown: SystemTime::now() + timeout, kept: Instant::now() + timeout }
    }
}

impl Sandbox {
    /// Builds the machine and starts its driver.
    fn start(
        shared: &Arc<Shared>,
        id: String,
        config: SandboxConfig,
        image: &Image,
    ) -> Result<Self, Error> {
        let limits = config.limits.clone().unwrap_or_else(|| shared.config.limits.clone());
        let timeout_max = shared.config.timeout_max;
        let timeout = config.timeout.unwrap_or(shared.config.timeout_default);
        check_timeout(timeout, timeout_max)?;
        let failed = |errno| Error::Image {
            name: config.image.clone(),
            problem: format!("cannot be mounted: {errno}"),
        };
        let store = shared.spill.store(limits.file_memory_bytes_max);
        let vfs = Vfs::new(Some(image.layer()), VfsLimits::from(&limits), store).map_err(failed)?;
        config.egress.check_at(&shared.gate)?;
        let (egress, resolver) = (config.egress.clone(), shared.resolver.clone());
        let net = Net::new(egress, resolver, shared.gate.clone(), &limits, &config.owner);
        let engine = shared.engine.clone();
        let kernel = Kernel::new(vfs, net, limits.clone(), engine, config.owner.clone());
        kernel.mount().map_err(failed)?;
        let sandbox = Self(Arc::new(Inner {
            id,
            config,
            limits,
            started_at: SystemTime::now(),
            kernel,
            timeout_max,
            deadline: watch::Sender::new(Deadline::after(timeout)),
            kill: CancellationToken::new(),
            ended: watch::Sender::new(None),
        }));
        sandbox.trust_authority()?;
        tokio::spawn(drive(sandbox.clone(), Arc::downgrade(shared)));
        Ok(sandbox)
    }

    /// Its id: 20 characters of `[a-z0-9]`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Name of the image it started from.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.0.config.image
    }

    /// The caller's notes.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.0.config.metadata
    }

    /// What it may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// When it was created.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        self.0.started_at
    }

    /// When it will end.
    #[must_use]
    pub fn ends_at(&self) -> SystemTime {
        self.0.deadline.borrow().shown
    }

    /// Lets it live for `timeout` from now, longer or shorter than before.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for zero or more than the runtime's maximum.
    pub fn set_timeout(&self, timeout: Duration) -> Result<(), Error> {
        check_timeout(timeout, self.0.timeout_max)?;
        self.0.deadline.send_replace(Deadline::after(timeout));
        Ok(())
    }

    /// Ends it: processes, connections and files are gone when this returns. Killing it twice is no error.
    pub async fn kill(&self) {
        self.0.kill.cancel();
        self.ended().await;
    }

    /// Ends it without waiting.
    fn end_now(&self) {
        self.0.kill.cancel();
    }

    /// Waits until it has ended.
    pub fn ended(&self) -> impl Future<Output = EndReason> + Send + use<> {
        let mut ended = self.0.ended.subscribe();
        async move {
            let reason = ended.wait_for(Option::is_some).await.map(|reason| *reason);
            // The driver always sends a reason before it lets go of the sandbox.
            reason.ok().flatten().unwrap_or(EndReason::Killed)
        }
    }

    /// Connects to a port that a program of the sandbox listens on.
    ///
    /// # Errors
    ///
    /// [`Error::Host`] with `ConnectionRefused` when nobody listens.
    pub async fn connect(&self, port: u16) -> Result<Stream, Error> {
        self.0.kernel.net.dial(port).await.map_err(|errno| Error::Host {
            action: format!("connect to port {port} of sandbox {}", self.0.id),
            source: errno.into(),
        })
    }

    /// Whether a program of the sandbox listens on `port`.
    #[must_use]
    pub fn listening(&self, port: u16) -> bool {
        self.0.kernel.net.listening(port)
    }

    /// The ports that its programs listen on, lowest first.
    #[must_use]
    pub fn listeners(&self) -> Vec<u16> {
        let addresses = self.0.kernel.net.listeners();
        let mut ports: Vec<u16> = addresses.iter().map(std::net::SocketAddr::port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Completes at the first change of [`Self::listeners`] after this call, whenever it is first polled.
    pub fn listeners_changed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.kernel.net.listeners_changed()
    }

    /// What it has used since it was created, and uses now.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let kernel = &self.0.kernel;
        Usage {
            cpu: Duration::from_nanos(kernel.cpu_used().total_ns()),
            memory_bytes: kernel.memory.used(),
            disk_bytes: kernel.vfs.bytes_used(),
            processes: kernel.processes().len(),
        }
    }

    /// Charges its memory with `bytes` that are kept about it elsewhere, until the charge is dropped; `None` if they do not fit.
    pub(crate) fn charge(&self, bytes: usize) -> Option<Charge> {
        self.0.kernel.memory.charge(bytes as u64)
    }

    fn kernel(&self) -> &Arc<Kernel> {
        &self.0.kernel
    }
}

fn check_timeout(timeout: Duration, max: Duration) -> Result<(), Error> {
    if timeout.is_zero() || timeout > max {
        let problem = format!("must be between 1 and {} seconds", max.as_secs());
        return Err(Error::Invalid { field: "timeout", problem });
    }
    Ok(())
}

/// Waits for the end and makes it.
async fn drive(sandbox: Sandbox, shared: Weak<Shared>) {
    let inner = &sandbox.0;
    let mut deadline = inner.deadline.subscribe();
    let reason = loop {
        let at = deadline.borrow_and_update().kept;
        tokio::select! {
            () = inner.kill.cancelled() => break EndReason::Killed,
            () = tokio::time::sleep_until(at) => break EndReason::TimedOut,
            _ = deadline.changed() => {}
        }
    };
    if let Some(shared) = shared.upgrade() {
        shared.sandboxes.lock().remove(&inner.id);
    }
    inner.kernel.net.shut_down();
    inner.kernel.end().await;
    inner.kernel.vfs.clear();
    inner.ended.send_replace(Some(reason));
}
