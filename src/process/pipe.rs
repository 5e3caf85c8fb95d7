//! Pipes and FIFOs: a bounded queue of bytes between readers and writers, pipe(7).
//!
//! Nothing here blocks: a full or empty pipe answers EAGAIN and its queue is woken on every change. The host's own code
//! reads and writes the same ends through [`super::stream`]. Raising SIGPIPE is the system call's business.
//!
//! Lock order: a pipe's state is a leaf; no other lock is taken under it.

use super::budget::{Budget, Reservation, next_inode};
use crate::errno::Errno;
use crate::wait::{Ready, WaitQueue, Waiter};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// Bytes a new pipe holds: Linux's default of 16 pages.
pub(crate) const CAPACITY: usize = 64 << 10;
/// Writes of up to this many bytes are not interleaved with others (`PIPE_BUF`).
pub(crate) const ATOMIC: usize = 4096;
/// The largest capacity `F_SETPIPE_SZ` gives: Linux's default `pipe-max-size`.
pub(crate) const CAPACITY_MAX: usize = 1 << 20;

/// A pipe or FIFO, while any end of it is open.
#[derive(Debug)]
pub(crate) struct Pipe {
    state: Mutex<State>,
    queue: WaitQueue,
    inode: u64,
    owner: (u32, u32),
}

#[derive(Debug)]
struct State {
    bytes: VecDeque<u8>,
    capacity: usize,
    readers: usize,
    writers: usize,
    /// Ends ever opened for reading and for writing: who waits in open(2) of a FIFO sees that a peer came and went.
    readers_ever: u64,
    writers_ever: u64,
    /// Room that splice(2) will fill.
    promised: usize,
    held: Reservation,
}

impl State {
    fn room(&self) -> usize {
        self.capacity.saturating_sub(self.bytes.len() + self.promised)
    }
}

/// Room in a pipe that nobody else writes to, for bytes that are still to be read; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Promise<'a> {
    pipe: &'a Pipe,
    bytes: usize,
}

impl Promise<'_> {
    /// How much it is.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes `from`, which is no longer.
    pub(crate) fn fill(self, from: &[u8]) {
        self.pipe.state.lock().bytes.extend(&from[..from.len().min(self.bytes)]);
    }
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        self.pipe.state.lock().promised -= self.bytes;
        self.pipe.queue.wake_all();
    }
}

/// What a FIFO's node keeps: its pipe, while anyone has it open.
#[derive(Debug, Default)]
pub(crate) struct Fifo(Mutex<Weak<Pipe>>);

impl Fifo {
    /// The FIFO's pipe, made when nobody has it open.
    ///
    /// # Errors
    ///
    /// ENFILE when the sandbox's buffers are all taken.
    pub(crate) fn pipe(&self, budget: &Arc<Budget>) -> Result<Arc<Pipe>, Errno> {
        let mut slot = self.0.lock();
        if let Some(pipe) = slot.upgrade() {
            return Ok(pipe);
        }
        let pipe = Arc::new(Pipe::new(CAPACITY, budget.reserve(CAPACITY)?, (0, 0)));
        *slot = Arc::downgrade(&pipe);
        Ok(pipe)
    }
}

/// One end of a pipe; a FIFO opened for reading and writing is both.
#[derive(Debug)]
pub(crate) struct End {
    pipe: Arc<Pipe>,
    reads: bool,
    writes: bool,
}

/// A pipe that counts against no budget.
#[cfg(test)]
pub(crate) fn pipe() -> (End, End) {
    ends(&Arc::new(Pipe::new(CAPACITY, Reservation::default(), (0, 0))))
}

/// A pipe made by a guest for user and group `owner`: reader, then writer. When little is left of the budget it is one page small, as on Linux.
///
/// # Errors
///
/// ENFILE when the sandbox's buffers are all taken.
pub(crate) fn accounted(budget: &Arc<Budget>, owner: (u32, u32)) -> Result<(End, End), Errno> {
    let (capacity, held) = match budget.reserve(CAPACITY) {
        Ok(held) => (CAPACITY, held),
        Err(_) => (ATOMIC, budget.reserve(ATOMIC)?),
    };
    Ok(ends(&Arc::new(Pipe::new(capacity, held, owner))))
}

fn ends(pipe: &Arc<Pipe>) -> (End, End) {
    (pipe.open(true, false), pipe.open(false, true))
}

