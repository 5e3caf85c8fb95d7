//! Keys and teams: `isolet key` beside a running server, limits of a team and of the host, requests that are sent twice, the
//! audit log, figures for Prometheus.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Answer, control, request};
use crate::run::run;
use crate::server::{API_KEY, Server, isolet};

const BOUND: Duration = Duration::from_secs(600);

/// `isolet key` on a data directory of its own; its standard output.
#[track_caller]
fn key(directory: &std::path::Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isolet"));
    command.arg("key").args(arguments).env("ISOLET_DATA_DIR", directory);
    run(&mut command, BOUND).success()
}

fn list(server: &Server, key: &str) -> Answer {
    control(server, ("GET", "/v2/sandboxes"), key, &Value::Null)
}

fn create(server: &Server, key: &str) -> Answer {
    control(server, ("POST", "/v2/sandboxes"), key, &json!({"templateID": "base"}))
}

fn id(answer: &Answer) -> String {
    answer.json()["sandboxID"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    assert_eq!(key(directory.path(), &["list"]), "");
    let secret = key(directory.path(), &["create", "--team", "red", "--name", "laptop"]);
    let secret = secret.trim();
    assert!(secret.starts_with("e2b_") && secret.len() > 40, "{secret}");
    let listed = key(directory.path(), &["list"]);
    let fields: Vec<&str> = listed.trim_end().split('\t').collect();
    assert_eq!((fields[1], fields[2], fields[4]), ("red", "laptop", "-"), "{listed}");
    for entry in std::fs::read_dir(directory.path()).expect("it is there") {
        let file = entry.expect("readable").path();
        let text = std::fs::read_to_string(&file).expect("text");
        assert!(!text.contains(&secret[4..]), "{} has the key", file.display());
    }
    assert!(key(directory.path(), &["revoke", fields[0]]).contains("revoked"));
    let listed = key(directory.path(), &["list"]);
    assert_ne!(listed.trim_end().split('\t').nth(4), Some("-"), "{listed}");
    for wrong in
        [&["revoke", "key_none"][..], &["create", "--team", "a/b"], &["create", "--team", ""]]
    {
        let mut command = isolet();
        let output =
            run(command.arg("key").args(wrong).env("ISOLET_DATA_DIR", directory.path()), BOUND);
        assert!(!output.status.success() && !output.stderr.contains("panicked"), "{wrong:?}");
    }
}

/// Asks until the server has taken notice of a changed file of keys.
#[track_caller]
fn until(server: &Server, key: &str, status: u16) {
    let deadline = Instant::now() + BOUND;
    while list(server, key).status != status {
        assert!(Instant::now() < deadline, "{status} never came");
    }
}

#[test]
fn a_team_shares_its_sandboxes_and_a_revoked_key_is_out() {
    let server = Server::start("127.0.0.1:0", "teams.localhost:8080");
    let data = crate::server::data_dir();
    // The data directory is shared with other tests: teams of our own names.
    let mine = |team: &str| key(&data, &["create", "--team", team]).trim().to_owned();
    let (red, red2, blue) =
        (mine("red of keys.rs"), mine("red of keys.rs"), mine("blue of keys.rs"));
    until(&server, &blue, 200);
    let made = create(&server, &red);
    assert_eq!(made.status, 201, "{}", made.text());
    let path = format!("/sandboxes/{}", id(&made));
    let seen = |key: &str| control(&server, ("GET", &path), key, &Value::Null).status;
    assert_eq!([seen(&red), seen(&red2), seen(&blue), seen(API_KEY)], [200, 200, 404, 404]);
    assert_eq!(list(&server, &blue).json(), json!([]));
    for method in ["DELETE", "POST"] {
        let path = if method == "POST" { format!("{path}/timeout") } else { path.clone() };
        let body = json!({"timeout": 5});
        assert_eq!(control(&server, (method, &path), &blue, &body).status, 404, "{method}");
    }
    let listed = key(&data, &["list"]);
    let ours =
        listed.lines().filter(|line| line.contains(" of keys.rs\t") && line.ends_with("\t-"));
    for line in ours {
        key(&data, &["revoke", line.split('\t').next().expect("an id")]);
    }
    until(&server, &red, 401);
    until(&server, &red2, 401);
    let (_, log) = server.stop();
    for secret in [&red, &red2, &blue] {
        assert!(!log.contains(&secret[4..]), "a key is in the log");
    }
}

#[test]
fn a_request_that_is_sent_twice_makes_one_sandbox() {
    let server = Server::start("127.0.0.1:0", "twice.localhost:8080");
    let host = server.address().to_string();
    let post = |key: &str, idempotency: &str, body: &Value| {
        let headers = [
            ("X-API-Key", key),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", idempotency),
        ];
        let body = body.to_string();
        request(&server, ("POST", "/v2/sandboxes"), &host, &headers, body.as_bytes())
    };
    let (body, other) =
        (json!({"templateID": "base"}), json!({"templateID": "base", "timeout": 9}));
    let (first, again) = (post(API_KEY, "abc-1", &body), post(API_KEY, "abc-1", &body));
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json(), again.json());
    assert_ne!(id(&post(API_KEY, "abc-2", &body)), id(&first));
    assert_eq!(post(API_KEY, "abc-1", &other).status, 409);
    let long = "a".repeat(256);
    for wrong in ["", "A", "a_b", &long] {
        assert_eq!(post(API_KEY, wrong, &body).status, 400, "{wrong:?}");
    }
    let kill = format!("/sandboxes/{}", id(&first));
    assert_eq!(control(&server, ("DELETE", &kill), API_KEY, &Value::Null).status, 204);
    assert_eq!(post(API_KEY, "abc-1", &body).status, 409, "its sandbox has ended");
}

