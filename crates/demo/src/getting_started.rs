//! The commands of the App Mesh getting-started walkthrough that change something, in its order, with its files.
//!
//! A test holds them against the walkthrough itself.

use serde_json::{Value, json};

/// The virtual service that the client calls.
pub(crate) const VIRTUAL_SERVICE: &str = "svc1.pgMesh.local";
/// The applications: virtual node, and the name by which it is discovered.
pub(crate) const NODES: [(&str, &str); 3] = [
    (OLD, "svcNode1.pgMesh.local"),
    (NEW, "svcNode1v2.pgMesh.local"),
    (CLIENT, "svc2.pgMesh.local"),
];
/// The virtual node that has all traffic at first.
pub(crate) const OLD: &str = "svcNode1";
/// The virtual node that has all traffic in the end.
pub(crate) const NEW: &str = "svcNode1v2";
/// The virtual node that calls the virtual service.
pub(crate) const CLIENT: &str = "svcNode2";
/// The mesh.
pub(crate) const MESH: &str = "pgMesh";

/// A command of the walkthrough.
#[derive(Debug)]
pub(crate) struct Command {
    /// What follows `aws appmesh`.
    pub(crate) words: &'static str,
    /// The path of the request, with members of the input in braces.
    uri: &'static str,
    /// The input as the AWS CLI takes it, JSON.
    input: &'static str,
}

/// A request of the App Mesh API. All that change something are `PUT`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Path.
    pub(crate) path: String,
    /// Body.
    pub(crate) body: Value,
}

impl Command {
    /// The request: members of the input that the path has in braces go there, the others into the body.
    pub(crate) fn request(&self) -> Request {
        request(self.uri, parse(self.input))
    }
}

/// Up to where traffic can flow: all of it to [`OLD`].
pub(crate) const SET_UP: [Command; 8] = [
    Command {
        words: "create-mesh --mesh-name pgMesh",
        uri: "/v20190125/meshes",
        input: include_str!("../resources/create-mesh.json"),
    },
    Command {
        words: "create-virtual-service --mesh-name pgMesh --virtual-service-name svc1.pgMesh.local --spec {}",
        uri: SERVICES,
        input: include_str!("../resources/create-virtual-service-svc1.json"),
    },
    Command {
        words: "create-virtual-node --cli-input-json file://create-virtual-node-svc1.json",
        uri: VIRTUAL_NODES,
        input: include_str!("../resources/create-virtual-node-svc1.json"),
    },
    Command {
        words: "create-virtual-router --cli-input-json file://create-virtual-router.json",
        uri: "/v20190125/meshes/{meshName}/virtualRouters",
        input: include_str!("../resources/create-virtual-router.json"),
    },
    Command {
        words: "create-route --cli-input-json file://create-route.json",
        uri: "/v20190125/meshes/{meshName}/virtualRouter/{virtualRouterName}/routes",
        input: include_str!("../resources/create-route.json"),
    },
    Command {
        words: "create-virtual-node --cli-input-json file://create-virtual-node-svcnode1v2.json",
        uri: VIRTUAL_NODES,
        input: include_str!("../resources/create-virtual-node-svcnode1v2.json"),
    },
    Command {
        words: "create-virtual-node --cli-input-json file://create-virtual-node-svc2.json",
        uri: VIRTUAL_NODES,
        input: include_str!("../resources/create-virtual-node-svc2.json"),
    },
    Command {
        words: "update-virtual-service --cli-input-json file://update-virtual-service.json",
        uri: "/v20190125/meshes/{meshName}/virtualServices/{virtualServiceName}",
        input: include_str!("../resources/update-virtual-service.json"),
    },
];

/// Gives [`NEW`] a quarter.
pub(crate) const SHIFT: Command = Command {
    words: "update-route --cli-input-json file://update-route.json",
    uri: ROUTE,
    input: include_str!("../resources/update-route.json"),
};

/// Adds the virtual service that nobody has as a backend.
pub(crate) const SECOND_SERVICE: Command = Command {
    words: "create-virtual-service --cli-input-json file://create-virtual-svc2.json",
    uri: SERVICES,
    input: include_str!("../resources/create-virtual-svc2.json"),
};

