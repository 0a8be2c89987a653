//! ARNs of App Mesh resources, and the short forms that proxies also use.

use std::fmt;

use crate::id::{Kind, MeshId, ResourceId};

/// A full ARN: `arn:<partition>:appmesh:<region>:<account>:mesh/<mesh>[@<owner>][/<kind>/<name>]...`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov`, ...
    pub partition: String,
    /// Region, such as `us-west-2`.
    pub region: String,
    /// Account that owns the resource; the mesh may belong to another one.
    pub account: String,
    /// The resource.
    pub resource: ResourceId,
}

/// Why a text is not the ARN or short form of an App Mesh resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not the ARN of an App Mesh resource: {reason}")]
pub struct ArnError {
    text: String,
    reason: &'static str,
}

impl Arn {
    /// Parses a full ARN.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let fail = |reason| ArnError {
            text: text.chars().take(300).collect(),
            reason,
        };
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &[prefix, partition, service, region, account, resource] = parts.as_slice() else {
            return Err(fail("it needs six parts separated by colons"));
        };
        if prefix != "arn" {
            return Err(fail("it must begin with arn:"));
        }
        if service != "appmesh" {
            return Err(fail("its service must be appmesh"));
        }
        if partition.is_empty() || region.is_empty() {
            return Err(fail("partition and region must not be empty"));
        }
        if !is_account_id(account) {
            return Err(fail("its account must be twelve digits"));
        }
        let resource = parse_resource(resource, account).map_err(fail)?;
        Ok(Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource,
        })
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "arn:{}:appmesh:{}:{}:",
            self.partition, self.region, self.account
        )?;
        let mesh = self.resource.mesh();
        if mesh.owner == self.account {
            return write!(f, "{}", self.resource);
        }
        // A resource in a mesh of another account says whose mesh it is.
        let path = self.resource.to_string();
        let rest = path
            .strip_prefix(&format!("mesh/{}", mesh.name))
            .unwrap_or_default();
        write!(f, "mesh/{}@{}{rest}", mesh.name, mesh.owner)
    }
}

/// Parses what a proxy says it is: a full ARN, or the short form `mesh/<mesh>[@<owner>]/<kind>/<name>`, whose mesh
/// belongs to `default_account` unless it says otherwise.
///
/// # Errors
/// Says which part is wrong.
pub fn parse_node_id(text: &str, default_account: &str) -> Result<ResourceId, ArnError> {
    if text.starts_with("arn:") {
        return Arn::parse(text).map(|arn| arn.resource);
    }
    parse_resource(text, default_account).map_err(|reason| ArnError {
        text: text.chars().take(300).collect(),
        reason,
    })
}

/// Whether a text is an AWS account id.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn parse_resource(text: &str, default_owner: &str) -> Result<ResourceId, &'static str> {
    let parts: Vec<&str> = text.split('/').collect();
    let (&["mesh", mesh], rest) = parts.split_at(parts.len().min(2)) else {
        return Err("its resource must begin with mesh/<name>");
    };
    let (name, owner) = match mesh.split_once('@') {
        Some((name, owner)) if is_account_id(owner) => (name, owner),
        Some(_) => return Err("the mesh owner after @ must be twelve digits"),
        None => (mesh, default_owner),
    };
    let mut id = ResourceId::mesh_itself(MeshId::new(owner, name));
    let mut steps = rest.chunks_exact(2);
    for step in &mut steps {
        let kind = Kind::parse(step[0]).ok_or("its resource has an unknown kind")?;
        id = id
            .child(kind, step[1])
            .ok_or("its resource has a kind in a place where it cannot be")?;
    }
    if !steps.remainder().is_empty() {
        return Err("its resource ends with a kind without a name");
    }
    id.validate()
        .map_err(|_| "its resource has a name that no resource can have")?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_arns_round_trip() {
        for text in [
            "arn:aws:appmesh:us-west-2:123456789012:mesh/m",
            "arn:aws-cn:appmesh:cn-north-1:123456789012:mesh/m/virtualNode/n",
            "arn:aws:appmesh:us-west-2:123456789012:mesh/m/virtualService/svc1.pgMesh.local",
            "arn:aws:appmesh:us-west-2:123456789012:mesh/m/virtualRouter/r/route/x",
            "arn:aws:appmesh:us-west-2:123456789012:mesh/m@210987654321/virtualGateway/g/gatewayRoute/x",
        ] {
            assert_eq!(Arn::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn short_forms_name_the_same_resource() {
        let full = "arn:aws:appmesh:us-west-2:123456789012:mesh/m/virtualNode/n";
        let short = parse_node_id("mesh/m/virtualNode/n", "123456789012").unwrap();
        assert_eq!(parse_node_id(full, "000000000000").unwrap(), short);
        let shared = parse_node_id("mesh/m@210987654321/virtualNode/n", "123456789012").unwrap();
        assert_eq!(shared.mesh().owner, "210987654321");
    }

    #[test]
    fn faults_are_named() {
        for (text, reason) in [
            (
                "arn:aws:ecs:us-west-2:123456789012:mesh/m",
                "its service must be appmesh",
            ),
            (
                "arn:aws:appmesh:us-west-2:12345:mesh/m",
                "its account must be twelve digits",
            ),
            (
                "arn:aws:appmesh:us-west-2",
                "it needs six parts separated by colons",
            ),
            (
                "mesh/m/virtualNode",
                "its resource ends with a kind without a name",
            ),
            (
                "mesh/m/route/x",
                "its resource has a kind in a place where it cannot be",
            ),
            ("mesh/m/pod/x", "its resource has an unknown kind"),
            (
                "mesh/m@1/virtualNode/x",
                "the mesh owner after @ must be twelve digits",
            ),
            ("virtualNode/x", "its resource must begin with mesh/<name>"),
            (
                "mesh//virtualNode/x",
                "its resource has a name that no resource can have",
            ),
        ] {
            assert_eq!(
                parse_node_id(text, "123456789012").unwrap_err().reason,
                reason,
                "{text}"
            );
        }
    }
}
