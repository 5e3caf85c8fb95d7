//! The kernel without an engine: programs are never run, tests play their part.

mod life;
mod limits;
mod proc_files;
mod signalling;
mod signals_model;
mod special_files;
mod tree_model;

use super::cred::Credentials;
use super::process::End;
use super::{Exec, ExitStatus, Kernel, Process, SpawnRequest, Thread, exec};
use crate::config::Limits;
use crate::errno::Errno;
use crate::vfs::{Context, Cred, OpenFlags, Opened, Store, Vfs, VfsLimits};
use crate::vnet::{Egress, Gate, Net, Resolver};
use parking_lot::Mutex;
use std::sync::Arc;

/// Commits each program at once and keeps its thread.
#[derive(Default)]
struct Recorder(Mutex<Vec<Arc<Thread>>>);

impl Exec for Recorder {
    fn start(self: Arc<Self>, thread: Arc<Thread>, program: exec::Program) {
        program.commit(&thread);
        self.0.lock().push(thread);
    }
}

/// A kernel with a few programs in its file system.
struct Machine {
    kernel: Arc<Kernel>,
    recorder: Arc<Recorder>,
}

impl Machine {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    /// Must be made inside a tokio runtime: the network is.
    fn with(limits: Limits) -> Self {
        let vfs = Vfs::new(None, VfsLimits::default(), Store::in_memory()).expect("an empty tree");
        let net = Net::new(Egress::deny_all(), Resolver::new(), Gate::default(), &limits, "");
        let recorder = Arc::new(Recorder::default());
        let kernel = Kernel::new(vfs, net, limits, recorder.clone(), "".into());
        let machine = Self { kernel, recorder };
        machine.kernel.mount().expect("/proc and /dev/pts are there");
        machine.file("/prog", b"\0asm\x01\0\0\0", 0o755);
        machine
    }

    /// Makes a file of root's.
    fn file(&self, path: &str, content: &[u8], mode: u32) {
        let vfs = &self.kernel.vfs;
        let (cred, root) = (Cred::root(), vfs.root());
        let context = Context { cred: &cred, root: &root, pid: 0 };
        let flags = OpenFlags::CREATE | OpenFlags::WRITE_ONLY;
        let opened = vfs.open(&context, &root, path.as_bytes(), flags, mode).expect("made");
        let Opened::File(file) = opened else { panic!("{path} is no file") };
        assert_eq!(file.write_at(content, 0), Ok(content.len()));
        let node = vfs.node(&context, &root, path.as_bytes(), true).expect("there");
        node.chmod(&context, mode).expect("root may");
    }

    fn request(&self, path: &str, uid: u32) -> SpawnRequest {
        SpawnRequest {
            path: path.into(),
            argv: vec![path.into(), b"one".to_vec()],
            env: vec![b"HOME=/".to_vec()],
            cwd: self.kernel.vfs.root(),
            cred: Credentials::new(uid, uid, Arc::new([])),
            umask: 0o22,
            fds: Vec::new(),
            terminal: None,
        }
    }

    /// A running program of user `uid`, under init.
    fn spawn(&self, uid: u32) -> Arc<Thread> {
        let process = self.kernel.spawn(self.request("/prog", uid)).expect("starts");
        let started = self.recorder.0.lock();
        let thread = started.last().expect("the engine was asked").clone();
        assert_eq!(thread.process.pid, process.pid);
        thread
    }
}

fn fork(parent: &Thread) -> Arc<Thread> {
    parent.process.fork(parent).expect("room for one more")
}

/// The thread leaves with an exit code, as its program's last act.
fn exit(thread: &Thread, code: u8) {
    thread.process.exit(ExitStatus::Code(code));
    thread.finish(End::Killed);
}

/// What the engine does when a thread has been told to end.
fn end_if_doomed(thread: &Thread) -> bool {
    let doomed = thread.killed().is_cancelled();
    if doomed {
        thread.finish(End::Killed);
    }
    doomed
}

/// The errno of what must have failed.
fn errno<T>(result: Result<T, Errno>) -> Errno {
    result.err().expect("it must fail")
}

fn pid(process: &Process) -> u32 {
    process.pid
}
