//! The demonstration itself: the walkthrough's resources, load, two shifts of the route, refusals; all measured.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::DemoOptions;
use crate::api;
use crate::child::{Finding, Order};
use crate::error::DemoError;
use crate::getting_started::{
    CLIENT, NEW, OLD, Request, SECOND_SERVICE, SET_UP, SHIFT, VIRTUAL_SERVICE, shift_to, shift_to_words,
};
use crate::load::{Load, call};
use crate::screen::{Screen, row, table_head};
use crate::summary::{Environment, Measured, MeasuredStep, Refusal, Summary};
use crate::tally::Tally;
use crate::world::World;

type Weights = [(&'static str, u64); 2];

/// The weights of each step. The first are those of the walkthrough's `create-route`, the second of its
/// `update-route`.
const STEPS: [Weights; 3] = [
    [(OLD, 100), (NEW, 0)],
    [(OLD, 75), (NEW, 25)],
    [(OLD, 0), (NEW, 100)],
];
/// The step after which the second service is made, as in the walkthrough, and called.
const SECOND_SERVICE_AFTER: usize = 1;
/// Called by name although they are no backends: who, and what. The first is a virtual service of the mesh, the
/// second an address behind one. [`CLIENT`] itself cannot show the first, for that is its own service.
const NOT_BACKENDS: [(&str, &str); 2] = [(OLD, "svc2.pgMesh.local"), (CLIENT, "svcNode1v2.pgMesh.local")];

/// Requests that still count as made during a change after all proxies have accepted it: it reaches a proxy's worker
/// threads a moment later, and what fails because of it may do so later still.
const SETTLE: u64 = 200;
/// How long the first answer may take after all proxies have their configuration.
const FIRST_ANSWER_LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Gives the demonstration in `world` and judges it.
pub(crate) async fn tell(
    world: &World,
    screen: &Screen,
    options: &DemoOptions,
    environment: Environment,
) -> Result<Summary, DemoError> {
    set_up(world, screen).await?;
    let mut story = Story {
        world,
        screen,
        options,
        load: Load::start(world.client(), VIRTUAL_SERVICE)?,
        phases: BTreeMap::new(),
    };
    let mut changes = Vec::new();
    let mut refusals = Vec::new();
    screen.say(table_head());
    for index in 0..STEPS.len() {
        if index > 0 {
            changes.push(story.shift(index).await?);
        }
        story.step(index).await?;
        if index == SECOND_SERVICE_AFTER {
            refusals = story.second_service().await?;
        }
    }
    story.finish(changes, refusals, environment).await
}

/// Everything up to where the client gets its first answer.
async fn set_up(world: &World, screen: &Screen) -> Result<(), DemoError> {
    for command in &SET_UP {
        put(world, screen, command.words, &command.request()).await?;
    }
    world.until_applied(None).await?;
    // A proxy has accepted its configuration before its listener takes part.
    let begun = Instant::now();
    loop {
        let finding = call(world.client(), VIRTUAL_SERVICE).await?;
        if matches!(finding, Finding::Answered(_)) {
            return Ok(());
        }
        if begun.elapsed() > FIRST_ANSWER_LIMIT {
            return Err(DemoError::NoAnswer {
                from: CLIENT,
                to: VIRTUAL_SERVICE,
                waited_s: FIRST_ANSWER_LIMIT.as_secs(),
                finding: format!("{finding:?}"),
            });
        }
        sleep(PAUSE).await;
    }
}

async fn put(world: &World, screen: &Screen, words: &str, request: &Request) -> Result<(), DemoError> {
    screen.say(format!("$ aws appmesh {words}"));
    let answer = api::put(world.api(), request).await;
    answer.map(drop).map_err(|source| DemoError::Api {
        command: words.to_owned(),
        source,
    })
}

/// The part under load.
struct Story<'world> {
    world: &'world World,
    screen: &'world Screen,
    options: &'world DemoOptions,
    load: Load,
    phases: BTreeMap<u32, Tally>,
}

impl Story<'_> {
    /// Measures a step until it has its requests.
    async fn step(&mut self, index: usize) -> Result<(), DemoError> {
        let phase = step_phase(index);
        self.order(phase).await?;
        let mut progress = self.screen.progress(name(index), self.options.requests_per_step);
        while !progress.show(&self.tally(phase)) {
            self.count_report().await?;
        }
        drop(progress);
        self.screen.say(row(&name(index), &self.tally(phase)));
        Ok(())
    }

    /// Updates the route to the weights of step `index` and returns how long that took to be in effect.
    async fn shift(&mut self, index: usize) -> Result<Duration, DemoError> {
        let (world, screen) = (self.world, self.screen);
        let before = world.until_applied(None).await?;
        let phase = change_phase(index);
        self.order(phase).await?;
        let update = async {
            if STEPS[index] == SHIFT_WEIGHTS {
                put(world, screen, SHIFT.words, &SHIFT.request()).await?;
            } else {
                let words = shift_to_words(&STEPS[index]);
                put(world, screen, &words, &shift_to(&STEPS[index])).await?;
            }
            let answered = Instant::now();
            world.until_applied(Some(&before)).await?;
            Ok(answered.elapsed())
        };
        let took = self.meanwhile(update).await?;
        let settled = self.tally(phase).requests() + SETTLE;
        while self.tally(phase).requests() < settled {
            self.count_report().await?;
        }
        screen.say(row("  during the change", &self.tally(phase)));
        screen.say(format!(
            "  in effect {:.0} ms after the answer",
            took.as_secs_f64() * 1e3
        ));
        Ok(took)
    }

    /// Makes the virtual service that nobody has as a backend, and makes calls that are to be refused.
    async fn second_service(&mut self) -> Result<Vec<Refusal>, DemoError> {
        let (world, screen) = (self.world, self.screen);
        let calls = async {
            put(world, screen, SECOND_SERVICE.words, &SECOND_SERVICE.request()).await?;
            let mut refusals = Vec::new();
            for (from, to) in NOT_BACKENDS {
                let refusal = Refusal::new(from, to, call(world.workload(from), to).await?);
                screen.say(format!("  {refusal}"));
                refusals.push(refusal);
            }
            Ok(refusals)
        };
        self.meanwhile(calls).await
    }

    /// Ends the load, counts the last answers, and judges.
    async fn finish(
        mut self,
        changes: Vec<Duration>,
        refusals: Vec<Refusal>,
        environment: Environment,
    ) -> Result<Summary, DemoError> {
        self.load.ask_to_stop();
        while self.count_report().await? {}
        let steps = STEPS.iter().enumerate().map(|(index, weights)| MeasuredStep {
            name: name(index),
            weights: weights.to_vec(),
            tally: self.tally(step_phase(index)),
        });
        let changes = (1..)
            .zip(changes)
            .map(|(index, took)| (took, self.tally(change_phase(index))));
        let environment = Environment {
            engine: self.world.engine(),
            ..environment
        };
        let measured = Measured {
            steps: steps.collect(),
            changes: changes.collect(),
            refusals,
        };
        Ok(Summary::new(measured, environment))
    }

    async fn order(&mut self, phase: u32) -> Result<(), DemoError> {
        let rate = self.options.rate;
        self.load.order(Order { phase, rate }).await
    }

    /// Does something and counts meanwhile.
    async fn meanwhile<T>(
        &mut self,
        work: impl Future<Output = Result<T, DemoError>>,
    ) -> Result<T, DemoError> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                counted = self.count_report() => { counted?; }
            }
        }
    }

    /// Waits for a report and counts it; false after the last.
    async fn count_report(&mut self) -> Result<bool, DemoError> {
        let report = self.load.report().await?;
        if let Some(report) = &report {
            self.phases.entry(report.phase).or_default().add(&report.tally);
        }
        Ok(report.is_some())
    }

    fn tally(&self, phase: u32) -> Tally {
        self.phases.get(&phase).cloned().unwrap_or_default()
    }
}

/// What the walkthrough's own `update-route` says.
const SHIFT_WEIGHTS: Weights = STEPS[1];

/// Such as `75/25`.
fn name(index: usize) -> String {
    STEPS[index].map(|(_, weight)| weight.to_string()).join("/")
}

fn step_phase(index: usize) -> u32 {
    2 * u32::try_from(index).expect("there are few steps")
}

/// Of the change to step `index`.
fn change_phase(index: usize) -> u32 {
    step_phase(index) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walkthroughs_own_weights_are_the_second_step() {
        assert_eq!(SHIFT.request(), shift_to(&SHIFT_WEIGHTS));
        assert_eq!(name(1), "75/25");
    }

    #[test]
    fn phases_are_apart() {
        let phases: std::collections::BTreeSet<u32> = (0..STEPS.len())
            .map(step_phase)
            .chain((1..STEPS.len()).map(change_phase))
            .collect();
        assert_eq!(phases.len(), 2 * STEPS.len() - 1);
    }
}
