//! openat(2): from a path to a descriptor, whatever stands behind the path.

use super::View;
use crate::errno::{Errno, RESTART};
use crate::host::{Call, Wake};
use crate::process::file::{Object, OpenFile, flag};
use crate::process::{Process, device};
use crate::vfs::{Context, Dir, Node, OpenFlags, Opened};
use std::sync::Arc;

/// openat(2).
pub(super) async fn openat(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, path, flags, mode, ..] = call.args;
    let path = call.path(path)?;
    let view = View::of(call);
    let at = view.at(call, fd, &path)?;
    let file = open(call, &view, &at, &path, flags, mode & !view.umask).await?;
    let cloexec = flags & flag::CLOEXEC != 0;
    call.process().fds.lock().insert(0, file, cloexec)
}

/// Opens whatever stands behind `path`; `mode` is masked.
///
/// # Errors
///
/// As open(2); RESTART after a signal while a FIFO has no peer.
pub(in crate::host) async fn open(
    call: &mut Call<'_>,
    view: &View,
    at: &Dir,
    path: &[u8],
    flags: u32,
    mode: u32,
) -> Result<Arc<OpenFile>, Errno> {
    match open_at(call.process(), &view.context(), at, path, flags, mode)? {
        Found::Open(file) => Ok(file),
        Found::Fifo(node) => open_fifo(call, &node, flags).await,
    }
}

/// What a path leads to, opened unless that may have to wait.
enum Found {
    Open(Arc<OpenFile>),
    /// A FIFO: its opening waits for a peer.
    Fifo(Node),
}

/// Opens all that open(2) opens without waiting; `mode` is masked.
///
/// # Errors
///
/// As open(2).
fn open_at(
    process: &Arc<Process>,
    context: &Context<'_>,
    at: &Dir,
    path: &[u8],
    flags: u32,
    mode: u32,
) -> Result<Found, Errno> {
    let wanted = OpenFlags::from_bits_truncate(flags);
    match process.kernel.vfs.open(context, at, path, wanted, mode)? {
        Opened::File(file) => Ok(Found::Open(OpenFile::new(Object::File(file), flags))),
        Opened::Fifo(node) => Ok(Found::Fifo(node)),
        Opened::Device(id, node) => device::open(process, id, node, flags).map(Found::Open),
        Opened::Object(object) => OpenFile::from_link(object)?.reopen(flags).map(Found::Open),
    }
}

/// Opens a FIFO, waiting for a peer unless `O_NONBLOCK`.
async fn open_fifo(call: &mut Call<'_>, node: &Node, flags: u32) -> Result<Arc<OpenFile>, Errno> {
    let opening = device::open_fifo(call.process(), node, flags)?;
    loop {
        let waiter = opening.subscribe();
        if opening.ready() {
            return Ok(OpenFile::with_node(Object::Pipe(opening.finish()), flags, node.clone()));
        }
        match call.wait(waiter, None).await {
            Wake::Done(()) | Wake::TimedOut => {}
            Wake::Interrupted => return Err(RESTART),
        }
    }
}
