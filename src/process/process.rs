//! One process: what it is, how it is copied, replaced, signalled and ended.
//!
//! ```text
//! first/fork --> running <--> stopped         exit(): the status is set, every thread is told to end
//!                   |                         last thread finished: descriptors closed, children to init,
//!                   v                         parent told; a zombie until waited for
//!                exit() --> zombie --> reaped
//! ```
//!
//! Threads are the engine's to run; it calls [`Thread::finish`] for each that has ended. Tables of descriptors, futexes
//! and timers are elsewhere. Lock order: signals, then the kernel's tree; a process's other locks are leaves.

use super::cred::Credentials;
use super::exec::{Arguments, Program};
use super::fd::FdTable;
use super::futex::Futexes;
use super::kernel::Kernel;
use super::limit::{self, Limits};
use super::session::Session;
use super::shared::Mappings;
use super::signal::{Action, ActionFlags, Disposition, Outcome, SigInfo, SigSet, Signal, Signals};
use super::thread::{COMM_LEN, Thread};
use super::timer::{Timer, Timers};
use super::tree::{Change, ExitStatus, INIT, WaitOptions, Whom};
use super::turn::Turn;
use super::usage::{Cpu, Usage};
use crate::errno::Errno;
use crate::vfs::{Access, Context, Cred, Dir, File, Kind, OpenFlags, Opened};
use crate::wait::WaitQueue;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Why a thread stopped running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was told to ([`Thread::killed`]).
    Killed,
    /// It called exit(2) with this code.
    ThreadExit(u8),
    /// It ended the whole process.
    GroupExit(ExitStatus),
    /// It trapped, which is this signal.
    Fault(Signal),
}

/// What the first process of a session starts with.
pub(super) struct Seed {
    pub(super) root: Dir,
    pub(super) cwd: Dir,
    pub(super) cred: Credentials,
    pub(super) umask: u32,
}

/// What a child inherits and execve(2) keeps or replaces.
#[derive(Clone)]
pub(crate) struct Attributes {
    pub(crate) cred: Credentials,
    pub(crate) root: Dir,
    pub(crate) cwd: Dir,
    /// Permission bits that new files do not get.
    pub(crate) umask: u32,
    /// Arguments and environment as given to execve.
    pub(crate) arguments: Arc<Arguments>,
    /// The path that execve was asked for (`AT_EXECFN`).
    pub(crate) exec_name: Arc<[u8]>,
    /// The program's file and its path; none before the first.
    pub(crate) exe: Option<(Arc<File>, Arc<[u8]>)>,
    /// The name in /proc/PID/comm, NUL-padded.
    pub(crate) comm: [u8; COMM_LEN],
    /// -20 to 19; told, and else without effect.
    pub(crate) nice: i8,
    /// ioprio_set(2)'s number; told, and else without effect.
    pub(crate) io_priority: u16,
    pub(crate) limits: Limits,
    /// Processors it says it runs on, a bit each; told, and else without effect.
    pub(crate) affinity: u64,
    /// `PR_SET_NO_NEW_PRIVS`: execve raises no ids.
    pub(crate) no_new_privs: bool,
    /// `PR_SET_DUMPABLE`: false gives its files in /proc to root. There are no core dumps either way.
    pub(crate) dumpable: bool,
    /// `PR_SET_PDEATHSIG`: sent when the parent ends.
    pub(crate) parent_death_signal: Option<Signal>,
}

struct SignalState {
    signals: Signals,
    threads: BTreeMap<u32, Weak<Thread>>,
}

