//! One node of the tree: its attributes and content under its own lock, and the rules of permission on it.
//!
//! An [`Inode`] is live (open, or touched by this sandbox); its [`State`] is also the form in which image layers and
//! snapshots keep it. Inodes refer to each other by number only, so dropping one never drops another: trees of any depth
//! are freed without recursion. Not here: names (names.rs) and the table of inodes (tree.rs).

use super::Cred;
use super::attributes::{DeviceId, Kind, S_ISGID, S_ISUID, S_IXGRP, Stat, Timespec};
use super::content::{BLOCK, Content};
use super::directory::Directory;
use super::quota::Usage;
use super::walk::EntryName;
use super::watch::Watchers;
use crate::errno::Errno;
use parking_lot::Mutex;
use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Device number that stat(2) tells for everything in the tree.
pub(crate) const DEV: u64 = 0x20;
/// Seconds after which a read renews atime whatever the other times say (Linux's relatime).
const RELATIME_SEC: i64 = 24 * 3600;

/// What all inodes of a sandbox share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) usage: Usage,
    pub(super) watchers: Watchers,
}

/// What one kind of node has of its own.
#[derive(Clone, Debug)]
pub(super) enum Data {
    File(Content),
    Directory(Directory),
    Symlink(Arc<[u8]>),
    Fifo,
    Socket,
    Device(DeviceId),
}

impl Data {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Data::File(_) => Kind::File,
            Data::Directory(_) => Kind::Directory,
            Data::Symlink(_) => Kind::Symlink,
            Data::Fifo => Kind::Fifo,
            Data::Socket => Kind::Socket,
            Data::Device(_) => Kind::Device,
        }
    }
}

/// Extended attributes by full name.
pub(super) type Xattrs = BTreeMap<Vec<u8>, Arc<[u8]>>;

/// Everything about a node; cheap to clone (content, entries and attributes are shared until changed).
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Permission, setuid, setgid and sticky bits.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) nlink: u32,
    /// Inode units charged to the quota: none for an image's node, else one a link.
    pub(super) units: u32,
    /// Bytes charged besides the content's: link target, attributes.
    pub(super) extra: u64,
    pub(super) atime: Timespec,
    pub(super) mtime: Timespec,
    pub(super) ctime: Timespec,
    pub(super) btime: Timespec,
    pub(super) xattrs: Arc<Xattrs>,
    pub(super) data: Data,
}

impl State {
    /// A new node without links, made now.
    pub(super) fn new(data: Data, mode: u32, uid: u32, gid: u32) -> Self {
        let now = Timespec::now();
        Self {
            mode,
            uid,
            gid,
            nlink: 0,
            units: 0,
            extra: 0,
            atime: now,
            mtime: now,
            ctime: now,
            btime: now,
            xattrs: Arc::default(),
            data,
        }
    }

    /// Content or entries changed.
    pub(super) fn modified(&mut self) {
        self.mtime = Timespec::now();
        self.ctime = self.mtime;
    }

    /// Attributes changed.
    pub(super) fn changed(&mut self) {
        self.ctime = Timespec::now();
    }

    /// Was read: renews atime by Linux's relatime rule.
    pub(super) fn accessed(&mut self) {
        let now = Timespec::now();
        let stale = self.atime <= self.mtime
            || self.atime <= self.ctime
            || now.sec - self.atime.sec >= RELATIME_SEC;
        if stale {
            self.atime = now;
        }
    }

    /// Writing by others than root takes the set-id bits away (`file_remove_privs`).
    pub(super) fn drop_set_id(&mut self) {
        self.mode &= !S_ISUID;
        if self.mode & S_IXGRP != 0 {
            self.mode &= !S_ISGID;
        }
    }

    pub(super) fn stat(&self, ino: u64) -> Stat {
        let (size, allocated, rdev) = match &self.data {
            Data::File(content) => (content.size(), content.allocated(), 0),
            Data::Directory(_) => (BLOCK, BLOCK, 0),
            Data::Symlink(target) => (target.len() as u64, 0, 0),
            Data::Fifo | Data::Socket => (0, 0, 0),
            Data::Device(id) => (0, 0, id.encode()),
        };
        Stat {
            dev: DEV,
            ino,
            mode: self.data.kind().mode_bits() | self.mode,
            nlink: self.nlink,
            uid: self.uid,
            gid: self.gid,
            rdev,
            size,
            blocks: allocated / 512,
            blksize: BLOCK as u32,
            atime: self.atime,
            mtime: self.mtime,
            ctime: self.ctime,
            btime: self.btime,
        }
    }
}

bitflags::bitflags! {
    /// What a caller wants to do to a node (`MAY_*`, access(2)).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Access: u32 {
        /// Run it; search it, for a directory.
        const EXECUTE = 1;
        /// Change it.
        const WRITE = 2;
        /// See it.
        const READ = 4;
    }
}

