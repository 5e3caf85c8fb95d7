//! Pseudo-terminals: a master for whoever shows the terminal, replicas for the programs in it, pty(7).
//!
//! ```text
//! Master (terminal emulator, the host's API)          Replica (/dev/pts/N, /dev/tty)
//!   write -> line discipline input -> read
//!   read  <- output <- echo, write
//! ```
//!
//! When the master closes, the terminal hangs up: replicas read end-of-file, the session gets SIGHUP. When the last replica
//! closes, the master reads EIO until one is opened again. Who may read or write in the background is asked of the
//! [`Session`] by the system call. TIOCSTI does not exist.
//!
//! Lock order: the table of terminals, or one terminal's state; never both, and sessions are told with neither held.

use super::budget::{Budget, Reservation};
use super::line_discipline::{INPUT_MAX, LineDiscipline, OUTPUT_MAX};
use super::session::{Session, Terminal};
use super::signal::Signal;
use super::termios::{Termios, WindowSize, cc};
use crate::errno::Errno;
use crate::vfs::Timespec;
use crate::wait::{Ready, WaitQueue, Waiter};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Terminals of one sandbox.
pub(crate) const TERMINALS_MAX: usize = 64;
/// Major device number of `/dev/pts/N` (Linux's `UNIX98_PTY_SLAVE_MAJOR`).
pub(crate) const REPLICA_MAJOR: u32 = 136;

/// The terminals of one sandbox by number.
#[derive(Debug, Default)]
pub(crate) struct Terminals(Mutex<BTreeMap<u32, Weak<Pty>>>);

impl Terminals {
    /// Makes a terminal with the lowest free number: its master side. `owner` is the user and group of `/dev/pts/N`.
    ///
    /// # Errors
    ///
    /// ENOSPC past [`TERMINALS_MAX`], ENFILE without room for its buffers.
    pub(crate) fn open(
        self: &Arc<Self>,
        size: WindowSize,
        owner: (u32, u32),
        budget: &Arc<Budget>,
    ) -> Result<Master, Errno> {
        let held = budget.reserve(INPUT_MAX + OUTPUT_MAX)?;
        let mut table = self.0.lock();
        let index = (0..).find(|index| !table.contains_key(index)).ok_or(Errno::NOSPC)?;
        if index as usize >= TERMINALS_MAX {
            return Err(Errno::NOSPC);
        }
        let pty = Arc::new(Pty {
            index,
            owner,
            created: Timespec::now(),
            state: Mutex::new(State { size, ..State::default() }),
            queue: WaitQueue::new(),
            terminals: self.clone(),
            _held: held,
        });
        table.insert(index, Arc::downgrade(&pty));
        Ok(Master(pty))
    }

    /// The terminal with this number, if its master is open.
    pub(crate) fn get(&self, index: u32) -> Option<Arc<Pty>> {
        let pty = self.0.lock().get(&index)?.upgrade()?;
        let hung_up = pty.state.lock().hung_up;
        (!hung_up).then_some(pty)
    }

    /// Every terminal whose master is open.
    pub(crate) fn list(&self) -> Vec<Arc<Pty>> {
        let all: Vec<Arc<Pty>> = self.0.lock().values().filter_map(Weak::upgrade).collect();
        all.into_iter().filter(|pty| !pty.state.lock().hung_up).collect()
    }
}

/// One terminal.
#[derive(Debug)]
pub(crate) struct Pty {
    /// Its number.
    pub(crate) index: u32,
    /// User and group of `/dev/pts/N`.
    pub(crate) owner: (u32, u32),
    /// When it was made.
    pub(crate) created: Timespec,
    state: Mutex<State>,
    queue: WaitQueue,
    terminals: Arc<Terminals>,
    _held: Reservation,
}

#[derive(Debug, Default)]
struct State {
    line: LineDiscipline,
    size: WindowSize,
    /// TIOCSPTLCK: no replica can be opened. New terminals are unlocked, unlike Linux's, until a program locks them.
    locked: bool,
    replicas: usize,
    /// There was a replica and the last one closed.
    deserted: bool,
    /// The master is gone.
    hung_up: bool,
    session: Option<Weak<Session>>,
}

