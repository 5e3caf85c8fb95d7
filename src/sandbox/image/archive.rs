//! A tar archive's entries as files of a layer. Contents stay where they are, in the one archive.
//!
//! Directories, regular files, symbolic and hard links; anything else, and any path with `..`, is refused.

use crate::vfs::{LayerBuilder, Owner, Source, Timespec};
use bytes::Bytes;
use tar::{Archive, EntryType};

/// Adds all entries, in their order.
///
/// # Errors
///
/// What is wrong, with the entry's path.
pub(super) fn add(builder: &mut LayerBuilder, archive: &Bytes) -> Result<(), String> {
    let mut tar = Archive::new(archive.as_ref());
    for entry in tar.entries().map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        add_entry(builder, archive, &entry).map_err(|problem| format!("{path}: {problem}"))?;
    }
    Ok(())
}

fn add_entry(
    builder: &mut LayerBuilder,
    archive: &Bytes,
    entry: &tar::Entry<'_, &[u8]>,
) -> Result<(), String> {
    let header = entry.header();
    let path = absolute(&entry.path_bytes())?;
    let number = |number: std::io::Result<u64>| {
        let number = number.map_err(|error| error.to_string())?;
        u32::try_from(number).map_err(|_| format!("id {number} is too large"))
    };
    let time = header.mtime().map_err(|error| error.to_string())?;
    let owner = Owner {
        mode: header.mode().map_err(|error| error.to_string())?,
        uid: number(header.uid())?,
        gid: number(header.gid())?,
        time: Timespec { sec: i64::try_from(time).map_err(|error| error.to_string())?, nsec: 0 },
    };
    let target = || entry.link_name_bytes().ok_or("a link without a target");
    let added = match header.entry_type() {
        EntryType::Directory => builder.directory(&path, owner),
        EntryType::Regular => {
            let content = content(archive, entry)?;
            builder.file(&path, owner, Source::Bytes(content), None)
        }
        EntryType::Symlink => builder.symlink(&path, &target()?, owner),
        EntryType::Link => builder.link(&path, &absolute(&target()?)?),
        other => return Err(format!("entries of type {other:?} are not allowed")),
    };
    added.map_err(|errno| errno.to_string())
}

/// The entry's bytes within the archive.
fn content(archive: &Bytes, entry: &tar::Entry<'_, &[u8]>) -> Result<Bytes, String> {
    let start = usize::try_from(entry.raw_file_position()).map_err(|error| error.to_string())?;
    let size = usize::try_from(entry.size()).map_err(|error| error.to_string())?;
    let end = start.checked_add(size).filter(|&end| end <= archive.len());
    Ok(archive.slice(start..end.ok_or("it is cut off")?))
}

/// `path` from the root, without `.`.
fn absolute(path: &[u8]) -> Result<Vec<u8>, String> {
    let mut absolute = Vec::with_capacity(path.len() + 1);
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err("paths with '..' are not allowed".into()),
            name => {
                absolute.push(b'/');
                absolute.extend_from_slice(name);
            }
        }
    }
    if absolute.is_empty() {
        absolute.push(b'/');
    }
    Ok(absolute)
}
