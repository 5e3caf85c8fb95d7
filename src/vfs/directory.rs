//! The entries of one directory: names to inode numbers, and an order in which to list them.
//!
//! Each entry has a cookie that it keeps while it exists, given out rising; listing goes by cookie. So an entry that is
//! there during a whole listing is seen exactly once, whatever is added or removed meanwhile. Names only: no locks,
//! permissions or link counts (names.rs).

use super::attributes::Kind;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// Cookie of `.`; `..` has 2, entries follow.
const COOKIE_SELF: u64 = 1;
const COOKIE_PARENT: u64 = 2;

/// One name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) ino: u64,
    pub(super) kind: Kind,
    cookie: u64,
}

/// A directory's own part of an inode.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    /// Inode of the parent; the root's is its own.
    pub(super) parent: u64,
    /// Its name there; empty for the root.
    pub(super) name: Arc<[u8]>,
    /// Set once it has no name any more: nothing can be made in it.
    pub(super) removed: bool,
    entries: Arc<Entries>,
}

#[derive(Clone, Debug, Default)]
struct Entries {
    by_name: HashMap<Arc<[u8]>, Entry>,
    by_cookie: BTreeMap<u64, Arc<[u8]>>,
    /// The last cookie given.
    cookie: u64,
}

/// One line of a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DirEntry<'a> {
    /// Inode number.
    pub(crate) ino: u64,
    /// Kind of the node.
    pub(crate) kind: Kind,
    /// Where to go on after this entry (`d_off`).
    pub(crate) cookie: u64,
    /// The name.
    pub(crate) name: &'a [u8],
}

impl Directory {
    pub(super) fn new(parent: u64, name: Arc<[u8]>) -> Self {
        Self { parent, name, removed: false, entries: Arc::default() }
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<Entry> {
        self.entries.by_name.get(name).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.by_name.is_empty()
    }

    /// Adds a name that is not there.
    pub(super) fn insert(&mut self, name: Arc<[u8]>, ino: u64, kind: Kind) {
        let entries = Arc::make_mut(&mut self.entries);
        entries.cookie = entries.cookie.max(COOKIE_PARENT) + 1;
        let cookie = entries.cookie;
        let old = entries.by_name.insert(name.clone(), Entry { ino, kind, cookie });
        debug_assert!(old.is_none(), "insert() over an entry");
        entries.by_cookie.insert(cookie, name);
    }

    /// Lets an existing name mean another node; it keeps its place in listings.
    pub(super) fn replace(&mut self, name: &[u8], ino: u64, kind: Kind) {
        if let Some(entry) = Arc::make_mut(&mut self.entries).by_name.get_mut(name) {
            entry.ino = ino;
            entry.kind = kind;
        }
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Entry> {
        let entries = Arc::make_mut(&mut self.entries);
        let entry = entries.by_name.remove(name)?;
        entries.by_cookie.remove(&entry.cookie);
        Some(entry)
    }

    /// Gives entries after `cookie` (0: from the start) to `emit` until it refuses one.
    pub(super) fn list(&self, ino: u64, cookie: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) {
        let dots = [(COOKIE_SELF, ino, b".".as_slice()), (COOKIE_PARENT, self.parent, b"..")];
        for (at, ino, name) in dots {
            let entry = DirEntry { ino, kind: Kind::Directory, cookie: at, name };
            if at > cookie && !emit(entry) {
                return;
            }
        }
        for (&at, name) in self.entries.by_cookie.range((Bound::Excluded(cookie), Bound::Unbounded))
        {
            let entry = &self.entries.by_name[name];
            if !emit(DirEntry { ino: entry.ino, kind: entry.kind, cookie: at, name }) {
                return;
            }
        }
    }
}