/// One process: a program with its descriptors and credentials.
pub(crate) struct Process {
    /// Its number in the sandbox.
    pub(crate) pid: u32,
    /// The sandbox's kernel.
    pub(crate) kernel: Arc<Kernel>,
    /// Which of its threads runs.
    pub(crate) turn: Turn,
    /// Its descriptors.
    pub(crate) fds: Mutex<FdTable>,
    /// Threads that wait in futex(2).
    pub(crate) futexes: Futexes<u32>,
    /// ITIMER_REAL.
    pub(crate) alarm: Arc<Timer>,
    /// Those of timer_create(2).
    pub(crate) timers: Timers,
    /// What it has used.
    pub(crate) usage: Usage,
    /// Its shared mappings.
    pub(crate) shared: Mappings,
    me: Weak<Self>,
    signals: Mutex<SignalState>,
    attributes: Mutex<Attributes>,
    session: Mutex<Arc<Session>>,
    killed: CancellationToken,
    /// The same as a flag that is cheap to read.
    doomed: AtomicBool,
    /// How it will have ended: the first reason counts.
    ending: OnceLock<ExitStatus>,
    ended: OnceLock<ExitStatus>,
    ended_queue: WaitQueue,
    stopped: AtomicBool,
    resumed: WaitQueue,
    /// A thread has ended.
    thread_ended: WaitQueue,
    /// A child stopped, went on or ended.
    child_news: WaitQueue,
    /// Anything was sent to it (signalfd).
    arrival: WaitQueue,
    started: Instant,
}

/// What a wait for a child found.
pub(crate) struct Waited {
    pub(crate) pid: u32,
    /// The child's real user.
    pub(crate) uid: u32,
    pub(crate) change: Change,
    /// CPU of the child and of the children it waited for.
    pub(crate) cpu: Cpu,
    /// Its linear memory, in bytes.
    pub(crate) memory_bytes: u64,
}

impl Process {
    /// A process under init with a session of its own, and its first thread. It does not run yet.
    pub(super) fn first(
        kernel: &Arc<Kernel>,
        seed: Seed,
    ) -> Result<(Arc<Self>, Arc<Thread>), Errno> {
        let attributes = Attributes {
            cred: seed.cred,
            root: seed.root,
            cwd: seed.cwd,
            umask: seed.umask & 0o777,
            arguments: Arc::new(Arguments::empty()),
            exec_name: Arc::new([]),
            exe: None,
            comm: [0; COMM_LEN],
            nice: 0,
            io_priority: 0,
            limits: Limits::new(
                kernel.limits.processes_max as u64,
                kernel.limits.descriptors_max as u64,
            ),
            affinity: u64::MAX >> (64 - kernel.cpus),
            no_new_privs: false,
            dumpable: true,
            parent_death_signal: None,
        };
        let fds = FdTable::new(kernel.limits.descriptors_max, kernel.files.clone());
        Self::add(kernel, INIT, attributes, fds, Signals::new, (None, Mappings::default()))
    }

    fn add(
        kernel: &Arc<Kernel>,
        parent: u32,
        attributes: Attributes,
        fds: FdTable,
        signals: impl FnOnce(u32) -> Signals,
        (session, shared): (Option<Arc<Session>>, Mappings),
    ) -> Result<(Arc<Self>, Arc<Thread>), Errno> {
        let make = |pid| {
            let session = session.unwrap_or_else(|| Session::new(pid, kernel));
            let state = SignalState { signals: signals(pid), threads: BTreeMap::new() };
            Arc::new_cyclic(|me| Self {
                pid,
                kernel: kernel.clone(),
                turn: Turn::default(),
                fds: Mutex::new(fds),
                futexes: Futexes::default(),
                alarm: Timer::alarm(),
                timers: Timers::default(),
                usage: Usage::new(&attributes.limits),
                shared,
                me: me.clone(),
                signals: Mutex::new(state),
                attributes: Mutex::new(attributes),
                session: Mutex::new(session),
                killed: CancellationToken::new(),
                doomed: AtomicBool::new(false),
                ending: OnceLock::new(),
                ended: OnceLock::new(),
                ended_queue: WaitQueue::new(),
                stopped: AtomicBool::new(false),
                resumed: WaitQueue::new(),
                thread_ended: WaitQueue::new(),
                child_news: WaitQueue::new(),
                arrival: WaitQueue::new(),
                started: Instant::now(),
            })
        };
        let (pid, process) = kernel.tree.lock().add(parent, make)?;
        kernel.forks.fetch_add(1, Ordering::Relaxed);
        let thread = Thread::new(pid, process.clone());
        process.signals.lock().threads.insert(pid, Arc::downgrade(&thread));
        Ok((process, thread))
    }

