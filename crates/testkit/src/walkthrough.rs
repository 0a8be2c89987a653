//! A user's walkthrough as the steps it tells its reader to do, in the order of the document.
//!
//! It understands what such documents have: an indented block with an `aws` command, which may go on over lines
//! that end in `\`, and the words `Create a file named NAME with the following contents`, followed by a fence.
//! It changes nothing and skips nothing silently: a file without content or a command that breaks off is an error.

use std::iter::Peekable;

use anyhow::{Context, Result, bail, ensure};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a file.
    WriteFile {
        /// Its name, relative to where the commands run.
        name: String,
        /// Its content, as it is in the document.
        content: String,
    },
    /// Run a command.
    Run {
        /// The program and its arguments, as a shell would split them.
        argv: Vec<String>,
    },
}

const ANNOUNCEMENT: &str = "Create a file named ";
/// Markdown's indented code block.
const INDENTATION: &str = "    ";

/// The App Mesh walkthrough that this project must run unchanged; a user's own document.
pub const GETTING_STARTED: &str = include_str!("../fixtures/walkthrough/getting-started.md");

/// Extracts the steps of a document.
///
/// # Errors
/// With the line number, when a file is announced and has no content, a fence is not closed, or a command ends in
/// the middle.
pub fn steps(document: &str) -> Result<Vec<Step>> {
    let mut lines = (1..).zip(document.lines()).peekable();
    let mut steps = Vec::new();
    let mut announced: Option<(usize, &str)> = None;
    while let Some((number, line)) = lines.next() {
        if let Some(name) = announced_file(line) {
            no_file_waits(announced)?;
            announced = Some((number, name));
        } else if line.trim_start().starts_with("```") {
            let content = fenced(&mut lines).with_context(|| format!("the fence in line {number}"))?;
            if let Some((_, name)) = announced.take() {
                steps.push(Step::WriteFile {
                    name: name.to_owned(),
                    content,
                });
            }
        } else if line.starts_with(INDENTATION) && line.trim_start().starts_with("aws ") {
            no_file_waits(announced)?;
            let argv = command(line, &mut lines).with_context(|| format!("the command in line {number}"))?;
            steps.push(Step::Run { argv });
        }
    }
    no_file_waits(announced)?;
    Ok(steps)
}

fn announced_file(line: &str) -> Option<&str> {
    line.split_once(ANNOUNCEMENT)?.1.split_whitespace().next()
}

fn no_file_waits(announced: Option<(usize, &str)>) -> Result<()> {
    match announced {
        Some((number, name)) => bail!("line {number} announces the file {name} and no content follows"),
        None => Ok(()),
    }
}

/// The lines up to the end of the fence.
fn fenced<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Result<String> {
    let mut content = String::new();
    for (_, line) in lines {
        if line.trim() == "```" {
            return Ok(content);
        }
        content.push_str(line);
        content.push('\n');
    }
    bail!("it is not closed")
}

/// A command with the lines that it goes on over.
fn command<'a>(
    first: &str,
    lines: &mut Peekable<impl Iterator<Item = (usize, &'a str)>>,
) -> Result<Vec<String>> {
    let mut whole = first.trim().to_owned();
    while let Some(unfinished) = whole.strip_suffix('\\') {
        let (_, next) = lines
            .next_if(|(_, line)| !line.trim().is_empty())
            .context("it ends in a backslash")?;
        whole = format!("{unfinished}{}", next.trim());
    }
    words(&whole)
}

/// Splits as a shell does, for plain words and quotes; what would need a shell is an error.
fn words(command: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word = None::<String>;
    let mut quote = None;
    for character in command.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None | Some('"'), '$' | '`' | '\\') | (None, '|' | '&' | ';' | '<' | '>' | '*') => {
                bail!("{character:?} needs a shell")
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    ensure!(quote.is_none(), "a quote is not closed");
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn run(argv: &[&str]) -> Step {
        Step::Run {
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
        }
    }

    #[test]
    fn the_getting_started_document_gives_all_its_commands_and_files_in_order() {
        let steps = steps(GETTING_STARTED).unwrap();
        let commands = GETTING_STARTED
            .lines()
            .filter(|line| line.trim_start().starts_with("aws appmesh "))
            .count();
        let fences = GETTING_STARTED
            .lines()
            .filter(|line| line.starts_with("```json"))
            .count();
        assert_eq!((commands, fences), (15, 8), "the document itself");

        let mut operations = Vec::new();
        let mut files = HashSet::new();
        for step in &steps {
            match step {
                Step::WriteFile { name, content } => {
                    serde_json::from_str::<serde_json::Value>(content)
                        .unwrap_or_else(|error| panic!("{name}: {error}"));
                    assert!(files.insert(name.clone()), "{name} twice");
                }
                Step::Run { argv } => {
                    assert_eq!(argv[..2], ["aws", "appmesh"]);
                    operations.push(argv[2].as_str());
                    for input in argv.iter().filter_map(|word| word.strip_prefix("file://")) {
                        assert!(files.contains(input), "{input} is used before it is made");
                    }
                }
            }
        }
        assert_eq!(files.len(), fences);
        assert_eq!(
            operations,
            [
                "create-mesh",
                "create-virtual-service",
                "create-virtual-node",
                "create-virtual-router",
                "create-route",
                "describe-mesh",
                "describe-virtual-service",
                "describe-virtual-node",
                "describe-virtual-router",
                "describe-route",
                "create-virtual-node",
                "create-virtual-node",
                "update-virtual-service",
                "update-route",
                "create-virtual-service",
            ]
        );
        let service = [
            "aws",
            "appmesh",
            "create-virtual-service",
            "--mesh-name",
            "pgMesh",
            "--virtual-service-name",
        ];
        assert_eq!(
            steps[1],
            run(&[&service[..], &["svc1.pgMesh.local", "--spec", "{}"]].concat())
        );
    }

    #[test]
    fn prose_and_other_fences_are_not_steps() {
        let document =
            "Use aws appmesh.\naws appmesh not-indented\n\n```sh\n    aws appmesh in-a-fence\n```\n";
        assert_eq!(steps(document).unwrap(), []);
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        let document = "    aws a 'b c' \"d e\"'f' '' --spec '{\"x\": 1}'  g\n";
        assert_eq!(
            steps(document).unwrap(),
            [run(&["aws", "a", "b c", "d ef", "", "--spec", "{\"x\": 1}", "g"])]
        );
    }

    #[test]
    fn what_is_incomplete_is_an_error_with_its_line() {
        for (document, expected) in [
            (
                "\n  - Create a file named a.json with\n\ntext\n",
                "line 2 announces the file a.json",
            ),
            (
                "Create a file named a.json with\n\n    aws use a.json\n",
                "line 1 announces",
            ),
            ("\n```json\n{}\n", "the fence in line 2: it is not closed"),
            (
                "    aws a \\\n\n",
                "the command in line 1: it ends in a backslash",
            ),
            ("    aws a 'b\n", "the command in line 1: a quote is not closed"),
            ("    aws a $B\n", "the command in line 1: '$' needs a shell"),
            ("    aws a > b\n", "the command in line 1: '>' needs a shell"),
        ] {
            let error = steps(document).unwrap_err();
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
    }
}
