//! Rules of what requests are matched by, the same for routes and gateway routes.

use super::Rules;
use crate::regex;
use crate::spec::{HeaderMatch, HeaderMatchMethod, HttpPathMatch, HttpQueryParameter};

/// A request is matched by the start of its path or by the whole path, not by both.
pub(super) fn path(rules: &mut Rules, prefix: Option<&String>, path: Option<&HttpPathMatch>) {
    if prefix.is_some() && path.is_some() {
        rules.fail("at most one of prefix, path may be set, both are");
    }
    if let Some(prefix) = prefix
        && !prefix.starts_with('/')
    {
        rules.fail_at("prefix", "must start with a slash");
    }
    let Some(path) = path else { return };
    rules.at("path", |rules| {
        rules.exactly_one(&[("exact", path.exact.is_some()), ("regex", path.regex.is_some())]);
        if path.exact.as_ref().is_some_and(|exact| !exact.starts_with('/')) {
            rules.fail_at("exact", "must start with a slash");
        }
        if let Some(pattern) = &path.regex {
            rules.at("regex", |rules| compiles(rules, pattern));
        }
    });
}

pub(super) fn headers(rules: &mut Rules, step: &str, headers: Option<&Vec<HeaderMatch>>) {
    rules.each(
        step,
        headers.into_iter().flatten(),
        |rules, header: &HeaderMatch| {
            // RFC 9110 token, and the pseudo headers that the walkthroughs match (`:scheme`).
            let name = header.name.strip_prefix(':').unwrap_or(&header.name);
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(token) {
                rules.fail_at("name", "must be a header name");
            }
            match &header.r#match {
                Some(HeaderMatchMethod::Range(range)) if range.start >= range.end => {
                    let message = format!("start must be below end, are {} and {}", range.start, range.end);
                    rules.fail_at("match.range", message);
                }
                Some(HeaderMatchMethod::Regex(pattern)) => {
                    rules.at("match.regex", |rules| compiles(rules, pattern));
                }
                _ => {}
            }
        },
    );
}

pub(super) fn query_parameters(rules: &mut Rules, parameters: Option<&Vec<HttpQueryParameter>>) {
    rules.each(
        "queryParameters",
        parameters.into_iter().flatten(),
        |rules, parameter: &HttpQueryParameter| {
            if parameter.r#match.as_ref().is_some_and(|m| m.exact.is_none()) {
                rules.fail_at("match.exact", "is required");
            }
        },
    );
}

fn compiles(rules: &mut Rules, pattern: &str) {
    if let Err(error) = regex::check(pattern) {
        rules.fail(error.to_string());
    }
}
