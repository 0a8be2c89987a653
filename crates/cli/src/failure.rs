//! How a command ends that did not do its work: what is said, and the exit code.

use std::io;
use std::process::ExitCode;

use evermesh_client::{CredentialsError, EndpointError, Problems};

/// Arguments, settings or files that cannot be used; clap's own code for arguments.
const EXIT_UNUSABLE: u8 = 2;

/// Arguments or settings that cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unusable(pub(crate) String);

/// Says what went wrong. Nobody reading on is no failure: `evermesh list all | head -1` has done what was wanted.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    if let Some(Problems(problems)) = error.downcast_ref() {
        for problem in problems {
            eprintln!("{problem}");
        }
        let plural = if problems.len() == 1 { "" } else { "s" };
        eprintln!(
            "evermesh: {} problem{plural}; nothing was changed",
            problems.len()
        );
        return ExitCode::from(EXIT_UNUSABLE);
    }
    eprintln!("evermesh: {error:#}");
    if error.is::<Unusable>() || error.is::<EndpointError>() || error.is::<CredentialsError>() {
        return ExitCode::from(EXIT_UNUSABLE);
    }
    ExitCode::FAILURE
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
