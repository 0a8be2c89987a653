//! Which requests a route takes.

use std::fmt::Write;

use envoy_types::pb::envoy::config::route::v3::{
    HeaderMatcher, QueryParameterMatcher, RouteMatch, header_matcher, query_parameter_matcher, route_match,
};
use envoy_types::pb::envoy::r#type::matcher::v3::{RegexMatcher, StringMatcher, string_matcher};
use envoy_types::pb::envoy::r#type::v3::Int64Range;
use evermesh_graph::view::{
    HeaderMatch, HeaderValueMatch, HostMatch, PathMatch, QueryParameterMatch, RequestMatch,
};

pub(crate) fn request(request: &RequestMatch) -> RouteMatch {
    let pseudo = [(":method", &request.method), (":scheme", &request.scheme)];
    let pseudo = pseudo
        .into_iter()
        .filter_map(|(name, value)| Some(exact_header(name, value.as_deref()?)));
    RouteMatch {
        headers: pseudo
            .chain(request.host.as_ref().map(authority))
            .chain(request.headers.iter().map(header))
            .collect(),
        query_parameters: request.query_parameters.iter().map(query_parameter).collect(),
        ..path(&request.path)
    }
}

pub(crate) fn path(path: &PathMatch) -> RouteMatch {
    let specifier = match path {
        PathMatch::Exact(path) => route_match::PathSpecifier::Path(path.clone()),
        PathMatch::Prefix(prefix) => route_match::PathSpecifier::Prefix(prefix.clone()),
        PathMatch::Regex(pattern) => route_match::PathSpecifier::SafeRegex(regex(pattern.clone())),
    };
    RouteMatch {
        path_specifier: Some(specifier),
        ..RouteMatch::default()
    }
}

pub(crate) fn exact_header(name: &str, value: &str) -> HeaderMatcher {
    header_matcher(name, text(string_matcher::MatchPattern::Exact(value.to_owned())))
}

pub(crate) fn regex(pattern: String) -> RegexMatcher {
    RegexMatcher {
        regex: pattern,
        ..RegexMatcher::default()
    }
}

fn header(header: &HeaderMatch) -> HeaderMatcher {
    use header_matcher::HeaderMatchSpecifier::{PresentMatch, RangeMatch};
    let specifier = match &header.value {
        HeaderValueMatch::Present => PresentMatch(true),
        HeaderValueMatch::Exact(value) => text(string_matcher::MatchPattern::Exact(value.clone())),
        HeaderValueMatch::Prefix(start) => text(string_matcher::MatchPattern::Prefix(start.clone())),
        HeaderValueMatch::Suffix(end) => text(string_matcher::MatchPattern::Suffix(end.clone())),
        HeaderValueMatch::Regex(pattern) => {
            text(string_matcher::MatchPattern::SafeRegex(regex(pattern.clone())))
        }
        HeaderValueMatch::Range { start, end } => RangeMatch(Int64Range {
            start: *start,
            end: *end,
        }),
    };
    HeaderMatcher {
        invert_match: header.invert,
        ..header_matcher(&header.name, specifier)
    }
}

fn header_matcher(name: &str, specifier: header_matcher::HeaderMatchSpecifier) -> HeaderMatcher {
    HeaderMatcher {
        name: name.to_owned(),
        header_match_specifier: Some(specifier),
        ..HeaderMatcher::default()
    }
}

fn text(pattern: string_matcher::MatchPattern) -> header_matcher::HeaderMatchSpecifier {
    header_matcher::HeaderMatchSpecifier::StringMatch(StringMatcher {
        match_pattern: Some(pattern),
        ..StringMatcher::default()
    })
}

/// Envoy compares the authority as it came, with its port.
fn authority(host: &HostMatch) -> HeaderMatcher {
    let (start, name) = match host {
        HostMatch::Exact(name) => ("", name),
        HostMatch::Suffix(end) => (".*", end),
    };
    let pattern = format!("{start}{}(:[0-9]+)?", in_any_case(name));
    header_matcher(
        ":authority",
        text(string_matcher::MatchPattern::SafeRegex(regex(pattern))),
    )
}

/// A regular expression (RE2) for a text in whatever case. Not by RE2's flag for that, which also takes letters outside
/// ASCII for `k` and `s` and so makes large programs.
fn in_any_case(text: &str) -> String {
    text.chars().fold(String::new(), |mut pattern, c| {
        let written = match c {
            c if c.is_ascii_alphabetic() => {
                write!(pattern, "[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase())
            }
            c if c.is_ascii_digit() || !c.is_ascii() => write!(pattern, "{c}"),
            c => write!(pattern, "\\x{:02x}", u32::from(c)),
        };
        written.expect("a string can be written to");
        pattern
    })
}

fn query_parameter(parameter: &QueryParameterMatch) -> QueryParameterMatcher {
    use query_parameter_matcher::QueryParameterMatchSpecifier::{PresentMatch, StringMatch};
    let specifier = match &parameter.value {
        None => PresentMatch(true),
        Some(value) => StringMatch(StringMatcher {
            match_pattern: Some(string_matcher::MatchPattern::Exact(value.clone())),
            ..StringMatcher::default()
        }),
    };
    QueryParameterMatcher {
        name: parameter.name.clone(),
        query_parameter_match_specifier: Some(specifier),
    }
}
