//! The log of `serve`, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::failure::Unusable;
use crate::settings::LogFormat;

/// The DNS server's library tells of every question at `info`.
const QUIET: &str = "hickory_server=warn";

/// Logs from now on. `level` is a level or a list of `target=level`, as `RUST_LOG` has it elsewhere.
pub(crate) fn start(format: LogFormat, level: &str) -> Result<(), Unusable> {
    let filter = EnvFilter::builder()
        .parse(format!("{QUIET},{level}"))
        .map_err(|error| {
            Unusable(format!(
                "--log-level {level:?} is no level and no list of target=level: {error}"
            ))
        })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
