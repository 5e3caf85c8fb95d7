//! Users' components: what exports `wasi:cli/run` is run, in a store of its own, with the interfaces of [`crate::host::component`].
//!
//! Any 0.2 of WASI will do: the engine links imports and finds exports by what is compatible.

use super::Engine;
use super::foreign::{Alone, at_epoch, fault};
use crate::host::component::{self, CALL_BYTES_MAX, HANDLES_MAX, ParentPre, Wasi};
use crate::host::growth::Growth;
use crate::host::stack::StackCharge;
use crate::process::{End, ExitStatus, Thread, exec};
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

/// Links components.
pub(super) struct Components {
    linker: Linker<Wasi>,
}

/// A component that can be instantiated.
pub(super) struct Pre(ParentPre<Wasi>);

impl Components {
    pub(super) fn new(engine: &wasmtime::Engine) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        component::link(&mut linker)?;
        Ok(Self { linker })
    }

    /// Links a component's imports; that it exports `wasi:cli/run` was seen before it was compiled.
    ///
    /// # Errors
    ///
    /// Why it cannot be run.
    pub(super) fn prepare(&self, component: &Component) -> Result<Pre, String> {
        let said = |error: wasmtime::Error| format!("{error:#}");
        let linked = self.linker.instantiate_pre(component).map_err(said)?;
        ParentPre::new(linked).map(Pre).map_err(said)
    }
}

/// Runs a component to its end.
pub(super) async fn run(
    engine: &Arc<Engine>,
    thread: &Arc<Thread>,
    pre: &Pre,
    growth: Growth,
) -> End {
    let host = Arc::new(Alone::new(engine.clone(), thread.process.kernel.owner.clone()));
    let Some(stack) = StackCharge::prepaid(&thread.process.kernel.memory) else {
        return End::Fault(exec::SIGKILL);
    };
    let stack = Arc::new(stack);
    let wasi = Wasi::new(thread.clone(), growth, host);
    let mut store = Store::new(&engine.engine, wasi);
    store.limiter(|wasi| &mut wasi.growth);
    store.set_hostcall_fuel(CALL_BYTES_MAX);
    store.set_max_component_handles(HANDLES_MAX);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(at_epoch(thread.clone(), stack.clone()));
    store.data_mut().take_turn().await;
    stack.begin();
    let command = pre.0.instantiate_async(&mut store).await;
    let (ran, started) = match command {
        Err(error) => (Err(error), false),
        Ok(command) => {
            stack.begin();
            (command.wasi_cli_run().call_run(&mut store).await, true)
        }
    };
    if let Some(status) = store.data_mut().departure.take() {
        return End::GroupExit(status);
    }
    match ran {
        Ok(result) => End::GroupExit(ExitStatus::Code(u8::from(result.is_err()))),
        Err(error) => fault(thread, &error, started).await,
    }
}
