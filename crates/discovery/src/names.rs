//! Addresses of names for the process itself: what the DNS server would answer, followed.
//!
//! A name of the hosts file has the addresses there, from the moment the file changes. Any other is asked for where the
//! server forwards to, and again when the answer has expired. It never says that a name is gone: whoever lost an
//! address for a moment must not lose the name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::LowerName;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use crate::forward::{Forwarder, Found};
use crate::hosts::{self, Hosts};

/// Names that are asked for at once: many may be needed at the same moment, and clients' questions come first.
const ASKED_AT_ONCE: usize = 16;
/// When this has passed a name is taken for one that does not resolve, until it is asked for again.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bounds of the time until a name is asked for again; Envoy asks every 5 s.
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// Follows the addresses of names. Clones share everything.
#[derive(Clone)]
pub struct Names {
    hosts: watch::Receiver<Arc<Hosts>>,
    forwarder: Option<Arc<Forwarder>>,
    asking: Arc<Semaphore>,
}

impl Names {
    pub(crate) fn new(hosts: watch::Receiver<Arc<Hosts>>, forwarder: Option<Arc<Forwarder>>) -> Self {
        Self {
            hosts,
            forwarder,
            asking: Arc::new(Semaphore::new(ASKED_AT_ONCE)),
        }
    }

    /// The addresses of a name, from now on until the receiver and its clones are dropped. `None` until they are known,
    /// which takes a few seconds at most; none at all while the name has never resolved.
    ///
    /// # Panics
    /// Outside a Tokio runtime with I/O and time.
    pub fn follow(&self, name: &str) -> watch::Receiver<Option<Arc<BTreeSet<IpAddr>>>> {
        let Ok(name) = hosts::parse_name(name) else {
            return watch::channel(Some(Arc::default())).1;
        };
        let (sender, receiver) = watch::channel(self.listed(&name).map(Arc::new));
        let names = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                () = names.keep(&name, &sender) => {}
            }
        });
        receiver
    }

    /// Keeps the addresses of a name up to date until the hosts file is followed no longer.
    async fn keep(mut self, name: &LowerName, known: &watch::Sender<Option<Arc<BTreeSet<IpAddr>>>>) {
        let mut answers = Answers::default();
        loop {
            self.hosts.mark_unchanged();
            let (addresses, expire) = match self.listed(name) {
                Some(listed) => (listed, LONGEST),
                None => {
                    let found = self.ask(name).await;
                    let expire = answers.add(&found, Instant::now());
                    (answers.addresses(), expire)
                }
            };
            known.send_if_modified(|known| replace(known, addresses));
            if let Ok(Err(_)) = timeout(expire, self.hosts.changed()).await {
                return;
            }
        }
    }

    fn listed(&self, name: &LowerName) -> Option<BTreeSet<IpAddr>> {
        let hosts = self.hosts.borrow();
        let addresses = hosts.addresses(name)?;
        let v4 = addresses.v4.iter().copied().map(IpAddr::V4);
        Some(v4.chain(addresses.v6.iter().copied().map(IpAddr::V6)).collect())
    }

    /// Asks the others. Whatever goes wrong, nothing is found.
    async fn ask(&self, name: &LowerName) -> Found {
        let Some(forwarder) = &self.forwarder else {
            return Found::default();
        };
        let Ok(_turn) = self.asking.acquire().await else {
            return Found::default();
        };
        let found = timeout(PATIENCE, forwarder.addresses(name)).await;
        found.unwrap_or_default()
    }
}

/// Takes in addresses if they are news. That there are none is news only where nothing is known.
fn replace(known: &mut Option<Arc<BTreeSet<IpAddr>>>, addresses: BTreeSet<IpAddr>) -> bool {
    let is_news = match known {
        None => true,
        Some(known) => !addresses.is_empty() && **known != addresses,
    };
    if is_news {
        *known = Some(Arc::new(addresses));
    }
    is_news
}

/// Addresses of a name, each with when it is forgotten. An answer of which clients may make use for a while is kept for
/// twice as long as it lives, because many a name answers with some of its addresses at a time.
#[derive(Default)]
struct Answers(BTreeMap<IpAddr, Instant>);

impl Answers {
    /// Takes in an answer, and returns when to ask again. One without addresses makes nothing forgotten.
    fn add(&mut self, found: &Found, now: Instant) -> Duration {
        if found.addresses.is_empty() {
            return SHORTEST;
        }
        let expire = found.expire.clamp(SHORTEST, LONGEST);
        self.0.retain(|_, until| *until > now);
        let until = now + 2 * expire;
        self.0
            .extend(found.addresses.iter().map(|address| (*address, until)));
        expire
    }

    fn addresses(&self) -> BTreeSet<IpAddr> {
        self.0.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(addresses: &[&str], seconds: u64) -> Found {
        Found {
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            expire: Duration::from_secs(seconds),
        }
    }

    fn set(addresses: &[&str]) -> BTreeSet<IpAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn answers_that_vary_add_up_for_a_while() {
        let mut answers = Answers::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(
            answers.add(&found(&["10.0.0.1"], 10), start),
            Duration::from_secs(10)
        );
        answers.add(&found(&["10.0.0.2", "fd00::1"], 10), after(10));
        assert_eq!(answers.addresses(), set(&["10.0.0.1", "10.0.0.2", "fd00::1"]));
        answers.add(&found(&["10.0.0.2"], 10), after(20));
        assert_eq!(answers.addresses(), set(&["10.0.0.2", "fd00::1"]));
    }

    #[tokio::test]
    async fn what_is_not_found_is_not_forgotten() {
        let mut answers = Answers::default();
        let start = Instant::now();
        answers.add(&found(&["10.0.0.1"], 10), start);
        assert_eq!(answers.add(&found(&[], 0), start + LONGEST), SHORTEST);
        assert_eq!(answers.addresses(), set(&["10.0.0.1"]));
    }

    #[tokio::test]
    async fn times_have_bounds() {
        let mut answers = Answers::default();
        for (said, taken) in [(0, SHORTEST), (1 << 31, LONGEST)] {
            assert_eq!(answers.add(&found(&["10.0.0.1"], said), Instant::now()), taken);
        }
    }

    #[test]
    fn no_addresses_are_news_at_first_only() {
        let mut known = None;
        assert!(replace(&mut known, BTreeSet::new()));
        assert!(replace(&mut known, set(&["10.0.0.1"])));
        assert!(!replace(&mut known, set(&["10.0.0.1"])));
        assert!(!replace(&mut known, BTreeSet::new()));
        assert_eq!(known.map(|known| (*known).clone()), Some(set(&["10.0.0.1"])));
    }
}
