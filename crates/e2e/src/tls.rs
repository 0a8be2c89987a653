//! TLS of callers that have no sidecar.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::CallError;
use crate::pki::{Authority, Issued};
use crate::task::MeshTask;

/// How a caller speaks TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    name: String,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Takes certificates that an authority issued for a host.
    pub fn to(name: &str, authority: &Authority) -> Self {
        Self::new(name, authority, None)
    }

    /// The same, and has one to show.
    pub fn with_certificate(name: &str, authority: &Authority, own: &Issued) -> Self {
        Self::new(name, authority, Some(own))
    }

    fn new(name: &str, authority: &Authority, own: Option<&Issued>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(authority.pem()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has what TLS needs")
            .with_root_certificates(roots);
        let config = match own {
            None => config.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("a key");
                let chain = certificates(&own.chain).collect();
                config
                    .with_client_auth_cert(chain, key)
                    .expect("a pair that fits")
            }
        };
        Self {
            name: name.to_owned(),
            config: Arc::new(config),
        }
    }

    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
        is_http2: bool,
    ) -> Result<TlsStream<TcpStream>, CallError> {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = vec![if is_http2 {
            b"h2".to_vec()
        } else {
            b"http/1.1".to_vec()
        }];
        let name = ServerName::try_from(self.name.clone()).expect("a host name");
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        connected.map_err(|error| CallError::Connect(error.to_string()))
    }
}

impl MeshTask {
    /// The certificate that is shown at `host:port`, as DER.
    ///
    /// # Errors
    /// When there is no TLS connection.
    pub async fn certificate(&self, place: &str, tls: &Tls) -> Result<Vec<u8>, CallError> {
        let stream = tls.connect(self.tcp(place).await?, false).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let leaf = shown.and_then(|chain| chain.first());
        Ok(leaf.expect("a handshake shows a certificate").to_vec())
    }
}

impl Issued {
    /// The certificate itself, as DER.
    pub fn der(&self) -> Vec<u8> {
        let leaf = certificates(&self.chain).next();
        leaf.expect("a chain has a certificate").to_vec()
    }
}

fn certificates(pem: &str) -> impl Iterator<Item = CertificateDer<'static>> {
    let found = CertificateDer::pem_slice_iter(pem.as_bytes());
    found
        .map(|one| one.expect("a certificate"))
        .collect::<Vec<_>>()
        .into_iter()
}
