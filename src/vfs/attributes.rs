//! What is known about a node besides its content: kind, mode, owner, times, numbers; and about the file system as a whole.
//!
//! Plain values in Linux's terms; the layout of `struct statx` is the host boundary's business.

use std::time::{SystemTime, UNIX_EPOCH};

/// Permission bits with setuid, setgid and sticky.
pub(crate) const MODE_MASK: u32 = 0o7777;
/// Set-user-id bit.
pub(crate) const S_ISUID: u32 = 0o4000;
/// Set-group-id bit.
pub(crate) const S_ISGID: u32 = 0o2000;
/// Sticky bit: only owners remove from such a directory.
pub(crate) const S_ISVTX: u32 = 0o1000;
/// Execute bit of the group.
pub(crate) const S_IXGRP: u32 = 0o010;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A bound unix socket.
    Socket,
    /// A character device.
    Device,
}

impl Kind {
    /// `S_IFMT` bits of stat(2).
    pub(crate) fn mode_bits(self) -> u32 {
        match self {
            Kind::Fifo => 0o010_000,
            Kind::Device => 0o020_000,
            Kind::Directory => 0o040_000,
            Kind::File => 0o100_000,
            Kind::Symlink => 0o120_000,
            Kind::Socket => 0o140_000,
        }
    }

    /// `DT_*` of getdents64(2): the type bits shifted down.
    pub(crate) fn dirent_type(self) -> u8 {
        (self.mode_bits() >> 12) as u8
    }
}

/// A point in time since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timespec {
    /// Whole seconds; negative before 1970.
    pub(crate) sec: i64,
    /// Nanoseconds within the second, 0 to 999,999,999.
    pub(crate) nsec: u32,
}

impl Timespec {
    /// The host's clock.
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { sec: since.as_secs().cast_signed(), nsec: since.subsec_nanos() }
    }
}

/// What utimensat(2) does to one of the two times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetTime {
    /// Leave it (`UTIME_OMIT`).
    Omit,
    /// The present (`UTIME_NOW`).
    Now,
    /// A given time.
    At(Timespec),
}

/// What stat(2) tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Device of the file system.
    pub(crate) dev: u64,
    /// Inode number, stable for the life of the node.
    pub(crate) ino: u64,
    /// Type and permission bits.
    pub(crate) mode: u32,
    /// Hard links.
    pub(crate) nlink: u32,
    /// Owner.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
    /// Device number of a device node, as [`DeviceId::encode`] makes it.
    pub(crate) rdev: u64,
    /// Content in bytes.
    pub(crate) size: u64,
    /// Storage in units of 512 bytes.
    pub(crate) blocks: u64,
    /// Preferred size of reads and writes in bytes.
    pub(crate) blksize: u32,
    /// Last read (relatime).
    pub(crate) atime: Timespec,
    /// Last change of content.
    pub(crate) mtime: Timespec,
    /// Last change of anything.
    pub(crate) ctime: Timespec,
    /// Creation.
    pub(crate) btime: Timespec,
}

/// A device number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct DeviceId {
    /// Which driver.
    pub(crate) major: u32,
    /// Which of its devices.
    pub(crate) minor: u32,
}

impl DeviceId {
    /// Linux's `new_encode_dev`: minor's low byte, major, the rest of minor.
    pub(crate) fn encode(self) -> u64 {
        let (major, minor) = (u64::from(self.major), u64::from(self.minor));
        (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xf_ff00) << 12
    }

    /// The reverse of [`Self::encode`].
    pub(crate) fn decode(number: u64) -> Self {
        let minor = (number & 0xff) | (number >> 12 & 0xf_ff00);
        Self { major: (number >> 8 & 0xfff) as u32, minor: minor as u32 }
    }
}

/// What statfs(2) tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatFs {
    /// `f_type`.
    pub(crate) magic: u32,
    /// Bytes of a block.
    pub(crate) block_size: u32,
    /// Blocks in all.
    pub(crate) blocks: u64,
    /// Blocks unused.
    pub(crate) blocks_free: u64,
    /// Inodes in all.
    pub(crate) files: u64,
    /// Inodes unused.
    pub(crate) files_free: u64,
}
