//! Two owners, one run: who may write when (S9), and which runs are due.

use super::*;

#[tokio::test]
async fn a_held_run_names_its_holder_and_what_it_did_last() {
    let (store, _) = with_clock();
    let lease = store
        .create_run(new_run("Example.COM."), &owner(1), TTL)
        .await
        .unwrap();
    assert_eq!(
        (lease.domain.as_str(), lease.fence, lease.until),
        ("example.com", Fence(1), at(30))
    );
    store
        .append(&lease, note("added the new MX"))
        .await
        .unwrap();

    let error = store
        .claim(&Target::Domain("EXAMPLE.com".to_owned()), &owner(2), TTL)
        .await
        .unwrap_err();
    let StoreError::Held(held) = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (&held.owner, held.until, held.run),
        (&owner(1), at(30), lease.run)
    );
    assert_eq!(
        held.last.as_ref().unwrap().body,
        json!({"text": "added the new MX"})
    );
    let text = error.to_string();
    for part in [
        "admin on mx-admin, process 1",
        "2023-11-14T22:13:50Z",
        "added the new MX",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}

#[tokio::test]
async fn an_expired_lease_is_taken_over_and_its_holder_is_fenced_off() {
    let (store, clock) = with_clock();
    let first = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    clock.advance(TTL - Duration::from_millis(1));
    store.append(&first, note("in time")).await.unwrap();

    clock.advance(Duration::from_millis(1));
    let error = store.append(&first, note("late")).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Fenced {
                because: FencedBecause::Expired { .. },
                ..
            }
        ),
        "{error}"
    );
    assert!(
        store.renew(&first, TTL).await.is_err(),
        "an expired lease is claimed again, not renewed"
    );

    let second = store
        .claim(&Target::Run(first.run), &owner(2), TTL)
        .await
        .unwrap();
    assert!(second.fence > first.fence);
    let error = store.append(&first, note("late")).await.unwrap_err();
    let StoreError::Fenced {
        because: FencedBecause::TakenOver { current, by },
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!((*current, by.as_ref()), (second.fence, Some(&owner(2))));

    store.release(&first).await.unwrap();
    store
        .append(
            &second,
            note("the release of a stale lease changes nothing"),
        )
        .await
        .unwrap();
    let run = store.run(first.run).await.unwrap().unwrap();
    assert_eq!(
        (run.last_seq, run.takeovers, run.fence),
        (2, 1, second.fence)
    );
}

#[tokio::test]
async fn renewing_lengthens_and_releasing_ends() {
    let (store, clock) = with_clock();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    clock.advance(Duration::from_secs(20));
    let lease = store.renew(&lease, TTL).await.unwrap();
    assert_eq!(lease.until, at(50));
    clock.advance(Duration::from_secs(20));
    store.append(&lease, note("still mine")).await.unwrap();
    store.release(&lease).await.unwrap();
    let error = store.append(&lease, note("no more")).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Fenced {
                because: FencedBecause::Released,
                ..
            }
        ),
        "{error}"
    );
    let again = store
        .claim(&Target::Run(lease.run), &owner(1), TTL)
        .await
        .unwrap();
    assert!(again.fence > lease.fence, "a fence is never used twice");
}

#[tokio::test]
async fn a_domain_has_one_unfinished_run() {
    let (store, _) = with_clock();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let error = store
        .create_run(new_run("EXAMPLE.com."), &owner(2), TTL)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StoreError::UnfinishedRun { run, .. } if *run == lease.run),
        "{error}"
    );

    store
        .append(&lease, note("done").status(Status::Done))
        .await
        .unwrap();
    assert_eq!(store.unfinished("example.com").await.unwrap(), None);
    let error = store
        .claim(&Target::Run(lease.run), &owner(1), TTL)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Finished {
                status: Status::Done,
                ..
            }
        ),
        "{error}"
    );
    let error = store
        .claim(&Target::Domain("example.com".to_owned()), &owner(1), TTL)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::NoUnfinishedRun { .. }),
        "{error}"
    );

    let next = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let all: Vec<RunId> = store
        .runs(Some("example.com"))
        .await
        .unwrap()
        .iter()
        .map(|run| run.id)
        .collect();
    assert_eq!(all, [next.run, lease.run], "the newest first");
}

