//! Tenants do not see each other: a foreign sandbox, one that is gone and one that never was get the
//! same answer everywhere, and a wrong key or token gets 401. Two servers stand for two tenants.

use serde_json::{Value, json};

use crate::http::{Answer, Guest, control, exchange, host, request};
use crate::server::{API_KEY, Server};

/// Has the form of an id and is none.
const NEVER: &str = "aaaaaaaaaaaaaaaaaaaa";

/// Ids a tenant may try that are not its own, with a word for what they are.
fn strangers() -> Vec<(&'static str, String)> {
    let server = Server::shared();
    let gone = Guest::create(server);
    let path = format!("/sandboxes/{}", gone.id);
    let killed = control(server, ("DELETE", &path), API_KEY, &Value::Null);
    assert_eq!(killed.status, 204, "{}", killed.text());
    vec![("unknown", NEVER.to_owned()), ("gone", gone.id.clone())]
}

/// The answer without what may differ: its head, and the id it was asked for.
fn shape(answer: &Answer, id: &str) -> (u16, String) {
    (answer.status, answer.text().replace(id, "ID"))
}

#[test]
fn a_stranger_is_not_found_on_the_control_plane() {
    let other = Server::start("127.0.0.1:0", "other.localhost:8080");
    let foreign = Guest::create(&other);
    let mut ids = strangers();
    ids.push(("foreign", foreign.id.clone()));
    let timeout = json!({ "timeout": 60 });
    for (method, suffix, body) in [
        ("GET", "", &Value::Null),
        ("DELETE", "", &Value::Null),
        ("POST", "/timeout", &timeout),
        ("POST", "/connect", &timeout),
    ] {
        for version in ["", "/v2"] {
            if version == "/v2" && suffix != "/connect" {
                continue;
            }
            let ask = |id: &str| {
                let path = format!("{version}/sandboxes/{id}{suffix}");
                let answer = control(Server::shared(), (method, &path), API_KEY, body);
                assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
                assert_eq!(answer.json()["code"], 404, "{method} {path}: {}", answer.text());
                shape(&answer, id)
            };
            let never = ask(NEVER);
            for (kind, id) in &ids {
                assert_eq!(ask(id), never, "{method} {version} {suffix} {kind}");
            }
        }
    }
    let listed = control(Server::shared(), ("GET", "/v2/sandboxes"), API_KEY, &Value::Null);
    assert_eq!(listed.status, 200, "{}", listed.text());
    assert!(!listed.text().contains(&foreign.id));
    // Positive control: where it lives it is found.
    let path = format!("/sandboxes/{}", foreign.id);
    assert_eq!(control(&other, ("GET", &path), API_KEY, &Value::Null).status, 200);
    drop(foreign);
}

#[test]
fn a_stranger_is_not_found_on_sandbox_hosts() {
    let server = Server::shared();
    let other = Server::start("127.0.0.1:0", "other.localhost:8080");
    let foreign = Guest::create(&other);
    let mut ids = strangers();
    ids.push(("foreign", foreign.id.clone()));
    for (kind, id) in &ids {
        for (port, line) in [
            (3000, ("GET", "/")),
            (49983, ("GET", "/health")),
            (49983, ("GET", "/files?path=/etc/passwd")),
            (49983, ("POST", "/process.Process/List")),
            (49999, ("GET", "/health")),
        ] {
            let by_name = request(server, line, &host(server, id, port), &[], b"");
            let headers =
                [("E2b-Sandbox-Id", id.as_str()), ("E2b-Sandbox-Port", &port.to_string())];
            let address = server.address().to_string();
            let by_header = request(server, line, &address, &headers, b"");
            for answer in [by_name, by_header] {
                assert_eq!(answer.status, 502, "{kind} {port} {line:?}: {}", answer.text());
                let body = answer.json();
                assert_eq!(body["code"], 502, "{kind} {port} {line:?}");
                assert_eq!(body["message"], "The sandbox was not found", "{kind} {port} {line:?}");
                assert_eq!(body["sandboxId"], **id, "{kind} {port} {line:?}");
            }
        }
    }
    // Positive control: a sandbox of this server's own answers on the same names.
    let own = Guest::create(server);
    assert_eq!(own.get(49983, "/health").status, 204);
    let closed = own.get(3000, "/");
    assert_eq!(closed.status, 502, "{}", closed.text());
    assert_eq!(closed.json()["message"], "The sandbox is running but port is not open");
    drop(foreign);
}

