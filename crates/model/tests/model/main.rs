//! What the model accepts, refuses and gives back, seen from outside. One binary, one module per concern.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "`json!(...)` reads best where nothing borrows it"
)]

mod ids;
mod manifest;
mod properties;
mod regex_size;
mod regexes;
mod rules;
mod rules_of_listeners;
mod rules_of_logging;
mod rules_of_routes;
mod service_model;
mod shapes;
mod snapshot;
mod support;
mod violations;
