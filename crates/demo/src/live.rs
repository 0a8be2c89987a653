//! What comes after the demonstration: it goes on, with commands to try by hand.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::sleep;

use crate::child::Order;
use crate::error::DemoError;
use crate::getting_started::{CLIENT, MESH, NEW, OLD, VIRTUAL_SERVICE, shift_to_words};
use crate::load::Load;
use crate::screen::{Screen, split};
use crate::tally::Tally;
use crate::world::World;

/// Requests per second: enough to see a split, and little enough to forget about.
const RATE: u32 = 50;
/// Reports that the shown line covers: ten seconds.
const WINDOW: usize = 100;
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Says what can be tried, and shows what comes of it, for ever. Returns only when something has broken.
pub(crate) async fn leave_running(world: &World, screen: &Screen) -> Result<(), DemoError> {
    hints(world).iter().for_each(|line| screen.say(line));
    if screen.is_terminal() {
        watch(world, screen).await
    } else {
        loop {
            world.check()?;
            sleep(CHECK_INTERVAL).await;
        }
    }
}

async fn watch(world: &World, screen: &Screen) -> Result<(), DemoError> {
    let mut load = Load::start(world.client(), VIRTUAL_SERVICE)?;
    load.order(Order { phase: 0, rate: RATE }).await?;
    let line = screen.live_line();
    let mut window = VecDeque::new();
    while let Some(report) = load.report().await? {
        world.check()?;
        window.push_back(report.tally);
        if window.len() > WINDOW {
            window.pop_front();
        }
        let mut sum = Tally::default();
        window.iter().for_each(|tally| sum.add(tally));
        line.set_message(format!("last 10 s: {}", split(&sum)));
    }
    Ok(())
}

fn hints(world: &World) -> Vec<String> {
    let api = world.api();
    let (client, old) = (world.client().nsenter_hint(), world.workload(OLD).nsenter_hint());
    // As it was called, so that it can be called so again.
    let program = std::env::args().next().unwrap_or_else(|| "evermesh".to_owned());
    let half = shift_to_words(&[(OLD, 50), (NEW, 50)]);
    [
        "",
        "It goes on until Ctrl-C. To try by hand, on another terminal:",
        "",
        "  # the API",
        &format!("  export AWS_ENDPOINT_URL=http://{api} AWS_DEFAULT_REGION=us-west-2"),
        "  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any",
        &format!("  aws appmesh list-virtual-nodes --mesh-name {MESH}"),
        &format!("  aws appmesh {half}"),
        "  # the proxies, and what is wrong in the mesh",
        &format!("  {program} proxies --endpoint http://{api}"),
        &format!("  curl http://{api}/evermesh/diagnostics"),
        &format!("  # calls from {CLIENT}, to its backend, and from {OLD}, which has none"),
        &format!("  {client} curl --http2-prior-knowledge http://{VIRTUAL_SERVICE}/"),
        &format!("  {old} curl --http2-prior-knowledge http://{VIRTUAL_SERVICE}/"),
        &format!("  # the Envoy of {CLIENT}"),
        &format!("  {client} curl http://127.0.0.1:9901/clusters"),
        "",
        &format!("Logs: {}/*/*.log", world.directory().display()),
        "",
    ]
    .map(str::to_owned)
    .to_vec()
}
