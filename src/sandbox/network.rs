//! What may leave a sandbox, seen by its owner: the policy as it is, another one, and what was tried. And how the sandbox's
//! programs come to trust the authority that header rules need.

use super::files::{Files, User};
use super::{Runtime, Sandbox};
use crate::error::Error;
use crate::vnet::{Egress, NetEvent};
use std::collections::BTreeMap;

/// The bundle that OpenSSL, curl, git, wget and Python's `ssl` read.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where `update-ca-certificates` looks for local authorities; it makes the bundle anew.
const LOCAL: &str = "/usr/local/share/ca-certificates/isolet-egress.crt";
/// The longest bundle that is read; guests may write it.
const BUNDLE_BYTES_MAX: u64 = 4 << 20;
/// Variables that point programs with roots of their own (requests and pip with certifi, httpx, node) at the bundle.
const TRUST_VARIABLES: [&str; 3] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];

impl Sandbox {
    /// What may leave it now.
    #[must_use]
    pub fn egress(&self) -> Egress {
        self.kernel().net.egress().as_ref().clone()
    }

    /// Lets something else leave from now on. Connections that are open and now denied are reset when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a policy that does not fit together; [`Error::File`] if the sandbox's disk has no room for the
    /// authority that header rules need. Then nothing has changed.
    pub fn set_egress(&self, egress: Egress) -> Result<(), Error> {
        let before = self.egress();
        self.kernel().net.set_egress(egress)?;
        self.trust_authority().inspect_err(|_| {
            // It was in force before, so it fits together.
            let _ = self.kernel().net.set_egress(before);
        })
    }

    /// What its programs tried to reach, let through or not, oldest first: at most `limit` records with an id above `after`.
    /// The last thousand are kept.
    #[must_use]
    pub fn net_events(&self, after: u64, limit: usize) -> Vec<NetEvent> {
        self.kernel().net.net_events(after, limit)
    }

    /// Variables that every command of it sees.
    #[must_use]
    pub fn envs(&self) -> BTreeMap<String, String> {
        let mut all = self.0.config.envs.clone();
        if !self.kernel().net.egress().rules().is_empty() {
            for name in TRUST_VARIABLES {
                all.entry(name.into()).or_insert_with(|| BUNDLE.into());
            }
        }
        all
    }

    /// Puts the sandbox's authority among those that its programs trust, if there are header rules.
    pub(super) fn trust_authority(&self) -> Result<(), Error> {
        let made = self.kernel().net.authority_pem();
        let pem =
            made.map_err(|source| Error::Host { action: "make an authority".into(), source })?;
        let Some(pem) = pem else { return Ok(()) };
        let (files, root) = (self.files(), User::root());
        let mut bundle = match files.open(&root, BUNDLE) {
            Ok(reader) if reader.len() <= BUNDLE_BYTES_MAX => {
                let mut bytes = vec![0; usize::try_from(reader.len()).unwrap_or(0)];
                let mut filled = 0;
                while filled < bytes.len() {
                    match reader.read_at(filled as u64, &mut bytes[filled..])? {
                        0 => break,
                        count => filled += count,
                    }
                }
                bytes.truncate(filled);
                bytes
            }
            // An image without authorities trusts this one only.
            _ => Vec::new(),
        };
        if bundle.windows(pem.len()).any(|window| window == pem.as_bytes()) {
            return Ok(());
        }
        if bundle.last().is_some_and(|byte| *byte != b'\n') {
            bundle.push(b'\n');
        }
        bundle.extend_from_slice(pem.as_bytes());
        replace(&files, &root, LOCAL, pem.as_bytes())?;
        replace(&files, &root, BUNDLE, &bundle)
    }
}

/// Writes a file aside and moves it into place, so that nobody reads half of it. Its directory is made if need be.
fn replace(files: &Files, root: &User, path: &str, content: &[u8]) -> Result<(), Error> {
    let mut at = 1;
    while let Some(next) = path[at..].find('/') {
        at += next;
        match files.make_dir(root, &path[..at], 0o755) {
            Ok(()) => {}
            Err(Error::File { errno, .. }) if errno == crate::errno::Errno::EXIST => {}
            Err(error) => return Err(error),
        }
        at += 1;
    }
    let aside = format!("{path}.isolet-new");
    let written = files.create(root, &aside, 0o644).and_then(|mut file| file.write(content));
    let moved = written.and_then(|()| files.rename(root, &aside, path));
    moved.inspect_err(|_| {
        // Half a file is of no use; where it cannot be removed it was not made.
        let _ = files.remove_file(root, &aside);
    })
}

impl Runtime {
    /// Whether a policy's proxy, if it has one, is at an address that may be dialled. [`Self::create`] does not wait for a
    /// lookup and so does not ask; every connection does, and fails if the answer is no.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub async fn check_proxy(&self, egress: &Egress) -> Result<(), Error> {
        egress.check_proxy(&self.0.resolver, &self.0.gate).await
    }
}
