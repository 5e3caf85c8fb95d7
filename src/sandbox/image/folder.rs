//! Images that the operator brings: a folder of this host with an `image.toml` and its `blobs`.
//!
//! They are trusted as the built-in ones are; nothing that came through the API gets here.

use crate::error::Error;
use bytes::Bytes;
use cap_std::fs::Dir;
use std::io::Read;
use std::path::Path;

/// Bytes of a manifest.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Bytes of one packed blob; several times the largest built-in one.
const PACKED_BYTES_MAX: u64 = 256 << 20;
/// Blobs of one folder.
const BLOBS_MAX: usize = 1000;

/// A folder's manifest and its blobs by file name.
pub(super) struct Folder {
    pub(super) manifest: String,
    pub(super) blobs: Vec<(String, Bytes)>,
}

impl Folder {
    /// Reads the folder at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Host`] for what cannot be read or is larger than it may be.
    #[expect(clippy::disallowed_methods, reason = "an operator's image lies on the host's disk")]
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let failed =
            |source| Error::Host { action: format!("read image {}", path.display()), source };
        let dir = Dir::open_ambient_dir(path, cap_std::ambient_authority()).map_err(failed)?;
        let manifest = read(&dir, "image.toml", MANIFEST_BYTES_MAX).map_err(failed)?;
        let manifest = String::from_utf8(manifest)
            .map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::InvalidData, error)))?;
        let blobs = blobs(&dir).map_err(failed)?;
        Ok(Self { manifest, blobs })
    }
}

fn blobs(dir: &Dir) -> std::io::Result<Vec<(String, Bytes)>> {
    let dir = dir.open_dir("blobs")?;
    let mut blobs = Vec::new();
    for entry in dir.entries()? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if !name.ends_with(".zst") {
            continue;
        }
        if blobs.len() == BLOBS_MAX {
            let problem = format!("more than {BLOBS_MAX} blobs");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, problem));
        }
        let bytes = read(&dir, &name, PACKED_BYTES_MAX)?;
        blobs.push((name, bytes.into()));
    }
    Ok(blobs)
}

fn read(dir: &Dir, name: &str, max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    dir.open(name)?.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        let problem = format!("{name} is larger than {max} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, problem));
    }
    Ok(bytes)
}
