//! The interpreter's own speed: the work of `python.py` in a sandbox and by this machine's Python. What is measured is
//! what the program says that it took, so that starting it does not count.

use std::process::{Command as Native, Stdio};
use std::time::Duration;

use criterion::Criterion;
use isolet::{Egress, Runtime, SandboxConfig};

use crate::IMAGE;
use crate::process::{python, run};
use crate::ratio::{ISOLET, NATIVE};

const PROGRAM: &str = include_str!("python.py");

/// The parts of [`PROGRAM`], and the threads that wait beside each: that there are threads must not slow a single one down.
const PARTS: &[(&str, &str)] = &[
    ("json", "0"),
    ("regex", "0"),
    ("float", "0"),
    ("dict", "0"),
    ("dict", "20"),
    ("str", "0"),
    ("sort", "0"),
    ("call", "0"),
    ("call", "20"),
    ("generators", "0"),
    ("generators", "20"),
    ("decimal", "0"),
    ("sqlite", "0"),
];

/// Measures each part in one sandbox.
pub fn all(criterion: &mut Criterion, tokio: &tokio::runtime::Runtime, runtime: &Runtime) {
    let config = SandboxConfig::new(IMAGE, Egress::deny_all());
    let sandbox = tokio.block_on(runtime.create(config)).expect("there is room for one");
    let native = python();
    for &(part, threads) in PARTS {
        let beside = if threads == "0" { String::new() } else { format!(", {threads} threads") };
        let mut group = criterion.benchmark_group(format!("python {part}{beside}"));
        group.sample_size(10);
        let mut results = Vec::new();
        group.bench_function(ISOLET, |bencher| {
            bencher.iter_custom(|rounds| {
                let round = |_| {
                    let command = ["python3", "-c", PROGRAM, part, threads];
                    took(&tokio.block_on(run(&sandbox, &command)), &mut results)
                };
                (0..rounds).map(round).sum()
            });
        });
        group.bench_function(NATIVE, |bencher| {
            bencher.iter_custom(|rounds| {
                let round = |_| {
                    let mut twin = Native::new(&native);
                    let output =
                        twin.args(["-c", PROGRAM, part, threads]).stdin(Stdio::null()).output();
                    let output = output.expect("this machine has Python");
                    took(&String::from_utf8_lossy(&output.stdout), &mut results)
                };
                (0..rounds).map(round).sum()
            });
        });
        group.finish();
    }
    tokio.block_on(sandbox.kill());
}

/// The time that a part printed in its last line. The rest must be what the other side printed.
fn took(printed: &str, results: &mut Vec<String>) -> Duration {
    let (result, seconds) = printed.trim_end().rsplit_once('\n').expect("a result and seconds");
    results.push(result.to_owned());
    assert_eq!(results[0], result);
    results.truncate(1);
    Duration::from_secs_f64(seconds.parse().expect("seconds"))
}
