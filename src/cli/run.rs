//! `isolet run`: one sandbox, its command, its URLs; no server.
//!
//! On a terminal the command gets a terminal of the sandbox, and ours goes raw, so that keys, ^C and window changes reach
//! it; otherwise its streams are ours.

#![expect(clippy::disallowed_methods, reason = "published ports are ports of this machine")]

use anyhow::Context;
use clap::Args;
use isolet::{Child, Command, Egress, Runtime, Sandbox, SandboxConfig, Stdio};
use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How long output is waited for once the command has ended, or we were asked to end.
const GRACE: Duration = Duration::from_millis(200);
/// What a pipe or a terminal of the sandbox holds at most (`fs.pipe-max-size`): so much may be read after the command's end.
const HELD_BYTES_MAX: usize = 1 << 20;

/// What `isolet run` was asked to do.
#[derive(Args)]
pub struct Arguments {
    /// No connection, datagram or name lookup leaves the sandbox.
    #[arg(long)]
    no_internet: bool,
    /// Let the command reach only this: an IP address, a CIDR block, a domain or `*.domain`. May be given more than once.
    #[arg(long, value_name = "ENTRY", conflicts_with = "no_internet")]
    allow: Vec<String>,
    /// Deny this IP address or CIDR block; what `--allow` names is reached all the same.
    #[arg(long, value_name = "ENTRY", conflicts_with = "no_internet")]
    deny: Vec<String>,
    /// A special-purpose range that may be reached all the same, such as 10.0.0.0/8.
    #[arg(long, value_name = "CIDR")]
    open_range: Vec<ipnet::IpNet>,
    /// Let this machine reach each port that the command listens on, at a loopback address that is printed.
    #[arg(long)]
    publish: bool,
    /// The image to start from.
    #[arg(long, default_value = "python")]
    image: String,
    /// A folder with a further image (image.toml and blobs), trusted as the built-in ones are.
    #[arg(long, value_name = "DIR")]
    image_dir: Vec<PathBuf>,
    /// The sandbox's user to run as.
    #[arg(long, default_value = "user")]
    user: String,
    /// Where compiled code is kept [default: ~/.local/share/isolet].
    #[arg(long, value_name = "DIR", env = "ISOLET_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

/// Runs the command; its exit code is ours, 128 + n if signal n ended it.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut config = super::config();
    if let Some(dir) = &arguments.data_dir {
        config.data_dir.clone_from(dir);
    }
    config.images.clone_from(&arguments.image_dir);
    config.open_ranges.clone_from(&arguments.open_range);
    let timeout = config.timeout_max;
    let runtime = Runtime::with_progress(config, super::progress()).await?;
    let wanted = SandboxConfig::new(&arguments.image, egress(&arguments)?).timeout(timeout);
    let sandbox = runtime.create(wanted).await?;
    if arguments.publish {
        tokio::spawn(publish(sandbox.clone()));
    }
    let code = run_in(&sandbox, &arguments).await;
    sandbox.kill().await;
    code.or_else(not_started)
}

/// What may leave: everything, but with `--allow` and no `--deny` nothing else than that.
fn egress(arguments: &Arguments) -> Result<Egress, isolet::Error> {
    let only = arguments.no_internet || (arguments.deny.is_empty() && !arguments.allow.is_empty());
    let mut egress = if only { Egress::deny_all() } else { Egress::internet() };
    for entry in &arguments.deny {
        egress = egress.deny(entry)?;
    }
    for entry in &arguments.allow {
        egress = egress.allow(entry)?;
    }
    Ok(egress)
}

/// The exit codes that shells give for what they cannot run: 127 for not found, 126 for found and not executable.
fn not_started(error: anyhow::Error) -> anyhow::Result<ExitCode> {
    let Some(isolet::Error::Program { errno, .. }) = error.downcast_ref() else {
        return Err(error);
    };
    let code = if *errno == rustix::io::Errno::NOENT { 127 } else { 126 };
    eprintln!("isolet: {error:#}");
    Ok(ExitCode::from(code))
}

