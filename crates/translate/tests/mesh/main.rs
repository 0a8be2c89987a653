//! From a mesh to what its proxies are told: what holds for any mesh, and what a real Envoy says to it.

mod bootstrap;
mod envoy;
mod incremental;
mod invariants;
mod log_formats;
mod properties;
mod random;
mod random_settings;
