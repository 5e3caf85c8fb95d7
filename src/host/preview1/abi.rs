//! Numbers and layouts of preview 1, as witx/typenames.witx of wasi_snapshot_preview1 has them.

use super::no_restart;
use crate::errno::Errno;
use crate::vfs::{SetTime, Stat, Timespec};
use bytemuck::{Pod, Zeroable};

/// Errors in the order of their numbers, the first is 1.
const ERRORS: [Errno; 75] = [
    Errno::TOOBIG,
    Errno::ACCESS,
    Errno::ADDRINUSE,
    Errno::ADDRNOTAVAIL,
    Errno::AFNOSUPPORT,
    Errno::AGAIN,
    Errno::ALREADY,
    Errno::BADF,
    Errno::BADMSG,
    Errno::BUSY,
    Errno::CANCELED,
    Errno::CHILD,
    Errno::CONNABORTED,
    Errno::CONNREFUSED,
    Errno::CONNRESET,
    Errno::DEADLK,
    Errno::DESTADDRREQ,
    Errno::DOM,
    Errno::DQUOT,
    Errno::EXIST,
    Errno::FAULT,
    Errno::FBIG,
    Errno::HOSTUNREACH,
    Errno::IDRM,
    Errno::ILSEQ,
    Errno::INPROGRESS,
    Errno::INTR,
    Errno::INVAL,
    Errno::IO,
    Errno::ISCONN,
    Errno::ISDIR,
    Errno::LOOP,
    Errno::MFILE,
    Errno::MLINK,
    Errno::MSGSIZE,
    Errno::MULTIHOP,
    Errno::NAMETOOLONG,
    Errno::NETDOWN,
    Errno::NETRESET,
    Errno::NETUNREACH,
    Errno::NFILE,
    Errno::NOBUFS,
    Errno::NODEV,
    Errno::NOENT,
    Errno::NOEXEC,
    Errno::NOLCK,
    Errno::NOLINK,
    Errno::NOMEM,
    Errno::NOMSG,
    Errno::NOPROTOOPT,
    Errno::NOSPC,
    Errno::NOSYS,
    Errno::NOTCONN,
    Errno::NOTDIR,
    Errno::NOTEMPTY,
    Errno::NOTRECOVERABLE,
    Errno::NOTSOCK,
    Errno::NOTSUP,
    Errno::NOTTY,
    Errno::NXIO,
    Errno::OVERFLOW,
    Errno::OWNERDEAD,
    Errno::PERM,
    Errno::PIPE,
    Errno::PROTO,
    Errno::PROTONOSUPPORT,
    Errno::PROTOTYPE,
    Errno::RANGE,
    Errno::ROFS,
    Errno::SPIPE,
    Errno::SRCH,
    Errno::STALE,
    Errno::TIMEDOUT,
    Errno::TXTBSY,
    Errno::XDEV,
];

/// An error's number; EIO for one that preview 1 has not.
pub(super) fn number(errno: Errno) -> u32 {
    let errno = no_restart(errno);
    let known = (1..).zip(ERRORS).find(|(_, known)| *known == errno);
    known.map_or_else(|| number(Errno::IO), |(number, _)| number)
}

/// `$clockid`
pub(super) const CLOCK_REALTIME: u32 = 0;
pub(super) const CLOCK_MONOTONIC: u32 = 1;
pub(super) const CLOCK_PROCESS: u32 = 2;
pub(super) const CLOCK_THREAD: u32 = 3;

