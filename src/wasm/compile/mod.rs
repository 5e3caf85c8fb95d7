//! Users' own WebAssembly is compiled in a process of its own, whose time, memory and output are bounded.
//!
//! ```text
//! wasm -> sealed-off file in memory = stdin  -> isolet compile-wasm -> stdout = file in memory -> checked here
//! ```
//!
//! The process gets no environment, no arguments of a guest's and no descriptor but these; it ends with whoever waits for it, and with this
//! host process. It is a process of this program, so what it answers is believed when it comes from the same version with the
//! same settings; it is bounded all the same, and confined to computing (`confine`). Its answer is trusted: Cranelift is, as the engine is.
//! Who compiles when is in `places`.
#![expect(clippy::disallowed_methods, reason = "starts the compiler, which no guest chooses")]

mod child;
mod confine;
mod places;

pub use child::compile_standard_input;

use crate::config::CompileLimits;
use parking_lot::Mutex;
use places::{Next, Places, Turn};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal, setpriority_pgrp};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Instant;

/// What an answer begins with; then its kind, the engine's settings (16 hexadecimal digits), and the rest.
const MAGIC: &[u8; 12] = b"isolet-code1";
const HEAD: usize = MAGIC.len() + 1 + SETTINGS_BYTES;
const SETTINGS_BYTES: usize = 16;
/// The priority of who goes on behind the others.
const LOWEST: i32 = 19;
/// Bytes of a reason.
const REASON_BYTES_MAX: usize = 4 << 10;

/// What a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A core module.
    Module,
    /// A component.
    Component,
}

impl Kind {
    pub(super) fn letter(self) -> u8 {
        match self {
            Self::Module => b'm',
            Self::Component => b'c',
        }
    }

    pub(super) fn from_letter(letter: u8) -> Option<Self> {
        [Self::Module, Self::Component].into_iter().find(|kind| kind.letter() == letter)
    }
}

/// Compiled code.
#[derive(Debug)]
pub(super) struct Artifact {
    pub(super) kind: Kind,
    pub(super) code: Vec<u8>,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The program is at fault, and will be the next time.
    Refused(String),
    /// This host is; another try may do.
    Failed(String),
}

/// Starts compilations.
pub(super) struct Compiler {
    program: Option<PathBuf>,
    limits: CompileLimits,
    places: Places,
}

impl Compiler {
    pub(super) fn new(program: Option<PathBuf>, limits: CompileLimits) -> Self {
        let places = Places::new(limits.at_a_time, limits.behind, limits.slice);
        Self { program, limits, places }
    }

    pub(super) fn limits(&self) -> &CompileLimits {
        &self.limits
    }

    /// Waits until `owner` may compile something.
    ///
    /// # Errors
    ///
    /// [`Failure::Failed`] if there is no compiler.
    pub(super) async fn turn(&self, owner: &Arc<str>) -> Result<Turn, Failure> {
        if self.program.is_none() {
            let why = "this host has no compiler for programs of its users (Config::compiler)";
            return Err(Failure::Failed(why.into()));
        }
        let turn = self.places.turn(owner).await;
        turn.map_err(|_closed| Failure::Failed("it is shutting down".into()))
    }

    /// Compiles `wasm` for an engine with these settings.
    ///
    /// # Errors
    ///
    /// Why not, in words for whoever wants to run it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the process is killed.
    pub(super) async fn compile(
        &self,
        turn: Turn,
        wasm: &[u8],
        settings: &str,
    ) -> Result<Artifact, Failure> {
        let failed = |error: std::io::Error| Failure::Failed(format!("cannot compile: {error}"));
        let input = memory_file("isolet-wasm").map_err(failed)?;
        input.write_all_at(wasm, 0).map_err(failed)?;
        let output = memory_file("isolet-code").map_err(failed)?;
        let command = self.command(&input, &output).map_err(failed)?;
        let stop = Stop::default();
        let running = stop.0.clone();
        let (limits, settings) = (self.limits.clone(), settings.to_owned());
        let whole = tokio::task::spawn_blocking(move || {
            let mut turn = turn;
            let ended = run(command, &running, &limits, &mut turn).map_err(failed)?;
            let Some(status) = ended else {
                return Err(Failure::Failed(format!(
                    "compiling it takes more than {:?}, and others wait: try again later",
                    limits.slice
                )));
            };
            judge(status, &limits)?;
            answer(&output, &settings, &limits)
        });
        let done = whole.await;
        drop(stop);
        done.unwrap_or_else(|error| Err(Failure::Failed(error.to_string())))
    }

