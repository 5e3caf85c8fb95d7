//! `isolet doctor`: prints each step between a client and a sandbox's port, and what to do for those that fail.

use anyhow::Context;
use clap::Args;
use isolet::Config;
use isolet::api::doctor::{Doctor, State};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Which server, and whether to look at all.
#[derive(Args)]
pub struct Arguments {
    /// Where the server listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Its domain, with the port that clients use [default: isolet.localhost:PORT].
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Its data directory [default: ~/.local/share/isolet].
    #[arg(long, value_name = "DIR", env = "ISOLET_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Only print how to make systems resolve the names of sandboxes.
    #[arg(long)]
    names: bool,
}

/// Looks and tells; fails if clients would.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let data_dir = arguments.data_dir.unwrap_or_else(|| Config::default().data_dir);
    let doctor = Doctor::new(arguments.listen, arguments.domain.as_deref(), data_dir)?;
    let mut out = std::io::stdout().lock();
    if arguments.names {
        write!(out, "{}", doctor.set_up_names()).context("print")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    for check in doctor.checks().await {
        let mark = match check.state {
            State::Good => "ok  ",
            State::Doubtful => "hm  ",
            State::Bad => {
                code = ExitCode::FAILURE;
                "FAIL"
            }
        };
        writeln!(out, "{mark}  {}: {}", check.what, check.found).context("print")?;
        for line in check.advice.lines() {
            writeln!(out, "      {line}").context("print")?;
        }
    }
    Ok(code)
}
