//! The processes that were started over envd, and who listens to them.
//!
//! Output has one reader, [`run`], which hands each chunk to every listener and waits for the slowest: a client that does not
//! read stops the guest's writer, and nothing piles up. A listener that goes away is forgotten, and with none left output is
//! read and dropped, so a process whose client has gone runs on. How a process ended is kept for [`ENDED_KEPT`], for a
//! client that connects late. What is kept of a process, running or ended, is charged to the sandbox's memory.

use super::process::Shown;
use crate::api::logs::{Level, Logs};
use crate::process::Charge;
use crate::{Child, ExitStatus};
use bytes::Bytes;
use futures_util::future::join_all;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long the end of a process can still be asked for, as envd's.
const ENDED_KEPT: Duration = Duration::from_secs(30);

/// Ended processes that are kept, whatever their age.
const ENDED_MAX: usize = 1024;

/// Bytes of what ended processes were started with: one may have 2 MiB of arguments.
const ENDED_BYTES_MAX: usize = 8 << 20;

/// Bytes of one output event: pipes and terminals, as envd's.
const CHUNK_BYTES_MAX: usize = 32 << 10;
const TERMINAL_CHUNK_BYTES_MAX: usize = 16 << 10;

/// Events that wait for one listener; with the chunks above it bounds the memory that a slow client costs.
const EVENTS_MAX: usize = 4;

/// Listeners of one process.
const LISTENERS_MAX: usize = 64;

/// What is left in the pipes of a process that was told to end is read for this long; whoever inherited them may keep
/// them open for ever. envd cuts the output off at the signal.
const DRAIN_AFTER_KILL: Duration = Duration::from_millis(100);

/// SIGKILL and SIGTERM, Linux's numbers.
pub(crate) const SIGKILL: i32 = 9;
pub(crate) const SIGTERM: i32 = 15;

/// What a listener hears.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Stdout(Bytes),
    Stderr(Bytes),
    Terminal(Bytes),
    /// The last one.
    End(ExitStatus),
}

/// Why bytes could not be given to a process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("stdin is not enabled or is closed")]
    Closed,
    #[error("the process no longer reads: {0}")]
    Broken(std::io::Error),
}

/// What an ended process is charged for besides the text it was started with: its places in tables.
const ENDED_BYTES: usize = 1024;

/// The same of a running one, with the buffers of its two streams.
pub(crate) const PROCESS_BYTES: usize = ENDED_BYTES + 2 * CHUNK_BYTES_MAX;

/// A running or just ended process.
pub(crate) struct Process {
    /// How it was started, for List.
    pub(crate) shown: Shown,
    /// Its pid in the sandbox.
    pub(crate) pid: u32,
    /// Whether it has a terminal.
    pub(crate) terminal: bool,
    started: Instant,
    child: Child,
    input: tokio::sync::Mutex<Option<Box<dyn AsyncWrite + Send + Unpin>>>,
    listeners: Mutex<Listeners>,
    told_to_end: CancellationToken,
    charge: Charge,
}

#[derive(Default)]
struct Listeners {
    senders: Vec<mpsc::Sender<Event>>,
    end: Option<ExitStatus>,
}

impl Process {
    /// Hears everything from now on; of an ended process, its end. `None` if too many listen already.
    pub(crate) fn listen(&self) -> Option<mpsc::Receiver<Event>> {
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        let mut listeners = self.listeners.lock();
        listeners.senders.retain(|sender| !sender.is_closed());
        if let Some(end) = listeners.end {
            sender.try_send(Event::End(end)).expect("a new channel has room");
        } else if listeners.senders.len() >= LISTENERS_MAX {
            return None;
        } else {
            listeners.senders.push(sender);
        }
        Some(receiver)
    }

    /// Writes all of `bytes` to its stdin or terminal, waiting while it does not read.
    ///
    /// # Errors
    ///
    /// [`InputError`].
    ///
    /// # Cancel safety
    ///
    /// Dropped before completion, some of the bytes have been written.
    pub(crate) async fn write(&self, bytes: &[u8]) -> Result<(), InputError> {
        let mut input = self.input.lock().await;
        let open = input.as_mut().ok_or(InputError::Closed)?;
        let written = async {
            open.write_all(bytes).await?;
            open.flush().await
        };
        tokio::select! {
            written = written => written.map_err(InputError::Broken),
            _ = self.child.wait() => Err(InputError::Closed),
        }
    }

