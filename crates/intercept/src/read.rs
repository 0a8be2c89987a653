//! Reads typed values out of named texts and collects every mistake on the way. Knows no setting by name.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::error::{ConfigError, ConfigErrors};
use crate::ports::PortRange;

/// The longest text of one setting, in bytes: room for the longest list of the longest addresses.
const LENGTH_LIMIT: usize = 16 * 1024;

/// The most entries of one list. iptables' `multiport` stops at 15; every entry here is a rule of its own.
const LIST_LIMIT: usize = 256;

/// How much of an offending text is repeated in a message.
const SHOWN: usize = 64;

/// A look-up by name together with the mistakes found so far.
pub(crate) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<ConfigError>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            errors: Vec::new(),
        }
    }

    pub(crate) fn refuse(&mut self, error: ConfigError) {
        self.errors.push(error);
    }

    /// `value` when nothing was refused, else every mistake.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, ConfigErrors> {
        if self.errors.is_empty() {
            Ok(value)
        } else {
            Err(ConfigErrors(self.errors))
        }
    }

    /// The text of a setting without surrounding space; an empty one counts as not set, as in shell.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?;
        if value.len() > LENGTH_LIMIT {
            let (length, limit) = (value.len(), LENGTH_LIMIT);
            self.refuse(ConfigError::TooLong {
                setting: name.to_owned(),
                length,
                limit,
            });
            return None;
        }
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    pub(crate) fn port(&mut self, name: &str) -> Option<u16> {
        self.parse(name, "a port from 1 to 65535", |text| {
            text.parse().ok().filter(|port| *port != 0)
        })
    }

    /// A user or group id. The highest number means "no id" to the kernel.
    pub(crate) fn id(&mut self, name: &str) -> Option<u32> {
        self.parse(name, "a numeric id", |text| {
            text.parse().ok().filter(|id| *id != u32::MAX)
        })
    }

    /// A socket mark, decimal or hexadecimal. 0 is what unmarked sockets have, so it would exempt everything.
    pub(crate) fn mark(&mut self, name: &str) -> Option<u32> {
        self.parse(name, "a mark from 1 to 4294967295 or 0x1 to 0xffffffff", |text| {
            let mark = match text.strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => text.parse(),
            };
            mark.ok().filter(|mark| *mark != 0)
        })
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.parse(name, "0 or 1", |text| match text {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        })
    }

    pub(crate) fn ports(&mut self, name: &str) -> Option<Vec<PortRange>> {
        self.list(
            name,
            "a port from 1 to 65535 or a range of them such as 8000:8010",
            |text| PortRange::from_str(text).ok(),
        )
    }

    /// Addresses and CIDR blocks; the host part of a block is dropped, as iptables does.
    pub(crate) fn networks(&mut self, name: &str) -> Option<Vec<IpNet>> {
        self.list(name, "an IP address or CIDR block", |text| {
            let address = || text.parse::<IpAddr>().map(IpNet::from).ok();
            text.parse::<IpNet>().ok().or_else(address).map(|net| net.trunc())
        })
    }

    fn parse<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = read(&text);
        if value.is_none() {
            self.refuse_text(name, &text, expected);
        }
        value
    }

    /// A comma-separated list; repeated entries count once, empty ones not at all.
    fn list<T: PartialEq>(
        &mut self,
        name: &str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let text = self.text(name)?;
        let entries: Vec<&str> = text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .collect();
        if entries.len() > LIST_LIMIT {
            let (count, limit) = (entries.len(), LIST_LIMIT);
            self.refuse(ConfigError::TooMany {
                setting: name.to_owned(),
                count,
                limit,
            });
            return None;
        }
        let mut values = Vec::new();
        for entry in entries {
            match read(entry) {
                Some(value) => push_new(&mut values, value),
                None => self.refuse_text(name, entry, expected),
            }
        }
        Some(values)
    }

    fn refuse_text(&mut self, name: &str, text: &str, expected: &'static str) {
        let value = text.chars().take(SHOWN).collect();
        self.refuse(ConfigError::Invalid {
            setting: name.to_owned(),
            value,
            expected,
        });
    }
}

/// Appends `value` unless it is there already: a repeated entry would be a rule that never matches.
pub(crate) fn push_new<T: PartialEq>(values: &mut Vec<T>, value: T) {
    if !values.contains(&value) {
        values.push(value);
    }
}
