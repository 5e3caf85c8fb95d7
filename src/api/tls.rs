//! TLS: the certificate that clients see, from files or from a certificate authority of our own.
//!
//! Our authority is made at first start and kept in `DATA/tls` (`ca.key` and `ca.pem`, mode 0600); whoever trusts it trusts
//! this server. The server's certificate is for the domain and everything under it; it is made in memory at start and again
//! before it expires, so its key is never on disk.

#![expect(clippy::disallowed_methods, reason = "the authority and the system's roots are files")]

use super::host::Domain;
use super::keys::{read_or_create, write_private};
use crate::Error;
use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// How long a server certificate is valid: under the 398 days that browsers allow.
const CERTIFICATE_DAYS: i64 = 90;

/// A certificate with less than this left is replaced.
const RENEW_DAYS: i64 = 30;

/// How long the authority is valid.
const AUTHORITY_DAYS: i64 = 3650;

/// HTTP/2's name in ALPN.
pub(crate) const HTTP_2: &[u8] = b"h2";

/// Where systems keep the roots they trust.
pub(crate) const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What the TLS side of a server consists of.
pub(crate) struct Tls {
    /// For the acceptor.
    pub(crate) config: Arc<ServerConfig>,
    /// What clients must trust; `None` with a certificate of the operator's.
    pub(crate) trust: Option<Trust>,
}

/// Files for clients.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    /// Our authority alone, for what adds it to its own roots (`NODE_EXTRA_CA_CERTS`).
    pub(crate) authority: PathBuf,
    /// The system's roots and ours, for what replaces its roots (`SSL_CERT_FILE`).
    pub(crate) bundle: PathBuf,
}

/// TLS with a certificate of the operator's.
///
/// # Errors
///
/// [`Error::Invalid`], naming the file that cannot be read or used.
pub(crate) fn from_files(certificate: &Path, key: &Path) -> Result<Tls, Error> {
    let invalid = |field, path: &Path, problem: &dyn std::fmt::Display| Error::Invalid {
        field,
        problem: format!("{}: {problem}", path.display()),
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| invalid("tls-cert", certificate, &error))?;
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|error| invalid("tls-key", key, &error))?;
    let config = builder()?
        .with_single_cert(chain, secret)
        .map_err(|error| invalid("tls-cert", certificate, &error))?;
    Ok(Tls { config: with_protocols(config), trust: None })
}

/// TLS with our own authority, kept under `data_dir`; `address` is where the server listens.
///
/// # Errors
///
/// [`Error::Host`] if its files can be neither read nor made; [`Error::Invalid`] if they are damaged.
pub(crate) fn local(data_dir: &Path, domain: &Domain, address: IpAddr) -> Result<Tls, Error> {
    let directory = data_dir.join("tls");
    let failed = |source| Error::Host { action: directory.display().to_string(), source };
    std::fs::create_dir_all(&directory).map_err(failed)?;
    let authority = Authority::open(&directory)?;
    let trust = Trust { authority: directory.join("ca.pem"), bundle: directory.join("bundle.pem") };
    write_bundle(&trust.bundle, &authority.pem).map_err(failed)?;
    let mut names: Vec<String> =
        [domain.name(), &format!("*.{}", domain.name()), "localhost", "127.0.0.1", "::1"]
            .map(String::from)
            .into();
    if !address.is_unspecified() && !address.is_loopback() {
        names.push(address.to_string());
    }
    let certificates = Certificates::new(authority, names)?;
    let config = builder()?.with_cert_resolver(Arc::new(certificates));
    Ok(Tls { config: with_protocols(config), trust: Some(trust) })
}

fn builder() -> Result<rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>, Error>
{
    let versions = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| internal(&error))?;
    Ok(versions.with_no_client_auth())
}

fn with_protocols(mut config: ServerConfig) -> Arc<ServerConfig> {
    config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

fn internal(error: &dyn std::fmt::Display) -> Error {
    Error::Host {
        action: "making a certificate".into(),
        source: std::io::Error::other(error.to_string()),
    }
}

/// The system's roots and our authority in one file, made anew at each start because the system's change.
fn write_bundle(path: &Path, authority: &str) -> std::io::Result<()> {
    let system = SYSTEM_ROOTS.iter().find_map(|path| std::fs::read(path).ok()).unwrap_or_default();
    let mut all = system;
    if all.last().is_some_and(|byte| *byte != b'\n') {
        all.push(b'\n');
    }
    all.extend_from_slice(authority.as_bytes());
    let aside = path.with_extension(format!("{}.new", std::process::id()));
    write_private(&aside, &all)?;
    std::fs::rename(&aside, path)
}

/// Our certificate authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn open(directory: &Path) -> Result<Self, Error> {
        let new = KeyPair::generate().map_err(|error| internal(&error))?;
        let path = directory.join("ca.key");
        let key = read_or_create(&path, || new.serialize_pem().into_bytes())?;
        let damaged = |problem: String| Error::Invalid { field: "data-dir", problem };
        let key = KeyPair::from_pem(&String::from_utf8_lossy(&key)).map_err(|error| {
            damaged(format!(
                "{}: {error}; remove the directory to get a new authority",
                path.display()
            ))
        })?;
        let params = authority_params(&key);
        let new = params.self_signed(&key).map_err(|error| internal(&error))?;
        let pem = read_or_create(&directory.join("ca.pem"), || new.pem().into_bytes())?;
        let pem = String::from_utf8(pem).map_err(|error| damaged(format!("ca.pem: {error}")))?;
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }
}

