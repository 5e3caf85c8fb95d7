//! The kernel of one sandbox: processes, threads, descriptors, pipes, signals, terminals.
//!
//! It speaks POSIX and knows no WebAssembly: what runs a program is behind [`Exec`].

pub(crate) mod turn;

use crate::config::Limits;
use std::sync::Arc;
use turn::Turn;

/// One sandbox's kernel: its file system, network and process table.
pub(crate) struct Kernel {
    /// What this sandbox may use.
    pub(crate) limits: Limits,
}

/// One process: a program with its descriptors and credentials.
pub(crate) struct Process {
    /// Its number in the sandbox.
    pub(crate) pid: u32,
    /// The sandbox's kernel.
    pub(crate) kernel: Arc<Kernel>,
    /// Which of its threads runs.
    pub(crate) turn: Turn,
}

/// One thread of a process.
pub(crate) struct Thread {
    /// Its number in the sandbox; the first thread's is the pid.
    pub(crate) tid: u32,
    /// Its process.
    pub(crate) process: Arc<Process>,
}

impl Thread {
    /// Whether a signal with a handler is pending and not blocked.
    pub(crate) fn deliverable(&self) -> bool {
        false // (process engineer)
    }

    /// Guest address of the word to set when a signal is deliverable.
    pub(crate) fn pending_word(&self) -> Option<u32> {
        None // (process engineer)
    }

    /// Completes when [`Self::deliverable`] becomes true.
    pub(crate) async fn interrupted(&self) {
        std::future::pending().await // (process engineer)
    }

    /// Waits while the process is stopped (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU).
    pub(crate) async fn stop_point(&self) {
        // (process engineer)
    }
}