    /// fork(2) by `caller`: a copy of this process that does not run yet, and its thread.
    ///
    /// # Errors
    ///
    /// EAGAIN when the sandbox has too many processes or threads.
    pub(crate) fn fork(&self, caller: &Thread) -> Result<Arc<Thread>, Errno> {
        let attributes = Attributes { parent_death_signal: None, ..self.attributes.lock().clone() };
        self.admit_child(&attributes)?;
        let fds = self.fds.lock().fork();
        let session = self.session();
        // Copied before the tree is locked: that is the lock order.
        let copy = self.with_signals(|signals| signals.fork(caller.tid, 0));
        let signals = |pid| copy.fork(0, pid);
        let shared = self.shared.fork(&self.kernel.memory)?;
        let own = (Some(session), shared);
        let child = Self::add(&self.kernel, self.pid, attributes, fds, signals, own)?;
        child.1.copy_addresses(caller);
        Ok(child.1)
    }

    /// Whether the user's processes leave room for one more (`RLIMIT_NPROC`, which does not bind root).
    fn admit_child(&self, attributes: &Attributes) -> Result<(), Errno> {
        let (user, most) =
            (attributes.cred.user.real, attributes.limits.get(limit::PROCESSES).soft);
        // Without a limit of its own the process table is the limit.
        if user == 0 || most >= self.kernel.limits.processes_max as u64 {
            return Ok(());
        }
        let processes = self.kernel.processes();
        let count = processes.iter().filter(|process| process.cred().user.real == user).count();
        if (count as u64) < most { Ok(()) } else { Err(Errno::AGAIN) }
    }

    /// Takes a process out that never ran (its program could not be started).
    pub(crate) fn discard(&self) {
        let files = self.fds.lock().clear();
        drop(files);
        self.exit(ExitStatus::Signal(Signal::KILL));
        let parent = self.kernel.process(self.ppid());
        self.kernel.tree.lock().discard(self.pid);
        if let Some(parent) = parent {
            parent.child_news.wake_all(); // It may wait for a child, and this was its last.
        }
        // Whoever saw it in the table and waits for its end must not wait for ever.
        let _first = self.ended.set(ExitStatus::Signal(Signal::KILL));
        self.ended_queue.wake_all();
    }

    fn arc(&self) -> Arc<Self> {
        self.me.upgrade().expect("a borrowed process is alive")
    }

    // ---- what it is

    /// Runs `action` on what it inherits and passes on.
    pub(crate) fn with_attributes<T>(&self, action: impl FnOnce(&mut Attributes) -> T) -> T {
        action(&mut self.attributes.lock())
    }

    /// Its credentials.
    pub(crate) fn cred(&self) -> Credentials {
        self.attributes.lock().cred.clone()
    }

    /// Its effective ids, as the file system judges.
    pub(crate) fn file_cred(&self) -> Cred {
        self.attributes.lock().cred.file()
    }

    /// Its working directory.
    pub(crate) fn cwd(&self) -> Dir {
        self.attributes.lock().cwd.clone()
    }

    /// Sets it.
    pub(crate) fn set_cwd(&self, dir: Dir) {
        self.attributes.lock().cwd = dir;
    }

    /// Its root directory.
    pub(crate) fn root(&self) -> Dir {
        self.attributes.lock().root.clone()
    }

    /// Permission bits that new files do not get.
    pub(crate) fn umask(&self) -> u32 {
        self.attributes.lock().umask
    }

    /// Its session.
    pub(crate) fn session(&self) -> Arc<Session> {
        self.session.lock().clone()
    }

    /// Its process group; 0 once it is gone from the table.
    pub(crate) fn pgid(&self) -> u32 {
        self.kernel.tree.lock().pgid(self.pid).unwrap_or(0)
    }

    /// Its session's number; 0 once it is gone from the table.
    pub(crate) fn sid(&self) -> u32 {
        self.kernel.tree.lock().sid(self.pid).unwrap_or(0)
    }

