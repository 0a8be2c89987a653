//! SIGTERM and SIGINT as stop requests.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Requests that may wait unread: the first starts the drain, the second ends it, more change nothing.
const QUEUE: usize = 2;

/// From now on SIGTERM and SIGINT no longer end this process; each becomes one message. Must be called on a runtime.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn stop_requests() -> io::Result<mpsc::Receiver<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        while !sender.is_closed() {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // A full queue already says all there is to say.
            let _full = sender.try_send(());
        }
    });
    Ok(receiver)
}
