//! wasi:io: errors, pollables, streams. A stream is a view of an open file: at a position of its own, or wherever the file is.
//!
//! Our own, and none of the engine's: its writers keep what is written in the host's memory (GHSA-5m8g: zero-length writes without end).

use super::bindings::wasi::io::{error, poll, streams};
use super::sockets::Answer;
use super::{Held, READ_BYTES_MAX, Wasi};
use crate::errno::{Errno, RESTART};
use crate::host::fd::file_size_room;
use crate::process::file::{Object, Waiters};
use crate::process::termios::lflag;
use crate::process::{OpenFile, Process, Signal};
use crate::wait::{Ready, Waiter};
use std::sync::Arc;
use tokio::time::Instant;
use wasmtime::component::Resource;

/// What a stream that always has room permits to be written at once.
const WRITE_BYTES_MAX: u64 = 64 << 10;
/// What the blocking writes take at most (wasi:io).
const BLOCKING_BYTES_MAX: u64 = 4096;

/// An error with words.
pub struct ErrorValue(pub(super) Errno);

/// What can be waited for.
pub enum Pollable {
    Always,
    Never,
    At(Instant),
    /// Something can be read from it, or nothing ever will.
    Input(Arc<OpenFile>),
    /// Something can be written to it, or nothing ever will.
    Output(Arc<OpenFile>),
    /// Any change of a connection that is being made, or a connection to accept.
    Socket(Arc<OpenFile>),
    /// The answer to a lookup.
    Lookup(Arc<Answer>),
    /// The end of a child.
    Child(Arc<Process>),
}

impl Pollable {
    fn is_ready(&self) -> bool {
        let done = Ready::HUP | Ready::ERR;
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::At(at) => *at <= Instant::now(),
            Self::Input(file) => file.ready().intersects(Ready::IN | Ready::RDHUP | done),
            Self::Output(file) => file.ready().intersects(Ready::OUT | done),
            Self::Socket(file) => file.ready().intersects(Ready::IN | Ready::OUT | done),
            Self::Lookup(answer) => answer.is_there(),
            Self::Child(process) => process.exit_status().is_some(),
        }
    }

    fn wait_for(
        &self,
        files: &mut Waiters,
        others: &mut Vec<Waiter>,
        deadline: &mut Option<Instant>,
    ) {
        match self {
            Self::Always | Self::Never => {}
            Self::At(at) => *deadline = Some(deadline.map_or(*at, |before| before.min(*at))),
            Self::Input(file) | Self::Output(file) | Self::Socket(file) => file.waiters(files),
            Self::Lookup(answer) => others.push(answer.subscribe()),
            Self::Child(process) => others.push(process.end_news().subscribe()),
        }
    }
}

/// An input stream.
pub struct Input {
    pub(super) file: Arc<OpenFile>,
    /// Where it reads next; none reads wherever the file is.
    pub(super) at: Option<u64>,
    /// The descriptor, where the stream alone has it.
    pub(super) _held: Option<Held>,
}

/// An output stream.
pub struct Output {
    pub(super) file: Arc<OpenFile>,
    /// Where it writes next; none writes wherever the file is.
    pub(super) at: Option<u64>,
    /// Writes at the end of a file, wherever that is.
    pub(super) append: bool,
    /// Bytes that may be written without asking again.
    pub(super) permit: u64,
    /// The descriptor, where the stream alone has it.
    pub(super) _held: Option<Held>,
}

/// Why a stream's call fails.
pub enum StreamFault {
    Closed,
    Failed(Errno),
    Trap(wasmtime::Error),
}

