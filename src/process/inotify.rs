//! inotify(7): a queue of changes to files and directories that is read like a file.
//!
//! The tree broadcasts what happens (vfs/watch.rs); an instance keeps what its watches ask for. Watches are by inode and keep
//! nothing alive: a node that is gone says so. The queue has a bound, which is charged when the instance is made; the
//! watches of a sandbox together have another.

use super::budget::{Budget, Reservation, next_inode};
use crate::errno::Errno;
use crate::vfs::{Change, Events, Node, Vfs, Watcher};
use crate::wait::{Ready, WaitQueue, Waiter};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

/// Instances of a sandbox (Linux's default `max_user_instances`).
pub(crate) const INSTANCES_MAX: usize = 128;
/// Watches of all instances of a sandbox (Linux's `max_user_watches` before it grew with memory).
pub(crate) const WATCHES_MAX: usize = 8192;
/// Bytes that an instance's queue may take: some 5000 events with short names.
pub(crate) const QUEUE_BYTES_MAX: usize = 256 << 10;

/// Bytes of `struct inotify_event` without a name; names are padded to a multiple of it.
const HEADER: usize = 16;

/// Flags of a watch beside [`Events`], inotify(7)'s numbers.
pub(crate) mod flag {
    pub(crate) const Q_OVERFLOW: u32 = 0x4000;
    pub(crate) const IGNORED: u32 = 0x8000;
    pub(crate) const ONLYDIR: u32 = 0x0100_0000;
    pub(crate) const DONT_FOLLOW: u32 = 0x0200_0000;
    pub(crate) const EXCL_UNLINK: u32 = 0x0400_0000;
    pub(crate) const MASK_CREATE: u32 = 0x1000_0000;
    pub(crate) const MASK_ADD: u32 = 0x2000_0000;
    pub(crate) const ISDIR: u32 = 0x4000_0000;
    pub(crate) const ONESHOT: u32 = 0x8000_0000;
    /// What a watch keeps of its flags.
    pub(super) const KEPT: u32 = EXCL_UNLINK | ONESHOT;
}

/// What inotify_add_watch(2) knows: without any of it a mask is nothing (`ALL_INOTIFY_BITS`).
pub(crate) const KNOWN: u32 = Events::all().bits()
    | 0xe000
    | flag::ONLYDIR
    | flag::DONT_FOLLOW
    | flag::EXCL_UNLINK
    | flag::MASK_CREATE
    | flag::MASK_ADD
    | flag::ISDIR
    | flag::ONESHOT;

/// A node as watches know it: device and inode number.
type Key = (u64, u64);

/// An instance.
pub(crate) struct Inotify {
    state: Mutex<State>,
    queue: WaitQueue,
    watches: Arc<Budget>,
    inode: u64,
    _held: [Reservation; 2],
}

#[derive(Default)]
struct State {
    watches: HashMap<Key, Watch>,
    keys: BTreeMap<i32, Key>,
    last: i32,
    events: VecDeque<Event>,
    /// Encoded bytes of `events`.
    bytes: usize,
}

struct Watch {
    number: i32,
    /// Events and kept flags.
    mask: u32,
    _held: Reservation,
}

#[derive(Debug, PartialEq, Eq)]
struct Event {
    watch: i32,
    mask: u32,
    cookie: u32,
    name: Box<[u8]>,
}

impl Event {
    /// Bytes of the padded name.
    fn name_bytes(&self) -> usize {
        if self.name.is_empty() { 0 } else { (self.name.len() + 1).next_multiple_of(HEADER) }
    }

    fn encode(&self, into: &mut [u8]) {
        let len = self.name_bytes() as u32;
        let words = [self.watch.cast_unsigned(), self.mask, self.cookie, len];
        for (to, word) in into.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        let (name, padding) = into[HEADER..].split_at_mut(self.name.len());
        name.copy_from_slice(&self.name);
        padding.fill(0);
    }
}

