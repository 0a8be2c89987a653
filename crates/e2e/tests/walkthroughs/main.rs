//! Users' walkthroughs, replayed verbatim: real AWS CLI, real Envoy, traffic as on App Mesh.

mod getting_started;

use std::process::ExitCode;

fn main() -> ExitCode {
    evermesh_e2e::run(&[("getting_started", getting_started::replay)])
}
