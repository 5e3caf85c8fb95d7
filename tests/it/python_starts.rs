//! Python's start image: no two starts share a secret, and what is arranged by the secret is found in every start.
//!
//! What options, environment and the program's own modules do to a start: tests/shell/python_starts.sh.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::run::run;
use crate::server::{data_dir, isolet};

const BOUND: Duration = Duration::from_secs(900);

/// Standard output of a script of the sandbox's shell; `$show` is a Python program there.
fn lines(show: &str, script: &str) -> Vec<String> {
    let mut command = isolet();
    command.args([
        "run",
        "--no-internet",
        "--",
        "env",
        &format!("show={show}"),
        "sh",
        "-c",
        script,
    ]);
    let printed = run(&mut command, BOUND).success();
    printed.lines().map(str::to_owned).collect()
}

/// Whether a start came from the image: then modules lie there that nobody has imported.
const FROM_IMAGE: &str =
    "import sys; image = bool(sys.modules['_frozen_importlib']._isolet_modules)\n";

#[test]
fn no_two_starts_share_a_secret() {
    let show = format!(
        "{FROM_IMAGE}
import hashlib, random, secrets, ssl, tempfile, uuid
class Text(str): pass
print(image, hash('a'), hash(b'a'), hash(Text('a')), hash('sys'), hash(frozenset('ab')), hashlib.sha256(repr({{f'{{n}}-{{n * n}}' for n in range(1000)}}).encode()).hexdigest(),
      random.random(), random.Random().random(), uuid.uuid4(), ssl.RAND_bytes(8).hex(), next(tempfile._get_candidate_names()),
      secrets.token_hex(8), sep='|')"
    );
    let starts = lines(&show, "for start in 1 2 3 4; do python3 -c \"$show\"; done");
    let rows: Vec<Vec<&str>> = starts.iter().map(|line| line.split('|').collect()).collect();
    assert_eq!(rows.len(), 4, "{starts:?}");
    assert!(rows.iter().all(|row| row[0] == "True"), "not from the image: {starts:?}");
    for column in 1..rows[0].len() {
        let different: HashSet<_> = rows.iter().map(|row| row[column]).collect();
        assert_eq!(different.len(), 4, "column {column}: {starts:?}");
    }
    // What is asked to be the same is; that start does not come from the image.
    let fixed = lines(&show, "for start in 1 2; do PYTHONHASHSEED=1 python3 -c \"$show\"; done");
    let columns = |line: &str| line.split('|').take(4).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(columns(&fixed[0]), columns(&fixed[1]));
    assert_eq!(columns(&fixed[0])[0], "False", "{fixed:?}");
}

#[test]
fn everything_in_the_image_is_found_by_the_new_secret() {
    let show = format!(
        "{FROM_IMAGE}
import gc, sys
gc.unfreeze()
tables = strings = sets = 0
def fresh(text):
    return ''.join(list(text)) if type(text) is str else text
kept = {{}}
for found in gc.get_objects():
    if type(found) in (dict, set, frozenset):
        for key in list(found):
            assert fresh(key) in found, (key, type(found))
            strings += type(key) is str
            assert hash(fresh(key)) == hash(key), key
        tables += type(found) is dict
        sets += type(found) is not dict
    elif isinstance(found, type):
        for key in list(vars(found)):
            assert vars(found)[fresh(key)] is not None or vars(found)[key] is None, key
    elif hasattr(type(found), '__dict__') and type(getattr(found, '__dict__', None)) is dict:
        for key in list(vars(found)):
            vars(found)[fresh(key)]
# Every module that lies there can be taken, with all that it needs.
for name in sorted(sys.modules['_frozen_importlib']._isolet_modules):
    module = __import__(name, fromlist=['x'])
assert not sys.modules['_frozen_importlib']._isolet_modules
import asyncio, enum, re, socket, typing, logging
assert socket.AddressFamily['AF_INET'] is socket.AF_INET and socket.AddressFamily(2) is socket.AF_INET
assert re.compile('a(b)', re.I | re.M).flags & re.RegexFlag['IGNORECASE'] and typing.Optional[int] == typing.Union[int, None]
assert sys.intern(''.join(['asyn', 'cio'])) is sys.intern('asyncio')
print(image, tables > 1000, strings > 10000, sets > 50)"
    );
    let found = lines(&show, "for start in 1 2 3; do python3 -c \"$show\"; done");
    assert_eq!(found, ["True True True True"; 3]);
}

