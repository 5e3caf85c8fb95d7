//! envd's letter: hostile frames, signed URLs, uploads of every form, processes that outlive their
//! clients. What the SDKs do with it is in `commands` and `programs`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::http::{Answer, Guest, request};
use crate::server::Server;

/// Silence of a server that answers, on a busy machine.
const BOUND: Duration = Duration::from_secs(900);

const START: &str = "/process.Process/Start";
const STREAM: &str = "application/connect+json";

fn frame(flags: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![flags];
    frame.extend(u32::try_from(content.len()).expect("a short message").to_be_bytes());
    frame.extend(content);
    frame
}

/// The code in the end frame of a stream that is nothing but that.
#[track_caller]
fn refusal(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (head, content) = answer.body.split_at(5);
    assert_eq!(head[0], 2, "not an end frame first: {}", answer.text());
    let end: Value = serde_json::from_slice(content).expect("one frame of JSON");
    end["error"]["code"].as_str().expect("an error's code").to_owned()
}

#[test]
fn hostile_frames_get_connects_codes() {
    let guest = Guest::create(Server::shared());
    let deep = "[".repeat(100_000);
    for (what, body, code) in [
        ("a length of 4 GiB", vec![0, 0xff, 0xff, 0xff, 0xff], "resource_exhausted"),
        ("the compressed flag", frame(1, b"{}"), "invalid_argument"),
        ("a client's end frame", frame(2, b"{}"), "invalid_argument"),
        ("unknown flags", frame(0x80, b"{}"), "invalid_argument"),
        ("a cut frame", vec![0, 0, 0, 0, 9, b'{'], "invalid_argument"),
        ("no frame", Vec::new(), "invalid_argument"),
        ("two frames", [frame(0, b"{}"), frame(0, b"{}")].concat(), "invalid_argument"),
        ("no JSON", frame(0, b"\x00\x01"), "invalid_argument"),
        ("deep JSON", frame(0, deep.as_bytes()), "invalid_argument"),
        ("no UTF-8", frame(0, b"{\"process\":{\"cmd\":\"\xff\"}}"), "invalid_argument"),
        ("an unknown field", frame(0, b"{\"surprise\":1}"), "invalid_argument"),
        ("no program", frame(0, b"{\"process\":{}}"), "invalid_argument"),
        ("NUL", frame(0, b"{\"process\":{\"cmd\":\"a\\u0000b\"}}"), "invalid_argument"),
    ] {
        let answer = guest.envd(START, STREAM, &body);
        assert_eq!(refusal(&answer), code, "{what}");
    }
    for (media, status) in
        [("application/proto", 415), ("text/plain", 415), ("application/json", 415)]
    {
        assert_eq!(guest.envd(START, media, b"{}").status, status, "{media}");
    }
    let proto = |body: &[u8]| refusal(&guest.envd(START, "application/connect+proto", body));
    for (what, body) in [
        ("a cut message", frame(0, b"\x0a\x05a")),
        ("another type", frame(0, b"\x08\x01")),
        ("an unknown field", frame(0, b"\x7a\x00")),
        ("no UTF-8", frame(0, b"\x0a\x04\x0a\x02\xff\xff")),
        ("no program", frame(0, b"")),
        ("compressed, not agreed", frame(1, b"")),
    ] {
        assert_eq!(proto(&body), "invalid_argument", "protobuf: {what}");
    }
    assert_eq!(proto(&[0, 0xff, 0xff, 0xff, 0xff]), "resource_exhausted");
    let unary = |path: &str, body: &[u8]| guest.envd(path, "application/json", body).status;
    assert_eq!(unary("/process.Process/List", b"{}"), 200);
    assert_eq!(unary("/process.Process/List", b"{\"a\":1}"), 400);
    assert_eq!(unary("/process.Process/List", &vec![b' '; (4 << 20) + 1]), 429);
    assert_eq!(unary("/process.Process/Surprise", b"{}"), 501);
    assert_eq!(unary("/init", b"{}"), 404);
    let input = json!({"process": {"pid": 1}, "input": {"stdin": "eA=="}}).to_string();
    assert_eq!(unary("/process.Process/SendInput", input.as_bytes()), 404, "pid 1 is not envd's");
}

/// E2B's signature of version 1.
fn sign(path: &str, operation: &str, user: &str, token: &str, expiration: Option<u64>) -> String {
    let mut text = format!("{path}:{operation}:{user}:{token}");
    if let Some(expiration) = expiration {
        text.push_str(&format!(":{expiration}"));
    }
    let digest = STANDARD_NO_PAD.encode(Sha256::digest(text));
    format!("v1_{}", digest.replace('+', "%2B").replace('/', "%2F"))
}

