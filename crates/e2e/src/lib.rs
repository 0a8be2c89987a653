//! A whole mesh on one machine for end-to-end tests: real programs, in tasks of their own.
//!
//! A [`World`] is a network with `evermesh serve` on its gateway and the AWS CLI pointed at it. A [`MeshTask`] is a
//! task as on ECS: an application that knows nothing of the mesh, the address it listens on, and a sidecar
//! (`evermesh-proxy run --engine envoy`) that its traffic is redirected to. A [`Client`] is an application's own
//! connection, made inside a task. What fails panics with what was expected, as tests do.

mod app;
mod client;
mod runner;
mod world;

pub use client::{Answers, Client};
pub use runner::{Case, run};
pub use world::{MeshTask, World};
