//! Start images: runs each program whose image asks for one, once, in a machine of its own, and keeps what it left.
//!
//! The machine has the program's image, no network, no input, and ends with the run. A program that does not come to its end there
//! is started plainly, as if nobody had asked: slower, and otherwise the same. What a start image is: `wasm/start_image.rs`.

use super::ReadEnd;
use super::image::{Image, ImageProgram};
use super::runtime::Shared;
use crate::config::Limits;
use crate::error::Error;
use crate::process::cred::Credentials;
use crate::process::file::{Object, OpenFile, flag};
use crate::process::{Kernel, SpawnRequest, pipe};
use crate::vfs::{Vfs, VfsLimits};
use crate::vnet::{Egress, Net};
use crate::wasm::Maker;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// How long a program may initialise itself (CPython takes some seconds in a debug build on a busy machine).
const TIME_MAX: Duration = Duration::from_secs(120);

/// What is kept of what a program says on its standard error while it fails to.
const REPORT_BYTES_MAX: u64 = 4 << 10;

/// Who the program runs as: as most will that start from its image.
const USER: u32 = 1000;

/// Makes the start images that are not on disk. What goes wrong is logged; only a data directory that cannot be used is an error.
///
/// # Errors
///
/// [`Error::Host`].
pub(super) async fn make_missing(shared: &Arc<Shared>) -> Result<(), Error> {
    let missing = |program: &ImageProgram| {
        program.start_image.is_some() && !shared.engine.has_start_image(&program.digest)
    };
    let programs = shared.images.values().flat_map(|image| image.programs());
    if !programs.into_iter().any(missing) {
        return Ok(());
    }
    let engine = shared.engine.clone();
    let turn = tokio::task::spawn_blocking(move || engine.turn_to_make_start_images()).await;
    let _turn = turn.map_err(|error| Error::Engine(error.to_string()))??;
    for image in shared.images.values() {
        for program in image.programs() {
            // Images that stand on this one have the program too. Another host process may have made it while this one waited.
            let here = shared.engine.start_image_made_in(&program.digest) == Some(image.id());
            if !here || !missing(program) {
                continue;
            }
            if let Err(error) = make(shared, image, program).await {
                tracing::warn!(%error, program = program.path, "it is started without a start image");
            }
        }
    }
    Ok(())
}

async fn make(shared: &Arc<Shared>, image: &Image, program: &ImageProgram) -> Result<(), Error> {
    let failed = |problem: String| Error::Image { name: program.path.clone(), problem };
    let limits = Limits::default();
    let refused = |errno| failed(format!("cannot be run: {errno}"));
    let store = shared.spill.store(limits.file_memory_bytes_max);
    let vfs = Vfs::new(Some(image.layer()), VfsLimits::from(&limits), store).map_err(refused)?;
    let resolver = shared.resolver.clone();
    let net = Net::new(Egress::deny_all(), resolver, shared.gate.clone(), &limits, "");
    let maker = Maker::new(shared.engine.clone());
    let kernel = Kernel::new(vfs, net, limits, maker.clone(), "".into());
    kernel.mount().map_err(refused)?;
    let (reader, writer) = pipe::accounted(&kernel.buffers, (USER, USER)).map_err(refused)?;
    let null = OpenFile::new(Object::Null, flag::READ_WRITE);
    let errors = OpenFile::new(Object::Pipe(writer), flag::WRITE_ONLY);
    let request = SpawnRequest {
        path: program.path.clone().into_bytes(),
        argv: vec![program.path.clone().into_bytes()],
        env: Vec::new(),
        cwd: kernel.vfs.root(),
        cred: Credentials::new(USER, USER, Arc::default()),
        umask: 0o022,
        fds: vec![(0, null.clone()), (1, null), (2, errors)],
        terminal: None,
    };
    let process = kernel.spawn(request).map_err(refused)?;
    let mut report = Vec::new();
    let mut reader = ReadEnd::new(reader).take(REPORT_BYTES_MAX);
    let run = async {
        let _ = reader.read_to_end(&mut report).await;
        process.wait_exit().await
    };
    let ended = tokio::time::timeout(TIME_MAX, run).await;
    kernel.net.shut_down();
    kernel.end().await;
    kernel.vfs.clear();
    let report = String::from_utf8_lossy(&report).into_owned();
    let Ok(status) = ended else {
        return Err(failed(format!("did not initialise itself in {TIME_MAX:?}: {report}")));
    };
    let Some(made) = maker.made() else {
        return Err(failed(format!("ended before it was initialised: {status:?} {report}")));
    };
    shared.engine.keep_start_image(program.digest, made).await
}
