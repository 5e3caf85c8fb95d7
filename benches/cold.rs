//! The first Python of an installation: nothing is compiled, unpacked or initialised ahead. The native twin is this machine's
//! interpreter that finds no bytecode of its library.

use std::process::Command as Native;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use isolet::{Config, Egress, Runtime, SandboxConfig};

use crate::IMAGE;
use crate::process::{python, run};
use crate::ratio::{ISOLET, NATIVE};

const PROGRAM: &str = "import json, re, asyncio";

/// Measures both sides, ten times unless told otherwise; isolet's compiles six programs each time.
pub fn all(criterion: &mut Criterion, tokio: &tokio::runtime::Runtime, config: &Config) {
    let mut group = criterion.benchmark_group("python3 on cold caches");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    group.bench_function(ISOLET, |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| first_start(tokio, config)).sum());
    });
    let native = python();
    group.bench_function(NATIVE, |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| without_bytecode(&native)).sum());
    });
    group.finish();
}

/// From an empty data directory to the end of the program.
fn first_start(tokio: &tokio::runtime::Runtime, config: &Config) -> Duration {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = Config { data_dir: folder.path().join("isolet"), ..config.clone() };
    let began = Instant::now();
    tokio.block_on(async {
        let runtime = Runtime::new(config).await.expect("isolet starts");
        let sandbox = SandboxConfig::new(IMAGE, Egress::deny_all());
        let sandbox = runtime.create(sandbox).await.expect("there is room for one");
        assert_eq!(run(&sandbox, &["python3", "-c", PROGRAM]).await, "");
        let took = began.elapsed();
        runtime.shut_down().await;
        took
    })
}

fn without_bytecode(native: &str) -> Duration {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let prefix = format!("pycache_prefix={}", folder.path().display());
    let began = Instant::now();
    let status = Native::new(native).args(["-X", &prefix, "-c", PROGRAM]).status();
    assert!(status.expect("this machine has Python").success());
    began.elapsed()
}