/// The authority's certificate but for its signature. Its name carries a part of its key's digest, so that two
/// authorities in one trust store are never taken for each other.
fn authority_params(key: &KeyPair) -> CertificateParams {
    let digest = Sha256::digest(key.public_key_raw());
    let mark = hex::encode(&digest[..4]);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("isolet local authority {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::DAY;
    params.not_after = now + Duration::days(AUTHORITY_DAYS);
    params
}

/// The server's certificate of the day.
struct Certificates {
    authority: Authority,
    names: Vec<String>,
    current: Mutex<Current>,
}

struct Current {
    key: Arc<CertifiedKey>,
    renew_at: OffsetDateTime,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Certificates {
    fn new(authority: Authority, names: Vec<String>) -> Result<Self, Error> {
        let current = Mutex::new(issue(&authority, &names, OffsetDateTime::now_utc())?);
        Ok(Self { authority, names, current })
    }

    fn at(&self, now: OffsetDateTime) -> Arc<CertifiedKey> {
        let mut current = self.current.lock();
        if now >= current.renew_at {
            match issue(&self.authority, &self.names, now) {
                Ok(next) => *current = next,
                Err(error) => {
                    tracing::error!(%error, "the server's certificate could not be renewed");
                }
            }
        }
        current.key.clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.at(OffsetDateTime::now_utc()))
    }
}

fn issue(authority: &Authority, names: &[String], now: OffsetDateTime) -> Result<Current, Error> {
    let key = KeyPair::generate().map_err(|error| internal(&error))?;
    let mut params = CertificateParams::new(names).map_err(|error| internal(&error))?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "isolet");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = now - Duration::DAY;
    params.not_after = now + Duration::days(CERTIFICATE_DAYS);
    let certificate =
        params.signed_by(&key, &authority.issuer).map_err(|error| internal(&error))?;
    let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let secret = ring::sign::any_supported_type(&secret).map_err(|error| internal(&error))?;
    let key = Arc::new(CertifiedKey::new(vec![certificate.der().clone()], secret));
    Ok(Current { key, renew_at: now + Duration::days(CERTIFICATE_DAYS - RENEW_DAYS) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn open(data_dir: &Path) -> Tls {
        let domain = Domain::new("isolet.localhost:8080").unwrap();
        local(data_dir, &domain, IpAddr::from([127, 0, 0, 1])).unwrap()
    }

    #[test]
    fn the_authority_is_private_and_stays() {
        let data = tempfile::tempdir().unwrap();
        let trust = open(data.path()).trust.unwrap();
        let first = std::fs::read(&trust.authority).unwrap();
        open(data.path());
        assert_eq!(std::fs::read(&trust.authority).unwrap(), first);
        let mode = std::fs::metadata(data.path().join("tls/ca.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let bundle = std::fs::read(&trust.bundle).unwrap();
        assert!(bundle.ends_with(&first));
        let left = std::fs::read_dir(data.path().join("tls")).unwrap().count();
        assert_eq!(left, 3, "ca.key, ca.pem, bundle.pem");
    }

    #[test]
    fn a_damaged_authority_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        open(data.path());
        std::fs::write(data.path().join("tls/ca.key"), "junk").unwrap();
        let domain = Domain::new("a.test").unwrap();
        assert!(matches!(
            local(data.path(), &domain, [127, 0, 0, 1].into()),
            Err(Error::Invalid { .. })
        ));
    }

    #[test]
    fn clients_that_trust_the_authority_trust_every_name() {
        let data = tempfile::tempdir().unwrap();
        let tls = open(data.path());
        let mut roots = rustls::RootCertStore::empty();
        let authority = tls.trust.as_ref().unwrap().authority.clone();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let client =
            rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        let client = Arc::new(client);
        let trusted = |name: &str| {
            let mut server = rustls::ServerConnection::new(tls.config.clone()).unwrap();
            let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
            let mut client = rustls::ClientConnection::new(client.clone(), name).unwrap();
            shake_hands(&mut client, &mut server)
        };
        for name in
            ["isolet.localhost", "3000-abc.isolet.localhost", "localhost", "127.0.0.1", "::1"]
        {
            assert_eq!(trusted(name), Ok(()), "{name}");
        }
        assert!(trusted("evil.example").is_err());
    }

    fn shake_hands(
        client: &mut rustls::ClientConnection,
        server: &mut rustls::ServerConnection,
    ) -> Result<(), rustls::Error> {
        while client.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn certificates_are_renewed_in_time() {
        let data = tempfile::tempdir().unwrap();
        let certificates =
            Certificates::new(Authority::open(data.path()).unwrap(), vec!["a.test".into()])
                .unwrap();
        let now = OffsetDateTime::now_utc();
        let first = certificates.at(now);
        assert!(Arc::ptr_eq(
            &certificates.at(now + Duration::days(CERTIFICATE_DAYS - RENEW_DAYS - 1)),
            &first
        ));
        let later = now + Duration::days(CERTIFICATE_DAYS - RENEW_DAYS + 1);
        let second = certificates.at(later);
        assert!(!Arc::ptr_eq(&second, &first));
        assert!(Arc::ptr_eq(&certificates.at(later), &second));
    }

    #[test]
    fn files_of_the_operator_are_used_or_named() {
        let data = tempfile::tempdir().unwrap();
        let (cert, key) = (data.path().join("c.pem"), data.path().join("k.pem"));
        let made = rcgen::generate_simple_self_signed(vec!["a.test".into()]).unwrap();
        std::fs::write(&cert, made.cert.pem()).unwrap();
        let Err(Error::Invalid { field, problem }) = from_files(&cert, &key) else {
            panic!("no key")
        };
        assert!(field == "tls-key" && problem.contains("k.pem"));
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        assert!(from_files(&cert, &key).unwrap().trust.is_none());
        std::fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(from_files(&cert, &key).is_err(), "another certificate's key");
    }
}
