//! Components by hand: what runs of them, what they are told, and what a hostile one can do to the host by its imports.

use crate::alone::alone;
use crate::guests::{block_on, machine, put, run, success, wat};
use crate::held::status_bytes;

/// What every component here begins with: imports of WASI 0.2.0, which is older than what isolet has, lowered for the core module.
const IMPORTS: &str = r#"
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))
    (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $failure))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $failure (type $f)) (export "error" (type $e (eq $f)))
    (type $v (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (export "stream-error" (type $fault (eq $v)))
    (export "output-stream" (type $o (sub resource)))
    (export "[method]output-stream.check-write" (func (param "self" (borrow $o)) (result (result u64 (error $fault)))))
    (export "[method]output-stream.write" (func (param "self" (borrow $o)) (param "contents" (list u8)) (result (result (error $fault)))))
    (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $o)) (param "contents" (list u8)) (result (result (error $fault)))))))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output (type $t)) (export "output-stream" (type $o (eq $t)))
    (export "get-stdout" (func (result (own $o))))))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $t)) (export "pollable" (type $p (eq $t)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (import "wasi:cli/exit@0.2.12" (instance $exit
    (export "exit" (func (param "status" (result))))
    (export "exit-with-code" (func (param "status-code" u8)))))
  (core module $libc (memory (export "memory") 2) (global $top (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.get $top)
      (global.set $top (i32.add (global.get $top) (local.get 3)))))
  (core instance $l (instantiate $libc))
  (alias core export $l "memory" (core memory $memory))
  (alias core export $l "realloc" (core func $realloc))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $wait (canon lower (func $poll "poll") (memory $memory) (realloc $realloc)))
  (core func $check (canon lower (func $streams "[method]output-stream.check-write") (memory $memory) (realloc $realloc)))
  (core func $write (canon lower (func $streams "[method]output-stream.write") (memory $memory) (realloc $realloc)))
  (core func $say (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $memory) (realloc $realloc)))
  (core func $out (canon lower (func $stdout "get-stdout")))
  (core func $after (canon lower (func $clock "subscribe-duration")))
  (core func $bytes (canon lower (func $random "get-random-bytes") (memory $memory) (realloc $realloc)))
  (core func $leave (canon lower (func $exit "exit")))
  (core func $code (canon lower (func $exit "exit-with-code")))
"#;

