//! The responses on a stream: from messages to the frames of HTTP/2. Never decides anything.
//!
//! `tonic` has this too, and keeps the buffer of the last response for as long as the stream lasts. Streams are silent
//! most of the time, and a first response is longer than most, so those buffers would be a fifth of the memory of a server.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message;
use tokio::sync::mpsc::Receiver;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;

use crate::push::{Push, WireForm};
use crate::requests::PREFIX;

/// The body of an answer: what is received, in form `W`, and at the end the status.
/// `identifier` names this control plane in every response.
pub(crate) fn body<W: WireForm>(
    responses: Receiver<Result<Box<Push>, Status>>,
    identifier: Arc<str>,
) -> Body {
    let frames = until_status(responses).map(move |response| {
        Ok::<_, Status>(match response {
            Ok(push) => Frame::data(framed(&W::of(&push, &identifier))),
            Err(status) => Frame::trailers(trailers(&status)),
        })
    });
    Body::new(StreamBody::new(frames))
}

/// What is received up to the first status, or up to the end, which is a status too. May be asked again after that.
fn until_status<T>(receiver: Receiver<Result<T, Status>>) -> impl Stream<Item = Result<T, Status>> {
    let responses = stream::unfold(Some(receiver), async |receiver| {
        let mut receiver = receiver?;
        let received = receiver.recv().await.unwrap_or_else(|| Err(Status::ok("")));
        let rest = received.is_ok().then_some(receiver);
        Some((received, rest))
    });
    responses.fuse()
}

/// The message behind its prefix, in a buffer of its own that has the right size.
fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut buffer = BytesMut::with_capacity(PREFIX + length);
    buffer.put_u8(0); // not compressed
    buffer.put_u32(u32::try_from(length).expect("specs are limited to far less than 4 GiB"));
    message.encode(&mut buffer).expect("the buffer has its length");
    buffer.freeze()
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    status
        .add_header(&mut trailers)
        .expect("a message is escaped, and there is no metadata");
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;
    use envoy_types::pb::envoy::service::discovery::v3::DiscoveryResponse;
    use http_body_util::BodyExt;
    use tokio::sync::mpsc;

    use crate::push::StateOfTheWorldResponse;
    use crate::requests::Requests;
    use crate::resource::ResourceType;
    use crate::set::ResourceSet;
    use crate::testing::fixtures::static_cluster;

    fn push(nonce: u64) -> Box<Push> {
        let set = ResourceSet::builder().cluster(&static_cluster("a", 1)).build();
        let clusters = set.collection(ResourceType::Cluster);
        Box::new(Push {
            kind: ResourceType::Cluster,
            version: clusters.version(),
            nonce,
            resources: clusters.iter().cloned().collect(),
            removed: Vec::new(),
        })
    }

    fn answer(responses: Vec<Result<Box<Push>, Status>>) -> Body {
        let (sender, receiver) = mpsc::channel(8);
        for response in responses {
            sender.try_send(response).unwrap();
        }
        body::<StateOfTheWorldResponse>(receiver, "test".into())
    }

    #[tokio::test]
    async fn responses_are_framed_as_requests_are() {
        let body = answer(vec![Ok(push(1)), Ok(push(2))]);
        let mut read = Requests::<DiscoveryResponse>::new(body, 10_000);
        for nonce in 1..=2 {
            let response = read.next().await.unwrap().unwrap();
            assert_eq!(response, push(nonce).read::<StateOfTheWorldResponse, _>());
        }
        assert_eq!(read.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_end_is_a_status_and_nothing_comes_after_it() {
        let cases = [
            (vec![Ok(push(1))], 1, "0", None),
            (
                vec![Err(Status::unavailable("ends: ü")), Ok(push(1))],
                0,
                "14",
                Some("ends:%20%C3%BC"),
            ),
        ];
        for (responses, data_frames, code, message) in cases {
            let mut body = answer(responses);
            for _ in 0..data_frames {
                assert!(body.frame().await.unwrap().unwrap().is_data());
            }
            let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
            assert_eq!(trailers["grpc-status"], code);
            assert_eq!(trailers.get("grpc-message").map(|m| m.to_str().unwrap()), message);
            for _ in 0..2 {
                assert!(body.frame().await.is_none());
            }
        }
    }
}
