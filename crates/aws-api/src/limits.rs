//! Every limit on what comes from outside.

use std::time::Duration;

/// Limits on connections and requests. The defaults are far above what AWS clients do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; further ones wait to be accepted.
    pub connections: usize,
    /// Bytes of a request's line and headers together; more is answered with 431. At least 8192.
    pub header_bytes: usize,
    /// Time for a request's headers to arrive, and so also how long a connection may idle.
    pub header_time: Duration,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Time for a body to arrive.
    pub body_time: Duration,
    /// Depth of nested objects and lists in a JSON body.
    pub json_depth: usize,
    /// Time for an operation to end.
    pub operation_time: Duration,
    /// Time for a client to go on taking what it is sent, and to confirm that it has it.
    pub answer_time: Duration,
    /// Time for open requests to end once the server is told to stop.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            header_bytes: 64 * 1024,
            header_time: Duration::from_secs(30),
            body_bytes: 1024 * 1024,
            body_time: Duration::from_secs(20),
            json_depth: 32,
            operation_time: Duration::from_secs(30),
            answer_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(10),
        }
    }
}

/// Where JSON text nests deeper than `deepest`, as the index of the bracket that opens one level too many.
///
/// Looks at nothing but brackets and strings, so that a hostile text is refused before anything is built from it.
pub(crate) fn too_deep(json: &[u8], deepest: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (index, byte) in json.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > deepest {
                    return Some(index);
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::too_deep;

    #[test]
    fn depth_counts_brackets_outside_strings_only() {
        assert_eq!(too_deep(br#"{"a":[1,{"b":2}]}"#, 3), None);
        assert_eq!(too_deep(br#"{"a":[1,{"b":2}]}"#, 2), Some(8));
        assert_eq!(too_deep(br#"["[[[[\"[[[["]"#, 1), None);
        assert_eq!(too_deep(b"[][][][]", 1), None);
        assert_eq!(too_deep(b"]]]][[", 1), Some(5));
    }
}
