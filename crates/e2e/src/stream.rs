//! An answer that goes on for as long as a test lasts, to see that nothing cuts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt;
use tokio::task::JoinHandle;

use crate::call::Call;
use crate::eventually;
use crate::task::MeshTask;

/// An answer that is being read, piece by piece.
pub struct LongStream {
    pieces: Arc<AtomicUsize>,
    reading: JoinHandle<String>,
}

impl LongStream {
    /// Makes a call on a connection of its own, and goes on reading the answer.
    ///
    /// # Panics
    /// When it is not answered with 200.
    pub async fn start(task: &MeshTask, call: &Call) -> Self {
        let mut connection = task.connect(call).await.expect("a connection");
        let response = connection.start(call).await.expect("an answer");
        assert_eq!(response.status(), 200);
        let pieces = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&pieces);
        let reading = tokio::spawn(async move {
            // The connection lives as long as it is held.
            let _connection = connection;
            let mut body = response.into_body();
            loop {
                match body.frame().await {
                    Some(Ok(_)) => count.fetch_add(1, Ordering::Relaxed),
                    Some(Err(error)) => return error.to_string(),
                    None => return "it came to its end".to_owned(),
                };
            }
        });
        Self { pieces, reading }
    }

    /// Another piece comes.
    ///
    /// # Panics
    /// When the answer has ended.
    pub async fn assert_flows(&mut self) {
        let before = self.pieces.load(Ordering::Relaxed);
        eventually("the stream goes on, or ends", async || {
            self.reading.is_finished() || self.pieces.load(Ordering::Relaxed) > before
        })
        .await;
        if self.reading.is_finished() {
            let why = (&mut self.reading).await.expect("reading does not panic");
            panic!("the stream ended: {why}");
        }
    }
}

impl Drop for LongStream {
    fn drop(&mut self) {
        self.reading.abort();
    }
}
