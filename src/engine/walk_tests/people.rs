//! What people and other processes do: gates, brakes, leases, the stop file, records that change meanwhile.

use super::*;

/// What stopped a run before its first change may be put right: the same run goes on from what is there then.
#[tokio::test]
async fn a_run_stopped_by_the_mx_set_it_found_goes_on_when_that_is_put_right() {
    let foreign = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let there = Arc::clone(&foreign);
    let stage = Stage::with(
        &Start::default(),
        |_, _| Act::Well,
        move |facts, _, _| {
            if there.load(std::sync::atomic::Ordering::Relaxed)
                && let Fact::Known { value, .. } = &mut facts.zone
            {
                for server in &mut value.servers {
                    server.mx = Answer::Got {
                        value: crate::kernel::MxSet::new([(0, LEGACY), (90, "backup.example.net")]),
                        ttl: 3600,
                    };
                }
            }
        },
    );
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert!(matches!(left.ending, Ending::Blocked { .. }));
    foreign.store(false, std::sync::atomic::Ordering::Relaxed);
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert_eq!(left.ending, Ending::Done);
}

/// S9: another process took the run over while this one was in the middle of an effect.
#[tokio::test]
async fn s9_a_writer_whose_lease_is_over_does_nothing_more() {
    let stage = Stage::new(&Start::default());
    let database = stage.database.clone();
    let store = stage.store.clone();
    let taken = Arc::new(Mutex::new(None));
    {
        let mut outside = stage.world.0.lock().await;
        let taken = Arc::clone(&taken);
        outside.script = Box::new(move |_, count| {
            let mut taken = taken.lock().unwrap();
            if taken.is_none() && count == 1 {
                // The lease ends during the effect.
                database.advance(LEASE * 2);
                *taken = Some(());
            }
            Act::Well
        });
    }
    // The heartbeat must not renew in time: it is the database's clock that decides, and it has moved on.
    let other = {
        let store = store.clone();
        let taken = Arc::clone(&taken);
        async move {
            loop {
                if taken.lock().unwrap().is_some() {
                    let id = store.runs(None).await.unwrap()[0].id;
                    let target = crate::engine::store::Target::Run(id);
                    return store.claim(&target, &Owner::this_process(), LEASE).await;
                }
                tokio::task::yield_now().await;
            }
        }
    };
    let mut watcher = Watcher::default();
    let (walked, claimed) = tokio::join!(stage.walk(&mut watcher, Stage::options()), other);
    claimed.unwrap();
    let error = walked.unwrap_err();
    assert!(
        matches!(
            &error,
            RunError::Walk(WalkError::Store(StoreError::Fenced { .. }))
                | RunError::Store(StoreError::Fenced { .. })
        ),
        "{error}"
    );
    let outside = stage.world.0.lock().await;
    let effects = outside
        .events
        .iter()
        .filter(|e| matches!(e, Event::Effect(_)));
    assert_eq!(effects.count(), 1, "the one in flight, and no other");
}

#[tokio::test]
async fn s9_a_second_process_cannot_claim_a_run_that_is_driven() {
    let stage = Stage::new(&Start::default());
    let _driver = stage.run().await;
    let new = NewRun {
        domain: DOMAIN.into(),
        domain_file: "domain.yml".into(),
        playbook: "exchange-dane".into(),
        playbook_text: String::new(),
        settings: Value::Null,
        memory: None,
    };
    let second = Run::claim_or_start(&stage.store, &Owner::this_process(), new).await;
    assert!(matches!(
        second,
        Err(RunError::Store(StoreError::Held { .. }))
    ));
}

#[tokio::test]
async fn gates_hold_until_a_person_agrees_and_a_refusal_closes_them_again() {
    let stage = Stage::new(&Start {
        signed: true,
        delegated: true,
        ..Start::default()
    });
    let closed = || Watcher {
        closed: ["swap"].into(),
        ..Watcher::default()
    };
    let left = stage.walk(&mut closed(), Stage::options()).await.unwrap();
    let Ending::NotYet { pending, wake } = left.ending else {
        panic!("{:?}", left.ending)
    };
    assert_eq!((pending.len(), wake), (1, None));
    assert!(pending.values().any(|p| matches!(
        p,
        Pending::Ask(crate::step::Question::Approve { gate, .. }) if gate == "swap"
    )));
    assert_eq!(
        stage.effects().await["write-mx"],
        2,
        "lowered and added, not swapped"
    );

    let id = stage.id().await;
    let say = |verdict| {
        Signal::Gate(GateEvent {
            gate: "swap".into(),
            verdict,
            by: "ada".into(),
            note: None,
        })
    };
    for verdict in [GateVerdict::Approved, GateVerdict::Refused] {
        stage
            .store
            .signal(id, stage.clock.now(), say(verdict))
            .await
            .unwrap();
    }
    let left = stage.walk(&mut closed(), Stage::options()).await.unwrap();
    assert!(matches!(left.ending, Ending::NotYet { wake: None, .. }));
    assert_eq!(stage.effects().await["write-mx"], 2);

    stage
        .store
        .signal(id, stage.clock.now(), say(GateVerdict::Approved))
        .await
        .unwrap();
    let left = stage.walk(&mut closed(), Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    assert_eq!(left.memory.approvals["swap"].by, "ada");
}

/// A run that was told to stop early keeps what it knows: the TTL that caches may still hold (T1), the way
/// back (S8), the approvals.
#[tokio::test]
async fn until_stops_there_and_the_same_run_goes_on_later() {
    let stage = Stage::new(&Start::default());
    let options = Options {
        until: Some("lower-ttl".into()),
        ..Stage::options()
    };
    let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    let effects = stage.effects().await;
    assert_eq!((effects["write-mx"], effects["publish-ds"]), (1, 0));
    let id = stage.id().await;
    let run = stage.store.run(id).await.unwrap().unwrap();
    assert_eq!((run.status, run.wake_at), (Status::Active, None));
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert_eq!((left.ending, stage.id().await), (Ending::Done, id));
    assert_eq!(left.memory.original.unwrap().ttl, 3600);
    let run = stage.store.run(id).await.unwrap().unwrap();
    assert_eq!(run.status, Status::Done);
}

#[tokio::test]
async fn brakes_stop_before_anything_new() {
    for (signal, brake, status) in [
        (
            Signal::Pause {
                by: "ada".into(),
                why: "lunch".into(),
            },
            Brake::Pause,
            Status::Paused,
        ),
        (
            Signal::Abort {
                by: "ada".into(),
                why: "no".into(),
            },
            Brake::Abort,
            Status::Aborted,
        ),
    ] {
        let stage = Stage::new(&Start::default());
        let options = Options {
            until: Some("enable-dnssec".into()),
            ..Stage::options()
        };
        stage.walk(&mut Watcher::default(), options).await.unwrap();
        let id = stage.id().await;
        stage
            .store
            .signal(id, stage.clock.now(), signal)
            .await
            .unwrap();
        let before = stage.effects().await;
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Braked(brake));
        assert_eq!(stage.effects().await, before);
        assert_eq!(stage.store.run(id).await.unwrap().unwrap().status, status);
    }
}

