//! The process table as plain data: who is whose parent, group and session, who has ended and who may be told.
//!
//! No locks and no side effects: [`Tree`] says what must happen ([`Departed`]) and its owner does it. `P` is the handle
//! kept per process; the tests use none. Process 1 is ours ("init"): always there, never in the table, reaps its children at once.

use super::signal::Signal;
use crate::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};

/// Process 1, which is ours.
pub(crate) const INIT: u32 = 1;
/// Numbers run from 2 to one below this, then start again at [`PID_REUSE_MIN`] (`pid_max` of proc(5); PID_MAX_LIMIT of
/// 64-bit Linux, which Debian sets: `ps` makes its columns as wide as this is).
pub(crate) const PID_MAX: u32 = 4_194_304;
/// The lowest number given out after the first round.
const PID_REUSE_MIN: u32 = 300;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// By exit(3), with this code.
    Code(u8),
    /// By this signal.
    Signal(Signal),
}

/// What a process is doing, as wait(2) sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Running or waiting.
    Running,
    /// Stopped by this signal.
    Stopped(Signal),
    /// Ended, not yet waited for.
    Zombie(ExitStatus),
}

/// What changed and has not been reported to the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    None,
    Stopped,
    Continued,
}

/// One row of the table.
#[derive(Debug)]
struct Entry<P> {
    handle: P,
    parent: u32,
    children: BTreeSet<u32>,
    pgid: u32,
    sid: u32,
    state: State,
    news: News,
    /// It has run execve(2): its parent may no longer set its group.
    executed: bool,
}

/// Whom a wait, or a signal, is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Any,
    Pid(u32),
    Group(u32),
}

bitflags::bitflags! {
    /// Options of waitid(2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct WaitOptions: u32 {
        const NOHANG = 1;
        const STOPPED = 2;
        const EXITED = 4;
        const CONTINUED = 8;
        const NOWAIT = 0x0100_0000;
    }
}

/// What a wait found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Exited(ExitStatus),
    Stopped(Signal),
    Continued,
}

/// What the end of a process causes.
#[derive(Debug, Default)]
pub(crate) struct Departed<P> {
    /// Handles of entries taken out of the table.
    pub(crate) reaped: Vec<P>,
    /// Its children, which now are init's.
    pub(crate) orphans: Vec<u32>,
    /// Groups now orphaned that have stopped members: they get SIGHUP and SIGCONT.
    pub(crate) orphaned_groups: Vec<u32>,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Tree<P> {
    entries: BTreeMap<u32, Entry<P>>,
    /// Numbers in use as threads: tid to pid. A first thread's tid is its pid.
    threads: BTreeMap<u32, u32>,
    pub(super) next: u32,
    processes_max: usize,
    threads_max: usize,
}

impl<P: Clone> Tree<P> {
    /// An empty table with these bounds.
    pub(crate) fn new(processes_max: usize, threads_max: usize) -> Self {
        let processes_max = processes_max.min(PID_MAX as usize / 4);
        let threads_max = threads_max.min(PID_MAX as usize / 4);
        let (entries, threads) = (BTreeMap::new(), BTreeMap::new());
        Self { entries, threads, next: INIT + 1, processes_max, threads_max }
    }

    /// Goes on with this number.
    #[cfg(test)]
    pub(crate) fn set_next(&mut self, next: u32) {
        self.next = next;
    }

    /// A number in use neither as process, thread, group nor session. There always is one, since the bounds are below it.
    fn allocate(&mut self) -> u32 {
        loop {
            let pid = self.next;
            self.next = if pid + 1 < PID_MAX { pid + 1 } else { PID_REUSE_MIN };
            let named = |entry: &Entry<P>| entry.pgid == pid || entry.sid == pid;
            let used = self.entries.contains_key(&pid) || self.threads.contains_key(&pid);
            if !used && !self.entries.values().any(named) {
                return pid;
            }
        }
    }

