//! timerfd_create(2): a timer that is read like a file.
//!
//! One task of the runtime sleeps until the next expiry and wakes the queue; it holds no reference that keeps the timer alive.
//! Further expiries wake nobody until the timer is read, so that a fast timer costs the host no more than its reader costs the guest. Both clocks run on the host's monotonic time: a sandbox's wall clock is never set.

use super::budget::{Budget, Reservation, next_inode};
use crate::errno::Errno;
use crate::wait::{Ready, WaitQueue, Waiter};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// When a timer next expires, and how often then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Time until the next expiry; `None` when disarmed.
    pub(crate) first: Option<Duration>,
    /// Time between further expiries; zero for one expiry.
    pub(crate) interval: Duration,
}

/// A timer.
#[derive(Debug)]
pub(crate) struct TimerFd {
    state: Mutex<State>,
    queue: WaitQueue,
    inode: u64,
    clock: i32,
    _held: Reservation,
}

#[derive(Debug, Default)]
struct State {
    next: Option<Instant>,
    interval: Duration,
    /// Expiries before `next` that nobody read.
    expired: u64,
    waker: Option<AbortHandle>,
}

impl State {
    /// Counts what has expired by `now`.
    fn advance(&mut self, now: Instant) {
        let Some(next) = self.next.filter(|&next| next <= now) else { return };
        if self.interval.is_zero() {
            self.expired = self.expired.saturating_add(1);
            self.next = None;
            return;
        }
        let late = (now - next).as_nanos() / self.interval.as_nanos();
        let count = u64::try_from(late).unwrap_or(u64::MAX).saturating_add(1);
        self.expired = self.expired.saturating_add(count);
        let step = self.interval.as_nanos().saturating_mul(u128::from(count));
        let step = Duration::from_nanos(u64::try_from(step).unwrap_or(u64::MAX));
        self.next = next.checked_add(step);
    }

    fn setting(&self, now: Instant) -> Setting {
        let first = self.next.map(|next| next.saturating_duration_since(now));
        Setting { first, interval: self.interval }
    }
}

impl TimerFd {
    /// A disarmed timer, whose absolute times are of `clock` (clock_gettime(2)'s number).
    /// `timers` is the sandbox's account of them.
    ///
    /// # Errors
    ///
    /// ENFILE when there are too many.
    pub(crate) fn new(clock: i32, timers: &Arc<Budget>) -> Result<Arc<Self>, Errno> {
        let state = Mutex::new(State::default());
        let (queue, inode, held) = (WaitQueue::new(), next_inode(), timers.reserve(1)?);
        Ok(Arc::new(Self { state, queue, inode, clock, _held: held }))
    }

    /// Arms or disarms it; the setting before. Call it within the runtime.
    pub(crate) fn set(self: &Arc<Self>, setting: Setting) -> Setting {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.advance(now);
        let before = state.setting(now);
        if let Some(waker) = state.waker.take() {
            waker.abort();
        }
        state.expired = 0;
        state.interval = setting.interval;
        // A time too far for the clock never comes.
        state.next = setting.first.and_then(|first| now.checked_add(first));
        self.arm(&mut state);
        drop(state);
        self.queue.wake_all();
        before
    }

    /// Wakes the queue at the next expiry.
    fn arm(self: &Arc<Self>, state: &mut State) {
        if let Some(at) = state.next {
            let waker = tokio::spawn(wake_at(Arc::downgrade(self), at));
            state.waker = Some(waker.abort_handle());
        }
    }

    /// Its setting, with the time left.
    pub(crate) fn get(&self) -> Setting {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.advance(now);
        state.setting(now)
    }

