//! The quotas as settings: one flag, variable and key of `[quotas]` each.

use clap::Args;
use evermesh_service::Quotas;
use serde::Deserialize;

/// One member per quota, with its flag and variable, and the ways to combine them: written once, so that none is
/// forgotten in one of the places.
macro_rules! quota_settings {
    ($($(#[doc = $doc:literal])* $name:ident, $flag:literal, $variable:literal;)*) => {
        /// Quotas that are set.
        #[derive(Debug, Default, Args, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[command(next_help_heading = "Quotas")]
        pub(crate) struct QuotaSettings {
            $(
                $(#[doc = $doc])*
                #[arg(long = $flag, env = $variable, value_name = "MOST")]
                $name: Option<u32>,
            )*
        }

        impl QuotaSettings {
            /// These, and others where these say nothing.
            pub(crate) fn or(self, other: Self) -> Self {
                Self { $($name: self.$name.or(other.$name),)* }
            }

            /// These, and the defaults where these say nothing.
            pub(crate) fn into_quotas(self) -> Quotas {
                let default = Quotas::default();
                Quotas { $($name: self.$name.unwrap_or(default.$name),)* }
            }
        }
    };
}

quota_settings! {
    /// Meshes that an account owns [default: 150].
    meshes_per_account, "quota-meshes-per-account", "EVERMESH_QUOTA_MESHES_PER_ACCOUNT";
    /// Virtual nodes in a mesh [default: 2000].
    virtual_nodes_per_mesh, "quota-virtual-nodes-per-mesh", "EVERMESH_QUOTA_VIRTUAL_NODES_PER_MESH";
    /// Virtual services in a mesh [default: 2000].
    virtual_services_per_mesh, "quota-virtual-services-per-mesh", "EVERMESH_QUOTA_VIRTUAL_SERVICES_PER_MESH";
    /// Virtual routers in a mesh [default: 2000].
    virtual_routers_per_mesh, "quota-virtual-routers-per-mesh", "EVERMESH_QUOTA_VIRTUAL_ROUTERS_PER_MESH";
    /// Virtual gateways in a mesh [default: 30].
    virtual_gateways_per_mesh, "quota-virtual-gateways-per-mesh", "EVERMESH_QUOTA_VIRTUAL_GATEWAYS_PER_MESH";
    /// Routes of a virtual router [default: 500].
    routes_per_virtual_router, "quota-routes-per-virtual-router", "EVERMESH_QUOTA_ROUTES_PER_VIRTUAL_ROUTER";
    /// Gateway routes of a virtual gateway [default: 100].
    gateway_routes_per_virtual_gateway, "quota-gateway-routes-per-virtual-gateway",
        "EVERMESH_QUOTA_GATEWAY_ROUTES_PER_VIRTUAL_GATEWAY";
    /// Backends of a virtual node [default: 500].
    backends_per_virtual_node, "quota-backends-per-virtual-node", "EVERMESH_QUOTA_BACKENDS_PER_VIRTUAL_NODE";
}
