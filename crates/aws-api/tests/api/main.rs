//! The AWS endpoints over real HTTP. One program, so that what the tests share is built and linked once.

#![allow(clippy::unwrap_used, reason = "in a test, unwrap is an assertion")]

mod clients;
mod fake;
mod guard;
mod limits;
mod logs;
mod operations;
mod refusals;
mod server;
mod services;
