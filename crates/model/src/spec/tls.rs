//! TLS of listeners, and the client policies of those who call them.

use evermesh_shape_derive::Shape;

/// How a node or gateway calls its backends.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct ClientPolicy {
    /// TLS towards backends.
    pub tls: Option<ClientPolicyTls>,
}

/// TLS towards backends.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct ClientPolicyTls {
    /// Whether plain text is forbidden; absent: true.
    pub enforce: Option<bool>,
    /// Ports the policy is for; absent: all.
    pub ports: Option<Vec<u16>>,
    /// Certificate the client shows.
    pub certificate: Option<ClientTlsCertificate>,
    /// How the server's certificate is checked.
    pub validation: TlsValidationContext,
}

/// Certificate a client shows.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum ClientTlsCertificate {
    File(TlsFileCertificate),
    Sds(TlsSdsCertificate),
}

/// How a client checks a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct TlsValidationContext {
    /// Who is trusted to have issued it.
    pub trust: TlsValidationContextTrust,
    /// Names it must carry; absent: the server's discovery name.
    pub subject_alternative_names: Option<SubjectAlternativeNames>,
}

/// Whom a client trusts to issue certificates.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum TlsValidationContextTrust {
    Acm(TlsAcmTrust),
    File(TlsFileTrust),
    Sds(TlsSdsTrust),
}

/// TLS of a listener.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct ListenerTls {
    /// Whether callers must use it.
    pub mode: ListenerTlsMode,
    /// Certificate shown to callers.
    pub certificate: ListenerTlsCertificate,
    /// How callers' certificates are checked; absent: none is asked for.
    pub validation: Option<ListenerTlsValidationContext>,
}

/// Whether callers must use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum ListenerTlsMode {
    #[shape(name = "STRICT")]
    Strict,
    #[shape(name = "PERMISSIVE")]
    Permissive,
    #[shape(name = "DISABLED")]
    Disabled,
}

/// Certificate of a listener.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum ListenerTlsCertificate {
    Acm(TlsAcmCertificate),
    File(TlsFileCertificate),
    Sds(TlsSdsCertificate),
}

/// How a listener checks callers' certificates.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct ListenerTlsValidationContext {
    /// Who is trusted to have issued them.
    pub trust: ListenerTlsValidationContextTrust,
    /// Names they must carry; absent: any.
    pub subject_alternative_names: Option<SubjectAlternativeNames>,
}

/// Whom a listener trusts to issue callers' certificates.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum ListenerTlsValidationContextTrust {
    File(TlsFileTrust),
    Sds(TlsSdsTrust),
}

/// A certificate in AWS Certificate Manager.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct TlsAcmCertificate {
    /// ARN of the certificate.
    #[shape(min = 1)]
    pub certificate_arn: String,
}

/// A certificate in files of the proxy's file system.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct TlsFileCertificate {
    /// PEM file of the chain, leaf first.
    #[shape(min = 1, max = 255)]
    pub certificate_chain: String,
    /// PEM file of the private key.
    #[shape(min = 1, max = 255)]
    pub private_key: String,
}

/// A certificate from the proxy's local secret discovery socket.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct TlsSdsCertificate {
    /// Name of the secret.
    #[shape(min = 1)]
    pub secret_name: String,
}

/// Trust in certificate authorities of AWS Private CA.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct TlsAcmTrust {
    /// ARNs of the authorities.
    #[shape(min = 1, max = 3)]
    pub certificate_authority_arns: Vec<String>,
}

/// Trust in the authorities of a file.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct TlsFileTrust {
    /// PEM file of the authorities' certificates.
    #[shape(min = 1, max = 255)]
    pub certificate_chain: String,
}

/// Trust in what the proxy's local secret discovery socket says.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct TlsSdsTrust {
    /// Name of the secret.
    #[shape(min = 1)]
    pub secret_name: String,
}

/// Names a certificate must carry.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct SubjectAlternativeNames {
    /// The names.
    pub r#match: SubjectAlternativeNameMatchers,
}

/// Names a certificate must carry one of.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct SubjectAlternativeNameMatchers {
    /// Exact names: host names or URIs such as SPIFFE ids.
    pub exact: Vec<String>,
}
