//! The shell behaves as a shell: each script of `tests/shell/` is run in a sandbox and by the bash of
//! this machine, and must print the same on both streams and end the same.
//!
//! A script makes its files under `mktemp -d` and removes them. It uses bash, coreutils, grep and sed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::run::run;
use crate::sdk;
use crate::server::{Server, isolet};

const BOUND: Duration = Duration::from_secs(300);

/// What a script did: exit code, standard output, standard error.
type Outcome = (Option<i32>, String, String);

fn scripts() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shell");
    let paths = fs::read_dir(folder).expect("the scripts are committed");
    let paths = paths.map(|entry| entry.expect("a readable entry").path());
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        (name, fs::read_to_string(path).expect("a script in UTF-8"))
    };
    let scripts: BTreeMap<_, _> = paths.map(read).collect();
    assert!(scripts.len() >= 10, "only {} scripts", scripts.len());
    scripts
}

/// What this machine's bash makes of `script`, in a home and with an environment like a sandbox's.
fn on_this_machine(script: &str) -> Outcome {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut bash = Command::new("/bin/bash");
    bash.args(["-c", script]).current_dir(&home).env_clear();
    bash.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", home.path());
    let output = run(&mut bash, BOUND);
    (output.status.code(), output.stdout, output.stderr)
}

#[track_caller]
fn compare(outcomes: impl Fn(&str, &str) -> Outcome) {
    let mut differences = String::new();
    for (name, script) in scripts() {
        let expected = on_this_machine(&script);
        let actual = outcomes(&name, &script);
        if actual != expected {
            differences.push_str(&format!(
                "== {name}: exit {:?}, here {:?}\n{}{}",
                actual.0,
                expected.0,
                first_difference("stdout", &actual.1, &expected.1),
                first_difference("stderr", &actual.2, &expected.2),
            ));
        }
    }
    assert!(differences.is_empty(), "a sandbox differs from this machine:\n{differences}");
}

/// The first line in which two outputs differ, or nothing.
fn first_difference(stream: &str, actual: &str, expected: &str) -> String {
    if actual == expected {
        return String::new();
    }
    let both = actual.lines().zip(expected.lines());
    let line = both.take_while(|(actual, expected)| actual == expected).count();
    let show = |text: &str| text.lines().nth(line).unwrap_or("(end)").to_owned();
    format!("   {stream} line {}: {:?}, here {:?}\n", line + 1, show(actual), show(expected))
}

#[test]
fn scripts_run_as_on_this_machine() {
    compare(|_, script| {
        let mut command = isolet();
        // On its own: `run` hands its exit code and both streams through.
        let output = run(command.args(["run", "--", "/bin/bash", "-c", script]), BOUND);
        (output.status.code(), output.stdout, output.stderr)
    });
}

#[test]
fn scripts_run_as_on_this_machine_through_the_sdk() {
    let mut program = Server::shared().with_plain_http(sdk::python_program("shell.py"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shell");
    let printed = run(program.arg(folder), BOUND).success();
    let outcomes: Value = serde_json::from_str(&printed).expect("JSON");
    compare(|name, _| {
        let field = |index: usize| outcomes[name][index].as_str().unwrap_or("missing").to_owned();
        let code = outcomes[name][0].as_i64().and_then(|code| i32::try_from(code).ok());
        (code, field(1), field(2))
    });
}

#[test]
fn bash_and_sh_are_two_real_shells() {
    let shell = |arguments: &[&str]| {
        let mut command = isolet();
        run(command.args(["run", "--"]).args(arguments), BOUND).success()
    };
    let version = shell(&["bash", "-c", "echo $BASH_VERSION"]);
    assert!(version.starts_with("5."), "{version}");
    assert_eq!(shell(&["sh", "-c", "echo [$BASH_VERSION]"]), "[]\n");
    let sums = "for f in bash sh; do sha256sum < /bin/$f; done | sort -u | wc -l";
    assert_eq!(shell(&["bash", "-c", sums]), "2\n");
    let login = shell(&["bash", "-l", "-c", "shopt -q login_shell && echo $PATH"]);
    assert!(login.contains("/usr/bin"), "{login}");
}
