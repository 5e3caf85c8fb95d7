//! Another Rust program that runs Python in a sandbox and dials its server, all in one process: no port of this machine is
//! used.
//!
//! ```text
//! cargo run --release --example embed
//! ```

use isolet::{Command, Config, Egress, Runtime, SandboxConfig, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

const SERVER: &str = r#"
import http.server, platform

class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"hello from Python {platform.python_version()}, path {self.path}\n".encode())

server = http.server.ThreadingHTTPServer(("", 8000), Hello)
print("ready", flush=True)
server.serve_forever()
"#;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // One runtime per host process: engine, images, code cache.
    let runtime = Runtime::new(Config::default()).await?;
    // What may leave the sandbox is the embedder's decision; here nothing may.
    let sandbox = runtime.create(SandboxConfig::new("python", Egress::deny_all())).await?;
    let user = sandbox.user("user").expect("the image has this user");

    sandbox.files().create(&user, "/home/user/server.py", 0o644)?.write(SERVER.as_bytes())?;
    let server = sandbox.spawn(
        Command::new("python3").arg("server.py").login_env(&sandbox, &user).stdout(Stdio::Piped),
    )?;
    let mut output = BufReader::new(server.take_stdout().expect("it was asked for"));
    let mut line = String::new();
    output.read_line(&mut line).await?;
    print!("the program says: {line}");

    let mut connection = sandbox.connect(8000).await?;
    connection.write_all(b"GET /from/the/host HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    println!("{answer}");

    sandbox.kill().await;
    runtime.shut_down().await;
    Ok(())
}
