//! The virtual file system of one sandbox: one tree in memory over shared, immutable image layers. Of the host's disk it knows
//! one file without a name, where content lies that memory is too small for (spill).
//!
//! ```text
//! mod         Vfs, Context, Dir: the whole; statfs, getcwd, mounts, freeze
//! walk        path resolution: every permission to search, links, `..`, mounts
//! open, file  open(2) and what it gives
//! names       mkdir, mknod, symlink, link, unlink, rmdir, rename
//! node, xattr a node however reached: stat, chmod, chown, times, truncate, attributes
//! tree        the table of live nodes, and the names between them
//! inode, directory, content   one node: its state, entries, bytes
//! chunk, spill                where bytes lie: memory, slots of the spill file
//! layer       trees that never change (images, snapshots); builder makes one from an archive's entries
//! dynamic     nodes made up when looked at (/proc), by whoever implements them
//! device      the built-in /dev; quota: what files may cost; watch: change events
//! ```
//!
//! It knows no processes: each operation gets a [`Context`] (whose permissions, which root, which pid looks) and, for
//! relative paths, a [`Dir`]. `mode` arguments are already masked by umask. Paths are bytes without NUL.
//!
//! Lock order: the tree, then one inode's state (never two at once), then a watcher list. Content is read and written under
//! its inode's lock alone. A [`Watcher`] runs with no lock held (but see there); a [`Dynamic`] is called with the tree locked while
//! a path is resolved, so it must not call back into the same [`Vfs`]: it takes facts from tables of its own.

pub(crate) mod attributes;
mod builder;
mod chunk;
mod content;
mod device;
mod directory;
mod dynamic;
mod file;
mod inode;
mod layer;
mod names;
mod node;
mod open;
mod quota;
mod spill;
mod tree;
mod walk;
mod watch;
mod xattr;

#[cfg(test)]
mod tests;

pub(crate) use attributes::{DeviceId, Kind, SetTime, Stat, StatFs, Timespec};
pub(crate) use builder::{LayerBuilder, Owner};
pub(crate) use content::{Lazy, Source};
pub(crate) use dynamic::{Attributes, Caller, Dynamic, DynamicEntry, DynamicMount, Link, Object};
pub(crate) use file::{Allocate, File};
pub(crate) use inode::{Access, DEV};
pub(crate) use layer::Layer;
pub(crate) use names::Rename;
pub(crate) use node::Node;
pub(crate) use open::{OpenFlags, Opened};
pub(crate) use quota::VfsLimits;
pub(crate) use spill::{Opener, Store};
pub(crate) use tree::NAME_MAX;
pub(crate) use walk::PATH_MAX;
pub(crate) use watch::{Change, Events, Watcher};
pub(crate) use xattr::{SIZE_MAX as XATTR_SIZE_MAX, SetXattr};

use crate::errno::Errno;
use inode::Shared;
use parking_lot::{Mutex, MutexGuard};
use quota::Usage;
use std::sync::Arc;
use tree::{Place, Tree};
use walk::{Found, Walk};

/// `f_type` of the tree: Linux's `TMPFS_MAGIC`.
const MAGIC: u32 = 0x0102_1994;

/// By whose permissions an operation is judged: effective ids. User 0 overrides permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cred {
    /// User.
    pub(crate) uid: u32,
    /// Group: that of new files.
    pub(crate) gid: u32,
    /// Further groups.
    pub(crate) groups: Arc<[u32]>,
}

impl Cred {
    /// The superuser.
    pub(crate) fn root() -> Self {
        Self { uid: 0, gid: 0, groups: Arc::new([]) }
    }

    /// Whether permissions do not bind it.
    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Whether `gid` is its group or among its further groups.
    pub(crate) fn in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// Whose permissions count.
    pub(crate) cred: &'a Cred,
    /// Where absolute paths begin and `..` ends (chroot).
    pub(crate) root: &'a Dir,
    /// Who looks at /proc; 0 for isolet itself.
    pub(crate) pid: u32,
}

impl Context<'_> {
    fn caller(&self) -> Caller {
        Caller { pid: self.pid, uid: self.cred.uid }
    }
}

/// A directory that somebody works in: a working directory, a root, a directory descriptor. Keeps it alive.
#[derive(Clone)]
pub(crate) struct Dir {
    place: Place,
}

