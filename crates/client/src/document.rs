//! Manifests in files: where they are, what they say, and everything that is wrong with them.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use evermesh_model::{Manifest, ResourceId};

use crate::parse::{Located, Syntax, parse};

/// Stands for standard input among the files.
pub const STDIN: &str = "-";

/// Larger than what all the quotas together allow to be written by hand, and small enough to be held in memory.
const LARGEST_FILE: u64 = 32 << 20;

/// A resource as a user has written it down, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// File and line, such as `mesh.yaml:12`.
    pub place: String,
    /// What it says.
    pub manifest: Manifest,
}

/// Something that is wrong with what a user has written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File, line and perhaps column.
    pub place: String,
    /// What is wrong and what is accepted.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Everything that is wrong, in order. Never empty when it is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn push(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem {
            place: place.into(),
            message: message.into(),
        });
    }

    /// The value, when nothing is wrong.
    ///
    /// # Errors
    /// The problems themselves.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Reads the documents of files, of the `.json`, `.yaml` and `.yml` files directly in directories (by name), and of
/// standard input for [`STDIN`]. A mesh without `meshOwner` belongs to `default_owner`.
///
/// # Errors
/// Every problem of every file: unreadable, no JSON or YAML, no manifest, or the same resource twice.
pub fn read_documents(sources: &[PathBuf], default_owner: &str) -> Result<Vec<Document>, Problems> {
    let mut reading = Reading::new(default_owner);
    for source in sources {
        reading.source(source);
    }
    reading.finish()
}

/// Reads the documents of a text that is called `name`, whose ending says what it is written in, as [`read_documents`]
/// reads those of a file.
///
/// # Errors
/// Every problem of the text.
pub fn read_text(name: &str, text: &str, default_owner: &str) -> Result<Vec<Document>, Problems> {
    let mut reading = Reading::new(default_owner);
    let extension = Path::new(name)
        .extension()
        .and_then(|extension| extension.to_str());
    reading.text(name, extension, text);
    reading.finish()
}

struct Reading<'o> {
    default_owner: &'o str,
    documents: Vec<Document>,
    problems: Problems,
}

impl<'o> Reading<'o> {
    fn new(default_owner: &'o str) -> Self {
        Self {
            default_owner,
            documents: Vec::new(),
            problems: Problems::default(),
        }
    }

    fn finish(mut self) -> Result<Vec<Document>, Problems> {
        self.refuse_repetitions();
        self.problems.or(self.documents)
    }

    fn source(&mut self, source: &Path) {
        if source.as_os_str() == STDIN {
            return self.read("standard input", None, read_to_end(io::stdin().lock()));
        }
        if !source.is_dir() {
            return self.file(source);
        }
        match manifests_in(source) {
            Err(error) => self
                .problems
                .push(source.display().to_string(), format!("cannot be read: {error}")),
            Ok(files) if files.is_empty() => {
                let message =
                    "the directory has no .json, .yaml or .yml file; those below it are not looked for";
                self.problems.push(source.display().to_string(), message);
            }
            Ok(files) => files.iter().for_each(|file| self.file(file)),
        }
    }

    fn file(&mut self, path: &Path) {
        let text = File::open(path).and_then(read_to_end);
        let extension = path.extension().and_then(|extension| extension.to_str());
        self.read(&path.display().to_string(), extension, text);
    }

    fn read(&mut self, name: &str, extension: Option<&str>, text: io::Result<String>) {
        match text {
            Ok(text) => self.text(name, extension, &text),
            Err(error) => self.problems.push(name, format!("cannot be read: {error}")),
        }
    }

    fn text(&mut self, name: &str, extension: Option<&str>, text: &str) {
        match parse(text, Syntax::of(extension, text)) {
            Ok(values) => values.into_iter().for_each(|value| self.value(name, &value)),
            Err(error) => {
                let at = error.at.map(|(line, column)| format!(":{line}:{column}"));
                self.problems
                    .push(format!("{name}{}", at.unwrap_or_default()), error.message);
            }
        }
    }

    fn value(&mut self, name: &str, located: &Located) {
        let place = format!("{name}:{}", located.line);
        match Manifest::from_value(&located.value, self.default_owner) {
            Ok(manifest) => self.documents.push(Document { place, manifest }),
            Err(violations) => {
                for violation in violations.0 {
                    self.problems.push(&place, violation.to_string());
                }
            }
        }
    }

    fn refuse_repetitions(&mut self) {
        let mut places: HashMap<&ResourceId, &str> = HashMap::new();
        for Document { place, manifest } in &self.documents {
            if let Some(first) = places.get(&manifest.id) {
                let message = format!("{} is written down in {first} already", manifest.id);
                self.problems.push(place, message);
            } else {
                places.insert(&manifest.id, place);
            }
        }
    }
}

fn manifests_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("json" | "yaml" | "yml")) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_to_end(from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    let read = from.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST_FILE {
        let message = format!("it is larger than {} MiB", LARGEST_FILE >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = "123456789012";

    fn read(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let prefix = format!("{}/", directory.path().display());
        match read_documents(&[directory.path().to_owned()], OWNER) {
            Ok(documents) => {
                let shown = |document: &Document| {
                    format!("{} {}", document.place.replace(&prefix, ""), document.manifest.id)
                };
                (documents.iter().map(shown).collect(), Vec::new())
            }
            Err(problems) => {
                let shown = |problem: &Problem| problem.to_string().replace(&prefix, "");
                (Vec::new(), problems.0.iter().map(shown).collect())
            }
        }
    }

    #[test]
    fn directories_are_read_in_order_of_names() {
        let (documents, _) = read(&[
            (
                "b.json",
                r#"{"meshName": "m", "virtualRouterName": "r", "spec": {}}"#,
            ),
            (
                "a.yaml",
                "meshName: m\n---\nmeshName: m\nvirtualServiceName: s\nspec: {}\n",
            ),
            ("notes.txt", "not: [a manifest"),
        ]);
        assert_eq!(
            documents,
            [
                "a.yaml:1 mesh/m",
                "a.yaml:3 mesh/m/virtualService/s",
                "b.json:1 mesh/m/virtualRouter/r"
            ]
        );
    }

    #[test]
    fn all_problems_of_all_files_are_told() {
        let (_, problems) = read(&[
            (
                "a.yaml",
                "meshName: m\nspec: {egressFilter: {type: SOME}}\n---\nvirtualNodeName: n\n",
            ),
            ("b.json", "{"),
            ("c.yaml", "meshName: m2\n---\nmeshName: m2\n"),
        ]);
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(
            problems[0].starts_with("a.yaml:1: spec.egressFilter.type: "),
            "{problems:?}"
        );
        assert_eq!(problems[1], "a.yaml:4: meshName: is required");
        assert!(problems[2].starts_with("b.json:1:1: EOF"), "{problems:?}");
        assert!(
            problems[3].starts_with("c.yaml:3: mesh/m2 is written down in "),
            "{problems:?}"
        );
    }

    #[test]
    fn what_is_not_there_is_a_problem() {
        let problems = read_documents(&[PathBuf::from("no/such/file.yaml")], OWNER).unwrap_err();
        assert!(
            problems
                .to_string()
                .starts_with("no/such/file.yaml: cannot be read: ")
        );
        let (_, problems) = read(&[]);
        assert!(
            problems[0].contains("has no .json, .yaml or .yml file"),
            "{problems:?}"
        );
    }
}