/// The stop file holds up every effect of every run, and nothing else; taken away, the run goes on and does nothing twice.
#[tokio::test]
async fn a_stop_file_halts_before_the_next_effect_until_it_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(&Start::default());
    let options = StoreOptions {
        test_clock: Some(stage.database.clone()),
        ..StoreOptions::default()
    };
    let state = folder.path().join("rollout.db");
    stage.store = SqliteStore::open(&state, options).await.unwrap();
    let options = Options {
        until: Some("enable-dnssec".into()),
        ..Stage::options()
    };
    stage.walk(&mut Watcher::default(), options).await.unwrap();
    let before = stage.effects().await;

    let file = crate::engine::store::stop_file(&state);
    std::fs::write(&file, "mail outage\u{1b}[2J, ask Ada\n").unwrap();
    let options = Options {
        looks: Some(60),
        ..Stage::options()
    };
    let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
    assert_eq!(stage.effects().await, before);
    let Ending::NotYet { pending, wake } = left.ending else {
        panic!("{:?}", left.ending)
    };
    assert!(wake.is_some(), "a timer looks again");
    let stopped = |pending: &Pending| match pending {
        Pending::Wait(wait) => wait.kind == WaitFor::Stop && wait.why[0].contains("ask Ada"),
        _ => false,
    };
    assert!(pending.values().any(stopped), "{pending:?}");
    // What is shown drives no terminal.
    let runs = stage.store.runs(None).await.unwrap();
    let shown = crate::output::run::table(&runs, stage.clock.now()).plain();
    assert!(
        shown.contains("ask Ada") && !shown.contains('\u{1b}'),
        "{shown}"
    );
    assert!(shown.contains("taken away"), "{shown}");

    std::fs::remove_file(&file).unwrap();
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert_eq!(left.ending, Ending::Done);
    assert_eq!(stage.effects().await, each_once());
}

/// A write of the run before arrives while the way back soaks on what it had found to be there: it is gone back from again,
/// by the same process, and the soak begins anew.
#[tokio::test]
async fn what_was_under_way_and_arrives_on_the_way_back_is_taken_back() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let start = Start {
        ttl: 60,
        signed: true,
        delegated: true,
        dnssec: true,
        ..Start::default()
    };
    let added = Start {
        mx: vec![(0, LEGACY), (20, NEW)],
        ..Start {
            ttl: 60,
            ..Start::default()
        }
    };
    let back = Arc::new(AtomicBool::new(false));
    let written = Arc::clone(&back);
    let stage = Stage::with(
        &start,
        move |_, _| {
            written.store(true, Ordering::Relaxed);
            Act::NeverShows
        },
        move |facts, _, now| {
            let arrived = now >= at(60) && !back.load(Ordering::Relaxed);
            if let (true, Fact::Known { value, .. }) = (arrived, &mut facts.zone) {
                for server in &mut value.servers {
                    server.mx = Answer::Got {
                        value: added.rrset().set,
                        ttl: 60,
                    };
                }
            }
        },
    );
    let mut memory = start.memory();
    memory.way_back_kept = true;
    let new = NewRun {
        domain: DOMAIN.into(),
        domain_file: "domain.yml".into(),
        playbook: "rollback".into(),
        playbook_text: String::new(),
        settings: Value::Null,
        memory: Some(serde_json::to_value(memory.for_the_way_back()).unwrap()),
    };
    let run = Run::claim_or_start(&stage.store, &Owner::this_process(), new)
        .await
        .unwrap();
    let playbook = builtin("rollback").unwrap();
    let steps = playbook.planned(Schedule::Overlap, &playbook.defaults());
    let mut watcher = Watcher::default();
    let (_keep, stop) = watch::channel(false);
    let mut world = stage.world.clone();
    let left = run
        .walk(
            &mut world,
            &mut watcher,
            &stage.clock,
            &steps,
            &setup(),
            Stage::options(),
            stop,
        )
        .await
        .unwrap();
    assert_eq!(left.ending, Ending::Done, "{:?}", watcher.shown);
    assert_eq!(watcher.shown, ["acting write-mx"]);
    assert!(left.at >= at(60 + 300), "it soaks anew: {}", left.at);
}