#[test]
fn the_usual_modules_lie_in_the_image() {
    let show = "import sys
there = {*sys.modules, *sys.modules['_frozen_importlib']._isolet_modules}
import _isolet_image, shutil
missing = [name for name in _isolet_image.USUAL if name not in there]
print(missing, 'bztar' in dict(shutil.get_archive_formats()))";
    assert_eq!(lines(show, "python3 -c \"$show\""), ["[] True"]);
}

#[test]
fn many_starts_at_once_in_two_sandboxes() {
    let show = "import json, os; print(json.dumps(hash('a')))";
    let script = "for start in $(seq 20); do python3 -c \"$show\" & done; wait";
    let both: Vec<String> = thread::scope(|scope| {
        let starts = [0, 1].map(|_| scope.spawn(|| lines(show, script)));
        starts.into_iter().flat_map(|lines| lines.join().expect("it did not panic")).collect()
    });
    assert_eq!(both.len(), 40);
    assert_eq!(both.iter().collect::<HashSet<_>>().len(), 40, "{both:?}");
}

#[test]
fn what_was_changed_in_a_sandbox_is_not_taken_from_the_image() {
    let show = format!("{FROM_IMAGE}import json; print(image, getattr(json, 'mine', None))");
    let script = "python3 -c \"$show\"
        cd /usr/lib/python3.14/json && echo 'mine = 1' >>__init__.py && rm __pycache__/__init__.*
        python3 -c \"$show\"";
    let mut command = isolet();
    command.args(["run", "--no-internet", "--user", "root", "--", "env"]);
    let printed = run(command.args([&format!("show={show}"), "sh", "-c", script]), BOUND).success();
    assert_eq!(printed, "True None\nTrue 1\n");
}

#[test]
fn what_the_interpreter_was_not_initialised_by_is_not_taken_from_the_image() {
    // OpenSSL reads its configuration once: here one with a provider that provides nothing.
    let show = format!(
        "{FROM_IMAGE}import _hashlib; print(image, 'sha256' in _hashlib.openssl_md_meth_names)"
    );
    let script = "printf 'openssl_conf = a\\n[a]\\nproviders = b\\n[b]\\nnull = c\\n[c]\\nactivate = 1\\n' >own.cnf
        python3 -c \"$show\"; OPENSSL_CONF=$PWD/own.cnf python3 -c \"$show\"
        sudo cp own.cnf /etc/ssl/openssl.cnf; python3 -c \"$show\"";
    assert_eq!(lines(&show, script), ["True True", "False False", "False False"]);
}

