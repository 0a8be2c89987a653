//! Rules of access logs: their formats are Envoy's.

use std::collections::HashSet;

use super::{Rules, lists};
use crate::access_log_format;
use crate::spec::{AccessLog, JsonFormatRef, Logging, LoggingFormat};

pub(super) fn check(rules: &mut Rules, logging: Option<&Logging>) {
    let Some(AccessLog::File(file)) = logging.and_then(|logging| logging.access_log.as_ref()) else {
        return;
    };
    rules.at("logging.accessLog.file.format", |rules| match &file.format {
        None => {}
        Some(LoggingFormat::Text(text)) => rules.at("text", |rules| operators(rules, text)),
        Some(LoggingFormat::Json(members)) => {
            rules.at_most("json", members, lists::MOST_LOG_MEMBERS);
            rules.each("json", members, |rules, member: &JsonFormatRef| {
                rules.at("value", |rules| operators(rules, &member.value));
            });
            unique_keys(rules, members);
        }
    });
}

fn operators(rules: &mut Rules, format: &str) {
    if let Err(error) = access_log_format::check(format) {
        rules.fail(error.to_string());
    }
}

/// An object has a member once; of two values one would be lost.
fn unique_keys(rules: &mut Rules, members: &[JsonFormatRef]) {
    let mut seen = HashSet::new();
    for (index, member) in members.iter().enumerate() {
        if !seen.insert(&member.key) {
            rules.fail_at(&format!("json[{index}].key"), "is the key of an earlier member");
        }
    }
}
