//! A tar archive's entries as files of a layer. Contents stay where they are, in the one archive (trees.rs).
//!
//! Directories, regular files, symbolic and hard links; anything else, and any path with `..`, is refused.

use super::trees::{Reader, Tree};
use crate::vfs::{LayerBuilder, Owner, Source, Timespec};
use tar::{Archive, EntryType};

/// Adds all entries, in their order.
///
/// # Errors
///
/// What is wrong, with the entry's path.
pub(super) fn add(builder: &mut LayerBuilder, tree: &Tree) -> Result<(), String> {
    let mut tar = Archive::new(tree.reader());
    for entry in tar.entries_with_seek().map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        add_entry(builder, tree, &entry).map_err(|problem| format!("{path}: {problem}"))?;
    }
    Ok(())
}

fn add_entry(
    builder: &mut LayerBuilder,
    tree: &Tree,
    entry: &tar::Entry<'_, Reader<'_>>,
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
        EntryType::Regular => builder.file(&path, owner, content(tree, entry)?, None),
        EntryType::Symlink => builder.symlink(&path, &target()?, owner),
        EntryType::Link => builder.link(&path, &absolute(&target()?)?),
        other => return Err(format!("entries of type {other:?} are not allowed")),
    };
    added.map_err(|errno| errno.to_string())
}

/// The entry's bytes within the archive.
fn content(tree: &Tree, entry: &tar::Entry<'_, Reader<'_>>) -> Result<Source, String> {
    let content = tree.content(entry.raw_file_position(), entry.size());
    content.ok_or_else(|| "it is cut off".into())
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
