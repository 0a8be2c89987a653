//! Kills a process that writes to a store, again and again, and checks what the next opener finds: all that
//! was acknowledged, nothing half-applied, no gap in the revisions.
//!
//! `EVERMESH_STORE_KILLS` sets how many kills there are (default 300), `EVERMESH_STORE_KILL_SEED` repeats the
//! random choices of an earlier run. Power loss is another matter: what a killed process wrote is still in
//! the page cache.

// The helpers of a test assert by `unwrap` as the test itself does.
#![allow(clippy::unwrap_used)]

mod bank;

use std::{
    env,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use bank::{Acknowledged, Ledger};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::runtime;

const THIS_TEST: &str = "what_is_acknowledged_survives_any_kill";
const CHILD: &str = "EVERMESH_STORE_KILL_CHILD";
const SIGKILL: i32 = 9;

/// The parent; and the child too, when told which store to write to.
#[test]
fn what_is_acknowledged_survives_any_kill() {
    if let Some(path) = env::var_os(CHILD) {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(bank::write_until_killed(Path::new(&path)));
    }
    let kills = setting("EVERMESH_STORE_KILLS").unwrap_or(300);
    let mut random = random();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut ledger = Ledger::default();
    let (mut acknowledged, mut silent) = (0, 0);
    for _ in 0..kills {
        // A child takes some milliseconds to open the store: some are killed at that, most while writing.
        let reported = run_and_kill(&path, Duration::from_micros(random.random_range(0..180_000)));
        check(&mut ledger, &path, &reported);
        acknowledged += reported.len();
        silent += u64::from(reported.is_empty());
    }
    println!(
        "{kills} kills, {silent} of them before the first acknowledgement; {acknowledged} acknowledged \
         transactions checked; the store is at revision {}",
        ledger.revision()
    );
    assert!(acknowledged > 0, "no child lived long enough to write");
}

/// A store whose creation is cut short opens all the same.
#[test]
fn a_kill_during_creation_leaves_a_store_that_opens() {
    let kills = setting("EVERMESH_STORE_KILLS").unwrap_or(300).div_ceil(5);
    let mut random = random();
    let mut unborn = 0;
    for _ in 0..kills {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let reported = run_and_kill(&path, Duration::from_micros(random.random_range(0..30_000)));
        unborn += u64::from(!path.exists());
        check(&mut Ledger::default(), &path, &reported);
    }
    println!("{kills} kills, {unborn} of them before there was a file");
    assert!(unborn < kills, "no child lived long enough to create a store");
}

/// Starts a child, kills it after a while, and returns what it had acknowledged.
fn run_and_kill(path: &Path, life: Duration) -> Acknowledged {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([THIS_TEST, "--exact", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = read_in_background(&mut child);
    // Not to wait for something, but to choose the moment of death.
    thread::sleep(life);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(
        status.signal(),
        Some(SIGKILL),
        "the child ended by itself: {status}"
    );
    bank::parse(&output.join().unwrap())
}

/// Reads all that the child says, so that it never waits for its reader.
fn read_in_background(child: &mut Child) -> thread::JoinHandle<String> {
    let mut stdout = child.stdout.take().unwrap();
    thread::spawn(move || {
        let mut output = String::new();
        stdout.read_to_string(&mut output).unwrap();
        output
    })
}

fn check(ledger: &mut Ledger, path: &Path, reported: &Acknowledged) {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(ledger.check(path, reported));
}

fn random() -> StdRng {
    let seed = setting("EVERMESH_STORE_KILL_SEED").unwrap_or_else(rand::random);
    println!("seed {seed}");
    StdRng::seed_from_u64(seed)
}

fn setting(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is not a number: {value}")),
    )
}
