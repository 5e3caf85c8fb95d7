//! Children of components: `isolet:guest/process`, by a guest of our own (`tests/guests/wasi/process`) and by hand.

use std::time::Duration;

use isolet::Sandbox;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::guests::{block_on, machine, parent, put, run, run_with, start, success, wat};

/// From a kill to the end.
const KILL_BOUND: Duration = Duration::from_secs(300);

async fn with_guest() -> Sandbox {
    machine(&[("guest", parent())]).await
}

#[test]
fn children_are_started_fed_and_read() {
    block_on(async {
        let machine = with_guest().await;
        let cases = [
            ("pipeline", "A\nB\nbad\nExitStatus::Code(7) Some(ExitStatus::Code(7))\n"),
            (
                "chain",
                "x 5 4 3 2 1 \n[ExitStatus::Code(0), ExitStatus::Code(0), ExitStatus::Code(0)]\n",
            ),
            ("feed", "300000\nExitStatus::Code(0) ExitStatus::Code(0)\nExitStatus::Code(0)\n"),
            ("inherit 'echo to; echo too >&2; exit 4'", "to\nExitStatus::Code(4)\n"),
        ];
        for (what, expected) in cases {
            assert_eq!(
                success(run(&machine, &format!("./guest {what}")).await),
                expected,
                "{what}"
            );
        }
        let (_, stdout, stderr) = run(&machine, "./guest inherit 'echo too >&2' >&-").await;
        assert_eq!((stdout.as_str(), stderr.as_str()), ("", "too\n"));
        machine.kill().await;
    });
}

#[test]
fn children_are_signalled_and_waited_for() {
    block_on(async {
        let machine = with_guest().await;
        let killed = success(run(&machine, "./guest kill").await);
        let expected = "well invalid well\nExitStatus::Signal(15) no-such-process\nExitStatus::Signal(9) invalid\n";
        assert_eq!(killed, expected);
        let ends = success(run(&machine, "./guest several").await);
        let mut codes: Vec<&str> = ends.split_whitespace().collect();
        assert_eq!(codes.pop(), Some("5"));
        codes.sort_unstable();
        let expected: Vec<String> = (0..5).map(|n| format!("ExitStatus::Code({n})")).collect();
        assert_eq!(codes, expected);
        let told = success(run(&machine, "./guest group; ps -o comm= -C sleep | wc -l").await);
        assert_eq!(told, "\"\" ExitStatus::Signal(9) no-such-process\n0\n");
        machine.kill().await;
    });
}

#[test]
fn what_cannot_be_started_says_why() {
    block_on(async {
        let machine = with_guest().await;
        let script = "echo text >text; chmod +x text; printf '#!/nowhere/x\\n' >no-interpreter; chmod +x no-interpreter; ./guest errors";
        let told = success(run(&machine, script).await);
        let expected = "no-entry no-entry no-entry access access not-directory no-exec no-entry name-too-long invalid invalid \
            too-big no-entry not-directory invalid invalid no-entry\n";
        assert_eq!(told, expected);
        machine.kill().await;
    });
}

#[test]
fn children_find_what_they_were_given() {
    block_on(async {
        let machine = with_guest().await;
        let (code, stdout, stderr) = run_with(&machine, "./guest files", b"from stdin\n").await;
        let refused = r#"["invalid", "invalid"]"#;
        let expected = format!(
            "first\n0, 1, 2, 3\nExitStatus::Code(0)\n{refused}\nfrom stdin\nExitStatus::Code(0)\n"
        );
        assert_eq!((code, stdout.as_str()), (Some(0), expected.as_str()), "{stderr}");
        assert_eq!(success(run(&machine, "cat out").await), "first\nsecond\n");
        let script = "printf '#!/home/user/guest pipeline\\n' >script; chmod +x script; ./guest surroundings";
        let (_, stdout, stderr) = run(&machine, script).await;
        let expected = "/tmp\nzero one two\nA=x=y\nB=\nPATH=/usr/bin:/bin\nPWD=/tmp\nExitStatus::Code(0)\nA\nB\nbad\nExitStatus::Code(7) Some(ExitStatus::Code(7))\nExitStatus::Code(0)\n";
        assert_eq!(stdout, expected, "{stderr}");
        machine.kill().await;
    });
}

