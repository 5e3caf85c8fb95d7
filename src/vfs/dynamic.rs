//! Nodes that are made up when looked at: /proc, /dev/pts. Who knows the facts implements [`Dynamic`].
//!
//! The tree asks again at each step, so an implementor keeps no state here. Names in such a directory cannot be made,
//! removed or renamed. Links may lead to a path, to a node of the tree (`/proc/self/exe`), or to an object that is not in
//! any tree (the pipe behind `/proc/self/fd/1`).

use super::Node;
use super::attributes::{Kind, Stat, StatFs, Timespec};
use super::tree::Place;
use crate::errno::Errno;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that all open files of a mount may keep of what was made up for them; what is not kept is made at each read.
pub(super) const KEPT_BYTES_MAX: usize = 8 << 20;

/// Who looks, since `/proc/self` depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The process; 0 for isolet itself.
    pub(crate) pid: u32,
    /// Its effective user, for nodes that only their owner may see.
    pub(crate) uid: u32,
}

/// What stat(2) tells of a dynamic node; the rest is made up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes {
    /// Stable number, unique within the mount.
    pub(crate) ino: u64,
    /// What it is.
    pub(crate) kind: Kind,
    /// Permission bits.
    pub(crate) mode: u32,
    /// Owner.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
    /// Hard links.
    pub(crate) nlink: u32,
    /// Size to tell (procfs tells 0).
    pub(crate) size: u64,
    /// Device number of a [`Kind::Device`].
    pub(crate) rdev: super::DeviceId,
    /// All four times.
    pub(crate) time: Timespec,
}

/// One name of a listing.
#[derive(Clone, Debug)]
pub(crate) struct DynamicEntry {
    /// Inode number.
    pub(crate) ino: u64,
    /// What it is.
    pub(crate) kind: Kind,
    /// Its name.
    pub(crate) name: Vec<u8>,
}

/// Where a symbolic link of a dynamic directory leads.
pub(crate) enum Link {
    /// Resolved as a path, like any link.
    Path(Vec<u8>),
    /// A node, whatever its path: `text` is only what readlink(2) tells.
    Node {
        /// For readlink(2).
        text: Vec<u8>,
        /// Where following leads.
        node: Node,
    },
    /// Something open that has no node: a pipe, a socket, a terminal.
    Object {
        /// For readlink(2), such as `pipe:[7]`.
        text: Vec<u8>,
        /// Where following leads.
        object: Arc<dyn Object>,
    },
}

/// Something open outside any tree, reached through a [`Link::Object`]. The process floor implements it for open files
/// and gets it back from [`super::Opened::Object`] to downcast.
pub(crate) trait Object: Any + Send + Sync {
    /// What stat(2) tells of it.
    ///
    /// # Errors
    ///
    /// As stat(2).
    fn stat(&self) -> Result<Stat, Errno>;
}

/// A dynamic node. Only [`Self::attributes`] is asked of all; the rest answers as Linux does for a node of another kind.
pub(crate) trait Dynamic: Send + Sync {
    /// What it is.
    ///
    /// # Errors
    ///
    /// ENOENT, ESRCH when what it showed is gone.
    fn attributes(&self, caller: Caller) -> Result<Attributes, Errno>;

    /// The node `name` in this directory.
    ///
    /// # Errors
    ///
    /// ENOENT.
    fn lookup(&self, _caller: Caller, _name: &[u8]) -> Result<Arc<dyn Dynamic>, Errno> {
        Err(Errno::NOTDIR)
    }

    /// All names of this directory but `.` and `..`.
    ///
    /// # Errors
    ///
    /// ENOTDIR.
    fn list(&self, _caller: Caller) -> Result<Vec<DynamicEntry>, Errno> {
        Err(Errno::NOTDIR)
    }

    /// The whole content of this file as it is now; made at each read from offset 0.
    ///
    /// # Errors
    ///
    /// EACCES and whatever the file says.
    fn read(&self, _caller: Caller) -> Result<Vec<u8>, Errno> {
        Err(Errno::INVAL)
    }

    /// One write to this file, whatever the offset.
    ///
    /// # Errors
    ///
    /// EIO for files that take none.
    fn write(&self, _caller: Caller, _data: &[u8]) -> Result<usize, Errno> {
        Err(Errno::IO)
    }

    /// Where this symbolic link leads.
    ///
    /// # Errors
    ///
    /// EINVAL for nodes that are none.
    fn link(&self, _caller: Caller) -> Result<Link, Errno> {
        Err(Errno::INVAL)
    }

    /// What readlink(2) tells of this symbolic link. No lock is held: it may ask the [`super::Vfs`] for a path.
    ///
    /// # Errors
    ///
    /// As [`Self::link`].
    fn readlink(&self, caller: Caller) -> Result<Vec<u8>, Errno> {
        Ok(match self.link(caller)? {
            Link::Path(text) | Link::Node { text, .. } | Link::Object { text, .. } => text,
        })
    }
}

/// A whole dynamic file system: its root and what statfs(2) and stat(2) tell of it.
#[derive(Clone)]
pub(crate) struct DynamicMount {
    /// The root directory.
    pub(crate) root: Arc<dyn Dynamic>,
    /// `st_dev` of its nodes.
    pub(crate) dev: u64,
    /// `f_type` (Linux's include/uapi/linux/magic.h).
    pub(crate) magic: u32,
    /// Bytes that open files keep of what was made up for them.
    pub(super) kept: Arc<AtomicUsize>,
}

impl DynamicMount {
    /// A file system of these.
    pub(crate) fn new(root: Arc<dyn Dynamic>, dev: u64, magic: u32) -> Self {
        Self { root, dev, magic, kept: Arc::default() }
    }
}

/// Leave to keep what was made up, until it is dropped.
pub(super) struct Kept {
    all: Arc<AtomicUsize>,
    bytes: usize,
}

impl Kept {
    /// Leave to keep `bytes`; none when the open files of the mount keep too much already.
    pub(super) fn new(mount: &DynamicMount, bytes: usize) -> Option<Self> {
        let room = |all: usize| all.checked_add(bytes).filter(|&sum| sum <= KEPT_BYTES_MAX);
        mount.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        Some(Self { all: mount.kept.clone(), bytes })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A place in a dynamic file system: the node and how it was reached, for `..` and getcwd(2).
pub(super) struct DynamicPlace {
    pub(super) node: Arc<dyn Dynamic>,
    pub(super) name: Vec<u8>,
    /// The directory above: for the root that which holds the mount point.
    pub(super) parent: Place,
    pub(super) mount: DynamicMount,
}

impl DynamicPlace {
    pub(super) fn stat(&self, caller: Caller) -> Result<Stat, Errno> {
        let attributes = self.node.attributes(caller)?;
        Ok(Stat {
            dev: self.mount.dev,
            ino: attributes.ino,
            mode: attributes.kind.mode_bits() | attributes.mode,
            nlink: attributes.nlink,
            uid: attributes.uid,
            gid: attributes.gid,
            rdev: attributes.rdev.encode(),
            size: attributes.size,
            blocks: 0,
            blksize: 1024,
            atime: attributes.time,
            mtime: attributes.time,
            ctime: attributes.time,
            btime: attributes.time,
        })
    }

    pub(super) fn statfs(&self) -> StatFs {
        StatFs {
            magic: self.mount.magic,
            block_size: 4096,
            blocks: 0,
            blocks_free: 0,
            files: 0,
            files_free: 0,
        }
    }
}
