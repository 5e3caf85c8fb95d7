//! The router beside nginx (Debian's), in front of the same servers in a guest, and both beside no proxy at all: requests a second, what a
//! request takes, a WebSocket message there and back, a download. And bytes from a guest to this machine, beside the same program on it.
//!
//! A guest's ports are in memory, so "directly" is a pump of bytes from a port of this machine (`Sandbox::connect`); nginx stands in front
//! of that pump, the router does not need it. All of it, clients included, shares this machine's processors: ratios, not figures.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command as Native, Stdio as NativeStdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use isolet::api::{ServeOptions, Server};
use isolet::{Command, Config, Egress, Runtime, Sandbox, SandboxConfig, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::IMAGE;
use crate::process::python;

const SERVERS: &str = include_str!("fast.py");
const HTTP: u16 = 9400;
const WEBSOCKET: u16 = 9401;

/// Each way is measured so often, in turn; the best of them counts, as what disturbs only ever slows.
const ROUNDS: usize = 3;
/// Requests of one client after the other, and of many clients at once.
const ALONE: usize = 2_000;
const CLIENTS: usize = 16;
const OF_EACH: usize = 300;
const MESSAGES: usize = 2_000;
const DOWNLOAD_BYTES: usize = 256 << 20;
const EGRESS_BYTES: usize = 256 << 20;

/// A masked text frame of four bytes, whose mask is of zeros, and its echo.
const FRAME: &[u8] = b"\x81\x84\0\0\0\0ping";
const ECHO: &[u8] = b"\x81\x04ping";

/// Sends bytes to an address.
const SEND: &str = r#"
import socket, sys
host, port, left = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
piece = bytes(1 << 18)
with socket.create_connection((host, port)) as stream:
    while left:
        left -= stream.send(piece[:left])
"#;

/// A way to a guest's ports.
struct Way {
    name: &'static str,
    http: (SocketAddr, String),
    websocket: (SocketAddr, String),
}

/// What one way took.
#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    message: Duration,
    mib_per_second: f64,
}

/// Measures and prints, unless the command line asks for something else.
pub fn all(tokio: &tokio::runtime::Runtime, runtime: &Runtime) {
    let asked: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if asked.is_empty() || asked.iter().any(|part| "proxies".contains(part.as_str())) {
        tokio.block_on(ways(runtime));
        tokio.block_on(egress());
    }
}

async fn ways(runtime: &Runtime) {
    let config = SandboxConfig::new(IMAGE, Egress::deny_all()).timeout(Duration::from_secs(3600));
    let sandbox = runtime.create(config).await.expect("there is room for one");
    start(&sandbox).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut options = ServeOptions::new((Ipv4Addr::LOCALHOST, 0).into(), folder.path().to_owned());
    options.api_keys.push("e2b_0".into());
    let server = Server::bind(runtime.clone(), &options).await.expect("a free port");
    let router = server.address();
    let serving = tokio::spawn(server.run(std::future::pending()));
    let pumps = [pump(&sandbox, HTTP).await, pump(&sandbox, WEBSOCKET).await];
    let fronts = [free_port().await, free_port().await];
    let nginx = nginx(folder.path(), fronts, pumps).await;
    let here = |addresses: [SocketAddr; 2], name| Way {
        name,
        http: (addresses[0], addresses[0].to_string()),
        websocket: (addresses[1], addresses[1].to_string()),
    };
    let host = |port: u16| format!("{port}-{}.isolet.localhost:{}", sandbox.id(), router.port());
    let routed =
        Way { name: "isolet", http: (router, host(HTTP)), websocket: (router, host(WEBSOCKET)) };
    let ways = [here(pumps, "directly"), routed, here(fronts, "nginx")];
    let mut best: Vec<Option<Figures>> = vec![None; ways.len()];
    for _ in 0..ROUNDS {
        for (way, best) in ways.iter().zip(&mut best) {
            let now = measure(way).await;
            *best = Some(best.map_or(now, |best| best.and(now)));
        }
    }
    println!("{}", table(&ways, &best.into_iter().flatten().collect::<Vec<_>>()));
    drop(nginx);
    serving.abort();
    sandbox.kill().await;
}

impl Figures {
    /// The better of each.
    fn and(self, other: Self) -> Self {
        Self {
            per_second: self.per_second.max(other.per_second),
            p50: self.p50.min(other.p50),
            p99: self.p99.min(other.p99),
            message: self.message.min(other.message),
            mib_per_second: self.mib_per_second.max(other.mib_per_second),
        }
    }
}

