//! pip in a sandbox: packages from an index that the sandbox serves to itself, over HTTP, HTTPS and through a proxy, by options,
//! environment and pip.conf; and from one outside.
//!
//! The packages are well-known ones, downloaded once by their sums (`sdk::index`). What may leave a sandbox at all is `egress`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::http::Guest;
use crate::internet::{Internet, TestAuthority};
use crate::nameserver::Nameserver;
use crate::namespace::{enter, outside};
use crate::python::patiently;
use crate::run::run;
use crate::sdk;
use crate::server::{Server, isolet};

/// Ten packages and all that they need; six, and MarkupSafe, which Flask needs, are sources that setuptools builds (the latter goes on
/// without its native part).
const WANTED: &str =
    "flask requests httpx rich pytest beautifulsoup4 uvicorn websockets attrs tqdm six";

/// Imports one module of each.
const IMPORTS: &str = "import flask, requests, httpx, rich, pytest, bs4, uvicorn, websockets, attrs, tqdm, six; print(six.PY3)";

/// The files of the index: project, file name, where it lies. What is no distribution (the harness's own marks) is left out.
fn distributions() -> Vec<(String, String, PathBuf)> {
    let folders = sdk::index();
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("it is there"));
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let named = paths.filter_map(|path: PathBuf| {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let project = file.split_once('-')?.0.replace('_', "-");
        Some((project, file, path))
    });
    named.collect()
}

fn content(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a readable file")
}

/// A sandbox that serves an index to itself on port 3141, and on 3143 with TLS.
fn with_index() -> Guest<'static> {
    let guest = Guest::create(Server::shared());
    for (project, file, path) in distributions() {
        guest.write(&format!("/home/user/index/{project}/{file}"), &content(&path));
    }
    let native = "/home/user/index/fastlib/fastlib-1.0-cp314-cp314-manylinux_2_17_x86_64.whl";
    guest.write(native, b"not looked into");
    guest.write("/home/user/proxy.py", include_bytes!("../guests/proxy.py"));
    patiently(
        &guest,
        "cd /home/user
         openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
             -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null
         python3 -m http.server 3141 --bind 127.0.0.1 --directory index >>http.log 2>&1 & servers=\"$servers $!\"
         python3 -m http.server 3143 --bind 127.0.0.1 --directory index --tls-cert cert.pem --tls-key key.pem >>https.log 2>&1 & servers=\"$servers $!\"
         python3 proxy.py 3128 3141 >>proxy.log 2>&1 & servers=\"$servers $!\"
         for port in 3141 3143 3128; do
             until (: </dev/tcp/127.0.0.1/$port) 2>/dev/null; do
                 kill -0 $servers || { cat *.log; exit 1; }
             done
         done",
    );
    guest
}

/// Makes a virtual environment, and writes what pip reads of the user's settings.
fn configured(guest: &Guest<'_>, settings: &str) {
    guest.write("/home/user/.config/pip/pip.conf", format!("[global]\n{settings}\n").as_bytes());
    patiently(guest, "python3 -m venv /home/user/venv");
}

#[test]
fn packages_are_installed_listed_and_removed_in_a_virtual_environment() {
    let guest = with_index();
    configured(&guest, "index-url = http://127.0.0.1:3141/");
    let pip = |arguments: &str| {
        patiently(&guest, &format!("cd /home/user; venv/bin/pip {arguments} 2>&1"))
    };
    guest.write(
        "/home/user/wanted.txt",
        format!("# all\n{}\n", WANTED.replace(' ', "\n")).as_bytes(),
    );
    pip("install -r wanted.txt");
    assert_eq!(pip("check"), "No broken requirements found.\n");
    let frozen = pip("freeze");
    let listed = pip("list --format=freeze");
    for project in WANTED.split(' ') {
        let pinned = |text: &str| text.to_lowercase().contains(&format!("{project}=="));
        assert!(pinned(&frozen) && pinned(&listed), "{project}\n{frozen}\n{listed}");
    }
    let imported = format!("/home/user/venv/bin/python -c '{IMPORTS}'");
    assert_eq!(patiently(&guest, &imported), "True\n");
    let programs =
        "cd /home/user/venv/bin && ./flask --version && ./pytest --version && ./uvicorn --version";
    let versions = patiently(&guest, programs);
    assert!(versions.contains("Werkzeug") && versions.contains("pytest"), "{versions}");

    pip("uninstall -y rich six");
    let left = pip("list");
    assert!(left.contains("Flask") || left.contains("flask"), "{left}");
    assert!(!left.contains("rich") && !left.contains("six "), "{left}");
    // What was frozen brings them back: versions as they were.
    guest.write("/home/user/frozen.txt", frozen.as_bytes());
    pip("install -r frozen.txt");
    assert_eq!(pip("freeze"), frozen);
    // The environment's own, and nobody else's.
    let outside = "cd /; python3 -c 'import six' 2>&1 | tail -n 1";
    assert_eq!(patiently(&guest, outside), "ModuleNotFoundError: No module named 'six'\n");
}

