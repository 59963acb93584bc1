//! rustls configurations from PEM files. TLS 1.2 and 1.3, cryptography by aws-lc.

use super::error::TransportError;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A client's side of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientTls {
    /// None: login, password and rows cross the network in the clear.
    Off,
    /// The distributor's certificate must be by an authority in this PEM file, or be the one in it.
    Ca(PathBuf),
}

pub(super) fn client(ca: &Path, address: &str) -> Result<Arc<ClientConfig>, TransportError> {
    let fail = |detail: String| TransportError::Tls { address: address.to_owned(), detail };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca).map_err(fail)? {
        roots.add(certificate).map_err(|e| fail(format!("{} cannot be trusted: {e}", ca.display())))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| fail(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

pub(super) fn server_name(address: &str, name: Option<&str>) -> Result<ServerName<'static>, TransportError> {
    let name = name.unwrap_or_else(|| host(address));
    ServerName::try_from(name.to_owned()).map_err(|_| TransportError::Tls {
        address: address.to_owned(),
        detail: format!("`{name}` is not a server name; set `distributor-server-name`"),
    })
}

/// The host part of `host:port`, without the brackets of an IPv6 address.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
}

/// The distributor's side: its certificate chain and private key, both PEM files.
pub fn server(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TransportError> {
    let fail = |detail: String| TransportError::Tls { address: "clients".to_owned(), detail };
    let chain = certificates(certificate).map_err(fail)?;
    let key_der = PrivateKeyDer::from_pem_file(key)
        .map_err(|e| fail(format!("cannot read a private key from {}: {e}", key.display())))?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| fail(e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(|e| fail(format!("{} and {} cannot be used: {e}", certificate.display(), key.display())))?;
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |e: &dyn std::fmt::Display| format!("cannot read certificates from {}: {e}", path.display());
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|e| unreadable(&e))?
        .collect::<Result<_, _>>()
        .map_err(|e| unreadable(&e))?;
    if certificates.is_empty() {
        return Err(unreadable(&"there are none in it"));
    }
    Ok(certificates)
}
