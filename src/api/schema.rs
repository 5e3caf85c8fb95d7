//! The bodies of the control plane as the OpenAPI document describes them. Descriptions only: requests are checked by the table
//! in `fields`, answers are made next to their handlers; `tests/it/openapi.rs` holds both to what is written here.

#![expect(dead_code, reason = "types of a document, of which no value is made")]

use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

/// The document without its paths, which the router adds.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "isolet",
        description = "E2B's control plane, as far as isolet has it. Sandboxes answer on hosts of their own.",
    ),
    components(schemas(Order, Direction, LogLevel)),
    modifiers(&Key),
    security(("ApiKeyAuth" = [])),
)]
pub(crate) struct Document;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("ApiKeyAuth", key);
    }
}

/// An answer that is not a success. `code` is the status.
#[derive(Serialize, ToSchema)]
pub(crate) struct Error {
    #[schema(minimum = 400, maximum = 599)]
    code: i32,
    message: String,
}

/// What any path may answer.
#[derive(IntoResponses)]
pub(crate) enum Refusal {
    /// The request is wrong; the message names what and says what is allowed.
    #[response(status = 400)]
    Invalid(Error),
    /// The key is missing or wrong.
    #[response(status = 401)]
    Unauthorized(Error),
    /// The body is longer than a mebibyte.
    #[response(status = 413)]
    TooLarge(Error),
    /// This key's team has asked for too much; `Retry-After` says when to come back.
    #[response(status = 429)]
    TooMany(Error),
    /// A fault of the server.
    #[response(status = 500)]
    Internal(Error),
}

/// A sandbox that is to be made.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSandbox {
    /// `base` or `code-interpreter-v1`.
    #[serde(rename = "templateID")]
    template_id: String,
    /// Lifetime in seconds.
    #[schema(minimum = 1, maximum = 86400)]
    timeout: Option<i64>,
    metadata: Option<BTreeMap<String, String>>,
    /// Variables of every command.
    #[serde(rename = "envVars")]
    env_vars: Option<BTreeMap<String, String>>,
    allow_internet_access: Option<bool>,
    network: Option<NewNetwork>,
}

/// A body with the fields that say what a sandbox may reach, and more.
macro_rules! with_egress {
    ($(#[$about:meta])* $name:ident { $($more:tt)* }) => {
        $(#[$about])*
        #[derive(Serialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// IP addresses, CIDR blocks, domains, `*.domain`; they beat `denyOut`. Domains need `0.0.0.0/0` in `denyOut`.
            #[serde(rename = "allowOut")]
            allow_out: Option<Vec<String>>,
            /// IP addresses and CIDR blocks; `0.0.0.0/0` is all traffic.
            #[serde(rename = "denyOut")]
            deny_out: Option<Vec<String>>,
            /// Headers that are set on requests to a host.
            rules: Option<BTreeMap<String, Vec<NetworkRule>>>,
            #[serde(rename = "egressProxy")]
            egress_proxy: Option<NetworkProxy>,
            /// IPv4 addresses of name servers.
            #[serde(rename = "dnsServers")]
            #[schema(max_items = 10)]
            dns_servers: Option<Vec<String>>,
            $($more)*
        }
    };
}

with_egress! {
    /// Who may reach it, and what it may reach.
    NewNetwork {
        /// Without it, the sandbox's ports want a token.
        #[serde(rename = "allowPublicTraffic")]
        allow_public_traffic: Option<bool>,
        /// What a server in it sees as its `Host`; `${PORT}` stands for the port.
        #[serde(rename = "maskRequestHost")]
        mask_request_host: Option<String>,
        /// Ports whose servers speak TLS; the URL is HTTPS either way.
        #[serde(rename = "httpsPorts")]
        #[schema(max_items = 64)]
        https_ports: Option<Vec<u16>>,
    }
}

with_egress! {
    /// What a running sandbox may reach, all of it; what is left out is cleared.
    NetworkUpdate {
        /// `false` is `0.0.0.0/0` in `denyOut`.
        allow_internet_access: Option<bool>,
    }
}

/// A port that a program of a sandbox listens on.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenPort {
    port: u16,
    /// Where clients find it.
    url: String,
}

/// A rule for requests to a host.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkRule {
    transform: Option<NetworkTransform>,
}

/// Headers that replace the guest's.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkTransform {
    headers: Option<BTreeMap<String, String>>,
}

/// A SOCKS5 proxy that TCP goes through.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkProxy {
    /// `host:port`.
    address: String,
    username: Option<String>,
    /// Never shown again.
    password: Option<String>,
    tls: Option<NetworkProxyTls>,
}

/// TLS to the proxy.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkProxyTls {
    enabled: bool,
    #[serde(rename = "serverName")]
    server_name: Option<String>,
    /// PEM; instead of the host's authorities. Never shown again.
    #[serde(rename = "caCert")]
    ca_cert: Option<String>,
}

/// What programs of a sandbox tried to reach.
#[derive(Serialize, ToSchema)]
pub(crate) struct NetworkLog {
    events: Vec<NetworkEvent>,
}

/// How something was asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NetworkProtocol {
    Tcp,
    Udp,
    Dns,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NetworkVerdict {
    Allowed,
    Denied,
    Failed,
}

/// A connection, the datagrams to one peer, or a lookup.
#[derive(Serialize, ToSchema)]
pub(crate) struct NetworkEvent {
    id: i64,
    #[schema(format = DateTime)]
    timestamp: String,
    pid: i64,
    uid: i64,
    protocol: NetworkProtocol,
    name: Option<String>,
    question: Option<String>,
    address: Option<String>,
    port: Option<i32>,
    #[serde(rename = "bytesOut")]
    bytes_out: i64,
    #[serde(rename = "bytesIn")]
    bytes_in: i64,
    verdict: NetworkVerdict,
    reason: Option<String>,
    times: i64,
    #[serde(rename = "endedAt")]
    #[schema(format = DateTime)]
    ended_at: Option<String>,
}

