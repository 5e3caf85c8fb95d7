//! Hostile guests of WASI: each function of preview 1 with every wrong argument there is, and kills from every state. Right errors or traps,
//! no memory of the host's by a guest's argument.

use std::fmt::Write;
use std::time::Duration;

use crate::guests::{block_on, machine, run, start, success, wat};
use tokio::io::{AsyncBufReadExt, BufReader};

/// From a kill to the end.
const KILL_BOUND: Duration = Duration::from_secs(300);

/// Preview 1's functions and their arguments: `i` 32 bits, `I` 64 bits, `p` a pointer, `f` a descriptor.
const FUNCTIONS: &[(&str, &str)] = &[
    ("args_get", "pp"),
    ("args_sizes_get", "pp"),
    ("environ_get", "pp"),
    ("environ_sizes_get", "pp"),
    ("clock_res_get", "ip"),
    ("clock_time_get", "iIp"),
    ("fd_advise", "fIIi"),
    ("fd_allocate", "fII"),
    ("fd_close", "f"),
    ("fd_datasync", "f"),
    ("fd_fdstat_get", "fp"),
    ("fd_fdstat_set_flags", "fi"),
    ("fd_fdstat_set_rights", "fII"),
    ("fd_filestat_get", "fp"),
    ("fd_filestat_set_size", "fI"),
    ("fd_filestat_set_times", "fIIi"),
    ("fd_pread", "fpiIp"),
    ("fd_prestat_get", "fp"),
    ("fd_prestat_dir_name", "fpi"),
    ("fd_pwrite", "fpiIp"),
    ("fd_read", "fpip"),
    ("fd_readdir", "fpiIp"),
    ("fd_renumber", "ff"),
    ("fd_seek", "fIip"),
    ("fd_sync", "f"),
    ("fd_tell", "fp"),
    ("fd_write", "fpip"),
    ("path_create_directory", "fpi"),
    ("path_filestat_get", "fipip"),
    ("path_filestat_set_times", "fipiIIi"),
    ("path_link", "fipifpi"),
    ("path_open", "fipiiIIip"),
    ("path_readlink", "fpipip"),
    ("path_remove_directory", "fpi"),
    ("path_rename", "fpifpi"),
    ("path_symlink", "pifpi"),
    ("path_unlink_file", "fpi"),
    ("poll_oneoff", "ppip"),
    ("proc_raise", "i"),
    ("sched_yield", ""),
    ("random_get", "pi"),
    ("sock_accept", "fip"),
    ("sock_recv", "fpiipp"),
    ("sock_send", "fpiip"),
    ("sock_shutdown", "fi"),
];

fn kind(letter: char) -> &'static str {
    if letter == 'I' { "i64" } else { "i32" }
}

