//! Routes that never get a request, because an earlier one takes whatever they would.
//!
//! Only what holds for every request is said. Several routes that leave nothing together, and most of what could be said
//! of regular expressions, is not found.

use crate::view::{HeaderMatch, HeaderValueMatch, HostMatch, PathMatch, RequestMatch};

/// A route as far as it decides who takes a request.
pub(crate) struct Contender<'a> {
    /// The one port that the route is for; `None`: all.
    pub(crate) port: Option<u16>,
    /// Requests it takes.
    pub(crate) matches: &'a RequestMatch,
}

/// Which of the routes, given in the order in which they are tried, get nothing on any of these ports; each with one
/// that comes before it. A route that is on none of the ports is not among them.
pub(crate) fn shadowed(ports: &[u16], routes: &[Contender<'_>]) -> Vec<(usize, usize)> {
    let takes = |route: &Contender<'_>, port: u16| route.port.is_none_or(|own| own == port);
    let mut found = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        let before = |port: u16| {
            routes[..index]
                .iter()
                .position(|first| takes(first, port) && covers(first.matches, route.matches))
        };
        let own = ports.iter().filter(|port| takes(route, **port));
        let firsts: Option<Vec<usize>> = own.map(|port| before(*port)).collect();
        found.extend(firsts.and_then(|firsts| Some((index, *firsts.first()?))));
    }
    found
}

/// Whether `first` takes every request that `second` does.
fn covers(first: &RequestMatch, second: &RequestMatch) -> bool {
    let conditions = conditions(second);
    let parameters = &second.query_parameters;
    path_covers(&first.path, &second.path)
        && host_covers(first.host.as_ref(), second.host.as_ref())
        && self::conditions(first)
            .iter()
            .all(|wanted| conditions.iter().any(|given| implies(given, wanted)))
        && first.query_parameters.iter().all(|wanted| {
            parameters.iter().any(|given| {
                given.name == wanted.name && (wanted.value.is_none() || given.value == wanted.value)
            })
        })
}

fn path_covers(first: &PathMatch, second: &PathMatch) -> bool {
    match (first, second) {
        (PathMatch::Prefix(first), PathMatch::Prefix(second) | PathMatch::Exact(second)) => {
            second.starts_with(first)
        }
        (PathMatch::Prefix(first), PathMatch::Regex(second)) => literal_start(second).starts_with(first),
        (PathMatch::Exact(first), PathMatch::Exact(second))
        | (PathMatch::Regex(first), PathMatch::Regex(second)) => first == second,
        (PathMatch::Exact(_) | PathMatch::Regex(_), _) => false,
    }
}

/// What everything begins with that a regular expression matches as a whole; empty where it is not easily told.
fn literal_start(pattern: &str) -> String {
    if pattern.contains('|') {
        return String::new();
    }
    let mut literal = String::new();
    let mut rest = pattern.strip_prefix('^').unwrap_or(pattern).chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\\' => match rest.next_if(char::is_ascii_punctuation) {
                Some(escaped) => literal.push(escaped),
                None => break,
            },
            // What is before them need not be there, or be there once only.
            '*' | '+' | '?' | '{' => {
                literal.pop();
                break;
            }
            '.' | '^' | '$' | '(' | ')' | '[' | ']' | '}' => break,
            _ => literal.push(next),
        }
    }
    literal
}

/// A port that is asked for with a host counts for neither.
fn host_covers(first: Option<&HostMatch>, second: Option<&HostMatch>) -> bool {
    match (first, second) {
        (None, _) => true,
        (Some(HostMatch::Exact(first)), Some(HostMatch::Exact(second))) => first == second,
        (Some(HostMatch::Suffix(first)), Some(HostMatch::Exact(second) | HostMatch::Suffix(second))) => {
            second.ends_with(first)
        }
        (Some(HostMatch::Exact(_)), Some(HostMatch::Suffix(_))) | (Some(_), None) => false,
    }
}

/// What must hold of headers, with what Envoy keeps among them.
fn conditions(request: &RequestMatch) -> Vec<HeaderMatch> {
    let pseudo = [(":method", &request.method), (":scheme", &request.scheme)];
    let pseudo = pseudo.into_iter().filter_map(|(name, value)| {
        Some(HeaderMatch {
            name: name.to_owned(),
            invert: false,
            value: HeaderValueMatch::Exact(value.clone()?),
        })
    });
    pseudo.chain(request.headers.iter().cloned()).collect()
}

/// Whether a request that fits `given` fits `wanted`, however often it has the header. All but an inverted `Present`
/// need the header to be there.
fn implies(given: &HeaderMatch, wanted: &HeaderMatch) -> bool {
    let is_absent = |header: &HeaderMatch| header.invert && header.value == HeaderValueMatch::Present;
    if given == wanted {
        return true;
    }
    if given.name != wanted.name || is_absent(given) || is_absent(wanted) {
        return false;
    }
    match (given.invert, wanted.invert) {
        _ if wanted.value == HeaderValueMatch::Present => true,
        (false, false) => is_within(&given.value, &wanted.value),
        (true, true) => is_within(&wanted.value, &given.value),
        (false, true) | (true, false) => false,
    }
}

/// Whether every value that `part` takes is one that `whole` takes.
fn is_within(part: &HeaderValueMatch, whole: &HeaderValueMatch) -> bool {
    use HeaderValueMatch::{Exact, Prefix, Range, Suffix};
    match (part, whole) {
        (Exact(part) | Prefix(part), Prefix(whole)) => part.starts_with(whole.as_str()),
        (Exact(part) | Suffix(part), Suffix(whole)) => part.ends_with(whole.as_str()),
        (Exact(part), Range { start, end }) => part
            .parse::<i64>()
            .is_ok_and(|number| (*start..*end).contains(&number)),
        (
            Range { start, end },
            Range {
                start: first,
                end: last,
            },
        ) => first <= start && end <= last,
        (part, whole) => part == whole,
    }
}

#[cfg(test)]
mod tests;
