//! Effects and what is written down of them: intents, outcomes, crashes, conflicts.

use super::*;

#[tokio::test]
async fn s6_s8_intent_before_effect_outcome_after_and_the_way_back_before_all() {
    let stage = Stage::new(&Start::default());
    let mut watcher = Watcher::default();
    let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done, "{:?}", watcher.shown.last());
    assert_eq!(stage.effects().await, each_once());

    let journal = stage.journal().await;
    let kinds: Vec<_> = journal
        .iter()
        .filter(|e| matches!(e.kind, Kind::Intent | Kind::Outcome | Kind::WayBack))
        .map(|e| (e.kind, e.intent))
        .collect();
    assert_eq!(kinds[0].0, Kind::WayBack, "S8: before the first change");
    assert_eq!(kinds.iter().filter(|(k, _)| *k == Kind::WayBack).count(), 1);
    for pair in kinds[1..].chunks(2) {
        assert_eq!((pair[0].0, pair[1].0), (Kind::Intent, Kind::Outcome));
        assert_eq!(pair[0].1, pair[1].1);
    }
    let way_back = journal.iter().find(|e| e.kind == Kind::WayBack).unwrap();
    assert_eq!(way_back.body["mx"]["ttl"], 3600);
    assert!(way_back.body["mx"].to_string().contains(LEGACY));
    for part in ["parent", "provider", "exchange"] {
        assert!(way_back.body[part].is_object(), "{part}");
    }
    // And shown before the first effect, once.
    let shown = |what: &str| watcher.shown.iter().filter(|s| s.starts_with(what)).count();
    assert!(watcher.shown[0].starts_with(&format!("way back to 0 {LEGACY} (TTL 3600 s)")));
    assert_eq!(shown("way back"), 1);

    // Each intent carries its evidence and what it changes.
    let writes = journal
        .iter()
        .filter(|e| e.kind == Kind::Intent && e.body["action"]["action"] == "write-mx");
    for intent in writes {
        assert!(intent.body["evidence"]["zone"].is_object());
        assert!(intent.body["action"]["before"].is_object());
    }
    stage.store.verify_chain(stage.id().await).await.unwrap();
}

#[tokio::test]
async fn s7_an_answer_that_was_not_understood_is_journalled_as_it_came() {
    let stage = Stage::new(&Start::default());
    stage.world.0.lock().await.unread = vec![crate::microsoft::Unread {
        call: crate::microsoft::Call::new("Get-X", Some("contoso.com")),
        why: "Get-X could not tell".into(),
        bytes: 17,
        body: "{\"odd\": [secret]}".into(),
    }];
    let mut watcher = Watcher::default();
    stage.walk(&mut watcher, Stage::options()).await.unwrap();
    let journal = stage.journal().await;
    let kept: Vec<_> = journal
        .iter()
        .filter(|e| e.kind == Kind::Observation && e.body.get("unread").is_some())
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].body["unread"]["body"], "{\"odd\": [secret]}");
    assert_eq!(kept[0].body["unread"]["call"]["name"], "Get-X");
    // Nobody who only watches is shown it.
    assert!(!watcher.shown.iter().any(|shown| shown.contains("odd")));
    stage.store.verify_chain(stage.id().await).await.unwrap();
}

#[tokio::test]
async fn s8_without_a_change_there_is_no_way_back_to_keep() {
    let stage = Stage::new(&Start::finished());
    let mut watcher = Watcher::default();
    let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    assert!(watcher.shown.is_empty(), "{:?}", watcher.shown);
    assert!(
        stage
            .journal()
            .await
            .iter()
            .all(|e| e.kind != Kind::WayBack)
    );
}

/// Drops the future after `polls` polls, as a crash does; `None` when it ended before.
async fn crash<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// S6: killed at any await, and gone on with by another process: the same end, every effect once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_a_crash_at_any_await_changes_neither_the_end_nor_the_effects() {
    // From where both chains have most in common: seven effects, each with its waits.
    let mut crashes = 0;
    let mut at_poll = 1;
    loop {
        let stage = Stage::new(&Start {
            ttl: 60,
            ..Start::default()
        });
        let mut watcher = Watcher::default();
        let ended = crash(stage.walk(&mut watcher, Stage::options()), at_poll).await;
        if ended.is_some() {
            break;
        }
        crashes += 1;
        // The dead driver's lease runs out; a write it had handed over is finished by then.
        // What the other process does first is decided before any effect had time to show.
        stage.database.advance(LEASE * 2);
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Done, "killed at poll {at_poll}");
        let mut once = each_once();
        once.insert("write-mx", 4);
        assert_eq!(stage.effects().await, once, "killed at poll {at_poll}");
        let open = stage.store.open_intents(stage.id().await).await.unwrap();
        assert!(open.is_empty(), "killed at poll {at_poll}: {open:?}");
        stage.store.verify_chain(stage.id().await).await.unwrap();
        // Every await of the beginning, then wider apart: waits repeat themselves.
        at_poll += if at_poll < 60 { 1 } else { 1 + at_poll / 10 };
    }
    assert!(crashes > 60, "{crashes}");
}

