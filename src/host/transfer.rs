//! Copying between descriptors without passing through the guest: sendfile64, copy_file_range. Pipes are in `splice.rs`.

use super::fd::{COUNT_MAX, PIECE, Pace, Source, write_all};
use super::{Call, nr};
use crate::errno::Errno;
use crate::process::OpenFile;
use std::sync::Arc;

/// Answers `number` if it is one of ours.
pub(crate) async fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    Some(match number {
        nr::SENDFILE64 => sendfile(call).await,
        nr::COPY_FILE_RANGE => copy_file_range(call).await,
        _ => return None,
    })
}

/// Where one side of a copy is: an offset in guest memory, or that of the file.
pub(super) struct Side {
    file: Arc<OpenFile>,
    pointer: u32,
    pub(super) at: u64,
}

impl Side {
    /// # Errors
    ///
    /// EFAULT, EINVAL for an offset below zero.
    pub(super) fn new(
        call: &mut Call<'_>,
        file: Arc<OpenFile>,
        pointer: u32,
    ) -> Result<Self, Errno> {
        let at = match pointer {
            0 => file.with_offset(|offset| *offset),
            pointer => call.read::<u64>(pointer)?,
        };
        if at.cast_signed() < 0 {
            return Err(Errno::INVAL);
        }
        Ok(Self { file, pointer, at })
    }

    /// Tells where the copy has come to.
    pub(super) fn finish(&self, call: &mut Call<'_>) -> Result<(), Errno> {
        match self.pointer {
            0 => self.file.with_offset(|offset| *offset = self.at),
            pointer => call.write(pointer, &self.at)?,
        }
        Ok(())
    }
}

/// `sendfile64(out, in, offset, count)`
async fn sendfile(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, _, pointer, count, ..] = call.args;
    let (out, from) = (call.file(0)?, call.file(1)?);
    if from.pollable() {
        return Err(if pointer == 0 { Errno::INVAL } else { Errno::SPIPE });
    }
    if !from.readable() || !out.writable() {
        return Err(Errno::BADF);
    }
    let mut side = Side::new(call, from, pointer)?;
    let count = count.min(COUNT_MAX);
    let mut buffer = vec![0; (count as usize).min(64 << 10)];
    let (mut done, mut pace) = (0, Pace::default());
    while done < count {
        let len = (count - done).min(64 << 10) as usize;
        let read = match side.file.pread(&mut buffer[..len], side.at) {
            Ok(0) => break,
            Ok(read) => read,
            Err(errno) if done == 0 => return Err(errno),
            Err(_later) => break,
        };
        pace.moved(read).await;
        match write_all(call, &out, &Source::Bytes(&buffer[..read])).await {
            Ok(written) => {
                done += written;
                side.at += u64::from(written);
                if (written as usize) < read {
                    break;
                }
            }
            Err(errno) if done == 0 => return Err(errno),
            Err(_later) => break,
        }
    }
    side.finish(call)?;
    Ok(done)
}

/// `copy_file_range(in, in_offset, out, out_offset, len, flags)`
async fn copy_file_range(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, in_pointer, _, out_pointer, len, flags] = call.args;
    let (from, to) = (call.file(0)?, call.file(2)?);
    let (Some(source), Some(target)) = (from.vfs_file(), to.vfs_file()) else {
        return Err(Errno::INVAL);
    };
    if flags != 0 {
        return Err(Errno::INVAL);
    }
    if source.is_dir() || target.is_dir() {
        return Err(Errno::ISDIR);
    }
    if !from.readable() || !to.writable() || to.flags() & crate::process::file::flag::APPEND != 0 {
        return Err(Errno::BADF);
    }
    let same = source.node().id()? == target.node().id()?;
    let mut input = Side::new(call, from.clone(), in_pointer)?;
    let mut output = Side::new(call, to.clone(), out_pointer)?;
    let len = u64::from(len.min(i32::MAX as u32));
    if same && input.at < output.at.saturating_add(len) && output.at < input.at.saturating_add(len)
    {
        return Err(Errno::INVAL);
    }
    let mut buffer = vec![0; usize::try_from(len).unwrap_or(PIECE).min(PIECE)];
    let (mut done, mut pace) = (0, Pace::default());
    while done < len {
        let piece = buffer.len().min(usize::try_from(len - done).unwrap_or(PIECE));
        let read = input.file.pread(&mut buffer[..piece], input.at)?;
        if read == 0 {
            break;
        }
        match output.file.pwrite(&buffer[..read], output.at) {
            Ok(written) => {
                done += written as u64;
                input.at += written as u64;
                output.at += written as u64;
                if written < read {
                    break;
                }
            }
            Err(errno) if done == 0 => return Err(errno),
            Err(_later) => break,
        }
        pace.moved(read).await;
    }
    input.finish(call)?;
    output.finish(call)?;
    Ok(u32::try_from(done).unwrap_or(u32::MAX))
}
