//! epoll(7): a set of watched files, level- or edge-triggered.
//!
//! Objects call nobody back: an epoll asks each watched file whether it is ready, and an edge is a completed subscription to
//! the file's queue. Asking costs time linear in the set, whose size is bounded for the whole sandbox. It holds files weakly,
//! so a closed file leaves the set by itself.
//!
//! Lock order: `NESTING`, the outer epoll, one inside it, then a watched file's own lock. Nesting ends there.

use super::budget::{Budget, Reservation, next_inode};
use super::file::{Object, OpenFile, Waiters};
use crate::errno::Errno;
use crate::wait::{Ready, WaitQueue, Waiter};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Bound;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};

/// Files watched by all epolls of a sandbox together.
pub(crate) const WATCHES_MAX: usize = 8192;

/// `EPOLLET`: report changes, not states.
pub(crate) const EDGE: u32 = 1 << 31;
/// `EPOLLONESHOT`: one report, then none until modified.
pub(crate) const ONE_SHOT: u32 = 1 << 30;
/// `EPOLLRDNORM` and `EPOLLWRNORM`, which mean the same as in and out.
const READ_NORMAL: u32 = 0x40;
const WRITE_NORMAL: u32 = 0x100;

/// Held from the check to the entry when an epoll is put into another: two at once could make a circle of locks.
static NESTING: Mutex<()> = Mutex::new(());

/// One report of epoll_wait(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// What happened, in `EPOLL*` bits.
    pub(crate) events: u32,
    /// What the program gave when it added the file.
    pub(crate) data: u64,
}

/// Descriptor number and address of the description: Linux's identity of a watch.
type Key = (u32, usize);

/// An epoll instance.
pub(crate) struct Epoll {
    state: Mutex<State>,
    queue: WaitQueue,
    watches: Arc<Budget>,
    inode: u64,
}

#[derive(Default)]
struct State {
    interests: BTreeMap<Key, Interest>,
    /// The last key reported: the next search begins behind it, so that no file starves.
    cursor: Option<Key>,
    /// Another epoll watches this one, or it watches another: both ends nesting.
    inside: bool,
}

struct Interest {
    file: Weak<OpenFile>,
    wanted: u32,
    data: u64,
    /// A pending subscription, for edges.
    edge: Option<Pin<Box<Waiter>>>,
    /// An edge has come that was not reported.
    fired: bool,
    /// One shot, spent.
    spent: bool,
    _held: Reservation,
}

impl Interest {
    fn set(&mut self, file: &OpenFile, wanted: u32, data: u64) {
        (self.wanted, self.data, self.fired, self.spent) = (wanted, data, true, false);
        // An epoll's own queue does not tell of its files: it is watched by level, which only reports more.
        if matches!(file.object(), Object::Epoll(_)) {
            self.wanted &= !EDGE;
        }
        self.edge = None;
        if self.wanted & EDGE != 0 {
            self.subscribe(file);
        }
    }

    fn subscribe(&mut self, file: &OpenFile) {
        self.edge = file.subscribe().map(Box::pin);
    }

    /// What to report now, 0 for nothing. Notes edges but takes nothing away.
    fn due(&mut self, file: &OpenFile) -> u32 {
        if self.spent {
            return 0;
        }
        if self.wanted & EDGE != 0 {
            let mut context = Context::from_waker(Waker::noop());
            let woken = |edge: &mut Pin<Box<Waiter>>| edge.as_mut().poll(&mut context).is_ready();
            if self.edge.as_mut().is_some_and(woken) {
                self.subscribe(file); // before looking, so that no change is missed
                self.fired = true;
            }
            if !self.fired {
                return 0;
            }
        }
        event_bits(file.ready()) & (self.wanted | event_bits(Ready::ERR | Ready::HUP))
    }

    fn reported(&mut self) {
        self.fired = false;
        self.spent = self.wanted & ONE_SHOT != 0;
    }
}

/// Readiness with the bits that say the same twice.
pub(crate) fn event_bits(ready: Ready) -> u32 {
    let mut bits = u32::from(ready.bits());
    if ready.contains(Ready::IN) {
        bits |= READ_NORMAL;
    }
    if ready.contains(Ready::OUT) {
        bits |= WRITE_NORMAL;
    }
    bits
}

impl Epoll {
    /// An empty set; `watches` is the sandbox's account of watched files.
    pub(crate) fn new(watches: Arc<Budget>) -> Arc<Self> {
        let state = Mutex::new(State::default());
        Arc::new(Self { state, queue: WaitQueue::new(), watches, inode: next_inode() })
    }

