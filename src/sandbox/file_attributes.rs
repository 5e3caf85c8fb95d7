//! Extended attributes of a sandbox's files, xattr(7), as text: those whose names begin alike, read and replaced as one set.

use super::{FileWriter, Files, User};
use crate::errno::Errno;
use crate::error::Error;
use crate::vfs::{Context, Node, SetXattr};
use std::collections::BTreeMap;

impl Files {
    /// The attributes of `path` whose names begin with `prefix`, without it; a final symbolic link is followed. Bytes that
    /// are no UTF-8 are replaced.
    ///
    /// # Errors
    ///
    /// [`Error::File`] with getxattr(2)'s errno.
    pub fn attributes(
        &self,
        user: &User,
        path: &str,
        prefix: &str,
    ) -> Result<BTreeMap<String, String>, Error> {
        self.act(user, path, |context, root| {
            read(context, &self.node_at(context, root, path)?, prefix)
        })
    }
}

impl FileWriter {
    /// Makes `values` the file's only attributes whose names begin with `prefix`, by root's rights.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: ENOSPC, ERANGE for a name that is too long.
    pub(crate) fn replace_attributes(
        &self,
        files: &Files,
        prefix: &str,
        values: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        files.act(&User::root(), self.path(), |context, _| {
            let node = self.node();
            for name in node.xattrs().iter().filter(|name| name.starts_with(prefix.as_bytes())) {
                match node.remove_xattr(context, name) {
                    // A program of the sandbox was faster.
                    Ok(()) | Err(Errno::NODATA) => {}
                    Err(errno) => return Err(errno),
                }
            }
            values.iter().try_for_each(|(name, value)| {
                let name = format!("{prefix}{name}");
                node.set_xattr(context, name.as_bytes(), value.as_bytes(), SetXattr::Any)
            })
        })
    }
}

fn read(
    context: &Context<'_>,
    node: &Node,
    prefix: &str,
) -> Result<BTreeMap<String, String>, Errno> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut found = BTreeMap::new();
    for name in node.xattrs() {
        let Some(key) = name.strip_prefix(prefix.as_bytes()) else { continue };
        match node.xattr(context, &name) {
            Ok(value) => drop(found.insert(text(key), text(&value))),
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(found)
}
