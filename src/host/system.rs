//! System calls about the machine and about what a process may use of it: names, limits, scheduling, random numbers.
//!
//! What nothing enforces is told so or refused: a call never pretends.

use super::{Call, Wake, nr};
use crate::errno::Errno;
use crate::process::limit;
use crate::process::release::{MACHINE, RELEASE, VERSION};
use crate::process::signal::Signal;
use crate::process::thread::COMM_LEN;
use crate::process::{Process, kernel::HOSTNAME_MAX};
use bytemuck::{Pod, Zeroable};
use rand::RngCore;
use std::sync::Arc;

/// Bytes of each name of `struct utsname`.
const UTS_LEN: usize = 65;

const PR_SET_PDEATHSIG: u32 = 1;
const PR_GET_PDEATHSIG: u32 = 2;
const PR_GET_DUMPABLE: u32 = 3;
const PR_SET_DUMPABLE: u32 = 4;
const PR_SET_NAME: u32 = 15;
const PR_GET_NAME: u32 = 16;
const PR_SET_NO_NEW_PRIVS: u32 = 38;
const PR_GET_NO_NEW_PRIVS: u32 = 39;

const SCHED_OTHER: u32 = 0;
const SCHED_BATCH: u32 = 3;
const SCHED_IDLE: u32 = 5;
/// Bytes of the processor mask that sched_getaffinity writes.
const AFFINITY_BYTES: u32 = 8;
const PRIO_PROCESS: u32 = 0;
const PRIO_PGRP: u32 = 1;
const PRIO_USER: u32 = 2;
/// Bytes that one getrandom(2) gives; Linux's is 33554431, callers go on for the rest.
const RANDOM_BYTES_MAX: u32 = 1 << 20;

/// `struct sysinfo` of a 32-bit machine.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Sysinfo {
    uptime: u32,
    loads: [u32; 3],
    total: u32,
    free: u32,
    shared_buffer_swap: [u32; 4],
    processes: u16,
    pad: u16,
    high: [u32; 2],
    unit: u32,
    reserved: [u8; 8],
}

/// The calls of this file.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::UNAME => uname(call),
        nr::SETHOSTNAME => sethostname(call),
        nr::SYSINFO => sysinfo(call),
        nr::PRLIMIT64 => prlimit(call),
        nr::PRCTL => prctl(call),
        nr::GETRANDOM => getrandom(call),
        nr::GETCPU => getcpu(call),
        nr::PERSONALITY if matches!(call.args[0], 0 | u32::MAX) => Ok(0),
        nr::PERSONALITY => Err(Errno::INVAL),
        nr::GETPRIORITY => getpriority(call),
        nr::SETPRIORITY => setpriority(call),
        nr::IOPRIO_GET => ioprio_get(call),
        nr::IOPRIO_SET => ioprio_set(call),
        nr::SCHED_YIELD => match call.wait(tokio::task::yield_now(), None).await {
            Wake::Done(()) | Wake::Interrupted | Wake::TimedOut => Ok(0),
        },
        nr::SCHED_GETSCHEDULER => scheduled(call).map(|_| SCHED_OTHER),
        nr::SCHED_SETSCHEDULER => sched_set(call, call.args[1], call.args[2]),
        nr::SCHED_SETPARAM => sched_set(call, SCHED_OTHER, call.args[1]),
        nr::SCHED_GETPARAM => sched_getparam(call),
        nr::SCHED_GETAFFINITY => sched_getaffinity(call),
        nr::SCHED_SETAFFINITY => sched_setaffinity(call),
        nr::SCHED_GET_PRIORITY_MAX => priority_bound(call.args[0], 99),
        nr::SCHED_GET_PRIORITY_MIN => priority_bound(call.args[0], 1),
        // What no guest may do, root or not.
        nr::SETDOMAINNAME | nr::ACCT | nr::REBOOT | nr::SYSLOG | nr::UNSHARE | nr::PTRACE => {
            Err(Errno::PERM)
        }
        _ => return None,
    })
}

