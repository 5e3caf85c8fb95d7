//! How far a guest's memories and tables may grow: the sandbox's account decides, at the moment of growth.

use crate::process::account::Charge;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::ResourceLimiter;

/// Elements of a program's function table (CPython has some 12,000).
const TABLE_ELEMENTS_MAX: usize = 1 << 20;

/// Memories, tables and instances of a user's program: a component has one of its own for each module in it, and each memory
/// reserves 4 GiB of address space.
const MANY_MEMORIES: usize = 8;
const MANY_TABLES: usize = 256;
const MANY_INSTANCES: usize = 256;
/// Bytes that an element of a table costs.
const ELEMENT_BYTES: u64 = 16;

/// The limiter of one store.
pub(crate) struct Growth {
    /// Counted once, however many threads see the memory.
    charge: Arc<Charge>,
    /// Bytes that the process's own limits let the memory have.
    most: Arc<AtomicU64>,
    /// What was charged before the growth that the engine is about to make.
    before: u64,
    /// A user's program: it may have several memories, which count together with its tables.
    many: bool,
}

impl Growth {
    /// A limiter that charges to `charge` and goes no further than `most`.
    pub(crate) fn new(charge: Arc<Charge>, most: Arc<AtomicU64>) -> Self {
        Self { charge, most, before: 0, many: false }
    }

    /// The same for a user's program, which nothing is charged for yet.
    pub(crate) fn of_many(charge: Arc<Charge>, most: Arc<AtomicU64>) -> Self {
        Self { charge, most, before: 0, many: true }
    }

    /// Whether all together may have so many bytes.
    fn admits(&mut self, total: u64) -> bool {
        self.before = self.charge.bytes();
        total <= self.most.load(Ordering::Relaxed).max(self.before) && self.charge.raise_to(total)
    }

    /// What the process's memory is charged to.
    pub(crate) fn charge(&self) -> &Arc<Charge> {
        &self.charge
    }
}

impl ResourceLimiter for Growth {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if self.many {
            let more = desired.saturating_sub(current) as u64;
            return Ok(self.admits(self.charge.bytes().saturating_add(more)));
        }
        // A thread that catches up with what another one has grown asks for what is paid for.
        Ok(self.admits(desired as u64))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        tracing::debug!(%error, "a memory could not grow");
        self.charge.lower_to(self.before);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS_MAX {
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64 * ELEMENT_BYTES;
        Ok(!self.many || self.admits(self.charge.bytes().saturating_add(more)))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        tracing::debug!(%error, "a table could not grow");
        if self.many {
            self.charge.lower_to(self.before);
        }
        Ok(())
    }

    fn instances(&self) -> usize {
        if self.many { MANY_INSTANCES } else { 1 }
    }

    fn tables(&self) -> usize {
        if self.many { MANY_TABLES } else { 4 }
    }

    fn memories(&self) -> usize {
        if self.many { MANY_MEMORIES } else { 1 }
    }
}
