//! A directory of certificates that is changed in the ways in which files are changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::SystemTime;

use evermesh_graph::view::ISSUER_OF;
use evermesh_testkit::DEADLINE;
use rcgen::KeyPair;
use tempfile::TempDir;

use super::*;

const ARN: &str = "arn:aws:acm:us-west-2:123456789012:certificate/0a1b";
const AUTHORITY: &str = "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/1a";

type Receiver = watch::Receiver<Option<Arc<Secret>>>;

/// A new certificate and its key; PEM.
fn made() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(["server.local".to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// Writes as careful programs do: aside, then renamed.
fn put(directory: &Path, name: &str, content: &str) {
    fs::create_dir_all(directory).unwrap();
    let aside = directory.join(format!(".{name}"));
    fs::write(&aside, content).unwrap();
    fs::rename(aside, directory.join(name)).unwrap();
}

async fn next(receiver: &mut Receiver) -> Arc<Secret> {
    let changed = receiver.wait_for(Option::is_some);
    let value = tokio::time::timeout(DEADLINE, changed)
        .await
        .unwrap()
        .unwrap()
        .clone();
    receiver.mark_unchanged();
    value.unwrap()
}

async fn changed(receiver: &mut Receiver) -> Arc<Secret> {
    tokio::time::timeout(DEADLINE, receiver.changed())
        .await
        .unwrap()
        .unwrap();
    receiver.borrow_and_update().clone().unwrap()
}

async fn until_fault(directory: &CertificateDirectory, name: &str, part: &str) -> String {
    let wait = async {
        loop {
            match directory.fault(name) {
                Some(fault) if fault.contains(part) => return fault,
                _ => tokio::time::sleep(PERIOD / 10).await,
            }
        }
    };
    tokio::time::timeout(DEADLINE, wait)
        .await
        .unwrap_or_else(|_| panic!("{:?}", directory.fault(name)))
}

fn chain(secret: &Arc<Secret>) -> String {
    match &**secret {
        Secret::Certificate { chain, .. } => String::from_utf8(chain.clone()).unwrap(),
        Secret::Trust { bundle } => String::from_utf8(bundle.clone()).unwrap(),
    }
}

/// As `rcgen` and we write PEM: with other ends of lines.
fn same(pem: &str) -> String {
    pem.replace("\r\n", "\n")
}

#[tokio::test]
async fn what_is_there_is_known_at_once_and_what_comes_later_soon() {
    let root = TempDir::new().unwrap();
    let (certificate, key) = made();
    put(&root.path().join(ARN), "chain.pem", &certificate);
    put(&root.path().join(ARN), "key.pem", &key);
    let directory = CertificateDirectory::open(root.path().to_owned()).await;
    let known = directory.follow(ARN).borrow().clone();
    assert_eq!(chain(&known.unwrap()), same(&certificate));
    assert_eq!(directory.fault(ARN), None);

    let mut authority = directory.follow(AUTHORITY);
    let mut issuer = directory.follow(&format!("{ISSUER_OF}{ARN}"));
    assert!(authority.borrow().is_none() && issuer.borrow().is_none());
    assert!(
        directory
            .fault(AUTHORITY)
            .unwrap()
            .contains("there is no ca.pem in")
    );
    let (root_certificate, _) = made();
    for arn in [ARN, AUTHORITY] {
        put(&root.path().join(arn), "ca.pem", &root_certificate);
    }
    assert_eq!(chain(&next(&mut authority).await), same(&root_certificate));
    assert_eq!(chain(&next(&mut issuer).await), same(&root_certificate));
}

/// Whatever the order in which a directory lists its files: that of a memory file system is the reverse of their making.
#[tokio::test]
async fn an_authority_is_no_certificate_though_it_has_a_chain() {
    let root = TempDir::new().unwrap();
    let (certificate, key) = made();
    let files = [
        ("chain.pem", ""),
        ("ca.pem", certificate.as_str()),
        ("key.pem", &key),
    ];
    for turn in 0..files.len() {
        for (name, content) in files.iter().cycle().skip(turn).take(files.len()) {
            put(&root.path().join(format!("{AUTHORITY}{turn}")), name, content);
        }
    }
    let directory = CertificateDirectory::open(root.path().to_owned()).await;
    for turn in 0..files.len() {
        let arn = format!("{AUTHORITY}{turn}");
        assert_eq!(directory.fault(&arn), None);
        let known = directory.follow(&arn).borrow().clone();
        assert_eq!(chain(&known.unwrap()), same(&certificate));
    }
    assert_eq!(directory.faults(), 0);
}

#[tokio::test]
async fn a_renewed_pair_comes_whole_however_it_is_replaced() {
    let root = TempDir::new().unwrap();
    let place = root.path().join(ARN);
    let (certificate, key) = made();
    put(&place, "chain.pem", &certificate);
    put(&place, "key.pem", &key);
    let directory = CertificateDirectory::open(root.path().to_owned()).await;
    let mut newest = directory.follow(ARN);
    next(&mut newest).await;

    let (certificate, key) = made();
    put(&place, "key.pem", &key);
    until_fault(&directory, ARN, "key.pem has a private key that does not fit").await;
    assert!(!newest.has_changed().unwrap(), "half of a pair is none");
    put(&place, "chain.pem", &certificate);
    assert_eq!(chain(&changed(&mut newest).await), same(&certificate));

    let (certificate, key) = made();
    fs::write(place.join("key.pem"), &key).unwrap();
    fs::write(place.join("chain.pem"), &certificate).unwrap();
    assert_eq!(chain(&changed(&mut newest).await), same(&certificate), "in place");

    fs::remove_dir_all(&place).unwrap();
    until_fault(&directory, ARN, "there is no chain.pem and key.pem in").await;
    assert!(newest.borrow().is_some(), "the last good one stays");
}

/// As programs do that keep times, or set all to the same.
#[tokio::test]
async fn a_renewal_is_seen_that_looks_as_old_as_before() {
    let root = TempDir::new().unwrap();
    let place = root.path().join(ARN);
    let write = |(certificate, key): &(String, String)| {
        for (name, content) in [("chain.pem", certificate), ("key.pem", key)] {
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join(name), content).unwrap();
            let file = fs::File::options().write(true).open(place.join(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
    };
    let first = made();
    write(&first);
    let directory = CertificateDirectory::open(root.path().to_owned()).await;
    let mut newest = directory.follow(ARN);
    next(&mut newest).await;

    let is_as_long =
        |other: &(String, String)| other.0.len() == first.0.len() && other.1.len() == first.1.len();
    let second = std::iter::repeat_with(made).find(is_as_long).unwrap();
    write(&second);
    assert_eq!(chain(&changed(&mut newest).await), same(&second.0));
}

/// As the volumes of Kubernetes are: `..data` is a link that is switched.
#[tokio::test]
async fn links_that_are_switched_are_followed() {
    let root = TempDir::new().unwrap();
    let place = root.path().join(ARN);
    let version = |name: &str, (certificate, key): &(String, String)| {
        let version = place.join(name);
        put(&version, "chain.pem", certificate);
        put(&version, "key.pem", key);
        symlink(name, place.join("..fresh")).unwrap();
        fs::rename(place.join("..fresh"), place.join("..data")).unwrap();
    };
    let first = made();
    version("..1", &first);
    for name in ["chain.pem", "key.pem"] {
        symlink(Path::new("..data").join(name), place.join(name)).unwrap();
    }
    let directory = CertificateDirectory::open(root.path().to_owned()).await;
    let mut newest = directory.follow(ARN);
    assert_eq!(chain(&next(&mut newest).await), same(&first.0));
    let second = made();
    version("..2", &second);
    assert_eq!(chain(&changed(&mut newest).await), same(&second.0));
}

#[tokio::test]
async fn names_do_not_lead_out_of_the_directory() {
    let outside = TempDir::new().unwrap();
    let root = outside.path().join("root");
    let (certificate, key) = made();
    put(&outside.path().join("other"), "chain.pem", &certificate);
    put(&outside.path().join("other"), "key.pem", &key);
    put(&root, "chain.pem", &certificate);
    let directory = CertificateDirectory::open(root.clone()).await;
    for name in [
        "../other",
        "arn:aws:acm:x:1:certificate/../../other",
        "/",
        "",
        ".",
    ] {
        assert!(directory.follow(name).borrow().is_none(), "{name}");
        assert!(directory.fault(name).is_some(), "{name}");
    }
}
