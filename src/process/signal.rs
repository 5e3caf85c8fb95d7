//! Signals of one process as plain data: what is pending, blocked, handled, and what a default action asks for.
//!
//! No locks, no tasks, no tree: [`Signals`] is a state machine that `process.rs` drives and whose [`Outcome`] it carries
//! out. Semantics are signal(7)'s. Alternate stacks do not exist here: the guest calls its handlers itself.

use crate::errno::Errno;
use std::collections::BTreeMap;

/// Signals that wait in one process at once, all queues together (Linux's `RLIMIT_SIGPENDING`, smaller).
pub(crate) const PENDING_MAX: usize = 1024;

/// A signal's number, 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Signal(u8);

#[expect(dead_code, reason = "the list is Linux's, whole")]
impl Signal {
    pub(crate) const HUP: Self = Self(1);
    pub(crate) const INT: Self = Self(2);
    pub(crate) const QUIT: Self = Self(3);
    pub(crate) const ILL: Self = Self(4);
    pub(crate) const TRAP: Self = Self(5);
    pub(crate) const ABRT: Self = Self(6);
    pub(crate) const BUS: Self = Self(7);
    pub(crate) const FPE: Self = Self(8);
    pub(crate) const KILL: Self = Self(9);
    pub(crate) const USR1: Self = Self(10);
    pub(crate) const SEGV: Self = Self(11);
    pub(crate) const USR2: Self = Self(12);
    pub(crate) const PIPE: Self = Self(13);
    pub(crate) const ALRM: Self = Self(14);
    pub(crate) const TERM: Self = Self(15);
    pub(crate) const CHLD: Self = Self(17);
    pub(crate) const CONT: Self = Self(18);
    pub(crate) const STOP: Self = Self(19);
    pub(crate) const TSTP: Self = Self(20);
    pub(crate) const TTIN: Self = Self(21);
    pub(crate) const TTOU: Self = Self(22);
    pub(crate) const URG: Self = Self(23);
    pub(crate) const XCPU: Self = Self(24);
    pub(crate) const XFSZ: Self = Self(25);
    pub(crate) const VTALRM: Self = Self(26);
    pub(crate) const PROF: Self = Self(27);
    pub(crate) const WINCH: Self = Self(28);
    pub(crate) const IO: Self = Self(29);
    pub(crate) const SYS: Self = Self(31);
}

/// What a signal does where no handler is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DefaultAction {
    /// Ends the process. (Signals that dump core on Linux too: no core is ever written.)
    Terminate,
    /// Nothing.
    Ignore,
    /// Stops the process until SIGCONT.
    Stop,
    /// Continues it (done when the signal is sent).
    Continue,
}

impl Signal {
    /// The signal with this number.
    ///
    /// # Errors
    ///
    /// EINVAL outside 1 to 64.
    pub(crate) fn new(number: u32) -> Result<Self, Errno> {
        match u8::try_from(number) {
            Ok(number @ 1..=64) => Ok(Self(number)),
            _ => Err(Errno::INVAL),
        }
    }

    /// Its number.
    pub(crate) fn number(self) -> u8 {
        self.0
    }

    /// Its default action (signal(7), "Standard signals").
    pub(crate) fn default_action(self) -> DefaultAction {
        match self {
            Self::CHLD | Self::URG | Self::WINCH => DefaultAction::Ignore,
            Self::STOP | Self::TSTP | Self::TTIN | Self::TTOU => DefaultAction::Stop,
            Self::CONT => DefaultAction::Continue,
            _ => DefaultAction::Terminate,
        }
    }

    /// SIGKILL and SIGSTOP: neither blocked, ignored nor handled.
    pub(crate) fn is_unblockable(self) -> bool {
        self == Self::KILL || self == Self::STOP
    }

    /// Whether several of it wait side by side.
    fn is_queued(self) -> bool {
        self.0 >= 32
    }
}

/// A set of signals, as the kernel has it: bit n - 1 is signal n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SigSet(u64);

impl SigSet {
    /// SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU.
    const STOPS: Self = Self(0b1111 << 18);
    /// SIGKILL and SIGSTOP.
    const UNBLOCKABLE: Self = Self(1 << 8 | 1 << 18);

    /// A set from the kernel's bits.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The kernel's bits.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Whether `signal` is in it.
    pub(crate) fn contains(self, signal: Signal) -> bool {
        self.0 & Self::of(signal).0 != 0
    }

