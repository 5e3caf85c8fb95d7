//! `isolet serve`: E2B's API, envd and the sandboxes' own ports, on one address.

#![expect(clippy::exit, reason = "a second signal does not wait for what is being drained")]

use anyhow::Context;
use clap::Args;
use ipnet::IpNet;
use isolet::Runtime;
use isolet::api::{ServeOptions, Server, TeamLimits, print_env};
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
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
    /// A reverse proxy in front of this server, an address or CIDR; its X-Forwarded-For and -Proto are passed on to guests.
    #[arg(long, value_name = "CIDR", value_parser = network)]
    trusted_proxy: Vec<IpNet>,
    /// Requests a second on the control plane of one key's team, on average; more get 429.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), default_value_t = 1000)]
    team_requests_per_second: u32,
    /// Requests on the control plane of one team that are answered at a time; more get 429.
    #[arg(long, value_name = "N", default_value_t = 256)]
    team_requests: usize,
    /// Sandboxes of one team at a time; more get 429 [default: the host's].
    #[arg(long, value_name = "N")]
    team_sandboxes: Option<usize>,
    /// Sandboxes of this host at a time; more get 503.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    sandboxes: usize,
    /// Disk of each sandbox in MiB.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..), default_value_t = 1024)]
    sandbox_disk_mib: u32,
    /// Of that, what is kept in this server's memory, in MiB; the rest goes to --spill-dir.
    #[arg(long, value_name = "MIB", default_value_t = 16)]
    sandbox_file_memory_mib: u32,
    /// Where files of sandboxes go that --sandbox-file-memory-mib is too small for; not a tmpfs [default: the data directory].
    #[arg(long, value_name = "DIR", env = "ISOLET_SPILL_DIR")]
    spill_dir: Option<PathBuf>,
    /// Connections to the outside of each sandbox at a time, datagram sockets among them.
    #[arg(long, value_name = "N", default_value_t = 512)]
    sandbox_connections: usize,
    /// What each sandbox may send and receive in a second, in KiB, both ways together [default: as much as there is].
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..))]
    sandbox_bandwidth_kib: Option<u32>,
    /// A special-purpose range that sandboxes may reach all the same, as far as their own lists let them, such as 10.0.0.0/8. This
    /// machine's own address is opened only by its very own /32 or /128.
    #[arg(long, value_name = "CIDR")]
    open_range: Vec<ipnet::IpNet>,
    /// Serve figures for Prometheus at /metrics of the control plane, without a key.
    #[arg(long)]
    metrics: bool,
    /// Only print the lines that point the SDKs here, and exit.
    #[arg(long)]
    print_env: bool,
    /// Log in JSON, one event a line.
    #[arg(long)]
    pub log_json: bool,
}

/// Serves until SIGTERM or SIGINT, then lets requests in progress finish; a second signal ends at once.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut config = super::config();
    if let Some(dir) = arguments.data_dir {
        config.data_dir = dir;
    }
    config.sandboxes_max = arguments.sandboxes;
    config.limits.disk_bytes_max = u64::from(arguments.sandbox_disk_mib) << 20;
    config.limits.file_memory_bytes_max = u64::from(arguments.sandbox_file_memory_mib) << 20;
    config.spill_dir = arguments.spill_dir;
    config.limits.connections_out_max = arguments.sandbox_connections;
    let bandwidth = arguments.sandbox_bandwidth_kib.map(|kib| u64::from(kib) << 10);
    config.limits.bandwidth_bytes_per_second = bandwidth;
    config.open_ranges = arguments.open_range;
    let mut options = ServeOptions::new(arguments.listen, config.data_dir.clone());
    options.domain = arguments.domain;
    options.api_keys = arguments.api_key;
    options.team_limits = TeamLimits {
        requests_per_second: arguments.team_requests_per_second,
        requests_max: arguments.team_requests,
        sandboxes_max: arguments.team_sandboxes,
    };
    options.metrics = arguments.metrics;
    options.trusted_proxies = arguments.trusted_proxy;
    options.tls_files = arguments.tls_cert.zip(arguments.tls_key);
    if arguments.print_env {
        print!("{}", print_env(&options)?);
        return Ok(ExitCode::SUCCESS);
    }
    raise_descriptor_limit();
    let stop = stop()?;
    let runtime = Runtime::with_progress(config, super::progress()).await?;
    runtime.compile_ahead();
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

/// An address or a CIDR.
fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| format!("{text:?} is no address and no CIDR"))
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
