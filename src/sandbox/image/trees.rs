//! Unpacked trees on the host's disk: an image's archive is decompressed once for a data directory; later starts read the
//! files of it that somebody asks for.
//!
//! ```text
//! <data dir>/images/<sha256 of the archive>.tar
//! ```
//!
//! A file has that name only when it is whole, was what its digest says and is on the disk. Where the directory cannot be
//! written, archives stay in memory. Not here: what the archive holds (archive.rs).

use super::{BLOB_BYTES_MAX, unpack};
use crate::errno::Errno;
use crate::kept;
use crate::vfs::{Lazy, Source};
use crate::wasm::Digest;
use bytes::Bytes;
use cap_std::fs::Dir;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes read ahead while the entries of an archive are listed: headers of small files lie close together.
const AHEAD: usize = 32 << 10;

/// Zeros that end an archive: two blocks (POSIX, `pax`). A file without them was cut off.
const END: usize = 1024;

/// Where unpacked archives lie.
pub(crate) struct Trees(Option<Dir>);

impl Trees {
    /// The directory below `data`, made if missing.
    pub(crate) fn open(data: &Dir) -> Self {
        let dir = data.create_dir_all(kept::IMAGES).and_then(|()| data.open_dir(kept::IMAGES));
        Self(dir.map_err(|error| told(&error)).ok())
    }

    /// Keeps nothing: archives are unpacked into memory.
    #[cfg(test)]
    pub(super) fn in_memory() -> Self {
        Self(None)
    }

    /// The archive of this digest, from disk or out of `packed`.
    ///
    /// # Errors
    ///
    /// What is wrong with `packed`.
    pub(super) fn tree(&self, packed: &[u8], digest: &Digest) -> Result<Tree, String> {
        let Some(dir) = &self.0 else { return Ok(Tree::Memory(unpack(packed, digest)?.into())) };
        let name = format!("{}.tar", hex::encode(digest));
        if let Ok(tree) = open(dir, &name) {
            return Ok(tree);
        }
        let bytes = unpack(packed, digest)?;
        Ok(keep(dir, &name, &bytes).and_then(|()| open(dir, &name)).unwrap_or_else(|error| {
            told(&error);
            Tree::Memory(bytes.into())
        }))
    }
}

fn told(error: &io::Error) {
    tracing::warn!(%error, "could not keep an unpacked image; it stays in memory");
}

fn open(dir: &Dir, name: &str) -> io::Result<Tree> {
    let file = kept::open(dir, name)?;
    let len = file.metadata()?.len();
    let mut end = [1; END];
    file.read_exact_at(&mut end, len.saturating_sub(END as u64))?;
    if len > BLOB_BYTES_MAX || end != [0; END] {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Tree::Disk { file: Arc::new(file), len })
}

/// Keeps an archive: all of it is on the disk before it has its name.
fn keep(dir: &Dir, name: &str, bytes: &[u8]) -> io::Result<()> {
    kept::put(dir, name, |file| {
        file.write_all(bytes)?;
        file.sync_all()
    })
}

/// An archive.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// All of it at hand.
    Memory(Bytes),
    /// A file of the data directory.
    Disk { file: Arc<File>, len: u64 },
}

impl Tree {
    /// Its bytes, to list its entries.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { tree: self, at: 0, ahead: Vec::new(), ahead_at: 0 }
    }

    /// A file within it. `None` if the archive is cut off before its end.
    pub(super) fn content(&self, start: u64, len: u64) -> Option<Source> {
        let end = start.checked_add(len)?;
        match self {
            Self::Memory(bytes) => {
                let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
                (end <= bytes.len()).then(|| Source::Bytes(bytes.slice(start..end)))
            }
            Self::Disk { len: all, .. } if end > *all => None,
            Self::Disk { .. } if len == 0 => Some(Source::Bytes(Bytes::new())),
            Self::Disk { file, .. } => {
                let file = file.clone();
                let whole = move || piece(&file, start, len);
                Some(Source::Lazy(Arc::new(Lazy::new(len, Bytes::new, whole))))
            }
        }
    }

    /// As `read_at` of a file.
    fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                (&bytes[start..]).read(out)
            }
            Self::Disk { file, .. } => file.read_at(out, at),
        }
    }
}

