//! E2B's own command line, unmodified, against isolet: list, info, exec, logs, metrics, kill, and a terminal by create and
//! connect.

use std::process::Command;
use std::time::Duration;

use crate::http::Guest;
use crate::run::{Output, run};
use crate::sdk;
use crate::server::Server;

const BOUND: Duration = Duration::from_secs(900);

/// `e2b sandbox ARGUMENTS`, with a home directory of its own.
fn e2b(home: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut program = Command::new(sdk::js().join("node_modules/.bin/e2b"));
    program.arg("sandbox").args(arguments).env("HOME", home.path()).env("NO_COLOR", "1");
    Server::shared().with_plain_http(program)
}

fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

#[track_caller]
fn done(home: &tempfile::TempDir, arguments: &[&str]) -> String {
    run(&mut e2b(home, arguments), BOUND).success()
}

#[test]
fn sandboxes_are_looked_at_and_killed() {
    let (guest, home) = (Guest::create(Server::shared()), home());
    let id = guest.id.as_str();
    assert!(done(&home, &["list"]).contains(id));
    let info = done(&home, &["info", id, "--format", "json"]);
    assert!(info.contains(id) && info.contains("\"state\": \"running\""), "{info}");
    let printed = done(&home, &["exec", id, "echo from the inside; id -un"]);
    assert!(printed.contains("from the inside\nuser\n"), "{printed}");
    let failed = run(&mut e2b(&home, &["exec", id, "exit 7"]), BOUND);
    assert_eq!(failed.status.code(), Some(7), "{}", failed.transcript());
    let logs = done(&home, &["logs", id]);
    assert!(logs.contains("process started") && logs.contains("process ended"), "{logs}");
    let metrics = done(&home, &["metrics", id, "--format", "json"]);
    assert!(metrics.contains("memTotal"), "{metrics}");
    let killed = done(&home, &["kill", id]);
    assert!(killed.contains(id), "{killed}");
    assert!(!done(&home, &["list"]).contains(id));
    let gone = run(&mut e2b(&home, &["info", id]), BOUND);
    assert!(gone.transcript().contains("found"), "{}", gone.transcript());
}

/// What a person types at the prompts of `program` on a terminal of util-linux's `script`.
#[track_caller]
fn typed(program: &Command, lines: &str) -> Output {
    let words: Vec<_> = std::iter::once(program.get_program()).chain(program.get_args()).collect();
    let words: Vec<_> = words.iter().map(|word| word.to_str().expect("UTF-8")).collect();
    let mut terminal = Command::new("sh");
    // The terminal takes what is typed before the program asks for it.
    let script = "printf '%s\\r' \"$1\" | script -qefc \"$0\" /dev/null";
    terminal.args(["-c", script, &words.join(" "), lines]);
    for (name, value) in program.get_envs() {
        if let Some(value) = value {
            terminal.env(name, value);
        }
    }
    run(&mut terminal, BOUND)
}

#[test]
fn a_terminal_is_opened() {
    let (guest, home) = (Guest::create(Server::shared()), home());
    let connect = e2b(&home, &["connect", &guest.id]);
    let output = typed(&connect, "echo in-$((40+2)); exit");
    assert!(output.stdout.contains("in-42"), "{}", output.transcript());
    let create = e2b(&home, &["create", "base"]);
    let output = typed(&create, "echo in-$((40+3)); exit");
    assert!(output.stdout.contains("in-43"), "{}", output.transcript());
}
