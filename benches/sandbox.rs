//! Making a sandbox and ending it, in process and over HTTP. The native twin is what a machine does for
//! the least of containers: one process in new user, mount, network and pid namespaces.

use std::process::Command;

use criterion::Criterion;
use isolet::{Egress, Runtime, SandboxConfig};
use serde_json::json;

use crate::ratio::{ISOLET, NATIVE};
use crate::server::Server;
use crate::{IMAGE, TEMPLATE};

fn namespaces() {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "true"]);
    let status = unshare.status().expect("unshare is there");
    assert!(status.success(), "{status}");
}

/// `Runtime::create` and `Sandbox::kill`.
pub fn in_process(criterion: &mut Criterion, tokio: &tokio::runtime::Runtime, runtime: &Runtime) {
    let mut group = criterion.benchmark_group("create");
    group.bench_function(ISOLET, |bencher| {
        bencher.to_async(tokio).iter(|| async {
            let config = SandboxConfig::new(IMAGE, Egress::deny_all());
            let sandbox = runtime.create(config).await.expect("there is room for one");
            sandbox.kill().await;
        });
    });
    group.bench_function(NATIVE, |bencher| bencher.iter(namespaces));
    group.finish();
}

/// `POST /v2/sandboxes` and `DELETE`.
pub fn over_http(criterion: &mut Criterion, tokio: &tokio::runtime::Runtime, server: &Server) {
    let mut group = criterion.benchmark_group("create over HTTP");
    group.bench_function(ISOLET, |bencher| {
        bencher.to_async(tokio).iter(|| async {
            let made =
                server.control("POST", "/v2/sandboxes", json!({ "templateID": TEMPLATE })).await;
            let id = made["sandboxID"].as_str().expect("an id").to_owned();
            server.control("DELETE", &format!("/sandboxes/{id}"), json!(null)).await;
        });
    });
    group.bench_function(NATIVE, |bencher| bencher.iter(namespaces));
    group.finish();
}
