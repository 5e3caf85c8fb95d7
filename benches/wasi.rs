//! Users' programs: a module and a component that do nothing, and echo over TCP through wasi:sockets. The native twins are /bin/true
//! and an echo on this machine's loopback.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::Command as Native;

use criterion::Criterion;
use isolet::{Command, Egress, Runtime, Sandbox, SandboxConfig, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::IMAGE;
use crate::ratio::{ISOLET, NATIVE};

/// A module that ends at once.
const MODULE: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

/// A component that ends at once.
const COMPONENT: &str = r#"(component
    (core module $m (memory 1) (func (export "run") (result i32) (i32.const 0)))
    (core instance $i (instantiate $m))
    (func $run (result (result)) (canon lift (core func $i "run")))
    (instance $r (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $r)))"#;

/// The guest of the tests, which has an echo server.
const GUEST: &[u8] = include_bytes!("../tests/guests/wasi/wasip2.wasm.zst");

/// Round trips of one measurement, and bytes of each.
const ROUNDS: usize = 200;
const BYTES: usize = 1024;

/// The same between guests: the guest's client sends pieces of 1000 bytes.
const CLIENT_ROUNDS: usize = 2000;
const CLIENT_BYTES: usize = 1000;

/// Measures all of it in one sandbox.
pub fn all(criterion: &mut Criterion, tokio: &tokio::runtime::Runtime, runtime: &Runtime) {
    let config = SandboxConfig::new(IMAGE, Egress::deny_all());
    let sandbox = tokio.block_on(runtime.create(config)).expect("there is room for one");
    for (name, text) in [("module", MODULE), ("component", COMPONENT)] {
        put(&sandbox, name, &wat::parse_str(text).expect("the bench's own text"));
        let path = format!("/home/user/{name}");
        let mut group = criterion.benchmark_group(format!("start a trivial {name}"));
        group.bench_function(ISOLET, |bencher| {
            bencher.to_async(tokio).iter(|| async {
                let child = sandbox.spawn(Command::new(&path)).expect("it starts");
                assert_eq!(child.wait().await.code, Some(0));
            });
        });
        group.bench_function(NATIVE, |bencher| {
            bencher.iter(|| {
                assert!(Native::new("/bin/true").status().expect("it is there").success());
            });
        });
        group.finish();
    }
    put(&sandbox, "guest", &zstd::decode_all(GUEST).expect("it was packed by zstd"));
    echo(criterion, tokio, &sandbox);
    between(criterion, tokio, &sandbox);
    tokio.block_on(sandbox.kill());
}

fn put(sandbox: &Sandbox, name: &str, content: &[u8]) {
    let user = sandbox.user("user").expect("every image has this user");
    let path = format!("/home/user/{name}");
    let mut file = sandbox.files().create(&user, &path, 0o755).expect("there is room");
    file.write(content).expect("there is room");
}

/// Starts a component that echoes what comes to a port, one connection after the other.
async fn serve(sandbox: &Sandbox, port: u16) {
    let command = Command::new("/home/user/guest").args(["tcp-server", &port.to_string()]);
    let child = sandbox.spawn(command.stdout(Stdio::Piped)).expect("it starts");
    let mut lines = BufReader::new(child.take_stdout().expect("piped")).lines();
    assert!(lines.next_line().await.expect("a pipe").is_some(), "it does not listen");
}

/// From the host to a component that echoes, beside a task of this process that does.
fn echo(criterion: &mut Criterion, tokio: &tokio::runtime::Runtime, sandbox: &Sandbox) {
    let (mut guest, mut native) = tokio.block_on(async {
        serve(sandbox, 7007).await;
        let guest = sandbox.connect(7007).await.expect("it listens");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let (mut from, mut to) = stream.split();
            tokio::io::copy(&mut from, &mut to).await.expect("it echoes");
        });
        (guest, TcpStream::connect(address).await.expect("it listens"))
    });
    let mut group = criterion.benchmark_group("200 echoes of 1 KiB");
    group.bench_function(ISOLET, |bencher| {
        bencher.iter(|| tokio.block_on(round_trips(&mut guest)));
    });
    group.bench_function(NATIVE, |bencher| {
        bencher.iter(|| tokio.block_on(round_trips(&mut native)));
    });
    group.finish();
}

async fn round_trips(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let (sent, mut back) = ([7; BYTES], [0; BYTES]);
    for _ in 0..ROUNDS {
        stream.write_all(&sent).await.expect("it reads");
        stream.read_exact(&mut back).await.expect("it echoes");
    }
    assert_eq!(back, sent);
}

/// From a component to another one, beside a thread of this process to another; the client's start and connection are measured with it.
fn between(criterion: &mut Criterion, tokio: &tokio::runtime::Runtime, sandbox: &Sandbox) {
    tokio.block_on(serve(sandbox, 7008));
    let address = native_echo();
    let mut group = criterion.benchmark_group("2000 echoes between guests");
    group.bench_function(ISOLET, |bencher| {
        bencher.to_async(tokio).iter(|| async {
            let bytes = (CLIENT_ROUNDS * CLIENT_BYTES).to_string();
            let client = Command::new("/home/user/guest").args(["tcp-client", "7008", &bytes]);
            let child = sandbox.spawn(client).expect("it starts");
            assert_eq!(child.wait().await.code, Some(0));
        });
    });
    group.bench_function(NATIVE, |bencher| {
        bencher.iter(|| native_client(address).expect("it echoes"));
    });
    group.finish();
}

/// Starts a thread that does what the component does; where it listens.
fn native_echo() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            let mut buffer = [0; 4096];
            while let Ok(count) = stream.read(&mut buffer) {
                if count == 0 || stream.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
        }
    });
    address
}

/// What the guest does as a client.
fn native_client(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let (sent, mut back) = ([7; CLIENT_BYTES], [0; CLIENT_BYTES]);
    for _ in 0..CLIENT_ROUNDS {
        stream.write_all(&sent)?;
        stream.read_exact(&mut back)?;
    }
    assert_eq!(back, sent);
    Ok(())
}
