//! Where the files of which secret are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use evermesh_graph::view::ISSUER_OF;

const CHAIN: &str = "chain.pem";
const KEY: &str = "key.pem";
const AUTHORITY: &str = "ca.pem";

/// Part of an ARN that says it is one of an authority.
const AUTHORITIES: &str = "acm-pca";
/// The resource of an ARN may have slashes; AWS's have one.
const DEEPEST: usize = 6;
/// Most directories that are looked at.
pub(super) const MOST: usize = 10_000;

/// Files that make a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A certificate and its key.
    Pair { chain: PathBuf, key: PathBuf },
    /// Authorities.
    Authority(PathBuf),
}

/// Every secret that there are files of, by its name, and whether there may be more: [`MOST`] directories were looked at.
pub(super) fn find(root: &Path) -> (BTreeMap<String, Place>, bool) {
    let mut found = BTreeMap::new();
    let mut left = MOST;
    descend(root, &mut Vec::new(), &mut left, &mut found);
    (found, left == 0)
}

/// What is to be there that is not.
pub(super) fn missing(root: &Path, name: &str) -> String {
    let (arn, files) = match name.strip_prefix(ISSUER_OF) {
        Some(arn) => (arn, AUTHORITY.to_owned()),
        None if is_authority(name) => (name, AUTHORITY.to_owned()),
        None => (name, format!("{CHAIN} and {KEY}")),
    };
    format!("there is no {files} in {}", root.join(arn).display())
}

/// Directories and links to them; those whose names begin with a dot are the scaffolding of volumes.
fn descend(directory: &Path, parts: &mut Vec<String>, left: &mut usize, found: &mut BTreeMap<String, Place>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let arn = parts.join("/");
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = entry.path();
        match name.as_str() {
            CHAIN | KEY if is_authority(&arn) => {}
            CHAIN | KEY => {
                let pair = Place::Pair {
                    chain: directory.join(CHAIN),
                    key: directory.join(KEY),
                };
                found.insert(arn.clone(), pair);
            }
            AUTHORITY if is_authority(&arn) => drop(found.insert(arn.clone(), Place::Authority(path))),
            AUTHORITY => drop(found.insert(format!("{ISSUER_OF}{arn}"), Place::Authority(path))),
            _ if name.starts_with('.') || parts.len() == DEEPEST || *left == 0 || !path.is_dir() => {}
            _ => {
                *left -= 1;
                parts.push(name);
                descend(&path, parts, left, found);
                parts.pop();
            }
        }
    }
}

/// `arn:<partition>:acm-pca:...`
fn is_authority(arn: &str) -> bool {
    arn.split(':').nth(2) == Some(AUTHORITIES)
}
