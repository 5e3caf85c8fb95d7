//! The messages and procedures of `process.Process` and `filesystem.Filesystem`: names, kinds, field numbers. For binary
//! protobuf, and for which procedures stream. Not what they do; see `process`, `filesystem` and `watch`.

use super::connect::Kind as Shape;
use super::protobuf::Kind::{
    Bool, Bytes, Enum, Int64, Message as Of, Sint32, Text, TextMap, Timestamp, Uint32,
};
use super::protobuf::Label::{Many, One};
use super::protobuf::{Field, Message};

/// A procedure.
#[derive(Debug)]
pub(crate) struct Method {
    /// The service that has it.
    pub(crate) service: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it streams, either way.
    pub(crate) shape: Shape,
    /// What the client sends.
    pub(crate) request: &'static Message,
    /// What it gets.
    pub(crate) response: &'static Message,
}

const PROCESS: &str = "process.Process";
const FILESYSTEM: &str = "filesystem.Filesystem";

/// The services.
pub(crate) const SERVICES: [&str; 2] = [PROCESS, FILESYSTEM];

const fn method(
    service: &'static str,
    name: &'static str,
    shape: Shape,
    request: &'static Message,
    response: &'static Message,
) -> Method {
    Method { service, name, shape, request, response }
}

/// All procedures.
pub(crate) static METHODS: &[Method] = &[
    method(PROCESS, "List", Shape::Unary, &EMPTY, &LIST_RESPONSE),
    method(PROCESS, "Start", Shape::Stream, &START, &EVENT_RESPONSE),
    method(PROCESS, "Connect", Shape::Stream, &SELECT, &EVENT_RESPONSE),
    method(PROCESS, "Update", Shape::Unary, &UPDATE, &EMPTY),
    method(PROCESS, "StreamInput", Shape::Stream, &STREAM_INPUT, &EMPTY),
    method(PROCESS, "SendInput", Shape::Unary, &SEND_INPUT, &EMPTY),
    method(PROCESS, "SendSignal", Shape::Unary, &SEND_SIGNAL, &EMPTY),
    method(PROCESS, "CloseStdin", Shape::Unary, &SELECT, &EMPTY),
    method(FILESYSTEM, "Stat", Shape::Unary, &PATH, &ENTRY_RESPONSE),
    method(FILESYSTEM, "MakeDir", Shape::Unary, &PATH, &ENTRY_RESPONSE),
    method(FILESYSTEM, "Move", Shape::Unary, &MOVE, &ENTRY_RESPONSE),
    method(FILESYSTEM, "ListDir", Shape::Unary, &LIST_DIR, &ENTRIES),
    method(FILESYSTEM, "Remove", Shape::Unary, &PATH, &EMPTY),
    method(FILESYSTEM, "WatchDir", Shape::Stream, &WATCH, &WATCH_RESPONSE),
    method(FILESYSTEM, "CreateWatcher", Shape::Unary, &WATCH, &WATCHER),
    method(FILESYSTEM, "GetWatcherEvents", Shape::Unary, &WATCHER, &FILE_EVENTS),
    method(FILESYSTEM, "RemoveWatcher", Shape::Unary, &WATCHER, &EMPTY),
];

/// The procedure of this name.
pub(crate) fn find(service: &str, name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.service == service && method.name == name)
}

static EMPTY: Message = Message(&[]);
static SIZE: Message = Message(&[Field(1, "cols", One, Uint32), Field(2, "rows", One, Uint32)]);
static PTY: Message = Message(&[Field(1, "size", One, Of(&SIZE))]);
static CONFIG: Message = Message(&[
    Field(1, "cmd", One, Text),
    Field(2, "args", Many, Text),
    Field(3, "envs", Many, TextMap),
    Field(4, "cwd", One, Text),
]);
static INFO: Message = Message(&[
    Field(1, "config", One, Of(&CONFIG)),
    Field(2, "pid", One, Uint32),
    Field(3, "tag", One, Text),
]);
static LIST_RESPONSE: Message = Message(&[Field(1, "processes", Many, Of(&INFO))]);
static START: Message = Message(&[
    Field(1, "process", One, Of(&CONFIG)),
    Field(2, "pty", One, Of(&PTY)),
    Field(3, "tag", One, Text),
    Field(4, "stdin", One, Bool),
]);
static SELECTOR: Message = Message(&[Field(1, "pid", One, Uint32), Field(2, "tag", One, Text)]);
static SELECT: Message = Message(&[Field(1, "process", One, Of(&SELECTOR))]);
static UPDATE: Message =
    Message(&[Field(1, "process", One, Of(&SELECTOR)), Field(2, "pty", One, Of(&PTY))]);
