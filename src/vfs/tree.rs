//! The table of a sandbox's nodes over its layers, and the one place where names are added and taken.
//!
//! Everything here runs under the tree's lock (see mod.rs); permissions are checked by the callers (walk.rs, names.rs).

use super::attributes::Kind;
use super::directory::Directory;
use super::dynamic::{DynamicMount, DynamicPlace};
use super::inode::{Data, Inode, Shared, State};
use super::layer::{Layer, ROOT};
use crate::errno::Errno;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Longest name of a file in bytes (Linux's `NAME_MAX`).
pub(crate) const NAME_MAX: usize = 255;
/// Most hard links to one node (ext4's `EXT4_LINK_MAX`).
const LINK_MAX: u32 = 65_000;

/// Where a path leads.
#[derive(Clone)]
pub(super) enum Place {
    Inode(Arc<Inode>),
    Dynamic(Arc<DynamicPlace>),
    /// What a link of /proc led to that is in no tree.
    Object(Arc<dyn super::Object>),
}

impl Place {
    /// The inode of a directory in the tree: the only places where names can be made.
    pub(super) fn inode(&self) -> Option<&Arc<Inode>> {
        match self {
            Place::Inode(inode) => Some(inode),
            Place::Dynamic(_) | Place::Object(_) => None,
        }
    }

    pub(super) fn same(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Inode(a), Place::Inode(b)) => Arc::ptr_eq(a, b),
            (Place::Dynamic(a), Place::Dynamic(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// All nodes of one sandbox.
pub(super) struct Tree {
    /// Nodes that were touched; each has a name (or is the root).
    nodes: HashMap<u64, Arc<Inode>>,
    /// Numbers of the layers' nodes that are gone here.
    gone: HashSet<u64>,
    layer: Option<Arc<Layer>>,
    next_ino: u64,
    /// Dynamic file systems by the inode of the directory they cover.
    mounts: HashMap<u64, Arc<DynamicPlace>>,
    shared: Arc<Shared>,
}

impl Tree {
    pub(super) fn new(layer: Option<Arc<Layer>>, shared: Arc<Shared>) -> Self {
        let next_ino = layer.as_ref().map_or(ROOT + 1, |layer| layer.next_ino);
        let mut tree = Self {
            nodes: HashMap::new(),
            gone: HashSet::new(),
            layer,
            next_ino,
            mounts: HashMap::new(),
            shared,
        };
        if tree.inode(ROOT).is_none() {
            let data = Data::Directory(Directory::new(ROOT, Arc::default()));
            let mut state = State::new(data, 0o755, 0, 0);
            state.nlink = 2;
            tree.nodes.insert(ROOT, Inode::new(ROOT, state, tree.shared.clone()));
        }
        tree
    }

    /// The live node of a number that some directory names.
    pub(super) fn inode(&mut self, ino: u64) -> Option<Arc<Inode>> {
        if let Some(inode) = self.nodes.get(&ino) {
            return Some(inode.clone());
        }
        if self.gone.contains(&ino) {
            return None;
        }
        let state = self.layer.as_ref()?.get(ino)?.clone();
        let inode = Inode::new(ino, state, self.shared.clone());
        self.nodes.insert(ino, inode.clone());
        Some(inode)
    }

    pub(super) fn root(&mut self) -> Arc<Inode> {
        self.inode(ROOT).expect("a tree always has its root")
    }

    /// The node `name` of `directory`.
    ///
    /// # Errors
    ///
    /// ENOTDIR, ENAMETOOLONG.
    pub(super) fn lookup(
        &mut self,
        directory: &Inode,
        name: &[u8],
    ) -> Result<Option<Arc<Inode>>, Errno> {
        if name.len() > NAME_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        let entry = directory.directory(|directory| directory.get(name))?;
        Ok(entry.and_then(|entry| self.inode(entry.ino)))
    }

    /// What is seen at `inode`: the root of what is mounted there, or itself.
    pub(super) fn seen(&self, inode: Arc<Inode>) -> Place {
        match self.mounts.get(&inode.ino) {
            Some(mount) => Place::Dynamic(mount.clone()),
            None => Place::Inode(inode),
        }
    }

    pub(super) fn is_mount_point(&self, inode: &Inode) -> bool {
        self.mounts.contains_key(&inode.ino)
    }

    /// The directory above a directory, and its name there; none for the root and for removed ones.
    pub(super) fn above(&mut self, inode: &Inode) -> Option<(Arc<Inode>, Arc<[u8]>)> {
        if inode.ino == ROOT {
            return None;
        }
        let (parent, name) = inode
            .directory(|directory| {
                (!directory.removed).then(|| (directory.parent, directory.name.clone()))
            })
            .ok()??;
        Some((self.inode(parent)?, name))
    }

    pub(super) fn mount(&mut self, covered: &Inode, mount: DynamicMount) -> Result<(), Errno> {
        let (parent, name) = self.above(covered).ok_or(Errno::BUSY)?;
        let place = DynamicPlace {
            node: mount.root.clone(),
            name: name.to_vec(),
            parent: Place::Inode(parent),
            mount,
        };
        self.mounts.insert(covered.ino, Arc::new(place));
        Ok(())
    }

    /// Makes a node with a first name.
    ///
    /// # Errors
    ///
    /// ENOENT in a removed directory, ENOSPC, ENAMETOOLONG.
    pub(super) fn create(
        &mut self,
        directory: &Inode,
        name: &[u8],
        mut state: State,
    ) -> Result<Arc<Inode>, Errno> {
        if name.len() > NAME_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        if directory.directory(|directory| directory.removed)? {
            return Err(Errno::NOENT);
        }
        let usage = &self.shared.usage;
        usage.charge_inode()?;
        if let Err(errno) = usage.charge_bytes(state.extra) {
            usage.release_inodes(1);
            return Err(errno);
        }
        state.units = 1;
        let ino = self.next_ino;
        self.next_ino += 1;
        let name: Arc<[u8]> = name.into();
        let kind = state.data.kind();
        state.nlink = if kind == Kind::Directory { 2 } else { 1 };
        if let Data::Directory(own) = &mut state.data {
            own.parent = directory.ino;
            own.name = name.clone();
        }
        let inode = Inode::new(ino, state, self.shared.clone());
        self.nodes.insert(ino, inode.clone());
        Self::add_name(directory, name, &inode);
        Ok(inode)
    }

    /// Adds a further name for a node that is no directory.
    ///
    /// # Errors
    ///
    /// ENOENT in a removed directory or for a node without names, EMLINK, ENOSPC, ENAMETOOLONG.
    pub(super) fn link(
        &mut self,
        directory: &Inode,
        name: &[u8],
        inode: &Arc<Inode>,
    ) -> Result<(), Errno> {
        if name.len() > NAME_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        if directory.directory(|directory| directory.removed)? {
            return Err(Errno::NOENT);
        }
        {
            let mut state = inode.state.lock();
            match state.nlink {
                0 => return Err(Errno::NOENT),
                LINK_MAX.. => return Err(Errno::MLINK),
                _ => {}
            }
            self.shared.usage.charge_inode()?;
            state.units += 1;
            state.nlink += 1;
            state.changed();
        }
        *inode.moved.lock() = None;
        Self::add_name(directory, name.into(), inode);
        Ok(())
    }

    /// Takes a name away; a directory must be empty (the caller has seen to it).
    pub(super) fn unlink(&mut self, directory: &Inode, name: &[u8], inode: &Inode) {
        Self::remove_name(directory, name, inode);
        self.lose_link(inode);
    }

    /// One name fewer: without any the node lives only as long as somebody has it open.
    fn lose_link(&mut self, inode: &Inode) {
        let mut state = inode.state.lock();
        state.nlink = state.nlink.saturating_sub(1);
        if let Data::Directory(own) = &mut state.data {
            own.removed = true;
            state.nlink = 0;
        }
        let links = state.nlink;
        if links > 0 && state.units > links {
            self.shared.usage.release_inodes(u64::from(state.units - links));
            state.units = links;
        }
        state.changed();
        drop(state);
        if links > 0 {
            *inode.moved.lock() = None;
        }
        if links == 0 {
            self.nodes.remove(&inode.ino);
            if self.layer.as_ref().is_some_and(|layer| inode.ino < layer.next_ino) {
                self.gone.insert(inode.ino);
            }
        }
    }

    /// Moves a name over `target` (which loses it) or to a new one.
    pub(super) fn rename(
        &mut self,
        from: (&Inode, &[u8]),
        to: (&Inode, &[u8]),
        inode: &Inode,
        target: Option<&Inode>,
    ) {
        Self::remove_name(from.0, from.1, inode);
        match target {
            Some(target) => {
                Self::swap_name(to.0, to.1, target, inode);
                self.lose_link(target);
            }
            None => Self::add_name(to.0, to.1.into(), inode),
        }
        Self::moved(inode, to);
    }

    /// Exchanges what two names mean.
    pub(super) fn exchange(
        from: (&Inode, &[u8]),
        to: (&Inode, &[u8]),
        inode: &Inode,
        target: &Inode,
    ) {
        Self::swap_name(from.0, from.1, inode, target);
        Self::swap_name(to.0, to.1, target, inode);
        Self::moved(inode, to);
        Self::moved(target, from);
    }

    fn moved(inode: &Inode, to: (&Inode, &[u8])) {
        let mut state = inode.state.lock();
        if let Data::Directory(own) = &mut state.data {
            own.parent = to.0.ino;
            own.name = to.1.into();
        }
        state.changed();
        let only = matches!(state.data, Data::Directory(_)) || state.nlink == 1;
        drop(state);
        *inode.moved.lock() = only.then(|| (to.0.ino, to.1.into()));
    }

    fn change_entries(directory: &Inode, links: i32, change: impl FnOnce(&mut Directory)) {
        let mut state = directory.state.lock();
        if let Data::Directory(own) = &mut state.data {
            change(own);
        }
        state.nlink = state.nlink.saturating_add_signed(links);
        state.modified();
    }

    fn add_name(directory: &Inode, name: Arc<[u8]>, inode: &Inode) {
        let links = i32::from(inode.is_directory());
        Self::change_entries(directory, links, |own| own.insert(name, inode.ino, inode.kind));
    }

    fn remove_name(directory: &Inode, name: &[u8], inode: &Inode) {
        let links = -i32::from(inode.is_directory());
        Self::change_entries(directory, links, |own| {
            own.remove(name);
        });
    }

    fn swap_name(directory: &Inode, name: &[u8], old: &Inode, new: &Inode) {
        let links = i32::from(new.is_directory()) - i32::from(old.is_directory());
        Self::change_entries(directory, links, |own| own.replace(name, new.ino, new.kind));
    }

    /// Copies the state of all nodes of its own into a layer; the tree goes on.
    pub(super) fn freeze(&self) -> Layer {
        let live = self.nodes.iter().map(|(&ino, node)| (ino, Some(node.state.lock().clone())));
        let gone = self.gone.iter().map(|&ino| (ino, None));
        Layer {
            parent: self.layer.clone(),
            nodes: live.chain(gone).collect(),
            next_ino: self.next_ino,
            used: (self.shared.usage.bytes(), self.shared.usage.inodes()),
        }
    }
}
