//! The programs' own test suites, a quick part of each: what `tests/suites/run --quick` runs must pass but for what the
//! suite's file lists as failing, and that must fail. The whole is a command of its own: `tests/suites/README.md`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::run::run;
use crate::sdk;
use crate::server::{data_dir, isolet};

/// Sources are downloaded at first, then some dozen sandboxes run on a busy machine.
const BOUND: Duration = Duration::from_secs(3600);

#[track_caller]
fn quick_part_of(suite: &str) {
    let isolet = isolet();
    // One folder of sources and images for all of them.
    let _held = sdk::lock("suites");
    let mut suites = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites/run"));
    suites.arg(suite).arg("--quick").arg("--isolet").arg(isolet.get_program());
    suites.arg("--cache").arg(sdk::cache().join("suites")).env("ISOLET_DATA_DIR", data_dir());
    let printed = run(&mut suites, BOUND).success();
    let passed = printed.lines().find_map(|line| {
        let mut cells = line.strip_prefix(&format!("| {suite} | "))?.split(" | ");
        cells.nth(1)?.parse::<u32>().ok()
    });
    assert!(passed.is_some_and(|passed| passed > 0), "no test of {suite} passed:\n{printed}");
}

macro_rules! suites {
    ($($name:ident)*) => {
        /// All of them, in order.
        const SUITES: &str = stringify!($($name)*);
        $(
        #[test]
        fn $name() {
            quick_part_of(stringify!($name));
        }
        )*
    };
}

suites! { bash coreutils cpython diffutils findutils gawk grep gzip jq patch sed }

#[test]
fn every_suite_has_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites");
    let folders = std::fs::read_dir(folder).expect("the suites are committed");
    let folders = folders.map(|entry| entry.expect("a readable entry").path());
    let suites = folders.filter(|folder| folder.join("suite.toml").exists());
    let mut names: Vec<_> = suites
        .map(|folder| folder.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names.join(" "), SUITES, "one of them is not among this file's tests");
}
