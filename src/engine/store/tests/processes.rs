//! Real processes: one killed between intent and outcome, and several on one file.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use super::*;

/// Tells the test program that it is a child, and what to do.
const ROLE: &str = "ROLLOUT_STORE_TEST_ROLE";
const FILE: &str = "ROLLOUT_STORE_TEST_FILE";

fn child(role: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "engine::store::tests::processes::as_a_child",
            "--exact",
            "--nocapture",
        ])
        .env(ROLE, role)
        .env(FILE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A process that drives the run of example.com, and writes when told. Killed at the end.
pub(super) struct Writer(Child);

impl Writer {
    /// Returns after its first transaction.
    pub(super) fn start(path: &Path) -> Self {
        let mut writer = Self(child("write", path));
        wait_for(&mut writer.0, "written");
        writer
    }

    /// Write one entry.
    pub(super) fn write(&mut self) {
        writeln!(self.0.stdin.as_mut().unwrap(), "entry").unwrap();
        wait_for(&mut self.0, "written");
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// Read what a child prints up to a line.
fn wait_for(child: &mut Child, line: &str) {
    let mut out = child.stdout.take().unwrap();
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with(&format!("\n{line}\n")) {
        assert_eq!(
            out.read(&mut byte).unwrap(),
            1,
            "the child ended early, after {text:?}"
        );
        text.push(char::from(byte[0]));
    }
    child.stdout = Some(out);
}

/// Not a test by itself: what the other tests here start as a process of its own.
#[tokio::test]
async fn as_a_child() {
    let (Ok(role), Ok(path)) = (std::env::var(ROLE), std::env::var(FILE)) else {
        return;
    };
    let store = open(Path::new(&path)).await;
    match role.as_str() {
        "die" => {
            let lease = store
                .create_run(new_run("example.com"), &Owner::this_process(), TTL)
                .await
                .unwrap();
            let (_, intent) = Entry::intent(at(1), json!({"action": "add MX"}));
            store
                .append(
                    &lease,
                    Transition::entries(vec![intent]).memory(json!({"ttl": 60})),
                )
                .await
                .unwrap();
            // A second transaction that never ends: it must leave no trace.
            println!("\nintent written");
            std::thread::sleep(Duration::from_secs(600));
        }
        "contend" => contend(&store).await,
        "write" => {
            // One transaction at the start, one for each line.
            let me = Owner::this_process();
            let target = Target::Domain("example.com".to_owned());
            let lease = match store.unfinished("example.com").await.unwrap() {
                Some(_) => store.claim(&target, &me, TTL).await.unwrap(),
                None => store
                    .create_run(new_run("example.com"), &me, TTL)
                    .await
                    .unwrap(),
            };
            println!("\nwritten");
            for line in std::io::stdin().lines() {
                let transition = note(&line.unwrap()).memory(json!(1));
                store.append(&lease, transition).await.unwrap();
                println!("\nwritten");
            }
        }
        other => panic!("no such role: {other}"),
    }
}

/// Take the run again and again, write an intent and its outcome in two transactions, give it back.
async fn contend(store: &SqliteStore) {
    let me = Owner::this_process();
    let target = Target::Domain("example.com".to_owned());
    let mut rounds = 0;
    while rounds < ROUNDS {
        let lease = match store.claim(&target, &me, TTL).await {
            Ok(lease) => lease,
            Err(StoreError::Held(_)) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let (id, intent) = Entry::intent(at(1), json!({"by": me.pid}));
        store
            .append(&lease, Transition::entries(vec![intent]))
            .await
            .unwrap();
        let outcome = Entry::outcome(at(2), id, json!({"by": me.pid}));
        store
            .append(
                &lease,
                Transition {
                    release: true,
                    ..Transition::entries(vec![outcome])
                },
            )
            .await
            .unwrap();
        rounds += 1;
    }
}

const ROUNDS: usize = 25;

#[tokio::test]
async fn a_process_killed_between_intent_and_outcome_leaves_an_open_intent() {
    let (_directory, path) = fresh();
    let mut dying = child("die", &path);
    let pid = dying.id();
    wait_for(&mut dying, "intent written");

    let store = open(&path).await;
    let target = Target::Domain("example.com".to_owned());
    let error = store.claim(&target, &owner(1), TTL).await.unwrap_err();
    let StoreError::Held(held) = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (held.owner.pid, held.last.as_ref().unwrap().kind),
        (pid, Kind::Intent)
    );
    assert_eq!(
        store.claim_due(&owner(1), at(0), TTL, 10).await.unwrap(),
        []
    );

    dying.kill().unwrap();
    dying.wait().unwrap();
    let before = ReadOnlyStore::new(&path)
        .unfinished("example.com")
        .await
        .unwrap()
        .unwrap();
    let left = before.lease.unwrap();
    assert_eq!(left.owner.pid, pid, "status shows who held it");

    // Where its death can be proven, nobody waits for its lease to run out.
    let provable = cfg!(target_os = "linux");
    assert_eq!(left.expired, provable);
    let options = StoreOptions {
        test_clock: (!provable).then(|| TestDatabaseClock::new(held.until)),
        ..StoreOptions::default()
    };
    let store = SqliteStore::open(&path, options).await.unwrap();
    let lease = store
        .claim_due(&owner(1), at(0), TTL, 10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((lease.run, lease.fence), (before.id, Fence(2)));
    let open = store.open_intents(lease.run).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].body, json!({"action": "add MX"}));
    assert_eq!(
        store.memory(lease.run).await.unwrap().unwrap().value,
        json!({"ttl": 60})
    );
    let observed = Entry::outcome(
        at(5),
        open[0].intent.unwrap(),
        json!("observed: it was done"),
    );
    store
        .append(&lease, Transition::entries(vec![observed]))
        .await
        .unwrap();
    assert_eq!(store.open_intents(lease.run).await.unwrap(), []);
    assert_eq!(store.verify_chain(lease.run).await.unwrap().entries, 2);
}

#[tokio::test]
async fn two_processes_take_turns_on_one_run_and_lose_nothing() {
    let (_directory, path) = fresh();
    let store = open(&path).await;
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    store.release(&lease).await.unwrap();
    let mut children = [child("contend", &path), child("contend", &path)];
    let pids = children.each_ref().map(Child::id);
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }

    let journal = store.journal(lease.run, 0, usize::MAX).await.unwrap();
    assert_eq!(journal.len(), 2 * ROUNDS * 2);
    assert_eq!(
        store.verify_chain(lease.run).await.unwrap().entries as usize,
        journal.len()
    );
    for pair in journal.chunks(2) {
        let [intent, outcome] = pair else {
            panic!("an odd journal")
        };
        assert_eq!((intent.kind, outcome.kind), (Kind::Intent, Kind::Outcome));
        assert_eq!(
            (intent.intent, intent.fence, &intent.body),
            (outcome.intent, outcome.fence, &outcome.body)
        );
    }
    for pid in pids {
        let rounds = journal
            .iter()
            .filter(|entry| entry.body == json!({"by": pid}))
            .count();
        assert_eq!(rounds, 2 * ROUNDS);
    }
    let fences: Vec<Fence> = journal.iter().step_by(2).map(|entry| entry.fence).collect();
    assert!(
        fences.is_sorted_by(|a, b| a < b),
        "each turn had a higher fence"
    );
}
