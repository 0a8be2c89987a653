//! The program as its users run it, against a control plane in this process or one that it is itself.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion, in its helpers too"
)]

mod apply;
mod harness;
mod offline;
mod proxies;
mod read;
mod serve;
mod signed;
