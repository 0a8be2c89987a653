//! A client application in a task: one HTTP/2 connection, opened with the task's own resolver.

use std::collections::BTreeMap;
use std::net::TcpStream;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::MeshTask;

/// An application's connection to a host, without TLS and knowing beforehand that HTTP/2 is spoken.
pub struct Client {
    requests: SendRequest<Empty<Bytes>>,
    host: String,
}

/// What came of a number of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Requests answered with 200, by the text of the answer.
    pub by_text: BTreeMap<String, usize>,
    /// What became of all others, by description.
    pub failures: BTreeMap<String, usize>,
}

impl Client {
    /// Connects from within `task` to port 80 of `host`; `Err` when there is no connection or it is closed at once.
    ///
    /// # Errors
    /// What kept it from being opened.
    pub async fn connect(task: &MeshTask, host: &str) -> Result<Self, String> {
        let stream = task
            .task()
            .run_in(|| TcpStream::connect((host, 80)))
            .expect("the task is there");
        let stream = stream.map_err(|error| format!("connect: {error}"))?;
        stream
            .set_nonblocking(true)
            .expect("a socket can be made non-blocking");
        let stream = tokio::net::TcpStream::from_std(stream).expect("within a runtime");
        let (requests, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(|error| format!("handshake: {error}"))?;
        tokio::spawn(connection);
        Ok(Self {
            requests,
            host: host.to_owned(),
        })
    }

    /// Asks for a path; the status and the text of the answer.
    ///
    /// # Errors
    /// What kept it from being answered.
    pub async fn get(&mut self, path: &str) -> Result<(StatusCode, String), String> {
        let request = Request::get(format!("http://{}{path}", self.host))
            .body(Empty::new())
            .expect("a valid URI");
        self.requests.ready().await.map_err(|error| error.to_string())?;
        let response = self
            .requests
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    }

    /// Asks a number of times, one after the other.
    pub async fn ask(&mut self, times: usize) -> Answers {
        let mut answers = Answers::default();
        for _ in 0..times {
            answers.count(self.get("/").await);
        }
        answers
    }
}

impl Answers {
    fn count(&mut self, answer: Result<(StatusCode, String), String>) {
        match answer {
            Ok((StatusCode::OK, text)) => *self.by_text.entry(text).or_default() += 1,
            Ok((status, text)) => *self.failures.entry(format!("{status} {text}")).or_default() += 1,
            Err(error) => *self.failures.entry(error).or_default() += 1,
        }
    }

    /// Adds what another run counted.
    pub fn add(&mut self, other: &Self) {
        for (text, count) in &other.by_text {
            *self.by_text.entry(text.clone()).or_default() += count;
        }
        for (failure, count) in &other.failures {
            *self.failures.entry(failure.clone()).or_default() += count;
        }
    }

    /// How many requests were answered with 200.
    pub fn succeeded(&self) -> usize {
        self.by_text.values().sum()
    }

    /// Share of the answers that had this text, in percent.
    pub fn percent(&self, text: &str) -> f64 {
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        100.0 * count(self.by_text.get(text).copied().unwrap_or_default()) / count(self.succeeded().max(1))
    }
}
