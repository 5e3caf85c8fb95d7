//! Watching directories: the stream `WatchDir`, and watchers that are asked for what happened since the last time
//! (`CreateWatcher`, `GetWatcherEvents`, `RemoveWatcher`), which the synchronous Python SDK uses.
//!
//! Events are those of fsnotify, as envd's: a rename is RENAME of the old name and CREATE of the new one. A directory that is
//! removed or renamed says so once, by the name `.`; its stream stays until the client or the sandbox goes.

use super::connect::{self, Code, Messages, RpcError, Wire};
use super::process::{deadline, gone, keepalive, too_late, within};
use super::{Call, entry, path};
use crate::sandbox::Accounts;
use crate::{FileEvent, FileEventKind, User, Watch};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use parking_lot::Mutex;
use rand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Watchers of one sandbox that are polled.
const WATCHERS_MAX: usize = 64;

/// Bytes of text in the events of one answer: entries may carry long metadata.
const EVENTS_BYTES_MAX: usize = 32 << 20;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    path: String,
    recursive: bool,
    include_entry: bool,
    /// There are no network mounts here: either answer is the same.
    allow_network_mounts: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct ById {
    watcher_id: String,
}

/// A watched directory, and what is to be told of its events.
struct Watcher {
    watch: Watch,
    directory: String,
    include_entry: bool,
}

/// The polled watchers of one sandbox, by id.
#[derive(Clone, Default)]
pub(crate) struct Watchers(Arc<Mutex<HashMap<String, Arc<Watcher>>>>);

impl Watcher {
    fn new(call: &Call, user: &User, asked: &Asked) -> Result<Self, RpcError> {
        let directory = path::resolve(&asked.path, &user.home).map_err(RpcError::invalid)?;
        let files = call.machine.sandbox.files();
        let stat = files.stat(&User::root(), &directory).map_err(|error| entry::rpc_error(&error));
        if !stat?.is_dir() {
            return Err(RpcError::invalid(format!("path {directory} not a directory")));
        }
        let watch = files.watch(&User::root(), &directory, asked.recursive);
        let watch = watch.map_err(|error| entry::rpc_error(&error))?;
        Ok(Self { watch, directory, include_entry: asked.include_entry })
    }

    /// The names that entries need, if they are asked for.
    fn accounts(&self, call: &Call) -> Accounts {
        if self.include_entry { call.machine.sandbox.accounts() } else { Accounts::default() }
    }

    /// A `FilesystemEvent`.
    ///
    /// # Errors
    ///
    /// `resource_exhausted` when events were lost.
    fn told(&self, call: &Call, accounts: &Accounts, event: &FileEvent) -> Result<Value, RpcError> {
        let (kind, described) = match event.kind {
            FileEventKind::Created | FileEventKind::MovedTo => ("EVENT_TYPE_CREATE", true),
            FileEventKind::Written => ("EVENT_TYPE_WRITE", true),
            FileEventKind::Attributes => ("EVENT_TYPE_CHMOD", true),
            FileEventKind::Removed => ("EVENT_TYPE_REMOVE", false),
            FileEventKind::MovedFrom => ("EVENT_TYPE_RENAME", false),
            FileEventKind::Overflow => {
                return Err(RpcError::new(
                    Code::ResourceExhausted,
                    "watcher error: events came faster than they were taken, and some were lost",
                ));
            }
        };
        let itself = event.path.is_empty();
        let name = if itself { "." } else { &event.path };
        let mut told = json!({ "name": name, "type": kind });
        if self.include_entry && described {
            let full = match itself {
                true => self.directory.clone(),
                false => path::join(&self.directory, &event.path),
            };
            // What is gone again has no entry.
            if let Ok(info) = entry::info(&call.machine.sandbox, accounts, &full) {
                told["entry"] = info;
            }
        }
        Ok(told)
    }
}

/// `WatchDir`: a stream of events until the client goes.
pub(crate) async fn watch_dir(call: &Call, wire: Wire, request: Request) -> Response {
    match watch_checked(call, wire, request).await {
        Ok(body) => wire.stream(body),
        Err(error) => wire.stream_error(&error),
    }
}

