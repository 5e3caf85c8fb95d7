//! The command line: `isolet run`, `serve`, `dns`, as a person and a script meet them.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::nameserver::ask;
use crate::run::{Output, run, watch_until};
use crate::server::{API_KEY, Server, data_dir, isolet, start_dns};

const BOUND: Duration = Duration::from_secs(900);

fn sandboxed(arguments: &[&str]) -> Output {
    let mut command = isolet();
    run(command.args(["run", "--"]).args(arguments), BOUND)
}

#[test]
fn run_hands_the_exit_code_and_both_streams_through() {
    let output = sandboxed(&["bash", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!(output.status.code(), Some(7), "{}", output.transcript());
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
    assert_eq!(sandboxed(&["true"]).status.code(), Some(0));
    let killed = sandboxed(&["sh", "-c", "kill -KILL $$"]);
    assert_eq!(killed.status.code(), Some(128 + 9), "{}", killed.transcript());
}

#[test]
fn run_says_what_it_cannot_run() {
    let output = sandboxed(&["no-such-program"]);
    assert_eq!(output.status.code(), Some(127), "{}", output.transcript());
    assert!(output.stderr.contains("no-such-program"), "{}", output.stderr);
    let directory = sandboxed(&["/etc"]);
    assert_eq!(directory.status.code(), Some(126), "{}", directory.transcript());
    for wrong in [&["run"][..], &["run", "--no-such-flag", "--", "true"], &["no-such-command"]] {
        let output = run(isolet().args(wrong), BOUND);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}\n{}", output.transcript());
        assert!(!output.stderr.is_empty() && !output.stderr.contains("panicked"), "{wrong:?}");
    }
}

#[test]
fn run_hands_stdin_through() {
    let mut command = isolet();
    command.args(["run", "--", "sh", "-c", "sort; echo end"]);
    // A file, so that its end is the end of stdin.
    let mut input = tempfile::tempfile().expect("a temporary file");
    input.write_all(b"pear\napple\n").expect("a writable file");
    std::io::Seek::rewind(&mut input).expect("a seekable file");
    let child = command.stdin(Stdio::from(input)).stdout(Stdio::piped()).spawn();
    let output = child.and_then(std::process::Child::wait_with_output).expect("isolet starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "apple\npear\nend\n");
}

#[test]
fn a_run_sees_its_own_machine_and_not_this_one() {
    let script = "id -un; pwd; echo $HOME; ls -A; ls /; cat /etc/hostname";
    let output = sandboxed(&["bash", "-c", script]).success();
    assert!(output.starts_with("user\n/home/user\n/home/user\n.bash_logout\n.bashrc\n.profile\n"));
    assert!(!output.contains(env!("CARGO_MANIFEST_DIR")));
    let here = concat!("ls -d ", env!("CARGO_MANIFEST_DIR"), " 2>/dev/null; echo $?");
    assert_eq!(sandboxed(&["bash", "-c", here]).stdout, "2\n");
}

/// The variables that `serve` tells a person to export.
fn exported(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("export "));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.into(), value.trim_matches(['\'', '"']).into())).collect()
}

#[track_caller]
fn assert_exports(text: &str, address: &str) {
    let exports = exported(text);
    let names: Vec<_> = exports.keys().map(String::as_str).collect();
    let expected = [
        "E2B_API_KEY",
        "E2B_API_URL",
        "E2B_DOMAIN",
        "E2B_SANDBOX_URL",
        "NODE_EXTRA_CA_CERTS",
        "SSL_CERT_FILE",
    ];
    assert_eq!(names, expected, "{text}");
    assert_eq!(exports["E2B_API_KEY"], API_KEY);
    assert!(exports["E2B_API_URL"].ends_with(address), "{text}");
    for file in ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"] {
        let pem = std::fs::read_to_string(&exports[file]).expect("the file is there");
        assert!(pem.contains("-----BEGIN CERTIFICATE-----"), "{file}");
        assert!(!pem.contains("PRIVATE KEY"), "{file} hands out a key");
    }
    let count = |file: &str| {
        let pem = std::fs::read_to_string(&exports[file]).expect("the file is there");
        pem.matches("-----BEGIN CERTIFICATE-----").count()
    };
    let (ours, bundle) = (count("NODE_EXTRA_CA_CERTS"), count("SSL_CERT_FILE"));
    assert!(bundle > ours, "SSL_CERT_FILE replaces the system's roots: it must hold them too");
}

