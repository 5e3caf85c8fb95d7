//! What to run in a sandbox, by the shape of `std::process`: `Command` and `Stdio`. What becomes of it is in `child.rs`.
//!
//! Streams are pipes of the sandbox's kernel (or a terminal's two directions): a program that writes waits while nobody reads.

use super::Sandbox;
use super::files::User;
use std::collections::BTreeMap;

/// Where one of a program's standard streams leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stdio {
    /// Nowhere: /dev/null.
    #[default]
    Null,
    /// To the caller, by a pipe.
    Piped,
}

/// A program to run in a sandbox.
#[derive(Clone, Debug)]
pub struct Command {
    pub(super) program: String,
    pub(super) args: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) cwd: Option<String>,
    pub(super) user: String,
    pub(super) streams: [Stdio; 3],
    pub(super) pty: Option<(u16, u16)>,
}

impl Command {
    /// `program` by path or by name, which is looked up in `PATH` of the command's environment. It runs as `user`, in the user's
    /// home directory, with its streams at /dev/null and with an empty environment.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: None,
            user: "user".into(),
            streams: [Stdio::Null; 3],
            pty: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the program's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets the variables that a login gives `user` (PATH, HOME, USER, LOGNAME) and the sandbox's own.
    #[must_use]
    pub fn login_env(mut self, sandbox: &Sandbox, user: &User) -> Self {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let login = [
            ("PATH", path),
            ("HOME", &user.home),
            ("USER", &user.name),
            ("LOGNAME", &user.name),
            ("SHELL", &user.shell),
        ];
        for (name, value) in login {
            self.env.entry(name.into()).or_insert_with(|| value.into());
        }
        for (name, value) in sandbox.envs() {
            self.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self
    }

    /// The working directory; relative paths begin at the user's home directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// The user of the sandbox to run as, by name.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// Where standard input comes from.
    #[must_use]
    pub fn stdin(mut self, stdio: Stdio) -> Self {
        self.streams[0] = stdio;
        self
    }

    /// Where standard output goes.
    #[must_use]
    pub fn stdout(mut self, stdio: Stdio) -> Self {
        self.streams[1] = stdio;
        self
    }

    /// Where standard error goes.
    #[must_use]
    pub fn stderr(mut self, stdio: Stdio) -> Self {
        self.streams[2] = stdio;
        self
    }

    /// Runs it on a terminal of `cols` by `rows` characters, which replaces all three streams: standard input and
    /// output of the [`Child`] are then the terminal's two directions.
    #[must_use]
    pub fn pty(mut self, cols: u16, rows: u16) -> Self {
        self.pty = Some((cols, rows));
        self
    }
}