#[test]
fn packages_are_installed_for_the_user_and_into_a_folder() {
    let guest = with_index();
    let index = "--index-url http://127.0.0.1:3141/";
    patiently(
        &guest,
        &format!(
            "cd /home/user; pip install {index} six 2>&1; pip install {index} --target apart attrs 2>&1"
        ),
    );
    let places = "import six, attrs; print(six.__file__, attrs.__file__)";
    let found = patiently(&guest, &format!("PYTHONPATH=/home/user/apart python3 -c '{places}'"));
    assert_eq!(
        found,
        "/home/user/.local/lib/python3.14/site-packages/six.py /home/user/apart/attrs/__init__.py\n"
    );
    let gone = "pip uninstall -y six >/dev/null 2>&1; python3 -c 'import six' 2>&1 | tail -n 1";
    assert_eq!(patiently(&guest, gone), "ModuleNotFoundError: No module named 'six'\n");
}

#[test]
fn index_and_proxy_are_told_by_environment_and_configuration() {
    let guest = with_index();
    configured(&guest, "index-url = https://localhost:3143/\ncert = /home/user/cert.pem");
    // Installs `h11` and says whom it came through.
    let install = |environment: &str, options: &str| {
        let command = format!(
            "cd /home/user; for log in *.log; do : >$log; done
             {environment} venv/bin/pip install --no-cache-dir --force-reinstall {options} h11 >out 2>&1; code=$?
             for kind in http https proxy; do ! grep -q 'GET.*h11-' $kind.log || echo $kind; done
             echo $code; [ $code = 0 ] || cat out"
        );
        patiently(&guest, &command)
    };
    assert_eq!(install("", ""), "https\n0\n", "by pip.conf");
    let untrusted = install("PIP_CERT=/etc/ssl/certs/ca-certificates.crt", "--retries 0");
    assert!(
        untrusted.starts_with("1\n") && untrusted.contains("CERTIFICATE_VERIFY_FAILED"),
        "{untrusted}"
    );
    assert_eq!(install("PIP_INDEX_URL=http://127.0.0.1:3141/", ""), "http\n0\n", "by environment");
    // Only the proxy knows the name.
    let named = "--trusted-host packages.invalid --index-url http://packages.invalid/";
    assert_eq!(
        install("http_proxy=http://127.0.0.1:3128", named),
        "http\nproxy\n0\n",
        "a proxy by environment"
    );
    assert_eq!(
        install("PIP_PROXY=http://127.0.0.1:3128", named),
        "http\nproxy\n0\n",
        "a proxy by pip's environment"
    );
    configured(
        &guest,
        "index-url = http://packages.invalid/\ntrusted-host = packages.invalid\nproxy = http://127.0.0.1:3128",
    );
    assert_eq!(install("", ""), "http\nproxy\n0\n", "a proxy by pip.conf");
}

/// The line of pip for a wheel that cannot be.
fn refusal(project: &str, wheel: &str) -> String {
    format!(
        "ERROR: {project} has native code ({wheel}), and programs in an isolet sandbox are WebAssembly: only pure Python wheels \
         (none-any) and sources without native code can be installed"
    )
}

