//! How far a guest's memories and tables may grow: the sandbox's account decides, at the moment of growth.

use crate::process::account::Charge;
use std::sync::Arc;
use wasmtime::ResourceLimiter;

/// Elements of a program's function table (CPython has some 12,000).
const TABLE_ELEMENTS_MAX: usize = 1 << 20;

/// The limiter of one store.
pub(crate) struct Growth {
    /// Counted once, however many threads see the memory.
    charge: Arc<Charge>,
    /// What was charged before the growth that the engine is about to make.
    before: u64,
}

impl Growth {
    /// A limiter that charges to `charge`.
    pub(crate) fn new(charge: Arc<Charge>) -> Self {
        Self { charge, before: 0 }
    }

    /// What the process's memory is charged to.
    pub(crate) fn charge(&self) -> &Arc<Charge> {
        &self.charge
    }
}

impl ResourceLimiter for Growth {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.before = self.charge.bytes();
        // A thread that catches up with what another one has grown asks for what is paid for.
        Ok(self.charge.raise_to(desired as u64))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        tracing::debug!(%error, "a memory could not grow");
        self.charge.lower_to(self.before);
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        4
    }

    fn memories(&self) -> usize {
        1
    }
}
