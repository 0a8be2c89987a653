//! TLS: what listeners show and ask for, and how a target is called under a client policy or without one.
//!
//! Source: App Mesh user guide, pages "Transport Layer Security" and "Mutual TLS authentication".

use std::collections::BTreeSet;

use evermesh_model::spec::{
    BackendDefaults, ClientPolicy, ClientPolicyTls, ClientTlsCertificate, ListenerTls as ListenerTlsSpec,
    ListenerTlsCertificate, ListenerTlsMode, ListenerTlsValidationContextTrust, SubjectAlternativeNames,
    TlsFileCertificate, TlsValidationContextTrust,
};

use crate::view::{
    Certificate, Discovery, ListenerTls, PeerName, Target, TlsMode, Trust, UpstreamTls, Validation,
};

/// TLS of a port; a mode of `DISABLED` is as good as none.
pub(crate) fn listener(tls: Option<&ListenerTlsSpec>) -> Option<ListenerTls> {
    let tls = tls?;
    let mode = match tls.mode {
        ListenerTlsMode::Strict => TlsMode::Strict,
        ListenerTlsMode::Permissive => TlsMode::Permissive,
        ListenerTlsMode::Disabled => return None,
    };
    let validation = tls.validation.as_ref().map(|validation| Validation {
        trust: match &validation.trust {
            ListenerTlsValidationContextTrust::File(file) => Trust::File(file.certificate_chain.clone()),
            ListenerTlsValidationContextTrust::Sds(sds) => Trust::Sds(sds.secret_name.clone()),
        },
        // Whoever asks for a name insists on a certificate, which permissive listeners must not (page "Mutual TLS
        // authentication", migration): they take plain text from anyone, so nothing is lost.
        names: match mode {
            TlsMode::Strict => names(validation.subject_alternative_names.as_ref()).unwrap_or_default(),
            TlsMode::Permissive => Vec::new(),
        },
    });
    Some(ListenerTls {
        mode,
        certificate: listener_certificate(&tls.certificate),
        validation,
    })
}

/// How a target is called by those who have no client policy for it: as the target itself has it, so that a listener
/// can be given TLS before its callers know of it. Who issued a certificate is known of those from ACM only; those
/// from the target's files or its secret discovery service are not checked.
pub(crate) fn without_policy(server: Option<&ListenerTlsSpec>, discovery: &Discovery) -> Option<UpstreamTls> {
    let name = discovery_name(discovery);
    let validation = match listener(server)?.certificate {
        Certificate::Acm(arn) => Some(Validation {
            trust: Trust::AcmIssuer(arn),
            names: vec![peer_name(&name)],
        }),
        Certificate::File { .. } | Certificate::Sds(_) => None,
    };
    Some(UpstreamTls {
        server_name: server_name(&name),
        certificate: None,
        validation,
    })
}

/// How a target is called under the client policy of a backend; `target` says how it is called without one. A policy
/// that is not for the target's port changes nothing. An enforced one has the target called by TLS even where its
/// listener has none: it may be a service outside the mesh that has TLS of its own, and if it is not, its calls fail.
pub(crate) fn under_policy(policy: Option<&ClientPolicyTls>, target: &Target) -> Option<UpstreamTls> {
    match policy.filter(|policy| is_for(policy, target.key.port)) {
        Some(policy) if is_enforced(policy) || target.tls.is_some() => {
            Some(upstream(policy, &target.discovery))
        }
        _ => target.tls.clone(),
    }
}

/// What a client policy says of TLS.
pub(crate) fn of_policy(policy: Option<&ClientPolicy>) -> Option<&ClientPolicyTls> {
    policy.and_then(|policy| policy.tls.as_ref())
}

/// The client policy of backends that have none of their own.
pub(crate) fn of_defaults(defaults: Option<&BackendDefaults>) -> Option<&ClientPolicyTls> {
    of_policy(defaults.and_then(|defaults| defaults.client_policy.as_ref()))
}

