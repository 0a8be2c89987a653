//! The supplies that a control plane has of its own: instances of services from a file, and the addresses that its own
//! DNS server has for names.

use std::sync::Arc;

use evermesh_discovery::{Names, Registry, RegistryFile};
use evermesh_graph::supplied::{Addresses, CloudMapService, Instance, Instances};
use tokio::sync::watch;

use crate::supply::Supply;

impl Supply<str, Addresses> for Names {
    fn follow(&self, name: &str) -> watch::Receiver<Option<Arc<Addresses>>> {
        Self::follow(self, name)
    }
}

impl Supply<CloudMapService, Instances> for RegistryFile {
    fn follow(&self, service: &CloudMapService) -> watch::Receiver<Option<Arc<Instances>>> {
        let mut registry = self.registry();
        let first = instances(&registry.borrow_and_update(), service);
        let (sender, receiver) = watch::channel(Some(Arc::new(first)));
        tokio::spawn(keep(service.clone(), registry, sender));
        receiver
    }
}

/// Keeps the instances of a service up to date while somebody wants to know.
async fn keep(
    service: CloudMapService,
    mut registry: watch::Receiver<Arc<Registry>>,
    known: watch::Sender<Option<Arc<Instances>>>,
) {
    loop {
        tokio::select! {
            () = known.closed() => return,
            changed = registry.changed() => if changed.is_err() { return },
        }
        let newest = instances(&registry.borrow_and_update(), &service);
        known.send_if_modified(|known| {
            let differs = known.as_deref() != Some(&newest);
            if differs {
                *known = Some(Arc::new(newest));
            }
            differs
        });
    }
}

/// Those of a service that can take traffic: healthy, with all the attributes, and with an address.
fn instances(registry: &Registry, service: &CloudMapService) -> Instances {
    let CloudMapService {
        namespace,
        service,
        attributes,
    } = service;
    let attributes = attributes
        .iter()
        .map(|one| (one.key.as_str(), one.value.as_str()));
    let healthy = registry.healthy(namespace, service, attributes.collect());
    healthy
        .map(|instance| Instance {
            ipv4: instance.ipv4,
            ipv6: instance.ipv6,
        })
        .filter(|instance| *instance != NOWHERE)
        .collect()
}

const NOWHERE: Instance = Instance {
    ipv4: None,
    ipv6: None,
};
