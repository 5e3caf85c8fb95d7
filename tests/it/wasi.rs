//! Programs that others compiled for WASI, modules over preview 1 and components over 0.2, are programs like any other: in the shell, with arguments, environment, files, pipes,
//! terminals, signals and exit codes.

use std::time::Duration;

use isolet::{Command, Egress, Limits, SandboxConfig};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::guests::{
    block_on, echo, go, hostile, machine, machine_of, p1, p2, parent, run, run_with, runtime,
    start, success,
};

/// A test for each of both kinds of program.
macro_rules! of_both_kinds {
    ($($name:ident)*) => {
        mod module {
            $(
                #[test]
                fn $name() {
                    crate::guests::block_on(super::$name(crate::guests::p1()));
                }
            )*
        }

        mod component {
            $(
                #[test]
                fn $name() {
                    crate::guests::block_on(super::$name(crate::guests::p2()));
                }
            )*
        }
    };
}

of_both_kinds! {
    arguments_and_environment
    exit_codes_and_signals
    it_stops_and_goes_on
    pipes_and_redirections
    it_is_found_by_path_by_name_and_by_script
    files_and_where_paths_begin
    a_terminal_and_its_signals
    clocks_and_randomness
    memory_is_the_sandboxs_and_comes_back
    it_is_accounted_like_any_other
}

#[test]
fn the_wit_is_as_it_came() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("wit/deps");
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).expect("is committed");
    let mut listed = 0;
    for entry in std::fs::read_dir(&folder).expect("is committed") {
        let path = entry.expect("reads").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        if name.ends_with(".wit") {
            let content = std::fs::read(&path).expect("reads");
            let sum: String = Sha256::digest(&content).iter().map(|b| format!("{b:02x}")).collect();
            assert!(sums.contains(&format!("{sum}  {name}\n")), "{name} has {sum}");
            listed += 1;
        }
    }
    assert_eq!(listed, sums.lines().count());
}

#[test]
fn the_guests_are_those_of_the_recipe() {
    let sums = include_str!("../guests/wasi/SHA256SUMS");
    for (name, content) in [
        ("wasip1.wasm", p1()),
        ("wasip2.wasm", p2()),
        ("process.wasm", parent()),
        ("echo.wasm", echo()),
        ("hostile.wasm", hostile()),
        ("go.wasm", go()),
    ] {
        let sum: String = Sha256::digest(&content).iter().map(|b| format!("{b:02x}")).collect();
        assert!(sums.contains(&format!("{sum}  {name}\n")), "{name} has {sum}");
    }
}

async fn arguments_and_environment(guest: Vec<u8>) {
    let machine = machine(&[("guest", guest)]).await;
    let script = "./guest arguments a 'b c' '' \u{e4} && GUEST=x=y ./guest variable GUEST && ./guest variable NONE";
    assert_eq!(success(run(&machine, script).await), "a\nb c\n\n\u{e4}\nx=y\n(none)\n");
    let script = "a=$(printf %100000s); env -i PATH=$PATH \"A=$a\" \"B=$a\" ./guest lengths $(seq 20000) \"$a\"";
    let lengths = success(run(&machine, script).await);
    let (arguments, environment) = lengths.trim().split_once(' ').expect("two numbers");
    assert_eq!(arguments, "188894");
    assert!(environment.parse::<usize>().is_ok_and(|bytes| bytes > 200_000), "{lengths}");
    let too_long = run(&machine, "./guest arguments $(seq 600000); echo $?").await;
    assert_eq!(too_long.1, "126\n", "{}", too_long.2);
    machine.kill().await;
}

async fn exit_codes_and_signals(guest: Vec<u8>) {
    // Rust's standard library ends a component by wasi:cli/exit without a code.
    let component = guest[4..8] != [1, 0, 0, 0];
    let machine = machine(&[("guest", guest)]).await;
    let script =
        "for n in 0 7 126 255; do ./guest exit $n; echo $?; done; ./guest exit 256; echo $?
        ./guest panic 2>/dev/null; echo $?; ./guest abort; echo $?
        ./guest out-of-bounds; echo $?; ./guest overflow; echo $?; ./guest nothing; echo $?";
    let (_, stdout, stderr) = run(&machine, script).await;
    let expected = match component {
        false => "0\n7\n126\n255\n0\n134\n134\n139\n139\n2\n",
        true => "0\n1\n1\n1\n1\n134\n134\n139\n139\n1\n",
    };
    assert_eq!(stdout, expected, "{stderr}");
    let script = "./guest spin & p=$!; kill -TERM $p; wait $p; echo $?
        ./guest spin >/dev/null & p=$!; kill -KILL $p; wait $p; echo $?
        timeout -s INT 1 ./guest spin; echo $?
        timeout -s KILL 1 ./guest sleep 100000; echo $?";
    let (_, stdout, stderr) = run(&machine, script).await;
    let lines: Vec<&str> = stdout.lines().filter(|line| *line != "go").collect();
    assert_eq!(lines, ["143", "137", "124", "137"], "{stderr}");
    machine.kill().await;
}

