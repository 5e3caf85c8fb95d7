//! What isolet costs: each measurement beside its native twin, in the same run on the same machine.
//!
//! `cargo bench` measures all, `cargo bench -- python` what matches. Ratios are printed at the end: they
//! travel between machines, the times do not. Nothing here is a gate.

#![expect(
    clippy::disallowed_methods,
    reason = "native twins are processes and sockets of the host"
)]

mod cold;
mod process;
mod proxies;
mod python;
mod ratio;
mod router;
mod sandbox;
mod server;
mod wasi;

use std::path::Path;
use std::time::Duration;

use criterion::Criterion;
use isolet::{Config, Runtime};

/// The image that every measurement starts from.
const IMAGE: &str = "python";

/// The same by its E2B name.
const TEMPLATE: &str = "base";

fn main() {
    let results = Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion");
    let mut criterion = Criterion::default()
        .output_directory(&results)
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    let tokio = tokio::runtime::Runtime::new().expect("threads can be started");
    let config = Config {
        data_dir: data_dir(),
        compiler: Some(env!("CARGO_BIN_EXE_isolet").into()),
        ..Config::default()
    };
    let runtime = tokio.block_on(Runtime::new(config.clone())).expect("isolet starts");
    sandbox::in_process(&mut criterion, &tokio, &runtime);
    process::all(&mut criterion, &tokio, &runtime);
    python::all(&mut criterion, &tokio, &runtime);
    cold::all(&mut criterion, &tokio, &config);
    wasi::all(&mut criterion, &tokio, &runtime);
    proxies::all(&tokio, &runtime);
    tokio.block_on(runtime.shut_down());

    let server = server::Server::start();
    sandbox::over_http(&mut criterion, &tokio, &server);
    router::all(&mut criterion, &tokio, &server);
    drop(server);

    criterion.final_summary();
    ratio::print(&results);
}

/// The tests' own data directory: what is compiled there is compiled for benches too.
fn data_dir() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("data/isolet")
}
