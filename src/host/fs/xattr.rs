//! Extended attributes: {,l,f}{set,get,list,remove}xattr(2).

use super::{AT_FDCWD, AT_SYMLINK_NOFOLLOW, View, node_of, opened};
use crate::errno::Errno;
use crate::host::{Call, nr};
use crate::vfs::{Node, SetXattr, XATTR_SIZE_MAX};

/// Bytes of the longest name with its NUL, and one to tell longer ones.
const NAME_BYTES: usize = 257;
/// `XATTR_CREATE`
const CREATE: u32 = 1;
/// `XATTR_REPLACE`
const REPLACE: u32 = 2;

/// The node of the first argument: a path (followed or not) or a descriptor.
fn target(call: &mut Call<'_>, view: &View, number: u32) -> Result<Node, Errno> {
    let first = call.args[0];
    let flags = match number {
        nr::FSETXATTR | nr::FGETXATTR | nr::FLISTXATTR | nr::FREMOVEXATTR => {
            return node_of(&*opened(call, first)?).map_err(|_pipe| Errno::OPNOTSUPP);
        }
        nr::LSETXATTR | nr::LGETXATTR | nr::LLISTXATTR | nr::LREMOVEXATTR => AT_SYMLINK_NOFOLLOW,
        _ => 0,
    };
    let path = call.path(first)?;
    view.node(call, AT_FDCWD, &path, flags)
}

fn name(call: &mut Call<'_>) -> Result<Vec<u8>, Errno> {
    call.cstr(call.args[1], NAME_BYTES).map_err(|errno| match errno {
        Errno::NAMETOOLONG => Errno::RANGE,
        other => other,
    })
}

/// Gives `bytes` to the guest: their number, ERANGE if they do not fit; a `size` of 0 only asks.
fn give(call: &mut Call<'_>, buffer: u32, size: u32, bytes: &[u8]) -> Result<u32, Errno> {
    if size != 0 {
        if bytes.len() > size as usize {
            return Err(Errno::RANGE);
        }
        call.bytes(buffer, bytes.len())?.copy_from_slice(bytes);
    }
    Ok(bytes.len() as u32)
}

/// setxattr(2), lsetxattr(2), fsetxattr(2).
pub(super) fn set(call: &mut Call<'_>, number: u32) -> Result<u32, Errno> {
    let [_, _, value, size, flags, _] = call.args;
    let how = match flags {
        0 => SetXattr::Any,
        CREATE => SetXattr::Create,
        REPLACE => SetXattr::Replace,
        _ => return Err(Errno::INVAL),
    };
    let name = name(call)?;
    if size as usize > XATTR_SIZE_MAX {
        return Err(Errno::TOOBIG);
    }
    let value = call.bytes(value, size as usize)?.to_vec();
    let view = View::of(call);
    target(call, &view, number)?.set_xattr(&view.context(), &name, &value, how)?;
    Ok(0)
}

/// getxattr(2), lgetxattr(2), fgetxattr(2).
pub(super) fn get(call: &mut Call<'_>, number: u32) -> Result<u32, Errno> {
    let [_, _, buffer, size, ..] = call.args;
    let name = name(call)?;
    let view = View::of(call);
    let value = target(call, &view, number)?.xattr(&view.context(), &name)?;
    give(call, buffer, size, &value)
}

/// listxattr(2), llistxattr(2), flistxattr(2): names, each with its NUL.
pub(super) fn list(call: &mut Call<'_>, number: u32) -> Result<u32, Errno> {
    let [_, buffer, size, ..] = call.args;
    let view = View::of(call);
    let mut names = Vec::new();
    for name in target(call, &view, number)?.xattrs() {
        names.extend_from_slice(&name);
        names.push(0);
    }
    give(call, buffer, size, &names)
}

/// removexattr(2), lremovexattr(2), fremovexattr(2).
pub(super) fn remove(call: &mut Call<'_>, number: u32) -> Result<u32, Errno> {
    let name = name(call)?;
    let view = View::of(call);
    target(call, &view, number)?.remove_xattr(&view.context(), &name)?;
    Ok(0)
}
