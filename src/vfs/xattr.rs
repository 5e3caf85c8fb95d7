//! Extended attributes, xattr(7): the `user.` namespace on regular files and directories.
//!
//! Other namespaces answer as a file system without them: EOPNOTSUPP.

use super::attributes::{Kind, S_ISVTX};
use super::inode::{Access, Xattrs};
use super::tree::Place;
use super::{Context, Events, Node};
use crate::errno::Errno;
use std::sync::Arc;

/// Longest name in bytes (Linux's `XATTR_NAME_MAX`).
const NAME_MAX: usize = 255;
/// Longest value in bytes (Linux's `XATTR_SIZE_MAX`).
pub(crate) const SIZE_MAX: usize = 64 << 10;
/// Names and values of one node together, in bytes: twice the largest value, like XFS's attribute block limit in spirit.
const TOTAL_MAX: usize = 128 << 10;

/// What setxattr(2) may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetXattr {
    /// Make or replace.
    Any,
    /// Only make (`XATTR_CREATE`).
    Create,
    /// Only replace (`XATTR_REPLACE`).
    Replace,
}

fn check_name(name: &[u8]) -> Result<(), Errno> {
    if name.is_empty() || name.len() > NAME_MAX {
        return Err(Errno::RANGE);
    }
    match name.strip_prefix(b"user.") {
        Some(b"") => Err(Errno::INVAL),
        Some(_) => Ok(()),
        None => Err(Errno::OPNOTSUPP),
    }
}

fn total(xattrs: &Xattrs) -> usize {
    xattrs.iter().map(|(name, value)| name.len() + value.len()).sum()
}

impl Node {
    fn may_xattr(&self, context: &Context<'_>, want: Access) -> Result<(), Errno> {
        let Place::Inode(inode) = &self.place else { return Err(Errno::OPNOTSUPP) };
        let writes = want.contains(Access::WRITE);
        if !matches!(inode.kind, Kind::File | Kind::Directory) {
            return Err(if writes { Errno::PERM } else { Errno::NODATA });
        }
        let sticky = inode.is_directory() && inode.state.lock().mode & S_ISVTX != 0;
        if writes && sticky {
            inode.owned_by(context.cred)?;
        }
        inode.permission(context.cred, want)
    }

    /// getxattr(2).
    ///
    /// # Errors
    ///
    /// ENODATA, EACCES, EOPNOTSUPP, ERANGE for a bad name.
    pub(crate) fn xattr(&self, context: &Context<'_>, name: &[u8]) -> Result<Arc<[u8]>, Errno> {
        check_name(name)?;
        self.may_xattr(context, Access::READ)?;
        self.inode()?.state.lock().xattrs.get(name).cloned().ok_or(Errno::NODATA)
    }

    /// listxattr(2): the names.
    pub(crate) fn xattrs(&self) -> Vec<Vec<u8>> {
        match &self.place {
            Place::Inode(inode) => inode.state.lock().xattrs.keys().cloned().collect(),
            Place::Dynamic(_) | Place::Object(_) => Vec::new(),
        }
    }

    /// setxattr(2).
    ///
    /// # Errors
    ///
    /// EEXIST, ENODATA by `how`; E2BIG, ENOSPC, EACCES, EPERM, EOPNOTSUPP.
    pub(crate) fn set_xattr(
        &self,
        context: &Context<'_>,
        name: &[u8],
        value: &[u8],
        how: SetXattr,
    ) -> Result<(), Errno> {
        check_name(name)?;
        if value.len() > SIZE_MAX {
            return Err(Errno::TOOBIG);
        }
        self.may_xattr(context, Access::WRITE)?;
        let inode = self.inode()?;
        {
            let mut state = inode.state.lock();
            let old = state.xattrs.get(name).map(|value| value.len());
            match (how, old) {
                (SetXattr::Create, Some(_)) => return Err(Errno::EXIST),
                (SetXattr::Replace, None) => return Err(Errno::NODATA),
                _ => {}
            }
            let freed = old.map_or(0, |old| old + name.len());
            let added = name.len() + value.len();
            if total(&state.xattrs) - freed + added > TOTAL_MAX {
                return Err(Errno::NOSPC);
            }
            inode.shared.usage.charge_bytes(added as u64)?;
            // An image's attributes were never charged.
            let release = (freed as u64).min(state.extra);
            inode.shared.usage.release_bytes(release);
            state.extra = state.extra - release + added as u64;
            Arc::make_mut(&mut state.xattrs).insert(name.to_vec(), value.into());
            state.changed();
        }
        self.tell(Events::ATTRIB);
        Ok(())
    }

    /// removexattr(2).
    ///
    /// # Errors
    ///
    /// ENODATA, EACCES, EPERM, EOPNOTSUPP.
    pub(crate) fn remove_xattr(&self, context: &Context<'_>, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        self.may_xattr(context, Access::WRITE)?;
        let inode = self.inode()?;
        {
            let mut state = inode.state.lock();
            let old = Arc::make_mut(&mut state.xattrs).remove(name).ok_or(Errno::NODATA)?;
            let release = ((old.len() + name.len()) as u64).min(state.extra);
            inode.shared.usage.release_bytes(release);
            state.extra -= release;
            state.changed();
        }
        self.tell(Events::ATTRIB);
        Ok(())
    }
}
