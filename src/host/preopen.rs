//! The directories that a program of WASI's finds open, and what its paths are relative to.
//!
//! A path is relative to a directory and must not lead out of it by its own words: an absolute one or one with too many `..` is EPERM, as in
//! wasmtime. Links are followed wherever they lead, as on Linux: `/` is open to the program anyway, so that no directory is a boundary.
//!
//! The directory called `.` is otherwise. wasi-libc sends every path there, relative ones as they are and absolute ones without their first
//! slash, so it must be found out which was meant ([`meant`]); and `../x` is what it is in any other program.

use super::fs::View;
use crate::errno::Errno;
use crate::process::OpenFile;
use crate::process::file::{Object, flag};
use crate::vfs::{Dir, OpenFlags, Opened};
use std::sync::Arc;

/// The directories, in the order of their descriptors. wasi-libc takes the last whose name fits, which is `.` for each path; Go looks for
/// the longest name that an absolute path begins with; Zig takes the first for the working directory.
pub(super) const NAMES: [&str; 3] = [WORKING, "/", WORKING];

/// The name of the working directory.
pub(super) const WORKING: &str = ".";

/// Whether a call makes a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Find,
    Make,
}

/// Opens the directory of that name.
pub(super) fn open(view: &View, name: &str) -> Option<Arc<OpenFile>> {
    let dir = if name == WORKING { &view.cwd } else { &view.root };
    let open = |flags| view.vfs.open(&view.context(), dir, b".", flags, 0).ok();
    // To be listed, or, without the permission for that, to find things in.
    let (opened, flags) = match open(OpenFlags::DIRECTORY) {
        Some(opened) => (opened, 0),
        None => (open(OpenFlags::DIRECTORY | OpenFlags::PATH)?, flag::PATH),
    };
    match opened {
        Opened::File(file) => Some(OpenFile::new(Object::File(file), flags)),
        Opened::Device(..) | Opened::Fifo(_) | Opened::Object(_) => None,
    }
}

/// What `path` is relative to, in a directory that was opened beforehand by the name `preopen`, or later.
///
/// # Errors
///
/// EPERM for a path that leads out.
pub(super) fn base(
    view: &View,
    dir: Dir,
    preopen: Option<&str>,
    path: &[u8],
    purpose: Purpose,
) -> Result<Dir, Errno> {
    if path.starts_with(b"/") {
        return Err(Errno::PERM);
    }
    if preopen == Some(WORKING) {
        return Ok(meant(view, dir, path, purpose));
    }
    if leads_out(path) { Err(Errno::PERM) } else { Ok(dir) }
}

/// Whether a path's own `..` lead above where it begins.
fn leads_out(path: &[u8]) -> bool {
    let mut depth = 0i32;
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// Where a path of wasi-libc's begins: in the working directory, or, if it was absolute, in the root. What is there decides: the root if the
/// path leads further from there, else the working directory; for a new name it is the directory that it is to be made in. A new name
/// alone is made in the working directory.
fn meant(view: &View, cwd: Dir, path: &[u8], purpose: Purpose) -> Dir {
    let path = match purpose {
        Purpose::Find => path,
        Purpose::Make => {
            let name = path.strip_suffix(b"/").unwrap_or(path);
            match name.iter().rposition(|&byte| byte == b'/') {
                Some(slash) => &path[..slash],
                None => return cwd,
            }
        }
    };
    let first = path.split(|&byte| byte == b'/').next().unwrap_or_default();
    if matches!(first, b"" | b"." | b"..") {
        return cwd;
    }
    if depth(view, &view.root, path) > depth(view, &cwd, path) { view.root.clone() } else { cwd }
}

/// How many bytes of a path lead to something; more than it has for all of it.
fn depth(view: &View, at: &Dir, path: &[u8]) -> usize {
    let leads = |path: &[u8]| view.vfs.node(&view.context(), at, path, false).is_ok();
    if leads(path) {
        return path.len() + 1;
    }
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let slashes: Vec<usize> = slashes.collect();
    // What is above something is there too: few of them need to be looked at, however many there are.
    let missing = slashes.partition_point(|&slash| leads(&path[..slash]));
    missing.checked_sub(1).map_or(0, |last| slashes[last])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_out() {
        for inside in ["", ".", "a", "a/..", "a/../b", "./a/./..", "a//b/../..", "a/b/"] {
            assert!(!leads_out(inside.as_bytes()), "{inside}");
        }
        for outside in ["..", "../a", "a/../..", "./..", "a/../../a", "a/b/../../.."] {
            assert!(leads_out(outside.as_bytes()), "{outside}");
        }
    }
}
