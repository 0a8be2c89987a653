//! Settings from the variables of the EC2 script and of the init container. Never reads the environment itself.

use ipnet::IpNet;

use crate::config::{Config, EGRESS_PORT, INGRESS_PORT, Ingress, METADATA_ADDRESSES, SSH_PORT};
use crate::error::{ConfigError, ConfigErrors};
use crate::ports::PortRange;
use crate::read::{Reader, push_new};

const EXEMPTIONS: &str = "APPMESH_IGNORE_UID, APPMESH_IGNORE_GID, EVERMESH_IGNORE_MARK";

impl Config {
    /// Reads the variables of the App Mesh user guide's script for EC2 (`envoy-networking.sh`) through `lookup`,
    /// which answers with a variable's value; an empty one counts as not set.
    ///
    /// | variable | default |
    /// |---|---|
    /// | `APPMESH_IGNORE_UID`, `APPMESH_IGNORE_GID` | none; one of them or `EVERMESH_IGNORE_MARK` must be set |
    /// | `APPMESH_APP_PORTS` | none: arriving traffic is left alone |
    /// | `APPMESH_ENVOY_INGRESS_PORT` | 15000 |
    /// | `APPMESH_ENVOY_EGRESS_PORT` | 15001 |
    /// | `APPMESH_EGRESS_IGNORED_IP` | 169.254.169.254,169.254.170.2 |
    /// | `APPMESH_EGRESS_IGNORED_PORTS` | none; 22 is always added |
    /// | `APPMESH_ENABLE_IPV6` | 0 |
    /// | `APPMESH_START_ENABLED` | 1: asking to install is the script's `enable`; 0 makes empty chains |
    ///
    /// # Errors
    /// Every mistake in every variable at once.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(&lookup);
        let config = Self {
            ignore_uid: reader.id("APPMESH_IGNORE_UID"),
            ignore_gid: reader.id("APPMESH_IGNORE_GID"),
            ignore_mark: reader.mark("EVERMESH_IGNORE_MARK"),
            ingress: ingress(&mut reader),
            egress_port: reader.port("APPMESH_ENVOY_EGRESS_PORT").unwrap_or(EGRESS_PORT),
            egress_ignored_ips: reader
                .networks("APPMESH_EGRESS_IGNORED_IP")
                .unwrap_or_else(|| METADATA_ADDRESSES.map(IpNet::from).to_vec()),
            egress_ignored_ports: egress_ignored_ports(&mut reader),
            enable_ipv6: reader.flag("APPMESH_ENABLE_IPV6").unwrap_or(false),
            enabled: reader.flag("APPMESH_START_ENABLED").unwrap_or(true),
        };
        let given = |name| lookup(name).is_some_and(|value| !value.trim().is_empty());
        if !EXEMPTIONS.split(", ").any(given) {
            reader.refuse(ConfigError::NothingExempt { settings: EXEMPTIONS });
        }
        reader.finish(config)
    }
}

fn ingress(reader: &mut Reader<'_>) -> Option<Ingress> {
    let proxy_port = reader.port("APPMESH_ENVOY_INGRESS_PORT").unwrap_or(INGRESS_PORT);
    let app_ports = reader
        .ports("APPMESH_APP_PORTS")
        .filter(|ports| !ports.is_empty())?;
    Some(Ingress {
        app_ports,
        proxy_port,
    })
}

/// The script "always refuses to route" SSH, whatever else is listed.
fn egress_ignored_ports(reader: &mut Reader<'_>) -> Vec<PortRange> {
    let mut ports = reader.ports("APPMESH_EGRESS_IGNORED_PORTS").unwrap_or_default();
    if let Ok(ssh) = PortRange::try_from(SSH_PORT) {
        push_new(&mut ports, ssh);
    }
    ports
}
