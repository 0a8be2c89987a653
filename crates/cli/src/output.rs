//! Standard output: tables for people, JSON and YAML for programs.

use std::io::{self, Write};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use evermesh_client::to_yaml;
use serde::Serialize;

/// Forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    Json,
    Yaml,
}

/// Forms of what is nothing for a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    Yaml,
    Json,
}

impl DataFormat {
    /// The value as text, with a line feed at its end.
    pub(crate) fn text(self, value: &impl Serialize) -> String {
        match self {
            Self::Yaml => to_yaml(value),
            Self::Json => to_json(value),
        }
    }
}

/// Writes to standard output. A reader that has gone is an error of the kind that `failure` knows.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Writes a value in the form that was asked for; `table` makes the one for people.
pub(crate) fn print_as(
    format: Format,
    value: &impl Serialize,
    table: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    print(&match format {
        Format::Table => table(),
        Format::Json => to_json(value),
        Format::Yaml => to_yaml(value),
    })
}

/// Indented JSON with a line feed at its end.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(value).expect("names, numbers, lists and maps with text keys");
    text.push('\n');
    text
}

/// Columns as wide as their widest cell, two spaces apart, without lines: easy to read, and to cut.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.to_vec());
    for row in rows {
        // A cell of several lines would break what a line is.
        table.add_row(row.into_iter().map(|cell| cell.replace(['\n', '\r', '\t'], " ")));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text: String = table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    if text.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_aligned_columns_and_one_line_per_row() {
        let rows = [
            vec!["a".to_owned(), "x\ny".to_owned()],
            vec!["long".to_owned(), String::new()],
        ];
        assert_eq!(table(&["NAME", "WHAT"], rows), "NAME  WHAT\na     x y\nlong\n");
    }
}
