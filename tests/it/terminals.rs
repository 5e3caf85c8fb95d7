//! Terminals by the official SDK for Python, with a terminal emulator: each case of `tests/sdk/python/terminals.py` is a
//! test here. Most cases type the same keys on a terminal of this machine and compare the screens.

use std::time::Duration;

use crate::run::run;
use crate::sdk::{self, apt_install, is_root};
use crate::server::Server;

/// One case: some dozens of screens, each awaited.
const BOUND: Duration = Duration::from_secs(3600);

/// What the cases drive on this machine, with its Debian package.
const PROGRAMS: [(&str, &str); 4] = [
    ("/usr/bin/less", "less"),
    ("/usr/bin/vim", "vim"),
    ("/usr/bin/tput", "ncurses-bin"),
    ("/usr/bin/ps", "procps"),
];

#[track_caller]
fn case(name: &str) {
    for (path, package) in PROGRAMS {
        if !std::path::Path::new(path).exists() && is_root() {
            apt_install(package);
        }
    }
    let mut program = Server::shared().with_plain_http(sdk::python_program("terminals.py"));
    let printed = run(program.arg(name), BOUND).success();
    assert!(printed.ends_with(&format!("ok {name}\n")), "{printed}");
}

macro_rules! cases {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                case(stringify!($name));
            }
        )*

        #[test]
        fn every_case_is_a_test() {
            let source = include_str!("../sdk/python/terminals.py");
            let listed = [$(stringify!($name)),*];
            for line in source.lines() {
                if let Some(name) = line.strip_prefix("def ").and_then(|rest| rest.strip_suffix("(open_terminal):")) {
                    assert!(listed.contains(&name), "case {name} is not run");
                }
            }
        }
    };
}

cases! {
    editing completion keys_of_signals jobs resizing line_discipline pasting paging vim stopped_editor
    colours repainting reconnecting one_after_another hang_up
}
