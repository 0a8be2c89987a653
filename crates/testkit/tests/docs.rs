//! What the documentation points at is there: pages and their sections, source files, and the tests that `features.md`
//! names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use evermesh_testkit::tools::workspace_root;

#[test]
fn links_lead_to_pages_and_sections_that_exist() {
    let mut links = 0;
    let mut broken = Vec::new();
    for page in pages() {
        for link in links_of(&read(&page)) {
            links += 1;
            let (path, section) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            let leads = target.exists() && (section.is_empty() || sections(&read(&target)).contains(section));
            if !leads {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(links > 30, "only {links} links found");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_tests_that_features_name_exist() {
    let features = read(&workspace_root().join("docs/reference/features.md"));
    let (goldens, behaviour) = (goldens(), behaviour());
    let functions = functions();
    let mut named = 0;
    let mut missing = Vec::new();
    for (column, cell) in cells(&features) {
        for name in quoted(&cell) {
            let exists = match column.as_str() {
                "goldens" | "golden" => goldens.contains(name),
                "behaviour" => behaviour.contains(name),
                "test" if is_function(name) => behaviour.contains(name) || functions.contains(last(name)),
                _ => continue,
            };
            named += 1;
            if !exists {
                missing.push(format!("{name} (column {column})"));
            }
        }
    }
    assert!(named > 100, "only {named} names found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_walkthrough_that_is_replayed_is_listed() {
    let features = read(&workspace_root().join("docs/reference/features.md"));
    let replayed = stems("crates/e2e/tests/walkthroughs", ".rs");
    let listed: BTreeSet<String> = cells(&features)
        .filter(|(column, _)| column == "walkthrough")
        .flat_map(|(_, cell)| quoted(&cell).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(listed, replayed);
}

#[test]
fn source_files_that_pages_name_exist() {
    let root = workspace_root();
    let sources = [files("crates"), files("fuzz")].concat();
    let mut named = 0;
    let mut missing = Vec::new();
    for page in pages() {
        for name in quoted_names(&read(&page)) {
            let exists = if name.starts_with("crates/") || name.starts_with("fuzz/") {
                root.join(&name).exists()
            } else if name.ends_with(".rs") {
                sources.iter().any(|source| source.ends_with(&name))
            } else {
                continue;
            };
            named += 1;
            if !exists {
                missing.push(format!("{}: {name}", page.display()));
            }
        }
    }
    assert!(named > 20, "only {named} names found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_crate_is_in_the_architecture() {
    let page = read(&workspace_root().join("ARCHITECTURE.md"));
    let described: BTreeSet<String> = cells(&page)
        .filter(|(column, _)| column == "crate")
        .flat_map(|(_, cell)| quoted(&cell).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let crates = entries(&workspace_root().join("crates"));
    let names = crates.iter().filter_map(|path| path.file_name()?.to_str());
    let forgotten: Vec<&str> = names.filter(|name| !described.contains(*name)).collect();
    assert!(
        forgotten.is_empty(),
        "ARCHITECTURE.md does not have {forgotten:?}"
    );
}

/// Pages for readers of the project.
fn pages() -> Vec<PathBuf> {
    let root = workspace_root();
    ["", "docs", "docs/reference"]
        .into_iter()
        .flat_map(|directory| entries(&root.join(directory)))
        .filter(|path| has_ending(path, "md"))
        .collect()
}

/// Where the links of a page lead within the project.
fn links_of(page: &str) -> Vec<String> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let own = targets.filter(|target| !target.contains("://"));
    own.map(str::to_owned).collect()
}

/// Names of a page's sections as links have them.
fn sections(page: &str) -> BTreeSet<String> {
    let name = |title: &str| {
        let kept = title.trim().to_lowercase();
        let kept = kept
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    let titles = page.lines().filter(|line| line.starts_with('#'));
    titles.map(|line| name(line.trim_start_matches('#'))).collect()
}

/// Cells of the tables of a page, each with the head of its column.
fn cells(page: &str) -> impl Iterator<Item = (String, String)> {
    let mut head: Vec<String> = Vec::new();
    page.lines().flat_map(move |line| {
        let row: Vec<String> = match line.strip_prefix('|') {
            None => Vec::new(),
            Some(row) => row
                .trim_end_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect(),
        };
        if row.is_empty() || head.is_empty() {
            head.clone_from(&row);
        }
        head.clone().into_iter().zip(row).collect::<Vec<_>>()
    })
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn goldens() -> BTreeSet<String> {
    stems("crates/graph/tests/golden", ".in.yaml")
}

/// Files of tests and, after the file's name, their cases.
fn behaviour() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for tests in ["behaviour", "walkthroughs"] {
        let directory = format!("crates/e2e/tests/{tests}");
        names.extend(stems(&directory, ".rs"));
        let cases = read(&workspace_root().join(&directory).join("main.rs"));
        names.extend(cases.lines().filter_map(|line| {
            let case = line.trim().strip_suffix(',')?;
            case.contains("::").then(|| case.to_owned())
        }));
    }
    names
}

/// Names of all functions of the project's crates.
fn functions() -> BTreeSet<String> {
    let sources = files("crates").into_iter().filter(|path| has_ending(path, "rs"));
    sources.flat_map(|path| defined(&read(&path))).collect()
}

fn defined(text: &str) -> Vec<String> {
    let names = text
        .split("fn ")
        .skip(1)
        .filter_map(|rest| rest.split(['(', '<']).next());
    names.map(str::to_owned).collect()
}

/// Whatever a page quotes outside of its examples.
fn quoted_names(page: &str) -> Vec<String> {
    let prose = page.split("```").step_by(2);
    prose.flat_map(quoted).map(str::to_owned).collect()
}

/// Whether a name is that of a test; others are of crates, files and settings.
fn is_function(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | ':');
    last(name).contains('_') && name.chars().all(is_word)
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// Names of the files of a directory, without their ending and without `main`.
fn stems(directory: &str, ending: &str) -> BTreeSet<String> {
    let files = entries(&workspace_root().join(directory));
    let stem = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(ending)?.to_owned();
        (name != "main").then_some(name)
    };
    files.into_iter().filter_map(stem).collect()
}

/// All files below a directory of the project but what was built there.
fn files(directory: &str) -> Vec<PathBuf> {
    let mut left = vec![workspace_root().join(directory)];
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if !path.is_dir() {
            found.push(path);
        } else if !path.ends_with("target") {
            left.extend(entries(&path));
        }
    }
    found
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|own| own == ending)
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries
        .map(|entry| entry.expect("an entry is readable").path())
        .collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
