//! The kernel of one sandbox: its process table, its accounts, and the signals sent across it.
//!
//! Lock order: a process's signals, then the tree. The tree's lock is a leaf: it is plain data, nothing is called under it.

use super::account::MemoryAccount;
use super::budget::{BUFFERS_BYTES_MAX, Budget, FILES_MAX, TIMERS_MAX};
use super::cred::Credentials;
use super::epoll::WATCHES_MAX;
use super::exec;
use super::inotify;
use super::load::Load;
use super::locks::FileLocks;
use super::process::{Process, Seed};
use super::pty::Terminals;
use super::session::Terminal;
use super::shared_word::SharedWords;
use super::signal::{SigInfo, Signal};
use super::tree::{INIT, State, Tree};
use super::unix::Namespace;
use super::usage::{Cpu, CpuCounter};
use super::{Exec, OpenFile, device, procfs};
use crate::config::Limits;
use crate::errno::Errno;
use crate::vfs::{Dir, Vfs};
use crate::vnet::Net;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

/// Bytes of a host name (`__NEW_UTS_LEN`).
pub(crate) const HOSTNAME_MAX: usize = 64;

/// One sandbox's kernel: its file system, network and process table.
pub(crate) struct Kernel {
    pub(crate) vfs: Arc<Vfs>,
    pub(crate) net: Arc<Net>,
    /// What this sandbox may use.
    pub(crate) limits: Limits,
    pub(crate) memory: Arc<MemoryAccount>,
    /// What the buffers of pipes, sockets and terminals may hold together.
    pub(crate) buffers: Arc<Budget>,
    /// Its pseudo-terminals.
    pub(crate) terminals: Arc<Terminals>,
    /// Advisory locks on its files.
    pub(crate) locks: Arc<FileLocks>,
    /// Words of shared mappings, by which processes exclude and wake each other.
    pub(crate) shared_words: SharedWords,
    /// Its unix domain sockets.
    pub(crate) unix: Arc<Namespace>,
    /// Files watched by its epolls.
    pub(crate) watches: Arc<Budget>,
    /// Its open file descriptions.
    pub(crate) files: Arc<Budget>,
    /// Its timers that are descriptors.
    pub(crate) timers: Arc<Budget>,
    /// Its inotify instances, and the watches of all of them.
    pub(crate) inotifies: Arc<Budget>,
    pub(crate) inotify_watches: Arc<Budget>,
    /// Runs programs.
    pub(crate) exec: Arc<dyn Exec>,
    /// When the sandbox started, on the monotonic clock.
    pub(crate) booted: Instant,
    /// The same on the wall clock.
    pub(crate) booted_at: SystemTime,
    /// Random, of this sandbox's life (`/proc/sys/kernel/random/boot_id`).
    pub(crate) boot_id: String,
    /// Whose sandbox it is; what sandboxes share of their owners' they share with the same owner's only.
    pub(crate) owner: Arc<str>,
    /// Processors that guests are told of.
    pub(crate) cpus: u32,
    hostname: Mutex<Vec<u8>>,
    load: Load,
    pub(super) tree: Mutex<Tree<Arc<Process>>>,
    /// CPU of all processes together.
    pub(super) cpu: CpuCounter,
    /// Processes ever made.
    pub(super) forks: AtomicU64,
}

/// A program to start.
pub(crate) struct SpawnRequest {
    /// Of the program; relative to `cwd`.
    pub(crate) path: Vec<u8>,
    pub(crate) argv: Vec<Vec<u8>>,
    /// `NAME=value` each.
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) cwd: Dir,
    pub(crate) cred: Credentials,
    pub(crate) umask: u32,
    /// Descriptors by number.
    pub(crate) fds: Vec<(u32, Arc<OpenFile>)>,
    /// The session's controlling terminal.
    pub(crate) terminal: Option<Arc<dyn Terminal>>,
}

/// Who gets a signal: kill(2)'s first argument, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One process.
    Pid(u32),
    /// Every member of a group.
    Group(u32),
    /// Everyone but init and the sender.
    All,
}