    /// Watches `file`, known to the program as `fd`.
    ///
    /// # Errors
    ///
    /// EEXIST watched already, EPERM for files that are always ready, EINVAL for itself, ELOOP for an epoll that has to do
    /// with a third one, ENOSPC past [`WATCHES_MAX`].
    pub(crate) fn add(
        &self,
        fd: u32,
        file: &Arc<OpenFile>,
        wanted: u32,
        data: u64,
    ) -> Result<(), Errno> {
        if !file.pollable() {
            return Err(Errno::PERM);
        }
        let nesting = match file.object() {
            Object::Epoll(inner) => Some((NESTING.lock(), self.may_hold(inner)?)),
            _ => None,
        };
        let key = key(fd, file);
        let mut state = self.state.lock();
        state.interests.retain(|_, interest| interest.file.strong_count() > 0);
        if state.interests.contains_key(&key) {
            return Err(Errno::EXIST);
        }
        let held = self.watches.reserve(1).map_err(|_full| Errno::NOSPC)?;
        let mut interest = Interest {
            file: Arc::downgrade(file),
            wanted,
            data,
            edge: None,
            fired: true,
            spent: false,
            _held: held,
        };
        interest.set(file, wanted, data);
        state.interests.insert(key, interest);
        state.inside |= nesting.is_some();
        drop(state);
        drop(nesting);
        self.queue.wake_all();
        Ok(())
    }

    /// Whether `inner` may be watched; it is marked if so. An epoll that was ever nested stays at its depth.
    fn may_hold(&self, inner: &Arc<Epoll>) -> Result<(), Errno> {
        if std::ptr::eq(self, Arc::as_ptr(inner)) {
            return Err(Errno::INVAL);
        }
        if self.state.lock().inside {
            return Err(Errno::LOOP);
        }
        let mut inner = inner.state.lock();
        let deep = |interest: &Interest| {
            interest.file.upgrade().is_some_and(|file| matches!(file.object(), Object::Epoll(_)))
        };
        if inner.interests.values().any(deep) {
            return Err(Errno::LOOP);
        }
        inner.inside = true;
        Ok(())
    }

    /// Changes what is wanted of a watched file; re-arms a spent one-shot.
    ///
    /// # Errors
    ///
    /// ENOENT when it is not watched.
    pub(crate) fn modify(
        &self,
        fd: u32,
        file: &Arc<OpenFile>,
        wanted: u32,
        data: u64,
    ) -> Result<(), Errno> {
        let mut state = self.state.lock();
        let interest = state.interests.get_mut(&key(fd, file)).ok_or(Errno::NOENT)?;
        interest.set(file, wanted, data);
        drop(state);
        self.queue.wake_all();
        Ok(())
    }

    /// Watches a file no longer.
    ///
    /// # Errors
    ///
    /// ENOENT when it was not watched.
    pub(crate) fn remove(&self, fd: u32, file: &Arc<OpenFile>) -> Result<(), Errno> {
        self.state.lock().interests.remove(&key(fd, file)).map(drop).ok_or(Errno::NOENT)
    }

    /// Takes at most `max` reports.
    pub(crate) fn collect(&self, max: usize) -> Vec<Event> {
        let mut found = Vec::new();
        self.visit(|key, interest, file, cursor| {
            let events = interest.due(file);
            if events != 0 {
                interest.reported();
                *cursor = Some(key);
                found.push(Event { events, data: interest.data });
            }
            found.len() < max
        });
        found
    }

    /// Whether there is something to report.
    pub(crate) fn ready(&self) -> Ready {
        let mut ready = Ready::empty();
        self.visit(|_, interest, file, _| {
            if interest.due(file) != 0 {
                ready = Ready::IN;
            }
            ready.is_empty()
        });
        ready
    }

    /// Shows each living interest, beginning behind the cursor, until told to stop; forgets the dead.
    fn visit(
        &self,
        mut look: impl FnMut(Key, &mut Interest, &Arc<OpenFile>, &mut Option<Key>) -> bool,
    ) {
        let mut kept = Vec::new(); // dropped after the lock: one may be the last of its file
        let mut state = self.state.lock();
        let State { interests, cursor, .. } = &mut *state;
        let mut dead = Vec::new();
        let start = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let later: Vec<Key> =
            interests.range((start, Bound::Unbounded)).map(|(key, _)| *key).collect();
        let earlier = cursor
            .map_or(Vec::new(), |cursor| interests.range(..=cursor).map(|(key, _)| *key).collect());
        for key in later.into_iter().chain(earlier) {
            let Some(interest) = interests.get_mut(&key) else { continue };
            let Some(file) = interest.file.upgrade() else {
                dead.push(key);
                continue;
            };
            let more = look(key, interest, &file, cursor);
            kept.push(file);
            if !more {
                break;
            }
        }
        for key in dead {
            interests.remove(&key);
        }
        drop(state);
    }

