//! `EntryInfo`: what envd says of a file, and the errors of the file system in its words.

use super::connect::{Code, RpcError};
use super::{metadata, path};
use crate::sandbox::Accounts;
use crate::{Error, Sandbox, User};
use rustix::fs::FileType;
use rustix::io::Errno;
use serde_json::{Value, json};

/// Links followed to find what a symbolic link means; Linux's number.
const LINKS_MAX: usize = 40;

/// Bytes of text in an entry, about what it takes in an answer.
pub(crate) fn text_bytes(entry: &Value) -> usize {
    match entry {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(text_bytes).sum(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| name.len() + text_bytes(value)).sum()
        }
        _ => 8,
    }
}

/// Describes the file at a clean absolute path; `accounts` are the sandbox's.
///
/// # Errors
///
/// The file system's.
pub(crate) fn info(sandbox: &Sandbox, accounts: &Accounts, full: &str) -> Result<Value, Error> {
    let (files, user) = (sandbox.files(), User::root());
    let own = files.lstat(&user, full)?;
    let link = FileType::from_raw_mode(own.mode) == FileType::Symlink;
    let target = link.then(|| link_target(sandbox, &user, full));
    // Type and mode of a link are its target's; a link to nothing is a link.
    let meant =
        if link { files.stat(&user, full).unwrap_or_else(|_| own.clone()) } else { own.clone() };
    let (owner, group) = accounts.names(own.uid, own.gid);
    let mut info = json!({
        "name": path::name(full),
        "path": full,
        "type": kind(meant.mode),
        "size": own.size.to_string(),
        "mode": meant.mode & 0o777,
        "permissions": permissions(own.mode),
        "owner": owner,
        "group": group,
        "modifiedTime": crate::api::sandboxes::rfc3339(own.modified),
    });
    // A link to nothing has none.
    let metadata = files.attributes(&user, full, metadata::PREFIX).unwrap_or_default();
    if !metadata.is_empty() {
        info["metadata"] = json!(metadata);
    }
    if let Some(target) = target {
        info["symlinkTarget"] = json!(target);
    }
    Ok(info)
}

/// Where a chain of links ends.
fn link_target(sandbox: &Sandbox, user: &User, full: &str) -> String {
    let mut at = full.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(target) = sandbox.files().read_link(user, &at) else { break };
        match path::resolve(&target, path::parent(&at)) {
            Ok(next) => at = next,
            Err(_) => break,
        }
    }
    at
}

fn kind(mode: u32) -> &'static str {
    match FileType::from_raw_mode(mode) {
        FileType::RegularFile => "FILE_TYPE_FILE",
        FileType::Directory => "FILE_TYPE_DIRECTORY",
        FileType::Symlink => "FILE_TYPE_SYMLINK",
        _ => "FILE_TYPE_UNSPECIFIED",
    }
}

/// A mode as Go's `fs.FileMode` writes it.
fn permissions(mode: u32) -> String {
    let mut text = String::new();
    match FileType::from_raw_mode(mode) {
        FileType::Directory => text.push('d'),
        FileType::Symlink => text.push('L'),
        FileType::Fifo => text.push('p'),
        FileType::Socket => text.push('S'),
        FileType::CharacterDevice => text.push_str("Dc"),
        FileType::BlockDevice => text.push('D'),
        _ => {}
    }
    for (bit, letter) in [(0o4000, 'u'), (0o2000, 'g'), (0o1000, 't')] {
        if mode & bit != 0 {
            text.push(letter);
        }
    }
    if text.is_empty() {
        text.push('-');
    }
    for (index, letter) in "rwxrwxrwx".chars().enumerate() {
        text.push(if mode & (0o400 >> index) != 0 { letter } else { '-' });
    }
    text
}

/// The errno of an error, if it is one of the guest's file system.
pub(crate) fn errno(error: &Error) -> Option<Errno> {
    match error {
        Error::File { errno, .. } => Some(*errno),
        _ => None,
    }
}

/// A file system error as an RPC error.
pub(crate) fn rpc_error(error: &Error) -> RpcError {
    let code = match errno(error) {
        Some(Errno::NOENT) => Code::NotFound,
        Some(Errno::EXIST) => Code::AlreadyExists,
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Code::PermissionDenied,
        Some(Errno::NOSPC | Errno::DQUOT | Errno::MFILE | Errno::NFILE | Errno::NOMEM) => {
            Code::ResourceExhausted
        }
        Some(_) => Code::InvalidArgument,
        None if matches!(error, Error::SandboxNotFound(_)) => {
            return RpcError::new(Code::Unavailable, super::GONE);
        }
        None => Code::Internal,
    };
    RpcError::new(code, sentence(error))
}

/// What a client is told about a file system error.
pub(crate) fn sentence(error: &Error) -> String {
    match error {
        Error::File { path, errno: Errno::NOENT } => format!("path '{path}' does not exist"),
        Error::File { .. } => error.to_string(),
        _ => {
            tracing::error!(%error, "a file operation failed");
            "internal error; the server's log has it".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_written_as_go_does() {
        for (mode, text) in [
            (0o100_644, "-rw-r--r--"),
            (0o040_755, "drwxr-xr-x"),
            (0o120_777, "Lrwxrwxrwx"),
            (0o104_755, "urwxr-xr-x"),
            (0o041_777, "dtrwxrwxrwx"),
            (0o020_666, "Dcrw-rw-rw-"),
        ] {
            assert_eq!(permissions(mode), text);
        }
    }

    #[test]
    fn errors_have_connects_codes() {
        let code = |errno| rpc_error(&Error::File { path: "/a".into(), errno }).code;
        assert_eq!(code(Errno::NOENT), Code::NotFound);
        assert_eq!(code(Errno::NOTDIR), Code::InvalidArgument);
        assert_eq!(code(Errno::NOSPC), Code::ResourceExhausted);
        assert_eq!(code(Errno::ACCESS), Code::PermissionDenied);
        let engine = rpc_error(&Error::Engine("secret detail".into()));
        assert!(engine.code == Code::Internal && !engine.message.contains("secret"));
    }
}
