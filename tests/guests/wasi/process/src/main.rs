//! A guest for the tests of `isolet:guest/process`: its first argument says what it does. A component of Rust's standard library, which
//! itself has no children here.

mod hostile;

wit_bindgen::generate!({
    path: "../../../../wit",
    inline: r#"
        package test:process;
        world guest {
            import isolet:guest/process@0.1.0;
            import wasi:filesystem/preopens@0.2.12;
            import wasi:cli/stdin@0.2.12;
            import wasi:cli/stdout@0.2.12;
        }
    "#,
    world: "test:process/guest",
    generate_all,
});

use isolet::guest::process::{Child, Command, ErrorCode, ExitStatus, Sink, Source, pipe, spawn};
use wasi::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use wasi::io::poll;
use wasi::io::streams::{InputStream, OutputStream, StreamError};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rest: Vec<&str> = arguments.iter().skip(2).map(String::as_str).collect();
    match arguments.get(1).map_or("", String::as_str) {
        "pipeline" => pipeline(),
        "chain" => chain(),
        "feed" => feed(),
        "kill" => kill(),
        "several" => several(),
        "group" => group(),
        "errors" => errors(),
        "files" => files(),
        "surroundings" => surroundings(),
        "inherit" => println!("{:?}", run(&sh(rest[0])).wait()),
        "flood" => flood(),
        "abandon" => abandon(),
        "storm" => hostile::storm(),
        "handles" => hostile::handles(),
        "wait" => wait_for_ever(),
        other => panic!("unknown: {other}"),
    }
}

/// A command with what the component itself has.
fn command<'a>(program: &str, arguments: &[&str]) -> Command<'a> {
    Command {
        program: program.into(),
        arguments: arguments.iter().map(|text| (*text).into()).collect(),
        environment: None,
        working_directory: None,
        stdin: Source::Inherit,
        stdout: Sink::Inherit,
        stderr: Sink::Inherit,
        own_group: false,
    }
}

fn sh<'a>(script: &str) -> Command<'a> {
    command("sh", &["sh", "-c", script])
}

fn run(command: &Command<'_>) -> Child {
    spawn(command).unwrap_or_else(|error| panic!("{}: {error:?}", command.program))
}

/// Everything that comes from a stream, as text.
fn all(stream: &InputStream) -> String {
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(65536) {
            Ok(more) => bytes.extend(more),
            Err(StreamError::Closed) => return String::from_utf8(bytes).expect("UTF-8"),
            Err(error) => panic!("{error:?}"),
        }
    }
}

fn write(stream: &OutputStream, bytes: &[u8]) -> Result<(), StreamError> {
    bytes.chunks(4096).try_for_each(|piece| stream.blocking_write_and_flush(piece))
}

/// A pipeline of the shell's, and what it wrote to either stream.
fn pipeline() {
    let script = "printf 'b\\na\\n' | sort | tr a-z A-Z; echo bad >&2; exit 7";
    let child = run(&Command { stdout: Sink::Pipe, stderr: Sink::Pipe, ..sh(script) });
    let (out, err) = (child.take_stdout().expect("a pipe"), child.take_stderr().expect("a pipe"));
    assert!(child.take_stdout().is_none() && child.take_stdin().is_none());
    print!("{}{}", all(&out), all(&err));
    println!("{:?} {:?}", child.wait(), child.exit_status());
}

/// A pipeline of our own: three programs, two pipes.
fn chain() {
    let (first, into) = pipe().expect("a pipe");
    let (second, out) = pipe().expect("a pipe");
    let children = [
        run(&Command { stdout: Sink::Stream(&into), ..sh("seq 5; echo x") }),
        run(&Command {
            stdin: Source::Stream(&first),
            stdout: Sink::Stream(&out),
            ..command("sort", &["sort", "-r"])
        }),
        run(&Command {
            stdin: Source::Stream(&second),
            stdout: Sink::Pipe,
            ..command("/usr/bin/tr", &["tr", "\n", " "])
        }),
    ];
    drop((first, into, second, out));
    println!("{}", all(&children[2].take_stdout().expect("a pipe")));
    println!("{:?}", children.map(|child| child.wait()));
}

