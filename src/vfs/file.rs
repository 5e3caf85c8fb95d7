//! An open regular file or directory (any node, for `O_PATH`): reading, writing and listing at given positions.
//!
//! Whether it was opened for reading or writing, the shared offset and the status flags are the open file description's
//! business (process/file.rs). An open file keeps its node whatever happens to its names.

use super::attributes::{Kind, Stat};
use super::content::ContentId;
use super::directory::DirEntry;
use super::dynamic::{Caller, DynamicEntry, DynamicPlace, Kept};
use super::inode::{Data, Inode};
use super::tree::Place;
use super::{Context, Dir, Events, Node, OpenFlags};
use crate::errno::Errno;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;

/// An open node.
pub(crate) struct File {
    node: Node,
    kind: Kind,
    /// Opened by root, whose writing keeps set-id bits.
    privileged: bool,
    keeps_atime: bool,
    /// What watchers hear when it is closed; nothing if only its path was opened.
    closes: Events,
    caller: Caller,
    /// A dynamic file's content or listing as of the last read from its start, if there was room to keep it.
    made: Mutex<Option<Made>>,
}

enum Made {
    Content { content: Vec<u8>, _kept: Kept },
    Entries { entries: Vec<DynamicEntry>, _kept: Kept },
}

/// Changes of storage that fallocate(2) makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allocate {
    /// Reserve; grow the file to hold the range.
    Extend,
    /// Reserve, but leave the size (`FALLOC_FL_KEEP_SIZE`).
    KeepSize,
    /// Free and read as zeros (`FALLOC_FL_PUNCH_HOLE`).
    Punch,
    /// Read as zeros, growing the file if the range passes its end (`FALLOC_FL_ZERO_RANGE`).
    Zero,
}

impl File {
    pub(super) fn new(node: Node, context: &Context<'_>, flags: OpenFlags) -> Arc<Self> {
        let access = flags & (OpenFlags::WRITE_ONLY | OpenFlags::READ_WRITE);
        let closes = match () {
            () if flags.contains(OpenFlags::PATH) => Events::empty(),
            () if access.is_empty() => Events::CLOSE_NOWRITE,
            () => Events::CLOSE_WRITE,
        };
        if !closes.is_empty() {
            node.tell(Events::OPEN);
        }
        Arc::new(Self {
            kind: node.kind(),
            node,
            privileged: context.cred.is_root(),
            keeps_atime: flags.contains(OpenFlags::NO_ATIME),
            closes,
            caller: context.caller(),
            made: Mutex::default(),
        })
    }

    /// The node that is open.
    pub(crate) fn node(&self) -> Node {
        self.node.clone()
    }

    /// What kind of node is open.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether a directory is open.
    pub(crate) fn is_dir(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// The open directory, to resolve paths from.
    ///
    /// # Errors
    ///
    /// ENOTDIR.
    pub(crate) fn dir(&self) -> Result<Dir, Errno> {
        if self.is_dir() { Ok(Dir { place: self.node.place.clone() }) } else { Err(Errno::NOTDIR) }
    }

    /// stat(2).
    ///
    /// # Errors
    ///
    /// ENOENT for what is gone from /proc.
    pub(crate) fn stat(&self) -> Result<Stat, Errno> {
        self.node.stat_as(self.caller)
    }

    /// Content in bytes; 0 for what has none.
    pub(crate) fn len(&self) -> u64 {
        match &self.node.place {
            Place::Inode(inode) => inode.content(|content, _| Ok(content.size())).unwrap_or(0),
            Place::Dynamic(_) | Place::Object(_) => 0,
        }
    }

    /// Whether it can stand behind a mapping: what is made up when it is read cannot.
    pub(crate) fn maps(&self) -> bool {
        self.node.place.inode().is_some()
    }

    /// SHA-256 of the content, known for an image's file that nobody wrote.
    pub(crate) fn content_id(&self) -> Option<ContentId> {
        let inode = self.node.place.inode()?;
        inode.content(|content, _| Ok(content.id())).ok().flatten()
    }

    /// The whole content; shared, not copied, for an image's untouched file.
    ///
    /// # Errors
    ///
    /// EFBIG if longer than `max` bytes, EISDIR.
    pub(crate) fn read_all(&self, max: u64) -> Result<Bytes, Errno> {
        match &self.node.place {
            Place::Inode(inode) => inode.content(|content, _| content.whole(max)),
            Place::Dynamic(place) => {
                let content = place.node.read(self.caller)?;
                if content.len() as u64 > max { Err(Errno::FBIG) } else { Ok(content.into()) }
            }
            Place::Object(_) => Err(Errno::INVAL),
        }
    }

    /// Reads at `offset`; fewer bytes than asked only at the end.
    ///
    /// # Errors
    ///
    /// EISDIR, EINVAL for what has no content.
    pub(crate) fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let inode = match &self.node.place {
            Place::Inode(inode) => inode,
            Place::Dynamic(place) => return self.read_made(place, out, offset),
            Place::Object(_) => return Err(Errno::INVAL),
        };
        let mut state = inode.state.lock();
        let count = match &mut state.data {
            Data::File(content) => content.read(out, offset)?,
            Data::Directory(_) => return Err(Errno::ISDIR),
            _ => return Err(Errno::INVAL),
        };
        if !self.keeps_atime && !out.is_empty() {
            state.accessed();
        }
        drop(state);
        if count > 0 {
            self.node.tell(Events::ACCESS);
        }
        Ok(count)
    }