/// Whether plain text is forbidden.
pub(crate) fn is_enforced(policy: &ClientPolicyTls) -> bool {
    policy.enforce.unwrap_or(true)
}

/// Orders policies by what they forbid: plain text, on all ports or on some, and certificates that are not trusted.
pub(crate) fn strictness(policy: Option<&ClientPolicyTls>) -> impl Ord {
    let is_for_all = |policy: &ClientPolicyTls| policy.ports.iter().flatten().next().is_none();
    (
        policy.is_some_and(is_enforced),
        policy.is_some_and(is_for_all),
        policy.is_some(),
    )
}

/// Whether a policy is for targets that listen on a port: without ports it is for all.
pub(crate) fn is_for(policy: &ClientPolicyTls, port: u16) -> bool {
    let ports = policy.ports.as_deref().unwrap_or_default();
    ports.is_empty() || ports.contains(&port)
}

fn upstream(policy: &ClientPolicyTls, discovery: &Discovery) -> UpstreamTls {
    let name = discovery_name(discovery);
    let trust = match &policy.validation.trust {
        TlsValidationContextTrust::File(file) => Trust::File(file.certificate_chain.clone()),
        TlsValidationContextTrust::Sds(sds) => Trust::Sds(sds.secret_name.clone()),
        TlsValidationContextTrust::Acm(acm) => {
            let arns: BTreeSet<&String> = acm.certificate_authority_arns.iter().collect();
            Trust::Acm(arns.into_iter().cloned().collect())
        }
    };
    let names = names(policy.validation.subject_alternative_names.as_ref());
    UpstreamTls {
        server_name: server_name(&name),
        certificate: policy.certificate.as_ref().map(client_certificate),
        validation: Some(Validation {
            trust,
            names: names.unwrap_or_else(|| vec![peer_name(&name)]),
        }),
    }
}

fn listener_certificate(certificate: &ListenerTlsCertificate) -> Certificate {
    match certificate {
        ListenerTlsCertificate::Acm(acm) => Certificate::Acm(acm.certificate_arn.clone()),
        ListenerTlsCertificate::File(file) => file_certificate(file),
        ListenerTlsCertificate::Sds(sds) => Certificate::Sds(sds.secret_name.clone()),
    }
}

fn client_certificate(certificate: &ClientTlsCertificate) -> Certificate {
    match certificate {
        ClientTlsCertificate::File(file) => file_certificate(file),
        ClientTlsCertificate::Sds(sds) => Certificate::Sds(sds.secret_name.clone()),
    }
}

fn file_certificate(file: &TlsFileCertificate) -> Certificate {
    Certificate::File {
        certificate_chain: file.certificate_chain.clone(),
        private_key: file.private_key.clone(),
    }
}

fn names(names: Option<&SubjectAlternativeNames>) -> Option<Vec<PeerName>> {
    let exact = &names?.r#match.exact;
    Some(exact.iter().map(|name| peer_name(name)).collect())
}

/// A name is an address, a URI or a host; hosts have no colon.
fn peer_name(name: &str) -> PeerName {
    match name.parse() {
        Ok(address) => PeerName::Ip(address),
        Err(_) if name.contains(':') => PeerName::Uri(name.to_owned()),
        Err(_) => PeerName::Dns(name.to_owned()),
    }
}

/// Only host names can be asked for (RFC 6066, section 3).
fn server_name(name: &str) -> Option<String> {
    matches!(peer_name(name), PeerName::Dns(_)).then(|| name.to_owned())
}

/// The name by which a target is found, which its certificate carries unless a policy says otherwise.
fn discovery_name(discovery: &Discovery) -> String {
    match discovery {
        Discovery::DnsLoadBalancer(name) | Discovery::DnsEndpoints(name) => {
            name.strip_suffix('.').unwrap_or(name).to_owned()
        }
        Discovery::CloudMap(service) => format!("{}.{}", service.service, service.namespace),
    }
}
