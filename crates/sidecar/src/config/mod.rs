//! The environment contract of the App Mesh Envoy image, read in one place into one typed [`Config`], or into
//! every fault it has.

mod endpoint;
mod environment;
mod error;
mod identity;
mod overrides;
mod reader;
mod stats;
mod tracing;
pub mod variables;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

pub use endpoint::{Endpoint, EndpointError, Host};
pub use environment::{Environment, MAX_FILE_BYTES, ProcessEnvironment};
pub use error::{ConfigErrors, Invalid, Notice, Problem};
pub use identity::{ArnScope, Identity, IdentityError, ResourceKind};
pub use overrides::{BootstrapFile, SectionError};
pub use stats::{DogStatsd, Stats, StatsTags};
pub use tracing::{SpanEncoding, Tracing, XRaySampling};

use reader::Reader;
use variables::{self as var, Variable};

/// Ports of the proxy's own listeners (App Mesh: ingress 15000, egress 15001).
const INGRESS_PORT: u16 = 15000;
const EGRESS_PORT: u16 = 15001;
/// The least drain time that App Mesh accepts.
const DRAIN_SETTLE: Duration = Duration::from_secs(5);

/// Everything the environment decides about one proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which resource the proxy is; `node.id`.
    pub identity: Identity,
    /// The proxy's name in metrics and traces; `node.cluster`.
    pub cluster: String,
    /// Region code, for the node's locality.
    pub region: Option<String>,
    /// The control plane's xDS address. Over TCP it is spoken to in clear text (h2c).
    pub xds: Endpoint,
    /// `GRPC` (state of the world) or `DELTA_GRPC` (incremental): Envoy's `api_type` of the stream.
    pub xds_api_type: &'static str,
    /// How long Envoy waits for its first listeners and clusters; zero is for ever.
    pub initial_fetch_timeout: Duration,
    /// Envoy's admin interface.
    pub admin: Admin,
    /// `trace`, `debug`, `info`, `warning`, `error`, `critical` or `off`.
    pub log_level: &'static str,
    /// Envoy's worker threads; `None` leaves it to Envoy.
    pub concurrency: Option<u32>,
    /// How Envoy is kept running and stopped.
    pub lifecycle: Lifecycle,
    /// Where spans go; `None` when off, or when the user's file decides.
    pub tracing: Option<Tracing>,
    /// Tags and sink of stats.
    pub stats: Stats,
    /// Socket of a local secret discovery service.
    pub sds_socket: Option<PathBuf>,
    /// Where the proxy stands on a machine that it shares.
    pub placement: Placement,
    /// The user's own pieces of bootstrap.
    pub files: Vec<BootstrapFile>,
    /// What the user should know; log it.
    pub notices: Vec<Notice>,
}

/// Envoy's admin interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens. Like the App Mesh image's it is reachable from outside, because load balancers check
    /// `/server_info` and Prometheus scrapes it there; `EVERMESH_BIND_ADDRESS=127.0.0.1` closes it.
    pub address: SocketAddr,
    /// File that its requests are logged to.
    pub access_log: PathBuf,
}

/// How Envoy is kept running and stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifecycle {
    /// Times Envoy is started again after it exited.
    pub restart_count: u32,
    /// Pause before each restart.
    pub restart_pause: Duration,
    /// Shortest stay after a stop request, even without connections: peers go on connecting until they have heard
    /// that this proxy leaves.
    pub drain_settle: Duration,
    /// Longest wait for connections to close, the settling included.
    pub drain_wait: Duration,
}

/// Where the proxy stands on a machine that it shares with others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Placement {
    /// Address of the listeners, told to the control plane.
    pub bind_address: Option<IpAddr>,
    /// Address of the local application, told to the control plane.
    pub app_address: Option<IpAddr>,
    /// Mark on every upstream socket.
    pub socket_mark: Option<NonZeroU32>,
}

impl Config {
    /// Reads the whole contract.
    ///
    /// # Errors
    /// Every variable that cannot be used, in the order of the table.
    pub fn from_environment(environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(environment);
        let identity = identity(&mut reader);
        let config = read_rest(&mut reader, identity);
        match config {
            Some(mut config) if reader.errors.is_empty() => {
                config.notices = reader.notices;
                Ok(config)
            }
            _ => Err(ConfigErrors(reader.errors)),
        }
    }
}

impl Admin {
    /// Reads the admin variables alone, as a health check does.
    ///
    /// # Errors
    /// Those of the admin variables that cannot be used.
    pub fn from_environment(environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(environment);
        let bind = address(&mut reader, &var::BIND);
        match admin(&mut reader, bind, None) {
            Some(admin) if reader.errors.is_empty() => Ok(admin),
            _ => Err(ConfigErrors(reader.errors)),
        }
    }
}

