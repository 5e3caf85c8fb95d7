//! Reading, writing, seeking, and the four calls on sockets that a program inherits.
//!
//! A broken pipe raises SIGPIPE, whose default ends the program, as `program | head -1` expects; a broken connection is only an error:
//! a server goes on.

use super::abi::NONBLOCK;
use super::{P1, no_restart};
use crate::errno::Errno;
use crate::host::fd::{
    PIECE, Span, pwrite_spans, read_now, read_spans, total, write_now, write_spans,
};
use crate::host::fs::position;
use crate::host::{Wake, tty};
use crate::process::OpenFile;
use crate::process::file::{Object, Whence, flag};
use crate::vnet::{Shut, Socket};
use crate::wait::Waiter;
use std::sync::Arc;

/// Runs of memory of one call; what a vector has beyond is left for the next.
const VECTOR_MAX: u32 = 1024;

impl P1<'_> {
    /// What is to be read or written: the first argument's file, which is no directory, and runs of memory.
    ///
    /// # Errors
    ///
    /// EBADF, EFAULT, EINVAL.
    fn transfer(&mut self) -> Result<(Arc<OpenFile>, Vec<Span>), Errno> {
        let file = self.file(0)?;
        if file.vfs_file().is_some_and(|file| file.is_dir()) {
            return Err(Errno::BADF);
        }
        let (address, count) = (self.u32(1), self.u32(2).min(VECTOR_MAX));
        let spans = self.call.vector(address, count)?;
        Ok((file, spans))
    }

    /// Whether calls on the first argument's descriptor do not wait.
    fn nonblocking(&self, file: &OpenFile) -> bool {
        file.nonblocking() || self.slot(self.u32(0)).flags & NONBLOCK != 0
    }

    /// Waits for the next change of `file`, if it may.
    async fn wait(&mut self, file: &OpenFile, waiter: Option<Waiter>) -> Result<(), Errno> {
        let waiter = waiter.filter(|_| !self.nonblocking(file)).ok_or(Errno::AGAIN)?;
        match self.call.wait(waiter, None).await {
            Wake::Done(()) | Wake::TimedOut => Ok(()),
            Wake::Interrupted => Err(Errno::INTR),
        }
    }

    async fn read(&mut self, file: &Arc<OpenFile>, spans: &[Span]) -> Result<u32, Errno> {
        let read = if self.nonblocking(file) {
            tty::admit_read(&self.call, file)?;
            read_now(&mut self.call, file, spans, None).await
        } else {
            read_spans(&mut self.call, file, spans).await
        };
        self.call.process().usage.reads.note(read.unwrap_or(0));
        read.map_err(no_restart)
    }

    async fn write(&mut self, file: &Arc<OpenFile>, spans: &[Span]) -> Result<u32, Errno> {
        let written = match file.object() {
            Object::Socket(_) | Object::Unix(_) => self.send(file, spans).await,
            _ if self.nonblocking(file) => {
                tty::admit_write(&self.call, file)?;
                write_now(&mut self.call, file, spans)
            }
            _ => write_spans(&mut self.call, file, spans).await,
        };
        self.call.process().usage.writes.note(written.unwrap_or(0));
        written.map_err(no_restart)
    }

    /// Writes to a socket: everything, unless it does not block.
    async fn send(&mut self, file: &Arc<OpenFile>, spans: &[Span]) -> Result<u32, Errno> {
        let len = total(spans);
        if file.carries_messages() && len > PIECE {
            return Err(Errno::MSGSIZE);
        }
        let mut done = 0;
        loop {
            let piece = self.call.gather(spans, done, PIECE)?;
            let waiter = file.subscribe_to_write();
            let errno = match file.write(&piece) {
                Ok(count) => {
                    done += count;
                    if done >= len || file.carries_messages() {
                        return Ok(done as u32);
                    }
                    continue;
                }
                Err(Errno::AGAIN) => match self.wait(file, waiter).await {
                    Ok(()) => continue,
                    Err(errno) => errno,
                },
                Err(errno) => errno,
            };
            return if done > 0 { Ok(done as u32) } else { Err(errno) };
        }
    }

    /// The internet socket that the first argument names.
    ///
    /// # Errors
    ///
    /// EBADF, ENOTSOCK.
    fn socket(&self) -> Result<(Arc<OpenFile>, Arc<Socket>), Errno> {
        let file = self.file(0)?;
        let Object::Socket(socket) = file.object() else { return Err(Errno::NOTSOCK) };
        let socket = socket.clone();
        Ok((file, socket))
    }
}

pub(super) async fn fd_read(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (file, spans) = p1.transfer()?;
    let read = p1.read(&file, &spans).await?;
    p1.put(3, &read)
}