impl From<wasmtime::component::ResourceTableError> for StreamFault {
    fn from(error: wasmtime::component::ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

fn trap(what: &'static str) -> StreamFault {
    StreamFault::Trap(wasmtime::Error::msg(what))
}

impl error::Host for Wasi {}

impl error::HostError for Wasi {
    async fn to_debug_string(&mut self, this: Resource<ErrorValue>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.to_string())
    }

    async fn drop(&mut self, this: Resource<ErrorValue>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl poll::Host for Wasi {
    async fn poll(&mut self, list: Vec<Resource<Pollable>>) -> wasmtime::Result<Vec<u32>> {
        if list.is_empty() {
            wasmtime::bail!("poll: the list is empty");
        }
        loop {
            let (mut files, mut waiters, mut deadline) = (Waiters::default(), Vec::new(), None);
            for pollable in &list {
                self.table.get(pollable)?.wait_for(&mut files, &mut waiters, &mut deadline);
            }
            let mut ready = Vec::new();
            for (index, pollable) in (0..).zip(&list) {
                if self.table.get(pollable)?.is_ready() {
                    ready.push(index);
                }
            }
            if !ready.is_empty() {
                return Ok(ready);
            }
            waiters.extend(files.into_list());
            self.wait(waiters, deadline).await;
        }
    }
}

impl poll::HostPollable for Wasi {
    async fn ready(&mut self, this: Resource<Pollable>) -> wasmtime::Result<bool> {
        let ready = self.table.get(&this)?.is_ready();
        if !ready {
            // Who asks in a loop gives way.
            tokio::task::yield_now().await;
        }
        Ok(ready)
    }

    async fn block(&mut self, this: Resource<Pollable>) -> wasmtime::Result<()> {
        poll::Host::poll(self, vec![this]).await.map(drop)
    }

    async fn drop(&mut self, this: Resource<Pollable>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl Wasi {
    /// Whether the program may use a terminal now, as SIGTTIN for reading and SIGTTOU for writing say; false after it was stopped,
    /// then ask again. Who writes in the background is stopped with `TOSTOP` only.
    fn admit(&self, file: &OpenFile, signal: Signal) -> Result<bool, Errno> {
        let Object::Terminal(terminal) = file.object() else { return Ok(true) };
        if signal == Signal::TTOU && !terminal.pty().termios().local(lflag::TOSTOP) {
            return Ok(true);
        }
        let session = terminal.pty().session();
        match session.map_or(Ok(()), |session| session.admit(&self.thread, signal)) {
            Ok(()) => Ok(true),
            Err(RESTART) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// What can be read now, at most `len` bytes; nothing if nothing is there yet.
    fn read_now(&mut self, input: &Resource<Input>, len: u64) -> Result<Vec<u8>, StreamFault> {
        let len = len.min(READ_BYTES_MAX);
        let input = self.table.get_mut(input)?;
        if len == 0 {
            return Ok(Vec::new());
        }
        let mut buffer = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = match input.at {
            Some(at) => input.file.pread(&mut buffer, at),
            None => input.file.read(&mut buffer),
        };
        match read {
            Ok(0) => Err(StreamFault::Closed),
            Ok(count) => {
                input.at = input.at.map(|at| at + count as u64);
                buffer.truncate(count);
                self.process().usage.reads.note(count as u32);
                Ok(buffer)
            }
            Err(Errno::AGAIN) => Ok(Vec::new()),
            Err(errno) => Err(StreamFault::Failed(errno)),
        }
    }

    async fn read_some(
        &mut self,
        input: &Resource<Input>,
        len: u64,
    ) -> Result<Vec<u8>, StreamFault> {
        let file = self.table.get(input)?.file.clone();
        loop {
            if !self.admit(&file, Signal::TTIN).map_err(StreamFault::Failed)? {
                self.thread.clone().stop_point().await;
                continue;
            }
            let waiter: Vec<Waiter> = file.subscribe().into_iter().collect();
            let read = self.read_now(input, len)?;
            if len == 0 || !read.is_empty() {
                // A file never waits: who reads a long one gives way.
                self.give_way().await;
                return Ok(read);
            }
            self.wait(waiter, None).await;
        }
    }

    /// What may be written now without waiting.
    fn permit(&mut self, output: &Resource<Output>) -> Result<u64, StreamFault> {
        let output = self.table.get_mut(output)?;
        let ready = output.file.ready();
        output.permit = if ready.intersects(Ready::ERR | Ready::OUT | Ready::HUP) {
            (output.file.room() as u64).min(WRITE_BYTES_MAX)
        } else {
            0
        };
        Ok(output.permit)
    }

    /// Writes all of `bytes`, waiting for room if there is less than was told (another writer took it).
    async fn write_all(
        &mut self,
        output: &Resource<Output>,
        mut bytes: &[u8],
    ) -> Result<(), StreamFault> {
        let file = self.table.get(output)?.file.clone();
        while !bytes.is_empty() {
            if !self.admit(&file, Signal::TTOU).map_err(StreamFault::Failed)? {
                self.thread.clone().stop_point().await;
                continue;
            }
            let waiter: Vec<Waiter> = file.subscribe_to_write().into_iter().collect();
            let entry = self.table.get_mut(output)?;
            let (at, append) = (entry.at, entry.append);
            let room = file_size_room(&self.thread, &file, at, bytes.len(), 0);
            let piece = &bytes[..room.map_err(StreamFault::Failed)?];
            let written = match (file.vfs_file(), at) {
                (Some(content), _) if append => content.append(piece).map(|(count, _)| count),
                (_, Some(at)) => file.pwrite(piece, at),
                (_, None) => file.write(piece),
            };
            match written {
                Ok(0) => return Err(StreamFault::Failed(Errno::NOSPC)),
                Ok(count) => {
                    self.table.get_mut(output)?.at = at.map(|at| at + count as u64);
                    self.process().usage.writes.note(count as u32);
                    bytes = &bytes[count..];
                }
                Err(Errno::AGAIN) => self.wait(waiter, None).await,
                Err(Errno::PIPE) => {
                    if matches!(file.object(), Object::Pipe(_)) {
                        self.thread.raise(Signal::PIPE);
                        self.thread.clone().stop_point().await;
                    }
                    return Err(StreamFault::Closed);
                }
                Err(errno) => return Err(StreamFault::Failed(errno)),
            }
        }
        Ok(())
    }

    /// Waits until something may be written.
    async fn until_room(&mut self, output: &Resource<Output>) -> Result<u64, StreamFault> {
        let file = self.table.get(output)?.file.clone();
        loop {
            let waiter: Vec<Waiter> = file.subscribe_to_write().into_iter().collect();
            let permit = self.permit(output)?;
            if permit > 0 {
                return Ok(permit);
            }
            self.wait(waiter, None).await;
        }
    }

    /// Takes what is written from what was permitted.
    fn spend(&mut self, output: &Resource<Output>, len: u64) -> Result<(), StreamFault> {
        let output = self.table.get_mut(output)?;
        output.permit =
            output.permit.checked_sub(len).ok_or_else(|| trap("write: more than is permitted"))?;
        Ok(())
    }
}

impl streams::Host for Wasi {
    fn convert_stream_error(
        &mut self,
        fault: StreamFault,
    ) -> wasmtime::Result<streams::StreamError> {
        match fault {
            StreamFault::Closed => Ok(streams::StreamError::Closed),
            StreamFault::Failed(errno) => {
                Ok(streams::StreamError::LastOperationFailed(self.push(ErrorValue(errno))?))
            }
            StreamFault::Trap(error) => Err(error),
        }
    }
}

impl streams::HostInputStream for Wasi {
    async fn read(&mut self, this: Resource<Input>, len: u64) -> Result<Vec<u8>, StreamFault> {
        let file = self.table.get(&this)?.file.clone();
        if !self.admit(&file, Signal::TTIN).map_err(StreamFault::Failed)? {
            self.thread.clone().stop_point().await;
            return Ok(Vec::new());
        }
        let read = self.read_now(&this, len)?;
        self.give_way().await;
        Ok(read)
    }

    async fn blocking_read(
        &mut self,
        this: Resource<Input>,
        len: u64,
    ) -> Result<Vec<u8>, StreamFault> {
        self.read_some(&this, len).await
    }

    async fn skip(&mut self, this: Resource<Input>, len: u64) -> Result<u64, StreamFault> {
        let read = streams::HostInputStream::read(self, this, len).await?;
        Ok(read.len() as u64)
    }

    async fn blocking_skip(&mut self, this: Resource<Input>, len: u64) -> Result<u64, StreamFault> {
        Ok(self.read_some(&this, len).await?.len() as u64)
    }

    async fn subscribe(&mut self, this: Resource<Input>) -> wasmtime::Result<Resource<Pollable>> {
        let input = self.table.get(&this)?;
        let pollable = match input.at {
            Some(_) => Pollable::Always,
            None => Pollable::Input(input.file.clone()),
        };
        self.push(pollable)
    }

    async fn drop(&mut self, this: Resource<Input>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl streams::HostOutputStream for Wasi {
    async fn check_write(&mut self, this: Resource<Output>) -> Result<u64, StreamFault> {
        let permit = self.permit(&this)?;
        if permit == 0 {
            tokio::task::yield_now().await;
        }
        Ok(permit)
    }

    async fn write(&mut self, this: Resource<Output>, bytes: Vec<u8>) -> Result<(), StreamFault> {
        self.spend(&this, bytes.len() as u64)?;
        tokio::task::yield_now().await;
        self.write_all(&this, &bytes).await
    }

    async fn blocking_write_and_flush(
        &mut self,
        this: Resource<Output>,
        bytes: Vec<u8>,
    ) -> Result<(), StreamFault> {
        if bytes.len() as u64 > BLOCKING_BYTES_MAX {
            return Err(trap("blocking-write-and-flush: more than 4096 bytes"));
        }
        tokio::task::yield_now().await;
        self.write_all(&this, &bytes).await
    }

    /// Nothing is kept here.
    async fn flush(&mut self, this: Resource<Output>) -> Result<(), StreamFault> {
        self.table.get(&this)?;
        Ok(())
    }

    async fn blocking_flush(&mut self, this: Resource<Output>) -> Result<(), StreamFault> {
        self.table.get(&this)?;
        Ok(())
    }

    async fn subscribe(&mut self, this: Resource<Output>) -> wasmtime::Result<Resource<Pollable>> {
        let file = self.table.get(&this)?.file.clone();
        self.push(Pollable::Output(file))
    }

    async fn write_zeroes(&mut self, this: Resource<Output>, len: u64) -> Result<(), StreamFault> {
        self.spend(&this, len)?;
        // At most what is ever permitted.
        let zeroes = vec![0; usize::try_from(len.min(WRITE_BYTES_MAX)).unwrap_or(0)];
        self.write_all(&this, &zeroes).await
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        this: Resource<Output>,
        len: u64,
    ) -> Result<(), StreamFault> {
        if len > BLOCKING_BYTES_MAX {
            return Err(trap("blocking-write-zeroes-and-flush: more than 4096 bytes"));
        }
        let zeroes = vec![0; usize::try_from(len).unwrap_or(0)];
        self.write_all(&this, &zeroes).await
    }

    async fn splice(
        &mut self,
        this: Resource<Output>,
        input: Resource<Input>,
        len: u64,
    ) -> Result<u64, StreamFault> {
        let permit = self.permit(&this)?;
        let bytes = streams::HostInputStream::read(self, input, len.min(permit)).await?;
        self.write_all(&this, &bytes).await?;
        Ok(bytes.len() as u64)
    }

    async fn blocking_splice(
        &mut self,
        this: Resource<Output>,
        input: Resource<Input>,
        len: u64,
    ) -> Result<u64, StreamFault> {
        let permit = self.until_room(&this).await?;
        let bytes = self.read_some(&input, len.min(permit)).await?;
        self.write_all(&this, &bytes).await?;
        Ok(bytes.len() as u64)
    }

    async fn drop(&mut self, this: Resource<Output>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