/// The walkthrough's route with other weights, as it suggests to go on.
pub(crate) fn shift_to(weights: &[(&str, u64)]) -> Request {
    let mut input = parse(SHIFT.input);
    let target = |(node, weight): &(&str, u64)| json!({ "virtualNode": node, "weight": weight });
    input["spec"]["http2Route"]["action"]["weightedTargets"] = weights.iter().map(target).collect();
    request(ROUTE, input)
}

/// What to type for [`shift_to`] by hand, after `aws appmesh`.
pub(crate) fn shift_to_words(weights: &[(&str, u64)]) -> String {
    let spec = &shift_to(weights).body["spec"];
    format!(
        "update-route --mesh-name {MESH} --virtual-router-name svcNode1 --route-name svcNode1 --spec '{spec}'"
    )
}

const SERVICES: &str = "/v20190125/meshes/{meshName}/virtualServices";
const VIRTUAL_NODES: &str = "/v20190125/meshes/{meshName}/virtualNodes";
const ROUTE: &str = "/v20190125/meshes/{meshName}/virtualRouter/{virtualRouterName}/routes/{routeName}";

/// Names of the walkthrough need no percent-encoding.
fn request(uri: &str, mut input: Value) -> Request {
    let mut path = uri.to_owned();
    let members = input.as_object_mut().expect("every input is an object");
    members.retain(|name, value| {
        let label = format!("{{{name}}}");
        let in_path = path.contains(&label);
        if in_path {
            let value = value.as_str().expect("members that go into the path are strings");
            path = path.replace(&label, value);
        }
        !in_path
    });
    Request { path, body: input }
}

fn parse(input: &str) -> Value {
    serde_json::from_str(input).expect("the files that are built in are JSON")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use evermesh_testkit::walkthrough::{GETTING_STARTED, Step, steps};
    use serde_json::Map;

    use super::*;

    /// Command and input of every step that changes something.
    fn changes(document: &str) -> Vec<(String, Value)> {
        let mut files = HashMap::new();
        let mut changes = Vec::new();
        for step in steps(document).unwrap() {
            match step {
                Step::WriteFile { name, content } => drop(files.insert(format!("file://{name}"), content)),
                Step::Run { argv } if argv[2].starts_with("describe-") => {}
                Step::Run { argv } => changes.push((argv[2..].join(" "), input(&argv[3..], &files))),
            }
        }
        changes
    }

    fn input(flags: &[String], files: &HashMap<String, String>) -> Value {
        let mut input = Map::new();
        for flag in flags.chunks(2) {
            let value = flag[1].as_str();
            match flag[0].as_str() {
                "--cli-input-json" => return parse(&files[value]),
                "--mesh-name" => input.insert("meshName".to_owned(), value.into()),
                "--virtual-service-name" => input.insert("virtualServiceName".to_owned(), value.into()),
                "--spec" => input.insert("spec".to_owned(), parse(value)),
                other => panic!("{other}"),
            };
        }
        input.into()
    }

    #[test]
    fn the_commands_are_the_walkthroughs_in_its_order() {
        let commands = SET_UP.iter().chain([&SHIFT, &SECOND_SERVICE]);
        let ours: Vec<_> = commands
            .map(|command| (command.words.to_owned(), parse(command.input)))
            .collect();
        assert_eq!(ours, changes(GETTING_STARTED));
    }

    #[test]
    fn members_go_into_the_path_or_the_body() {
        let Request { path, body } = SHIFT.request();
        assert_eq!(
            path,
            "/v20190125/meshes/pgMesh/virtualRouter/svcNode1/routes/svcNode1"
        );
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["spec"]);
        assert_eq!(SET_UP[0].request().body, json!({"meshName": "pgMesh"}));
    }

    #[test]
    fn other_weights_change_nothing_else() {
        assert_eq!(shift_to(&[(OLD, 75), (NEW, 25)]), SHIFT.request());
        let all = shift_to(&[(OLD, 0), (NEW, 100)]);
        let weights = &all.body["spec"]["http2Route"]["action"]["weightedTargets"];
        assert_eq!(
            *weights,
            json!([
                {"virtualNode": "svcNode1", "weight": 0},
                {"virtualNode": "svcNode1v2", "weight": 100}
            ])
        );
    }
}
