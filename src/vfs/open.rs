//! open(2): flags, creation, permission, and what comes out of it.

use super::attributes::{DeviceId, Kind};
use super::inode::{Access, Data};
use super::names::new_state;
use super::tree::Place;
use super::walk::{Found, Last, Walk};
use super::{Context, Dir, Events, File, Node, Object, Vfs};
use crate::errno::Errno;
use std::sync::Arc;

bitflags::bitflags! {
    /// Flags of open(2), asm-generic numbers. Unknown ones are ignored, as Linux does.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct OpenFlags: u32 {
        /// Write only.
        const WRITE_ONLY = 0o1;
        /// Read and write.
        const READ_WRITE = 0o2;
        /// Make it if it is missing.
        const CREATE = 0o100;
        /// With `CREATE`: it must be missing.
        const EXCLUSIVE = 0o200;
        /// Cut to length 0.
        const TRUNCATE = 0o1000;
        /// It must be a directory.
        const DIRECTORY = 0o200_000;
        /// A final link is not followed.
        const NO_FOLLOW = 0o400_000;
        /// Reading leaves atime alone.
        const NO_ATIME = 0o1_000_000;
        /// Only a handle, of any node.
        const PATH = 0o10_000_000;
        /// A file without a name (with `DIRECTORY`): refused.
        const TEMPORARY = 0o20_000_000;
    }
}

impl OpenFlags {
    /// What the caller must be allowed to do (`ACC_MODE`; truncating is writing).
    fn access(self) -> Access {
        let access = match self.bits() & 3 {
            0 => Access::READ,
            1 => Access::WRITE,
            _ => Access::READ | Access::WRITE,
        };
        if self.contains(Self::TRUNCATE) { access | Access::WRITE } else { access }
    }
}

/// What open(2) found. Devices and FIFOs are opened further by the process floor.
pub(crate) enum Opened {
    /// A regular file or a directory; any node, if only its path was opened.
    File(Arc<File>),
    /// A character device.
    Device(DeviceId, Node),
    /// A named pipe.
    Fifo(Node),
    /// What a link of /proc leads to: to be opened anew.
    Object(Arc<dyn Object>),
}

impl Vfs {
    /// open(2). `mode` is for a new file, already masked by umask.
    ///
    /// # Errors
    ///
    /// As open(2); EOPNOTSUPP for a temporary file without a name, ENXIO for a bound socket.
    pub(crate) fn open(
        &self,
        context: &Context<'_>,
        at: &Dir,
        path: &[u8],
        flags: OpenFlags,
        mode: u32,
    ) -> Result<Opened, Errno> {
        let mut flags = flags;
        if flags.contains(OpenFlags::PATH) {
            flags &= OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NO_FOLLOW;
        }
        if flags.contains(OpenFlags::TEMPORARY) {
            return Err(Errno::OPNOTSUPP);
        }
        if !flags.contains(OpenFlags::CREATE) {
            let follow = !flags.contains(OpenFlags::NO_FOLLOW);
            return self.node(context, at, path, follow)?.open(context, flags);
        }
        if flags.contains(OpenFlags::DIRECTORY) {
            return Err(Errno::INVAL);
        }
        let (node, created) = self.find_or_create(context, at, path, flags, mode)?;
        if created {
            node.tell(Events::CREATE);
            return Ok(Opened::File(File::new(node, context, flags)));
        }
        if flags.contains(OpenFlags::EXCLUSIVE) {
            return Err(Errno::EXIST);
        }
        if node.kind() == Kind::Directory {
            return Err(Errno::ISDIR);
        }
        node.open(context, flags)
    }

    /// The node, and whether it was made just now.
    fn find_or_create(
        &self,
        context: &Context<'_>,
        at: &Dir,
        path: &[u8],
        flags: OpenFlags,
        mode: u32,
    ) -> Result<(Node, bool), Errno> {
        let follow = !flags.intersects(OpenFlags::NO_FOLLOW | OpenFlags::EXCLUSIVE);
        let mut tree = self.tree();
        let mut walk = Walk::new(&mut tree, context, at, path)?;
        loop {
            let name = match walk.parent()? {
                Last::Name { slash: true, .. } => return Err(Errno::ISDIR),
                Last::Name { name, .. } => name,
                Last::Root | Last::Dot => {
                    return Ok((Node { place: walk.here, entry: None }, false));
                }
                Last::DotDot => {
                    walk.up()?;
                    return Ok((Node { place: walk.here, entry: None }, false));
                }
            };
            let entry = walk.here.inode().map(|parent| (parent.ino, name.as_slice().into()));
            let Some(child) = walk.child(&name)? else {
                let parent = walk.here.inode().ok_or(super::names::MADE_UP_LACKS)?.clone();
                parent.permission(context.cred, Access::WRITE | Access::EXECUTE)?;
                let data = Data::File(super::content::Content::default());
                let state = new_state(context, &parent, data, mode);
                let place = Place::Inode(tree.create(&parent, &name, state)?);
                return Ok((Node { place, entry }, true));
            };
            if !follow || !walk.is_link(&child)? {
                return Ok((Found { place: child, entry }.into(), false));
            }
            if let Some(place) = walk.follow(&child, false)? {
                return Ok((Node { place, entry: None }, false));
            }
        }
    }
}

impl From<Found> for Node {
    fn from(found: Found) -> Self {
        Self { place: found.place, entry: found.entry }
    }
}

impl Node {
    /// Opens a node that exists; creating flags mean nothing here.
    ///
    /// # Errors
    ///
    /// ENOTDIR, ELOOP (a link), EISDIR, EACCES, EPERM, ENXIO, as open(2).
    pub(crate) fn open(self, context: &Context<'_>, flags: OpenFlags) -> Result<Opened, Errno> {
        if let Place::Object(object) = &self.place {
            return match flags.contains(OpenFlags::DIRECTORY) {
                true => Err(Errno::NOTDIR),
                false => Ok(Opened::Object(object.clone())),
            };
        }
        let kind = self.kind();
        if flags.contains(OpenFlags::DIRECTORY) && kind != Kind::Directory {
            return Err(Errno::NOTDIR);
        }
        if flags.contains(OpenFlags::PATH) {
            return Ok(Opened::File(File::new(self, context, flags)));
        }
        let want = flags.access();
        if kind == Kind::Symlink {
            return Err(Errno::LOOP);
        }
        if kind == Kind::Directory && want.contains(Access::WRITE) {
            return Err(Errno::ISDIR);
        }
        self.access(context, want)?;
        if flags.contains(OpenFlags::NO_ATIME)
            && let Place::Inode(inode) = &self.place
        {
            inode.owned_by(context.cred)?;
        }
        match kind {
            Kind::Socket => Err(Errno::NXIO),
            Kind::Fifo => Ok(Opened::Fifo(self)),
            Kind::Device => Ok(Opened::Device(self.device().ok_or(Errno::NXIO)?, self)),
            Kind::File | Kind::Directory | Kind::Symlink => {
                let file = File::new(self, context, flags);
                if flags.contains(OpenFlags::TRUNCATE) && file.node().place.inode().is_some() {
                    file.node().truncate_open(context.cred.is_root(), 0)?;
                }
                Ok(Opened::File(file))
            }
        }
    }
}