    /// Adds a running process with one thread. It takes group and session from `parent`; under init it leads its own.
    ///
    /// # Errors
    ///
    /// EAGAIN when the table is full; ESRCH if the parent is gone or a zombie.
    pub(crate) fn add(
        &mut self,
        parent: u32,
        make: impl FnOnce(u32) -> P,
    ) -> Result<(u32, P), Errno> {
        if self.entries.len() >= self.processes_max || self.threads.len() >= self.threads_max {
            return Err(Errno::AGAIN);
        }
        let from = match self.entries.get(&parent) {
            Some(Entry { state: State::Zombie(_), .. }) => return Err(Errno::SRCH),
            Some(entry) => Some((entry.pgid, entry.sid)),
            None if parent == INIT => None,
            None => return Err(Errno::SRCH),
        };
        let pid = self.allocate();
        let (pgid, sid) = from.unwrap_or((pid, pid));
        let handle = make(pid);
        let entry = Entry {
            handle: handle.clone(),
            parent,
            children: BTreeSet::new(),
            pgid,
            sid,
            state: State::Running,
            news: News::None,
            executed: false,
        };
        self.entries.insert(pid, entry);
        self.threads.insert(pid, pid);
        if let Some(parent) = self.entries.get_mut(&parent) {
            parent.children.insert(pid);
        }
        Ok((pid, handle))
    }

    /// Takes a process out that never ran.
    pub(crate) fn discard(&mut self, pid: u32) -> Option<P> {
        self.threads.retain(|_, owner| *owner != pid);
        let entry = self.entries.remove(&pid)?;
        if let Some(parent) = self.entries.get_mut(&entry.parent) {
            parent.children.remove(&pid);
        }
        Some(entry.handle)
    }

    /// A number for a further thread of `pid`.
    ///
    /// # Errors
    ///
    /// EAGAIN when the sandbox has too many; ESRCH if the process is gone.
    pub(crate) fn add_thread(&mut self, pid: u32) -> Result<u32, Errno> {
        self.entries.get(&pid).ok_or(Errno::SRCH)?;
        if self.threads.len() >= self.threads_max {
            return Err(Errno::AGAIN);
        }
        let tid = self.allocate();
        self.threads.insert(tid, pid);
        Ok(tid)
    }

    /// A thread has ended. A first thread's number stays taken while its process lives.
    pub(crate) fn remove_thread(&mut self, tid: u32) {
        if self.threads.get(&tid) != Some(&tid) {
            self.threads.remove(&tid);
        }
    }

    /// The process that has thread `tid`.
    pub(crate) fn owner_of(&self, tid: u32) -> Option<&P> {
        self.get(*self.threads.get(&tid)?)
    }

    /// The handle of a process, also of a zombie.
    pub(crate) fn get(&self, pid: u32) -> Option<&P> {
        self.entries.get(&pid).map(|entry| &entry.handle)
    }

    /// Every process in the table, lowest number first.
    #[cfg(test)]
    pub(crate) fn pids(&self) -> impl Iterator<Item = u32> + '_ {
        self.entries.keys().copied()
    }