    /// Its parent's number; 0 once it is gone from the table.
    pub(crate) fn ppid(&self) -> u32 {
        self.kernel.tree.lock().parent(self.pid)
    }

    /// Its live threads.
    pub(crate) fn threads(&self) -> Vec<Arc<Thread>> {
        self.signals.lock().threads.values().filter_map(Weak::upgrade).collect()
    }

    /// Whether one of its threads runs at this moment, or is about to.
    pub(crate) fn is_running(&self) -> bool {
        self.turn.is_held() && !self.is_stopped()
    }

    /// Bytes of its linear memory, when it last gave its turn up.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.turn.memory_bytes()
    }

    /// CPU used by its threads.
    pub(crate) fn cpu(&self) -> Cpu {
        self.usage.cpu.get()
    }

    /// CPU of the children it waited for.
    pub(crate) fn children_cpu(&self) -> Cpu {
        self.usage.children_cpu.get()
    }

    /// When it was made.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    // ---- groups and sessions

    /// setpgid(2) by this process.
    ///
    /// # Errors
    ///
    /// Those of [`super::tree::Tree::set_group`].
    pub(crate) fn set_group(&self, pid: u32, pgid: u32) -> Result<(), Errno> {
        let orphaned = self.kernel.tree.lock().set_group(self.pid, pid, pgid)?;
        self.kernel.hang_up_groups(&orphaned);
        Ok(())
    }

    /// setsid(2).
    ///
    /// # Errors
    ///
    /// EPERM for a group leader.
    pub(crate) fn new_session(&self) -> Result<(), Errno> {
        let orphaned = self.kernel.tree.lock().new_session(self.pid)?;
        *self.session.lock() = Session::new(self.pid, &self.kernel);
        self.kernel.hang_up_groups(&orphaned);
        Ok(())
    }

    // ---- signals

    /// Looks at the signals.
    pub(crate) fn with_signals<T>(&self, look: impl FnOnce(&Signals) -> T) -> T {
        look(&self.signals.lock().signals)
    }

    /// Changes the signals, then does what default actions ask for and tells the threads.
    pub(super) fn change_signals<T>(&self, change: impl FnOnce(&mut Signals) -> T) -> T {
        let mut state = self.signals.lock();
        let result = change(&mut state.signals);
        let outcome = state.signals.settle(|| {
            let tree = self.kernel.tree.lock();
            tree.pgid(self.pid).is_none_or(|pgid| tree.is_orphaned(pgid))
        });
        self.note(&outcome);
        for (&tid, thread) in &state.threads {
            if let Some(thread) = thread.upgrade() {
                thread.set_deliverable(state.signals.deliverable(tid));
            }
        }
        drop(state);
        self.carry_out(outcome);
        result
    }

    /// Records a stop or continuation, under the signals' lock so that they keep their order.
    fn note(&self, outcome: &Outcome) {
        if !outcome.continued && outcome.stopped.is_none() {
            return;
        }
        let mut tree = self.kernel.tree.lock();
        if outcome.continued {
            tree.continued(self.pid);
        }
        if let Some(signal) = outcome.stopped {
            tree.stopped(self.pid, signal);
        }
        self.stopped.store(outcome.stopped.is_some(), Ordering::Release);
    }

    fn carry_out(&self, outcome: Outcome) {
        if let Some(signal) = outcome.fatal {
            self.exit(ExitStatus::Signal(signal));
        }
        if outcome.continued {
            self.resumed.wake_all();
            self.tell_parent(Change::Continued);
        }
        if let Some(signal) = outcome.stopped {
            self.tell_parent(Change::Stopped(signal));
        }
    }

    /// Sends a signal, unasked, to the process or to one of its threads.
    ///
    /// # Errors
    ///
    /// ESRCH if it has ended or the thread is gone, EAGAIN when too many signals wait.
    pub(crate) fn post(&self, info: SigInfo, tid: Option<u32>) -> Result<(), Errno> {
        if self.ended.get().is_some() {
            // Signals to a zombie are accepted and lost.
            return if tid.is_some() { Err(Errno::SRCH) } else { Ok(()) };
        }
        let sent = self.change_signals(|signals| signals.post(info, tid));
        for thread in self.threads() {
            thread.wake_arrival();
        }
        self.arrival.wake_all();
        sent
    }

    /// Whether this process may signal `target` (kill(2)).
    ///
    /// # Errors
    ///
    /// EPERM.
    pub(crate) fn may_signal(&self, target: &Self, signal: Option<Signal>) -> Result<(), Errno> {
        let same_session = signal == Some(Signal::CONT) && self.sid() == target.sid();
        if self.pid == target.pid || same_session || self.cred().may_signal(&target.cred()) {
            Ok(())
        } else {
            Err(Errno::PERM)
        }
    }

    /// kill(2) from this process to another; without a signal only the permission is asked.
    pub(crate) fn send(&self, target: &Self, signal: Option<Signal>) -> Result<(), Errno> {
        self.may_signal(target, signal)?;
        let Some(signal) = signal else { return Ok(()) };
        let uid = self.cred().user.real;
        target.post(SigInfo::user(signal, SigInfo::USER, self.pid, uid), None)
    }

    /// Woken when anything is sent to it or to one of its threads.
    pub(crate) fn arrivals(&self) -> &WaitQueue {
        &self.arrival
    }

    /// Woken when it has ended.
    pub(crate) fn end_news(&self) -> &WaitQueue {
        &self.ended_queue
    }

    /// The action of a signal.
    pub(crate) fn action(&self, signal: Signal) -> Action {
        self.with_signals(|signals| signals.action(signal))
    }

    /// sigaction(2): the action before.
    ///
    /// # Errors
    ///
    /// EINVAL for SIGKILL and SIGSTOP.
    pub(crate) fn set_action(&self, signal: Signal, action: Action) -> Result<Action, Errno> {
        self.change_signals(|signals| signals.set_action(signal, action))
    }

    /// Sets the actions of `set` to the default.
    pub(crate) fn set_default_actions(&self, set: SigSet) {
        self.change_signals(|signals| signals.set_default(set));
    }

    /// Whether it is stopped. Cheap.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Waits while it is stopped.
    pub(super) async fn until_running(&self) {
        while self.is_stopped() {
            let waiter = self.resumed.subscribe();
            if !self.is_stopped() {
                return;
            }
            waiter.await;
        }
    }

    // ---- threads

    /// A further thread, made by thread `creator`, whose mask it inherits.
    pub(super) fn add_thread(&self, creator: u32) -> Result<Arc<Thread>, Errno> {
        if self.ending.get().is_some() {
            return Err(Errno::SRCH);
        }
        let tid = self.kernel.tree.lock().add_thread(self.pid)?;
        let thread = Thread::new(tid, self.arc());
        let mut state = self.signals.lock();
        state.threads.insert(tid, Arc::downgrade(&thread));
        state.signals.add_thread(creator, tid);
        Ok(thread)
    }

    /// Ends all threads but `survivor` and waits until they have (execve).
    ///
    /// # Cancel safety
    ///
    /// May be dropped; the threads still end.
    pub(crate) async fn end_other_threads(&self, survivor: &Thread) {
        loop {
            let waiter = self.thread_ended.subscribe();
            let others = self.threads();
            let others: Vec<_> =
                others.iter().filter(|thread| thread.tid != survivor.tid).collect();
            if others.is_empty() {
                return;
            }
            for thread in others {
                thread.kill();
            }
            waiter.await;
        }
    }

    /// A thread has ended, its instance is gone. With the last one the process does.
    pub(super) fn finish_thread(&self, tid: u32, end: End) {
        match end {
            End::GroupExit(status) => self.exit(status),
            End::Fault(signal) => self.exit(ExitStatus::Signal(signal)),
            End::Killed | End::ThreadExit(_) => {}
        }
        let last = {
            let mut state = self.signals.lock();
            let known = state.threads.remove(&tid).is_some();
            state.signals.remove_thread(tid);
            known && state.threads.is_empty()
        };
        self.kernel.tree.lock().remove_thread(tid);
        if last {
            let code = if let End::ThreadExit(code) = end { code } else { 0 };
            self.finish(ExitStatus::Code(code));
        } else {
            // What waited for the thread that is gone may now be another's to take.
            self.change_signals(|_| ());
        }
        self.thread_ended.wake_all();
    }

    /// Wakes at most `count` threads that wait at a futex word.
    pub(crate) fn futex_wake(&self, address: u32, count: u32) -> u32 {
        self.futexes.wake(&address, count, u32::MAX)
    }

    // ---- exec

    /// Opens a file to run it and says its path: a regular one that the process may execute, readable or not.
    pub(crate) fn open_executable(&self, path: &[u8]) -> Result<(Arc<File>, Vec<u8>), Errno> {
        let (cred, root, cwd) = {
            let attributes = self.attributes.lock();
            (attributes.cred.file(), attributes.root.clone(), attributes.cwd.clone())
        };
        let vfs = &self.kernel.vfs;
        let asking = Context { cred: &cred, root: &root, pid: self.pid };
        let node = vfs.node(&asking, &cwd, path, true)?;
        if node.kind() != Kind::File {
            return Err(Errno::ACCESS);
        }
        node.access(&asking, Access::EXECUTE)?;
        let name = vfs.path_of_node(&node);
        let superuser = Cred::root();
        let reading = Context { cred: &superuser, ..asking };
        match node.open(&reading, OpenFlags::NO_ATIME)? {
            Opened::File(file) => Ok((file, name)),
            Opened::Device(..) | Opened::Fifo(_) | Opened::Object(_) => Err(Errno::ACCESS),
        }
    }

    /// Makes `program` the process's: close-on-exec, handlers, ids, names. Other threads have ended.
    pub(super) fn commit_exec(&self, thread: &Thread, program: &Program) {
        let files = self.fds.lock().exec();
        drop(files);
        thread.forget_addresses();
        self.futexes.clear();
        self.timers.clear();
        self.shared.clear();
        self.change_signals(|signals| signals.exec(thread.tid));
        let mut attributes = self.attributes.lock();
        let raise = !attributes.no_new_privs;
        let ids = (program.set_uid.filter(|_| raise), program.set_gid.filter(|_| raise));
        attributes.cred.exec(ids.0, ids.1);
        let secure = attributes.cred.is_secure();
        attributes.dumpable = !secure;
        if secure {
            attributes.parent_death_signal = None;
        }
        attributes.arguments = program.arguments.clone();
        attributes.exec_name = program.name.clone().into();
        attributes.exe = Some((program.file.clone(), program.exe.clone()));
        attributes.comm = program.comm();
        drop(attributes);
        self.kernel.tree.lock().executed(self.pid);
    }

    // ---- end

    /// Cancelled when the process must end at once.
    pub(crate) fn killed(&self) -> CancellationToken {
        self.killed.clone()
    }

    /// Ends the process (exit_group(2), a fatal signal): every thread is told at once. The first status counts.
    pub(crate) fn exit(&self, status: ExitStatus) {
        let _first = self.ending.set(status);
        self.doomed.store(true, Ordering::Release);
        self.killed.cancel();
    }

    /// Whether it must end at once. Cheap.
    pub(crate) fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::Acquire)
    }

    /// How it ended, if it has.
    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        self.ended.get().copied()
    }

    /// Waits for its end.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop at any time.
    pub(crate) async fn wait_exit(&self) -> ExitStatus {
        loop {
            let waiter = self.ended_queue.subscribe();
            if let Some(status) = self.ended.get() {
                return *status;
            }
            waiter.await;
        }
    }

    /// All threads are gone: frees everything and tells whoever waits. `otherwise` counts if nothing ended it before.
    fn finish(&self, otherwise: ExitStatus) {
        let _first = self.ending.set(otherwise);
        let status = *self.ending.get().expect("set above");
        self.killed.cancel();
        self.alarm.stop();
        self.timers.clear();
        self.shared.clear();
        let files = self.fds.lock().clear();
        drop(files);
        if self.ended.set(status).is_err() {
            return;
        }
        let session = self.session();
        if session.sid == self.pid {
            session.release_terminal();
        }
        let parent = self.kernel.process(self.ppid());
        let reap = parent.as_ref().is_none_or(|parent| parent.disowns_children());
        let departed = self.kernel.tree.lock().exit(self.pid, status, reap);
        drop(departed.reaped); // with no lock held
        self.kernel.hang_up_groups(&departed.orphaned_groups);
        for orphan in departed.orphans.iter().filter_map(|&pid| self.kernel.process(pid)) {
            let signal = orphan.with_attributes(|attributes| attributes.parent_death_signal);
            if let Some(signal) = signal {
                let _full = orphan.post(SigInfo::kernel(signal), None);
            }
        }
        self.tell_parent_of(parent, Change::Exited(status));
        self.ended_queue.wake_all();
    }

    /// Whether its children leave no zombies (SIGCHLD ignored or SA_NOCLDWAIT).
    fn disowns_children(&self) -> bool {
        let action = self.action(Signal::CHLD);
        action.disposition == Disposition::Ignore || action.flags.contains(ActionFlags::NOCLDWAIT)
    }

    fn tell_parent(&self, change: Change) {
        self.tell_parent_of(self.kernel.process(self.ppid()), change);
    }

    /// SIGCHLD to the parent, and a wake-up for its waits. Init (no parent object) needs neither.
    fn tell_parent_of(&self, parent: Option<Arc<Self>>, change: Change) {
        let Some(parent) = parent else { return };
        let silent = !matches!(change, Change::Exited(_))
            && parent.action(Signal::CHLD).flags.contains(ActionFlags::NOCLDSTOP);
        if !silent {
            let uid = self.cred().user.real;
            let _full = parent.post(child_info(self.pid, uid, change, self.cpu()), None);
        }
        parent.child_news.wake_all();
    }

    // ---- children

    /// Looks for news of a child; [`Self::child_news`] tells when to look again.
    ///
    /// # Errors
    ///
    /// ECHILD if there is no such child.
    pub(crate) fn wait_child(
        &self,
        whom: Whom,
        options: WaitOptions,
    ) -> Result<Option<Waited>, Errno> {
        let found = self.kernel.tree.lock().wait(self.pid, whom, options)?;
        let Some((pid, change, child)) = found else { return Ok(None) };
        let cpu = child.cpu().plus(child.children_cpu());
        let deepest = child.usage.children_memory_max.load(Ordering::Relaxed);
        let memory_bytes = child.memory_bytes().max(deepest);
        if matches!(change, Change::Exited(_)) && !options.contains(WaitOptions::NOWAIT) {
            self.usage.children_cpu.add(cpu);
            self.usage.children_memory_max.fetch_max(memory_bytes, Ordering::Relaxed);
        }
        Ok(Some(Waited { pid, uid: child.cred().user.real, change, cpu, memory_bytes }))
    }

    /// Woken when a child stops, goes on or ends.
    pub(crate) fn child_news(&self) -> &WaitQueue {
        &self.child_news
    }
}

impl Kernel {
    /// Groups that were orphaned while members were stopped: SIGHUP, then SIGCONT.
    pub(super) fn hang_up_groups(&self, groups: &[u32]) {
        for &pgid in groups {
            self.signal_group(pgid, SigInfo::kernel(Signal::HUP));
            self.signal_group(pgid, SigInfo::kernel(Signal::CONT));
        }
    }
}

/// The `siginfo_t` of SIGCHLD and waitid(2).
pub(crate) fn child_info(pid: u32, uid: u32, change: Change, cpu: Cpu) -> SigInfo {
    let (code, status) = match change {
        Change::Exited(ExitStatus::Code(code)) => (1, code),
        Change::Exited(ExitStatus::Signal(signal)) => (2, signal.number()),
        Change::Stopped(signal) => (5, signal.number()),
        Change::Continued => (6, Signal::CONT.number()),
    };
    let ticks = |ns: u64| u32::try_from(ns / 10_000_000).unwrap_or(u32::MAX);
    let times = [ticks(cpu.user_ns), ticks(cpu.system_ns)];
    SigInfo { signal: Signal::CHLD, code, pid, uid, value: u32::from(status), times }
}