    fn read_made(&self, place: &DynamicPlace, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        if self.is_dir() {
            return Err(Errno::ISDIR);
        }
        if let (1.., Some(Made::Content { content, .. })) = (offset, &*self.made.lock()) {
            return Ok(copy_from(content, offset, out));
        }
        // Made without the lock: it may look at any table.
        let content = place.node.read(self.caller)?;
        let count = copy_from(&content, offset, out);
        if offset == 0 {
            let kept = Kept::new(&place.mount, content.capacity());
            let old = std::mem::replace(
                &mut *self.made.lock(),
                kept.map(|kept| Made::Content { content, _kept: kept }),
            );
            drop(old);
        }
        Ok(count)
    }

    /// Writes at `offset`; fewer bytes than given when the quota or the largest size cuts it short.
    ///
    /// # Errors
    ///
    /// ENOSPC, EFBIG, EISDIR, EINVAL.
    pub(crate) fn write_at(&self, data: &[u8], offset: u64) -> Result<usize, Errno> {
        self.write(data, Some(offset)).map(|(count, _)| count)
    }

    /// Writes at the end, in one step: the number of bytes written, and the offset after them.
    ///
    /// # Errors
    ///
    /// As [`Self::write_at`].
    pub(crate) fn append(&self, data: &[u8]) -> Result<(usize, u64), Errno> {
        self.write(data, None)
    }

    fn write(&self, data: &[u8], offset: Option<u64>) -> Result<(usize, u64), Errno> {
        let inode = match &self.node.place {
            Place::Inode(inode) => inode,
            Place::Dynamic(place) => {
                let count = place.node.write(self.caller, data)?;
                return Ok((count, offset.unwrap_or(0) + count as u64));
            }
            Place::Object(_) => return Err(Errno::INVAL),
        };
        let written = {
            let mut state = inode.state.lock();
            let content = match &mut state.data {
                Data::File(content) => content,
                Data::Directory(_) => return Err(Errno::ISDIR),
                _ => return Err(Errno::INVAL),
            };
            let start = offset.unwrap_or_else(|| content.size());
            let count = content.write(&inode.shared.usage, data, start)?;
            if count > 0 {
                self.after_write(&mut state);
            }
            (count, start + count as u64)
        };
        if written.0 > 0 {
            self.node.tell(Events::MODIFY);
        }
        Ok(written)
    }

    fn after_write(&self, state: &mut super::inode::State) {
        if !self.privileged {
            state.drop_set_id();
        }
        state.modified();
    }

    /// ftruncate(2).
    ///
    /// # Errors
    ///
    /// EINVAL for what is no regular file, EFBIG.
    pub(crate) fn truncate(&self, size: u64) -> Result<(), Errno> {
        if self.kind != Kind::File {
            return Err(Errno::INVAL);
        }
        match &self.node.place {
            Place::Inode(_) => self.node.truncate_open(self.privileged, size),
            Place::Dynamic(_) | Place::Object(_) => Ok(()),
        }
    }