#[test]
fn children_count_as_anybodys_and_leave_nothing() {
    block_on(async {
        let machine = with_guest().await;
        assert_eq!(
            success(run(&machine, "ulimit -u 20; ./guest flood").await),
            "again true\ntrue\n"
        );
        let script = "./guest abandon; ps -o stat= | grep -c Z; until [ -s later ]; do sleep 0.05; done; cat later";
        assert_eq!(success(run(&machine, script).await), "0\nlater\n");
        let before = machine.usage().processes;
        // A kill of the parent in its wait; its child is init's.
        let child = start(&machine, "exec ./guest wait");
        let mut lines = BufReader::new(child.take_stdout().expect("piped")).lines();
        let pid = lines.next_line().await.expect("a pipe").expect("its child's number");
        child.signal(9).expect("it runs");
        let ended = tokio::time::timeout(KILL_BOUND, child.wait()).await;
        assert_eq!(ended.expect("killed while it waits").signal, Some(9));
        let told = success(run(&machine, &format!("ps -o ppid=,comm= -p {pid}; kill {pid}")).await);
        assert_eq!(told.split_whitespace().collect::<Vec<_>>(), ["1", "sleep"]);
        let gone = format!("while kill -0 {pid} 2>/dev/null; do sleep 0.05; done");
        success(run(&machine, &gone).await);
        assert!(machine.usage().processes <= before);
        machine.kill().await;
    });
}

#[test]
fn hostile_arguments_get_errors() {
    block_on(async {
        let machine = with_guest().await;
        assert_eq!(success(run(&machine, "./guest storm").await), "400 true\n");
        let told = success(run(&machine, "ulimit -n 200; ./guest handles").await);
        assert_eq!(told, "too-many-files too-many-files true\nSome(ExitStatus::Code(0))\n");
        machine.kill().await;
    });
}

/// A component that calls `spawn` with the record at 1024 of its memory, of which `data` says the words, and answers 1 for an error.
fn caller(data: &str, body: &str) -> Vec<u8> {
    wat(&format!(
        r#"(component
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "input-stream" (type (sub resource))) (export "output-stream" (type (sub resource)))))
  (alias export $streams "input-stream" (type $input))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:filesystem/types@0.2.0" (instance $files (export "descriptor" (type (sub resource)))))
  (alias export $files "descriptor" (type $descriptor))
  (import "isolet:guest/process@0.1.0" (instance $process
    (alias outer 1 $input (type $i)) (alias outer 1 $output (type $o)) (alias outer 1 $descriptor (type $d))
    (export "input-stream" (type $in (eq $i))) (export "output-stream" (type $out (eq $o))) (export "descriptor" (type $file (eq $d)))
    (type $e (enum "access" "again" "invalid" "io" "loop" "too-many-files" "name-too-long" "no-entry" "no-exec"
        "insufficient-memory" "not-directory" "not-permitted" "no-such-process" "too-big"))
    (export "error-code" (type $error (eq $e)))
    (type $s (variant (case "inherit") (case "null") (case "pipe") (case "stream" (borrow $in)) (case "file" (borrow $file))))
    (export "source" (type $source (eq $s)))
    (type $k (variant (case "inherit") (case "null") (case "pipe") (case "stream" (borrow $out)) (case "file" (borrow $file))))
    (export "sink" (type $sink (eq $k)))
    (type $c (record (field "program" string) (field "arguments" (list string))
        (field "environment" (option (list (tuple string string)))) (field "working-directory" (option string))
        (field "stdin" $source) (field "stdout" $sink) (field "stderr" $sink) (field "own-group" bool)))
    (export "command" (type $command (eq $c)))
    (export "child" (type $child (sub resource)))
    (export "[method]child.pid" (func (param "self" (borrow $child)) (result u32)))
    (export "spawn" (func (param "command" $command) (result (result (own $child) (error $error)))))))
  (core module $libc (memory (export "memory") 2)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))
  (core instance $l (instantiate $libc))
  (alias core export $l "memory" (core memory $memory))
  (alias core export $l "realloc" (core func $realloc))
  (core func $spawn (canon lower (func $process "spawn") (memory $memory) (realloc $realloc)))
  (core func $pid (canon lower (func $process "[method]child.pid")))
  (core module $m
    (import "l" "memory" (memory 2))
    (import "h" "spawn" (func $spawn (param i32 i32)))
    (import "h" "pid" (func $pid (param i32) (result i32)))
    (data (i32.const 512) "true")
    (data (i32.const 1024) "{data}")
    (func (export "run") (result i32) {body}))
  (core instance $i (instantiate $m (with "l" (instance $l)) (with "h" (instance
    (export "spawn" (func $spawn)) (export "pid" (func $pid))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $r (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $r)))"#
    ))
}