/// A component whose `run` does `body` and answers with the number that is left: 0 for well.
fn component(body: &str) -> Vec<u8> {
    wat(&format!(
        r#"(component {IMPORTS}
  (core module $m
    (import "l" "memory" (memory 2))
    (import "h" "block" (func $block (param i32)))
    (import "h" "wait" (func $wait (param i32 i32 i32)))
    (import "h" "check" (func $check (param i32 i32)))
    (import "h" "write" (func $write (param i32 i32 i32 i32)))
    (import "h" "say" (func $say (param i32 i32 i32 i32)))
    (import "h" "out" (func $out (result i32)))
    (import "h" "after" (func $after (param i64) (result i32)))
    (import "h" "bytes" (func $bytes (param i64 i32)))
    (import "h" "leave" (func $leave (param i32)))
    (import "h" "code" (func $code (param i32)))
    (data (i32.const 16) "hello\n")
    (func (export "run") (result i32) (local $n i32) (local $s i32) {body}))
  (core instance $i (instantiate $m (with "l" (instance $l)) (with "h" (instance
    (export "block" (func $block)) (export "wait" (func $wait)) (export "check" (func $check)) (export "write" (func $write))
    (export "say" (func $say)) (export "out" (func $out)) (export "after" (func $after)) (export "bytes" (func $bytes))
    (export "leave" (func $leave)) (export "code" (func $code))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $r (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $r)))"#
    ))
}

#[test]
fn it_ends_as_it_says() {
    block_on(async {
        let machine = machine(&[]).await;
        let cases = [
            ("(i32.const 0)", "", 0),
            ("(i32.const 1)", "", 1),
            ("(call $leave (i32.const 0)) (i32.const 1)", "", 0),
            ("(call $leave (i32.const 1)) (i32.const 0)", "", 1),
            ("(call $code (i32.const 42)) (i32.const 0)", "", 42),
            ("(call $code (i32.const 255)) (i32.const 0)", "", 255),
            ("unreachable", "", 134),
            ("(i32.div_u (i32.const 1) (i32.const 0))", "", 136),
            ("(i32.load (i32.const -4))", "", 139),
            (
                "(call $say (call $out) (i32.const 16) (i32.const 6) (i32.const 64)) (i32.load8_u (i32.const 64))",
                "hello\n",
                0,
            ),
            ("(call $block (call $after (i64.const 1000000))) (i32.const 0)", "", 0),
        ];
        for (index, (body, printed, code)) in cases.into_iter().enumerate() {
            put(&machine, &format!("c{index}"), &component(body));
            let (_, stdout, stderr) = run(&machine, &format!("./c{index}; echo $?")).await;
            assert_eq!(stdout, format!("{printed}{code}\n"), "{body}: {stderr}");
        }
        machine.kill().await;
    });
}

#[test]
fn what_it_must_not_do_ends_it_with_words() {
    block_on(async {
        let machine = machine(&[]).await;
        let cases = [
            // Handles without end.
            ("(loop (drop (call $after (i64.const -1))) (br 0)) (i32.const 0)", "resource table"),
            (
                "(call $wait (i32.const 0) (i32.const 0) (i32.const 64)) (i32.const 0)",
                "the list is empty",
            ),
            (
                "(call $write (call $out) (i32.const 16) (i32.const 6) (i32.const 64)) (i32.const 0)",
                "more than is permitted",
            ),
            (
                "(call $say (call $out) (i32.const 16) (i32.const 5000) (i32.const 64)) (i32.const 0)",
                "more than 4096 bytes",
            ),
            ("(call $bytes (i64.const -1) (i32.const 64)) (i32.const 0)", "more than 4 MiB"),
            ("(call $bytes (i64.const 100000000) (i32.const 64)) (i32.const 0)", "more than 4 MiB"),
            // A list of sixteen million handles, of which there are none.
            ("(call $wait (i32.const 0) (i32.const 0x1000000) (i32.const 64)) (i32.const 0)", ""),
            (
                "(call $say (call $out) (i32.const -8) (i32.const 4000) (i32.const 64)) (i32.const 0)",
                "",
            ),
            (
                "(call $say (i32.const 77) (i32.const 16) (i32.const 6) (i32.const 64)) (i32.const 0)",
                "",
            ),
            ("(call $block (i32.const 12345)) (i32.const 0)", ""),
            ("(call $check (call $out) (i32.const 3)) (i32.const 0)", ""),
        ];
        for (index, (body, words)) in cases.into_iter().enumerate() {
            put(&machine, &format!("h{index}"), &component(body));
            let (_, stdout, stderr) = run(&machine, &format!("./h{index}; echo $?")).await;
            assert_eq!(stdout, "134\n", "{body}: {stderr}");
            assert!(
                stderr.starts_with("isolet: ./h") && stderr.contains(words),
                "{body}: {stderr}"
            );
        }
        assert_eq!(success(run(&machine, "echo fine").await), "fine\n");
        machine.kill().await;
    });
}

#[test]
fn writing_nothing_for_ever_costs_nothing() {
    let name = "wasi_components::writing_nothing_for_ever_costs_nothing";
    alone(name, || block_on(write_nothing()));
}

async fn write_nothing() {
    let machine = machine(&[]).await;
    let body = |count: u32| {
        component(&format!(
            "(local.set $s (call $out))
            (loop (call $write (local.get $s) (i32.const 16) (i32.const 0) (i32.const 64))
                (call $check (local.get $s) (i32.const 64))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if 0 (i32.lt_u (local.get $n) (i32.const {count}))))
            (i32.const 0)"
        ))
    };
    put(&machine, "little", &body(1000));
    put(&machine, "nothing", &body(200_000));
    // What a start takes is taken once.
    assert_eq!(success(run(&machine, "./little | wc -c").await).trim(), "0");
    let resident_bytes = || status_bytes(std::process::id(), "VmRSS:");
    let before = resident_bytes();
    assert_eq!(success(run(&machine, "./nothing | wc -c").await).trim(), "0");
    let grown = resident_bytes().saturating_sub(before);
    // 200 bytes kept of each would be as much again.
    println!("{} KiB", grown >> 10);
    assert!(grown < 40 << 20, "{} KiB", grown >> 10);
    machine.kill().await;
}

#[test]
fn what_is_no_command_says_so() {
    block_on(async {
        let machine = machine(&[]).await;
        let handler = r#"(component (instance $i) (export "wasi:http/incoming-handler@0.2.0" (instance $i)))"#;
        let library = "(component)";
        let foreign = r#"(component (import "example:other/thing@1.0.0" (instance (export "f" (func))))
            (core module $m (func (export "run") (result i32) (i32.const 0))) (core instance $i (instantiate $m))
            (func $run (result (result)) (canon lift (core func $i "run"))) (instance $r (export "run" (func $run)))
            (export "wasi:cli/run@0.2.3" (instance $r)))"#;
        let next = foreign.replace("0.2.3", "0.3.0");
        for (name, text, words) in [
            ("handler", handler, "wasi:http/incoming-handler"),
            ("library", library, "does not export wasi:cli/run@0.2"),
            ("foreign", foreign, "example:other/thing@1.0.0"),
            ("next", &next, "does not export wasi:cli/run@0.2"),
        ] {
            put(&machine, name, &wat(text));
            let (code, stdout, stderr) = run(&machine, &format!("./{name}")).await;
            assert_eq!((code, stdout.as_str()), (Some(126), ""), "{stderr}");
            assert!(
                stderr.contains("cannot run this program") && stderr.contains(words),
                "{stderr}"
            );
        }
        machine.kill().await;
    });
}