impl Kernel {
    /// A kernel with no process but init. Make it inside the tokio runtime that its timers shall run on.
    pub(crate) fn new(
        vfs: Arc<Vfs>,
        net: Arc<Net>,
        limits: Limits,
        exec: Arc<dyn Exec>,
        owner: Arc<str>,
    ) -> Arc<Self> {
        let cpus = std::thread::available_parallelism().map_or(1, |n| n.get().min(64));
        let buffers = Budget::new(BUFFERS_BYTES_MAX);
        let booted = Instant::now();
        Arc::new(Self {
            vfs,
            net,
            memory: MemoryAccount::new(limits.memory_bytes_max),
            terminals: Arc::default(),
            locks: Arc::default(),
            shared_words: SharedWords::default(),
            unix: Namespace::new(buffers.clone()),
            watches: Budget::new(WATCHES_MAX),
            files: Budget::new(FILES_MAX),
            timers: Budget::new(TIMERS_MAX),
            inotifies: Budget::new(inotify::INSTANCES_MAX),
            inotify_watches: Budget::new(inotify::WATCHES_MAX),
            buffers,
            exec,
            owner,
            booted,
            load: Load::new(booted),
            booted_at: SystemTime::now(),
            boot_id: random_uuid(),
            cpus: u32::try_from(cpus).unwrap_or(1),
            hostname: Mutex::new(b"isolet".to_vec()),
            tree: Mutex::new(Tree::new(limits.processes_max, limits.threads_max)),
            cpu: CpuCounter::default(),
            forks: AtomicU64::new(0),
            limits,
        })
    }

    /// Mounts what the kernel makes up: /proc and /dev/pts.
    ///
    /// # Errors
    ///
    /// Those of [`Vfs::mount_dynamic`], where the image has something else in these places.
    pub(crate) fn mount(self: &Arc<Self>) -> Result<(), Errno> {
        self.vfs.mount_dynamic(b"/proc", procfs::mount(self))?;
        self.vfs.mount_dynamic(b"/dev/pts", device::pts(&self.terminals))
    }

    /// The host name.
    pub(crate) fn hostname(&self) -> Vec<u8> {
        self.hostname.lock().clone()
    }

    /// Sets it.
    ///
    /// # Errors
    ///
    /// EINVAL past [`HOSTNAME_MAX`] bytes.
    pub(crate) fn set_hostname(&self, name: &[u8]) -> Result<(), Errno> {
        if name.len() > HOSTNAME_MAX {
            return Err(Errno::INVAL);
        }
        *self.hostname.lock() = name.to_vec();
        Ok(())
    }

    /// Starts a program as a child of init, in a session of its own.
    ///
    /// # Errors
    ///
    /// EAGAIN when the process table is full, and those of [`exec::resolve`].
    pub(crate) fn spawn(self: &Arc<Self>, request: SpawnRequest) -> Result<Arc<Process>, Errno> {
        let SpawnRequest { path, argv, env, cwd, cred, umask, fds, terminal } = request;
        let seed = Seed { root: self.vfs.root(), cwd, cred, umask };
        let (process, thread) = Process::first(self, seed)?;
        let started = (|| {
            for (fd, file) in fds {
                process.fds.lock().replace(fd, file, false)?;
            }
            if let Some(terminal) = terminal {
                process.session().set_terminal(terminal, process.pid)?;
            }
            exec::resolve(&process, &path, argv, env)
        })();
        match started {
            Ok(program) => {
                self.exec.clone().start(thread, program);
                Ok(process)
            }
            Err(errno) => {
                process.discard();
                Err(errno)
            }
        }
    }

    /// The process with this number, also a zombie.
    pub(crate) fn process(&self, pid: u32) -> Option<Arc<Process>> {
        self.tree.lock().get(pid).cloned()
    }

    /// The process that a thread belongs to.
    pub(crate) fn owner_of(&self, tid: u32) -> Option<Arc<Process>> {
        self.tree.lock().owner_of(tid).cloned()
    }

    /// Every process, zombies too, lowest number first.
    pub(crate) fn processes(&self) -> Vec<Arc<Process>> {
        self.tree.lock().handles().cloned().collect()
    }

