//! Files that isolet keeps in its data directory for later runs: put there whole, marked when they are used, and removed when nobody has
//! used them for a month, as after an upgrade. What is in them, others say (wasm/cache.rs, sandbox/image/trees.rs).
//!
//! ```text
//! <data dir>/{code,images}/NAME          a file; its modification time says when it was used last
//! <data dir>/{code,images}/.NAME.DIGITS  one that is being written
//! <data dir>/code/NAME.lock              held by a process at work; never removed: who waits for it has it open
//! ```

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use std::io;
use std::time::{Duration, SystemTime};

/// Compiled code, below the data directory.
pub(crate) const CODE: &str = "code";
/// Unpacked images, below the data directory.
pub(crate) const IMAGES: &str = "images";

/// What the names of locks end with.
const LOCK: &str = ".lock";

/// What was not used for so long is removed.
const UNUSED_MAX: Duration = Duration::from_hours(30 * 24);

/// Puts a file into `dir`, its owner's alone, that has its name only when `write` has written it; nothing is left of one that it could not.
///
/// # Errors
///
/// The host's.
pub(crate) fn put(
    dir: &Dir,
    name: &str,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let unfinished = format!(".{name}.{:016x}", rand::random::<u64>());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = dir.open_with(&unfinished, &options)?;
    let written = write(&mut file).and_then(|()| dir.rename(&unfinished, dir, name));
    if written.is_err() {
        let _gone = dir.remove_file(&unfinished);
    }
    written
}

/// Opens a file, which counts as used now.
///
/// # Errors
///
/// The host's.
pub(crate) fn open(dir: &Dir, name: &str) -> io::Result<std::fs::File> {
    let file = dir.open(name)?.into_std();
    // On a file system that cannot be written nothing is removed either.
    let _unmarked = file.set_modified(SystemTime::now());
    Ok(file)
}

/// Makes or opens the file that is locked under `name`.
///
/// # Errors
///
/// The host's.
pub(crate) fn lock_file(dir: &Dir, name: &str) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    Ok(dir.open_with(format!("{name}{LOCK}"), &options)?.into_std())
}

/// Removes what nobody has used for a month. What a process has open it keeps.
///
/// # Errors
///
/// The host's, of the directories; a file that cannot be removed stays.
pub(crate) fn remove_unused(data: &Dir) -> io::Result<()> {
    let now = SystemTime::now();
    for dir in [CODE, IMAGES] {
        let dir = data.open_dir(dir)?;
        for entry in dir.entries()? {
            let entry = entry?;
            let name = entry.file_name();
            let metadata = entry.metadata()?;
            let unused = now.duration_since(metadata.modified()?.into_std());
            if metadata.is_file()
                && !name.to_string_lossy().ends_with(LOCK)
                && unused.is_ok_and(|unused| unused > UNUSED_MAX)
            {
                tracing::info!(name = %name.to_string_lossy(), "removed what was not used for 30 days");
                let _stays = dir.remove_file(&name);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a data directory of the test's own")]
    fn what_nobody_used_for_a_month_goes_but_no_lock() {
        let place = tempfile::tempdir().unwrap();
        let data = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).unwrap();
        let old = SystemTime::now() - UNUSED_MAX - Duration::from_secs(60);
        for dir in [CODE, IMAGES] {
            data.create_dir_all(dir).unwrap();
            let dir = data.open_dir(dir).unwrap();
            for name in ["recent", "old", "used", ".old.0123"] {
                put(&dir, name, |file| file.write_all(b"content")).unwrap();
                if name != "recent" {
                    dir.open(name).unwrap().into_std().set_modified(old).unwrap();
                }
            }
            lock_file(&dir, "work").unwrap().set_modified(old).unwrap();
            drop(open(&dir, "used").unwrap());
        }
        let ahead = SystemTime::now() + UNUSED_MAX * 2;
        data.open("code/recent").unwrap().into_std().set_modified(ahead).unwrap();
        remove_unused(&data).unwrap();
        for dir in [CODE, IMAGES] {
            let mut left: Vec<_> =
                data.read_dir(dir).unwrap().map(|it| it.unwrap().file_name()).collect();
            left.sort();
            assert_eq!(left, ["recent", "used", "work.lock"], "{dir}");
        }
    }
}