/// Linux's `generic_permission`: the first class that fits decides; root may all but run a file that nobody may run.
///
/// # Errors
///
/// EACCES.
pub(super) fn permission(
    cred: &Cred,
    (mode, uid, gid): (u32, u32, u32),
    kind: Kind,
    want: Access,
) -> Result<(), Errno> {
    if cred.is_root() {
        let runnable = kind == Kind::Directory || mode & 0o111 != 0;
        return if !want.contains(Access::EXECUTE) || runnable {
            Ok(())
        } else {
            Err(Errno::ACCESS)
        };
    }
    let bits = match () {
        () if cred.uid == uid => mode >> 6,
        () if cred.in_group(gid) => mode >> 3,
        () => mode,
    };
    if want.bits() & !bits & 7 == 0 { Ok(()) } else { Err(Errno::ACCESS) }
}

/// A live node.
pub(super) struct Inode {
    pub(super) ino: u64,
    pub(super) kind: Kind,
    pub(super) state: Mutex<State>,
    attachments: Mutex<Vec<(TypeId, Arc<dyn Any + Send + Sync>)>>,
    /// Its only name, if that came by rename: whoever reached it before has an old one. A leaf lock.
    pub(super) moved: Mutex<Option<EntryName>>,
    pub(super) shared: Arc<Shared>,
}

impl Inode {
    pub(super) fn new(ino: u64, state: State, shared: Arc<Shared>) -> Arc<Self> {
        let kind = state.data.kind();
        Arc::new(Self {
            ino,
            kind,
            state: Mutex::new(state),
            attachments: Mutex::default(),
            moved: Mutex::default(),
            shared,
        })
    }

    pub(super) fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// Runs `with` on the directory's entries; ENOTDIR for other nodes.
    pub(super) fn directory<T>(&self, with: impl FnOnce(&Directory) -> T) -> Result<T, Errno> {
        match &self.state.lock().data {
            Data::Directory(directory) => Ok(with(directory)),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// Runs `with` on the file's content and the rest; EINVAL for other nodes.
    pub(super) fn content<T>(
        &self,
        with: impl FnOnce(&mut Content, &Usage) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        match &mut self.state.lock().data {
            Data::File(content) => with(content, &self.shared.usage),
            Data::Directory(_) => Err(Errno::ISDIR),
            _ => Err(Errno::INVAL),
        }
    }

    pub(super) fn permission(&self, cred: &Cred, want: Access) -> Result<(), Errno> {
        let owner = {
            let state = self.state.lock();
            (state.mode, state.uid, state.gid)
        };
        permission(cred, owner, self.kind, want)
    }

    /// EPERM unless the caller owns the node or is root.
    pub(super) fn owned_by(&self, cred: &Cred) -> Result<(), Errno> {
        if cred.is_root() || self.state.lock().uid == cred.uid { Ok(()) } else { Err(Errno::PERM) }
    }

    /// The rule of `fs.protected_hardlinks`: EPERM for a further name of somebody else's node, unless it is a file that the
    /// caller may read and write and that runs as nobody else.
    pub(super) fn linkable(&self, cred: &Cred) -> Result<(), Errno> {
        if self.owned_by(cred).is_ok() {
            return Ok(());
        }
        let mode = self.state.lock().mode;
        let runs_as_others = mode & 0o4000 != 0 || mode & 0o2010 == 0o2010;
        let open_to_caller = self.permission(cred, Access::READ | Access::WRITE).is_ok();
        match self.kind == Kind::File && !runs_as_others && open_to_caller {
            true => Ok(()),
            false => Err(Errno::PERM),
        }
    }

    /// The rule of `fs.protected_symlinks`: EACCES for following `link`, the last of a path, in this directory when all
    /// may write to it but it is sticky, and neither the caller nor the directory's owner owns the link. Root too.
    pub(super) fn trusted_link(&self, cred: &Cred, link: &Inode) -> Result<(), Errno> {
        let (mode, directory_owner) = {
            let state = self.state.lock();
            (state.mode, state.uid)
        };
        let owner = link.state.lock().uid;
        match mode & 0o1002 == 0o1002 && owner != cred.uid && owner != directory_owner {
            true => Err(Errno::ACCESS),
            false => Ok(()),
        }
    }

    pub(super) fn stat(&self) -> Stat {
        self.state.lock().stat(self.ino)
    }

    /// The kernel object of type `T` that lives with this node; made at first use.
    pub(super) fn attach<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut attachments = self.attachments.lock();
        if let Some(found) = find(&attachments) {
            return found;
        }
        let made = Arc::new(make());
        attachments.push((TypeId::of::<T>(), made.clone()));
        made
    }

    /// The kernel object of type `T` that lives with this node, if any.
    pub(super) fn attached<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        find(&self.attachments.lock())
    }
}

fn find<T: Any + Send + Sync>(
    attachments: &[(TypeId, Arc<dyn Any + Send + Sync>)],
) -> Option<Arc<T>> {
    let (_, found) = attachments.iter().find(|(id, _)| *id == TypeId::of::<T>())?;
    found.clone().downcast().ok()
}

impl Drop for Inode {
    /// The last handle of a node without a name gives its storage back. A node with a name is dropped only together with
    /// its whole tree, where nobody counts any more.
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if let Data::File(content) = &mut state.data {
            content.release(&self.shared.usage);
        }
        self.shared.usage.release_bytes(state.extra);
        self.shared.usage.release_inodes(u64::from(state.units));
        if state.nlink == 0 {
            self.shared.tell_gone(self.ino, self.kind == Kind::Directory);
        }
    }
}
