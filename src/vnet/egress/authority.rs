//! A certificate authority of one sandbox, for hosts that have header rules: its guests trust it, nobody else does.
//!
//! Keys are made when they are first needed, are never written anywhere, and end with the sandbox.

use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// How long its certificates are valid: longer than a sandbox lives, shorter than clients distrust.
const DAYS: i64 = 90;
/// Certificates that are kept; a policy has fewer hosts, but it may change.
const KEPT_MAX: usize = 64;

/// The authority.
pub(in crate::vnet) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    issued: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    ///
    /// Where the system has no randomness.
    pub(super) fn new() -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "isolet sandbox egress");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity(&mut params);
        let pem = params.self_signed(&key).map_err(io::Error::other)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem, issued: Mutex::default() })
    }

    /// Its certificate.
    pub(in crate::vnet) fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's side of TLS as `name`, speaking `protocol`.
    ///
    /// # Errors
    ///
    /// Where a certificate cannot be made.
    pub(super) fn server(
        &self,
        name: &str,
        protocol: Option<&[u8]>,
    ) -> io::Result<Arc<ServerConfig>> {
        let certificate = self.certificate(name)?;
        let versions = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions();
        let versions = versions.map_err(io::Error::other)?.with_no_client_auth();
        let mut config = versions.with_cert_resolver(Arc::new(Always(certificate)));
        config.alpn_protocols = protocol.iter().map(|name| name.to_vec()).collect();
        Ok(Arc::new(config))
    }

    fn certificate(&self, name: &str) -> io::Result<Arc<CertifiedKey>> {
        let mut issued = self.issued.lock();
        if let Some(certificate) = issued.get(name) {
            return Ok(certificate.clone());
        }
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
        params.distinguished_name = DistinguishedName::new();
        // Another name than the authority's: a certificate by its own name looks self-signed.
        params.distinguished_name.push(DnType::CommonName, "isolet");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        validity(&mut params);
        let signed = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let secret = ring::sign::any_supported_type(&secret).map_err(io::Error::other)?;
        let certificate = Arc::new(CertifiedKey::new(vec![signed.der().clone()], secret));
        if issued.len() >= KEPT_MAX {
            issued.clear();
        }
        issued.insert(name.to_owned(), certificate.clone());
        Ok(certificate)
    }
}

fn validity(params: &mut CertificateParams) {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::DAY;
    params.not_after = now + Duration::days(DAYS);
}

/// The one certificate, whatever a client asks for: its name has been looked at before.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}
