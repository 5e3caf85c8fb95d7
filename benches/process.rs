//! Programs in a sandbox: a shell that says hi, a shell that starts programs, a Python that prints. The
//! native twins are the same programs of this machine.

use std::process::{Command as Native, Stdio as NativeStdio};

use criterion::Criterion;
use isolet::{Command, Egress, Runtime, Sandbox, SandboxConfig, Stdio};
use tokio::io::AsyncReadExt;

use crate::IMAGE;
use crate::ratio::{ISOLET, NATIVE};

/// Programs that the loop starts in one measurement, so that the shell's own start does not count much.
const FORKS: &str = "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done";

/// Ten programs at once, each with little to do: starting them is what counts.
const PIPELINE: &str = "seq 1000 | sed s/1/a/ | grep a | tr a b | sort | uniq -c | sort -rn \
    | head -n 50 | tail -n 10 | wc -l";

/// What scripts do most: command substitutions, pipes, tests, small programs.
const SCRIPT: &str = "for i in $(seq 20); do \
    name=$(basename /a/b/file$i.txt .txt); [ -n \"$name\" ] && echo $name | tr a-z A-Z; \
    done | sort | tail -n 1";

/// Small files, made, read and removed by one shell.
const SMALL_FILES: &str = "cd \"$(mktemp -d)\"; for i in {1..300}; do echo $i > f$i; done; \
    for i in {1..300}; do read -r x < f$i; done; echo $x; rm -r \"$PWD\"";

/// One large file, written and read in pieces that programs use.
const LARGE_FILE: &str = "f=$(mktemp); head -c 64M /dev/zero > $f; wc -c < $f; rm $f";

/// What is measured: group, program and arguments, what it prints.
const CASES: &[(&str, &[&str], &str)] = &[
    ("sh -c 'echo hi'", &["/bin/sh", "-c", "echo hi"], "hi\n"),
    ("100 fork + exec in sh", &["/bin/sh", "-c", FORKS], ""),
    ("100 fork + exec in bash", &["/bin/bash", "-c", FORKS], ""),
    ("bash -l -c 'echo hi'", &["/bin/bash", "-l", "-c", "echo hi"], "hi\n"),
    ("a pipeline of ten programs", &["/bin/bash", "-c", PIPELINE], "10\n"),
    ("a loop with pipes", &["/bin/bash", "-c", SCRIPT], "FILE9\n"),
    ("300 small files in bash", &["/bin/bash", "-c", SMALL_FILES], "300\n"),
    ("64 MiB written and read", &["/bin/bash", "-c", LARGE_FILE], "67108864\n"),
    ("python3 -c 'print(1)'", &["python3", "-c", "print(1)"], "1\n"),
    ("python3 with imports", &["python3", "-c", "import json, re, asyncio"], ""),
    // Without its start image, as with any option that changes how it is initialised.
    ("python3 -O -c 'print(1)'", &["python3", "-O", "-c", "print(1)"], "1\n"),
];

/// Measures each case in one sandbox.
pub fn all(criterion: &mut Criterion, tokio: &tokio::runtime::Runtime, runtime: &Runtime) {
    let config = SandboxConfig::new(IMAGE, Egress::deny_all());
    let sandbox = tokio.block_on(runtime.create(config)).expect("there is room for one");
    for (name, command, prints) in CASES {
        let mut group = criterion.benchmark_group(*name);
        group.bench_function(ISOLET, |bencher| {
            bencher.to_async(tokio).iter(|| async {
                assert_eq!(run(&sandbox, command).await, *prints);
            });
        });
        let twin = if command[0] == "python3" { python() } else { command[0].to_owned() };
        group.bench_function(NATIVE, |bencher| {
            bencher.iter(|| {
                let mut native = Native::new(&twin);
                let output = native.args(&command[1..]).stdin(NativeStdio::null()).output();
                let output = output.expect("this machine has the program");
                assert_eq!(String::from_utf8_lossy(&output.stdout), *prints);
            });
        });
        group.finish();
    }
    tokio.block_on(sandbox.kill());
}

/// This machine's interpreter itself: `python3` may be a script that looks for it, which would flatter us.
pub fn python() -> String {
    let output = Native::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let output = output.expect("this machine has Python");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// What a program prints that runs as the default user and ends with 0.
pub async fn run(sandbox: &Sandbox, command: &[&str]) -> String {
    let user = sandbox.user("user").expect("every image has user");
    let args = command[1..].iter().copied();
    let command = Command::new(command[0]).args(args).login_env(sandbox, &user);
    let child = sandbox.spawn(command.stdout(Stdio::Piped)).expect("the program is there");
    let mut stdout = child.take_stdout().expect("stdout is piped");
    let mut output = String::new();
    stdout.read_to_string(&mut output).await.expect("UTF-8");
    let status = child.wait().await;
    assert_eq!(status.code, Some(0), "{output}");
    output
}
