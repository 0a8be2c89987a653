//! YAML as these commands write it: what `apply` reads back unchanged, and what people like to read.

use serde::Serialize;
use serde_saphyr::{SerializerOptions, ser_options};

/// A value as one YAML document, with a line feed at its end.
///
/// # Panics
/// When a value cannot be serialized, which values of this project always can.
pub fn to_yaml(value: &impl Serialize) -> String {
    serde_saphyr::to_string_with_options(value, options()).expect(SERIALIZABLE)
}

/// Several YAML documents, separated by `---`.
///
/// # Panics
/// As [`to_yaml`].
pub fn to_yaml_documents<T: Serialize>(values: &[T]) -> String {
    let documents: Vec<String> = values.iter().map(to_yaml).collect();
    documents.join("---\n")
}

const SERIALIZABLE: &str = "names, numbers, lists and maps with text keys are YAML";

/// Plain scalars wherever they are unambiguous; folding would hide where a regular expression ends.
fn options() -> SerializerOptions {
    ser_options! { prefer_block_scalars: false }
}