#[test]
fn signed_urls_open_one_file_for_one_purpose() {
    let server = Server::shared();
    let (guest, sibling) = (Guest::create(server), Guest::create(server));
    guest.write("/tmp/signed", b"the content");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let good = sign("/tmp/signed", "read", "", &guest.token, Some(now + 600));
    let query = |path: &str, signature: &str, expiration: u64| {
        format!("/files?path={path}&signature={signature}&signature_expiration={expiration}")
    };
    let ask =
        |host: &str, method: &str, target: &str| request(server, (method, target), host, &[], b"");
    let own = guest.host(49983);
    let target = query("/tmp/signed", &good, now + 600);
    // By its host name, and by an address alone: with E2B_SANDBOX_URL the SDKs' URLs name no sandbox.
    for host in [own.clone(), server.address().to_string()] {
        let answer = ask(&host, "GET", &target);
        assert_eq!((answer.status, answer.text().as_str()), (200, "the content"), "{host}");
        let post = request(
            server,
            ("POST", &target),
            &host,
            &[("Content-Type", "application/octet-stream")],
            b"x",
        );
        assert_eq!(
            (post.status, &post.json()["message"]),
            (401, &json!("invalid signature")),
            "{host}"
        );
        let other = ask(&host, "GET", &query("/etc/passwd", &good, now + 600));
        assert_eq!(other.status, 401, "{host}");
        let later = ask(&host, "GET", &query("/tmp/signed", &good, now + 6000));
        assert_eq!(later.status, 401, "{host}");
        let bare = ask(&host, "GET", "/files?path=/tmp/signed");
        assert_eq!(bare.json()["message"], "missing signature query parameter", "{host}");
        let past = sign("/tmp/signed", "read", "", &guest.token, Some(now - 1));
        let past = ask(&host, "GET", &query("/tmp/signed", &past, now - 1));
        assert_eq!(
            (past.status, &past.json()["message"]),
            (401, &json!("signature is already expired"))
        );
    }
    assert_eq!(ask(&sibling.host(49983), "GET", &target).status, 401, "another sandbox's token");
}

