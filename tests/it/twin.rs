//! Scripts that a sandbox and this machine must run alike: their headers, and this machine's half.
//!
//! This machine runs a script in namespaces of its own (`tests/host/twin.sh`), as the user that it names,
//! with Debian's packages that it needs. That takes root, or `sudo` without a password.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::run::{Output, attempt, run};
use crate::sdk;

/// What a script may take, on either side; a busy machine runs many at once.
pub const BOUND: Duration = Duration::from_secs(1800);

/// Packages are downloaded and unpacked.
const INSTALL_BOUND: Duration = Duration::from_secs(1800);

/// The namespaces of `twin.sh`.
const NAMESPACES: &str =
    "--mount --pid --fork --kill-child --uts --ipc --net --propagation private";

/// A script of `tests/shell/`.
pub struct Script {
    /// Its file's name without `.sh`.
    pub name: String,
    /// The whole file.
    pub text: String,
    /// `# needs:` Debian packages that this machine must have.
    pub packages: Vec<String>,
    /// `# user:` who runs it: `user` or `root`.
    pub user: String,
    /// `# image:` the sandbox's image.
    pub image: String,
}

/// What a script did: exit code, standard output, standard error.
#[derive(PartialEq, Eq)]
pub struct Outcome {
    /// As a shell tells it: 128 + n for signal n. Nothing for a script that hung.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Script {
    /// The script `name` with its header: the lines of comment at its start, after the first, which says
    /// what it is about. Those of the form `# key: value` must be known.
    fn parse(name: &str, text: &str) -> Result<Script, String> {
        let mut script = Script {
            name: name.to_owned(),
            text: text.to_owned(),
            packages: Vec::new(),
            user: "user".to_owned(),
            image: "base".to_owned(),
        };
        let header = text.lines().take_while(|line| line.starts_with('#')).skip(1);
        for line in header.filter_map(|line| line.strip_prefix("# ")) {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match (key, value) {
                ("needs", _) => {
                    script.packages = value.split_whitespace().map(str::to_owned).collect();
                }
                ("user", "user" | "root") | ("image", "base" | "python") => {
                    let field = if key == "user" { &mut script.user } else { &mut script.image };
                    value.clone_into(field);
                }
                // A sentence with a colon in it is no header.
                _ if key.contains(' ') => {}
                _ => return Err(format!("{name}: the header has no `# {line}`")),
            }
        }
        Ok(script)
    }
}

/// The names of the scripts of `tests/shell/`, sorted.
pub fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).expect("the scripts are committed");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let files = paths.filter(|path| path.extension().is_some_and(|end| end == "sh"));
    let name = |path: PathBuf| path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
    let mut names: Vec<String> = files.map(|path| name(path).expect("a name in UTF-8")).collect();
    names.sort();
    names
}

