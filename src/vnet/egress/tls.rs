//! TLS towards the outside: the roots that are trusted, and clients over them. Names and certificates are always checked.

use super::meter::server_name;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::sync::{Arc, LazyLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The roots that the host trusts (`SSL_CERT_FILE` names others), read once.
static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a root certificate of the host cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (_, ignored) = roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!(
            ignored,
            "the host trusts no certificate authority: no header rule can reach an HTTPS host"
        );
    }
    Arc::new(roots)
});

/// Whom a client trusts.
#[derive(Clone, Debug)]
pub(super) enum Trust {
    /// Whom the host trusts.
    Host,
    /// These and nobody else.
    Only(Arc<RootCertStore>),
}

impl Trust {
    /// The authorities in a PEM text.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn only(pem: &str) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| error.to_string())?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        if roots.is_empty() {
            return Err("no certificate in it".into());
        }
        Ok(Self::Only(Arc::new(roots)))
    }
}

/// Speaks TLS (1.2 or newer) with a server that proves to be `name`; `protocols` are offered by ALPN.
///
/// # Errors
///
/// The connection's, or `InvalidData` for a certificate that does not do.
pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    trust: &Trust,
    name: &str,
    protocols: &[&[u8]],
    stream: S,
) -> io::Result<TlsStream<S>> {
    let roots = match trust {
        Trust::Host => ROOTS.clone(),
        Trust::Only(roots) => roots.clone(),
    };
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions();
    let versions = versions.map_err(io::Error::other)?;
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config)).connect(server_name(name)?, stream).await
}