async fn watch_checked(call: &Call, wire: Wire, request: Request) -> Result<Body, RpcError> {
    let (parts, body) = request.into_parts();
    let user = call.user(&parts.headers)?;
    let (keepalive, deadline) = (keepalive(&parts.headers)?, deadline(&parts.headers)?);
    let asked: Asked = Messages::new(wire, body).only().await?;
    let watcher = Watcher::new(call, &user, &asked)?;
    let feed = Feed { call: call.clone(), wire, watcher, keepalive, deadline, state: State::Start };
    Ok(Body::from_stream(futures_util::stream::unfold(feed, |mut feed| async move {
        feed.next().await.map(|frame| (Ok::<_, Infallible>(frame), feed))
    })))
}

/// The stream of one watched directory.
struct Feed {
    call: Call,
    wire: Wire,
    watcher: Watcher,
    keepalive: Duration,
    deadline: Option<Instant>,
    state: State,
}

enum State {
    Start,
    Running,
    Done,
}

impl Feed {
    async fn next(&mut self) -> Option<Bytes> {
        match self.state {
            State::Start => {
                self.state = State::Running;
                Some(self.wire.frame(&json!({ "start": {} })))
            }
            State::Running => Some(self.running().await),
            State::Done => None,
        }
    }

    async fn running(&mut self) -> Bytes {
        let deadline = self.deadline;
        let late = async move {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let watch = &self.watcher.watch;
        let event = async {
            match watch.next().await {
                Some(event) => event,
                // The directory is gone: nothing follows.
                None => std::future::pending().await,
            }
        };
        let told = tokio::select! {
            biased;
            () = self.call.machine.gone.cancelled() => Err(gone()),
            () = late => Err(too_late()),
            event = event => {
                let accounts = self.watcher.accounts(&self.call);
                let told = self.watcher.told(&self.call, &accounts, &event);
                told.map(|told| json!({ "filesystem": told }))
            }
            () = tokio::time::sleep(self.keepalive) => Ok(json!({ "keepalive": {} })),
        };
        match told {
            Ok(message) => self.wire.frame(&message),
            Err(error) => {
                self.state = State::Done;
                connect::end_frame(&Err(error))
            }
        }
    }
}

/// The unary RPCs about watchers.
///
/// # Errors
///
/// As each of them.
pub(crate) async fn unary(
    call: &Call,
    wire: Wire,
    method: &str,
    request: Request,
) -> Result<Value, RpcError> {
    let (parts, body) = request.into_parts();
    let work = async {
        let user = call.user(&parts.headers)?;
        match method {
            "CreateWatcher" => create(call, &user, &wire.read_message(body).await?),
            "GetWatcherEvents" => events(call, &wire.read_message(body).await?),
            _ => remove(call, &wire.read_message(body).await?),
        }
    };
    within(&parts.headers, work).await
}

fn create(call: &Call, user: &User, asked: &Asked) -> Result<Value, RpcError> {
    let watcher = Arc::new(Watcher::new(call, user, asked)?);
    let id = format!("w{:032x}", rand::rng().random::<u128>());
    let mut watchers = call.machine.watchers.0.lock();
    if watchers.len() >= WATCHERS_MAX {
        let message = format!("{WATCHERS_MAX} watchers exist; remove some");
        return Err(RpcError::new(Code::ResourceExhausted, message));
    }
    watchers.insert(id.clone(), watcher);
    Ok(json!({ "watcherId": id }))
}

fn unknown(asked: &ById) -> RpcError {
    let shown: String = asked.watcher_id.chars().take(64).collect();
    RpcError::new(Code::NotFound, format!("watcher with id {shown} not found"))
}

fn events(call: &Call, asked: &ById) -> Result<Value, RpcError> {
    let watcher = call.machine.watchers.0.lock().get(&asked.watcher_id).cloned();
    let watcher = watcher.ok_or_else(|| unknown(asked))?;
    let (accounts, events) = (watcher.accounts(call), watcher.watch.drain());
    let (mut told, mut bytes) = (Vec::new(), 0);
    for event in &events {
        let event = watcher.told(call, &accounts, event)?;
        bytes += entry::text_bytes(&event);
        if bytes > EVENTS_BYTES_MAX {
            let message = format!("more than {EVENTS_BYTES_MAX} bytes of events; ask more often");
            return Err(RpcError::new(Code::ResourceExhausted, message));
        }
        told.push(event);
    }
    Ok(json!({ "events": told }))
}

fn remove(call: &Call, asked: &ById) -> Result<Value, RpcError> {
    let removed = call.machine.watchers.0.lock().remove(&asked.watcher_id);
    removed.map(|_| json!({})).ok_or_else(|| unknown(asked))
}
