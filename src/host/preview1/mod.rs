//! WASI preview 1 (`wasi_snapshot_preview1`): the calls of programs that others compiled, over the same kernel as Linux's.
//!
//! All 46 functions. Numbers and layouts are those of witx/typenames.witx; errors are Linux's by WASI's numbers, and where preview 1 says something
//! else, what wasmtime answers. A pointer outside memory is EFAULT, never a trap of ours. Nothing is refused for want of a right: rights are told,
//! as wasmtime tells them, and the kernel's permissions decide.
//!
//! Descriptors are the process's own, so that /proc and the limits see them: 0 to 2 are inherited, what else was open is closed at exec, and
//! 3 to 5 are directories opened beforehand ([`State::prepare`], `host/preopen.rs`). What preview 1 keeps of a descriptor and Linux does
//! not is in [`State`].
//!
//! ```text
//! abi          numbers and layouts
//! descriptor   fd_* that neither read nor write
//! stream       fd_read to fd_pwrite, fd_seek, sock_*
//! path         path_*
//! poll         poll_oneoff
//! system       arguments, environment, clocks, randomness, the end
//! ```

mod abi;
mod descriptor;
mod path;
mod poll;
mod stream;
mod system;

use super::fs::View;
use super::preopen;
use super::{Call, Context, as_system_time};
use crate::errno::{Errno, RESTART};
use crate::process::{ExitStatus, OpenFile, Process, Signal};
use bytemuck::Pod;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::{Caller, Linker};

const MODULE: &str = "wasi_snapshot_preview1";

/// Arguments of the function that has most.
const ARGUMENTS_MAX: usize = 9;

/// Descriptors that are inherited.
const INHERITED: u32 = 3;

/// What preview 1 knows of the process's descriptors beyond the kernel.
#[derive(Default)]
pub(crate) struct State {
    slots: BTreeMap<u32, Slot>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// The name of a directory that was open at the start.
    preopen: Option<&'static str>,
    /// `NONBLOCK`, for this process alone: a terminal's other users would not expect it; and what was asked for in writing
    /// through, which all files do.
    flags: u16,
}

impl State {
    /// Closes what is not inherited and opens the directories that a program expects.
    pub(crate) fn prepare(process: &Arc<Process>) -> Self {
        let closed = process.fds.lock().close_range(INHERITED, u32::MAX);
        drop(closed);
        let view = View::of_process(process);
        let mut state = Self::default();
        for (fd, name) in (INHERITED..).zip(preopen::NAMES) {
            let Some(file) = preopen::open(&view, name) else { continue };
            // A process that may not have so many descriptors has none.
            if process.fds.lock().replace(fd, file, false).is_ok() {
                state.slots.insert(fd, Slot { preopen: Some(name), flags: 0 });
            }
        }
        state
    }

    fn slot(&self, fd: u32) -> Slot {
        self.slots.get(&fd).copied().unwrap_or_default()
    }

    fn set(&mut self, fd: u32, slot: Slot) {
        self.slots.insert(fd, slot);
    }
}

/// One call in progress.
pub(super) struct P1<'a> {
    call: Call<'a>,
    args: [u64; ARGUMENTS_MAX],
}

impl<'a> P1<'a> {
    fn begin<const N: usize>(
        caller: Caller<'a, Context>,
        given: [u64; N],
    ) -> wasmtime::Result<Self> {
        let mut args = [0; ARGUMENTS_MAX];
        args[..N].copy_from_slice(&given);
        let p1 = Self { call: Call::new(caller, [0; 6]), args };
        if !p1.call.caller.data().stack.note() {
            p1.call.process().exit(ExitStatus::Signal(Signal::KILL)); // As when Linux is out of memory.
            wasmtime::bail!("the sandbox has no memory left for the stack");
        }
        Ok(p1)
    }

    /// The number that the guest gets.
    async fn end(self, result: Result<(), Errno>) -> wasmtime::Result<u32> {
        if self.call.caller.data().departure.is_some() {
            wasmtime::bail!("the program was left");
        }
        self.call.thread().clone().stop_point().await;
        Ok(result.map_or_else(abi::number, |()| 0))
    }

    /// An argument of 32 bits.
    fn u32(&self, at: usize) -> u32 {
        self.args[at] as u32
    }

    /// An argument of 64 bits.
    fn u64(&self, at: usize) -> u64 {
        self.args[at]
    }

    /// Flags, of which only those in `known` may be set.
    ///
    /// # Errors
    ///
    /// EINVAL.
    fn flags(&self, at: usize, known: u32) -> Result<u32, Errno> {
        let flags = self.u32(at);
        if flags & !known == 0 { Ok(flags) } else { Err(Errno::INVAL) }
    }

    /// Writes a result to where argument `at` points.
    fn put<T: Pod>(&mut self, at: usize, value: &T) -> Result<(), Errno> {
        let address = self.u32(at);
        self.call.write(address, value)
    }

    /// The open file that argument `at` names.
    fn file(&self, at: usize) -> Result<Arc<OpenFile>, Errno> {
        self.call.process().fds.lock().get(self.u32(at))
    }

    fn slot(&self, fd: u32) -> Slot {
        self.call.caller.data().preview1.as_ref().map_or(Slot::default(), |state| state.slot(fd))
    }

    fn state(&mut self) -> Result<&mut State, Errno> {
        self.call.caller.data_mut().preview1.as_mut().ok_or(Errno::NOSYS)
    }

