//! A task on this machine: network namespace, address, resolver, interception and processes of its own.
