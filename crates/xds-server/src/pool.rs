//! Resources of equal content, kept once for the sets of all proxies. Never keeps one that no set has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::resource::{Resource, Version};

/// Resources that sets share. In a large mesh most resources of a proxy are those of many others.
#[derive(Debug, Default)]
pub struct Pool {
    known: Mutex<HashMap<Version, Weak<Resource>>>,
}

impl Pool {
    /// How many resources sets have of it.
    pub fn len(&self) -> usize {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        drop_the_gone(&mut known);
        known.len()
    }

    /// Whether they have none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The resource, or one of the same name and content that a set already has.
    pub(crate) fn share(&self, resource: Resource) -> Arc<Resource> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same = known.get(&resource.version()).and_then(Weak::upgrade);
        if let Some(same) = same.filter(|same| same.name() == resource.name()) {
            return same;
        }
        // What is gone is dropped whenever as many have come as there were, which costs little for each.
        if known.len() == known.capacity() {
            drop_the_gone(&mut known);
        }
        let resource = Arc::new(resource);
        known.insert(resource.version(), Arc::downgrade(&resource));
        resource
    }
}

fn drop_the_gone(known: &mut HashMap<Version, Weak<Resource>>) {
    known.retain(|_, resource| resource.strong_count() > 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourceType;
    use crate::set::ResourceSet;

    fn set(pool: &Arc<Pool>, name: &str, content: &[u8]) -> ResourceSet {
        ResourceSet::builder()
            .sharing(pool)
            .encoded(ResourceType::Route, name, content.to_vec())
            .build()
    }

    fn route(set: &ResourceSet) -> &Arc<Resource> {
        set.collection(ResourceType::Route).iter().next().unwrap()
    }

    #[test]
    fn equal_resources_of_several_sets_are_one() {
        let pool = Arc::default();
        let (one, two) = (set(&pool, "r", b"same"), set(&pool, "r", b"same"));
        assert!(Arc::ptr_eq(route(&one), route(&two)));
        for other in [set(&pool, "r", b"else"), set(&pool, "other name", b"same")] {
            assert!(!Arc::ptr_eq(route(&one), route(&other)));
        }
    }

    #[test]
    fn what_no_set_has_is_not_kept() {
        let pool = Arc::<Pool>::default();
        let kept = set(&pool, "r", b"kept");
        for passing in 0..10_000_u32 {
            drop(set(&pool, "r", &passing.to_le_bytes()));
        }
        let places = pool.known.lock().unwrap().len();
        assert!(places < 100, "{places}");
        assert_eq!(pool.len(), 1);
        assert!(Arc::ptr_eq(route(&kept), route(&set(&pool, "r", b"kept"))));
    }
}
