//! The sidecar around Envoy: the environment of the App Mesh Envoy image read into one typed [`Config`],
//! that config written as an Envoy [`bootstrap`], and Envoy started, restarted, drained and stopped by the
//! [`supervisor`].
//!
//! Never: knowledge of meshes. What a proxy serves comes over xDS from the control plane; this crate knows only
//! which resource the proxy is, and how to ask.

pub mod admin;
pub mod bootstrap;
pub mod config;
pub mod envoy;
pub mod supervisor;

pub use config::{Config, ConfigErrors, Environment, ProcessEnvironment};