static INPUT: Message = Message(&[Field(1, "stdin", One, Bytes), Field(2, "pty", One, Bytes)]);
static SEND_INPUT: Message =
    Message(&[Field(1, "process", One, Of(&SELECTOR)), Field(2, "input", One, Of(&INPUT))]);
static STREAM_DATA: Message = Message(&[Field(2, "input", One, Of(&INPUT))]);
static STREAM_INPUT: Message = Message(&[
    Field(1, "start", One, Of(&SELECT)),
    Field(2, "data", One, Of(&STREAM_DATA)),
    Field(3, "keepalive", One, Of(&EMPTY)),
]);
const SIGNALS: &[(u64, &str)] =
    &[(0, "SIGNAL_UNSPECIFIED"), (9, "SIGNAL_SIGKILL"), (15, "SIGNAL_SIGTERM")];
static SEND_SIGNAL: Message =
    Message(&[Field(1, "process", One, Of(&SELECTOR)), Field(2, "signal", One, Enum(SIGNALS))]);
static STARTED: Message = Message(&[Field(1, "pid", One, Uint32)]);
static DATA: Message = Message(&[
    Field(1, "stdout", One, Bytes),
    Field(2, "stderr", One, Bytes),
    Field(3, "pty", One, Bytes),
]);
static END: Message = Message(&[
    Field(1, "exitCode", One, Sint32),
    Field(2, "exited", One, Bool),
    Field(3, "status", One, Text),
    Field(4, "error", One, Text),
]);
static EVENT: Message = Message(&[
    Field(1, "start", One, Of(&STARTED)),
    Field(2, "data", One, Of(&DATA)),
    Field(3, "end", One, Of(&END)),
    Field(4, "keepalive", One, Of(&EMPTY)),
]);
static EVENT_RESPONSE: Message = Message(&[Field(1, "event", One, Of(&EVENT))]);

static PATH: Message = Message(&[Field(1, "path", One, Text)]);
static MOVE: Message =
    Message(&[Field(1, "source", One, Text), Field(2, "destination", One, Text)]);
static LIST_DIR: Message = Message(&[Field(1, "path", One, Text), Field(2, "depth", One, Uint32)]);
const FILE_TYPES: &[(u64, &str)] = &[
    (0, "FILE_TYPE_UNSPECIFIED"),
    (1, "FILE_TYPE_FILE"),
    (2, "FILE_TYPE_DIRECTORY"),
    (3, "FILE_TYPE_SYMLINK"),
];
static ENTRY: Message = Message(&[
    Field(1, "name", One, Text),
    Field(2, "type", One, Enum(FILE_TYPES)),
    Field(3, "path", One, Text),
    Field(4, "size", One, Int64),
    Field(5, "mode", One, Uint32),
    Field(6, "permissions", One, Text),
    Field(7, "owner", One, Text),
    Field(8, "group", One, Text),
    Field(9, "modifiedTime", One, Timestamp),
    Field(10, "symlinkTarget", One, Text),
    Field(11, "metadata", Many, TextMap),
]);
static ENTRY_RESPONSE: Message = Message(&[Field(1, "entry", One, Of(&ENTRY))]);
static ENTRIES: Message = Message(&[Field(1, "entries", Many, Of(&ENTRY))]);
static WATCH: Message = Message(&[
    Field(1, "path", One, Text),
    Field(2, "recursive", One, Bool),
    Field(3, "includeEntry", One, Bool),
    Field(4, "allowNetworkMounts", One, Bool),
]);
static WATCHER: Message = Message(&[Field(1, "watcherId", One, Text)]);
const EVENT_TYPES: &[(u64, &str)] = &[
    (0, "EVENT_TYPE_UNSPECIFIED"),
    (1, "EVENT_TYPE_CREATE"),
    (2, "EVENT_TYPE_WRITE"),
    (3, "EVENT_TYPE_REMOVE"),
    (4, "EVENT_TYPE_RENAME"),
    (5, "EVENT_TYPE_CHMOD"),
];
static FILE_EVENT: Message = Message(&[
    Field(1, "name", One, Text),
    Field(2, "type", One, Enum(EVENT_TYPES)),
    Field(3, "entry", One, Of(&ENTRY)),
]);
static FILE_EVENTS: Message = Message(&[Field(1, "events", Many, Of(&FILE_EVENT))]);
static WATCH_RESPONSE: Message = Message(&[
    Field(1, "start", One, Of(&EMPTY)),
    Field(2, "filesystem", One, Of(&FILE_EVENT)),
    Field(3, "keepalive", One, Of(&EMPTY)),
]);
