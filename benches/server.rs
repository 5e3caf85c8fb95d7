//! A running `isolet serve` for benches, and requests to it over kept connections.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

const API_KEY: &str = "e2b_0123456789abcdef0123456789abcdef01234567";

/// The server's process, its address, and a client of it.
pub struct Server {
    process: Child,
    address: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Server {
    /// Starts one on any loopback port.
    pub fn start() -> Server {
        let mut serve = Command::new(env!("CARGO_BIN_EXE_isolet"));
        serve.args(["serve", "--listen", "127.0.0.1:0", "--api-key", API_KEY]);
        // Or the bench of creating would meet the limit.
        serve.args(["--team-requests-per-second", "1000000", "--data-dir"]);
        let mut process =
            serve.arg(crate::data_dir()).stdout(Stdio::piped()).spawn().expect("isolet starts");
        let stdout = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let mut lines = stdout.lines().map_while(Result::ok);
        let ready =
            lines.find_map(|line| line.strip_prefix("isolet ready on http://").map(str::to_owned));
        let address = ready.expect("serve prints its ready line");
        Server { process, address, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// A control-plane request; its answer's JSON, or null where it has none.
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let headers = [("x-api-key", API_KEY), ("content-type", "application/json")];
        let (status, body) = self.send(method, path, &headers, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {body:?}");
        serde_json::from_slice(&body).unwrap_or(Value::Null)
    }

    /// Any request, with routing headers or others of the caller's.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> (StatusCode, Bytes) {
        let method: Method = method.parse().expect("a method");
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).expect("a request");
        let answer = self.client.request(request).await.expect("the server answers");
        let status = answer.status();
        (status, answer.into_body().collect().await.expect("a whole body").to_bytes())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
