//! The specs of the seven resource kinds, field by field as in the App Mesh API.
//!
//! Names, bounds and enumerations are those of the service model of API version 2019-01-25. Node and gateway
//! shapes that the service model repeats under two names are one type here.

mod gateway_route;
mod listener;
mod logging;
mod matching;
mod mesh;
mod route;
mod tls;
mod virtual_gateway;
mod virtual_node;
mod virtual_router;
mod virtual_service;

use serde::Serialize;
use serde_json::Value;

pub use gateway_route::*;
pub use listener::*;
pub use logging::*;
pub use matching::*;
pub use mesh::*;
pub use route::*;
pub use tls::*;
pub use virtual_gateway::*;
pub use virtual_node::*;
pub use virtual_router::*;
pub use virtual_service::*;

use crate::id::Kind;
use crate::shape::{self, Violations};

/// The spec of a resource of any kind. Serialized as the spec object alone; the kind is known from elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "each variant is the kind of the same name")]
pub enum Spec {
    Mesh(MeshSpec),
    VirtualNode(VirtualNodeSpec),
    VirtualService(VirtualServiceSpec),
    VirtualRouter(VirtualRouterSpec),
    Route(RouteSpec),
    VirtualGateway(VirtualGatewaySpec),
    GatewayRoute(GatewayRouteSpec),
}

impl Spec {
    /// Reads the spec of a resource of `kind`; violations have paths that start with `spec`.
    ///
    /// # Errors
    /// Every violation of types, bounds, enumerations and unions. [`crate::validate`] finds the rest.
    pub fn read(kind: Kind, value: &Value) -> Result<Self, Violations> {
        fn at_spec<T: shape::Shape>(value: &Value) -> Result<T, Violations> {
            shape::from_value_at("spec", value)
        }
        match kind {
            Kind::Mesh => at_spec(value).map(Self::Mesh),
            Kind::VirtualNode => at_spec(value).map(Self::VirtualNode),
            Kind::VirtualService => at_spec(value).map(Self::VirtualService),
            Kind::VirtualRouter => at_spec(value).map(Self::VirtualRouter),
            Kind::Route => at_spec(value).map(Self::Route),
            Kind::VirtualGateway => at_spec(value).map(Self::VirtualGateway),
            Kind::GatewayRoute => at_spec(value).map(Self::GatewayRoute),
        }
    }

    /// The kind whose spec this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Mesh(_) => Kind::Mesh,
            Self::VirtualNode(_) => Kind::VirtualNode,
            Self::VirtualService(_) => Kind::VirtualService,
            Self::VirtualRouter(_) => Kind::VirtualRouter,
            Self::Route(_) => Kind::Route,
            Self::VirtualGateway(_) => Kind::VirtualGateway,
            Self::GatewayRoute(_) => Kind::GatewayRoute,
        }
    }
}