/// Starts the servers in the guest, and leaves them running.
async fn start(sandbox: &Sandbox) {
    let user = sandbox.user("user").expect("every image has user");
    let command = Command::new("python3").args(["-c", SERVERS]).login_env(sandbox, &user);
    let child = sandbox.spawn(command.stdout(Stdio::Piped)).expect("the image has Python");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.take_stdout().expect("stdout is piped"));
    stdout.read_line(&mut line).await.expect("UTF-8");
    assert_eq!(line, "up\n");
}

/// A port of this machine from which bytes go to a guest's port and back.
async fn pump(sandbox: &Sandbox, port: u16) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has one");
    let sandbox = sandbox.clone();
    tokio::spawn(async move {
        while let Ok((mut here, _)) = listener.accept().await {
            let sandbox = sandbox.clone();
            tokio::spawn(async move {
                here.set_nodelay(true).expect("a connected socket");
                let mut guest = sandbox.connect(port).await.expect("the guest listens");
                // Either side may leave.
                let _ = tokio::io::copy_bidirectional(&mut here, &mut guest).await;
            });
        }
    });
    address
}

async fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    listener.local_addr().expect("a bound socket has one")
}

/// Ends its process when dropped.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// nginx on `fronts` before `behind`, with connections that are kept and nothing that is buffered.
async fn nginx(folder: &Path, fronts: [SocketAddr; 2], behind: [SocketAddr; 2]) -> Nginx {
    let at = folder.display();
    let mut site = String::new();
    for (front, behind) in fronts.iter().zip(behind) {
        let port = front.port();
        write!(
            site,
            "upstream u{port} {{ server {behind}; keepalive 64; }}\nserver {{ listen {front}; keepalive_requests 1000000;\n\
             location / {{ proxy_pass http://u{port}; proxy_http_version 1.1; proxy_buffering off; proxy_set_header Host $http_host;\n\
             proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $how; }} }}\n"
        )
        .expect("a string takes everything");
    }
    let conf = format!(
        "daemon off;\nworker_processes 1;\npid {at}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\ntcp_nodelay on;\n\
         client_body_temp_path {at}/b;\nproxy_temp_path {at}/p;\nfastcgi_temp_path {at}/f;\nuwsgi_temp_path {at}/u;\n\
         scgi_temp_path {at}/s;\nmap $http_upgrade $how {{ default upgrade; '' ''; }}\n{site}\n}}\n"
    );
    std::fs::write(folder.join("nginx.conf"), conf).expect("a writable folder");
    let mut nginx = Native::new("nginx");
    nginx.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf")).stdin(NativeStdio::null());
    let mut started =
        Nginx(nginx.spawn().expect("nginx is installed: apt-get install nginx-light"));
    while TcpStream::connect(fronts[1]).await.is_err() {
        assert!(started.0.try_wait().expect("it can be asked").is_none(), "nginx ended");
        tokio::task::yield_now().await;
    }
    started
}

async fn measure(way: &Way) -> Figures {
    let mut times = client(&way.http, ALONE, 2).await;
    times.sort_unstable();
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let at = way.http.clone();
            tokio::spawn(async move { client(&at, OF_EACH, 2).await.len() })
        })
        .collect();
    let mut answered = 0;
    for client in clients {
        answered += client.await.expect("it does not panic");
    }
    let per_second = answered as f64 / began.elapsed().as_secs_f64();
    let message = messages(&way.websocket).await;
    let took = client(&way.http, 1, DOWNLOAD_BYTES).await[0];
    let mib = (DOWNLOAD_BYTES >> 20) as f64;
    Figures {
        per_second,
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
        message,
        mib_per_second: mib / took.as_secs_f64(),
    }
}

/// What each of `count` requests took, one after the other on one connection.
async fn client(at: &(SocketAddr, String), count: usize, bytes: usize) -> Vec<Duration> {
    let stream = TcpStream::connect(at.0).await.expect("it listens");
    stream.set_nodelay(true).expect("a connected socket");
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.expect("no bytes yet");
    tokio::spawn(connection);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let request = Request::get(format!("/{bytes}")).header("host", &at.1);
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        let began = Instant::now();
        sender.ready().await.expect("the connection is kept");
        let answer = sender.send_request(request).await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        let mut body = answer.into_body();
        let mut got = 0;
        while let Some(frame) = body.frame().await {
            got += frame.expect("a whole body").data_ref().map_or(0, Bytes::len);
        }
        assert_eq!(got, bytes);
        times.push(began.elapsed());
    }
    times
}

