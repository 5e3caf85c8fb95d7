//! API keys and the teams they belong to. A team is a tenant: it sees the sandboxes that its keys made, and no others.
//!
//! ```text
//! data_dir/keys.json   keys made by `isolet key create`: who, when, and a SHA-256, never the key itself (mode 0600)
//! data_dir/keys.lock   held while it is changed
//! ```
//!
//! A key is 256 random bits, so a plain hash keeps it as well as a slow one would. A running server looks at the file again
//! when it has changed, so a new key works, and a revoked one does not, within [`LOOK_AGAIN`]. A key that the server was given
//! at its start is a team of its own.

#![expect(clippy::disallowed_methods, reason = "the keys are a file")]

use super::keys::{Secret, random_hex, sync_directory, write_private};
use super::sandboxes::rfc3339;
use crate::Error;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A change of the file is seen within this time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Keys of one installation, revoked ones included.
const KEYS_MAX: usize = 10_000;

/// Characters of a team's or key's name.
const NAME_CHARACTERS_MAX: usize = 64;

/// The form of the file.
const VERSION: u32 = 1;

/// A key of the file.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// What it is called here and in the audit log; tells nothing of the key.
    pub id: String,
    /// The team whose sandboxes it reaches.
    pub team: String,
    /// What its owner calls it; may be empty.
    pub name: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it was revoked, RFC 3339.
    pub revoked_at: Option<String>,
    /// SHA-256 of the key, hexadecimal.
    digest: String,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    keys: Vec<ApiKey>,
}

/// The file of keys in a data directory.
#[derive(Clone, Debug)]
pub struct KeyFile {
    directory: PathBuf,
}

impl KeyFile {
    /// The keys of an installation; nothing is read or made yet.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self { directory: data_dir.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.directory.join("keys.json")
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::Host { action: self.path().display().to_string(), source }
    }

    /// All keys, oldest first, revoked ones included.
    ///
    /// # Errors
    ///
    /// [`Error::Host`] if the file is there and cannot be read, [`Error::Invalid`] if it is damaged.
    pub fn list(&self) -> Result<Vec<ApiKey>, Error> {
        let text = match std::fs::read(self.path()) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let damaged = |problem: String| Error::Invalid { field: "keys.json", problem };
        let content: Content =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if content.version != VERSION {
            return Err(damaged(format!("version {} is not known here", content.version)));
        }
        Ok(content.keys)
    }

    /// Makes a key of `team`. The key itself is returned this once and kept nowhere.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a name out of its range or too many keys; otherwise as [`Self::list`].
    pub fn create(&self, team: &str, name: &str) -> Result<(ApiKey, String), Error> {
        check_name("team", team, 1)?;
        check_name("name", name, 0)?;
        let secret = format!("e2b_{}", random_hex());
        let digest = digest(&secret);
        let id = format!("key_{}", &random_hex()[..12]);
        let created_at = rfc3339(SystemTime::now());
        let (team, name) = (team.to_owned(), name.to_owned());
        let key = ApiKey { id, team, name, created_at, revoked_at: None, digest };
        self.change(|keys| {
            if keys.len() >= KEYS_MAX {
                let problem = format!("there are {KEYS_MAX} keys already");
                return Err(Error::Invalid { field: "key", problem });
            }
            keys.push(key.clone());
            Ok(())
        })?;
        Ok((key, secret))
    }

    /// Revokes a key by its id. Doing so twice changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if no key has this id; otherwise as [`Self::list`].
    pub fn revoke(&self, id: &str) -> Result<ApiKey, Error> {
        self.change(|keys| {
            let found = keys.iter_mut().find(|key| key.id == id);
            let found = found.ok_or_else(|| Error::Invalid {
                field: "key",
                problem: format!("no key has the id {id:?}; see `isolet key list`"),
            })?;
            found.revoked_at.get_or_insert_with(|| rfc3339(SystemTime::now()));
            Ok(found.clone())
        })
    }

    /// Changes the file as a whole: others see it before or after, and of two changes at once neither is lost.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<ApiKey>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let failed = |source| self.failed(source);
        std::fs::create_dir_all(&self.directory).map_err(failed)?;
        let lock = std::fs::File::create(self.directory.join("keys.lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut keys = self.list()?;
        let done = change(&mut keys)?;
        let text = serde_json::to_vec_pretty(&Content { version: VERSION, keys });
        let aside = self.path().with_extension("json.new");
        write_private(&aside, &text.expect("keys are JSON")).map_err(failed)?;
        std::fs::rename(&aside, self.path()).map_err(failed)?;
        sync_directory(&self.path()).map_err(failed)?;
        Ok(done)
    }

    /// What changes when the file does; `None` if there is none.
    fn stamp(&self) -> Option<(u64, i64, i64, u64)> {
        let data = std::fs::metadata(self.path()).ok()?;
        Some((data.ino(), data.mtime(), data.mtime_nsec(), data.len()))
    }
}