impl State {
    /// Queues an event, unless it repeats the last one. When there is no room the queue ends with the news of that.
    fn push(&mut self, event: Event) {
        if self.events.back() == Some(&event) {
            return;
        }
        let bytes = HEADER + event.name_bytes();
        let held = self.bytes + self.events.len() * size_of::<Event>();
        if held + bytes + size_of::<Event>() <= QUEUE_BYTES_MAX {
            self.bytes += bytes;
            self.events.push_back(event);
            return;
        }
        let lost = Event { watch: -1, mask: flag::Q_OVERFLOW, cookie: 0, name: Box::default() };
        if self.events.back() != Some(&lost) {
            self.bytes += HEADER;
            self.events.push_back(lost);
        }
    }

    /// Ends a watch, which its reader is told.
    fn end(&mut self, key: Key) {
        if let Some(watch) = self.watches.remove(&key) {
            self.keys.remove(&watch.number);
            let name = Box::default();
            self.push(Event { watch: watch.number, mask: flag::IGNORED, cookie: 0, name });
        }
    }

    /// Queues `change` for the watch on `key`; `name` if that is the directory it happened in.
    fn note(&mut self, key: Key, change: &Change<'_>, name: &[u8]) {
        let Some(watch) = self.watches.get(&key) else { return };
        let (number, mask) = (watch.number, watch.mask);
        let excluded = change.unlinked && !name.is_empty() && mask & flag::EXCL_UNLINK != 0;
        if mask & change.events.bits() == 0 || excluded {
            return;
        }
        let is_dir = change.directory && !change.events.intersects(Events::SELF);
        let mask_told = change.events.bits() | if is_dir { flag::ISDIR } else { 0 };
        self.push(Event {
            watch: number,
            mask: mask_told,
            cookie: change.cookie,
            name: name.into(),
        });
        if mask & flag::ONESHOT != 0 {
            self.end(key);
        }
    }
}

impl Inotify {
    /// An instance without watches, whose queue is charged to `buffers`.
    ///
    /// # Errors
    ///
    /// EMFILE when the sandbox has too many, ENOMEM when its buffers have no room for the queue.
    pub(crate) fn new(
        vfs: &Vfs,
        buffers: &Arc<Budget>,
        instances: &Arc<Budget>,
        watches: &Arc<Budget>,
    ) -> Result<Arc<Self>, Errno> {
        let held = [
            instances.reserve(1).map_err(|_full| Errno::MFILE)?,
            buffers.reserve(QUEUE_BYTES_MAX).map_err(|_full| Errno::NOMEM)?,
        ];
        let state = Mutex::new(State::default());
        let (queue, watches) = (WaitQueue::new(), watches.clone());
        let this = Arc::new(Self { state, queue, watches, inode: next_inode(), _held: held });
        let watcher: Arc<dyn Watcher> = this.clone();
        vfs.watch(&watcher);
        Ok(this)
    }

    /// inotify_add_watch(2) on a node the caller may read: the watch's number.
    ///
    /// # Errors
    ///
    /// EEXIST with `MASK_CREATE`, ENOSPC when there are too
    /// many, ENOENT for what is gone from /proc.
    pub(crate) fn add(&self, vfs: &Vfs, node: &Node, mask: u32) -> Result<i32, Errno> {
        let (key, kept) = (node.id()?, mask & (Events::all().bits() | flag::KEPT));
        let mut state = self.state.lock();
        let State { watches, keys, last, .. } = &mut *state;
        let number = if let Some(watch) = watches.get_mut(&key) {
            if mask & flag::MASK_CREATE != 0 {
                return Err(Errno::EXIST);
            }
            watch.mask = if mask & flag::MASK_ADD != 0 { watch.mask | kept } else { kept };
            watch.number
        } else {
            let held = self.watches.reserve(1).map_err(|_full| Errno::NOSPC)?;
            // Numbers are not used again, as on Linux, until there are no more.
            *last = last.checked_add(1).ok_or(Errno::NOSPC)?;
            watches.insert(key, Watch { number: *last, mask: kept, _held: held });
            keys.insert(*last, key);
            *last
        };
        drop(state);
        vfs.watch_more();
        Ok(number)
    }

    /// Whether a mask means one way to join a watch that is there.
    ///
    /// # Errors
    ///
    /// EINVAL.
    pub(crate) fn check(mask: u32) -> Result<(), Errno> {
        const JOINS: u32 = flag::MASK_ADD | flag::MASK_CREATE;
        if mask & JOINS == JOINS { Err(Errno::INVAL) } else { Ok(()) }
    }