/// The script `name`.
pub fn script(name: &str) -> Script {
    let path = folder().join(name).with_extension("sh");
    let text = fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Script::parse(name, &text).unwrap_or_else(|problem| panic!("{problem}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shell")
}

/// Makes this machine fit to run the scripts, once: the packages of all and `twin.sh`'s own are installed, in one go.
pub fn prepare() {
    static CHECKED: OnceLock<()> = OnceLock::new();
    CHECKED.get_or_init(|| {
        let scripts: Vec<Script> = names().iter().map(|name| script(name)).collect();
        let of_scripts = scripts.iter().flat_map(|script| &script.packages).map(String::as_str);
        install(&of_scripts.chain(["iproute2", "hostname"]).collect());
        let script = Script::parse("probe", "id -un; pwd; exit 3").expect("a good header");
        let seen = on_this_machine(&script).unwrap_or_else(|hung| panic!("the probe hung: {hung}"));
        assert!(
            (seen.code, &*seen.stdout) == (Some(3), "user\n/home/user\n"),
            "this machine cannot run scripts in namespaces of their own (unshare {NAMESPACES}, \
             tests/host/twin.sh): exit {:?}\n{}{}",
            seen.code,
            seen.stdout,
            seen.stderr,
        );
    });
}

/// Installs those of `packages` that are missing. Parallel test processes wait for each other.
fn install(packages: &BTreeSet<&str>) {
    let _held = sdk::lock("apt");
    let missing = || -> Vec<&str> {
        let mut query = Command::new("dpkg-query");
        query.args(["-W", "-f", "${Package} ${Provides} ${db:Status-Status}\n"]);
        let known = run(&mut query, BOUND).success();
        let lines = known.lines().filter_map(|line| line.strip_suffix(" installed"));
        let split = |c: char| c == ' ' || c == ',';
        let there: BTreeSet<&str> = lines.flat_map(|line| line.split(split)).collect();
        packages.iter().copied().filter(|package| !there.contains(package)).collect()
    };
    let wanted = missing();
    if wanted.is_empty() {
        return;
    }
    let mut apt = as_root("sh");
    let script = "export DEBIAN_FRONTEND=noninteractive; apt-get update && \
                  apt-get install -y --no-install-recommends \"$@\"";
    let output = run(apt.args(["-c", script, "sh"]).args(&wanted), INSTALL_BOUND);
    let still = missing();
    assert!(
        still.is_empty(),
        "the scripts need Debian's packages {}, which could not be installed (`# needs:` in \
         tests/shell; root or sudo -n is needed):\n{}",
        still.join(" "),
        output.transcript()
    );
}

/// `program`, as root.
fn as_root(program: &str) -> Command {
    if sdk::is_root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    // Its own bound: what runs as root cannot be killed from here.
    sudo.args(["-n", "timeout", "-s", "KILL", "3000", program]);
    sudo
}

/// What this machine's bash makes of `script`; what it printed if it hung.
pub fn on_this_machine(script: &Script) -> Result<Outcome, String> {
    let twin = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host/twin.sh");
    // Whoever started the tests may ignore signals (nohup); a sandbox knows nothing of that.
    let mut unshare = as_root("env");
    unshare
        .args(["--default-signal", "unshare"])
        .args(NAMESPACES.split(' '))
        .arg("sh")
        .arg(twin)
        .args([&script.user, &script.text]);
    outcome(&mut unshare)
}

/// Runs `command` and says what it did, or what it had printed when it hung.
pub fn outcome(command: &mut Command) -> Result<Outcome, String> {
    let Output { status, stdout, stderr } =
        attempt(command, BOUND).map_err(|printed| printed.transcript())?;
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    let code = status.code().or(signal.map(|signal| 128 + signal));
    Ok(Outcome { code, stdout, stderr })
}

/// How `actual` differs from `expected`: exit codes, and the first lines of a unified diff of each stream.
pub fn difference(actual: &Outcome, expected: &Outcome) -> String {
    let mut text = String::new();
    if actual.code != expected.code {
        let code = |outcome: &Outcome| outcome.code.map_or("none".into(), |code| code.to_string());
        text = format!("exit code {}, here {}\n", code(actual), code(expected));
    }
    text + &unified("stdout", &actual.stdout, &expected.stdout)
        + &unified("stderr", &actual.stderr, &expected.stderr)
}

/// Lines of a diff that are shown of a stream.
const LINES_SHOWN: usize = 24;

fn unified(stream: &str, actual: &str, expected: &str) -> String {
    if actual == expected {
        return String::new();
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a temporary file");
        path
    };
    let (here, there) = (write("here", expected), write("sandbox", actual));
    let mut diff = Command::new("diff");
    diff.args(["-a", "-U1", "--label", &format!("{stream}, this machine"), "--label"]);
    let output = run(diff.arg(format!("{stream}, sandbox")).args([here, there]), BOUND);
    let mut lines: Vec<&str> = output.stdout.lines().take(LINES_SHOWN + 1).collect();
    if lines.len() > LINES_SHOWN {
        lines[LINES_SHOWN] = "...";
    }
    lines.join("\n") + "\n"
}

#[test]
fn headers_are_understood_or_refused() {
    let text = "# cp: a sentence.\n# needs: jq tree\n# user: root\necho\n# image: none\n";
    let script = Script::parse("x", text).expect("a good header");
    assert_eq!((script.packages.join(" "), &*script.user), ("jq tree".to_owned(), "root"));
    assert_eq!(script.image, "base");
    for bad in ["# need: jq\n", "# user: nobody\n", "# image: debian\n"] {
        let text = format!("# What it is about.\n{bad}");
        let problem = Script::parse("x", &text).err().expect("an unknown header");
        assert!(problem.contains(bad.trim()), "{problem}");
    }
}
