//! Derives Shape: one definition of an API shape gives the type and the reader that reports every violation.
