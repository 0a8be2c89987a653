//! The hosts format: `address name [name...] [# comment]`, one line each, as in hosts(5).
//!
//! Parsing is total: a line that cannot be understood is reported with its number and the rest stays in force.
//! It never touches the network and never decides what an unknown name means.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use hickory_proto::rr::{LowerName, Name};

use crate::file::{self, Content, FileError};

/// A longer line is malformed.
const MAX_LINE_BYTES: usize = 4096;
/// More addresses for one name would not fit a DNS message over TCP (64 KiB, 28 bytes per AAAA).
const MAX_ADDRESSES: usize = 1024;
/// Malformed lines beyond this many are counted and not kept.
const MAX_REPORTED: usize = 100;

/// What a hosts file says: names with their addresses, and the lines that made no sense.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    names: HashMap<LowerName, Addresses>,
    malformed: Vec<MalformedLine>,
    malformed_count: usize,
}

/// The addresses of one name, each once, in the order of the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) v4: Vec<Ipv4Addr>,
    pub(crate) v6: Vec<Ipv6Addr>,
}

/// A line that is not in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedLine {
    /// Its number in the file, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: LineProblem,
}

/// What can be wrong with a line of a hosts file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// The bytes are not text.
    #[error("not UTF-8")]
    NotText,
    /// The line has more than 4096 bytes.
    #[error("longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// The first word is neither an IPv4 nor an IPv6 address (an IPv6 zone like `%eth0` is not allowed).
    #[error("{0:?} is not an IP address")]
    NotAnAddress(String),
    /// An address stands alone.
    #[error("the address has no name")]
    NoName,
    /// A name is not made of labels of 1 to 63 letters, digits, `-` and `_`, at most 255 bytes in all.
    #[error("{0:?} is not a DNS name")]
    NotAName(String),
    /// The name has as many addresses as one answer can carry.
    #[error("{0:?} has more than {MAX_ADDRESSES} addresses")]
    TooManyAddresses(String),
}

impl Hosts {
    /// Understands the content of a hosts file. Names are case-insensitive; a trailing dot is allowed.
    #[must_use]
    pub fn parse(content: &[u8]) -> Self {
        let mut hosts = Self::default();
        for (index, line) in content.split(|&byte| byte == b'\n').enumerate() {
            if let Err(problem) = hosts.add_line(line) {
                hosts.malformed_count += 1;
                if hosts.malformed.len() < MAX_REPORTED {
                    hosts.malformed.push(MalformedLine {
                        line: index + 1,
                        problem,
                    });
                }
            }
        }
        hosts
    }

    /// Reads and understands a file. A file that does not exist (yet) has no names.
    ///
    /// # Errors
    /// When the file exists and cannot be read, or is larger than 16 MiB.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let content = file::read::<Self>(path)?;
        Ok(content.map_or_else(Self::default, |content| Self::parse(&content)))
    }

    /// How many names have at least one address.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no name at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The first hundred lines that are not in force.
    #[must_use]
    pub fn malformed(&self) -> &[MalformedLine] {
        &self.malformed
    }

    /// How many lines are not in force, reported or not.
    #[must_use]
    pub fn malformed_count(&self) -> usize {
        self.malformed_count
    }

    pub(crate) fn addresses(&self, name: &LowerName) -> Option<&Addresses> {
        self.names.get(name)
    }

    /// Adds what one line says, all of it or nothing.
    fn add_line(&mut self, line: &[u8]) -> Result<(), LineProblem> {
        if line.len() > MAX_LINE_BYTES {
            return Err(LineProblem::TooLong);
        }
        let line = str::from_utf8(line).map_err(|_| LineProblem::NotText)?;
        let line = line.split_once('#').map_or(line, |(before, _)| before);
        let mut words = line.split_ascii_whitespace();
        let Some(address) = words.next() else {
            return Ok(());
        };

        let address: IpAddr = address
            .parse()
            .map_err(|_| LineProblem::NotAnAddress(address.to_owned()))?;
        let names = words.map(parse_name).collect::<Result<Vec<_>, _>>()?;
        if names.is_empty() {
            return Err(LineProblem::NoName);
        }
        if let Some(full) = names
            .iter()
            .find(|name| self.addresses(name).is_some_and(Addresses::is_full))
        {
            return Err(LineProblem::TooManyAddresses(full.to_string()));
        }
        for name in names {
            self.names.entry(name).or_default().add(address);
        }
        Ok(())
    }
}

impl Content for Hosts {
    const FILE: &str = "hosts file";
    type Error = FileError;

    fn load(path: &Path) -> Result<Self, FileError> {
        Self::load(path)
    }

