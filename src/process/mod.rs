//! The kernel of one sandbox: processes, threads, descriptors, pipes, signals, terminals.
//!
//! It speaks POSIX and knows no WebAssembly: what runs a program is behind [`Exec`].

pub(crate) mod account;
pub(crate) mod budget;
pub(crate) mod cpu_timer;
pub(crate) mod cred;
pub(crate) mod describe;
pub(crate) mod device;
pub(crate) mod epoll;
pub(crate) mod eventfd;
pub(crate) mod exec;
pub(crate) mod fd;
pub(crate) mod file;
pub(crate) mod futex;
pub(crate) mod inotify;
pub(crate) mod kernel;
pub(crate) mod limit;
pub(crate) mod line_discipline;
pub(crate) mod load;
pub(crate) mod locks;
pub(crate) mod pidfd;
pub(crate) mod pipe;
#[expect(clippy::module_inception, reason = "a process is what the kernel is about")]
pub(crate) mod process;
pub(crate) mod procfs;
pub(crate) mod pty;
pub(crate) mod release;
pub(crate) mod session;
pub(crate) mod shared;
pub(crate) mod shared_word;
pub(crate) mod signal;
pub(crate) mod signalfd;
pub(crate) mod stream;
pub(crate) mod termios;
#[cfg(test)]
mod tests;
pub(crate) mod thread;
pub(crate) mod timer;
pub(crate) mod timerfd;
pub(crate) mod tree;
pub(crate) mod turn;
pub(crate) mod unix;
pub(crate) mod usage;

pub(crate) use account::Charge;
pub(crate) use file::{Object, OpenFile};
pub(crate) use kernel::{Kernel, SpawnRequest, Target};
pub(crate) use process::{End, Process};
pub(crate) use signal::Signal;
pub(crate) use thread::Thread;
pub(crate) use tree::ExitStatus;

use std::sync::Arc;

/// Runs programs: the one upward seam, implemented by the engine. It calls [`Thread::finish`] when a thread has ended.
pub(crate) trait Exec: Send + Sync {
    /// Begins to run `program` in `thread`'s process, which has run none before.
    fn start(self: Arc<Self>, thread: Arc<Thread>, program: exec::Program);
}
