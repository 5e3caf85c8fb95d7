//! What a program finds when it starts, clocks, randomness, and its end.

use super::P1;
use super::abi::{CLOCK_MONOTONIC, CLOCK_PROCESS, CLOCK_REALTIME, CLOCK_THREAD};
use crate::errno::Errno;
use crate::host::Departure;
use crate::host::fd::{PIECE, Pace};
use crate::process::{ExitStatus, Signal};
use std::time::{SystemTime, UNIX_EPOCH};

/// Signals by preview 1's numbers, from 1 on.
const SIGNALS: [u32; 30] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
    28, 29, 30, 31,
];

fn arguments(p1: &P1<'_>) -> Vec<Vec<u8>> {
    let arguments = p1.call.process().with_attributes(|attributes| attributes.arguments.clone());
    arguments.argv.clone()
}

/// The environment, with `PWD` set to the working directory: that is where Go looks for it, since preview 1 has none.
fn environment(p1: &P1<'_>) -> Vec<Vec<u8>> {
    let process = p1.call.process();
    let given = process.with_attributes(|attributes| attributes.arguments.clone());
    let mut all = given.env.clone();
    if let Ok(cwd) = process.kernel.vfs.path_of(&process.root(), &process.cwd()) {
        all.retain(|variable| !variable.starts_with(b"PWD="));
        all.push([b"PWD=".as_slice(), &cwd].concat());
    }
    all
}

/// Writes strings one after the other, each with a NUL, and a pointer to each.
fn put_strings(p1: &mut P1<'_>, strings: &[Vec<u8>]) -> Result<(), Errno> {
    let (pointers, mut buffer) = (p1.u32(0), p1.u32(1));
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    p1.call.bytes(pointers, strings.len() * 4)?;
    p1.call.bytes(buffer, bytes)?;
    for (index, string) in (0..).zip(strings) {
        p1.call.write(pointers + 4 * index, &buffer)?;
        let place = p1.call.bytes(buffer, string.len() + 1)?;
        place[..string.len()].copy_from_slice(string);
        place[string.len()] = 0;
        // Inside memory, which was looked at.
        buffer += string.len() as u32 + 1;
    }
    Ok(())
}

fn put_sizes(p1: &mut P1<'_>, strings: &[Vec<u8>]) -> Result<(), Errno> {
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    let count = u32::try_from(strings.len()).map_err(|_many| Errno::OVERFLOW)?;
    let bytes = u32::try_from(bytes).map_err(|_many| Errno::OVERFLOW)?;
    p1.put(0, &count)?;
    p1.put(1, &bytes)
}

pub(super) async fn args_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    let arguments = arguments(p1);
    put_strings(p1, &arguments)
}

pub(super) async fn args_sizes_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    let arguments = arguments(p1);
    put_sizes(p1, &arguments)
}

pub(super) async fn environ_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    let environment = environment(p1);
    put_strings(p1, &environment)
}

pub(super) async fn environ_sizes_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    let environment = environment(p1);
    put_sizes(p1, &environment)
}

pub(super) async fn clock_res_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    if p1.u32(0) > CLOCK_THREAD {
        return Err(Errno::INVAL);
    }
    p1.put(1, &1u64)
}

pub(super) async fn clock_time_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    let now = now(p1, p1.u32(0))?;
    p1.put(2, &now)
}

/// What a clock shows, in nanoseconds.
///
/// # Errors
///
/// EINVAL if there is no such clock.
pub(super) fn now(p1: &P1<'_>, clock: u32) -> Result<u64, Errno> {
    let thread = p1.call.thread();
    match clock {
        CLOCK_REALTIME => {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
        }
        CLOCK_MONOTONIC => Ok(p1.call.kernel().age_ns()),
        CLOCK_PROCESS => {
            thread.tell_cpu();
            Ok(thread.process.cpu().total_ns())
        }
        CLOCK_THREAD => Ok(thread.cpu().total_ns()),
        _ => Err(Errno::INVAL),
    }
}

pub(super) fn proc_exit(p1: &mut P1<'_>) {
    let status = ExitStatus::Code(p1.u32(0) as u8);
    p1.call.leave(Departure::ExitGroup(status));
}

pub(super) async fn proc_raise(p1: &mut P1<'_>) -> Result<(), Errno> {
    let number = p1.u32(0) as usize;
    if number == 0 {
        return Ok(());
    }
    let signal = *SIGNALS.get(number - 1).ok_or(Errno::INVAL)?;
    p1.call.thread().raise(Signal::new(signal)?);
    Ok(())
}

pub(super) async fn sched_yield(_p1: &mut P1<'_>) -> Result<(), Errno> {
    tokio::task::yield_now().await;
    Ok(())
}

pub(super) async fn random_get(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (mut address, mut left) = (p1.u32(0), p1.u32(1) as usize);
    p1.call.bytes(address, left)?;
    let mut pace = Pace::default();
    while left > 0 {
        let piece = left.min(PIECE);
        rand::fill(p1.call.bytes(address, piece)?);
        left -= piece;
        address = address.wrapping_add(piece as u32);
        pace.moved(piece).await;
    }
    Ok(())
}
