//! What happened in a sandbox, as lines: that it started, which processes were started over envd and how they ended. Both log
//! endpoints of the control plane. The output of programs is not in it; the server's own log is elsewhere (`cli`).
//!
//! A sandbox keeps the last [`ENTRIES_MAX`] lines, in memory that it is charged for, as long as it lives.

use super::error::ApiError;
use super::metrics::unknown_parameter;
use super::sandboxes::{find, rfc3339};
use super::teams::Tenant;
use super::{Api, schema};
use crate::process::Charge;
use axum::extract::{Path, RawQuery, State};
use axum::{Extension, Json};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Lines that are kept.
const ENTRIES_MAX: usize = 1000;

/// Bytes of one field; programs' arguments can be megabytes.
const FIELD_BYTES_MAX: usize = 512;

/// Lines of one answer, at most and unless asked otherwise; E2B's number.
const ANSWER_MAX: usize = 1000;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Debug, "debug"),
        (Self::Info, "info"),
        (Self::Warn, "warn"),
        (Self::Error, "error"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|one| one.0 == self).map_or("info", |one| one.1)
    }
}

#[derive(Clone, Debug)]
struct Entry {
    at: SystemTime,
    level: Level,
    message: String,
    fields: BTreeMap<&'static str, String>,
}

/// The lines of one sandbox.
#[derive(Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    entries: VecDeque<Entry>,
    /// Bytes of all of them.
    bytes: usize,
    charge: Option<Charge>,
}

impl Lines {
    /// Adds a line; the oldest make room where there are too many or the sandbox has no memory for one more.
    fn push(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        let fits = |charge: &Charge, bytes| charge.raise_to(bytes as u64);
        while self.entries.len() > ENTRIES_MAX
            || self.charge.as_ref().is_some_and(|charge| !fits(charge, self.bytes))
        {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
        if let Some(charge) = &self.charge {
            charge.lower_to(self.bytes as u64);
        }
    }
}

impl Logs {
    /// No lines yet; what they take is added to `charge`.
    pub(crate) fn new(charge: Option<Charge>) -> Self {
        Self(Arc::new(Mutex::new(Lines { charge, ..Lines::default() })))
    }

