//! Spec of a virtual node.

use evermesh_shape_derive::Shape;

use super::{ClientPolicy, IpPreference, Listener, Logging};

/// Spec of a virtual node: a group of like tasks, what they listen on and what they may call.
#[derive(Debug, Clone, Default, PartialEq, Shape)]
pub struct VirtualNodeSpec {
    /// What the application listens on; none when nothing calls the node.
    pub listeners: Option<Vec<Listener>>,
    /// How other nodes find its tasks; needed once it has a listener.
    pub service_discovery: Option<ServiceDiscovery>,
    /// The virtual services it may call.
    pub backends: Option<Vec<Backend>>,
    /// What holds for every backend that does not say otherwise.
    pub backend_defaults: Option<BackendDefaults>,
    /// Access logs.
    pub logging: Option<Logging>,
}

/// How the tasks of a node are found.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum ServiceDiscovery {
    Dns(DnsServiceDiscovery),
    AwsCloudMap(AwsCloudMapServiceDiscovery),
}

/// Discovery by DNS.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct DnsServiceDiscovery {
    /// Name that resolves to the tasks.
    pub hostname: String,
    /// Overrides the mesh's preference.
    pub ip_preference: Option<IpPreference>,
    /// Whether the name stands for a load balancer (absent: yes) or for all endpoints.
    pub response_type: Option<DnsResponseType>,
}

/// What the addresses of a DNS answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum DnsResponseType {
    #[shape(name = "LOADBALANCER")]
    LoadBalancer,
    #[shape(name = "ENDPOINTS")]
    Endpoints,
}

/// Discovery by AWS Cloud Map.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct AwsCloudMapServiceDiscovery {
    /// Namespace of the service.
    #[shape(min = 1, max = 1024)]
    pub namespace_name: String,
    /// Service whose healthy instances are the tasks.
    #[shape(min = 1, max = 1024)]
    pub service_name: String,
    /// Attributes an instance must all have.
    pub attributes: Option<Vec<AwsCloudMapInstanceAttribute>>,
    /// Overrides the mesh's preference.
    pub ip_preference: Option<IpPreference>,
}

/// An attribute of a Cloud Map instance.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct AwsCloudMapInstanceAttribute {
    /// Attribute name.
    #[shape(min = 1, max = 255, check = visible_ascii)]
    pub key: String,
    /// Attribute value.
    #[shape(min = 1, max = 1024, check = attribute_value)]
    pub value: String,
}

/// A virtual service that a node may call.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum Backend {
    VirtualService(VirtualServiceBackend),
}

/// A virtual service that a node may call.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct VirtualServiceBackend {
    /// Name of the virtual service; it need not exist yet.
    #[shape(min = 1)]
    pub virtual_service_name: String,
    /// How to call it; overrides the backend defaults.
    pub client_policy: Option<Box<ClientPolicy>>,
}

/// What holds for every backend of a node or gateway.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct BackendDefaults {
    /// How to call backends.
    pub client_policy: Option<ClientPolicy>,
}

#[allow(clippy::ptr_arg, reason = "called with the field's own type")]
fn visible_ascii(text: &String) -> Result<(), String> {
    let accepted = text.chars().all(|c| ('!'..='~').contains(&c));
    if accepted {
        Ok(())
    } else {
        Err("must be visible ASCII without spaces".to_owned())
    }
}

#[allow(clippy::ptr_arg, reason = "called with the field's own type")]
fn attribute_value(text: &String) -> Result<(), String> {
    let accepted = text.chars().all(|c| (' '..='~').contains(&c)) && !text.starts_with(' ');
    if accepted {
        Ok(())
    } else {
        Err("must be printable ASCII that does not start with a space".to_owned())
    }
}