/// `$rights`
pub(super) mod right {
    pub(in crate::host::preview1) const FD_DATASYNC: u64 = 1;
    pub(in crate::host::preview1) const FD_READ: u64 = 1 << 1;
    pub(in crate::host::preview1) const FD_SEEK: u64 = 1 << 2;
    pub(in crate::host::preview1) const FD_FDSTAT_SET_FLAGS: u64 = 1 << 3;
    pub(in crate::host::preview1) const FD_SYNC: u64 = 1 << 4;
    pub(in crate::host::preview1) const FD_TELL: u64 = 1 << 5;
    pub(in crate::host::preview1) const FD_WRITE: u64 = 1 << 6;
    pub(in crate::host::preview1) const FD_ADVISE: u64 = 1 << 7;
    pub(in crate::host::preview1) const FD_ALLOCATE: u64 = 1 << 8;
    pub(in crate::host::preview1) const PATH_CREATE_DIRECTORY: u64 = 1 << 9;
    pub(in crate::host::preview1) const PATH_CREATE_FILE: u64 = 1 << 10;
    pub(in crate::host::preview1) const PATH_LINK_SOURCE: u64 = 1 << 11;
    pub(in crate::host::preview1) const PATH_LINK_TARGET: u64 = 1 << 12;
    pub(in crate::host::preview1) const PATH_OPEN: u64 = 1 << 13;
    pub(in crate::host::preview1) const FD_READDIR: u64 = 1 << 14;
    pub(in crate::host::preview1) const PATH_READLINK: u64 = 1 << 15;
    pub(in crate::host::preview1) const PATH_RENAME_SOURCE: u64 = 1 << 16;
    pub(in crate::host::preview1) const PATH_RENAME_TARGET: u64 = 1 << 17;
    pub(in crate::host::preview1) const PATH_FILESTAT_GET: u64 = 1 << 18;
    pub(in crate::host::preview1) const PATH_FILESTAT_SET_SIZE: u64 = 1 << 19;
    pub(in crate::host::preview1) const PATH_FILESTAT_SET_TIMES: u64 = 1 << 20;
    pub(in crate::host::preview1) const FD_FILESTAT_GET: u64 = 1 << 21;
    pub(in crate::host::preview1) const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
    pub(in crate::host::preview1) const FD_FILESTAT_SET_TIMES: u64 = 1 << 23;
    pub(in crate::host::preview1) const PATH_SYMLINK: u64 = 1 << 24;
    pub(in crate::host::preview1) const PATH_REMOVE_DIRECTORY: u64 = 1 << 25;
    pub(in crate::host::preview1) const PATH_UNLINK_FILE: u64 = 1 << 26;
    pub(in crate::host::preview1) const POLL_FD_READWRITE: u64 = 1 << 27;
    pub(in crate::host::preview1) const SOCK_SHUTDOWN: u64 = 1 << 28;
    pub(in crate::host::preview1) const SOCK_ACCEPT: u64 = 1 << 29;
    pub(in crate::host::preview1) const ALL: u64 = (1 << 30) - 1;
    /// Of a directory that was open at the start.
    pub(in crate::host::preview1) const PREOPEN: u64 = PATH_CREATE_DIRECTORY
        | PATH_CREATE_FILE
        | PATH_LINK_SOURCE
        | PATH_LINK_TARGET
        | PATH_OPEN
        | FD_READDIR
        | PATH_READLINK
        | PATH_RENAME_SOURCE
        | PATH_RENAME_TARGET
        | PATH_SYMLINK
        | PATH_REMOVE_DIRECTORY
        | PATH_UNLINK_FILE
        | PATH_FILESTAT_GET
        | PATH_FILESTAT_SET_TIMES
        | FD_FILESTAT_GET
        | FD_FILESTAT_SET_TIMES;
    /// What is opened from there may have.
    pub(in crate::host::preview1) const PREOPEN_INHERITING: u64 = PREOPEN
        | FD_DATASYNC
        | FD_READ
        | FD_SEEK
        | FD_FDSTAT_SET_FLAGS
        | FD_SYNC
        | FD_TELL
        | FD_WRITE
        | FD_ADVISE
        | FD_ALLOCATE
        | FD_FILESTAT_SET_SIZE
        | POLL_FD_READWRITE;
}

/// `$filetype`
pub(super) const TYPE_UNKNOWN: u8 = 0;
pub(super) const TYPE_CHARACTER: u8 = 2;
pub(super) const TYPE_DIRECTORY: u8 = 3;
pub(super) const TYPE_REGULAR: u8 = 4;
pub(super) const TYPE_DATAGRAM: u8 = 5;
pub(super) const TYPE_STREAM: u8 = 6;
pub(super) const TYPE_SYMLINK: u8 = 7;

/// `$filetype` of `S_IFMT` bits shifted down by 12, as `DT_*` has them. There is none for a FIFO.
pub(super) fn file_type(mode: u8) -> u8 {
    match mode {
        0o02 => TYPE_CHARACTER,
        0o04 => TYPE_DIRECTORY,
        0o10 => TYPE_REGULAR,
        0o12 => TYPE_SYMLINK,
        0o14 => TYPE_STREAM,
        _ => TYPE_UNKNOWN,
    }
}

/// `$fdflags`
pub(super) const APPEND: u16 = 1;
pub(super) const DSYNC: u16 = 2;
pub(super) const NONBLOCK: u16 = 4;
pub(super) const RSYNC: u16 = 8;
pub(super) const SYNC: u16 = 16;

/// `$lookupflags`
pub(super) const SYMLINK_FOLLOW: u32 = 1;

/// `$oflags`
pub(super) const O_CREATE: u32 = 1;
pub(super) const O_DIRECTORY: u32 = 2;
pub(super) const O_EXCLUSIVE: u32 = 4;
pub(super) const O_TRUNCATE: u32 = 8;

/// `$fdstat`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct FdStat {
    pub(super) file_type: u8,
    pub(super) padding: u8,
    pub(super) flags: u16,
    pub(super) padding2: u32,
    pub(super) rights_base: u64,
    pub(super) rights_inheriting: u64,
}

