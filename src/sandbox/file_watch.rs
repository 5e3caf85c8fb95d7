//! Watching a directory of a sandbox from outside, with everything below it if asked for.
//!
//! The tree broadcasts changes by inode (vfs/watch.rs); which of them lie below the watched directory, and by what path, is
//! found when they happen. So directories that are made, moved in or out meanwhile need no watch of their own and nothing
//! in them is missed. The queue is bounded and charged to the sandbox; what does not fit is told as one overflow.

use super::{Files, User};
use crate::errno::Errno;
use crate::error::Error;
use crate::process::Kernel;
use crate::process::budget::Reservation;
use crate::vfs::{Change, Events, Node, Watcher};
use crate::wait::WaitQueue;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// Bytes that a watch's queue may take.
const QUEUE_BYTES_MAX: usize = 256 << 10;

/// What a watch tells of; reading, opening and closing are not among it.
const TOLD: Events = Events::MODIFY.union(Events::ATTRIB).union(Events::NAMES).union(Events::SELF);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileEventKind {
    /// A name appeared.
    Created,
    /// Content changed.
    Written,
    /// A name is gone; with an empty path the watched directory itself, which ends the watch.
    Removed,
    /// A name left by rename; with an empty path that of the watched directory, which stays watched.
    MovedFrom,
    /// A name arrived by rename.
    MovedTo,
    /// Mode, owner, times or extended attributes changed.
    Attributes,
    /// Events were lost, since nobody took them in time; the path is empty.
    Overflow,
}

/// A change below (or of) a watched directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEvent {
    /// What happened.
    pub kind: FileEventKind,
    /// To what, from the watched directory on; empty for that itself. Bytes that are no UTF-8 are replaced.
    pub path: String,
}

/// A watched directory. Dropping it ends the watch.
pub struct Watch(Arc<Queue>);

struct Queue {
    /// Weak: the sandbox's end does not wait for who watches it.
    kernel: Weak<Kernel>,
    /// Inode of the watched directory.
    root: u64,
    recursive: bool,
    state: Mutex<State>,
    news: WaitQueue,
    _held: Reservation,
}

#[derive(Default)]
struct State {
    events: VecDeque<FileEvent>,
    bytes: usize,
    /// The directory is gone: nothing follows.
    ended: bool,
}

impl Files {
    /// Watches a directory that `user` may read; with `recursive` also everything below it, whatever its permissions.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: ENOENT, ENOTDIR, EACCES; ENOMEM when the sandbox's buffers have no room for the queue.
    pub fn watch(&self, user: &User, path: &str, recursive: bool) -> Result<Watch, Error> {
        self.act(user, path, |context, root| {
            let vfs = &self.0.vfs;
            let dir = vfs.directory(context, root, path.as_bytes())?;
            let node: Node = dir.node();
            node.access(context, crate::vfs::Access::READ)?;
            let (dev, ino) = node.id()?;
            if dev != crate::vfs::DEV {
                return Err(Errno::NODEV); // Nobody tells of changes in /proc.
            }
            let held = self.0.buffers.reserve(QUEUE_BYTES_MAX);
            let queue = Arc::new(Queue {
                kernel: Arc::downgrade(&self.0),
                root: ino,
                recursive,
                state: Mutex::default(),
                news: WaitQueue::new(),
                _held: held.map_err(|_full| Errno::NOMEM)?,
            });
            let watcher: Arc<dyn Watcher> = queue.clone();
            vfs.watch(&watcher);
            Ok(Watch(queue))
        })
    }
}

impl Watch {
    /// The next change; none once the directory is gone. It also waits when the sandbox has ended.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when it is dropped.
    pub async fn next(&self) -> Option<FileEvent> {
        loop {
            let waiter = self.0.news.subscribe();
            match self.take() {
                Ok(event) => return event,
                Err(Empty) => waiter.await,
            }
        }
    }

    /// The changes that wait, without waiting for more.
    #[must_use]
    pub fn drain(&self) -> Vec<FileEvent> {
        let mut events = Vec::new();
        while let Ok(Some(event)) = self.take() {
            events.push(event);
        }
        events
    }

    fn take(&self) -> Result<Option<FileEvent>, Empty> {
        let mut state = self.0.state.lock();
        match state.events.pop_front() {
            Some(event) => {
                state.bytes -= cost(&event);
                Ok(Some(event))
            }
            None if state.ended => Ok(None),
            None => Err(Empty),
        }
    }
}

/// Nothing happened yet.
struct Empty;

/// Bytes that an event takes in the queue.
fn cost(event: &FileEvent) -> usize {
    size_of::<FileEvent>() + event.path.len()
}

impl Queue {
    fn push(&self, kind: FileEventKind, path: &[u8], last: bool) {
        let event = FileEvent { kind, path: String::from_utf8_lossy(path).into_owned() };
        let mut state = self.state.lock();
        if state.ended || state.events.back() == Some(&event) {
            return;
        }
        state.ended |= last;
        let overflow = FileEvent { kind: FileEventKind::Overflow, path: String::new() };
        if state.bytes + cost(&event) <= QUEUE_BYTES_MAX {
            state.bytes += cost(&event);
            state.events.push_back(event);
        } else if state.events.back() != Some(&overflow) {
            state.bytes += cost(&overflow);
            state.events.push_back(overflow);
        }
        drop(state);
        self.news.wake_all();
    }

    /// The path of what changed, if that lies where this watch looks.
    fn path(&self, change: &Change<'_>) -> Option<Vec<u8>> {
        let (parent, name) = change.entry?;
        if parent == self.root {
            return Some(name.to_vec());
        }
        if !self.recursive {
            return None;
        }
        self.kernel.upgrade()?.vfs.path_below(self.root, parent, name)
    }
}