async fn it_stops_and_goes_on(guest: Vec<u8>) {
    let machine = machine(&[("guest", guest)]).await;
    let child = start(&machine, "exec ./guest upper");
    let (mut stdin, stdout) =
        (child.take_stdin().expect("piped"), child.take_stdout().expect("piped"));
    let mut lines = BufReader::new(stdout).lines();
    stdin.write_all(b"one\n").await.expect("it reads");
    assert_eq!(lines.next_line().await.expect("a pipe").as_deref(), Some("ONE"));
    child.signal(19).expect("it runs");
    stdin.write_all(b"two\n").await.expect("there is room");
    let early = tokio::time::timeout(Duration::from_millis(200), lines.next_line()).await;
    assert!(early.is_err(), "it is stopped: {early:?}");
    child.signal(18).expect("it is there");
    assert_eq!(lines.next_line().await.expect("a pipe").as_deref(), Some("TWO"));
    drop(stdin);
    assert_eq!(child.wait().await.code, Some(0));
    machine.kill().await;
}

async fn pipes_and_redirections(guest: Vec<u8>) {
    let machine = machine(&[("guest", guest)]).await;
    let cases = [
        ("printf 'a\\nb\\n' | ./guest upper | ./guest cat", "A\nB\n"),
        ("./guest yes | head -2; echo ${PIPESTATUS[0]}", "y\ny\n141\n"),
        ("./guest both >out 2>err; cat err out; rm out err", "err\nout\n"),
        ("./guest both 2>&1 >/dev/null | sed s/e/E/", "Err\n"),
        ("echo first >f; ./guest arguments second >>f; ./guest cat <f; rm f", "first\nsecond\n"),
        (
            "./guest cat <<<'here' && echo \"$(./guest arguments substituted)\"",
            "here\nsubstituted\n",
        ),
        ("./guest cat missing 2>/dev/null || echo $?", "1\n"),
        ("mkfifo p; ./guest cat p & echo through >p; wait; rm p", "through\n"),
        ("(./guest upper; ./guest cat) </dev/null; echo $?", "0\n"),
        ("./guest arguments x >&-; echo $?", "0\n"),
        ("exec 7</etc/hostname; ./guest list /proc/self/fd", "0 1 2 3 4 5 6\n"),
    ];
    for (script, expected) in cases {
        let (_, stdout, stderr) = run(&machine, script).await;
        assert_eq!(stdout, expected, "{script}: {stderr}");
    }
    let input: Vec<u8> = (0..3_000_000u32).map(|n| b'a' + (n % 23) as u8).collect();
    let (code, stdout, _) = run_with(&machine, "./guest cat | ./guest cat", &input).await;
    assert_eq!((code, stdout.len()), (Some(0), input.len()));
    assert!(stdout.as_bytes() == input);
    machine.kill().await;
}

async fn it_is_found_by_path_by_name_and_by_script(guest: Vec<u8>) {
    let machine = machine(&[("guest", guest)]).await;
    let script = "mkdir bin; mv guest bin/; PATH=$PWD/bin:$PATH
        guest arguments by-name; /home/user/bin/guest arguments by-path; (cd /; exec -a other guest arguments by-exec)
        printf '#!/home/user/bin/guest cat\\nbody\\n' >script; chmod +x script; ./script
        chmod -x bin/guest; bin/guest arguments x; echo $?; chmod 711 bin/guest; guest arguments unreadable
        find /etc/hostname -exec guest arguments {} \\; ; echo x | xargs guest arguments
        env guest arguments env; nice guest arguments nice; time guest arguments time 2>/dev/null
        file -b bin/guest";
    let (_, stdout, stderr) = run(&machine, script).await;
    let expected = "by-name\nby-path\nby-exec\n#!/home/user/bin/guest cat\nbody\n126\nunreadable\n/etc/hostname\nx\nenv\nnice\ntime\n";
    let (ran, described) = stdout.split_at(expected.len().min(stdout.len()));
    assert_eq!(ran, expected, "{stderr}");
    assert!(described.starts_with("WebAssembly (wasm) binary version 0x1"), "{described}");
    assert!(stderr.contains("bin/guest: Permission denied"), "{stderr}");
    machine.kill().await;
}

async fn files_and_where_paths_begin(guest: Vec<u8>) {
    let machine = machine(&[("guest", guest)]).await;
    assert_eq!(success(run(&machine, "mkdir /tmp/t && ./guest files /tmp/t").await), "ok\n");
    assert_eq!(success(run(&machine, "mkdir t && ./guest files t && ls t").await), "ok\n");
    let script =
        "mkdir -p work/sub; echo above >above; cd work; echo here >here; echo deeper >sub/deeper
        ../guest where && cat new tmp/inside /tmp/absolute; echo; ls";
    let told = success(run(&machine, script).await);
    let hostname = success(run(&machine, "cat /etc/hostname").await);
    let expected =
        format!("here\ndeeper\nabove\n{hostname}true\nmademademade\nhere\nnew\nsub\ntmp\n");
    assert_eq!(told, expected);
    let script = "mkdir -p l/{b,a,c}; cd l; ../guest list .; ../guest list ..; cd /; /home/user/guest list home";
    let told = success(run(&machine, script).await);
    assert!(told.starts_with("a b c\n") && told.ends_with("\nuser\n"), "{told}");
    machine.kill().await;
}

