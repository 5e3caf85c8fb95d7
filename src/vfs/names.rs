//! Making, moving and taking away names: mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2), rename(2).
//!
//! The order of checks is that of Linux's fs/namei.c, since it decides which errno a program sees.

use super::attributes::{DeviceId, Kind, MODE_MASK, S_ISGID, S_ISVTX, S_IXGRP};
use super::directory::Directory;
use super::inode::{Access, Data, Inode, State};
use super::tree::{Place, Tree};
use super::walk::{Last, PATH_MAX, Walk};
use super::{Context, Dir, Events, Node, Vfs};
use crate::errno::Errno;
use std::sync::Arc;

/// What rename(2) does with a target that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rename {
    /// Replaces it.
    Replace,
    /// Fails with EEXIST (`RENAME_NOREPLACE`).
    NoReplace,
    /// Exchanges the two (`RENAME_EXCHANGE`).
    Exchange,
}

/// A new node's attributes: owner, and what a set-group-id directory hands down (`inode_init_owner`).
pub(super) fn new_state(context: &Context<'_>, parent: &Inode, data: Data, mode: u32) -> State {
    let cred = context.cred;
    let (parent_mode, parent_gid) = {
        let state = parent.state.lock();
        (state.mode, state.gid)
    };
    let mut mode = mode & MODE_MASK;
    let mut gid = cred.gid;
    if parent_mode & S_ISGID != 0 {
        gid = parent_gid;
        let runs_as_group = mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP;
        if matches!(data, Data::Directory(_)) {
            mode |= S_ISGID;
        } else if runs_as_group && !cred.is_root() && !cred.in_group(gid) {
            mode &= !S_ISGID;
        }
    }
    State::new(data, mode, cred.uid, gid)
}

/// Linux's `may_delete`: whether the caller may take the name of `victim` out of `parent`.
fn may_delete(
    tree: &Tree,
    context: &Context<'_>,
    parent: &Inode,
    victim: &Inode,
    directory: bool,
) -> Result<(), Errno> {
    parent.permission(context.cred, Access::WRITE | Access::EXECUTE)?;
    let (mode, owner) = {
        let state = parent.state.lock();
        (state.mode, state.uid)
    };
    if mode & S_ISVTX != 0 && owner != context.cred.uid {
        victim.owned_by(context.cred)?;
    }
    match (directory, victim.is_directory()) {
        (true, false) => return Err(Errno::NOTDIR),
        (false, true) => return Err(Errno::ISDIR),
        _ => {}
    }
    if tree.is_mount_point(victim) { Err(Errno::BUSY) } else { Ok(()) }
}

/// Where a name is to be made, moved or taken.
struct Spot {
    parent: Arc<Inode>,
    name: Vec<u8>,
    slash: bool,
    child: Option<Arc<Inode>>,
}

impl Spot {
    fn at(&self) -> (&Inode, &[u8]) {
        (&self.parent, &self.name)
    }

    fn entry(&self) -> (u64, &[u8]) {
        (self.parent.ino, &self.name)
    }
}

/// What a name in a dynamic directory answers, since none can be made or taken there: if it is there, if it is not.
type MadeUp = (Errno, Errno);

/// What making a name in a dynamic directory answers: procfs says so before anyone asks for permission.
pub(super) const MADE_UP_LACKS: Errno = Errno::NOENT;

/// The directory that holds a path's last component, and that component.
fn parent_of(
    tree: &mut Tree,
    context: &Context<'_>,
    (at, path): (&Dir, &[u8]),
) -> Result<(Place, Last), Errno> {
    let mut walk = Walk::new(tree, context, at, path)?;
    let last = walk.parent()?;
    Ok((walk.here, last))
}

/// Looks the last name up without following it; `not_a_name` answers for `.`, `..` and `/`.
fn look(
    tree: &mut Tree,
    context: &Context<'_>,
    (here, last): (Place, Last),
    made_up: MadeUp,
    not_a_name: impl FnOnce(Last) -> Errno,
) -> Result<Spot, Errno> {
    let (name, slash) = match last {
        Last::Name { name, slash } => (name, slash),
        other => return Err(not_a_name(other)),
    };
    let Some(parent) = here.inode().cloned() else {
        let owner = match &here {
            Place::Dynamic(place) => place.node.attributes(context.caller())?.uid,
            _ => 0,
        };
        let found = Walk::beside(tree, context, here).child(&name)?;
        return Err(match (found, made_up) {
            (None, (_, missing)) => missing,
            (Some(_), TAKING) if !context.cred.is_root() && context.cred.uid != owner => {
                Errno::ACCESS
            }
            (Some(_), (there, _)) => there,
        });
    };
    let child = tree.lookup(&parent, &name)?;
    Ok(Spot { parent, name, slash, child })
}

