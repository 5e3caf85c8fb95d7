//! User and group ids of a process and the rules by which it may change them (credentials(7)). No capabilities: root may all.

use crate::errno::Errno;
use crate::vfs::Cred;
use std::sync::Arc;

/// Supplementary groups of one process (Linux allows 65536; `NGROUPS_MAX` of small systems).
pub(crate) const GROUPS_MAX: usize = 64;

/// Real, effective and saved ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) real: u32,
    pub(crate) effective: u32,
    pub(crate) saved: u32,
}

impl Ids {
    fn all(id: u32) -> Self {
        Self { real: id, effective: id, saved: id }
    }

    fn contains(self, id: u32) -> bool {
        id == self.real || id == self.effective || id == self.saved
    }

    /// setuid(2), setgid(2).
    fn set(&mut self, id: u32, privileged: bool) -> Result<(), Errno> {
        if privileged {
            *self = Self::all(id);
        } else if id == self.real || id == self.saved {
            self.effective = id;
        } else {
            return Err(Errno::PERM);
        }
        Ok(())
    }

    /// setresuid(2), setresgid(2); `None` leaves an id.
    fn set_all(&mut self, ids: [Option<u32>; 3], privileged: bool) -> Result<(), Errno> {
        if !privileged && ids.into_iter().flatten().any(|id| !self.contains(id)) {
            return Err(Errno::PERM);
        }
        self.real = ids[0].unwrap_or(self.real);
        self.effective = ids[1].unwrap_or(self.effective);
        self.saved = ids[2].unwrap_or(self.saved);
        Ok(())
    }

    /// setreuid(2), setregid(2); `None` leaves an id.
    fn set_pair(
        &mut self,
        real: Option<u32>,
        effective: Option<u32>,
        privileged: bool,
    ) -> Result<(), Errno> {
        let before = *self;
        let real_allowed = |id| id == before.real || id == before.effective;
        if !privileged
            && (real.is_some_and(|id| !real_allowed(id))
                || effective.is_some_and(|id| !before.contains(id)))
        {
            return Err(Errno::PERM);
        }
        self.real = real.unwrap_or(self.real);
        self.effective = effective.unwrap_or(self.effective);
        if real.is_some() || effective.is_some_and(|id| id != before.real) {
            self.saved = self.effective;
        }
        Ok(())
    }
}

/// Who a process is.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) user: Ids,
    pub(crate) group: Ids,
    /// Supplementary groups.
    pub(crate) groups: Arc<[u32]>,
}

impl Credentials {
    /// All ids of one user.
    pub(crate) fn new(uid: u32, gid: u32, groups: Arc<[u32]>) -> Self {
        Self { user: Ids::all(uid), group: Ids::all(gid), groups }
    }

    /// What the file system judges by: the effective ids.
    pub(crate) fn file(&self) -> Cred {
        Cred { uid: self.user.effective, gid: self.group.effective, groups: self.groups.clone() }
    }

    /// What access(2) judges by: the real ids.
    pub(crate) fn real(&self) -> Cred {
        Cred { uid: self.user.real, gid: self.group.real, groups: self.groups.clone() }
    }

    /// Whether the effective user is root.
    pub(crate) fn is_root(&self) -> bool {
        self.user.effective == 0
    }

    /// Whether a process of `self` may signal one of `target` (kill(2)).
    pub(crate) fn may_signal(&self, target: &Self) -> bool {
        let mine = [self.user.real, self.user.effective];
        self.is_root() || mine.iter().any(|&id| id == target.user.real || id == target.user.saved)
    }

    /// setuid(2).
    ///
    /// # Errors
    ///
    /// EPERM by the rules of the page; so also below.
    pub(crate) fn set_uid(&mut self, id: u32) -> Result<(), Errno> {
        let root = self.is_root();
        self.user.set(id, root)
    }

    /// setgid(2).
    pub(crate) fn set_gid(&mut self, id: u32) -> Result<(), Errno> {
        let root = self.is_root();
        self.group.set(id, root)
    }

    /// setresuid(2).
    pub(crate) fn set_resuid(&mut self, ids: [Option<u32>; 3]) -> Result<(), Errno> {
        let root = self.is_root();
        self.user.set_all(ids, root)
    }

    /// setresgid(2).
    pub(crate) fn set_resgid(&mut self, ids: [Option<u32>; 3]) -> Result<(), Errno> {
        let root = self.is_root();
        self.group.set_all(ids, root)
    }

    /// setreuid(2).
    pub(crate) fn set_reuid(&mut self, ids: [Option<u32>; 2]) -> Result<(), Errno> {
        let root = self.is_root();
        self.user.set_pair(ids[0], ids[1], root)
    }

    /// setregid(2).
    pub(crate) fn set_regid(&mut self, ids: [Option<u32>; 2]) -> Result<(), Errno> {
        let root = self.is_root();
        self.group.set_pair(ids[0], ids[1], root)
    }

    /// setgroups(2): root only, at most [`GROUPS_MAX`]. They are told in order, as by Linux.
    pub(crate) fn set_groups(&mut self, mut groups: Vec<u32>) -> Result<(), Errno> {
        if !self.is_root() {
            return Err(Errno::PERM);
        }
        if groups.len() > GROUPS_MAX {
            return Err(Errno::INVAL);
        }
        groups.sort_unstable();
        self.groups = groups.into();
        Ok(())
    }

    /// The ids after execve(2) of a file with these set-id owners.
    pub(crate) fn exec(&mut self, set_uid: Option<u32>, set_gid: Option<u32>) {
        self.user.effective = set_uid.unwrap_or(self.user.effective);
        self.group.effective = set_gid.unwrap_or(self.group.effective);
        self.user.saved = self.user.effective;
        self.group.saved = self.group.effective;
    }

    /// `POSIX_SPAWN_RESETIDS`: the effective ids become the real ones.
    pub(crate) fn reset(&mut self) {
        self.user.effective = self.user.real;
        self.group.effective = self.group.real;
    }

    /// `AT_SECURE`: the ids were raised at execve.
    pub(crate) fn is_secure(&self) -> bool {
        self.user.real != self.user.effective || self.group.real != self.group.effective
    }
}
