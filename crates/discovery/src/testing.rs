//! Entry points for fuzzing: a message in, its answer out, without a socket.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hickory_proto::op::MessageType;
use hickory_proto::rr::Record;
use hickory_server::net::NetError;
use hickory_server::net::runtime::TokioTime;
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponse;
use tokio::sync::watch;

use crate::answer::Answerer;
use crate::hosts::Hosts;
use crate::tcp;

/// What a server that forwards nowhere answers to a message over TCP; `None` to what is no question.
pub async fn answer(hosts: Hosts, message: Vec<u8>, client: SocketAddr) -> Option<Vec<u8>> {
    let request = Request::from_bytes(message, client, Protocol::Tcp).ok()?;
    if request.metadata.message_type != MessageType::Query {
        return None;
    }
    let (_sender, hosts) = watch::channel(Arc::new(hosts));
    let answerer = Answerer {
        hosts,
        ttl: 5,
        forwarder: None,
    };
    let kept = Kept::default();
    answerer
        .handle_request::<_, TokioTime>(&request, kept.clone())
        .await;
    let mut message = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    message.take()
}

/// Keeps what is answered.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Option<Vec<u8>>>>);

#[async_trait]
impl ResponseHandler for Kept {
    async fn send_response<'a>(
        &mut self,
        response: MessageResponse<
            '_,
            'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
        >,
    ) -> Result<ResponseInfo, NetError> {
        let (message, sent) = tcp::encode(response)?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
        Ok(sent)
    }
}
