//! The clients that people use in guests, requests, httpx, websockets, pip and git, where something stands between them and the service:
//! a header rule, for which isolet ends their TLS, and a SOCKS5 proxy. They are not told of either.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Guest, control};
use crate::internet::CREDENTIALS;
use crate::network::in_world_with;
use crate::run::run;
use crate::sdk;
use crate::server::{API_KEY, Server};

const CLIENTS: &str = include_str!("../guests/clients.py");

const SAID: &str = "ok requests\nok httpx\nok websockets\nok pip\nok git\n";

/// What only the service sees.
const SECRET: &str = "s3cret-of-the-owner";

/// Making the files of the internet.
const MAKE_BOUND: Duration = Duration::from_secs(900);

/// A wheel, and the page of an index that has it.
const MAKE_INDEX: &str = r#"
import os, sys, zipfile
at = sys.argv[1]
os.makedirs(f"{at}/wheels")
os.makedirs(f"{at}/simple/tiny")
files = {
    "tiny.py": "SAYS = 'tiny'\n",
    "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
    "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
record = "".join(f"{name},,\n" for name in [*files, "tiny-1.0.dist-info/RECORD"])
with zipfile.ZipFile(f"{at}/wheels/tiny-1.0-py3-none-any.whl", "w") as wheel:
    for name, text in {**files, "tiny-1.0.dist-info/RECORD": record}.items():
        wheel.writestr(name, text)
open(f"{at}/simple/tiny/index.html", "w").write('<a href="/wheels/tiny-1.0-py3-none-any.whl">tiny-1.0-py3-none-any.whl</a>')
"#;

/// A repository as git's clients read it from plain files.
const MAKE_REPOSITORY: &str = r#"
set -e
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init -q -b main "$1/work"
cd "$1/work"
echo one > file; git add file; git commit -q -m first
echo two > file; git commit -q -a -m second
git clone -q --bare "$1/work" "$1/files/tiny.git"
git -C "$1/files/tiny.git" update-server-info
"#;

/// Fills `folder/files`.
fn make_files(folder: &Path) {
    if Command::new("git").arg("--version").output().is_err() && sdk::is_root() {
        sdk::apt_install("git");
    }
    let files = folder.join("files");
    fs::create_dir(&files).expect("a writable folder");
    run(Command::new("python3").args(["-c", MAKE_INDEX]).arg(&files), MAKE_BOUND).success();
    run(Command::new("bash").args(["-c", MAKE_REPOSITORY, "bash"]).arg(folder), MAKE_BOUND)
        .success();
}

fn create<'a>(server: &'a Server, network: &Value) -> Guest<'a> {
    let body = json!({ "templateID": "base", "timeout": 7200, "network": network });
    let made = control(server, ("POST", "/v2/sandboxes"), API_KEY, &body);
    assert_eq!(made.status, 201, "{}", made.text());
    Guest::adopt(server, &made.json())
}

#[test]
fn clients_pass_a_header_rule_and_a_proxy_unawares() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make_files(folder.path());
    let files = folder.path().join("files");
    let name = "clients::clients_pass_a_header_rule_and_a_proxy_unawares";
    in_world_with(name, &[], Some(&files), |server, internet, _, ca| {
        let ca = fs::read(ca).expect("the outside's authority");
        let headers = json!({ "X-Secret": SECRET });
        let ruled = create(
            server,
            &json!({ "rules": { "secret.example.org": [{ "transform": { "headers": headers } }] } }),
        );
        ruled.write("/tmp/clients.py", CLIENTS.as_bytes());
        let said = ruled
            .shell(&format!("python3 -u /tmp/clients.py secret.example.org {SECRET} 2>&1 || true"));
        assert_eq!(said, SAID);
        // The control: without the rule the service shows these clients nothing.
        let plain = create(server, &json!({}));
        plain.write("/tmp/ca.pem", &ca);
        let refused = "for url in simple/tiny/index.html tiny.git/info/refs; do \
                       curl -s -o /dev/null -w '%{http_code} ' --cacert /tmp/ca.pem https://secret.example.org/$url; done";
        assert_eq!(plain.shell(refused), "401 401 ");
        drop((ruled, plain));

        let (username, password) = CREDENTIALS;
        let proxy =
            json!({ "address": "8.8.8.8:1080", "username": username, "password": password });
        let proxied = create(server, &json!({ "egressProxy": proxy }));
        proxied.write("/tmp/ca.pem", &ca);
        proxied.write("/tmp/clients.py", CLIENTS.as_bytes());
        let before = internet.events().len();
        let said =
            proxied.shell("python3 -u /tmp/clients.py api.example.org - /tmp/ca.pem 2>&1 || true");
        assert_eq!(said, SAID);
        // Whatever reached the service came by the proxy: one connection there for each that TLS or a request was seen on.
        let events = internet.events();
        let count = |kind: &str| events[before..].iter().filter(|event| event.kind == kind).count();
        assert!(count("tls") > 5 && count("socks") > count("tls"), "{:?}", &events[before..]);
        let others = events[before..].iter().filter(|event| event.kind == "socks");
        for one in others {
            assert!(["1.1.1.1:80", "1.1.1.1:443"].contains(&one.said.as_str()), "{one:?}");
        }
    });
}
