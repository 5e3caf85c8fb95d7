//! Builds a layer entry by entry, as an archive of an image lists them. Not for sandboxes: no permissions, no quota.

use super::attributes::{MODE_MASK, Timespec};
use super::content::{Content, ContentId, Source};
use super::inode::{Data, State};
use super::layer::{Layer, ROOT};
use super::tree::Place;
use super::{Context, Cred, Dir, Kind, Node, Store, Vfs, VfsLimits};
use crate::errno::Errno;
use std::collections::HashMap;
use std::sync::Arc;

/// Mode, owner and time of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    /// Permission bits.
    pub(crate) mode: u32,
    /// User.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
    /// All times of the node.
    pub(crate) time: Timespec,
}

/// A layer in the making, over another or over nothing. Later entries replace earlier ones of the same name; missing
/// directories are made for root with mode 0755; links in directories' names are followed, so `bin/x` lands in `usr/bin` where
/// `bin` is such a link.
pub(crate) struct LayerBuilder {
    vfs: Arc<Vfs>,
    root: Dir,
    cred: Cred,
    times: HashMap<u64, Timespec>,
}

impl LayerBuilder {
    /// Begins over `base`.
    pub(crate) fn new(base: Option<Arc<Layer>>) -> Self {
        let limits = VfsLimits { bytes_max: u64::MAX, inodes_max: u64::MAX };
        let vfs = Vfs::bare(base, limits, Store::in_memory());
        let root = vfs.root();
        Self { vfs, root, cred: Cred::root(), times: HashMap::new() }
    }

    fn context(&self) -> Context<'_> {
        Context { cred: &self.cred, root: &self.root, pid: 0 }
    }

    /// Makes the directories above `path`.
    fn parents(&self, path: &[u8]) -> Result<(), Errno> {
        let ends = path.iter().enumerate().filter(|&(at, &byte)| byte == b'/' && at > 0);
        for (end, _) in ends {
            match self.vfs.mkdir(&self.context(), &self.root, &path[..end], 0o755) {
                Ok(_) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Frees the name, unless a directory has it.
    fn vacate(&self, path: &[u8]) -> Result<(), Errno> {
        match self.vfs.unlink(&self.context(), &self.root, path) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn finish_node(&mut self, node: &Node, owner: Owner) {
        let Place::Inode(inode) = &node.place else { return };
        self.times.insert(inode.ino, owner.time);
        let mut state = inode.state.lock();
        state.mode = owner.mode & MODE_MASK;
        (state.uid, state.gid) = (owner.uid, owner.gid);
    }

    /// A directory; one that is there gets the new mode and owner.
    ///
    /// # Errors
    ///
    /// ENOTDIR when the name is taken by something else, and those of path resolution.
    pub(crate) fn directory(&mut self, path: &[u8], owner: Owner) -> Result<(), Errno> {
        self.parents(path)?;
        let node = match self.vfs.mkdir(&self.context(), &self.root, path, 0o755) {
            Err(Errno::EXIST) => self.vfs.node(&self.context(), &self.root, path, true)?,
            made => made?,
        };
        if node.kind() != Kind::Directory {
            return Err(Errno::NOTDIR);
        }
        self.finish_node(&node, owner);
        Ok(())
    }

    /// A regular file; `id` is its SHA-256 where that is known.
    ///
    /// # Errors
    ///
    /// EISDIR when a directory has the name, and those of path resolution.
    pub(crate) fn file(
        &mut self,
        path: &[u8],
        owner: Owner,
        source: Source,
        id: Option<ContentId>,
    ) -> Result<(), Errno> {
        self.parents(path)?;
        self.vacate(path)?;
        let (context, device) = (self.context(), super::DeviceId::default());
        let node = self.vfs.mknod(&context, &self.root, path, Kind::File, device, 0)?;
        if let Place::Inode(inode) = &node.place {
            inode.state.lock().data = Data::File(Content::from_image(source, id));
        }
        self.finish_node(&node, owner);
        Ok(())
    }

    /// A symbolic link; its mode is always 0777.
    ///
    /// # Errors
    ///
    /// EISDIR when a directory has the name, ENOENT for an empty target, and those of path resolution.
    pub(crate) fn symlink(
        &mut self,
        path: &[u8],
        target: &[u8],
        owner: Owner,
    ) -> Result<(), Errno> {
        self.parents(path)?;
        self.vacate(path)?;
        let node = self.vfs.symlink(&self.context(), target, &self.root, path)?;
        self.finish_node(&node, Owner { mode: 0o777, ..owner });
        Ok(())
    }

    /// A further name for the file at `target`.
    ///
    /// # Errors
    ///
    /// ENOENT, EPERM for a directory, and those of path resolution.
    pub(crate) fn link(&mut self, path: &[u8], target: &[u8]) -> Result<(), Errno> {
        self.parents(path)?;
        let node = self.vfs.node(&self.context(), &self.root, target, false)?;
        self.vacate(path)?;
        self.vfs.link(&self.context(), &node, &self.root, path)
    }

    /// The layer. Nothing in it counts against a sandbox's quota.
    pub(crate) fn finish(self) -> Arc<Layer> {
        let mut layer = self.vfs.tree().freeze();
        layer.used = (0, 0);
        // What was only looked at is the base's still.
        for (ino, state) in &mut layer.nodes {
            let Some(state) = state else { continue };
            (state.units, state.extra) = (0, 0);
            if let Some(&time) = self.times.get(ino) {
                set_times(state, time);
            } else if *ino == ROOT && layer.parent.is_none() {
                set_times(state, Timespec::default());
            }
        }
        Arc::new(layer)
    }
}

fn set_times(state: &mut State, time: Timespec) {
    (state.atime, state.mtime, state.ctime, state.btime) = (time, time, time, time);
}