impl Watcher for Queue {
    fn changed(&self, change: &Change<'_>) {
        if !change.events.intersects(TOLD) {
            return;
        }
        let kind = match change.events {
            Events::CREATE => FileEventKind::Created,
            Events::MODIFY => FileEventKind::Written,
            Events::ATTRIB => FileEventKind::Attributes,
            Events::MOVED_TO => FileEventKind::MovedTo,
            Events::MOVED_FROM | Events::MOVE_SELF => FileEventKind::MovedFrom,
            _ => FileEventKind::Removed,
        };
        if change.events.intersects(Events::SELF) {
            // The tree may be locked: only the watched directory itself counts.
            if change.ino == self.root {
                self.push(kind, b"", change.events == Events::DELETE_SELF);
            }
            return;
        }
        if change.ino == self.root && !change.events.intersects(Events::NAMES) {
            self.push(kind, b"", false);
        } else if let Some(path) = self.path(change) {
            self.push(kind, &path, false);
        }
    }

    fn wants(&self) -> Events {
        TOLD
    }
}

#[cfg(test)]
mod tests {
    use super::FileEventKind::{Created, MovedFrom, MovedTo, Overflow, Removed, Written};
    use super::*;
    use crate::{Config, Egress, Runtime, Sandbox, SandboxConfig};

    async fn sandbox(data: &std::path::Path) -> (Runtime, Sandbox) {
        let config = Config { data_dir: data.to_owned(), ..Config::default() };
        let runtime = Runtime::without_programs(config).unwrap();
        let sandbox = runtime.create(SandboxConfig::new("base", Egress::deny_all())).await.unwrap();
        (runtime, sandbox)
    }

    fn drained(watch: &Watch) -> Vec<(FileEventKind, String)> {
        watch.drain().into_iter().map(|event| (event.kind, event.path)).collect()
    }

    fn events(expected: &[(FileEventKind, &str)]) -> Vec<(FileEventKind, String)> {
        expected.iter().map(|(kind, path)| (*kind, (*path).to_owned())).collect()
    }

    #[tokio::test]
    async fn a_tree_is_watched_as_it_grows_and_moves() {
        let data = tempfile::tempdir().unwrap();
        let (_runtime, sandbox) = sandbox(data.path()).await;
        let (files, root) = (sandbox.files(), User::root());
        files.make_dir(&root, "/w", 0o755).unwrap();
        files.make_dir(&root, "/w/old", 0o755).unwrap();
        let flat = files.watch(&root, "/w", false).unwrap();
        let deep = files.watch(&root, "/w", true).unwrap();
        files.make_dir(&root, "/w/new", 0o755).unwrap();
        let mut file = files.create(&root, "/w/new/a", 0o644).unwrap();
        file.write(b"1").unwrap();
        files.rename(&root, "/w/new", "/w/old/in").unwrap();
        file.write(b"2").unwrap();
        files.rename(&root, "/w/old/in/a", "/out").unwrap();
        file.write(b"3").unwrap();
        assert_eq!(
            drained(&deep),
            events(&[
                (Created, "new"),
                (Created, "new/a"),
                (Written, "new/a"),
                (MovedFrom, "new"),
                (MovedTo, "old/in"),
                (Written, "old/in/a"),
                (MovedFrom, "old/in/a"),
            ])
        );
        assert_eq!(drained(&flat), events(&[(Created, "new"), (MovedFrom, "new")]));
        sandbox.kill().await;
    }

    #[tokio::test]
    async fn the_directory_itself_moves_and_ends() {
        let data = tempfile::tempdir().unwrap();
        let (_runtime, sandbox) = sandbox(data.path()).await;
        let (files, root) = (sandbox.files(), User::root());
        let missing = files.watch(&root, "/w", true).err().unwrap();
        assert!(matches!(missing, Error::File { errno: Errno::NOENT, .. }), "{missing}");
        files.make_dir(&root, "/w", 0o700).unwrap();
        let other = User { uid: 1000, gid: 1000, ..User::root() };
        let denied = files.watch(&other, "/w", true).err().unwrap();
        assert!(matches!(denied, Error::File { errno: Errno::ACCESS, .. }), "{denied}");
        let watch = files.watch(&root, "/w", false).unwrap();
        files.rename(&root, "/w", "/v").unwrap();
        drop(files.create(&root, "/v/f", 0o600).unwrap());
        files.remove_all(&root, "/v").unwrap();
        let expected = [(MovedFrom, ""), (Created, "f"), (Removed, "f"), (Removed, "")];
        for (kind, path) in expected {
            assert_eq!(watch.next().await, Some(FileEvent { kind, path: path.to_owned() }));
        }
        assert_eq!(watch.next().await, None);
        sandbox.kill().await;
    }

    #[tokio::test]
    async fn what_nobody_takes_is_bounded() {
        let data = tempfile::tempdir().unwrap();
        let (_runtime, sandbox) = sandbox(data.path()).await;
        let (files, root) = (sandbox.files(), User::root());
        let watch = files.watch(&root, "/tmp", true).unwrap();
        for n in 0..10_000 {
            drop(files.create(&root, &format!("/tmp/{n}"), 0o600).unwrap());
        }
        let heard = watch.drain();
        let bytes: usize = heard.iter().map(cost).sum();
        assert!(bytes <= QUEUE_BYTES_MAX + size_of::<FileEvent>(), "{bytes}");
        assert_eq!(heard[0], FileEvent { kind: Created, path: "0".into() });
        assert_eq!(heard.last().unwrap().kind, Overflow);
        drop(files.create(&root, "/tmp/after", 0o600).unwrap());
        assert_eq!(drained(&watch), events(&[(Created, "after")]));
        sandbox.kill().await;
    }
}