fn uname(call: &mut Call<'_>) -> Result<u32, Errno> {
    let host = call.kernel().hostname();
    let names: [&[u8]; 6] =
        [b"Linux", &host, RELEASE.as_bytes(), VERSION.as_bytes(), MACHINE.as_bytes(), b"(none)"];
    let fields = call.bytes(call.args[0], UTS_LEN * names.len())?;
    fields.fill(0);
    for (field, name) in fields.chunks_exact_mut(UTS_LEN).zip(names) {
        let length = name.len().min(UTS_LEN - 1);
        field[..length].copy_from_slice(&name[..length]);
    }
    Ok(0)
}

fn sethostname(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [name, length, ..] = call.args;
    if !call.process().cred().is_root() {
        return Err(Errno::PERM);
    }
    if length as usize > HOSTNAME_MAX {
        return Err(Errno::INVAL);
    }
    let name = call.bytes(name, length as usize)?.to_vec();
    call.kernel().set_hostname(&name)?;
    Ok(0)
}

fn sysinfo(call: &mut Call<'_>) -> Result<u32, Errno> {
    /// Bytes of the unit that memory is told in, so that it fits 32 bits.
    const UNIT: u64 = 4096;
    let kernel = call.kernel();
    let units = |bytes: u64| u32::try_from(bytes / UNIT).unwrap_or(u32::MAX);
    let info = Sysinfo {
        uptime: u32::try_from(kernel.booted.elapsed().as_secs()).unwrap_or(u32::MAX),
        // Fixed point with 16 bits behind the point.
        loads: kernel.load().map(|average| (average * 65536.0) as u32),
        total: units(kernel.memory.max()),
        free: units(kernel.memory_free()),
        shared_buffer_swap: [0; 4],
        processes: u16::try_from(kernel.processes().len()).unwrap_or(u16::MAX),
        pad: 0,
        high: [0; 2],
        unit: UNIT as u32,
        reserved: [0; 8],
    };
    call.write(call.args[0], &info)?;
    Ok(0)
}

fn prlimit(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [pid, resource, new, old, ..] = call.args;
    let process = other(call, pid)?;
    if process.pid != call.process().pid {
        let (caller, target) = (call.process().cred(), process.cred());
        if !caller.is_root() && caller.user.real != target.user.real {
            return Err(Errno::PERM);
        }
    }
    let before = limit::get(&process, resource)?;
    if new != 0 {
        limit::set(&process, resource, call.read(new)?)?;
    }
    if old != 0 {
        call.write(old, &before)?;
    }
    Ok(0)
}

/// The process `pid`, 0 for the caller.
fn other(call: &Call<'_>, pid: u32) -> Result<Arc<Process>, Errno> {
    match pid {
        0 => Ok(call.process().clone()),
        pid => call.kernel().owner_of(pid).ok_or(Errno::SRCH),
    }
}

fn prctl(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [option, second, third, fourth, fifth, _] = call.args;
    let process = call.process().clone();
    match option {
        PR_SET_NAME => set_name(call, second),
        PR_GET_NAME => {
            let own = call.thread().name();
            let name = own.unwrap_or_else(|| process.with_attributes(|attributes| attributes.comm));
            call.write(second, &name)?;
            Ok(0)
        }
        PR_SET_PDEATHSIG => {
            let signal = if second == 0 { None } else { Some(Signal::new(second)?) };
            process.with_attributes(|attributes| attributes.parent_death_signal = signal);
            Ok(0)
        }
        PR_GET_PDEATHSIG => {
            let signal = process.with_attributes(|attributes| attributes.parent_death_signal);
            call.write(second, &signal.map_or(0, |signal| u32::from(signal.number())))?;
            Ok(0)
        }
        PR_GET_DUMPABLE => Ok(u32::from(process.with_attributes(|attributes| attributes.dumpable))),
        // 2 is for the administrator's fs.suid_dumpable alone.
        PR_SET_DUMPABLE if second <= 1 => {
            process.with_attributes(|attributes| attributes.dumpable = second == 1);
            Ok(0)
        }
        PR_SET_NO_NEW_PRIVS if (second, third, fourth, fifth) == (1, 0, 0, 0) => {
            process.with_attributes(|attributes| attributes.no_new_privs = true);
            Ok(0)
        }
        PR_GET_NO_NEW_PRIVS => {
            Ok(u32::from(process.with_attributes(|attributes| attributes.no_new_privs)))
        }
        _ => Err(Errno::INVAL),
    }
}

