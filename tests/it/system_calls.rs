//! System calls beside this machine's own: the same C program, compiled by the sysroot and by gcc, prints the same.

use std::process::Command;
use std::time::Duration;

use crate::run::run;
use crate::server::isolet;

const BOUND: Duration = Duration::from_secs(900);

/// Runs `name` of tests/guests on this machine and in a sandbox, each in an empty directory.
fn same(name: &str) {
    let guests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests");
    let native = tempfile::tempdir().expect("a directory");
    let (program, empty) = (native.path().join(name), native.path().join("empty"));
    std::fs::create_dir(&empty).expect("a directory in it");
    let mut compiler = Command::new("gcc");
    compiler.args(["-D_GNU_SOURCE", "-w", "-O1", "-o"]).arg(&program);
    run(compiler.arg(format!("{guests}/{name}.c")), BOUND).success();
    let expected = run(Command::new(&program).current_dir(&empty), BOUND).success();

    let mut command = isolet();
    command.args(["run", "--image-dir", &format!("{guests}/image"), "--image", "guests"]);
    let script = format!("mkdir /tmp/empty && cd /tmp/empty && exec {name}");
    let found = run(command.args(["--", "sh", "-c", &script]), BOUND).success();
    assert_eq!(found, expected);
}

#[test]
fn inotify_tells_what_this_machine_tells() {
    same("inotify");
}

#[test]
fn descriptors_of_signals_and_processes_limits_and_priorities() {
    same("calls");
}

#[test]
fn shared_mappings_in_one_process_and_between_forks() {
    same("shared");
}

#[test]
fn semaphores_that_processes_share() {
    same("semaphores");
}