/// Takes bytes from the front of a queue into `into`; how many.
pub(crate) fn take_front(bytes: &mut VecDeque<u8>, into: &mut [u8]) -> usize {
    let count = copy_front(bytes, into);
    bytes.drain(..count);
    count
}

/// Copies bytes from the front of a queue into `into`, leaving them; how many.
pub(crate) fn copy_front(bytes: &VecDeque<u8>, into: &mut [u8]) -> usize {
    let (front, back) = bytes.as_slices();
    let first = front.len().min(into.len());
    into[..first].copy_from_slice(&front[..first]);
    let second = back.len().min(into.len() - first);
    into[first..first + second].copy_from_slice(&back[..second]);
    first + second
}

impl Pipe {
    fn new(capacity: usize, held: Reservation, owner: (u32, u32)) -> Self {
        let state = State {
            bytes: VecDeque::new(),
            capacity,
            readers: 0,
            writers: 0,
            readers_ever: 0,
            writers_ever: 0,
            promised: 0,
            held,
        };
        Self { state: Mutex::new(state), queue: WaitQueue::new(), inode: next_inode(), owner }
    }

    /// Opens an end.
    pub(crate) fn open(self: &Arc<Self>, reads: bool, writes: bool) -> End {
        let mut state = self.state.lock();
        if reads {
            state.readers += 1;
            state.readers_ever += 1;
        }
        if writes {
            state.writers += 1;
            state.writers_ever += 1;
        }
        drop(state);
        self.queue.wake_all();
        End { pipe: self.clone(), reads, writes }
    }
}

