//! What proxies hold whose streams have ended, for when they come back. Never keeps it for long.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::resource::Version;
use crate::set::Collection;

/// How long a proxy may be away. Envoy tries again at least every half minute, so who is longer away is cut off or gone.
const KEPT: Duration = Duration::from_secs(3600);

/// Lists of resources by the node that holds them and their version. The proxies of a node have one entry in common, and
/// what lists consist of is shared with those in use.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    lists: HashMap<(Arc<str>, Version), Kept>,
}

#[derive(Debug)]
struct Kept {
    list: Arc<Collection>,
    until: Instant,
}

impl Memory {
    /// Keeps at most so many lists.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            lists: HashMap::new(),
        }
    }

    /// Keeps a list that a proxy may come back with. When there are too many, this one is not kept.
    pub(crate) fn keep(&mut self, node_id: &Arc<str>, list: Arc<Collection>, now: Instant) {
        // What is old is dropped whenever as many have come as there were, which costs little for each.
        if self.lists.len() >= self.lists.capacity().min(self.limit) {
            self.lists.retain(|_, kept| kept.until > now);
        }
        if self.lists.len() < self.limit {
            let key = (Arc::clone(node_id), list.version());
            let until = now + KEPT;
            self.lists.insert(key, Kept { list, until });
        }
    }

    /// The list of that version, if a proxy of that node may hold it.
    pub(crate) fn recall(&self, node_id: &Arc<str>, version: Version) -> Option<Arc<Collection>> {
        let kept = self.lists.get(&(Arc::clone(node_id), version));
        kept.map(|kept| Arc::clone(&kept.list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourceType;
    use crate::set::ResourceSet;

    fn list(content: u32) -> Arc<Collection> {
        let set = ResourceSet::builder()
            .encoded(ResourceType::Cluster, "c", content.to_le_bytes().to_vec())
            .build();
        Arc::clone(set.collection(ResourceType::Cluster))
    }

    #[test]
    fn a_list_is_known_to_the_proxies_of_its_node() {
        let (mut memory, now) = (Memory::new(10), Instant::now());
        let (node, other): (Arc<str>, Arc<str>) = ("node".into(), "other".into());
        memory.keep(&node, list(1), now);
        memory.keep(&node, list(1), now);
        assert_eq!(memory.lists.len(), 1);
        assert!(memory.recall(&node, list(1).version()).is_some());
        assert!(memory.recall(&node, list(2).version()).is_none());
        assert!(memory.recall(&other, list(1).version()).is_none());
    }

    #[test]
    fn it_has_a_limit_and_what_is_old_makes_room() {
        let (mut memory, begin) = (Memory::new(100), Instant::now());
        let node: Arc<str> = "node".into();
        (0..200).for_each(|content| memory.keep(&node, list(content), begin));
        assert_eq!(memory.lists.len(), 100);
        assert!(memory.recall(&node, list(99).version()).is_some());
        assert!(memory.recall(&node, list(100).version()).is_none());
        memory.keep(&node, list(200), begin + KEPT);
        assert_eq!(memory.lists.len(), 1);
        assert!(memory.recall(&node, list(200).version()).is_some());
    }
}
