//! The wait between "please stop" and stopping: long enough for connections to close.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{info, warn};

use crate::admin::{AdminClient, AdminError, ServerState};
use crate::config::Lifecycle;

/// How often open connections are counted.
const COUNT_INTERVAL: Duration = Duration::from_millis(250);

/// Drains and waits until no connection is open, within the bounds of `lifecycle`. Where Envoy cannot be asked, it
/// waits in full; where it never served, not at all.
pub(super) async fn drain(admin: Option<SocketAddr>, lifecycle: &Lifecycle) {
    // Without an admin interface Envoy has not got as far as opening listeners.
    let Some(admin) = admin.map(AdminClient::new) else {
        return;
    };
    let deadline = Instant::now() + lifecycle.drain_wait;
    match begin(&admin).await {
        Ok(true) => {}
        Ok(false) => return info!("envoy was not serving yet: nothing to drain"),
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "draining failed");
            return sleep_until(deadline).await;
        }
    }
    sleep(lifecycle.drain_settle.min(lifecycle.drain_wait)).await;
    if timeout_at(deadline, until_idle(&admin)).await.is_err() {
        warn!(
            waited_s = lifecycle.drain_wait.as_secs(),
            "connections are still open"
        );
    }
}

/// Starts draining; false when there is nothing to drain.
async fn begin(admin: &AdminClient) -> Result<bool, AdminError> {
    let serves = matches!(admin.state().await?, ServerState::Live | ServerState::Draining);
    if serves {
        admin.drain().await?;
    }
    Ok(serves)
}

/// Ends when Envoy says that nothing is connected; not knowing is not idle.
async fn until_idle(admin: &AdminClient) {
    while !matches!(admin.open_connections().await, Ok(Some(0))) {
        sleep(COUNT_INTERVAL).await;
    }
}
