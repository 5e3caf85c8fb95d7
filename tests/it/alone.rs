//! Tests in a process of their own: this test binary once more, for that one test. For what looks at the process itself, which other
//! tests run in as well, and for what needs another surrounding ([`crate::namespace`]).

use std::process::Command;
use std::time::Duration;

use crate::run::run;

/// Set inside, to the name of the test.
const INSIDE: &str = "ISOLET_TEST_ALONE";

/// The whole test, on a busy machine.
const BOUND: Duration = Duration::from_secs(3600);

/// Runs `body` in a process of its own. `test` is this test's full name (`module::function`).
pub fn alone(test: &str, body: impl FnOnce()) {
    if is_inside(test, INSIDE) {
        return body();
    }
    let exe = std::env::current_exe().expect("this test binary has a path");
    again(&mut Command::new(exe), test, INSIDE, BOUND);
}

/// Whether this is the process that [`again`] started for `test`.
pub fn is_inside(test: &str, variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|entered| entered == test)
}

/// Runs `test` in a process of its own, with its name in the environment; `command` starts this test binary.
#[track_caller]
pub fn again(command: &mut Command, test: &str, variable: &str, bound: Duration) {
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(variable, test);
    let output = run(command, bound);
    let transcript = output.transcript();
    assert!(output.status.success(), "in its own process: {}\n{transcript}", output.status);
    assert!(output.stdout.contains("1 passed"), "no test is called {test}\n{transcript}");
}
