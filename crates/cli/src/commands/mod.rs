//! One module per command: its arguments, its help, and what it does with the libraries.

pub(crate) mod apply;
pub(crate) mod demo;
pub(crate) mod describe;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod proxies;
pub(crate) mod serve;
pub(crate) mod translate;
