//! PEM files of certificates, keys and authorities: read, checked, and written anew in one form. No I/O.
//!
//! What comes out has the certificates and the key that were looked at and nothing else of the file: a key that strayed
//! into a file of authorities goes to nobody, and a changed comment is no change. Whether a certificate is still valid,
//! and for whom, is for those to judge whom it is shown to.

mod pem;

use std::fmt;

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, SignatureAlgorithm};

/// Most bytes that a file may have; a chain has a few thousand, all authorities of an operating system 250,000.
pub const MAX_BYTES: usize = 512 * 1024;

/// Why a file cannot be used. Says nothing of the file's content but what it lacks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// It is larger than [`MAX_BYTES`].
    #[error("is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// A section of the file is not PEM, for example because only half of it is written.
    #[error("is not valid PEM: {0}")]
    NotPem(&'static str),
    /// No section is a certificate.
    #[error("has no certificate")]
    NoCertificate,
    /// A section is no certificate of X.509.
    #[error("has a certificate, number {position}, that is not valid: {reason}")]
    BadCertificate {
        /// Its place in the file, from 1.
        position: usize,
        /// What is wrong with it.
        reason: rustls::Error,
    },
    /// No section is a private key.
    #[error("has no private key")]
    NoKey,
    /// It is not clear which key is meant.
    #[error("has several private keys")]
    SeveralKeys,
    /// The key is protected by a passphrase, as ACM exports it.
    #[error("has a private key that is encrypted: decrypt it first")]
    EncryptedKey,
    /// The key is of a kind that is not supported.
    #[error("has a private key that is neither RSA of 2048 bits or more, nor ECDSA on P-256 or P-384")]
    UnsupportedKey,
    /// The key is another certificate's.
    #[error("has a private key that does not fit the certificate")]
    Mismatch,
}

/// A certificate with its chain, and the key that fits it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    chain: Vec<u8>,
    key: Vec<u8>,
}

/// Why a certificate and its key cannot be used: which of the two files is at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PairFault {
    /// The file of the chain.
    #[error("the certificate chain {0}")]
    Chain(Fault),
    /// The file of the key.
    #[error("the key file {0}")]
    Key(Fault),
}

impl Pair {
    /// Reads a chain, the certificate itself first, and its key.
    ///
    /// # Errors
    /// What is wrong with which of the two.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, PairFault> {
        let chain = certificates(chain).map_err(PairFault::Chain)?;
        let key = private_key(key).map_err(PairFault::Key)?;
        let signing = ring::default_provider()
            .key_provider
            .load_private_key(key.clone_key());
        // Envoy offers no Ed25519 in handshakes.
        let signing = signing
            .ok()
            .filter(|key| key.algorithm() != SignatureAlgorithm::ED25519);
        let signing = signing.ok_or(PairFault::Key(Fault::UnsupportedKey))?;
        let fits = CertifiedKey::new(chain.clone(), signing).keys_match();
        fits.map_err(|_| PairFault::Key(Fault::Mismatch))?;
        Ok(Self {
            chain: pem::write_all("CERTIFICATE", &chain),
            key: pem::write(label(&key), key.secret_der()),
        })
    }

    /// PEM of the chain, the certificate itself first.
    pub fn chain(&self) -> &[u8] {
        &self.chain
    }

    /// PEM of the key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for Pair {
    /// Without the content: a key must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// Certificates of authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    pem: Vec<u8>,
}

impl Bundle {
    /// Reads one or more authorities.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn from_pem(text: &[u8]) -> Result<Self, Fault> {
        let certificates = pem::certificates(limited(text)?)?;
        for (position, certificate) in (1..).zip(&certificates) {
            as_authority(certificate).map_err(|reason| Fault::BadCertificate { position, reason })?;
        }
        Ok(Self {
            pem: pem::write_all("CERTIFICATE", &certificates),
        })
    }

    /// PEM of the certificates.
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }
}

fn limited(text: &[u8]) -> Result<&[u8], Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::TooLarge);
    }
    Ok(text)
}

/// A chain; its later certificates may be roots, which are allowed to be older than X.509 version 3.
fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let chain = pem::certificates(limited(text)?)?;
    for (position, certificate) in (1..).zip(&chain) {
        let parsed = ParsedCertificate::try_from(certificate).map(drop);
        let valid = parsed.or_else(|reason| match position {
            1 => Err(reason),
            _ => as_authority(certificate),
        });
        valid.map_err(|reason| Fault::BadCertificate { position, reason })?;
    }
    Ok(chain)
}

fn as_authority(certificate: &CertificateDer<'static>) -> Result<(), rustls::Error> {
    RootCertStore::empty().add(certificate.clone())
}

fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, Fault> {
    let mut keys = pem::private_keys(limited(text)?)?;
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        (Some(_), false) => Err(Fault::SeveralKeys),
        (None, _) if pem::mentions_encryption(text) => Err(Fault::EncryptedKey),
        (None, _) => Err(Fault::NoKey),
    }
}

fn label(key: &PrivateKeyDer<'_>) -> &'static str {
    match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    }
}