/// A longer name is cut, as on Linux; that of the first thread is the process's.
fn set_name(call: &mut Call<'_>, address: u32) -> Result<u32, Errno> {
    let mut name = [0; COMM_LEN];
    for (offset, slot) in (0..).zip(&mut name[..COMM_LEN - 1]) {
        let byte: u8 = call.read(address.checked_add(offset).ok_or(Errno::FAULT)?)?;
        if byte == 0 {
            break;
        }
        *slot = byte;
    }
    call.thread().set_name(name);
    if call.thread().is_leader() {
        call.process().with_attributes(|attributes| attributes.comm = name);
    }
    Ok(0)
}

fn getrandom(call: &mut Call<'_>) -> Result<u32, Errno> {
    /// GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE: all the same here.
    const KNOWN: u32 = 7;
    let [address, length, flags, ..] = call.args;
    if flags & !KNOWN != 0 {
        return Err(Errno::INVAL);
    }
    let length = length.min(RANDOM_BYTES_MAX);
    rand::rng().fill_bytes(call.bytes(address, length as usize)?);
    Ok(length)
}

fn getcpu(call: &mut Call<'_>) -> Result<u32, Errno> {
    for address in [call.args[0], call.args[1]] {
        if address != 0 {
            call.write(address, &0u32)?;
        }
    }
    Ok(0)
}

/// Whom getpriority(2) and ioprio_get(2) ask about; the former counts from 0, the latter from 1.
fn priority_targets(call: &Call<'_>, first: u32) -> Result<Vec<Arc<Process>>, Errno> {
    let [which, who, ..] = call.args;
    let process = call.process();
    let mut found = match which.wrapping_sub(first) {
        PRIO_PROCESS => vec![other(call, who)?],
        PRIO_PGRP => {
            let group = if who == 0 { process.pgid() } else { who };
            let mut all = call.kernel().processes();
            all.retain(|process| process.pgid() == group);
            all
        }
        PRIO_USER => {
            // 0 is the caller's own here, and root only where a caller is root.
            let user = if who == 0 { process.cred().user.real } else { who };
            let mut all = call.kernel().processes();
            all.retain(|process| process.cred().user.real == user);
            all
        }
        _ => return Err(Errno::INVAL),
    };
    found.retain(|process| process.exit_status().is_none());
    if found.is_empty() { Err(Errno::SRCH) } else { Ok(found) }
}

/// The kernel's form: 20 minus the nice value, so that no result is negative; of several the highest priority.
fn getpriority(call: &mut Call<'_>) -> Result<u32, Errno> {
    let nice = |process: &Arc<Process>| process.with_attributes(|attributes| attributes.nice);
    let targets = priority_targets(call, 0)?;
    let lowest = targets.iter().map(nice).min().unwrap_or(0);
    Ok(u32::from((20 - lowest).unsigned_abs()))
}

/// Whether the caller may change how another process is scheduled.
///
/// # Errors
///
/// EPERM.
fn may_schedule(caller: &Process, target: &Process) -> Result<(), Errno> {
    let (caller, target) = (caller.cred(), target.cred());
    let mine = [target.user.real, target.user.effective].contains(&caller.user.effective);
    if caller.is_root() || mine { Ok(()) } else { Err(Errno::PERM) }
}

