//! The semantics of the App Mesh API against a real store: one program, so that it is linked once.

#![allow(clippy::unwrap_used, reason = "in a test, it is an assertion")]
#![allow(clippy::needless_pass_by_value, reason = "specs are written in the call")]

mod lifecycle;
mod observed;
mod pages;
mod quotas;
mod races;
mod references;
mod sharing;
mod storage;
mod tags;
mod tokens;
mod world;