/// A record of a command, word by word: program, arguments, environment, directory, three streams, whether a group.
fn record(change: &[(usize, u32)]) -> String {
    // The name `true`, no arguments, `none`, `none`, three times nowhere.
    let mut words = [512, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0];
    for &(at, word) in change {
        words[at] = word;
    }
    words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect()
}

/// A name, the words that are otherwise, what `run` does, the exit code.
type Case<'a> = (&'a str, &'a [(usize, u32)], &'a str, u8);

#[test]
fn what_no_compiler_writes_ends_it_and_not_the_host() {
    block_on(async {
        let machine = machine(&[]).await;
        let spawn = "(call $spawn (i32.const 1024) (i32.const 64)) (i32.load8_u (i32.const 64))";
        let cases: &[Case] = &[
            ("as it should be", &[], spawn, 0),
            ("no such program", &[(1, 3)], spawn, 1),
            ("a name outside", &[(0, 0xffff_fff0)], spawn, 134),
            ("a name without end", &[(1, u32::MAX)], spawn, 134),
            ("arguments without end", &[(3, u32::MAX)], spawn, 134),
            ("arguments outside", &[(2, 0x20000), (3, 1)], spawn, 134),
            ("arguments askew", &[(2, 1025), (3, 1)], spawn, 134),
            ("a name that is no text", &[(0, 1064)], spawn, 1),
            ("no option", &[(4, 7)], spawn, 134),
            ("no stream's kind", &[(10, 9)], spawn, 134),
            ("no stream", &[(10, 3), (11, 77)], spawn, 134),
            ("no descriptor", &[(12, 4), (13, u32::MAX)], spawn, 134),
            (
                "a record askew",
                &[],
                "(call $spawn (i32.const 1025) (i32.const 64)) (i32.const 0)",
                134,
            ),
            (
                "a record outside",
                &[],
                "(call $spawn (i32.const 131060) (i32.const 64)) (i32.const 0)",
                134,
            ),
            (
                "an answer outside",
                &[],
                "(call $spawn (i32.const 1024) (i32.const -8)) (i32.const 0)",
                134,
            ),
            ("no child", &[], "(call $pid (i32.const 5))", 134),
            (
                "as many as there may be processes",
                &[],
                "(local $n i32) (loop (call $spawn (i32.const 1024) (i32.const 64))
                    (if (i32.load8_u (i32.const 64)) (then (return (i32.const 1))))
                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (br_if 0 (i32.lt_u (local.get $n) (i32.const 300)))) (i32.const 0)",
                1,
            ),
        ];
        for (index, (what, change, body, code)) in cases.iter().enumerate() {
            put(&machine, &format!("c{index}"), &caller(&record(change), body));
            let (_, stdout, stderr) = run(&machine, &format!("./c{index}; echo $?")).await;
            assert_eq!(stdout, format!("{code}\n"), "{what}: {stderr}");
            assert_eq!(stderr.starts_with("isolet: ./c"), *code == 134, "{what}: {stderr}");
        }
        assert_eq!(success(run(&machine, "echo fine").await), "fine\n");
        machine.kill().await;
    });
}