impl Dir {
    /// The directory as a node.
    pub(crate) fn node(&self) -> Node {
        Node { place: self.place.clone(), entry: None }
    }
}

/// All files of one sandbox.
pub(crate) struct Vfs {
    tree: Mutex<Tree>,
    shared: Arc<Shared>,
}

impl Vfs {
    /// A tree that begins as `layer` (empty without one) with the built-in /dev in it.
    ///
    /// # Errors
    ///
    /// ENOSPC when the limits do not even hold /dev; EEXIST, ENOTDIR when the layer's /dev is something else.
    pub(crate) fn new(
        layer: Option<Arc<Layer>>,
        limits: VfsLimits,
        store: Arc<Store>,
    ) -> Result<Arc<Self>, Errno> {
        let vfs = Self::bare(layer, limits, store);
        device::populate(&vfs)?;
        Ok(vfs)
    }

    /// A tree without /dev, for building layers.
    pub(crate) fn bare(
        layer: Option<Arc<Layer>>,
        limits: VfsLimits,
        store: Arc<Store>,
    ) -> Arc<Self> {
        let (bytes, inodes) = layer.as_ref().map_or((0, 0), |layer| layer.used);
        let usage = Usage::new(limits, store, bytes, inodes);
        let shared = Arc::new(Shared { usage, watchers: watch::Watchers::default() });
        let tree = Mutex::new(Tree::new(layer, shared.clone()));
        Arc::new(Self { tree, shared })
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock()
    }

    /// Forgets every file and mount: whoever still holds the tree then holds nothing of a sandbox that has ended.
    pub(crate) fn clear(&self) {
        let empty = Tree::new(None, self.shared.clone());
        let old = std::mem::replace(&mut *self.tree(), empty);
        // Outside the lock: content and mounts go here.
        self.shared.usage.store().together(|| drop(old));
    }

    /// The root directory.
    pub(crate) fn root(&self) -> Dir {
        let mut tree = self.tree();
        Dir { place: Place::Inode(tree.root()) }
    }

    /// The node at `path`; a final link is followed if `follow`.
    ///
    /// # Errors
    ///
    /// As path_resolution(7): ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG.
    pub(crate) fn node(
        &self,
        context: &Context<'_>,
        at: &Dir,
        path: &[u8],
        follow: bool,
    ) -> Result<Node, Errno> {
        let Found { place, entry } =
            Walk::new(&mut self.tree(), context, at, path)?.resolve(follow)?;
        Ok(Node { place, entry })
    }

    /// The directory at `path`, which the caller may search: for chdir(2) and chroot(2).
    ///
    /// # Errors
    ///
    /// As [`Self::node`].
    pub(crate) fn directory(
        &self,
        context: &Context<'_>,
        at: &Dir,
        path: &[u8],
    ) -> Result<Dir, Errno> {
        let node = self.node(context, at, path, true)?;
        let dir = node.dir(context)?;
        node.access(context, Access::EXECUTE)?;
        Ok(dir)
    }

    /// What getcwd(2) answers for a directory seen from `root`.
    ///
    /// # Errors
    ///
    /// ENOENT if it was removed or is not below `root`, ENAMETOOLONG past [`PATH_MAX`].
    pub(crate) fn path_of(&self, root: &Dir, dir: &Dir) -> Result<Vec<u8>, Errno> {
        self.path_from(root, &dir.place, Vec::new())
    }

    /// A path of a node by the name it was reached, for /proc (`exe`, `cwd`, `fd`); what has no name any more is marked as
    /// Linux does, by ` (deleted)`.
    pub(crate) fn path_of_node(&self, node: &Node) -> Vec<u8> {
        let root = self.root();
        let Some((parent, name)) = &node.entry_now() else {
            return self
                .path_of(&root, &Dir { place: node.place.clone() })
                .unwrap_or_else(|_errno| b"(unreachable)".to_vec());
        };
        let parent = self.tree().inode(*parent);
        let Some(parent) = parent else { return [name, b" (deleted)".as_slice()].concat() };
        let lost = match &node.place {
            Place::Inode(inode) => parent
                .directory(|directory| {
                    directory.get(name).is_none_or(|entry| entry.ino != inode.ino)
                })
                .unwrap_or(true),
            Place::Dynamic(_) | Place::Object(_) => false,
        };
        let path = self
            .path_from(&root, &Place::Inode(parent), vec![name.to_vec()])
            .unwrap_or_else(|_errno| name.to_vec());
        if lost { [path.as_slice(), b" (deleted)"].concat() } else { path }
    }

