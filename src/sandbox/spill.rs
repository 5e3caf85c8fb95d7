//! The directory in which sandboxes' spill files are made: content of files that memory is too small for (vfs/spill.rs).
//!
//! A spill file never has a name here, or only between two system calls where the host's file system makes none without one.

#![expect(clippy::disallowed_methods, reason = "spill files lie on the host's disk")]

use crate::config::Config;
use crate::error::Error;
use crate::vfs::{Opener, Store};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::sync::Arc;

/// `f_type` of file systems that are memory: TMPFS_MAGIC and RAMFS_MAGIC of `linux/magic.h`.
const MEMORY_MAGICS: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// Where spill files are made.
pub(super) struct SpillDir(Opener);

impl SpillDir {
    /// The directory that the settings name, made if missing, else `data`. It is tried out: one file is made in it.
    ///
    /// # Errors
    ///
    /// [`Error::Host`] if it cannot be used.
    pub(super) fn open(config: &Config, data: &Dir) -> Result<Self, Error> {
        let path = config.spill_dir.as_ref().unwrap_or(&config.data_dir);
        let host = |source| Error::Host {
            action: format!("make a spill file in {}", path.display()),
            source,
        };
        let dir = match &config.spill_dir {
            None => data.try_clone(),
            Some(path) => super::runtime::private_dir(path),
        };
        let dir = Arc::new(dir.map_err(host)?);
        let tried = open_in(&dir).map_err(host)?;
        let kind = rustix::fs::fstatfs(&tried).map_err(|errno| host(errno.into()))?.f_type;
        if MEMORY_MAGICS.contains(&(kind as i64)) {
            tracing::warn!(dir = %path.display(), "spill files are memory there: files of sandboxes will be too");
        }
        Ok(Self(Arc::new(move || open_in(&dir))))
    }

    /// A store for one sandbox's files, with so many bytes of memory.
    pub(super) fn store(&self, memory_max: u64) -> Arc<Store> {
        Store::new(memory_max, self.0.clone())
    }
}

/// A new file without a name, readable by nobody else.
fn open_in(dir: &Dir) -> std::io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::openat(dir, ".", flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(file.into()),
        // File systems that know no such files (open(2)): overlays and networks'.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => open_named(dir),
        Err(errno) => Err(errno.into()),
    }
}

fn open_named(dir: &Dir) -> std::io::Result<File> {
    let name = format!(".spill-{}", super::runtime::random_id());
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let file = dir.open_with(&name, &options)?;
    dir.remove_file(&name)?;
    Ok(file.into_std())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn spill_files_have_no_name() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).unwrap();
        for make in [open_in, open_named] {
            let (one, other) = (make(&dir).unwrap(), make(&dir).unwrap());
            one.write_all_at(b"one", 0).unwrap();
            other.write_all_at(b"other", 0).unwrap();
            let mut read = [0; 3];
            one.read_exact_at(&mut read, 0).unwrap();
            assert_eq!(&read, b"one");
            assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_directory_that_cannot_be_used_is_told_at_once() {
        let place = tempfile::tempdir().unwrap();
        let data = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, "").unwrap();
        let with = |spill_dir| Config {
            data_dir: place.path().to_owned(),
            spill_dir,
            ..Config::default()
        };
        assert!(SpillDir::open(&with(None), &data).is_ok());
        assert!(SpillDir::open(&with(Some(place.path().join("new/deep"))), &data).is_ok());
        let error = SpillDir::open(&with(Some(file.clone())), &data).err().unwrap().to_string();
        assert!(error.contains(&*file.to_string_lossy()), "{error}");
    }
}