    /// What a process is doing; none if it is not in the table.
    pub(crate) fn state(&self, pid: u32) -> Option<State> {
        self.tree.lock().state(pid)
    }

    /// The process group of a process, init included.
    pub(crate) fn pgid(&self, pid: u32) -> Option<u32> {
        self.tree.lock().pgid(pid)
    }

    /// The session of a process, init included.
    pub(crate) fn sid(&self, pid: u32) -> Option<u32> {
        self.tree.lock().sid(pid)
    }

    /// Whether a process group is orphaned.
    pub(crate) fn is_orphaned(&self, pgid: u32) -> bool {
        self.tree.lock().is_orphaned(pgid)
    }

    /// The session that a group lies in.
    pub(crate) fn session_of_group(&self, pgid: u32) -> Option<u32> {
        self.tree.lock().session_of_group(pgid)
    }

    /// Sends a signal to every member of a group, unasked. Whether there is one.
    pub(crate) fn signal_group(&self, pgid: u32, info: SigInfo) -> bool {
        let members = self.tree.lock().group(pgid);
        for member in &members {
            let _full = member.post(info, None);
        }
        !members.is_empty()
    }

    /// kill(2): `signal` None only asks whether it could be sent. `sender` None is the host, which may everything.
    ///
    /// # Errors
    ///
    /// ESRCH for nobody, EPERM if the sender may signal none of them, EAGAIN when a real-time signal's queue is full.
    pub(crate) fn signal(
        &self,
        target: Target,
        signal: Option<Signal>,
        sender: Option<&Process>,
    ) -> Result<(), Errno> {
        let members = match target {
            Target::Pid(INIT) => {
                return if sender.is_some_and(|s| !s.cred().is_root()) {
                    Err(Errno::PERM)
                } else {
                    Ok(())
                };
            }
            Target::Pid(pid) => self.owner_of(pid).into_iter().collect(),
            Target::Group(pgid) => self.tree.lock().group(pgid),
            Target::All => {
                let mut all = self.processes();
                all.retain(|process| sender.is_none_or(|sender| sender.pid != process.pid));
                all
            }
        };
        let mut result = Err(Errno::SRCH);
        for member in &members {
            let sent = match sender {
                Some(sender) => sender.send(member, signal),
                None => signal.map_or(Ok(()), |signal| {
                    member.post(SigInfo::user(signal, SigInfo::USER, 0, 0), None)
                }),
            };
            // One success is enough for a group; one refusal says more than "nobody".
            if result.is_err() {
                result = sent;
            }
        }
        result
    }

    /// Ends every process at once (the sandbox is killed).
    pub(crate) fn kill_all(&self) {
        for process in self.processes() {
            let _ = process.post(SigInfo::kernel(Signal::KILL), None);
        }
    }

    /// Ends every process at once and waits until the last one is gone, also those that were just being started.
    pub(crate) async fn end(&self) {
        loop {
            let mut living = self.processes();
            living.retain(|process| process.exit_status().is_none());
            if living.is_empty() {
                return;
            }
            self.kill_all();
            for process in living {
                process.wait_exit().await;
            }
        }
    }

    /// CPU used by all processes so far.
    pub(crate) fn cpu_used(&self) -> Cpu {
        self.cpu.get()
    }

    /// Nanoseconds since the sandbox started.
    pub(crate) fn age_ns(&self) -> u64 {
        u64::try_from(self.booted.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The load averages over 1, 5 and 15 minutes.
    pub(crate) fn load(&self) -> [f64; 3] {
        self.load.averages(Instant::now(), self.cpu_used().total_ns())
    }

    /// Processes ever made.
    pub(crate) fn forked(&self) -> u64 {
        self.forks.load(Ordering::Relaxed)
    }

    /// Free memory of the sandbox in bytes.
    pub(crate) fn memory_free(&self) -> u64 {
        self.memory.max().saturating_sub(self.memory.used())
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // Sockets in flight may hold each other, and the namespace through them.
        self.unix.shut_down();
    }
}

/// A random UUID (version 4) as text.
pub(crate) fn random_uuid() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
