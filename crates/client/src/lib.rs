//! The App Mesh API from outside: a client, manifests in files, and plans that bring a mesh to what they say.
//!
//! [`Client`] speaks to a control plane over HTTP, and signs what it says when it has [`Credentials`].
//! [`read_documents`] reads what a user has written down, with every fault and its place. [`Plan`] compares the two
//! without asking anybody, and says what has to be done in which order; [`apply_step`] does one step of it.

mod apply;
mod client;
mod credentials;
mod decode;
mod document;
mod endpoint;
mod error;
mod http;
mod parse;
mod plan;
mod reference;
mod yaml;

pub use apply::{apply_step, read_held, read_mesh};
pub use client::Client;
pub use credentials::{Credentials, CredentialsError};
pub use document::{Document, Problem, Problems, STDIN, read_documents, read_text};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{ClientError, Refusal};
pub use plan::{Action, Held, Plan, Step, check_references};
pub use yaml::{to_yaml, to_yaml_documents};
