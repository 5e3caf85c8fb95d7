//! The clock that makes guests give way: advances the engine's epoch while any guest runs.
//!
//! With no guest on a processor it sleeps until one arrives: an idle host costs nothing.

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Duration;

/// How long a guest computes before others get a chance and signals are looked at.
const TICK: Duration = Duration::from_millis(2);

#[derive(Default)]
struct State {
    /// Guests being polled at this moment.
    running: usize,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// Owns the clock's thread; dropping it ends the thread.
pub(super) struct Ticker(Arc<Shared>);

/// Held while a guest's code runs.
pub(super) struct Running(Arc<Shared>);

impl Ticker {
    /// Starts the clock of `engine`.
    pub(super) fn start(engine: wasmtime::Engine) -> Self {
        let shared = Arc::new(Shared::default());
        let clock = shared.clone();
        let tick = move || {
            loop {
                let mut state = clock.state.lock();
                while state.running == 0 && !state.closed {
                    clock.changed.wait(&mut state);
                }
                if state.closed {
                    return;
                }
                drop(state);
                std::thread::sleep(TICK);
                engine.increment_epoch();
            }
        };
        std::thread::Builder::new()
            .name("isolet-epoch".into())
            .spawn(tick)
            .expect("a process can start a thread when it starts up");
        Self(shared)
    }

    /// Counts a guest as running until the result is dropped.
    pub(super) fn running(&self) -> Running {
        let mut state = self.0.state.lock();
        state.running += 1;
        if state.running == 1 {
            self.0.changed.notify_one();
        }
        Running(self.0.clone())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.changed.notify_one();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.state.lock().running -= 1;
    }
}
