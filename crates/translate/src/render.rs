//! Envoy resources as people and Envoy itself read them: JSON and YAML, with the names of Envoy's documentation.
//!
//! A generated protobuf type does not know what its fields are called. That is in the descriptors of the `.proto` files
//! it was generated from; `envoy.desc` keeps those that resources and bootstraps need, as a `FileDescriptorSet`.
//! `tests/golden_descriptors.rs` makes it, and fails when it is not that of the `envoy-types` in use.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::{Value, json};

use crate::Resources;

/// `{"clusters": [...], "listeners": [...], "routes": [...]}`, each resource in the JSON mapping of proto3: fields in
/// order of their numbers, under their names in the `.proto` file, without those that have their default value; an
/// `Any` is `{"@type": ..., <the fields of what is in it>}`. `"endpoints"` and `"secrets"` are there when there are any.
pub fn to_value(resources: &Resources) -> Value {
    let mut value = json!({
        "clusters": messages(&resources.clusters),
        "listeners": messages(&resources.listeners),
        "routes": messages(&resources.routes),
    });
    for (member, messages) in [
        ("endpoints", messages(&resources.endpoints)),
        ("secrets", messages(&resources.secrets)),
    ] {
        if !messages.is_empty() {
            value[member] = messages.into();
        }
    }
    value
}

/// [`to_value`] as YAML.
pub fn to_yaml(resources: &Resources) -> String {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(&to_value(resources), options).expect("any JSON is YAML")
}

fn messages<M: Message + Name>(messages: &[M]) -> Vec<Value> {
    messages.iter().map(message).collect()
}

fn message<M: Message + Name>(message: &M) -> Value {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        DescriptorPool::decode(include_bytes!("envoy.desc").as_slice())
            .expect("a test made it from valid files")
    });
    let descriptor = POOL.get_message_by_name(&M::full_name());
    let descriptor = descriptor.expect("envoy.desc has every type that resources are made of");
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .expect("both sides come from the same .proto files");
    let options = SerializeOptions::new().use_proto_field_name(true);
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .expect("envoy.desc has every type that is packed into an Any")
}