    /// The set of one signal.
    pub(crate) fn of(signal: Signal) -> Self {
        Self(1 << (signal.0 - 1))
    }

    /// Both together.
    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of `other`.
    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The signals of the set, lowest number first.
    fn iter(self) -> impl Iterator<Item = Signal> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let number = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            // At most 63, since a bit is set.
            (number < 64).then_some(Signal(number as u8 + 1))
        })
    }

    /// As a mask: SIGKILL and SIGSTOP cannot be blocked.
    pub(crate) fn as_mask(self) -> Self {
        self.minus(Self::UNBLOCKABLE)
    }
}

bitflags::bitflags! {
    /// `sa_flags`, as the asm-generic headers number them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct ActionFlags: u32 {
        const NOCLDSTOP = 1;
        const NOCLDWAIT = 2;
        const SIGINFO = 4;
        const ONSTACK = 0x0800_0000;
        const RESTART = 0x1000_0000;
        const NODEFER = 0x4000_0000;
        const RESETHAND = 0x8000_0000;
    }
}

/// What happens on a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// The default action.
    #[default]
    Default,
    /// Nothing.
    Ignore,
    /// The guest calls the function with this table index.
    Handler(u32),
}

/// A signal's action (`struct sigaction`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Action {
    pub(crate) disposition: Disposition,
    pub(crate) flags: ActionFlags,
    /// Blocked while the handler runs.
    pub(crate) mask: SigSet,
}

/// Why and by whom a signal was sent: the fields of `siginfo_t` that we fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SigInfo {
    pub(crate) signal: Signal,
    /// `si_code`.
    pub(crate) code: i32,
    /// `si_pid`.
    pub(crate) pid: u32,
    /// `si_uid`.
    pub(crate) uid: u32,
    /// `si_status` of SIGCHLD, `si_value` otherwise.
    pub(crate) value: u32,
    /// `si_utime` and `si_stime` of SIGCHLD, in clock ticks of 10 ms.
    pub(crate) times: [u32; 2],
}

impl SigInfo {
    /// Sent by kill(2).
    pub(crate) const USER: i32 = 0;
    /// Sent by the kernel.
    pub(crate) const KERNEL: i32 = 0x80;
    /// Sent by a POSIX timer.
    pub(crate) const TIMER: i32 = -2;
    /// Sent by tkill(2) or tgkill(2).
    pub(crate) const TKILL: i32 = -6;

    /// A signal the kernel sends on its own.
    pub(crate) fn kernel(signal: Signal) -> Self {
        Self { signal, code: Self::KERNEL, pid: 0, uid: 0, value: 0, times: [0; 2] }
    }

    /// A signal a process sends with kill(2) (`code` USER) or tkill(2).
    pub(crate) fn user(signal: Signal, code: i32, pid: u32, uid: u32) -> Self {
        Self { signal, code, pid, uid, value: 0, times: [0; 2] }
    }

    /// The same of another signal.
    pub(crate) fn of(self, signal: Signal) -> Self {
        Self { signal, ..self }
    }

    /// Linux's 32-bit `siginfo_t`: signo, errno, code, then pid, uid, status or value, utime, stime.
    pub(crate) fn to_bytes(self) -> [u8; 128] {
        let mut bytes = [0; 128];
        let words = [
            u32::from(self.signal.0),
            0,
            self.code.cast_unsigned(),
            self.pid,
            self.uid,
            self.value,
            self.times[0],
            self.times[1],
        ];
        for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// Signals that wait, in the order sent.
#[derive(Debug, Default)]
struct Pending(Vec<SigInfo>);

impl Pending {
    fn set(&self) -> SigSet {
        self.0.iter().fold(SigSet::default(), |set, info| set.union(SigSet::of(info.signal)))
    }

    fn remove_all(&mut self, set: SigSet) {
        self.0.retain(|info| !set.contains(info.signal));
    }

    /// Takes the oldest entry of the lowest signal in `set`.
    fn take(&mut self, set: SigSet) -> Option<SigInfo> {
        let lowest = self.set().0 & set.0;
        let signal = SigSet(lowest).iter().next()?;
        let at = self.0.iter().position(|info| info.signal == signal)?;
        Some(self.0.remove(at))
    }
}

/// One thread's part.
#[derive(Debug, Default)]
struct ThreadSignals {
    mask: SigSet,
    /// The mask to come back to after sigsuspend, ppoll... and the handler that ended it.
    saved: Option<SigSet>,
    pending: Pending,
}

/// What default actions ask of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The process must end by this signal.
    pub(crate) fatal: Option<Signal>,
    /// It was stopped by this signal.
    pub(crate) stopped: Option<Signal>,
    /// It was stopped and goes on.
    pub(crate) continued: bool,
}

/// A signal that a thread took to call its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) info: SigInfo,
    /// Table index of the handler.
    pub(crate) handler: u32,
    pub(crate) flags: ActionFlags,
    /// The mask to give back when the handler returns.
    pub(crate) old_mask: SigSet,
}

