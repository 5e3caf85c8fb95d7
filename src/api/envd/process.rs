//! The service `process.Process`: start programs, hear and feed them, end them. Messages are those of E2B's process.proto in
//! proto3 JSON; what a process is and who listens to it is in `registry`.

use super::connect::{self, Code, Messages, RpcError, Wire};
use super::registry::{Event, InputError, PROCESS_BYTES, Process, SIGKILL, SIGTERM};
use super::{Call, path};
use crate::{Command, Error, ExitStatus, Stdio, User};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustix::io::Errno;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Silence after which a stream says that it is alive, unless the client asks otherwise; envd's.
const KEEPALIVE: Duration = Duration::from_secs(90);

/// Where programs are looked for when nobody says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A killed process is gone within this time; the answer to the kill waits for it, no longer.
const KILL_WAIT: Duration = Duration::from_secs(10);

/// The longest tag.
const TAG_BYTES_MAX: usize = 1024;

/// How a process was started: `ProcessConfig` and the tag.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    cmd: String,
    args: Vec<String>,
    envs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<String>,
}

/// What List shows of a process.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    config: Config,
    tag: Option<String>,
}

impl Shown {
    /// The program and its arguments, as one line. They may tell secrets, to nobody but who may see the sandbox.
    pub(crate) fn command(&self) -> (&str, String) {
        (&self.config.cmd, self.config.args.join(" "))
    }

