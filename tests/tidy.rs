//! The shape of the code, as a test: file heads, lengths, floors, who may name which crate, leftovers.
//!
//! Not a lint of style (rustfmt) or of correctness (clippy). It reads text, so what it sees of Rust is
//! lines without their comments; that is enough for paths such as `crate::vfs::Node`.

#![expect(clippy::disallowed_methods, reason = "a test of the source tree reads the source tree")]

use std::fs;
use std::path::PathBuf;

/// Lines a source file may have. Split by concern before it is reached.
const LINES_MAX: usize = 800;

/// The floors: a module imports only from lower ones, and modules of one floor not from each other.
/// `lib`, and `main` with its `cli`, stand above all.
const FLOORS: &[(&str, u8)] = &[
    ("main", 7),
    ("cli", 7),
    ("api", 6),
    ("sandbox", 5),
    ("wasm", 4),
    ("host", 3),
    ("process", 2),
    ("vfs", 1),
    ("vnet", 1),
    ("errno", 0),
    ("config", 0),
    ("error", 0),
    ("file", 0),
    ("kept", 0),
    ("shares", 0),
    ("wait", 0),
];

/// Crates that only some modules may name.
const CRATES: &[(&str, &[&str])] = &[
    ("wasmtime", &["wasm", "host"]),
    ("axum", &["api", "main", "cli"]),
    // vnet reads the requests that leave, for header rules and rules by name.
    ("hyper", &["api", "main", "cli", "vnet"]),
    ("hyper_util", &["api", "main", "cli", "vnet"]),
    ("http", &["api", "main", "cli", "vnet"]),
    ("http_body", &["api", "main", "cli"]),
    ("http_body_util", &["api", "main", "cli", "vnet"]),
    ("tower", &["api", "main", "cli"]),
    ("clap", &["main", "cli"]),
    ("anyhow", &["main", "cli"]),
];

/// Marks of unfinished work, cut in two so that this file does not trip over itself.
const LEFTOVERS: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("TO", "DO"),
    concat!("dbg", "!("),
    concat!("super::", "super"),
    concat!("#[ign", "ore"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under `folder` as (path from the repository's root, text), sorted.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a readable folder entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).expect("under the root");
                let text = fs::read_to_string(&path).expect("a source file in UTF-8");
                found.push((name.display().to_string(), text));
            }
        }
    }
    found.sort();
    found
}

/// The top-level module that `src/...` belongs to: `src/vfs/mod.rs` and `src/vfs.rs` are `vfs`.
/// Programs under `src/bin/` are `main`.
fn module(path: &str) -> &str {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let first = path.split('/').next().unwrap_or(path);
    if first == "bin" { "main" } else { first.strip_suffix(".rs").unwrap_or(first) }
}

/// Lines with their numbers, without comments and without what stands in a `#[cfg(test)]` tail.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| *line != "#[cfg(test)]")
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or("")))
}