#[test]
fn uploads_come_in_every_form() {
    let guest = Guest::create(Server::shared());
    let form = |name: &str, content: &str| {
        format!(
            "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n"
        )
    };
    let media = "multipart/form-data; boundary=xx";
    let two = format!("{}{}--xx--\r\n", form("a/one.txt", "1"), form("/tmp/two.txt", "22"));
    let answer = guest.envd("/files", media, two.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let written: Vec<_> =
        answer.json().as_array().expect("a list").iter().map(|one| one["path"].clone()).collect();
    assert_eq!(written, ["/home/user/a/one.txt", "/tmp/two.txt"]);
    assert_eq!(
        guest.shell("cat a/one.txt /tmp/two.txt; stat -c '%U %a' a a/one.txt"),
        "122user 755\nuser 644\n"
    );
    // A raw body over what was there, larger than any buffer on the way.
    let large = vec![b'x'; 5 << 20];
    guest.write("/tmp/two.txt", &large);
    assert_eq!(
        guest.shell("wc -c < /tmp/two.txt; tr -d x < /tmp/two.txt | wc -c"),
        format!("{}\n0\n", 5 << 20)
    );
    for (path, media, body, status) in [
        ("/files", media, "--xx--\r\n", 400),
        ("/files", "application/octet-stream", "x", 400),
        ("/files?path=/tmp", "application/octet-stream", "x", 400),
        ("/files?path=/tmp/two.txt/x", "application/octet-stream", "x", 400),
        ("/files?path=a%00b", "application/octet-stream", "x", 400),
        ("/files?path=a&username=nobody-knows", "application/octet-stream", "x", 401),
        ("/files?path=a", "text/plain", "x", 400),
    ] {
        let answer = guest.envd(path, media, body.as_bytes());
        assert_eq!(answer.status, status, "{path} {media}: {}", answer.text());
    }
    let token = [("X-Access-Token", guest.token.as_str())];
    let read =
        |target: &str| request(Server::shared(), ("GET", target), &guest.host(49983), &token, b"");
    let missing = read("/files?path=/tmp/none");
    assert_eq!(
        (missing.status, &missing.json()["message"]),
        (404, &json!("path '/tmp/none' does not exist"))
    );
    assert_eq!(read("/files?path=/tmp").status, 400);
    assert_eq!(read("/files?path=/dev/zero").status, 400, "an endless file");
}

#[test]
fn files_are_reached_as_root_and_belong_to_the_user() {
    let guest = Guest::create(Server::shared());
    let rpc = |method: &str, message: Value| {
        let path = format!("/filesystem.Filesystem/{method}");
        let answer = guest.envd(&path, "application/json", message.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{method}: {}", answer.text());
        answer.json()
    };
    // The default user may write nothing of this: new below the root, over a file of root's, into root's home.
    guest.write("/app/src/main.py", b"print(1)");
    guest.write("/etc/motd", b"hello");
    guest.write("/root/x", b"secret");
    let made = rpc("MakeDir", json!({"path": "/srv2/data"}));
    assert_eq!((&made["entry"]["owner"], &made["entry"]["mode"]), (&json!("user"), &json!(0o755)));
    assert_eq!(
        guest.shell("stat -c '%U %G %a %n' /app /app/src /app/src/main.py /etc/motd /srv2"),
        "user user 755 /app\nuser user 755 /app/src\nuser user 644 /app/src/main.py\n\
         user user 644 /etc/motd\nuser user 755 /srv2\n"
    );
    let token = [("X-Access-Token", guest.token.as_str())];
    let read = |path: &str| {
        let target = format!("/files?path={path}");
        request(Server::shared(), ("GET", &target), &guest.host(49983), &token, b"")
    };
    assert_eq!(read("/root/x").text(), "secret");
    assert_eq!(rpc("Stat", json!({"path": "/root"}))["entry"]["owner"], "root", "stays root's");
    rpc("Move", json!({"source": "/root/x", "destination": "/opt/new/x"}));
    assert_eq!(rpc("ListDir", json!({"path": "/opt/new"}))["entries"][0]["name"], "x");
    rpc("Remove", json!({"path": "/etc/hosts"}));
    assert_eq!(read("/etc/hosts").status, 404);
}

#[test]
fn browsers_may_ask_and_run_nothing_of_what_they_get() {
    let guest = Guest::create(Server::shared());
    guest.write("/tmp/page.html", b"<script>alert(1)</script>");
    let ask = |method: &str, headers: &[(&str, &str)]| {
        let target = "/files?path=/tmp/page.html";
        request(Server::shared(), (method, target), &guest.host(49983), headers, b"")
    };
    let has = |answer: &Answer, line: &str| {
        let head = answer.head.to_ascii_lowercase();
        assert!(head.lines().any(|one| one == line), "no {line:?} in {head}");
    };
    let origin = ("Origin", "https://example.org");
    let page = ask("GET", &[("X-Access-Token", &guest.token), origin]);
    assert_eq!(page.status, 200);
    has(&page, "x-content-type-options: nosniff");
    has(&page, "content-security-policy: sandbox; default-src 'none'");
    has(&page, "access-control-allow-origin: *");
    let refused = ask("GET", &[origin]);
    assert_eq!(refused.status, 401);
    has(&refused, "access-control-allow-origin: *");
    let preflight = ask("OPTIONS", &[origin, ("Access-Control-Request-Method", "POST")]);
    assert_eq!((preflight.status, preflight.body.len()), (204, 0));
    for line in [
        "access-control-allow-origin: *",
        "access-control-allow-methods: *",
        "access-control-allow-headers: *, authorization",
        "access-control-max-age: 7200",
    ] {
        has(&preflight, line);
    }
    assert_eq!(ask("OPTIONS", &[]).status, 405, "no preflight");
}

#[test]
fn a_tree_is_removed_whatever_its_names_are() {
    let guest = Guest::create(Server::shared());
    // No UTF-8, a link to what must stay, and deeper than a path can be long.
    guest.shell(
        r#"mkdir -p /tmp/tree/$'\xff'/$'\xfe' /tmp/keep
        echo x > /tmp/keep/file
        echo x > /tmp/tree/$'\xff'/$'\xfe'/$'\xfd'
        ln -s /tmp/keep /tmp/tree/link
        cd /tmp/tree
        name=$(printf 'd%.0s' {1..200})
        for i in {1..25}; do mkdir "$name" && cd "$name"; done
        echo x > bottom"#,
    );
    let remove = |path: &str| {
        let message = json!({ "path": path }).to_string();
        guest.envd("/filesystem.Filesystem/Remove", "application/json", message.as_bytes())
    };
    for what in ["the tree", "nothing"] {
        let answer = remove("/tmp/tree");
        assert_eq!((answer.status, answer.text().as_str()), (200, "{}"), "{what}");
    }
    assert_eq!(guest.shell("ls /tmp; ls /tmp/keep"), "keep\nfile\n");
    assert_ne!(remove("/").status, 200, "the root");
}

/// Starts a program and reads its stream up to the frame that tells its pid.
fn start(guest: &Guest<'_>, command: &str) -> (TcpStream, u64) {
    let message = json!({"process": {"cmd": "/bin/bash", "args": ["-c", command]}, "tag": command});
    let body = frame(0, message.to_string().as_bytes());
    let head = format!(
        "POST {START} HTTP/1.1\r\nHost: {}\r\nX-Access-Token: {}\r\nContent-Type: {STREAM}\r\nContent-Length: {}\r\n\r\n",
        guest.host(49983),
        guest.token,
        body.len()
    );
    let mut stream = TcpStream::connect(Server::shared().address()).expect("the server listens");
    stream.set_read_timeout(Some(BOUND)).expect("a bound above zero");
    stream.write_all(&[head.as_bytes(), &body].concat()).expect("the server reads");
    let mut seen = Vec::new();
    loop {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).expect("the server answers");
        assert!(count > 0, "ended early: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&bytes[..count]);
        let text = String::from_utf8_lossy(&seen);
        if let Some((_, rest)) = text.split_once("\"pid\":") {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            return (stream, digits.parse().expect("a pid"));
        }
    }
}

#[test]
fn a_process_outlives_its_client_and_its_end_is_told_late() {
    let guest = Guest::create(Server::shared());
    guest.shell("mkfifo /tmp/go");
    let (stream, pid) = start(&guest, "read -r line < /tmp/go; echo \"$line\"; exit 7");
    drop(stream);
    let list = guest.envd("/process.Process/List", "application/json", b"{}").json();
    assert_eq!(list["processes"][0]["pid"], json!(pid), "{list}");
    guest.shell("echo go > /tmp/go");
    let selector = json!({"process": {"pid": pid}}).to_string();
    // The first may come while it still runs; the second comes when it has ended.
    for _ in 0..2 {
        let answer = guest.envd("/process.Process/Connect", STREAM, &frame(0, selector.as_bytes()));
        let text = answer.text();
        assert!(text.contains(&format!("{{\"start\":{{\"pid\":{pid}}}}}")), "{text}");
        assert!(text.contains("\"exitCode\":7"), "{text}");
    }
    let signal = json!({"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"}).to_string();
    let kill = guest.envd("/process.Process/SendSignal", "application/json", signal.as_bytes());
    assert_eq!((kill.status, &kill.json()["code"]), (404, &json!("not_found")));
}

#[test]
fn silence_is_filled_and_a_deadline_kills() {
    let guest = Guest::create(Server::shared());
    let message = json!({"process": {"cmd": "/bin/sleep", "args": ["1000"]}, "tag": "sleeper"});
    let body = frame(0, message.to_string().as_bytes());
    let host = guest.host(49983);
    // Three intervals and a half: a machine that is late leaves some out, and one that is very late all of them.
    let mut interval = 1;
    loop {
        let deadline = (interval * 3500).to_string();
        let headers = [
            ("X-Access-Token", guest.token.as_str()),
            ("Content-Type", STREAM),
            ("Keepalive-Ping-Interval", &interval.to_string()),
            ("Connect-Timeout-Ms", &deadline),
        ];
        let answer = request(Server::shared(), ("POST", START), &host, &headers, &body);
        let text = answer.text();
        assert!(text.contains("\"code\":\"deadline_exceeded\""), "{text}");
        let keepalives = text.matches("{\"event\":{\"keepalive\":{}}}").count();
        assert!(keepalives <= 3, "{keepalives} in {deadline} ms, {interval} s apart: {text}");
        if keepalives > 0 {
            break;
        }
        interval *= 2;
        assert!(interval < 60, "no keepalive in {deadline} ms: {text}");
    }
    // The stream may end a moment before the process; that it was killed is kept.
    let selector = json!({"process": {"tag": "sleeper"}}).to_string();
    let end = guest.envd("/process.Process/Connect", STREAM, &frame(0, selector.as_bytes())).text();
    assert!(
        end.contains("\"error\":\"signal: killed\"") && end.contains("\"exitCode\":-1"),
        "{end}"
    );
    for wrong in [("Keepalive-Ping-Interval", "0"), ("Connect-Timeout-Ms", "soon")] {
        let headers = [("X-Access-Token", guest.token.as_str()), ("Content-Type", STREAM), wrong];
        let answer = request(Server::shared(), ("POST", START), &host, &headers, &body);
        assert_eq!(refusal(&answer), "invalid_argument", "{wrong:?}");
    }
}
