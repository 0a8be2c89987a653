//! The credentials file: who may call, in the format of `~/.aws/credentials`.
//!
//! ```ini
//! [alice]
//! aws_access_key_id = AKIDEXAMPLE
//! aws_secret_access_key = ...
//! aws_session_token = ...          # optional
//! aws_account_id = 123456789012    # optional: the account that alice's requests are for
//! ```
//!
//! A client's own file therefore works here too. Profiles without keys and settings that are not named above are
//! ignored, as AWS clients do.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use evermesh_model::arn::is_account_id;
use sha2::{Digest, Sha256};

use crate::sigv4::User;

/// Who may call, by access key. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Credentials(HashMap<String, Profile>);

/// One caller's credentials.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    name: String,
    access_key: String,
    secret: Secret,
    token: Option<Secret>,
    /// Account of the caller's requests, when it is not the server's default.
    pub(crate) account: Option<String>,
}

/// A text that is never shown.
#[derive(Clone)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a credentials file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// It cannot be read.
    #[error("cannot read the credentials file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is neither a profile, a setting nor a comment.
    #[error("line {line} of the credentials file is neither [profile] nor name = value")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// A profile is not usable.
    #[error("profile {profile} of the credentials file {reason}")]
    Profile {
        /// Its name.
        profile: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody could call.
    #[error("the credentials file has no profile with aws_access_key_id and aws_secret_access_key")]
    Empty,
}

impl Credentials {
    /// Reads a credentials file.
    ///
    /// # Errors
    /// When it cannot be read, or says something that is not understood. No error shows a secret.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let text = fs::read_to_string(path).map_err(|source| CredentialsError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads the text of a credentials file.
    ///
    /// # Errors
    /// As [`Credentials::read`].
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        let mut profiles = HashMap::new();
        for (name, settings) in sections(text)? {
            let Some(profile) = profile(&name, &settings)? else {
                continue;
            };
            if profiles.insert(profile.access_key.clone(), profile).is_some() {
                return Err(unusable(&name, "has the access key of another profile"));
            }
        }
        if profiles.is_empty() {
            return Err(CredentialsError::Empty);
        }
        Ok(Self(profiles))
    }

    pub(crate) fn find(&self, access_key: &str) -> Option<&Profile> {
        self.0.get(access_key)
    }
}

impl Profile {
    pub(crate) fn secret(&self) -> &str {
        &self.secret.0
    }

    /// Whether a request may come with this session token. Digests are compared, so that time tells nothing.
    pub(crate) fn accepts_token(&self, token: Option<&str>) -> bool {
        match (&self.token, token) {
            (None, None) => true,
            (Some(Secret(expected)), Some(token)) => Sha256::digest(expected) == Sha256::digest(token),
            _ => false,
        }
    }

    pub(crate) fn user(&self) -> User {
        User {
            name: self.name.clone(),
            access_key: self.access_key.clone(),
        }
    }
}

type Settings<'t> = HashMap<&'t str, &'t str>;

/// The file's profiles in order, with their settings. Indented lines belong to settings that are not read here.
fn sections(text: &str) -> Result<Vec<(String, Settings<'_>)>, CredentialsError> {
    let mut sections: Vec<(String, Settings<'_>)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let fault = CredentialsError::Line { line: index + 1 };
        if line.trim().is_empty() || line.starts_with(['#', ';', ' ', '\t']) {
            continue;
        }
        let header = line
            .trim()
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'));
        if let Some(name) = header {
            sections.push((name.trim().to_owned(), Settings::new()));
            continue;
        }
        let (Some((name, value)), Some((_, settings))) = (line.split_once('='), sections.last_mut()) else {
            return Err(fault);
        };
        settings.insert(name.trim(), without_comment(value));
    }
    Ok(sections)
}

/// A comment after a value needs a space before it, as for AWS clients.
fn without_comment(value: &str) -> &str {
    let end = value.find(" #").into_iter().chain(value.find(" ;")).min();
    value[..end.unwrap_or(value.len())].trim()
}

fn profile(name: &str, settings: &Settings<'_>) -> Result<Option<Profile>, CredentialsError> {
    let setting = |name: &str| settings.get(name).copied().filter(|value| !value.is_empty());
    let (access_key, secret) = match (setting("aws_access_key_id"), setting("aws_secret_access_key")) {
        (None, None) => return Ok(None),
        (Some(access_key), Some(secret)) => (access_key, secret),
        (Some(_), None) => return Err(unusable(name, "lacks aws_secret_access_key")),
        (None, Some(_)) => return Err(unusable(name, "lacks aws_access_key_id")),
    };
    let account = setting("aws_account_id");
    if account.is_some_and(|account| !is_account_id(account)) {
        return Err(unusable(name, "has an aws_account_id that is not twelve digits"));
    }
    Ok(Some(Profile {
        name: name.to_owned(),
        access_key: access_key.to_owned(),
        secret: Secret(secret.to_owned()),
        token: setting("aws_session_token").map(|token| Secret(token.to_owned())),
        account: account.map(str::to_owned),
    }))
}

fn unusable(profile: &str, reason: &'static str) -> CredentialsError {
    CredentialsError::Profile {
        profile: profile.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# people
[alice]
aws_access_key_id = AKIAALICE
aws_secret_access_key=s3cr3t/with=signs # not part of it
aws_account_id = 210987654321
region = us-west-2
s3 =
  addressing_style = path

[role]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = alice

[bob]
aws_access_key_id = AKIABOB
aws_secret_access_key = hush-hush
aws_session_token = t0ken
";

    #[test]
    fn a_clients_own_file_is_understood() {
        let credentials = Credentials::parse(FILE).unwrap();
        let alice = credentials.find("AKIAALICE").unwrap();
        assert_eq!(alice.secret(), "s3cr3t/with=signs");
        assert_eq!(alice.account.as_deref(), Some("210987654321"));
        let bob = credentials.find("AKIABOB").unwrap();
        assert_eq!(bob.account, None);
        assert!(bob.accepts_token(Some("t0ken")));
        assert!(!bob.accepts_token(None) && !bob.accepts_token(Some("other")));
        assert!(alice.accepts_token(None) && !alice.accepts_token(Some("t0ken")));
        assert!(credentials.find("AKIAROLE").is_none());
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", Credentials::parse(FILE).unwrap());
        for secret in ["s3cr3t", "hush", "t0ken"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("AKIAALICE"));
    }

    #[test]
    fn faults_are_named() {
        for (text, message) in [
            (
                "",
                "the credentials file has no profile with aws_access_key_id and aws_secret_access_key",
            ),
            (
                "[a]\nnonsense",
                "line 2 of the credentials file is neither [profile] nor name = value",
            ),
            (
                "a = b",
                "line 1 of the credentials file is neither [profile] nor name = value",
            ),
            (
                "[a]\naws_access_key_id = x",
                "profile a of the credentials file lacks aws_secret_access_key",
            ),
            (
                "[a]\naws_access_key_id = x\naws_secret_access_key = y\naws_account_id = 12",
                "profile a of the credentials file has an aws_account_id that is not twelve digits",
            ),
            (
                "[a]\naws_access_key_id = x\naws_secret_access_key = y\n[b]\naws_access_key_id = x\naws_secret_access_key = z",
                "profile b of the credentials file has the access key of another profile",
            ),
        ] {
            assert_eq!(Credentials::parse(text).unwrap_err().to_string(), message);
        }
    }
}
