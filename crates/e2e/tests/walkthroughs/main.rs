//! Users' walkthroughs replayed: real programs, traffic as on App Mesh.

mod getting_started;

use std::process::ExitCode;

fn main() -> ExitCode {
    evermesh_e2e::run(&evermesh_e2e::cases![getting_started::replay])
}