/// What a message there and back took: half of them took less.
async fn messages(at: &(SocketAddr, String)) -> Duration {
    let stream = TcpStream::connect(at.0).await.expect("it listens");
    stream.set_nodelay(true).expect("a connected socket");
    let mut stream = BufReader::new(stream);
    let asked = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        at.1
    );
    stream.write_all(asked.as_bytes()).await.expect("it reads");
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        let count = stream.read_line(&mut line).await.expect("a head");
        assert!(count > 0, "no answer to the handshake");
    }
    let mut times = Vec::with_capacity(MESSAGES);
    let mut echo = [0; ECHO.len()];
    for _ in 0..MESSAGES {
        let began = Instant::now();
        stream.write_all(FRAME).await.expect("it reads");
        stream.read_exact(&mut echo).await.expect("it answers");
        assert_eq!(echo, ECHO);
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

fn table(ways: &[Way], figures: &[Figures]) -> String {
    let first = figures[0];
    let mut text = format!(
        "{:<10}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}\n",
        "guest", "requests/s", "p50", "p99", "added p50", "added p99", "message", "MiB/s"
    );
    for (way, one) in ways.iter().zip(figures) {
        let added = |time: Duration, base: Duration| time.saturating_sub(base);
        writeln!(
            text,
            "{:<10}{:>12.0}{:>12.0?}{:>12.0?}{:>12.0?}{:>12.0?}{:>12.0?}{:>12.0}",
            way.name,
            one.per_second,
            one.p50,
            one.p99,
            added(one.p50, first.p50),
            added(one.p99, first.p99),
            one.message,
            one.mib_per_second,
        )
        .expect("a string takes everything");
    }
    for (way, one) in ways.iter().zip(figures).skip(1) {
        let times = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
        writeln!(
            text,
            "{} to directly: requests/s {:.2}, p50 {:.2}, p99 {:.2}, message {:.2}, download {:.2}",
            way.name,
            one.per_second / first.per_second,
            times(one.p50, first.p50),
            times(one.p99, first.p99),
            times(one.message, first.message),
            one.mib_per_second / first.mib_per_second,
        )
        .expect("a string takes everything");
    }
    text
}

/// Bytes from a guest to an address of this machine's own, which is opened for it, beside the same from a program of this machine.
async fn egress() {
    let Some(ip) = if_addrs::get_if_addrs()
        .expect("a machine has interfaces")
        .into_iter()
        .map(|interface| interface.ip())
        .find(|ip| ip.is_ipv4() && !ip.is_loopback())
    else {
        println!("egress: this machine has loopback alone");
        return;
    };
    let config =
        Config { data_dir: crate::data_dir(), open_ranges: vec![ip.into()], ..Config::default() };
    let runtime = Runtime::new(config).await.expect("isolet starts");
    let config = SandboxConfig::new(IMAGE, Egress::internet()).timeout(Duration::from_secs(3600));
    let sandbox = runtime.create(config).await.expect("there is room for one");
    let sink = TcpListener::bind((ip, 0)).await.expect("a free port");
    let port = sink.local_addr().expect("a bound socket has one").port();
    let mut best = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        let guest = async {
            let arguments = arguments(ip, port);
            let command: Vec<&str> =
                std::iter::once("python3").chain(arguments.iter().map(String::as_str)).collect();
            crate::process::run(&sandbox, &command).await;
        };
        let (taken, ()) = tokio::join!(drain(&sink), guest);
        best[0] = best[0].min(taken.as_secs_f64());
        let mut native = tokio::process::Command::new(python());
        native.args(arguments(ip, port));
        let (taken, status) = tokio::join!(drain(&sink), native.status());
        assert!(status.expect("this machine has Python").success());
        best[1] = best[1].min(taken.as_secs_f64());
    }
    let mib = (EGRESS_BYTES >> 20) as f64;
    let [guest, native] = best;
    println!(
        "egress: {:.0} MiB/s from a guest, {:.0} MiB/s from this machine, {:.2} times",
        mib / guest,
        mib / native,
        native / guest
    );
    sandbox.kill().await;
    runtime.shut_down().await;
}

fn arguments(ip: IpAddr, port: u16) -> [String; 5] {
    ["-c".into(), SEND.into(), ip.to_string(), port.to_string(), EGRESS_BYTES.to_string()]
}

/// How long one connection's bytes took, from the first to the last.
async fn drain(sink: &TcpListener) -> Duration {
    let (mut stream, _) = sink.accept().await.expect("somebody calls");
    let mut buffer = vec![0; 1 << 18];
    let mut got = stream.read(&mut buffer).await.expect("bytes");
    let began = Instant::now();
    loop {
        match stream.read(&mut buffer).await.expect("bytes") {
            0 => break,
            count => got += count,
        }
    }
    assert_eq!(got, EGRESS_BYTES);
    began.elapsed()
}