/// How a read of a terminal waits, from `ICANON`, `VMIN` and `VTIME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// For a line, or for this many bytes.
    Bytes(usize),
    /// For this many bytes, but not longer than this after each.
    Between(usize, Duration),
    /// For a byte, but not longer than this.
    First(Duration),
}

impl Pty {
    /// Opens a replica.
    ///
    /// # Errors
    ///
    /// EIO while locked or when the master is gone.
    pub(crate) fn replica(self: &Arc<Self>) -> Result<Replica, Errno> {
        let mut state = self.state.lock();
        if state.locked || state.hung_up {
            return Err(Errno::IO);
        }
        state.replicas += 1;
        state.deserted = false;
        drop(state);
        self.queue.wake_all();
        Ok(Replica(self.clone()))
    }

    /// Whether both are open ends of this terminal's kernel object.
    pub(crate) fn same(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }

    /// Its settings.
    pub(crate) fn termios(&self) -> Termios {
        *self.state.lock().line.termios()
    }

    /// Changes its settings, with `flush` forgetting unread input first.
    pub(crate) fn set_termios(&self, termios: Termios, flush: bool) {
        let mut state = self.state.lock();
        if flush {
            state.line.flush_input();
        }
        state.line.set_termios(termios);
        drop(state);
        self.queue.wake_all();
    }

    /// Its size.
    pub(crate) fn size(&self) -> WindowSize {
        self.state.lock().size
    }

    /// Changes its size; the foreground group gets SIGWINCH if it is another.
    pub(crate) fn set_size(&self, size: WindowSize) {
        let changed = std::mem::replace(&mut self.state.lock().size, size) != size;
        if changed && let Some(session) = self.session() {
            session.signal_foreground(Signal::WINCH);
        }
    }

    /// The session that it controls.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.state.lock().session.as_ref()?.upgrade()
    }

    /// Whether replicas cannot be opened.
    pub(crate) fn locked(&self) -> bool {
        self.state.lock().locked
    }

    /// Locks or unlocks it (`TIOCSPTLCK`).
    pub(crate) fn set_locked(&self, locked: bool) {
        self.state.lock().locked = locked;
    }

    /// Stops or restarts output to the master (`TCXONC`).
    pub(crate) fn set_stopped(&self, stopped: bool) {
        self.state.lock().line.set_stopped(stopped);
        self.queue.wake_all();
    }

    /// Forgets what the replica has not read, or the master has not (`TCFLSH`).
    pub(crate) fn flush(&self, input: bool, output: bool) {
        let mut state = self.state.lock();
        if input {
            state.line.flush_input();
        }
        if output {
            state.line.flush_output();
        }
        drop(state);
        self.queue.wake_all();
    }

    /// Bytes not yet taken by the master (`TIOCOUTQ`).
    pub(crate) fn pending_output(&self) -> usize {
        self.state.lock().line.output_len()
    }

    fn subscribe(&self) -> Waiter {
        self.queue.subscribe()
    }
}

impl Terminal for Pty {
    fn device(&self) -> (u32, u32) {
        (REPLICA_MAJOR, self.index)
    }

    fn set_session(&self, session: Option<Weak<Session>>) {
        self.state.lock().session = session;
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.terminals.0.lock().remove(&self.index);
    }
}

/// The controlling side.
#[derive(Debug)]
pub(crate) struct Master(Arc<Pty>);

impl Master {
    /// The terminal.
    pub(crate) fn pty(&self) -> &Arc<Pty> {
        &self.0
    }

    /// Reads what programs wrote and the echo of what was typed.
    ///
    /// # Errors
    ///
    /// EAGAIN when there is nothing, EIO when besides the last replica has closed.
    pub(crate) fn read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        let mut state = self.0.state.lock();
        let count = state.line.take_output(into);
        if count == 0 && !into.is_empty() {
            return Err(if state.deserted { Errno::IO } else { Errno::AGAIN });
        }
        drop(state);
        self.0.queue.wake_all();
        Ok(count)
    }

    /// Types bytes into the terminal: how many it took.
    ///
    /// # Errors
    ///
    /// EAGAIN while programs do not read, EIO when the last replica has closed.
    pub(crate) fn write(&self, from: &[u8]) -> Result<usize, Errno> {
        let (count, signals) = {
            let mut state = self.0.state.lock();
            if state.deserted {
                return Err(Errno::IO);
            }
            state.line.input(from)
        };
        self.0.queue.wake_all();
        if let Some(session) = self.0.session() {
            for signal in signals {
                session.signal_foreground(signal);
            }
        }
        if count == 0 && !from.is_empty() { Err(Errno::AGAIN) } else { Ok(count) }
    }

    /// What it is ready for.
    pub(crate) fn ready(&self) -> Ready {
        let state = self.0.state.lock();
        let mut ready = Ready::empty();
        ready.set(Ready::IN, state.line.output_len() > 0);
        ready.set(Ready::OUT, state.line.has_input_room());
        ready.set(Ready::HUP, state.deserted);
        ready
    }

    /// A waiter for the next change.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.0.subscribe()
    }

    /// Bytes that can be read now.
    pub(crate) fn available(&self) -> usize {
        self.0.pending_output()
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.0.state.lock().hung_up = true;
        self.0.queue.wake_all();
        if let Some(session) = self.0.session() {
            session.hang_up();
        }
    }
}