/// The value of a header of an answer.
fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[test]
fn limits_are_told_with_the_time_to_wait() {
    let arguments = ["--api-key", "second", "--team-sandboxes", "1", "--sandboxes", "2"];
    let more =
        [&arguments[..], &["--api-key", "third", "--team-requests-per-second", "5"]].concat();
    let server = Server::start_with("127.0.0.1:0", "limits.localhost:8080", &more);
    let first = create(&server, API_KEY);
    assert_eq!(first.status, 201);
    let own = create(&server, API_KEY);
    assert_eq!((own.status, header(&own, "retry-after")), (429, Some("5")), "{}", own.text());
    assert_eq!(own.json()["code"], 429);
    assert_eq!(create(&server, "second").status, 201);
    let full = create(&server, "third");
    assert_eq!((full.status, header(&full, "retry-after")), (503, Some("5")), "{}", full.text());
    assert_eq!(header(&full, "should-retry"), Some("true"));
    let kill = format!("/sandboxes/{}", id(&first));
    assert_eq!(control(&server, ("DELETE", &kill), API_KEY, &Value::Null).status, 204);
    // Five a second are ten at once; however slow this machine is, some of so many come too fast.
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let ask = || (0..100).map(|_| list(&server, "second")).collect::<Vec<_>>();
        let askers: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        askers.into_iter().flat_map(|asker| asker.join().expect("no panic")).collect()
    });
    let refused = answers.iter().find(|answer| answer.status == 429).expect("too many");
    assert_eq!((header(refused, "retry-after"), &refused.json()["code"]), (Some("1"), &json!(429)));
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 429)));
}

#[test]
fn each_action_is_a_line_without_secrets() {
    let server =
        Server::start_with("127.0.0.1:0", "audit.localhost:8080", &["--log-json", "--metrics"]);
    let made = create(&server, API_KEY);
    let (id, token) =
        (id(&made), made.json()["envdAccessToken"].as_str().expect("a token").to_owned());
    list(&server, API_KEY);
    let wrong = "e2b_00000000000000000000000000000000deadbeef";
    assert_eq!(create(&server, wrong).status, 401);
    assert_eq!(list(&server, wrong).status, 401);
    let kill = ("DELETE", format!("/sandboxes/{id}"));
    assert_eq!(control(&server, (kill.0, &kill.1), API_KEY, &Value::Null).status, 204);
    assert_eq!(control(&server, (kill.0, &kill.1), API_KEY, &Value::Null).status, 404);
    let host = server.address().to_string();
    let figures = request(&server, ("GET", "/metrics"), &host, &[], b"").text();
    assert!(figures.contains("isolet_sandboxes 0\n"), "{figures}");
    let counted = r#"isolet_requests_total{plane="control",method="POST",status="201"} 1"#;
    assert!(figures.contains(counted), "{figures}");
    assert!(!figures.contains(&id) && figures.ends_with("# EOF\n"), "{figures}");
    let (status, log) = server.stop();
    assert!(status.success(), "{status}\n{log}");
    let lines: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["target"] == "isolet::audit")
        .collect();
    let told: Vec<(&Value, &Value, &Value)> = lines
        .iter()
        .map(|line| {
            (&line["fields"]["action"], &line["fields"]["sandbox"], &line["fields"]["status"])
        })
        .collect();
    let kill = json!("DELETE /sandboxes/{sandboxID}");
    let expected = [
        (&json!("POST /v2/sandboxes"), &json!(id), &json!(201)),
        (&json!("POST /v2/sandboxes"), &json!("-"), &json!(401)),
        (&json!("GET /v2/sandboxes"), &json!("-"), &json!(401)),
        (&kill, &json!(id), &json!(204)),
        (&kill, &json!(id), &json!(404)),
    ];
    assert_eq!(told, expected);
    assert_eq!(lines[0]["fields"]["client"], "127.0.0.1");
    assert_eq!(lines[1]["fields"]["key"], "unknown");
    assert!(!log.contains(wrong), "what was sent as a key is in the log:\n{log}");
    assert!(!log.contains(API_KEY) && !log.contains(&token), "a secret is in the log:\n{log}");
}

#[test]
fn figures_are_served_only_where_they_are_asked_for() {
    let server = Server::shared();
    let host = server.address().to_string();
    assert_eq!(request(server, ("GET", "/metrics"), &host, &[], b"").status, 401);
    assert_eq!(control(server, ("GET", "/metrics"), API_KEY, &Value::Null).status, 404);
}
