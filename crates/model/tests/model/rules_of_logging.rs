//! Rules of access logs: accepted and refused side by side. That real Envoys agree is for the tests of `translate`.

use evermesh_model::Kind;
use evermesh_model::access_log_format::check;
use serde_json::{Value, json};

use crate::support::assert_violations;

#[test]
fn formats_are_those_of_envoy() {
    for format in [
        "",
        "plain",
        "100%%",
        "%%REQ(a)%%",
        "%PROTOCOL%\n",
        "%PROTOCOL()%",
        "%REQ(:PATH)% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME):10% %TRAILER(grpc-status)%",
        "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH):18446744073709551615%",
        "%START_TIME%%START_TIME(%Y/%m/%dT%H:%M:%S.%3f)y)%",
        "%DYNAMIC_METADATA(com.test:key)% %METADATA(ROUTE:a:b):3% %ENVIRONMENT(HOME)%",
        "%FILTER_STATE(key:FIELD:name):7% %GRPC_STATUS(NUMBER)% %PATH(WQ:ORIG)%",
        "%COMMON_DURATION(DS_RX_BEG:US_CX_BEG:us)% %XFCC_VALUE(uri)%",
        "%LOCAL_REPLY_BODY%:%RESPONSE_CODE%:path=%REQ(:path)%\n",
    ] {
        assert_eq!(check(format), Ok(()), "{format}");
    }
}

#[test]
fn an_operator_that_is_wrong_is_named_with_its_position() {
    let no_operator = "a % that begins no command operator and is not doubled";
    for (format, fault, position) in [
        ("%", no_operator, 1),
        ("é 50% off", no_operator, 5),
        ("%protocol%", no_operator, 1),
        ("%PROTOCOL", no_operator, 1),
        ("%REQ(a)%%", no_operator, 9),
        ("%REQ(a)b%", no_operator, 1),
        ("%REQ(a\nb)%", no_operator, 1),
        ("%REQ(a):%", no_operator, 1),
        ("%REQ(a):-1%", no_operator, 1),
        ("%REQ(a):18446744073709551616%", no_operator, 1),
        (
            "a%FOO%",
            "%FOO%, which is not an operator of every supported Envoy",
            2,
        ),
        ("%DURATION%%REQ%", "%REQ% without an argument", 11),
        ("%REQ()%", "%REQ% without an argument", 1),
        (
            "%PROTOCOL(x)%",
            "%PROTOCOL% with an argument, which it does not take",
            1,
        ),
        (
            "%PROTOCOL:3%",
            "%PROTOCOL% with a length, which it does not take",
            1,
        ),
        (
            "%START_TIME(%s):3%",
            "%START_TIME% with a length, which it does not take",
            1,
        ),
        (
            "%REQ(a b)%",
            "%REQ% with an argument that is not the name of a header, or two with ? between",
            1,
        ),
        (
            "%START_TIME(%-1En)%",
            "%START_TIME% with an argument that is not a format of times on one line",
            1,
        ),
        (
            "%GRPC_STATUS(X)%",
            "%GRPC_STATUS% with an argument that is not CAMEL_STRING, SNAKE_STRING or NUMBER",
            1,
        ),
    ] {
        let message = format!("is not a format that Envoy accepts: {fault} at character {position}");
        assert_eq!(check(format).unwrap_err().to_string(), message, "{format}");
    }
}

#[test]
fn both_formats_are_checked_on_nodes_and_gateways() {
    let unknown = |path: &str, position: usize| {
        format!(
            "spec.logging.accessLog.file.format.{path}: is not a format that Envoy accepts: %FOO%, which is not an \
             operator of every supported Envoy at character {position}"
        )
    };
    assert_format(&json!({ "text": "%REQ(a)%\n" }), &[]);
    assert_format(&json!({ "text": "a %FOO% %BAR%" }), &[unknown("text", 3)]);
    let member = |key: &str, value: &str| json!({ "key": key, "value": value });
    assert_format(
        &json!({ "json": [member("a", "%PROTOCOL%"), member("%", "-")] }),
        &[],
    );
    assert_format(
        &json!({ "json": [member("a", "%PROTOCOL%"), member("b", "%FOO%"), member("a", "%FOO%")] }),
        &[
            unknown("json[1].value", 1),
            unknown("json[2].value", 1),
            "spec.logging.accessLog.file.format.json[2].key: is the key of an earlier member".to_owned(),
        ],
    );
}

#[track_caller]
fn assert_format(format: &Value, expected: &[String]) {
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    let logging = json!({ "accessLog": { "file": { "path": "/dev/stdout", "format": format } } });
    assert_violations(Kind::VirtualNode, &json!({ "logging": logging }), &expected);
    let listeners = json!([{ "portMapping": { "port": 80, "protocol": "http" } }]);
    let gateway = json!({ "listeners": listeners, "logging": logging });
    assert_violations(Kind::VirtualGateway, &gateway, &expected);
}
