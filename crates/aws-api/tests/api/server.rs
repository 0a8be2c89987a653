//! A server on a free port, and a client that sends exactly what it is told to.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use evermesh_aws_api::{ApiOptions, Counters, Credentials, Limits, router, serve};
use evermesh_service::MeshService;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "us-west-2";

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// What a server is to be, other than by default.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) credentials: Option<Credentials>,
    pub(crate) limits: Limits,
    pub(crate) extra: Router,
}

impl Server {
    pub(crate) async fn start(service: impl MeshService + 'static) -> Self {
        Self::with(service, Setup::default()).await
    }

    pub(crate) async fn with(service: impl MeshService + 'static, setup: Setup) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counters = Arc::new(Counters::default());
        let options = ApiOptions {
            service: Arc::new(service),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            credentials: setup.credentials,
            limits: setup.limits,
            counters: Arc::clone(&counters),
        };
        let router = router(options, setup.extra);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(vec![listener], router, setup.limits, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            counters,
            stop: Some(stop),
            task,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells the server to stop; it ends once it has drained.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) {
        (&mut self.task).await.unwrap();
    }

    /// A request without a signature.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Reply {
        self.call_with(method, path, &[], body).await
    }

    pub(crate) async fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.address
        );
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        self.send(text.as_bytes()).await
    }

    /// Sends these bytes on a connection of their own, and reads until the server closes it.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read_reply(&mut stream).await
    }
}

pub(crate) async fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Reply {
        status,
        headers,
        body: body.to_owned(),
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    /// Status, error type and message of a refusal.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let code = self.header("x-amzn-errortype").unwrap_or_default().to_owned();
        let message = body["message"].as_str().unwrap().to_owned();
        assert_eq!(
            body.as_object().unwrap().len(),
            1,
            "a refusal's body is its message alone"
        );
        (self.status, code, message)
    }
}
