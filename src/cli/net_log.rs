//! `isolet net-log SANDBOX`: what a running sandbox's programs tried to reach, from a running server.
//!
//! A client of the API over plain HTTP, as on this machine; for a server elsewhere, curl and `GET /sandboxes/ID/network/log`.

#![expect(clippy::disallowed_methods, reason = "a client of a server on this machine")]

use anyhow::{Context, bail};
use clap::Args;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpStream;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// How often a log that is followed is asked for.
const PAUSE: Duration = Duration::from_secs(1);

/// Whose log, and how.
#[derive(Args)]
pub struct Arguments {
    /// The sandbox's id.
    sandbox: String,
    /// Where the server is.
    #[arg(long, env = "E2B_API_URL", default_value = "http://127.0.0.1:8080")]
    api_url: String,
    /// A key of the sandbox's team.
    #[arg(long, env = "E2B_API_KEY", hide_env_values = true)]
    api_key: String,
    /// Go on as more happens, until the sandbox is gone.
    #[arg(long, short)]
    follow: bool,
    /// One JSON object a line, as the API has it.
    #[arg(long)]
    json: bool,
}

/// Prints it, oldest first.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut after = 0;
    loop {
        let answer = ask(&arguments, after).await?;
        let events = answer["events"].as_array().context("the server's answer has no events")?;
        let mut out = std::io::stdout().lock();
        for event in events {
            after = event["id"].as_u64().unwrap_or(after);
            if arguments.json {
                writeln!(out, "{event}")?;
            } else {
                writeln!(out, "{}", line(event))?;
            }
        }
        out.flush()?;
        drop(out);
        if !arguments.follow {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// `TIME pid/uid PROTOCOL name -> address:port out/in VERDICT (reason)`. Names are letters, digits, hyphens and dots: nothing
/// that a terminal could take for a command.
fn line(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
    let target = match (event["address"].as_str(), event["port"].as_u64()) {
        (Some(address), Some(port)) if address.contains(':') => format!("[{address}]:{port}"),
        (Some(address), Some(port)) => format!("{address}:{port}"),
        _ => text("question"),
    };
    let mut line = format!(
        "{} pid {} uid {} {} {} {target} out {} in {} {}",
        text("timestamp"),
        event["pid"],
        event["uid"],
        text("protocol"),
        text("name"),
        event["bytesOut"],
        event["bytesIn"],
        text("verdict"),
    );
    if let Some(reason) = event["reason"].as_str() {
        line.push_str(&format!(" ({reason})"));
    }
    if let Some(times) = event["times"].as_u64().filter(|times| *times > 1) {
        line.push_str(&format!(" {times} times"));
    }
    line
}

async fn ask(arguments: &Arguments, after: u64) -> anyhow::Result<Value> {
    let base: Uri = arguments.api_url.parse().context("--api-url is no URL")?;
    if base.scheme_str() != Some("http") {
        bail!("--api-url must begin with http://");
    }
    let authority = base.authority().context("--api-url names no host")?;
    let (host, port) = (authority.host(), authority.port_u16().unwrap_or(80));
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await;
    let stream = stream.with_context(|| format!("cannot reach {authority}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let id: String = form_urlencoded::byte_serialize(arguments.sandbox.as_bytes()).collect();
    let request = Request::get(format!("/sandboxes/{id}/network/log?after={after}"))
        .header("host", authority.as_str())
        .header("x-api-key", &arguments.api_key)
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("the server's answer broke off: {error}"))?;
    let answer: Value = serde_json::from_slice(&body.to_bytes()).context("no JSON came back")?;
    if !status.is_success() {
        bail!("{}", answer["message"].as_str().unwrap_or("the server refused"));
    }
    Ok(answer)
}
