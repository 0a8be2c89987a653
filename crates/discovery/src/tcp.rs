//! DNS over TCP (RFC 7766): framing, and the limits that keep clients from exhausting the process.
//!
//! Hickory's own listener takes any number of connections. Here their number has a bound, because the process has
//! more to do than DNS and its file descriptors are shared. Questions of one connection are answered in turn.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hickory_proto::op::MessageType;
use hickory_proto::rr::Record;
use hickory_proto::serialize::binary::BinEncoder;
use hickory_server::net::NetError;
use hickory_server::net::runtime::TokioTime;
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponse;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::answer::Answerer;

/// Connections open at once on one listener; more wait in the listener's backlog.
pub(crate) const MAX_CONNECTIONS: usize = 128;
/// A connection is closed when its next question, or the taking of an answer, takes longer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Before another attempt when the system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers the connections of `listener` until it is aborted.
pub(crate) async fn serve(listener: TcpListener, answerer: Answerer) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let slot = Arc::clone(&slots)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, client)) => {
                connections.spawn(converse(stream, client, answerer.clone(), slot));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a DNS connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the questions of one connection until its client ends it, is too slow or makes no sense.
async fn converse(stream: TcpStream, client: SocketAddr, answerer: Answerer, _slot: OwnedSemaphorePermit) {
    let (mut questions, answers) = stream.into_split();
    let answers = Answers(Arc::new(Mutex::new(answers)));
    while let Ok(Ok(message)) = timeout(TIMEOUT, read_message(&mut questions)).await {
        match Request::from_bytes(message, client, Protocol::Tcp) {
            Ok(request) if request.metadata.message_type == MessageType::Query => {
                answerer
                    .handle_request::<_, TokioTime>(&request, answers.clone())
                    .await;
            }
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(%error, %client, "not a DNS message");
                return;
            }
        }
    }
}

async fn read_message(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut message = vec![0; from.read_u16().await?.into()];
    from.read_exact(&mut message).await?;
    Ok(message)
}

/// Where the answers of one connection go.
#[derive(Clone)]
struct Answers(Arc<Mutex<OwnedWriteHalf>>);

#[async_trait]
impl ResponseHandler for Answers {
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
        let (message, sent) = encode(response)?;
        let length = u16::try_from(message.len()).expect("the encoder keeps to its maximum");
        let framed = [&length.to_be_bytes()[..], &message].concat();
        let mut stream = self.0.lock().await;
        timeout(TIMEOUT, stream.write_all(&framed))
            .await
            .map_err(|_| NetError::Timeout)??;
        Ok(sent)
    }
}

/// An answer as a message, which is truncated beyond 65,535 bytes.
pub(crate) fn encode<'a>(
    response: MessageResponse<
        '_,
        'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
    >,
) -> Result<(Vec<u8>, ResponseInfo), NetError> {
    let mut message = Vec::new();
    let mut encoder = BinEncoder::new(&mut message);
    encoder.set_max_size(u16::MAX);
    let sent = response.destructive_emit(&mut encoder)?;
    Ok((message, sent))
}