fn wake_at(second: i64, signals: u64) -> Wake {
    Wake {
        at: Some(at(second)),
        why: json!({"until": second}),
        signals,
    }
}

#[tokio::test]
async fn due_are_the_runs_whose_time_has_come_and_those_whose_driver_died() {
    let (store, clock) = with_clock();
    let mut leases = Vec::new();
    for name in [
        "late.example",
        "early.example",
        "never.example",
        "died.example",
        "held.example",
        "done.example",
    ] {
        leases.push(
            store
                .create_run(new_run(name), &owner(1), TTL)
                .await
                .unwrap(),
        );
    }
    store
        .append(&leases[0], note("").wait(wake_at(900, 0)))
        .await
        .unwrap();
    store
        .append(&leases[1], note("").wait(wake_at(100, 0)))
        .await
        .unwrap();
    let person = Wake {
        at: None,
        why: json!("a gate"),
        signals: 0,
    };
    store
        .append(&leases[2], note("").wait(person).status(Status::Blocked))
        .await
        .unwrap();
    store
        .append(
            &leases[5],
            note("").wait(wake_at(1, 0)).status(Status::Done),
        )
        .await
        .unwrap();
    assert!(
        store
            .run(leases[0].run)
            .await
            .unwrap()
            .unwrap()
            .lease
            .is_none(),
        "a waiting run holds no lease"
    );
    store.renew(&leases[4], TTL * 10_000).await.unwrap();

    assert_eq!(
        store.claim_due(&owner(2), at(99), TTL, 10).await.unwrap(),
        []
    );
    clock.advance(TTL);
    let due = store.claim_due(&owner(2), at(100), TTL, 10).await.unwrap();
    let domains: Vec<&str> = due.iter().map(|lease| lease.domain.as_str()).collect();
    assert_eq!(domains, ["died.example", "early.example"]);
    assert_eq!(
        store.claim_due(&owner(3), at(100), TTL, 10).await.unwrap(),
        [],
        "each is claimed once"
    );
    let due = store.claim_due(&owner(3), at(900), TTL, 1).await.unwrap();
    assert_eq!(due[0].domain, "late.example");
    assert_eq!(
        store.run(leases[3].run).await.unwrap().unwrap().takeovers,
        1
    );
    assert_eq!(
        store.run(leases[0].run).await.unwrap().unwrap().takeovers,
        0
    );
}

#[tokio::test]
async fn nothing_wakes_before_its_time_not_by_a_nanosecond() {
    let (store, _) = with_clock();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let until = at(100)
        .checked_add(jiff::SignedDuration::from_nanos(1))
        .unwrap();
    let wake = Wake {
        at: Some(until),
        why: json!(null),
        signals: 0,
    };
    store.append(&lease, note("").wait(wake)).await.unwrap();
    assert_eq!(
        store.claim_due(&owner(1), at(100), TTL, 1).await.unwrap(),
        []
    );
    assert!(
        store
            .run(lease.run)
            .await
            .unwrap()
            .unwrap()
            .wake_at
            .unwrap()
            >= until
    );
}

fn approval(gate: &str, verdict: GateVerdict) -> GateEvent {
    GateEvent {
        gate: gate.to_owned(),
        verdict,
        by: "olga".to_owned(),
        note: None,
    }
}

#[tokio::test]
async fn an_approval_needs_no_lease_and_makes_the_run_due() {
    let (store, _) = with_clock();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let opened = Transition::entries(vec![Entry::gate(
        at(1),
        &approval("swap", GateVerdict::Opened),
    )]);
    store
        .append(&lease, opened.wait(wake_at(5000, 0)))
        .await
        .unwrap();

    store
        .signal(
            lease.run,
            at(10),
            Signal::Gate(approval("swap", GateVerdict::Approved)),
        )
        .await
        .unwrap();
    assert_eq!(
        store.gates(lease.run).await.unwrap(),
        [approval("swap", GateVerdict::Approved)]
    );
    let due = store.claim_due(&owner(2), at(10), TTL, 1).await.unwrap();
    assert_eq!(due[0].run, lease.run);
    assert_eq!(store.verify_chain(lease.run).await.unwrap().entries, 2);
}