    fn command(&self, input: &File, output: &File) -> std::io::Result<Command> {
        let program = self.program.as_ref().ok_or(std::io::ErrorKind::NotFound)?;
        let mut command = Command::new(program);
        let limits = &self.limits;
        command
            .arg("compile-wasm")
            .arg(format!("--wasm-bytes={}", limits.wasm_bytes_max))
            .arg(format!("--code-bytes={}", limits.code_bytes_max))
            .arg(format!("--address-space-bytes={}", limits.address_space_bytes_max))
            .arg(format!("--cpu-seconds={}", limits.cpu_max.as_secs().max(1)))
            .env_clear()
            .current_dir("/")
            // Its threads' priority is changed all at once.
            .process_group(0)
            .stdin(Stdio::from(input.try_clone()?))
            .stdout(Stdio::from(output.try_clone()?))
            .stderr(Stdio::null());
        Ok(command)
    }
}

fn memory_file(name: &str) -> std::io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?))
}

/// The running process, as far as it must be stopped.
#[derive(Default)]
struct Running {
    process: Option<OwnedFd>,
    stopped: bool,
}

/// Kills the process when it is dropped; harmless once that has ended.
#[derive(Default)]
struct Stop(Arc<Mutex<Running>>);

impl Drop for Stop {
    fn drop(&mut self) {
        let mut running = self.0.lock();
        running.stopped = true;
        if let Some(process) = &running.process {
            let _gone = pidfd_send_signal(process, Signal::KILL);
        }
    }
}

/// Starts the process and waits for its end, which the time limit brings if nothing else does; none if it had to give way to others. It
/// blocks.
fn run(
    mut command: Command,
    running: &Mutex<Running>,
    limits: &CompileLimits,
    turn: &mut Turn,
) -> std::io::Result<Option<ExitStatus>> {
    let mut child = {
        let mut running = running.lock();
        if running.stopped {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => running.process = Some(process),
            Err(errno) => {
                child.kill()?;
                child.wait()?;
                return Err(errno.into());
            }
        }
        child
    };
    match watch(&child, limits, turn) {
        Ok(Watched::Ended) => child.wait().map(Some),
        Ok(Watched::GaveWay) => {
            child.kill()?;
            child.wait()?;
            Ok(None)
        }
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error)
        }
    }
}

/// How watching a process ended.
enum Watched {
    Ended,
    GaveWay,
}