pub(super) async fn fd_pread(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (file, spans) = p1.transfer()?;
    let offset = position(p1.u64(3))?;
    let read = read_now(&mut p1.call, &file, &spans, Some(offset)).await?;
    p1.call.process().usage.reads.note(read);
    p1.put(4, &read)
}

pub(super) async fn fd_write(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (file, spans) = p1.transfer()?;
    let written = p1.write(&file, &spans).await?;
    p1.put(3, &written)
}

pub(super) async fn fd_pwrite(p1: &mut P1<'_>) -> Result<(), Errno> {
    let (file, spans) = p1.transfer()?;
    let offset = position(p1.u64(3))?;
    let written = pwrite_spans(&mut p1.call, &file, &spans, offset).await?;
    p1.call.process().usage.writes.note(written);
    p1.put(4, &written)
}

/// Moves the offset; preview 1 counts from the start, the current offset and the end, in Linux's order.
fn seek(p1: &mut P1<'_>, distance: i64, whence: Whence, out: usize) -> Result<(), Errno> {
    let file = p1.file(0)?;
    if file.vfs_file().is_some_and(|file| file.is_dir()) {
        return Err(Errno::BADF);
    }
    let offset = file.seek(distance, whence).map_err(|errno| match errno {
        Errno::OVERFLOW => Errno::INVAL,
        errno => errno,
    })?;
    p1.put(out, &offset)
}

pub(super) async fn fd_seek(p1: &mut P1<'_>) -> Result<(), Errno> {
    let whence = match p1.u32(2) {
        0 => Whence::Set,
        1 => Whence::Current,
        2 => Whence::End,
        _ => return Err(Errno::INVAL),
    };
    let distance = p1.u64(1).cast_signed();
    seek(p1, distance, whence, 3)
}

pub(super) async fn fd_tell(p1: &mut P1<'_>) -> Result<(), Errno> {
    seek(p1, 0, Whence::Current, 1)
}

pub(super) async fn sock_accept(p1: &mut P1<'_>) -> Result<(), Errno> {
    let flags = p1.flags(1, u32::from(NONBLOCK))? as u16;
    let (file, socket) = p1.socket()?;
    let accepted = loop {
        let waiter = socket.subscribe();
        match socket.accept() {
            Err(Errno::AGAIN) => p1.wait(&file, Some(waiter)).await?,
            done => break done?.0,
        }
    };
    let accepted = OpenFile::new(Object::Socket(accepted), flag::READ_WRITE);
    p1.install(2, accepted, flags)
}

/// `$riflags`: to look without taking, to wait for all. `$roflags`: a datagram was cut.
pub(super) async fn sock_recv(p1: &mut P1<'_>) -> Result<(), Errno> {
    const PEEK: u32 = 1;
    const WAIT_ALL: u32 = 2;
    const TRUNCATED: u16 = 1;
    let flags = p1.flags(3, PEEK | WAIT_ALL)?;
    let (file, socket) = p1.socket()?;
    let (_, spans) = p1.transfer()?;
    let peek = flags & PEEK != 0;
    let mut buffer = vec![0; total(&spans).min(PIECE)];
    let (mut done, mut cut) = (0, 0);
    loop {
        let waiter = socket.subscribe();
        match socket.recv(&mut buffer[done..], peek) {
            Ok(received) => {
                done += received.bytes;
                if received.full_bytes > received.bytes {
                    cut = TRUNCATED;
                }
                let all = flags & WAIT_ALL != 0 && !peek && !file.carries_messages();
                if !all || received.bytes == 0 || done == buffer.len() {
                    break;
                }
            }
            Err(Errno::AGAIN) => match p1.wait(&file, Some(waiter)).await {
                Err(_) if done > 0 => break,
                waited => waited?,
            },
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    p1.call.scatter(&spans, &buffer[..done])?;
    p1.put(4, &(done as u32))?;
    p1.put(5, &cut)
}

pub(super) async fn sock_send(p1: &mut P1<'_>) -> Result<(), Errno> {
    p1.flags(3, 0)?;
    let (file, _) = p1.socket()?;
    let (_, spans) = p1.transfer()?;
    let sent = p1.send(&file, &spans).await?;
    p1.put(4, &sent)
}

pub(super) async fn sock_shutdown(p1: &mut P1<'_>) -> Result<(), Errno> {
    let how = p1.flags(1, 3)?;
    if how == 0 {
        return Err(Errno::INVAL);
    }
    let (_, socket) = p1.socket()?;
    socket.shutdown(Shut { read: how & 1 != 0, write: how & 2 != 0 })
}