#[tokio::test]
async fn a_signal_that_the_driver_had_not_seen_is_not_slept_over() {
    let (store, _) = with_clock();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let read = store.run(lease.run).await.unwrap().unwrap();
    store
        .signal(
            lease.run,
            at(10),
            Signal::Pause {
                by: "olga".to_owned(),
                why: "audit".to_owned(),
            },
        )
        .await
        .unwrap();
    store
        .append(&lease, note("").wait(wake_at(5000, read.signals)))
        .await
        .unwrap();
    assert_eq!(
        store.run(lease.run).await.unwrap().unwrap().wake_at,
        Some(at(10))
    );

    let lease = store
        .claim_due(&owner(1), at(10), TTL, 1)
        .await
        .unwrap()
        .remove(0);
    let read = store.run(lease.run).await.unwrap().unwrap();
    assert_eq!((read.brake, read.signals), (Some(Brake::Pause), 1));
    store
        .append(&lease, note("").wait(wake_at(5000, read.signals)))
        .await
        .unwrap();
    assert_eq!(
        store.run(lease.run).await.unwrap().unwrap().wake_at,
        Some(at(5000))
    );
}

#[tokio::test]
async fn brakes_are_cleared_only_by_who_honours_the_same_one() {
    let (store, _) = with_clock();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let by = || "olga".to_owned();
    let brake = async || store.run(lease.run).await.unwrap().unwrap().brake;
    let honoured = |brake| Transition {
        honoured: Some(brake),
        ..note("honoured")
    };

    store
        .signal(
            lease.run,
            at(1),
            Signal::Pause {
                by: by(),
                why: by(),
            },
        )
        .await
        .unwrap();
    store
        .signal(
            lease.run,
            at(2),
            Signal::Abort {
                by: by(),
                why: by(),
            },
        )
        .await
        .unwrap();
    store
        .append(&lease, honoured(Brake::Pause).status(Status::Paused))
        .await
        .unwrap();
    assert_eq!(
        brake().await,
        Some(Brake::Abort),
        "the pause was honoured, the abort was not seen yet"
    );
    store
        .signal(
            lease.run,
            at(3),
            Signal::Pause {
                by: by(),
                why: by(),
            },
        )
        .await
        .unwrap();
    assert_eq!(brake().await, Some(Brake::Abort));
    store
        .signal(lease.run, at(4), Signal::Continue { by: by() })
        .await
        .unwrap();
    assert_eq!(brake().await, None);
    store
        .signal(
            lease.run,
            at(5),
            Signal::Abort {
                by: by(),
                why: by(),
            },
        )
        .await
        .unwrap();
    store
        .append(&lease, honoured(Brake::Abort).status(Status::Aborted))
        .await
        .unwrap();
    let error = store
        .signal(lease.run, at(6), Signal::Continue { by: by() })
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Finished {
                status: Status::Aborted,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn without_a_test_clock_the_database_keeps_time() {
    let store = SqliteStore::in_memory(StoreOptions::default()).unwrap();
    let before = Timestamp::now();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let granted = lease.until.duration_since(before).as_millis();
    assert!((29_990..40_000).contains(&granted), "{granted} ms");
    let short = store.renew(&lease, Duration::from_millis(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(store.append(&short, note("late")).await.is_err());
}

#[tokio::test]
async fn a_heartbeat_keeps_a_lease_and_tells_when_it_is_lost() {
    use std::sync::Arc;
    let store = SqliteStore::in_memory(StoreOptions::default()).unwrap();
    let ttl = Duration::from_millis(600);
    let lease = store
        .create_run(new_run("example.com"), &owner(1), ttl)
        .await
        .unwrap();
    let heartbeat = Heartbeat::start(Arc::new(store.clone()), lease.clone(), ttl);
    tokio::time::sleep(ttl * 2).await;
    assert!(!heartbeat.is_lost());
    store
        .append(&lease, note("long after the lease would have ended"))
        .await
        .unwrap();

    store.release(&lease).await.unwrap();
    tokio::time::timeout(ttl * 20, heartbeat.lost())
        .await
        .unwrap();
    assert!(heartbeat.is_lost());

    let lease = store
        .claim(&Target::Run(lease.run), &owner(1), ttl)
        .await
        .unwrap();
    drop(Heartbeat::start(
        Arc::new(store.clone()),
        lease.clone(),
        ttl,
    ));
    tokio::time::sleep(ttl * 2).await;
    assert!(
        store
            .append(&lease, note("nobody renewed it"))
            .await
            .is_err()
    );
}
