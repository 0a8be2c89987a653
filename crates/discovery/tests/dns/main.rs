//! The DNS server as its clients see it: real sockets on loopback, Hickory's resolver and raw messages as peers.
#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion, in its helpers too"
)]

mod answers;
mod fixture;
mod forwarding;
mod hosts_file;
mod names;
mod sockets;