/// More into a child than a pipe holds; a child that waits for its input is not waited for in vain; one that reads nothing.
fn feed() {
    let child =
        run(&Command { stdin: Source::Pipe, stdout: Sink::Pipe, ..command("wc", &["wc", "-c"]) });
    let into = child.take_stdin().expect("a pipe");
    write(&into, &[b'x'; 300_000]).expect("it reads");
    drop(into);
    print!("{}", all(&child.take_stdout().expect("a pipe")));
    let child = run(&Command { stdin: Source::Pipe, ..command("cat", &["cat"]) });
    println!("{:?} {:?}", child.wait(), child.wait());
    let child = run(&Command { stdin: Source::Null, ..command("cat", &["cat"]) });
    println!("{:?}", child.wait());
}

fn kill() {
    let child = run(&command("sleep", &["sleep", "1000"]));
    let end = child.subscribe();
    assert!(!end.ready() && child.exit_status().is_none());
    println!("{} {} {}", said(child.signal(0)), said(child.signal(200)), said(child.signal(15)));
    end.block();
    println!("{:?} {}", child.wait(), said(child.signal(0)));
    let child = run(&command("sleep", &["sleep", "1000"]));
    child.signal(19).expect("it runs");
    child.signal(9).expect("it is there");
    println!("{:?} {}", child.wait(), said(child.signal_group(9)));
}

/// Waits for several at once, in the order in which they end.
fn several() {
    let start = |n: u32| run(&sh(&format!("sleep 0.{}; exit {n}", 9 - 2 * n)));
    let children: Vec<Child> = (0..5).map(start).collect();
    let mut pids: Vec<u32> = children.iter().map(Child::pid).collect();
    pids.dedup();
    let mut left: Vec<(usize, poll::Pollable)> =
        children.iter().map(Child::subscribe).enumerate().collect();
    while !left.is_empty() {
        let waited: Vec<&poll::Pollable> = left.iter().map(|(_, end)| end).collect();
        let ready = poll::poll(&waited);
        for at in ready.into_iter().rev() {
            let (index, _) = left.remove(at as usize);
            print!("{:?} ", children[index].exit_status().expect("it has ended"));
        }
    }
    println!("{}", pids.len());
}

/// A shell and its children, ended together.
fn group() {
    let script = "echo go; sleep 1000 | sleep 1000; echo never";
    let child = run(&Command { own_group: true, stdout: Sink::Pipe, ..sh(script) });
    let out = child.take_stdout().expect("a pipe");
    assert_eq!(out.blocking_read(3).expect("it says so"), b"go\n");
    child.signal_group(9).expect("it runs");
    println!("{:?} {:?} {}", all(&out), child.wait(), said(child.signal_group(9)));
}

fn errors() {
    let long = "x".repeat(200_000);
    let cases = [
        command("missing", &["missing"]),
        command("./missing", &["missing"]),
        command("", &[""]),
        command("/etc/hostname", &["hostname"]),
        command("/etc", &["etc"]),
        command("/etc/hostname/x", &["x"]),
        command("./text", &["text"]),
        command("./no-interpreter", &["x"]),
        command(&"x/".repeat(3000), &["x"]),
        command("sh", &["sh", "-c", "\0"]),
        command("s\0h", &["sh"]),
        command("sh", &["sh", &long]),
        Command { working_directory: Some("nowhere".into()), ..sh("") },
        Command { working_directory: Some("/etc/hostname".into()), ..sh("") },
        Command { environment: Some(vec![("a=b".into(), "c".into())]), ..sh("") },
        Command { environment: Some(vec![(String::new(), "c".into())]), ..sh("") },
        Command { environment: Some(vec![("PATH".into(), "/nowhere".into())]), ..sh("") },
    ];
    let names: Vec<&str> = cases.iter().map(|command| said(spawn(command))).collect();
    println!("{}", names.join(" "));
}

