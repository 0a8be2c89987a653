//! What a signature is good for: a day, a region, a service.

use std::fmt;

/// Last step of every scope, and of every derived key.
pub const TERMINATOR: &str = "aws4_request";

/// What a signature is good for. `Display` is its form in credentials: `20150830/us-east-1/iam/aws4_request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    date: String,
    region: String,
    service: String,
}

impl Scope {
    /// A scope of these parts; `None` when region or service is no name (1 to 63 letters, digits, `-`, `_`, `.`).
    pub fn new(date: &str, region: &str, service: &str) -> Option<Self> {
        (is_name(region) && is_name(service)).then(|| Self {
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }

    /// Day, as `20150830`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Region, such as `us-west-2`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Service as signatures name it, such as `appmesh`.
    pub fn service(&self) -> &str {
        &self.service
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

/// Region and service become parts of headers, ARNs and messages.
pub(crate) fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=63).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_names_only() {
        let scope = Scope::new("20150830", "us-east-1", "iam").unwrap();
        assert_eq!(scope.to_string(), "20150830/us-east-1/iam/aws4_request");
        let long = "r".repeat(64);
        for (region, service) in [
            ("", "iam"),
            ("r r", "iam"),
            ("r", "i/m"),
            (&long, "iam"),
            ("r", "ü"),
        ] {
            assert_eq!(
                Scope::new("20150830", region, service),
                None,
                "{region} {service}"
            );
        }
    }
}
