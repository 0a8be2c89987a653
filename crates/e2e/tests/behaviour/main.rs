//! What each feature of a mesh does to traffic, seen through real Envoys: the pinned one and the oldest.

mod retries;
mod weights;

use std::process::ExitCode;

fn main() -> ExitCode {
    evermesh_e2e::run(&evermesh_e2e::cases![
        retries::server_errors_are_tried_again,
        retries::the_default_policy,
        weights::move_without_a_failed_request,
    ])
}