    /// A waiter for changes of the set itself; see [`Self::waiters`].
    pub(crate) fn subscribe(&self) -> Waiter {
        self.queue.subscribe()
    }

    /// Adds the waiters of all watched files.
    pub(crate) fn waiters(&self, into: &mut Waiters) {
        self.visit(|_, interest, file, _| {
            if !interest.spent {
                file.waiters(into);
            }
            true
        });
    }

    /// Its inode number.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }
}

fn key(fd: u32, file: &Arc<OpenFile>) -> Key {
    (fd, Arc::as_ptr(file).addr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::eventfd::EventFd;
    use crate::process::file::flag;

    fn epoll() -> Arc<Epoll> {
        Epoll::new(Budget::new(WATCHES_MAX))
    }

    fn event(value: u32) -> Arc<OpenFile> {
        OpenFile::new(Object::Event(EventFd::new(value, false)), flag::READ_WRITE)
    }

    const IN: u32 = 1;

    #[test]
    fn level_reports_while_ready() {
        let (epoll, file) = (epoll(), event(0));
        epoll.add(3, &file, IN, 77).expect("new");
        assert_eq!(epoll.add(3, &file, IN, 77), Err(Errno::EXIST));
        assert_eq!(epoll.collect(8), vec![]);
        file.write(&1u64.to_le_bytes()).expect("room");
        for _ in 0..2 {
            assert_eq!(epoll.collect(8), vec![Event { events: IN, data: 77 }]);
        }
        file.read(&mut [0; 8]).expect("value");
        assert_eq!(epoll.collect(8), vec![]);
        drop(file);
        assert_eq!(epoll.watches.used(), 1);
        epoll.collect(8);
        assert_eq!(epoll.watches.used(), 0);
    }

    #[test]
    fn edge_reports_changes_once() {
        let (epoll, file) = (epoll(), event(1));
        epoll.add(3, &file, IN | EDGE, 0).expect("new");
        assert_eq!(epoll.collect(8).len(), 1);
        assert_eq!(epoll.collect(8).len(), 0);
        file.write(&1u64.to_le_bytes()).expect("room");
        assert_eq!(epoll.ready(), Ready::IN);
        assert_eq!(epoll.collect(8).len(), 1);
        assert_eq!(epoll.collect(8).len(), 0);
        epoll.modify(3, &file, IN | EDGE, 0).expect("watched");
        assert_eq!(epoll.collect(8).len(), 1);
    }

    #[test]
    fn one_shot_is_spent_until_modified() {
        let (epoll, file) = (epoll(), event(1));
        epoll.add(3, &file, IN | ONE_SHOT, 0).expect("new");
        assert_eq!(epoll.collect(8).len(), 1);
        assert_eq!(epoll.collect(8).len(), 0);
        epoll.modify(3, &file, IN | ONE_SHOT, 0).expect("watched");
        assert_eq!(epoll.collect(8).len(), 1);
        epoll.remove(3, &file).expect("watched");
        assert_eq!(epoll.remove(3, &file), Err(Errno::NOENT));
    }

    #[test]
    fn no_file_starves_when_few_are_asked_for() {
        let epoll = epoll();
        let files: Vec<_> = (0..4).map(|_| event(1)).collect();
        for (fd, file) in files.iter().enumerate() {
            epoll.add(fd as u32, file, IN, fd as u64).expect("new");
        }
        let seen: Vec<u64> = (0..4).map(|_| epoll.collect(1)[0].data).collect();
        assert_eq!(seen, vec![0, 1, 2, 3]);
    }

    #[test]
    fn nests_once_and_never_in_a_circle() {
        let [a, b, c] = [(); 3].map(|()| OpenFile::new(Object::Epoll(epoll()), flag::READ_WRITE));
        let inner = |file: &Arc<OpenFile>| match file.object() {
            Object::Epoll(epoll) => epoll.clone(),
            _ => unreachable!("made above"),
        };
        assert_eq!(inner(&a).add(1, &a, IN, 0), Err(Errno::INVAL));
        inner(&a).add(1, &b, IN, 0).expect("two deep");
        assert_eq!(inner(&b).add(1, &a, IN, 0), Err(Errno::LOOP));
        assert_eq!(inner(&b).add(1, &c, IN, 0), Err(Errno::LOOP));
        assert_eq!(inner(&c).add(1, &a, IN, 0), Err(Errno::LOOP));
        let file = event(1);
        inner(&b).add(5, &file, IN, 9).expect("new");
        assert_eq!(inner(&a).collect(4).len(), 1);
    }
}
