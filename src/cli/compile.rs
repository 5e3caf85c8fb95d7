//! `isolet compile-wasm`: the process in which a runtime compiles a program of a user's. Not for people.

use clap::Args;
use isolet::CompileLimits;
use std::process::ExitCode;
use std::time::Duration;

/// What it may use.
#[derive(Args)]
pub struct Arguments {
    #[arg(long)]
    wasm_bytes: u64,
    #[arg(long)]
    code_bytes: u64,
    #[arg(long)]
    address_space_bytes: u64,
    #[arg(long)]
    cpu_seconds: u64,
}

/// Compiles standard input.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let limits = CompileLimits {
        wasm_bytes_max: arguments.wasm_bytes,
        code_bytes_max: arguments.code_bytes,
        address_space_bytes_max: arguments.address_space_bytes,
        cpu_max: Duration::from_secs(arguments.cpu_seconds),
        ..CompileLimits::default()
    };
    isolet::compile_standard_input(&limits)?;
    Ok(ExitCode::SUCCESS)
}
