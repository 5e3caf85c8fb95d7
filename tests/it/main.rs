//! The one integration-test binary: everything isolet promises, tried through its front doors (the
//! command line, HTTP, the official SDKs). One binary, so that wasmtime is linked once.
//!
//! No test needs another to have run, none waits by the clock, and each has a hang bound: what takes
//! longer is killed and fails with everything it printed.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are host programs: they start isolet, the SDKs, and canaries"
)]

// What the tests stand on.
mod canary;
mod http;
mod nameserver;
mod namespace;
mod run;
mod sdk;
mod server;

// What isolet promises, an area a file.
mod cli;
mod commands;
mod control;
mod descriptors;
mod egress;
mod envd;
mod library;
mod ports;
mod programs;
mod router;
mod shell;
mod tenants;
mod threads;
