//! An aggregated discovery service (ADS) for Envoy: serves opaque [`ResourceSet`]s over gRPC, one per proxy.
//!
//! It knows Envoy's resource types and the xDS protocol, and never what a mesh, a node or a route of a mesh is.
//!
//! ```text
//!  ConfigSource ──watch<ResourceSet>──> stream ──> Session ──> Delivery × type ──> Push ──> (Delta)DiscoveryResponse
//!                                       (tokio)   (sans I/O)   (sans I/O)
//! ```
//!
//! * [`XdsServer`] accepts streams and holds what is known of every connected proxy ([`ProxyStatus`]).
//! * A stream is one task: it selects over the proxy's requests and a watch that holds the newest set. A slow
//!   proxy delays nobody, and skips the sets it was too slow for.
//! * A session decides what may be sent and when: nothing is used before it was added, and nothing is removed
//!   before it is out of use (make before break).
//! * A delivery is the state of one resource type on one stream: subscription, nonce, ACK and NACK. At most one
//!   response per type is unanswered, so the memory of a stream is bounded. There are two, for the two forms of the
//!   protocol: state of the world and delta; everything above and below them is the same for both.
//!
//! Versions are hashes of content. They are the same after a restart and on every replica, so a proxy that comes
//! back and states the version it holds is sent nothing when nothing changed. What a version meant is kept in mind for a
//! while after a stream ends, and the source is asked for what it was before a restart, so that a proxy that comes back to
//! a change is taken through it in order.

mod budget;
mod connections;
mod counters;
mod delivery;
mod end;
mod memory;
mod options;
mod pool;
mod push;
mod registry;
mod requests;
mod resource;
mod responses;
mod server;
mod service;
mod session;
mod set;
mod source;
mod stats;
mod status;
mod stream;
mod subscription;
mod warming;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use options::Options;
pub use pool::Pool;
pub use resource::{PerType, Resource, ResourceType, Version};
pub use server::{ServeError, XdsServer};
pub use set::{Collection, ResourceSet, ResourceSetBuilder};
pub use source::{ConfigSource, Refusal};
pub use stats::{Protocol, RefusalReason, ResponseCounts, Stats, StreamCounts};
pub use status::{Nack, ProxyStatus, SyncState, TypeStatus};
