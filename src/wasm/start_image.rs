//! Start images: what a program's memory and globals are once it has initialised itself, so that it need not do so at each start.
//!
//! ```text
//! first start of the host    the program runs once in a machine of its own -> READY (host/start_image.rs) -> kept beside its code
//! each start of the program  memory mapped copy-on-write from it, globals set, `_start` called as ever
//! ```
//!
//! The program must be able to go on from there: it is plain (nothing of a stack is kept) and finds its own arguments, environment
//! and random state anew. Only programs whose image's manifest says so are asked. Making one is driven from above
//! (`sandbox/prepare.rs`), since that takes a machine; here is what one is and how a run gives one.

use super::Engine;
use super::instance::Origin;
use super::memory::Image;
use super::split;
use crate::process::{End, Exec, Thread, exec};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wasmtime::Val;

/// Bytes of the head: the memory's length (u64) and the number of globals (u32), little-endian.
const HEAD_BYTES: usize = 8 + 4;
/// Bytes of a global in the head: its type and its bits.
const GLOBAL_BYTES: usize = 1 + 8;
/// More mutable globals than any program has.
const GLOBALS_MAX: usize = 1024;

/// A number in a global: its type in the first byte of a record, its bits in the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
}

/// What a program is started from instead of its module's own memory.
#[derive(Debug)]
pub(crate) struct StartImage {
    /// What its memory holds, from address 0.
    pub(super) image: Arc<Image>,
    /// Length of its memory, in bytes.
    pub(super) bytes: usize,
    /// Its mutable globals, in the order of the program's.
    globals: Vec<Number>,
}

/// A start image as a run left it, on its way to the disk.
pub(crate) struct Snapshot {
    /// Memory's length and globals.
    pub(super) head: Vec<u8>,
    /// What the memory held, without the zeros at its end.
    pub(super) content: Vec<u8>,
}

impl Snapshot {
    /// Of a memory of `bytes` bytes that begins with `content`. None if a global is not a number.
    pub(super) fn new(bytes: usize, globals: &[Val], content: Vec<u8>) -> Option<Self> {
        let mut head = (bytes as u64).to_le_bytes().to_vec();
        head.extend(u32::try_from(globals.len()).ok()?.to_le_bytes());
        for global in globals {
            let (kind, bits) = match global {
                Val::I32(value) => (0, u64::from(value.cast_unsigned())),
                Val::I64(value) => (1, value.cast_unsigned()),
                Val::F32(bits) => (2, u64::from(*bits)),
                Val::F64(bits) => (3, *bits),
                _ => return None,
            };
            head.push(kind);
            head.extend(bits.to_le_bytes());
        }
        Some(Self { head, content })
    }
}

impl StartImage {
    /// What [`Snapshot`] holds; none if it is not one. The host wrote it, and its signature was verified.
    pub(super) fn new(head: &[u8], content: &[u8]) -> Option<Self> {
        let (fixed, records) = head.split_at_checked(HEAD_BYTES)?;
        let bytes = u64::from_le_bytes(fixed[..8].try_into().ok()?);
        let bytes = usize::try_from(bytes).ok()?;
        let count = u32::from_le_bytes(fixed[8..].try_into().ok()?) as usize;
        if count > GLOBALS_MAX || records.len() != count * GLOBAL_BYTES || content.len() > bytes {
            return None;
        }
        let mut globals = Vec::with_capacity(count);
        for record in records.chunks_exact(GLOBAL_BYTES) {
            let bits = u64::from_le_bytes(record[1..].try_into().ok()?);
            globals.push(match record[0] {
                0 => Number::I32(u32::try_from(bits).ok()?.cast_signed()),
                1 => Number::I64(bits.cast_signed()),
                2 => Number::F32(u32::try_from(bits).ok()?),
                3 => Number::F64(bits),
                _ => return None,
            });
        }
        let image = Arc::new(Image::new(content).ok()?);
        Some(Self { image, bytes, globals })
    }

    /// Whether it can be one of a program that declares `minimum` bytes of memory and so many mutable globals.
    pub(super) fn fits(&self, minimum: usize, globals: usize) -> bool {
        let whole = (self.bytes as u64).is_multiple_of(split::WASM_PAGE_BYTES);
        whole && self.bytes >= minimum && self.globals.len() == globals
    }

    /// Its mutable globals, in the order of the program's.
    pub(super) fn globals(&self) -> Vec<Val> {
        let numbers = self.globals.iter();
        numbers
            .map(|number| match *number {
                Number::I32(value) => Val::I32(value),
                Number::I64(value) => Val::I64(value),
                Number::F32(bits) => Val::F32(bits),
                Number::F64(bits) => Val::F64(bits),
            })
            .collect()
    }
}

/// Where a run leaves the start image that it makes.
pub(super) type Slot = Arc<Mutex<Option<Snapshot>>>;

/// Runs the one program of a machine in order to make its start image.
pub(crate) struct Maker {
    engine: Arc<Engine>,
    started: AtomicBool,
    made: Slot,
}

impl Maker {
    /// One for a machine of its own, in which nothing else runs.
    pub(crate) fn new(engine: Arc<Engine>) -> Arc<Self> {
        Arc::new(Self { engine, started: AtomicBool::new(false), made: Slot::default() })
    }

    /// What the program left when it ended; none if it ended without saying that it is ready.
    pub(crate) fn made(&self) -> Option<Snapshot> {
        self.made.lock().take()
    }
}

impl Exec for Maker {
    fn start(self: Arc<Self>, thread: Arc<Thread>, program: exec::Program) {
        if self.started.swap(true, Ordering::Relaxed) {
            return thread.finish(End::Fault(exec::SIGKILL)); // A child of the program.
        }
        let made = self.made.clone();
        self.engine.clone().launch(thread, Origin::Making { program, made });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_as_it_was_written_and_nothing_else_is_believed() {
        let globals = [Val::I32(-2), Val::I64(i64::MIN), Val::F32(1), Val::F64(u64::MAX)];
        let snapshot = Snapshot::new(128 << 10, &globals, vec![7; 5000]).expect("numbers");
        let image = StartImage::new(&snapshot.head, &snapshot.content).expect("sound");
        assert_eq!(image.bytes, 128 << 10);
        let mut text = [0; 4];
        image.image.read(4998, &mut text);
        assert_eq!(text, [7, 7, 0, 0]);
        let bits = |globals: &[Val]| -> Vec<u8> {
            Snapshot::new(0, globals, Vec::new()).expect("numbers").head
        };
        assert_eq!(bits(&image.globals()), bits(&globals));
        assert!(image.fits(64 << 10, 4));
        assert!(!image.fits(192 << 10, 4), "less memory than the module asks for");
        assert!(!image.fits(64 << 10, 3), "globals of another program");

        for length in 0..snapshot.head.len() {
            assert!(StartImage::new(&snapshot.head[..length], &[]).is_none(), "{length} bytes");
        }
        let mut unknown = snapshot.head.clone();
        unknown[HEAD_BYTES] = 9;
        assert!(StartImage::new(&unknown, &[]).is_none(), "a type that there is not");
        let short = Snapshot::new(4, &[], vec![1; 5]).expect("no globals");
        assert!(StartImage::new(&short.head, &short.content).is_none(), "more than the memory");
    }
}
