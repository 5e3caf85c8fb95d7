//! Change events: who wants to hear of changes in a sandbox's tree registers here.
//!
//! A broadcast of facts by inode number and name, in inotify(7)'s terms; paths, recursion, queues and filters are the
//! watcher's own business (process/inotify.rs, sandbox/file_watch.rs). While nobody wants a kind of event, it costs one load.

use super::inode::{Inode, Shared};
use parking_lot::RwLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

bitflags::bitflags! {
    /// What happened, in inotify(7)'s numbers.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Events: u32 {
        /// Content or a listing was read.
        const ACCESS = 0x1;
        /// Content changed.
        const MODIFY = 0x2;
        /// Mode, owner, times, extended attributes or link count changed.
        const ATTRIB = 0x4;
        /// What was open for writing was closed.
        const CLOSE_WRITE = 0x8;
        /// What was not open for writing was closed.
        const CLOSE_NOWRITE = 0x10;
        /// It was opened.
        const OPEN = 0x20;
        /// A name left by rename; the event with the same cookie tells where to.
        const MOVED_FROM = 0x40;
        /// A name arrived by rename.
        const MOVED_TO = 0x80;
        /// A name appeared.
        const CREATE = 0x100;
        /// A name is gone.
        const DELETE = 0x200;
        /// The node itself is gone: no name, and nobody has it open.
        const DELETE_SELF = 0x400;
        /// The node itself was renamed.
        const MOVE_SELF = 0x800;
    }
}

impl Events {
    /// Those that are about a name in a directory, and tell the named node nothing.
    pub(crate) const NAMES: Self =
        Self::MOVED_FROM.union(Self::MOVED_TO).union(Self::CREATE).union(Self::DELETE);
    /// Those that are told to the node itself only.
    pub(crate) const SELF: Self = Self::DELETE_SELF.union(Self::MOVE_SELF);
}

/// One change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    /// What happened: one of them.
    pub(crate) events: Events,
    /// The directory (its inode) and the name there that it happened to; none if the node was not reached by a name.
    pub(crate) entry: Option<(u64, &'a [u8])>,
    /// The node's inode.
    pub(crate) ino: u64,
    /// Whether the node is a directory.
    pub(crate) directory: bool,
    /// Joins the two halves of a rename; else 0.
    pub(crate) cookie: u32,
    /// Whether the node has no name any more.
    pub(crate) unlinked: bool,
}

/// Hears of changes.
pub(crate) trait Watcher: Send + Sync {
    /// Called after each change that somebody wants, by the thread that made it: must be quick and must not block. When
    /// something is dropped ([`Events::DELETE_SELF`], `CLOSE_*`) the tree may be locked: it must not call the
    /// [`super::Vfs`] then.
    fn changed(&self, change: &Change<'_>);

    /// The kinds it wants to hear of now; after they have grown call [`super::Vfs::watch_more`].
    fn wants(&self) -> Events;
}

/// All watchers of one tree.
#[derive(Default)]
pub(super) struct Watchers {
    list: RwLock<Vec<Weak<dyn Watcher>>>,
    /// What any of them wants; may be more after one is gone, until that is noticed.
    wanted: AtomicU32,
    cookie: AtomicU32,
}

impl std::fmt::Debug for Watchers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Watchers").field(&self.list.read().len()).finish()
    }
}

impl Watchers {
    pub(super) fn add(&self, watcher: &Arc<dyn Watcher>) {
        self.list.write().push(Arc::downgrade(watcher));
        self.renew();
    }

    /// Forgets watchers that are gone, and asks the others what they want.
    pub(super) fn renew(&self) {
        let mut list = self.list.write();
        list.retain(|watcher| watcher.strong_count() > 0);
        let living: Vec<_> = list.iter().filter_map(Weak::upgrade).collect();
        let wanted = living.iter().fold(Events::empty(), |all, watcher| all | watcher.wants());
        self.wanted.store(wanted.bits(), Ordering::SeqCst);
        drop(list);
        // Outside the lock: one may be the last of its kind by now.
        drop(living);
    }

    /// Whether somebody wants events of this kind.
    pub(super) fn want(&self, events: Events) -> bool {
        self.wanted.load(Ordering::Relaxed) & events.bits() != 0
    }

    /// A number for the two halves of a rename.
    pub(super) fn next_cookie(&self) -> u32 {
        self.cookie.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1)
    }

    fn tell(&self, change: &Change<'_>) {
        let list = self.list.read();
        let watchers: Vec<_> = list.iter().filter_map(Weak::upgrade).collect();
        let some_gone = watchers.len() < list.len();
        drop(list);
        for watcher in &watchers {
            watcher.changed(change);
        }
        drop(watchers);
        if some_gone {
            self.renew();
        }
    }
}

impl Shared {
    /// Tells watchers what happened to `inode` under the name `entry`. Its state must not be locked.
    pub(super) fn tell(
        &self,
        events: Events,
        entry: Option<(u64, &[u8])>,
        inode: &Inode,
        cookie: u32,
    ) {
        if !self.watchers.want(events) {
            return;
        }
        self.watchers.tell(&Change {
            events,
            entry,
            ino: inode.ino,
            directory: inode.is_directory(),
            cookie,
            unlinked: inode.state.lock().nlink == 0,
        });
    }

    /// Tells watchers of a change to a name whose node may be gone.
    pub(super) fn tell_name(&self, events: Events, entry: (u64, &[u8]), ino: u64, directory: bool) {
        if self.watchers.want(events) {
            let entry = Some(entry);
            self.watchers.tell(&Change {
                events,
                entry,
                ino,
                directory,
                cookie: 0,
                unlinked: false,
            });
        }
    }

    /// Tells watchers that a node is gone for good.
    pub(super) fn tell_gone(&self, ino: u64, directory: bool) {
        let events = Events::DELETE_SELF;
        if self.watchers.want(events) {
            let change = Change { events, entry: None, ino, directory, cookie: 0, unlinked: true };
            self.watchers.tell(&change);
        }
    }
}
