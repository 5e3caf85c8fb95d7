//! System calls about processes: beginning, replacing, ending and waiting for them; groups and sessions.
//!
//! Ids and groups of users are in [`super::ids`], starting children in [`super::spawn`], what the machine is in
//! [`super::system`].

use super::{Call, Departure, Wake, nr};
use super::{ids, spawn, special, start_image, system};
use crate::errno::{Errno, RESTART};
use crate::process::process::{Waited, child_info};
use crate::process::tree::{WaitOptions, Whom};
use crate::process::usage::Cpu;
use crate::process::{ExitStatus, exec};
use bytemuck::{Pod, Zeroable};
use std::sync::atomic::Ordering;

const P_ALL: u32 = 0;
const P_PID: u32 = 1;
const P_PGID: u32 = 2;
const P_PIDFD: u32 = 3;
/// `__WALL` and `__WNOTHREAD`: every child is an ordinary one, and any thread's child is the process's.
const WAIT_IGNORED: u32 = 0x4000_0000 | 0x2000_0000;
const RUSAGE_SELF: u32 = 0;
const RUSAGE_THREAD: u32 = 1;
const RUSAGE_CHILDREN: u32 = u32::MAX;

/// The kernel's `struct rusage`, of 32-bit longs.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Rusage {
    /// User and system time, each seconds and microseconds.
    times: [u32; 4],
    /// KiB.
    max_rss: u32,
    rest: [u32; 13],
}

impl Rusage {
    fn new(cpu: Cpu, memory_bytes: u64) -> Self {
        let sec = |ns: u64| u32::try_from(ns / 1_000_000_000).unwrap_or(u32::MAX);
        let usec = |ns: u64| (ns % 1_000_000_000 / 1000) as u32;
        let [user, system] = [cpu.user_ns, cpu.system_ns];
        let times = [sec(user), usec(user), sec(system), usec(system)];
        let max_rss = u32::try_from(memory_bytes >> 10).unwrap_or(u32::MAX);
        Self { times, max_rss, rest: [0; 13] }
    }
}

/// The calls of this file, and of those it heads.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    let process = call.process().clone();
    Some(match number {
        nr::GETPID => Ok(process.pid),
        nr::GETPPID => Ok(process.ppid()),
        nr::GETTID => Ok(call.thread().tid),
        nr::SET_TID_ADDRESS => {
            call.thread().set_clear_tid(call.args[0]);
            Ok(call.thread().tid)
        }
        nr::SETPGID => setpgid(call),
        nr::GETPGID => of_process(call, |call, pid| call.kernel().pgid(pid)),
        nr::GETSID => of_process(call, |call, pid| call.kernel().sid(pid)),
        nr::SETSID => process.new_session().map(|()| process.pid),
        nr::EXIT => {
            call.leave(Departure::ExitThread((call.args[0] & 0xff) as u8));
            Ok(0)
        }
        nr::EXIT_GROUP => {
            let code = (call.args[0] & 0xff) as u8;
            call.leave(Departure::ExitGroup(ExitStatus::Code(code)));
            Ok(0)
        }
        nr::EXECVE => execve(call).await,
        nr::WAITID => waitid(call).await,
        nr::GETRUSAGE => getrusage(call),
        nr::TIMES => times(call),
        nr::ISOLET_THREAD => thread(call),
        nr::ISOLET_START_IMAGE => start_image::start_image(call),
        _ => {
            if let Some(result) = ids::dispatch(call, number) {
                return Some(result);
            }
            if let Some(result) = system::dispatch(call, number).await {
                return Some(result);
            }
            return spawn::dispatch(call, number).await;
        }
    })
}

