//! The user's own pieces of bootstrap: files with a `tracing`, `stats_config` or `stats_sinks` section, and the
//! static resources these need.

use serde_json::{Map, Value};

use super::error::Problem;
use super::reader::Reader;
use super::variables::{SINKS_FILE, STATS_FILE, TRACING_FILE, Variable};

/// Sections that carry the contract itself. A file that replaced one would cut the proxy off from its control
/// plane or its admin interface, far from where the user looks.
const CONTRACT_SECTIONS: [&str; 4] = ["node", "admin", "dynamic_resources", "cluster_manager"];
/// Sections of which a bootstrap has one, so that two files cannot both bring it.
const SINGLE_SECTIONS: [&str; 2] = ["tracing", "stats_config"];

/// One of the user's files, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct BootstrapFile {
    /// The variable that named it.
    pub variable: &'static str,
    /// Sections of an Envoy v3 bootstrap; the keys of the first level are in snake case.
    pub sections: Map<String, Value>,
}

/// What is wrong in such a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
    /// Not YAML (of which JSON is a part).
    #[error("it is not YAML: {0}")]
    Syntax(String),
    /// Not a mapping, or an empty one.
    #[error("it holds no section of a bootstrap, such as `tracing:`")]
    NoSections,
    /// One section under both spellings.
    #[error("section {0} is there twice, in snake case and in camel case")]
    Twice(String),
    /// A section that the environment decides.
    #[error("section {0} cannot be replaced: the environment decides it")]
    Contract(String),
    /// A section of the wrong shape.
    #[error("section {section} is not {shape}")]
    Shape {
        /// The section's path.
        section: String,
        /// What it should be.
        shape: &'static str,
    },
    /// The section that the variable is about is not there.
    #[error("it has no section {0}")]
    Lacks(&'static str),
    /// Two files with one section.
    #[error("section {0} is in another file as well")]
    InTwoFiles(String),
    /// A sampling manifest that Envoy's tracer does not read.
    #[error("it is not a sampling manifest of version 2")]
    Manifest,
}

/// Reads every file that is named.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<BootstrapFile> {
    let mut files: Vec<BootstrapFile> = Vec::new();
    for variable in [&TRACING_FILE, &STATS_FILE, &SINKS_FILE] {
        let Some(path) = reader.text(variable) else {
            continue;
        };
        let Some(content) = reader.file(variable, &path) else {
            continue;
        };
        match sections(variable, &content).and_then(|sections| unshared(&files, sections)) {
            Ok(sections) => files.push(BootstrapFile {
                variable: variable.name,
                sections,
            }),
            Err(reason) => reader.reject(
                variable,
                Problem::Content {
                    path: path.into(),
                    reason,
                },
            ),
        }
    }
    files
}

fn sections(variable: &Variable, content: &[u8]) -> Result<Map<String, Value>, SectionError> {
    let text = std::str::from_utf8(content).map_err(|_| SectionError::Encoding)?;
    let parsed: Value =
        serde_saphyr::from_str(text).map_err(|error| SectionError::Syntax(error.to_string()))?;
    let Value::Object(given) = parsed else {
        return Err(SectionError::NoSections);
    };
    let mut sections = Map::new();
    for (key, value) in given {
        let key = snake_case(&key);
        if CONTRACT_SECTIONS.contains(&key.as_str()) {
            return Err(SectionError::Contract(key));
        }
        check_shape(&key, &value)?;
        if sections.insert(key.clone(), value).is_some() {
            return Err(SectionError::Twice(key));
        }
    }
    if sections.is_empty() {
        return Err(SectionError::NoSections);
    }
    // The user guide lets the sinks file win over DogStatsD, so one without sinks would silently switch stats off.
    if variable == &SINKS_FILE && !sections.contains_key("stats_sinks") {
        return Err(SectionError::Lacks("stats_sinks"));
    }
    Ok(sections)
}

/// The sections that are merged, and so looked into, have the shape that merging needs.
fn check_shape(key: &str, value: &Value) -> Result<(), SectionError> {
    let shape = |section: String, shape| Err(SectionError::Shape { section, shape });
    match (key, value) {
        ("stats_sinks", Value::Array(_)) => Ok(()),
        ("stats_sinks", _) => shape(key.to_owned(), "a list"),
        ("static_resources", Value::Object(resources)) => {
            match resources.iter().find(|(_, list)| !list.is_array()) {
                Some((name, _)) => shape(format!("static_resources.{name}"), "a list"),
                None => Ok(()),
            }
        }
        ("static_resources", _) => shape(key.to_owned(), "a mapping"),
        _ => Ok(()),
    }
}

fn unshared(
    earlier: &[BootstrapFile],
    sections: Map<String, Value>,
) -> Result<Map<String, Value>, SectionError> {
    let shared = SINGLE_SECTIONS.into_iter().find(|section| {
        sections.contains_key(*section) && earlier.iter().any(|file| file.sections.contains_key(*section))
    });
    match shared {
        Some(section) => Err(SectionError::InTwoFiles(section.to_owned())),
        None => Ok(sections),
    }
}

/// `staticResources` as `static_resources`: protobuf's JSON allows both.
fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}
