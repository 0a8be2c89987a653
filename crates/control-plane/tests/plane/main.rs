//! The control plane as its users meet it: writes go in through the service or HTTP, simulated proxies take
//! configuration over gRPC. One program, so that it is linked once.

#![allow(clippy::unwrap_used, reason = "in a test, it is an assertion")]
#![allow(clippy::needless_pass_by_value, reason = "specs are written in the call")]

mod arrival;
mod damage;
mod life;
mod metrics;
mod specs;
mod stress;
mod updates;
mod world;
