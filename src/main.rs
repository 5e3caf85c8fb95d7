//! The command line: arguments, logging, one subcommand. Everything it does is the crate's public API.

mod cli;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Sandboxes for untrusted code, run as WebAssembly: no KVM, no root, no Docker.
#[derive(Parser)]
#[command(name = "isolet", version)]
struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Run one command in a new sandbox, without a server; the exit code is the command's.
    Run(cli::run::Arguments),
    /// Serve E2B's API: the control plane, envd and the sandboxes' own ports, on one address.
    Serve(cli::serve::Arguments),
    /// Answer DNS queries for a domain and everything below it with this machine's loopback address.
    Dns(cli::dns::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    cli::log(matches!(&arguments.command, Subcommands::Serve(serve) if serve.log_json));
    let result = match arguments.command {
        Subcommands::Run(run) => cli::block_on(cli::run::run(run)),
        Subcommands::Serve(serve) => cli::block_on(cli::serve::run(serve)),
        Subcommands::Dns(dns) => cli::block_on(cli::dns::run(dns)),
    };
    result.unwrap_or_else(|error| {
        eprintln!("isolet: {error:#}");
        ExitCode::FAILURE
    })
}
