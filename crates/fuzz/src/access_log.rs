//! Formats of access logs.

use evermesh_model::access_log_format;

use crate::{Form, Target, names_a_fault, position_in, seeds};

pub(crate) const TARGET: Target = Target {
    name: "access_log",
    max_length: 2048, // the API takes 1000 characters
    form: Form::Bytes,
    run,
    derived,
};

fn run(data: &[u8]) {
    let Ok(format) = std::str::from_utf8(data) else {
        return;
    };
    match access_log_format::check(format) {
        Ok(()) => {
            // What is right one after the other is right together, and a lone percent sign at the end never is.
            assert_eq!(access_log_format::check(&format!("{format}{format}")), Ok(()));
            assert!(access_log_format::check(&format!("{format}%")).is_err());
        }
        Err(error) => {
            let message = error.to_string();
            names_a_fault(&message);
            let position = position_in(&message);
            assert_eq!(format.chars().nth(position - 1), Some('%'), "{message}");
        }
    }
}

/// The lines of goldens that have operators in them.
fn derived() -> Vec<Vec<u8>> {
    let operators = |line: &&str| line.contains('%');
    seeds::golden_texts()
        .iter()
        .flat_map(|(_, text)| {
            text.lines()
                .filter(operators)
                .map(|line| line.as_bytes().to_vec())
        })
        .collect()
}
