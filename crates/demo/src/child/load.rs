//! A load generator: an open loop (a slow answer does not hold back the next request) at the rate that its parent
//! orders, with every request attributed to the phase in which it began.
//!
//! Orders come as lines of JSON on standard input, and reports leave so on standard output. The end of the input ends
//! it, after the answers that are still awaited.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Uri;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Interval, interval};

use super::call::Client;
use crate::error::Chain;
use crate::tally::{Outcome, Tally};

/// Several, as several threads of an application have; more would not show more.
const CONNECTIONS: usize = 4;
/// Most requests under way. Reached only when nothing is answered any more.
const MOST_UNANSWERED: usize = 4096;
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// What to do from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// What requests that begin from now on count for.
    pub(crate) phase: u32,
    /// Requests per second, at least 1.
    pub(crate) rate: u32,
}

/// What came of requests of one phase since the report before. One comes in every interval, if only an empty one, so
/// that silence means that something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The phase of the order under which the requests began.
    pub(crate) phase: u32,
    /// What became of them.
    pub(crate) tally: Tally,
}

/// Generates load until standard input ends.
pub(super) async fn generate(url: Uri) -> io::Result<()> {
    let mut orders = read_orders();
    let Some(first) = orders.recv().await else {
        return Ok(());
    };
    let mut generator = Generator::new(&url, first);
    let mut pace = pace(first);
    let mut reports = interval(REPORT_INTERVAL);
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => {
                    generator.phase = order.phase;
                    pace = self::pace(order);
                }
                None => break,
            },
            _ = pace.tick(), if generator.under_way.len() < MOST_UNANSWERED => generator.send(),
            Some(answer) = generator.under_way.join_next() => generator.count(answer),
            _ = reports.tick() => generator.report()?,
        }
    }
    while let Some(answer) = generator.under_way.join_next().await {
        generator.count(answer);
    }
    generator.report()
}

/// Ticks that could not be served in time follow at once, so that the rate holds on average.
fn pace(order: Order) -> Interval {
    interval(Duration::from_secs(1) / order.rate.max(1))
}

/// A thread, because a blocking read of standard input would keep the runtime from ending.
fn read_orders() -> mpsc::Receiver<Order> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let lines = io::stdin().lock().lines().map_while(Result::ok);
        let orders = lines.map_while(|line| {
            serde_json::from_str(&line)
                .inspect_err(|error| eprintln!("not an order: {line}: {error}"))
                .ok()
        });
        for order in orders {
            if sender.blocking_send(order).is_err() {
                return;
            }
        }
    });
    receiver
}

struct Generator {
    clients: Vec<Arc<Client>>,
    sent: usize,
    phase: u32,
    under_way: JoinSet<Answer>,
    tallies: BTreeMap<u32, Tally>,
}

struct Answer {
    phase: u32,
    outcome: Outcome,
    latency: Duration,
}

impl Generator {
    fn new(url: &Uri, first: Order) -> Self {
        let client = || Arc::new(Client::new(url.clone()));
        Self {
            clients: std::iter::repeat_with(client).take(CONNECTIONS).collect(),
            sent: 0,
            phase: first.phase,
            under_way: JoinSet::new(),
            tallies: BTreeMap::new(),
        }
    }

    fn send(&mut self) {
        let client = Arc::clone(&self.clients[self.sent % CONNECTIONS]);
        self.sent += 1;
        let phase = self.phase;
        self.under_way.spawn(async move {
            let begin = Instant::now();
            let answer = client.get().await;
            Answer {
                phase,
                outcome: answer.map_err(|failure| Chain(&failure).to_string()),
                latency: begin.elapsed(),
            }
        });
    }

    fn count(&mut self, answer: Result<Answer, tokio::task::JoinError>) {
        let Answer {
            phase,
            outcome,
            latency,
        } = answer.expect("requests are not cancelled and do not panic");
        self.tallies.entry(phase).or_default().record(outcome, latency);
    }

    fn report(&mut self) -> io::Result<()> {
        let mut tallies = std::mem::take(&mut self.tallies);
        tallies.entry(self.phase).or_default();
        let mut out = io::stdout().lock();
        for (phase, tally) in tallies {
            serde_json::to_writer(&mut out, &Report { phase, tally })?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }
}
