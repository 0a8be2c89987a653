//! The application layer: the semantics of every App Mesh operation, in one place.