    /// Takes the number of expiries since the last read into the first 8 bytes. Call it within the runtime.
    ///
    /// # Errors
    ///
    /// EINVAL for a shorter buffer, EAGAIN before the first.
    pub(crate) fn read(self: &Arc<Self>, into: &mut [u8]) -> Result<usize, Errno> {
        let into = into.first_chunk_mut::<8>().ok_or(Errno::INVAL)?;
        let mut state = self.state.lock();
        state.advance(Instant::now());
        if state.expired == 0 {
            return Err(Errno::AGAIN);
        }
        *into = std::mem::take(&mut state.expired).to_le_bytes();
        if let Some(waker) = state.waker.take() {
            waker.abort();
        }
        self.arm(&mut state);
        Ok(8)
    }

    /// What it is ready for.
    pub(crate) fn ready(&self) -> Ready {
        let mut state = self.state.lock();
        state.advance(Instant::now());
        if state.expired > 0 { Ready::IN } else { Ready::empty() }
    }

    /// A waiter for the next expiry or change.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.queue.subscribe()
    }

    /// Of which clock its absolute times are.
    pub(crate) fn clock(&self) -> i32 {
        self.clock
    }

    /// Its inode number.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }
}

impl Drop for TimerFd {
    fn drop(&mut self) {
        if let Some(waker) = self.state.lock().waker.take() {
            waker.abort();
        }
    }
}

/// Wakes the timer's queue at its next expiry, if it still is there then.
async fn wake_at(timer: Weak<TimerFd>, at: Instant) {
    tokio::time::sleep_until(at).await;
    if let Some(timer) = timer.upgrade() {
        timer.queue.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn wakes_at_its_expiry() {
        let timer = TimerFd::new(1, &Budget::new(1)).expect("room");
        let mut bytes = [0; 8];
        assert_eq!(timer.read(&mut bytes), Err(Errno::AGAIN));
        timer.set(Setting { first: Some(Duration::from_millis(2)), interval: Duration::ZERO });
        let waiter = timer.subscribe();
        if timer.ready().is_empty() {
            waiter.await;
        }
        assert_eq!(timer.ready(), Ready::IN);
        assert_eq!(timer.read(&mut bytes[..7]), Err(Errno::INVAL));
        assert_eq!(timer.read(&mut bytes), Ok(8));
        assert_eq!(u64::from_le_bytes(bytes), 1);
        assert_eq!(timer.get(), Setting::default());
    }

    #[tokio::test]
    async fn a_repeating_timer_wakes_its_reader_again() {
        let timer = TimerFd::new(1, &Budget::new(1)).expect("room");
        let interval = Duration::from_millis(1);
        timer.set(Setting { first: Some(interval), interval });
        let mut bytes = [0; 8];
        for _ in 0..5 {
            loop {
                let waiter = timer.subscribe();
                match timer.read(&mut bytes) {
                    Err(Errno::AGAIN) => waiter.await,
                    done => break assert_eq!(done, Ok(8)),
                }
            }
            assert!(u64::from_le_bytes(bytes) >= 1);
        }
    }

    #[tokio::test]
    async fn setting_again_forgets_expiries() {
        let timer = TimerFd::new(1, &Budget::new(1)).expect("room");
        timer.set(Setting { first: Some(Duration::ZERO), interval: 60 * SECOND });
        assert_eq!(timer.ready(), Ready::IN);
        let before = timer.set(Setting::default());
        assert_eq!(before.interval, 60 * SECOND);
        assert!(before.first.is_some_and(|left| left <= 60 * SECOND));
        assert_eq!(timer.ready(), Ready::empty());
    }

    #[test]
    fn counts_what_was_missed() {
        let start = Instant::now();
        let mut state = State { next: Some(start + SECOND), interval: SECOND, ..State::default() };
        state.advance(start + Duration::from_millis(3500));
        assert_eq!(state.expired, 3);
        assert_eq!(state.next, Some(start + 4 * SECOND));
        state.advance(start + Duration::from_millis(3999));
        assert_eq!(state.expired, 3);
        state.interval = Duration::from_nanos(1);
        state.advance(start + Duration::from_secs(1_000_000));
        assert_eq!(state.next, Some(start + Duration::from_secs(1_000_000) + state.interval));
    }
}
