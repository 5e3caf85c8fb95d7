//! Change events: who wants to hear of changes in a sandbox's tree registers here.
//!
//! A plain broadcast of facts by inode number and name; paths, recursion and filters are the watcher's own business
//! (inotify and E2B's directory watching are built on it). Watchers are called with no lock of the tree held.

use parking_lot::RwLock;
use std::sync::{Arc, Weak};

/// What happened to the node `name` in the directory `parent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// What happened.
    pub(crate) kind: ChangeKind,
    /// Inode of the directory that has (or had) the name.
    pub(crate) parent: u64,
    /// The name there.
    pub(crate) name: Arc<[u8]>,
    /// The node's inode.
    pub(crate) ino: u64,
    /// Whether the node is a directory.
    pub(crate) directory: bool,
}

/// Kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// A name appeared.
    Created,
    /// A name is gone.
    Removed,
    /// Content changed.
    Modified,
    /// Mode, owner, times, extended attributes or link count changed.
    Attributes,
    /// A name left by rename; the next event tells where to.
    MovedFrom,
    /// A name arrived by rename.
    MovedTo,
}

/// Hears of changes.
pub(crate) trait Watcher: Send + Sync {
    /// Called after each change, by the thread that made it: must be quick and must not block.
    fn changed(&self, change: &Change);
}

/// All watchers of one tree.
#[derive(Default)]
pub(super) struct Watchers(RwLock<Vec<Weak<dyn Watcher>>>);

impl std::fmt::Debug for Watchers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Watchers").field(&self.0.read().len()).finish()
    }
}

impl Watchers {
    pub(super) fn add(&self, watcher: &Arc<dyn Watcher>) {
        let mut watchers = self.0.write();
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(watcher));
    }

    /// Whether nobody listens, so that no event need be made.
    pub(super) fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }

    pub(super) fn tell(&self, change: &Change) {
        let watchers: Vec<_> = self.0.read().iter().filter_map(Weak::upgrade).collect();
        for watcher in watchers {
            watcher.changed(change);
        }
    }
}
