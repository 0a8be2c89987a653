//! Development only: what the tests of several crates share.
//!
//! * [`tools`] finds Envoy, the AWS CLI, Python and our own programs, in one place for all tests;
//! * [`golden`] compares outputs with files that are kept;
//! * [`envoy`] runs a real Envoy, [`aws`] the real AWS CLI;
//! * [`walkthrough`] turns a user's document into the steps it tells its reader to do;
//! * [`wait_until`] and [`wait_until_async`] wait for a condition instead of a time.
//!
//! In a test a failure is a panic, so these functions panic, with a message that says what to do. This crate names no
//! other crate of the workspace: a crate that it named would see two copies of itself in its own unit tests.

pub mod aws;
pub mod envoy;
pub mod golden;
pub mod tools;
pub mod walkthrough;

mod http;
mod process;
mod wait;

pub use http::{Response, request};
pub use wait::{DEADLINE, wait_until, wait_until_async};
