//! The control plane's letter: what a body may say and what becomes of it, paths that are not built
//! yet, keys as tenants, pages of the list. Who is let in at all is in `tenants`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::http::{Guest, control, request};
use crate::server::{API_KEY, Server};

#[test]
fn what_is_honoured_is_done() {
    let server = Server::shared();
    let body = json!({
        "templateID": "code-interpreter-v1", "timeout": 500, "allow_internet_access": false,
        "metadata": {"owner": "a b"}, "envVars": {"GREETING": "from the sandbox"},
        "secure": true, "autoPause": false, "volumeMounts": [], "mcp": null,
    });
    let made = control(server, ("POST", "/v2/sandboxes"), API_KEY, &body);
    assert_eq!(made.status, 201, "{}", made.text());
    let guest = Guest::adopt(server, &made.json());
    let detail =
        control(server, ("GET", &format!("/sandboxes/{}", guest.id)), API_KEY, &Value::Null);
    let detail = detail.json();
    assert_eq!(detail["templateID"], "code-interpreter-v1");
    assert_eq!(detail["metadata"], json!({"owner": "a b"}));
    assert_eq!(detail["allowInternetAccess"], false);
    assert_eq!(detail["state"], "running");
    let print =
        "echo $GREETING; echo $E2B_SANDBOX $E2B_SANDBOX_ID $E2B_TEMPLATE_ID $USER $HOME $PWD";
    let expected = format!(
        "from the sandbox\ntrue {} code-interpreter-v1 user /home/user /home/user\n",
        guest.id
    );
    assert_eq!(guest.shell(print), expected);
}

#[test]
fn what_is_not_done_is_refused_by_name() {
    let server = Server::shared();
    for (field, value) in [
        ("volumeMounts", json!([{"name": "a", "path": "/a"}])),
        ("autoPause", json!(true)),
        ("secure", json!(false)),
        ("network", json!({"surprise": 1})),
        ("surprise", json!(1)),
        ("timeout", json!("x")),
        ("timeout", json!(0)),
        ("timeout", json!(-1)),
        ("timeout", json!(1_000_000)),
        ("metadata", json!({"a": 1})),
        ("envVars", json!({"A=B": "x"})),
    ] {
        let mut body = json!({"templateID": "base"});
        body[field] = value.clone();
        for path in ["/sandboxes", "/v2/sandboxes"] {
            let answer = control(server, ("POST", path), API_KEY, &body);
            assert_eq!(answer.status, 400, "{path} {field} {value}: {}", answer.text());
            let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
            assert!(message.starts_with(field), "{field} {value}: {message}");
        }
    }
    let unknown =
        control(server, ("POST", "/v2/sandboxes"), API_KEY, &json!({"templateID": "nope"}));
    assert_eq!(
        (unknown.status, unknown.json()),
        (404, json!({"code": 404, "message": "template 'nope' not found"}))
    );
}

/// Every field that E2B's clients can send when they create a sandbox (NewSandbox, NewSandboxV2), with a value that asks for
/// something: taken, or refused with a 400 that names it. None is passed over in silence.
#[test]
fn every_field_of_the_protocol_is_taken_or_named() {
    let server = Server::shared();
    let taken = [
        ("timeout", json!(60)),
        ("metadata", json!({"k": "v"})),
        ("envVars", json!({"K": "v"})),
        ("allow_internet_access", json!(false)),
        ("secure", json!(true)),
        ("network.allowPublicTraffic", json!(false)),
        ("network.allowOut", json!(["1.1.1.1"])),
        ("network.denyOut", json!(["0.0.0.0/0"])),
        ("network.rules", json!({"example.com": [{"transform": {"headers": {"a": "b"}}}]})),
        ("network.egressProxy", json!({"address": "1.1.1.1:1080"})),
        ("network.dnsServers", json!(["1.1.1.1"])),
        ("network.maskRequestHost", json!("localhost:${PORT}")),
        ("network.httpsPorts", json!([443])),
        ("autoPause", json!(false)),
        ("autoResume.enabled", json!(false)),
    ];
    let refused = [
        ("iam", json!({"tokens": {"a": {"audience": "b", "tokenType": "c"}}})),
        ("mcp", json!({"server": {}})),
        ("autoPause", json!(true)),
        ("autoPauseMemory", json!(false)),
        ("autoResume.enabled", json!(true)),
        ("volumeMounts", json!([{"name": "a", "path": "/a"}])),
        ("secure", json!(false)),
        ("network.httpsPorts", json!([49983])),
        ("networkx", json!({})),
    ];
    for path in ["/sandboxes", "/v2/sandboxes"] {
        for (field, value) in &taken {
            let answer = control(server, ("POST", path), API_KEY, &with_field(field, value));
            assert_eq!(answer.status, 201, "{path} {field} {value}: {}", answer.text());
            let id = answer.json()["sandboxID"].as_str().expect("an id").to_owned();
            let kill = format!("/sandboxes/{id}");
            assert_eq!(control(server, ("DELETE", &kill), API_KEY, &Value::Null).status, 204);
        }
        for (field, value) in &refused {
            let answer = control(server, ("POST", path), API_KEY, &with_field(field, value));
            assert_eq!(answer.status, 400, "{path} {field} {value}: {}", answer.text());
            let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
            assert!(message.starts_with(field), "{field} {value}: {message}");
        }
    }
}

