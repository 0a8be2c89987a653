//! What can be configured about the service. Data only.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::Quotas;

/// Tells the time; replaced in tests.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// How a [`StoreService`](crate::StoreService) behaves; the default suits a server.
#[derive(Clone)]
pub struct ServiceOptions {
    /// First part of ARNs: `aws`, `aws-cn`, `aws-us-gov`, ...
    pub partition: String,
    /// How many resources there may be.
    pub quotas: Quotas,
    /// Source of `createdAt` and `lastUpdatedAt`, which are kept to the millisecond.
    pub clock: Clock,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            partition: "aws".to_owned(),
            quotas: Quotas::default(),
            clock: Arc::new(SystemTime::now),
        }
    }
}

impl fmt::Debug for ServiceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceOptions")
            .field("partition", &self.partition)
            .field("quotas", &self.quotas)
            .finish_non_exhaustive()
    }
}
