//! AWS wire protocols and the App Mesh and STS endpoints mounted on them.
