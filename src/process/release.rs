//! What uname(2) and /proc say about the kernel itself.

/// `uname -r`: the Linux version whose interface is spoken.
pub(crate) const RELEASE: &str = "6.12.0-isolet";
/// `uname -v`
pub(crate) const VERSION: &str = concat!("#1 isolet ", env!("CARGO_PKG_VERSION"));
/// `uname -m`
pub(crate) const MACHINE: &str = "wasm32";
