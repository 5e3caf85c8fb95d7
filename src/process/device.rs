//! What opening a device node gives: the memory devices, the terminals, and the directory `/dev/pts`.

use super::describe::terminal_inode;
use super::file::{Object, OpenFile, flag};
use super::pipe::{Fifo, Opening};
use super::process::Process;
use super::pty::{Pty, REPLICA_MAJOR, Terminals};
use super::termios::WindowSize;
use crate::errno::Errno;
use crate::vfs::{
    Attributes, Caller, DeviceId, Dynamic, DynamicEntry, DynamicMount, Kind, Node, Timespec,
};
use std::any::Any;
use std::sync::Arc;

/// `f_type` of `/dev/pts` (`DEVPTS_SUPER_MAGIC`).
const DEVPTS_MAGIC: u32 = 0x1cd1;

/// Opens the device `id`, found at `node`, for `process`, with the flags of open(2).
///
/// # Errors
///
/// ENXIO for a device that does not exist, or `/dev/tty` without a controlling terminal; those of the terminal.
pub(crate) fn open(
    process: &Process,
    id: DeviceId,
    node: Node,
    flags: u32,
) -> Result<Arc<OpenFile>, Errno> {
    let object = match (id.major, id.minor) {
        (1, 3) => Object::Null,
        (1, 5) => Object::Zero,
        (1, 7) => Object::Full,
        (1, 8 | 9) => Object::Random,
        (5, 0) => Object::Terminal(controlling(process).ok_or(Errno::NXIO)?.replica()?),
        (5, 2) => {
            let kernel = &process.kernel;
            let cred = process.file_cred();
            let owner = (cred.uid, cred.gid);
            Object::Master(kernel.terminals.open(WindowSize::default(), owner, &kernel.buffers)?)
        }
        (REPLICA_MAJOR, index) => {
            let pty = process.kernel.terminals.get(index).ok_or(Errno::NXIO)?;
            let replica = pty.replica()?;
            if flags & flag::NO_CTTY == 0 {
                adopt(process, &pty);
            }
            Object::Terminal(replica)
        }
        _ => return Err(Errno::NXIO),
    };
    Ok(OpenFile::with_node(object, flags, node))
}

/// The controlling terminal of the process's session.
pub(crate) fn controlling(process: &Process) -> Option<Arc<Pty>> {
    let terminal: Arc<dyn Any + Send + Sync> = process.session().terminal()?;
    terminal.downcast().ok()
}

/// Makes `pty` the controlling terminal if the process leads a session that has none and `pty` controls no other.
fn adopt(process: &Process, pty: &Arc<Pty>) {
    let session = process.session();
    if session.sid == process.pid && session.terminal().is_none() && pty.session().is_none() {
        // Lost to a thread that was quicker: then that one's terminal counts.
        let _ = session.set_terminal(pty.clone(), process.pgid());
    }
}

/// Begins to open the FIFO at `node`; open(2) returns when the opening is ready.
///
/// # Errors
///
/// ENXIO as fifo(7) says, ENFILE when the sandbox's buffers are all taken.
pub(crate) fn open_fifo(process: &Process, node: &Node, flags: u32) -> Result<Opening, Errno> {
    let pipe = node.attach(Fifo::default)?.pipe(&process.kernel.buffers)?;
    let access = flags & flag::ACCESS;
    let ends = (access != flag::WRITE_ONLY, access != 0);
    Opening::begin(&pipe, ends, flags & flag::NONBLOCK != 0)
}

/// The file system for `/dev/pts`.
pub(crate) fn pts(terminals: &Arc<Terminals>) -> DynamicMount {
    let root = Arc::new(PtsDirectory(terminals.clone(), Timespec::now()));
    DynamicMount::new(root, super::describe::TERMINALS, DEVPTS_MAGIC)
}

/// `/dev/pts`
struct PtsDirectory(Arc<Terminals>, Timespec);

/// `/dev/pts/N`
struct PtsNode(Arc<Pty>);

impl Dynamic for PtsDirectory {
    fn attributes(&self, _caller: Caller) -> Result<Attributes, Errno> {
        Ok(Attributes {
            ino: 1,
            kind: Kind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            nlink: 2,
            size: 0,
            rdev: DeviceId::default(),
            time: self.1,
        })
    }

    fn lookup(&self, _caller: Caller, name: &[u8]) -> Result<Arc<dyn Dynamic>, Errno> {
        let text = std::str::from_utf8(name).map_err(|_bytes| Errno::NOENT)?;
        let index: u32 = text.parse().map_err(|_number| Errno::NOENT)?;
        if index.to_string() != text {
            return Err(Errno::NOENT); // "+1", "01"
        }
        let pty = self.0.get(index).ok_or(Errno::NOENT)?;
        Ok(Arc::new(PtsNode(pty)))
    }

    fn list(&self, _caller: Caller) -> Result<Vec<DynamicEntry>, Errno> {
        let entry = |pty: Arc<Pty>| DynamicEntry {
            ino: terminal_inode(pty.index),
            kind: Kind::Device,
            name: pty.index.to_string().into_bytes(),
        };
        Ok(self.0.list().into_iter().map(entry).collect())
    }
}

impl Dynamic for PtsNode {
    fn attributes(&self, _caller: Caller) -> Result<Attributes, Errno> {
        Ok(Attributes {
            ino: terminal_inode(self.0.index),
            kind: Kind::Device,
            mode: 0o620,
            uid: self.0.owner.0,
            gid: self.0.owner.1,
            nlink: 1,
            size: 0,
            rdev: DeviceId { major: REPLICA_MAJOR, minor: self.0.index },
            time: self.0.created,
        })
    }
}
