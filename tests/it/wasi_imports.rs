//! The interfaces of WASI 0.2 with what no library gives them: an error of the interface's, or the end of the program in words; the host gives no memory by
//! an argument, and a kill ends every wait.

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::guests::{block_on, hostile, machine, run, start, success};

/// What is answered, by the numbers of `error-code` in the WIT.
const ANSWERED: &[(&str, &str)] = &[
    ("sizes", "ok ok 12 ok 12 ok 12 8 8 ok ok 12 8 ok ok ok 12 12"),
    // Seconds have no sign: what is before 1970 elsewhere is too far ahead here.
    ("times", "ok 30 30 12 12 ok"),
    ("paths", "20 20 12 12 31 31 31 31 20 20 ok 7 18 18 18 18 18 18 12 12"),
    ("files-without-end", "22"),
    ("kept", "1 1 1"),
    ("instants", "1 1 0 0 0"),
    ("options", "3 3 3 3 3 ok ok ok ok ok ok ok ok ok ok ok ok ok ok ok 9"),
    ("order", "7 7 7 9 9 3 1 11 3 3 ok 9 ok 7 1"),
    ("names", "3 3 3 3 3 3"),
    ("datagrams", "ok ok ok ok"),
    ("sockets-without-end", "10"),
];

/// What ends the program, and in which words.
const FORBIDDEN: &[(&str, &str)] = &[
    ("path-huge", "too much data"),
    ("path-utf8", "invalid utf-8"),
    ("path-outside", "out of bounds"),
    ("write-outside", "out of bounds"),
    ("write-maximum", "out of bounds"),
    ("advice", "unexpected discriminant: 77"),
    ("timestamp", "unexpected discriminant: 9"),
    ("zero", "unknown handle index 0"),
    ("maximum", "unknown handle index 4294967295"),
    ("other-kind", "used with the wrong type"),
    ("dropped", "unknown handle"),
    ("dropped-twice", "unknown handle"),
    ("misaligned", "not aligned"),
    ("result-outside", "out of bounds"),
    ("zeroes", "more than is permitted"),
    ("zeroes-flushed", "more than 4096 bytes"),
    ("streams-without-end", "no free keys"),
    ("random", "more than 4 MiB"),
    ("poll-misaligned", "not aligned"),
    ("poll-many", "too much data"),
    ("send-outside", "out of bounds"),
    ("send-unasked", "more than is permitted"),
    ("family", "unexpected discriminant: 7"),
    ("shutdown", "unexpected discriminant: 9"),
];

#[test]
fn hostile_arguments_get_errors() {
    block_on(async {
        let machine = machine(&[("guest", hostile())]).await;
        for (what, expected) in ANSWERED {
            let script = format!("rm -f hostile-file; ./guest {what} </dev/null | tr '\\n' ' '");
            assert_eq!(success(run(&machine, &script).await).trim_end(), *expected, "{what}");
        }
        machine.kill().await;
    });
}

#[test]
fn what_is_forbidden_ends_it_with_words() {
    block_on(async {
        let machine = machine(&[("guest", hostile())]).await;
        for (what, words) in FORBIDDEN {
            let (_, stdout, stderr) = run(&machine, &format!("./guest {what}; echo $?")).await;
            assert_eq!(stdout, "134\n", "{what}: {stderr}");
            assert!(stderr.contains("isolet: ./guest: ") && stderr.contains(words), "{stderr}");
        }
        assert_eq!(success(run(&machine, "echo fine").await), "fine\n");
        machine.kill().await;
    });
}

#[test]
fn the_longest_sleeps_are_ended_by_a_signal() {
    block_on(async {
        let machine = machine(&[("guest", hostile())]).await;
        for what in ["for-ever", "until-for-ever"] {
            let child = start(&machine, &format!("exec ./guest {what}"));
            let mut lines = BufReader::new(child.take_stdout().expect("piped")).lines();
            assert_eq!(lines.next_line().await.expect("a pipe").as_deref(), Some("go"));
            child.signal(9).expect("it runs");
            assert_eq!(child.wait().await.signal, Some(9), "{what}");
        }
        machine.kill().await;
    });
}
