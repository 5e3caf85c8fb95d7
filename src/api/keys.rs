//! Secrets of the API: making them, keeping the first API key on disk, comparing them in constant time.
//!
//! A comparison hashes what was sent and compares digests, so neither the length nor the place of the first difference shows
//! in its duration. It does not decide who may do what; see `control` and `envd`.

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

    /// The value, for the one response that hands it out.
    pub(crate) fn expose(&self) -> &str {
        &self.value
    }

    /// Whether `given` is this secret, in time that depends on `given` alone.
    pub(crate) fn matches(&self, given: &[u8]) -> bool {
        given.len() <= SECRET_CHARACTERS_MAX
            && bool::from(Sha256::digest(given).as_slice().ct_eq(&self.digest))
    }
}

/// The API keys of a server. Each key is a tenant: it sees the sandboxes that were made with it.
#[derive(Clone, Debug)]
pub(crate) struct ApiKeys(Vec<Secret>);

/// Which key a request came with: its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tenant(usize);

impl ApiKeys {
    /// Keys that open the control plane; empty ones are dropped, and with none left nobody gets in.
    pub(crate) fn new(keys: impl IntoIterator<Item = String>) -> Self {
        Self(keys.into_iter().filter(|key| !key.is_empty()).map(Secret::new).collect())
    }

    /// The tenant whose key `given` is. All keys are compared, whichever matches.
    pub(crate) fn tenant(&self, given: &[u8]) -> Option<Tenant> {
        let mut found = None;
        for (index, key) in self.0.iter().enumerate() {
            if key.matches(given) {
                found = Some(Tenant(index));
            }
        }
        found
    }
}

fn random_hex() -> String {
    let mut bytes = [0u8; SECRET_BYTES];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).expect("the operating system has random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
        _ => std::fs::read(path).map_err(failed),
    }
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
    fn each_key_is_a_tenant_and_an_empty_key_is_none() {
        let keys = ApiKeys::new(["one".into(), String::new(), "two".into()]);
        assert_eq!(keys.tenant(b"one"), Some(Tenant(0)));
        assert_eq!(keys.tenant(b"two"), Some(Tenant(1)));
        assert_eq!(keys.tenant(b""), None);
        assert_eq!(keys.tenant(b"three"), None);
        assert_eq!(ApiKeys::new([]).tenant(b""), None);
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
