//! Instances of services as AWS Cloud Map knows them, from a file that is followed.
//!
//! The file is YAML or JSON: a list of services, each with its instances, which have the attributes that
//! `RegisterInstance` takes:
//!
//! ```yaml
//! - namespace: howto.local
//!   service: colorteller
//!   instances:
//!     - id: blue-1
//!       attributes: { AWS_INSTANCE_IPV4: 10.0.0.11, ECS_TASK_DEFINITION_FAMILY: blue }
//! ```

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::{FromStr, Utf8Error};
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::file::{self, Content, FileError};

const IPV4: &str = "AWS_INSTANCE_IPV4";
const IPV6: &str = "AWS_INSTANCE_IPV6";
const HEALTH: &str = "AWS_INIT_HEALTH_STATUS";
const UNHEALTHY: &str = "UNHEALTHY";

/// Services with their instances.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// By namespace and name.
    services: BTreeMap<(String, String), Vec<Instance>>,
}

/// An instance of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its IPv4 address (attribute `AWS_INSTANCE_IPV4`).
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address (attribute `AWS_INSTANCE_IPV6`).
    pub ipv6: Option<Ipv6Addr>,
    /// Whether it takes traffic: unless attribute `AWS_INIT_HEALTH_STATUS` is `UNHEALTHY`.
    pub healthy: bool,
    /// All its attributes, those above included.
    pub attributes: BTreeMap<String, String>,
}

/// Why a file of instances cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content is not what such a file has.
    #[error("the file of instances {} cannot be understood", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ContentError,
    },
}

/// What can be wrong in a file of instances.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The bytes are not text.
    #[error("it is not UTF-8")]
    NotText(#[source] Utf8Error),
    /// It is neither YAML nor JSON, or has members that it should not have, or lacks some.
    #[error("{0}")]
    Syntax(String),
    /// An attribute that is an address is none.
    #[error(
        "service {service} of namespace {namespace}: {key} of an instance is {value:?}, which is no such address"
    )]
    NotAnAddress {
        /// The namespace.
        namespace: String,
        /// The service.
        service: String,
        /// The attribute.
        key: &'static str,
        /// What it is.
        value: String,
    },
}

impl Registry {
    /// Understands the content of a file. A service that is there twice has the instances of both.
    ///
    /// # Errors
    /// What is wrong first; nothing of the file counts then.
    pub fn parse(content: &str) -> Result<Self, ContentError> {
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        let syntax = |error: serde_saphyr::Error| ContentError::Syntax(error.to_string());
        let entries: Option<Vec<Entry>> =
            serde_saphyr::from_str_with_options(content, options).map_err(syntax)?;
        let mut services: BTreeMap<_, Vec<Instance>> = BTreeMap::new();
        for entry in entries.into_iter().flatten() {
            let instances = entry.instances.iter().map(|listed| entry.instance(listed));
            let instances = instances.collect::<Result<Vec<_>, _>>()?;
            let key = (entry.namespace, entry.service);
            services.entry(key).or_default().extend(instances);
        }
        Ok(Self { services })
    }

    /// Reads and understands a file. One that does not exist (yet) has no services.
    ///
    /// # Errors
    /// When the file exists and cannot be read or understood, or is larger than 16 MiB.
    pub fn load(path: &Path) -> Result<Self, RegistryError> {
        let Some(content) = file::read::<Self>(path)? else {
            return Ok(Self::default());
        };
        let text = str::from_utf8(&content).map_err(ContentError::NotText);
        text.and_then(Self::parse)
            .map_err(|source| RegistryError::Malformed {
                path: path.to_owned(),
                source,
            })
    }

    /// The healthy instances of a service that have all of these attributes.
    pub fn healthy<'a>(
        &'a self,
        namespace: &str,
        service: &str,
        attributes: Vec<(&'a str, &'a str)>,
    ) -> impl Iterator<Item = &'a Instance> {
        let instances = self.services.get(&(namespace.to_owned(), service.to_owned()));
        let has = |instance: &Instance, (key, value): &(&str, &str)| {
            instance.attributes.get(*key).is_some_and(|own| own == value)
        };
        instances.into_iter().flatten().filter(move |instance| {
            instance.healthy && attributes.iter().all(|attribute| has(instance, attribute))
        })
    }
}

/// A file of instances that is followed, until it is dropped.
#[derive(Debug)]
pub struct RegistryFile {
    registry: watch::Receiver<Arc<Registry>>,
    /// Follows the file; aborted on drop.
    _task: JoinSet<()>,
}

impl RegistryFile {
    /// Reads a file and follows its changes: within about a tenth of a second what it says is in force. What cannot be
    /// understood later on leaves the last content in force.
    ///
    /// # Errors
    /// As [`Registry::load`].
    ///
    /// # Panics
    /// Outside a Tokio runtime with time.
    pub fn follow(path: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        let path = path.into();
        let registry = Registry::load(&path)?;
        registry.announce(&path);
        let (sender, receiver) = watch::channel(Arc::new(registry));
        let mut task = JoinSet::new();
        task.spawn(file::follow(path, sender));
        Ok(Self {
            registry: receiver,
            _task: task,
        })
    }

    /// What is in force, and a way to wait for changes of it.
    pub fn registry(&self) -> watch::Receiver<Arc<Registry>> {
        self.registry.clone()
    }
}

impl Content for Registry {
    const FILE: &str = "file of instances";
    type Error = RegistryError;

    fn load(path: &Path) -> Result<Self, RegistryError> {
        Self::load(path)
    }

    fn announce(&self, path: &Path) {
        let instances: usize = self.services.values().map(Vec::len).sum();
        tracing::info!(path = %path.display(), services = self.services.len(), instances, "the file of instances is in force");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    namespace: String,
    service: String,
    #[serde(default)]
    instances: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// For whoever reads the file.
    #[serde(rename = "id", default)]
    _id: Option<String>,
    /// As they are written: YAML's numbers and the like need no quotes.
    attributes: BTreeMap<String, String>,
}

impl Entry {
    fn instance(&self, listed: &Listed) -> Result<Instance, ContentError> {
        let attributes = &listed.attributes;
        Ok(Instance {
            ipv4: self.address(attributes, IPV4)?,
            ipv6: self.address(attributes, IPV6)?,
            healthy: attributes.get(HEALTH).is_none_or(|status| status != UNHEALTHY),
            attributes: attributes.clone(),
        })
    }

    fn address<A: FromStr>(
        &self,
        attributes: &BTreeMap<String, String>,
        key: &'static str,
    ) -> Result<Option<A>, ContentError> {
        let parse = |value: &String| {
            value.parse().map_err(|_| ContentError::NotAnAddress {
                namespace: self.namespace.clone(),
                service: self.service.clone(),
                key,
                value: value.clone(),
            })
        };
        attributes.get(key).map(parse).transpose()
    }
}

#[cfg(test)]
mod tests;