async fn a_terminal_and_its_signals(guest: Vec<u8>) {
    let machine = machine(&[("guest", guest)]).await;
    assert_eq!(success(run(&machine, "./guest terminal </dev/null").await), "false false false\n");
    let user = machine.user("user").expect("every image has this user");
    let command = Command::new("/bin/bash")
        .args(["-c", "./guest terminal; ./guest ask; ./guest spin; echo $?"]);
    let child = machine.spawn(command.login_env(&machine, &user).pty(80, 24)).expect("starts");
    let (mut keys, mut screen) =
        (child.take_stdin().expect("a terminal"), child.take_stdout().expect("a terminal"));
    let mut seen = String::new();
    let mut until = async |seen: &mut String, wanted: &str| {
        let mut buffer = [0; 256];
        while !seen.contains(wanted) {
            let count = screen.read(&mut buffer).await.expect("a terminal");
            assert!(count > 0, "{wanted} did not come: {seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    };
    until(&mut seen, "name? ").await;
    assert!(seen.starts_with("true true true\r\n"), "{seen}");
    keys.write_all(b"you\r").await.expect("it listens");
    until(&mut seen, "hello you\r\n").await;
    until(&mut seen, "go\r\n").await;
    keys.write_all(b"\x03").await.expect("it listens");
    assert_eq!(child.wait().await.signal, Some(2), "bash ends as its program did");
    machine.kill().await;
}

async fn clocks_and_randomness(guest: Vec<u8>) {
    let machine = machine(&[("guest", guest)]).await;
    let told = success(run(&machine, "./guest clocks; date +%s").await);
    let (guest, shell) = told.trim().split_once('\n').expect("two lines");
    let seconds = guest.strip_prefix("true true ").expect("time passes");
    let apart = shell.parse::<i64>().expect("a number") - seconds.parse::<i64>().expect("a number");
    assert!((0..120).contains(&apart), "{told}");
    let told = success(run(&machine, "./guest random; ./guest random").await);
    let (one, other) = told.trim().split_once('\n').expect("two lines");
    assert_ne!(one, other);
    machine.kill().await;
}

async fn memory_is_the_sandboxs_and_comes_back(guest: Vec<u8>) {
    let limits = Limits { memory_bytes_max: 96 << 20, ..Limits::default() };
    let wanted = SandboxConfig::new("base", Egress::deny_all()).limits(limits);
    let machine = machine_of(runtime().await, wanted, &[("guest", guest)]).await;
    let before = machine.usage().memory_bytes;
    for _ in 0..2 {
        let told = success(run(&machine, "./guest memory").await);
        let mib = told.trim().trim_start_matches("refused after ").trim_end_matches(" MiB");
        assert!(mib.parse::<u64>().is_ok_and(|mib| (32..96).contains(&mib)), "{told}");
    }
    let after = machine.usage().memory_bytes;
    assert!(after <= before + (1 << 20), "{before} before, {after} after");
    machine.kill().await;
}

async fn it_is_accounted_like_any_other(guest: Vec<u8>) {
    let machine = machine(&[("guest", guest)]).await;
    let script = "(ulimit -t 1; ./guest spin >/dev/null; echo $?)
        ./guest sleep 100000 >went & until [ -s went ]; do sleep 0.05; done; cat /proc/$!/comm; readlink /proc/$!/exe; tr '\\0' ' ' </proc/$!/cmdline; echo
        ls /proc/$!/fd | head -3 | tr '\\n' ' '; ps -o comm= -p $!; kill $!; wait; (ulimit -n 5; ./guest arguments few)
        (ulimit -f 1; ./guest yes >big; echo $?); stat -c %s big";
    let (_, stdout, stderr) = run(&machine, script).await;
    let expected =
        "137\nguest\n/home/user/guest\n./guest sleep 100000 \n0 1 2 guest\nfew\n153\n1024\n";
    assert_eq!(stdout, expected, "{stderr}");
    machine.kill().await;
}

#[test]
fn go_runs() {
    block_on(async {
        let machine = machine(&[("guest", go())]).await;
        let script = "mkdir w; cd w; (echo one; sleep 0.3; echo two) | GUEST=set ../guest a b; ../guest exit; echo $?";
        let told = success(run(&machine, script).await);
        let expected = "cwd /home/user/w args a,b var set\nsum 45\nfile content\ngone true\nmany true\nline one\nline two\nend\n7\n";
        assert_eq!(told, expected);
        machine.kill().await;
    });
}
