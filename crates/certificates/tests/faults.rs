//! What is wrong with files, told of certificates as they are made in the field; and that no content at all can hurt.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion, in its helpers too"
)]

use evermesh_certificates::{Bundle, Fault, MAX_BYTES, Pair, PairFault};
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority, a certificate that it issued, and that certificate's key; PEM.
struct Made {
    authority: String,
    certificate: String,
    key: String,
}

fn made() -> Made {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["server.local".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    Made {
        authority,
        certificate,
        key: key.serialize_pem(),
    }
}

fn pair(chain: &str, key: &str) -> Result<Pair, PairFault> {
    Pair::from_pem(chain.as_bytes(), key.as_bytes())
}

#[test]
fn a_chain_and_its_key_are_taken() {
    let Made {
        authority,
        certificate,
        key,
    } = made();
    let chain = format!("{certificate}{authority}");
    let pair = pair(&chain, &key).unwrap();
    assert_eq!(
        Pair::from_pem(pair.chain(), pair.key()).unwrap(),
        pair,
        "it can be read again"
    );
    let sections = String::from_utf8(pair.chain().to_vec()).unwrap();
    assert_eq!(sections.matches("BEGIN CERTIFICATE").count(), 2);
}

#[test]
fn only_what_was_looked_at_comes_out() {
    let Made {
        authority,
        certificate,
        key,
    } = made();
    let plain = pair(&certificate, &key).unwrap();
    let commented = pair(
        &format!("a comment\n{certificate}"),
        &format!("{key}\nand more\n"),
    )
    .unwrap();
    assert_eq!(plain, commented);

    let strayed = Bundle::from_pem(format!("{key}{authority}").as_bytes()).unwrap();
    assert!(!String::from_utf8_lossy(strayed.pem()).contains("PRIVATE"));
    assert!(!format!("{plain:?}").contains("BEGIN"));
}

#[test]
fn the_fault_and_the_file_are_named() {
    let Made {
        authority,
        certificate,
        key,
    } = made();
    let other = made();
    let half = &certificate[..certificate.len() / 2];
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let unsupported = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let chain = |chain: &str| pair(chain, &key).unwrap_err();
    let key_file = |key: &str| pair(&certificate, key).unwrap_err();

    assert_eq!(chain(""), PairFault::Chain(Fault::NoCertificate));
    assert_eq!(chain(&key), PairFault::Chain(Fault::NoCertificate));
    assert!(matches!(chain(half), PairFault::Chain(Fault::NotPem(_))));
    assert!(matches!(
        chain(&format!("{certificate}{garbled}")),
        PairFault::Chain(Fault::BadCertificate { position: 2, .. })
    ));
    assert_eq!(
        chain(&"x".repeat(MAX_BYTES + 1)),
        PairFault::Chain(Fault::TooLarge)
    );
    assert_eq!(chain(&authority), PairFault::Key(Fault::Mismatch));
    assert_eq!(key_file(&other.key), PairFault::Key(Fault::Mismatch));
    assert_eq!(key_file(""), PairFault::Key(Fault::NoKey));
    assert_eq!(
        key_file(&format!("{key}{key}")),
        PairFault::Key(Fault::SeveralKeys)
    );
    assert_eq!(key_file(encrypted), PairFault::Key(Fault::EncryptedKey));
    assert_eq!(key_file(old), PairFault::Key(Fault::EncryptedKey));
    assert_eq!(key_file(unsupported), PairFault::Key(Fault::UnsupportedKey));
    let fitting = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let params = CertificateParams::new(["server.local".to_owned()]).unwrap();
    let edwards = params.self_signed(&fitting).unwrap().pem();
    assert_eq!(
        pair(&edwards, &fitting.serialize_pem()).unwrap_err(),
        PairFault::Key(Fault::UnsupportedKey)
    );
    let text = chain(&format!("{certificate}{garbled}")).to_string();
    assert!(
        text.starts_with("the certificate chain has a certificate, number 2, that"),
        "{text}"
    );

    assert_eq!(Bundle::from_pem(b"").unwrap_err(), Fault::NoCertificate);
    assert!(Bundle::from_pem(format!("{authority}{half}").as_bytes()).is_err());
}

proptest! {
    /// Bytes of any kind, and real files with some of their bytes changed, are taken or refused.
    #[test]
    fn no_content_can_hurt(
        noise in prop::collection::vec(any::<u8>(), 0..2000),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9),
    ) {
        let Made { authority, certificate, key } = made();
        for text in [noise, authority.into_bytes(), certificate.clone().into_bytes(), key.clone().into_bytes()] {
            let mut text = text;
            for (index, byte) in &changes {
                if !text.is_empty() {
                    let at = index.index(text.len());
                    text[at] = *byte;
                }
            }
            drop(Bundle::from_pem(&text));
            drop(Pair::from_pem(&text, key.as_bytes()));
            drop(Pair::from_pem(certificate.as_bytes(), &text));
        }
    }
}
