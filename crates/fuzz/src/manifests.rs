//! Manifests in files: YAML and JSON as users write them, with aliases, depth and everything else YAML can do.

use evermesh_client::{read_text, to_yaml_documents};

use crate::{Form, Target, names_a_fault, seeds};

pub(crate) const TARGET: Target = Target {
    name: "manifests",
    max_length: 16 * 1024,
    form: Form::Bytes,
    run,
    derived,
};

const OWNER: &str = "123456789012";

fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match read_text("input.yaml", text, OWNER) {
        Err(problems) => {
            for problem in problems.0 {
                assert!(problem.place.starts_with("input.yaml"), "{problem}");
                names_a_fault(&problem.message);
            }
        }
        Ok(documents) => {
            let values: Vec<_> = documents
                .iter()
                .map(|document| document.manifest.to_value(OWNER))
                .collect();
            let written = to_yaml_documents(&values);
            let again = read_text("written.yaml", &written, OWNER)
                .unwrap_or_else(|problems| panic!("{problems}: {written}"));
            let same = again.iter().map(|document| &document.manifest.spec);
            assert!(
                documents.iter().map(|document| &document.manifest.spec).eq(same),
                "{written}"
            );
        }
    }
}

/// Each golden mesh without its first document, which names a proxy.
fn derived() -> Vec<Vec<u8>> {
    let resources = |(_, text): (String, String)| {
        let (_, resources) = text.split_once("\n---\n")?;
        Some(resources.as_bytes().to_vec())
    };
    seeds::golden_texts().into_iter().filter_map(resources).collect()
}
