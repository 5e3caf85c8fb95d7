//! A node however it was reached: stat(2), access(2), chmod(2), chown(2), utimensat(2), truncate(2), readlink(2), and the slot
//! for kernel objects that live with it (FIFOs, bound sockets, locks).

use super::attributes::{DeviceId, Kind, MODE_MASK, S_ISGID, SetTime, Stat, StatFs, Timespec};
use super::inode::{Access, Data, Inode, State, permission};
use super::tree::Place;
use super::walk::EntryName;
use super::{Caller, Context, Dir, Events, Vfs};
use crate::errno::Errno;
use std::any::Any;
use std::sync::Arc;

/// A handle of a node: keeps it, whatever becomes of its names.
#[derive(Clone)]
pub(crate) struct Node {
    pub(super) place: Place,
    /// The name it was reached by, if it has one in the tree.
    pub(super) entry: Option<EntryName>,
}

impl Node {
    /// Device and inode number: the node's identity.
    ///
    /// # Errors
    ///
    /// ENOENT for what is gone from /proc.
    pub(crate) fn id(&self) -> Result<(u64, u64), Errno> {
        match &self.place {
            Place::Inode(inode) => Ok((super::inode::DEV, inode.ino)),
            _ => self.stat_as(Caller::default()).map(|stat| (stat.dev, stat.ino)),
        }
    }

    /// What kind of node it is.
    pub(crate) fn kind(&self) -> Kind {
        match &self.place {
            Place::Inode(inode) => inode.kind,
            Place::Dynamic(place) => {
                place.node.attributes(Caller::default()).map_or(Kind::File, |about| about.kind)
            }
            Place::Object(_) => Kind::File,
        }
    }

    /// stat(2) by isolet itself.
    ///
    /// # Errors
    ///
    /// ENOENT for what is gone from /proc.
    pub(crate) fn stat(&self) -> Result<Stat, Errno> {
        self.stat_as(Caller::default())
    }

    /// stat(2) by the caller, whom nodes of /proc may treat specially.
    ///
    /// # Errors
    ///
    /// ENOENT for what is gone from /proc.
    pub(crate) fn stat_for(&self, context: &Context<'_>) -> Result<Stat, Errno> {
        self.stat_as(context.caller())
    }

    pub(super) fn stat_as(&self, caller: Caller) -> Result<Stat, Errno> {
        match &self.place {
            Place::Inode(inode) => Ok(inode.stat()),
            Place::Dynamic(place) => place.stat(caller),
            Place::Object(object) => object.stat(),
        }
    }

    /// It as a directory to work in.
    ///
    /// # Errors
    ///
    /// ENOTDIR.
    pub(crate) fn dir(&self, context: &Context<'_>) -> Result<Dir, Errno> {
        let directory = match &self.place {
            Place::Inode(inode) => inode.is_directory(),
            Place::Dynamic(place) => {
                place.node.attributes(context.caller())?.kind == Kind::Directory
            }
            Place::Object(_) => false,
        };
        if directory { Ok(Dir { place: self.place.clone() }) } else { Err(Errno::NOTDIR) }
    }

    /// Whether the caller may do all of `want` (none: exists).
    ///
    /// # Errors
    ///
    /// EACCES.
    pub(crate) fn access(&self, context: &Context<'_>, want: Access) -> Result<(), Errno> {
        match &self.place {
            Place::Inode(inode) => inode.permission(context.cred, want),
            Place::Dynamic(_) | Place::Object(_) => {
                let stat = self.stat_as(context.caller())?;
                permission(context.cred, (stat.mode, stat.uid, stat.gid), self.kind(), want)
            }
        }
    }

    /// readlink(2).
    ///
    /// # Errors
    ///
    /// EINVAL for what is no link.
    pub(crate) fn readlink(&self, context: &Context<'_>) -> Result<Vec<u8>, Errno> {
        match &self.place {
            Place::Inode(inode) => {
                let mut state = inode.state.lock();
                let Data::Symlink(target) = &state.data else { return Err(Errno::INVAL) };
                let target = target.to_vec();
                state.accessed();
                Ok(target)
            }
            Place::Dynamic(place) => place.node.readlink(context.caller()),
            Place::Object(_) => Err(Errno::INVAL),
        }
    }

    /// The inode, for what cannot be done to made-up nodes.
    pub(super) fn inode(&self) -> Result<&Arc<Inode>, Errno> {
        self.place.inode().ok_or(Errno::PERM)
    }

    /// The name it has now, as far as one can tell: that which it was reached by, unless it was renamed since.
    pub(super) fn entry_now(&self) -> Option<EntryName> {
        let moved = self.place.inode().and_then(|inode| inode.moved.lock().clone());
        moved.or_else(|| self.entry.clone())
    }

    /// Tells watchers what happened to the node.
    pub(super) fn tell(&self, events: Events) {
        let Place::Inode(inode) = &self.place else { return };
        if inode.shared.watchers.want(events) {
            let entry = self.entry_now();
            let entry = entry.as_ref().map(|(parent, name)| (*parent, &**name));
            inode.shared.tell(events, entry, inode, 0);
        }
    }

    fn change(
        &self,
        events: Events,
        change: impl FnOnce(&mut State) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        change(&mut self.inode()?.state.lock())?;
        self.tell(events);
        Ok(())
    }

