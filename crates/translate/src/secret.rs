//! Secrets: where proxies get certificates, keys and trust from, by name (SDS).
//!
//! Files come as secrets too, although Envoy could read them from a transport socket: so it notices when they are
//! replaced, and a file that is not there fails the connections that need it instead of the whole listener.

use std::collections::BTreeMap;
use std::fmt;

use envoy_types::pb::envoy::config::core::v3::{
    ApiConfigSource, ApiVersion, ConfigSource, DataSource, GrpcService, api_config_source, config_source,
    data_source, grpc_service,
};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, SdsSecretConfig, Secret, TlsCertificate, secret,
};
use evermesh_graph::supplied::{Secret as Supply, Supplied};
use evermesh_graph::view::{Certificate, ProxyView, Trust};

use crate::common::{ads, duration};
use crate::names;

/// Time after which whatever needs a secret goes on without it: its connections fail until the secret is there, and
/// nothing else waits. Longer than a secret that is there takes to come.
const PATIENCE: u64 = 5000;

/// Where a certificate and its key come from.
pub(crate) fn certificate(certificate: &Certificate) -> SdsSecretConfig {
    match certificate {
        Certificate::Sds(name) => from_socket(name),
        Certificate::File { .. } | Certificate::Acm(_) => from_stream(names::certificate(certificate)),
    }
}

/// Where the authorities that are trusted come from.
pub(crate) fn trust(trust: &Trust) -> SdsSecretConfig {
    match trust {
        Trust::Sds(name) => from_socket(name),
        Trust::File(_) | Trust::Acm(_) | Trust::AcmIssuer(_) => from_stream(names::trust(trust)),
    }
}

/// What is in a secret.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content<'v> {
    /// A chain and its key in PEM files of the proxy.
    CertificateFiles {
        certificate_chain: &'v str,
        private_key: &'v str,
    },
    /// Authorities in a PEM file of the proxy.
    TrustFile(&'v str),
    /// A chain and its key.
    Certificate { chain: Pem<'v>, key: Pem<'v> },
    /// Authorities, perhaps of several supplies.
    Trust(Vec<Pem<'v>>),
}

/// What a PEM file holds.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Pem<'v>(&'v [u8]);

impl fmt::Debug for Pem<'_> {
    /// Without the content: a key must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Every secret of a view that is in the proxy's own files, by its name.
pub(crate) fn files(view: &ProxyView) -> BTreeMap<String, Content<'_>> {
    let certificates = view.certificates().filter_map(|certificate| match certificate {
        Certificate::File {
            certificate_chain,
            private_key,
        } => {
            let content = Content::CertificateFiles {
                certificate_chain,
                private_key,
            };
            Some((names::certificate(certificate), content))
        }
        Certificate::Sds(_) | Certificate::Acm(_) => None,
    });
    let trusts = view.trusts().filter_map(|trust| match trust {
        Trust::File(path) => Some((names::trust(trust), Content::TrustFile(path))),
        Trust::Sds(_) | Trust::Acm(_) | Trust::AcmIssuer(_) => None,
    });
    certificates.chain(trusts).collect()
}

/// Every secret of a view that is supplied, by its name, as far as it is known.
pub(crate) fn supplied<'v>(view: &ProxyView, supplied: &'v Supplied) -> BTreeMap<String, Content<'v>> {
    let known = |name: &str| supplied.secrets.get(name).map(|secret| &**secret);
    let certificates = view.certificates().filter_map(|certificate| {
        let Supply::Certificate { chain, key } = known(certificate.supply()?)? else {
            return None;
        };
        let content = Content::Certificate {
            chain: Pem(chain),
            key: Pem(key),
        };
        Some((names::certificate(certificate), content))
    });
    let bundle = |name: &String| match known(name)? {
        Supply::Trust { bundle } => Some(Pem(bundle)),
        Supply::Certificate { .. } => None,
    };
    let trusts = view.trusts().filter_map(|trust| {
        let bundles: Vec<_> = trust.supplies().iter().filter_map(bundle).collect();
        (!bundles.is_empty()).then(|| (names::trust(trust), Content::Trust(bundles)))
    });
    certificates.chain(trusts).collect()
}

/// A secret. Envoy watches the directories of files, for one that is moved to its place.
pub(crate) fn secret(name: String, content: &Content<'_>) -> Secret {
    let content = match content {
        Content::CertificateFiles {
            certificate_chain,
            private_key,
        } => tls_certificate(file(certificate_chain), file(private_key)),
        Content::TrustFile(path) => trusted(file(path)),
        Content::Certificate { chain, key } => tls_certificate(inline(&[*chain]), inline(&[*key])),
        Content::Trust(bundles) => trusted(inline(bundles)),
    };
    Secret {
        name,
        r#type: Some(content),
    }
}

fn tls_certificate(certificate_chain: DataSource, private_key: DataSource) -> secret::Type {
    secret::Type::TlsCertificate(TlsCertificate {
        certificate_chain: Some(certificate_chain),
        private_key: Some(private_key),
        ..TlsCertificate::default()
    })
}

fn trusted(authorities: DataSource) -> secret::Type {
    secret::Type::ValidationContext(CertificateValidationContext {
        trusted_ca: Some(authorities),
        ..CertificateValidationContext::default()
    })
}

fn inline(parts: &[Pem<'_>]) -> DataSource {
    let content = parts.iter().flat_map(|part| part.0).copied().collect();
    DataSource {
        specifier: Some(data_source::Specifier::InlineBytes(content)),
        ..DataSource::default()
    }
}

fn file(path: &str) -> DataSource {
    DataSource {
        specifier: Some(data_source::Specifier::Filename(path.to_owned())),
        ..DataSource::default()
    }
}

/// From the stream that everything else comes by.
fn from_stream(name: String) -> SdsSecretConfig {
    SdsSecretConfig {
        name,
        sds_config: Some(patient(ads())),
    }
}

/// From the secret discovery service beside the proxy, such as a SPIRE agent.
fn from_socket(name: &str) -> SdsSecretConfig {
    let cluster = grpc_service::EnvoyGrpc {
        cluster_name: names::SDS_CLUSTER.to_owned(),
        ..grpc_service::EnvoyGrpc::default()
    };
    let source = ApiConfigSource {
        api_type: api_config_source::ApiType::Grpc.into(),
        transport_api_version: ApiVersion::V3.into(),
        grpc_services: vec![GrpcService {
            target_specifier: Some(grpc_service::TargetSpecifier::EnvoyGrpc(cluster)),
            ..GrpcService::default()
        }],
        ..ApiConfigSource::default()
    };
    SdsSecretConfig {
        name: name.to_owned(),
        sds_config: Some(patient(ConfigSource {
            config_source_specifier: Some(config_source::ConfigSourceSpecifier::ApiConfigSource(source)),
            resource_api_version: ApiVersion::V3.into(),
            ..ConfigSource::default()
        })),
    }
}

fn patient(source: ConfigSource) -> ConfigSource {
    ConfigSource {
        initial_fetch_timeout: Some(duration(PATIENCE)),
        ..source
    }
}