/// A module that calls each function with combinations of hostile arguments from a random sequence, and says how often it did.
fn storm(seed: u64) -> Vec<u8> {
    let mut text = String::from("(module\n");
    for (name, arguments) in FUNCTIONS {
        let parameters: Vec<_> = arguments.chars().map(kind).collect();
        writeln!(
            text,
            "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {}) (result i32)))",
            parameters.join(" ")
        )
        .expect("a string");
    }
    text.push_str(
        "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $proc_exit (param i32)))
        (memory (export \"memory\") 2) (global $seed (mut i64) (i64.const SEED)) (global $worst (mut i32) (i32.const 0))
        (data (i32.const 1024) \"tmp\\00\\ff\\fe..//../../../x/.\")
        (func $next (result i64)
            (global.set $seed (i64.add (i64.mul (global.get $seed) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
            (i64.shr_u (global.get $seed) (i64.const 33)))
        (func $choose (param $n i64) (result i64) (i64.rem_u (call $next) (local.get $n)))
        CHOICES
        (func $note (param $errno i32)
            (if (i32.gt_u (local.get $errno) (global.get $worst)) (then (global.set $worst (local.get $errno)))))
        (func (export \"_start\") (local $n i32)
            (loop $again\n",
    );
    for (name, arguments) in FUNCTIONS {
        // Sleeping for ever and closing everything are other tests'.
        if matches!(
            *name,
            "poll_oneoff" | "proc_raise" | "fd_close" | "fd_renumber" | "fd_read" | "sock_accept"
        ) {
            continue;
        }
        let calls: Vec<_> = arguments.chars().map(|letter| format!("(call ${letter})")).collect();
        writeln!(text, "(call $note (call ${name} {}))", calls.join(" ")).expect("a string");
    }
    text.push_str(
        "(local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 3000))))
            (call $proc_exit (global.get $worst))))",
    );
    let choices = [
        choice(
            "I",
            "i64",
            &["0", "1", "-1", "0x7fffffffffffffff", "0x8000000000000000", "4096"],
            "(call $next)",
        ),
        choice(
            "i",
            "i32",
            &["0", "1", "-1", "0x7fffffff", "65536"],
            "(i32.wrap_i64 (call $choose (i64.const 40)))",
        ),
        choice(
            "p",
            "i32",
            &["0", "-1", "-4", "131068", "131072"],
            "(i32.wrap_i64 (i64.add (i64.const 1024) (call $choose (i64.const 30000))))",
        ),
        choice("f", "i32", &["-1"], "(i32.wrap_i64 (call $choose (i64.const 12)))"),
    ];
    wat(&text.replace("SEED", &(seed | 1).to_string()).replace("CHOICES", &choices.concat()))
}

/// A function that gives one of some constants, or something else.
fn choice(name: &str, kind: &str, constants: &[&str], otherwise: &str) -> String {
    let mut body = otherwise.to_owned();
    for (index, constant) in constants.iter().enumerate() {
        body = format!(
            "(if (result {kind}) (i64.eq (local.get $c) (i64.const {index})) (then ({kind}.const {constant})) (else {body}))"
        );
    }
    let count = constants.len() + 1;
    format!(
        "(func ${name} (result {kind}) (local $c i64) (local.set $c (call $choose (i64.const {count}))) {body})\n"
    )
}

#[test]
fn every_function_with_every_wrong_argument() {
    block_on(async {
        let programs: Vec<_> = (1..=4u64).map(|n| (format!("storm{n}"), storm(n * 7919))).collect();
        let named: Vec<_> = programs.iter().map(|(n, c)| (n.as_str(), c.clone())).collect();
        let machine = machine(&named).await;
        for (name, _) in &programs {
            let script = format!("mkdir -p d; cd d; ../{name} </dev/null >/dev/null 2>&1; echo $?");
            let told = success(run(&machine, &script).await);
            let worst: u32 = told.trim().parse().expect("a code");
            // It came to its end; the highest error is a number of preview 1's.
            assert!((29..=76).contains(&worst), "{name}: {told}");
        }
        assert_eq!(success(run(&machine, "echo fine").await), "fine\n");
        machine.kill().await;
    });
}

/// A module with imports of preview 1, a page of memory, and a start of `body`; it exits with what that leaves.
fn calling(imports: &[&str], body: &str) -> Vec<u8> {
    let mut text = String::from("(module ");
    for wanted in imports {
        let (name, arguments) =
            FUNCTIONS.iter().find(|(name, _)| name == wanted).expect("a function of preview 1");
        let parameters: Vec<_> = arguments.chars().map(kind).collect();
        let parameters = parameters.join(" ");
        write!(text, "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {parameters}) (result i32)))").expect("a string");
    }
    write!(
        text,
        "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))
        (memory (export \"memory\") 2)
        (data (i32.const 64) \"tmp/../../etc\") (data (i32.const 128) \"/etc\") (data (i32.const 192) \"\\ff\\fe\")
        (data (i32.const 256) \"a\\00b\") (data (i32.const 320) \"etc\") (data (i32.const 384) \"etc/hostname\")
        (data (i32.const 448) \"etc/hostname/\") (data (i32.const 512) \"new\")
        (func (export \"_start\") (call $exit {body})))"
    )
    .expect("a string");
    wat(&text)
}

#[test]
fn errors_are_preview_1s() {
    let open = |fd: u32, path: u32, len: u32, oflags: u32, rights: u64| {
        format!(
            "(call $path_open (i32.const {fd}) (i32.const 1) (i32.const {path}) (i32.const {len}) (i32.const {oflags}) (i64.const {rights}) (i64.const 0) (i32.const 0) (i32.const 1024))"
        )
    };
    // Descriptor 4 is the root, 0 is /dev/null, 6 is what was opened first.
    let cases: Vec<(&str, String, u32)> = vec![
        ("path_open", open(4, 64, 13, 0, 2), 63),       // out by ..
        ("path_open", open(4, 128, 4, 0, 2), 63),       // absolute
        ("path_open", open(4, 192, 2, 0, 2), 25),       // not UTF-8
        ("path_open", open(4, 256, 3, 0, 2), 28),       // a NUL
        ("path_open", open(4, 320, 3, 2, 2), 0),        // a directory
        ("path_open", open(4, 320, 3, 0, 66), 31),      // a directory to write
        ("path_open", open(4, 384, 12, 2, 2), 54),      // a file as a directory
        ("path_open", open(4, 448, 13, 0, 2), 54),      // a file with a slash
        ("path_open", open(4, 384, 12, 3, 2), 28),      // made, as a directory
        ("path_open", open(4, 384, 12, 5, 2), 20),      // exclusively
        ("path_open", open(4, 512, 3, 1, 66), 2),       // in the root, which is root's
        ("path_open", open(5, 512, 3, 1, 66), 0),       // in the working directory
        ("path_open", open(4, 384, 12, 16, 2), 28),     // an unknown flag
        ("path_open", open(4, 384, 5000, 0, 2), 37),    // too long
        ("path_open", open(4, 384, 0, 0, 2), 44),       // nothing
        ("path_open", open(99, 384, 12, 0, 2), 8),      // no such descriptor
        ("path_open", open(0, 384, 12, 0, 2), 8),       // not a directory's
        ("path_open", open(4, 0xffff_fff0, 12, 0, 2), 21), // outside memory
        ("fd_seek", "(call $fd_seek (i32.const 4) (i64.const 0) (i32.const 0) (i32.const 1024))".into(), 8),
        ("fd_seek", "(call $fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 1024))".into(), 70),
        ("fd_tell", "(call $fd_tell (i32.const 77) (i32.const 1024))".into(), 8),
        ("fd_prestat_get", "(call $fd_prestat_get (i32.const 6) (i32.const 1024))".into(), 8),
        ("fd_prestat_get", "(call $fd_prestat_get (i32.const 0) (i32.const 1024))".into(), 8),
        ("fd_prestat_dir_name", "(call $fd_prestat_dir_name (i32.const 4) (i32.const 1024) (i32.const 0))".into(), 37),
        ("fd_prestat_dir_name", "(call $fd_prestat_dir_name (i32.const 0) (i32.const 1024) (i32.const 9))".into(), 54),
        ("fd_renumber", "(call $fd_renumber (i32.const 4) (i32.const 60))".into(), 8),
        ("fd_renumber", "(call $fd_renumber (i32.const 4) (i32.const 4))".into(), 0),
        ("fd_fdstat_set_rights", "(call $fd_fdstat_set_rights (i32.const 4) (i64.const 0) (i64.const 0))".into(), 58),
        ("fd_readdir", "(call $fd_readdir (i32.const 1) (i32.const 2048) (i32.const 100) (i64.const 0) (i32.const 1024))".into(), 8),
        ("clock_time_get", "(call $clock_time_get (i32.const 9) (i64.const 0) (i32.const 1024))".into(), 28),
        ("poll_oneoff", "(call $poll_oneoff (i32.const 2048) (i32.const 8192) (i32.const 0) (i32.const 1024))".into(), 28),
        ("poll_oneoff", "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 1000000) (i32.const 1024))".into(), 28),
        ("poll_oneoff", "(call $poll_oneoff (i32.const -64) (i32.const 0) (i32.const 4) (i32.const 1024))".into(), 21),
        ("random_get", "(call $random_get (i32.const 0) (i32.const 0x40000000))".into(), 21),
        ("random_get", "(call $random_get (i32.const 0) (i32.const 131072))".into(), 0),
        ("sock_recv", "(call $sock_recv (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 1032))".into(), 57),
        ("sock_shutdown", "(call $sock_shutdown (i32.const 1) (i32.const 3))".into(), 57),
        ("sock_accept", "(call $sock_accept (i32.const 40) (i32.const 0) (i32.const 1024))".into(), 8),
        ("proc_raise", "(call $proc_raise (i32.const 0))".into(), 0),
        ("proc_raise", "(call $proc_raise (i32.const 31))".into(), 28),
        ("fd_filestat_set_times", "(call $fd_filestat_set_times (i32.const 5) (i64.const 0) (i64.const 0) (i32.const 3))".into(), 28),
        ("sched_yield", "(call $sched_yield)".into(), 0),
    ];
    block_on(async move {
        let machine = machine(&[]).await;
        let (mut script, mut expected) = (String::new(), String::new());
        for (index, (name, body, errno)) in cases.iter().enumerate() {
            crate::guests::put(&machine, &format!("t{index}"), &calling(&[name], body));
            writeln!(script, "./t{index} </dev/null | cat; echo {index} {name} ${{PIPESTATUS[0]}}")
                .expect("a string");
            writeln!(expected, "{index} {name} {errno}").expect("a string");
        }
        assert_eq!(success(run(&machine, &script).await), expected);
        machine.kill().await;
    });
}

/// States in which a program waits or computes, by their start.
const STATES: &[(&str, &[&str], &str)] = &[
    (
        "sleeping for ever",
        &["poll_oneoff"],
        "(block (result i32) (i64.store (i32.const 2072) (i64.const -1)) (i32.store (i32.const 2064) (i32.const 1)) (call $poll_oneoff (i32.const 2048) (i32.const 8192) (i32.const 1) (i32.const 1024)))",
    ),
    (
        "reading",
        &["fd_read"],
        "(block (result i32) (i32.store (i32.const 1028) (i32.const 10)) (call $fd_read (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 1040)))",
    ),
    (
        "writing",
        &["fd_write"],
        "(block (result i32) (i32.store (i32.const 1028) (i32.const 100000)) (loop (drop (call $fd_write (i32.const 1) (i32.const 1024) (i32.const 1) (i32.const 1040))) (br 0)) (i32.const 0))",
    ),
    ("computing", &[], "(block (result i32) (loop (br 0)) (i32.const 0))"),
    (
        "yielding",
        &["sched_yield"],
        "(block (result i32) (loop (drop (call $sched_yield)) (br 0)) (i32.const 0))",
    ),
    (
        "writing nothing",
        &["fd_write"],
        "(block (result i32) (loop (drop (call $fd_write (i32.const 1) (i32.const 1024) (i32.const 1000) (i32.const 70000))) (br 0)) (i32.const 0))",
    ),
];

#[test]
fn kill_ends_it_in_every_state() {
    block_on(async {
        let machine = machine(&[]).await;
        for (index, (state, imports, body)) in STATES.iter().enumerate() {
            crate::guests::put(&machine, &format!("s{index}"), &calling(imports, body));
            let child = start(&machine, &format!("echo go; exec ./s{index}"));
            let mut lines = BufReader::new(child.take_stdout().expect("piped")).lines();
            assert_eq!(lines.next_line().await.expect("a pipe").as_deref(), Some("go"));
            tokio::time::sleep(Duration::from_millis(50)).await;
            child.signal(9).expect("it runs");
            let ended = tokio::time::timeout(KILL_BOUND, child.wait()).await;
            let ended = ended.unwrap_or_else(|_| panic!("not killed while {state}"));
            assert_eq!(ended.signal, Some(9), "{state}");
        }
        machine.kill().await;
    });
}
