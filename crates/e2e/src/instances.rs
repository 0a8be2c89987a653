//! What stands for AWS Cloud Map: the control plane's file of instances.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

/// A task as Cloud Map knows it.
#[derive(Debug, Clone)]
pub struct Instance {
    attributes: BTreeMap<String, String>,
}

impl Instance {
    /// An instance with an address of either family.
    pub fn at(address: impl Into<IpAddr>) -> Self {
        let instance = Self {
            attributes: BTreeMap::new(),
        };
        instance.and_at(address)
    }

    /// With one more address, of the other family.
    #[must_use]
    pub fn and_at(self, address: impl Into<IpAddr>) -> Self {
        let address: IpAddr = address.into();
        let key = match address {
            IpAddr::V4(_) => "AWS_INSTANCE_IPV4",
            IpAddr::V6(_) => "AWS_INSTANCE_IPV6",
        };
        self.with(key, &address.to_string())
    }

    /// With an attribute.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.attributes.insert(key.to_owned(), value.to_owned());
        self
    }
}

/// The file, and what it says.
pub(crate) struct Instances {
    path: PathBuf,
    services: BTreeMap<(String, String), Vec<Instance>>,
}

impl Instances {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self {
            path,
            services: BTreeMap::new(),
        }
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Gives a service these instances and no others.
    pub(crate) fn set(&mut self, namespace: &str, service: &str, instances: Vec<Instance>) {
        let key = (namespace.to_owned(), service.to_owned());
        self.services.insert(key, instances);
        let entry = |((namespace, service), instances): (&(String, String), &Vec<Instance>)| {
            let instances = instances
                .iter()
                .map(|instance| json!({ "attributes": instance.attributes }));
            let instances: Vec<Value> = instances.collect();
            json!({ "namespace": namespace, "service": service, "instances": instances })
        };
        let content: Vec<Value> = self.services.iter().map(entry).collect();
        let fresh = self.path.with_extension("fresh");
        fs::write(&fresh, Value::from(content).to_string()).expect("a temporary directory is writable");
        fs::rename(&fresh, &self.path).expect("a temporary directory is writable");
    }
}