/// Waits for a process's end, or until it must give way or has had its time.
fn watch(child: &Child, limits: &CompileLimits, turn: &mut Turn) -> std::io::Result<Watched> {
    let pid = Pid::from_child(child);
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let end = Instant::now() + limits.time_max;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = turn.patience().map_or(left, |patience| patience.min(left));
        let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&timeout)) {
            Ok(0) if end <= Instant::now() => return Err(std::io::ErrorKind::TimedOut.into()),
            Ok(0) => match turn.next() {
                Next::On => {}
                // It leads its group; a thread that it makes from now on is as its maker is.
                Next::Behind => setpriority_pgrp(Some(pid), LOWEST)?,
                Next::Leave => return Ok(Watched::GaveWay),
            },
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(Watched::Ended),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// What the end of the process says.
fn judge(status: ExitStatus, limits: &CompileLimits) -> Result<(), Failure> {
    let refused = |reason: String| Err(Failure::Refused(reason));
    let signal = status.signal().and_then(Signal::from_named_raw);
    match (status.code(), signal) {
        (Some(0), _) => Ok(()),
        (_, Some(Signal::XCPU | Signal::KILL)) => {
            let seconds = limits.cpu_max.as_secs();
            refused(format!("compiling it takes more than {seconds} s of processor time"))
        }
        (_, Some(Signal::XFSZ)) => {
            let mib = limits.code_bytes_max >> 20;
            refused(format!("its machine code takes more than {mib} MiB"))
        }
        (_, Some(Signal::ABORT | Signal::SEGV | Signal::BUS)) => {
            let mib = limits.address_space_bytes_max >> 20;
            refused(format!("compiling it takes more than {mib} MiB of memory"))
        }
        (Some(101), _) => refused("the compiler cannot cope with it".into()),
        _ => Err(Failure::Failed(format!("the compiler ended with {status}"))),
    }
}

/// What the process left in its output.
fn answer(output: &File, settings: &str, limits: &CompileLimits) -> Result<Artifact, Failure> {
    let failed = |reason: &str| Failure::Failed(format!("the compiler {reason}"));
    let length = output.metadata().map_err(|error| failed(&error.to_string()))?.len();
    if length < HEAD as u64 || length > limits.code_bytes_max + HEAD as u64 {
        return Err(failed("answered too little or too much"));
    }
    let mut head = [0; HEAD];
    output.read_exact_at(&mut head, 0).map_err(|error| failed(&error.to_string()))?;
    let (magic, head) = head.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(failed("is another program, or of another version"));
    }
    let mut rest = vec![0; usize::try_from(length).unwrap_or(usize::MAX) - HEAD];
    let read = output.read_exact_at(&mut rest, HEAD as u64);
    read.map_err(|error| failed(&error.to_string()))?;
    if head[0] == b'e' {
        rest.truncate(REASON_BYTES_MAX);
        return Err(Failure::Refused(String::from_utf8_lossy(&rest).into_owned()));
    }
    if &head[1..] != settings.as_bytes() {
        return Err(failed("is of another version, or was set up otherwise"));
    }
    let kind = Kind::from_letter(head[0]).ok_or_else(|| failed("answered what it must not"))?;
    Ok(Artifact { kind, code: rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "0123456789abcdef";

    fn left(content: &[u8]) -> Result<Artifact, Failure> {
        let output = memory_file("test").expect("memory");
        output.write_all_at(content, 0).expect("room");
        let limits = CompileLimits { code_bytes_max: 100, ..CompileLimits::default() };
        answer(&output, SETTINGS, &limits)
    }

    fn with_head(letter: u8, settings: &str, rest: &[u8]) -> Vec<u8> {
        [MAGIC.as_slice(), &[letter], settings.as_bytes(), rest].concat()
    }

    #[test]
    fn answers_are_checked() {
        let sound = left(&with_head(b'c', SETTINGS, b"code")).expect("sound");
        assert_eq!((sound.kind, sound.code.as_slice()), (Kind::Component, b"code".as_slice()));
        let refused = left(&with_head(b'e', SETTINGS, b"why")).err();
        assert_eq!(refused, Some(Failure::Refused("why".into())));
        for wrong in [
            Vec::new(),
            b"\0asm".to_vec(),
            with_head(b'x', SETTINGS, b"code"),
            with_head(b'm', "0123456789abcdee", b"code"),
            with_head(b'm', SETTINGS, &[0; 101]),
            [b"isolet-code0m".as_slice(), SETTINGS.as_bytes(), b"code"].concat(),
        ] {
            assert!(matches!(left(&wrong), Err(Failure::Failed(_))), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn without_a_compiler_it_says_so() {
        let compiler = Compiler::new(None, CompileLimits::default());
        let refused = compiler.turn(&"a".into()).await.expect_err("none");
        assert!(matches!(refused, Failure::Failed(why) if why.contains("no compiler")));
    }
}