/// `None` only when a fault was recorded: every field is read before the first missing one ends the reading.
fn read_rest(reader: &mut Reader<'_>, identity: Option<Identity>) -> Option<Config> {
    let cluster = reader.text(&var::RESOURCE_CLUSTER);
    let xds = xds(reader);
    let timeout: Option<u64> = reader.integer(&var::INITIAL_FETCH_TIMEOUT);
    let xds_api_type = reader.word(&var::XDS_API_TYPE);
    let region = region(reader);
    let sds_socket = reader.parsed(&var::SDS_SOCKET, endpoint::socket_path);
    let log_level = reader.word(&var::LOG_LEVEL);
    let concurrency = reader.integer(&var::CONCURRENCY);
    let placement = placement(reader);
    let admin = admin(reader, placement.bind_address, identity.as_ref());
    let lifecycle = lifecycle(reader);
    let tracing = tracing::read(reader, identity.as_ref());
    let stats = stats::read(reader);
    let files = overrides::read(reader);
    notice_what_has_no_effect(reader);
    let identity = identity?;
    Some(Config {
        cluster: cluster.unwrap_or_else(|| identity.as_str().to_owned()),
        identity,
        region,
        xds: xds?,
        xds_api_type: xds_api_type?,
        initial_fetch_timeout: Duration::from_secs(timeout?),
        admin: admin?,
        log_level: log_level?,
        concurrency,
        lifecycle,
        tracing,
        stats,
        sds_socket,
        placement,
        files,
        notices: Vec::new(),
    })
}

/// The current name wins over the deprecated ones, the younger of these over the older.
fn identity(reader: &mut Reader<'_>) -> Option<Identity> {
    let names = [&var::RESOURCE_ARN, &var::RESOURCE_NAME, &var::VIRTUAL_NODE_NAME];
    let Some(variable) = names.into_iter().find(|variable| reader.is_set(variable)) else {
        reader.reject(&var::RESOURCE_ARN, Problem::Missing);
        return None;
    };
    if variable != &var::RESOURCE_ARN {
        reader.notice(
            variable,
            format!("deprecated; {} is its name now", var::RESOURCE_ARN.name),
        );
    }
    reader.parsed(variable, str::parse)
}

fn xds(reader: &mut Reader<'_>) -> Option<Endpoint> {
    if !reader.is_set(&var::XDS_ENDPOINT) {
        reader.reject(&var::XDS_ENDPOINT, Problem::Missing);
    }
    reader.parsed(&var::XDS_ENDPOINT, str::parse)
}

fn region(reader: &mut Reader<'_>) -> Option<String> {
    reader.parsed(&var::REGION, |text| {
        let fits = text.len() <= 64
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits {
            Ok(text.to_owned())
        } else {
            Err(Problem::NotARegion)
        }
    })
}

fn placement(reader: &mut Reader<'_>) -> Placement {
    Placement {
        bind_address: address(reader, &var::BIND),
        app_address: address(reader, &var::APP_ADDRESS),
        socket_mark: reader.parsed(&var::SOCKET_MARK, parse_mark),
    }
}

fn address(reader: &mut Reader<'_>, variable: &'static Variable) -> Option<IpAddr> {
    reader.parsed(variable, |text| text.parse().map_err(|_| Problem::NotAnAddress))
}

/// Decimal, or hexadecimal as `ip rule` and iptables print marks.
fn parse_mark(text: &str) -> Result<NonZeroU32, Problem> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.ok().and_then(NonZeroU32::new).ok_or(Problem::NotANumber)
}

fn admin(reader: &mut Reader<'_>, bind: Option<IpAddr>, identity: Option<&Identity>) -> Option<Admin> {
    let ipv6 = reader.flag(&var::ADMIN_IPV6);
    let everywhere = if ipv6 {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    let access_log = reader.text(&var::ADMIN_LOG);
    let port: u16 = reader.integer(&var::ADMIN_PORT)?;
    let node = identity.is_some_and(|identity| identity.kind() == ResourceKind::VirtualNode);
    if port == EGRESS_PORT || (node && port == INGRESS_PORT) {
        reader.reject(&var::ADMIN_PORT, Problem::ListenerPort(port));
    }
    Some(Admin {
        address: SocketAddr::new(bind.unwrap_or(everywhere), port),
        access_log: access_log?.into(),
    })
}

fn lifecycle(reader: &mut Reader<'_>) -> Lifecycle {
    Lifecycle {
        restart_count: reader.clamped(&var::RESTART_COUNT),
        restart_pause: Duration::from_millis(reader.clamped(&var::POLL_INTERVAL)),
        drain_settle: DRAIN_SETTLE,
        drain_wait: Duration::from_secs(reader.clamped(&var::DRAIN_WAIT)),
    }
}

fn notice_what_has_no_effect(reader: &mut Reader<'_>) {
    for &variable in var::WITHOUT_EFFECT {
        // "0" switches off what is off anyway.
        let asks = reader
            .environment
            .var(variable.name)
            .is_some_and(|value| !matches!(&*value, "" | "0"));
        if asks {
            reader.notice(variable, format!("without effect: {}", variable.help));
        }
    }
}