/// Both in one.
fn spot(
    tree: &mut Tree,
    context: &Context<'_>,
    path: (&Dir, &[u8]),
    made_up: MadeUp,
    not_a_name: impl FnOnce(Last) -> Errno,
) -> Result<Spot, Errno> {
    let parent = parent_of(tree, context, path)?;
    look(tree, context, parent, made_up, not_a_name)
}

/// For making.
const MAKING: MadeUp = (Errno::EXIST, MADE_UP_LACKS);
/// For taking away.
const TAKING: MadeUp = (Errno::PERM, Errno::NOENT);
/// For moving in or out.
const MOVING: MadeUp = (Errno::XDEV, Errno::XDEV);

impl Vfs {
    /// Makes a node at a name that must be free.
    fn make(
        &self,
        context: &Context<'_>,
        at: &Dir,
        path: &[u8],
        data: Data,
        mode: u32,
    ) -> Result<Node, Errno> {
        let directory = matches!(data, Data::Directory(_));
        let mut tree = self.tree();
        let spot = spot(&mut tree, context, (at, path), MAKING, |_| Errno::EXIST)?;
        if spot.child.is_some() {
            return Err(Errno::EXIST);
        }
        if spot.slash && !directory {
            return Err(Errno::NOENT);
        }
        spot.parent.permission(context.cred, Access::WRITE | Access::EXECUTE)?;
        let mut state = new_state(context, &spot.parent, data, mode);
        if let Data::Symlink(target) = &state.data {
            state.extra = target.len() as u64;
        }
        let inode = tree.create(&spot.parent, &spot.name, state)?;
        drop(tree);
        self.shared.tell(Events::CREATE, Some(spot.entry()), &inode, 0);
        let entry = Some((spot.parent.ino, spot.name.into()));
        Ok(Node { place: Place::Inode(inode), entry })
    }

    /// mkdir(2).
    ///
    /// # Errors
    ///
    /// EEXIST, ENOENT, EACCES, ENOSPC and those of path resolution.
    pub(crate) fn mkdir(
        &self,
        context: &Context<'_>,
        at: &Dir,
        path: &[u8],
        mode: u32,
    ) -> Result<Node, Errno> {
        let data = Data::Directory(Directory::new(0, Arc::default()));
        // mkdir(2) takes the sticky bit and permissions only; set-group-id comes from the parent.
        self.make(context, at, path, data, mode & (0o777 | S_ISVTX))
    }

    /// mknod(2) for a FIFO, a socket or (root only) a character device; an empty regular file too.
    ///
    /// # Errors
    ///
    /// EPERM for a directory or a device by others than root, EINVAL for a link, and as [`Self::mkdir`].
    pub(crate) fn mknod(
        &self,
        context: &Context<'_>,
        at: &Dir,
        path: &[u8],
        kind: Kind,
        device: DeviceId,
        mode: u32,
    ) -> Result<Node, Errno> {
        let data = match kind {
            Kind::File => Data::File(super::content::Content::default()),
            Kind::Fifo => Data::Fifo,
            Kind::Socket => Data::Socket,
            Kind::Device if context.cred.is_root() => Data::Device(device),
            Kind::Device | Kind::Directory => return Err(Errno::PERM),
            Kind::Symlink => return Err(Errno::INVAL),
        };
        self.make(context, at, path, data, mode)
    }

    /// symlink(2).
    ///
    /// # Errors
    ///
    /// ENOENT for an empty target, ENAMETOOLONG for one of [`PATH_MAX`] bytes, and as [`Self::mkdir`].
    pub(crate) fn symlink(
        &self,
        context: &Context<'_>,
        target: &[u8],
        at: &Dir,
        path: &[u8],
    ) -> Result<Node, Errno> {
        match target.len() {
            0 => Err(Errno::NOENT),
            PATH_MAX.. => Err(Errno::NAMETOOLONG),
            _ => self.make(context, at, path, Data::Symlink(target.into()), 0o777),
        }
    }

