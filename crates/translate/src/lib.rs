//! One node's view to Envoy v3 resources: pure constructors, a module per Envoy concept.