    /// inotify_rm_watch(2).
    ///
    /// # Errors
    ///
    /// EINVAL when there is no such watch.
    pub(crate) fn remove(&self, number: i32) -> Result<(), Errno> {
        let mut state = self.state.lock();
        let key = state.keys.get(&number).copied().ok_or(Errno::INVAL)?;
        state.end(key);
        drop(state);
        self.queue.wake_all();
        Ok(())
    }

    /// Takes as many whole events as fit.
    ///
    /// # Errors
    ///
    /// EAGAIN without any, EINVAL when the first does not fit.
    pub(crate) fn read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        let mut state = self.state.lock();
        let mut done = 0;
        while let Some(event) = state.events.front() {
            let bytes = HEADER + event.name_bytes();
            let Some(room) = into.get_mut(done..done + bytes) else {
                return if done == 0 { Err(Errno::INVAL) } else { Ok(done) };
            };
            event.encode(room);
            done += bytes;
            state.bytes -= bytes;
            state.events.pop_front();
        }
        if done == 0 { Err(Errno::AGAIN) } else { Ok(done) }
    }

    /// Bytes that can be read.
    pub(crate) fn available(&self) -> usize {
        self.state.lock().bytes
    }

    /// What it is ready for.
    pub(crate) fn ready(&self) -> Ready {
        if self.state.lock().events.is_empty() { Ready::empty() } else { Ready::IN }
    }

    /// A waiter for the next event.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.queue.subscribe()
    }

    /// The lines of its fdinfo.
    pub(crate) fn describe(&self) -> String {
        let state = self.state.lock();
        let mut text = String::new();
        for (number, (dev, ino)) in &state.keys {
            let mask = state.watches.get(&(*dev, *ino)).map_or(0, |watch| watch.mask);
            let _infallible = writeln!(
                text,
                "inotify wd:{number:x} ino:{ino:x} sdev:{dev:x} mask:{mask:x} ignored_mask:0"
            );
        }
        text
    }

    /// Its inode number.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }
}

impl Watcher for Inotify {
    fn changed(&self, change: &Change<'_>) {
        let mut state = self.state.lock();
        let before = state.events.len();
        if let Some((parent, name)) = change.entry
            && !change.events.intersects(Events::SELF)
        {
            state.note((crate::vfs::DEV, parent), change, name);
        }
        let own = (crate::vfs::DEV, change.ino);
        if !change.events.intersects(Events::NAMES) {
            state.note(own, change, b"");
        }
        if change.events == Events::DELETE_SELF {
            state.end(own);
        }
        let news = state.events.len() > before;
        drop(state);
        if news {
            self.queue.wake_all();
        }
    }

    fn wants(&self) -> Events {
        let state = self.state.lock();
        let all = state.watches.values().fold(0, |all, watch| all | watch.mask);
        let mut wanted = Events::from_bits_truncate(all);
        // The end of a node ends its watch, whatever that asked for.
        wanted.set(Events::DELETE_SELF, !state.watches.is_empty());
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::{Context, Cred, Dir, OpenFlags, Opened, Store, VfsLimits};

    const IN_ALL: u32 = 0xfff;

    struct Tree {
        vfs: Arc<Vfs>,
        root: Dir,
        cred: Cred,
        inotify: Arc<Inotify>,
    }

    impl Tree {
        fn new() -> Self {
            let vfs = Vfs::bare(None, VfsLimits::default(), Store::in_memory());
            let budget = Budget::new(1 << 20);
            let inotify = Inotify::new(&vfs, &budget, &budget, &Budget::new(3)).expect("room");
            Self { root: vfs.root(), vfs, cred: Cred::root(), inotify }
        }

        fn context(&self) -> Context<'_> {
            Context { cred: &self.cred, root: &self.root, pid: 0 }
        }

        fn make(&self, path: &str) {
            let flags = OpenFlags::CREATE | OpenFlags::WRITE_ONLY;
            let opened = self.vfs.open(&self.context(), &self.root, path.as_bytes(), flags, 0o600);
            assert!(matches!(opened, Ok(Opened::File(_))));
        }

        fn watch(&self, path: &str, mask: u32) -> Result<i32, Errno> {
            let node = self.vfs.node(&self.context(), &self.root, path.as_bytes(), true)?;
            self.inotify.add(&self.vfs, &node, mask)
        }

        /// Watch, mask and name of each event.
        fn read(&self) -> Vec<(i32, u32, String)> {
            let (mut bytes, mut found) = (vec![0; 1 << 20], Vec::new());
            let Ok(count) = self.inotify.read(&mut bytes) else { return found };
            let mut left = &bytes[..count];
            while !left.is_empty() {
                let word = |at: usize| u32::from_le_bytes(left[at..at + 4].try_into().unwrap());
                let end = HEADER + word(12) as usize;
                let name = left[HEADER..end].split(|&byte| byte == 0).next().unwrap();
                let name = String::from_utf8(name.to_vec()).unwrap();
                found.push((word(0).cast_signed(), word(4), name));
                left = &left[end..];
            }
            found
        }
    }