/// The directory `.`.
fn here() -> Descriptor {
    let directories = wasi::filesystem::preopens::get_directories();
    directories.into_iter().find(|(_, name)| name == ".").expect("it is open").0
}

/// Children on files: the position moves on from one to the next; a stream at a position is refused.
fn files() {
    let here = here();
    let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
    let create = OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let out = here.open_at(PathFlags::empty(), "out", create, flags).expect("is made");
    for script in ["echo first", "echo second"] {
        let child =
            run(&Command { stdout: Sink::File(&out), stderr: Sink::File(&out), ..sh(script) });
        assert!(matches!(child.wait(), ExitStatus::Code(0)));
    }
    let again = here.open_at(PathFlags::empty(), "out", OpenFlags::empty(), DescriptorFlags::READ);
    let again = again.expect("is there");
    let child = run(&Command {
        stdin: Source::File(&again),
        ..sh("read line; echo $line; exec ls -m /proc/self/fd")
    });
    println!("{:?}", child.wait());
    let input = again.read_via_stream(0).expect("a file");
    let output = out.append_via_stream().expect("a file");
    let refused = [
        said(spawn(&Command { stdin: Source::Stream(&input), ..sh("") })),
        said(spawn(&Command { stdout: Sink::Stream(&output), ..sh("") })),
    ];
    println!("{refused:?}");
    let input = wasi::cli::stdin::get_stdin();
    let output = wasi::cli::stdout::get_stdout();
    let passed =
        Command { stdin: Source::Stream(&input), stderr: Sink::Stream(&output), ..sh("cat >&2") };
    println!("{:?}", run(&passed).wait());
}

fn surroundings() {
    let environment = Some(vec![
        ("A".into(), "x=y".into()),
        ("B".into(), String::new()),
        ("PATH".into(), "/usr/bin:/bin".into()),
    ]);
    let script = "pwd; echo $0 $1; env | grep -v '^_=' | sort";
    let wanted = Command {
        environment,
        working_directory: Some("/tmp".into()),
        ..command("/bin/dash", &["name", "-c", script, "zero", "one two"])
    };
    println!("{:?}", run(&wanted).wait());
    // A component, by a script.
    println!("{:?}", run(&command("./script", &["script"])).wait());
}

/// As many as there may be.
fn flood() {
    let mut children = Vec::new();
    let refused = loop {
        match spawn(&command("sleep", &["sleep", "1000"])) {
            Ok(child) => children.push(child),
            Err(error) => break error,
        }
    };
    println!("{} {}", refused.name(), children.len() > 3);
    for child in &children {
        child.signal(9).expect("it runs");
    }
    let killed = children.iter().map(Child::wait);
    println!(
        "{}",
        killed.filter(|status| matches!(status, ExitStatus::Signal(9))).count() == children.len()
    );
}

/// Lets children go: those that have ended are not kept for anybody, the last one runs on.
fn abandon() {
    for _ in 0..300 {
        drop(run(&command("true", &["true"])));
    }
    let slow = run(&sh("sleep 0.5; echo later >later"));
    drop(slow);
}

fn wait_for_ever() {
    let child = run(&command("sleep", &["sleep", "100000"]));
    println!("{}", child.pid());
    child.wait();
}

/// What a call came to, in a word.
fn said<T>(result: Result<T, ErrorCode>) -> &'static str {
    match result {
        Ok(_) => "well",
        Err(error) => error.name(),
    }
}

/// Whether a call failed as it must.
fn is(result: Result<(), ErrorCode>, expected: ErrorCode) -> bool {
    matches!(result, Err(error) if error == expected)
}
