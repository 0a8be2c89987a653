//! The requests on a stream: from the frames of HTTP/2 to messages. Never interprets one.
//!
//! `tonic` has this too, and keeps the largest buffer that a stream ever needed for as long as the stream lasts. The
//! first request of an Envoy names all its extensions and is a hundred times as long as any later one, so that buffer
//! would be most of what a connected proxy costs.

use std::marker::PhantomData;

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use prost::Message;
use tonic::Status;
use tonic::body::Body;

/// Before every message: a byte that says whether it is compressed, and its length.
/// Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>
pub(crate) const PREFIX: usize = 5;

/// Messages of type `R`, one after the other.
#[derive(Debug)]
pub(crate) struct Requests<R> {
    body: Body,
    /// What came of messages that are not whole yet.
    buffer: BytesMut,
    max_message_size: usize,
    message: PhantomData<fn() -> R>,
}

impl<R: Message + Default> Requests<R> {
    /// A message above `max_message_size` bytes ends the stream.
    pub(crate) fn new(body: Body, max_message_size: usize) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            max_message_size,
            message: PhantomData,
        }
    }

    /// The next message; `None` when the proxy has ended the stream. May be dropped and called again.
    ///
    /// # Errors
    ///
    /// That of the transport; `OUT_OF_RANGE` for a message that is too long, `UNIMPLEMENTED` for a compressed one,
    /// `INVALID_ARGUMENT` for one that is none.
    pub(crate) async fn next(&mut self) -> Result<Option<R>, Status> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            let Some(frame) = self.body.frame().await else {
                return self.end();
            };
            // The other kind of frame are trailers, which mean nothing in a request.
            if let Ok(data) = frame?.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }

    /// The first message in the buffer, if it is there as a whole.
    fn take(&mut self) -> Result<Option<R>, Status> {
        let Some((&[flag, length @ ..], rest)) = self.buffer.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let (length, limit) = (u32::from_be_bytes(length) as usize, self.max_message_size);
        if flag != 0 {
            return Err(Status::unimplemented(
                "a request is compressed, which is not supported",
            ));
        }
        if length > limit {
            return Err(Status::out_of_range(format!(
                "a request has {length} bytes; the limit is {limit}"
            )));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        let message = R::decode(self.buffer.split_to(length))
            .map_err(|error| Status::invalid_argument(format!("a request cannot be decoded: {error}")))?;
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new(); // the next request is short
        }
        Ok(Some(message))
    }

    fn end(&self) -> Result<Option<R>, Status> {
        if self.buffer.is_empty() {
            return Ok(None);
        }
        Err(Status::invalid_argument("the stream ends within a request"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use envoy_types::pb::envoy::service::discovery::v3::DiscoveryRequest;
    use futures::StreamExt;
    use futures::stream;
    use http_body_util::{Full, StreamBody};
    use tonic::Code;

    fn framed(type_url: &str) -> Vec<u8> {
        let message = DiscoveryRequest {
            type_url: type_url.to_owned(),
            ..DiscoveryRequest::default()
        }
        .encode_to_vec();
        let length = u32::try_from(message.len()).unwrap();
        [&[0], &length.to_be_bytes()[..], &message].concat()
    }

    fn requests(chunks: Vec<Vec<u8>>) -> Requests<DiscoveryRequest> {
        let frame = async |data: Vec<u8>| Full::new(Bytes::from(data)).frame().await.unwrap();
        let frames = stream::iter(chunks).then(frame).boxed();
        Requests::new(Body::new(StreamBody::new(frames)), 1000)
    }

    async fn read_all(chunks: Vec<Vec<u8>>) -> Result<Vec<String>, Status> {
        let mut requests = requests(chunks);
        let mut read = Vec::new();
        while let Some(request) = requests.next().await? {
            read.push(request.type_url);
        }
        assert_eq!(requests.buffer.capacity(), 0, "nothing is kept");
        Ok(read)
    }

    #[tokio::test]
    async fn messages_are_the_same_however_they_are_cut() {
        let whole = [framed("one"), framed(""), framed("three")].concat();
        for size in 1..=whole.len() {
            let chunks = whole.chunks(size).map(<[u8]>::to_vec).collect();
            assert_eq!(read_all(chunks).await.unwrap(), ["one", "", "three"], "by {size}");
        }
    }

    #[tokio::test]
    async fn what_is_no_request_ends_the_stream() {
        let cut = framed("one")[..7].to_vec();
        let cases = [
            (vec![1, 0, 0, 0, 0], Code::Unimplemented),
            (vec![0, 0, 0, 3, 233], Code::OutOfRange),
            (vec![0, 0, 0, 0, 1, 255], Code::InvalidArgument),
            (cut, Code::InvalidArgument),
        ];
        for (bytes, code) in cases {
            assert_eq!(read_all(vec![bytes]).await.unwrap_err().code(), code);
        }
    }
}