    /// Every handle in the table.
    pub(crate) fn handles(&self) -> impl Iterator<Item = &P> + '_ {
        self.entries.values().map(|entry| &entry.handle)
    }

    /// Handles of the members of a group that have not ended.
    pub(crate) fn group(&self, pgid: u32) -> Vec<P> {
        let alive =
            |entry: &&Entry<P>| entry.pgid == pgid && !matches!(entry.state, State::Zombie(_));
        self.entries.values().filter(alive).map(|entry| entry.handle.clone()).collect()
    }

    /// Threads of all processes.
    #[cfg(test)]
    pub(crate) fn thread_count(&self) -> usize {
        self.threads.len()
    }

    /// The parent's number; 0 if the process is not in the table.
    pub(crate) fn parent(&self, pid: u32) -> u32 {
        self.entries.get(&pid).map_or(0, |entry| entry.parent)
    }

    /// The children, zombies too.
    #[cfg(test)]
    pub(crate) fn children(&self, pid: u32) -> Vec<u32> {
        self.entries
            .get(&pid)
            .map(|entry| entry.children.iter().copied().collect())
            .unwrap_or_default()
    }

    /// The process group; init's is its own.
    pub(crate) fn pgid(&self, pid: u32) -> Option<u32> {
        if pid == INIT {
            return Some(INIT);
        }
        self.entries.get(&pid).map(|entry| entry.pgid)
    }

    /// The session; init's is its own.
    pub(crate) fn sid(&self, pid: u32) -> Option<u32> {
        if pid == INIT {
            return Some(INIT);
        }
        self.entries.get(&pid).map(|entry| entry.sid)
    }

    /// What the process is doing.
    pub(crate) fn state(&self, pid: u32) -> Option<State> {
        self.entries.get(&pid).map(|entry| entry.state)
    }

    /// The session that group `pgid` lies in.
    pub(crate) fn session_of_group(&self, pgid: u32) -> Option<u32> {
        self.entries.values().find(|entry| entry.pgid == pgid).map(|entry| entry.sid)
    }

    /// The process has run execve(2).
    pub(crate) fn executed(&mut self, pid: u32) {
        if let Some(entry) = self.entries.get_mut(&pid) {
            entry.executed = true;
        }
    }

    /// setpgid(2) made by `caller` for `pid`; `pgid` 0 means `pid`. Returns groups that this orphaned with stopped members.
    ///
    /// # Errors
    ///
    /// ESRCH unless `pid` is the caller or its child; EACCES for a child that has run execve; EPERM for a session leader,
    /// a child in another session, or a group that is not in the session.
    pub(crate) fn set_group(
        &mut self,
        caller: u32,
        pid: u32,
        pgid: u32,
    ) -> Result<Vec<u32>, Errno> {
        let pgid = if pgid == 0 { pid } else { pgid };
        let session = self.sid(caller).ok_or(Errno::SRCH)?;
        let entry = self.entries.get(&pid).ok_or(Errno::SRCH)?;
        if pid != caller {
            if entry.parent != caller {
                return Err(Errno::SRCH);
            }
            if entry.sid != session {
                return Err(Errno::PERM);
            }
            if entry.executed {
                return Err(Errno::ACCESS);
            }
        }
        if entry.sid == pid {
            return Err(Errno::PERM);
        }
        if pgid != pid && self.session_of_group(pgid) != Some(session) {
            return Err(Errno::PERM);
        }
        let watched = self.groups_touched(pid);
        if let Some(entry) = self.entries.get_mut(&pid) {
            entry.pgid = pgid;
        }
        Ok(self.newly_orphaned(watched))
    }

    /// setsid(2): `pid` leads a new session and group.
    ///
    /// # Errors
    ///
    /// EPERM if it leads a group already.
    pub(crate) fn new_session(&mut self, pid: u32) -> Result<Vec<u32>, Errno> {
        if self.entries.values().any(|entry| entry.pgid == pid) {
            return Err(Errno::PERM);
        }
        let watched = self.groups_touched(pid);
        let entry = self.entries.get_mut(&pid).ok_or(Errno::SRCH)?;
        (entry.pgid, entry.sid) = (pid, pid);
        Ok(self.newly_orphaned(watched))
    }

    /// Whether no member of the group has a parent in the same session but another group (POSIX "orphaned process group").
    pub(crate) fn is_orphaned(&self, pgid: u32) -> bool {
        !self.entries.values().any(|entry| {
            let alive = !matches!(entry.state, State::Zombie(_));
            let parent = self.entries.get(&entry.parent);
            entry.pgid == pgid
                && alive
                && parent.is_some_and(|p| p.pgid != entry.pgid && p.sid == entry.sid)
        })
    }

    /// Groups whose orphaning the process can change: its own and its children's; with whether each is orphaned now.
    fn groups_touched(&self, pid: u32) -> Vec<(u32, bool)> {
        let Some(entry) = self.entries.get(&pid) else { return Vec::new() };
        let children = entry.children.iter().filter_map(|child| self.entries.get(child));
        let mut groups: BTreeSet<u32> = children.map(|child| child.pgid).collect();
        groups.insert(entry.pgid);
        groups.into_iter().map(|pgid| (pgid, self.is_orphaned(pgid))).collect()
    }

    /// Of `watched`, those orphaned since, with stopped members.
    fn newly_orphaned(&self, watched: Vec<(u32, bool)>) -> Vec<u32> {
        let stopped = |pgid| {
            let mut members = self.entries.values().filter(|entry| entry.pgid == pgid);
            members.any(|entry| matches!(entry.state, State::Stopped(_)))
        };
        let became = |(pgid, before): (u32, bool)| {
            (!before && self.is_orphaned(pgid) && stopped(pgid)).then_some(pgid)
        };
        watched.into_iter().filter_map(became).collect()
    }

    /// The process was stopped; its parent has something to wait for.
    pub(crate) fn stopped(&mut self, pid: u32, signal: Signal) {
        if let Some(entry) = self.entries.get_mut(&pid)
            && !matches!(entry.state, State::Zombie(_))
        {
            (entry.state, entry.news) = (State::Stopped(signal), News::Stopped);
        }
    }

    /// The process goes on.
    pub(crate) fn continued(&mut self, pid: u32) {
        if let Some(entry) = self.entries.get_mut(&pid)
            && matches!(entry.state, State::Stopped(_))
        {
            (entry.state, entry.news) = (State::Running, News::Continued);
        }
    }

    /// The process has ended: its children become init's, which reaps those that ended before. With `reap` nobody
    /// waits for it and it leaves the table at once; else it is a zombie until waited for.
    pub(crate) fn exit(&mut self, pid: u32, status: ExitStatus, reap: bool) -> Departed<P> {
        let watched = self.groups_touched(pid);
        let Some(entry) = self.entries.get_mut(&pid) else {
            return Departed {
                reaped: Vec::new(),
                orphans: Vec::new(),
                orphaned_groups: Vec::new(),
            };
        };
        entry.state = State::Zombie(status);
        let parent = entry.parent;
        let orphans: Vec<u32> = std::mem::take(&mut entry.children).into_iter().collect();
        let mut reaped = Vec::new();
        for &child in &orphans {
            let Some(entry) = self.entries.get_mut(&child) else { continue };
            entry.parent = INIT;
            if matches!(entry.state, State::Zombie(_)) {
                reaped.extend(self.discard(child));
            }
        }
        self.threads.retain(|&tid, owner| *owner != pid || tid == pid);
        let orphaned_groups = self.newly_orphaned(watched);
        if reap || parent == INIT {
            reaped.extend(self.discard(pid));
        }
        Departed { reaped, orphans, orphaned_groups }
    }

    /// Looks for a child of `parent` that `whom` and `options` ask for. `Some` reports it once (unless NOWAIT) and takes a
    /// zombie out of the table; `None` means that there are such children but nothing to tell.
    ///
    /// # Errors
    ///
    /// ECHILD if there is no such child.
    pub(crate) fn wait(
        &mut self,
        parent: u32,
        whom: Whom,
        options: WaitOptions,
    ) -> Result<Option<(u32, Change, P)>, Errno> {
        let children = self.entries.get(&parent).map(|entry| entry.children.clone());
        let mut any = false;
        for pid in children.unwrap_or_default() {
            let Some(entry) = self.entries.get_mut(&pid) else { continue };
            let asked = match whom {
                Whom::Any => true,
                Whom::Pid(wanted) => wanted == pid,
                Whom::Group(pgid) => entry.pgid == pgid,
            };
            if !asked {
                continue;
            }
            any = true;
            let Some(change) = entry.change(options) else { continue };
            let handle = entry.handle.clone();
            if !options.contains(WaitOptions::NOWAIT) {
                entry.news = News::None;
                if matches!(change, Change::Exited(_)) {
                    self.discard(pid);
                }
            }
            return Ok(Some((pid, change, handle)));
        }
        if any { Ok(None) } else { Err(Errno::CHILD) }
    }
}

impl<P> Entry<P> {
    /// What a wait with these options would report.
    fn change(&self, options: WaitOptions) -> Option<Change> {
        match (self.state, self.news) {
            (State::Zombie(status), _) => {
                options.contains(WaitOptions::EXITED).then_some(Change::Exited(status))
            }
            (State::Stopped(signal), News::Stopped) => {
                options.contains(WaitOptions::STOPPED).then_some(Change::Stopped(signal))
            }
            (State::Running, News::Continued) => {
                options.contains(WaitOptions::CONTINUED).then_some(Change::Continued)
            }
            _ => None,
        }
    }
}
