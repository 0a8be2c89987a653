//! Proxies for tests and benchmarks, here and in other crates. Never in a program.
//!
//! * [`Model`] does what Envoy does with the messages of a stream, without I/O, in both forms of the protocol.
//! * [`Peer`] runs a model over gRPC in a task; hundreds of them run on one runtime.
//! * [`fixtures`] has small resources and a source of configuration to serve them with.
//! * [`service`] is a server without a listener: whatever bytes a proxy sends go in, and what it is sent comes out.
//! * [`Wire`] is a stream driven by hand, one message at a time.

pub mod fixtures;
mod messages;
mod model;
mod peer;
mod references;
mod wire;

use std::convert::Infallible;

use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::{Service, http};

pub use messages::{Ask, Told};
pub use model::{Applied, Model};
pub use peer::Peer;
pub use wire::{DeltaWire, Wire, delta_request, request};

use crate::server::XdsServer;

/// A server's gRPC service without a listener. Its two methods take messages in gRPC's framing, as a stream of frames;
/// nothing limits their number or size but the server's options.
pub fn service(
    server: &XdsServer,
) -> impl Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible, Future: Send> + Clone
{
    server.service(CancellationToken::new())
}
