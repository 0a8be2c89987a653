//! Regular expressions of route matches.

use evermesh_model::regex;

use crate::{Form, Target, names_a_fault, position_in};

pub(crate) const TARGET: Target = Target {
    name: "regex",
    max_length: 1024, // the API takes 255 characters
    form: Form::Bytes,
    run,
    derived: Vec::new,
};

fn run(data: &[u8]) {
    let Ok(pattern) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(error) = regex::check(pattern) {
        let message = error.to_string();
        names_a_fault(&message);
        let position = position_in(&message);
        assert!((1..=pattern.chars().count() + 1).contains(&position), "{message}");
    } else {
        // What RE2 takes alone, it takes as an alternative and in a group too.
        regex::check(&format!("(?:{pattern})|x")).unwrap_or_else(|error| {
            assert!(
                pattern.contains(r"\Q") || error.to_string().contains("instructions"),
                "an open quotation takes in what follows, nothing else does, and there is room for more: {error}"
            );
        });
    }
}
