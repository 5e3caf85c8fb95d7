//! futex(2): waiting for a word of the program's memory to change, among the threads of one process.
//!
//! No lost wake-ups: the word is read and the queue joined while this thread has the process's turn ([`super`]). Priority
//! inheritance, robust lists and futexes between processes are ENOSYS: no memory is shared between processes.

use super::time::{Timespec64, deadline};
use super::{Call, Wake, nr};
use crate::errno::{Errno, RESTART};
use tokio::time::Instant;

const FUTEX_WAIT: u32 = 0;
const FUTEX_WAKE: u32 = 1;
const FUTEX_REQUEUE: u32 = 3;
const FUTEX_CMP_REQUEUE: u32 = 4;
const FUTEX_WAIT_BITSET: u32 = 9;
const FUTEX_WAKE_BITSET: u32 = 10;
const FUTEX_PRIVATE_FLAG: u32 = 128;
const FUTEX_CLOCK_REALTIME: u32 = 256;
const MATCH_ANY: u32 = u32::MAX;

/// The calls of this file.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    match number {
        nr::FUTEX_TIME64 => Some(futex(call).await),
        _ => None,
    }
}

async fn futex(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [address, operation, value, fourth, second, third] = call.args;
    let command = operation & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    let realtime = operation & FUTEX_CLOCK_REALTIME != 0;
    let waits = matches!(command, FUTEX_WAIT | FUTEX_WAIT_BITSET);
    if realtime && !waits {
        return Err(Errno::NOSYS);
    }
    if !address.is_multiple_of(4) {
        return Err(Errno::INVAL);
    }
    call.bytes(address, 4)?;
    match command {
        FUTEX_WAIT => wait(call, MATCH_ANY, false, realtime).await,
        FUTEX_WAIT_BITSET => wait(call, third, true, realtime).await,
        FUTEX_WAKE => Ok(call.process().futexes.wake(address, count(value)?, MATCH_ANY)),
        FUTEX_WAKE_BITSET if third == 0 => Err(Errno::INVAL),
        FUTEX_WAKE_BITSET => Ok(call.process().futexes.wake(address, count(value)?, third)),
        FUTEX_REQUEUE | FUTEX_CMP_REQUEUE => {
            if !second.is_multiple_of(4) {
                return Err(Errno::INVAL);
            }
            call.bytes(second, 4)?;
            if command == FUTEX_CMP_REQUEUE && call.read::<u32>(address)? != third {
                return Err(Errno::AGAIN);
            }
            let futexes = &call.process().futexes;
            let (woken, moved) = futexes.requeue(address, count(value)?, second, count(fourth)?);
            Ok(if command == FUTEX_REQUEUE { woken } else { woken + moved })
        }
        _ => Err(Errno::NOSYS),
    }
}

/// A number of threads, which the interface has as `int`.
fn count(value: u32) -> Result<u32, Errno> {
    if value.cast_signed() < 0 { Err(Errno::INVAL) } else { Ok(value) }
}

async fn wait(
    call: &mut Call<'_>,
    bitset: u32,
    absolute: bool,
    realtime: bool,
) -> Result<u32, Errno> {
    let [address, _, expected, timeout, ..] = call.args;
    if bitset == 0 {
        return Err(Errno::INVAL);
    }
    let until = match timeout {
        0 => None,
        at => {
            let length = call.read::<Timespec64>(at)?.duration()?;
            if absolute {
                deadline(call.kernel(), i32::from(!realtime), length)?
            } else {
                Instant::now().checked_add(length)
            }
        }
    };
    if call.read::<u32>(address)? != expected {
        return Err(Errno::AGAIN);
    }
    let process = call.process().clone();
    let waiter = process.futexes.enqueue(address, bitset);
    let wake = call.wait(waiter.woken(), until).await;
    if wake == Wake::Done(()) || waiter.cancel() {
        return Ok(0);
    }
    match wake {
        Wake::TimedOut => Err(Errno::TIMEDOUT),
        // With a timeout it is not made again from the start, as on Linux.
        _ if timeout != 0 => Err(Errno::INTR),
        _ => Err(RESTART),
    }
}
