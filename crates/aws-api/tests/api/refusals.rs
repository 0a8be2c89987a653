//! What is refused, and how: names of exceptions, status codes, headers and messages.

use crate::fake::{Memory, Refusing};
use crate::server::Server;
use evermesh_model::Violations;
use evermesh_service::ServiceError;

const MESHES: &str = "/v20190125/meshes";
const NODES: &str = "/v20190125/meshes/m/virtualNodes";

#[tokio::test]
async fn errors_of_the_service_have_their_names_and_statuses() {
    let mut violations = Violations::default();
    violations.push("spec.x", "is wrong");
    violations.push("spec.y", "is wrong too");
    let text = || "why".to_owned();
    for (error, status, code, message) in [
        (
            ServiceError::BadRequest(violations),
            400,
            "BadRequestException",
            "spec.x: is wrong; spec.y: is wrong too",
        ),
        (ServiceError::NotFound(text()), 404, "NotFoundException", "why"),
        (ServiceError::Conflict(text()), 409, "ConflictException", "why"),
        (
            ServiceError::ResourceInUse(text()),
            409,
            "ResourceInUseException",
            "why",
        ),
        (
            ServiceError::LimitExceeded(text()),
            400,
            "LimitExceededException",
            "why",
        ),
        (
            ServiceError::TooManyTags(text()),
            400,
            "TooManyTagsException",
            "why",
        ),
        (ServiceError::Forbidden(text()), 403, "ForbiddenException", "why"),
        (
            ServiceError::Unavailable(text()),
            503,
            "ServiceUnavailableException",
            "why",
        ),
        (
            ServiceError::Internal(text()),
            500,
            "InternalServerErrorException",
            "why",
        ),
    ] {
        let server = Server::start(Refusing(error)).await;
        let reply = server.call("GET", MESHES, "").await;
        assert_eq!(reply.refusal(), (status, code.to_owned(), message.to_owned()));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("x-amzn-requestid").map(str::len), Some(36));
        let count = server.counters.snapshot();
        assert_eq!((count[0].operation, count[0].code), ("ListMeshes", code));
    }
}

