//! The `evermesh` command.
fn main() {}
