//! The table of every variable: name, what it accepts, its default and what it is for. The parser, the error
//! messages and `--help` all read this one table.
//!
//! Source: the App Mesh user guide, page "Envoy configuration variables", unless a comment names another.
//! A default's reason is that page unless its comment gives another.

use std::fmt;

/// One environment variable of the contract.
#[derive(Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name, as in the container definition.
    pub name: &'static str,
    /// The values it takes.
    pub accepts: Accepts,
    /// The value that stands in when it is unset or empty, parsed like any other.
    pub default: Option<&'static str>,
    /// One line for `--help`.
    pub help: &'static str,
}

/// The shape of a variable's value.
#[derive(Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Free text, described.
    Text(&'static str),
    /// `1`/`true` or `0`/`false`.
    Flag,
    /// A whole number within bounds, both included.
    Integer {
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
    },
    /// One of these words, in any case.
    OneOf(&'static [&'static str]),
}

impl fmt::Display for Accepts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Flag => f.write_str("1 or true, 0 or false"),
            Self::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::OneOf(words) => f.write_str(&words.join(", ")),
        }
    }
}

/// Variables that belong together, under one heading of the help text.
#[derive(Debug)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// In the order to show them.
    pub variables: &'static [&'static Variable],
}

/// Every variable that is read, grouped as in the user guide.
pub const GROUPS: &[Group] = &[
    Group {
        title: "Identity and control plane",
        variables: IDENTITY,
    },
    Group {
        title: "Envoy",
        variables: ENVOY,
    },
    Group {
        title: "Admin interface",
        variables: ADMIN,
    },
    Group {
        title: "Restart and drain",
        variables: AGENT,
    },
    Group {
        title: "Tracing (at most one)",
        variables: TRACING,
    },
    Group {
        title: "DogStatsD",
        variables: STATSD,
    },
    Group {
        title: "Stats",
        variables: STATS,
    },
    Group {
        title: "Several proxies on one machine",
        variables: PLACEMENT,
    },
    Group {
        title: "Deprecated, still read",
        variables: DEPRECATED,
    },
    Group {
        title: "Read, without effect",
        variables: WITHOUT_EFFECT,
    },
];

const IDENTITY: &[&Variable] = &[
    &RESOURCE_ARN,
    &RESOURCE_CLUSTER,
    &XDS_ENDPOINT,
    &INITIAL_FETCH_TIMEOUT,
    &XDS_API_TYPE,
    &REGION,
    &SDS_SOCKET,
];
const ENVOY: &[&Variable] = &[&LOG_LEVEL, &CONCURRENCY];
const ADMIN: &[&Variable] = &[&ADMIN_PORT, &ADMIN_LOG, &ADMIN_IPV6];
const AGENT: &[&Variable] = &[&RESTART_COUNT, &POLL_INTERVAL, &DRAIN_WAIT];
const TRACING: &[&Variable] = &[
    &XRAY,
    &XRAY_PORT,
    &XRAY_RATE,
    &XRAY_MANIFEST,
    &XRAY_SEGMENT,
    &DATADOG,
    &DATADOG_PORT,
    &DATADOG_ADDRESS,
    &DATADOG_SERVICE,
    &JAEGER,
    &JAEGER_PORT,
    &JAEGER_ADDRESS,
    &JAEGER_VERSION,
    &TRACING_FILE,
];
const STATSD: &[&Variable] = &[&DOGSTATSD, &STATSD_PORT, &STATSD_ADDRESS, &STATSD_SOCKET];
const STATS: &[&Variable] = &[&STATS_TAGS, &STATS_FILE, &SINKS_FILE];
const PLACEMENT: &[&Variable] = &[&BIND, &APP_ADDRESS, &SOCKET_MARK];
const DEPRECATED: &[&Variable] = &[&RESOURCE_NAME, &VIRTUAL_NODE_NAME];
/// Shown and noticed, so that nobody waits for what they ask for.
pub(super) const WITHOUT_EFFECT: &[&Variable] = &[
    &PREVIEW,
    &DUALSTACK,
    &METRIC_EXTENSION,
    &AGENT_ADMIN_MODE,
    &AGENT_HTTP_PORT,
    &AGENT_SOCKET,
];

