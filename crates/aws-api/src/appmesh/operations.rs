//! The 38 operations of the service model: name, method, path, meaning. Requests are routed by this table.

use evermesh_model::Kind;
use http::Method;

use crate::error::ApiError;
use crate::text::excerpt;
use Verb::{Delete, Get, Put};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Create(Kind),
    Describe(Kind),
    Update(Kind),
    Delete(Kind),
    List(Kind),
    Tag,
    Untag,
    ListTags,
}

/// The HTTP methods that the API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Put,
    Delete,
}

impl Verb {
    fn as_method(self) -> Method {
        match self {
            Get => Method::GET,
            Put => Method::PUT,
            Delete => Method::DELETE,
        }
    }
}

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Operation {
    /// As SDKs call it.
    pub(super) name: &'static str,
    verb: Verb,
    /// Path whose steps in braces are names of members.
    template: &'static str,
    /// What it does.
    pub(super) action: Action,
}

const fn operation(name: &'static str, verb: Verb, template: &'static str, action: Action) -> Operation {
    Operation {
        name,
        verb,
        template,
        action,
    }
}

#[rustfmt::skip]
static OPERATIONS: [Operation; 38] = [
    operation("CreateMesh", Put, "/v20190125/meshes", Action::Create(Kind::Mesh)),
    operation("DescribeMesh", Get, "/v20190125/meshes/{meshName}", Action::Describe(Kind::Mesh)),
    operation("UpdateMesh", Put, "/v20190125/meshes/{meshName}", Action::Update(Kind::Mesh)),
    operation("DeleteMesh", Delete, "/v20190125/meshes/{meshName}", Action::Delete(Kind::Mesh)),
    operation("ListMeshes", Get, "/v20190125/meshes", Action::List(Kind::Mesh)),
    operation("CreateVirtualNode", Put, "/v20190125/meshes/{meshName}/virtualNodes", Action::Create(Kind::VirtualNode)),
    operation("DescribeVirtualNode", Get, "/v20190125/meshes/{meshName}/virtualNodes/{virtualNodeName}", Action::Describe(Kind::VirtualNode)),
    operation("UpdateVirtualNode", Put, "/v20190125/meshes/{meshName}/virtualNodes/{virtualNodeName}", Action::Update(Kind::VirtualNode)),
    operation("DeleteVirtualNode", Delete, "/v20190125/meshes/{meshName}/virtualNodes/{virtualNodeName}", Action::Delete(Kind::VirtualNode)),
    operation("ListVirtualNodes", Get, "/v20190125/meshes/{meshName}/virtualNodes", Action::List(Kind::VirtualNode)),
    operation("CreateVirtualRouter", Put, "/v20190125/meshes/{meshName}/virtualRouters", Action::Create(Kind::VirtualRouter)),
    operation("DescribeVirtualRouter", Get, "/v20190125/meshes/{meshName}/virtualRouters/{virtualRouterName}", Action::Describe(Kind::VirtualRouter)),
    operation("UpdateVirtualRouter", Put, "/v20190125/meshes/{meshName}/virtualRouters/{virtualRouterName}", Action::Update(Kind::VirtualRouter)),
    operation("DeleteVirtualRouter", Delete, "/v20190125/meshes/{meshName}/virtualRouters/{virtualRouterName}", Action::Delete(Kind::VirtualRouter)),
    operation("ListVirtualRouters", Get, "/v20190125/meshes/{meshName}/virtualRouters", Action::List(Kind::VirtualRouter)),
    operation("CreateRoute", Put, "/v20190125/meshes/{meshName}/virtualRouter/{virtualRouterName}/routes", Action::Create(Kind::Route)),
    operation("DescribeRoute", Get, "/v20190125/meshes/{meshName}/virtualRouter/{virtualRouterName}/routes/{routeName}", Action::Describe(Kind::Route)),
    operation("UpdateRoute", Put, "/v20190125/meshes/{meshName}/virtualRouter/{virtualRouterName}/routes/{routeName}", Action::Update(Kind::Route)),
    operation("DeleteRoute", Delete, "/v20190125/meshes/{meshName}/virtualRouter/{virtualRouterName}/routes/{routeName}", Action::Delete(Kind::Route)),
    operation("ListRoutes", Get, "/v20190125/meshes/{meshName}/virtualRouter/{virtualRouterName}/routes", Action::List(Kind::Route)),
    operation("CreateVirtualService", Put, "/v20190125/meshes/{meshName}/virtualServices", Action::Create(Kind::VirtualService)),
    operation("DescribeVirtualService", Get, "/v20190125/meshes/{meshName}/virtualServices/{virtualServiceName}", Action::Describe(Kind::VirtualService)),
    operation("UpdateVirtualService", Put, "/v20190125/meshes/{meshName}/virtualServices/{virtualServiceName}", Action::Update(Kind::VirtualService)),
    operation("DeleteVirtualService", Delete, "/v20190125/meshes/{meshName}/virtualServices/{virtualServiceName}", Action::Delete(Kind::VirtualService)),
    operation("ListVirtualServices", Get, "/v20190125/meshes/{meshName}/virtualServices", Action::List(Kind::VirtualService)),
    operation("CreateVirtualGateway", Put, "/v20190125/meshes/{meshName}/virtualGateways", Action::Create(Kind::VirtualGateway)),
    operation("DescribeVirtualGateway", Get, "/v20190125/meshes/{meshName}/virtualGateways/{virtualGatewayName}", Action::Describe(Kind::VirtualGateway)),
    operation("UpdateVirtualGateway", Put, "/v20190125/meshes/{meshName}/virtualGateways/{virtualGatewayName}", Action::Update(Kind::VirtualGateway)),
    operation("DeleteVirtualGateway", Delete, "/v20190125/meshes/{meshName}/virtualGateways/{virtualGatewayName}", Action::Delete(Kind::VirtualGateway)),
    operation("ListVirtualGateways", Get, "/v20190125/meshes/{meshName}/virtualGateways", Action::List(Kind::VirtualGateway)),
    operation("CreateGatewayRoute", Put, "/v20190125/meshes/{meshName}/virtualGateway/{virtualGatewayName}/gatewayRoutes", Action::Create(Kind::GatewayRoute)),
    operation("DescribeGatewayRoute", Get, "/v20190125/meshes/{meshName}/virtualGateway/{virtualGatewayName}/gatewayRoutes/{gatewayRouteName}", Action::Describe(Kind::GatewayRoute)),
    operation("UpdateGatewayRoute", Put, "/v20190125/meshes/{meshName}/virtualGateway/{virtualGatewayName}/gatewayRoutes/{gatewayRouteName}", Action::Update(Kind::GatewayRoute)),
    operation("DeleteGatewayRoute", Delete, "/v20190125/meshes/{meshName}/virtualGateway/{virtualGatewayName}/gatewayRoutes/{gatewayRouteName}", Action::Delete(Kind::GatewayRoute)),
    operation("ListGatewayRoutes", Get, "/v20190125/meshes/{meshName}/virtualGateway/{virtualGatewayName}/gatewayRoutes", Action::List(Kind::GatewayRoute)),
    operation("TagResource", Put, "/v20190125/tag", Action::Tag),
    operation("UntagResource", Put, "/v20190125/untag", Action::Untag),
    operation("ListTagsForResource", Get, "/v20190125/tags", Action::ListTags),
];

