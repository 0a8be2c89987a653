//! Durable, transactional, revisioned, watchable key-value storage modelled on etcd.