/// The side of the programs.
#[derive(Debug)]
pub(crate) struct Replica(Arc<Pty>);

impl Replica {
    /// The terminal.
    pub(crate) fn pty(&self) -> &Arc<Pty> {
        &self.0
    }

    /// Reads at most one line, or what is there in raw mode; 0 after a hang-up. Waiting is told by [`Self::patience`].
    ///
    /// # Errors
    ///
    /// EAGAIN when there is nothing to read.
    pub(crate) fn read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        let mut state = self.0.state.lock();
        if state.hung_up {
            return Ok(0);
        }
        match state.line.read(into) {
            Some(count) => {
                drop(state);
                self.0.queue.wake_all();
                Ok(count)
            }
            None if patience(state.line.termios()) == Patience::Bytes(0) => Ok(0),
            None => Err(Errno::AGAIN),
        }
    }

    /// How a blocking read waits.
    pub(crate) fn patience(&self) -> Patience {
        patience(self.0.state.lock().line.termios())
    }

    /// Whether a read that waits for `bytes` should go on: there are that many, or a line, or nothing will come.
    pub(crate) fn has(&self, bytes: usize) -> bool {
        let state = self.0.state.lock();
        state.hung_up || state.line.available() >= bytes
    }

    /// Shows bytes on the terminal: how many it took.
    ///
    /// # Errors
    ///
    /// EAGAIN while the master does not read or output is stopped, EIO after a hang-up.
    pub(crate) fn write(&self, from: &[u8]) -> Result<usize, Errno> {
        let mut state = self.0.state.lock();
        if state.hung_up {
            return Err(Errno::IO);
        }
        let count = state.line.write(from);
        drop(state);
        if count == 0 && !from.is_empty() {
            return Err(Errno::AGAIN);
        }
        self.0.queue.wake_all();
        Ok(count)
    }

    /// What it is ready for.
    pub(crate) fn ready(&self) -> Ready {
        let state = self.0.state.lock();
        if state.hung_up {
            return Ready::IN | Ready::OUT | Ready::ERR | Ready::HUP;
        }
        let wanted = match patience(state.line.termios()) {
            Patience::Bytes(count) => count.max(1),
            Patience::Between(..) | Patience::First(_) => 1,
        };
        let mut ready = Ready::empty();
        ready.set(Ready::IN, state.line.available() >= wanted);
        ready.set(Ready::OUT, state.line.has_output_room());
        ready
    }

    /// A waiter for the next change.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.0.subscribe()
    }

    /// Bytes that can be read now.
    pub(crate) fn available(&self) -> usize {
        self.0.state.lock().line.available()
    }

    /// Whether the master is gone.
    pub(crate) fn hung_up(&self) -> bool {
        self.0.state.lock().hung_up
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.replicas -= 1;
        state.deserted = state.replicas == 0;
        drop(state);
        self.0.queue.wake_all();
    }
}

fn patience(termios: &Termios) -> Patience {
    if termios.local(super::termios::lflag::ICANON) {
        return Patience::Bytes(1);
    }
    let minimum = usize::from(termios.cc[cc::MIN]);
    let time = Duration::from_millis(100) * u32::from(termios.cc[cc::TIME]);
    match (minimum, time.is_zero()) {
        (minimum, true) => Patience::Bytes(minimum),
        (0, false) => Patience::First(time),
        (minimum, false) => Patience::Between(minimum, time),
    }
}