    /// The path of `place` followed by `names`, which are in reverse.
    fn path_from(
        &self,
        root: &Dir,
        place: &Place,
        mut names: Vec<Vec<u8>>,
    ) -> Result<Vec<u8>, Errno> {
        let mut tree = self.tree();
        let mut here = place.clone();
        let mut len: usize = names.iter().map(|name| name.len() + 1).sum();
        while !here.same(&root.place) {
            let (parent, name) = match &here {
                Place::Inode(inode) => {
                    let (parent, name) = tree.above(inode).ok_or(Errno::NOENT)?;
                    (Place::Inode(parent), name.to_vec())
                }
                Place::Dynamic(place) => (place.parent.clone(), place.name.clone()),
                Place::Object(_) => return Err(Errno::NOENT),
            };
            len += name.len() + 1;
            if len >= PATH_MAX {
                return Err(Errno::NAMETOOLONG);
            }
            names.push(name);
            here = parent;
        }
        let mut path = Vec::with_capacity(len.max(1));
        for name in names.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        Ok(path)
    }

    /// Puts a dynamic file system over the directory at the absolute `path`.
    ///
    /// # Errors
    ///
    /// As [`Self::node`]; ENOTDIR, EBUSY for the root.
    pub(crate) fn mount_dynamic(&self, path: &[u8], mount: DynamicMount) -> Result<(), Errno> {
        let (cred, root) = (Cred::root(), self.root());
        let context = Context { cred: &cred, root: &root, pid: 0 };
        let mut tree = self.tree();
        let found = Walk::new(&mut tree, &context, &root, path)?.resolve(true)?;
        let covered = found.place.inode().filter(|inode| inode.is_directory());
        tree.mount(covered.ok_or(Errno::NOTDIR)?, mount)
    }

    /// Quota and use.
    pub(crate) fn statfs(&self) -> StatFs {
        let usage = &self.shared.usage;
        let limits = usage.limits();
        let block = content::BLOCK;
        StatFs {
            magic: MAGIC,
            block_size: block as u32,
            blocks: limits.bytes_max / block,
            blocks_free: usage.bytes_free() / block,
            files: limits.inodes_max,
            files_free: limits.inodes_max.saturating_sub(usage.inodes()),
        }
    }

    /// Bytes charged to the quota.
    pub(crate) fn bytes_used(&self) -> u64 {
        self.shared.usage.bytes()
    }

    /// The tree as it is now, as a layer that others can stand on; costs what was touched. Files that are open but have no
    /// name are not in it.
    #[cfg_attr(not(test), expect(dead_code, reason = "for snapshots and forks of a sandbox"))]
    pub(crate) fn freeze(&self) -> Arc<Layer> {
        Arc::new(self.tree().freeze())
    }

    /// Tells `watcher` of every change from now on, as long as it lives.
    pub(crate) fn watch(&self, watcher: &Arc<dyn Watcher>) {
        self.shared.watchers.add(watcher);
    }

    /// Asks watchers anew what they want, since one wants more.
    pub(crate) fn watch_more(&self) {
        self.shared.watchers.renew();
    }

    /// The path of a name in the directory `parent` (an inode) from the directory `root` (an inode) on; none if it is not
    /// below that, or deeper than a path can say.
    pub(crate) fn path_below(&self, root: u64, parent: u64, name: &[u8]) -> Option<Vec<u8>> {
        let mut tree = self.tree();
        let (mut here, mut names, mut len) = (parent, vec![Arc::from(name)], name.len());
        while here != root {
            let inode = tree.inode(here)?;
            let (above, name) = tree.above(&inode)?;
            len += name.len() + 1;
            if len >= PATH_MAX {
                return None;
            }
            names.push(name);
            here = above.ino;
        }
        names.reverse();
        Some(names.join(&b'/'))
    }
}
