//! The command operators, and what each takes.

/// What an operator takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operator {
    pub(super) arguments: Arguments,
    /// Whether a length may follow, to which the value is cut.
    pub(super) length: bool,
}

/// What may stand in an operator's brackets.
#[derive(Debug, Clone, Copy)]
pub(super) enum Arguments {
    None,
    /// Anything, but something.
    Any,
    /// Anything or nothing.
    Optional,
    /// `name`, or `name?alternative`.
    Header,
    /// Of `strftime`, or nothing.
    Time,
    /// `key`, `key:PLAIN`, `key:TYPED` or `key:FIELD:field`.
    FilterState,
    /// `type:namespace:key:...`
    Metadata,
    GrpcStatus,
    /// `query:which`, both optional.
    Path,
    /// `from:to`, `from:to:unit`
    Duration,
    ForwardedClientCertificate,
}

impl Operator {
    /// The operator of a name; `None` when not every supported Envoy has one.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (arguments, length) = match name {
            "REQ" | "RESP" | "TRAILER" | "STREAM_INFO_REQ" => (Arguments::Header, true),
            "ENVIRONMENT" | "QUERY_PARAM" => (Arguments::Any, true),
            "DYNAMIC_METADATA" | "CLUSTER_METADATA" | "UPSTREAM_METADATA" => (Arguments::Any, false),
            "METADATA" => (Arguments::Metadata, true),
            "FILTER_STATE" | "UPSTREAM_FILTER_STATE" => (Arguments::FilterState, true),
            "PATH" => (Arguments::Path, true),
            "XFCC_VALUE" => (Arguments::ForwardedClientCertificate, true),
            "RESPONSE_CODE_DETAILS" => (Arguments::Optional, false),
            "GRPC_STATUS" => (Arguments::GrpcStatus, false),
            "COMMON_DURATION" => (Arguments::Duration, false),
            name if TIMES.contains(&name) => (Arguments::Time, false),
            name if VALUES.contains(&name) => (Arguments::None, false),
            _ => return None,
        };
        Some(Self { arguments, length })
    }
}

impl Arguments {
    pub(super) fn are_required(self) -> bool {
        !matches!(
            self,
            Self::None | Self::Optional | Self::Time | Self::GrpcStatus | Self::Path
        )
    }

    /// What would be accepted, when `text` is not.
    pub(super) fn check(self, text: &str) -> Result<(), &'static str> {
        let (accepted, expected) = match self {
            Self::None | Self::Any | Self::Optional => return Ok(()),
            Self::Header => (is_header(text), "the name of a header, or two with ? between"),
            Self::Time => (!has_line_break(text), "a format of times on one line"),
            Self::FilterState => (
                is_filter_state(text),
                "a key, key:PLAIN, key:TYPED or key:FIELD:field",
            ),
            Self::Metadata => (
                one_of(part(text, 0), &METADATA),
                "DYNAMIC, CLUSTER, ROUTE, VIRTUAL_HOST, UPSTREAM_HOST or LISTENER, and what of it",
            ),
            Self::GrpcStatus => (
                one_of(text, &["", "CAMEL_STRING", "SNAKE_STRING", "NUMBER"]),
                "CAMEL_STRING, SNAKE_STRING or NUMBER",
            ),
            Self::Path => (
                one_of(part(text, 0), &["", "WQ", "NQ"])
                    && one_of(part(text, 1), &["", "ORIG", "PATH", "ORIG_OR_PATH"]),
                "WQ or NQ, then ORIG, PATH or ORIG_OR_PATH",
            ),
            Self::Duration => (is_duration(text), "from:to, or from:to:unit in ms, us or ns"),
            Self::ForwardedClientCertificate => (
                CERTIFICATE.iter().any(|key| key.eq_ignore_ascii_case(text)),
                "By, Hash, Cert, Chain, Subject, URI or DNS",
            ),
        };
        accepted.then_some(()).ok_or(expected)
    }
}

const METADATA: [&str; 6] = [
    "DYNAMIC",
    "CLUSTER",
    "ROUTE",
    "VIRTUAL_HOST",
    "UPSTREAM_HOST",
    "LISTENER",
];

const CERTIFICATE: [&str; 7] = ["By", "Hash", "Cert", "Chain", "Subject", "URI", "DNS"];

const TIMES: [&str; 8] = [
    "START_TIME",
    "START_TIME_LOCAL",
    "EMIT_TIME",
    "EMIT_TIME_LOCAL",
    "DOWNSTREAM_PEER_CERT_V_START",
    "DOWNSTREAM_PEER_CERT_V_END",
    "UPSTREAM_PEER_CERT_V_START",
    "UPSTREAM_PEER_CERT_V_END",
];