/// Makes what else an index has: a source with native code beside native wheels, and a project that was pure once.
const NATIVE: &str = "
import io, pathlib, tarfile, zipfile
files = {
    'PKG-INFO': 'Metadata-Version: 2.1\\nName: codelib\\nVersion: 1.0\\n',
    'setup.py': 'from setuptools import Extension, setup\\nsetup(name=\"codelib\", version=\"1.0\", ext_modules=[Extension(\"codelib\", [\"codelib.c\"])])\\n',
    'codelib.c': 'int x;\\n',
}
pathlib.Path('index/codelib').mkdir()
with tarfile.open('index/codelib/codelib-1.0.tar.gz', 'w:gz') as archive:
    for name, text in files.items():
        entry = tarfile.TarInfo('codelib-1.0/' + name)
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text.encode()))
pathlib.Path('index/codelib/codelib-1.0-cp314-cp314-musllinux_1_2_x86_64.whl').write_bytes(b'')
pathlib.Path('index/oncepure').mkdir()
with zipfile.ZipFile('index/oncepure/oncepure-1.0-py3-none-any.whl', 'w') as wheel:
    info = 'oncepure-1.0.dist-info/'
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: oncepure\\nVersion: 1.0\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
for version in ('2.0', '2.1'):
    pathlib.Path(f'index/oncepure/oncepure-{version}-cp314-cp314-manylinux_2_17_x86_64.whl').write_bytes(b'')
";

#[test]
fn native_code_is_refused_by_a_line_that_says_so() {
    let guest = with_index();
    guest.write("/home/user/native.py", NATIVE.as_bytes());
    patiently(&guest, "cd /home/user; python3 native.py");
    let pip = |asked: &str| {
        let index = "--index-url http://127.0.0.1:3141/";
        patiently(&guest, &format!("pip install {index} {asked} 2>&1; echo ended with $?"))
    };
    let newest = "oncepure-2.1-cp314-cp314-manylinux_2_17_x86_64.whl";
    for (asked, project, wheel) in [
        ("fastlib", "fastlib", "fastlib-1.0-cp314-cp314-manylinux_2_17_x86_64.whl"),
        ("codelib", "codelib", "codelib-1.0-cp314-cp314-musllinux_1_2_x86_64.whl"),
        ("'oncepure>=2'", "oncepure", newest),
        ("oncepure==2.0", "oncepure", "oncepure-2.0-cp314-cp314-manylinux_2_17_x86_64.whl"),
    ] {
        let said = pip(asked);
        let line = refusal(project, wheel);
        assert!(said.lines().any(|said| said == line), "{said}");
        assert!(said.ends_with("ended with 1\n"), "{said}");
    }
    // What nobody has is no matter of native code, and what there is is installed.
    let said = pip("oncepure==3");
    assert!(!said.contains("native code") && said.contains("No matching distribution"), "{said}");
    let said = pip("oncepure");
    assert!(said.contains("Successfully installed oncepure-1.0"), "{said}");
}

/// Makes a source of pydantic-core 2.41.5 in the index: its build system is what the real one has.
const SOURCE: &str = "
import io, tarfile
files = {
    'PKG-INFO': 'Metadata-Version: 2.4\\nName: pydantic_core\\nVersion: 2.41.5\\n',
    'pyproject.toml': '[build-system]\\nrequires = [\"maturin>=1.9.4,<2\"]\\nbuild-backend = \"maturin\"\\n',
}
with tarfile.open('index/pydantic-core/pydantic_core-2.41.5.tar.gz', 'w:gz') as archive:
    for name, text in files.items():
        entry = tarfile.TarInfo('pydantic_core-2.41.5/' + name)
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text.encode()))
";

