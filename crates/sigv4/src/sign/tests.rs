//! Signatures that AWS publishes: its documentation's example, and cases of its signature test suite.

use http::Request;

use super::*;
use crate::Secret;

/// The example credentials of AWS' documentation.
const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const REGION: &str = "us-east-1";

fn key(token: Option<Secret>) -> AccessKey {
    AccessKey::new(ID, SECRET.into(), token)
}

fn signed_at() -> SystemTime {
    "2015-08-30T12:36:00Z".parse::<Timestamp>().unwrap().into()
}

fn head(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn signed(mut head: Parts, body: &str, service: &'static str) -> Parts {
    let signer = Signer::new(key(None), REGION).unwrap();
    signer.sign(&mut head, body.as_bytes(), service, signed_at());
    head
}

#[track_caller]
fn assert_signed(head: &Parts, service: &str, signed_headers: &str, signature: &str) {
    let expected = format!(
        "AWS4-HMAC-SHA256 Credential={ID}/20150830/us-east-1/{service}/aws4_request, \
         SignedHeaders={signed_headers}, Signature={signature}"
    );
    assert_eq!(head.headers[AUTHORIZATION], expected);
    assert_eq!(head.headers[DATE], "20150830T123600Z");
}

#[test]
fn the_documented_example_is_signed_as_documented() {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("host", "iam.amazonaws.com"),
    ];
    let list_users = head("GET", "/?Action=ListUsers&Version=2010-05-08", &headers);
    assert_signed(
        &signed(list_users, "", "iam"),
        "iam",
        "content-type;host;x-amz-date",
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    );
}

/// A case of the suite: method, URI, its headers but for host and date, body; the signed headers, and the signature.
type Case<'t> = (
    &'t str,
    &'t str,
    &'t [(&'t str, &'t str)],
    &'t str,
    &'t str,
    &'t str,
);

#[test]
fn the_signature_test_suite_is_signed_as_published() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let cases: &[Case<'_>] = &[
        // get-vanilla
        (
            "GET",
            "/",
            &[],
            "",
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        // get-vanilla-query-order-key-case
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            &[],
            "",
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        // post-vanilla
        (
            "POST",
            "/",
            &[],
            "",
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        // post-x-www-form-urlencoded
        (
            "POST",
            "/",
            &[("content-type", FORM)],
            "Param1=value1",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        // get-header-value-multiline and its relatives have no place in HTTP any more; get-header-key-duplicate
        (
            "GET",
            "/",
            &[
                ("my-header1", "value2"),
                ("my-header1", "value2"),
                ("my-header1", "value1"),
            ],
            "",
            "host;my-header1;x-amz-date",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
    ];
    for (method, uri, headers, body, signed_headers, signature) in cases {
        let headers = [&[("host", "example.amazonaws.com")], *headers].concat();
        let head = signed(head(method, uri, &headers), body, "service");
        assert_signed(&head, "service", signed_headers, signature);
    }
}

#[test]
fn a_session_token_is_sent_and_signed() {
    let signer = Signer::new(key(Some("t0ken".into())), REGION).unwrap();
    let mut head = head("GET", "/", &[("host", "h")]);
    signer.sign(&mut head, b"", "appmesh", signed_at());
    assert_eq!(head.headers[TOKEN], "t0ken");
    let authorization = head.headers[AUTHORIZATION].to_str().unwrap();
    assert!(
        authorization.contains("SignedHeaders=host;x-amz-date;x-amz-security-token,"),
        "{authorization}"
    );
    // A request that is sent once more is signed anew, not on top.
    let first = authorization.to_owned();
    signer.sign(&mut head, b"", "appmesh", signed_at());
    assert_eq!(head.headers[AUTHORIZATION], first);
    let shown = format!("{signer:?} {head:?}");
    for secret in [SECRET, "t0ken", "Signature="] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn what_no_header_can_carry_is_refused() {
    let refusal = |id: &str, token: Option<&str>, region| {
        let key = AccessKey::new(id, SECRET.into(), token.map(Secret::from));
        Signer::new(key, region).map(drop).unwrap_err()
    };
    assert_eq!(
        refusal(ID, None, "us west"),
        SignerError::Region("us west".to_owned())
    );
    for id in ["", "a b", "a/b", "a,b", "a\nb", "ü"] {
        assert_eq!(refusal(id, None, REGION), SignerError::KeyId, "{id:?}");
    }
    for token in ["", "a\r\nb: c", "ü"] {
        assert_eq!(refusal(ID, Some(token), REGION), SignerError::Token, "{token:?}");
    }
}
