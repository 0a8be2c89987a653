//! Signatures: the text that is signed, and the key that signs it.

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use sha2::{Digest, Sha256};

use crate::canonical::canonical_request;
use crate::{ALGORITHM, Scope, Secret, TERMINATOR};

/// What a signature is over. Not `Debug`: a request's headers say who may call.
#[derive(Clone, Copy)]
pub struct Signable<'r> {
    /// Method, URI and headers.
    pub head: &'r Parts,
    /// The whole body. Its hash is always taken from here, never from `X-Amz-Content-Sha256`: no service here
    /// accepts an unsigned body.
    pub body: &'r [u8],
    /// Names of the signed headers, in lower case, in the order that the request states.
    pub signed_headers: &'r [String],
    /// When it was signed, as [`DATE_FORMAT`](crate::DATE_FORMAT) has it.
    pub date: &'r str,
    /// What the signature is good for.
    pub scope: &'r Scope,
}

impl Signable<'_> {
    /// The signature, hexadecimal.
    pub fn signature(&self, secret: &Secret) -> String {
        hex::encode(self.signer(secret).finalize().into_bytes())
    }

    /// Whether this is its signature, in hexadecimal. Compared in constant time.
    pub fn has_signature(&self, secret: &Secret, signature: &str) -> bool {
        hex::decode(signature).is_ok_and(|signature| self.signer(secret).verify_slice(&signature).is_ok())
    }

    fn signer(&self, secret: &Secret) -> Hmac<Sha256> {
        signing_key(secret, self.scope).chain_update(self.string_to_sign())
    }

    fn string_to_sign(&self) -> String {
        let canonical = canonical_request(self.head, self.body, self.signed_headers);
        format!(
            "{ALGORITHM}\n{}\n{}\n{}",
            self.date,
            self.scope,
            hex::encode(Sha256::digest(canonical))
        )
    }
}

/// The key of the day, region and service, derived step by step from the secret.
fn signing_key(secret: &Secret, scope: &Scope) -> Hmac<Sha256> {
    let secret = format!("AWS4{}", secret.expose());
    [scope.date(), scope.region(), scope.service(), TERMINATOR]
        .iter()
        .fold(keyed(secret.as_bytes()), |signer, step| {
            keyed(&signer.chain_update(step).finalize().into_bytes())
        })
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}
