//! TLS: what a port shows to its callers and asks of them, and how targets are called.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Ingress, ProxyView};

/// What the name of a supplied secret begins with that is the root of a certificate; the certificate's ARN follows.
pub const ISSUER_OF: &str = "issuer:";

/// TLS of a port, towards those who call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerTls {
    /// Whether callers may speak plain text as well.
    pub mode: TlsMode,
    /// What is shown to callers.
    pub certificate: Certificate,
    /// How callers' certificates are checked; `None` asks for none. [`TlsMode::Strict`] refuses callers without one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<Validation>,
}

/// Whether callers may speak plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TlsMode {
    /// They may not.
    Strict,
    /// They may, and callers by TLS need not have a certificate; one that they have must be of somebody trusted.
    Permissive,
}

/// TLS towards a target. A target with this is never called in plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpstreamTls {
    /// Host name that is asked for; `None` where the target is found by an address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_name: Option<String>,
    /// What is shown to a target that asks for a certificate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub certificate: Option<Certificate>,
    /// How the target's certificate is checked; `None` takes any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<Validation>,
}

/// Where a certificate and its private key come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Certificate {
    /// PEM files of the proxy's file system.
    #[serde(rename_all = "camelCase")]
    File {
        /// The chain, leaf first.
        certificate_chain: String,
        /// The key.
        private_key: String,
    },
    /// A secret of the proxy's local secret discovery service, by its name.
    Sds(String),
    /// A certificate of AWS Certificate Manager, by its ARN.
    Acm(String),
}

/// How a peer's certificate is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Validation {
    /// Who may have issued it.
    pub trust: Trust,
    /// Names of which it must carry one; empty: any will do.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub names: Vec<PeerName>,
}

/// Who may have issued a certificate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Trust {
    /// The authorities of a PEM file of the proxy's file system.
    File(String),
    /// Those of a secret of the proxy's local secret discovery service, by its name.
    Sds(String),
    /// Authorities of AWS Private CA, by their ARNs, ordered and unique.
    Acm(Vec<String>),
    /// The root that a certificate of AWS Certificate Manager chains up to, by the ARN of that certificate.
    AcmIssuer(String),
}

/// A name in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PeerName {
    /// A host. A certificate for `*.example.com` is one for `a.example.com`, and where the name itself begins with `*.`
    /// the first label may be any.
    Dns(String),
    /// A URI such as a SPIFFE id.
    Uri(String),
    /// An address.
    Ip(IpAddr),
}

impl ProxyView {
    /// Every certificate that the proxy shows to somebody, in no particular order and perhaps more than once.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        let to_callers = self.listeners().map(|tls| &tls.certificate);
        to_callers.chain(self.upstreams().filter_map(|tls| tls.certificate.as_ref()))
    }

    /// Everything that the proxy trusts in, in no particular order and perhaps more than once.
    pub fn trusts(&self) -> impl Iterator<Item = &Trust> {
        let callers = self.listeners().filter_map(|tls| tls.validation.as_ref());
        let targets = self.upstreams().filter_map(|tls| tls.validation.as_ref());
        callers.chain(targets).map(|validation| &validation.trust)
    }

    fn listeners(&self) -> impl Iterator<Item = &ListenerTls> {
        let (apps, ports) = match &self.ingress {
            Ingress::VirtualNode(apps) => (apps.as_slice(), [].as_slice()),
            Ingress::VirtualGateway(ports) => ([].as_slice(), ports.as_slice()),
        };
        let apps = apps.iter().filter_map(|app| app.tls.as_ref());
        apps.chain(ports.iter().filter_map(|port| port.tls.as_ref()))
    }

    fn upstreams(&self) -> impl Iterator<Item = &UpstreamTls> {
        self.egress
            .targets
            .iter()
            .filter_map(|target| target.tls.as_ref())
    }
}

impl Certificate {
    /// Name of the supplied secret that it is, if it is one.
    pub fn supply(&self) -> Option<&str> {
        match self {
            Self::File { .. } | Self::Sds(_) => None,
            Self::Acm(arn) => Some(arn),
        }
    }
}

impl Trust {
    /// Names of the supplied secrets that it is made of.
    pub fn supplies(&self) -> Vec<String> {
        match self {
            Self::File(_) | Self::Sds(_) => Vec::new(),
            Self::Acm(arns) => arns.clone(),
            Self::AcmIssuer(arn) => vec![format!("{ISSUER_OF}{arn}")],
        }
    }
}
