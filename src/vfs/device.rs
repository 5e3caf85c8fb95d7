//! The built-in /dev: nodes with Linux's numbers (Documentation/admin-guide/devices.txt). What they do when opened is the
//! process floor's business, which also mounts /dev/pts.

use super::attributes::{DeviceId, Kind};
use super::{Context, Cred, Node, Vfs};
use crate::errno::Errno;

/// Character devices: name, major, minor, mode.
const DEVICES: [(&str, u32, u32, u32); 8] = [
    ("null", 1, 3, 0o666),
    ("zero", 1, 5, 0o666),
    ("full", 1, 7, 0o666),
    ("random", 1, 8, 0o666),
    ("urandom", 1, 9, 0o666),
    ("tty", 5, 0, 0o666),
    ("console", 5, 1, 0o600),
    ("ptmx", 5, 2, 0o666),
];

/// Links: name, target.
const LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// Directories: path, mode.
const DIRECTORIES: [(&str, u32); 4] =
    [("/dev", 0o755), ("/dev/pts", 0o755), ("/dev/shm", 0o1777), ("/proc", 0o555)];

/// Makes /dev and the mount point /proc; what is there already stays.
pub(super) fn populate(vfs: &Vfs) -> Result<(), Errno> {
    let (cred, root) = (Cred::root(), vfs.root());
    let context = Context { cred: &cred, root: &root, pid: 0 };
    let present = |made: Result<Node, Errno>| match made {
        Ok(_) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno),
    };
    for (path, mode) in DIRECTORIES {
        present(vfs.mkdir(&context, &root, path.as_bytes(), mode))?;
    }
    for (name, major, minor, mode) in DEVICES {
        let path = format!("/dev/{name}");
        let id = DeviceId { major, minor };
        present(vfs.mknod(&context, &root, path.as_bytes(), Kind::Device, id, mode))?;
    }
    for (name, target) in LINKS {
        let path = format!("/dev/{name}");
        present(vfs.symlink(&context, target.as_bytes(), &root, path.as_bytes()))?;
    }
    Ok(())
}
