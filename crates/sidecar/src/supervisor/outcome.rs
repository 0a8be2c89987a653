//! How supervision ended, and the exit code that says so.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How supervision ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Asked to, in good order.
    Stopped,
    /// Envoy exited once more than it may.
    Exited(ExitStatus),
}

impl Outcome {
    /// The exit code for the supervisor's own process: 0 when it was asked to stop, else Envoy's own code, or 128
    /// plus the number of the signal that killed it, as shells do.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Stopped => 0,
            Self::Exited(status) => {
                let code = status
                    .code()
                    .or_else(|| status.signal().map(|signal| 128 + signal));
                code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_engines_own() {
        let exited = |raw| Outcome::Exited(ExitStatus::from_raw(raw)).exit_code();
        assert_eq!(Outcome::Stopped.exit_code(), 0);
        assert_eq!(exited(0), 0);
        assert_eq!(exited(7 << 8), 7);
        assert_eq!(exited(9), 137);
        assert_eq!(exited(11 | 0x80), 139);
    }
}
