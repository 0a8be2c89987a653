//! The text form: sections of base64 between markers (RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Fault;

/// Bytes of base64 in a line.
const LINE: usize = 64;

/// Every certificate, in the order of the file.
pub(crate) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let certificates = sections(CertificateDer::pem_slice_iter(text))?;
    if certificates.is_empty() {
        return Err(Fault::NoCertificate);
    }
    Ok(certificates)
}

/// Every private key that is not encrypted.
pub(crate) fn private_keys(text: &[u8]) -> Result<Vec<PrivateKeyDer<'static>>, Fault> {
    // The older form of encryption is a header within the section, which is no base64.
    match sections(PrivateKeyDer::pem_slice_iter(text)) {
        Err(_) if mentions_encryption(text) => Err(Fault::EncryptedKey),
        keys => keys,
    }
}

/// Whether some key is encrypted, in either of the two forms there are.
pub(crate) fn mentions_encryption(text: &[u8]) -> bool {
    const MARKS: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];
    MARKS
        .iter()
        .any(|mark| text.windows(mark.len()).any(|window| window == *mark))
}

/// One section after the other.
pub(crate) fn write_all(label: &str, sections: &[CertificateDer<'_>]) -> Vec<u8> {
    sections.iter().flat_map(|der| write(label, der)).collect()
}

/// A section.
pub(crate) fn write(label: &str, der: &[u8]) -> Vec<u8> {
    let base64 = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n").into_bytes();
    for line in base64.as_bytes().chunks(LINE) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
    text
}

/// The sections that are wanted; the parser's own messages could quote the file.
fn sections<T>(found: impl Iterator<Item = Result<T, Error>>) -> Result<Vec<T>, Fault> {
    let fault = |error| {
        Fault::NotPem(match error {
            Error::MissingSectionEnd { .. } => "a section has no end",
            Error::IllegalSectionStart { .. } => "the beginning of a section is malformed",
            Error::Base64Decode(_) => "a section is not base64",
            _ => "it cannot be read",
        })
    };
    found.collect::<Result<_, _>>().map_err(fault)
}
