//! Traffic interception: the App Mesh redirect rules of ECS and EC2, installed and removed with nftables.
//!
//! On App Mesh the application knows nothing of its sidecar: rules in the network namespace of the task send
//! what arrives at the application's ports, and what the application sends, through the proxy. This crate has
//! the same chains and exceptions as the CNI plugin of ECS and the script of the App Mesh user guide for EC2,
//! in a table of its own (`inet appmesh`), for IPv4 and IPv6.
//!
//! ```text
//! environment or proxyConfiguration ─> Config ─> Ruleset ─(text)─> nft        install
//!                                      Config <─ Ruleset <─(JSON)─ nft        status
//! ```
//!
//! Everything but [`install`], [`remove`] and [`status`] is pure; those three run the `nft` command, which acts
//! on the network namespace of the calling thread. This crate never creates namespaces or sockets.

mod config;
mod ecs;
mod env;
mod error;
mod listing;
mod nft;
mod ports;
mod read;
mod ruleset;
mod status;

pub use config::{Config, Ingress};
pub use error::{ConfigError, ConfigErrors};
pub use ipnet::IpNet;
pub use nft::{NftError, install, remove, status};
pub use ports::{PortRange, PortRangeError};
pub use ruleset::Ruleset;
pub use status::{State, Status};
