//! Access logs.

use std::collections::{BTreeMap, HashMap};

use envoy_types::pb::envoy::config::accesslog::v3::{AccessLog, access_log};
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::config::core::v3::substitution_format_string::Format;
use envoy_types::pb::envoy::config::core::v3::{DataSource, SubstitutionFormatString};
use envoy_types::pb::envoy::extensions::access_loggers::file::v3::{FileAccessLog, file_access_log};
use envoy_types::pb::google::protobuf::{Any, Struct, Value, value};
use envoy_types::util::pack_any;
use evermesh_graph::view::{self, LogFormat};
use prost::Message;

/// The loggers of a filter; none when nothing is to be logged.
pub(crate) fn loggers(log: Option<&view::AccessLog>) -> Vec<AccessLog> {
    let file = |log: &view::AccessLog| AccessLog {
        name: "envoy.access_loggers.file".to_owned(),
        config_type: Some(access_log::ConfigType::TypedConfig(file(log))),
        ..AccessLog::default()
    };
    log.map(file).into_iter().collect()
}

fn file(log: &view::AccessLog) -> Any {
    let with = |format: Option<Format>| FileAccessLog {
        path: log.path.clone(),
        access_log_format: format.map(|format| {
            file_access_log::AccessLogFormat::LogFormat(SubstitutionFormatString {
                format: Some(format),
                ..SubstitutionFormatString::default()
            })
        }),
    };
    match &log.format {
        None => pack_any(with(None)),
        Some(LogFormat::Text(text)) => pack_any(with(Some(Format::TextFormatSource(DataSource {
            specifier: Some(Specifier::InlineString(text.clone())),
            ..DataSource::default()
        })))),
        Some(LogFormat::Json(members)) => json(members, |members| with(Some(Format::JsonFormat(members)))),
    }
}

/// A message around an object. The members of an object are a hash map, whose encoding differs from run to run. Messages
/// one after the other are their merger, by definition of the encoding; so this is one message for each member, in order.
fn json(members: &BTreeMap<String, String>, around: impl Fn(Struct) -> FileAccessLog) -> Any {
    let whole = pack_any(around(Struct::default()));
    let value = |text: &String| Value {
        kind: Some(value::Kind::StringValue(text.clone())),
    };
    let each = members.iter().flat_map(|(key, text)| {
        let fields = HashMap::from([(key.clone(), value(text))]);
        around(Struct { fields }).encode_to_vec()
    });
    Any {
        value: whole.value.iter().copied().chain(each).collect(),
        ..whole
    }
}
