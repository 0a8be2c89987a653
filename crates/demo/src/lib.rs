//! The live demonstration: the getting-started mesh in namespaces of its own, with a measured route shift.
