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
use std::path::Path;

use evermesh_model::arn::is_account_id;
use evermesh_sigv4::{AccessKey, FileError, read_profiles};

use crate::sigv4::User;

/// Who may call, by access key. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Credentials(HashMap<String, Profile>);

/// One caller's credentials.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    name: String,
    pub(crate) key: AccessKey,
    /// Account of the caller's requests, when it is not the server's default.
    pub(crate) account: Option<String>,
}

/// Why a credentials file is of no use. No error shows a secret.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// It cannot be read or understood.
    #[error(transparent)]
    File(#[from] FileError),
    /// An account is none.
    #[error("profile {profile} of the credentials file has an aws_account_id that is not twelve digits")]
    Account {
        /// Name of the profile that says it.
        profile: String,
    },
    /// Nobody could tell whose requests these are.
    #[error("profile {profile} of the credentials file has the access key of another profile")]
    SharedKey {
        /// Name of the later one of the two profiles.
        profile: String,
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
        Self::of(read_profiles(path)?)
    }

    /// Reads the text of a credentials file.
    ///
    /// # Errors
    /// As [`Credentials::read`].
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        Self::of(evermesh_sigv4::Profile::parse_all(text)?)
    }

    fn of(written: Vec<evermesh_sigv4::Profile>) -> Result<Self, CredentialsError> {
        let mut profiles = HashMap::new();
        for written in written {
            let Some(profile) = Profile::of(&written)? else {
                continue;
            };
            if profiles.insert(profile.key.id().to_owned(), profile).is_some() {
                let profile = written.name().to_owned();
                return Err(CredentialsError::SharedKey { profile });
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
    /// `None` for a profile without an access key.
    fn of(written: &evermesh_sigv4::Profile) -> Result<Option<Self>, CredentialsError> {
        let Some(key) = written.access_key()? else {
            return Ok(None);
        };
        let name = written.name().to_owned();
        let account = written.setting("aws_account_id").map(str::to_owned);
        if account.as_deref().is_some_and(|account| !is_account_id(account)) {
            return Err(CredentialsError::Account { profile: name });
        }
        Ok(Some(Self { name, key, account }))
    }

    pub(crate) fn user(&self) -> User {
        User {
            name: self.name.clone(),
            access_key: self.key.id().to_owned(),
        }
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
        assert_eq!(alice.key.secret().expose(), "s3cr3t/with=signs");
        assert_eq!(alice.account.as_deref(), Some("210987654321"));
        let bob = credentials.find("AKIABOB").unwrap();
        assert_eq!(bob.account, None);
        assert!(bob.key.accepts_token(Some("t0ken")));
        assert!(!bob.key.accepts_token(None) && !bob.key.accepts_token(Some("other")));
        assert!(alice.key.accepts_token(None) && !alice.key.accepts_token(Some("t0ken")));
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
