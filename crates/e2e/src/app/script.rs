//! What a test lets an application answer.

use std::time::Duration;

use http::{HeaderMap, Method};

/// Decides about each request.
pub(crate) type Script = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A request that an application has got.
#[derive(Debug, Clone)]
pub struct Asked {
    /// How many came before it since the script began.
    pub number: usize,
    /// Its method.
    pub method: Method,
    /// Its path, with the query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
}

/// What an application does with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// 200 (gRPC: OK) and what it saw.
    Echo,
    /// This status, and what it saw.
    Status(u16),
    /// The answer, this much later.
    After(Duration, Box<Answer>),
    /// The connection is closed without an answer (HTTP/2: the stream is reset).
    Reset,
    /// No answer ever; the connection stays open.
    Never,
    /// 200, and then this many pieces of `text/event-stream`, one each time the pause has passed; gRPC: that many
    /// messages.
    Stream {
        /// Pieces.
        count: usize,
        /// Before each piece.
        pause: Duration,
    },
    /// gRPC: this status and no message, at once in the headers, as servers do that fail before they answer.
    Grpc(u32),
}

impl Answer {
    /// This answer, later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self::After(delay, Box::new(self))
    }
}
