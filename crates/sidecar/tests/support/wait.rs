//! Waiting for a condition instead of for a time.

use std::time::Duration;

/// Only a hung test gets this far; no assertion depends on it.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let answer = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(GIVE_UP, answer)
        .await
        .unwrap_or_else(|_| panic!("gave up waiting until {what}"))
}
