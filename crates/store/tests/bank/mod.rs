//! What the killed process writes, and how its remains are audited: transfers between accounts.
//!
//! Every transaction of writer `w` with number `n` moves money between two `account/`s, sets `number/w` to
//! `n`, and replaces `journal/w/<n-1>` by `journal/w/<n>`. So each one can be recognised, none can be
//! half-applied without notice, and the sum of all accounts never changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use evermesh_store::{
    Batch, Entry, Event, ListOptions, Outcome, Revision, SqliteOptions, SqliteStore, Store, StoreError, Txn,
};
use rand::Rng;
use tokio::task::JoinSet;

const WRITERS: usize = 16;
const ACCOUNTS: usize = 8;
const DEPOSIT: i64 = 1000;

/// More than a child commits in its life, less than all of them do: history is compacted under way.
const KEEP_REVISIONS: u64 = 2_500;

/// A transaction: its writer, and the writer's count over all lives.
type Name = (usize, u64);

/// The revisions of transactions that were acknowledged.
pub(crate) type Acknowledged = BTreeMap<Name, Revision>;

/// What the child does: opens the store, and lets writers transfer money and report each acknowledgement.
pub(crate) async fn write_until_killed(path: &Path) {
    // The test harness may have left the line unfinished.
    println!();
    let store = Arc::new(open(path));
    if store.get(&account(0)).await.unwrap().is_none() {
        let deposits = (0..ACCOUNTS).fold(Txn::new(), |txn, index| {
            txn.put(account(index), DEPOSIT.to_string())
        });
        store.commit(deposits).await.unwrap();
    }
    let writers: JoinSet<()> = (0..WRITERS)
        .map(|writer| transfer_forever(Arc::clone(&store), writer))
        .collect();
    writers.join_all().await;
}

/// Reads from the child's output what it acknowledged. The last line may be cut off.
pub(crate) fn parse(output: &str) -> Acknowledged {
    let lines = output
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n')?.strip_prefix("ack "));
    lines
        .map(|line| {
            let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
            let [writer, number, revision] = numbers[..] else {
                panic!("{line:?}")
            };
            ((writer.try_into().unwrap(), number), revision)
        })
        .collect()
}

async fn transfer_forever(store: Arc<SqliteStore>, writer: usize) {
    let last = store.get(&number_key(writer)).await.unwrap();
    let mut number = last.map_or(0, |entry| read_number(&entry)) + 1;
    loop {
        if let Outcome::Committed(revision) = transfer(&store, writer, number).await {
            let mut stdout = std::io::stdout().lock();
            writeln!(stdout, "ack {writer} {number} {revision}").unwrap();
            number += 1;
        }
    }
}

async fn transfer(store: &SqliteStore, writer: usize, number: u64) -> Outcome {
    let from = rand::rng().random_range(0..ACCOUNTS);
    let to = (from + rand::rng().random_range(1..ACCOUNTS)) % ACCOUNTS;
    let (from, to) = (account(from), account(to));
    let balances = store.get_many(&[&from, &to]).await.unwrap();
    let [Some(payer), Some(payee)] = &balances[..] else {
        panic!("{balances:?}")
    };
    let txn = Txn::new()
        .at(&from, payer.mod_revision)
        .at(&to, payee.mod_revision)
        .put(&from, (read_balance(payer) - 1).to_string())
        .put(&to, (read_balance(payee) + 1).to_string())
        .put(number_key(writer), number.to_string())
        .put(journal_key(writer, number), vec![b'j'; 512])
        .delete(journal_key(writer, number - 1));
    store.commit(txn).await.unwrap()
}

/// Follows the store from life to life: everything up to `revision` has been checked.
#[derive(Default)]
pub(crate) struct Ledger {
    revision: Revision,
    entries: BTreeMap<String, Entry>,
}

impl Ledger {
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// Opens the store that a killed child left, and holds it against what the child had acknowledged.
    pub(crate) async fn check(&mut self, path: &Path, acknowledged: &Acknowledged) {
        let store = open(path);
        let listing = store.list("", ListOptions::default()).await.unwrap();
        let found = self.replay(&store, listing.revision).await;
        assert!(
            listing.entries.iter().eq(self.entries.values()),
            "the state is not what the history made it"
        );
        self.check_balance();
        for (name, revision) in acknowledged {
            assert_eq!(
                found.get(name),
                Some(revision),
                "the acknowledged transaction {name:?}"
            );
        }
        // Each writer may have had one transaction under way, or committed and not yet reported.
        let unreported: Vec<&Name> = found
            .keys()
            .filter(|name| !acknowledged.contains_key(name))
            .collect();
        let writers: BTreeSet<usize> = unreported.iter().map(|name| name.0).collect();
        assert_eq!(unreported.len(), writers.len(), "{unreported:?}");
        store.close().await;
    }

