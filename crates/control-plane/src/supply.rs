//! Where what configurations are made of besides meshes comes from: the seam to whoever knows the world outside. Never
//! says what becomes of it.

use std::fmt;
use std::sync::Arc;

use evermesh_graph::supplied::{Addresses, CloudMapService, Instances, Secret};
use tokio::sync::watch;

/// Supplies the newest values of keys.
///
/// A supply learns what is needed from the receivers that it gave: a key is to be followed from the first
/// [`follow`](Self::follow), and no longer when all of them are dropped
/// ([`watch::Sender::closed`], [`watch::Sender::receiver_count`]).
pub trait Supply<K: ?Sized, V>: Send + Sync + 'static {
    /// The newest value of a key, from now on; `None` while it is not known. That something is known not to be there is
    /// a value too: an empty one.
    ///
    /// A value that is known already should be in the receiver when it is returned, so that proxies get it with the
    /// rest. Called on a thread of the async runtime: it must not block. A dropped sender leaves the last value in
    /// force.
    fn follow(&self, key: &K) -> watch::Receiver<Option<Arc<V>>>;
}

/// All supplies of a control plane. By default there are no instances and addresses, and nothing is known of secrets.
#[derive(Clone)]
pub struct Supplies {
    /// Instances of Cloud Map services, for targets that are found there.
    pub endpoints: Arc<dyn Supply<CloudMapService, Instances>>,
    /// Certificates and trust bundles, by the names that views have for them.
    pub secrets: Arc<dyn Supply<str, Secret>>,
    /// Addresses of host names.
    pub addresses: Arc<dyn Supply<str, Addresses>>,
}

impl Default for Supplies {
    fn default() -> Self {
        Self {
            endpoints: Arc::new(Empty),
            secrets: Arc::new(Unknown),
            addresses: Arc::new(Empty),
        }
    }
}

impl fmt::Debug for Supplies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supplies").finish_non_exhaustive()
    }
}

/// Knows of every key that there is nothing: proxies need not wait for what will never come.
struct Empty;

impl<K: ?Sized, V: Default + Send + Sync + 'static> Supply<K, V> for Empty {
    fn follow(&self, _: &K) -> watch::Receiver<Option<Arc<V>>> {
        watch::channel(Some(Arc::default())).1
    }
}

struct Unknown;

impl<K: ?Sized, V: Send + Sync + 'static> Supply<K, V> for Unknown {
    fn follow(&self, _: &K) -> watch::Receiver<Option<Arc<V>>> {
        watch::channel(None).1
    }
}
