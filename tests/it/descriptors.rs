//! Descriptors, terminals and datagrams of a sandbox against this host's: one program run in both prints the same.

use std::process::Command;
use std::time::Duration;

use crate::run::run;
use crate::server::isolet;

const BOUND: Duration = Duration::from_secs(900);

/// Runs a Python program on the host and in a sandbox.
#[track_caller]
fn prints_the_same(program: &str) {
    let native = run(Command::new("python3").args(["-c", program]), BOUND).success();
    assert!(native.lines().count() > 5, "it tries things:\n{native}");
    let mut command = isolet();
    let inside = run(command.args(["run", "--", "python3", "-c", program]), BOUND).success();
    let differ = |(native, inside): &(&str, &str)| native != inside;
    let first = native.lines().zip(inside.lines()).find(differ);
    assert!(native == inside, "first difference (Linux, sandbox): {first:#?}\n{inside}");
}

#[test]
fn descriptors_answer_as_linux() {
    prints_the_same(include_str!("../guests/descriptors.py"));
}

#[test]
fn terminals_answer_as_linux() {
    prints_the_same(include_str!("../guests/terminals.py"));
}

#[test]
fn datagrams_bring_what_linux_lets_them_bring() {
    prints_the_same(include_str!("../guests/packets.py"));
}