#[test]
fn serve_prints_one_ready_line_and_print_env_only_exports() {
    let server = Server::start("127.0.0.1:0", "isolet.localhost:8080");
    let ready = format!("isolet ready on http://{}", server.address());
    let exports = server.exports();
    assert!(exports.lines().all(|line| line.starts_with("export ")), "{exports}");
    assert_exports(&exports, &server.address().to_string());
    let (status, log) = server.stop();
    assert!(status.success(), "SIGTERM: {status}\n{log}");
    assert_eq!(log.lines().filter(|line| *line == ready).count(), 1, "{log}");
    // Stdout is no terminal here, so no key is printed.
    assert!(!log.contains(API_KEY), "{log}");
}

/// A terminal of util-linux's `script` around `isolet run`: the program in the sandbox has a terminal of the same size, what is
/// typed reaches it through the line discipline, and the exit code is its own.
#[test]
fn run_on_a_terminal_hands_the_terminal_through() {
    let program = isolet();
    let inside =
        "test -t 0 -a -t 1 -a -t 2 && stty size && read -r line && echo \"got $line\" && exit 5";
    let run = format!(
        "stty rows 33 cols 101; {} run -- bash -c '{inside}'",
        program.get_program().to_str().expect("UTF-8")
    );
    let mut terminal = Command::new("sh");
    terminal.args(["-c", r#"printf 'typed\r' | script -qefc "$0" /dev/null"#, &run]);
    terminal.env("XDG_DATA_HOME", data_dir().join(".."));
    let output = crate::run::run(&mut terminal, BOUND);
    assert_eq!(output.status.code(), Some(5), "{}", output.transcript());
    assert!(output.stdout.contains("33 101"), "{}", output.stdout);
    assert!(output.stdout.contains("got typed"), "{}", output.stdout);
}

#[test]
fn serve_prints_the_exports_to_a_person() {
    let program = isolet();
    let serve = format!(
        "{} serve --listen 127.0.0.1:0 --api-key {API_KEY}",
        program.get_program().to_str().expect("UTF-8")
    );
    let mut terminal = Command::new("script");
    terminal.args(["-qefc", &serve, "/dev/null"]).env("XDG_DATA_HOME", data_dir().join(".."));
    let mut text = String::new();
    let mut address = None;
    let printed = watch_until(&mut terminal, BOUND, |line| {
        text.push_str(line);
        text.push('\n');
        if let Some((_, after)) = line.split_once("isolet ready on http://") {
            address = Some(after.trim().to_owned());
        }
        (exported(&text).len() == 6).then(|| text.clone())
    });
    assert_exports(&printed, &address.expect("the ready line comes first"));
}

#[test]
fn serve_refuses_what_it_cannot_do() {
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let taken = taken.local_addr().expect("a bound socket has an address").to_string();
    for (arguments, word) in [
        (&["--listen", taken.as_str()][..], taken.as_str()),
        (&["--listen", "nonsense"], "nonsense"),
        (&["--domain", "not a domain"], "domain"),
        (&["--tls-cert", "/nonexistent.pem", "--tls-key", "/nonexistent.pem"], "/nonexistent.pem"),
        (&["--api-key", ""], "key"),
    ] {
        let output = run(isolet().arg("serve").args(arguments), BOUND);
        assert!(!output.status.success(), "{arguments:?}\n{}", output.transcript());
        assert!(output.stderr.contains(word), "{arguments:?} without {word}: {}", output.stderr);
        assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
        assert!(!output.stdout.contains("isolet ready"), "{}", output.stdout);
    }
}

#[test]
fn dns_answers_the_wildcard_and_nothing_else() {
    let (dns, address) = start_dns((Ipv4Addr::LOCALHOST, 0).into(), "isolet.localhost");
    let here = Some(vec![Ipv4Addr::LOCALHOST.into()]);
    for name in ["3000-aaaaaaaaaaaaaaaaaaaa.isolet.localhost.", "api.isolet.localhost."] {
        assert_eq!(ask(address, name), here, "{name}");
    }
    assert_eq!(ask(address, "API.ISOLET.LOCALHOST."), here, "names know no case");
    for name in ["example.org.", "isolet.localhost.example.org.", "notisolet.localhost."] {
        assert_eq!(ask(address, name), Some(vec![]), "{name}");
    }
    let (status, log) = dns.stop();
    assert!(status.success(), "SIGTERM: {status}\n{log}");
}
