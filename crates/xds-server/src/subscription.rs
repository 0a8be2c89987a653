//! What a stream has subscribed to for one resource type. Never knows what was sent for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::resource::{Resource, ResourceType, Version};
use crate::set::Collection;

const ALL: &str = "*";

/// The subscription of one stream to one type, from the names of its requests: restated as a whole by each, in state
/// of the world, or added and removed.
///
/// Rules: <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    wildcard: bool,
    names: BTreeSet<String>,
    /// Names were stated before, so that no names now means "nothing" and not "everything".
    stated: bool,
}

impl Subscription {
    pub(crate) fn new(kind: ResourceType, names: Vec<String>) -> Self {
        let mut subscription = Self::default();
        subscription.restate(kind, names);
        subscription
    }

    /// Replaces the names by those of a later request. Returns whether there are new ones among them.
    pub(crate) fn restate(&mut self, kind: ResourceType, names: Vec<String>) -> bool {
        self.stated |= !names.is_empty();
        let mut names: BTreeSet<String> = names.into_iter().collect();
        let wildcard = names.remove(ALL) || (names.is_empty() && !self.stated && kind.empty_means_all());
        let grows = !names.is_subset(&self.names);
        self.wildcard = wildcard;
        self.names = names;
        grows
    }

    /// Adds a name of a later request. Returns whether it is the name of one resource.
    pub(crate) fn add(&mut self, name: &str) -> bool {
        let is_one = name != ALL;
        if is_one {
            self.names.insert(name.to_owned());
        } else {
            self.wildcard = true;
        }
        is_one
    }

    /// Takes a name out. Returns whether it is the name of one resource, and was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.wildcard &= name != ALL;
        self.names.remove(name)
    }

    /// The number of names.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Whether nothing is subscribed to any longer.
    pub(crate) fn is_empty(&self) -> bool {
        !self.wildcard && self.names.is_empty()
    }

    pub(crate) fn covers(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }

    /// What of `view` is subscribed to, ordered by name.
    pub(crate) fn select<'a>(&self, view: &'a Collection) -> Selection<'a> {
        if self.wildcard {
            return Selection {
                resources: view.iter().collect(),
                version: view.version(),
                is_wildcard: true,
            };
        }
        // A set iterates in order of names, so equal subscriptions give equal lists.
        let resources: Vec<_> = self.names.iter().filter_map(|name| view.get(name)).collect();
        Selection {
            version: Version::of_list(resources.iter().copied()),
            resources,
            is_wildcard: false,
        }
    }
}

/// The resources a subscription selects, and the version of that list.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    pub(crate) resources: Vec<&'a Arc<Resource>>,
    pub(crate) version: Version,
    pub(crate) is_wildcard: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn no_names_at_first_mean_everything_for_clusters_and_listeners_only() {
        for kind in ResourceType::ALL {
            let wildcard = Subscription::new(kind, vec![]).is_wildcard();
            assert_eq!(
                wildcard,
                matches!(kind, ResourceType::Cluster | ResourceType::Listener),
                "{kind}"
            );
        }
    }

    #[test]
    fn no_names_after_some_mean_nothing() {
        let mut subscription = Subscription::new(ResourceType::Cluster, names(&["a"]));
        assert!(!subscription.restate(ResourceType::Cluster, vec![]));
        assert!(!subscription.is_wildcard() && !subscription.covers("a"));
    }

    #[test]
    fn a_star_is_everything_for_any_type_and_can_be_taken_back() {
        let mut subscription = Subscription::new(ResourceType::Route, names(&["*", "a"]));
        assert!(subscription.covers("anything"));
        assert!(subscription.restate(ResourceType::Route, names(&["a", "b"])));
        assert!(!subscription.covers("anything") && subscription.covers("b"));
    }

    #[test]
    fn repeated_names_count_once() {
        let subscription = Subscription::new(ResourceType::Endpoint, names(&["a", "a"]));
        assert_eq!(subscription.names.len(), 1);
    }
}
