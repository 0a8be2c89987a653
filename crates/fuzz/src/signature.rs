//! Signed requests: what comes in `Authorization`, in headers and in a presigned query is read before anybody knows
//! who sent it.

use std::time::SystemTime;

use evermesh_aws_api::Credentials;
use evermesh_sigv4::{AccessKey, Signer};
use http::HeaderValue;

use crate::api::{check, endpoint};
use crate::http::{ask, requests};
use crate::{Form, Target};

pub(crate) const TARGET: Target = Target {
    name: "signature",
    max_length: 8 * 1024,
    form: Form::Bytes,
    run,
    derived: Vec::new,
};

const KEY: &str = "AKIDEXAMPLE";
/// Made here for this, and good for nothing else.
const SECRET: &str = "fuzzing";

/// Without the secret nobody gets in, whatever they send; with it everybody does, whatever they sign.
fn run(data: &[u8]) {
    let profile = format!("[fuzz]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n");
    let credentials = Credentials::parse(&profile).expect("a profile has these two settings");
    let router = endpoint(Some(credentials));
    for (mut head, body) in requests(data, 1) {
        let refused = ask(&router, head.clone(), body.clone());
        check(&refused);
        let named = |code: &&str| refused.body.contains(code) || refused.error_type() == *code;
        assert!(
            refused.status.is_client_error() && REFUSALS.iter().any(named),
            "{refused:?}"
        );

        if !head.headers.contains_key("host") {
            head.headers.insert("host", HeaderValue::from_static("localhost"));
        }
        head.headers.remove("x-amz-security-token"); // of another key
        let key = AccessKey::new(KEY, SECRET.into(), None);
        let signer = Signer::new(key, "us-west-2").expect("a region");
        signer.sign(&mut head, &body, "appmesh", SystemTime::now());
        let answer = ask(&router, head, body);
        check(&answer);
        assert!(!REFUSALS.contains(&answer.error_type()), "{answer:?}");
    }
}

/// Every way to be refused for one's signature, as JSON and as XML services name it.
const REFUSALS: [&str; 8] = [
    "MissingAuthenticationTokenException",
    "MissingAuthenticationToken",
    "IncompleteSignatureException",
    "IncompleteSignature",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
];
