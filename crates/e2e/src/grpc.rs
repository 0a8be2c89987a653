//! Just enough of gRPC: messages in frames, the status in trailers or headers.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, header};

pub(crate) const CONTENT_TYPE: &str = "application/grpc";
pub(crate) const STATUS: &str = "grpc-status";
/// The method of the standard health service.
pub(crate) const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";
/// A `HealthCheckResponse` whose status is `SERVING`.
pub(crate) const SERVING: Bytes = Bytes::from_static(&[0x08, 0x01]);

const FRAME_HEAD: usize = 5;

pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with(CONTENT_TYPE))
}

/// A message as it travels, not compressed.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(FRAME_HEAD + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).expect("messages of tests are short"));
    frame.put_slice(message);
    frame.freeze()
}

/// The whole messages at the beginning of `data`.
pub(crate) fn messages(mut data: Bytes) -> Vec<Bytes> {
    let mut messages = Vec::new();
    while data.len() >= FRAME_HEAD {
        data.advance(1);
        let length = data.get_u32() as usize;
        if data.len() < length {
            break;
        }
        messages.push(data.split_to(length));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back() {
        let mut data = BytesMut::from(&frame(b"one")[..]);
        data.extend_from_slice(&frame(b""));
        data.extend_from_slice(&frame(b"three")[..6]);
        assert_eq!(messages(data.freeze()), [Bytes::from("one"), Bytes::new()]);
    }
}