    /// link(2): a further name for `node`.
    ///
    /// # Errors
    ///
    /// EPERM for a directory and for what [`Inode::linkable`] forbids, EEXIST, EXDEV, EMLINK, ENOENT for a node without any name left, ENOSPC.
    pub(crate) fn link(
        &self,
        context: &Context<'_>,
        node: &Node,
        at: &Dir,
        path: &[u8],
    ) -> Result<(), Errno> {
        let mut tree = self.tree();
        let spot = spot(&mut tree, context, (at, path), MAKING, |_| Errno::EXIST)?;
        if spot.child.is_some() {
            return Err(Errno::EXIST);
        }
        if spot.slash {
            return Err(Errno::NOENT);
        }
        let inode = node.place.inode().ok_or(Errno::XDEV)?;
        inode.linkable(context.cred)?;
        spot.parent.permission(context.cred, Access::WRITE | Access::EXECUTE)?;
        if inode.is_directory() {
            return Err(Errno::PERM);
        }
        tree.link(&spot.parent, &spot.name, inode)?;
        drop(tree);
        self.shared.tell(Events::ATTRIB, None, inode, 0);
        self.shared.tell(Events::CREATE, Some(spot.entry()), inode, 0);
        Ok(())
    }

    /// unlink(2).
    ///
    /// # Errors
    ///
    /// EISDIR, ENOENT, EACCES, EPERM (sticky directory).
    pub(crate) fn unlink(&self, context: &Context<'_>, at: &Dir, path: &[u8]) -> Result<(), Errno> {
        let mut tree = self.tree();
        let mut spot = spot(&mut tree, context, (at, path), TAKING, |_| Errno::ISDIR)?;
        let inode = spot.child.take().ok_or(Errno::NOENT)?;
        if spot.slash {
            return Err(if inode.is_directory() { Errno::ISDIR } else { Errno::NOTDIR });
        }
        may_delete(&tree, context, &spot.parent, &inode, false)?;
        tree.unlink(&spot.parent, &spot.name, &inode);
        drop(tree);
        self.shared.tell(Events::ATTRIB, None, &inode, 0);
        self.removed(&spot, inode);
        Ok(())
    }

    /// Tells watchers of a name that is gone, after its node if that is gone too.
    fn removed(&self, spot: &Spot, inode: Arc<Inode>) {
        let (ino, directory) = (inode.ino, inode.is_directory());
        drop(inode);
        self.shared.tell_name(Events::DELETE, spot.entry(), ino, directory);
    }

    /// rmdir(2).
    ///
    /// # Errors
    ///
    /// ENOTDIR, ENOTEMPTY, EBUSY for a root or mount point, EINVAL for `.`, ENOENT, EACCES, EPERM.
    pub(crate) fn rmdir(&self, context: &Context<'_>, at: &Dir, path: &[u8]) -> Result<(), Errno> {
        let mut tree = self.tree();
        let mut spot = spot(&mut tree, context, (at, path), TAKING, |last| match last {
            Last::Dot => Errno::INVAL,
            Last::DotDot => Errno::NOTEMPTY,
            _ => Errno::BUSY,
        })?;
        let inode = spot.child.take().ok_or(Errno::NOENT)?;
        may_delete(&tree, context, &spot.parent, &inode, true)?;
        if !inode.directory(Directory::is_empty)? {
            return Err(Errno::NOTEMPTY);
        }
        tree.unlink(&spot.parent, &spot.name, &inode);
        drop(tree);
        self.removed(&spot, inode);
        Ok(())
    }

