//! Signatures that AWS publishes, and what must not pass.

use std::time::Duration;

use bytes::Bytes;

use super::*;

const KEY: &str = "AKIDEXAMPLE";
const SIGNED_AT: &str = "2015-08-30T12:36:00Z";

fn credentials() -> Credentials {
    // The example credentials of AWS' documentation.
    Credentials::parse(
        "[example]\naws_access_key_id = AKIDEXAMPLE\n\
         aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n",
    )
    .unwrap()
}

fn signed_at() -> SystemTime {
    SIGNED_AT.parse::<Timestamp>().unwrap().into()
}

fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &'static str) -> Request {
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    Request {
        head,
        body: Bytes::from_static(body.as_bytes()),
    }
}

fn authorization(service: &str, signed_headers: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/{service}/aws4_request, \
         SignedHeaders={signed_headers}, Signature={signature}"
    )
}

fn check(request: &Request, now: SystemTime) -> Result<String, SignatureError> {
    let authorization = Authorization::find(request)?.ok_or(SignatureError::Missing)?;
    verify(request, &authorization, &credentials(), now).map(|profile| profile.user().name)
}

/// The documentation's walk through signing: IAM ListUsers.
fn list_users(body: &'static str) -> Request {
    let signed = authorization(
        "iam",
        "content-type;host;x-amz-date",
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    );
    request(
        "GET",
        "/?Action=ListUsers&Version=2010-05-08",
        &[
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
            ("authorization", &signed),
        ],
        body,
    )
}

/// `get-vanilla` and its relatives in AWS' signature test suite.
fn of_the_suite(method: &str, uri: &str, signature: &str) -> Request {
    let signed = authorization("service", "host;x-amz-date", signature);
    request(
        method,
        uri,
        &[
            ("host", "example.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
            ("authorization", &signed),
        ],
        "",
    )
}

#[test]
fn the_documented_example_is_accepted() {
    assert_eq!(check(&list_users(""), signed_at()), Ok("example".to_owned()));
}

#[test]
fn the_signature_test_suite_is_accepted() {
    for (method, uri, signature) in [
        (
            "GET",
            "/",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "POST",
            "/",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ] {
        let request = of_the_suite(method, uri, signature);
        assert_eq!(
            check(&request, signed_at()),
            Ok("example".to_owned()),
            "{method} {uri}"
        );
    }
}

#[test]
fn what_was_changed_after_signing_is_refused() {
    assert_eq!(
        check(&list_users("body"), signed_at()),
        Err(SignatureError::Mismatch)
    );
    let mut other_path = list_users("");
    other_path.head.uri = "/?Action=ListRoles&Version=2010-05-08".parse().unwrap();
    assert_eq!(check(&other_path, signed_at()), Err(SignatureError::Mismatch));
    let mut other_type = list_users("");
    other_type
        .head
        .headers
        .insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(check(&other_type, signed_at()), Err(SignatureError::Mismatch));
    let mut added = list_users("");
    added
        .head
        .headers
        .insert("x-amz-target", "Other".parse().unwrap());
    let reason = "the header x-amz-target must be signed".to_owned();
    assert_eq!(
        check(&added, signed_at()),
        Err(SignatureError::Incomplete(reason))
    );
}

#[test]
fn clocks_may_be_five_minutes_apart() {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let second = Duration::from_secs(1);
    for now in [signed_at() + minutes(5), signed_at() - minutes(5)] {
        assert_eq!(check(&list_users(""), now), Ok("example".to_owned()));
    }
    for (now, message) in [
        (
            signed_at() + minutes(5) + second,
            "Signature expired: 20150830T123600Z is more than 300 s before 20150830T124101Z",
        ),
        (
            signed_at() - minutes(5) - second,
            "Signature not yet current: 20150830T123600Z is more than 300 s after 20150830T123059Z",
        ),
    ] {
        assert_eq!(
            check(&list_users(""), now),
            Err(SignatureError::NotCurrent(message.to_owned()))
        );
    }
}

#[test]
fn unknown_keys_and_tokens_are_refused() {
    let mut unknown = list_users("");
    let other = authorization("iam", "content-type;host;x-amz-date", "00").replace(KEY, "AKIDOTHER");
    unknown
        .head
        .headers
        .insert("authorization", other.parse().unwrap());
    assert_eq!(check(&unknown, signed_at()), Err(SignatureError::UnknownKey));

    let mut with_token = list_users("");
    let signed = authorization("iam", "content-type;host;x-amz-date;x-amz-security-token", "00");
    with_token
        .head
        .headers
        .insert("authorization", signed.parse().unwrap());
    with_token
        .head
        .headers
        .insert("x-amz-security-token", "t".parse().unwrap());
    assert_eq!(check(&with_token, signed_at()), Err(SignatureError::UnknownKey));
}

#[test]
fn incomplete_authorizations_say_what_is_missing() {
    for (header, reason) in [
        (
            "Bearer x",
            "the Authorization header must begin with AWS4-HMAC-SHA256",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a",
            "the credential must have the form <access key id>/<date>/<region>/<service>/aws4_request",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, Signature=0",
            "the Authorization header has no SignedHeaders",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/20150830/r r/s/aws4_request, SignedHeaders=host, Signature=0",
            "the credential's region or service is no name",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=date, Signature=0",
            "the header host must be signed",
        ),
    ] {
        let mut request = list_users("");
        request
            .head
            .headers
            .insert("authorization", header.parse().unwrap());
        let refused = check(&request, signed_at());
        assert_eq!(
            refused,
            Err(SignatureError::Incomplete(reason.to_owned())),
            "{header}"
        );
    }
    assert_eq!(
        check(&request("GET", "/", &[], ""), signed_at()),
        Err(SignatureError::Missing)
    );
}