/// The operation that a request asks for, and the members in its path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'r> {
    /// The row of the table.
    pub(super) operation: &'static Operation,
    /// Names of members and their values, percent-encoded as they were sent.
    pub(super) members: Vec<(&'static str, &'r str)>,
}

/// Finds the operation of a method and path. The path is split before it is decoded, so an encoded slash in a name
/// is part of the name.
pub(super) fn find<'r>(method: &Method, path: &'r str) -> Result<Found<'r>, ApiError> {
    let candidates: Vec<Found<'r>> = OPERATIONS
        .iter()
        .filter_map(|operation| {
            let members = capture(operation.template, path)?;
            Some(Found { operation, members })
        })
        .collect();
    let methods: Vec<String> = candidates
        .iter()
        .map(|found| found.operation.verb.as_method().to_string())
        .collect();
    candidates
        .into_iter()
        .find(|found| found.operation.verb.as_method() == *method)
        .ok_or_else(|| no_operation(method, path, &methods.join(", ")))
}

fn no_operation(method: &Method, path: &str, allow: &str) -> ApiError {
    let (method, path) = (excerpt(method.as_str()), excerpt(path));
    if allow.is_empty() {
        return ApiError::bad_request(format!("the App Mesh API has no path {path}"));
    }
    let mut error = ApiError::bad_request(format!("the App Mesh API has no {method} {path}, only {allow}"));
    error.allow = Some(allow.to_owned());
    error
}

/// The members in a path, when it fits the template.
fn capture<'r>(template: &'static str, path: &'r str) -> Option<Vec<(&'static str, &'r str)>> {
    let mut members = Vec::new();
    let mut steps = path.split('/');
    for expected in template.split('/') {
        let step = steps.next()?;
        match expected.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(member) => members.push((member, step)),
            None if step != expected => return None,
            None => {}
        }
    }
    steps.next().is_none().then_some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_finds_itself() {
        for row in &OPERATIONS {
            let found = find(&row.verb.as_method(), row.template).unwrap();
            assert_eq!(found.operation, row);
        }
    }

    #[test]
    fn an_encoded_slash_is_part_of_a_name() {
        let found = find(&Method::GET, "/v20190125/meshes/m/virtualNodes/a%2Fb").unwrap();
        assert_eq!(found.operation.name, "DescribeVirtualNode");
        assert_eq!(found.members, [("meshName", "m"), ("virtualNodeName", "a%2Fb")]);
    }

    #[test]
    fn a_wrong_method_names_the_right_ones() {
        let error = find(&Method::POST, "/v20190125/meshes").unwrap_err();
        assert_eq!(error.allow.as_deref(), Some("PUT, GET"));
        assert_eq!(
            error.message,
            "the App Mesh API has no POST /v20190125/meshes, only PUT, GET"
        );
    }

    #[test]
    fn paths_must_fit_whole() {
        for path in [
            "/v20190125",
            "/v20190125/meshes/m/n",
            "/v20190125/mesh",
            "/V20190125/meshes",
            "/v20190125/tag/",
        ] {
            let error = find(&Method::GET, path).unwrap_err();
            assert_eq!(error.message, format!("the App Mesh API has no path {path}"));
            assert_eq!(error.allow, None);
        }
    }
}
