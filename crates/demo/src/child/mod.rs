//! What the demonstration's own programs do inside the tasks. They are this program, started with
//! [`CHILD_SUBCOMMAND`] and a [`Role`]; none knows anything of the mesh.

mod app;
mod call;
mod load;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

pub(crate) use call::Finding;
use http::Uri;
pub(crate) use load::{Order, Report};

use crate::error::Chain;

/// The hidden subcommand by which the program starts itself in a task; what follows it goes to [`child_main`].
pub const CHILD_SUBCOMMAND: &str = "demo-child";

/// What a child is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// Serve HTTP on port 80 and answer with this name.
    App(String),
    /// Call a service as often as standard input says, and report on standard output.
    Load(Uri),
    /// Call a service once and print the [`Finding`].
    Call(Uri),
}

impl Role {
    /// The arguments after the subcommand.
    pub(crate) fn arguments(&self) -> [String; 2] {
        match self {
            Self::App(name) => ["app".to_owned(), name.clone()],
            Self::Load(url) => ["load".to_owned(), url.to_string()],
            Self::Call(url) => ["call".to_owned(), url.to_string()],
        }
    }

    fn parse(arguments: &[&str]) -> Option<Self> {
        Some(match arguments {
            ["app", name] => Self::App((*name).to_owned()),
            ["load", url] => Self::Load(url.parse().ok()?),
            ["call", url] => Self::Call(url.parse().ok()?),
            _ => return None,
        })
    }
}

/// Does what a child of the demonstration is to do, until it is done or killed. For the hidden subcommand
/// [`CHILD_SUBCOMMAND`], with the arguments after it.
pub fn child_main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<String> = arguments
        .into_iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(role) = Role::parse(&words) else {
        eprintln!("{CHILD_SUBCOMMAND} is for the demonstration itself; {words:?} is none of its roles");
        return ExitCode::FAILURE;
    };
    match play(role) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{CHILD_SUBCOMMAND} {}: {}", words.join(" "), Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn play(role: Role) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match role {
        Role::App(name) => runtime.block_on(app::serve(name)),
        Role::Load(url) => runtime.block_on(load::generate(url)),
        Role::Call(url) => runtime.block_on(call::once(url)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_survives_its_arguments() {
        let url: Uri = "http://svc1.pgMesh.local/".parse().unwrap();
        for role in [
            Role::App("svcNode1".to_owned()),
            Role::Load(url.clone()),
            Role::Call(url),
        ] {
            let arguments = role.arguments();
            assert_eq!(Role::parse(&arguments.each_ref().map(String::as_str)), Some(role));
        }
        assert_eq!(Role::parse(&["app"]), None);
        assert_eq!(Role::parse(&["load", "not a url"]), None);
    }
}
