//! `/files` as curl would use it: parts, conditions, compression, composing, a full disk. Forms of uploads, signatures and
//! browsers are in `envd`; what the SDKs do with it in `surface`.

use serde_json::{Value, json};

use crate::http::{Answer, Guest, request};
use crate::server::Server;

fn get(guest: &Guest<'_>, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("X-Access-Token", guest.token.as_str())];
    all.extend(headers);
    let target = format!("/files?path={path}");
    request(Server::shared(), ("GET", &target), &guest.host(49983), &all, b"")
}

/// The value of a header of an answer.
fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[test]
fn parts_and_conditions_are_answered() {
    let guest = Guest::create(Server::shared());
    guest.write("/tmp/f.txt", b"0123456789");
    guest.shell("touch -d '1994-11-06 08:49:37 UTC' /tmp/f.txt");
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let whole = get(&guest, "/tmp/f.txt", &[]);
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
    assert_eq!(header(&whole, "last-modified"), Some(date));
    assert_eq!(header(&whole, "content-length"), Some("10"));
    assert_eq!(header(&whole, "content-type"), Some("text/plain; charset=utf-8"));
    let tag = header(&whole, "etag").expect("a tag").to_owned();
    for (headers, status, body) in [
        (&[("Range", "bytes=2-4")][..], 206, "234"),
        (&[("Range", "bytes=-3")], 206, "789"),
        (&[("Range", "bytes=99-")], 416, ""),
        (&[("Range", "bytes=4-2")], 200, "0123456789"),
        (&[("Range", "bytes=2-4"), ("Accept-Encoding", "gzip")], 206, "234"),
        (&[("Range", "bytes=2-4"), ("If-Range", date)], 206, "234"),
        (&[("Range", "bytes=2-4"), ("If-Range", "\"other\"")], 200, "0123456789"),
        (&[("If-Modified-Since", date)], 304, ""),
        (&[("If-None-Match", tag.as_str())], 304, ""),
        (&[("If-None-Match", "\"other\"")], 200, "0123456789"),
        (&[("If-Match", "\"other\"")], 412, ""),
        (&[("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT")], 412, ""),
    ] {
        let answer = get(&guest, "/tmp/f.txt", headers);
        assert_eq!((answer.status, answer.text().as_str()), (status, body), "{headers:?}");
    }
    let part = get(&guest, "/tmp/f.txt", &[("Range", "bytes=2-4")]);
    assert_eq!(header(&part, "content-range"), Some("bytes 2-4/10"));
    let outside = get(&guest, "/tmp/f.txt", &[("Range", "bytes=10-")]);
    assert_eq!(header(&outside, "content-range"), Some("bytes */10"));
    guest.write("/tmp/f.txt", b"0123456780");
    let changed = get(&guest, "/tmp/f.txt", &[("If-None-Match", &tag)]);
    assert_eq!(changed.status, 200, "another content, another tag");
}

#[test]
fn downloads_are_compressed_on_demand() {
    let guest = Guest::create(Server::shared());
    let text = "compress me ".repeat(20_000);
    guest.write("/tmp/f.txt", text.as_bytes());
    let packed = get(&guest, "/tmp/f.txt", &[("Accept-Encoding", "br, gzip;q=0.5")]);
    assert_eq!(packed.status, 200);
    assert_eq!(header(&packed, "content-encoding"), Some("gzip"));
    assert_eq!(header(&packed, "vary"), Some("Accept-Encoding"));
    assert_eq!(header(&packed, "content-length"), None);
    assert!(packed.body.len() < text.len() / 10, "{} bytes", packed.body.len());
    // Back through the other direction, and inside.
    let headers = [
        ("X-Access-Token", guest.token.as_str()),
        ("Content-Type", "application/octet-stream"),
        ("Content-Encoding", "gzip"),
    ];
    let line = ("POST", "/files?path=/tmp/back.txt");
    let up = request(Server::shared(), line, &guest.host(49983), &headers, &packed.body);
    assert_eq!(up.status, 200, "{}", up.text());
    assert_eq!(guest.shell("cmp /tmp/f.txt /tmp/back.txt && echo same"), "same\n");
    let broken = request(Server::shared(), line, &guest.host(49983), &headers, b"not gzip");
    assert_eq!(broken.status, 400, "{}", broken.text());
    let none = get(&guest, "/tmp/f.txt", &[("Accept-Encoding", "br, identity;q=0")]);
    assert_eq!((none.status, &none.json()["code"]), (406, &json!(406)));
    let plain = get(&guest, "/tmp/f.txt", &[("Accept-Encoding", "gzip;q=0")]);
    assert_eq!((header(&plain, "content-encoding"), plain.body.len()), (None, text.len()));
}

