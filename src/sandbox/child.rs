//! A program that was started in a sandbox: its streams, its end.

use super::Sandbox;
use super::command::{Command, Stdio};
use super::files::User;
use crate::errno::Errno;
use crate::error::Error;
use crate::process::cred::Credentials;
use crate::process::file::{Object, OpenFile, flag};
use crate::process::pty::Master;
use crate::process::stream::{HostEnd, Stream};
use crate::process::termios::WindowSize;
use crate::process::{self, Process, Signal, SpawnRequest, Target, pipe};
use crate::wait::Waiter;
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Permission bits that new files of a command do not get, as a login sets it.
const UMASK: u32 = 0o022;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitStatus {
    /// Its exit code, if it exited.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
}

/// The caller's reading side of a program's output. Dropped, the program's next write fails with EPIPE.
pub struct ReadEnd(Pin<Box<dyn AsyncRead + Send>>);

/// The caller's writing side of a program's input. Shut down or dropped, the program reads its end.
pub struct WriteEnd(Option<Pin<Box<dyn AsyncWrite + Send>>>);

/// A running program, or one that has ended. Dropping it changes nothing for the program but its streams.
pub struct Child {
    process: Arc<Process>,
    stdin: Mutex<Option<WriteEnd>>,
    stdout: Mutex<Option<ReadEnd>>,
    stderr: Mutex<Option<ReadEnd>>,
    /// Held by the streams alone: with them it hangs up and its number is free again.
    terminal: Option<Weak<Master>>,
}

/// The host's ends of a new program's streams.
#[derive(Default)]
struct Streams {
    stdin: Option<WriteEnd>,
    stdout: Option<ReadEnd>,
    stderr: Option<ReadEnd>,
    terminal: Option<Weak<Master>>,
}

impl Sandbox {
    /// Starts a program.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an unknown user, [`Error::File`] for a bad working directory, [`Error::Program`] when the
    /// program is not there or cannot be executed.
    pub fn spawn(&self, command: Command) -> Result<Child, Error> {
        let user = self.user(&command.user).ok_or_else(|| Error::Invalid {
            field: "user",
            problem: format!("the sandbox has no user '{}'", command.user),
        })?;
        let failed = |errno| Error::Program { program: command.program.clone(), errno };
        let path = self.program_path(&command, &user)?;
        let home = std::slice::from_ref(&user.home);
        let cwd = command.cwd.iter().chain(home).next().expect("there is a home directory");
        let cwd = if cwd.starts_with('/') { cwd.clone() } else { format!("{}/{cwd}", user.home) };
        let directory = self.files().directory(&user, &cwd)?;
        let mut streams = Streams::default();
        let (fds, terminal) = self.streams(&command, &user, &mut streams).map_err(failed)?;
        let argv = std::iter::once(&command.program).chain(&command.args);
        let request = SpawnRequest {
            path: path.into_bytes(),
            argv: argv.map(|arg| arg.clone().into_bytes()).collect(),
            env: command.env.iter().map(|(k, v)| format!("{k}={v}").into_bytes()).collect(),
            cwd: directory,
            cred: Credentials::new(user.uid, user.gid, user.groups.clone().into()),
            umask: UMASK,
            fds,
            terminal,
        };
        let process = self.kernel().spawn(request).map_err(failed)?;
        Ok(Child {
            process,
            stdin: Mutex::new(streams.stdin),
            stdout: Mutex::new(streams.stdout),
            stderr: Mutex::new(streams.stderr),
            terminal: streams.terminal,
        })
    }

    /// The program by path, or found in the command's `PATH`.
    fn program_path(&self, command: &Command, user: &User) -> Result<String, Error> {
        let name = &command.program;
        if name.contains('/') {
            return Ok(name.clone());
        }
        let path = command.env.get("PATH").map_or("/usr/bin:/bin", String::as_str);
        let found = self.files().find_program(user, path, name);
        found.ok_or_else(|| Error::Program { program: name.clone(), errno: Errno::NOENT })
    }

