//! Programs with several memories: components that join modules or components, and modules over preview 1. They work together, each
//! memory counts towards the limits, and there is a limit to how many.

use isolet::{Egress, Limits, SandboxConfig};

use crate::guests::{block_on, machine, machine_of, put, run, runtime, success, wat};

/// What a user's program may have (`host::growth`).
const MEMORIES_MAX: usize = 8;

/// A component of `count` modules with a memory each, of `pages` at the beginning. It lets them grow in turn by a MiB, until none does,
/// and ends with the number of MiB.
fn growing(count: usize, pages: u32) -> Vec<u8> {
    let each = |part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<String>();
    let instances = each(&|n| format!("(core instance $s{n} (instantiate $store))"));
    let imports = each(&|n| format!("(import \"s{n}\" \"grow\" (func $grow{n} (result i32)))"));
    let calls = each(&|n| format!("(call $note (call $grow{n}))"));
    let given = each(&|n| format!("(with \"s{n}\" (instance $s{n}))"));
    wat(&format!(
        r#"(component
  (import "wasi:cli/exit@0.2.12" (instance $exit (export "exit-with-code" (func (param "status-code" u8)))))
  (core func $code (canon lower (func $exit "exit-with-code")))
  (core module $store (memory {pages}) (func (export "grow") (result i32) (memory.grow (i32.const 16))))
  {instances}
  (core module $m {imports}
    (import "h" "code" (func $code (param i32)))
    (global $grown (mut i32) (i32.const 0)) (global $again (mut i32) (i32.const 0))
    (func $note (param $before i32)
      (if (i32.ne (local.get $before) (i32.const -1)) (then
        (global.set $grown (i32.add (global.get $grown) (i32.const 1)))
        (global.set $again (i32.const 1)))))
    (func (export "run") (result i32)
      (loop (global.set $again (i32.const 0)) {calls} (br_if 0 (global.get $again)))
      (call $code (global.get $grown)) (i32.const 0)))
  (core instance $i (instantiate $m {given} (with "h" (instance (export "code" (func $code))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $r (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $r)))"#
    ))
}

#[test]
fn memories_of_a_component_count_together() {
    block_on(async {
        let limits = Limits { memory_bytes_max: 96 << 20, ..Limits::default() };
        let wanted = SandboxConfig::new("base", Egress::deny_all()).limits(limits);
        let programs = [("one", growing(1, 0)), ("all", growing(MEMORIES_MAX, 0))];
        let machine = machine_of(runtime().await, wanted, &programs).await;
        let before = machine.usage().memory_bytes;
        // By the limit of the process: the same to the MiB, be it one memory or eight.
        for name in ["one", "all"] {
            let told = success(run(&machine, &format!("ulimit -v 41500; ./{name}; echo $?")).await);
            assert_eq!(told, "40\n", "{name}");
        }
        // By the sandbox's, in which something else runs as well.
        for name in ["one", "all"] {
            let told = success(run(&machine, &format!("./{name}; echo $?")).await);
            let grown: u8 = told.trim().parse().expect("a code");
            assert!((32..96).contains(&grown), "{name}: {told}");
        }
        let after = machine.usage().memory_bytes;
        assert!(after <= before + (1 << 20), "{before} before, {after} after");
        machine.kill().await;
    });
}

#[test]
fn what_memories_begin_with_counts_as_well() {
    block_on(async {
        let limits = Limits { memory_bytes_max: 96 << 20, ..Limits::default() };
        let wanted = SandboxConfig::new("base", Egress::deny_all()).limits(limits);
        // 20 MiB each: two have room, five have not.
        let programs = [("two", growing(2, 320)), ("five", growing(5, 320))];
        let machine = machine_of(runtime().await, wanted, &programs).await;
        let before = machine.usage().memory_bytes;
        let told = success(run(&machine, "ulimit -v 62000; ./two; echo $?").await);
        assert_eq!(told, "20\n");
        let (code, stdout, stderr) = run(&machine, "./five").await;
        assert_eq!((code, stdout.as_str()), (Some(126), ""), "{stderr}");
        assert!(stderr.contains("exceeds memory limits"), "{stderr}");
        let after = machine.usage().memory_bytes;
        assert!(after <= before + (1 << 20), "{before} before, {after} after");
        machine.kill().await;
    });
}

/// A module over preview 1 with `count` memories. It copies text from the first into the last, which is the one that it exports, and
/// writes it from there.
fn module(count: usize) -> Vec<u8> {
    let others: String = (1..count).map(|n| format!("(memory $m{n} 1)")).collect();
    wat(&format!(
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        {others} (memory $last (export "memory") 1)
        (data (memory $last) (i32.const 8) "\10\00\00\00\06\00\00\00")
        (data (memory 0) (i32.const 32) "first\n") (data (memory $last) (i32.const 32) "last!\n")
        (func (export "_start")
            (memory.copy $last 0 (i32.const 16) (i32.const 32) (i32.const 6))
            (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))))"#
    ))
}