#[test]
fn modules_are_taken_by_many_threads_at_once() {
    let show = "
import sys, threading
names = 'asyncio logging random ssl json argparse socket subprocess uuid tempfile inspect dataclasses csv shutil'.split()
ready, seen, failed = threading.Barrier(4 * len(names)), {}, []
def take(name):
    ready.wait()
    try:
        module = __import__(name)
        assert seen.setdefault(name, module) is module is sys.modules[name]
        if name == 'random':
            module.random()
        elif name == 'asyncio':
            module.run(module.sleep(0))
        elif name == 'logging':
            module.getLogger(name).debug('x')
    except BaseException as error:
        failed.append((name, error))
threads = [threading.Thread(target=take, args=(name,)) for name in names for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failed, failed
print(len(seen), seen['random'].random())";
    let rows = lines(show, "for start in 1 2 3 4 5 6; do python3 -c \"$show\"; done");
    assert!(rows.iter().all(|row| row.starts_with("14 ")), "{rows:?}");
    assert_eq!(rows.iter().collect::<HashSet<_>>().len(), 6, "shared randomness: {rows:?}");
}

#[test]
fn the_interactive_interpreter_edits_lines_on_a_terminal() {
    let mut command = isolet();
    command.args([
        "run",
        "--no-internet",
        "--",
        "python3",
        "-c",
        include_str!("../guests/repl.py"),
    ]);
    // CPython 3.14's basic loop ends by SIGINT if its prompt was once interrupted, on Linux too.
    assert_eq!(run(&mut command, BOUND).success(), "readline -2\nown 0\n");
}

/// A data directory with the compiled programs of the shared one, but no start image.
fn cold(folder: &Path) -> PathBuf {
    drop(isolet());
    let (from, to) = (data_dir(), folder.join("isolet"));
    fs::create_dir_all(to.join("code")).expect("a folder of the test's own");
    fs::copy(from.join("code.key"), to.join("code.key")).expect("the key is there");
    for entry in fs::read_dir(from.join("code")).expect("the code is there") {
        let entry = entry.expect("a readable entry");
        if entry.path().extension().is_some_and(|kind| kind == "isolet") {
            let copy = to.join("code").join(entry.file_name());
            fs::hard_link(entry.path(), copy).expect("the same file system");
        }
    }
    to
}

/// The start images in a data directory, and everything else that is not compiled code.
fn made(data: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let files = fs::read_dir(data.join("code")).expect("the code is there");
    let files = files.map(|entry| entry.expect("a readable entry").path());
    let kind = |path: &PathBuf| path.extension().map(|kind| kind.to_string_lossy().into_owned());
    let rest = files.filter(|path| kind(path).as_deref() != Some("isolet"));
    rest.partition(|path| kind(path).as_deref() == Some("start1"))
}

/// A command of isolet on a data directory of its own, with something in its environment that no guest may see.
fn on(folder: &Path, secret: &str) -> Command {
    let mut command = isolet();
    command.env("XDG_DATA_HOME", folder).env("ISOLET_TEST_SECRET", secret).env("OTHER", secret);
    command
}

#[test]
fn several_hosts_make_one_image_and_nothing_of_theirs_is_in_it() {
    let folder = tempfile::tempdir_in(data_dir().parent().expect("it has one")).expect("a folder");
    let data = cold(folder.path());
    let secret = format!("{:032x}", rand::random::<u128>());
    let show = format!("{FROM_IMAGE}import json; print(image, json.dumps(hash('a')))");
    let printed: Vec<String> = thread::scope(|scope| {
        let hosts = [0, 1, 2].map(|_| {
            scope.spawn(|| {
                let mut command = on(folder.path(), &secret);
                run(command.args(["run", "--no-internet", "--", "python3", "-c", &show]), BOUND)
                    .success()
            })
        });
        hosts.into_iter().map(|host| host.join().expect("it did not panic")).collect()
    });
    assert!(printed.iter().all(|line| line.starts_with("True ")), "{printed:?}");
    assert_eq!(printed.iter().collect::<HashSet<_>>().len(), 3, "{printed:?}");

    let (images, rest) = made(&data);
    assert_eq!(images.len(), 1, "{images:?}");
    let locks = rest.iter().filter(|path| {
        path.file_name().is_some_and(|name| name != "start.lock" && name != "ahead.lock")
    });
    assert_eq!(locks.collect::<Vec<_>>(), Vec::<&PathBuf>::new(), "left over");
    let memory = fs::read(&images[0]).expect("a readable file");
    let has = |text: &str| memory.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("/usr/lib/python3.14/asyncio"), "it is the memory of an interpreter");
    let host = rustix::system::uname();
    let own = [
        secret.as_str(),
        "ISOLET_TEST_SECRET",
        env!("CARGO_MANIFEST_DIR"),
        env!("CARGO_TARGET_TMPDIR"),
        host.release().to_str().expect("text"),
    ];
    for text in own {
        assert!(!has(text), "{text} of the host is in the memory that every start has");
    }

    // A damaged image is no image: the next host makes another one.
    fs::write(&images[0], b"isolet3\n and nothing else").expect("writable");
    let mut command = on(folder.path(), &secret);
    let output = run(command.args(["run", "--no-internet", "--", "python3", "-c", &show]), BOUND);
    assert!(output.stderr.contains("a start image was refused"), "{}", output.transcript());
    assert!(output.success().starts_with("False "));
    let mut command = on(folder.path(), &secret);
    command.args(["run", "--no-internet", "--", "python3", "-c", &show]);
    assert!(run(&mut command, BOUND).success().starts_with("True "));
}
