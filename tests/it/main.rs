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
mod alone;
mod canary;
mod guests;
mod held;
mod http;
mod internet;
mod nameserver;
mod namespace;
mod run;
mod sdk;
mod server;
mod twin;

// What isolet promises, an area a file.
mod cli;
mod clients;
mod commands;
mod compilers;
mod control;
mod deploying;
mod descriptors;
mod doctor;
mod e2b_cli;
mod egress;
mod envd;
mod files;
mod floods;
mod frames;
mod hostile;
mod ingress;
mod keys;
mod library;
mod load;
mod network;
mod observe;
mod pip;
mod policies;
mod ports;
mod programs;
mod python;
mod python_starts;
mod router;
mod shell;
mod smuggling;
mod start_images;
mod streams;
mod suites;
mod surface;
mod system_calls;
mod tenants;
mod terminals;
mod threads;
mod wasi;
mod wasi_compile;
mod wasi_components;
mod wasi_hostile;
mod wasi_imports;
mod wasi_memories;
mod wasi_network;
mod wasi_process;
mod wasi_published;
mod wasi_terminals;
