//! The DNS server that tasks resolve their names with.
//!
//! It answers A and AAAA from a file in hosts format, follows the changes of that file, and forwards every other
//! name to the resolvers it is given. It is for the tasks of one machine or network: it listens where it is told
//! to and nowhere else, keeps no zone, and never becomes an authority on the Internet.
//!
//! [`DnsServer`] is the way in; [`DnsOptions`] says what it answers. Nothing here knows a mesh or Envoy.

mod answer;
mod forward;
mod hosts;
mod server;
mod tcp;
mod watch;

#[cfg(feature = "testing")]
pub mod testing;

pub use forward::{Forward, ForwardError};
pub use hosts::{Hosts, HostsError, LineProblem, MalformedLine};
pub use server::{DnsError, DnsOptions, DnsServer};
