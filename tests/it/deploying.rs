//! isolet behind Debian's nginx, with the configuration of docs/examples as it stands but for names and paths: what clients reach through
//! both is what they reach through isolet alone.

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
const BOUND: Duration = Duration::from_secs(600);

const CLIENT_BOUND: Duration = Duration::from_secs(240);

const EXAMPLE: &str = include_str!("../../docs/examples/nginx.conf");

/// Ends its process when dropped.
struct Nginx(std::process::Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// nginx with the example, for `sb.test`, in `folder`.
fn nginx(folder: &Path) -> Nginx {
    let at = folder.display().to_string();
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]);
    openssl.args(["-subj", "/CN=sb.test", "-addext", "subjectAltName=DNS:sb.test,DNS:*.sb.test"]);
    openssl.args(["-keyout", &format!("{at}/key.pem"), "-out", &format!("{at}/cert.pem")]);
    run(&mut openssl, CLIENT_BOUND).success();
    let site = EXAMPLE
        .replace("/etc/ssl/sandboxes.example.com.pem", &format!("{at}/cert.pem"))
        .replace("/etc/ssl/sandboxes.example.com.key", &format!("{at}/key.pem"))
        .replace("sandboxes.example.com", "sb.test");
    let conf = format!(
        "daemon off;\nworker_processes 1;\nuser root;\npid {at}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {at}/body;\nproxy_temp_path {at}/proxy;\nfastcgi_temp_path {at}/f;\nuwsgi_temp_path {at}/u;\n\
         scgi_temp_path {at}/s;\n{site}\n}}\n"
    );
    fs::write(folder.join("nginx.conf"), conf).expect("a writable folder");
    let mut nginx = Command::new("nginx");
    nginx.args(["-p", &at, "-c", &format!("{at}/nginx.conf")]).stdin(Stdio::null());
    let mut started = Nginx(nginx.spawn().expect("nginx is installed"));
    let until = std::time::Instant::now() + CLIENT_BOUND;
    while std::net::TcpStream::connect(("127.0.0.1", 443)).is_err() {
        assert!(started.0.try_wait().expect("it can be asked").is_none(), "nginx ended");
        assert!(std::time::Instant::now() < until, "nginx does not listen");
        std::thread::yield_now();
    }
    started
}

#[test]
fn nginx_in_front_passes_everything_on() {
    // Outside the namespace, where there are registries.
    isolet();
    sdk::web_packages();
    if !Path::new("/usr/sbin/nginx").exists() && sdk::is_root() {
        sdk::apt_install("nginx-light");
    }
    enter(
        "deploying::nginx_in_front_passes_everything_on",
        Ipv4Addr::LOCALHOST.into(),
        BOUND,
        || {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let ca = folder.path().join("cert.pem");
            let _dns = start_dns(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)), "sb.test");
            let trusted = ["--trusted-proxy", "127.0.0.1"];
            let server = Server::start_with("127.0.0.1:8080", "sb.test", &trusted);
            let _nginx = nginx(folder.path());
            let guest = Guest::create(&server);
            install(&guest);
            for (name, program) in [("web", SERVERS), ("h2_server", H2_SERVER), ("ws", WS_SERVER)] {
                start(&guest, name, program);
            }
            let curl = |more: &[&str], port: u16, path: &str| {
                let mut curl = Command::new("curl");
                curl.args([
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
                let forged =
                    ["-H", "X-Forwarded-For: 192.0.2.66", "-H", "X-Forwarded-Proto: gopher"];
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
        },
    );
}
