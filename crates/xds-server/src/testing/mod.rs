//! Proxies for tests and benchmarks, here and in other crates. Never in a program.
//!
//! * [`Model`] does what Envoy does with the messages of a stream, without I/O, in both forms of the protocol.
//! * [`Peer`] runs a model over gRPC in a task; hundreds of them run on one runtime.
//! * [`fixtures`] has small resources and a source of configuration to serve them with.
//! * [`Wire`] is a stream driven by hand, one message at a time.

pub mod fixtures;
mod messages;
mod model;
mod peer;
mod references;
mod wire;

pub use messages::{Ask, Told};
pub use model::{Applied, Model};
pub use peer::Peer;
pub use wire::{DeltaWire, Wire, delta_request, request};
