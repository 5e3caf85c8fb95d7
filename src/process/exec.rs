//! What execve(2) does before a program runs: finds the file, follows `#!` lines, bounds the arguments.
//!
//! It does not load or run: the engine does, and then calls [`Program::commit`].

use super::account::{Charge, MemoryAccount};
use super::process::Process;
use super::signal::Signal;
use super::thread::{COMM_LEN, Thread};
use crate::errno::Errno;
use crate::vfs::File;
use std::sync::Arc;

pub(crate) const SIGKILL: Signal = Signal::KILL;
pub(crate) const SIGSEGV: Signal = Signal::SEGV;
pub(crate) const SIGFPE: Signal = Signal::FPE;
pub(crate) const SIGABRT: Signal = Signal::ABRT;
pub(crate) const SIGILL: Signal = Signal::ILL;

/// Bytes of a file that decide what it is (Linux's `BINPRM_BUF_SIZE`): a `#!` line is looked at no further.
const HEAD_BYTES: usize = 256;
/// `#!` programs that are themselves scripts, one after the other.
const SCRIPTS_MAX: usize = 4;
/// Bytes of host memory that a string costs besides its own: its place in the list and its allocation's.
const STRING_OVERHEAD: usize = size_of::<Vec<u8>>() + 8;
/// Bytes of one argument or environment string (Linux's `MAX_ARG_STRLEN`).
const STRING_BYTES_MAX: usize = 128 << 10;
/// What a core module and a component begin with.
const WASM_MAGIC: &[u8] = b"\0asm";

/// A program's arguments and environment, charged to the sandbox's memory while any process has them.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) argv: Vec<Vec<u8>>,
    /// `NAME=value` each.
    pub(crate) env: Vec<Vec<u8>>,
    _charge: Option<Charge>,
}

impl Arguments {
    /// None at all.
    pub(crate) fn empty() -> Self {
        Self { argv: Vec::new(), env: Vec::new(), _charge: None }
    }

    fn new(
        argv: Vec<Vec<u8>>,
        env: Vec<Vec<u8>>,
        bytes_max: usize,
        account: &Arc<MemoryAccount>,
    ) -> Result<Self, Errno> {
        let (mut bytes, mut held) = (0, 0);
        for string in argv.iter().chain(&env) {
            if string.len() >= STRING_BYTES_MAX {
                return Err(Errno::TOOBIG);
            }
            bytes += string.len() + 1 + 4;
            held += string.len().max(24) + STRING_OVERHEAD;
        }
        if bytes > bytes_max {
            return Err(Errno::TOOBIG);
        }
        let charge = account.charge(held as u64).ok_or(Errno::NOMEM)?;
        Ok(Self { argv, env, _charge: Some(charge) })
    }
}

/// A program about to run in a process.
pub(crate) struct Program {
    /// The WebAssembly file.
    pub(crate) file: Arc<File>,
    /// Its absolute path, for /proc/PID/exe.
    pub(crate) exe: Arc<[u8]>,
    /// The path that was asked for (`AT_EXECFN`): the script's, where it is one.
    pub(crate) name: Vec<u8>,
    pub(crate) arguments: Arc<Arguments>,
    /// Owner of a set-user-id file.
    pub(super) set_uid: Option<u32>,
    /// Group of a set-group-id file.
    pub(super) set_gid: Option<u32>,
}

impl Program {
    /// Makes it the program of `thread`'s process, whose other threads have ended.
    pub(crate) fn commit(&self, thread: &Thread) {
        thread.process.commit_exec(thread, self);
    }

    /// The name in /proc/PID/comm: the last part of the path, cut.
    pub(super) fn comm(&self) -> [u8; COMM_LEN] {
        let name = self.name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let mut comm = [0; COMM_LEN];
        let length = name.len().min(COMM_LEN - 1);
        comm[..length].copy_from_slice(&name[..length]);
        comm
    }
}

