//! Published compilers to WebAssembly, as `tests/sdk/compilers` pins them, and what they make of the programs beside their pins:
//! once for each change of a program or a pin.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::run;
use crate::sdk::{INSTALL_BOUND, cache, environment, made, modules, source};

/// What is compiled, by the name that it has in `tests/sdk/compilers`.
const ASSEMBLYSCRIPT: &str = "program.ts";
const JAVASCRIPT: &str = "component.js";
const PYTHON: &str = "component.py";

/// A module over preview 1, by AssemblyScript with its shim for WASI.
pub fn assemblyscript() -> Vec<u8> {
    compiled("assemblyscript", ASSEMBLYSCRIPT, "package-lock.json", |folder| {
        let modules = modules("compilers-js", "compilers").join("node_modules");
        let mut asc = Command::new(modules.join(".bin/asc"));
        asc.args([ASSEMBLYSCRIPT, "-O", "-o", COMPILED, "--config"]).current_dir(folder);
        // It takes relative paths only; both folders are the cache's.
        let beside = Path::new("..").join(modules.strip_prefix(cache()).expect("in the cache"));
        asc.arg(beside.join("@assemblyscript/wasi-shim/asconfig.json"));
        asc
    })
}

/// A component, by componentize-qjs: JavaScript with QuickJS.
pub fn componentize_qjs() -> Vec<u8> {
    compiled("componentize-qjs", JAVASCRIPT, "package-lock.json", |folder| {
        let modules = modules("compilers-js", "compilers").join("node_modules");
        let mut componentize = Command::new(modules.join(".bin/componentize-qjs"));
        componentize.args(["--sync", "--world", "command", "--wit"]).arg(wit());
        componentize.args(["--js", JAVASCRIPT, "-o", COMPILED]).current_dir(folder);
        componentize
    })
}

/// A component, by componentize-py: Python with CPython.
pub fn componentize_py() -> Vec<u8> {
    compiled("componentize-py", PYTHON, "requirements.txt", |folder| {
        let python = environment("compilers-python", "compilers/requirements.txt");
        let mut componentize = Command::new(python.with_file_name("componentize-py"));
        componentize.arg("-d").arg(wit()).args(["-w", "parent", "componentize"]);
        componentize.args([PYTHON.trim_end_matches(".py"), "-o", COMPILED]).current_dir(folder);
        componentize
    })
}

/// What each compiler writes.
const COMPILED: &str = "program.wasm";

/// isolet's own WIT.
fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("wit")
}

/// What the command that `compiler` gives makes of a program in the folder that it is told.
fn compiled(
    kind: &str,
    program: &str,
    pins: &str,
    compiler: impl FnOnce(&Path) -> Command,
) -> Vec<u8> {
    let from = source("compilers");
    let program_file = from.join(program);
    let (world, process) = (wit().join("world.wit"), wit().join("process.wit"));
    let made = made(kind, &[&from.join(pins), &program_file, &world, &process], |folder| {
        fs::copy(&program_file, folder.join(program)).expect("the cache is writable");
        run(&mut compiler(folder), INSTALL_BOUND).success();
    });
    fs::read(made.join(COMPILED)).expect("it was made")
}
