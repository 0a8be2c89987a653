//! Goldens: outputs kept as files next to the inputs they come from, compared as text.
//!
//! A case is an input file found by its ending; nothing lists cases. `UPDATE_GOLDEN=1` (`make golden`) rewrites what
//! differs and deletes outputs whose input is gone; in CI that is refused. All differences are shown at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::tools;

/// A directory of golden cases.
#[derive(Debug, Clone)]
pub struct Golden {
    directory: PathBuf,
    input: String,
    output: String,
    update: bool,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The file's name without the ending of inputs.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

impl Golden {
    /// The cases in `directory`, relative to the crate whose test runs: `<case><input>` gives `<case><output>`, for
    /// example `weights.in.yaml` and `weights.out.yaml`.
    ///
    /// # Panics
    /// When one ending is the end of the other, or a refresh is asked for in CI.
    #[must_use]
    pub fn new(directory: &str, input: &str, output: &str) -> Self {
        let update = std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1");
        assert!(
            !update || !tools::in_ci(),
            "UPDATE_GOLDEN in CI: goldens are refreshed by people, who read the diff"
        );
        let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("Cargo runs tests");
        Self::at(&Path::new(&package).join(directory), input, output, update)
    }

    fn at(directory: &Path, input: &str, output: &str, update: bool) -> Self {
        assert!(
            !input.ends_with(output) && !output.ends_with(input),
            "{input} and {output} cannot be told apart"
        );
        Self {
            directory: directory.to_owned(),
            input: input.to_owned(),
            output: output.to_owned(),
            update,
        }
    }

    /// Compares one output per case.
    ///
    /// # Panics
    /// When an output differs, is missing or has no input, and when there is no case at all.
    #[track_caller]
    pub fn check(&self, produce: impl Fn(&Case) -> String) {
        self.check_many(|case| BTreeMap::from([(String::new(), produce(case))]));
    }

    /// Compares several outputs per case: the key `key` gives `<case>.<key><output>`, an empty key `<case><output>`.
    ///
    /// # Panics
    /// When an output differs, is missing or has no input, and when there is no case at all.
    #[track_caller]
    pub fn check_many(&self, produce: impl Fn(&Case) -> BTreeMap<String, String>) {
        let mut expected = BTreeMap::new();
        for case in self.cases() {
            for (key, text) in produce(&case) {
                let dot = if key.is_empty() { "" } else { "." };
                expected.insert(
                    self.directory
                        .join(format!("{}{dot}{key}{}", case.name, self.output)),
                    text,
                );
            }
        }
        let report = if self.update {
            self.refresh(&expected)
        } else {
            self.compare(&expected)
        };
        assert!(
            report.is_empty(),
            "{report}\nIf that is how it should be, run `make golden` and read the diff."
        );
    }

    /// The cases by name.
    ///
    /// # Panics
    /// When there is none: a test of nothing must not pass.
    #[track_caller]
    #[must_use]
    pub fn cases(&self) -> Vec<Case> {
        let found: Vec<_> = self
            .files(&self.input)
            .into_iter()
            .map(|path| self.case(path))
            .collect();
        assert!(
            !found.is_empty(),
            "no case *{} in {}",
            self.input,
            self.directory.display()
        );
        found
    }

    fn case(&self, path: PathBuf) -> Case {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(&self.input));
        let name = name.expect("files were chosen by their ending").to_owned();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Case { name, path, text }
    }

    /// What differs, as text to read; empty when nothing does.
    fn compare(&self, expected: &BTreeMap<PathBuf, String>) -> String {
        let mut report = String::new();
        for (path, actual) in expected {
            let kept = fs::read_to_string(path).unwrap_or_default();
            if kept == *actual {
                continue;
            }
            let diff = TextDiff::from_lines(kept.as_str(), actual.as_str());
            let shown = path.display().to_string();
            let _ = write!(
                report,
                "{}",
                diff.unified_diff().header(&shown, "what the test gives")
            );
        }
        for path in self.stale(expected) {
            let _ = writeln!(report, "{} has no case any more", path.display());
        }
        report
    }

    /// Makes the files what they should be. Never finds fault.
    fn refresh(&self, expected: &BTreeMap<PathBuf, String>) -> String {
        for (path, text) in expected {
            // What is the same keeps its time, so that nothing is built again for it.
            if fs::read_to_string(path).ok().as_ref() != Some(text) {
                fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
        }
        for path in self.stale(expected) {
            fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        String::new()
    }

    fn stale(&self, expected: &BTreeMap<PathBuf, String>) -> Vec<PathBuf> {
        self.files(&self.output)
            .into_iter()
            .filter(|path| !expected.contains_key(path))
            .collect()
    }

    /// Files with this ending, by name.
    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.directory)
            .unwrap_or_else(|error| panic!("{}: {error}", self.directory.display()));
        let paths = entries.map(|entry| entry.expect("a directory can be read").path());
        let mut paths: Vec<_> = paths
            .filter(|path| path.to_string_lossy().ends_with(ending))
            .collect();
        paths.sort();
        paths
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        directory
    }

    fn golden(directory: &tempfile::TempDir, update: bool) -> Golden {
        Golden::at(directory.path(), ".in", ".out", update)
    }

    /// The message of the panic, or nothing when the check passed.
    fn verdict(golden: &Golden) -> String {
        let check = AssertUnwindSafe(|| golden.check(|case| case.text.to_uppercase()));
        catch_unwind(check).map_or_else(|panic| *panic.downcast::<String>().unwrap(), |()| String::new())
    }

    #[test]
    fn equal_outputs_pass() {
        let files = directory(&[
            ("a.in", "x\n"),
            ("a.out", "X\n"),
            ("b.in", "y\n"),
            ("b.out", "Y\n"),
            ("README", ""),
        ]);
        assert_eq!(verdict(&golden(&files, false)), "");
    }

    #[test]
    fn every_difference_is_shown_as_a_diff() {
        let files = directory(&[
            ("a.in", "x\ny\n"),
            ("a.out", "X\nZ\n"),
            ("b.in", "new\n"),
            ("c.out", "old\n"),
        ]);
        let verdict = verdict(&golden(&files, false));
        for shown in [" X\n-Z\n+Y\n", "+NEW\n", "c.out has no case any more"] {
            assert!(verdict.contains(shown), "{shown:?} is not in\n{verdict}");
        }
    }

    #[test]
    fn no_case_is_a_failure() {
        assert!(verdict(&golden(&directory(&[]), false)).contains("no case *.in"));
    }

    #[test]
    fn a_refresh_writes_and_deletes_and_then_all_is_equal() {
        let files = directory(&[
            ("a.in", "x\n"),
            ("a.out", "old\n"),
            ("gone.out", ""),
            ("README", ""),
        ]);
        golden(&files, true).check(|case| case.text.to_uppercase());
        assert_eq!(verdict(&golden(&files, false)), "");
        assert_eq!(fs::read_to_string(files.path().join("a.out")).unwrap(), "X\n");
        assert!(!files.path().join("gone.out").exists());
        assert!(files.path().join("README").exists());
    }

    #[test]
    fn a_case_may_have_several_outputs() {
        let files = directory(&[("a.in", "x y")]);
        let words = |case: &Case| {
            case.text
                .split(' ')
                .map(|word| (word.to_owned(), format!("{word}\n")))
                .collect()
        };
        golden(&files, true).check_many(words);
        golden(&files, false).check_many(words);
        assert_eq!(fs::read_to_string(files.path().join("a.x.out")).unwrap(), "x\n");
        assert_eq!(fs::read_to_string(files.path().join("a.y.out")).unwrap(), "y\n");
    }
}
