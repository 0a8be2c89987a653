//! That formats of access logs are accepted by the API when, and only when, the newest and the oldest supported Envoy
//! accept them.

use std::path::PathBuf;

use evermesh_model::access_log_format::check;
use evermesh_testkit::envoy::validate;
use evermesh_testkit::need;
use evermesh_testkit::tools::Tool;
use serde_json::{Value, json};

/// Operators that stand for a value, and take nothing.
const VALUES: &str = "\
    ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID \
    CONNECTION_TERMINATION_DETAILS CUSTOM_FLAGS DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED \
    DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_DIRECT_LOCAL_ADDRESS \
    DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_PORT \
    DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT \
    DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_HANDSHAKE_DURATION DOWNSTREAM_HEADER_BYTES_RECEIVED \
    DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT \
    DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN \
    DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN \
    DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 \
    DOWNSTREAM_PEER_CHAIN_SERIALS DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_EMAIL_SAN \
    DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_IP_SAN \
    DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT \
    DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT \
    DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION \
    DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT DURATION \
    FILTER_CHAIN_NAME GRPC_STATUS_NUMBER HOSTNAME LOCAL_REPLY_BODY PROTOCOL REQUESTED_SERVER_NAME \
    REQUEST_DURATION REQUEST_HEADERS_BYTES REQUEST_TX_DURATION RESPONSE_CODE RESPONSE_DURATION RESPONSE_FLAGS \
    RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES RESPONSE_TX_DURATION \
    ROUNDTRIP_DURATION ROUTE_NAME STREAM_ID TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT TRACE_ID UNIQUE_ID \
    UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_CONNECTION_ID UPSTREAM_CONNECTION_POOL_READY_DURATION \
    UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT \
    UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HOST UPSTREAM_HOST_NAME \
    UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT \
    UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_URI_SAN \
    UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT \
    UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT \
    UPSTREAM_REMOTE_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_TLS_CIPHER UPSTREAM_TLS_SESSION_ID \
    UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_WIRE_BYTES_RECEIVED \
    UPSTREAM_WIRE_BYTES_SENT VIRTUAL_CLUSTER_NAME";

/// An operator of each kind, one that does not exist, and what is no operator.
const NAMES: [&str; 14] = [
    "PROTOCOL",
    "REQ",
    "ENVIRONMENT",
    "DYNAMIC_METADATA",
    "METADATA",
    "FILTER_STATE",
    "PATH",
    "XFCC_VALUE",
    "RESPONSE_CODE_DETAILS",
    "GRPC_STATUS",
    "COMMON_DURATION",
    "START_TIME",
    "NO_SUCH_THING",
    "lower",
];

const ARGUMENTS: [&str; 24] = [
    "",
    "()",
    "(a)",
    "(:a)",
    "(:)",
    "(a?b)",
    "(a?b?c)",
    "(a b)",
    "(a:b)",
    "(a:b:us)",
    "(a:b:s)",
    "(a:PLAIN)",
    "(a:FIELD)",
    "(a:FIELD:b)",
    "(ROUTE:a)",
    "(NUMBER)",
    "(WQ:ORIG)",
    "(WQ:X)",
    "(uri)",
    "(%Y-%m %3f)",
    "(%-1En)",
    "(%10n)",
    "(a)b)",
    "(a\nb)",
];

const ENDS: [&str; 5] = ["%", ":3%", ":18446744073709551616%", ":x%", ""];

#[test]
fn formats_are_accepted_as_envoy_accepts_them() {
    let envoys = [need!(Tool::Envoy), need!(Tool::EnvoyOldest)];
    let (accepted, refused): (Vec<String>, Vec<String>) =
        formats().into_iter().partition(|format| check(format).is_ok());
    assert!(accepted.len() > 150 && refused.len() > 150);
    for envoy in &envoys {
        assert_eq!(
            validate(envoy, &logging(&accepted)),
            Ok(()),
            "{}",
            envoy.display()
        );
    }
    for format in refused {
        let bootstrap = logging(std::slice::from_ref(&format));
        // The oldest first: it is the one that refuses most.
        let refuses = |envoy: &PathBuf| validate(envoy, &bootstrap).is_err();
        let why = check(&format).unwrap_err();
        assert!(
            envoys.iter().rev().any(refuses),
            "{format:?} {why}, but all accept it"
        );
    }
}

/// Every operator alone, every kind of operator with everything that one of them takes, and what is between operators.
fn formats() -> Vec<String> {
    let values = VALUES.split_whitespace().map(|name| format!("%{name}%"));
    let plain = [
        "",
        "a\u{0}\u{e9}\n",
        "100%%",
        "%%%PROTOCOL%",
        "100%",
        "%PROTOCOL%%",
        "%PROTOCOL %",
        "%%%",
    ];
    let mut formats: Vec<String> = values.chain(plain.map(str::to_owned)).collect();
    for name in NAMES {
        for (index, argument) in ARGUMENTS.into_iter().enumerate() {
            // All ends of some arguments, and one of every one.
            let ends = if index < 3 { &ENDS[..] } else { &ENDS[..1] };
            formats.extend(ends.iter().map(|end| format!("-%{name}{argument}{end}")));
        }
    }
    formats
}

/// A bootstrap with a log of each format.
fn logging(formats: &[String]) -> String {
    let log = |format: &String| {
        json!({
            "name": "file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": "/dev/null",
                "log_format": { "text_format_source": { "inline_string": format } },
            },
        })
    };
    let listener = json!({
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
        "access_log": formats.iter().map(log).collect::<Vec<Value>>(),
        "filter_chains": [{}],
    });
    json!({ "node": { "id": "test", "cluster": "test" }, "static_resources": { "listeners": [listener] } })
        .to_string()
}