async fn run_in(sandbox: &Sandbox, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let user = sandbox.user(&arguments.user);
    let user = user.with_context(|| format!("the sandbox has no user {}", arguments.user))?;
    let (program, args) = arguments.command.split_first().context("no command was given")?;
    let mut command = Command::new(program).args(args).user(&user.name);
    command = command.login_env(sandbox, &user).env("LANG", "C.UTF-8");
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let status = if terminal {
        on_terminal(sandbox, command).await?
    } else {
        on_pipes(sandbox, command).await?
    };
    let code = match (status.code, status.signal) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 1,
    };
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// Runs `command` with our streams as its own.
async fn on_pipes(sandbox: &Sandbox, command: Command) -> anyhow::Result<isolet::ExitStatus> {
    let command = command.stdin(Stdio::Piped).stdout(Stdio::Piped).stderr(Stdio::Piped);
    let child = Arc::new(sandbox.spawn(command)?);
    let mut stdin = child.take_stdin().context("standard input was asked for")?;
    tokio::spawn(async move {
        // Ends when ours ends or the program does not read any more.
        let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut stdin).await;
        let _ = stdin.shutdown().await;
    });
    let mut stdout = child.take_stdout().context("standard output was asked for")?;
    let mut stderr = child.take_stderr().context("standard error was asked for")?;
    let (end, ended) = watch::channel(false);
    let late = ended.clone();
    let out =
        tokio::spawn(async move { copy_out(&mut stdout, tokio::io::stdout(), ended, GRACE).await });
    let err =
        tokio::spawn(async move { copy_out(&mut stderr, tokio::io::stderr(), late, GRACE).await });
    let asked = forward_signals(&child)?;
    let status = child.wait().await;
    end.send_replace(true);
    let drained = async { (out.await, err.await) };
    // Whoever asked us to end may be one who does not read any more.
    tokio::select! {
        _ = drained => {}
        () = after(asked, GRACE) => {}
    }
    Ok(status)
}

/// Waits for the event and then for so long.
async fn after(mut event: watch::Receiver<bool>, grace: Duration) {
    if event.wait_for(|&came| came).await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(grace).await;
}

/// Copies and flushes after every read, so that output is seen when it is written. Once the command has `ended`, what it wrote is
/// copied however long that takes; what its own children still write is not waited for: like a shell, we end with the command.
async fn copy_out(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    mut to: impl tokio::io::AsyncWrite + Unpin,
    ended: watch::Receiver<bool>,
    grace: Duration,
) -> std::io::Result<()> {
    use tokio::io::AsyncReadExt;
    let mut buffer = vec![0; 64 << 10];
    let mut late = 0;
    let waited = after(ended.clone(), grace);
    tokio::pin!(waited);
    while late <= HELD_BYTES_MAX {
        // What is there comes before the end of waiting.
        let length = tokio::select! {
            biased;
            length = from.read(&mut buffer) => length?,
            () = &mut waited => return Ok(()),
        };
        if length == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..length]).await?;
        to.flush().await?;
        late += if *ended.borrow() { length } else { 0 };
    }
    Ok(())
}

/// Passes on the signals that ask a program to end; tells when one has come.
fn forward_signals(child: &Arc<Child>) -> anyhow::Result<watch::Receiver<bool>> {
    let (come, asked) = watch::channel(false);
    let come = Arc::new(come);
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind)?;
        let (child, come) = (child.clone(), come.clone());
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                // A child that has ended needs no signal.
                let _ = child.signal(kind.as_raw_value());
                come.send_replace(true);
            }
        });
    }
    Ok(asked)
}

/// Runs `command` on a terminal of the sandbox, bridged to ours.
async fn on_terminal(sandbox: &Sandbox, command: Command) -> anyhow::Result<isolet::ExitStatus> {
    let (cols, rows) = window_size()?;
    let term = std::env::var("TERM").unwrap_or_else(|_| "xterm-256color".into());
    let child = Arc::new(sandbox.spawn(command.env("TERM", term).pty(cols, rows))?);
    let mut keys = child.take_stdin().context("a terminal has an input side")?;
    let mut screen = child.take_stdout().context("a terminal has an output side")?;
    let raw = RawMode::enter()?;
    let (end, ended) = watch::channel(false);
    tokio::spawn(async move { tokio::io::copy(&mut tokio::io::stdin(), &mut keys).await });
    let shown =
        tokio::spawn(async move { copy_out(&mut screen, tokio::io::stdout(), ended, GRACE).await });
    let resized = signal(SignalKind::window_change())?;
    tokio::spawn(follow_window(resized, child.clone()));
    let status = child.wait().await;
    end.send_replace(true);
    // It has said what there is to say if it failed: nothing.
    let _ = shown.await;
    drop(raw);
    Ok(status)
}