#[tokio::test]
async fn s6_a_lost_answer_is_observed_and_the_effect_made_once() {
    for name in [
        "write-mx",
        "sign-zone",
        "publish-ds",
        "enable-dnssec",
        "enable-dane",
    ] {
        // The effect was made, its answer lost: it is seen, not sent again.
        let stage = Stage::with(
            &Start::default(),
            move |action, count| {
                if action.name() == name && count == 1 {
                    Act::AnswerLost
                } else {
                    Act::Well
                }
            },
            |_, _, _| {},
        );
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Done, "{name}");
        assert_eq!(
            stage.effects().await,
            each_once(),
            "{name}: made, answer lost"
        );

        // Neither was made: it is sent again once that is proven, and only after it had time to show.
        let stage = Stage::with(
            &Start::default(),
            move |action, count| {
                if action.name() == name && count == 1 {
                    Act::Lost
                } else {
                    Act::Well
                }
            },
            |_, _, _| {},
        );
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Done, "{name}");
        assert_eq!(stage.effects().await, each_once(), "{name}: lost");
        let journal = stage.journal().await;
        let times: Vec<_> = journal
            .iter()
            .filter(|e| e.kind == Kind::Intent && e.body["action"]["action"] == name)
            .map(|e| e.at)
            .collect();
        assert!(
            times[1].duration_since(times[0]) >= SignedDuration::from_secs(30),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_effect_that_never_shows_is_not_made_again_and_does_not_spin() {
    for name in [
        "write-mx",
        "sign-zone",
        "publish-ds",
        "enable-dnssec",
        "enable-dane",
    ] {
        let stage = Stage::with(
            &Start::default(),
            move |action, _| {
                if action.name() == name {
                    Act::NeverShows
                } else {
                    Act::Well
                }
            },
            |_, _, _| {},
        );
        let options = Options {
            looks: Some(600),
            ..Stage::options()
        };
        let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
        assert!(
            matches!(left.ending, Ending::NotYet { .. }),
            "{name}: {:?}",
            left.ending
        );
        let outside = stage.world.0.lock().await;
        assert_eq!(outside.tried[name], 1, "{name}");
        // Time passed between the looks: 600 of them are not 600 in the same instant.
        let passed = outside.clock.now().duration_since(at(0)).as_secs();
        assert!(
            passed > 3_000,
            "{name}: {passed} s in {} looks",
            outside.looks
        );
    }
}

#[tokio::test]
async fn a_service_that_asks_for_patience_gets_it() {
    let stage = Stage::with(
        &Start::default(),
        |action, count| match (action, count) {
            (Action::EnableDnssec, 1) => Act::Later(120),
            (Action::EnableDnssec, 2) => Act::Later(0),
            _ => Act::Well,
        },
        |_, _, _| {},
    );
    let mut watcher = Watcher::default();
    let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    let times: Vec<_> = stage
        .journal()
        .await
        .iter()
        .filter(|e| e.kind == Kind::Intent && e.body["action"]["action"] == "enable-dnssec")
        .map(|e| e.at)
        .collect();
    assert!(times[1].duration_since(times[0]).as_secs() >= 120);
    assert!(times[2].duration_since(times[1]).as_secs() >= 1);
    assert!(
        watcher
            .waits
            .iter()
            .any(|(step, wait)| step == "enable-dnssec"
                && wait.kind == WaitFor::Service
                && wait.why[0].contains("busy"))
    );
}

#[tokio::test]
async fn s1_conflicts_and_refusals_stop_the_run_and_are_not_tried_again() {
    for (act, id) in [
        (Act::Conflict, "effect.conflict"),
        (Act::Refused, "effect.refused"),
    ] {
        let stage = Stage::with(
            &Start::default(),
            move |action, _| {
                if action.name() == "write-mx" {
                    act
                } else {
                    Act::Well
                }
            },
            |_, _, _| {},
        );
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        let Ending::Blocked {
            pending,
            could_not_tell,
        } = left.ending
        else {
            panic!("{:?}", left.ending)
        };
        assert!(!could_not_tell);
        assert!(format!("{pending:?}").contains(id));
        assert_eq!(stage.world.0.lock().await.tried["write-mx"], 1);
        let run = stage.store.run(stage.id().await).await.unwrap().unwrap();
        assert_eq!(run.status, Status::Blocked);
    }
}

/// S1 and T4: somebody adds an MX during a wait. The look after the wait sees it, and nothing is written.
#[tokio::test]
async fn s1_t4_the_world_is_looked_at_before_every_effect_and_drift_stops_it() {
    let stage = Stage::with(
        &Start::default(),
        |_, _| Act::Well,
        |facts, _, now| {
            if now > at(40)
                && let crate::world::Fact::Known { value, .. } = &mut facts.zone
            {
                for server in &mut value.servers {
                    if let Answer::Got { value, .. } = &mut server.mx {
                        *value = value
                            .iter()
                            .cloned()
                            .chain([crate::kernel::Mx {
                                preference: 50,
                                host: crate::kernel::Host::new("backup.example"),
                            }])
                            .collect();
                    }
                }
            }
        },
    );
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert!(matches!(
        left.ending,
        Ending::Blocked {
            could_not_tell: false,
            ..
        }
    ));
    let journal = stage.journal().await;
    let late = |e: &&Recorded| {
        e.kind == Kind::Intent && e.at > at(40) && e.body["action"]["action"] == "write-mx"
    };
    assert_eq!(journal.iter().filter(late).count(), 0);
    // No two effects without a look between them.
    let outside = stage.world.0.lock().await;
    for pair in outside.events.windows(2) {
        assert!(
            !matches!(pair, [Event::Effect(_), Event::Effect(_)]),
            "{pair:?}"
        );
    }
}
