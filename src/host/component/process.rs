//! isolet:guest/process: children of a component, over the kernel's fork that never runs the parent's program ([`crate::host::spawn`]).
//!
//! A child that nobody holds any longer is waited for when the next one is started or told of; what is left then is init's, as everywhere.

use super::Wasi;
use super::bindings::isolet::guest::process::{self as guest, Command, ErrorCode, Sink, Source};
use super::io::{Input, Output, Pollable};
use crate::errno::Errno;
use crate::host::memory::PATH_MAX;
use crate::host::spawn::Unstarted;
use crate::process::file::flag;
use crate::process::process::Process;
use crate::process::tree::{WaitOptions, Whom};
use crate::process::{ExitStatus, Object, OpenFile, Signal, Target, exec, pipe};
use crate::vfs;
use std::sync::Arc;
use wasmtime::component::Resource;

/// Where programs are looked for when the environment has no `PATH`: musl's execvp(3).
const PATH_DEFAULT: &[u8] = b"/usr/local/bin:/bin:/usr/bin";

/// A child.
pub struct Child {
    process: Arc<Process>,
    /// How it ended, once that was told: its number may be another's then.
    told: Option<ExitStatus>,
    /// Whether it was started as the leader of a group.
    leads: bool,
    stdin: Option<Output>,
    stdout: Option<Input>,
    stderr: Option<Input>,
}

/// Why a call on children fails.
pub enum ProcessFault {
    Failed(Errno),
    Trap(wasmtime::Error),
}

