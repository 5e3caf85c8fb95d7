//! The shell behaves as a shell: each script of `tests/shell/` is run in a sandbox and by the bash of
//! this machine, and must print the same on both streams and end the same.
//!
//! `ISOLET_SCRIPT=name,start*` runs some of them. What a script may be is in CONTRIBUTING.md.

use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::run::run;
use crate::sdk;
use crate::server::{Server, isolet};
use crate::twin::{self, Outcome, Script};

const BOUND: Duration = Duration::from_secs(300);

/// Scripts that are also run through the SDK: what reaches a program differently there is its start, its
/// streams and its end, of which these have every kind.
const THROUGH_THE_SDK: &[&str] = &[
    "exit_codes",
    "here_documents",
    "pipe_into_while",
    "processes",
    "stdout_and_stderr",
    "text_tools",
    "traps_and_signals",
    "variables_and_functions",
];

/// Runs `scripts` by `actual` and by this machine, two a core, and fails with all differences.
#[track_caller]
fn compare(scripts: &[Script], actual: impl Fn(&Script) -> Result<Outcome, String> + Sync) {
    twin::prepare(scripts);
    let left = Mutex::new(scripts.iter());
    let differences = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(2, |cores| 2 * cores.get());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = left.lock().expect("taking the next does not panic").next();
                    let Some(script) = next else { break };
                    if let Some(difference) = judge(script, &actual) {
                        let text = format!("== {}: {difference}", script.name);
                        differences.lock().expect("adding one does not panic").push(text);
                    }
                }
            });
        }
    });
    let mut differences = differences.into_inner().expect("no worker has panicked");
    differences.sort();
    assert!(
        differences.is_empty(),
        "in a sandbox {} of {} scripts do otherwise than here:\n{}",
        differences.len(),
        scripts.len(),
        differences.join("\n")
    );
}

/// How `script` differs, if it does.
fn judge(script: &Script, actual: &impl Fn(&Script) -> Result<Outcome, String>) -> Option<String> {
    match (actual(script), twin::on_this_machine(script)) {
        (Err(printed), _) => Some(format!("hung in the sandbox, having printed\n{printed}")),
        (_, Err(printed)) => Some(format!("hung on this machine, having printed\n{printed}")),
        (Ok(actual), Ok(expected)) if actual == expected => None,
        (Ok(actual), Ok(expected)) => Some(twin::difference(&actual, &expected)),
    }
}

#[test]
fn scripts_run_as_on_this_machine() {
    // Once, before many ask at the same time: it compiles the programs.
    drop(isolet());
    compare(&twin::scripts(), |script| {
        let mut command = isolet();
        // On its own: `run` hands its exit code and both streams through.
        command.args(["run", "--image", &script.image, "--user", &script.user, "--"]);
        twin::outcome(command.args(["/bin/bash", "-c", &script.text]))
    });
}

#[test]
fn scripts_run_as_on_this_machine_through_the_sdk() {
    let scripts: Vec<Script> = THROUGH_THE_SDK.iter().map(|name| twin::script(name)).collect();
    let mut program = Server::shared().with_plain_http(sdk::python_program("shell.py"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shell");
    let files = THROUGH_THE_SDK.iter().map(|name| folder.join(name).with_extension("sh"));
    let printed = run(program.args(files), BOUND).success();
    let outcomes: Value = serde_json::from_str(&printed).expect("JSON");
    compare(&scripts, |script| {
        let outcome = &outcomes[&script.name];
        let field = |index: usize| outcome[index].as_str().unwrap_or("missing").to_owned();
        let code = outcome[0].as_i64().and_then(|code| i32::try_from(code).ok());
        Ok(Outcome { code, stdout: field(1), stderr: field(2) })
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