    /// fallocate(2).
    ///
    /// # Errors
    ///
    /// ENODEV for what is no regular file, ENOSPC, EFBIG.
    pub(crate) fn allocate(&self, how: Allocate, offset: u64, len: u64) -> Result<(), Errno> {
        let inode = self.regular()?;
        let end = offset.checked_add(len).ok_or(Errno::FBIG)?;
        inode.content(|content, usage| match how {
            Allocate::Extend => content.allocate(usage, offset, len, false),
            Allocate::KeepSize => content.allocate(usage, offset, len, true),
            Allocate::Punch => content.punch(usage, offset, len),
            Allocate::Zero => {
                content.punch(usage, offset, len)?;
                let size = content.size().max(end);
                content.truncate(usage, size)
            }
        })?;
        self.after_write(&mut inode.state.lock());
        self.node.tell(Events::MODIFY);
        Ok(())
    }

    fn regular(&self) -> Result<&Arc<Inode>, Errno> {
        self.node.place.inode().filter(|inode| inode.kind == Kind::File).ok_or(Errno::NODEV)
    }

    /// `SEEK_DATA`: where data begins at or after `offset`.
    ///
    /// # Errors
    ///
    /// ENXIO past the end or with only a hole to follow.
    pub(crate) fn seek_data(&self, offset: u64) -> Result<u64, Errno> {
        let inode = self.regular().map_err(|_| Errno::INVAL)?;
        inode.content(|content, _| content.seek_data(offset))
    }

    /// `SEEK_HOLE`: where a hole or the end begins at or after `offset`.
    ///
    /// # Errors
    ///
    /// ENXIO past the end.
    pub(crate) fn seek_hole(&self, offset: u64) -> Result<u64, Errno> {
        let inode = self.regular().map_err(|_| Errno::INVAL)?;
        inode.content(|content, _| content.seek_hole(offset))
    }

    /// Lists entries after `cookie` (0: from the start) until `emit` refuses one. `emit` must not touch the file system.
    ///
    /// # Errors
    ///
    /// ENOTDIR, ENOENT in a directory that was removed.
    pub(crate) fn list(
        &self,
        cookie: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<(), Errno> {
        match &self.node.place {
            Place::Inode(inode) => {
                let mut state = inode.state.lock();
                match &state.data {
                    Data::Directory(own) if own.removed => return Err(Errno::NOENT),
                    Data::Directory(own) => own.list(inode.ino, cookie, emit),
                    _ => return Err(Errno::NOTDIR),
                }
                if !self.keeps_atime {
                    state.accessed();
                }
                drop(state);
                self.node.tell(Events::ACCESS);
                Ok(())
            }
            Place::Dynamic(place) => self.list_made(place, cookie, emit),
            Place::Object(_) => Err(Errno::NOTDIR),
        }
    }

    fn list_made(
        &self,
        place: &DynamicPlace,
        cookie: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<(), Errno> {
        let own = place.stat(self.caller)?.ino;
        let parent = Node { place: place.parent.clone(), entry: None };
        let above = parent.stat_as(self.caller).map_or(own, |stat| stat.ino);
        let mut made = self.made.lock().take();
        if cookie == 0 || made.is_none() {
            let fresh = place.node.list(self.caller)?;
            let bytes = |entry: &DynamicEntry| size_of::<DynamicEntry>() + entry.name.capacity();
            let bytes = fresh.iter().map(bytes).sum();
            drop(made.take());
            let Some(kept) = Kept::new(&place.mount, bytes) else {
                list_entries(own, above, &fresh, cookie, emit);
                return Ok(());
            };
            made = Some(Made::Entries { entries: fresh, _kept: kept });
        }
        if let Some(Made::Entries { entries, .. }) = &made {
            list_entries(own, above, entries, cookie, emit);
        }
        *self.made.lock() = made;
        Ok(())
    }
}

/// Copies what lies at `offset` of `content`.
fn copy_from(content: &[u8], offset: u64, out: &mut [u8]) -> usize {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
    let count = (content.len() - start).min(out.len());
    out[..count].copy_from_slice(&content[start..start + count]);
    count
}

/// Lists `entries` of the directory `own` below `above`, after `cookie`.
fn list_entries(
    own: u64,
    above: u64,
    entries: &[DynamicEntry],
    cookie: u64,
    emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
) {
    let dots =
        [(own, b".".as_slice()), (above, b"..")].map(|(ino, name)| (ino, Kind::Directory, name));
    let rest = entries.iter().map(|entry| (entry.ino, entry.kind, entry.name.as_slice()));
    for ((ino, kind, name), at) in dots.into_iter().chain(rest).zip(1..) {
        if at > cookie && !emit(DirEntry { ino, kind, cookie: at, name }) {
            break;
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if !self.closes.is_empty() {
            self.node.tell(self.closes);
        }
    }
}
