//! `isolet_start_image`: a program is initialised once, and started from what its memory was then.
//!
//! ```text
//! made once:   _start .. initialises .. MAKING? yes .. READY: the run ends, its memory is the start image
//! each start:  _start, in the image's memory .. goes on with its own arguments
//!                 '.. PLAINLY: begins again as if there were no image
//! ```
//!
//! Only programs whose image's manifest asks for it are ever run for making one. What is kept is memory and globals alone: a
//! program that has threads, descriptors or shared mappings then is refused.

use super::{Call, Departure};
use crate::errno::Errno;

/// Asks whether this run is for making the image.
const MAKING: u32 = 0;
/// The program is initialised.
const READY: u32 = 1;
/// The image does not suit this start.
const PLAINLY: u32 = 2;

/// The descriptors that every program starts with.
const STANDARD_DESCRIPTORS: usize = 3;

/// What a run of a program is, as far as start images go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// From the module: the first instruction, the memory that it declares.
    #[default]
    Plain,
    /// The same, in order to make a start image.
    Making,
    /// From a start image.
    FromImage,
}

/// The call.
pub(super) fn start_image(call: &mut Call<'_>) -> Result<u32, Errno> {
    let beginning = call.beginning();
    match (call.args[0], beginning) {
        (MAKING, _) => Ok(u32::from(beginning == Beginning::Making)),
        (READY, Beginning::Making) => {
            only_memory(call)?;
            call.leave(Departure::StartImage);
            Ok(0)
        }
        (PLAINLY, Beginning::FromImage) => {
            // Shared mappings end with the memory, as in execve(2): the C library has one of the time zone.
            if !alone(call) {
                return Err(Errno::BUSY);
            }
            call.leave(Departure::StartPlainly);
            Ok(0)
        }
        _ => Err(Errno::INVAL),
    }
}

/// Whether memory and globals are all that the program has.
fn only_memory(call: &Call<'_>) -> Result<(), Errno> {
    let fds = call.process().fds.lock();
    let closed = fds.iter().all(|(fd, _)| (fd as usize) < STANDARD_DESCRIPTORS);
    let mapped = call.process().shared.any();
    if alone(call) && closed && !mapped { Ok(()) } else { Err(Errno::BUSY) }
}

/// Whether no other thread uses the memory.
fn alone(call: &Call<'_>) -> bool {
    call.process().threads().len() == 1
}
