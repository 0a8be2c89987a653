//! Credentials files, in the format of `~/.aws/credentials`.
//!
//! ```ini
//! [alice]
//! aws_access_key_id = AKIDEXAMPLE
//! aws_secret_access_key = ...
//! aws_session_token = ...          # optional
//! ```
//!
//! Settings that nobody asks for are ignored, as AWS clients do.

use std::collections::HashMap;
use std::path::Path;
use std::{fs, io};

use crate::{AccessKey, Secret};

/// A profile. Not `Debug`: its settings are secrets.
pub struct Profile {
    name: String,
    settings: HashMap<String, String>,
}

/// Why a credentials file is of no use; which file it was, its reader knows. No error shows a secret.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read the credentials file")]
    Read(#[source] io::Error),
    /// A line is neither a profile, a setting nor a comment.
    #[error("line {line} of the credentials file is neither [profile] nor name = value")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// A profile has one half of an access key.
    #[error("profile {profile} of the credentials file lacks {setting}")]
    Half {
        /// Its name.
        profile: String,
        /// The half that it does not have.
        setting: &'static str,
    },
}

/// Reads a credentials file: its profiles, in order.
///
/// # Errors
/// When it cannot be read, or has a line that is not understood.
pub fn read_profiles(path: &Path) -> Result<Vec<Profile>, FileError> {
    Profile::parse_all(&fs::read_to_string(path).map_err(FileError::Read)?)
}

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKEN: &str = "aws_session_token";

impl Profile {
    /// Reads the text of a credentials file: its profiles, in order. Indented lines belong to settings that nobody
    /// asks for.
    ///
    /// # Errors
    /// When it has a line that is not understood.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, FileError> {
        let mut profiles: Vec<Self> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with(['#', ';', ' ', '\t']) {
                continue;
            }
            let header = line
                .trim()
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'));
            if let Some(name) = header {
                profiles.push(Self {
                    name: name.trim().to_owned(),
                    settings: HashMap::new(),
                });
                continue;
            }
            let (Some((name, value)), Some(profile)) = (line.split_once('='), profiles.last_mut()) else {
                return Err(FileError::Line { line: index + 1 });
            };
            let value = without_comment(value).to_owned();
            profile.settings.insert(name.trim().to_owned(), value);
        }
        Ok(profiles)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A setting, when it is there and not empty.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let value = self.settings.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Its access key; `None` when it has none, as profiles of roles have.
    ///
    /// # Errors
    /// [`FileError::Half`].
    pub fn access_key(&self) -> Result<Option<AccessKey>, FileError> {
        let half = |setting| FileError::Half {
            profile: self.name.clone(),
            setting,
        };
        match (self.setting(ID), self.setting(SECRET)) {
            (None, None) => Ok(None),
            (Some(id), Some(secret)) => {
                let token = self.setting(TOKEN).map(Secret::from);
                Ok(Some(AccessKey::new(id, secret.into(), token)))
            }
            (Some(_), None) => Err(half(SECRET)),
            (None, Some(_)) => Err(half(ID)),
        }
    }
}

/// A comment after a value needs a space before it, as for AWS clients.
fn without_comment(value: &str) -> &str {
    let end = value.find(" #").into_iter().chain(value.find(" ;")).min();
    value[..end.unwrap_or(value.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# people
[alice]
aws_access_key_id = AKIAALICE
aws_secret_access_key=s3cr3t/with=signs # not part of it
region = us-west-2
s3 =
  addressing_style = path

[role]
role_arn = arn:aws:iam::123456789012:role/r

[half]
aws_secret_access_key = hush-hush
";

    #[test]
    fn a_clients_own_file_is_understood() {
        let profiles = Profile::parse_all(FILE).unwrap();
        let names: Vec<&str> = profiles.iter().map(Profile::name).collect();
        assert_eq!(names, ["alice", "role", "half"]);
        let alice = profiles[0].access_key().unwrap().unwrap();
        assert_eq!(
            (alice.id(), alice.secret().expose()),
            ("AKIAALICE", "s3cr3t/with=signs")
        );
        assert_eq!(profiles[0].setting("region"), Some("us-west-2"));
        assert_eq!(profiles[0].setting("s3"), None);
        assert!(profiles[1].access_key().unwrap().is_none());
        let error = profiles[2].access_key().unwrap_err();
        assert_eq!(
            error.to_string(),
            "profile half of the credentials file lacks aws_access_key_id"
        );
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (text, line) in [("[a]\nnonsense", 2), ("a = b", 1)] {
            let error = Profile::parse_all(text).err().unwrap().to_string();
            let expected =
                format!("line {line} of the credentials file is neither [profile] nor name = value");
            assert_eq!(error, expected);
        }
    }
}
