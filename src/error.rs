//! The crate's one public error: what a caller did, or a limit, or the host. Guests' errors are errno values.

/// Why an operation on a [`Runtime`](crate::Runtime) or a sandbox failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No sandbox has this id, or it is gone.
    #[error("sandbox {0} was not found")]
    SandboxNotFound(String),
    /// No image has this name.
    #[error("template '{0}' not found")]
    ImageNotFound(String),
    /// A setting or argument is out of its range: which, and what is allowed.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// The file or directory operation failed inside the sandbox.
    #[error("{path}: {errno}")]
    File {
        /// The path as given.
        path: String,
        /// Linux's error.
        errno: rustix::io::Errno,
    },
    /// The program could not be started.
    #[error("cannot run {program}: {errno}")]
    Program {
        /// The program as given.
        program: String,
        /// Linux's error.
        errno: rustix::io::Errno,
    },
    /// A limit of this host is reached; try later.
    #[error("the host is full: {0}")]
    HostFull(String),
    /// An image's files are missing or damaged.
    #[error("image {name}: {problem}")]
    Image {
        /// The image's name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The host's files or sockets failed.
    #[error("{action}: {source}")]
    Host {
        /// What was being done.
        action: String,
        /// The host's error.
        source: std::io::Error,
    },
    /// The engine refused or failed.
    #[error("engine: {0}")]
    Engine(String),
}
