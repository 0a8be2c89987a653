//! Where services are: the DNS server that tasks resolve their names with, and instances as AWS Cloud Map knows them.
//!
//! The server answers A and AAAA from a file in hosts format, follows the changes of that file, and forwards every other
//! name to the resolvers it is given. It is for the tasks of one machine or network: it listens where it is told
//! to and nowhere else, keeps no zone, and never becomes an authority on the Internet.
//!
//! [`DnsServer`] is the way in; [`DnsOptions`] says what it answers, and [`Names`] follows the same answers for the
//! process itself. [`RegistryFile`] follows a file of instances. Nothing here knows a mesh or Envoy.

mod answer;
mod cloud_map;
mod file;
mod forward;
mod hosts;
mod names;
mod server;
mod tcp;

#[cfg(feature = "testing")]
pub mod testing;

pub use cloud_map::{ContentError, Instance, Registry, RegistryError, RegistryFile};
pub use file::FileError;
pub use forward::{Forward, ForwardError};
pub use hosts::{Hosts, LineProblem, MalformedLine};
pub use names::Names;
pub use server::{DnsError, DnsOptions, DnsServer, bind_both};
