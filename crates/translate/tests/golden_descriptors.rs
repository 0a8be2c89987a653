//! Makes `src/envoy.desc`, from which `render` has the names of fields, out of the `.proto` files that come with
//! `envoy-types`; fails when the file kept is another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use evermesh_testkit::tools;
use prost::Message;
use serde_json::Value;

/// What resources and bootstraps are made of. Imports follow by themselves.
const FILES: [&str; 10] = [
    "envoy/config/bootstrap/v3/bootstrap.proto",
    "envoy/extensions/access_loggers/file/v3/file.proto",
    "envoy/extensions/filters/http/router/v3/router.proto",
    "envoy/extensions/filters/listener/original_dst/v3/original_dst.proto",
    "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
    "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
    "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto",
    "envoy/extensions/transport_sockets/tls/v3/tls.proto",
    "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
];

/// Where imports are looked for, below `proto/` of `envoy-types`.
const ROOTS: [&str; 5] = [
    "data-plane-api",
    "googleapis",
    "protoc-gen-validate",
    "xds",
    "client_model",
];

#[test]
fn envoy_desc_is_what_envoy_types_was_generated_from() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/envoy.desc");
    let made = descriptors();
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") && !tools::in_ci() {
        fs::write(&kept, made).expect("the source tree is writable");
    } else {
        let same = fs::read(&kept).is_ok_and(|kept| kept == made);
        assert!(
            same,
            "{} is of another envoy-types: run `make golden`",
            kept.display()
        );
    }
}

/// Without comments and the options of validation, which rendering has no use for.
fn descriptors() -> Vec<u8> {
    let protos = envoy_types().join("proto");
    let mut compiler = protox::Compiler::new(ROOTS.map(|root| protos.join(root))).expect("the roots exist");
    compiler.include_imports(true).include_source_info(false);
    compiler.open_files(FILES).expect("the files are valid");
    compiler.file_descriptor_set().encode_to_vec()
}

/// The source of the `envoy-types` that this workspace is built with.
fn envoy_types() -> PathBuf {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked"])
        .args(["--filter-platform", "host-tuple"])
        .output()
        .expect("Cargo runs");
    assert!(
        metadata.status.success(),
        "{}",
        String::from_utf8_lossy(&metadata.stderr)
    );
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("Cargo's metadata is JSON");
    let mut packages = metadata["packages"].as_array().expect("a list").iter();
    let package = packages
        .find(|package| package["name"] == "envoy-types")
        .expect("it is a dependency");
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    manifest.parent().expect("a file is in a directory").to_owned()
}