/// Finds the program behind `path` for `process`, as execve(2) does.
///
/// # Errors
///
/// ENOENT, EACCES (not a regular file, not executable), ENOEXEC (neither WebAssembly nor a script), ELOOP (scripts of
/// scripts), E2BIG (arguments), and those of opening.
pub(crate) fn resolve(
    process: &Process,
    path: &[u8],
    mut argv: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
) -> Result<Program, Errno> {
    let mut target = path.to_vec();
    for _ in 0..=SCRIPTS_MAX {
        let (file, exe) = process.open_executable(&target)?;
        let mut head = [0; HEAD_BYTES];
        let length = file.read_at(&mut head, 0)?;
        let head = &head[..length];
        if head.starts_with(WASM_MAGIC) {
            let stat = file.stat()?;
            let executable_group = stat.mode & 0o2010 == 0o2010;
            let kernel = &process.kernel;
            let bytes_max = kernel.limits.arguments_bytes_max;
            let arguments = Arguments::new(argv, env, bytes_max, &kernel.memory)?;
            return Ok(Program {
                file,
                exe: exe.into(),
                name: path.to_vec(),
                arguments: Arc::new(arguments),
                set_uid: (stat.mode & 0o4000 != 0).then_some(stat.uid),
                set_gid: executable_group.then_some(stat.gid),
            });
        }
        let (interpreter, argument) = script_line(head).ok_or(Errno::NOEXEC)?;
        let mut replaced = vec![interpreter.to_vec()];
        replaced.extend(argument.map(<[u8]>::to_vec));
        replaced.push(target);
        replaced.extend(argv.into_iter().skip(1));
        argv = replaced;
        target = interpreter.to_vec();
    }
    Err(Errno::LOOP)
}

/// Interpreter and optional argument of a `#!` line; none if `head` does not start with a usable one.
fn script_line(head: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = head.strip_prefix(b"#!")?;
    let end = line.iter().position(|&byte| byte == b'\n');
    let cut = end.is_none() && head.len() == HEAD_BYTES;
    let line = &line[..end.unwrap_or(line.len())];
    let line = line.trim_ascii_end();
    let start = line.iter().position(|byte| !blank(byte))?;
    let line = &line[start..];
    let Some(space) = line.iter().position(blank) else {
        // A name that goes on past what was read is not that name.
        return (!cut && !line.is_empty()).then_some((line, None));
    };
    let rest = &line[space..];
    let argument = rest.iter().position(|byte| !blank(byte)).map(|at| &rest[at..]);
    Some((&line[..space], argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_lines() {
        let long = [b"#!/".as_slice(), &[b'x'; HEAD_BYTES]].concat();
        type Interpreter<'a> = (&'a [u8], Option<&'a [u8]>);
        let cases: [(&[u8], Option<Interpreter>); 9] = [
            (b"#!/bin/sh\n", Some((b"/bin/sh", None))),
            (b"#! /bin/sh -e \nx", Some((b"/bin/sh", Some(b"-e")))),
            (b"#!/usr/bin/env\tpython3 -u\n", Some((b"/usr/bin/env", Some(b"python3 -u")))),
            (b"#!/bin/sh", Some((b"/bin/sh", None))),
            (b"#!/bin/sh\r\n", Some((b"/bin/sh", None))),
            (b"#!\n/bin/sh", None),
            (b"#!   \n", None),
            (b"echo hi\n", None),
            (&long[..HEAD_BYTES], None),
        ];
        for (head, expected) in cases {
            assert_eq!(script_line(head), expected, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn arguments_are_bounded_and_charged() {
        let account = MemoryAccount::new(150);
        let strings = |length: usize| vec![vec![b'x'; length]];
        let given = Arguments::new(strings(10), strings(20), 1000, &account).expect("fits");
        assert_eq!(account.used(), 2 * (24 + STRING_OVERHEAD as u64));
        assert_eq!(Arguments::new(strings(90), vec![], 1000, &account).unwrap_err(), Errno::NOMEM);
        assert_eq!(Arguments::new(strings(90), vec![], 90, &account).unwrap_err(), Errno::TOOBIG);
        drop(given);
        assert_eq!(account.used(), 0);
        let huge = MemoryAccount::new(u64::MAX);
        let long = Arguments::new(strings(STRING_BYTES_MAX), vec![], usize::MAX, &huge);
        assert_eq!(long.unwrap_err(), Errno::TOOBIG);
    }
}
