//! Text to JSON values, each with the line it begins on: JSON one after another, or YAML documents.

use serde_json::Value;
use serde_saphyr::{Options, Spanned, alias_limits, budget, options};

/// A value and the line it begins on, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Located {
    pub(crate) line: u64,
    pub(crate) value: Value,
}

/// Where a text is no JSON or YAML, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// Line and column, from 1, when they are known.
    pub(crate) at: Option<(u64, u64)>,
    pub(crate) message: String,
}

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    Json,
    Yaml,
}

impl Syntax {
    /// By the extension, or else by the first character: what people pipe in has no name.
    pub(crate) fn of(extension: Option<&str>, text: &str) -> Self {
        match extension {
            Some("json") => Self::Json,
            Some("yaml" | "yml") => Self::Yaml,
            _ if text.trim_start().starts_with(['{', '[']) => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// The values in a text. The items of a list count as values of their own; null counts as nothing.
pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Vec<Located>, SyntaxError> {
    let documents = match syntax {
        Syntax::Json => json(text)?,
        Syntax::Yaml => yaml(text)?,
    };
    let mut values = Vec::new();
    for Located { line, value } in documents {
        match value {
            Value::Array(items) => values.extend(items.into_iter().map(|value| Located { line, value })),
            Value::Null => {}
            value => values.push(Located { line, value }),
        }
    }
    Ok(values)
}

fn json(text: &str) -> Result<Vec<Located>, SyntaxError> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut values = Vec::new();
    loop {
        let before = stream.byte_offset();
        match stream.next() {
            None => return Ok(values),
            Some(Ok(value)) => values.push(Located {
                line: line_of_next(text, before),
                value,
            }),
            Some(Err(error)) => {
                return Err(SyntaxError {
                    at: Some((error.line() as u64, error.column() as u64)),
                    message: without_position(&error.to_string()),
                });
            }
        }
    }
}

/// Line of the first character after an offset that is no space.
fn line_of_next(text: &str, offset: usize) -> u64 {
    let rest = &text[offset..];
    let start = offset + (rest.len() - rest.trim_start().len());
    text[..start].bytes().filter(|byte| *byte == b'\n').count() as u64 + 1
}

/// The position is shown in front, as of every file.
fn without_position(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}

fn yaml(text: &str) -> Result<Vec<Located>, SyntaxError> {
    let documents = serde_saphyr::from_multiple_with_options::<Spanned<Value>>(text, yaml_options());
    let documents = documents.map_err(|error| SyntaxError {
        at: error
            .location()
            .map(|location| (location.line(), location.column())),
        message: yaml_message(&error),
    })?;
    let located = |document: Spanned<Value>| Located {
        line: document.referenced.line().max(1),
        value: document.value,
    };
    Ok(documents.into_iter().map(located).collect())
}

/// YAML 1.2: `yes` and `on` are text, as a reader of names expects.
///
/// A file is bounded in size, so what its text can hold is bounded too; the defaults would be met by a mesh of a
/// thousand resources in one file. What aliases add to the text has its own, lower bound.
fn yaml_options() -> Options {
    options! {
        strict_booleans: true,
        with_snippet: false,
        budget: budget! {
            max_documents: usize::MAX,
            max_nodes: usize::MAX,
            max_events: usize::MAX,
            max_depth: DEEPEST,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: alias_limits! { max_total_replayed_events: MOST_REPLAYED },
    }
}

/// Depth of nested objects and lists; specs need a dozen.
const DEEPEST: usize = 64;
/// Keys, values and brackets that aliases may repeat, over the whole text.
const MOST_REPLAYED: usize = 100_000;

/// Without the position, which is shown in front.
fn yaml_message(error: &serde_saphyr::Error) -> String {
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or_default();
    match error.location() {
        Some(location) => {
            let position = format!(" at line {}, column {}", location.line(), location.column());
            message.replace(&position, "")
        }
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(text: &str, syntax: Syntax) -> Vec<(u64, Value)> {
        let values = parse(text, syntax).unwrap();
        values
            .into_iter()
            .map(|found| (found.line, found.value))
            .collect()
    }

    #[test]
    fn documents_know_their_lines() {
        assert_eq!(
            lines(
                "# mesh\na: 1\n---\n\n# two\nb: yes\n---\n---\n- c\n- d\n",
                Syntax::Yaml
            ),
            [
                (2, json!({"a": 1})),
                (6, json!({"b": "yes"})),
                (9, json!("c")),
                (9, json!("d")),
            ]
        );
        assert_eq!(
            lines("{\"a\": 1}\n\n{\"b\":\n 2}\n[3, 4]", Syntax::Json),
            [
                (1, json!({"a": 1})),
                (3, json!({"b": 2})),
                (5, json!(3)),
                (5, json!(4)),
            ]
        );
        assert_eq!(lines("", Syntax::Yaml), []);
        assert_eq!(lines(" \n", Syntax::Json), []);
    }

    #[test]
    fn faults_know_their_place() {
        let json = parse("{\"a\": 1}\n{\"b\": }", Syntax::Json).unwrap_err();
        assert_eq!(json.at, Some((2, 7)));
        assert_eq!(json.message, "expected value");
        let yaml = parse("a: 1\n---\nb: 2\nb: 3\n", Syntax::Yaml).unwrap_err();
        assert_eq!(yaml.at, Some((4, 1)), "{yaml:?}");
        assert!(yaml.message.contains("duplicate"), "{yaml:?}");
        assert!(!yaml.message.contains("line"), "{yaml:?}");
    }

    #[test]
    fn depth_is_limited() {
        for syntax in [Syntax::Json, Syntax::Yaml] {
            let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
            assert!(parse(&deep, syntax).is_err());
        }
    }

    #[test]
    fn a_large_mesh_fits_into_one_file() {
        let resource = "---\nmeshName: m\nvirtualNodeName: n\nspec: {listeners: [{portMapping: {port: 80, protocol: http}}]}\n";
        let resources = parse(&resource.repeat(3000), Syntax::Yaml).unwrap();
        assert_eq!(resources.len(), 3000);
    }

    #[test]
    fn aliases_repeat_what_is_written_but_not_without_end() {
        let used = format!("a: &a {{b: c}}\nall: [{}]\n", "*a, ".repeat(1000));
        assert_eq!(
            parse(&used, Syntax::Yaml).unwrap()[0].value["all"][999],
            json!({"b": "c"})
        );
        let mut bomb = "a0: &a0 [x]\n".to_owned();
        for level in 1..10 {
            let before = level - 1;
            bomb += &format!("a{level}: &a{level} [{}]\n", format!("*a{before}, ").repeat(10));
        }
        let refused = parse(&bomb, Syntax::Yaml).unwrap_err();
        assert!(refused.message.contains("alias"), "{refused:?}");
        assert!(refused.at.is_some(), "{refused:?}");
    }

    #[test]
    fn syntax_follows_from_name_or_text() {
        assert_eq!(Syntax::of(Some("json"), "a: 1"), Syntax::Json);
        assert_eq!(Syntax::of(Some("yml"), "{}"), Syntax::Yaml);
        assert_eq!(Syntax::of(None, " \n{}"), Syntax::Json);
        assert_eq!(Syntax::of(None, "a: 1"), Syntax::Yaml);
    }
}
