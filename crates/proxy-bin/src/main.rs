//! The `evermesh-proxy` command.
fn main() {}
