//! Which proxies have what, told by the proxies' thread and waited for by the one that makes changes.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tokio::sync::watch;
use tokio::time::timeout;

/// Nothing that is measured takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The board. Whoever waits is woken once, when all is there, not by each proxy: on few cores that would be a part
/// of what is measured.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Proxies that have routes.
    configured: usize,
    /// The change that is waited for.
    update: u64,
    /// Proxies that do not have it yet.
    missing: usize,
    /// When the last proxy so far got it.
    last: Option<Instant>,
    /// Why a proxy is gone.
    failure: Option<String>,
}

impl Arrivals {
    /// A proxy has its first routes.
    pub(crate) fn configured(&self) {
        self.state.send_modify(|state| state.configured += 1);
    }

    /// A proxy has got a change, for the first time.
    pub(crate) fn has(&self, update: u64, at: Instant) {
        self.state.send_if_modified(|state| {
            if update != state.update {
                return false;
            }
            state.missing = state.missing.saturating_sub(1);
            state.last = state.last.max(Some(at));
            state.missing == 0
        });
    }

    /// A proxy is gone, and with it the measurement.
    pub(crate) fn failed(&self, reason: String) {
        self.state.send_modify(|state| state.failure = Some(reason));
    }

    /// Announces a change that is about to be made, which so many proxies are to get.
    pub(crate) fn expect(&self, update: u64, proxies: usize) {
        self.state.send_modify(|state| {
            (state.update, state.missing, state.last) = (update, proxies, None);
        });
    }

    /// Waits until so many proxies have routes.
    pub(crate) async fn all_configured(&self, proxies: usize) -> Result<()> {
        self.wait(|state| state.configured >= proxies).await.map(drop)
    }

    /// Waits until all proxies have the change announced last: when the last of them got it.
    pub(crate) async fn complete(&self) -> Result<Instant> {
        match self.wait(|state| state.missing == 0).await? {
            Some(last) => Ok(last),
            None => bail!("a change was waited for that concerns no proxy"),
        }
    }

    async fn wait(&self, mut done: impl FnMut(&State) -> bool) -> Result<Option<Instant>> {
        let mut changes = self.state.subscribe();
        let waiting = changes.wait_for(|state| state.failure.is_some() || done(state));
        let Ok(state) = timeout(PATIENCE, waiting).await else {
            bail!("nothing came of it in {PATIENCE:?}: {:?}", self.state.borrow());
        };
        let state = state.expect("the sender lives as long as self");
        ensure!(
            state.failure.is_none(),
            "a proxy is gone: {}",
            state.failure.as_deref().unwrap_or_default()
        );
        Ok(state.last)
    }
}
