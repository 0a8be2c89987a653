//! The targets of a proxy as it calls them: under the client policy of the service that leads there.

use std::collections::BTreeMap;
use std::sync::Arc;

use evermesh_model::spec::ClientPolicyTls;

use crate::tls;
use crate::view::{Target, TargetKey, WeightedTarget};

/// Collects targets, service by service.
#[derive(Default)]
pub(crate) struct Upstreams<'a> {
    called: BTreeMap<TargetKey, BTreeMap<&'a str, Arc<Target>>>,
}

/// Targets, each under a key of its own.
pub(crate) struct Called<'a> {
    targets: BTreeMap<TargetKey, Arc<Target>>,
    /// What a service's targets are called as, where that is not their own key.
    renamed: BTreeMap<&'a str, BTreeMap<TargetKey, TargetKey>>,
}

impl<'a> Upstreams<'a> {
    /// Takes in a target of a service that is called under a policy.
    pub(crate) fn add(&mut self, service: &'a str, policy: Option<&ClientPolicyTls>, target: &Arc<Target>) {
        let services = self.called.entry(target.key.clone()).or_default();
        services.insert(service, under_policy(policy, target));
    }

    /// A target that services call under different policies is there once for each service, and under its own key no
    /// longer. Did one of them keep that, another service could take it over, whose policy would then be in force for
    /// calls of the first until they go by their new name.
    pub(crate) fn tell_apart(self) -> Called<'a> {
        let mut told = Called {
            targets: BTreeMap::new(),
            renamed: BTreeMap::new(),
        };
        for (key, services) in self.called {
            let mut ways = services.values().map(|called| &called.tls);
            let first = ways.next();
            if ways.all(|way| Some(way) == first) {
                told.targets
                    .extend(services.into_values().next().map(|called| (key, called)));
                continue;
            }
            for (service, called) in services {
                let mut called = Target::clone(&called);
                called.key.called_as = Some(service.to_owned());
                let renamed = told.renamed.entry(service).or_default();
                renamed.insert(key.clone(), called.key.clone());
                told.targets.insert(called.key.clone(), Arc::new(called));
            }
        }
        told
    }
}

impl Called<'_> {
    /// Whether shares of a service lead elsewhere than its routes say.
    pub(crate) fn renames(&self, service: &str) -> bool {
        self.renamed.contains_key(service)
    }

    /// Makes shares of a service lead to its targets as it calls them.
    pub(crate) fn rename(&self, service: &str, shares: &mut [WeightedTarget]) {
        let Some(renamed) = self.renamed.get(service) else {
            return;
        };
        for share in shares {
            if let Some(key) = renamed.get(&share.target) {
                share.target = key.clone();
            }
        }
    }

    /// All of them, ordered.
    pub(crate) fn into_targets(self) -> Vec<Arc<Target>> {
        self.targets.into_values().collect()
    }
}

/// The target itself where the policy changes nothing, so that it stays shared with the other callers.
fn under_policy(policy: Option<&ClientPolicyTls>, target: &Arc<Target>) -> Arc<Target> {
    let tls = tls::under_policy(policy, target);
    if tls == target.tls {
        return Arc::clone(target);
    }
    Arc::new(Target {
        tls,
        ..Target::clone(target)
    })
}