/// A sandbox with what is needed to reach it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sandbox {
    #[serde(rename = "sandboxID")]
    sandbox_id: String,
    #[serde(rename = "templateID")]
    template_id: String,
    #[serde(rename = "clientID")]
    client_id: String,
    #[serde(rename = "envdVersion")]
    envd_version: String,
    #[serde(rename = "envdAccessToken")]
    envd_access_token: String,
    #[serde(rename = "trafficAccessToken")]
    traffic_access_token: Option<String>,
    domain: Option<String>,
}

/// Whether it runs; nothing is ever paused here.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Running,
}

/// A sandbox as lists show it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedSandbox {
    #[serde(rename = "sandboxID")]
    sandbox_id: String,
    #[serde(rename = "templateID")]
    template_id: String,
    #[serde(rename = "clientID")]
    client_id: String,
    #[serde(rename = "startedAt")]
    #[schema(format = DateTime)]
    started_at: String,
    #[serde(rename = "endAt")]
    #[schema(format = DateTime)]
    end_at: String,
    state: State,
    #[serde(rename = "cpuCount")]
    cpu_count: i32,
    #[serde(rename = "memoryMB")]
    memory_mb: i64,
    #[serde(rename = "diskSizeMB")]
    disk_size_mb: i64,
    #[serde(rename = "envdVersion")]
    envd_version: String,
    metadata: BTreeMap<String, String>,
}

/// Everything about a sandbox.
#[derive(Serialize, ToSchema)]
pub(crate) struct SandboxDetail {
    #[serde(flatten)]
    listed: ListedSandbox,
    domain: Option<String>,
    #[serde(rename = "envdAccessToken")]
    envd_access_token: String,
    #[serde(rename = "allowInternetAccess")]
    allow_internet_access: bool,
    network: NewNetwork,
    lifecycle: Lifecycle,
}

/// What becomes of it at its end.
#[derive(Serialize, ToSchema)]
pub(crate) struct Lifecycle {
    #[serde(rename = "onTimeout")]
    on_timeout: String,
    #[serde(rename = "autoResume")]
    auto_resume: bool,
}

/// Seconds from now.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timeout {
    #[schema(minimum = 0, maximum = 86400)]
    timeout: i64,
}

/// Seconds from now, unless it lives longer anyway.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connect {
    #[schema(minimum = 0, maximum = 86400)]
    timeout: Option<i64>,
}

/// Seconds from now, unless it lives longer anyway.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    #[schema(minimum = 0, maximum = 3600)]
    duration: Option<i64>,
}

/// What a sandbox used at a time.
#[derive(Serialize, ToSchema)]
pub(crate) struct SandboxMetric {
    #[schema(format = DateTime)]
    timestamp: String,
    #[serde(rename = "timestampUnix")]
    timestamp_unix: i64,
    #[serde(rename = "cpuCount")]
    cpu_count: i32,
    #[serde(rename = "cpuUsedPct")]
    cpu_used_pct: f64,
    #[serde(rename = "memUsed")]
    mem_used: i64,
    #[serde(rename = "memTotal")]
    mem_total: i64,
    #[serde(rename = "memCache")]
    mem_cache: i64,
    #[serde(rename = "diskUsed")]
    disk_used: i64,
    #[serde(rename = "diskTotal")]
    disk_total: i64,
}

/// The last sample of each sandbox, by id.
#[derive(Serialize, ToSchema)]
pub(crate) struct SandboxesWithMetrics {
    sandboxes: BTreeMap<String, SandboxMetric>,
}

/// How much a line matters.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// Which way a log is read.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// Which way a list is ordered by start.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    Asc,
    Desc,
}

/// A line, as JSON in a string.
#[derive(Serialize, ToSchema)]
pub(crate) struct SandboxLog {
    #[schema(format = DateTime)]
    timestamp: String,
    line: String,
}

/// A line.
#[derive(Serialize, ToSchema)]
pub(crate) struct SandboxLogEntry {
    #[schema(format = DateTime)]
    timestamp: String,
    message: String,
    level: LogLevel,
    fields: BTreeMap<String, String>,
}

/// Lines in both forms.
#[derive(Serialize, ToSchema)]
pub(crate) struct SandboxLogs {
    logs: Vec<SandboxLog>,
    #[serde(rename = "logEntries")]
    log_entries: Vec<SandboxLogEntry>,
}

/// Lines.
#[derive(Serialize, ToSchema)]
pub(crate) struct SandboxLogsV2 {
    logs: Vec<SandboxLogEntry>,
}

/// What sandboxes start from.
#[derive(Serialize, ToSchema)]
pub(crate) struct Template {
    #[serde(rename = "templateID")]
    template_id: String,
    #[serde(rename = "buildID")]
    build_id: String,
    #[serde(rename = "cpuCount")]
    cpu_count: i32,
    #[serde(rename = "memoryMB")]
    memory_mb: i64,
    #[serde(rename = "diskSizeMB")]
    disk_size_mb: i64,
    public: bool,
    aliases: Vec<String>,
    names: Vec<String>,
    #[serde(rename = "envdVersion")]
    envd_version: String,
    #[serde(rename = "buildStatus")]
    build_status: String,
}

/// A template by one of its names.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateAlias {
    #[serde(rename = "templateID")]
    template_id: String,
    public: bool,
}
