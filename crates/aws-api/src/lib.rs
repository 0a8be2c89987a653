//! AWS wire protocols, and the App Mesh and STS endpoints mounted on them. No business rules: those are behind
//! [`MeshService`](evermesh_service::MeshService).
//!
//! One port answers for every AWS service. What a request is for follows from the service in its signature's
//! credential scope, else from `X-Amz-Target`, else from `Action`, else from its path; so a client needs nothing
//! but `AWS_ENDPOINT_URL`. A request then goes through these modules:
//!
//! | module | step |
//! |---|---|
//! | `server` | connections: how many, how long |
//! | `router` | one request from arrival to answer: request id, span, counters |
//! | `request` | the body, within its limits |
//! | `sigv4` | who signed it, and whether the signature holds |
//! | `dispatch` | which service it is for |
//! | `appmesh`, `sts` | the services |
//! | `protocol` | how answers and refusals look on the wire |
//!
//! Routes beside the services may be put behind the same signatures by [`signed_only`].

mod appmesh;
mod counters;
mod credentials;
mod dispatch;
mod error;
mod guard;
mod limits;
mod origin;
mod protocol;
mod request;
mod router;
mod server;
mod sigv4;
mod sts;
mod text;

pub use counters::{Count, Counters, Durations};
pub use credentials::{Credentials, CredentialsError};
pub use guard::signed_only;
pub use limits::Limits;
pub use router::{ApiOptions, router};
pub use server::serve;
