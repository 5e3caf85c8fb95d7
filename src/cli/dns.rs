//! `isolet dns`: answers for a domain and everything below it with this machine's loopback address.

use super::serve::stop;
use clap::Args;
use isolet::api::dns::Dns;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// What to answer for, and where.
#[derive(Args)]
pub struct Arguments {
    /// A loopback address and port, UDP and TCP; port 53 needs the right to bind it.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5353")]
    listen: SocketAddr,
    /// The domain; a port behind it is left out.
    #[arg(long, value_name = "NAME", default_value = "isolet.localhost")]
    domain: String,
    /// Pass other names on to this system's own name servers instead of refusing them.
    #[arg(long)]
    forward: bool,
}

/// Answers until SIGTERM or SIGINT.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let stop = stop()?;
    let server = Dns::bind(arguments.listen, &arguments.domain, arguments.forward).await?;
    println!("isolet dns ready on {}", server.address());
    std::io::stdout().flush()?;
    let shutdown = CancellationToken::new();
    let stopping = shutdown.clone();
    tokio::spawn(async move {
        stop.await;
        stopping.cancel();
    });
    server.serve(shutdown).await?;
    Ok(ExitCode::SUCCESS)
}
