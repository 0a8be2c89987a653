//! The server over real gRPC: against messages by hand, simulated proxies, and a real Envoy.

// In a test, `unwrap` is an assertion; clippy.toml says so only for functions marked as tests.
#![allow(clippy::unwrap_used)]

mod answers;
mod delta;
mod envoy;
mod harness;
mod limits;
mod reconnects;
mod relay;
mod stats;
mod updates;
