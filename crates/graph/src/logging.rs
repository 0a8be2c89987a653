//! Access logs: where a spec says that they go, and what is written.

use evermesh_model::spec::{AccessLog as AccessLogSpec, JsonFormatRef, Logging, LoggingFormat};

use crate::view::{AccessLog, LogFormat};

pub(crate) fn access_log(logging: Option<&Logging>) -> Option<AccessLog> {
    let AccessLogSpec::File(file) = logging?.access_log.as_ref()?;
    let format = file.format.as_ref().map(|format| match format {
        LoggingFormat::Text(text) => LogFormat::Text(text.clone()),
        LoggingFormat::Json(members) => {
            let member = |member: &JsonFormatRef| (member.key.clone(), member.value.clone());
            LogFormat::Json(members.iter().map(member).collect())
        }
    });
    Some(AccessLog {
        path: file.path.clone(),
        format,
    })
}
