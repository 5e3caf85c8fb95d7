//! Compiling the built-in programs before they are used.
//!
//! ```text
//! start            those that an image marks `eager`, on all cores, before the first sandbox
//! in the background  all others, one after the other, on threads that anything else goes before
//! exec             one that is still missing (wasm/mod.rs), while the process that runs it waits
//! ```
//!
//! It decides the order only: what compiling is and where its results are kept is the engine's business.

use super::image::{Image, ImageProgram};
use super::runtime::{Shared, data_dir};
use crate::error::Error;
use crate::kept;
use crate::wasm::Engine;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// The lowest priority there is: nice(2).
const NICE: i32 = 19;

/// How far the first start's compilation is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Programs compiled so far.
    pub done: usize,
    /// Programs to compile in all.
    pub total: usize,
    /// The program that was compiled last, by path.
    pub program: &'a str,
}

/// Tells the engine of all programs of `images`, so that it can run them.
pub(super) fn register<'a>(engine: &Engine, images: impl Iterator<Item = &'a Arc<Image>>) {
    for program in distinct(images) {
        let source = program.clone();
        let wasm = Arc::new(move || source.wasm());
        engine.register(program.digest, program.bytes, program.start_image, wasm);
    }
}

/// Compiles the eager programs that the code cache has not, several at once.
///
/// # Errors
///
/// [`Error::Engine`], [`Error::Image`].
pub(super) fn compile_eager<'a>(
    engine: &Engine,
    images: impl Iterator<Item = &'a Arc<Image>>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<(), Error> {
    let mut programs = distinct(images);
    programs.retain(|program| program.eager && !engine.compiled(&program.digest));
    let total = programs.len();
    let queue = Mutex::new(programs.into_iter());
    let done = Mutex::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(total);
    let work = || -> Result<(), Error> {
        loop {
            let Some(program) = queue.lock().next() else { return Ok(()) };
            engine.compile(&program.digest)?;
            let mut done = done.lock();
            *done += 1;
            progress(Progress { done: *done, total, program: &program.path });
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(result) => result,
            Err(_) => Err(Error::Engine("compiling a built-in program panicked".into())),
        })
    })
}

/// Compiles what is missing, until all is there or the runtime is gone, and removes what has long not been used. One host process does so for a data directory
/// at a time; another returns at once. Blocks.
pub(super) fn compile_the_rest(runtime: &Weak<Shared>) {
    let Some(shared) = runtime.upgrade() else { return };
    let Some(_turn) = shared.engine.turn_to_compile_ahead() else { return };
    let programs: Vec<_> = distinct(shared.images.values()).into_iter().cloned().collect();
    let data = data_dir(&shared.config);
    drop(shared);
    let workers = rayon::ThreadPoolBuilder::new()
        .thread_name(|_| "isolet-ahead".into())
        .start_handler(|_| step_back())
        .build();
    let workers = match workers {
        Ok(workers) => workers,
        Err(error) => return tracing::warn!(%error, "programs are compiled when they are used"),
    };
    for program in &programs {
        let Some(shared) = runtime.upgrade() else { return };
        let engine = shared.engine.clone();
        drop(shared);
        if engine.compiled(&program.digest) {
            continue;
        }
        if let Err(error) = workers.install(|| engine.compile(&program.digest)) {
            tracing::warn!(%error, program = program.path, "a program could not be compiled");
        }
    }
    // What this version knows counts as used by now.
    if let Ok(data) = data
        && let Err(error) = kept::remove_unused(&data)
    {
        tracing::warn!(%error, "what older versions left stays");
    }
}

/// Lets every other thread of the host go before this one.
fn step_back() {
    let this = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(this), NICE) {
        tracing::debug!(%error, "compiling ahead at ordinary priority");
    }
}

/// Every program once, though several images have it; in the order of the images.
fn distinct<'a>(images: impl Iterator<Item = &'a Arc<Image>>) -> Vec<&'a ImageProgram> {
    let mut programs: Vec<_> = images.flat_map(|image| image.programs()).collect();
    programs.sort_by(|a, b| {
        let names = (&a.path, &a.digest).cmp(&(&b.path, &b.digest));
        b.eager.cmp(&a.eager).then(names).then(b.start_image.cmp(&a.start_image))
    });
    programs.dedup_by_key(|program| program.digest);
    programs
}
