//! commands.run and files by the official SDKs: each case of `tests/sdk/js/commands.mjs` and
//! `tests/sdk/python/commands.py` is a test here, in a sandbox of its own on the shared server.

use std::process::Command;
use std::time::Duration;

use crate::run::run;
use crate::sdk;
use crate::server::Server;

/// One case: a few commands.
const BOUND: Duration = Duration::from_secs(900);

/// 2,000 commands in a row; 150 ms each is far from what is promised, and not yet a hang.
const MANY_BOUND: Duration = Duration::from_secs(3600);

#[track_caller]
fn case(program: Command, name: &str, bound: Duration) -> String {
    let mut program = Server::shared().with_plain_http(program);
    let printed = run(program.arg(name), bound).success();
    assert!(printed.ends_with(&format!("ok {name}\n")), "{printed}");
    printed
}

macro_rules! cases {
    ($($language:ident ($program:expr) { $($name:ident: $bound:expr;)* })*) => {$(
        mod $language {
            use super::*;
            $(
                #[test]
                fn $name() {
                    print!("{}", case($program, stringify!($name), $bound));
                }
            )*

            #[test]
            fn every_case_is_a_test() {
                let source = include_str!(concat!("../sdk/", cases!(@file $language)));
                let listed = [$(stringify!($name)),*];
                for name in cases!(@names $language)(source) {
                    assert!(listed.contains(&name.as_str()), "case {name} is not run");
                }
            }
        }
    )*};
    (@file javascript) => { "js/commands.mjs" };
    (@file python) => { "python/commands.py" };
    (@names javascript) => { names_in_javascript };
    (@names python) => { names_in_python };
}

cases! {
    javascript (sdk::js_program("commands.mjs")) {
        exit_code: BOUND;
        settings: BOUND;
        timeout: BOUND;
        timeout_of_a_spinning_command: BOUND;
        streaming: BOUND;
        stdin_to_its_end: BOUND;
        kill: BOUND;
        connect: BOUND;
        files: BOUND;
        large_output: BOUND;
        lifetime: BOUND;
    }
    python (sdk::python_program("commands.py")) {
        exit_code: BOUND;
        settings: BOUND;
        timeout: BOUND;
        timeout_of_a_spinning_command: BOUND;
        streaming: BOUND;
        stdin_to_its_end: BOUND;
        streamed_input: BOUND;
        kill: BOUND;
        files: BOUND;
        two_thousand_in_a_row: MANY_BOUND;
        two_sandboxes_do_not_meet: BOUND;
    }
}

fn names_in_javascript(source: &str) -> Vec<String> {
    let methods = source.lines().filter_map(|line| line.strip_prefix("  async "));
    methods.filter_map(|method| method.split('(').next()).map(str::to_owned).collect()
}

fn names_in_python(source: &str) -> Vec<String> {
    let functions = source.lines().filter_map(|line| line.strip_prefix("def "));
    functions.filter_map(|function| function.split('(').next()).map(str::to_owned).collect()
}
