//! What each sandbox uses, sampled every few seconds: `/sandboxes/{id}/metrics`, `/sandboxes/metrics`, envd's `/metrics`.
//!
//! Samples live as long as their sandbox, which is charged for all it can have. What the server as a whole does is counted in `prometheus`.

use super::error::ApiError;
use super::sandboxes::{find, rfc3339};
use super::teams::Tenant;
use super::{Api, schema};
use crate::process::Charge;
use crate::{Sandbox, Usage};
use axum::extract::{Path, RawQuery, State};
use axum::{Extension, Json};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, MissedTickBehavior};

/// Time between samples, as E2B's.
const INTERVAL: Duration = Duration::from_secs(5);

/// Samples that are kept of a sandbox: four hours.
const SAMPLES_MAX: usize = 4 * 3600 / INTERVAL.as_secs() as usize;

/// Samples of one answer; of more, every so many-th is given.
const ANSWER_MAX: usize = 1000;

/// Sandboxes of one `GET /sandboxes/metrics`, as E2B's.
const IDS_MAX: usize = 100;

/// One look at a sandbox.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: SystemTime,
    cpu_percent: f64,
    memory_bytes: u64,
    disk_bytes: u64,
}

/// The samples of one sandbox.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Shared>);

struct Shared {
    sandbox: Sandbox,
    cores: usize,
    /// For the history; without room for one there is the last sample only.
    charge: Option<Charge>,
    state: Mutex<History>,
}

struct History {
    last: (Instant, Usage),
    samples: VecDeque<Sample>,
}

impl Metrics {
    /// Starts to sample `sandbox`, until it ends.
    pub(crate) fn start(sandbox: Sandbox) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let last = (Instant::now(), sandbox.usage());
        let state = Mutex::new(History { last, samples: VecDeque::new() });
        let charge = sandbox.charge(SAMPLES_MAX * size_of::<Sample>());
        let metrics = Self(Arc::new(Shared { sandbox: sandbox.clone(), cores, charge, state }));
        let sampled = metrics.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let ended = sandbox.ended();
            tokio::pin!(ended);
            loop {
                tokio::select! {
                    _ = &mut ended => return,
                    _ = ticks.tick() => sampled.sample(),
                }
            }
        });
        metrics
    }

    /// Looks once more.
    fn sample(&self) {
        let usage = self.0.sandbox.usage();
        let mut state = self.0.state.lock();
        let now = Instant::now();
        let sample = self.compare(&state, now, usage);
        state.last = (now, usage);
        let max = if self.0.charge.is_some() { SAMPLES_MAX } else { 1 };
        if state.samples.len() == max {
            state.samples.pop_front();
        }
        state.samples.push_back(sample);
    }

    fn compare(&self, state: &History, now: Instant, usage: Usage) -> Sample {
        let (before, used) = state.last;
        Sample {
            at: SystemTime::now(),
            cpu_percent: percent(usage.cpu.saturating_sub(used.cpu), now - before, self.0.cores),
            memory_bytes: usage.memory_bytes,
            disk_bytes: usage.disk_bytes,
        }
    }

    /// What it uses now; the processor since the last sample.
    fn now(&self) -> Sample {
        let usage = self.0.sandbox.usage();
        self.compare(&self.0.state.lock(), Instant::now(), usage)
    }

    /// The samples within these times, thinned evenly if they are very many.
    fn between(&self, start: SystemTime, end: SystemTime) -> Vec<Value> {
        let state = self.0.state.lock();
        let chosen: Vec<&Sample> =
            state.samples.iter().filter(|sample| sample.at >= start && sample.at <= end).collect();
        let step = chosen.len().div_ceil(ANSWER_MAX).max(1);
        chosen.iter().step_by(step).map(|sample| self.shown(sample)).collect()
    }

    /// E2B's `SandboxMetric`.
    fn shown(&self, sample: &Sample) -> Value {
        let limits = self.0.sandbox.limits();
        json!({
            "timestamp": rfc3339(sample.at),
            "timestampUnix": unix(sample.at),
            "cpuCount": self.0.cores,
            "cpuUsedPct": sample.cpu_percent,
            "memUsed": sample.memory_bytes,
            "memTotal": limits.memory_bytes_max,
            "memCache": 0,
            "diskUsed": sample.disk_bytes,
            "diskTotal": limits.disk_bytes_max,
        })
    }

    /// envd's `Metrics`.
    pub(crate) fn envd(&self) -> Json<Value> {
        let (sample, limits) = (self.now(), self.0.sandbox.limits());
        Json(json!({
            "ts": unix(sample.at),
            "cpu_count": self.0.cores,
            "cpu_used_pct": sample.cpu_percent,
            "mem_total": limits.memory_bytes_max,
            "mem_used": sample.memory_bytes,
            "mem_cache": 0,
            "mem_total_mib": limits.memory_bytes_max >> 20,
            "mem_used_mib": sample.memory_bytes >> 20,
            "disk_used": sample.disk_bytes,
            "disk_total": limits.disk_bytes_max,
        }))
    }
}