    /// Closes its stdin, after what is being written.
    pub(crate) async fn close_input(&self) -> Result<(), InputError> {
        self.input.lock().await.take().map(drop).ok_or(InputError::Closed)
    }

    /// Completes when it has ended.
    pub(crate) async fn ended(&self) {
        self.child.wait().await;
    }

    /// Completes when it has ended, was told to, or is older than `age`.
    pub(crate) async fn past(&self, age: Duration) {
        tokio::select! {
            _ = self.child.wait() => {}
            () = self.told_to_end.cancelled() => {}
            () = tokio::time::sleep_until(self.started + age) => {}
        }
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// As [`Child::signal`].
    pub(crate) fn signal(&self, signal: i32) -> Result<(), crate::Error> {
        if signal == SIGKILL || signal == SIGTERM {
            self.told_to_end.cancel();
        }
        self.child.signal(signal)
    }

    /// Changes the size of its terminal.
    ///
    /// # Errors
    ///
    /// As [`Child::resize`].
    pub(crate) fn resize(&self, columns: u16, rows: u16) -> Result<(), crate::Error> {
        self.child.resize(columns, rows)
    }

    async fn publish(&self, event: Event) {
        let senders = self.listeners.lock().senders.clone();
        let mut lost = false;
        for sender in senders {
            lost |= sender.send(event.clone()).await.is_err();
        }
        if lost {
            self.listeners.lock().senders.retain(|sender| !sender.is_closed());
        }
    }
}

/// The processes of one sandbox.
#[derive(Clone)]
pub(crate) struct Registry {
    table: Arc<Mutex<Table>>,
    logs: Logs,
}

#[derive(Default)]
struct Table {
    running: HashMap<u32, Arc<Process>>,
    ended: VecDeque<(Instant, Arc<Process>)>,
    /// Bytes of what those were started with.
    ended_bytes: usize,
}

impl Table {
    fn forget_old(&mut self) {
        while self.ended.len() > ENDED_MAX
            || self.ended_bytes > ENDED_BYTES_MAX
            || self.ended.front().is_some_and(|(at, _)| at.elapsed() >= ENDED_KEPT)
        {
            if let Some((_, process)) = self.ended.pop_front() {
                self.ended_bytes -= process.shown.bytes();
            }
        }
    }
}

impl Registry {
    /// No processes yet; starts and ends go to `logs`.
    pub(crate) fn new(logs: Logs) -> Self {
        Self { table: Arc::default(), logs }
    }

    /// Takes charge of a child that was just started, killing it at `deadline`; the receiver hears all of it. `charge` is for
    /// `shown` and [`PROCESS_BYTES`].
    pub(crate) fn start(
        &self,
        child: Child,
        shown: Shown,
        terminal: bool,
        deadline: Option<Instant>,
        charge: Charge,
    ) -> (Arc<Process>, mpsc::Receiver<Event>) {
        let (stdout, stderr) = (child.take_stdout(), child.take_stderr());
        let input =
            child.take_stdin().map(|input| Box::new(input) as Box<dyn AsyncWrite + Send + Unpin>);
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        let process = Arc::new(Process {
            shown,
            pid: child.pid(),
            terminal,
            started: Instant::now(),
            child,
            input: tokio::sync::Mutex::new(input),
            listeners: Mutex::new(Listeners { senders: vec![sender], end: None }),
            told_to_end: CancellationToken::new(),
            charge,
        });
        self.table.lock().running.insert(process.pid, process.clone());
        let (pid, (cmd, args)) = (process.pid.to_string(), process.shown.command());
        let fields = [("pid", pid.as_str()), ("cmd", cmd), ("args", &args)];
        self.logs.add(Level::Info, "envd", "process started", &fields);
        let (registry, running) = (self.clone(), process.clone());
        let table = Arc::downgrade(&self.table);
        tokio::spawn(async move {
            run(registry, running, stdout, stderr, deadline).await;
            tokio::time::sleep(ENDED_KEPT).await;
            if let Some(table) = table.upgrade() {
                table.lock().forget_old();
            }
        });
        (process, receiver)
    }

