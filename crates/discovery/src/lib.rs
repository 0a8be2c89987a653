//! The DNS server that tasks resolve their names with.
