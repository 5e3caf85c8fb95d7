//! isolet: sandboxes for untrusted code, run as WebAssembly in one process.
//!
//! The tree reads as the flow; imports only go down:
//!
//! ```text
//! api        everything that speaks HTTP: E2B's control plane, envd, the router to guest ports
//! sandbox    one isolated machine and the set of them
//! wasm       the instance that runs a process: engine, code cache, memory, fork, threads
//! host       the system calls a guest makes, translated
//! process    pids, descriptors, pipes, signals, terminals: the kernel; knows no WebAssembly
//! vfs, vnet  the virtual file system and the virtual network of one sandbox
//! ```
//!
//! What is deliberately absent:
//! * `process` knows no WebAssembly; `vfs` and `vnet` know no guests; nothing below `api` knows HTTP.
//! * A guest never causes a host process, a host path or an unpoliced socket to exist.
//! * Every queue, table and buffer that a guest can grow has a named bound.

pub mod api;
mod config;
mod errno;
mod error;
mod host;
mod kept;
mod process;
mod sandbox;
mod shares;
mod vfs;
mod vnet;
mod wait;
mod wasm;

pub use config::{CompileLimits, Config, Limits};
pub use error::Error;
pub use sandbox::{
    Child, Command, Egress, EgressProxy, EndReason, ExitStatus, FileEvent, FileEventKind,
    FileReader, FileStat, FileWriter, Files, NetEvent, NetProtocol, NetVerdict, Progress, ReadEnd,
    Runtime, Sandbox, SandboxConfig, Stdio, Stream, Usage, User, Watch, WriteEnd,
};
#[doc(hidden)]
pub use wasm::compile_standard_input;
