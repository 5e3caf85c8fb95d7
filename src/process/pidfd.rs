//! pidfd_open(2): a descriptor that is a process; it becomes readable when that has ended.

use super::budget::next_inode;
use super::process::Process;
use crate::wait::{Ready, Waiter};
use std::sync::Arc;

/// A process descriptor.
pub(crate) struct PidFd {
    process: Arc<Process>,
    inode: u64,
}

impl PidFd {
    /// A descriptor of `process`.
    pub(crate) fn new(process: Arc<Process>) -> Self {
        Self { process, inode: next_inode() }
    }

    /// The process, also after its end.
    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Whether it is still in the process table: a zombie is, until it is waited for.
    pub(crate) fn is_there(&self) -> bool {
        let there = self.process.kernel.process(self.process.pid);
        there.is_some_and(|there| Arc::ptr_eq(&there, &self.process))
    }

    /// What its fdinfo shows: the number, -1 once it was waited for.
    pub(crate) fn pid_shown(&self) -> i64 {
        if self.is_there() { i64::from(self.process.pid) } else { -1 }
    }

    /// What it is ready for: reading once the process has ended, hung up once it was waited for.
    pub(crate) fn ready(&self) -> Ready {
        if self.process.exit_status().is_none() {
            return Ready::empty();
        }
        if self.is_there() { Ready::IN } else { Ready::IN | Ready::HUP }
    }

    /// A waiter for its end.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.process.end_news().subscribe()
    }

    /// Its inode number.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }
}