/// Processor time as a share of all cores, 0 to 100, with two decimals.
fn percent(used: Duration, elapsed: Duration, cores: usize) -> f64 {
    let available = elapsed.as_secs_f64() * cores as f64;
    if available <= 0.0 {
        return 0.0;
    }
    (used.as_secs_f64() / available * 10_000.0).round().clamp(0.0, 10_000.0) / 100.0
}

fn unix(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// `GET /sandboxes/{id}/metrics`.
#[utoipa::path(
    get,
    path = "/sandboxes/{sandboxID}/metrics",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
        ("start" = Option<i64>, Query, description = "Seconds since 1970", minimum = 0, maximum = 1099511627775i64),
        ("end" = Option<i64>, Query, description = "Seconds since 1970", minimum = 0, maximum = 1099511627775i64),
    ),
    responses(
        (status = 200, description = "Samples, oldest first", body = [schema::SandboxMetric]),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn history(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Vec<Value>>, ApiError> {
    let (mut start, mut end) = (UNIX_EPOCH, None);
    for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
        let second = || {
            let seconds = value.parse().ok().filter(|seconds| *seconds < 1u64 << 40);
            seconds.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)).ok_or_else(|| {
                ApiError::bad_request(format!("{name}: must be a time in seconds since 1970"))
            })
        };
        match &*name {
            "start" => start = second()?,
            // All of that second.
            "end" => end = Some(second()? + Duration::from_millis(999)),
            _ => return Err(unknown_parameter(&name, "start, end")),
        }
    }
    let machine = find(&api, tenant.0, &id)?;
    let end = end.unwrap_or_else(|| SystemTime::now() + INTERVAL);
    if end < start {
        return Err(ApiError::bad_request("end: must not be before start"));
    }
    Ok(Json(machine.metrics.between(start, end)))
}

/// A 400 that names a query parameter and those that there are.
pub(crate) fn unknown_parameter(name: &str, known: &str) -> ApiError {
    let shown: String = name.chars().take(64).collect();
    ApiError::bad_request(format!("query parameter {shown:?} is unknown; known: {known}"))
}

/// `GET /sandboxes/metrics`: the last sample of each sandbox that is asked for and there.
#[utoipa::path(
    get,
    path = "/sandboxes/metrics",
    tag = "sandboxes",
    params(
        ("sandbox_ids" = String, Query, description = "1 to 100 ids with commas", min_length = 1),
    ),
    responses(
        (status = 200, description = "The last samples", body = schema::SandboxesWithMetrics),
        schema::Refusal,
    ),
)]
pub(crate) async fn latest(
    api: State<Api>,
    tenant: Extension<Tenant>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let mut ids = Vec::new();
    for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
        if name != "sandbox_ids" {
            return Err(unknown_parameter(&name, "sandbox_ids"));
        }
        ids.extend(value.split(',').filter(|id| !id.is_empty()).map(str::to_owned));
    }
    if ids.is_empty() || ids.len() > IDS_MAX {
        return Err(ApiError::bad_request(format!("sandbox_ids: must be 1 to {IDS_MAX} ids")));
    }
    let mut found = Map::new();
    for id in ids {
        if let Ok(machine) = find(&api, tenant.0, &id) {
            let metrics = &machine.metrics;
            let sample = metrics.0.state.lock().samples.back().copied();
            let shown = metrics.shown(&sample.unwrap_or_else(|| metrics.now()));
            found.insert(machine.sandbox.id().to_owned(), shown);
        }
    }
    Ok(Json(json!({ "sandboxes": found })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Egress, Runtime, SandboxConfig};

    #[test]
    fn processor_time_is_a_share_of_all_cores() {
        let second = Duration::from_secs(1);
        assert_eq!(percent(second, second * 4, 2), 12.5);
        assert_eq!(percent(second * 9, second, 2), 100.0);
        assert_eq!(percent(second, Duration::ZERO, 2), 0.0);
    }

    #[tokio::test]
    async fn samples_are_kept_and_bounded() {
        let data = tempfile::tempdir().unwrap();
        let config = Config { data_dir: data.path().to_owned(), ..Config::default() };
        let runtime = Runtime::without_programs(config).unwrap();
        let sandbox = SandboxConfig::new("base", Egress::deny_all());
        let sandbox = runtime.create(sandbox).await.unwrap();
        let metrics = Metrics::start(sandbox.clone());
        let charged = sandbox.usage().memory_bytes as usize;
        assert!(charged >= SAMPLES_MAX * size_of::<Sample>(), "{charged}");
        let count = || metrics.between(UNIX_EPOCH, SystemTime::now()).len();
        assert_eq!(count(), 0, "none before its first sample");
        metrics.sample();
        assert_eq!(count(), 1);
        let none = metrics.between(UNIX_EPOCH, UNIX_EPOCH + INTERVAL);
        assert!(none.is_empty(), "none of another time");
        for _ in 0..SAMPLES_MAX {
            metrics.sample();
        }
        assert_eq!(metrics.0.state.lock().samples.len(), SAMPLES_MAX);
        assert!((ANSWER_MAX / 2..=ANSWER_MAX).contains(&count()), "{}", count());
        sandbox.kill().await;
    }
}