impl End {
    /// Reads what is there, at most `into`'s length; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// EAGAIN when empty while a writer remains, EBADF at a writing end.
    pub(crate) fn try_read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        if !self.reads {
            return Err(Errno::BADF);
        }
        let mut state = self.pipe.state.lock();
        if into.is_empty() {
            return Ok(0);
        }
        if state.bytes.is_empty() {
            return if state.writers == 0 { Ok(0) } else { Err(Errno::AGAIN) };
        }
        let count = take_front(&mut state.bytes, into);
        drop(state);
        self.pipe.queue.wake_all();
        Ok(count)
    }

    /// Writes as much as fits, all or nothing up to [`ATOMIC`] bytes.
    ///
    /// # Errors
    ///
    /// EPIPE without a reader, EAGAIN without room, EBADF at a reading end.
    pub(crate) fn try_write(&self, from: &[u8]) -> Result<usize, Errno> {
        if !self.writes {
            return Err(Errno::BADF);
        }
        let mut state = self.pipe.state.lock();
        if from.is_empty() {
            return Ok(0);
        }
        if state.readers == 0 {
            return Err(Errno::PIPE);
        }
        let room = state.room();
        if room == 0 || (from.len() <= ATOMIC && from.len() > room) {
            return Err(Errno::AGAIN);
        }
        let count = room.min(from.len());
        state.bytes.extend(&from[..count]);
        drop(state);
        self.pipe.queue.wake_all();
        Ok(count)
    }

    /// Takes what is there, at most `max` bytes; none at the end of the stream. [`Self::put_back`] undoes it.
    ///
    /// # Errors
    ///
    /// As [`Self::try_read`].
    pub(crate) fn try_take(&self, max: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; max.min(self.available())];
        if bytes.is_empty() {
            // Nothing, or something since that moment.
            bytes.resize(max.min(1), 0);
        }
        let count = self.try_read(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Puts bytes before all that are in it. Who wrote meanwhile may have used their room: the pipe holds that much more for a
    /// while.
    pub(crate) fn put_back(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut state = self.pipe.state.lock();
        for &byte in bytes.iter().rev() {
            state.bytes.push_front(byte);
        }
        drop(state);
        self.pipe.queue.wake_all();
    }

    /// Room for at most `max` bytes.
    ///
    /// # Errors
    ///
    /// EPIPE without a reader, EAGAIN without room.
    pub(crate) fn promise(&self, max: usize) -> Result<Promise<'_>, Errno> {
        let mut state = self.pipe.state.lock();
        if state.readers == 0 {
            return Err(Errno::PIPE);
        }
        let bytes = state.room().min(max);
        if bytes == 0 {
            return Err(Errno::AGAIN);
        }
        state.promised += bytes;
        drop(state);
        Ok(Promise { pipe: &self.pipe, bytes })
    }

    /// Whether both are ends of one pipe.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pipe, &other.pipe)
    }

    /// Bytes that can be read now (`FIONREAD`).
    pub(crate) fn available(&self) -> usize {
        self.pipe.state.lock().bytes.len()
    }

    /// Bytes that can be written now.
    pub(crate) fn room(&self) -> usize {
        let state = self.pipe.state.lock();
        state.room()
    }

    /// Bytes the pipe holds (`F_GETPIPE_SZ`).
    pub(crate) fn capacity(&self) -> usize {
        self.pipe.state.lock().capacity
    }

    /// Sets how many bytes the pipe holds, rounded up to a power of two pages; the new capacity.
    ///
    /// # Errors
    ///
    /// EPERM past [`CAPACITY_MAX`], EBUSY when more bytes are in it, ENFILE past the sandbox's budget, EINVAL for 0.
    pub(crate) fn set_capacity(&self, bytes: usize) -> Result<usize, Errno> {
        if bytes == 0 {
            return Err(Errno::INVAL);
        }
        if bytes > CAPACITY_MAX {
            return Err(Errno::PERM);
        }
        let capacity = bytes.next_power_of_two().max(ATOMIC);
        let mut state = self.pipe.state.lock();
        if state.bytes.len() + state.promised > capacity {
            return Err(Errno::BUSY);
        }
        state.held.resize(capacity)?;
        state.capacity = capacity;
        state.bytes.shrink_to(capacity); // what is given back must not stay allocated
        drop(state);
        self.pipe.queue.wake_all();
        Ok(capacity)
    }

    /// What the end is ready for.
    pub(crate) fn ready(&self) -> Ready {
        let state = self.pipe.state.lock();
        let mut ready = Ready::empty();
        if self.reads {
            ready.set(Ready::IN, !state.bytes.is_empty());
            // A FIFO that no writer ever opened has not hung up.
            ready.set(Ready::HUP, state.writers == 0 && state.writers_ever > 0);
        }
        if self.writes {
            ready.set(Ready::OUT, state.room() >= ATOMIC);
            ready.set(Ready::ERR, state.readers == 0);
        }
        ready
    }

    /// A waiter for the next change at either end.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.pipe.queue.subscribe()
    }

    /// The pipe's inode number.
    pub(crate) fn inode(&self) -> u64 {
        self.pipe.inode
    }

    /// User and group of who made a pipe. (A FIFO's are its node's.)
    pub(crate) fn owner(&self) -> (u32, u32) {
        self.pipe.owner
    }

    /// Opens the same pipe again (`/proc/self/fd`, `/dev/stdin`).
    pub(crate) fn reopen(&self, reads: bool, writes: bool) -> End {
        self.pipe.open(reads, writes)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.pipe.state.lock();
        state.readers -= usize::from(self.reads);
        state.writers -= usize::from(self.writes);
        if state.readers == 0 && state.writers == 0 {
            state.bytes = VecDeque::new(); // a FIFO forgets what nobody read
        }
        drop(state);
        self.pipe.queue.wake_all();
    }
}

/// An open(2) of a FIFO that may wait for a peer, fifo(7).
#[derive(Debug)]
pub(crate) struct Opening {
    end: End,
    /// Peers ever opened, as they stood before.
    peers: u64,
    waits: bool,
}

impl Opening {
    /// Begins to open a FIFO; [`Self::ready`] tells when open(2) may return.
    ///
    /// # Errors
    ///
    /// ENXIO for a nonblocking open for writing only without a reader.
    pub(crate) fn begin(
        pipe: &Arc<Pipe>,
        (reads, writes): (bool, bool),
        nonblocking: bool,
    ) -> Result<Self, Errno> {
        let (peer_present, peers) = {
            let state = pipe.state.lock();
            if reads {
                (state.writers > 0, state.writers_ever)
            } else {
                (state.readers > 0, state.readers_ever)
            }
        };
        if nonblocking && writes && !reads && !peer_present {
            return Err(Errno::NXIO);
        }
        let waits = !(nonblocking || peer_present || (reads && writes));
        Ok(Self { end: pipe.open(reads, writes), peers, waits })
    }

    /// Whether open(2) may return.
    pub(crate) fn ready(&self) -> bool {
        let state = self.end.pipe.state.lock();
        let peers = if self.end.reads { state.writers_ever } else { state.readers_ever };
        !self.waits || peers != self.peers
    }

    /// A waiter for the next change.
    pub(crate) fn subscribe(&self) -> Waiter {
        self.end.subscribe()
    }

