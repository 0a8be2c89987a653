//! A test program without libtest: privileges are taken before any thread exists, then cases run one by one.

use std::panic::catch_unwind;
use std::process::ExitCode;

use evermesh_task::support::{self, Privilege};
use evermesh_testkit::tools::skip_or_fail;

/// A name and what is to hold.
pub type Case = (&'static str, fn());

/// Runs the cases whose names contain one of the program's arguments, or all of them. To be called first in `main`.
///
/// Where the kernel allows no namespaces the cases are skipped if `EVERMESH_SKIP_NAMESPACES=1` allows it.
pub fn run(cases: &[Case]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let filters: Vec<_> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted =
        |(name, _): &&Case| filters.is_empty() || filters.iter().any(|filter| name.contains(*filter));
    let cases: Vec<_> = cases.iter().filter(wanted).collect();
    match support::check() {
        Ok(Privilege::Direct) => {}
        Ok(Privilege::UserNamespace) => {
            support::enter_user_namespace().expect("namespaces were just checked for")
        }
        Err(reasons) => {
            skip_or_fail("NAMESPACES", &reasons.to_string(), "run as root");
            return ExitCode::SUCCESS;
        }
    }
    let passes = |(name, case): &&&Case| {
        let passed = catch_unwind(case).is_ok();
        println!("{name} ... {}", if passed { "ok" } else { "FAILED" });
        passed
    };
    let passed = cases.iter().filter(passes).count();
    println!("{passed} passed, {} failed", cases.len() - passed);
    if passed == cases.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
