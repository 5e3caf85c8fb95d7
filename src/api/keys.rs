//! Secrets of the API: making them, keeping the first API key on disk, comparing them in constant time.
//!
//! A comparison hashes what was sent and compares digests, so neither the length nor the place of the first difference shows
//! in its duration. It does not decide who may do what; see `teams`, `control` and `envd`.

#![expect(clippy::disallowed_methods, reason = "the API key is a file")]

use crate::Error;
use rand::TryRngCore;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use subtle::ConstantTimeEq;

/// Random bytes of one key or token: 256 bits, written as 64 hexadecimal digits.
const SECRET_BYTES: usize = 32;

/// The longest key or token that is looked at; a longer one is wrong without being hashed.
const SECRET_CHARACTERS_MAX: usize = 1024;

/// A secret that requests are checked against.
#[derive(Clone)]
pub(crate) struct Secret {
    /// Empty if only the digest is known.
    value: String,
    digest: [u8; 32],
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A new random secret, from the operating system's generator.
    pub(crate) fn random() -> Self {
        Self::new(random_hex())
    }

    /// A secret with a given value.
    pub(crate) fn new(value: String) -> Self {
        let digest = Sha256::digest(value.as_bytes()).into();
        Self { value, digest }
    }

    /// A secret of which only the SHA-256 is known.
    pub(crate) fn hashed(digest: [u8; 32]) -> Self {
        Self { value: String::new(), digest }
    }

    /// The value, for the one response that hands it out.
    pub(crate) fn expose(&self) -> &str {
        &self.value
    }

    /// Whether `given` is this secret, in time that depends on `given` alone.
    pub(crate) fn matches(&self, given: &[u8]) -> bool {
        digest(given).is_some_and(|digest| self.has(&digest))
    }

    /// Whether this is the secret of `digest`, in constant time.
    pub(crate) fn has(&self, digest: &[u8; 32]) -> bool {
        bool::from(digest.ct_eq(&self.digest))
    }
}

/// The digest of what came as a secret; none if it is longer than any secret.
pub(crate) fn digest(given: &[u8]) -> Option<[u8; 32]> {
    (given.len() <= SECRET_CHARACTERS_MAX).then(|| Sha256::digest(given).into())
}

/// 256 bits of the operating system's randomness, in hexadecimal.
pub(crate) fn random_hex() -> String {
    let mut bytes = [0u8; SECRET_BYTES];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).expect("the operating system has random numbers");
    hex::encode(bytes)
}

/// The API key kept in `data_dir/api-key` (mode 0600), made at the first call.
///
/// # Errors
///
/// [`Error::Host`] if the file can be neither read nor made, [`Error::Invalid`] if it is empty.
pub(crate) fn stored_api_key(data_dir: &Path) -> Result<String, Error> {
    let path = data_dir.join("api-key");
    let made = || format!("e2b_{}", random_hex());
    let key = read_or_create(&path, || made().into_bytes())?;
    let key = String::from_utf8_lossy(&key).trim().to_owned();
    if key.is_empty() {
        let problem = format!("{} is empty; remove it to get a new key", path.display());
        return Err(Error::Invalid { field: "api-key", problem });
    }
    Ok(key)
}

/// The content of a private file, made with mode 0600 if it is missing. Two processes that start at once agree on one
/// content: it is written aside and linked into place, and the link that comes second is given up.
///
/// # Errors
///
/// [`Error::Host`] with the path.
pub(crate) fn read_or_create(
    path: &Path,
    make: impl FnOnce() -> Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Host { action: path.display().to_string(), source };
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        read => return read.map_err(failed),
    }
    let aside = path.with_extension(format!("{}.new", std::process::id()));
    write_private(&aside, &make()).map_err(failed)?;
    let linked = std::fs::hard_link(&aside, path);
    std::fs::remove_file(&aside).map_err(failed)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => {
            sync_directory(path).map_err(failed)?;
            std::fs::read(path).map_err(failed)
        }
    }
}

/// Forces the name of a file to disk: without that a crash of the machine may forget that it was made or renamed.
///
/// # Errors
///
/// The host's error.
pub(crate) fn sync_directory(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    std::fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Writes a file of mode 0600 and forces it to disk.
///
/// # Errors
///
/// The host's error.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_the_whole_secret_matches() {
        let secret = Secret::random();
        let value = secret.expose().to_owned();
        assert_eq!(value.len(), 64);
        assert!(secret.matches(value.as_bytes()));
        for wrong in ["", &value[..63], &format!("{value}0"), &value.to_uppercase(), "0"] {
            assert!(wrong == value || !secret.matches(wrong.as_bytes()), "{wrong} was let in");
        }
        assert!(!secret.matches(&vec![b'a'; 1 << 20]));
        assert_ne!(Secret::random().expose(), value);
        assert!(!format!("{secret:?}").contains(&value));
    }

    #[test]
    fn the_stored_key_is_private_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let key = stored_api_key(directory.path()).unwrap();
        assert_eq!(stored_api_key(directory.path()).unwrap(), key);
        let mode =
            std::fs::metadata(directory.path().join("api-key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        std::fs::write(directory.path().join("api-key"), " \n").unwrap();
        assert!(stored_api_key(directory.path()).is_err());
    }
}