#[test]
fn a_wrong_key_gets_401() {
    let server = Server::shared();
    let own = Guest::create(server);
    let create = json!({ "templateID": "base" });
    let path = format!("/sandboxes/{}", own.id);
    let longer = format!("{API_KEY}0");
    for key in ["wrong", "", &API_KEY[1..], &longer, NEVER] {
        for (line, body) in [
            (("POST", "/v2/sandboxes"), &create),
            (("POST", "/sandboxes"), &create),
            (("GET", "/v2/sandboxes"), &Value::Null),
            (("GET", path.as_str()), &Value::Null),
            (("DELETE", path.as_str()), &Value::Null),
        ] {
            let answer = control(server, line, key, body);
            assert_eq!(answer.status, 401, "{line:?} with {key:?}: {}", answer.text());
            assert_eq!(answer.json()["code"], 401);
        }
    }
    let keyless = request(server, ("GET", path.as_str()), &server.address().to_string(), &[], b"");
    assert_eq!(keyless.status, 401, "{}", keyless.text());
    assert_eq!(control(server, ("GET", &path), API_KEY, &Value::Null).status, 200);
}

#[test]
fn a_wrong_token_gets_401() {
    let server = Server::shared();
    let (own, sibling) = (Guest::create(server), Guest::create(server));
    own.write("/home/user/secret", b"of own");
    let ask = |line: (&str, &str), headers: &[(&str, &str)]| {
        let json = ("Content-Type", "application/json");
        let headers: Vec<_> = headers.iter().copied().chain([json]).collect();
        let body: &[u8] = if line.0 == "POST" { b"{}" } else { b"" };
        request(server, line, &own.host(49983), &headers, body)
    };
    let list = ("POST", "/process.Process/List");
    let read = ("GET", "/files?path=/home/user/secret");
    for line in [list, read] {
        let good = ask(line, &[("X-Access-Token", &own.token)]);
        assert_eq!(good.status, 200, "{line:?}: {}", good.text());
        for headers in [
            &[][..],
            &[("X-Access-Token", "wrong")],
            &[("X-Access-Token", "")],
            &[("X-Access-Token", sibling.token.as_str())],
            &[("X-API-Key", API_KEY)],
        ] {
            let answer = ask(line, headers);
            assert_eq!(answer.status, 401, "{line:?} with {headers:?}: {}", answer.text());
            assert!(!answer.text().contains("of own"));
        }
    }
}

#[test]
fn a_host_that_says_two_things_is_refused() {
    let server = Server::shared();
    let (own, sibling) = (Guest::create(server), Guest::create(server));
    own.write("/home/user/index.html", b"of own");
    let raw = |head: &str| exchange(server.address(), format!("{head}\r\n\r\n").as_bytes());
    let (own, sibling) = (own.host(49983), sibling.host(49983));
    let twice =
        format!("GET /health HTTP/1.1\r\nHost: {own}\r\nHost: {sibling}\r\nConnection: close");
    assert_eq!(raw(&twice).status, 400, "two Host lines");
    let absolute =
        format!("GET http://{own}/health HTTP/1.1\r\nHost: {sibling}\r\nConnection: close");
    assert_eq!(raw(&absolute).status, 400, "a target and a Host that differ");
    for port in ["0", "65536", "x", "-1", "99999999999999999999"] {
        let id = own.split(['-', '.']).nth(1).expect("PORT-ID.DOMAIN");
        let head =
            format!("GET / HTTP/1.1\r\nHost: {port}-{id}.{}\r\nConnection: close", server.domain());
        let status = raw(&head).status;
        assert!(matches!(status, 400 | 401 | 404), "port {port}: {status}");
    }
    let upper =
        format!("GET /health HTTP/1.1\r\nHost: {}\r\nConnection: close", own.to_uppercase());
    assert_eq!(raw(&upper).status, 204, "host names know no case");
}