    /// renameat2(2).
    ///
    /// # Errors
    ///
    /// EBUSY, EEXIST, EINVAL (into itself), EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EACCES, EPERM, EXDEV.
    pub(crate) fn rename(
        &self,
        context: &Context<'_>,
        from: (&Dir, &[u8]),
        to: (&Dir, &[u8]),
        how: Rename,
    ) -> Result<(), Errno> {
        let mut tree = self.tree();
        let taken = if how == Rename::NoReplace { Errno::EXIST } else { Errno::BUSY };
        // Both paths are walked before either name is looked at, and both must be names before either is looked up.
        let from = parent_of(&mut tree, context, from)?;
        let to = parent_of(&mut tree, context, to)?;
        let is_name = |last: &Last| matches!(last, Last::Name { .. });
        if is_name(&from.1) && !is_name(&to.1) {
            return Err(taken);
        }
        let from = look(&mut tree, context, from, MOVING, |_| Errno::BUSY)?;
        let to = look(&mut tree, context, to, MOVING, |_| taken)?;
        let inode = from.child.clone().ok_or(Errno::NOENT)?;
        check_rename(&mut tree, context, (&from, &to), &inode, how)?;
        match &to.child {
            Some(target) if Arc::ptr_eq(target, &inode) => return Ok(()),
            Some(target) if how == Rename::Exchange => {
                Tree::exchange(from.at(), to.at(), &inode, target);
            }
            target => {
                let dead = to.parent.directory(|directory| directory.removed)?;
                if dead {
                    return Err(Errno::NOENT);
                }
                tree.rename(from.at(), to.at(), &inode, target.as_deref());
            }
        }
        drop(tree);
        self.moved(&from, &to, &inode);
        match &to.child {
            Some(target) if how == Rename::Exchange => self.moved(&to, &from, target),
            Some(target) => self.shared.tell(Events::ATTRIB, None, target, 0),
            None => {}
        }
        Ok(())
    }

    /// Tells watchers of a renamed node.
    fn moved(&self, from: &Spot, to: &Spot, inode: &Inode) {
        let shared = &self.shared;
        let cookie = shared.watchers.next_cookie();
        shared.tell(Events::MOVED_FROM, Some(from.entry()), inode, cookie);
        shared.tell(Events::MOVED_TO, Some(to.entry()), inode, cookie);
        shared.tell(Events::MOVE_SELF, None, inode, 0);
    }
}

/// The checks of `do_renameat2` and `vfs_rename`, in their order.
fn check_rename(
    tree: &mut Tree,
    context: &Context<'_>,
    (from, to): (&Spot, &Spot),
    inode: &Arc<Inode>,
    how: Rename,
) -> Result<(), Errno> {
    let target = to.child.as_ref();
    match (how, target) {
        (Rename::NoReplace, Some(_)) => return Err(Errno::EXIST),
        (Rename::Exchange, None) => return Err(Errno::NOENT),
        (Rename::Exchange, Some(target)) if to.slash && !target.is_directory() => {
            return Err(Errno::NOTDIR);
        }
        _ => {}
    }
    if !inode.is_directory() && (from.slash || how != Rename::Exchange && to.slash) {
        return Err(Errno::NOTDIR);
    }
    let same_parent = Arc::ptr_eq(&from.parent, &to.parent);
    if !same_parent && is_above(tree, inode, &to.parent) {
        return Err(Errno::INVAL);
    }
    if let Some(target) = target
        && !same_parent
        && is_above(tree, target, &from.parent)
    {
        return Err(if how == Rename::Exchange { Errno::INVAL } else { Errno::NOTEMPTY });
    }
    if target.is_some_and(|target| Arc::ptr_eq(target, inode)) {
        return Ok(());
    }
    let directory = inode.is_directory();
    may_delete(tree, context, &from.parent, inode, directory)?;
    let write = |inode: &Inode| inode.permission(context.cred, Access::WRITE);
    match target {
        None => {
            to.parent.permission(context.cred, Access::WRITE | Access::EXECUTE)?;
        }
        Some(target) => {
            let as_directory =
                if how == Rename::Exchange { target.is_directory() } else { directory };
            may_delete(tree, context, &to.parent, target, as_directory)?;
        }
    }
    if !same_parent {
        // `..` of a moved directory changes.
        if directory {
            write(inode)?;
        }
        if let (Rename::Exchange, Some(target)) = (how, target)
            && target.is_directory()
        {
            write(target)?;
        }
    }
    match target {
        Some(target) if how != Rename::Exchange && target.is_directory() => {
            let empty = target.directory(Directory::is_empty)?;
            if empty { Ok(()) } else { Err(Errno::NOTEMPTY) }
        }
        _ => Ok(()),
    }
}

/// Whether `above` is `inode` or an ancestor of it.
fn is_above(tree: &mut Tree, above: &Arc<Inode>, inode: &Arc<Inode>) -> bool {
    if !above.is_directory() {
        return false;
    }
    let mut here = inode.clone();
    loop {
        if Arc::ptr_eq(&here, above) {
            return true;
        }
        match tree.above(&here) {
            Some((parent, _)) => here = parent,
            None => return false,
        }
    }
}
