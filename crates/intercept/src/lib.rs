//! Traffic interception: the App Mesh redirect rules of ECS and EC2, installed and removed with nftables.