    /// Each malformed line with its number, and the sum.
    fn announce(&self, path: &Path) {
        for bad in self.malformed() {
            tracing::warn!(path = %path.display(), line = bad.line, problem = %bad.problem, "skipped a line of the hosts file");
        }
        let malformed = self.malformed_count();
        tracing::info!(path = %path.display(), names = self.len(), malformed, "the hosts file is in force");
    }
}

impl Addresses {
    fn add(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) if !self.v4.contains(&address) => self.v4.push(address),
            IpAddr::V6(address) if !self.v6.contains(&address) => self.v6.push(address),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
    }

    fn is_full(&self) -> bool {
        self.v4.len() + self.v6.len() >= MAX_ADDRESSES
    }
}

/// A fully qualified name in the form that queries are looked up by.
pub(crate) fn parse_name(text: &str) -> Result<LowerName, LineProblem> {
    let not_a_name = || LineProblem::NotAName(text.to_owned());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !text.bytes().all(allowed) || text == "." {
        return Err(not_a_name());
    }
    // Hickory checks the lengths of labels and of the whole, and that no label is empty.
    let mut name = Name::from_ascii(text).map_err(|_| not_a_name())?;
    name.set_fqdn(true);
    Ok(LowerName::new(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses<'a>(hosts: &'a Hosts, name: &str) -> Option<&'a Addresses> {
        hosts.addresses(&parse_name(name).unwrap())
    }

    #[test]
    fn names_gather_their_addresses_in_file_order_and_without_case() {
        let hosts = Hosts::parse(
            b"10.0.0.2 svc1.pgMesh.local SVC1\n10.0.0.1\tsvc1.pgmesh.local. # two tasks\r\n\
              fd00::1 svc1.pgMesh.local\n10.0.0.2 svc1.pgMesh.local\n\n# nothing\n",
        );
        assert_eq!(hosts.malformed(), []);
        assert_eq!(hosts.len(), 2);
        let found = addresses(&hosts, "Svc1.PGMESH.local").unwrap();
        assert_eq!(found.v4, [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 1)]);
        assert_eq!(found.v6, ["fd00::1".parse::<Ipv6Addr>().unwrap()]);
        assert_eq!(
            addresses(&hosts, "svc1").unwrap().v4,
            [Ipv4Addr::new(10, 0, 0, 2)]
        );
        assert_eq!(addresses(&hosts, "pgMesh.local"), None);
    }

    #[test]
    fn a_malformed_line_is_reported_and_the_rest_stays() {
        let long = format!("10.0.0.9 {}\n", "a".repeat(MAX_LINE_BYTES));
        let label = "b".repeat(64);
        let mut content = b"10.0.0.300 a\n10.0.0.1\nfe80::1%eth0 c\n10.0.0.1 good bad!name\n\xff\n".to_vec();
        content.extend(format!("10.0.0.1 a..b\n10.0.0.1 {label}\n10.0.0.1 .\n{long}10.0.0.1 last").bytes());

        let hosts = Hosts::parse(&content);
        let problems: Vec<_> = hosts
            .malformed()
            .iter()
            .map(|bad| (bad.line, bad.problem.clone()))
            .collect();
        let name = |text: &str| LineProblem::NotAName(text.to_owned());
        assert_eq!(
            problems,
            [
                (1, LineProblem::NotAnAddress("10.0.0.300".to_owned())),
                (2, LineProblem::NoName),
                (3, LineProblem::NotAnAddress("fe80::1%eth0".to_owned())),
                (4, name("bad!name")),
                (5, LineProblem::NotText),
                (6, name("a..b")),
                (7, name(&label)),
                (8, name(".")),
                (9, LineProblem::TooLong),
            ]
        );
        assert_eq!(addresses(&hosts, "good"), None, "a line counts as a whole");
        assert!(addresses(&hosts, "last").is_some());
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let lines: String = (0..2000)
            .map(|n| format!("10.1.{}.{} many\nnonsense\n", n / 250, n % 250))
            .collect();
        let hosts = Hosts::parse(lines.as_bytes());
        assert_eq!(addresses(&hosts, "many").unwrap().v4.len(), MAX_ADDRESSES);
        assert_eq!(hosts.malformed().len(), MAX_REPORTED);
        assert_eq!(hosts.malformed_count(), 2000 + 2000 - MAX_ADDRESSES);
    }

    #[test]
    fn an_absent_file_is_empty_and_a_huge_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts");
        assert!(Hosts::load(&path).unwrap().is_empty());

        std::fs::File::create(&path)
            .unwrap()
            .set_len(file::MAX_BYTES + 1)
            .unwrap();
        assert!(matches!(Hosts::load(&path), Err(FileError::TooLarge { .. })));
        assert!(matches!(Hosts::load(dir.path()), Err(FileError::Read { .. })));
    }
}
