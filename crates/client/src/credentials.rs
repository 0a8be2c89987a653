//! What requests are signed with, found where AWS clients find it: in variables, else in the credentials file.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use evermesh_sigv4::{AccessKey, FileError, Secret, Signer, SignerError, read_profiles};

const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
const PROFILE: &str = "AWS_PROFILE";
const FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
/// The credentials file within the home directory.
const FILE_AT_HOME: &str = ".aws/credentials";
/// The profile that is used when nobody says which.
const DEFAULT_PROFILE: &str = "default";

/// What requests are signed with. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    signer: Signer,
    origin: Origin,
}

/// Where credentials were found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Variables,
    Profile { name: String, file: PathBuf },
}

/// Why there are credentials that cannot be used. No error shows a secret.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// One half of an access key.
    #[error("{set} is set, but {missing} is not; set both, or neither")]
    Half {
        /// The variable that is set.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// The credentials file cannot be read or understood.
    #[error("cannot take credentials from {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: FileError,
    },
    /// `AWS_PROFILE` names a profile without an access key.
    #[error(
        "AWS_PROFILE is {profile}, of which {} has no access key; access keys are all that these commands understand",
        path.display()
    )]
    NoKey {
        /// The profile.
        profile: String,
        /// The file where it was looked for.
        path: PathBuf,
    },
    /// No request can be signed with them.
    #[error("cannot sign with the credentials of {origin}")]
    Unusable {
        /// Where they were found.
        origin: String,
        /// Why.
        source: SignerError,
    },
}

impl Credentials {
    /// Looks for credentials as AWS clients do, in the environment that `variable` shows: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; else the profile `AWS_PROFILE` (`default`) of the file
    /// `AWS_SHARED_CREDENTIALS_FILE` (`~/.aws/credentials`), if that exists. `None` when there are none. A variable
    /// that is empty counts as not set. Signatures will be for `region`.
    ///
    /// # Errors
    /// When there are some that cannot be used, or `AWS_PROFILE` names none.
    pub fn find(
        region: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, CredentialsError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let found = match in_variables(&set)? {
            Some(key) => Some((key, Origin::Variables)),
            None => in_file(&set)?,
        };
        let usable = |(key, origin): (AccessKey, Origin)| match Signer::new(key, region) {
            Ok(signer) => Ok(Self { signer, origin }),
            Err(source) => Err(CredentialsError::Unusable {
                origin: origin.to_string(),
                source,
            }),
        };
        found.map(usable).transpose()
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }
}

/// The access key's id, and where it was found.
impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the access key {} of {}", self.signer.key().id(), self.origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variables => write!(f, "the variable {ID}"),
            Self::Profile { name, file } => write!(f, "the profile {name} in {}", file.display()),
        }
    }
}

fn in_variables(set: &impl Fn(&str) -> Option<String>) -> Result<Option<AccessKey>, CredentialsError> {
    let half = |set, missing| Err(CredentialsError::Half { set, missing });
    match (set(ID), set(SECRET)) {
        (None, None) => Ok(None),
        (Some(_), None) => half(ID, SECRET),
        (None, Some(_)) => half(SECRET, ID),
        (Some(id), Some(secret)) => {
            let token = set(TOKEN).as_deref().map(Secret::from);
            Ok(Some(AccessKey::new(id, secret.as_str().into(), token)))
        }
    }
}

fn in_file(set: &impl Fn(&str) -> Option<String>) -> Result<Option<(AccessKey, Origin)>, CredentialsError> {
    let at_home = || Some(Path::new(&set("HOME")?).join(FILE_AT_HOME));
    let Some(path) = set(FILE).map(PathBuf::from).or_else(at_home) else {
        return Ok(None);
    };
    let chosen = set(PROFILE);
    let name = chosen.as_deref().unwrap_or(DEFAULT_PROFILE);
    match (key_in(&path, name), &chosen) {
        (Err(source), _) => Err(CredentialsError::File { path, source }),
        (Ok(None), None) => Ok(None),
        (Ok(None), Some(_)) => {
            let profile = name.to_owned();
            Err(CredentialsError::NoKey { profile, path })
        }
        (Ok(Some(key)), _) => {
            let (name, file) = (name.to_owned(), path);
            Ok(Some((key, Origin::Profile { name, file })))
        }
    }
}

/// The access key of a profile, if there are the file, the profile and the key.
fn key_in(file: &Path, profile: &str) -> Result<Option<AccessKey>, FileError> {
    let profiles = match read_profiles(file) {
        Err(FileError::Read(error)) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let found = profiles.iter().find(|found| found.name() == profile);
    found.map_or(Ok(None), evermesh_sigv4::Profile::access_key)
}

#[cfg(test)]
mod tests;
