//! ACM's certificates and private CAs: PEM files of a directory, read again when they change.
//!
//! The directory of a certificate or an authority is its ARN: `chain.pem` and `key.pem` are the certificate, `ca.pem`
//! is the authority or, beside a certificate, the root that it chains up to. Files are looked at every
//! [`PERIOD`] rather than waited for: that works for every way in which they are replaced, on every file system, links
//! that are switched included. What cannot be used leaves the last good content in force and is reported.

mod layout;
pub(crate) mod report;
mod slot;

use std::collections::BTreeMap;
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evermesh_graph::supplied::Secret;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info, warn};

use crate::supply::Supply;
use slot::{Seen, Slot};

/// How often files are looked at: a renewed certificate is to reach proxies within a second.
const PERIOD: Duration = Duration::from_millis(250);

/// The certificates of a directory, watched as long as this lives.
pub(crate) struct CertificateDirectory {
    known: Arc<Known>,
    _watcher: AbortOnDropHandle<()>,
}

/// What is known of the directory, by the names that views have for secrets.
struct Known {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last good content of each.
    good: BTreeMap<String, Arc<Secret>>,
    /// Why files cannot be used as they are now.
    faults: BTreeMap<String, String>,
    senders: BTreeMap<String, watch::Sender<Option<Arc<Secret>>>>,
    /// Whether there may be directories that are not looked at.
    is_crowded: bool,
}

impl CertificateDirectory {
    /// Reads the directory, and again whenever it changes. It need not be there yet. Must be called within a tokio
    /// runtime.
    pub(crate) async fn open(root: PathBuf) -> Self {
        let known = Arc::new(Known {
            root,
            state: Mutex::default(),
        });
        // A fault counts when it was seen twice.
        let slots = known.look(Slots::new()).await.unwrap_or_default();
        let slots = known.look(slots).await.unwrap_or_default();
        let watcher = Arc::clone(&known).watch(slots);
        Self {
            known,
            _watcher: AbortOnDropHandle::new(tokio::spawn(watcher)),
        }
    }

    /// How many secrets have files that cannot be used as they are now.
    pub(crate) fn faults(&self) -> usize {
        self.known.state().faults.len()
    }

    /// Why the files of a secret cannot be used as they are now; `None` when they can.
    pub(crate) fn fault(&self, name: &str) -> Option<String> {
        let state = self.known.state();
        match state.faults.get(name) {
            Some(fault) => Some(fault.clone()),
            None if state.good.contains_key(name) => None,
            None => Some(layout::missing(&self.known.root, name)),
        }
    }
}

impl Supply<str, Secret> for CertificateDirectory {
    fn follow(&self, name: &str) -> watch::Receiver<Option<Arc<Secret>>> {
        let mut state = self.known.state();
        state.senders.retain(|_, sender| sender.receiver_count() > 0);
        let good = state.good.get(name).cloned();
        let sender = state.senders.entry(name.to_owned());
        sender.or_insert_with(|| watch::channel(good).0).subscribe()
    }
}

type Slots = BTreeMap<String, Slot>;

impl Known {
    async fn watch(self: Arc<Self>, mut slots: Slots) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.look(slots).await {
                Ok(newer) => slots = newer,
                Err(failure) => {
                    error!(error = %failure, "cannot look at the certificates, starting anew");
                    slots = Slots::new();
                }
            }
        }
    }

    /// Looks at all files, and takes over what has changed.
    async fn look(self: &Arc<Self>, mut slots: Slots) -> Result<Slots, JoinError> {
        let known = Arc::clone(self);
        spawn_blocking(move || {
            let (places, is_crowded) = layout::find(&known.root);
            known.note_crowd(is_crowded);
            for (name, place) in &places {
                let slot = slots.entry(name.clone()).or_default();
                let seen = slot.look(place);
                known.note(name, seen);
            }
            let gone: Vec<_> = slots
                .keys()
                .filter(|name| !places.contains_key(*name))
                .cloned()
                .collect();
            for name in gone {
                slots.remove(&name);
                known.note(&name, Seen::Fault(layout::missing(&known.root, &name)));
            }
            slots
        })
        .await
    }

    /// Says it once and not at every look.
    fn note_crowd(&self, is_crowded: bool) {
        let was_crowded = mem::replace(&mut self.state().is_crowded, is_crowded);
        if is_crowded && !was_crowded {
            let most = layout::MOST;
            warn!(root = %self.root.display(), most, "too many directories of certificates; some may not be read");
        }
    }

    fn note(&self, name: &str, seen: Seen) {
        let mut state = self.state();
        match seen {
            Seen::Unchanged => {}
            Seen::Good(secret) => {
                let was_faulty = state.faults.remove(name).is_some();
                let newer = state.good.get(name).is_none_or(|known| *known != secret);
                if newer || was_faulty {
                    info!(secret = name, "read certificates");
                }
                if newer {
                    let sender = state.senders.get(name);
                    sender.inspect(|sender| drop(sender.send_replace(Some(Arc::clone(&secret)))));
                    state.good.insert(name.to_owned(), secret);
                }
            }
            Seen::Fault(fault) => {
                if state.faults.get(name) != Some(&fault) {
                    let kept = state.good.contains_key(name);
                    warn!(
                        secret = name,
                        fault, kept, "cannot use certificates; what was good before stays in force"
                    );
                    state.faults.insert(name.to_owned(), fault);
                }
            }
        }
    }

    /// Maps are whole between any two calls, so a poisoned state is too.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
