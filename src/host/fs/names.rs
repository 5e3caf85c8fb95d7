//! Calls that make, move, take away and tell names: mkdirat, mknodat, unlinkat, symlinkat, linkat, renameat2, readlinkat,
//! and the working and root directories.

use super::{AT_EMPTY_PATH, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW, View};
use crate::errno::Errno;
use crate::host::Call;
use crate::vfs::{Access, DeviceId, Kind, Rename};

/// `S_IFMT`
const TYPE_MASK: u32 = 0o170_000;
/// `S_IFBLK`
const BLOCK_DEVICE: u32 = 0o060_000;
/// `S_IFREG`
const REGULAR: u32 = 0o100_000;
/// `RENAME_NOREPLACE`
const RENAME_NOREPLACE: u32 = 1;
/// `RENAME_EXCHANGE`
const RENAME_EXCHANGE: u32 = 2;

/// mkdirat(2).
pub(super) fn mkdirat(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, path, mode, ..] = call.args;
    let path = call.path(path)?;
    let view = View::of(call);
    let at = view.at(call, fd, &path)?;
    view.vfs.mkdir(&view.context(), &at, &path, mode & !view.umask)?;
    Ok(0)
}

/// mknodat(2).
pub(super) fn mknodat(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, path, mode, device, ..] = call.args;
    let path = call.path(path)?;
    let kind = match mode & TYPE_MASK {
        0 | REGULAR => Kind::File,
        BLOCK_DEVICE => return Err(Errno::PERM),
        other => [Kind::Fifo, Kind::Socket, Kind::Device, Kind::Directory]
            .into_iter()
            .find(|kind| kind.mode_bits() == other)
            .ok_or(Errno::INVAL)?,
    };
    let view = View::of(call);
    let at = view.at(call, fd, &path)?;
    let id = DeviceId::decode(device.into());
    view.vfs.mknod(&view.context(), &at, &path, kind, id, mode & !view.umask)?;
    Ok(0)
}

/// unlinkat(2).
pub(super) fn unlinkat(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, path, flags, ..] = call.args;
    if flags & !AT_REMOVEDIR != 0 {
        return Err(Errno::INVAL);
    }
    let path = call.path(path)?;
    let view = View::of(call);
    let at = view.at(call, fd, &path)?;
    if flags & AT_REMOVEDIR != 0 {
        view.vfs.rmdir(&view.context(), &at, &path)?;
    } else {
        view.vfs.unlink(&view.context(), &at, &path)?;
    }
    Ok(0)
}

/// symlinkat(2).
pub(super) fn symlinkat(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [target, fd, path, ..] = call.args;
    let (target, path) = (call.path(target)?, call.path(path)?);
    let view = View::of(call);
    let at = view.at(call, fd, &path)?;
    view.vfs.symlink(&view.context(), &target, &at, &path)?;
    Ok(0)
}

/// linkat(2).
pub(super) fn linkat(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [old_fd, old, new_fd, new, flags, _] = call.args;
    if flags & !(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::INVAL);
    }
    let (old, new) = (call.path(old)?, call.path(new)?);
    let view = View::of(call);
    if flags & AT_EMPTY_PATH != 0 && !view.cred.is_root() {
        return Err(Errno::NOENT);
    }
    let follow = if flags & AT_SYMLINK_FOLLOW != 0 { 0 } else { AT_SYMLINK_NOFOLLOW };
    let node = view.node(call, old_fd, &old, follow | flags & AT_EMPTY_PATH)?;
    let at = view.at(call, new_fd, &new)?;
    view.vfs.link(&view.context(), &node, &at, &new)?;
    Ok(0)
}

/// renameat2(2).
pub(super) fn renameat2(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [old_fd, old, new_fd, new, flags, _] = call.args;
    let how = match flags {
        0 => Rename::Replace,
        RENAME_NOREPLACE => Rename::NoReplace,
        RENAME_EXCHANGE => Rename::Exchange,
        _ => return Err(Errno::INVAL),
    };
    let (old, new) = (call.path(old)?, call.path(new)?);
    let view = View::of(call);
    let from = view.at(call, old_fd, &old)?;
    let to = view.at(call, new_fd, &new)?;
    view.vfs.rename(&view.context(), (&from, &old), (&to, &new), how)?;
    Ok(0)
}

/// readlinkat(2): as many bytes as fit, no NUL.
pub(super) fn readlinkat(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, path, buffer, size, ..] = call.args;
    if size.cast_signed() <= 0 {
        return Err(Errno::INVAL);
    }
    let path = call.path(path)?;
    let view = View::of(call);
    let flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
    let node = view.node(call, fd, &path, flags)?;
    let text = match node.readlink(&view.context()) {
        // A descriptor that is no link.
        Err(Errno::INVAL) if path.is_empty() => return Err(Errno::NOENT),
        read => read?,
    };
    let count = text.len().min(size as usize);
    call.bytes(buffer, count)?.copy_from_slice(&text[..count]);
    Ok(count as u32)
}

/// chdir(2).
pub(super) fn chdir(call: &mut Call<'_>) -> Result<u32, Errno> {
    let path = call.path(call.args[0])?;
    let view = View::of(call);
    let dir = view.vfs.directory(&view.context(), &view.cwd, &path)?;
    call.process().set_cwd(dir);
    Ok(0)
}

/// fchdir(2); a path descriptor will do.
pub(super) fn fchdir(call: &mut Call<'_>) -> Result<u32, Errno> {
    let file = super::descriptor(call, call.args[0])?;
    let file = file.vfs_file().ok_or(Errno::NOTDIR)?;
    let dir = file.dir()?;
    file.node().access(&View::of(call).context(), Access::EXECUTE)?;
    call.process().set_cwd(dir);
    Ok(0)
}

/// chroot(2): root only. The working directory stays, as on Linux.
pub(super) fn chroot(call: &mut Call<'_>) -> Result<u32, Errno> {
    let path = call.path(call.args[0])?;
    let view = View::of(call);
    let dir = view.vfs.directory(&view.context(), &view.cwd, &path)?;
    if !view.cred.is_root() {
        return Err(Errno::PERM);
    }
    call.process().with_attributes(|attributes| attributes.root = dir);
    Ok(0)
}

/// getcwd(2): the length with its NUL.
pub(super) fn getcwd(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [buffer, size, ..] = call.args;
    let view = View::of(call);
    let mut path = view.vfs.path_of(&view.root, &view.cwd)?;
    path.push(0);
    if path.len() > size as usize {
        return Err(Errno::RANGE);
    }
    call.bytes(buffer, path.len())?.copy_from_slice(&path);
    Ok(path.len() as u32)
}
