//! The command line: arguments, logging, one subcommand. Everything it does is the crate's public API.

fn main() {}
