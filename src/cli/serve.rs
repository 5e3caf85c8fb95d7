//! `isolet serve`: E2B's API, envd and the sandboxes' own ports, on one address.

#![expect(clippy::exit, reason = "a second signal does not wait for what is being drained")]

use anyhow::Context;
use clap::Args;
use isolet::api::{ServeOptions, Server, print_env};
use isolet::{Config, Runtime};
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// How to serve.
#[derive(Args)]
pub struct Arguments {
    /// Address and port for everything, HTTP and TLS.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The name that sandboxes are reached under, with the port that clients use [default: isolet.localhost:PORT].
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Where compiled code, keys and certificates are kept [default: ~/.local/share/isolet].
    #[arg(long, value_name = "DIR", env = "ISOLET_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The key that clients must send [default: made at first start and kept in the data directory].
    #[arg(long, value_name = "KEY", env = "ISOLET_API_KEY", hide_env_values = true)]
    api_key: Vec<String>,
    /// A certificate chain for the domain and its subdomains, PEM [default: one of a local authority].
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Only print the lines that point the SDKs here, and exit.
    #[arg(long)]
    print_env: bool,
    /// Log in JSON, one event a line.
    #[arg(long)]
    pub log_json: bool,
}

/// Serves until SIGTERM or SIGINT, then lets requests in progress finish; a second signal ends at once.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut config = Config::default();
    if let Some(dir) = arguments.data_dir {
        config.data_dir = dir;
    }
    let mut options = ServeOptions::new(arguments.listen, config.data_dir.clone());
    options.domain = arguments.domain;
    options.api_keys = arguments.api_key;
    options.tls_files = arguments.tls_cert.zip(arguments.tls_key);
    if arguments.print_env {
        print!("{}", print_env(&options)?);
        return Ok(ExitCode::SUCCESS);
    }
    raise_descriptor_limit();
    let stop = stop()?;
    let runtime = Runtime::with_progress(config, super::progress()).await?;
    runtime.warm();
    let server = Server::bind(runtime.clone(), &options).await?;
    announce(&server)?;
    let hint = server.resolver_hint();
    tokio::spawn(async move {
        if let Some(hint) = hint.await {
            eprintln!("\n{hint}");
        }
    });
    server.run(stop).await;
    runtime.shut_down().await;
    Ok(ExitCode::SUCCESS)
}

/// Takes as many descriptors as the system lets us: 1,024, the usual soft limit, are too few connections.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Says that the server answers: one line, and on a terminal what to paste into a shell.
fn announce(server: &Server) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "isolet ready on http://{}", server.address())?;
    if out.is_terminal() {
        writeln!(
            out,
            "\nPaste this into the shell that runs the SDK:\n\n{}",
            server.environment()
        )?;
    }
    out.flush().context("say that the server is ready")
}

/// Completes at the first SIGTERM or SIGINT; after that a second one ends the process at once.
pub fn stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(130);
        });
    })
}
