//! The subcommands, one file each, and what they share: logging, the async runtime, the progress of a first start.

pub mod compile;
pub mod dns;
pub mod doctor;
pub mod key;
pub mod net_log;
pub mod run;
pub mod serve;

use indicatif::{ProgressBar, ProgressStyle};
use isolet::{Config, Progress};
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// What is logged unless `ISOLET_LOG` says otherwise: warnings, and a line for each action on the control plane,
/// and the URL of each port that a sandbox opens.
const LOGGED: &str = "warn,isolet::audit=info,isolet::ports=info";

/// Sets up logging to standard error: [`LOGGED`], or what `ISOLET_LOG` says (tracing's filter syntax).
pub fn log(json: bool) {
    let filter = EnvFilter::try_from_env("ISOLET_LOG").unwrap_or_else(|_| EnvFilter::new(LOGGED));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json { log.json().init() } else { log.init() }
}

/// Default settings of a runtime in this program, which is also its compiler.
pub fn config() -> Config {
    // What whoever started this program left open to it is none of the compiler's business.
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    // By the name that means this very file, also once another version has taken its place.
    Config { compiler: Some("/proc/self/exe".into()), ..Config::default() }
}

/// Runs a subcommand to its end. What still runs on the async runtime then is dropped, not waited for: a thread blocked in a
/// read of the terminal would never end.
pub fn block_on(
    future: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

/// Tells a person how far compiling the built-in programs is: a bar on a terminal, else a line a program.
pub fn progress() -> impl Fn(Progress<'_>) + Send + Sync + 'static {
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = "compiling programs for this machine (once) {wide_bar} {pos}/{len}";
        let style = ProgressStyle::with_template(style).expect("a constant template");
        ProgressBar::new(0).with_style(style)
    });
    move |progress: Progress<'_>| match &bar {
        Some(bar) => {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
            if progress.done == progress.total {
                bar.finish_and_clear();
            }
        }
        None => {
            let Progress { done, total, program } = progress;
            eprintln!("isolet: compiled {program} ({done} of {total}, once for this machine)");
        }
    }
}