#[test]
fn files_are_composed_whole_or_not_at_all() {
    let guest = Guest::create(Server::shared());
    let compose =
        |body: Value| guest.envd("/files/compose", "application/json", body.to_string().as_bytes());
    for (name, content) in [("a", "1"), ("b", "22"), ("c", "333")] {
        guest.write(&format!("/home/user/parts/{name}"), content.as_bytes());
    }
    let sources = json!(["parts/a", "~/parts/b", "/home/user/parts/c"]);
    let done = compose(json!({"source_paths": sources, "destination": "out/whole"}));
    let expected = json!({"path": "/home/user/out/whole", "name": "whole", "type": "file"});
    assert_eq!((done.status, done.json()), (200, expected));
    assert_eq!(
        guest.shell("cat out/whole; ls parts; stat -c ' %U %a' out/whole"),
        "122333 user 644\n"
    );
    guest.write("/home/user/parts/a", b"new");
    for (body, status, text) in [
        (json!({"source_paths": [], "destination": "x"}), 400, "source_paths must not be empty"),
        (json!({"source_paths": ["parts/a"]}), 400, "destination is required"),
        (json!({"source_paths": ["none"], "destination": "x"}), 404, "source file not found: none"),
        (json!({"source_paths": ["parts"], "destination": "x"}), 400, "not a regular file: parts"),
        (
            json!({"source_paths": ["x"], "destination": "~/x"}),
            400,
            "cannot be the same as destination",
        ),
        (
            json!({"source_paths": ["parts/a"], "destination": "x", "username": "nobody-knows"}),
            401,
            "nobody-knows",
        ),
        (json!({"source_paths": ["parts/a"], "destination": "out/whole/x"}), 400, ""),
        (json!({"source_paths": "parts/a"}), 400, "invalid request body"),
        (json!([]), 400, "invalid request body"),
    ] {
        let answer = compose(body.clone());
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains(text), "{body}: {message}");
    }
    assert_eq!(
        guest.shell("cat parts/a out/whole; ls"),
        "new122333out\nparts\n",
        "nothing has changed"
    );
    // The destination by another way is the destination.
    guest.shell("ln -s out by; ln -s . here");
    for source in ["by/whole", "here/out/whole", "here/by/../out/whole"] {
        let answer =
            compose(json!({"source_paths": ["parts/a", source], "destination": "out/whole"}));
        assert_eq!(answer.status, 400, "{source}: {}", answer.text());
    }
    assert_eq!(guest.shell("cat parts/a out/whole; rm by here"), "new122333");
    // Twice a file that fills more than half of the disk: it cannot be had whole.
    guest.shell("head -c 600M /dev/zero > parts/big");
    let full = compose(json!({"source_paths": ["parts/big", "parts/big"], "destination": "x"}));
    assert_eq!(
        (full.status, &full.json()["message"]),
        (507, &json!("not enough disk space available"))
    );
    assert_eq!(guest.shell("ls; wc -c < parts/big"), "out\nparts\n629145600\n");
}

#[test]
fn one_path_is_written_once_in_a_request() {
    let guest = Guest::create(Server::shared());
    let part = |field: &str, name: &str, content: &str| {
        format!(
            "--xx\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n{content}\r\n"
        )
    };
    let media = "multipart/form-data; boundary=xx";
    let twice = [part("file", "a", "1"), part("file", "./a", "2"), "--xx--\r\n".into()].concat();
    let answer = guest.envd("/files", media, twice.as_bytes());
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(
        answer.text().contains("you cannot upload multiple files to the same path '/home/user/a'")
    );
    let other =
        [part("comment", "x", "no file"), part("file", "b", "2"), "--xx--\r\n".into()].concat();
    let answer = guest.envd("/files", media, other.as_bytes());
    assert_eq!((answer.status, answer.json().as_array().map(Vec::len)), (200, Some(1)));
    assert_eq!(guest.shell("cat a b; ls"), "12a\nb\n");
}
