//! Guest-visible errors: Linux's errno, by rustix's names.
//!
//! One type serves the whole kernel, since a system call answers nothing else. Not for errors of the crate's
//! callers: those are [`crate::Error`].

pub(crate) use rustix::io::Errno;

/// What Linux's kernel answers inside for a call that a signal interrupted and that may be made again
/// (`ERESTARTSYS`, include/linux/errno.h). The guest's C library sees it and restarts or turns it into EINTR; programs never do.
pub(crate) const RESTART: Errno = Errno::from_raw_os_error(512);
