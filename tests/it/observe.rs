//! What can be seen of a sandbox from outside: metrics with their history, logs by both endpoints, templates, the OpenAPI
//! document.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Guest, control, request};
use crate::run::run;
use crate::sdk;
use crate::server::{API_KEY, Server};

const BOUND: Duration = Duration::from_secs(600);

/// schemathesis: some thousand requests.
const SCHEMA_BOUND: Duration = Duration::from_secs(3600);

fn get(path: &str) -> Value {
    let answer = control(Server::shared(), ("GET", path), API_KEY, &Value::Null);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

#[test]
fn what_a_sandbox_uses_is_sampled() {
    let guest = Guest::create(Server::shared());
    guest
        .shell("head -c 3000000 /dev/zero > big; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
    let path = format!("/sandboxes/{}/metrics", guest.id);
    let deadline = Instant::now() + BOUND;
    let sample = loop {
        let samples = get(&path);
        let all = samples.as_array().expect("samples");
        // The loop may have ended in the sample before the last.
        let busy = all.iter().any(|sample| sample["cpuUsedPct"].as_f64() > Some(0.0));
        match all.last() {
            Some(last) if busy && last["diskUsed"].as_u64() >= Some(3_000_000) => {
                break last.clone();
            }
            _ => {}
        }
        assert!(Instant::now() < deadline, "{samples}");
        // A key may ask only so often; samples are taken every five seconds.
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(sample["memTotal"].as_u64() >= sample["memUsed"].as_u64(), "{sample}");
    let second = sample["timestampUnix"].as_u64().expect("a time");
    let within = get(&format!("{path}?start={second}&end={second}"));
    assert_eq!(within, json!([sample]));
    assert_eq!(get(&format!("{path}?end={}", second - 1000)), json!([]));
    let all = get(&format!("/sandboxes/metrics?sandbox_ids={},nosuchsandbox", guest.id));
    let all = all["sandboxes"].as_object().expect("by id").clone();
    assert_eq!(all.keys().collect::<Vec<_>>(), [&guest.id]);
    for wrong in ["start=x", "start=-1", "begin=1", "start=5&end=4"] {
        let path = format!("{path}?{wrong}");
        assert_eq!(
            control(Server::shared(), ("GET", &path), API_KEY, &Value::Null).status,
            400,
            "{wrong}"
        );
    }
    let token = [("X-Access-Token", guest.token.as_str())];
    let envd =
        |headers| request(Server::shared(), ("GET", "/metrics"), &guest.host(49983), headers, b"");
    assert_eq!(envd(&[]).status, 401);
    let now = envd(&token).json();
    assert!(now["disk_used"].as_u64() >= Some(3_000_000), "{now}");
    for field in [
        "ts",
        "cpu_count",
        "cpu_used_pct",
        "mem_total",
        "mem_used",
        "mem_cache",
        "mem_total_mib",
        "mem_used_mib",
        "disk_total",
    ] {
        assert!(now[field].is_number(), "{field}: {now}");
    }
}

#[test]
fn processes_are_told_in_the_logs() {
    let guest = Guest::create(Server::shared());
    guest.shell("true");
    let v1 = get(&format!("/sandboxes/{}/logs", guest.id));
    let messages: Vec<&str> = v1["logEntries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|entry| entry["message"].as_str())
        .collect();
    assert_eq!(messages, ["sandbox started", "process started", "process ended"]);
    let ended = &v1["logs"][2];
    let line: Value = serde_json::from_str(ended["line"].as_str().expect("a line")).expect("JSON");
    assert_eq!(
        (&line["level"], &line["logger"], &line["status"]),
        (&json!("info"), &json!("envd"), &json!("exit status 0"))
    );
    let v2 =
        get(&format!("/v2/sandboxes/{}/logs?direction=backward&limit=1&search=process", guest.id));
    assert_eq!(v2["logs"].as_array().map(Vec::len), Some(1));
    assert_eq!(v2["logs"][0], v1["logEntries"][2]);
    assert_eq!(get(&format!("/v2/sandboxes/{}/logs?level=warn", guest.id)), json!({"logs": []}));
    let path = format!("/v2/sandboxes/{}/logs?level=loud", guest.id);
    assert_eq!(control(Server::shared(), ("GET", &path), API_KEY, &Value::Null).status, 400);
}

#[test]
fn templates_are_found_by_their_names() {
    for path in ["/templates", "/v2/templates"] {
        let names: Vec<Value> = get(path)
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["names"][0].clone())
            .collect();
        assert_eq!(names, ["base", "code-interpreter-v1"]);
    }
    assert_eq!(get("/templates/aliases/base"), json!({"templateID": "base", "public": true}));
    assert_eq!(get("/templates/base")["buildStatus"], "ready");
    for path in ["/templates/none", "/templates/aliases/none"] {
        assert_eq!(control(Server::shared(), ("GET", path), API_KEY, &Value::Null).status, 404);
    }
}

/// The document is read by a validator of its own, and every path of it is routed.
#[test]
fn the_openapi_document_is_valid_and_true() {
    let server = Server::shared();
    let host = server.address().to_string();
    let answer = request(server, ("GET", "/openapi.json"), &host, &[], b"");
    assert_eq!(answer.status, 200);
    let document = answer.json();
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{sandboxID}", "nosuchsandbox").replace(['{', '}'], "x");
        for method in methods.as_object().expect("methods").keys() {
            let line = (&*method.to_uppercase(), path.as_str());
            assert_eq!(request(server, line, &host, &[], b"").status, 401, "{line:?}");
            let keyed = control(server, line, API_KEY, &Value::Null).status;
            assert!(![405, 501].contains(&keyed) && keyed < 500, "{line:?}: {keyed}");
            operations += 1;
        }
    }
    assert!(operations >= 20, "{operations} operations");
    let mut program = Command::new(sdk::checkers());
    program.arg(sdk::source("python/openapi.py")).arg(format!("http://{host}/openapi.json"));
    let printed = run(&mut program, BOUND).success();
    assert!(printed.ends_with("valid\n"), "{printed}");
}

/// schemathesis reads the document and asks what it describes, right and wrong, with a key and without.
#[test]
fn schemathesis_finds_nothing() {
    // It makes sandboxes, and kills few of them: on a server that ends with it.
    let server = Server::start("127.0.0.1:0", "schema.localhost:8080");
    let key = format!("X-API-Key: {API_KEY}");
    for headers in [&["--header", key.as_str()][..], &[]] {
        let mut program = Command::new(sdk::checkers().with_file_name("schemathesis"));
        program.args(["run", &format!("http://{}/openapi.json", server.address())]).args(headers);
        program.args(["--max-examples", "5", "--seed", "1", "--generation-database", "none"]);
        let checks = "not_a_server_error,status_code_conformance,response_schema_conformance";
        program.args(["--checks", checks, "--request-timeout", "300"]);
        let folder = tempfile::tempdir().expect("a temporary directory");
        let output = run(program.current_dir(folder.path()), SCHEMA_BOUND);
        let all = output.transcript();
        assert!(output.status.success(), "{all}");
    }
}
