//! Every operation over HTTP, its answer literally.

use crate::fake::Memory;
use crate::server::Server;
use serde_json::{Value, json};

/// Kind by kind: its collection, the body that creates one, its own path, its names, and what lists call it.
struct Sample {
    collection: &'static str,
    create: Value,
    path: &'static str,
    names: Value,
    arn: &'static str,
    plural: &'static str,
}

fn samples() -> [Sample; 7] {
    let target = json!({"virtualService": {"virtualServiceName": "svc.local"}});
    [
        Sample {
            collection: "/v20190125/meshes",
            create: json!({"meshName": "m", "spec": {"egressFilter": {"type": "ALLOW_ALL"}}}),
            path: "/v20190125/meshes/m",
            names: json!({"meshName": "m"}),
            arn: "mesh/m",
            plural: "meshes",
        },
        Sample {
            collection: "/v20190125/meshes/m/virtualNodes",
            create: json!({"virtualNodeName": "n", "spec": {"serviceDiscovery": {"dns": {"hostname": "n.local"}}}}),
            path: "/v20190125/meshes/m/virtualNodes/n",
            names: json!({"meshName": "m", "virtualNodeName": "n"}),
            arn: "mesh/m/virtualNode/n",
            plural: "virtualNodes",
        },
        Sample {
            collection: "/v20190125/meshes/m/virtualRouters",
            create: json!({
                "virtualRouterName": "r",
                "spec": {"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]},
            }),
            path: "/v20190125/meshes/m/virtualRouters/r",
            names: json!({"meshName": "m", "virtualRouterName": "r"}),
            arn: "mesh/m/virtualRouter/r",
            plural: "virtualRouters",
        },
        Sample {
            collection: "/v20190125/meshes/m/virtualRouter/r/routes",
            create: json!({
                "routeName": "x",
                "spec": {"tcpRoute": {"action": {"weightedTargets": [{"virtualNode": "n", "weight": 1}]}}},
            }),
            path: "/v20190125/meshes/m/virtualRouter/r/routes/x",
            names: json!({"meshName": "m", "virtualRouterName": "r", "routeName": "x"}),
            arn: "mesh/m/virtualRouter/r/route/x",
            plural: "routes",
        },
        Sample {
            collection: "/v20190125/meshes/m/virtualServices",
            create: json!({"virtualServiceName": "svc.local", "spec": {}}),
            path: "/v20190125/meshes/m/virtualServices/svc.local",
            names: json!({"meshName": "m", "virtualServiceName": "svc.local"}),
            arn: "mesh/m/virtualService/svc.local",
            plural: "virtualServices",
        },
        Sample {
            collection: "/v20190125/meshes/m/virtualGateways",
            create: json!({
                "virtualGatewayName": "g",
                "spec": {"listeners": [{"portMapping": {"port": 8080, "protocol": "grpc"}}]},
            }),
            path: "/v20190125/meshes/m/virtualGateways/g",
            names: json!({"meshName": "m", "virtualGatewayName": "g"}),
            arn: "mesh/m/virtualGateway/g",
            plural: "virtualGateways",
        },
        Sample {
            collection: "/v20190125/meshes/m/virtualGateway/g/gatewayRoutes",
            create: json!({
                "gatewayRouteName": "y",
                "spec": {"httpRoute": {"match": {"prefix": "/"}, "action": {"target": target}}},
            }),
            path: "/v20190125/meshes/m/virtualGateway/g/gatewayRoutes/y",
            names: json!({"meshName": "m", "virtualGatewayName": "g", "gatewayRouteName": "y"}),
            arn: "mesh/m/virtualGateway/g/gatewayRoute/y",
            plural: "gatewayRoutes",
        },
    ]
}

fn merged(one: &Value, other: Value) -> Value {
    let mut merged = one.clone();
    let Value::Object(other) = other else { panic!() };
    merged.as_object_mut().unwrap().extend(other);
    merged
}

/// The resource as the API shows it.
fn shown(sample: &Sample, version: u64, status: &str) -> Value {
    let metadata = merged(&common_metadata(sample, version), json!({"uid": "token-1"}));
    merged(
        &sample.names,
        json!({"spec": sample.create["spec"], "metadata": metadata, "status": {"status": status}}),
    )
}

fn common_metadata(sample: &Sample, version: u64) -> Value {
    json!({
        "arn": format!("arn:aws:appmesh:us-west-2:123456789012:{}", sample.arn),
        "createdAt": 1_758_124_800.25,
        "lastUpdatedAt": 1_758_124_800.25,
        "meshOwner": "123456789012",
        "resourceOwner": "123456789012",
        "version": version,
    })
}

#[tokio::test]
async fn every_kind_can_be_created_described_listed_updated_and_deleted() {
    let server = Server::start(Memory::default()).await;
    for sample in samples() {
        let body = merged(&sample.create, json!({"clientToken": "token-1"})).to_string();
        let created = server.call("PUT", sample.collection, &body).await;
        assert_eq!(created.json(), shown(&sample, 1, "ACTIVE"));
        assert_eq!(created.header("content-type"), Some("application/json"));
        assert_eq!(created.header("x-amzn-requestid").map(str::len), Some(36));

        let described = server.call("GET", sample.path, "").await;
        assert_eq!(described.json(), shown(&sample, 1, "ACTIVE"));

        let reference = merged(&sample.names, common_metadata(&sample, 1));
        let listed = server.call("GET", sample.collection, "").await;
        assert_eq!(listed.json(), json!({ sample.plural: [reference] }));

        let update = json!({"spec": sample.create["spec"]}).to_string();
        let updated = server.call("PUT", sample.path, &update).await;
        assert_eq!(updated.json(), shown(&sample, 2, "ACTIVE"));
    }
    for sample in samples().into_iter().rev() {
        let deleted = server.call("DELETE", sample.path, "").await;
        assert_eq!(deleted.json(), shown(&sample, 2, "DELETED"));
        let gone = server.call("GET", sample.path, "").await.refusal();
        assert_eq!(
            gone,
            (
                404,
                "NotFoundException".to_owned(),
                format!("there is no {}", sample.arn)
            )
        );
    }
    let counted = server.counters.snapshot();
    let of = |operation: &str| {
        let counts = counted.iter().filter(|count| count.operation == operation);
        counts
            .map(|count| (count.service, count.code, count.requests))
            .collect::<Vec<_>>()
    };
    assert_eq!(of("CreateGatewayRoute"), [("appmesh", "OK", 1)]);
    assert_eq!(
        of("DescribeMesh"),
        [("appmesh", "NotFoundException", 1), ("appmesh", "OK", 1)]
    );
    assert_eq!(counted.len(), 42); // 35 operations, and 7 that found nothing
}

#[tokio::test]
async fn tags_are_added_listed_in_pages_and_removed() {
    let server = Server::start(Memory::default()).await;
    let created = json!({"meshName": "m", "tags": [{"key": "a", "value": "1"}, {"key": "b"}]});
    server
        .call("PUT", "/v20190125/meshes", &created.to_string())
        .await
        .json();
    let arn = "arn%3Aaws%3Aappmesh%3Aus-west-2%3A123456789012%3Amesh%2Fm";

    let more = json!({"tags": [{"key": "c", "value": "3"}]}).to_string();
    let tagged = server
        .call("PUT", &format!("/v20190125/tag?resourceArn={arn}"), &more)
        .await;
    assert_eq!(tagged.json(), json!({}));
    let removed = json!({"tagKeys": ["a", "never there"]}).to_string();
    let untagged = server
        .call("PUT", &format!("/v20190125/untag?resourceArn={arn}"), &removed)
        .await;
    assert_eq!(untagged.json(), json!({}));

    let path = format!("/v20190125/tags?resourceArn={arn}&limit=1");
    let first = server.call("GET", &path, "").await.json();
    assert_eq!(
        first,
        json!({"tags": [{"key": "b", "value": ""}], "nextToken": "b"})
    );
    let second = server
        .call("GET", &format!("{path}&nextToken=b"), "")
        .await
        .json();
    assert_eq!(second, json!({"tags": [{"key": "c", "value": "3"}]}));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = Server::start(Memory::default()).await;
    for name in ["a", "b", "c"] {
        server
            .call("PUT", "/v20190125/meshes", &json!({"meshName": name}).to_string())
            .await
            .json();
    }
    let names = |page: &Value| -> Vec<String> {
        let meshes = page["meshes"].as_array().unwrap().iter();
        meshes
            .map(|mesh| mesh["meshName"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = server.call("GET", "/v20190125/meshes?limit=2", "").await.json();
    assert_eq!(
        (names(&first), &first["nextToken"]),
        (vec!["a".to_owned(), "b".to_owned()], &json!("b"))
    );
    let second = server
        .call("GET", "/v20190125/meshes?limit=2&nextToken=b", "")
        .await
        .json();
    assert_eq!(
        (names(&second), second.get("nextToken")),
        (vec!["c".to_owned()], None)
    );
}

#[tokio::test]
async fn a_mesh_of_another_account_is_named_by_its_owner() {
    let server = Server::start(Memory::default()).await;
    let path = "/v20190125/meshes/m/virtualServices?meshOwner=210987654321";
    let created = server
        .call("PUT", path, r#"{"virtualServiceName":"s","spec":{}}"#)
        .await
        .json();
    assert_eq!(created["metadata"]["meshOwner"], "210987654321");
    assert_eq!(created["metadata"]["resourceOwner"], "123456789012");
    assert_eq!(
        created["metadata"]["arn"],
        "arn:aws:appmesh:us-west-2:123456789012:mesh/m@210987654321/virtualService/s"
    );
    // CreateMesh has no meshOwner: nobody creates meshes for others.
    let mesh = server
        .call(
            "PUT",
            "/v20190125/meshes?meshOwner=210987654321",
            r#"{"meshName":"m"}"#,
        )
        .await;
    assert_eq!(mesh.json()["metadata"]["meshOwner"], "123456789012");
}

#[tokio::test]
async fn the_region_is_the_one_that_the_request_is_signed_for() {
    let server = Server::start(Memory::default()).await;
    let authorization = "AWS4-HMAC-SHA256 Credential=any/20260101/eu-west-1/appmesh/aws4_request, \
                         SignedHeaders=host, Signature=0";
    let headers = [
        ("authorization", authorization),
        ("x-amz-date", "20260101T000000Z"),
    ];
    let body = r#"{"meshName":"m"}"#;
    let created = server
        .call_with("PUT", "/v20190125/meshes", &headers, body)
        .await
        .json();
    assert_eq!(
        created["metadata"]["arn"],
        "arn:aws:appmesh:eu-west-1:123456789012:mesh/m"
    );
}

#[tokio::test]
async fn names_are_decoded_once() {
    let server = Server::start(Memory::default()).await;
    let name = "a%b~c:d";
    let path = "/v20190125/meshes/m/virtualNodes";
    let body = json!({"virtualNodeName": name, "spec": {}}).to_string();
    server.call("PUT", path, &body).await.json();
    let described = server
        .call("GET", &format!("{path}/a%25b~c%3Ad"), "")
        .await
        .json();
    assert_eq!(described["virtualNodeName"], name);
}

#[tokio::test]
async fn names_may_be_in_the_body_as_well_when_they_agree() {
    let server = Server::start(Memory::default()).await;
    let body = r#"{"meshName":"m","virtualNodeName":"n","spec":{},"tags":null}"#;
    let created = server
        .call("PUT", "/v20190125/meshes/m/virtualNodes", body)
        .await
        .json();
    assert_eq!(created["virtualNodeName"], "n");
}