    /// Gives a new file a descriptor and writes that where argument `at` points.
    fn install(&mut self, at: usize, file: Arc<OpenFile>, flags: u16) -> Result<(), Errno> {
        let address = self.u32(at);
        self.call.bytes(address, 4)?;
        let fd = self.call.install(file, false)?;
        self.state()?.set(fd, Slot { preopen: None, flags });
        self.call.write(address, &fd)
    }
}

/// A result of the kernel's as preview 1 tells it: a call that a signal interrupted is not made again.
fn no_restart(errno: Errno) -> Errno {
    if errno == RESTART { Errno::INTR } else { errno }
}

macro_rules! functions {
    ($($area:ident::$name:ident($($argument:ident: $type:ty),*);)*) => {
        /// Puts every function into `linker`.
        pub(crate) fn link(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
            $(
                linker.func_wrap_async(
                    MODULE,
                    stringify!($name),
                    |caller, ($($argument,)*): ($($type,)*)| {
                        Box::new(async move {
                            let mut p1 = P1::begin(caller, [$(u64::from($argument)),*])?;
                            let thread = p1.call.thread().clone();
                            let result = as_system_time(&thread, $area::$name(&mut p1)).await;
                            p1.end(result).await
                        })
                    },
                )?;
            )*
            linker.func_wrap_async(MODULE, "proc_exit", |caller, (code,): (u32,)| {
                Box::new(async move {
                    let mut p1 = P1::begin(caller, [u64::from(code)])?;
                    system::proc_exit(&mut p1);
                    p1.end(Ok(())).await.map(drop)
                })
            })?;
            Ok(())
        }

        /// How many there are, with proc_exit, which does not answer.
        #[cfg(test)]
        const FUNCTIONS: usize = [$(stringify!($name)),*].len() + 1;
    };
}

functions! {
    system::args_get(argv: u32, buffer: u32);
    system::args_sizes_get(count: u32, bytes: u32);
    system::environ_get(environ: u32, buffer: u32);
    system::environ_sizes_get(count: u32, bytes: u32);
    system::clock_res_get(clock: u32, out: u32);
    system::clock_time_get(clock: u32, precision: u64, out: u32);
    descriptor::fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
    descriptor::fd_allocate(fd: u32, offset: u64, len: u64);
    descriptor::fd_close(fd: u32);
    descriptor::fd_datasync(fd: u32);
    descriptor::fd_fdstat_get(fd: u32, out: u32);
    descriptor::fd_fdstat_set_flags(fd: u32, flags: u32);
    descriptor::fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
    descriptor::fd_filestat_get(fd: u32, out: u32);
    descriptor::fd_filestat_set_size(fd: u32, size: u64);
    descriptor::fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32);
    stream::fd_pread(fd: u32, vector: u32, count: u32, offset: u64, out: u32);
    descriptor::fd_prestat_get(fd: u32, out: u32);
    descriptor::fd_prestat_dir_name(fd: u32, buffer: u32, len: u32);
    stream::fd_pwrite(fd: u32, vector: u32, count: u32, offset: u64, out: u32);
    stream::fd_read(fd: u32, vector: u32, count: u32, out: u32);
    descriptor::fd_readdir(fd: u32, buffer: u32, len: u32, cookie: u64, out: u32);
    descriptor::fd_renumber(from: u32, to: u32);
    stream::fd_seek(fd: u32, distance: u64, whence: u32, out: u32);
    descriptor::fd_sync(fd: u32);
    stream::fd_tell(fd: u32, out: u32);
    stream::fd_write(fd: u32, vector: u32, count: u32, out: u32);
    path::path_create_directory(fd: u32, path: u32, len: u32);
    path::path_filestat_get(fd: u32, flags: u32, path: u32, len: u32, out: u32);
    path::path_filestat_set_times(fd: u32, flags: u32, path: u32, len: u32, atim: u64, mtim: u64, fst_flags: u32);
    path::path_link(from: u32, flags: u32, old: u32, old_len: u32, to: u32, new: u32, new_len: u32);
    path::path_open(fd: u32, flags: u32, path: u32, len: u32, oflags: u32, base: u64, inheriting: u64, fdflags: u32, out: u32);
    path::path_readlink(fd: u32, path: u32, len: u32, buffer: u32, room: u32, out: u32);
    path::path_remove_directory(fd: u32, path: u32, len: u32);
    path::path_rename(from: u32, old: u32, old_len: u32, to: u32, new: u32, new_len: u32);
    path::path_symlink(target: u32, target_len: u32, fd: u32, path: u32, len: u32);
    path::path_unlink_file(fd: u32, path: u32, len: u32);
    poll::poll_oneoff(subscriptions: u32, events: u32, count: u32, out: u32);
    system::proc_raise(signal: u32);
    system::sched_yield();
    system::random_get(buffer: u32, len: u32);
    stream::sock_accept(fd: u32, flags: u32, out: u32);
    stream::sock_recv(fd: u32, vector: u32, count: u32, flags: u32, out: u32, out_flags: u32);
    stream::sock_send(fd: u32, vector: u32, count: u32, flags: u32, out: u32);
    stream::sock_shutdown(fd: u32, how: u32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_of_preview_1_is_there() {
        assert_eq!(FUNCTIONS, 46);
        let engine = wasmtime::Engine::default();
        let mut linker = Linker::new(&engine);
        link(&mut linker).expect("links");
    }
}
