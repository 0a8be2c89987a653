//! TLS of connections: transport sockets, in both directions. Where certificates and trust come from is in
//! [`crate::secret`].

use envoy_types::pb::envoy::config::core::v3::{TransportSocket, transport_socket};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::common_tls_context::{
    CombinedCertificateValidationContext, ValidationContextType,
};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::subject_alt_name_matcher::SanType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::tls_parameters::TlsProtocol;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, DownstreamTlsContext, SubjectAltNameMatcher,
    TlsParameters, UpstreamTlsContext,
};
use envoy_types::pb::envoy::r#type::matcher::v3::{RegexMatcher, StringMatcher, string_matcher};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::util::pack_any;
use evermesh_graph::view::{Certificate, ListenerTls, PeerName, Protocol, TlsMode, UpstreamTls, Validation};

use crate::common::flag;
use crate::secret;

/// Takes TLS from callers. Only a strict port insists on a caller's certificate.
pub(crate) fn downstream(tls: &ListenerTls, protocol: Protocol) -> TransportSocket {
    let insists = tls.mode == TlsMode::Strict && tls.validation.is_some();
    // HTTP connection managers take either version of HTTP, whatever the port is for.
    let alpn = if protocol.is_http() {
        &["h2", "http/1.1"][..]
    } else {
        &[]
    };
    socket(pack_any(DownstreamTlsContext {
        common_tls_context: Some(common(Some(&tls.certificate), tls.validation.as_ref(), alpn)),
        require_client_certificate: insists.then(|| flag(true)),
        ..DownstreamTlsContext::default()
    }))
}

/// Calls a target by TLS.
pub(crate) fn upstream(tls: &UpstreamTls, protocol: Protocol) -> TransportSocket {
    let alpn = match protocol {
        Protocol::Http => &["http/1.1"][..],
        Protocol::Http2 | Protocol::Grpc => &["h2"],
        Protocol::Tcp => &[],
    };
    socket(pack_any(UpstreamTlsContext {
        common_tls_context: Some(common(tls.certificate.as_ref(), tls.validation.as_ref(), alpn)),
        sni: tls.server_name.clone().unwrap_or_default(),
        ..UpstreamTlsContext::default()
    }))
}

fn socket(context: Any) -> TransportSocket {
    TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(transport_socket::ConfigType::TypedConfig(context)),
    }
}

/// Envoy's default has but the first two. Before TLS 1.3 the key of a certificate must be on one of them too, and
/// certificates of ACM may be on P-384.
const CURVES: [&str; 3] = ["X25519", "P-256", "P-384"];

/// The newest version of TLS is left to Envoy. It has 1.2 for clients, with which a server that does not take the
/// client's certificate fails the connection and not the first request on it.
fn common(
    certificate: Option<&Certificate>,
    validation: Option<&Validation>,
    alpn: &[&str],
) -> CommonTlsContext {
    CommonTlsContext {
        tls_params: Some(TlsParameters {
            tls_minimum_protocol_version: TlsProtocol::TlSv12.into(),
            ecdh_curves: CURVES.map(str::to_owned).to_vec(),
            ..TlsParameters::default()
        }),
        tls_certificate_sds_secret_configs: certificate.map(secret::certificate).into_iter().collect(),
        validation_context_type: validation.map(validation_context),
        alpn_protocols: alpn.iter().map(|&protocol| protocol.to_owned()).collect(),
        ..CommonTlsContext::default()
    }
}

fn validation_context(validation: &Validation) -> ValidationContextType {
    let names = CertificateValidationContext {
        match_typed_subject_alt_names: validation.names.iter().map(name_matcher).collect(),
        ..CertificateValidationContext::default()
    };
    ValidationContextType::CombinedValidationContext(CombinedCertificateValidationContext {
        default_validation_context: Some(names),
        validation_context_sds_secret_config: Some(secret::trust(&validation.trust)),
        ..CombinedCertificateValidationContext::default()
    })
}

fn name_matcher(name: &PeerName) -> SubjectAltNameMatcher {
    let (san_type, pattern) = match name {
        PeerName::Dns(host) => (SanType::Dns, host_pattern(host)),
        PeerName::Uri(uri) => (SanType::Uri, string_matcher::MatchPattern::Exact(uri.clone())),
        PeerName::Ip(address) => (
            SanType::IpAddress,
            string_matcher::MatchPattern::Exact(address.to_string()),
        ),
    };
    SubjectAltNameMatcher {
        san_type: san_type.into(),
        matcher: Some(StringMatcher {
            match_pattern: Some(pattern),
            ..StringMatcher::default()
        }),
        ..SubjectAltNameMatcher::default()
    }
}

/// Envoy knows wildcards in certificates, not in what is asked of them: there any first label will do, a wildcard too.
fn host_pattern(host: &str) -> string_matcher::MatchPattern {
    match host.strip_prefix("*.") {
        None => string_matcher::MatchPattern::Exact(host.to_owned()),
        Some(parent) => string_matcher::MatchPattern::SafeRegex(RegexMatcher {
            regex: format!(r"(?i)[^.]+\.{}", quote(parent)),
            ..RegexMatcher::default()
        }),
    }
}

/// A regular expression for nothing but a text: RE2 takes a backslash before any punctuation.
fn quote(text: &str) -> String {
    let quoted = |c: char| (c.is_ascii_punctuation()).then_some('\\').into_iter().chain([c]);
    text.chars().flat_map(quoted).collect()
}
