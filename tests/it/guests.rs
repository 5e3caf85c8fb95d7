//! What the tests of users' programs stand on: a runtime in this process with the built isolet as its compiler, machines with
//! the guests of `tests/guests/wasi` in the home directory, and shell scripts in them.

use std::sync::OnceLock;
use std::time::Duration;

use isolet::{
    Child, Command, CompileLimits, Config, Egress, Runtime, Sandbox, SandboxConfig, Stdio,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::OnceCell;

use crate::server::{data_dir, isolet};

/// A hang is a failure. The first to run a guest compiles it.
const BOUND: Duration = Duration::from_secs(1800);

/// Runs `test` on an async runtime that outlives it, within [`BOUND`].
pub fn block_on<T>(test: impl Future<Output = T>) -> T {
    static TOKIO: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let tokio = TOKIO.get_or_init(|| tokio::runtime::Runtime::new().expect("threads start"));
    drop(isolet()); // compiles the built-in programs, once for all tests
    tokio.block_on(async { tokio::time::timeout(BOUND, test).await.expect("it hangs") })
}

/// Settings with the built isolet as the compiler.
pub fn config() -> Config {
    Config {
        data_dir: data_dir(),
        compiler: Some(env!("CARGO_BIN_EXE_isolet").into()),
        ..Config::default()
    }
}

/// One runtime for all tests, over the shared code cache.
pub async fn runtime() -> &'static Runtime {
    static RUNTIME: OnceCell<Runtime> = OnceCell::const_new();
    let make = || async { Runtime::new(config()).await.expect("the runtime starts") };
    RUNTIME.get_or_init(make).await
}

/// A runtime of its own, over the shared code cache, with other limits of compilation.
pub async fn runtime_with(compile: CompileLimits) -> Runtime {
    Runtime::new(Config { compile, ..config() }).await.expect("the runtime starts")
}

/// A machine without network, with guests in /home/user by the names of `programs`.
pub async fn machine(programs: &[(&str, Vec<u8>)]) -> Sandbox {
    machine_of(runtime().await, SandboxConfig::new("base", Egress::deny_all()), programs).await
}

/// The same by other settings.
pub async fn machine_of(
    runtime: &Runtime,
    wanted: SandboxConfig,
    programs: &[(&str, Vec<u8>)],
) -> Sandbox {
    let wanted = wanted.timeout(Duration::from_secs(7200));
    let sandbox = runtime.create(wanted).await.expect("a sandbox");
    for (name, content) in programs {
        put(&sandbox, name, content);
    }
    sandbox
}

/// Puts a file that may be executed into the home directory.
pub fn put(sandbox: &Sandbox, name: &str, content: &[u8]) {
    let user = sandbox.user("user").expect("every image has this user");
    let path = format!("/home/user/{name}");
    let mut file = sandbox.files().create(&user, &path, 0o755).expect("makes a file");
    file.write(content).expect("there is room");
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    zstd::decode_all(packed).expect("it was packed by zstd")
}

/// A WebSocket server on port 9200 that says everything back.
pub fn echo() -> Vec<u8> {
    unpacked(include_bytes!("../guests/wasi/echo.wasm.zst"))
}

/// The guest for preview 1.
pub fn p1() -> Vec<u8> {
    unpacked(include_bytes!("../guests/wasi/wasip1.wasm.zst"))
}

/// The same as a component, for WASI 0.2.
pub fn p2() -> Vec<u8> {
    unpacked(include_bytes!("../guests/wasi/wasip2.wasm.zst"))
}

/// The component that has children.
pub fn parent() -> Vec<u8> {
    unpacked(include_bytes!("../guests/wasi/process.wasm.zst"))
}

/// The component that calls its imports with what no library gives.
pub fn hostile() -> Vec<u8> {
    unpacked(include_bytes!("../guests/wasi/hostile.wasm.zst"))
}

/// Go's.
pub fn go() -> Vec<u8> {
    unpacked(include_bytes!("../guests/wasi/go.wasm.zst"))
}

/// A module in WebAssembly's text.
pub fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Starts bash on a script, in the home directory.
pub fn start(sandbox: &Sandbox, script: &str) -> Child {
    let user = sandbox.user("user").expect("every image has this user");
    let command = Command::new("/bin/bash").args(["-c", script]).login_env(sandbox, &user);
    let command = command.stdin(Stdio::Piped).stdout(Stdio::Piped).stderr(Stdio::Piped);
    sandbox.spawn(command).expect("bash starts")
}

/// Runs a script to its end with `input` on its standard input: exit code, standard output, standard error.
pub async fn run_with(
    sandbox: &Sandbox,
    script: &str,
    input: &[u8],
) -> (Option<i32>, String, String) {
    let child = start(sandbox, script);
    let mut stdin = child.take_stdin().expect("piped");
    let (mut out, mut err) =
        (child.take_stdout().expect("piped"), child.take_stderr().expect("piped"));
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let feed = async {
        let _ = stdin.write_all(input).await; // who does not read does not care
        drop(stdin);
    };
    let (_, a, b) = tokio::join!(feed, out.read_to_end(&mut stdout), err.read_to_end(&mut stderr));
    a.and(b).expect("pipes are read");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (child.wait().await.code, text(stdout), text(stderr))
}

/// The same without input.
pub async fn run(sandbox: &Sandbox, script: &str) -> (Option<i32>, String, String) {
    run_with(sandbox, script, b"").await
}

/// Runs a script that must end well: its standard output.
#[track_caller]
pub fn success(ran: (Option<i32>, String, String)) -> String {
    let (code, stdout, stderr) = ran;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    stdout
}
