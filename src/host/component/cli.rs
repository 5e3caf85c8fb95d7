//! wasi:cli: what a program finds when it starts, its three streams, terminals, and its end.

use super::Wasi;
use super::bindings::wasi::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use super::io::{Input, Output};
use crate::process::ExitStatus;
use crate::process::file::{Object, OpenFile, flag};
use std::sync::Arc;
use wasmtime::component::Resource;

/// That standard input is a terminal.
pub struct TerminalInput;

/// That standard output or error is a terminal.
pub struct TerminalOutput;

impl Wasi {
    /// What descriptor `fd` was when the program started; nothing, if it was closed.
    fn standard(&self, fd: u32) -> Arc<OpenFile> {
        let open = self.process().fds.lock().get(fd);
        open.unwrap_or_else(|_closed| OpenFile::new(Object::Null, flag::READ_WRITE))
    }

    fn is_terminal(&self, fd: u32) -> bool {
        matches!(self.standard(fd).object(), Object::Terminal(_))
    }

    fn output(&mut self, fd: u32) -> wasmtime::Result<Resource<Output>> {
        let file = self.standard(fd);
        self.push(Output { file, at: None, append: false, permit: 0, _held: None })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl environment::Host for Wasi {
    /// Variables; `PWD` is the working directory, as preview 1's programs have it.
    async fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        let process = self.process();
        let given = process.with_attributes(|attributes| attributes.arguments.clone());
        let pairs = given.env.iter().filter_map(|variable| {
            let at = variable.iter().position(|&byte| byte == b'=')?;
            Some((text(&variable[..at]), text(&variable[at + 1..])))
        });
        let mut all: Vec<_> = pairs.filter(|(name, _)| name != "PWD").collect();
        if let Some(cwd) = environment::Host::initial_cwd(self).await? {
            all.push(("PWD".into(), cwd));
        }
        Ok(all)
    }

    async fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        let given = self.process().with_attributes(|attributes| attributes.arguments.clone());
        Ok(given.argv.iter().map(|argument| text(argument)).collect())
    }

    async fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        let process = self.process();
        let cwd = process.kernel.vfs.path_of(&process.root(), &process.cwd());
        Ok(cwd.ok().map(|path| text(&path)))
    }
}

impl exit::Host for Wasi {
    async fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        self.departure = Some(ExitStatus::Code(u8::from(status.is_err())));
        wasmtime::bail!("the program was left")
    }

    async fn exit_with_code(&mut self, code: u8) -> wasmtime::Result<()> {
        self.departure = Some(ExitStatus::Code(code));
        wasmtime::bail!("the program was left")
    }
}

impl stdin::Host for Wasi {
    async fn get_stdin(&mut self) -> wasmtime::Result<Resource<Input>> {
        let file = self.standard(0);
        self.push(Input { file, at: None, _held: None })
    }
}

impl stdout::Host for Wasi {
    async fn get_stdout(&mut self) -> wasmtime::Result<Resource<Output>> {
        self.output(1)
    }
}

impl stderr::Host for Wasi {
    async fn get_stderr(&mut self) -> wasmtime::Result<Resource<Output>> {
        self.output(2)
    }
}

impl terminal_input::Host for Wasi {}

impl terminal_input::HostTerminalInput for Wasi {
    async fn drop(&mut self, this: Resource<TerminalInput>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl terminal_output::Host for Wasi {}

impl terminal_output::HostTerminalOutput for Wasi {
    async fn drop(&mut self, this: Resource<TerminalOutput>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl terminal_stdin::Host for Wasi {
    async fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<TerminalInput>>> {
        if self.is_terminal(0) { self.push(TerminalInput).map(Some) } else { Ok(None) }
    }
}

impl terminal_stdout::Host for Wasi {
    async fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<TerminalOutput>>> {
        if self.is_terminal(1) { self.push(TerminalOutput).map(Some) } else { Ok(None) }
    }
}

impl terminal_stderr::Host for Wasi {
    async fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<TerminalOutput>>> {
        if self.is_terminal(2) { self.push(TerminalOutput).map(Some) } else { Ok(None) }
    }
}
