//! Arguments that several commands have: kinds, names, meshes, accounts, files.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use evermesh_client::{Document, Problems, read_documents};
use evermesh_control_plane::DEFAULT_ACCOUNT;
use evermesh_model::arn::is_account_id;
use evermesh_model::{Kind, MeshId, ResourceId};
use serde::Deserialize;

use crate::failure::Unusable;

/// Kinds as people type them, with the short forms that `kubectl` has.
const KINDS: [(Kind, &[&str]); 7] = [
    (Kind::Mesh, &["mesh", "meshes"]),
    (Kind::VirtualNode, &["virtualnode", "virtualnodes", "vn"]),
    (Kind::VirtualRouter, &["virtualrouter", "virtualrouters", "vr"]),
    (Kind::Route, &["route", "routes"]),
    (Kind::VirtualService, &["virtualservice", "virtualservices", "vs"]),
    (Kind::VirtualGateway, &["virtualgateway", "virtualgateways", "vg"]),
    (Kind::GatewayRoute, &["gatewayroute", "gatewayroutes", "gr"]),
];

/// A kind on the command line; case, hyphens and the plural do not matter.
pub(crate) fn parse_kind(text: &str) -> Result<Kind, String> {
    let folded = text.to_ascii_lowercase().replace(['-', '_'], "");
    let found = KINDS.iter().find(|(_, names)| names.contains(&folded.as_str()));
    found.map(|(kind, _)| *kind).ok_or_else(|| {
        let names: Vec<String> = KINDS
            .iter()
            .map(|(kind, names)| match names.get(2) {
                Some(short) => format!("{kind} ({short})"),
                None => kind.to_string(),
            })
            .collect();
        format!("the kinds are {}", names.join(", "))
    })
}

/// A kind, or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KindOrAll {
    All,
    Kind(Kind),
}

impl FromStr for KindOrAll {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("all") {
            return Ok(Self::All);
        }
        parse_kind(text)
            .map(Self::Kind)
            .map_err(|kinds| format!("{kinds}; or all"))
    }
}

/// A mesh on the command line: `NAME`, or `NAME@OWNER` for one of another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MeshName {
    name: String,
    owner: Option<String>,
}

impl FromStr for MeshName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, owner) = match text.split_once('@') {
            None => (text, None),
            Some((name, owner)) if is_account_id(owner) => (name, Some(owner.to_owned())),
            Some(_) => return Err("the owner after @ must be an account id of twelve digits".to_owned()),
        };
        let id = ResourceId::mesh_itself(MeshId::new("", name));
        id.validate().map_err(|violations| violations.to_string())?;
        Ok(Self {
            name: name.to_owned(),
            owner,
        })
    }
}

impl MeshName {
    /// The mesh, of `account` unless the argument says otherwise.
    pub(crate) fn of(&self, account: &str) -> MeshId {
        MeshId::new(self.owner.as_deref().unwrap_or(account), &self.name)
    }
}

/// The resource `name` of `kind` in a mesh; a route's name is `ROUTER/ROUTE`, a gateway route's `GATEWAY/ROUTE`.
pub(crate) fn resource_id(mesh: MeshId, kind: Kind, name: &str) -> Result<ResourceId, Unusable> {
    let split = || {
        name.split_once('/').ok_or_else(|| {
            let parent = kind.parent().unwrap_or(kind);
            Unusable(format!(
                "{name:?} must say which {parent} the {kind} is of: {parent}/{name}"
            ))
        })
    };
    let id = match kind {
        Kind::Mesh => ResourceId::mesh_itself(MeshId::new(mesh.owner, name)),
        Kind::Route => {
            let (router, route) = split()?;
            ResourceId::route(mesh, router, route)
        }
        Kind::GatewayRoute => {
            let (gateway, route) = split()?;
            ResourceId::gateway_route(mesh, gateway, route)
        }
        kind => ResourceId::in_mesh(mesh, kind, name),
    };
    match id.validate() {
        Ok(()) => Ok(id),
        Err(violations) => Err(Unusable(violations.to_string())),
    }
}

/// An AWS account id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AccountId(String);

impl AccountId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AccountId {
    fn default() -> Self {
        Self(DEFAULT_ACCOUNT.to_owned())
    }
}

impl FromStr for AccountId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_account_id(text) {
            return Ok(Self(text.to_owned()));
        }
        Err("an account id has twelve digits".to_owned())
    }
}

impl TryFrom<String> for AccountId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Files with resources in them, for commands that need no control plane.
#[derive(Debug, Args)]
pub(crate) struct OfflineFiles {
    /// File or directory with resources; - is standard input. May be given several times.
    #[arg(long = "filename", short, value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Account that owns meshes whose documents have no meshOwner [default: 000000000000].
    #[arg(long, env = "EVERMESH_ACCOUNT_ID", value_name = "ID")]
    pub(crate) account_id: Option<AccountId>,
}

impl OfflineFiles {
    pub(crate) fn account(&self) -> String {
        self.account_id.clone().unwrap_or_default().0
    }

    pub(crate) fn read(&self) -> Result<Vec<Document>, Problems> {
        read_documents(&self.files, &self.account())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_however_they_are_typed() {
        for (text, kind) in [
            ("mesh", Kind::Mesh),
            ("Meshes", Kind::Mesh),
            ("virtualNode", Kind::VirtualNode),
            ("virtual-nodes", Kind::VirtualNode),
            ("vr", Kind::VirtualRouter),
            ("gateway_route", Kind::GatewayRoute),
        ] {
            assert_eq!(parse_kind(text), Ok(kind));
        }
        assert!(parse_kind("pod").unwrap_err().contains("virtualNode (vn)"));
        assert_eq!("ALL".parse(), Ok(KindOrAll::All));
        assert!("pod".parse::<KindOrAll>().unwrap_err().ends_with("or all"));
    }

    #[test]
    fn meshes_may_say_whose_they_are() {
        let of = |text: &str| text.parse::<MeshName>().map(|mesh| mesh.of("123456789012"));
        assert_eq!(of("m"), Ok(MeshId::new("123456789012", "m")));
        assert_eq!(of("m@210987654321"), Ok(MeshId::new("210987654321", "m")));
        assert!(of("m@me").is_err());
        assert!(of("a/b").is_err());
    }

    #[test]
    fn routes_are_named_with_their_router() {
        let id = |kind, name| resource_id(MeshId::new("123456789012", "m"), kind, name);
        let route = id(Kind::Route, "r/x").unwrap();
        assert_eq!(route.to_string(), "mesh/m/virtualRouter/r/route/x");
        let error = id(Kind::GatewayRoute, "y").unwrap_err().to_string();
        assert_eq!(
            error,
            "\"y\" must say which virtualGateway the gatewayRoute is of: virtualGateway/y"
        );
        assert!(id(Kind::VirtualNode, "a/b").is_err());
    }
}