async fn follow_window(mut resized: Signal, child: Arc<Child>) {
    while resized.recv().await.is_some() {
        if let Ok((cols, rows)) = window_size() {
            // A child that has ended needs no size.
            let _ = child.resize(cols, rows);
        }
    }
}

fn window_size() -> anyhow::Result<(u16, u16)> {
    let size =
        rustix::termios::tcgetwinsize(std::io::stdout()).context("read the window's size")?;
    // A terminal that does not know its size is told as 0 by 0.
    let known = |told: u16, usual: u16| if told == 0 { usual } else { told };
    Ok((known(size.ws_col, 80), known(size.ws_row, 24)))
}

/// Our terminal in raw mode until this is dropped.
struct RawMode(rustix::termios::Termios);

impl RawMode {
    fn enter() -> anyhow::Result<Self> {
        let before = rustix::termios::tcgetattr(std::io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, &raw)?;
        Ok(Self(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let now = rustix::termios::OptionalActions::Now;
        // Nothing is left to do if the terminal is gone.
        let _ = rustix::termios::tcsetattr(std::io::stdin(), now, &self.0);
    }
}

/// Opens a loopback port of this machine for each port that a program of the sandbox listens on: the same number
/// if it is free, else another one.
async fn publish(sandbox: Sandbox) {
    let mut published = HashSet::new();
    loop {
        let changed = sandbox.listeners_changed();
        for port in sandbox.listeners() {
            if !published.insert(port) {
                continue;
            }
            match listen(port).await {
                Ok(listener) => {
                    let address = listener
                        .local_addr()
                        .map_or_else(|_| port.to_string(), |at| at.to_string());
                    eprintln!("isolet: port {port} is at http://{address}");
                    tokio::spawn(forward(listener, sandbox.clone(), port));
                }
                Err(error) => eprintln!("isolet: port {port} cannot be published: {error}"),
            }
        }
        changed.await;
    }
}

async fn listen(port: u16) -> std::io::Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await,
    }
}

async fn forward(listener: TcpListener, sandbox: Sandbox, port: u16) {
    loop {
        match listener.accept().await {
            Ok((outside, _)) => {
                tokio::spawn(bridge(outside, sandbox.clone(), port));
            }
            Err(error) => {
                tracing::warn!(%error, port, "a published port stopped accepting");
                return;
            }
        }
    }
}

async fn bridge(mut outside: TcpStream, sandbox: Sandbox, port: u16) {
    match sandbox.connect(port).await {
        Ok(mut inside) => {
            // Either side may break off: that is the end of the connection, nothing more.
            let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
        }
        Err(error) => tracing::debug!(%error, port, "a connection to a published port was refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, duplex};

    /// The end has come, and nothing more is waited for.
    fn over() -> (watch::Receiver<bool>, Duration) {
        let (end, ended) = watch::channel(false);
        end.send_replace(true);
        (ended, Duration::ZERO)
    }

    #[tokio::test]
    async fn what_a_command_wrote_is_shown_however_slowly_it_is_read() {
        let content: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let (mut command, mut from) = duplex(content.len());
        command.write_all(&content).await.expect("there is room");
        let (to, mut reader) = duplex(100);
        let (ended, grace) = over();
        let copy = tokio::spawn(async move { copy_out(&mut from, to, ended, grace).await });
        let mut shown = Vec::new();
        reader.read_to_end(&mut shown).await.expect("a pipe in memory");
        copy.await.expect("it ends").expect("a pipe in memory");
        assert!(shown == content, "{} bytes of {}", shown.len(), content.len());
        drop(command);
    }

    #[tokio::test]
    async fn children_that_go_on_writing_are_not_waited_for() {
        let (mut child, mut from) = duplex(1000);
        let writes = async move { while child.write_all(&[b'y'; 1000]).await.is_ok() {} };
        let writes = tokio::spawn(writes);
        let (ended, grace) = over();
        copy_out(&mut from, tokio::io::sink(), ended, grace).await.expect("nothing fails");
        drop(from);
        writes.await.expect("its reader is gone");
    }
}