/// All signals of one process and its threads.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Of signals 1 to 64 at index n - 1.
    actions: [Action; 64],
    shared: Pending,
    threads: BTreeMap<u32, ThreadSignals>,
    /// The thread asked first to take what is sent to the process.
    leader: u32,
    /// Whether the process is stopped.
    stopped: bool,
    /// Went on since the last [`Self::settle`].
    continued: bool,
    /// SIGKILL was sent.
    killed: bool,
}

impl Signals {
    /// A process with one thread, nothing handled, blocked or pending.
    pub(crate) fn new(tid: u32) -> Self {
        Self {
            actions: [Action::default(); 64],
            shared: Pending::default(),
            threads: BTreeMap::from([(tid, ThreadSignals::default())]),
            leader: tid,
            stopped: false,
            continued: false,
            killed: false,
        }
    }

    /// The child's signals at fork(2) by thread `caller`: its actions and mask, nothing pending.
    pub(crate) fn fork(&self, caller: u32, child: u32) -> Self {
        let mut signals = Self::new(child);
        signals.actions = self.actions;
        signals.set_mask(child, self.mask(caller));
        signals
    }

    /// At execve(2): handlers are gone, ignored signals stay so; only thread `caller` remains.
    pub(crate) fn exec(&mut self, caller: u32) {
        for action in &mut self.actions {
            if matches!(action.disposition, Disposition::Handler(_)) {
                *action = Action::default();
            }
        }
        let mut thread = self.threads.remove(&caller).unwrap_or_default();
        thread.mask = thread.saved.take().unwrap_or(thread.mask);
        self.threads = BTreeMap::from([(caller, thread)]);
        self.leader = caller;
    }

    /// A further thread, with its creator's mask.
    pub(crate) fn add_thread(&mut self, creator: u32, tid: u32) {
        let mask = self.mask(creator);
        self.threads.insert(tid, ThreadSignals { mask, ..ThreadSignals::default() });
    }

    /// A thread has ended; what was sent to it alone is lost.
    pub(crate) fn remove_thread(&mut self, tid: u32) {
        self.threads.remove(&tid);
    }

    /// The action of `signal`.
    pub(crate) fn action(&self, signal: Signal) -> Action {
        self.actions[usize::from(signal.0 - 1)]
    }

    /// Whether `signal` does nothing: ignored, or its default is nothing.
    pub(crate) fn ignores(&self, signal: Signal) -> bool {
        match self.action(signal).disposition {
            Disposition::Ignore => true,
            Disposition::Default => signal.default_action() == DefaultAction::Ignore,
            Disposition::Handler(_) => false,
        }
    }

    /// Sets the action of `signal` and returns the one before.
    ///
    /// # Errors
    ///
    /// EINVAL for SIGKILL and SIGSTOP.
    pub(crate) fn set_action(&mut self, signal: Signal, action: Action) -> Result<Action, Errno> {
        if signal.is_unblockable() {
            return Err(Errno::INVAL);
        }
        let action = Action { mask: action.mask.as_mask(), ..action };
        let slot = &mut self.actions[usize::from(signal.0 - 1)];
        let before = std::mem::replace(slot, action);
        if self.ignores(signal) {
            self.discard(SigSet::of(signal));
        }
        Ok(before)
    }

    /// Sets the actions of `set` to the default (`POSIX_SPAWN_SETSIGDEF`).
    pub(crate) fn set_default(&mut self, set: SigSet) {
        for signal in set.as_mask().iter() {
            let _ = self.set_action(signal, Action::default());
        }
    }

    /// The mask of a thread; empty for a thread that is gone.
    pub(crate) fn mask(&self, tid: u32) -> SigSet {
        self.threads.get(&tid).map(|thread| thread.mask).unwrap_or_default()
    }

