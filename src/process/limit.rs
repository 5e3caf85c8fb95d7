//! Resource limits of a process (getrlimit(2)). What is enforced can be set: CPU time, the size of files, memory (data and address
//! space, both of them the linear memory), processes of a user, descriptors. Whatever nothing enforces is told as it is and
//! cannot be changed: a call never pretends.

use super::process::Process;
use super::signal::PENDING_MAX;
use crate::errno::Errno;
use bytemuck::{Pod, Zeroable};

/// Seconds of CPU: SIGXCPU at the soft limit and each second after it, SIGKILL at the hard one.
pub(crate) const CPU: u32 = 0;
/// Bytes of a file: SIGXFSZ.
pub(crate) const FILE_SIZE: u32 = 1;
/// Bytes of data.
pub(crate) const DATA: u32 = 2;
const STACK: u32 = 3;
const CORE: u32 = 4;
/// Processes of a user.
pub(crate) const PROCESSES: u32 = 6;
/// Descriptors of a process; the soft limit is the descriptor table's.
pub(crate) const DESCRIPTORS: u32 = 7;
/// Bytes of address space.
pub(crate) const ADDRESS_SPACE: u32 = 9;
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

/// All limits of a process, by number; children inherit them.
#[derive(Clone, Debug)]
pub(crate) struct Limits([Limit; NAMES.len()]);

impl Limits {
    /// Those of a first process, in a sandbox that admits so many processes and descriptors of a process.
    pub(crate) fn new(processes: u64, descriptors: u64) -> Self {
        let mut limits = Self([Limit { soft: INFINITE, hard: INFINITE }; NAMES.len()]);
        limits.put(STACK, Limit { soft: STACK_BYTES, hard: INFINITE });
        let fixed = [
            (CORE, 0),
            (PROCESSES, processes),
            (DESCRIPTORS, descriptors),
            (PENDING_SIGNALS, PENDING_MAX as u64),
            (MESSAGE_QUEUES, 0),
            (NICE, 0),
            (REAL_TIME, 0),
        ];
        for (resource, value) in fixed {
            limits.put(resource, Limit { soft: value, hard: value });
        }
        limits
    }

    /// The limit of a number that names one.
    pub(crate) fn get(&self, resource: u32) -> Limit {
        self.0[resource as usize]
    }

    pub(super) fn put(&mut self, resource: u32, limit: Limit) {
        self.0[resource as usize] = limit;
    }
}

/// A limit as it is.
///
/// # Errors
///
/// EINVAL for a number that names none.
pub(crate) fn get(process: &Process, resource: u32) -> Result<Limit, Errno> {
    if resource as usize >= NAMES.len() {
        return Err(Errno::INVAL);
    }
    let limit = process.with_attributes(|attributes| attributes.limits.get(resource));
    Ok(match resource {
        DESCRIPTORS => Limit { soft: process.fds.lock().limit() as u64, ..limit },
        _ => limit,
    })
}

/// Sets a limit that is enforced; any other one only to what it is.
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
    let most = match resource {
        CPU | FILE_SIZE | DATA | ADDRESS_SPACE => INFINITE,
        PROCESSES => process.kernel.limits.processes_max as u64,
        DESCRIPTORS => process.kernel.limits.descriptors_max as u64,
        _ => return Err(Errno::PERM),
    };
    if new.hard > most || new.hard > now.hard && !process.cred().is_root() {
        return Err(Errno::PERM);
    }
    process.with_attributes(|attributes| {
        attributes.limits.put(resource, new);
        process.usage.bound(&attributes.limits);
    });
    if resource == DESCRIPTORS {
        let soft = usize::try_from(new.soft).expect("not above the kernel's maximum");
        process.fds.lock().set_limit(soft);
    }
    Ok(())
}