/// A file's bytes out of the archive on disk.
fn piece(file: &File, start: u64, len: u64) -> Result<Bytes, Errno> {
    let mut bytes = vec![0; usize::try_from(len).map_err(|_| Errno::FBIG)?];
    file.read_exact_at(&mut bytes, start).map_err(|error| {
        tracing::error!(%error, "a file of an unpacked image cannot be read");
        Errno::IO
    })?;
    Ok(bytes.into())
}

/// Reads an archive from its start, and skips.
pub(super) struct Reader<'a> {
    tree: &'a Tree,
    at: u64,
    /// What was read ahead, and where it lies.
    ahead: Vec<u8>,
    ahead_at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let known = self.ahead_at..self.ahead_at + self.ahead.len() as u64;
        if !known.contains(&self.at) {
            self.ahead.resize(AHEAD, 0);
            let read = self.tree.read_at(&mut self.ahead, self.at)?;
            self.ahead.truncate(read);
            self.ahead_at = self.at;
        }
        let from = (self.at - self.ahead_at) as usize;
        let read = (&self.ahead[from..]).read(out)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(_) => None,
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::image::tests::{Machine, two_images};

    #[expect(clippy::disallowed_methods, reason = "a data directory of the test's own")]
    fn place() -> (tempfile::TempDir, Dir) {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).unwrap();
        (place, dir)
    }

    /// Names and lengths of what is kept.
    fn kept(data: &Dir) -> Vec<(String, u64)> {
        let entries = data.read_dir("images").unwrap().map(|entry| entry.unwrap());
        let mut kept: Vec<_> = entries
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())
            })
            .collect();
        kept.sort();
        kept
    }

    fn note(trees: &Trees) -> Result<String, String> {
        let images = two_images().load_with(trees).map_err(|error| error.to_string())?;
        let machine = Machine::new(&images[0]);
        assert_eq!(machine.text("/etc/replaced"), "new");
        Ok(machine.text("/home/user/note"))
    }

    #[test]
    fn archives_are_unpacked_once() {
        let (_place, data) = place();
        assert_eq!(note(&Trees::open(&data)).unwrap(), "from below");
        let first = kept(&data);
        assert_eq!(first.len(), 2, "{first:?}");
        assert!(first.iter().all(|(name, _)| name.len() == 64 + 4 && name.ends_with(".tar")));
        // What stands there is what is read: a file of the same length with another text.
        for (name, _) in &first {
            let path = format!("images/{name}");
            let text = String::from_utf8(data.read(&path).unwrap()).unwrap();
            data.write(&path, text.replace("from below", "from above")).unwrap();
        }
        assert_eq!(note(&Trees::open(&data)).unwrap(), "from above");
        assert_eq!(kept(&data), first);
    }

    #[test]
    fn an_archive_that_is_cut_off_is_unpacked_anew() {
        let (_place, data) = place();
        note(&Trees::open(&data)).unwrap();
        let first = kept(&data);
        for (name, len) in &first {
            let path = format!("images/{name}");
            let text = data.read(&path).unwrap();
            data.write(&path, &text[..(*len as usize / 1024).saturating_sub(1) * 512]).unwrap();
        }
        assert_eq!(note(&Trees::open(&data)).unwrap(), "from below");
        assert_eq!(kept(&data), first);
    }

    #[test]
    fn without_a_directory_archives_stay_in_memory() {
        let (_place, data) = place();
        data.write("images", "not a directory").unwrap();
        assert_eq!(note(&Trees::open(&data)).unwrap(), "from below");
    }
}
