//! Start images: a C program that is initialised once goes on from there in every start, and is otherwise what it is on this machine.

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use crate::run::run;
use crate::server::isolet;

const BOUND: Duration = Duration::from_secs(900);

/// Everything that it does from the image: its variables, threads, memory, signals; calls that do not suit.
const SCRIPT: &str =
    "for what in one threads grow signal misuse plain; do OWN=$what prepared $what; done";

#[test]
fn a_program_goes_on_from_its_start_image_as_if_there_were_none() {
    let guests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests");
    let native = tempfile::tempdir().expect("a directory");
    let mut compiler = Command::new("gcc");
    compiler.args(["-D_GNU_SOURCE", "-w", "-O1", "-pthread", "-o"]);
    run(compiler.arg(native.path().join("prepared")).arg(format!("{guests}/prepared.c")), BOUND)
        .success();
    let path = format!("{}:/usr/bin:/bin", native.path().display());
    let mut twin = Command::new("sh");
    let expected = run(twin.args(["-c", SCRIPT]).env("PATH", path), BOUND).success();

    let mut command = isolet();
    command.args(["run", "--image-dir", &format!("{guests}/image"), "--image", "guests"]);
    let output = run(command.args(["--", "sh", "-c", SCRIPT]), BOUND);
    let lines = |start: &str| -> Vec<String> {
        let lines = output.stderr.lines().filter_map(|line| line.strip_prefix(start));
        lines.map(str::to_owned).collect()
    };
    // It was initialised in another process, but for the one that began again.
    assert_eq!(lines("image "), ["1", "1", "1", "1", "1", "0"], "{}", output.transcript());
    // What the kernel gives each start is its own.
    let random: HashSet<_> = lines("random ").into_iter().collect();
    assert_eq!(random.len(), 6, "{}", output.transcript());
    assert_eq!(output.success(), expected);
}

#[test]
fn a_program_that_never_says_it_is_ready_is_started_plainly() {
    // hostname, which knows nothing of start images, under a manifest that wants one.
    let guests = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-images");
    let noted = std::fs::read_to_string(format!("{guests}/hostname/blob")).expect("committed");
    let (digest, _) = noted.split_once(' ').expect("a digest and a path");
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(folder.path().join("blobs")).expect("a folder of the test's own");
    let blob = format!("blobs/{digest}.wasm.zst");
    std::fs::copy(format!("{guests}/{blob}"), folder.path().join(&blob)).expect("the blob");
    let manifest = format!(
        "abi = 1\nname = \"unready\"\nbase = \"base\"\n[[program]]\npath = \"/usr/bin/unready\"\n\
         blob = \"{digest}\"\nversion = \"1\"\nstart_image = true\n"
    );
    std::fs::write(folder.path().join("image.toml"), manifest).expect("a file of the test's own");

    let mut command = isolet();
    command.arg("run").arg("--image-dir").arg(folder.path()).args(["--image", "unready"]);
    let output = run(command.args(["--", "/usr/bin/unready"]), BOUND);
    let said = output.stderr.lines().find(|line| line.contains("without a start image"));
    let said = said.unwrap_or_else(|| panic!("no line of the log: {}", output.transcript()));
    assert!(
        said.contains("/usr/bin/unready") && said.contains("before it was initialised"),
        "{said}"
    );
    assert_eq!(output.success(), "isolet\n");
}