#[test]
fn another_version_of_pydantic_s_core_is_refused_and_the_one_that_is_there_stays() {
    let guest = with_index();
    let native = "pydantic_core-2.41.5-cp314-cp314-manylinux_2_17_x86_64.whl";
    guest.write(&format!("/home/user/index/pydantic-core/{native}"), b"not looked into");
    let pip = |options: &str| {
        let index = "--index-url http://127.0.0.1:3141/";
        let command =
            format!("cd /home/user; ! pip install {index} {options} pydantic-core==2.41.5 2>&1");
        patiently(&guest, &command)
    };
    let line = refusal("pydantic-core", native);
    let refused = |said: &str| said.lines().any(|said| said == line);
    let said = pip("");
    assert!(refused(&said), "{said}");
    // With its source beside it pip takes that, and wants what builds it.
    guest.write("/home/user/source.py", SOURCE.as_bytes());
    patiently(&guest, "cd /home/user; python3 source.py");
    let said = pip("");
    let wants = said.contains("No matching distribution found for maturin");
    assert!(wants && said.contains("Failed to build 'pydantic-core'") && refused(&said), "{said}");
    let said = pip("--only-binary pydantic-core");
    assert!(refused(&said), "{said}");
    let works = "python3 -c 'import pydantic; print(pydantic.TypeAdapter(int).validate_python(\"5\"))'; pip check";
    assert_eq!(patiently(&guest, works), "5\nNo broken requirements found.\n");
}

#[test]
fn a_virtual_environment_has_pydantic_if_it_has_the_image_s_packages() {
    let guest = Guest::create(Server::shared());
    // No index is asked: nothing listens there.
    let script = "cd /home/user; export PIP_INDEX_URL=http://127.0.0.1:1/ PIP_RETRIES=0
         python3 -m venv --system-site-packages with; python3 -m venv without
         with/bin/pip install fastapi >said 2>&1 || cat said
         with/bin/python -c 'import fastapi, pydantic; print(pydantic.TypeAdapter(int).validate_python(\"5\"))'
         without/bin/python -c 'import pydantic' 2>&1 | tail -n 1
         without/bin/pip install pydantic-core 2>&1 | grep -c 'No matching distribution'";
    assert_eq!(
        patiently(&guest, script),
        "5\nModuleNotFoundError: No module named 'pydantic'\n1\n"
    );
}

/// Where the outside's name server is, and the index there.
const NAMESERVER: &str = "45.67.89.1";
const INDEX: &str = "packages.example.org";

/// The index as files of a server: a page of links for each project (PEP 503), with the sums.
fn written() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(folder.path().join("files")).expect("a folder of the test's own");
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for (project, file, path) in distributions() {
        let content = content(&path);
        let sum: String = Sha256::digest(&content).iter().map(|b| format!("{b:02x}")).collect();
        let link = format!("<a href=\"/files/{file}#sha256={sum}\">{file}</a>\n");
        pages.entry(project).or_default().push_str(&link);
        std::fs::write(folder.path().join("files").join(file), content).expect("a file of it");
    }
    for (project, page) in pages {
        let folder = folder.path().join("simple").join(project);
        std::fs::create_dir_all(&folder).expect("a folder of the test's own");
        std::fs::write(folder.join("index.html"), page).expect("a file of it");
    }
    folder
}

#[test]
fn an_index_outside_is_asked_over_https() {
    // Both may have to be made, for which there must be a network.
    isolet();
    distributions();
    let name = "pip::an_index_outside_is_asked_over_https";
    enter(name, NAMESERVER.parse().expect("an address"), Duration::from_secs(3600), || {
        let authority = Arc::new(TestAuthority::new("outside"));
        let files = written();
        let internet = Internet::start(&[], &authority, Some(files.path()));
        let _nameserver = outside(|| Nameserver::start(&[(INDEX, &["1.1.1.1"])]));
        let script = format!(
            "printf '%s' '{}' >/tmp/ca.pem
             export PIP_INDEX_URL=https://{INDEX}/simple/
             pip install attrs 2>&1 | grep -c CERTIFICATE_VERIFY_FAILED
             PIP_CERT=/tmp/ca.pem pip install attrs 2>&1 | tail -n 1
             python3 -c 'import attrs; print(attrs.__version__)'",
            authority.pem
        );
        let install = |flags: &[&str]| {
            let mut command = isolet();
            command.arg("run").args(flags).args(["--", "bash", "-c", &script]);
            run(&mut command, Duration::from_secs(1500))
        };
        let output = install(&[]);
        let printed = output.success();
        assert!(printed.contains("Successfully installed"), "{printed}");
        let asked = internet.events();
        let heard =
            |kind: &str| asked.iter().any(|event| event.kind == kind && event.said == INDEX);
        assert!(heard("tls") && heard("http"), "{asked:?}");
        assert!(!install(&["--no-internet"]).stdout.contains("Successfully installed"));
    });
}