#[test]
fn there_is_a_limit_to_memories() {
    block_on(async {
        let machine = machine(&[]).await;
        for (name, program) in [
            ("m2", module(2)),
            ("m8", module(MEMORIES_MAX)),
            ("m9", module(MEMORIES_MAX + 1)),
            ("c9", growing(MEMORIES_MAX + 1, 0)),
        ] {
            put(&machine, name, &program);
        }
        assert_eq!(success(run(&machine, "./m2; ./m8").await), "first\nfirst\n");
        for name in ["m9", "c9"] {
            let (code, stdout, stderr) = run(&machine, &format!("./{name}")).await;
            assert_eq!((code, stdout.as_str()), (Some(126), ""), "{name}: {stderr}");
            assert!(stderr.contains("memory count too high"), "{name}: {stderr}");
        }
        machine.kill().await;
    });
}

/// A component of two: one hands a text to the other, which gives it back in capitals; each has a memory of its own, the other's being
/// the longer one. Well if it came back and is here as it was.
fn joined(realloc: &str, text: &str) -> Vec<u8> {
    wat(&format!(
        r#"(component
  (component $capitals
    (core module $m (memory (export "memory") 2)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc})
      (func (export "upper") (param $at i32) (param $len i32) (result i32) (local $n i32)
        (i32.store (i32.const 8) (local.get $at)) (i32.store (i32.const 12) (local.get $len))
        (loop
          (i32.store8 (i32.add (local.get $at) (local.get $n))
            (i32.and (i32.load8_u (i32.add (local.get $at) (local.get $n))) (i32.const 0xdf)))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if 0 (i32.lt_u (local.get $n) (local.get $len))))
        (i32.const 8)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (alias core export $i "realloc" (core func $realloc))
    (alias core export $i "upper" (core func $upper))
    (func (export "upper") (param "text" string) (result string)
      (canon lift (core func $upper) (memory $memory) (realloc $realloc))))
  (component $program
    (import "upper" (func $upper (param "text" string) (result string)))
    (core module $libc (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
    (core instance $l (instantiate $libc))
    (alias core export $l "memory" (core memory $memory))
    (alias core export $l "realloc" (core func $realloc))
    (core func $up (canon lower (func $upper) (memory $memory) (realloc $realloc)))
    (core module $m
      (import "l" "memory" (memory 1))
      (import "h" "up" (func $up (param i32 i32 i32)))
      (data (i32.const 16) "abc")
      (func (export "run") (result i32)
        (call $up {text} (i32.const 64))
        (i32.eqz (i32.and
          (i32.eq (i32.load (i32.load (i32.const 64))) (i32.const 0x434241))
          (i32.eq (i32.load (i32.const 16)) (i32.const 0x636261))))))
    (core instance $i (instantiate $m (with "l" (instance $l)) (with "h" (instance (export "up" (func $up))))))
    (func (export "run") (result (result)) (canon lift (core func $i "run"))))
  (instance $one (instantiate $capitals))
  (instance $other (instantiate $program (with "upper" (func $one "upper"))))
  (instance $r (export "run" (func $other "run")))
  (export "wasi:cli/run@0.2.0" (instance $r)))"#
    ))
}

#[test]
fn components_hand_texts_from_memory_to_memory() {
    block_on(async {
        let machine = machine(&[]).await;
        let (here, abc) = ("(i32.const 1024)", "(i32.const 16) (i32.const 3)");
        let cases = [
            ("well", here, abc, 0, ""),
            ("another text", here, "(i32.const 16) (i32.const 2)", 1, ""),
            // Outside of its own memory, where the other's is.
            ("outside", here, "(i32.const 70000) (i32.const 3)", 134, "out-of-bounds"),
            ("half outside", here, "(i32.const 65535) (i32.const 3)", 134, "out-of-bounds"),
            ("without end", here, "(i32.const 16) (i32.const -1)", 134, "out-of-bounds"),
            ("no room at the end", "(i32.const 131070)", abc, 134, "out-of-bounds"),
            ("no room at all", "(i32.const -8)", abc, 134, "out-of-bounds"),
        ];
        for (index, (what, realloc, text, code, words)) in cases.into_iter().enumerate() {
            put(&machine, &format!("c{index}"), &joined(realloc, text));
            let (_, stdout, stderr) = run(&machine, &format!("./c{index}; echo $?")).await;
            assert_eq!(stdout, format!("{code}\n"), "{what}: {stderr}");
            assert!(stderr.contains(words), "{what}: {stderr}");
        }
        assert_eq!(success(run(&machine, "echo fine").await), "fine\n");
        machine.kill().await;
    });
}
