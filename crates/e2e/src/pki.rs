//! Authorities of a test's own, what they issue, and where programs find it.

use std::fs;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    SignatureAlgorithm,
};

use crate::world::World;

/// An authority.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, and who issued it.
pub struct Issued {
    /// PEM of the certificate, and of its authority.
    pub chain: String,
    /// PEM of the key.
    pub key: String,
    authority: String,
}

impl Authority {
    /// A new authority of this name.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("a key can sign");
        Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A new certificate for hosts and URIs, with a key on P-256.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_for(&rcgen::PKCS_ECDSA_P256_SHA256, names)
    }

    /// A new certificate for hosts and URIs, with a key on P-384.
    pub fn issue_on_p384(&self, names: &[&str]) -> Issued {
        self.issue_for(&rcgen::PKCS_ECDSA_P384_SHA384, names)
    }

    fn issue_for(&self, algorithm: &'static SignatureAlgorithm, names: &[&str]) -> Issued {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, names[0]);
        params.subject_alt_names = names.iter().map(|name| san(name)).collect();
        let key = KeyPair::generate_for(algorithm).expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("a key can sign");
        Issued {
            chain: certificate.pem() + &self.pem,
            key: key.serialize_pem(),
            authority: self.pem.clone(),
        }
    }

    /// PEM of its certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes its certificate where sidecars find it; the `trust` of a manifest.
    pub fn as_file(&self, world: &World, name: &str) -> String {
        trust_file(world, name, &self.pem)
    }

    /// Writes its certificate where the control plane finds it as a private CA of this ARN; the `trust` of a manifest.
    pub fn as_private_ca(&self, world: &World, arn: &str) -> String {
        put(world, &format!("certificates/{arn}/ca.pem"), &self.pem);
        format!("{{ acm: {{ certificateAuthorityArns: ['{arn}'] }} }}")
    }
}

impl Issued {
    /// Writes both files where sidecars find them; the `certificate` of a manifest.
    pub fn as_files(&self, world: &World, name: &str) -> String {
        let chain = put(world, &format!("keys/{name}_chain.pem"), &self.chain);
        let key = put(world, &format!("keys/{name}_key.pem"), &self.key);
        format!("{{ file: {{ certificateChain: {chain}, privateKey: {key} }} }}")
    }

    /// Writes all files where the control plane finds them as ACM's certificate of this ARN; the `certificate` of a
    /// manifest.
    pub fn as_acm(&self, world: &World, arn: &str) -> String {
        for (file, content) in [
            ("key", &self.key),
            ("chain", &self.chain),
            ("ca", &self.authority),
        ] {
            put(world, &format!("certificates/{arn}/{file}.pem"), content);
        }
        format!("{{ acm: {{ certificateArn: '{arn}' }} }}")
    }
}

/// Writes certificates of authorities where sidecars find them; the `trust` of a manifest.
pub fn trust_file(world: &World, name: &str, pem: &str) -> String {
    let path = put(world, &format!("keys/{name}.pem"), pem);
    format!("{{ file: {{ certificateChain: {path} }} }}")
}

fn san(name: &str) -> SanType {
    let text = Ia5String::try_from(name).expect("names are ASCII");
    if name.contains(':') {
        SanType::URI(text)
    } else {
        SanType::DnsName(text)
    }
}

/// As careful programs do: aside, then renamed. Answers the path.
fn put(world: &World, name: &str, content: &str) -> String {
    let path = world.directory().join(name);
    let aside = path.with_extension("new");
    let parent = path.parent().expect("a file is in a directory");
    fs::create_dir_all(parent).expect("a temporary directory is writable");
    fs::write(&aside, content).expect("a temporary directory is writable");
    fs::rename(&aside, &path).expect("a temporary directory is writable");
    path.to_str().expect("paths of tests are text").to_owned()
}