const ANY_PORT: Accepts = Accepts::Integer { min: 1, max: 65535 };
const ARN: Accepts = Accepts::Text(
    "arn:<partition>:appmesh:<region>:<account>:mesh/<mesh>/virtualNode/<name> (or /virtualGateway/<name>), \
     or the part from mesh/ on, where the mesh may be <mesh>@<meshOwner>",
);
const IP: Accepts = Accepts::Text("an IPv4 or IPv6 address");
const HOST: Accepts = Accepts::Text("an IP address or a host name");
const PATH: Accepts = Accepts::Text("the path of a readable file");
const SOCKET: Accepts = Accepts::Text("the absolute path of a Unix socket, at most 107 bytes");
const NAME: Accepts = Accepts::Text("a name of at most 255 characters, none of them a control character");

macro_rules! variables {
    ($($(#[$doc:meta])* $id:ident = $name:literal, $accepts:expr, $default:expr, $help:literal;)*) => {
        $($(#[$doc])* pub const $id: Variable =
            Variable { name: $name, accepts: $accepts, default: $default, help: $help };)*
    };
}

variables! {
    /// Which resource this proxy is. Required (or one of its deprecated names).
    RESOURCE_ARN = "APPMESH_RESOURCE_ARN", ARN, None, "the virtual node or gateway this proxy is (required)";
    /// Default: the identity as it was given, which is what the App Mesh image sent.
    RESOURCE_CLUSTER = "APPMESH_RESOURCE_CLUSTER", NAME, None,
        "name of this proxy in metrics and traces (default: the resource)";
    /// Required: the AWS endpoint that used to be the default is switched off.
    XDS_ENDPOINT = "APPMESH_XDS_ENDPOINT",
        Accepts::Text("host:port, [IPv6 address]:port, or unix:///path/of/socket"), None,
        "the control plane's xDS address (required)";
    /// In seconds. 0 waits for ever: a proxy that serves without its configuration would refuse live traffic.
    INITIAL_FETCH_TIMEOUT = "ENVOY_INITIAL_FETCH_TIMEOUT", Accepts::Integer { min: 0, max: 86_400 }, Some("0"),
        "seconds to wait for the first configuration, 0 for ever";
    /// Evermesh's own, with Envoy's names. App Mesh's bootstrap has GRPC, and users' own pieces of it may rely on that.
    XDS_API_TYPE = "EVERMESH_XDS_API_TYPE", Accepts::OneOf(&["GRPC", "DELTA_GRPC"]), Some("GRPC"),
        "how configuration comes: all of a type with each change (GRPC), or only what changed (DELTA_GRPC)";
    /// No default: nothing depends on it.
    REGION = "AWS_REGION", Accepts::Text("a region code such as us-west-2"), None,
        "told to the control plane as the proxy's locality";
    /// Source: the user guide's page on mutual TLS.
    SDS_SOCKET = "APPMESH_SDS_SOCKET_PATH", SOCKET, None, "Unix socket of a local secret discovery service";

    /// Verbosity of Envoy.
    LOG_LEVEL = "ENVOY_LOG_LEVEL",
        Accepts::OneOf(&["trace", "debug", "info", "warning", "warn", "error", "critical", "off"]),
        Some("info"), "verbosity of Envoy";
    /// No default: Envoy then starts one worker per hardware thread. The bound keeps a typing error harmless.
    CONCURRENCY = "ENVOY_CONCURRENCY", Accepts::Integer { min: 0, max: 1024 }, None,
        "worker threads (default: one per hardware thread)";

    /// 0 takes any free port, for tests and for many proxies on one machine.
    ADMIN_PORT = "ENVOY_ADMIN_ACCESS_PORT", Accepts::Integer { min: 0, max: 65535 }, Some("9901"),
        "port of the admin interface";
    /// Where admin requests are logged.
    ADMIN_LOG = "ENVOY_ADMIN_ACCESS_LOG_FILE", Accepts::Text("a path"), Some("/tmp/envoy_admin_access.log"),
        "access log of the admin interface";
    /// Off: IPv4 only.
    ADMIN_IPV6 = "ENVOY_ADMIN_ACCESS_ENABLE_IPV6", Accepts::Flag, Some("0"),
        "let the admin interface listen on IPv6 as well";

    /// Outside the bounds the nearest value holds, with a notice, as the App Mesh agent did.
    RESTART_COUNT = "APPNET_ENVOY_RESTART_COUNT", Accepts::Integer { min: 0, max: 10 }, Some("0"),
        "times Envoy is started again when it exits";
    /// Outside the bounds the nearest value holds. Envoy's exit is noticed at once; this is the pause before a
    /// restart, which is the longest the App Mesh agent took to notice.
    POLL_INTERVAL = "PID_POLL_INTERVAL_MS", Accepts::Integer { min: 100, max: 1000 }, Some("100"),
        "milliseconds between Envoy's exit and its restart";
    /// Outside the bounds the nearest value holds.
    DRAIN_WAIT = "LISTENER_DRAIN_WAIT_TIME_S", Accepts::Integer { min: 5, max: 110 }, Some("20"),
        "most seconds to wait for connections to close on SIGTERM";

    /// Off unless asked for.
    XRAY = "ENABLE_ENVOY_XRAY_TRACING", Accepts::Flag, Some("0"), "send traces to the X-Ray daemon on 127.0.0.1";
    /// The daemon's own default.
    XRAY_PORT = "XRAY_DAEMON_PORT", ANY_PORT, Some("2000"), "port of the X-Ray daemon (UDP)";
    /// No default here: without it Envoy's X-Ray tracer samples 5 %.
    XRAY_RATE = "XRAY_SAMPLING_RATE", Accepts::Text("a decimal from 0 to 1"), None,
        "share of requests traced (default 0.05)";
    /// Wins over the rate.
    XRAY_MANIFEST = "XRAY_SAMPLING_RULE_MANIFEST", Accepts::Text("the path of a JSON sampling manifest, version 2"),
        None, "own sampling rules, instead of the rate";
    /// Default: `<mesh>/<resource>`.
    XRAY_SEGMENT = "XRAY_SEGMENT_NAME", NAME, None, "segment name (default <mesh>/<resource>)";
    /// Off unless asked for.
    DATADOG = "ENABLE_ENVOY_DATADOG_TRACING", Accepts::Flag, Some("0"), "send traces to a Datadog agent";
    /// The agent's own default.
    DATADOG_PORT = "DATADOG_TRACER_PORT", ANY_PORT, Some("8126"), "port of the Datadog agent";
    /// The agent shares the task's network.
    DATADOG_ADDRESS = "DATADOG_TRACER_ADDRESS", HOST, Some("127.0.0.1"), "address of the Datadog agent";
    /// Default: `envoy-<mesh>/<resource>`.
    DATADOG_SERVICE = "DD_SERVICE", NAME, None, "Datadog service name (default envoy-<mesh>/<resource>)";
    /// Off unless asked for.
    JAEGER = "ENABLE_ENVOY_JAEGER_TRACING", Accepts::Flag, Some("0"), "send Zipkin v2 spans to a Jaeger collector";
    /// Zipkin's port, which Jaeger's collector serves.
    JAEGER_PORT = "JAEGER_TRACER_PORT", ANY_PORT, Some("9411"), "port of the Jaeger collector";
    /// The collector shares the task's network.
    JAEGER_ADDRESS = "JAEGER_TRACER_ADDRESS", HOST, Some("127.0.0.1"), "address of the Jaeger collector";
    /// Encoding of spans.
    JAEGER_VERSION = "JAEGER_TRACER_VERSION", Accepts::OneOf(&["PROTO", "JSON"]), Some("PROTO"), "encoding of spans";
    /// Wins over the drivers above.
    TRACING_FILE = "ENVOY_TRACING_CFG_FILE", PATH, None, "own `tracing` section, and clusters for it, as YAML";

    /// Off unless asked for.
    DOGSTATSD = "ENABLE_ENVOY_DOG_STATSD", Accepts::Flag, Some("0"), "send stats to a DogStatsD daemon";
    /// The daemon's own default.
    STATSD_PORT = "STATSD_PORT", ANY_PORT, Some("8125"), "port of the daemon (UDP)";
    /// The daemon shares the task's network. Envoy resolves no names here.
    STATSD_ADDRESS = "STATSD_ADDRESS", IP, Some("127.0.0.1"), "address of the daemon";
    /// Wins over address and port.
    STATSD_SOCKET = "STATSD_SOCKET_PATH", SOCKET, None, "Unix socket of the daemon, instead of address and port";

    /// Off unless asked for.
    STATS_TAGS = "ENABLE_ENVOY_STATS_TAGS", Accepts::Flag, Some("0"), "tag stats with mesh and resource";
    /// Replaces the generated tags.
    STATS_FILE = "ENVOY_STATS_CONFIG_FILE", PATH, None, "own `stats_config` section as YAML";
    /// Wins over DogStatsD.
    SINKS_FILE = "ENVOY_STATS_SINKS_CFG_FILE", PATH, None, "own `stats_sinks` section as YAML";

    /// Evermesh's own. No default: every address.
    BIND = "EVERMESH_BIND_ADDRESS", IP, None, "address of this proxy's listeners and admin interface (--bind)";
    /// Evermesh's own. No default: the control plane's (127.0.0.1 or ::1).
    APP_ADDRESS = "EVERMESH_APP_ADDRESS", IP, None, "address of the local application (--app-address)";
    /// Evermesh's own. No default: sockets are not marked.
    SOCKET_MARK = "EVERMESH_SOCKET_MARK", Accepts::Text("a number from 1 to 4294967295, decimal or 0x..."), None,
        "mark on every connection the proxy opens, for redirect rules to let pass (--socket-mark)";

    /// Name of the variable before image 1.15.
    RESOURCE_NAME = "APPMESH_RESOURCE_NAME", ARN, None, "older name of APPMESH_RESOURCE_ARN";
    /// Name of the variable in the first images; gateways used it too.
    VIRTUAL_NODE_NAME = "APPMESH_VIRTUAL_NODE_NAME", ARN, None, "oldest name of APPMESH_RESOURCE_ARN";

    /// There is no preview channel.
    PREVIEW = "APPMESH_PREVIEW", Accepts::Flag, Some("0"), "chose an AWS endpoint; APPMESH_XDS_ENDPOINT decides";
    /// The endpoint is given, not chosen.
    DUALSTACK = "APPMESH_DUALSTACK_ENDPOINT", Accepts::Flag, Some("0"),
        "chose an AWS endpoint; APPMESH_XDS_ENDPOINT decides";
    /// AWS's extension is a WebAssembly file of its image.
    METRIC_EXTENSION = "APPMESH_METRIC_EXTENSION_VERSION", Accepts::Flag, Some("0"),
        "AWS's metrics extension is not part of a stock Envoy";
    /// The agent's own interface.
    AGENT_ADMIN_MODE = "APPNET_AGENT_ADMIN_MODE", Accepts::OneOf(&["tcp", "uds"]), None,
        "the agent's management interface; use Envoy's admin interface";
    /// The agent's own interface.
    AGENT_HTTP_PORT = "APPNET_AGENT_HTTP_PORT", ANY_PORT, None, "as APPNET_AGENT_ADMIN_MODE";
    /// The agent's own interface.
    AGENT_SOCKET = "APPNET_AGENT_ADMIN_UDS_PATH", SOCKET, None, "as APPNET_AGENT_ADMIN_MODE";
}

/// Where an Envoy binary is, when it is not on `PATH`; read by [`crate::envoy::locate`].
pub const ENVOY_PATH: &str = "ENVOY_PATH";