    /// Applies the history of one life; it must consist of whole transactions at consecutive revisions.
    async fn replay(&mut self, store: &SqliteStore, until: Revision) -> Acknowledged {
        assert!(
            until >= self.revision,
            "the store went back from {} to {until}",
            self.revision
        );
        let mut watch = store.watch("", self.revision + 1).await.unwrap();
        let mut found = Acknowledged::new();
        while self.revision < until {
            let batch = watch.next().await.unwrap();
            assert_eq!(batch.revision, self.revision + 1);
            found.extend(self.check_whole(&batch).map(|name| (name, batch.revision)));
            self.revision = batch.revision;
            for event in batch.events {
                match event {
                    Event::Put(entry) => drop(self.entries.insert(entry.key.clone(), entry)),
                    Event::Delete { key } => drop(self.entries.remove(&key)),
                }
            }
        }
        found
    }

    /// Checks that the batch is a whole transaction; the name of the transfer, unless it is the deposits.
    fn check_whole(&self, batch: &Batch) -> Option<Name> {
        let keys: Vec<&str> = batch.events.iter().map(Event::key).collect();
        if batch.revision == 1 {
            assert_eq!(keys, (0..ACCOUNTS).map(account).collect::<Vec<_>>());
            return None;
        }
        let Some(Event::Put(entry)) = batch.events.get(2) else {
            panic!("{batch:?}")
        };
        let writer = entry.key.strip_prefix("number/").unwrap().parse().unwrap();
        let number = read_number(entry);
        assert_eq!(
            number,
            self.entries.get(&entry.key).map_or(0, read_number) + 1,
            "writer {writer}"
        );
        let mut expected = vec![number_key(writer), journal_key(writer, number)];
        if number > 1 {
            expected.push(journal_key(writer, number - 1));
        }
        assert!(
            keys[..2].iter().all(|key| key.starts_with("account/")),
            "{batch:?}"
        );
        assert_eq!(keys[2..], expected);
        Some((writer, number))
    }

    /// Checks that no money was lost or made, and that every writer has exactly its last journal.
    fn check_balance(&self) {
        let of = |prefix: &'static str| {
            self.entries
                .values()
                .filter(move |entry| entry.key.starts_with(prefix))
        };
        let expected = if self.revision == 0 {
            0
        } else {
            i64::try_from(ACCOUNTS).unwrap() * DEPOSIT
        };
        assert_eq!(of("account/").map(read_balance).sum::<i64>(), expected);
        let writer = |entry: &Entry| entry.key["number/".len()..].parse().unwrap();
        let expected: BTreeSet<_> = of("number/")
            .map(|entry| journal_key(writer(entry), read_number(entry)))
            .collect();
        assert_eq!(
            of("journal/")
                .map(|entry| entry.key.clone())
                .collect::<BTreeSet<_>>(),
            expected
        );
    }
}

/// Opens the store, once nobody holds it any more: a process that another test is just starting has a copy of every
/// file of this one, locks included, until it runs its own program.
fn open(path: &Path) -> SqliteStore {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let options = SqliteOptions {
            keep_revisions: Some(KEEP_REVISIONS),
            ..SqliteOptions::default()
        };
        match SqliteStore::open(path, options) {
            Err(StoreError::Locked { .. }) if Instant::now() < end => sleep(Duration::from_millis(5)),
            opened => return opened.unwrap(),
        }
    }
}

fn account(index: usize) -> String {
    format!("account/{index}")
}

fn number_key(writer: usize) -> String {
    format!("number/{writer}")
}

fn journal_key(writer: usize, number: u64) -> String {
    format!("journal/{writer}/{number}")
}

fn read_number(entry: &Entry) -> u64 {
    str::from_utf8(&entry.value).unwrap().parse().unwrap()
}

fn read_balance(entry: &Entry) -> i64 {
    str::from_utf8(&entry.value).unwrap().parse().unwrap()
}
