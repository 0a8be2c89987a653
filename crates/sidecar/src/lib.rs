//! The environment contract of the App Mesh Envoy image, Envoy bootstrap and supervision.
