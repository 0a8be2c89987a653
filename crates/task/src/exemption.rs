//! How a sidecar's own traffic is told from its application's, so that it is not redirected again.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use evermesh_intercept as intercept;

use crate::support;

/// The user and group that App Mesh runs its proxy as, by convention.
pub const PROXY_ID: u32 = 1337;

/// What the redirect rules know a sidecar's traffic by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exemption {
    /// It runs as this user and the group of the same number.
    Uid(u32),
    /// It runs as any user and marks its sockets with this number (`SO_MARK`).
    Mark(u32),
}

impl Exemption {
    /// A user where possible, because that is how App Mesh does it: when this process can become it and that user
    /// can execute the program. Else a mark.
    pub fn choose(can_become_user: bool, user_can_execute: bool) -> Self {
        if can_become_user && user_can_execute {
            Self::Uid(PROXY_ID)
        } else {
            Self::Mark(PROXY_ID)
        }
    }

    /// [`Exemption::choose`] for a sidecar whose program (or programs) are these files, as this process is.
    pub fn for_programs<P: AsRef<Path>>(programs: impl IntoIterator<Item = P>) -> Self {
        let user_can_execute = programs
            .into_iter()
            .all(|program| everybody_can_execute(program.as_ref()));
        Self::choose(support::can_become(PROXY_ID), user_can_execute)
    }

    /// Makes `config` exempt this and nothing else by user, group or mark.
    pub fn apply(self, config: intercept::Config) -> intercept::Config {
        let (ignore_uid, ignore_mark) = match self {
            Self::Uid(uid) => (Some(uid), None),
            Self::Mark(mark) => (None, Some(mark)),
        };
        intercept::Config {
            ignore_uid,
            ignore_gid: None,
            ignore_mark,
            ..config
        }
    }
}

/// Whether a user without any privilege on it can reach, read and execute a file.
fn everybody_can_execute(program: &Path) -> bool {
    let Ok(program) = std::fs::canonicalize(program) else {
        return false;
    };
    let allows = |path: &Path, bits| std::fs::metadata(path).is_ok_and(|file| file.mode() & bits == bits);
    allows(&program, 0o005)
        && program
            .ancestors()
            .skip(1)
            .all(|directory| allows(directory, 0o001))
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_user_needs_both_privilege_and_a_program_it_can_execute() {
        assert_eq!(Exemption::choose(true, true), Exemption::Uid(1337));
        assert_eq!(Exemption::choose(true, false), Exemption::Mark(1337));
        assert_eq!(Exemption::choose(false, true), Exemption::Mark(1337));
    }

    #[test]
    fn the_configuration_exempts_exactly_it() {
        let config = intercept::Config {
            ignore_gid: Some(5),
            ..intercept::Config::default()
        };
        let by_user = Exemption::Uid(7).apply(config.clone());
        assert_eq!(
            (by_user.ignore_uid, by_user.ignore_gid, by_user.ignore_mark),
            (Some(7), None, None)
        );
        let by_mark = Exemption::Mark(8).apply(config);
        assert_eq!(
            (by_mark.ignore_uid, by_mark.ignore_gid, by_mark.ignore_mark),
            (None, None, Some(8))
        );
    }

    #[test]
    fn every_directory_on_the_way_counts() {
        let directory = tempfile::Builder::new().prefix("program").tempdir().unwrap();
        let file = directory.path().join("proxy");
        std::fs::write(&file, "").unwrap();
        let modes = [
            (0o755, 0o755, true),
            (0o700, 0o755, false),
            (0o755, 0o750, false),
            (0o755, 0o751, false),
        ];
        for (of_directory, of_file, expected) in modes {
            set_permissions(directory.path(), Permissions::from_mode(of_directory)).unwrap();
            set_permissions(&file, Permissions::from_mode(of_file)).unwrap();
            assert_eq!(
                everybody_can_execute(&file),
                expected,
                "{of_directory:o} {of_file:o}"
            );
        }
        assert!(!everybody_can_execute(&directory.path().join("none")));
    }
}
