//! What requests are signed with. Its secrets are never shown.

use std::fmt;

use sha2::{Digest, Sha256};

/// An access key: its id, its secret, and the token of the session when it is a temporary one.
#[derive(Debug, Clone)]
pub struct AccessKey {
    id: String,
    secret: Secret,
    token: Option<Secret>,
}

impl AccessKey {
    /// An access key of these parts.
    pub fn new(id: impl Into<String>, secret: Secret, token: Option<Secret>) -> Self {
        let id = id.into();
        Self { id, secret, token }
    }

    /// Access key id, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Secret access key.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Session token.
    pub fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// Whether a request may come with this session token.
    pub fn accepts_token(&self, token: Option<&str>) -> bool {
        match (&self.token, token) {
            (None, None) => true,
            (Some(expected), Some(token)) => expected.is(token),
            _ => false,
        }
    }
}

/// A text that is never shown; so there is no `Display`, and `Debug` says nothing of it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text, for whoever must use it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is this text. Digests are compared, so that time tells nothing.
    fn is(&self, text: &str) -> bool {
        Sha256::digest(&self.0) == Sha256::digest(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let key = AccessKey::new("AKIDEXAMPLE", "s3cr3t".into(), Some("t0ken".into()));
        let shown = format!("{key:?}");
        assert!(shown.contains("AKIDEXAMPLE"), "{shown}");
        assert!(!shown.contains("s3cr3t") && !shown.contains("t0ken"), "{shown}");
    }

    #[test]
    fn a_token_is_needed_exactly_where_there_is_one() {
        let lasting = AccessKey::new("A", "s".into(), None);
        assert!(lasting.accepts_token(None) && !lasting.accepts_token(Some("t")));
        let temporary = AccessKey::new("A", "s".into(), Some("t".into()));
        assert!(temporary.accepts_token(Some("t")));
        assert!(!temporary.accepts_token(None) && !temporary.accepts_token(Some("other")));
    }
}
