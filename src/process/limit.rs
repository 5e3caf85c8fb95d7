//! Resource limits of a process (getrlimit(2)). Only the number of descriptors can be set; whatever nothing enforces is
//! told as infinite and cannot be lowered: a call never pretends.

use super::process::Process;
use super::signal::PENDING_MAX;
use crate::errno::Errno;
use bytemuck::{Pod, Zeroable};

const STACK: u32 = 3;
const CORE: u32 = 4;
const PROCESSES: u32 = 6;
const DESCRIPTORS: u32 = 7;
const PENDING_SIGNALS: u32 = 11;
const MESSAGE_QUEUES: u32 = 12;
const NICE: u32 = 13;
const REAL_TIME: u32 = 14;
const INFINITE: u64 = u64::MAX;
/// What Linux tells of the stack; programs size buffers by it.
const STACK_BYTES: u64 = 8 << 20;

/// Name and unit of each limit in /proc/PID/limits, by its number.
pub(crate) const NAMES: [(&str, &str); 16] = [
    ("Max cpu time", "seconds"),
    ("Max file size", "bytes"),
    ("Max data size", "bytes"),
    ("Max stack size", "bytes"),
    ("Max core file size", "bytes"),
    ("Max resident set", "bytes"),
    ("Max processes", "processes"),
    ("Max open files", "files"),
    ("Max locked memory", "bytes"),
    ("Max address space", "bytes"),
    ("Max file locks", "locks"),
    ("Max pending signals", "signals"),
    ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""),
    ("Max realtime priority", ""),
    ("Max realtime timeout", "us"),
];

/// `struct rlimit64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Limit {
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

/// A limit as it is.
///
/// # Errors
///
/// EINVAL for a number that names none.
pub(crate) fn get(process: &Process, resource: u32) -> Result<Limit, Errno> {
    let fixed = |value: u64| Limit { soft: value, hard: value };
    Ok(match resource {
        STACK => Limit { soft: STACK_BYTES, hard: INFINITE },
        CORE | MESSAGE_QUEUES | NICE | REAL_TIME => fixed(0),
        PROCESSES => fixed(process.kernel.limits.processes_max as u64),
        DESCRIPTORS => {
            let hard = process.with_attributes(|attributes| attributes.descriptors_max);
            Limit { soft: process.fds.lock().limit() as u64, hard }
        }
        PENDING_SIGNALS => fixed(PENDING_MAX as u64),
        _ if (resource as usize) < NAMES.len() => fixed(INFINITE),
        _ => return Err(Errno::INVAL),
    })
}

/// Sets the number of descriptors; any other limit only to what it is.
///
/// # Errors
///
/// EINVAL for a soft limit above the hard one, EPERM for what cannot be set so.
pub(crate) fn set(process: &Process, resource: u32, new: Limit) -> Result<(), Errno> {
    let now = get(process, resource)?;
    if new.soft > new.hard {
        return Err(Errno::INVAL);
    }
    if new == now {
        return Ok(());
    }
    if resource != DESCRIPTORS {
        return Err(Errno::PERM);
    }
    let kernel_max = process.kernel.limits.descriptors_max as u64;
    if new.hard > kernel_max || new.hard > now.hard && !process.cred().is_root() {
        return Err(Errno::PERM);
    }
    process.with_attributes(|attributes| attributes.descriptors_max = new.hard);
    let soft = usize::try_from(new.soft).expect("not above the kernel's maximum");
    process.fds.lock().set_limit(soft);
    Ok(())
}