    /// The opened end.
    pub(crate) fn finish(self) -> End {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(usize),
        Read(usize),
        Resize(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let len = prop_oneof![0usize..10, 4000usize..5000, 0usize..70_000];
        prop_oneof![
            4 => len.clone().prop_map(Step::Write),
            4 => len.prop_map(Step::Read),
            1 => (1usize..200_000).prop_map(Step::Resize),
        ]
    }

    proptest! {
        /// Against a plain queue with pipe(7)'s rules: order, capacity, and all or nothing up to `PIPE_BUF`.
        #[test]
        fn agrees_with_a_queue(steps in prop::collection::vec(step(), 1..60)) {
            let budget = Budget::new(1 << 20);
            let (reader, writer) = accounted(&budget, (0, 0)).expect("room");
            let mut model: VecDeque<u8> = VecDeque::new();
            let mut capacity = CAPACITY;
            let mut next = 0u8;
            for step in steps {
                match step {
                    Step::Write(len) => {
                        let bytes: Vec<u8> = (0..len).map(|at| next.wrapping_add(at as u8)).collect();
                        let room = capacity - model.len();
                        let expected = match len {
                            0 => Ok(0),
                            len if len <= ATOMIC && len > room => Err(Errno::AGAIN),
                            _ if room == 0 => Err(Errno::AGAIN),
                            len => Ok(len.min(room)),
                        };
                        prop_assert_eq!(writer.try_write(&bytes), expected);
                        if let Ok(count) = expected {
                            model.extend(&bytes[..count]);
                            next = next.wrapping_add(count as u8);
                        }
                    }
                    Step::Read(len) => {
                        let mut into = vec![0; len];
                        let expected = match len {
                            0 => Ok(0),
                            _ if model.is_empty() => Err(Errno::AGAIN),
                            len => Ok(len.min(model.len())),
                        };
                        prop_assert_eq!(reader.try_read(&mut into), expected);
                        if let Ok(count) = expected {
                            let taken: Vec<u8> = model.drain(..count).collect();
                            prop_assert!(into[..count] == taken);
                        }
                    }
                    Step::Resize(len) => {
                        let wanted = len.next_power_of_two().max(ATOMIC);
                        if model.len() > wanted {
                            prop_assert_eq!(writer.set_capacity(len), Err(Errno::BUSY));
                        } else {
                            prop_assert_eq!(writer.set_capacity(len), Ok(wanted));
                            capacity = wanted;
                        }
                    }
                }
                prop_assert_eq!(reader.available(), model.len());
                prop_assert_eq!(budget.used(), capacity);
                let ready = writer.ready().contains(Ready::OUT);
                prop_assert_eq!(ready, capacity - model.len() >= ATOMIC);
            }
            drop((reader, writer));
            prop_assert_eq!(budget.used(), 0);
        }
    }

    #[test]
    fn ends_tell_each_other() {
        let (reader, writer) = pipe();
        assert_eq!(writer.try_write(b"last"), Ok(4));
        drop(writer);
        let mut into = [0; 8];
        assert_eq!(reader.ready(), Ready::IN | Ready::HUP);
        assert_eq!(reader.try_read(&mut into), Ok(4));
        assert_eq!(reader.try_read(&mut into), Ok(0));
        let (reader, writer) = pipe();
        drop(reader);
        assert!(writer.ready().contains(Ready::ERR));
        assert_eq!(writer.try_write(b"x"), Err(Errno::PIPE));
        assert_eq!(writer.try_read(&mut into), Err(Errno::BADF));
    }

    #[test]
    fn opening_a_fifo_waits_for_the_other_side() {
        let budget = Budget::new(CAPACITY);
        let fifo = Fifo::default();
        let pipe = fifo.pipe(&budget).expect("room");
        let early = Opening::begin(&pipe, (false, true), true);
        assert_eq!(early.err(), Some(Errno::NXIO));
        let reading = Opening::begin(&pipe, (true, false), false).expect("waits");
        assert!(!reading.ready());
        let writing = Opening::begin(&pipe, (false, true), false).expect("a reader waits");
        assert!(writing.ready());
        drop(writing.finish());
        assert!(reading.ready(), "the writer came, though it went");
        let end = reading.finish();
        assert_eq!(end.try_read(&mut [0; 4]), Ok(0));
        drop((end, pipe));
        assert_eq!(budget.used(), 0);
        assert!(fifo.pipe(&budget).is_ok());
    }
}