/// `$filestat`
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(super) struct FileStat {
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) file_type: u8,
    pub(super) padding: [u8; 7],
    pub(super) nlink: u64,
    pub(super) size: u64,
    pub(super) atim: u64,
    pub(super) mtim: u64,
    pub(super) ctim: u64,
}

impl From<&Stat> for FileStat {
    fn from(stat: &Stat) -> Self {
        Self {
            dev: stat.dev,
            ino: stat.ino,
            file_type: file_type((stat.mode >> 12) as u8),
            padding: [0; 7],
            nlink: u64::from(stat.nlink),
            size: stat.size,
            atim: nanoseconds(stat.atime),
            mtim: nanoseconds(stat.mtime),
            ctim: nanoseconds(stat.ctime),
        }
    }
}

/// `$timestamp`: none is before 1970 or after 2554.
fn nanoseconds(time: Timespec) -> u64 {
    let Ok(seconds) = u64::try_from(time.sec) else { return 0 };
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::from(time.nsec))
}

/// What `$fstflags` make of a time; `set` and `now` are its two bits.
///
/// # Errors
///
/// EINVAL for both.
pub(super) fn set_time(flags: u32, set: u32, now: u32, time: u64) -> Result<SetTime, Errno> {
    match (flags & set != 0, flags & now != 0) {
        (true, true) => Err(Errno::INVAL),
        (false, true) => Ok(SetTime::Now),
        (true, false) => Ok(SetTime::At(Timespec {
            sec: (time / 1_000_000_000).cast_signed(),
            nsec: (time % 1_000_000_000) as u32,
        })),
        (false, false) => Ok(SetTime::Omit),
    }
}

/// `$dirent`
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Dirent {
    pub(super) next: u64,
    pub(super) ino: u64,
    pub(super) name_len: u32,
    pub(super) file_type: u8,
    pub(super) padding: [u8; 3],
}

/// `$subscription`
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Subscription {
    pub(super) userdata: u64,
    pub(super) tag: u8,
    pub(super) padding: [u8; 7],
    /// The clock, or the descriptor.
    pub(super) id: u32,
    pub(super) padding2: u32,
    pub(super) timeout: u64,
    pub(super) precision: u64,
    pub(super) flags: u16,
    pub(super) padding3: [u8; 6],
}

/// `$event`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Event {
    pub(super) userdata: u64,
    pub(super) error: u16,
    pub(super) tag: u8,
    pub(super) padding: [u8; 5],
    pub(super) bytes: u64,
    pub(super) flags: u16,
    pub(super) padding2: [u8; 6],
}

const _: () = assert!(size_of::<FdStat>() == 24);
const _: () = assert!(size_of::<FileStat>() == 64);
const _: () = assert!(size_of::<Dirent>() == 24);
const _: () = assert!(size_of::<Subscription>() == 48);
const _: () = assert!(size_of::<Event>() == 32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::RESTART;

    #[test]
    fn errors_have_the_numbers_of_the_witx() {
        let cases = [
            (Errno::TOOBIG, 1),
            (Errno::BADF, 8),
            (Errno::EXIST, 20),
            (Errno::FAULT, 21),
            (Errno::INVAL, 28),
            (Errno::ISDIR, 31),
            (Errno::LOOP, 32),
            (Errno::NOENT, 44),
            (Errno::NOTDIR, 54),
            (Errno::NOTEMPTY, 55),
            (Errno::NOTSUP, 58),
            (Errno::PERM, 63),
            (Errno::PIPE, 64),
            (Errno::SPIPE, 70),
            (Errno::XDEV, 75),
            (RESTART, 27),
            (Errno::HWPOISON, 29),
        ];
        for (errno, expected) in cases {
            assert_eq!(number(errno), expected, "{errno}");
        }
    }

    #[test]
    fn times_and_types() {
        let at = |sec, nsec| nanoseconds(Timespec { sec, nsec });
        assert_eq!(at(1, 5), 1_000_000_005);
        assert_eq!(at(-1, 5), 0);
        assert_eq!(at(i64::MAX, 0), u64::MAX);
        assert_eq!(set_time(1, 1, 2, u64::MAX).map(|time| time != SetTime::Now), Ok(true));
        assert_eq!(set_time(3, 1, 2, 0), Err(Errno::INVAL));
        assert_eq!(set_time(2, 1, 2, 0), Ok(SetTime::Now));
        assert_eq!(set_time(0, 1, 2, 7), Ok(SetTime::Omit));
        assert_eq!([0o04, 0o10, 0o12, 0o01].map(file_type), [3, 4, 7, 0]);
    }
}
