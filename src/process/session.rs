//! Sessions and their controlling terminal: which group is in the foreground, and who may touch the terminal.
//!
//! The terminal itself (line discipline, size) is elsewhere; here it is only a [`Terminal`] in a slot.

use super::kernel::Kernel;
use super::signal::{Disposition, SigInfo, Signal};
use super::thread::Thread;
use crate::errno::{Errno, RESTART};
use parking_lot::Mutex;
use std::any::Any;
use std::sync::{Arc, Weak};

/// A terminal that can control a session.
pub(crate) trait Terminal: Any + Send + Sync {
    /// Major and minor device number, as stat and /proc show them.
    fn device(&self) -> (u32, u32);
    /// The session that it controls from now on; none when the session gave it up.
    fn set_session(&self, session: Option<Weak<Session>>);
}

/// One session.
pub(crate) struct Session {
    /// Its number: the leader's pid.
    pub(crate) sid: u32,
    kernel: Weak<Kernel>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    terminal: Option<Arc<dyn Terminal>>,
    /// The foreground process group; 0 for none.
    foreground: u32,
}

impl Session {
    /// A session without a terminal.
    pub(crate) fn new(sid: u32, kernel: &Arc<Kernel>) -> Arc<Self> {
        let state = Mutex::new(State::default());
        Arc::new(Self { sid, kernel: Arc::downgrade(kernel), state })
    }

    /// Its controlling terminal.
    pub(crate) fn terminal(&self) -> Option<Arc<dyn Terminal>> {
        self.state.lock().terminal.clone()
    }

    /// Makes `terminal` the controlling one, with group `foreground` in front (TIOCSCTTY; the caller is the leader and
    /// the terminal controls no other session).
    ///
    /// # Errors
    ///
    /// EPERM if the session has another already.
    pub(crate) fn set_terminal(
        self: &Arc<Self>,
        terminal: Arc<dyn Terminal>,
        foreground: u32,
    ) -> Result<(), Errno> {
        {
            let mut state = self.state.lock();
            match &state.terminal {
                Some(now) if Arc::ptr_eq(now, &terminal) => return Ok(()),
                Some(_) => return Err(Errno::PERM),
                None => *state = State { terminal: Some(terminal.clone()), foreground },
            }
        }
        terminal.set_session(Some(Arc::downgrade(self)));
        Ok(())
    }

    /// Gives the terminal up (the leader ended, TIOCNOTTY, hang-up): the foreground group gets SIGHUP and SIGCONT.
    pub(crate) fn release_terminal(&self) {
        let State { terminal, foreground } = std::mem::take(&mut *self.state.lock());
        let Some(terminal) = terminal else { return };
        terminal.set_session(None);
        if let Some(kernel) = self.kernel.upgrade() {
            kernel.signal_group(foreground, SigInfo::kernel(Signal::HUP));
            kernel.signal_group(foreground, SigInfo::kernel(Signal::CONT));
        }
    }

    /// The terminal's master closed: the leader gets SIGHUP and SIGCONT too, and the session loses the terminal.
    pub(crate) fn hang_up(&self) {
        if let Some(leader) = self.kernel.upgrade().and_then(|kernel| kernel.process(self.sid)) {
            for signal in [Signal::HUP, Signal::CONT] {
                // Standard signals: a full queue cannot refuse them.
                let _ = leader.post(SigInfo::kernel(signal), None);
            }
        }
        self.release_terminal();
    }

    /// The foreground process group; 0 for none.
    pub(crate) fn foreground(&self) -> u32 {
        self.state.lock().foreground
    }

    /// tcsetpgrp(3).
    ///
    /// # Errors
    ///
    /// EPERM if the group is not in this session, ENOTTY without a terminal.
    pub(crate) fn set_foreground(&self, pgid: u32) -> Result<(), Errno> {
        let kernel = self.kernel.upgrade().ok_or(Errno::NOTTY)?;
        if kernel.session_of_group(pgid) != Some(self.sid) {
            return Err(Errno::PERM);
        }
        let mut state = self.state.lock();
        if state.terminal.is_none() {
            return Err(Errno::NOTTY);
        }
        state.foreground = pgid;
        Ok(())
    }

    /// Sends the foreground group a signal of the terminal: ^C, ^\, ^Z, a new window size, a hang-up.
    pub(crate) fn signal_foreground(&self, signal: Signal) {
        let foreground = self.foreground();
        if let Some(kernel) = self.kernel.upgrade()
            && foreground != 0
        {
            kernel.signal_group(foreground, SigInfo::kernel(signal));
        }
    }

    /// Job control: whether `thread` may read from this session's terminal, or write to or change it (`signal` is SIGTTIN
    /// or SIGTTOU). A background group is sent the signal.
    ///
    /// # Errors
    ///
    /// RESTART when the group was signalled: the call is made again once it runs on. EIO for a read when the signal would
    /// do nothing or the group is orphaned, and for a write of an orphaned group.
    pub(crate) fn admit(&self, thread: &Thread, signal: Signal) -> Result<(), Errno> {
        let process = &thread.process;
        let (pgid, sid) = (process.pgid(), process.sid());
        let foreground = self.foreground();
        if sid != self.sid || foreground == 0 || pgid == foreground {
            return Ok(());
        }
        let ignored = process.action(signal).disposition == Disposition::Ignore;
        if ignored || thread.mask().contains(signal) {
            return if signal == Signal::TTIN { Err(Errno::IO) } else { Ok(()) };
        }
        if process.kernel.is_orphaned(pgid) {
            return Err(Errno::IO);
        }
        process.kernel.signal_group(pgid, SigInfo::kernel(signal));
        Err(RESTART)
    }
}
