//! The service `filesystem.Filesystem`: look at, make, move and remove files. Messages are those of E2B's filesystem.proto in
//! proto3 JSON. Contents go over `/files`; watching is in `watch`.
//!
//! As E2B's envd it acts with root's rights; the user of a request is whose home paths start from, and who owns what is made.
//!
//! Directory trees are walked with a list of what is left, never by recursion: their depth is the guest's choice.

use super::connect::{Code, RpcError, Wire};
use super::{Call, entry, path, process};
use crate::{Error, Files, User};
use axum::extract::Request;
use rustix::fs::FileType;
use rustix::io::Errno;
use serde::Deserialize;
use serde_json::{Value, json};

/// Entries of one ListDir answer.
const ENTRIES_MAX: usize = 50_000;

/// Bytes of text in one listing: metadata of a file may be long, and many names may be one file's.
const LISTING_BYTES_MAX: usize = 32 << 20;

/// Mode of directories that are made on the way; there is no umask here to take away from it.
const DIRECTORY_MODE: u32 = 0o755;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Path {
    path: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct List {
    path: String,
    depth: u32,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Move {
    source: String,
    destination: String,
}

/// A unary RPC of the service.
///
/// # Errors
///
/// As each of them.
pub(crate) async fn unary(
    call: &Call,
    wire: Wire,
    method: &str,
    request: Request,
) -> Result<Value, RpcError> {
    type Work = fn(&Call, &User, &[String]) -> Result<Value, RpcError>;
    let work: Work = match method {
        "Stat" => stat,
        "MakeDir" => make_dir,
        "Move" => rename,
        "Remove" => remove,
        _ => |_, _, _| Ok(Value::Null),
    };
    let (parts, body) = request.into_parts();
    let answer = async {
        let user = call.user(&parts.headers)?;
        let full = |text: &str| path::resolve(text, &user.home).map_err(RpcError::invalid);
        let (paths, depth) = match method {
            "Move" => {
                let Move { source, destination } = wire.read_message(body).await?;
                (vec![full(&source)?, full(&destination)?], 0)
            }
            "ListDir" => {
                let List { path, depth } = wire.read_message(body).await?;
                (vec![full(&path)?], depth.max(1))
            }
            _ => {
                let Path { path } = wire.read_message(body).await?;
                // Nothing is the home directory elsewhere; to remove that is nobody's wish.
                if method == "Remove" && path.is_empty() {
                    return Err(RpcError::invalid("path: must not be empty"));
                }
                (vec![full(&path)?], 0)
            }
        };
        let call = call.clone();
        // Trees can be large: not on a thread that answers others.
        let done = tokio::task::spawn_blocking(move || match depth {
            0 => work(&call, &user, &paths),
            depth => list(&call, &paths[0], depth),
        });
        done.await.unwrap_or_else(|_| Err(RpcError::new(Code::Internal, "internal error")))
    };
    process::within(&parts.headers, answer).await
}

fn stat(call: &Call, _: &User, paths: &[String]) -> Result<Value, RpcError> {
    described(call, &paths[0])
}

fn described(call: &Call, full: &str) -> Result<Value, RpcError> {
    let sandbox = &call.machine.sandbox;
    let info = entry::info(sandbox, &sandbox.accounts(), full)
        .map_err(|error| entry::rpc_error(&error))?;
    Ok(json!({ "entry": info }))
}

fn make_dir(call: &Call, owner: &User, paths: &[String]) -> Result<Value, RpcError> {
    let (files, full) = (call.machine.sandbox.files(), &paths[0]);
    match files.stat(&User::root(), full) {
        Ok(stat) if is_dir(stat.mode) => {
            let message = format!("directory already exists: {full}");
            return Err(RpcError::new(Code::AlreadyExists, message));
        }
        Ok(_) => {
            return Err(RpcError::invalid(format!(
                "path already exists but it is not a directory: {full}"
            )));
        }
        Err(_) => {}
    }
    make_dirs(&files, owner, full).map_err(|error| entry::rpc_error(&error))?;
    described(call, full)
}

/// Makes a directory and those above it that are missing, for `owner`. One that is there is fine and stays as it is.
///
/// # Errors
///
/// The file system's; ENOTDIR if something else is in the way.
pub(crate) fn make_dirs(files: &Files, owner: &User, full: &str) -> Result<(), Error> {
    let root = User::root();
    let mut at = String::new();
    for name in full.split('/').filter(|name| !name.is_empty()) {
        at.push('/');
        at.push_str(name);
        match files.make_dir_for(owner, &at, DIRECTORY_MODE) {
            Err(error) if entry::errno(&error) == Some(Errno::EXIST) => {}
            // A directory that exists on a file system where none can be made.
            Err(error) if files.stat(&root, &at).is_ok_and(|stat| is_dir(stat.mode)) => drop(error),
            Err(error) => return Err(error),
            Ok(()) => {}
        }
    }
    match files.stat(&root, full) {
        Ok(stat) if !is_dir(stat.mode) => {
            Err(Error::File { path: full.into(), errno: Errno::NOTDIR })
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_dir(mode: u32) -> bool {
    FileType::from_raw_mode(mode) == FileType::Directory
}

fn rename(call: &Call, owner: &User, paths: &[String]) -> Result<Value, RpcError> {
    let files = call.machine.sandbox.files();
    let [source, destination] = paths else { return Err(RpcError::invalid("source, destination")) };
    let moved = (|| {
        files.lstat(&User::root(), source)?;
        make_dirs(&files, owner, path::parent(destination))?;
        files.rename(&User::root(), source, destination)
    })();
    moved.map_err(|error| entry::rpc_error(&error))?;
    described(call, destination)
}

fn remove(call: &Call, _: &User, paths: &[String]) -> Result<Value, RpcError> {
    let removed = call.machine.sandbox.files().remove_all(&User::root(), &paths[0]);
    removed.map_err(|error| entry::rpc_error(&error))?;
    Ok(json!({}))
}

fn list(call: &Call, full: &str, depth: u32) -> Result<Value, RpcError> {
    let sandbox = &call.machine.sandbox;
    let (files, root) = (sandbox.files(), User::root());
    let accounts = sandbox.accounts();
    let failed = |error: Error| entry::rpc_error(&error);
    if !is_dir(files.stat(&root, full).map_err(failed)?.mode) {
        return Err(RpcError::invalid(format!("path is not a directory: {full}")));
    }
    let (mut entries, mut bytes) = (Vec::new(), 0);
    let mut left = vec![(full.to_owned(), 1)];
    while let Some((directory, level)) = left.pop() {
        let mut names = match files.list(&root, &directory) {
            // Removed while the rest was listed.
            Err(_) if level > 1 => continue,
            names => names.map_err(failed)?,
        };
        names.sort();
        let mut below = Vec::new();
        for name in names {
            let at = path::join(&directory, &name);
            let Ok(info) = entry::info(sandbox, &accounts, &at) else { continue };
            bytes += entry::text_bytes(&info);
            if entries.len() == ENTRIES_MAX || bytes > LISTING_BYTES_MAX {
                let message = format!(
                    "more than {ENTRIES_MAX} entries or {LISTING_BYTES_MAX} bytes; ask for a smaller depth or a deeper path"
                );
                return Err(RpcError::new(Code::ResourceExhausted, message));
            }
            let own = files.lstat(&root, &at).is_ok_and(|stat| is_dir(stat.mode));
            entries.push(info);
            if own && level < depth {
                below.push((at, level + 1));
            }
        }
        left.extend(below.into_iter().rev());
    }
    Ok(json!({ "entries": entries }))
}
