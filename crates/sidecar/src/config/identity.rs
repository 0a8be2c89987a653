//! Which mesh resource a proxy is: the full ARN or the partial form, kept verbatim because the control plane
//! knows the proxy by exactly that text.

use std::fmt;
use std::str::FromStr;

/// Longest name of a mesh, node or gateway (App Mesh API, `ResourceName`).
const MAX_NAME_CHARS: usize = 255;
/// Digits of an AWS account id.
const ACCOUNT_DIGITS: usize = 12;

/// A parsed `APPMESH_RESOURCE_ARN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    verbatim: String,
    arn: Option<ArnScope>,
    mesh: String,
    mesh_owner: Option<String>,
    kind: ResourceKind,
    name: String,
}

/// The part of a full ARN before the resource path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArnScope {
    /// `aws`, `aws-cn`, ...
    pub partition: String,
    /// A region code.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

/// What a proxy can stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// A sidecar.
    VirtualNode,
    /// A gateway.
    VirtualGateway,
}

/// Why a text is not the identity of a proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Starts with `arn:` but has not the six parts of one.
    #[error("it starts as an ARN but has not the form arn:partition:service:region:account:resource")]
    NotAnArn,
    /// An ARN of something else.
    #[error("the ARN's service is {0:?}, not appmesh")]
    Service(String),
    /// An ARN part that must be there is empty.
    #[error("the ARN has no {0}")]
    EmptyPart(&'static str),
    /// Not twelve digits.
    #[error("{0:?} is not an account id of 12 digits")]
    Account(String),
    /// The path has not four parts starting with `mesh`.
    #[error(
        "the resource is not of the form mesh/<mesh>/virtualNode/<name> or mesh/<mesh>/virtualGateway/<name>"
    )]
    Path,
    /// A resource that no proxy can be.
    #[error("a proxy is a virtualNode or a virtualGateway, not a {0:?}")]
    Kind(String),
    /// An empty, overlong or unprintable name.
    #[error("the {0} is empty, longer than 255 characters or has characters that names cannot have")]
    Name(&'static str),
}

impl Identity {
    /// The text as it was given; Envoy's `node.id`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.verbatim
    }

    /// Partition, region and account; `None` for the partial form.
    #[must_use]
    pub fn arn(&self) -> Option<&ArnScope> {
        self.arn.as_ref()
    }

    /// The mesh's name.
    #[must_use]
    pub fn mesh(&self) -> &str {
        &self.mesh
    }

    /// Account that shares the mesh, when the mesh was written `<mesh>@<meshOwner>`.
    #[must_use]
    pub fn mesh_owner(&self) -> Option<&str> {
        self.mesh_owner.as_deref()
    }

    /// Node or gateway.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// The node's or gateway's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let (arn, path) = if text.starts_with("arn:") {
            let (scope, path) = split_arn(text)?;
            (Some(scope), path)
        } else {
            (None, text)
        };
        let parts: Vec<&str> = path.split('/').collect();
        let ["mesh", mesh, kind, name] = parts[..] else {
            return Err(IdentityError::Path);
        };
        let (mesh, mesh_owner) = match mesh.split_once('@') {
            Some((mesh, owner)) => (mesh, Some(account(owner)?)),
            None => (mesh, None),
        };
        Ok(Self {
            verbatim: text.to_owned(),
            arn,
            mesh: resource_name("mesh name", mesh)?,
            mesh_owner,
            kind: kind.parse()?,
            name: resource_name("resource name", name)?,
        })
    }
}

impl FromStr for ResourceKind {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        match text {
            "virtualNode" => Ok(Self::VirtualNode),
            "virtualGateway" => Ok(Self::VirtualGateway),
            other => Err(IdentityError::Kind(other.to_owned())),
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VirtualNode => "virtualNode",
            Self::VirtualGateway => "virtualGateway",
        })
    }
}

fn split_arn(text: &str) -> Result<(ArnScope, &str), IdentityError> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [_, partition, service, region, account_id, path] = parts[..] else {
        return Err(IdentityError::NotAnArn);
    };
    // The preview channel's ARNs differ in the service alone; a mesh that was tried there may still carry them.
    if !matches!(service, "appmesh" | "appmesh-preview") {
        return Err(IdentityError::Service(service.to_owned()));
    }
    for (part, value) in [("partition", partition), ("region", region)] {
        if value.is_empty() {
            return Err(IdentityError::EmptyPart(part));
        }
    }
    let scope = ArnScope {
        partition: partition.to_owned(),
        region: region.to_owned(),
        account: account(account_id)?,
    };
    Ok((scope, path))
}

fn account(text: &str) -> Result<String, IdentityError> {
    if text.len() == ACCOUNT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err(IdentityError::Account(text.to_owned()))
    }
}

fn resource_name(which: &'static str, text: &str) -> Result<String, IdentityError> {
    let length = text.chars().count();
    let printable = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if (1..=MAX_NAME_CHARS).contains(&length) && printable {
        Ok(text.to_owned())
    } else {
        Err(IdentityError::Name(which))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_arn_gives_every_part() {
        let text = "arn:aws-cn:appmesh:cn-north-1:111122223333:mesh/shop@444455556666/virtualNode/cart_v2";
        let identity: Identity = text.parse().unwrap();
        assert_eq!(identity.as_str(), text);
        let arn = identity.arn().unwrap();
        assert_eq!(
            (&*arn.partition, &*arn.region, &*arn.account),
            ("aws-cn", "cn-north-1", "111122223333")
        );
        assert_eq!(identity.mesh(), "shop");
        assert_eq!(identity.mesh_owner(), Some("444455556666"));
        assert_eq!(
            (identity.kind(), identity.name()),
            (ResourceKind::VirtualNode, "cart_v2")
        );
    }

    #[test]
    fn the_partial_form_has_no_scope() {
        let identity: Identity = "mesh/pgMesh/virtualGateway/edge".parse().unwrap();
        assert_eq!(identity.arn(), None);
        assert_eq!(identity.mesh_owner(), None);
        assert_eq!(
            (identity.kind(), identity.name()),
            (ResourceKind::VirtualGateway, "edge")
        );
    }

    #[test]
    fn what_is_not_an_identity_says_why() {
        use IdentityError::*;
        let long = format!("mesh/m/virtualNode/{}", "x".repeat(256));
        let table = [
            ("", Path),
            ("svcNode1", Path),
            ("mesh/m/virtualNode/n/more", Path),
            ("mesh/m/virtualRouter/r", Kind("virtualRouter".into())),
            ("mesh//virtualNode/n", Name("mesh name")),
            ("mesh/m/virtualNode/", Name("resource name")),
            ("mesh/m/virtualNode/a b", Name("resource name")),
            (&long, Name("resource name")),
            ("mesh/m@me/virtualNode/n", Account("me".into())),
            ("arn:aws:appmesh:us-west-2", NotAnArn),
            (
                "arn:aws:ecs:us-west-2:111122223333:mesh/m/virtualNode/n",
                Service("ecs".into()),
            ),
            (
                "arn:aws:appmesh::111122223333:mesh/m/virtualNode/n",
                EmptyPart("region"),
            ),
            (
                "arn:aws:appmesh:us-west-2:1111:mesh/m/virtualNode/n",
                Account("1111".into()),
            ),
            ("arn:aws:appmesh:us-west-2:111122223333:mesh/m", Path),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Identity>(), Err(error), "{text:?}");
        }
    }
}
