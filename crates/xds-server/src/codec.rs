//! Messages on the wire of one form of the protocol, with buffers that fit streams which are silent most of the
//! time. Never interprets a message.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, DecodeBuf, Decoder, EncodeBuf, Encoder};

use crate::delivery::Delivery;
use crate::push::{Push, WireForm};

/// Reads requests and writes responses of `D`. Nothing is kept for a next message: a server has thousands of
/// streams, and on each a few messages a day.
pub(crate) struct Codec<D> {
    identifier: Arc<str>,
    form: PhantomData<fn() -> D>,
}

impl<D> Codec<D> {
    /// `identifier` names this control plane in every response.
    pub(crate) fn new(identifier: Arc<str>) -> Self {
        Self {
            identifier,
            form: PhantomData,
        }
    }
}

impl<D> Clone for Codec<D> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.identifier))
    }
}

impl<D> fmt::Debug for Codec<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec").finish_non_exhaustive()
    }
}

impl<D: Delivery> tonic::codec::Codec for Codec<D> {
    type Encode = Push;
    type Decode = D::Request;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        self.clone()
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl<D: Delivery> Encoder for Codec<D> {
    type Item = Push;
    type Error = Status;

    fn encode(&mut self, push: Push, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let response = D::Response::of(&push, &self.identifier);
        buffer.reserve(response.encoded_len());
        response
            .encode(buffer)
            .map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffer_settings()
    }
}

impl<D: Delivery> Decoder for Codec<D> {
    type Item = D::Request;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D::Request>, Status> {
        D::Request::decode(buffer)
            .map(Some)
            .map_err(|error| Status::invalid_argument(format!("a request cannot be decoded: {error}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffer_settings()
    }
}

/// No buffer before there is something to put in it; a response is handed to the connection when it is encoded.
fn buffer_settings() -> BufferSettings {
    BufferSettings::new(0, 0)
}