    /// Memory that its texts take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let Config { cmd, args, envs, cwd } = &self.config;
        let envs: usize = envs
            .iter()
            .map(|(name, value)| name.len() + value.len() + 2 * size_of::<String>())
            .sum();
        let args: usize = args.iter().map(|arg| arg.len() + size_of::<String>()).sum();
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        cmd.len() + args + envs + optional(cwd) + optional(&self.tag)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Start {
    process: Config,
    pty: Option<Pty>,
    tag: Option<String>,
    stdin: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pty {
    size: Size,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Size {
    cols: u32,
    rows: u32,
}

impl Size {
    fn checked(&self) -> Result<(u16, u16), RpcError> {
        // Zero is a terminal that does not know, as on Linux; the CLI sends it from such a one.
        let fits = |count: u32| u16::try_from(count).ok();
        fits(self.cols)
            .zip(fits(self.rows))
            .ok_or_else(|| RpcError::invalid("pty.size: cols and rows must be 0 to 65535"))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Selector {
    pid: Option<u32>,
    tag: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Select {
    process: Selector,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    process: Selector,
    pty: Option<Pty>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendInput {
    process: Selector,
    input: Input,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendSignal {
    process: Selector,
    #[serde(default)]
    signal: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Input {
    #[serde(deserialize_with = "bytes")]
    stdin: Option<Vec<u8>>,
    #[serde(deserialize_with = "bytes")]
    pty: Option<Vec<u8>>,
}

/// One message of `StreamInput`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StreamInput {
    start: Option<Select>,
    data: Option<StreamData>,
    keepalive: Option<Empty>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamData {
    input: Input,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

/// Base64 as proto3 JSON reads it: either alphabet, with or without padding.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let text = text.replace('-', "+").replace('_', "/");
    LENIENT.decode(text).map(Some).map_err(serde::de::Error::custom)
}

/// `Start`: runs a program; the stream is its life. It ends with the deadline, which kills the program; a client that just
/// goes away leaves it running.
pub(crate) async fn start(call: &Call, wire: Wire, request: Request) -> Response {
    match start_checked(call, wire, request).await {
        Ok(body) => wire.stream(body),
        Err(error) => wire.stream_error(&error),
    }
}

async fn start_checked(call: &Call, wire: Wire, request: Request) -> Result<Body, RpcError> {
    let (parts, body) = request.into_parts();
    let user = call.user(&parts.headers)?;
    let keepalive = keepalive(&parts.headers)?;
    let deadline = deadline(&parts.headers)?;
    let start: Start = Messages::new(wire, body).only().await?;
    let (command, cwd) = command(call, &user, &start)?;
    let shown = Shown { config: start.process, tag: start.tag };
    let sandbox = &call.machine.sandbox;
    let charge = sandbox.charge(PROCESS_BYTES + shown.bytes()).ok_or_else(|| {
        RpcError::new(Code::ResourceExhausted, "the sandbox has no memory left for a process")
    })?;
    let child = sandbox.spawn(command).map_err(|error| not_started(&error, &cwd))?;
    let terminal = start.pty.is_some();
    let (process, events) = call.machine.processes.start(child, shown, terminal, deadline, charge);
    Ok(Feed { call: call.clone(), wire, process, events, keepalive, deadline, state: State::Start }
        .into_body())
}

/// The command that a Start asks for, and its working directory.
fn command(call: &Call, user: &User, start: &Start) -> Result<(Command, String), RpcError> {
    let Config { cmd, args, envs, cwd } = &start.process;
    if cmd.is_empty() {
        return Err(RpcError::invalid("process.cmd: must not be empty"));
    }
    if cmd.contains('\0') || args.iter().any(|arg| arg.contains('\0')) {
        return Err(RpcError::invalid("process.cmd, process.args: must not contain NUL"));
    }
    if start.tag.as_ref().is_some_and(|tag| tag.len() > TAG_BYTES_MAX) {
        return Err(RpcError::invalid(format!("tag: longer than {TAG_BYTES_MAX} bytes")));
    }
    for (name, value) in envs {
        crate::api::sandboxes::check_env(name, value)
            .map_err(|problem| RpcError::invalid(format!("process.envs: {problem}")))?;
    }
    let cwd =
        path::resolve(cwd.as_deref().unwrap_or_default(), &user.home).map_err(RpcError::invalid)?;
    let mut command = Command::new(cmd).args(args).cwd(&cwd).user(&user.name);
    for (name, value) in environment(call, user, envs) {
        command = command.env(name, value);
    }
    command = match &start.pty {
        Some(pty) => {
            let (columns, rows) = pty.size.checked()?;
            command.pty(columns, rows)
        }
        None => {
            let stdin = if start.stdin.unwrap_or(true) { Stdio::Piped } else { Stdio::Null };
            command.stdin(stdin).stdout(Stdio::Piped).stderr(Stdio::Piped)
        }
    };
    Ok((command, cwd))
}

/// A program's environment: the user's, the sandbox's over it, the request's over both.
fn environment(
    call: &Call,
    user: &User,
    envs: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = [
        ("PATH", PATH),
        ("HOME", user.home.as_str()),
        ("USER", user.name.as_str()),
        ("LOGNAME", user.name.as_str()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    all.extend(call.sandbox_environment());
    all.extend(envs.clone());
    all
}

fn not_started(error: &Error, cwd: &str) -> RpcError {
    match error {
        Error::File { path, errno } if path == cwd => RpcError::invalid(match *errno {
            Errno::NOENT => format!("cwd '{cwd}' does not exist"),
            Errno::NOTDIR => format!("cwd '{cwd}' is not a directory"),
            errno => format!("cwd '{cwd}' cannot be entered: {errno}"),
        }),
        Error::File { .. } | Error::Program { .. } | Error::Invalid { .. } => {
            RpcError::invalid(error.to_string())
        }
        Error::HostFull(_) => RpcError::new(Code::ResourceExhausted, error.to_string()),
        Error::SandboxNotFound(_) => RpcError::new(Code::Unavailable, super::GONE),
        Error::ImageNotFound(_) | Error::Image { .. } | Error::Host { .. } | Error::Engine(_) => {
            tracing::error!(%error, "a program could not be started");
            RpcError::new(Code::Internal, "internal error; the server's log has it")
        }
    }
}

/// `Connect`: hears a process that runs or has just ended.
pub(crate) async fn connect(call: &Call, wire: Wire, request: Request) -> Response {
    match connect_checked(call, wire, request).await {
        Ok(body) => wire.stream(body),
        Err(error) => wire.stream_error(&error),
    }
}

async fn connect_checked(call: &Call, wire: Wire, request: Request) -> Result<Body, RpcError> {
    let (parts, body) = request.into_parts();
    call.user(&parts.headers)?;
    let (keepalive, deadline) = (keepalive(&parts.headers)?, deadline(&parts.headers)?);
    let Select { process: selector } = Messages::new(wire, body).only().await?;
    let chosen = selector.chosen()?;
    let process = call.machine.processes.find_late(chosen).ok_or_else(|| selector.not_found())?;
    let events = process.listen().ok_or_else(|| {
        RpcError::new(Code::ResourceExhausted, "too many clients listen to this process")
    })?;
    Ok(Feed { call: call.clone(), wire, process, events, keepalive, deadline, state: State::Start }
        .into_body())
}

/// A unary RPC of the service.
///
/// # Errors
///
/// As each of them.
pub(crate) async fn unary(
    call: &Call,
    wire: Wire,
    method: &str,
    request: Request,
) -> Result<Value, RpcError> {
    let (parts, body) = request.into_parts();
    let work = async {
        call.user(&parts.headers)?;
        match method {
            "List" => wire.read_message::<Empty>(body).await.map(|_| list(call)),
            "SendInput" => send_input(call, wire.read_message(body).await?).await,
            "CloseStdin" => close_stdin(call, wire.read_message(body).await?).await,
            "SendSignal" => send_signal(call, wire.read_message(body).await?).await,
            _ => update(call, wire.read_message(body).await?),
        }
    };
    within(&parts.headers, work).await
}

/// Does `work` within the request's deadline.
pub(crate) async fn within<T>(
    headers: &HeaderMap,
    work: impl Future<Output = Result<T, RpcError>>,
) -> Result<T, RpcError> {
    match deadline(headers)? {
        None => work.await,
        Some(deadline) => {
            tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| Err(too_late()))
        }
    }
}

pub(super) fn too_late() -> RpcError {
    RpcError::new(Code::DeadlineExceeded, "the request's time is over")
}

fn list(call: &Call) -> Value {
    let processes = call.machine.processes.running();
    let shown = processes.iter().map(|process| {
        let mut one = json!({ "config": process.shown.config, "pid": process.pid });
        if let Some(tag) = &process.shown.tag {
            one["tag"] = json!(tag);
        }
        one
    });
    json!({ "processes": shown.collect::<Vec<_>>() })
}

async fn send_input(call: &Call, request: SendInput) -> Result<Value, RpcError> {
    let process = find(call, &request.process)?;
    write(&process, &request.input).await?;
    Ok(json!({}))
}

async fn write(process: &Process, input: &Input) -> Result<(), RpcError> {
    let bytes = match (&input.stdin, &input.pty, process.terminal) {
        (Some(bytes), None, false) | (None, Some(bytes), true) => bytes,
        (Some(_), None, true) => {
            return Err(precondition("input.stdin: the process has a terminal; use input.pty"));
        }
        (None, Some(_), false) => {
            return Err(precondition("input.pty: the process has no terminal; use input.stdin"));
        }
        _ => return Err(RpcError::invalid("input: one of stdin and pty")),
    };
    process.write(bytes).await.map_err(|error| input_error(&error))
}

fn input_error(error: &InputError) -> RpcError {
    precondition(&error.to_string())
}

fn precondition(message: &str) -> RpcError {
    RpcError::new(Code::FailedPrecondition, message)
}

async fn close_stdin(call: &Call, request: Select) -> Result<Value, RpcError> {
    let process = find(call, &request.process)?;
    if process.terminal {
        return Err(precondition("the process has a terminal: send ^D (byte 4) instead"));
    }
    process.close_input().await.map_err(|error| input_error(&error))?;
    Ok(json!({}))
}

async fn send_signal(call: &Call, request: SendSignal) -> Result<Value, RpcError> {
    let signal = match request.signal.as_str() {
        "SIGNAL_SIGKILL" => SIGKILL,
        "SIGNAL_SIGTERM" => SIGTERM,
        _ => return Err(RpcError::invalid("signal: must be SIGNAL_SIGKILL or SIGNAL_SIGTERM")),
    };
    let process = find(call, &request.process)?;
    match process.signal(signal) {
        Ok(()) => {}
        // Ended, though whoever inherited its output may still write.
        Err(Error::Program { errno: Errno::SRCH, .. }) => return Err(request.process.not_found()),
        Err(error) => return Err(not_started(&error, "")),
    }
    if signal == SIGKILL {
        // Who is told that it is killed finds its ports closed.
        let _ = tokio::time::timeout(KILL_WAIT, process.ended()).await;
    }
    Ok(json!({}))
}

fn update(call: &Call, request: Update) -> Result<Value, RpcError> {
    let process = find(call, &request.process)?;
    if let Some(pty) = request.pty {
        let (columns, rows) = pty.size.checked()?;
        if !process.terminal {
            return Err(precondition("pty: the process has no terminal"));
        }
        process.resize(columns, rows).map_err(|error| not_started(&error, ""))?;
    }
    Ok(json!({}))
}

/// `StreamInput`: input in many messages, one answer at the end.
pub(crate) async fn stream_input(call: &Call, wire: Wire, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let work = async {
        call.user(&parts.headers)?;
        let mut messages = Messages::new(wire, body);
        let mut process: Option<Arc<Process>> = None;
        while let Some(message) = messages.next::<StreamInput>().await? {
            match (message, &process) {
                (StreamInput { start: Some(start), data: None, keepalive: None }, None) => {
                    process = Some(find(call, &start.process)?);
                }
                (StreamInput { start: None, data: Some(data), keepalive: None }, Some(process)) => {
                    write(process, &data.input).await?;
                }
                (StreamInput { start: None, data: None, keepalive: Some(_) }, Some(_)) => {}
                _ => {
                    return Err(RpcError::invalid(
                        "one start, then data and keepalive, one in each message",
                    ));
                }
            }
        }
        Ok(())
    };
    match within(&parts.headers, work).await {
        Ok(()) => {
            let body = [wire.frame(&json!({})), connect::end_frame(&Ok(()))].concat();
            wire.stream(Body::from(body))
        }
        Err(error) => wire.stream_error(&error),
    }
}

impl Selector {
    /// Whether a process is meant.
    fn chosen(&self) -> Result<impl Fn(&Process) -> bool + '_, RpcError> {
        if self.pid.is_some() == self.tag.is_some() {
            return Err(RpcError::invalid("process: one of pid and tag"));
        }
        Ok(|process: &Process| match self.pid {
            Some(pid) => process.pid == pid,
            None => process.shown.tag == self.tag,
        })
    }

    fn not_found(&self) -> RpcError {
        let which = match (&self.pid, &self.tag) {
            (Some(pid), _) => format!("pid {pid}"),
            (None, tag) => format!("tag {:?}", tag.as_deref().unwrap_or_default()),
        };
        RpcError::new(Code::NotFound, format!("process with {which} not found"))
    }
}

fn find(call: &Call, selector: &Selector) -> Result<Arc<Process>, RpcError> {
    call.machine.processes.find(selector.chosen()?).ok_or_else(|| selector.not_found())
}

pub(super) fn deadline(headers: &HeaderMap) -> Result<Option<Instant>, RpcError> {
    Ok(connect::timeout(headers)?.map(|timeout| Instant::now() + timeout))
}

pub(super) fn keepalive(headers: &HeaderMap) -> Result<Duration, RpcError> {
    let Some(value) = headers.get("keepalive-ping-interval") else { return Ok(KEEPALIVE) };
    let seconds = value.to_str().ok().and_then(|text| text.parse().ok());
    match seconds.filter(|seconds| (1..=86_400).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err(RpcError::invalid("keepalive-ping-interval: must be 1 to 86400 seconds")),
    }
}

/// The stream of one process to one client.
struct Feed {
    call: Call,
    wire: Wire,
    process: Arc<Process>,
    events: mpsc::Receiver<Event>,
    keepalive: Duration,
    deadline: Option<Instant>,
    state: State,
}

enum State {
    Start,
    Running,
    End(Result<(), RpcError>),
    Done,
}

impl Feed {
    fn into_body(self) -> Body {
        Body::from_stream(futures_util::stream::unfold(self, |mut feed| async move {
            feed.next().await.map(|frame| (Ok::<_, Infallible>(frame), feed))
        }))
    }

    /// The next frame.
    async fn next(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.state, State::Running) {
            State::Start => Some(self.event(&json!({ "start": { "pid": self.process.pid } }))),
            State::Running => Some(self.running().await),
            State::End(end) => {
                self.state = State::Done;
                Some(connect::end_frame(&end))
            }
            State::Done => None,
        }
    }

    async fn running(&mut self) -> Bytes {
        let deadline = self.deadline;
        let late = async move {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.call.machine.gone.cancelled() => self.end(Err(gone())),
            () = late => self.end(Err(too_late())),
            next = self.events.recv() => match next {
                // A sandbox that ends takes its processes along: say so rather than "killed".
                Some(Event::End(_)) if self.call.is_gone() => self.end(Err(gone())),
                Some(Event::End(status)) => {
                    self.state = State::End(Ok(()));
                    self.event(&json!({ "end": end_event(status) }))
                }
                Some(Event::Stdout(bytes)) => self.event(&json!({ "data": { "stdout": STANDARD.encode(bytes) } })),
                Some(Event::Stderr(bytes)) => self.event(&json!({ "data": { "stderr": STANDARD.encode(bytes) } })),
                Some(Event::Terminal(bytes)) => self.event(&json!({ "data": { "pty": STANDARD.encode(bytes) } })),
                None => self.end(Err(gone())),
            },
            () = tokio::time::sleep(self.keepalive) => self.event(&json!({ "keepalive": {} })),
        }
    }

    fn event(&self, event: &Value) -> Bytes {
        self.wire.frame(&json!({ "event": event }))
    }

    fn end(&mut self, end: Result<(), RpcError>) -> Bytes {
        self.state = State::Done;
        connect::end_frame(&end)
    }
}

pub(super) fn gone() -> RpcError {
    RpcError::new(Code::Unavailable, super::GONE)
}

/// How a process ended, in the words of Go's `os.ProcessState`.
pub(super) fn ending(status: ExitStatus) -> String {
    match (status.code, status.signal) {
        (Some(code), _) => format!("exit status {code}"),
        (None, signal) => format!("signal: {}", signal_name(signal.unwrap_or_default())),
    }
}

/// `EndEvent`.
fn end_event(status: ExitStatus) -> Value {
    let text = ending(status);
    match status.code {
        Some(0) => json!({ "exitCode": 0, "exited": true, "status": text }),
        Some(code) => json!({ "exitCode": code, "exited": true, "status": text, "error": text }),
        None => json!({ "exitCode": -1, "exited": false, "status": text, "error": text }),
    }
}

/// Go's names of Linux's signals.
fn signal_name(signal: i32) -> String {
    const NAMES: [&str; 15] = [
        "hangup",
        "interrupt",
        "quit",
        "illegal instruction",
        "trace/breakpoint trap",
        "aborted",
        "bus error",
        "floating point exception",
        "killed",
        "user defined signal 1",
        "segmentation fault",
        "user defined signal 2",
        "broken pipe",
        "alarm clock",
        "terminated",
    ];
    let index = usize::try_from(signal).ok().and_then(|signal| signal.checked_sub(1));
    index
        .and_then(|index| NAMES.get(index))
        .map_or_else(|| format!("signal {signal}"), |name| (*name).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_in_gos_words() {
        let exit = |code, signal| end_event(ExitStatus { code, signal });
        assert_eq!(
            exit(Some(0), None),
            json!({"exitCode": 0, "exited": true, "status": "exit status 0"})
        );
        let seven = json!({"exitCode": 7, "exited": true, "status": "exit status 7", "error": "exit status 7"});
        assert_eq!(exit(Some(7), None), seven);
        let killed = exit(None, Some(9));
        assert_eq!((&killed["exitCode"], &killed["error"]), (&json!(-1), &json!("signal: killed")));
        assert_eq!(signal_name(15), "terminated");
        assert_eq!(signal_name(64), "signal 64");
        assert_eq!(signal_name(0), "signal 0");
    }

    #[test]
    fn input_is_base64_of_either_alphabet() {
        for text in ["-_8", "+/8=", "+/8"] {
            let input: Input = serde_json::from_value(json!({ "stdin": text })).unwrap();
            assert_eq!(input.stdin.as_deref(), Some(&[0xfb, 0xff][..]), "{text}");
        }
        assert!(serde_json::from_value::<Input>(json!({ "stdin": "!" })).is_err());
        assert!(serde_json::from_value::<Input>(json!({ "other": "" })).is_err());
        let none: Input = serde_json::from_value(json!({ "stdin": null })).unwrap();
        assert!(none.stdin.is_none() && none.pty.is_none());
    }

    #[test]
    fn terminal_sizes_are_bounded() {
        assert_eq!(Size { cols: 80, rows: 24 }.checked(), Ok((80, 24)));
        assert_eq!(Size { cols: 65_535, rows: 65_535 }.checked(), Ok((65_535, 65_535)));
        assert_eq!(Size { cols: 0, rows: 0 }.checked(), Ok((0, 0)));
        for (cols, rows) in [(65_536, 1), (1, u32::MAX)] {
            assert!(Size { cols, rows }.checked().is_err());
        }
    }

    #[test]
    fn a_selector_is_a_pid_or_a_tag() {
        assert!(Selector { pid: Some(1), tag: None }.chosen().is_ok());
        assert!(Selector::default().chosen().is_err());
        assert!(Selector { pid: Some(1), tag: Some("a".into()) }.chosen().is_err());
    }
}
