//! App Mesh resources as the API shows them: types, names, ARNs, validation, snapshots. No I/O.