fn check_name(field: &'static str, name: &str, least: usize) -> Result<(), Error> {
    let plain = |c: char| c.is_alphanumeric() || " -_.@".contains(c);
    if (least..=NAME_CHARACTERS_MAX).contains(&name.chars().count()) && name.chars().all(plain) {
        return Ok(());
    }
    let problem = format!(
        "must be {least} to {NAME_CHARACTERS_MAX} letters, digits, spaces and - _ . @, not {name:?}"
    );
    Err(Error::Invalid { field, problem })
}

fn digest(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

/// Whose a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tenant(u128);

impl Tenant {
    /// The tenant of this kind and name: 128 bits of a hash, so that it is the same after a restart.
    fn of(kind: &str, name: &str) -> Self {
        let digest = Sha256::digest(format!("{kind}\0{name}"));
        let half = *digest.first_chunk::<16>().expect("32 bytes have 16");
        Self(u128::from_be_bytes(half))
    }

    /// Its name as the owner of sandboxes.
    pub(crate) fn owner(self) -> String {
        format!("{:032x}", self.0)
    }
}

/// Who came with which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The team.
    pub(crate) tenant: Tenant,
    /// The key's id, for the audit log.
    pub(crate) key: Arc<str>,
}

/// All keys that open a server.
#[derive(Clone)]
pub(crate) struct ApiKeys(Arc<Shared>);

struct Shared {
    given: Vec<(Secret, Caller)>,
    file: Option<KeyFile>,
    seen: Mutex<Seen>,
}

struct Seen {
    looked: Option<Instant>,
    stamp: Option<(u64, i64, i64, u64)>,
    keys: Arc<[(Secret, Caller)]>,
}

impl ApiKeys {
    /// Keys given at the start, empty ones dropped, and those of a file. With none at all nobody gets in.
    pub(crate) fn new(given: impl IntoIterator<Item = String>, file: Option<KeyFile>) -> Self {
        let given = given.into_iter().filter(|key| !key.is_empty()).map(|key| {
            let digest = digest(&key);
            let caller = Caller {
                tenant: Tenant::of("key", &digest),
                key: format!("given_{}", &digest[..12]).into(),
            };
            (Secret::new(key), caller)
        });
        let seen = Seen { looked: None, stamp: None, keys: [].into() };
        Self(Arc::new(Shared { given: given.collect(), file, seen: Mutex::new(seen) }))
    }

    /// Whose key `given` is. It is hashed once, and compared with all keys, whichever matches.
    pub(crate) fn caller(&self, given: &[u8]) -> Option<Caller> {
        let digest = super::keys::digest(given)?;
        let filed = self.filed();
        let mut found = None;
        for (secret, caller) in self.0.given.iter().chain(filed.iter()) {
            if secret.has(&digest) {
                found = Some(caller);
            }
        }
        found.cloned()
    }

