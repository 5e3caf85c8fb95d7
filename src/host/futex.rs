//! futex(2): waiting for a word of the program's memory to change, among the threads of one process or, in a shared mapping
//! and without `FUTEX_PRIVATE_FLAG`, among all processes that have the word; and the exchange of such a word.
//!
//! No lost wake-ups: in a process the word is read and the queue joined while this thread has the turn ([`super`]); across
//! processes the queue is joined first. Priority inheritance and robust lists are ENOSYS.

use super::time::{Timespec64, deadline};
use super::{Call, Wake, nr};
use crate::errno::{Errno, RESTART};
use crate::process::futex::FutexWait;
use crate::process::shared_word::SharedWord;
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
        nr::ISOLET_EXCHANGE => Some(exchange(call)),
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
        FUTEX_WAKE => wake(call, MATCH_ANY),
        FUTEX_WAKE_BITSET if third == 0 => Err(Errno::INVAL),
        FUTEX_WAKE_BITSET => wake(call, third),
        FUTEX_REQUEUE | FUTEX_CMP_REQUEUE => {
            if !second.is_multiple_of(4) {
                return Err(Errno::INVAL);
            }
            call.bytes(second, 4)?;
            let (from, to) = (shared(call, address), shared(call, second));
            if command == FUTEX_CMP_REQUEUE && current(call, from)? != third {
                return Err(Errno::AGAIN);
            }
            let (wake, most) = (count(value)?, count(fourth)?);
            let (woken, moved) = match (from, to) {
                (None, None) => call.process().futexes.requeue(address, wake, second, most),
                (Some(from), Some(to)) => {
                    call.kernel().shared_words.futexes.requeue(from, wake, to, most)
                }
                _ => return Err(Errno::INVAL),
            };
            Ok(if command == FUTEX_REQUEUE { woken } else { woken + moved })
        }
        _ => Err(Errno::NOSYS),
    }
}

/// The word at `address` if the call means all processes that have it.
fn shared(call: &Call<'_>, address: u32) -> Option<SharedWord> {
    if call.args[1] & FUTEX_PRIVATE_FLAG != 0 { None } else { call.process().shared.word(address) }
}

/// What stands at the call's address: for everyone, if the word is `shared`.
fn current(call: &mut Call<'_>, shared: Option<SharedWord>) -> Result<u32, Errno> {
    let address = call.args[0];
    let everyones = shared.and_then(|_word| call.process().shared.current(address));
    everyones.unwrap_or_else(|| call.read::<u32>(address))
}

fn wake(call: &Call<'_>, bitset: u32) -> Result<u32, Errno> {
    let [address, _, value, ..] = call.args;
    let count = count(value)?;
    Ok(match shared(call, address) {
        Some(word) => call.kernel().shared_words.futexes.wake(&word, count, bitset),
        None => call.process().futexes.wake(&address, count, bitset),
    })
}

/// `isolet_exchange(word, expected, new)`: 1 and `new` stands there, or 0 and what stood there is at `expected`.
fn exchange(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [address, expected_at, new, ..] = call.args;
    if !address.is_multiple_of(4) {
        return Err(Errno::INVAL);
    }
    call.bytes(address, 4)?;
    let expected = call.read::<u32>(expected_at)?;
    let process = call.process().clone();
    let words = &process.kernel.shared_words;
    let found = process.shared.exchange(words, call.memory(), address, (expected, new))?;
    if found == expected {
        return Ok(1);
    }
    call.write(expected_at, &found)?;
    Ok(0)
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
    let process = call.process().clone();
    let Some(word) = shared(call, address) else {
        if call.read::<u32>(address)? != expected {
            return Err(Errno::AGAIN);
        }
        return sleep(call, process.futexes.enqueue(address, bitset), until).await;
    };
    let waiter = process.kernel.shared_words.futexes.enqueue(word, bitset);
    if current(call, Some(word))? != expected {
        return if waiter.cancel() { Ok(0) } else { Err(Errno::AGAIN) };
    }
    sleep(call, waiter, until).await
}

async fn sleep<K: Ord + Send>(
    call: &mut Call<'_>,
    waiter: FutexWait<'_, K>,
    until: Option<Instant>,
) -> Result<u32, Errno> {
    let wake = call.wait(waiter.woken(), until).await;
    if wake == Wake::Done(()) || waiter.cancel() {
        return Ok(0);
    }
    match wake {
        Wake::TimedOut => Err(Errno::TIMEDOUT),
        // With a timeout it is not made again from the start, as on Linux.
        _ if call.args[3] != 0 => Err(Errno::INTR),
        _ => Err(RESTART),
    }
}