/// A request for the base template with one more field, `parent.member` for one of an object.
fn with_field(field: &str, value: &Value) -> Value {
    let mut body = json!({"templateID": "base"});
    match field.split_once('.') {
        Some((parent, member)) => body[parent] = json!({member: value}),
        None => body[field] = value.clone(),
    }
    body
}

#[test]
fn what_is_not_built_says_so_behind_the_key() {
    let server = Server::shared();
    let guest = Guest::create(server);
    let address = server.address().to_string();
    for path in [
        "/v3/templates",
        "/v2/templates/x/builds/y",
        "/volumes",
        "/secrets",
        "/snapshots",
        "/teams",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = control(server, (method, path), API_KEY, &Value::Null);
            assert_eq!(
                (answer.status, &answer.json()["code"]),
                (501, &json!(501)),
                "{method} {path}"
            );
            assert_eq!(request(server, (method, path), &address, &[], b"").status, 401, "{path}");
        }
    }
    for what in ["pause", "fork", "snapshots"] {
        let path = format!("/sandboxes/{}/{what}", guest.id);
        let answer = control(server, ("POST", &path), API_KEY, &Value::Null);
        assert_eq!(answer.status, 501, "{path}: {}", answer.text());
    }
    for path in ["/", "/nothing", "//sandboxes", "/sandboxes/", "/v1/sandboxes"] {
        assert_eq!(control(server, ("GET", path), API_KEY, &Value::Null).status, 404, "{path}");
        assert_eq!(request(server, ("GET", path), &address, &[], b"").status, 401, "{path}");
    }
    assert_eq!(control(server, ("PUT", "/sandboxes"), API_KEY, &Value::Null).status, 405);
    assert_eq!(request(server, ("GET", "/health"), &address, &[], b"").status, 200);
}

#[test]
fn each_key_sees_its_own_sandboxes() {
    let server = Server::start_with("127.0.0.1:0", "keys.localhost:8080", &["--api-key", "second"]);
    let first = Guest::create(&server);
    let body = json!({"templateID": "base"});
    let second = control(&server, ("POST", "/v2/sandboxes"), "second", &body);
    assert_eq!(second.status, 201, "{}", second.text());
    let second = second.json()["sandboxID"].as_str().expect("an id").to_owned();
    let seen = |key: &str, id: &str| {
        control(&server, ("GET", &format!("/sandboxes/{id}")), key, &Value::Null).status
    };
    assert_eq!([seen(API_KEY, &first.id), seen(API_KEY, &second)], [200, 404]);
    assert_eq!([seen("second", &first.id), seen("second", &second)], [404, 200]);
    let listed = control(&server, ("GET", "/v2/sandboxes"), "second", &Value::Null).json();
    let ids: Vec<_> =
        listed.as_array().expect("a list").iter().map(|one| &one["sandboxID"]).collect();
    assert_eq!(ids, [&json!(second)]);
    let kill = ("DELETE", format!("/sandboxes/{second}"));
    assert_eq!(control(&server, (kill.0, &kill.1), API_KEY, &Value::Null).status, 404);
    assert_eq!(control(&server, (kill.0, &kill.1), "second", &Value::Null).status, 204);
}

#[test]
fn pages_of_the_list_show_each_sandbox_once() {
    let server = Server::start("127.0.0.1:0", "pages.localhost:8080");
    let guests: Vec<_> = (0..5).map(|_| Guest::create(&server)).collect();
    let mut seen = Vec::new();
    let mut token = String::new();
    for _ in 0..guests.len() {
        let path = format!("/v2/sandboxes?limit=2&nextToken={token}");
        let page = control(&server, ("GET", &path), API_KEY, &Value::Null);
        let items = page.json();
        let items = items.as_array().expect("a list");
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|one| one["sandboxID"].as_str().expect("an id").to_owned()));
        let next = page.head.lines().find_map(|line| line.strip_prefix("x-next-token: "));
        let Some(next) = next else { break };
        token = next.trim().to_owned();
    }
    let ids: BTreeSet<_> = guests.iter().map(|guest| guest.id.clone()).collect();
    assert_eq!(seen.len(), guests.len(), "{seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), ids);
}

#[test]
fn a_body_that_is_too_long_is_an_error_in_e2bs_shape() {
    let server = Server::shared();
    let body = json!({"templateID": "base", "metadata": {"long": "x".repeat(1 << 20)}});
    let mut answers = vec![
        control(server, ("POST", "/v2/sandboxes"), API_KEY, &body),
        control(server, ("POST", "/sandboxes/none/timeout"), API_KEY, &body),
    ];
    let guest = Guest::create(server);
    let sources = json!({"source_paths": ["x".repeat(1 << 20)], "destination": "d"}).to_string();
    answers.push(guest.envd("/files/compose", "application/json", sources.as_bytes()));
    for answer in answers {
        assert_eq!(answer.status, 413, "{}", answer.text());
        let error = answer.json();
        assert_eq!(error["code"], 413);
        let message = error["message"].as_str().expect("a sentence");
        assert_eq!(message, "the request's body is longer than 1048576 bytes");
    }
}