    /// The keys of the file that are not revoked, as they are now.
    fn filed(&self) -> Arc<[(Secret, Caller)]> {
        let mut seen = self.0.seen.lock();
        let Some(file) = &self.0.file else { return seen.keys.clone() };
        if seen.looked.is_some_and(|looked| looked.elapsed() < LOOK_AGAIN) {
            return seen.keys.clone();
        }
        seen.looked = Some(Instant::now());
        let stamp = file.stamp();
        if stamp != seen.stamp {
            match file.list() {
                Ok(keys) => {
                    let live = keys.into_iter().filter(|key| key.revoked_at.is_none());
                    seen.keys = live.filter_map(|key| entry(&key)).collect();
                    seen.stamp = stamp;
                }
                // The keys that were good before stay so: a file that cannot be read locks nobody out.
                Err(error) => tracing::error!(%error, "the file of keys cannot be read"),
            }
        }
        seen.keys.clone()
    }
}

fn entry(key: &ApiKey) -> Option<(Secret, Caller)> {
    let mut digest = [0; 32];
    hex::decode_to_slice(&key.digest, &mut digest).ok()?;
    let caller = Caller { tenant: Tenant::of("team", &key.team), key: key.id.as_str().into() };
    Some((Secret::hashed(digest), caller))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn look_again(keys: &ApiKeys) {
        keys.0.seen.lock().looked = None;
    }

    #[test]
    fn each_given_key_is_a_tenant_and_an_empty_key_is_none() {
        let keys = ApiKeys::new(["one".into(), String::new(), "two".into()], None);
        let (one, two) = (keys.caller(b"one").unwrap(), keys.caller(b"two").unwrap());
        assert_ne!(one.tenant, two.tenant);
        assert!(!one.key.contains("one"));
        assert_eq!(keys.caller(b""), None);
        assert_eq!(keys.caller(b"three"), None);
        assert_eq!(ApiKeys::new([], None).caller(b""), None);
    }

    #[test]
    fn keys_of_a_team_are_one_tenant_until_they_are_revoked() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path());
        let keys = ApiKeys::new(["given".into()], Some(file.clone()));
        assert_eq!(file.list().unwrap(), []);
        let (first, secret) = file.create("red", "laptop").unwrap();
        let (_, second) = file.create("red", "").unwrap();
        let (_, third) = file.create("blue", "").unwrap();
        let callers = [&secret, &second, &third].map(|key| keys.caller(key.as_bytes()).unwrap());
        assert_eq!(callers[0].tenant, callers[1].tenant);
        assert_ne!(callers[0].tenant, callers[2].tenant);
        assert_eq!(*callers[0].key, *first.id);
        assert_eq!(file.list().unwrap().len(), 3);
        file.revoke(&first.id).unwrap();
        let revoked = file.revoke(&first.id).unwrap();
        assert!(revoked.revoked_at.is_some());
        look_again(&keys);
        assert_eq!(keys.caller(secret.as_bytes()), None);
        assert!(keys.caller(second.as_bytes()).is_some() && keys.caller(b"given").is_some());
        assert!(file.revoke("key_none").is_err());
    }

    #[test]
    fn the_file_has_no_key_in_it_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path());
        let (_, secret) = file.create("red", "").unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(!text.contains(&secret[4..20]) && text.contains(&digest(&secret)));
        assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        for bad in ["", "a\nb", &"x".repeat(65), "a/b"] {
            assert!(file.create(bad, "").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_damaged_file_is_told_and_locks_nobody_out() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path());
        let (_, secret) = file.create("red", "").unwrap();
        let keys = ApiKeys::new([], Some(file.clone()));
        assert!(keys.caller(secret.as_bytes()).is_some());
        for damaged in ["", "{", r#"{"version":2,"keys":[]}"#] {
            std::fs::write(file.path(), damaged).unwrap();
            assert!(file.list().is_err() && file.create("red", "").is_err());
            look_again(&keys);
            assert!(keys.caller(secret.as_bytes()).is_some());
        }
    }

    #[test]
    fn changes_at_once_are_all_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| file.create("red", "").unwrap());
            }
        });
        assert_eq!(file.list().unwrap().len(), 8);
    }
}
