//! A resource as JSON, YAML or text for people.

use std::fmt::Write;
use std::time::SystemTime;

use evermesh_client::{Held, to_yaml};
use serde_json::{Value, json};

/// A resource with all the API shows of it, times readable: first what `apply` takes, then what it does not.
pub(crate) fn to_value(held: &Held, account: &str) -> Value {
    let mut value = held.manifest().to_value(account);
    let metadata = &held.resource.metadata;
    value["metadata"] = json!({
        "arn": metadata.arn,
        "version": metadata.version,
        "createdAt": time(metadata.created_at),
        "lastUpdatedAt": time(metadata.last_updated_at),
        "meshOwner": metadata.mesh_owner,
        "resourceOwner": metadata.resource_owner,
        "uid": metadata.uid,
    });
    value["status"] = json!({ "status": held.resource.status.as_str() });
    value
}

/// A resource for people, without what is said of it elsewhere.
pub(crate) fn to_text(held: &Held) -> String {
    let (id, metadata) = (&held.resource.id, &held.resource.metadata);
    let mut text = String::new();
    for (label, value) in [
        ("Resource", id.to_string()),
        ("ARN", metadata.arn.clone()),
        ("Status", held.resource.status.to_string()),
        ("Version", metadata.version.to_string()),
        ("Created", time(metadata.created_at)),
        ("Updated", time(metadata.last_updated_at)),
        ("Mesh owner", metadata.mesh_owner.clone()),
        ("Owner", metadata.resource_owner.clone()),
        ("UID", metadata.uid.clone()),
    ] {
        line(&mut text, &format!("{label}:"), &value);
    }
    let tags = held.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value));
    section(&mut text, "Tags", tags);
    let spec = to_yaml(&json!(held.resource.spec));
    section(&mut text, "Spec", spec.lines().map(str::to_owned));
    text
}

/// A heading with indented lines below it, or with `none` beside it.
pub(crate) fn section(text: &mut String, heading: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return line(text, &format!("{heading}:"), "none");
    }
    line(text, &format!("{heading}:"), "");
    for content in lines {
        line(text, "", &content);
    }
}

/// RFC 3339, to the second.
pub(crate) fn time(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| "?".to_owned(), |time| format!("{time:.0}"))
}

fn line(text: &mut String, label: &str, value: &str) {
    let line = if label.is_empty() {
        format!("  {value}")
    } else {
        format!("{label:<13}{value}")
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", line.trim_end());
}