    /// Opens the program's descriptors 0 to 2, and keeps our ends of them in `streams`.
    #[expect(clippy::type_complexity, reason = "descriptors by number, and the terminal they are")]
    fn streams(
        &self,
        command: &Command,
        user: &User,
        streams: &mut Streams,
    ) -> Result<(Vec<(u32, Arc<OpenFile>)>, Option<Arc<dyn process::session::Terminal>>), Errno>
    {
        let kernel = self.kernel();
        if let Some((columns, rows)) = command.pty {
            let size = WindowSize { rows, columns, ..WindowSize::default() };
            let owner = (user.uid, user.gid);
            let master = Arc::new(kernel.terminals.open(size, owner, &kernel.buffers)?);
            let replica =
                OpenFile::new(Object::Terminal(master.pty().replica()?), flag::READ_WRITE);
            let pty = master.pty().clone();
            streams.stdin = Some(WriteEnd::new(Side(master.clone())));
            streams.terminal = Some(Arc::downgrade(&master));
            streams.stdout = Some(ReadEnd::new(Side(master)));
            return Ok(((0..3).map(|fd| (fd, replica.clone())).collect(), Some(pty)));
        }
        let mut fds = Vec::new();
        for (fd, stdio) in (0..).zip(command.streams) {
            let file = match stdio {
                Stdio::Null => OpenFile::new(Object::Null, flag::READ_WRITE),
                Stdio::Piped => {
                    let (reader, writer) = pipe::accounted(&kernel.buffers, (user.uid, user.gid))?;
                    if fd == 0 {
                        streams.stdin = Some(WriteEnd::new(writer));
                        OpenFile::new(Object::Pipe(reader), 0)
                    } else {
                        let ours = if fd == 1 { &mut streams.stdout } else { &mut streams.stderr };
                        *ours = Some(ReadEnd::new(reader));
                        OpenFile::new(Object::Pipe(writer), flag::WRITE_ONLY)
                    }
                }
            };
            fds.push((fd, file));
        }
        Ok((fds, None))
    }
}

impl Child {
    /// Its process number in the sandbox.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Our end of its standard input, once.
    pub fn take_stdin(&self) -> Option<WriteEnd> {
        self.stdin.lock().take()
    }

    /// Our end of its standard output (of its terminal, if it has one), once.
    pub fn take_stdout(&self) -> Option<ReadEnd> {
        self.stdout.lock().take()
    }

    /// Our end of its standard error, once.
    pub fn take_stderr(&self) -> Option<ReadEnd> {
        self.stderr.lock().take()
    }

    /// Waits until it has ended; any number of callers may.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop at any time.
    pub async fn wait(&self) -> ExitStatus {
        match self.process.wait_exit().await {
            process::ExitStatus::Code(code) => {
                ExitStatus { code: Some(i32::from(code)), signal: None }
            }
            process::ExitStatus::Signal(signal) => {
                ExitStatus { code: None, signal: Some(i32::from(signal.number())) }
            }
        }
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.process.exit_status().is_some()
    }

    /// Sends it a signal by Linux's number.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a number that is no signal, [`Error::Program`] with ESRCH when it is gone.
    pub fn signal(&self, number: i32) -> Result<(), Error> {
        let signal = u32::try_from(number).ok().and_then(|number| Signal::new(number).ok());
        let signal = signal.ok_or(Error::Invalid {
            field: "signal",
            problem: format!("{number} is no signal, 1 to 64 are"),
        })?;
        let kernel = &self.process.kernel;
        let sent = match self.process.exit_status() {
            Some(_) => Err(Errno::SRCH),
            None => kernel.signal(Target::Pid(self.pid()), Some(signal), None),
        };
        sent.map_err(|errno| Error::Program { program: format!("process {}", self.pid()), errno })
    }

    /// Tells its terminal a new size in characters.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when it has no terminal, or none any more since both streams were dropped.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<(), Error> {
        let terminal = self.terminal.as_ref().and_then(Weak::upgrade);
        let terminal = terminal.ok_or_else(|| Error::Invalid {
            field: "pty",
            problem: format!("process {} has no terminal", self.pid()),
        })?;
        terminal.pty().set_size(WindowSize { rows, columns, ..WindowSize::default() });
        Ok(())
    }
}

/// One direction of a terminal's master side; the terminal hangs up when both are dropped.
struct Side(Arc<Master>);

impl Stream for Side {
    fn try_read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        self.0.try_read(into)
    }

    fn try_write(&self, from: &[u8]) -> Result<usize, Errno> {
        self.0.try_write(from)
    }

    fn subscribe(&self) -> Waiter {
        Stream::subscribe(&*self.0)
    }
}

impl ReadEnd {
    pub(super) fn new(stream: impl Stream + Unpin + 'static) -> Self {
        Self(Box::pin(HostEnd::new(stream)))
    }
}

impl AsyncRead for ReadEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.0.as_mut().poll_read(cx, into)
    }
}

impl WriteEnd {
    pub(super) fn new(stream: impl Stream + Unpin + 'static) -> Self {
        Self(Some(Box::pin(HostEnd::new(stream))))
    }
}

impl AsyncWrite for WriteEnd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match &mut self.0 {
            Some(stream) => stream.as_mut().poll_write(cx, from),
            None => Poll::Ready(Err(std::io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.0.as_mut().map_or(Poll::Ready(Ok(())), |stream| stream.as_mut().poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.0 = None;
        Poll::Ready(Ok(()))
    }
}
