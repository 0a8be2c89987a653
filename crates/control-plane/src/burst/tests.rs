//! Bursts on a clock that stands still unless everybody waits.

use async_trait::async_trait;
use evermesh_store::{Result, Revision, StoreError, WatchSource};
use tokio::sync::mpsc;
use tokio::time::{advance, sleep};

use super::*;

const EXPENSIVE: Duration = Duration::from_millis(20);

/// A watch of what a test sends.
struct Sent(mpsc::UnboundedReceiver<Batch>);

#[async_trait]
impl WatchSource for Sent {
    async fn next(&mut self) -> Result<Batch> {
        self.0.recv().await.ok_or(StoreError::Closed)
    }
}

/// Bursts after a step that took a while and has just ended.
async fn after_a_step(cost: Duration) -> (Bursts, mpsc::UnboundedSender<Batch>, Watch) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (mut bursts, mut watch) = (Bursts::default(), Watch::new(Sent(receiver)));
    bursts.collect(batch(1), &mut watch).await;
    advance(cost).await;
    bursts.done();
    (bursts, sender, watch)
}

fn batch(revision: Revision) -> Batch {
    Batch {
        revision,
        events: Vec::new(),
    }
}

fn revisions(step: &[Batch]) -> Vec<Revision> {
    step.iter().map(|batch| batch.revision).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_change_after_a_quiet_time_goes_out_at_once() {
    let (mut bursts, sender, mut watch) = after_a_step(EXPENSIVE).await;
    advance(LONGEST_PAUSE * 2).await;
    sender.send(batch(3)).unwrap();
    let before = Instant::now();
    // With what is there already.
    assert_eq!(revisions(&bursts.collect(batch(2), &mut watch).await), [2, 3]);
    assert_eq!(Instant::now(), before);
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_worked_off_in_one_step_after_its_last_change() {
    let (mut bursts, sender, mut watch) = after_a_step(EXPENSIVE).await;
    let before = Instant::now();
    let writer = async {
        for revision in 3..10 {
            sleep(LONGEST_PAUSE / 2).await;
            sender.send(batch(revision)).unwrap();
        }
        Instant::now()
    };
    let (step, last) = tokio::join!(bursts.collect(batch(2), &mut watch), writer);
    assert_eq!(revisions(&step), (2..10).collect::<Vec<_>>());
    assert!(last > before);
    assert_eq!(Instant::now(), last + LONGEST_PAUSE);
}

#[tokio::test(start_paused = true)]
async fn a_burst_without_end_is_worked_off_at_the_ceiling() {
    let (mut bursts, sender, mut watch) = after_a_step(EXPENSIVE).await;
    let writer = tokio::spawn(async move {
        let mut revision = 3;
        while sender.send(batch(revision)).is_ok() {
            sleep(LONGEST_PAUSE / 3).await;
            revision += 1;
        }
    });
    let before = Instant::now();
    let step = bursts.collect(batch(2), &mut watch).await;
    assert_eq!(Instant::now(), before + CEILING);
    assert!(step.len() > 50, "{}", step.len());
    writer.abort();
}

#[tokio::test(start_paused = true)]
async fn steps_that_cost_little_are_not_put_off() {
    let (mut bursts, sender, mut watch) = after_a_step(SHORTEST_PAUSE / 2).await;
    let before = Instant::now();
    assert_eq!(revisions(&bursts.collect(batch(2), &mut watch).await), [2]);
    assert_eq!(Instant::now(), before);
    drop(sender);
}

#[tokio::test(start_paused = true)]
async fn a_step_has_an_end_however_much_waits() {
    let (mut bursts, sender, mut watch) = after_a_step(EXPENSIVE).await;
    let all = 2 * MOST_REVISIONS as Revision;
    (3..all).for_each(|revision| sender.send(batch(revision)).unwrap());
    assert_eq!(bursts.collect(batch(2), &mut watch).await.len(), MOST_REVISIONS);
}

#[tokio::test(start_paused = true)]
async fn a_failure_ends_the_step_and_is_met_again() {
    let (mut bursts, sender, mut watch) = after_a_step(EXPENSIVE).await;
    drop(sender);
    assert_eq!(revisions(&bursts.collect(batch(2), &mut watch).await), [2]);
    assert!(matches!(watch.next().await, Err(StoreError::Closed)));
}
