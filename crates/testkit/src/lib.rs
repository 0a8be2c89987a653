//! Development only: goldens, fake ADS peer, Envoy and AWS CLI spawning, namespaces.