    #[test]
    fn a_watch_is_joined_replaced_and_ended() {
        let tree = Tree::new();
        tree.make("/a");
        assert_eq!(tree.watch("/", 0x100), Ok(1));
        assert_eq!(tree.watch("/a", IN_ALL), Ok(2));
        assert_eq!(tree.watch("/", 0x200 | flag::MASK_ADD), Ok(1));
        assert_eq!(tree.watch("/", 0x200 | flag::MASK_CREATE), Err(Errno::EXIST));
        tree.make("/b");
        assert_eq!(tree.read(), vec![(1, 0x100, "b".into())]);
        tree.vfs.unlink(&tree.context(), &tree.root, b"/a").unwrap();
        let gone = [(2, 4, ""), (2, 0x400, ""), (2, flag::IGNORED, ""), (1, 0x200, "a")];
        assert_eq!(tree.read(), gone.map(|(watch, mask, name)| (watch, mask, name.to_owned())));
        assert_eq!(tree.inotify.remove(2), Err(Errno::INVAL));
        assert_eq!(tree.inotify.remove(1), Ok(()));
        assert_eq!(tree.read(), vec![(1, flag::IGNORED, String::new())]);
        tree.make("/c");
        assert_eq!(tree.inotify.read(&mut [0; 64]), Err(Errno::AGAIN));
    }

    #[test]
    fn watches_and_events_are_bounded() {
        let tree = Tree::new();
        for path in ["/a", "/b", "/c"] {
            tree.make(path);
        }
        for path in ["/", "/a", "/b"] {
            tree.watch(path, IN_ALL).expect("one of three");
        }
        assert_eq!(tree.watch("/c", IN_ALL), Err(Errno::NOSPC));
        for round in 0..4000 {
            tree.make(if round % 2 == 0 { "/a" } else { "/b" });
        }
        let events = tree.read();
        assert!(events.len() * HEADER < QUEUE_BYTES_MAX, "{}", events.len());
        assert_eq!(events.last(), Some(&(-1, flag::Q_OVERFLOW, String::new())));
        assert_eq!(tree.inotify.available(), 0);
    }

    #[test]
    fn one_shot_and_unlinked() {
        let tree = Tree::new();
        tree.watch("/", 0x20 | flag::ONESHOT).unwrap();
        tree.make("/a");
        tree.make("/a");
        assert_eq!(tree.read(), vec![(1, 0x20, "a".into()), (1, flag::IGNORED, String::new())]);
        assert_eq!(tree.watch("/", 0x2 | flag::EXCL_UNLINK), Ok(2));
        let flags = OpenFlags::WRITE_ONLY;
        let opened = tree.vfs.open(&tree.context(), &tree.root, b"/a", flags, 0).unwrap();
        let Opened::File(file) = opened else { panic!("a file") };
        file.write_at(b"1", 0).unwrap();
        tree.vfs.unlink(&tree.context(), &tree.root, b"/a").unwrap();
        file.write_at(b"2", 1).unwrap();
        assert_eq!(tree.read(), vec![(2, 0x2, "a".into())]);
    }
}