/// Requests that are wrong in themselves, and everything that their answer says is wrong.
const MALFORMED: &[(&str, &str, &str, &str)] = &[
    // Paths and methods
    (
        "GET",
        "/v20190125/mesh",
        "",
        "the App Mesh API has no path /v20190125/mesh",
    ),
    (
        "POST",
        MESHES,
        "{}",
        "the App Mesh API has no POST /v20190125/meshes, only PUT, GET",
    ),
    (
        "PUT",
        "/v20190125/tags",
        "{}",
        "the App Mesh API has no PUT /v20190125/tags, only GET",
    ),
    (
        "GET",
        "/v20190125/meshes/%zz",
        "",
        "meshName: is not valid percent-encoded UTF-8: \"%zz\"",
    ),
    (
        "GET",
        "/v20190125/meshes/%FF",
        "",
        "meshName: is not valid percent-encoded UTF-8: \"%FF\"",
    ),
    (
        "GET",
        "/v20190125/meshes/",
        "",
        "meshName: must be 1 to 255 characters long, is 0",
    ),
    (
        "GET",
        "/v20190125/meshes/a%2Fb/virtualNodes/c%20d",
        "",
        "meshName: must be visible ASCII characters other than a slash, contains '/'; \
         virtualNodeName: must be visible ASCII characters other than a slash, contains ' '",
    ),
    // Query strings
    (
        "GET",
        "/v20190125/meshes?limit=0",
        "",
        "limit: must be an integer of 1 to 100, is \"0\"",
    ),
    (
        "GET",
        "/v20190125/meshes?limit=101",
        "",
        "limit: must be an integer of 1 to 100, is \"101\"",
    ),
    (
        "GET",
        "/v20190125/meshes?limit=ten",
        "",
        "limit: must be an integer of 1 to 100, is \"ten\"",
    ),
    (
        "GET",
        "/v20190125/meshes?limit=1&limit=2",
        "",
        "limit: is given more than once",
    ),
    (
        "GET",
        "/v20190125/meshes?nextToken=%2",
        "",
        "nextToken: is not valid percent-encoded UTF-8: \"%2\"",
    ),
    (
        "GET",
        "/v20190125/meshes/m?meshOwner=me",
        "",
        "meshOwner: must be an account id of twelve digits",
    ),
    ("GET", "/v20190125/tags", "", "resourceArn: is required"),
    (
        "GET",
        "/v20190125/tags?resourceArn=m&limit=51",
        "",
        "resourceArn: \"m\" is not the ARN of an App Mesh resource: it needs six parts separated by colons; \
         limit: must be an integer of 1 to 50, is \"51\"",
    ),
    // Bodies that are no JSON, or none of ours
    (
        "PUT",
        MESHES,
        "{\"meshName\": \"m\",}",
        "the body is not valid JSON: trailing comma at line 1 column 18",
    ),
    (
        "PUT",
        MESHES,
        "{\"meshName\"",
        "the body is not valid JSON: EOF while parsing an object at line 1 column 11",
    ),
    ("PUT", MESHES, "[]", "the body must be a JSON object"),
    ("PUT", MESHES, "null", "the body must be a JSON object"),
    ("PUT", MESHES, "", "meshName: is required"),
    // Members
    ("PUT", MESHES, "{}", "meshName: is required"),
    ("PUT", MESHES, r#"{"meshName":null}"#, "meshName: is required"),
    (
        "PUT",
        MESHES,
        r#"{"meshName":7}"#,
        "meshName: must be a string, is the number 7",
    ),
    (
        "PUT",
        MESHES,
        r#"{"meshName":"m","mashName":"m"}"#,
        "mashName: unknown field; known are meshName, spec, tags, clientToken",
    ),
    ("PUT", NODES, r#"{"virtualNodeName":"n"}"#, "spec: is required"),
    (
        "PUT",
        NODES,
        r#"{"virtualNodeName":"n","meshName":"other","spec":{}}"#,
        "meshName: is \"other\" in the body and \"m\" in the path",
    ),
    (
        "PUT",
        "/v20190125/meshes/m/virtualNodes/n",
        "{}",
        "spec: is required",
    ),
    (
        "PUT",
        "/v20190125/meshes/m/virtualNodes/n",
        r#"{"spec":{},"tags":[]}"#,
        "tags: unknown field; known are spec, clientToken",
    ),
    (
        "PUT",
        MESHES,
        r#"{"meshName":"m","clientToken":""}"#,
        "clientToken: must be 1 to 36 characters long, is 0",
    ),
    (
        "PUT",
        MESHES,
        r#"{"meshName":"m","tags":[{"key":""},{"value":"v"},{"key":"k","value":1,"x":2}]}"#,
        "tags[0].key: must be 1 to 128 characters long, is 0; tags[1].key: is required; \
         tags[2].x: unknown field; known are key, value; tags[2].value: must be a string, is the number 1",
    ),
    (
        "PUT",
        "/v20190125/untag?resourceArn=arn:aws:appmesh:r:123456789012:mesh/m",
        r#"{"tagKeys":"k"}"#,
        "tagKeys: must be a list, is the string \"k\"",
    ),
    (
        "PUT",
        "/v20190125/tag?resourceArn=arn:aws:appmesh:r:123456789012:mesh/m",
        "{}",
        "tags: is required",
    ),
    // Everything at once, rules of specs included
    (
        "PUT",
        "/v20190125/meshes/m%20m/virtualNodes?meshOwner=1",
        r#"{"spec":{"listeners":[{"portMapping":{"port":"80","protocol":"udp"}}]},"clientToken":1,"more":true}"#,
        "more: unknown field; known are virtualNodeName, spec, tags, clientToken; \
         meshOwner: must be an account id of twelve digits; virtualNodeName: is required; \
         meshName: must be visible ASCII characters other than a slash, contains ' '; \
         spec.listeners[0].portMapping.port: must be an integer, is the string \"80\"; \
         spec.listeners[0].portMapping.protocol: must be one of http, http2, grpc, tcp, is \"udp\"; \
         clientToken: must be a string, is the number 1",
    ),
    (
        "PUT",
        NODES,
        r#"{"spec":{"listeners":[{"portMapping":{"port":80,"protocol":"http"}},{"portMapping":{"port":80,"protocol":"http"}}]}}"#,
        "virtualNodeName: is required; \
         spec.listeners[1].portMapping.port: port 80 is taken by an earlier listener",
    ),
];

#[tokio::test]
async fn malformed_requests_are_refused_with_all_their_faults_and_change_nothing() {
    let server = Server::start(Memory::default()).await;
    for (method, path, body, message) in MALFORMED {
        let refusal = server.call(method, path, body).await.refusal();
        let expected = (400, "BadRequestException".to_owned(), (*message).to_owned());
        assert_eq!(refusal, expected, "{method} {path} {body}");
    }
    assert_eq!(
        server.call("GET", MESHES, "").await.json(),
        serde_json::json!({"meshes": []})
    );
    assert_eq!(
        server.call("GET", NODES, "").await.json(),
        serde_json::json!({"virtualNodes": []})
    );
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start(Memory::default()).await;
    let reply = server.call("PATCH", "/v20190125/meshes/m", "").await;
    assert_eq!(reply.header("allow"), Some("GET, PUT, DELETE"));
}

#[tokio::test]
async fn pages_of_others_cannot_use_an_open_endpoint() {
    let server = Server::start(Memory::default()).await;
    let create = async |origin: &str| {
        let headers = [("origin", origin)];
        let reply = server
            .call_with("PUT", "/v20190125/meshes", &headers, r#"{"meshName":"m"}"#)
            .await;
        (reply.status, reply.header("x-amzn-errortype").map(str::to_owned))
    };
    let refused = (403, Some("ForbiddenException".to_owned()));
    assert_eq!(create("http://rebound.example.com:7070").await, refused);
    assert_eq!(create("null").await, refused);
    assert_eq!(
        server.call("GET", "/v20190125/meshes/m", "").await.status,
        404,
        "nothing was made"
    );
    assert_eq!(create("http://127.0.0.1:7070").await, (200, None));
}
