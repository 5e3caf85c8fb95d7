//! (being written)
pub(crate) struct Net;
