//! The command line: arguments, logging, one subcommand. Everything it does is the crate's public API.

mod cli;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// glibc's allocator keeps what was freed in eight arenas for each core, so that a server under load grows for minutes; this one
/// gives it back (figures: docs/compatibility.md, "Load"). The crate leaves the choice to whoever embeds it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Make, list and revoke API keys of a data directory; a running server takes notice.
    Key(cli::key::Arguments),
    /// Show what a sandbox's programs tried to reach, let through or not.
    NetLog(cli::net_log::Arguments),
    /// Compile standard input: what a runtime starts for each program of its users.
    #[command(hide = true)]
    CompileWasm(cli::compile::Arguments),
    /// Answer DNS queries for a domain and everything below it with this machine's loopback address.
    Dns(cli::dns::Arguments),
    /// Check everything between a client on this machine and the ports of sandboxes, and say what to do for what fails.
    Doctor(cli::doctor::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    cli::log(matches!(&arguments.command, Subcommands::Serve(serve) if serve.log_json));
    let result = match arguments.command {
        Subcommands::Run(run) => cli::block_on(cli::run::run(run)),
        Subcommands::Serve(serve) => cli::block_on(cli::serve::run(serve)),
        Subcommands::Key(key) => cli::key::run(&key),
        Subcommands::NetLog(log) => cli::block_on(cli::net_log::run(log)),
        Subcommands::CompileWasm(compile) => cli::compile::run(&compile),
        Subcommands::Dns(dns) => cli::block_on(cli::dns::run(dns)),
        Subcommands::Doctor(doctor) => cli::block_on(cli::doctor::run(doctor)),
    };
    result.unwrap_or_else(|error| {
        eprintln!("isolet: {error:#}");
        ExitCode::FAILURE
    })
}
