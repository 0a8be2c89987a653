//! A whole mesh on one machine for end-to-end tests: real programs, in tasks of their own.
//!
//! A [`World`] is a network with `evermesh serve` on its gateway. A [`MeshTask`] is a task as on ECS: applications
//! that know nothing of the mesh ([`App`]), the addresses they listen on, and a sidecar (`evermesh-proxy run
//! --engine envoy`) that their traffic is redirected to. Calls are made within a task, by its name server. What
//! fails panics with what was expected, as tests do, and the programs' logs are printed.
//!
//! # How to write a test
//!
//! A test is an `async fn(World)` in a file of `tests/behaviour/` (a feature) or `tests/walkthroughs/` (a user's
//! walkthrough), listed by its path in `main.rs` there. It runs once with each Envoy, in a world of its own, several
//! at a time:
//!
//! ```no_run
//! use evermesh_e2e::{App, Call, TaskSpec, World};
//!
//! const MESH: &str = "
//! meshName: m
//! ---
//! meshName: m
//! virtualNodeName: client
//! spec:
//!   backends: [{ virtualService: { virtualServiceName: svc.local } }]
//! ---
//! meshName: m
//! virtualServiceName: svc.local
//! spec: { provider: { virtualNode: { virtualNodeName: blue } } }
//! ---
//! meshName: m
//! virtualNodeName: blue
//! spec:
//!   listeners: [{ portMapping: { port: 8080, protocol: http } }]
//!   serviceDiscovery: { dns: { hostname: blue.local } }
//! ";
//!
//! pub(crate) async fn a_backend_answers(mut world: World) {
//!     let blue = world.task(TaskSpec::node("blue").app(App::http(8080)));
//!     let client = world.task(TaskSpec::node("client"));
//!     world.name("blue.local", [&blue]);
//!     world.name("svc.local", [&blue]);
//!     world.apply(MESH); // waits until every sidecar has it
//!
//!     let reply = client.call(&Call::get("http://svc.local:8080/a?b=c")).await.unwrap();
//!     assert_eq!((reply.seen().app.as_str(), reply.seen().path.as_str()), ("blue", "/a?b=c"));
//! }
//! ```
//!
//! * Names come first, then [`World::apply`]: a proxy that does not find a name asks again only seconds later.
//! * An update is another [`World::apply`] of the resources that change; [`World::apply_and_prune`] deletes too.
//! * What an application answers is decided by [`Server::answer`], from then on.
//! * To see that nothing fails while something changes, start a [`Load`], change, stop it and ask its [`Tally`]; to see
//!   that nothing is cut, have a [`LongStream`] go on meanwhile.
//! * Wait for conditions ([`eventually`], [`evermesh_testkit::wait_until`]); never sleep, never assert a time.
//! * Certificates are made by [`pki`], which puts them where a manifest says; [`SecretService`] is a secret discovery
//!   service. The control plane has `certificates/` of the world's directory for those of ACM.
//! * Say what Envoy did by its statistics ([`MeshTask::stat`]), whose names users rely on.
//!
//! `cargo test -p evermesh-e2e --test behaviour -- retries 1.40` runs the tests whose name contains one of the words;
//! `EVERMESH_E2E_JOBS=1` one after the other. The programs must be built: `cargo build --bin evermesh --bin
//! evermesh-proxy`, and the tools installed: `make tools`.

mod app;
mod call;
mod client;
mod envoy;
mod grpc;
mod hello;
mod instances;
mod load;
mod manifests;
mod names;
pub mod pki;
mod runner;
mod sds;
mod seen;
mod sidecar;
mod stream;
mod task;
mod tls;
mod world;

use evermesh_testkit::DEADLINE;

pub use app::{Answer, App, Asked, Server};
pub use call::{Call, Reply};
pub use client::{CallError, Connection};
pub use envoy::Envoy;
pub use instances::Instance;
pub use load::{Load, Tally};
pub use manifests::Manifests;
pub use runner::{Case, run};
pub use sds::SecretService;
pub use seen::Seen;
pub use stream::LongStream;
pub use task::{Address, MeshTask, TaskSpec};
pub use tls::Tls;
pub use world::{Caller, World};

/// Waits until a condition holds.
///
/// # Panics
/// When it does not within [`DEADLINE`], with `what` was waited for.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    evermesh_testkit::wait_until_async(what, DEADLINE, async || condition().await.then_some(())).await;
}
