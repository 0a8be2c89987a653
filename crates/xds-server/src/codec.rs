//! Responses on the wire of one form of the protocol, with buffers that fit streams which are silent most of the time.
//! Never decides anything.

use std::marker::PhantomData;
use std::sync::Arc;

use tonic::Status;
use tonic::codec::{BufferSettings, EncodeBuf, Encoder};

use crate::push::{Push, WireForm};

/// Writes responses of form `W`. Nothing is kept for a next one: a server has thousands of streams, and on each a few
/// messages a day.
#[derive(Debug)]
pub(crate) struct Responses<W> {
    identifier: Arc<str>,
    form: PhantomData<fn() -> W>,
}

impl<W> Responses<W> {
    /// `identifier` names this control plane in every response.
    pub(crate) fn new(identifier: Arc<str>) -> Self {
        Self {
            identifier,
            form: PhantomData,
        }
    }
}

impl<W: WireForm> Encoder for Responses<W> {
    type Item = Box<Push>;
    type Error = Status;

    fn encode(&mut self, push: Box<Push>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let response = W::of(&push, &self.identifier);
        buffer.reserve(response.encoded_len());
        response
            .encode(buffer)
            .map_err(|error| Status::internal(error.to_string()))
    }

    /// No buffer before there is something to put in it; a response is handed to the connection when it is encoded.
    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(0, 0)
    }
}
