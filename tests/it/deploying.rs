//! isolet behind Debian's nginx and Caddy, with the configurations of docs/examples as they stand but for names and paths: what clients
//! reach through both is what they reach through isolet alone.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::http::Guest;
use crate::ingress::{H2_SERVER, SERVERS, WS_SERVER, install, start};
use crate::namespace::enter;
use crate::run::run;
use crate::sdk;
use crate::server::{Server, isolet, start_dns};

/// The whole test, two programs in a guest of a debug build included.
const BOUND: Duration = Duration::from_secs(3600);

const CLIENT_BOUND: Duration = Duration::from_secs(900);

const NGINX: &str = include_str!("../../docs/examples/nginx.conf");
const CADDY: &str = include_str!("../../docs/examples/Caddyfile");

/// A proxy on port 443; ends when dropped.
struct Front(std::process::Child);

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Front {
    /// Once it listens.
    fn start(command: &mut Command) -> Front {
        let program = command.get_program().to_owned();
        let mut started = Front(command.stdin(Stdio::null()).spawn().expect("it is installed"));
        let until = std::time::Instant::now() + CLIENT_BOUND;
        while std::net::TcpStream::connect(("127.0.0.1", 443)).is_err() {
            assert!(started.0.try_wait().expect("it can be asked").is_none(), "{program:?} ended");
            assert!(std::time::Instant::now() < until, "{program:?} does not listen");
            std::thread::yield_now();
        }
        started
    }
}

/// `cert.pem` and `key.pem` for `sb.test` in the folder `at`.
fn certificate(at: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(' '));
    openssl.args(["-subj", "/CN=sb.test", "-addext", "subjectAltName=DNS:sb.test,DNS:*.sb.test"]);
    openssl.args(["-keyout", &format!("{at}/key.pem"), "-out", &format!("{at}/cert.pem")]);
    run(&mut openssl, CLIENT_BOUND).success();
}

/// nginx with the example, for `sb.test`, in the folder `at`.
fn nginx(at: &str) -> Front {
    let site = NGINX
        .replace("/etc/ssl/sandboxes.example.com.pem", &format!("{at}/cert.pem"))
        .replace("/etc/ssl/sandboxes.example.com.key", &format!("{at}/key.pem"))
        .replace("sandboxes.example.com", "sb.test");
    let conf = format!(
        "daemon off;\nworker_processes 1;\nuser root;\npid {at}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {at}/body;\nproxy_temp_path {at}/proxy;\nfastcgi_temp_path {at}/f;\nuwsgi_temp_path {at}/u;\n\
         scgi_temp_path {at}/s;\n{site}\n}}\n"
    );
    let path = format!("{at}/nginx.conf");
    fs::write(&path, conf).expect("a writable folder");
    Front::start(Command::new("nginx").args(["-p", at, "-c", &path]))
}

/// Caddy with the example, for `sb.test`, in the folder `at`; its certificate is at hand instead of a provider of names.
fn caddy(at: &str) -> Front {
    let provider = "tls {\n\t\tdns PROVIDER {env.DNS_API_TOKEN}\n\t}";
    assert!(CADDY.contains(provider), "{CADDY}");
    let site = CADDY
        .replace(provider, &format!("tls {at}/cert.pem {at}/key.pem"))
        .replace("sandboxes.example.com", "sb.test");
    let path = format!("{at}/Caddyfile");
    fs::write(&path, format!("{{\n\tadmin off\n\tauto_https off\n}}\n{site}"))
        .expect("a writable folder");
    let mut caddy = Command::new("caddy");
    caddy.args(["run", "--adapter", "caddyfile", "--config", &path]).env("HOME", at);
    Front::start(&mut caddy)
}

#[test]
fn nginx_in_front_passes_everything_on() {
    passes_everything_on(
        "nginx_in_front_passes_everything_on",
        "/usr/sbin/nginx",
        "nginx-light",
        nginx,
    );
}

#[test]
fn caddy_in_front_passes_everything_on() {
    passes_everything_on("caddy_in_front_passes_everything_on", "/usr/bin/caddy", "caddy", caddy);
}

/// The test `name`, with the proxy `program` of Debian's `package`.
fn passes_everything_on(name: &str, program: &str, package: &str, front: fn(&str) -> Front) {
    // Outside the namespace, where there are registries.
    isolet();
    sdk::web_packages();
    if !Path::new(program).exists() && sdk::is_root() {
        sdk::apt_install(package);
    }
    enter(&format!("deploying::{name}"), Ipv4Addr::LOCALHOST.into(), BOUND, || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ca = folder.path().join("cert.pem");
        let (_dns, _) = start_dns(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)), "sb.test");
        let trusted = ["--trusted-proxy", "127.0.0.1"];
        let server = Server::start_with("127.0.0.1:8080", "sb.test", &trusted);
        let at = folder.path().to_str().expect("UTF-8");
        certificate(at);
        let _front = front(at);
        let guest = Guest::create(&server);
        install(&guest);
        for (name, program) in [("web", SERVERS), ("h2_server", H2_SERVER), ("ws", WS_SERVER)] {
            start(&guest, name, program);
        }
        let curl = |more: &[&str], port: u16, path: &str| {
            let mut curl = Command::new("curl");
            curl.args([
                "--ipv4",
                "--silent",
                "--show-error",
                "--fail-with-body",
                "--noproxy",
                "*",
                "--cacert",
            ]);
            curl.arg(&ca).args(more).arg(format!("https://{}{path}", guest.host(port)));
            run(&mut curl, CLIENT_BOUND).success()
        };
        for version in ["--http1.1", "--http2"] {
            let forged = ["-H", "X-Forwarded-For: 192.0.2.66", "-H", "X-Forwarded-Proto: gopher"];
            let seen = curl(&[&[version][..], &forged].concat(), 9011, "/a?b");
            assert!(seen.starts_with("GET /a?b HTTP/1.1\r\n"), "{seen}");
            assert!(seen.contains(&format!("\r\nhost: {}\r\n", guest.host(9011))), "{seen}");
            assert!(seen.contains("\r\nx-forwarded-for: 127.0.0.1, 127.0.0.1\r\n"), "{seen}");
            assert!(seen.contains("\r\nx-forwarded-proto: https\r\n"), "{seen}");
            let body = "x".repeat(3 << 20);
            let file = folder.path().join("upload");
            fs::write(&file, &body).expect("a writable folder");
            let upload = ["--upload-file", file.to_str().expect("UTF-8"), version];
            assert_eq!(curl(&upload, 9005, "/"), body.len().to_string());
        }
        let mut grpc = sdk::web_program("grpc_client.py");
        grpc.args(["127.0.0.1:443".to_owned(), guest.host(9100)]).arg(&ca);
        assert_eq!(run(&mut grpc, CLIENT_BOUND).success(), "ok unary\nok error\nok stream\n");
        let mut echo = sdk::web_program("websocket.py");
        echo.arg(format!("wss://{}", guest.host(9200))).arg(&ca);
        assert_eq!(run(&mut echo, CLIENT_BOUND).success(), "ok echo\nok closed\n");
    });
}