impl From<Errno> for ProcessFault {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

impl From<wasmtime::component::ResourceTableError> for ProcessFault {
    fn from(error: wasmtime::component::ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

impl From<wasmtime::Error> for ProcessFault {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

type ProcessResult<T> = Result<T, ProcessFault>;

/// The interface's name for an error; `io` for one that it has none for.
fn code(errno: Errno) -> ErrorCode {
    match errno {
        Errno::ACCESS => ErrorCode::Access,
        Errno::AGAIN => ErrorCode::Again,
        Errno::INVAL => ErrorCode::Invalid,
        Errno::LOOP => ErrorCode::Loop,
        Errno::MFILE | Errno::NFILE => ErrorCode::TooManyFiles,
        Errno::NAMETOOLONG => ErrorCode::NameTooLong,
        Errno::NOENT => ErrorCode::NoEntry,
        Errno::NOEXEC => ErrorCode::NoExec,
        Errno::NOMEM => ErrorCode::InsufficientMemory,
        Errno::NOTDIR => ErrorCode::NotDirectory,
        Errno::PERM => ErrorCode::NotPermitted,
        Errno::SRCH => ErrorCode::NoSuchProcess,
        Errno::TOOBIG => ErrorCode::TooBig,
        _ => ErrorCode::Io,
    }
}

/// A string that C can have.
fn checked(text: String) -> Result<Vec<u8>, Errno> {
    if text.contains('\0') { Err(Errno::INVAL) } else { Ok(text.into_bytes()) }
}

/// A path that the kernel takes.
fn path(text: String) -> Result<Vec<u8>, Errno> {
    if text.len() >= PATH_MAX { Err(Errno::NAMETOOLONG) } else { checked(text) }
}

/// `NAME=value`.
fn variable((name, value): (String, String)) -> Result<Vec<u8>, Errno> {
    if name.is_empty() || name.contains('=') {
        return Err(Errno::INVAL);
    }
    checked(format!("{name}={value}"))
}

/// Finds the program for `child`, by its path or by name.
///
/// # Errors
///
/// Those of [`exec::resolve`].
async fn find(
    child: &Process,
    program: &[u8],
    argv: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
) -> Result<exec::Program, Errno> {
    if program.is_empty() || program.contains(&b'/') {
        return exec::resolve(child, program, argv, env);
    }
    let given = env.iter().find_map(|variable| variable.strip_prefix(b"PATH="));
    let directories = given.unwrap_or(PATH_DEFAULT).to_vec();
    let mut refused = Errno::NOENT;
    for directory in directories.split(|&byte| byte == b':') {
        let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
        let path = [directory, slash, program].concat();
        if path.len() < PATH_MAX {
            // Copied for each place where there is such a file, which is one in general.
            match child.open_executable(&path).map(drop) {
                Ok(()) => return exec::resolve(child, &path, argv, env),
                Err(Errno::ACCESS) => refused = Errno::ACCESS,
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(errno) => return Err(errno),
            }
        }
        tokio::task::yield_now().await;
    }
    Err(refused)
}

/// The files that a child begins with, and the other ends of its pipes.
struct Streams {
    /// None for what it inherits.
    files: [Option<Arc<OpenFile>>; 3],
    stdin: Option<Output>,
    stdout: Option<Input>,
    stderr: Option<Input>,
}

fn null() -> Arc<OpenFile> {
    OpenFile::new(Object::Null, flag::READ_WRITE)
}

impl Wasi {
    /// Both ends of a new pipe: what reads and what writes.
    fn pipe_ends(&self) -> Result<[Arc<OpenFile>; 2], Errno> {
        let owner = self.process().cred().file();
        let (reader, writer) = pipe::accounted(&self.kernel().buffers, (owner.uid, owner.gid))?;
        let writer = OpenFile::new(Object::Pipe(writer), flag::WRITE_ONLY);
        Ok([OpenFile::new(Object::Pipe(reader), 0), writer])
    }

    fn reader(&self, file: Arc<OpenFile>) -> Result<Input, Errno> {
        let held = self.install(file.clone())?;
        Ok(Input { file, at: None, _held: Some(held) })
    }

    fn writer(&self, file: Arc<OpenFile>) -> Result<Output, Errno> {
        let held = self.install(file.clone())?;
        Ok(Output { file, at: None, append: false, permit: 0, _held: Some(held) })
    }

    fn source(&self, wanted: &Source) -> ProcessResult<(Option<Arc<OpenFile>>, Option<Output>)> {
        match wanted {
            Source::Inherit => Ok((None, None)),
            Source::Null => Ok((Some(null()), None)),
            Source::Pipe => {
                let [reader, writer] = self.pipe_ends()?;
                Ok((Some(reader), Some(self.writer(writer)?)))
            }
            Source::Stream(stream) => {
                let input = self.table.get(stream)?;
                if input.at.is_some() {
                    return Err(Errno::INVAL.into());
                }
                Ok((Some(input.file.clone()), None))
            }
            Source::File(descriptor) => Ok((Some(self.descriptor_file(descriptor)?), None)),
        }
    }

    fn sink(&self, wanted: &Sink) -> ProcessResult<(Option<Arc<OpenFile>>, Option<Input>)> {
        match wanted {
            Sink::Inherit => Ok((None, None)),
            Sink::Null => Ok((Some(null()), None)),
            Sink::Pipe => {
                let [reader, writer] = self.pipe_ends()?;
                Ok((Some(writer), Some(self.reader(reader)?)))
            }
            Sink::Stream(stream) => {
                let output = self.table.get(stream)?;
                if output.at.is_some() || output.append {
                    return Err(Errno::INVAL.into());
                }
                Ok((Some(output.file.clone()), None))
            }
            Sink::File(descriptor) => Ok((Some(self.descriptor_file(descriptor)?), None)),
        }
    }

    fn streams_of(&self, wanted: &Command) -> ProcessResult<Streams> {
        let (input, stdin) = self.source(&wanted.stdin)?;
        let (output, stdout) = self.sink(&wanted.stdout)?;
        let (errors, stderr) = self.sink(&wanted.stderr)?;
        Ok(Streams { files: [input, output, errors], stdin, stdout, stderr })
    }

    /// Waits for children that nobody holds any longer, as far as they have ended.
    fn reap(&mut self) {
        let process = self.process().clone();
        let options = WaitOptions::EXITED | WaitOptions::NOHANG;
        let runs = |pid: &u32| matches!(process.wait_child(Whom::Pid(*pid), options), Ok(None));
        self.abandoned.retain(runs);
    }

    /// How a child ended, if it has: then its number is free again.
    fn status(&mut self, this: &Resource<Child>) -> wasmtime::Result<Option<ExitStatus>> {
        let child = self.table.get_mut(this)?;
        if child.told.is_none()
            && let Some(status) = child.process.exit_status()
        {
            child.told = Some(status);
            let pid = child.process.pid;
            self.abandoned.push(pid);
            self.reap();
        }
        Ok(self.table.get(this)?.told)
    }

    async fn start(&mut self, wanted: Command) -> ProcessResult<Resource<Child>> {
        let program = path(wanted.program.clone())?;
        let argv: Result<Vec<_>, _> = wanted.arguments.iter().cloned().map(checked).collect();
        let mut argv = argv?;
        if argv.is_empty() {
            argv.push(Vec::new()); // As on Linux.
        }
        let env = match &wanted.environment {
            Some(given) => given.iter().cloned().map(variable).collect::<Result<Vec<_>, _>>()?,
            None => self.process().with_attributes(|attributes| attributes.arguments.env.clone()),
        };
        let directory = wanted.working_directory.clone().map(path).transpose()?;
        let streams = self.streams_of(&wanted)?;
        self.reap();

        let unstarted = Unstarted::fork(&self.thread)?;
        let child = unstarted.thread().process.clone();
        prepare(&child, streams.files, directory.as_deref(), wanted.own_group)?;
        let program = find(&child, &program, argv, env).await?;
        self.host.clone().load(&program.file).await?;
        let (stdin, stdout, stderr) = (streams.stdin, streams.stdout, streams.stderr);
        let entry =
            Child { process: child, told: None, leads: wanted.own_group, stdin, stdout, stderr };
        let this = self.push(entry)?;
        unstarted.start(program);
        Ok(this)
    }

    fn send(&mut self, this: &Resource<Child>, number: u8, group: bool) -> ProcessResult<()> {
        let signal = match number {
            0 => None,
            number => Some(Signal::new(u32::from(number))?),
        };
        let child = self.table.get(this)?;
        if group && !child.leads {
            return Err(Errno::INVAL.into());
        }
        if child.told.is_some() {
            return Err(Errno::SRCH.into());
        }
        if group {
            let target = Target::Group(child.process.pid);
            return Ok(self.kernel().signal(target, signal, Some(self.process()))?);
        }
        Ok(self.process().send(&child.process, signal)?)
    }
}

/// Gives a child what it begins with.
fn prepare(
    child: &Process,
    files: [Option<Arc<OpenFile>>; 3],
    directory: Option<&[u8]>,
    own_group: bool,
) -> Result<(), Errno> {
    for (fd, file) in (0..).zip(files) {
        if let Some(file) = file {
            let replaced = child.fds.lock().replace(fd, file, false)?;
            drop(replaced);
        }
    }
    let closed = child.fds.lock().close_range(3, u32::MAX);
    drop(closed);
    if own_group {
        child.set_group(child.pid, child.pid)?;
    }
    if let Some(path) = directory {
        let (cred, root) = (child.file_cred(), child.root());
        let context = vfs::Context { cred: &cred, root: &root, pid: child.pid };
        let directory = child.kernel.vfs.directory(&context, &child.cwd(), path)?;
        child.set_cwd(directory);
    }
    Ok(())
}

fn told(status: ExitStatus) -> guest::ExitStatus {
    match status {
        ExitStatus::Code(code) => guest::ExitStatus::Code(code),
        ExitStatus::Signal(signal) => guest::ExitStatus::Signal(signal.number()),
    }
}

impl guest::Host for Wasi {
    fn convert_error_code(&mut self, fault: ProcessFault) -> wasmtime::Result<ErrorCode> {
        match fault {
            ProcessFault::Failed(errno) => Ok(code(errno)),
            ProcessFault::Trap(error) => Err(error),
        }
    }

    async fn spawn(&mut self, command: Command) -> ProcessResult<Resource<Child>> {
        self.start(command).await
    }

    async fn pipe(&mut self) -> ProcessResult<(Resource<Input>, Resource<Output>)> {
        let [reader, writer] = self.pipe_ends()?;
        let (reader, writer) = (self.reader(reader)?, self.writer(writer)?);
        Ok((self.push(reader)?, self.push(writer)?))
    }
}

impl guest::HostChild for Wasi {
    async fn pid(&mut self, this: Resource<Child>) -> wasmtime::Result<u32> {
        Ok(self.table.get(&this)?.process.pid)
    }

    async fn take_stdin(
        &mut self,
        this: Resource<Child>,
    ) -> wasmtime::Result<Option<Resource<Output>>> {
        let taken = self.table.get_mut(&this)?.stdin.take();
        taken.map(|stream| self.push(stream)).transpose()
    }

    async fn take_stdout(
        &mut self,
        this: Resource<Child>,
    ) -> wasmtime::Result<Option<Resource<Input>>> {
        let taken = self.table.get_mut(&this)?.stdout.take();
        taken.map(|stream| self.push(stream)).transpose()
    }

    async fn take_stderr(
        &mut self,
        this: Resource<Child>,
    ) -> wasmtime::Result<Option<Resource<Input>>> {
        let taken = self.table.get_mut(&this)?.stderr.take();
        taken.map(|stream| self.push(stream)).transpose()
    }

    async fn subscribe(&mut self, this: Resource<Child>) -> wasmtime::Result<Resource<Pollable>> {
        let process = self.table.get(&this)?.process.clone();
        self.push(Pollable::Child(process))
    }

    async fn exit_status(
        &mut self,
        this: Resource<Child>,
    ) -> wasmtime::Result<Option<guest::ExitStatus>> {
        let status = self.status(&this)?;
        if status.is_none() {
            // Who asks in a loop gives way.
            tokio::task::yield_now().await;
        }
        Ok(status.map(told))
    }

    async fn wait(&mut self, this: Resource<Child>) -> wasmtime::Result<guest::ExitStatus> {
        let process = {
            let child = self.table.get_mut(&this)?;
            child.stdin = None;
            child.process.clone()
        };
        loop {
            let news = process.end_news().subscribe();
            if let Some(status) = self.status(&this)? {
                return Ok(told(status));
            }
            self.wait(vec![news], None).await;
        }
    }

    async fn signal(&mut self, this: Resource<Child>, number: u8) -> ProcessResult<()> {
        self.send(&this, number, false)?;
        self.thread.clone().stop_point().await;
        Ok(())
    }

    async fn signal_group(&mut self, this: Resource<Child>, number: u8) -> ProcessResult<()> {
        self.send(&this, number, true)?;
        self.thread.clone().stop_point().await;
        Ok(())
    }

    async fn drop(&mut self, this: Resource<Child>) -> wasmtime::Result<()> {
        let child = self.table.delete(this)?;
        if child.told.is_none() {
            self.abandoned.push(child.process.pid);
            self.reap();
        }
        Ok(())
    }
}
