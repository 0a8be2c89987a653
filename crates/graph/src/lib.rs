//! Snapshot of a mesh to one resolved view per virtual node or gateway, with diagnostics. Pure.