    /// chmod(2): `mode` is the permission bits.
    ///
    /// # Errors
    ///
    /// EPERM unless owner or root; EOPNOTSUPP for a symbolic link.
    pub(crate) fn chmod(&self, context: &Context<'_>, mode: u32) -> Result<(), Errno> {
        let cred = context.cred;
        if self.kind() == Kind::Symlink {
            return Err(Errno::OPNOTSUPP);
        }
        self.inode()?.owned_by(cred)?;
        self.change(Events::ATTRIB, |state| {
            state.mode = mode & MODE_MASK;
            if !cred.is_root() && !cred.in_group(state.gid) {
                state.mode &= !S_ISGID;
            }
            state.changed();
            Ok(())
        })
    }

    /// chown(2): `None` leaves an id.
    ///
    /// # Errors
    ///
    /// EPERM: only root gives files away; owners choose among their groups.
    pub(crate) fn chown(
        &self,
        context: &Context<'_>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<(), Errno> {
        let cred = context.cred;
        self.change(Events::ATTRIB, |state| {
            let owner = cred.uid == state.uid;
            let keeps_user = uid.is_none_or(|uid| owner && uid == state.uid);
            let may_group = gid.is_none_or(|gid| owner && (gid == state.gid || cred.in_group(gid)));
            if !(cred.is_root() || keeps_user && may_group) {
                return Err(Errno::PERM);
            }
            state.uid = uid.unwrap_or(state.uid);
            state.gid = gid.unwrap_or(state.gid);
            if !matches!(state.data, Data::Directory(_)) {
                state.drop_set_id();
            }
            state.changed();
            Ok(())
        })
    }

    /// utimensat(2). `[Now, Now]` needs only write permission, anything else ownership.
    ///
    /// # Errors
    ///
    /// EACCES, EPERM.
    pub(crate) fn set_times(
        &self,
        context: &Context<'_>,
        atime: SetTime,
        mtime: SetTime,
    ) -> Result<(), Errno> {
        if (atime, mtime) == (SetTime::Omit, SetTime::Omit) {
            return Ok(());
        }
        let inode = self.inode()?;
        if let Err(errno) = inode.owned_by(context.cred) {
            if (atime, mtime) != (SetTime::Now, SetTime::Now) {
                return Err(errno);
            }
            inode.permission(context.cred, Access::WRITE)?;
        }
        // As Linux's fsnotify_change tells it.
        let events = match (atime, mtime) {
            (_, SetTime::Omit) => Events::ACCESS,
            (SetTime::Omit, _) => Events::MODIFY,
            _ => Events::ATTRIB,
        };
        let now = Timespec::now();
        let pick = |old, set| match set {
            SetTime::Omit => old,
            SetTime::Now => now,
            SetTime::At(time) => time,
        };
        self.change(events, |state| {
            state.atime = pick(state.atime, atime);
            state.mtime = pick(state.mtime, mtime);
            state.ctime = now;
            Ok(())
        })
    }

    /// truncate(2) by path: needs write permission.
    ///
    /// # Errors
    ///
    /// EISDIR, EINVAL for what has no content, EACCES, EFBIG.
    pub(crate) fn truncate(&self, context: &Context<'_>, size: u64) -> Result<(), Errno> {
        let inode = match &self.place {
            Place::Inode(inode) if inode.kind == Kind::File => inode,
            Place::Inode(inode) if inode.is_directory() => return Err(Errno::ISDIR),
            Place::Inode(_) | Place::Object(_) => return Err(Errno::INVAL),
            Place::Dynamic(_) => return self.access(context, Access::WRITE),
        };
        inode.permission(context.cred, Access::WRITE)?;
        self.truncate_open(context.cred.is_root(), size)
    }

    /// Truncates without asking for permission (it was asked at open).
    pub(super) fn truncate_open(&self, privileged: bool, size: u64) -> Result<(), Errno> {
        let inode = self.inode()?;
        inode.content(|content, usage| content.truncate(usage, size))?;
        {
            let mut state = inode.state.lock();
            if !privileged {
                state.drop_set_id();
            }
            state.modified();
        }
        self.tell(Events::MODIFY);
        Ok(())
    }

    /// The device behind a device node.
    pub(crate) fn device(&self) -> Option<DeviceId> {
        match &self.place {
            Place::Inode(inode) => match inode.state.lock().data {
                Data::Device(id) => Some(id),
                _ => None,
            },
            Place::Dynamic(place) => {
                let about = place.node.attributes(Caller::default()).ok()?;
                (about.kind == Kind::Device).then_some(about.rdev)
            }
            Place::Object(_) => None,
        }
    }

    /// statfs(2) of the file system it is on.
    pub(crate) fn statfs(&self, vfs: &Vfs) -> StatFs {
        match &self.place {
            Place::Dynamic(place) => place.statfs(),
            Place::Inode(_) | Place::Object(_) => vfs.statfs(),
        }
    }

    /// The kernel object of type `T` that lives with this node, made at first use. `make` must not touch the node.
    ///
    /// # Errors
    ///
    /// EPERM for a node that is not in the tree.
    pub(crate) fn attach<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce() -> T,
    ) -> Result<Arc<T>, Errno> {
        Ok(self.inode()?.attach(make))
    }

    /// The kernel object of type `T` that lives with this node, if one was attached.
    pub(crate) fn attached<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.place.inode()?.attached()
    }
}