    /// The running processes, by pid.
    pub(crate) fn running(&self) -> Vec<Arc<Process>> {
        let mut all: Vec<_> = self.table.lock().running.values().cloned().collect();
        all.sort_by_key(|process| process.pid);
        all
    }

    /// The running process that `chosen` picks.
    pub(crate) fn find(&self, chosen: impl Fn(&Process) -> bool) -> Option<Arc<Process>> {
        self.running().into_iter().find(|process| chosen(process))
    }

    /// The youngest process, while it runs and is younger than `age`.
    pub(crate) fn just_started(&self, age: Duration) -> Option<Arc<Process>> {
        let running = self.running();
        let youngest = running.into_iter().max_by_key(|process| process.started)?;
        let young = youngest.started.elapsed() < age && !youngest.told_to_end.is_cancelled();
        young.then_some(youngest)
    }

    /// The running process that `chosen` picks, else the one of that kind that ended last.
    pub(crate) fn find_late(&self, chosen: impl Fn(&Process) -> bool) -> Option<Arc<Process>> {
        if let Some(process) = self.find(&chosen) {
            return Some(process);
        }
        let mut table = self.table.lock();
        table.forget_old();
        table
            .ended
            .iter()
            .rev()
            .map(|(_, process)| process)
            .find(|process| chosen(process))
            .cloned()
    }

    fn ended(&self, process: &Arc<Process>) {
        let mut table = self.table.lock();
        // The pid may be somebody else's by now.
        if table.running.get(&process.pid).is_some_and(|other| Arc::ptr_eq(other, process)) {
            table.running.remove(&process.pid);
        }
        table.ended_bytes += process.shown.bytes();
        // Its streams have ended.
        process.charge.lower_to((ENDED_BYTES + process.shown.bytes()) as u64);
        table.ended.push_back((Instant::now(), process.clone()));
        table.forget_old();
    }
}

/// Reads a process's output to its end, then tells how it ended.
async fn run<R: AsyncRead + Unpin, S: AsyncRead + Unpin>(
    registry: Registry,
    process: Arc<Process>,
    stdout: Option<R>,
    stderr: Option<S>,
    deadline: Option<Instant>,
) {
    let ended = async {
        let output =
            async { tokio::join!(pump(stdout, &process, true), pump(stderr, &process, false)) };
        tokio::pin!(output);
        let killed = async {
            process.told_to_end.cancelled().await;
            process.child.wait().await
        };
        tokio::select! {
            _ = &mut output => {}
            _ = killed => { let _ = tokio::time::timeout(DRAIN_AFTER_KILL, output).await; }
        }
        process.child.wait().await
    };
    tokio::pin!(ended);
    let status = match deadline {
        None => ended.await,
        Some(deadline) => tokio::select! {
            status = &mut ended => status,
            () = tokio::time::sleep_until(deadline) => {
                if let Err(error) = process.signal(SIGKILL) {
                    tracing::debug!(pid = process.pid, %error, "a process at its deadline could not be killed");
                }
                ended.await
            }
        },
    };
    process.input.lock().await.take();
    registry.ended(&process);
    let told = super::process::ending(status);
    let fields = [("pid", &*process.pid.to_string()), ("status", &told)];
    registry.logs.add(Level::Info, "envd", "process ended", &fields);
    let senders = {
        let mut listeners = process.listeners.lock();
        listeners.end = Some(status);
        std::mem::take(&mut listeners.senders)
    };
    join_all(senders.iter().map(|sender| sender.send(Event::End(status)))).await;
}

/// Hands one output stream to the listeners until it ends.
async fn pump(stream: Option<impl AsyncRead + Unpin>, process: &Process, stdout: bool) {
    let Some(mut stream) = stream else { return };
    let length = if process.terminal { TERMINAL_CHUNK_BYTES_MAX } else { CHUNK_BYTES_MAX };
    let mut buffer = vec![0; length];
    loop {
        // An error is a terminal whose last process has gone (EIO), or a killed sandbox: both are the end.
        let Ok(count @ 1..) = stream.read(&mut buffer).await else { return };
        let chunk = Bytes::copy_from_slice(&buffer[..count]);
        let event = match (process.terminal, stdout) {
            (true, _) => Event::Terminal(chunk),
            (false, true) => Event::Stdout(chunk),
            (false, false) => Event::Stderr(chunk),
        };
        process.publish(event).await;
    }
}
