//! ADS over gRPC: per-node caches, content-hash versions, ordering, ACK and NACK tracking. No mesh concepts.