fn setpriority(call: &mut Call<'_>) -> Result<u32, Errno> {
    let nice = call.args[2].cast_signed().clamp(-20, 19) as i8;
    let caller = call.process().clone();
    let root = caller.cred().is_root();
    let mut result = Ok(0);
    for process in priority_targets(call, 0)? {
        let set = may_schedule(&caller, &process).and_then(|()| {
            process.with_attributes(|attributes| {
                if nice < attributes.nice && !root {
                    return Err(Errno::ACCESS);
                }
                attributes.nice = nice;
                Ok(0)
            })
        });
        result = result.and(set);
    }
    result
}

/// The I/O priority, class above 13 bits of level: told, and without effect, since files are in memory.
fn ioprio_get(call: &mut Call<'_>) -> Result<u32, Errno> {
    let targets = priority_targets(call, 1)?;
    let of = |process: &Arc<Process>| process.with_attributes(|attributes| attributes.io_priority);
    Ok(u32::from(targets.iter().map(of).min().unwrap_or(0)))
}

fn ioprio_set(call: &mut Call<'_>) -> Result<u32, Errno> {
    /// Classes: none, real time (root's only), best effort, idle. Of the lower bits three are the level, others hints.
    const NONE: u32 = 0;
    const REAL_TIME: u32 = 1;
    const BEST_EFFORT: u32 = 2;
    const IDLE: u32 = 3;
    let wanted = call.args[2];
    let (class, level) = (wanted >> 13, wanted & 7);
    match class {
        NONE if level == 0 => {}
        REAL_TIME if !call.process().cred().is_root() => return Err(Errno::PERM),
        REAL_TIME | BEST_EFFORT | IDLE => {}
        _ => return Err(Errno::INVAL),
    }
    let priority = u16::try_from(wanted).map_err(|_class| Errno::INVAL)?;
    let caller = call.process().clone();
    for process in priority_targets(call, 1)? {
        may_schedule(&caller, &process)?;
        process.with_attributes(|attributes| attributes.io_priority = priority);
    }
    Ok(0)
}

/// The process that a scheduling call is about.
fn scheduled(call: &Call<'_>) -> Result<Arc<Process>, Errno> {
    if call.args[0].cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    other(call, call.args[0])
}

/// Only the ordinary policies exist, with priority 0.
fn sched_set(call: &mut Call<'_>, policy: u32, param: u32) -> Result<u32, Errno> {
    scheduled(call)?;
    let priority: u32 = call.read(param)?;
    match (policy, priority) {
        (SCHED_OTHER | SCHED_BATCH | SCHED_IDLE, 0) => Ok(0),
        (1 | 2, 1..=99) => Err(Errno::PERM),
        _ => Err(Errno::INVAL),
    }
}

fn sched_getparam(call: &mut Call<'_>) -> Result<u32, Errno> {
    scheduled(call)?;
    call.write(call.args[1], &0u32)?;
    Ok(0)
}

fn sched_getaffinity(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [pid, size, address, ..] = call.args;
    if size < AFFINITY_BYTES || !size.is_multiple_of(4) {
        return Err(Errno::INVAL);
    }
    let process = other(call, pid)?;
    call.write(address, &process.with_attributes(|attributes| attributes.affinity))?;
    Ok(AFFINITY_BYTES)
}

fn sched_setaffinity(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [pid, size, address, ..] = call.args;
    let process = other(call, pid)?;
    let length = size.min(AFFINITY_BYTES) as usize;
    let mut bytes = [0; AFFINITY_BYTES as usize];
    bytes[..length].copy_from_slice(call.bytes(address, length)?);
    let mask = u64::from_le_bytes(bytes) & u64::MAX >> (64 - call.kernel().cpus);
    if mask == 0 {
        return Err(Errno::INVAL);
    }
    process.with_attributes(|attributes| attributes.affinity = mask);
    Ok(0)
}

fn priority_bound(policy: u32, real_time: u32) -> Result<u32, Errno> {
    match policy {
        1 | 2 => Ok(real_time),
        SCHED_OTHER | SCHED_BATCH | SCHED_IDLE => Ok(0),
        _ => Err(Errno::INVAL),
    }
}
