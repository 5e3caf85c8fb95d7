//! The pinned official E2B SDKs and CLI, installed on first use into a cache under cargo's target
//! folder, and the programs of `tests/sdk/` run on them.
//!
//! The pins are `tests/sdk/js/package-lock.json` and `tests/sdk/python/requirements.txt`; a change of
//! either installs anew. Several test processes may ask at once: one installs, the others wait.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::run::run;

/// An install downloads some 60 MB; a slow registry may take minutes.
const INSTALL_BOUND: Duration = Duration::from_secs(600);

/// Names the folder as finished; written last.
const FINISHED: &str = ".finished";

/// Where the tests of this build keep what they install and compile.
pub fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// A file of `tests/sdk/`.
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name)
}

/// A lock file in the cache, held until dropped; across threads and processes.
pub fn lock(name: &str) -> File {
    fs::create_dir_all(cache()).expect("the cache folder can be made");
    let file = File::create(cache().join(format!("{name}.lock"))).expect("a lock file");
    file.lock().expect("a lock file can be locked");
    file
}

/// The cache folder for what `pins` describes, made by `install` unless an earlier run finished it.
fn installed(kind: &str, pins: &Path, install: impl FnOnce(&Path)) -> PathBuf {
    let _held = lock(kind);
    let pins = fs::read(pins).expect("the pins are committed");
    let key: String = Sha256::digest(&pins).iter().take(6).map(|b| format!("{b:02x}")).collect();
    let folder = cache().join(format!("{kind}-{key}"));
    if !folder.join(FINISHED).exists() {
        // Left over from an install that was killed.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the cache is writable");
        install(&folder);
        fs::write(folder.join(FINISHED), "").expect("the cache is writable");
    }
    folder
}

/// The folder with `node_modules`, in which a program can import the SDKs.
pub fn js() -> PathBuf {
    installed("sdk-js", &source("js/package-lock.json"), |folder| {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source("js").join(file), folder.join(file)).expect("the pins can be copied");
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
        run(&mut npm, INSTALL_BOUND).success();
    })
}

/// The interpreter of a virtual environment that has the SDKs.
pub fn python() -> PathBuf {
    let folder = installed("sdk-python", &source("python/requirements.txt"), |folder| {
        // Debian's python3 comes without ensurepip; pip, where it is there, can fill a bare one.
        let venv = |extra: &[&str]| {
            let mut command = Command::new("python3");
            run(command.args(["-m", "venv", "--clear"]).args(extra).arg(folder), INSTALL_BOUND)
        };
        let mut made = venv(&[]);
        if !made.status.success() && is_root() {
            apt_install("python3-venv");
            made = venv(&[]);
        }
        let interpreter = folder.join("bin/python");
        let mut pip = Command::new(&interpreter);
        if !made.status.success() {
            let bare = venv(&["--without-pip"]);
            assert!(
                bare.status.success() && host_has_pip(),
                "python3 -m venv needs ensurepip or pip (Debian: apt-get install python3-venv)\n{}",
                made.transcript()
            );
            pip = Command::new("python3");
        }
        pip.args(["-m", "pip"]);
        if !made.status.success() {
            pip.arg("--python").arg(&interpreter);
        }
        pip.args(["install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r"]);
        run(pip.arg(source("python/requirements.txt")), INSTALL_BOUND).success();
    });
    folder.join("bin/python")
}

/// Whether the tests may install Debian packages.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Installs a Debian package that a test needs.
pub fn apt_install(package: &str) {
    let _held = lock("apt");
    let mut apt = Command::new("sh");
    let script = "apt-get update && apt-get install -y --no-install-recommends \"$1\"";
    apt.args(["-c", script, "sh", package]).env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut apt, INSTALL_BOUND).success();
}

fn host_has_pip() -> bool {
    let mut pip = Command::new("python3");
    run(pip.args(["-m", "pip", "--version"]), Duration::from_secs(60)).status.success()
}

/// The command that runs `tests/sdk/js/NAME` on the installed SDKs.
pub fn js_program(name: &str) -> Command {
    let folder = js();
    let program = folder.join(name);
    // Node resolves imports from where the program lies. Renamed into place: others may be reading.
    let copy = tempfile::NamedTempFile::new_in(&folder).expect("the cache is writable");
    fs::copy(source("js").join(name), copy.path()).expect("the program is committed");
    copy.persist(&program).expect("the cache is writable");
    let mut node = Command::new("node");
    node.arg(program);
    node
}

/// The command that runs `tests/sdk/python/NAME` on the installed SDKs.
pub fn python_program(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg("-u").arg(source("python").join(name));
    command
}

/// Importing should take a second or two; cold disks are slower.
const IMPORT_BOUND: Duration = Duration::from_secs(120);

#[test]
fn the_javascript_sdks_import_at_the_pinned_versions() {
    let printed = run(&mut js_program("versions.mjs"), IMPORT_BOUND).success();
    assert_eq!(printed, "e2b 2.51.0\n@e2b/code-interpreter 2.8.0\n");
}

#[test]
fn the_python_sdks_import_at_the_pinned_versions() {
    let printed = run(&mut python_program("versions.py"), IMPORT_BOUND).success();
    assert_eq!(printed, "e2b 2.63.0\ne2b-code-interpreter 2.11.5\n");
}

#[test]
fn the_cli_starts_at_the_pinned_version() {
    let mut cli = Command::new(js().join("node_modules/.bin/e2b"));
    let printed = run(cli.arg("--version"), IMPORT_BOUND).success();
    assert_eq!(printed, "2.19.0\n");
}

#[test]
fn the_pins_name_no_registry() {
    let lock = fs::read_to_string(source("js/package-lock.json")).expect("committed");
    assert!(!lock.contains("\"resolved\""), "npm config: omit-lockfile-registry-resolved=true");
    let pins = fs::read_to_string(source("python/requirements.txt")).expect("committed");
    assert!(!pins.contains("://"), "requirements name packages by name, version and hash");
}
