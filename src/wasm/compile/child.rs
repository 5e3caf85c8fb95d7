//! The compiling process: bounds and confines itself, reads a program from its standard input, writes machine code to its standard output.
//!
//! It knows no data directory, no sandbox and no key. What it refuses it says in its answer; what is too much for it ends it.

use super::confine::confine;
use super::{HEAD, Kind, MAGIC};
use crate::config::CompileLimits;
use crate::wasm::memory::Creator;
use rustix::process::{Resource, Rlimit, Signal, nice, setrlimit};
use std::io::{Read, Write};
use wasmparser::{Encoding, Parser, Payload};

/// How far below other processes it stands.
const NICE: i32 = 10;
/// Descriptors it may have: its streams, and what the standard library opens for a moment.
const DESCRIPTORS_MAX: u64 = 16;

/// Compiles the program on standard input within `limits` and writes the result to standard output: what `isolet compile-wasm` does. For the
/// runtime's own use ([`Config::compiler`](crate::Config::compiler)); what it writes is good for the same version on the same machine.
///
/// # Errors
///
/// The host's. A program that is refused is no error: that is said in what it writes.
pub fn compile_standard_input(limits: &CompileLimits) -> std::io::Result<()> {
    restrict(limits)?;
    // It looks at the machine, which nothing can do after this.
    let engine = Creator::new()
        .map_err(|_| "the host's memory pages are not 4 KiB".to_owned())
        .and_then(|creator| crate::wasm::new_engine(creator).map_err(|error| said(&error)));
    confine()?;
    let mut wasm = Vec::new();
    std::io::stdin().lock().take(limits.wasm_bytes_max + 1).read_to_end(&mut wasm)?;
    let (letter, settings, content) = match engine {
        Err(reason) => (b'e', String::new(), reason.into_bytes()),
        Ok(engine) => {
            let settings = crate::wasm::cache::settings_of(&engine);
            match compile(&engine, &wasm, limits) {
                Ok((kind, code)) => (kind.letter(), settings, code),
                Err(reason) => (b'e', settings, reason.into_bytes()),
            }
        }
    };
    let mut head = MAGIC.to_vec();
    head.push(letter);
    head.extend(settings.as_bytes());
    head.resize(HEAD, b'0');
    let mut out = std::io::stdout().lock();
    out.write_all(&head)?;
    out.write_all(&content)?;
    out.flush()
}

/// The limits of this process, before it has read anything.
fn restrict(limits: &CompileLimits) -> std::io::Result<()> {
    // The thread that started it waits for it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let both = |bound: u64| Rlimit { current: Some(bound), maximum: Some(bound) };
    let seconds = limits.cpu_max.as_secs().max(1);
    let cpu = Rlimit { current: Some(seconds), maximum: Some(seconds + 1) };
    setrlimit(Resource::Cpu, cpu)?;
    setrlimit(Resource::As, both(limits.address_space_bytes_max))?;
    setrlimit(Resource::Fsize, both(limits.code_bytes_max + HEAD as u64))?;
    setrlimit(Resource::Nofile, both(DESCRIPTORS_MAX))?;
    setrlimit(Resource::Core, both(0))?;
    nice(NICE)?;
    Ok(())
}

fn said(error: &wasmtime::Error) -> String {
    format!("{error:#}")
}

fn compile(
    engine: &wasmtime::Engine,
    wasm: &[u8],
    limits: &CompileLimits,
) -> Result<(Kind, Vec<u8>), String> {
    if wasm.len() as u64 > limits.wasm_bytes_max {
        return Err(format!("it is larger than {} MiB", limits.wasm_bytes_max >> 20));
    }
    let first = Parser::new(0).parse_all(wasm).next();
    let encoding = match first {
        Some(Ok(Payload::Version { encoding, .. })) => encoding,
        Some(Err(error)) => return Err(error.to_string()),
        _ => return Err("it is not WebAssembly".into()),
    };
    check(wasm)?;
    match encoding {
        Encoding::Module => {
            let code = engine.precompile_module(wasm).map_err(|error| said(&error))?;
            Ok((Kind::Module, code))
        }
        Encoding::Component => {
            let code = engine.precompile_component(wasm).map_err(|error| said(&error))?;
            Ok((Kind::Component, code))
        }
    }
}

/// Refuses, before any work, what is valid and no program. What is not valid the compiler finds, with better words.
fn check(wasm: &[u8]) -> Result<(), String> {
    let (mut depth, mut names) = (0, Vec::new());
    let mut component = false;
    for payload in Parser::new(0).parse_all(wasm) {
        let Ok(payload) = payload else { return Ok(()) };
        match payload {
            Payload::Version { encoding, .. } => {
                component = component || (depth == 0 && encoding == Encoding::Component);
                depth += 1;
            }
            Payload::End(_) => depth -= 1,
            // Only what the outermost module or component has.
            Payload::ImportSection(reader) if depth == 1 => {
                for import in reader.into_imports() {
                    let Ok(import) = import else { return Ok(()) };
                    import_of_a_module(import.module, import.name)?;
                }
            }
            Payload::ExportSection(reader) if depth == 1 => {
                let exports = reader.into_iter().filter_map(Result::ok);
                names.extend(exports.map(|export| export.name.to_owned()));
            }
            Payload::ComponentExportSection(reader) if depth == 1 => {
                let exports = reader.into_iter().filter_map(Result::ok);
                names.extend(exports.map(|export| export.name.name.to_owned()));
            }
            _ => {}
        }
    }
    let has = |wanted: &str| names.iter().any(|name| name.starts_with(wanted));
    match component {
        false if names.iter().any(|name| name == "_start") => Ok(()),
        false => Err("it exports no _start: a library, not a program".into()),
        true if has("wasi:cli/run@0.2.") => Ok(()),
        true if has("wasi:http/incoming-handler@") => {
            Err("it is a component that answers HTTP requests for a host \
                 (wasi:http/incoming-handler); isolet runs commands (wasi:cli/run), such as a \
                 server that listens by itself"
                .into())
        }
        true => {
            Err("it is a component that does not export wasi:cli/run@0.2: a library, not a program"
                .into())
        }
    }
}

/// Whether a core module may import this; its type is looked at when it is linked.
fn import_of_a_module(module: &str, name: &str) -> Result<(), String> {
    match module {
        "wasi_snapshot_preview1" => Ok(()),
        "isolet_v1" => Err("it is made for isolet's own images: their programs only can make \
                            Linux's system calls"
            .into()),
        _ => Err(format!("unknown import: `{module}::{name}` has not been defined")),
    }
}
