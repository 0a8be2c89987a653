//! Whether tasks can be made here, and the step that lets a program without root make them.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{getegid, geteuid};
use rustix::thread::UnshareFlags;

use crate::sys;

/// How this process can make tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// As it is: it may create namespaces.
    Direct,
    /// After [`enter_user_namespace`], in which it is root.
    UserNamespace,
}

/// Why tasks cannot be made here: every reason, shown one per line with what to do.
#[derive(Debug)]
pub struct Unsupported(pub Vec<Reason>);

/// One reason why tasks cannot be made here.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// A command is not installed.
    #[error("the {tool} command is missing: install it (Debian package {package})")]
    MissingTool {
        /// The command.
        tool: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// A kernel setting forbids namespaces to users.
    #[error(
        "{setting} is {value}: run as root, or allow user namespaces with `sysctl -w {setting}={remedy}`"
    )]
    Setting {
        /// The sysctl.
        setting: &'static str,
        /// Its value.
        value: String,
        /// A value that allows user namespaces.
        remedy: &'static str,
    },
    /// The kernel refuses for a reason that no known setting explains.
    #[error(
        "the kernel refuses to create namespaces: run as root; in a container, give it CAP_SYS_ADMIN and CAP_NET_ADMIN \
         and a seccomp profile that allows unshare"
    )]
    Refused(#[source] io::Error),
    /// A user namespace was asked for too late.
    #[error("a user namespace can be entered only while the program has a single thread")]
    ManyThreads,
    /// The new user namespace could not be given its one user.
    #[error("cannot write {file}")]
    Mapping {
        /// The file under `/proc/self`.
        file: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// The commands that this crate runs, with the Debian packages that have them.
pub(crate) const IP: (&str, &str) = ("ip", "iproute2");
const NFT: (&str, &str) = ("nft", "nftables");

const NAMESPACES: UnshareFlags = UnshareFlags::NEWNET.union(UnshareFlags::NEWNS);

/// Settings that keep users from user namespaces: the setting, a forbidding value, one that allows.
const SETTINGS: [(&str, &str, &str); 3] = [
    ("user.max_user_namespaces", "0", "15000"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
];

static ENTERED: AtomicBool = AtomicBool::new(false);

/// Whether and how this process can make tasks. Tries it in a child process; changes nothing here.
///
/// # Errors
/// Every reason why not.
pub fn check() -> Result<Privilege, Unsupported> {
    let mut reasons: Vec<Reason> = [IP, NFT]
        .into_iter()
        .filter(|(tool, _)| find_tool(tool).is_none())
        .map(|(tool, package)| Reason::MissingTool { tool, package })
        .collect();
    let privilege = match (probe(&[NAMESPACES]), probe(&[UnshareFlags::NEWUSER, NAMESPACES])) {
        (Ok(()), _) => Privilege::Direct,
        (_, Ok(())) => Privilege::UserNamespace,
        (_, Err(error)) => {
            reasons.extend(why_refused(error));
            Privilege::UserNamespace
        }
    };
    if reasons.is_empty() {
        Ok(privilege)
    } else {
        Err(Unsupported(reasons))
    }
}

/// Moves this process into a user namespace in which it is root (and its user is the only one there is), so that it
/// may create the other namespaces. To be called at the start of a program, while it has a single thread.
///
/// # Errors
/// Why the kernel refused and what to do.
pub fn enter_user_namespace() -> Result<(), Unsupported> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    sys::unshare(UnshareFlags::NEWUSER).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => Unsupported(vec![Reason::ManyThreads]),
        _ => Unsupported(why_refused(error)),
    })?;
    // The kernel wants `setgroups` given up before a user without privileges may map groups.
    write_mapping("/proc/self/setgroups", "deny")?;
    write_mapping("/proc/self/uid_map", &format!("0 {uid} 1"))?;
    write_mapping("/proc/self/gid_map", &format!("0 {gid} 1"))?;
    ENTERED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Whether [`enter_user_namespace`] was called, so that who wants to join must join that namespace too.
pub(crate) fn in_own_user_namespace() -> bool {
    ENTERED.load(Ordering::Relaxed)
}

/// Whether a process of ours could become user and group `id`: we are root, and the user namespace has that id.
pub(crate) fn can_become(id: u32) -> bool {
    let mapped = |file| std::fs::read_to_string(file).is_ok_and(|map| maps(&map, id));
    geteuid().is_root() && mapped("/proc/self/uid_map") && mapped("/proc/self/gid_map")
}

/// Whether a map of ids (lines of first inside, first outside, count) has `id`.
fn maps(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line
            .split_whitespace()
            .filter_map(|number| number.parse::<u64>().ok());
        let (first, count) = (numbers.next(), numbers.nth(1));
        first
            .zip(count)
            .is_some_and(|(first, count)| (first..first + count).contains(&u64::from(id)))
    })
}

/// A command on `PATH`, or where it is for root: a user's `PATH` on Debian has no `sbin`.
pub(crate) fn find_tool(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    directories
        .map(|directory| directory.join(tool))
        .find(|file| file.is_file())
}

/// Tries the steps in a child. Apart, because some systems give a user namespace without any privilege in it.
fn probe(steps: &'static [UnshareFlags]) -> io::Result<()> {
    let mut command = Command::new("true");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    sys::unshare_in_child(&mut command, steps);
    command.status().map(drop)
}

fn why_refused(error: io::Error) -> Vec<Reason> {
    let forbidding = |(setting, forbidden, remedy): (&'static str, &str, &'static str)| {
        let value = std::fs::read_to_string(format!("/proc/sys/{}", setting.replace('.', "/"))).ok()?;
        let value = value.trim().to_owned();
        (value == forbidden).then_some(Reason::Setting {
            setting,
            value,
            remedy,
        })
    };
    let reasons: Vec<_> = SETTINGS.into_iter().filter_map(forbidding).collect();
    if reasons.is_empty() {
        vec![Reason::Refused(error)]
    } else {
        reasons
    }
}

fn write_mapping(file: &'static str, text: &str) -> Result<(), Unsupported> {
    std::fs::write(file, text).map_err(|source| Unsupported(vec![Reason::Mapping { file, source }]))
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tasks cannot be made on this machine:")?;
        self.0.iter().try_for_each(|reason| write!(f, "\n- {reason}"))
    }
}

impl std::error::Error for Unsupported {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.iter().find_map(std::error::Error::source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_maps_are_ranges() {
        assert!(maps("         0          0 4294967295\n", 1337));
        assert!(!maps("0 1000 1\n", 1337));
        assert!(maps("0 1000 1\n1 100000 65536\n", 1337));
        assert!(!maps("", 0));
    }

    #[test]
    fn a_program_with_threads_cannot_enter_a_user_namespace() {
        // The test harness has several threads.
        let error = enter_user_namespace().unwrap_err();
        assert!(matches!(error.0.as_slice(), [Reason::ManyThreads]), "{error}");
    }
}
