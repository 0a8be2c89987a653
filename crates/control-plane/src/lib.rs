//! Composition of the control plane: store, service, API, pipeline, xDS and DNS in one process.
