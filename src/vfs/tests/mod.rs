//! Tests of the file system: rules one by one here, random sequences against models in the files beside.

mod content;
mod differential;
mod mounts;
mod permissions;
mod tree;

use super::content::FILE_SIZE_MAX;
use super::*;

/// A file system and somebody who uses it.
pub(super) struct User {
    pub(super) vfs: Arc<Vfs>,
    pub(super) root: Dir,
    pub(super) cred: Cred,
}

impl User {
    /// Root on an empty file system.
    pub(super) fn root() -> Self {
        Self::root_of(Vfs::bare(None, VfsLimits::default(), Store::in_memory()))
    }

    pub(super) fn root_of(vfs: Arc<Vfs>) -> Self {
        let root = vfs.root();
        Self { vfs, root, cred: Cred::root() }
    }

    /// Root on an empty file system with these limits.
    pub(super) fn limited(bytes_max: u64, inodes_max: u64) -> Self {
        Self::root_of(Vfs::bare(None, VfsLimits { bytes_max, inodes_max }, Store::in_memory()))
    }

    /// Somebody else on the same one.
    pub(super) fn other(&self, uid: u32, gid: u32, groups: &[u32]) -> Self {
        let cred = Cred { uid, gid, groups: groups.into() };
        Self { vfs: self.vfs.clone(), root: self.root.clone(), cred }
    }

    pub(super) fn context(&self) -> Context<'_> {
        Context { cred: &self.cred, root: &self.root, pid: 0 }
    }

    pub(super) fn open(&self, path: &str, flags: OpenFlags, mode: u32) -> Result<Arc<File>, Errno> {
        match self.vfs.open(&self.context(), &self.root, path.as_bytes(), flags, mode)? {
            Opened::File(file) => Ok(file),
            _ => panic!("{path} is not a file"),
        }
    }

    /// Makes or replaces a file.
    pub(super) fn write(&self, path: &str, data: &[u8]) -> Result<Arc<File>, Errno> {
        let flags = OpenFlags::WRITE_ONLY | OpenFlags::CREATE | OpenFlags::TRUNCATE;
        let file = self.open(path, flags, 0o644)?;
        assert_eq!(file.write_at(data, 0)?, data.len());
        Ok(file)
    }

    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, Errno> {
        self.open(path, OpenFlags::empty(), 0)?.read_all(u64::MAX).map(|bytes| bytes.to_vec())
    }

    pub(super) fn mkdir(&self, path: &str) -> Result<(), Errno> {
        self.mkdir_mode(path, 0o755)
    }

    pub(super) fn mkdir_mode(&self, path: &str, mode: u32) -> Result<(), Errno> {
        self.vfs.mkdir(&self.context(), &self.root, path.as_bytes(), mode).map(drop)
    }

    pub(super) fn unlink(&self, path: &str) -> Result<(), Errno> {
        self.vfs.unlink(&self.context(), &self.root, path.as_bytes())
    }

    pub(super) fn rmdir(&self, path: &str) -> Result<(), Errno> {
        self.vfs.rmdir(&self.context(), &self.root, path.as_bytes())
    }

    pub(super) fn symlink(&self, target: &str, path: &str) -> Result<(), Errno> {
        let (target, path) = (target.as_bytes(), path.as_bytes());
        self.vfs.symlink(&self.context(), target, &self.root, path).map(drop)
    }

    pub(super) fn link(&self, old: &str, new: &str) -> Result<(), Errno> {
        let node = self.lnode(old)?;
        self.vfs.link(&self.context(), &node, &self.root, new.as_bytes())
    }

    pub(super) fn rename(&self, old: &str, new: &str) -> Result<(), Errno> {
        self.rename_how(old, new, Rename::Replace)
    }

    pub(super) fn rename_how(&self, old: &str, new: &str, how: Rename) -> Result<(), Errno> {
        let (old, new) = ((&self.root, old.as_bytes()), (&self.root, new.as_bytes()));
        self.vfs.rename(&self.context(), old, new, how)
    }

    pub(super) fn node(&self, path: &str) -> Result<Node, Errno> {
        self.vfs.node(&self.context(), &self.root, path.as_bytes(), true)
    }

    pub(super) fn lnode(&self, path: &str) -> Result<Node, Errno> {
        self.vfs.node(&self.context(), &self.root, path.as_bytes(), false)
    }

    pub(super) fn stat(&self, path: &str) -> Result<Stat, Errno> {
        self.node(path)?.stat()
    }

    pub(super) fn chmod(&self, path: &str, mode: u32) -> Result<(), Errno> {
        self.node(path)?.chmod(&self.context(), mode)
    }

    pub(super) fn chown(&self, path: &str, uid: u32, gid: u32) -> Result<(), Errno> {
        self.node(path)?.chown(&self.context(), Some(uid), Some(gid))
    }

    pub(super) fn list(&self, path: &str) -> Result<Vec<String>, Errno> {
        let file = self.open(path, OpenFlags::DIRECTORY, 0)?;
        let mut names = Vec::new();
        file.list(0, &mut |entry| {
            names.push(String::from_utf8_lossy(entry.name).into_owned());
            true
        })?;
        Ok(names)
    }
}
