//! What each feature of a mesh does to traffic, seen through real Envoys: the pinned one and the oldest.

mod control_plane_away;
mod retries;
mod undisturbed;
mod weights;

use std::process::ExitCode;

fn main() -> ExitCode {
    evermesh_e2e::run(&evermesh_e2e::cases![
        control_plane_away::nothing_is_sent_when_it_comes_back,
        retries::server_errors_are_tried_again,
        retries::the_default_policy,
        undisturbed::a_service_changes_its_provider,
        undisturbed::http_becomes_http2_on_both_sides,
        undisturbed::listeners_come_and_go,
        undisturbed::renamed_by_create_switch_delete,
        undisturbed::routes_come_change_and_go,
        undisturbed::targets_and_backends_come_and_go,
        undisturbed::weights_move_by_one_percent,
        weights::move_without_a_failed_request,
    ])
}