/// The identifiers that follow `prefix` in `line`, where `prefix` starts a path of its own;
/// `crate::{a::B, c}` yields `a` and `c`.
fn paths_after<'a>(line: &'a str, prefix: &str) -> Vec<&'a str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = Vec::new();
    for (at, _) in line.match_indices(prefix) {
        if line[..at].chars().next_back().is_some_and(|c| is_name(c) || c == ':') {
            continue;
        }
        let rest = &line[at + prefix.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            for item in list.split_inclusive([',', '{', '}']) {
                if depth == 0 {
                    names.push(item.trim().split(|c| !is_name(c)).next().unwrap_or(""));
                }
                depth += i32::from(item.ends_with('{')) - i32::from(item.ends_with('}'));
            }
        } else {
            names.push(rest.split(|c| !is_name(c)).next().unwrap_or(""));
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// What is wrong with one file of `src/`.
fn faults_of_source(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let me = module(path);
    for (name, allowed) in CRATES {
        for (number, line) in code(text) {
            let named = line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let mut paths = named.map(|word| word.split("::").next().unwrap_or(""));
            let uses = line.contains(&format!("{name}::")) || line.contains(&format!("use {name}"));
            if uses && paths.any(|first| first == *name) && !allowed.contains(&me) {
                faults.push(format!("{path}:{number}: `{name}` belongs to {allowed:?}"));
            }
        }
    }
    if matches!(me, "lib" | "main" | "cli") {
        return faults;
    }
    let Some(mine) = floor(me) else {
        faults.push(format!("{path}: module `{me}` has no floor in tests/tidy.rs"));
        return faults;
    };
    for (number, line) in code(text) {
        for other in paths_after(line, "crate::") {
            // A name that is no module is one that lib.rs re-exports or a macro: not an edge.
            let Some(other_floor) = floor(other) else { continue };
            if other != me && other_floor >= mine {
                faults.push(format!("{path}:{number}: `{me}` imports `{other}`, not below it"));
            }
        }
    }
    faults
}

/// What is wrong with any Rust file.
fn faults_of_file(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push(format!("{path}:1: starts without `//!`: what is this file, what is it not?"));
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        faults.push(format!("{path}: {lines} lines, at most {LINES_MAX}: split it by concern"));
    }
    for (index, line) in text.lines().enumerate() {
        for leftover in LEFTOVERS.iter().filter(|leftover| line.contains(*leftover)) {
            faults.push(format!("{path}:{}: leftover `{leftover}`", index + 1));
        }
    }
    faults
}

#[test]
fn every_file_is_in_shape() {
    let mut faults = Vec::new();
    let mut files = 0;
    for folder in ["src", "tests", "benches", "examples"] {
        for (path, text) in sources(folder) {
            files += 1;
            faults.extend(faults_of_file(&path, &text));
            if folder == "src" {
                faults.extend(faults_of_source(&path, &text));
            }
        }
    }
    assert!(files > 3, "found only {files} files: is this the repository's root?");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_guest_and_sdk_program_is_run_by_a_test() {
    let tests: String = sources("tests/it").into_iter().map(|(_, text)| text).collect();
    let mut programs = 0;
    for folder in ["tests/guests", "tests/sdk/js", "tests/sdk/python"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder is committed") {
            let path = entry.expect("a readable folder entry").path();
            let name = path.file_name().expect("a file").to_string_lossy();
            if name.ends_with(".py") || name.ends_with(".mjs") {
                programs += 1;
                assert!(tests.contains(&*name), "no test in tests/it names {folder}/{name}");
            }
        }
    }
    assert!(programs > 5, "found only {programs} programs");
}

#[test]
fn every_module_that_may_name_a_crate_has_a_floor() {
    for (name, allowed) in CRATES {
        for module in *allowed {
            assert!(
                floor(module).is_some(),
                "`{name}` is allowed in `{module}`, which has no floor"
            );
        }
    }
}

#[test]
fn tidy_sees_what_it_should() {
    let up = faults_of_source("src/vfs/mod.rs", "//! x\nuse crate::process::Pid;\n");
    assert_eq!(up, ["src/vfs/mod.rs:2: `vfs` imports `process`, not below it"]);
    let beside =
        faults_of_source("src/vnet/tcp.rs", "use crate::{errno::Errno, vfs::{Node, Path}};\n");
    assert_eq!(beside, ["src/vnet/tcp.rs:1: `vnet` imports `vfs`, not below it"]);
    assert!(
        faults_of_source("src/api/mod.rs", "use crate::sandbox::Sandbox; // crate::main\n")
            .is_empty()
    );
    let engine = faults_of_source("src/process/mod.rs", "use wasmtime::Store;\n");
    assert_eq!(engine, [r#"src/process/mod.rs:1: `wasmtime` belongs to ["wasm", "host"]"#]);
    assert!(faults_of_source("src/host/mod.rs", "let s: wasmtime::Store<()>;\n").is_empty());
    assert_eq!(faults_of_source("src/utils.rs", "//! x\n").len(), 1);
    assert_eq!(faults_of_file("a.rs", "use x;\n").len(), 1);
    assert_eq!(faults_of_file("a.rs", &"//! x\n".repeat(LINES_MAX + 1)).len(), 1);
    assert_eq!(faults_of_file("a.rs", &format!("//! x\n{}x)\n", LEFTOVERS[0])).len(), 1);
}