/// What takes neither argument nor length.
const VALUES: [&str; 109] = [
    "ACCESS_LOG_TYPE",
    "BYTES_RECEIVED",
    "BYTES_RETRANSMITTED",
    "BYTES_SENT",
    "CONNECTION_ID",
    "CONNECTION_TERMINATION_DETAILS",
    "CUSTOM_FLAGS",
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_LOCAL_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_PORT",
    "DOWNSTREAM_HANDSHAKE_DURATION",
    "DOWNSTREAM_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_HEADER_BYTES_SENT",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_DNS_SAN",
    "DOWNSTREAM_LOCAL_EMAIL_SAN",
    "DOWNSTREAM_LOCAL_IP_SAN",
    "DOWNSTREAM_LOCAL_OTHERNAME_SAN",
    "DOWNSTREAM_LOCAL_PORT",
    "DOWNSTREAM_LOCAL_SUBJECT",
    "DOWNSTREAM_LOCAL_URI_SAN",
    "DOWNSTREAM_PEER_CERT",
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1",
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256",
    "DOWNSTREAM_PEER_CHAIN_SERIALS",
    "DOWNSTREAM_PEER_DNS_SAN",
    "DOWNSTREAM_PEER_EMAIL_SAN",
    "DOWNSTREAM_PEER_FINGERPRINT_1",
    "DOWNSTREAM_PEER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_IP_SAN",
    "DOWNSTREAM_PEER_ISSUER",
    "DOWNSTREAM_PEER_OTHERNAME_SAN",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_URI_SAN",
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_REMOTE_PORT",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_SESSION_ID",
    "DOWNSTREAM_TLS_VERSION",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "DOWNSTREAM_WIRE_BYTES_RECEIVED",
    "DOWNSTREAM_WIRE_BYTES_SENT",
    "DURATION",
    "FILTER_CHAIN_NAME",
    "GRPC_STATUS_NUMBER",
    "HOSTNAME",
    "LOCAL_REPLY_BODY",
    "PROTOCOL",
    "REQUESTED_SERVER_NAME",
    "REQUEST_DURATION",
    "REQUEST_HEADERS_BYTES",
    "REQUEST_TX_DURATION",
    "RESPONSE_CODE",
    "RESPONSE_DURATION",
    "RESPONSE_FLAGS",
    "RESPONSE_FLAGS_LONG",
    "RESPONSE_HEADERS_BYTES",
    "RESPONSE_TRAILERS_BYTES",
    "RESPONSE_TX_DURATION",
    "ROUNDTRIP_DURATION",
    "ROUTE_NAME",
    "STREAM_ID",
    "TLS_JA3_FINGERPRINT",
    "TLS_JA4_FINGERPRINT",
    "TRACE_ID",
    "UNIQUE_ID",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_CLUSTER_RAW",
    "UPSTREAM_CONNECTION_ID",
    "UPSTREAM_CONNECTION_POOL_READY_DURATION",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "UPSTREAM_HEADER_BYTES_RECEIVED",
    "UPSTREAM_HEADER_BYTES_SENT",
    "UPSTREAM_HOST",
    "UPSTREAM_HOST_NAME",
    "UPSTREAM_HOST_NAME_WITHOUT_PORT",
    "UPSTREAM_LOCAL_ADDRESS",
    "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_LOCAL_DNS_SAN",
    "UPSTREAM_LOCAL_IP_SAN",
    "UPSTREAM_LOCAL_PORT",
    "UPSTREAM_LOCAL_URI_SAN",
    "UPSTREAM_PEER_CERT",
    "UPSTREAM_PEER_DNS_SAN",
    "UPSTREAM_PEER_IP_SAN",
    "UPSTREAM_PEER_ISSUER",
    "UPSTREAM_PEER_SUBJECT",
    "UPSTREAM_PEER_URI_SAN",
    "UPSTREAM_PROTOCOL",
    "UPSTREAM_REMOTE_ADDRESS",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_REMOTE_PORT",
    "UPSTREAM_REQUEST_ATTEMPT_COUNT",
    "UPSTREAM_TLS_CIPHER",
    "UPSTREAM_TLS_SESSION_ID",
    "UPSTREAM_TLS_VERSION",
    "UPSTREAM_TRANSPORT_FAILURE_REASON",
    "UPSTREAM_WIRE_BYTES_RECEIVED",
    "UPSTREAM_WIRE_BYTES_SENT",
    "VIRTUAL_CLUSTER_NAME",
];

fn one_of(text: &str, known: &[&str]) -> bool {
    known.contains(&text)
}

/// A part of a text with colons; empty where there are fewer parts.
fn part(text: &str, index: usize) -> &str {
    text.split(':').nth(index).unwrap_or_default()
}

fn is_header(text: &str) -> bool {
    let mut names = text.split('?');
    names.by_ref().take(2).all(is_header_name) && names.next().is_none()
}

/// A token (RFC 9110), that of a pseudo header too; nothing is taken as well, as a header that is never there.
fn is_header_name(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let plain = name.strip_prefix(':').unwrap_or(name);
    name != ":" && plain.bytes().all(token)
}

fn is_filter_state(text: &str) -> bool {
    let (key, form, field) = (part(text, 0), part(text, 1), part(text, 2));
    let fits = match form {
        "" | "PLAIN" | "TYPED" => field.is_empty(),
        "FIELD" => !field.is_empty(),
        _ => false,
    };
    !key.is_empty() && fits
}

fn is_duration(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        [_, _] => true,
        [_, _, unit] => one_of(unit, &["ms", "us", "ns"]),
        _ => false,
    }
}

/// Whether a format of times has `%n`, with whatever flags, width and modifier Envoy looks for.
fn has_line_break(format: &str) -> bool {
    format.match_indices('%').any(|(at, _)| {
        let conversion = format[at + 1..].trim_start_matches(['-', '_', '0', '^', '#']);
        let conversion = conversion.trim_start_matches(|c: char| ('1'..='9').contains(&c));
        let conversion = conversion.strip_prefix(['E', 'O']).unwrap_or(conversion);
        conversion.starts_with('n')
    })
}
