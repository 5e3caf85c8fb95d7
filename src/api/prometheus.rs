//! What the server does as a whole, counted, in the text form that Prometheus reads. Nothing of it names a sandbox or a team.

use super::Api;
use super::host::{BadTarget, Target};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Instant;

/// What the counters of requests are told apart by: few values each, none of a client's choice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    plane: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Plane {
    plane: &'static str,
}

type Seconds = Family<Plane, Histogram, fn() -> Histogram>;

/// The counters of one server.
#[derive(Clone)]
pub(crate) struct Counters(Arc<Shared>);

struct Shared {
    registry: Mutex<Registry>,
    requests: Family<Request, Counter>,
    seconds: Seconds,
    running: Family<Plane, Gauge>,
    sandboxes: Gauge,
    memory: Gauge,
    disk: Gauge,
    processes: Gauge,
}

/// A request that is being answered.
pub(crate) struct Counted {
    counters: Counters,
    plane: Plane,
    method: &'static str,
    start: Instant,
    status: u16,
}

impl Counters {
    /// All at zero.
    pub(crate) fn new() -> Self {
        let shared = Shared {
            registry: Mutex::new(Registry::with_prefix("isolet")),
            requests: Family::default(),
            // 0.5 ms to about 16 s.
            seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.0005, 2.0, 16))
            }),
            running: Family::default(),
            sandboxes: Gauge::default(),
            memory: Gauge::default(),
            disk: Gauge::default(),
            processes: Gauge::default(),
        };
        let mut registry = shared.registry.lock();
        registry.register("requests", "Requests by part of the server", shared.requests.clone());
        registry.register("request_seconds", "Time until an answer begins", shared.seconds.clone());
        registry.register("requests_running", "Requests not answered yet", shared.running.clone());
        registry.register("sandboxes", "Running sandboxes", shared.sandboxes.clone());
        let memory = "Memory charged to sandboxes";
        registry.register("sandboxes_memory_bytes", memory, shared.memory.clone());
        registry.register("sandboxes_disk_bytes", "Files of sandboxes", shared.disk.clone());
        registry.register("processes", "Processes in sandboxes", shared.processes.clone());
        drop(registry);
        Self(Arc::new(shared))
    }

    /// Counts a request until it is answered or given up.
    pub(crate) fn begin(&self, target: &Result<Target, BadTarget>, method: &Method) -> Counted {
        let plane = Plane {
            plane: match target {
                Err(_) => "none",
                Ok(Target::Control) => "control",
                Ok(Target::Sandbox { port, .. }) if *port == super::envd::PORT => "envd",
                Ok(Target::Sandbox { .. }) => "port",
            },
        };
        let known = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
        let method = known.into_iter().find(|name| *name == method.as_str()).unwrap_or("other");
        self.0.running.get_or_create(&plane).inc();
        // 499, as nginx's, for a client that left.
        Counted { counters: self.clone(), plane, method, start: Instant::now(), status: 499 }
    }

    /// `GET /metrics`.
    pub(crate) fn answer(&self, api: &Api) -> Response {
        let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let machines = api.machines.all();
        let (mut memory, mut disk, mut processes) = (0, 0, 0);
        for machine in &machines {
            let usage = machine.sandbox.usage();
            memory += usage.memory_bytes;
            disk += usage.disk_bytes;
            processes += usage.processes as u64;
        }
        let shared = &self.0;
        shared.sandboxes.set(number(machines.len() as u64));
        shared.memory.set(number(memory));
        shared.disk.set(number(disk));
        shared.processes.set(number(processes));
        let mut text = String::new();
        if encode(&mut text, &shared.registry.lock()).is_err() {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(header::CONTENT_TYPE, media)], text).into_response()
    }
}

impl Counted {
    /// The answer begins.
    pub(crate) fn end(mut self, status: StatusCode) {
        self.status = status.as_u16();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let shared = &self.counters.0;
        let labels = Request { plane: self.plane.plane, method: self.method, status: self.status };
        shared.requests.get_or_create(&labels).inc();
        shared.running.get_or_create(&self.plane).dec();
        let taken = self.start.elapsed().as_secs_f64();
        shared.seconds.get_or_create(&self.plane).observe(taken);
    }
}
