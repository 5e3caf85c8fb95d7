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
pub const INSTALL_BOUND: Duration = Duration::from_secs(1800);

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
    made(kind, &[pins], install)
}

/// The cache folder for what comes of `sources`, made by `make` unless an earlier run finished it.
pub fn made(kind: &str, sources: &[&Path], make: impl FnOnce(&Path)) -> PathBuf {
    let _held = lock(kind);
    let mut digest = Sha256::new();
    for source in sources {
        digest.update(fs::read(source).expect("it is committed"));
    }
    let key: String = digest.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect();
    let folder = cache().join(format!("{kind}-{key}"));
    if !folder.join(FINISHED).exists() {
        // Left over from one that was killed.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the cache is writable");
        make(&folder);
        fs::write(folder.join(FINISHED), "").expect("the cache is writable");
    }
    folder
}

/// The folder with `node_modules`, in which a program can import the SDKs.
pub fn js() -> PathBuf {
    modules("sdk-js", "js")
}

/// The folder with the packages that a folder of `tests/sdk` pins.
pub fn modules(kind: &str, pins: &str) -> PathBuf {
    let pins = source(pins);
    installed(kind, &pins.join("package-lock.json"), |folder| {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(pins.join(file), folder.join(file)).expect("the pins can be copied");
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
        run(&mut npm, INSTALL_BOUND).success();
    })
}

/// The interpreter of a virtual environment that has the SDKs.
pub fn python() -> PathBuf {
    environment("sdk-python", "python/requirements.txt")
}

/// The interpreter of a virtual environment that has schemathesis and a validator of OpenAPI documents.
pub fn checkers() -> PathBuf {
    environment("checkers", "checkers/requirements.txt")
}

/// The interpreter of a virtual environment with clients of guests' servers.
fn web() -> PathBuf {
    environment("web", "web/requirements.txt")
}

/// The folder in which that environment keeps its packages.
pub fn web_packages() -> PathBuf {
    let mut python = Command::new(web());
    python.args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]);
    run(&mut python, IMPORT_BOUND).success().trim_end().into()
}

/// The command that runs `tests/sdk/web/NAME` there.
pub fn web_program(name: &str) -> Command {
    launched(web(), source("web").join(name))
}

/// The command that runs a program by `tests/sdk/launch.py`.
fn launched(interpreter: PathBuf, program: PathBuf) -> Command {
    let mut command = Command::new(interpreter);
    command.arg("-u").arg(source("launch.py")).arg(program);
    command
}

/// The interpreter of a virtual environment with the wheels that a file pins.
pub fn environment(kind: &str, pins: &str) -> PathBuf {
    let folder = installed(kind, &source(pins), |folder| {
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
        run(pip.arg(source(pins)), INSTALL_BOUND).success();
    });
    folder.join("bin/python")
}

/// A folder with the packages that `tests/sdk/published` pins, unpacked and nothing else.
pub fn published() -> PathBuf {
    let pins = source("published/requirements.txt");
    let python = python();
    installed("published", &pins, |folder| {
        let own = python.with_file_name("pip").exists();
        let mut pip = Command::new(if own { python.as_os_str() } else { "python3".as_ref() });
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]);
        pip.args(["--only-binary", ":all:", "-r"]).arg(&pins).arg("--target").arg(folder);
        run(&mut pip, INSTALL_BOUND).success();
    })
}

/// Folders with the wheels and the sources that `tests/sdk/index` pins.
pub fn index() -> [PathBuf; 2] {
    let python = python();
    let wheels = source("index/wheels.txt");
    let sources = source("index/sources.txt");
    let download = |pins: &Path, folder: &Path, what: &[&str]| {
        // An environment that was filled from outside has no pip of its own.
        let own = python.with_file_name("pip").exists();
        let mut pip = Command::new(if own { python.as_os_str() } else { "python3".as_ref() });
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]).args(what);
        // pip builds the metadata of a source: by this version of what builds it.
        pip.env("PIP_CONSTRAINT", source("index/constraints.txt"));
        run(pip.arg("-r").arg(pins).arg("--dest").arg(folder), INSTALL_BOUND).success();
    };
    let any = ["--implementation", "py", "--abi", "none", "--platform", "any"];
    let any = [&any[..], &["--only-binary", ":all:"]].concat();
    [
        installed("index", &wheels, |folder| download(&wheels, folder, &any)),
        installed("index-sources", &sources, |folder| {
            download(&sources, folder, &["--no-binary", ":all:"]);
        }),
    ]
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
    run(pip.args(["-m", "pip", "--version"]), IMPORT_BOUND).status.success()
}

/// The command that runs `tests/sdk/js/NAME` on the installed SDKs.
pub fn js_program(name: &str) -> Command {
    js_program_in(&js(), name)
}

/// As [`js_program`], on the oldest SDK that is tested.
pub fn old_js_program(name: &str) -> Command {
    js_program_in(&modules("sdk-js-2.45", "js-2.45"), name)
}

fn js_program_in(folder: &Path, name: &str) -> Command {
    let program = folder.join(name);
    // Node resolves imports from where the program lies. Renamed into place: others may be reading.
    let copy = tempfile::NamedTempFile::new_in(folder).expect("the cache is writable");
    fs::copy(source("js").join(name), copy.path()).expect("the program is committed");
    copy.persist(&program).expect("the cache is writable");
    let mut node = Command::new("node");
    node.arg(program);
    node
}

/// The command that runs `tests/sdk/python/NAME` on the installed SDKs.
pub fn python_program(name: &str) -> Command {
    launched(python(), source("python").join(name))
}

/// As [`python_program`], on the oldest SDK that is tested.
pub fn old_python_program(name: &str) -> Command {
    let interpreter = environment("sdk-python-2.45", "python-2.45/requirements.txt");
    launched(interpreter, source("python").join(name))
}

/// Importing should take a second or two; cold disks are slower.
const IMPORT_BOUND: Duration = Duration::from_secs(900);

/// Says something at once, in a thread that the end waits for, and at exit; then ends as told.
const ENDS: &str = "import atexit, sys, threading
atexit.register(print, 'at exit')
go = threading.Event()
threading.Thread(target=lambda: (go.wait(), print('thread'))).start()
print(__name__, sys.argv[1:], 'said')
go.set()
";

#[test]
fn a_launched_program_ends_as_it_would_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("program.py");
    for end in ["", "sys.exit(7)", "sys.exit('no')", "1 / 0"] {
        fs::write(&program, format!("{ENDS}{end}\n")).expect("a file");
        let mut launched = launched("python3".into(), program.clone());
        let mut alone = Command::new("python3");
        let launched = run(launched.arg("one"), IMPORT_BOUND);
        let alone = run(alone.arg(&program).arg("one"), IMPORT_BOUND);
        assert_eq!(launched.stdout, alone.stdout, "{end}: {}", launched.transcript());
        assert_eq!(launched.status, alone.status, "{end}");
        assert_eq!(launched.stderr.lines().last(), alone.stderr.lines().last(), "{end}");
    }
}

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
    for folder in ["js", "js-2.45", "compilers"] {
        let lock = source(folder).join("package-lock.json");
        let lock = fs::read_to_string(lock).expect("committed");
        assert!(!lock.contains("\"resolved\""), "npm config: omit-lockfile-registry-resolved=true");
    }
    for folder in ["python", "python-2.45", "checkers", "compilers", "published"] {
        let pins = source(folder).join("requirements.txt");
        let pins = fs::read_to_string(pins).expect("committed");
        assert!(!pins.contains("://"), "requirements name packages by name, version and hash");
    }
}