/// A question about the process in the first argument, 0 for the caller.
fn of_process(
    call: &mut Call<'_>,
    ask: impl FnOnce(&Call<'_>, u32) -> Option<u32>,
) -> Result<u32, Errno> {
    let pid = match call.args[0] {
        0 => call.process().pid,
        pid => pid,
    };
    ask(call, pid).ok_or(Errno::SRCH)
}

fn setpgid(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [pid, pgid, ..] = call.args;
    if pgid.cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    let process = call.process();
    let pid = if pid == 0 { process.pid } else { pid };
    process.set_group(pid, pgid)?;
    Ok(0)
}

async fn execve(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [path, argv, envp, ..] = call.args;
    let path = call.path(path)?;
    let (argv, env) = arguments(call, argv, envp)?;
    let process = call.process().clone();
    let program = exec::resolve(&process, &path, argv, env)?;
    call.load(&program).await?;
    call.leave(Departure::Exec(program));
    Ok(0)
}

/// C strings without their final zero.
type Strings = Vec<Vec<u8>>;

/// Arguments and environment of a program to start. No arguments at all are one empty one, as on Linux.
pub(super) fn arguments(
    call: &mut Call<'_>,
    argv: u32,
    envp: u32,
) -> Result<(Strings, Strings), Errno> {
    let mut budget = call.kernel().limits.arguments_bytes_max;
    let mut strings = |address| match address {
        0 => Ok(Vec::new()),
        address => call.strings(address, &mut budget),
    };
    let (mut argv, env) = (strings(argv)?, strings(envp)?);
    if argv.is_empty() {
        argv.push(Vec::new());
    }
    Ok((argv, env))
}

async fn waitid(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [kind, id, info, options, usage, ..] = call.args;
    let known = WaitOptions::from_bits(options & !WAIT_IGNORED).ok_or(Errno::INVAL)?;
    let events = WaitOptions::EXITED | WaitOptions::STOPPED | WaitOptions::CONTINUED;
    if !known.intersects(events) {
        return Err(Errno::INVAL);
    }
    let process = call.process().clone();
    let mut nonblocking = false;
    let whom = match kind {
        P_ALL => Whom::Any,
        P_PID if id.cast_signed() > 0 => Whom::Pid(id),
        P_PGID if id == 0 => Whom::Group(process.pgid()),
        P_PGID if id.cast_signed() > 0 => Whom::Group(id),
        P_PIDFD if id.cast_signed() >= 0 => {
            let file = call.file(1)?;
            nonblocking = file.nonblocking();
            Whom::Pid(special::process(&file)?.process().pid)
        }
        _ => return Err(Errno::INVAL),
    };
    // Asked before a child is reaped, so that a bad address loses none.
    if info != 0 {
        call.bytes(info, 128)?;
    }
    if usage != 0 {
        call.bytes(usage, size_of::<Rusage>())?;
    }
    loop {
        let news = process.child_news().subscribe();
        if let Some(waited) = process.wait_child(whom, known)? {
            return report(call, info, usage, &waited);
        }
        if known.contains(WaitOptions::NOHANG) {
            if info != 0 {
                call.bytes(info, 128)?.fill(0);
            }
            return Ok(0);
        }
        if nonblocking {
            return Err(Errno::AGAIN);
        }
        if call.wait(news, None).await == Wake::Interrupted {
            return Err(RESTART);
        }
    }
}

fn report(call: &mut Call<'_>, info: u32, usage: u32, waited: &Waited) -> Result<u32, Errno> {
    if info != 0 {
        let child = child_info(waited.pid, waited.uid, waited.change, waited.cpu);
        call.write(info, &child.to_bytes())?;
    }
    if usage != 0 {
        call.write(usage, &Rusage::new(waited.cpu, waited.memory_bytes))?;
    }
    Ok(0)
}

fn getrusage(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [who, address, ..] = call.args;
    call.thread().tell_cpu();
    let memory = call.memory().len() as u64;
    let process = call.process();
    let usage = match who {
        RUSAGE_SELF => Rusage::new(process.cpu(), memory),
        RUSAGE_CHILDREN => {
            let most = process.usage.children_memory_max.load(Ordering::Relaxed);
            Rusage::new(process.children_cpu(), most)
        }
        RUSAGE_THREAD => Rusage::new(call.thread().cpu(), memory),
        _ => return Err(Errno::INVAL),
    };
    call.write(address, &usage)?;
    Ok(0)
}

/// `struct tms` in ticks of 10 ms; the result counts from the sandbox's start.
fn times(call: &mut Call<'_>) -> Result<u32, Errno> {
    let ticks = |ns: u64| (ns / 10_000_000) as u32;
    call.thread().tell_cpu();
    let process = call.process();
    let (own, children) = (process.cpu(), process.children_cpu());
    let tms = [own.user_ns, own.system_ns, children.user_ns, children.system_ns].map(ticks);
    let elapsed = process.kernel.booted.elapsed().as_millis() / 10;
    if call.args[0] != 0 {
        call.write(call.args[0], &tms)?;
    }
    // Kept positive: an errno must not be mistaken for a time.
    Ok((elapsed & 0x7fff_ffff) as u32)
}

fn thread(call: &mut Call<'_>) -> Result<u32, Errno> {
    if call.forks() {
        return Err(Errno::NOSYS);
    }
    let [stack_top, argument, clear_tid, ..] = call.args;
    if clear_tid != 0 {
        call.bytes(clear_tid, 4)?;
    }
    let thread = call.thread().add_thread()?;
    thread.set_clear_tid(clear_tid);
    let tid = thread.tid;
    call.start_thread(thread, stack_top, argument);
    Ok(tid)
}