    /// Sets a thread's mask; SIGKILL and SIGSTOP are left out.
    pub(crate) fn set_mask(&mut self, tid: u32, mask: SigSet) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.mask = mask.as_mask();
        }
    }

    /// Sets a mask for the length of one call (sigsuspend, ppoll...).
    pub(crate) fn begin_mask(&mut self, tid: u32, mask: SigSet) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.saved.get_or_insert(thread.mask);
            thread.mask = mask.as_mask();
        }
    }

    /// Ends [`Self::begin_mask`]. If a handler is to run (`keep`), the mask stays until it has been taken.
    pub(crate) fn end_mask(&mut self, tid: u32, keep: bool) {
        if keep && self.deliverable(tid) {
            return;
        }
        if let Some(thread) = self.threads.get_mut(&tid)
            && let Some(saved) = thread.saved.take()
        {
            thread.mask = saved;
        }
    }

    /// Pending and blocked for this thread (sigpending(2)).
    pub(crate) fn pending(&self, tid: u32) -> SigSet {
        let own = self.threads.get(&tid).map(|thread| thread.pending.set()).unwrap_or_default();
        SigSet(own.union(self.shared.set()).0 & self.mask(tid).0)
    }

    /// Signals pending for the process as a whole and for one thread, for /proc.
    pub(crate) fn pending_sets(&self, tid: u32) -> (SigSet, SigSet) {
        let own = self.threads.get(&tid).map(|thread| thread.pending.set()).unwrap_or_default();
        (own, self.shared.set())
    }

    /// Signals pending for the process or for any of its threads.
    pub(crate) fn pending_anywhere(&self) -> SigSet {
        let all = self.threads.values().map(|thread| thread.pending.set());
        all.fold(self.shared.set(), SigSet::union)
    }

    /// Ignored and handled signals, for /proc.
    pub(crate) fn dispositions(&self) -> (SigSet, SigSet) {
        let mut sets = (SigSet::default(), SigSet::default());
        for (number, action) in (1..=64).zip(&self.actions) {
            match action.disposition {
                Disposition::Ignore => sets.0 = sets.0.union(SigSet::of(Signal(number))),
                Disposition::Handler(_) => sets.1 = sets.1.union(SigSet::of(Signal(number))),
                Disposition::Default => {}
            }
        }
        sets
    }

    /// Whether the process is stopped.
    #[cfg(test)]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Sends a signal, to one thread or to whichever takes it. What it causes comes from [`Self::settle`].
    ///
    /// # Errors
    ///
    /// EAGAIN if [`PENDING_MAX`] signals wait; ESRCH if the thread is gone.
    pub(crate) fn post(&mut self, info: SigInfo, target: Option<u32>) -> Result<(), Errno> {
        let signal = info.signal;
        if target.is_some_and(|tid| !self.threads.contains_key(&tid)) {
            return Err(Errno::SRCH);
        }
        if signal == Signal::KILL {
            self.killed = true;
            return Ok(());
        }
        if signal == Signal::CONT {
            self.discard(SigSet::STOPS);
            self.continued |= std::mem::take(&mut self.stopped);
        } else if SigSet::STOPS.contains(signal) {
            self.discard(SigSet::of(Signal::CONT));
        }
        let blocked = match target {
            Some(tid) => self.mask(tid).contains(signal),
            None => self.receiver(signal).is_none(),
        };
        if self.ignores(signal) && !blocked {
            return Ok(());
        }
        let waiting =
            self.shared.0.len() + self.threads.values().map(|t| t.pending.0.len()).sum::<usize>();
        let queue = match target.and_then(|tid| self.threads.get_mut(&tid)) {
            Some(thread) => &mut thread.pending,
            None => &mut self.shared,
        };
        if !signal.is_queued() && queue.set().contains(signal) {
            return Ok(());
        }
        if waiting >= PENDING_MAX {
            return Err(Errno::AGAIN);
        }
        queue.0.push(info);
        Ok(())
    }

    /// Carries default actions out for everything pending and not blocked. `orphaned` says whether the process group is
    /// orphaned, so that terminal stops are dropped; asked only if one is to be acted on.
    pub(crate) fn settle(&mut self, orphaned: impl Fn() -> bool) -> Outcome {
        let mut outcome =
            Outcome { continued: std::mem::take(&mut self.continued), ..Outcome::default() };
        if self.killed {
            outcome.fatal = Some(Signal::KILL);
            return outcome;
        }
        while !self.stopped
            && let Some(signal) = self.next_default()
        {
            self.discard_one(signal);
            match signal.default_action() {
                _ if self.ignores(signal) => {}
                DefaultAction::Terminate => {
                    outcome.fatal = Some(signal);
                    return outcome;
                }
                DefaultAction::Stop if signal == Signal::STOP || !orphaned() => {
                    self.stopped = true;
                    outcome.stopped = Some(signal);
                }
                DefaultAction::Stop | DefaultAction::Ignore | DefaultAction::Continue => {}
            }
        }
        outcome
    }

    /// A signal that is pending, unblocked and has no handler.
    fn next_default(&self) -> Option<Signal> {
        let unhandled =
            |signal: Signal| !matches!(self.action(signal).disposition, Disposition::Handler(_));
        let shared = self.shared.set().iter();
        let mut shared = shared.filter(|&signal| self.receiver(signal).is_some());
        let own = self.threads.values().find_map(|thread| {
            thread.pending.set().minus(thread.mask).iter().find(|&signal| unhandled(signal))
        });
        own.or_else(|| shared.find(|&signal| unhandled(signal)))
    }

    /// Removes `signal` wherever it could be delivered; if ignored it is simply gone.
    fn discard_one(&mut self, signal: Signal) {
        let set = SigSet::of(signal);
        if self.receiver(signal).is_some() {
            self.shared.remove_all(set);
        }
        for thread in self.threads.values_mut().filter(|thread| !thread.mask.contains(signal)) {
            thread.pending.remove_all(set);
        }
    }

    fn discard(&mut self, set: SigSet) {
        self.shared.remove_all(set);
        for thread in self.threads.values_mut() {
            thread.pending.remove_all(set);
        }
    }

    /// The thread that takes `signal` sent to the process: the first thread, else any that does not block it.
    fn receiver(&self, signal: Signal) -> Option<u32> {
        let leader = self.threads.get_key_value(&self.leader);
        let mut open = leader.into_iter().chain(&self.threads);
        open.find(|(_, thread)| !thread.mask.contains(signal)).map(|(&tid, _)| tid)
    }

    /// Whether a thread has a signal with a handler to take now.
    pub(crate) fn deliverable(&self, tid: u32) -> bool {
        if self.stopped {
            return false;
        }
        let Some(thread) = self.threads.get(&tid) else { return false };
        let handled = |signal| matches!(self.action(signal).disposition, Disposition::Handler(_));
        let own = thread.pending.set().minus(thread.mask);
        let shared = self.shared.set().minus(thread.mask);
        own.iter().any(handled)
            || shared.iter().any(|signal| handled(signal) && self.receiver(signal) == Some(tid))
    }

    /// Takes the next signal that has a handler, and blocks what its action says.
    pub(crate) fn take(&mut self, tid: u32) -> Option<Taken> {
        let handled = self.dispositions().1;
        let thread = self.threads.get_mut(&tid)?;
        let open = handled.minus(thread.mask);
        let info = thread.pending.take(open).or_else(|| self.shared.take(open));
        let Some(info) = info else {
            self.end_mask(tid, false);
            return None;
        };
        let action = self.action(info.signal);
        let Disposition::Handler(handler) = action.disposition else { return None };
        let thread = self.threads.get_mut(&tid)?;
        let old_mask = thread.saved.take().unwrap_or(thread.mask);
        let mut mask = thread.mask.union(action.mask);
        if !action.flags.contains(ActionFlags::NODEFER) {
            mask = mask.union(SigSet::of(info.signal));
        }
        thread.mask = mask.as_mask();
        if action.flags.contains(ActionFlags::RESETHAND) {
            self.actions[usize::from(info.signal.0 - 1)] = Action::default();
        }
        Some(Taken { info, handler, flags: action.flags, old_mask })
    }

    /// Takes a pending signal of `set` without calling anything (sigtimedwait(2)).
    pub(crate) fn accept(&mut self, tid: u32, set: SigSet) -> Option<SigInfo> {
        let set = set.as_mask();
        let own = self.threads.get_mut(&tid).and_then(|thread| thread.pending.take(set));
        own.or_else(|| self.shared.take(set))
    }
}
