//! Calls that tell: statx, statfs64, getdents64, with their structures as the guest's C library has them.

use super::{
    AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_STATX_SYNC_TYPE, AT_SYMLINK_NOFOLLOW, View, descriptor,
    node_of, opened,
};
use crate::errno::Errno;
use crate::host::Call;
use crate::vfs::{DeviceId, NAME_MAX, Stat, StatFs, Timespec};
use bytemuck::{Pod, Zeroable};

/// `STATX_BASIC_STATS | STATX_BTIME`: all that is ever told.
const STATX_TOLD: u32 = 0xfff;
/// Reserved bit of the mask (`STATX__RESERVED`).
const STATX_RESERVED: u32 = 0x8000_0000;
/// Most bytes of entries a call; more would only hold a directory longer.
const LISTING_MAX: usize = 64 << 10;
/// Bytes of `struct linux_dirent64` before the name.
const DIRENT_HEAD: usize = 19;

/// `struct statx_timestamp`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Time {
    sec: i64,
    nsec: u32,
    reserved: i32,
}

impl From<Timespec> for Time {
    fn from(time: Timespec) -> Self {
        Self { sec: time.sec, nsec: time.nsec, reserved: 0 }
    }
}

/// `struct statx` (include/uapi/linux/stat.h), 256 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Statx {
    mask: u32,
    blksize: u32,
    attributes: u64,
    nlink: u32,
    uid: u32,
    gid: u32,
    mode: u16,
    spare0: u16,
    ino: u64,
    size: u64,
    blocks: u64,
    attributes_mask: u64,
    atime: Time,
    btime: Time,
    ctime: Time,
    mtime: Time,
    rdev_major: u32,
    rdev_minor: u32,
    dev_major: u32,
    dev_minor: u32,
    spare: [u64; 14],
}

const _: () = assert!(size_of::<Statx>() == 256);

impl From<&Stat> for Statx {
    fn from(stat: &Stat) -> Self {
        let (dev, rdev) = (DeviceId::decode(stat.dev), DeviceId::decode(stat.rdev));
        Self {
            mask: STATX_TOLD,
            blksize: stat.blksize,
            attributes: 0,
            nlink: stat.nlink,
            uid: stat.uid,
            gid: stat.gid,
            mode: stat.mode as u16,
            spare0: 0,
            ino: stat.ino,
            size: stat.size,
            blocks: stat.blocks,
            attributes_mask: 0,
            atime: stat.atime.into(),
            btime: stat.btime.into(),
            ctime: stat.ctime.into(),
            mtime: stat.mtime.into(),
            rdev_major: rdev.major,
            rdev_minor: rdev.minor,
            dev_major: dev.major,
            dev_minor: dev.minor,
            spare: [0; 14],
        }
    }
}

/// statx(2). A null path with `AT_EMPTY_PATH` means the descriptor, as since Linux 6.11.
pub(super) fn statx(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, path, flags, mask, buffer, _] = call.args;
    let known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
    let sync = flags & AT_STATX_SYNC_TYPE;
    if flags & !known != 0 || sync == AT_STATX_SYNC_TYPE || mask & STATX_RESERVED != 0 {
        return Err(Errno::INVAL);
    }
    let path = match (path, flags & AT_EMPTY_PATH) {
        (0, AT_EMPTY_PATH) => Vec::new(),
        _ => call.path(path)?,
    };
    let view = View::of(call);
    let itself = path.is_empty() && flags & AT_EMPTY_PATH != 0 && fd != super::AT_FDCWD;
    let stat = if itself {
        descriptor(call, fd)?.stat()?
    } else {
        view.node(call, fd, &path, flags)?.stat_for(&view.context())?
    };
    call.write(buffer, &Statx::from(&stat))?;
    Ok(0)
}

/// `struct statfs64` (asm-generic, 32-bit words), 88 bytes with its padding.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Statfs64 {
    magic: u32,
    block_size: u32,
    blocks: u64,
    blocks_free: u64,
    blocks_available: u64,
    files: u64,
    files_free: u64,
    id: [u32; 2],
    name_length: u32,
    fragment_size: u32,
    flags: u32,
    spare: [u32; 4],
    padding: u32,
}

const _: () = assert!(size_of::<Statfs64>() == 88);

/// `ST_VALID`: the flags word means something.
const ST_VALID: u32 = 0x20;

fn write_statfs(call: &mut Call<'_>, stat: &StatFs) -> Result<u32, Errno> {
    let [_, size, buffer, ..] = call.args;
    if size as usize != size_of::<Statfs64>() {
        return Err(Errno::INVAL);
    }
    let told = Statfs64 {
        magic: stat.magic,
        block_size: stat.block_size,
        blocks: stat.blocks,
        blocks_free: stat.blocks_free,
        blocks_available: stat.blocks_free,
        files: stat.files,
        files_free: stat.files_free,
        id: [stat.magic, 0],
        name_length: NAME_MAX as u32,
        fragment_size: stat.block_size,
        flags: ST_VALID,
        spare: [0; 4],
        padding: 0,
    };
    call.write(buffer, &told)?;
    Ok(0)
}

/// statfs64(2).
pub(super) fn statfs64(call: &mut Call<'_>) -> Result<u32, Errno> {
    let path = call.path(call.args[0])?;
    let view = View::of(call);
    let stat = view.node(call, super::AT_FDCWD, &path, 0)?.statfs(&view.vfs);
    write_statfs(call, &stat)
}

/// fstatfs64(2).
pub(super) fn fstatfs64(call: &mut Call<'_>) -> Result<u32, Errno> {
    let file = descriptor(call, call.args[0])?;
    let vfs = call.kernel().vfs.clone();
    let stat = node_of(&file).map_or_else(|_pipe| vfs.statfs(), |node| node.statfs(&vfs));
    write_statfs(call, &stat)
}

/// getdents64(2): `struct linux_dirent64` records; the shared offset is the cookie of the last.
pub(super) fn getdents64(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [fd, buffer, size, ..] = call.args;
    let open = opened(call, fd)?;
    let file = open.vfs_file().ok_or(Errno::NOTDIR)?.clone();
    let max = (size as usize).min(LISTING_MAX);
    let mut records = Vec::new();
    let mut too_small = false;
    open.with_offset(|offset| {
        let mut last = *offset;
        let listed = file.list(*offset, &mut |entry| {
            let length = (DIRENT_HEAD + entry.name.len() + 1).next_multiple_of(8);
            if records.len() + length > max {
                too_small = records.is_empty();
                return false;
            }
            let start = records.len();
            records.extend_from_slice(&entry.ino.to_le_bytes());
            records.extend_from_slice(&entry.cookie.to_le_bytes());
            records.extend_from_slice(&(length as u16).to_le_bytes());
            records.push(entry.kind.dirent_type());
            records.extend_from_slice(entry.name);
            records.resize(start + length, 0);
            last = entry.cookie;
            true
        });
        *offset = last;
        listed
    })?;
    if too_small {
        return Err(Errno::INVAL);
    }
    call.bytes(buffer, records.len())?.copy_from_slice(&records);
    Ok(records.len() as u32)
}
