//! The server's certificate, made for one run.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io;
use std::sync::Arc;

/// A certificate for `localhost`, `127.0.0.1` and `::1`, signed by an authority made for it.
#[derive(Clone)]
pub struct Certificate {
    authority_pem: String,
    wrapped: Arc<ServerConfig>,
    strict: Arc<ServerConfig>,
}

impl Certificate {
    /// Makes one, with a new authority. `host_names` are further names and addresses that it is to be valid for.
    pub fn generate(host_names: &[String]) -> io::Result<Self> {
        let mut authority = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "sandbox authority");
        let authority_key = KeyPair::generate().map_err(io::Error::other)?;
        let authority_pem = authority.self_signed(&authority_key).map_err(io::Error::other)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        names.extend_from_slice(host_names);
        let mut server = CertificateParams::new(names).map_err(io::Error::other)?;
        server.distinguished_name.push(DnType::CommonName, "sandbox");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = server.signed_by(&key, &issuer).map_err(io::Error::other)?;

        let private_key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let configure = |versions: &[&'static SupportedProtocolVersion]| {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(versions)
                .and_then(|builder| {
                    let chain = vec![certificate.der().clone()];
                    builder.with_no_client_auth().with_single_cert(chain, private_key.clone_key())
                })
                .map_err(io::Error::other)
        };
        let wrapped = configure(&[&TLS12])?;
        let mut strict = configure(&[&TLS13, &TLS12])?;
        // TDS 8.0 clients ask for this protocol; others ask for none.
        strict.alpn_protocols = vec![b"tds/8.0".to_vec()];
        Ok(Self { authority_pem, wrapped: Arc::new(wrapped), strict: Arc::new(strict) })
    }

    /// The authority's certificate, for clients to trust.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// For handshakes inside TDS 7.x packets, which end at TLS 1.2: only TDS 8.0 knows TLS 1.3
    /// (<https://learn.microsoft.com/sql/relational-databases/security/networking/tds-8>).
    pub(super) fn wrapped(&self) -> Arc<ServerConfig> {
        self.wrapped.clone()
    }

    /// For TDS 8.0, where TLS comes before TDS.
    pub(super) fn strict(&self) -> Arc<ServerConfig> {
        self.strict.clone()
    }
}