    /// Adds a line; `logger` is the part that speaks, `envd` or `sandbox`.
    pub(crate) fn add(
        &self,
        level: Level,
        logger: &'static str,
        message: impl Into<String>,
        fields: &[(&'static str, &str)],
    ) {
        let mut all: BTreeMap<&str, String> =
            fields.iter().map(|(name, value)| (*name, cut(value))).collect();
        all.insert("logger", logger.to_owned());
        let message = message.into();
        let entry = Entry { at: SystemTime::now(), level, message, fields: all };
        self.0.lock().push(entry);
    }

    fn chosen(&self, query: &Query) -> Vec<Entry> {
        let entries = &self.0.lock().entries;
        let fits = |entry: &&Entry| {
            let time = match query.backward {
                false => entry.at >= query.from,
                true => entry.at <= query.from,
            };
            time && entry.level >= query.level && entry.message.contains(&query.search)
        };
        match query.backward {
            false => entries.iter().filter(fits).take(query.limit).cloned().collect(),
            true => entries.iter().rev().filter(fits).take(query.limit).cloned().collect(),
        }
    }
}

fn cut(value: &str) -> String {
    if value.len() <= FIELD_BYTES_MAX {
        return value.to_owned();
    }
    format!("{}...", &value[..value.floor_char_boundary(FIELD_BYTES_MAX)])
}

impl Entry {
    /// Memory that it takes, its few fields in one node of a tree (eleven places, `std::collections::btree`).
    fn bytes(&self) -> usize {
        let text: usize = self.fields.values().map(String::capacity).sum();
        size_of::<Self>() + self.message.capacity() + 11 * size_of::<(&str, String)>() + text
    }

    /// E2B's `SandboxLogEntry`.
    fn shown(&self) -> Value {
        json!({
            "timestamp": rfc3339(self.at),
            "level": self.level.name(),
            "message": self.message,
            "fields": self.fields,
        })
    }

    /// E2B's `SandboxLog`, whose line is JSON; the CLI reads `level` and `logger` from it.
    fn line(&self) -> Value {
        let mut line = json!(self.fields);
        line["level"] = json!(self.level.name());
        line["message"] = json!(self.message);
        json!({ "timestamp": rfc3339(self.at), "line": line.to_string() })
    }
}

#[derive(Debug, PartialEq)]
struct Query {
    from: SystemTime,
    backward: bool,
    limit: usize,
    level: Level,
    search: String,
}

impl Query {
    /// Reads a query string whose time is called `time`.
    fn parse(raw: &str, time: &str, known: &str) -> Result<Self, ApiError> {
        let (mut from, mut backward, mut limit) = (None, false, ANSWER_MAX);
        let (mut level, mut search) = (Level::Debug, String::new());
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            let wrong = |allowed: &str| ApiError::bad_request(format!("{name}: must be {allowed}"));
            if !known.split(", ").any(|one| one == name) {
                return Err(unknown_parameter(&name, known));
            }
            match &*name {
                name if name == time => {
                    let ms = value.parse().ok().filter(|ms| *ms < 1u64 << 50);
                    let ms = ms.ok_or_else(|| wrong("a time in milliseconds since 1970"))?;
                    from = Some(UNIX_EPOCH + Duration::from_millis(ms));
                }
                "limit" => {
                    let count = value.parse().ok().filter(|count| *count <= ANSWER_MAX);
                    limit = count.ok_or_else(|| wrong("0 to 1000"))?;
                }
                "direction" => match &*value {
                    "forward" => backward = false,
                    "backward" => backward = true,
                    _ => return Err(wrong("forward or backward")),
                },
                "level" => {
                    let found = Level::ALL.iter().find(|one| one.1 == value);
                    level = found.ok_or_else(|| wrong("debug, info, warn or error"))?.0;
                }
                _ => search = value.into_owned(),
            }
        }
        let from = match (from, backward) {
            (Some(from), _) => from,
            (None, false) => UNIX_EPOCH,
            (None, true) => SystemTime::now() + Duration::from_secs(1),
        };
        Ok(Self { from, backward, limit, level, search })
    }
}

/// `GET /sandboxes/{id}/logs`.
#[utoipa::path(
    get,
    path = "/sandboxes/{sandboxID}/logs",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
        ("start" = Option<i64>, Query, description = "Milliseconds since 1970", minimum = 0, maximum = 1125899906842623i64),
        ("limit" = Option<i32>, Query, minimum = 0, maximum = 1000),
    ),
    responses(
        (status = 200, description = "Lines, oldest first", body = schema::SandboxLogs),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn logs_v1(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let query = Query::parse(&raw.unwrap_or_default(), "start", "start, limit")?;
    let entries = find(&api, tenant.0, &id)?.logs.chosen(&query);
    let lines: Vec<Value> = entries.iter().map(Entry::line).collect();
    let shown: Vec<Value> = entries.iter().map(Entry::shown).collect();
    Ok(Json(json!({ "logs": lines, "logEntries": shown })))
}

/// `GET /v2/sandboxes/{id}/logs`.
#[utoipa::path(
    get,
    path = "/v2/sandboxes/{sandboxID}/logs",
    tag = "sandboxes",
    params(
        ("sandboxID" = String, Path, description = "The sandbox's id"),
        ("cursor" = Option<i64>, Query, description = "Milliseconds since 1970", minimum = 0, maximum = 1125899906842623i64),
        ("limit" = Option<i32>, Query, minimum = 0, maximum = 1000),
        ("direction" = Option<schema::Direction>, Query),
        ("level" = Option<schema::LogLevel>, Query),
        ("search" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "Lines", body = schema::SandboxLogsV2),
        (status = 404, description = "No such sandbox", body = schema::Error),
        schema::Refusal,
    ),
)]
pub(crate) async fn logs_v2(
    api: State<Api>,
    tenant: Extension<Tenant>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let known = "cursor, limit, direction, level, search";
    let query = Query::parse(&raw.unwrap_or_default(), "cursor", known)?;
    let entries = find(&api, tenant.0, &id)?.logs.chosen(&query);
    Ok(Json(json!({ "logs": entries.iter().map(Entry::shown).collect::<Vec<_>>() })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "cursor, limit, direction, level, search";

    #[test]
    fn lines_are_chosen_by_time_level_and_text() {
        let logs = Logs::default();
        logs.add(Level::Info, "sandbox", "sandbox started", &[]);
        logs.add(Level::Debug, "envd", "small", &[]);
        logs.add(Level::Warn, "envd", "process ended", &[("pid", "2")]);
        let ask = |raw: &str| -> Vec<String> {
            let query = Query::parse(raw, "cursor", V2).unwrap();
            logs.chosen(&query).into_iter().map(|entry| entry.message).collect()
        };
        assert_eq!(ask(""), ["sandbox started", "small", "process ended"]);
        assert_eq!(ask("direction=backward&limit=1"), ["process ended"]);
        assert_eq!(ask("level=info&search=ed"), ["sandbox started", "process ended"]);
        assert_eq!(ask("cursor=9999999999999"), [""; 0]);
        assert_eq!(ask("limit=0"), [""; 0]);
        let last = logs.0.lock().entries.back().unwrap().clone();
        let line: Value = serde_json::from_str(last.line()["line"].as_str().unwrap()).unwrap();
        assert_eq!(
            line,
            json!({"level": "warn", "logger": "envd", "message": "process ended", "pid": "2"})
        );
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let logs = Logs::default();
        for index in 0..ENTRIES_MAX + 10 {
            logs.add(Level::Info, "envd", index.to_string(), &[("cmd", &"é".repeat(100_000))]);
        }
        let entries = &logs.0.lock().entries;
        assert_eq!((entries.len(), entries[0].message.as_str()), (ENTRIES_MAX, "10"));
        assert!(entries[0].fields["cmd"].len() <= FIELD_BYTES_MAX + 3);
    }

    #[test]
    fn lines_are_charged_and_give_way_when_there_is_no_memory() {
        let account = crate::process::account::MemoryAccount::new(50_000);
        let logs = Logs::new(account.charge(0));
        let add = |count: usize| {
            for index in 0..count {
                logs.add(Level::Info, "envd", index.to_string(), &[("cmd", &"x".repeat(400))]);
            }
        };
        add(10);
        let (ten, used) = (logs.0.lock().bytes, account.used());
        assert_eq!(used, ten as u64);
        add(500);
        assert!((40_000..=50_000).contains(&account.used()), "{}", account.used());
        assert_eq!(logs.0.lock().entries.back().unwrap().message, "499");
        // Somebody else takes it all: the lines stay, and one more takes the place of the oldest.
        let rest = account.charge(50_000 - account.used()).unwrap();
        let before = logs.0.lock().entries.len();
        add(20);
        assert!(logs.0.lock().entries.len() <= before && account.used() <= 50_000);
        drop((logs, rest));
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn parameters_are_read_or_refused() {
        for bad in ["limit=1001", "limit=-1", "level=loud", "direction=up", "cursor=x", "start=1"] {
            let error = Query::parse(bad, "cursor", V2).unwrap_err();
            assert!(error.message().contains(bad.split('=').next().unwrap()), "{bad}");
        }
        assert!(Query::parse("start=1&limit=5", "start", "start, limit").is_ok());
    }
}
