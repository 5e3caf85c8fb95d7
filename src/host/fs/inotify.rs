//! inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2); reading is as of any file.

use super::View;
use crate::errno::Errno;
use crate::host::Call;
use crate::process::file::{Object, OpenFile, flag};
use crate::process::inotify::{self, Inotify};
use crate::vfs::{Access, Kind};
use std::sync::Arc;

/// inotify_init1(2).
pub(super) fn init(call: &mut Call<'_>) -> Result<u32, Errno> {
    let flags = call.args[0];
    if flags & !(flag::CLOEXEC | flag::NONBLOCK) != 0 {
        return Err(Errno::INVAL);
    }
    let kernel = call.kernel();
    let made =
        Inotify::new(&kernel.vfs, &kernel.buffers, &kernel.inotifies, &kernel.inotify_watches);
    let file = OpenFile::new(Object::Inotify(made?), flags & flag::NONBLOCK);
    call.install(file, flags & flag::CLOEXEC != 0)
}

fn instance(file: &OpenFile) -> Result<&Arc<Inotify>, Errno> {
    match file.object() {
        Object::Inotify(inotify) => Ok(inotify),
        _ => Err(Errno::INVAL),
    }
}

/// inotify_add_watch(2).
pub(super) fn add_watch(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, path, mask, ..] = call.args;
    // In Linux's order.
    if mask & inotify::KNOWN == 0 {
        return Err(Errno::INVAL);
    }
    let file = call.file(0)?;
    Inotify::check(mask)?;
    let inotify = instance(&file)?;
    let path = call.path(path)?;
    let view = View::of(call);
    let context = view.context();
    let follow = mask & inotify::flag::DONT_FOLLOW == 0;
    let at = view.at(call, super::AT_FDCWD, &path)?;
    let node = view.vfs.node(&context, &at, &path, follow)?;
    if mask & inotify::flag::ONLYDIR != 0 && node.kind() != Kind::Directory {
        return Err(Errno::NOTDIR);
    }
    node.access(&context, Access::READ)?;
    inotify.add(&view.vfs, &node, mask).map(i32::cast_unsigned)
}

/// inotify_rm_watch(2).
pub(super) fn rm_watch(call: &mut Call<'_>) -> Result<u32, Errno> {
    let file = call.file(0)?;
    instance(&file)?.remove(call.args[1].cast_signed())?;
    Ok(0)
}
