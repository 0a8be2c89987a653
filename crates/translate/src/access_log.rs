//! Access logs.

use envoy_types::pb::envoy::config::accesslog::v3::{AccessLog, access_log};
use envoy_types::pb::envoy::extensions::access_loggers::file::v3::FileAccessLog;
use envoy_types::util::pack_any;
use evermesh_graph::view;

/// The loggers of a filter; none when nothing is to be logged.
pub(crate) fn loggers(log: Option<&view::AccessLog>) -> Vec<AccessLog> {
    let file = |log: &view::AccessLog| AccessLog {
        name: "envoy.access_loggers.file".to_owned(),
        config_type: Some(access_log::ConfigType::TypedConfig(pack_any(FileAccessLog {
            path: log.path.clone(),
            access_log_format: None,
        }))),
        ..AccessLog::default()
    };
    log.map(file).into_iter().collect()
}
