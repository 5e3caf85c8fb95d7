//! eventfd(2): a counter that is read and written like a file.

use super::budget::next_inode;
use crate::errno::Errno;
use crate::wait::{Ready, WaitQueue, Waiter};
use parking_lot::Mutex;

/// The largest value it holds: one less than what would not fit.
const VALUE_MAX: u64 = u64::MAX - 1;

/// An event counter.
#[derive(Debug)]
pub(crate) struct EventFd {
    value: Mutex<u64>,
    /// Reading takes one instead of all (`EFD_SEMAPHORE`).
    semaphore: bool,
    queue: WaitQueue,
    inode: u64,
}

impl EventFd {
    /// A counter that starts at `value`.
    pub(crate) fn new(value: u32, semaphore: bool) -> Self {
        let value = Mutex::new(u64::from(value));
        Self { value, semaphore, queue: WaitQueue::new(), inode: next_inode() }
    }

    /// Takes the value, or one from it, into the first 8 bytes.
    ///
    /// # Errors
    ///
    /// EINVAL for a shorter buffer, EAGAIN at 0.
    pub(crate) fn read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        let into = into.first_chunk_mut::<8>().ok_or(Errno::INVAL)?;
        let mut value = self.value.lock();
        if *value == 0 {
            return Err(Errno::AGAIN);
        }
        let taken = if self.semaphore { 1 } else { *value };
        *value -= taken;
        drop(value);
        *into = taken.to_le_bytes();
        self.queue.wake_all();
        Ok(8)
    }

    /// Adds the first 8 bytes to the value.
    ///
    /// # Errors
    ///
    /// EINVAL for fewer or for the greatest number, EAGAIN when the sum does not fit.
    pub(crate) fn write(&self, from: &[u8]) -> Result<usize, Errno> {
        let added = u64::from_le_bytes(*from.first_chunk::<8>().ok_or(Errno::INVAL)?);
        if added > VALUE_MAX {
            return Err(Errno::INVAL);
        }
        let mut value = self.value.lock();
        if added > VALUE_MAX - *value {
            return Err(Errno::AGAIN);
        }
        *value += added;
        drop(value);
        self.queue.wake_all();
        Ok(8)
    }

    /// What it is ready for.
    pub(crate) fn ready(&self) -> Ready {
        let value = *self.value.lock();
        let mut ready = Ready::empty();
        ready.set(Ready::IN, value > 0);
        ready.set(Ready::OUT, value < VALUE_MAX);
        ready
    }

    /// A waiter for the next change.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.queue.subscribe()
    }

    /// Its inode number.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_bounds() {
        let event = EventFd::new(2, false);
        let mut bytes = [0; 8];
        assert_eq!(event.write(&5u64.to_le_bytes()), Ok(8));
        assert_eq!(event.read(&mut bytes), Ok(8));
        assert_eq!(u64::from_le_bytes(bytes), 7);
        assert_eq!(event.read(&mut bytes), Err(Errno::AGAIN));
        assert_eq!(event.read(&mut bytes[..4]), Err(Errno::INVAL));
        assert_eq!(event.write(&u64::MAX.to_le_bytes()), Err(Errno::INVAL));
        assert_eq!(event.write(&VALUE_MAX.to_le_bytes()), Ok(8));
        assert_eq!(event.write(&1u64.to_le_bytes()), Err(Errno::AGAIN));
        assert_eq!(event.ready(), Ready::IN);
    }

    #[test]
    fn a_semaphore_gives_one_at_a_time() {
        let event = EventFd::new(2, true);
        let mut bytes = [0; 8];
        for _ in 0..2 {
            assert_eq!(event.read(&mut bytes), Ok(8));
            assert_eq!(u64::from_le_bytes(bytes), 1);
        }
        assert_eq!(event.read(&mut bytes), Err(Errno::AGAIN));
    }
}
