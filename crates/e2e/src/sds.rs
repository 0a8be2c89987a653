//! A secret discovery service on a Unix socket, as a SPIRE agent beside a proxy is one.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::pin::Pin;

use envoy_types::pb::envoy::config::core::v3::{DataSource, data_source};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate, secret,
};
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use envoy_types::pb::envoy::service::secret::v3::secret_discovery_service_server::{
    SecretDiscoveryService, SecretDiscoveryServiceServer,
};
use envoy_types::util::pack_any;
use futures::{Stream, StreamExt, stream};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tonic::{Request, Response, Status, Streaming};

use crate::pki::{Authority, Issued};
use crate::world::World;

/// A running secret discovery service.
pub struct SecretService {
    path: PathBuf,
    secrets: watch::Sender<Secrets>,
    server: JoinHandle<()>,
}

/// With a number that grows with every change.
type Secrets = (u64, BTreeMap<String, Secret>);

impl SecretService {
    /// Starts one that has no secret yet. Must be called within a tokio runtime.
    pub fn start(world: &World) -> Self {
        let path = world.directory().join("sds.sock");
        let listener = UnixListener::bind(&path).expect("a new path can be bound");
        // Sidecars have a user of their own.
        fs::set_permissions(&path, Permissions::from_mode(0o777)).expect("it is our own");
        let (secrets, newest) = watch::channel((0, BTreeMap::new()));
        let server = tonic::transport::Server::builder()
            .add_service(SecretDiscoveryServiceServer::new(Service { newest }))
            .serve_with_incoming(UnixListenerStream::new(listener));
        let server = tokio::spawn(async move { server.await.expect("a socket can be served") });
        Self {
            path,
            secrets,
            server,
        }
    }

    /// The socket.
    pub fn path(&self) -> &str {
        self.path.to_str().expect("paths of tests are text")
    }

    /// Has a certificate from now on; the `certificate` of a manifest.
    pub fn certificate(&self, name: &str, issued: &Issued) -> String {
        self.set(
            name,
            secret::Type::TlsCertificate(TlsCertificate {
                certificate_chain: Some(inline(&issued.chain)),
                private_key: Some(inline(&issued.key)),
                ..TlsCertificate::default()
            }),
        )
    }

    /// Has an authority from now on; the `trust` of a manifest.
    pub fn trust(&self, name: &str, authority: &Authority) -> String {
        self.set(
            name,
            secret::Type::ValidationContext(CertificateValidationContext {
                trusted_ca: Some(inline(authority.pem())),
                ..CertificateValidationContext::default()
            }),
        )
    }

    fn set(&self, name: &str, content: secret::Type) -> String {
        let secret = Secret {
            name: name.to_owned(),
            r#type: Some(content),
        };
        self.secrets.send_modify(|(version, secrets)| {
            *version += 1;
            secrets.insert(name.to_owned(), secret);
        });
        format!("{{ sds: {{ secretName: '{name}' }} }}")
    }
}

impl Drop for SecretService {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Service {
    newest: watch::Receiver<Secrets>,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl SecretDiscoveryService for Service {
    type StreamSecretsStream = Answers<DiscoveryResponse>;
    type DeltaSecretsStream = Answers<DeltaDiscoveryResponse>;

    /// Sends what was asked for first, and again whenever something changes.
    async fn stream_secrets(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamSecretsStream>, Status> {
        let mut requests = request.into_inner();
        let first = requests
            .next()
            .await
            .ok_or_else(|| Status::cancelled("no request"))??;
        let (names, type_url) = (first.resource_names, first.type_url);
        // What is acknowledged is of no interest, but is to be read.
        let acknowledged = requests.filter_map(|_| async { None });
        let answers = WatchStream::new(self.newest.clone()).filter_map(move |(version, secrets)| {
            let found: Vec<_> = names
                .iter()
                .filter_map(|name| secrets.get(name))
                .map(|s| pack_any(s.clone()))
                .collect();
            let answer = (!found.is_empty()).then(|| {
                Ok(DiscoveryResponse {
                    version_info: version.to_string(),
                    nonce: version.to_string(),
                    type_url: type_url.clone(),
                    resources: found,
                    ..DiscoveryResponse::default()
                })
            });
            async { answer }
        });
        Ok(Response::new(Box::pin(stream::select(acknowledged, answers))))
    }

    async fn delta_secrets(
        &self,
        _: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaSecretsStream>, Status> {
        Err(Status::unimplemented("state of the world only"))
    }

    async fn fetch_secrets(
        &self,
        _: Request<DiscoveryRequest>,
    ) -> Result<Response<DiscoveryResponse>, Status> {
        Err(Status::unimplemented("streams only"))
    }
}

fn inline(pem: &str) -> DataSource {
    DataSource {
        specifier: Some(data_source::Specifier::InlineString(pem.to_owned())),
        ..DataSource::default()
    }
}
