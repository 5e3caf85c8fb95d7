//! The `fork` import: Asyncify's protocol, seen from the guest.
//!
//! ```text
//! Running --fork()--> Unwinding --_start returns; the engine copies the process--> Rewinding(result)
//!    ^                                                                                    |
//!    +------------------- fork() again, at the bottom of the rewound stack ---------------+
//! ```
//!
//! Only the protocol: copying memory and the process is the engine's and the kernel's work.

use super::Context;
use wasmtime::{Caller, TypedFunc};

/// Bytes of the buffer's header: where the saved stack ends now, and where the buffer ends.
const HEADER_BYTES: u32 = 8;

/// Where a program stands between a fork and its return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForkState {
    /// No fork is under way.
    Running,
    /// The stack is being saved; `_start` returns next.
    Unwinding,
    /// The stack is being rebuilt; `fork` returns this value next.
    Rewinding(i32),
}

/// A forking program's Asyncify functions.
#[derive(Clone)]
pub(crate) struct Fork {
    pub(crate) state: ForkState,
    /// Address of `isolet_asyncify_buf`.
    pub(crate) buffer: u32,
    pub(crate) start_unwind: TypedFunc<u32, ()>,
    pub(crate) stop_unwind: TypedFunc<(), ()>,
    pub(crate) start_rewind: TypedFunc<u32, ()>,
    pub(crate) stop_rewind: TypedFunc<(), ()>,
}

/// The import itself.
pub(crate) async fn fork(mut caller: Caller<'_, Context>) -> wasmtime::Result<i32> {
    let Some(fork) = caller.data().fork.clone() else {
        return Ok(-rustix::io::Errno::NOSYS.raw_os_error());
    };
    match fork.state {
        ForkState::Rewinding(result) => {
            caller.data().stack().pause();
            fork.stop_rewind.call_async(&mut caller, ()).await?;
            caller.data().stack().resume();
            set_state(&mut caller, ForkState::Running);
            Ok(result)
        }
        ForkState::Running => {
            let memory = caller.data().memory.expect("set before guest code runs");
            let start = fork.buffer.wrapping_add(HEADER_BYTES);
            memory.write(&mut caller, fork.buffer as usize, &start.to_le_bytes())?;
            caller.data().stack().pause();
            fork.start_unwind.call_async(&mut caller, fork.buffer).await?;
            caller.data().stack().resume();
            set_state(&mut caller, ForkState::Unwinding);
            Ok(0)
        }
        ForkState::Unwinding => wasmtime::bail!("fork was called while the stack unwinds"),
    }
}

fn set_state(caller: &mut Caller<'_, Context>, state: ForkState) {
    if let Some(fork) = &mut caller.data_mut().fork {
        fork.state = state;
    }
}
