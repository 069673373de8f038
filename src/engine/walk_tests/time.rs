//! Waits, clocks, soaks, and looks that could not tell.

use super::*;

/// T4: whenever standing still ends, the world is looked at before anything else.
#[tokio::test]
async fn t4_every_time_the_walk_wakes_it_looks() {
    let stage = Stage::new(&Start::default());
    let mut watcher = Watcher::default();
    let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    assert!(watcher.wakes.len() > 5, "{:?}", watcher.wakes);
    let outside = stage.world.0.lock().await;
    for wake in &watcher.wakes {
        assert!(outside.looked.contains(wake), "no look at {wake}");
    }
}

/// T4: when a computed wait is over but the world is not as it was, the observation decides.
#[tokio::test]
async fn t4_a_wait_that_is_over_permits_nothing_by_itself() {
    // The new host stops taking mail while the swap soaks.
    let stage = Stage::with(
        &Start {
            signed: true,
            delegated: true,
            ..Start::default()
        },
        |_, _| Act::Well,
        |facts, _, now| {
            if now > at(100) {
                for (host, fact) in &mut facts.hosts {
                    if let crate::world::Fact::Known { value, .. } = fact
                        && host.is_within("mx.microsoft")
                    {
                        value.addresses[0].smtp = SmtpOutcome::Closed;
                    }
                }
            }
        },
    );
    let options = Options {
        looks: Some(300),
        ..Stage::options()
    };
    let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
    assert!(
        matches!(left.ending, Ending::NotYet { .. }),
        "{:?}",
        left.ending
    );
    let journal = stage.journal().await;
    let removed = journal
        .iter()
        .any(|e| e.kind == Kind::Intent && e.body["step"] == "remove-mx");
    assert!(!removed);
}

#[tokio::test]
async fn t5_a_clock_that_jumped_is_a_finding_at_any_step_and_nothing_is_done_on_it() {
    for jump in [
        SignedDuration::from_hours(5),
        SignedDuration::from_hours(-5),
    ] {
        let stage = Stage::new(&Start::default());
        let options = Options {
            until: Some("enable-dnssec".into()),
            ..Stage::options()
        };
        let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
        assert_eq!(left.ending, Ending::Done);
        let before = stage.effects().await;
        stage.clock.jump(jump);
        let mut watcher = Watcher::default();
        // Preflight is asked anew by every process; here it is behind, as in a run that goes on waiting.
        let mut steps = stage.steps.clone();
        steps.retain(|s| s.goal != Goal::PREFLIGHT);
        for step in &mut steps {
            step.needs.retain(|need| need != "preflight");
        }
        let stage = Stage { steps, ..stage };
        let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
        assert!(
            matches!(
                left.ending,
                Ending::Blocked {
                    could_not_tell: false,
                    ..
                }
            ),
            "{:?}",
            left.ending
        );
        assert!(
            watcher.shown.iter().all(|s| s == "blocked clock.jumped"),
            "{:?}",
            watcher.shown
        );
        assert_eq!(stage.effects().await, before);
        let evidence = stage.journal().await;
        assert!(
            evidence
                .iter()
                .any(|e| e.body.to_string().contains("clock.jumped"))
        );
        // Looked at by a person and called again, it goes on.
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Done);
    }
}

/// T5: what was seen under a clock that was set is not taken in: it would end what caches hold, for good.
#[tokio::test]
async fn t5_a_clock_that_jumped_ends_nothing_that_caches_hold() {
    let stage = Stage::new(&Start::default());
    let options = Options {
        until: Some("remove-mx".into()),
        ..Stage::options()
    };
    let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    let before = left.memory.caches;
    assert!(
        before.mx.versions().len() > 1,
        "the first set is cached still"
    );
    // Set forward by more than any TTL.
    stage.clock.jump(SignedDuration::from_hours(48));
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert!(matches!(left.ending, Ending::Blocked { .. }));
    assert_eq!(left.memory.caches, before);
}

/// T5: a clock that is set during an effect does not date its outcome, and nothing more is done on it.
#[tokio::test]
async fn t5_a_clock_set_during_an_effect_does_not_date_its_outcome() {
    let stage = Stage::new(&Start::default());
    let clock = stage.clock.clone();
    let before = clock.now();
    stage.world.0.lock().await.script = Box::new(move |_, _| {
        clock.jump(SignedDuration::from_hours(30));
        Act::Lost
    });
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert!(matches!(left.ending, Ending::Blocked { .. }));
    let since = left.memory.unknown["write-mx"];
    assert!(since.duration_since(before) < SignedDuration::from_hours(1));
    assert_eq!(stage.world.0.lock().await.tried.len(), 1);
}

#[tokio::test]
async fn s7_could_not_tell_is_asked_again_a_few_times_and_then_ends_as_such() {
    let failing = |from: i64, to: i64| {
        move |facts: &mut Facts, _: usize, now: Timestamp| {
            if now > at(from) && now < at(to) {
                facts.zone = could_not_tell();
            }
        }
    };
    let start = || Start {
        signed: true,
        delegated: true,
        ..Start::default()
    };
    // For a moment: the run goes on by itself.
    let stage = Stage::with(&start(), |_, _| Act::Well, failing(20, 35));
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert_eq!(left.ending, Ending::Done);
    // For good: it ends, says so, and comes back by itself.
    let stage = Stage::with(&start(), |_, _| Act::Well, failing(20, 1_000_000));
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert!(matches!(
        left.ending,
        Ending::Blocked {
            could_not_tell: true,
            ..
        }
    ));
    let run = stage.store.run(stage.id().await).await.unwrap().unwrap();
    assert_eq!(run.status, Status::Active);
    assert!(run.wake_at.is_some());
}

#[tokio::test]
async fn without_waiting_it_says_when_to_come_back_and_goes_on_there() {
    let stage = Stage::new(&Start::default());
    let mut calls = 0;
    loop {
        calls += 1;
        assert!(calls < 5_000);
        let options = Options {
            wait: false,
            ..Stage::options()
        };
        let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
        match left.ending {
            Ending::Done => break,
            Ending::NotYet {
                wake: Some(wake), ..
            } => {
                assert!(wake > stage.clock.now(), "never at once: that would spin");
                stage.clock.sleep_until(wake).await;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stage.effects().await, each_once());
    let _ = (IntentId::new(), Instructions::default());
}

/// A soak is watched along its way: what turns bad in the middle starts it anew.
#[tokio::test]
async fn a_soak_that_turns_bad_in_its_middle_begins_again() {
    let start = Start {
        ttl: 60,
        signed: true,
        delegated: true,
        ..Start::default()
    };
    let took = |bad: bool| {
        let start = Start {
            mx: start.mx.clone(),
            ..start
        };
        async move {
            let stage = Stage::with(
                &start,
                |_, _| Act::Well,
                move |facts, looks, _| {
                    // Every look of one stretch sees the new host refusing mail.
                    if bad && (30..33).contains(&looks) {
                        for (host, fact) in &mut facts.hosts {
                            if let crate::world::Fact::Known { value, .. } = fact
                                && host.is_within("mx.microsoft")
                            {
                                value.addresses[0].smtp = SmtpOutcome::Closed;
                            }
                        }
                    }
                },
            );
            let left = stage
                .walk(&mut Watcher::default(), Stage::options())
                .await
                .unwrap();
            assert_eq!(left.ending, Ending::Done);
            stage.clock.now()
        }
    };
    assert!(took(true).await > took(false).await);
}

/// What is long in coming is looked for less often, but at least every five minutes.
#[tokio::test]
async fn the_longer_something_takes_the_less_often_it_is_looked_for() {
    let start = Start {
        signed: true,
        delegated: true,
        ..Start::default()
    };
    let stage = Stage::new(&start);
    let slow = Estimates {
        tlsa: Duration::from_hours(4),
        ..quick()
    };
    stage.world.0.lock().await.model = Model::new(start.facts(), stage.clock.clone(), slow);
    let options = Options {
        until: Some("enable-dane".into()),
        ..Stage::options()
    };
    let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    let mut watcher = Watcher::default();
    let began = stage.clock.now();
    let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    let looks = stage.world.0.lock().await.looked.clone();
    let mut waited: Vec<_> = looks.into_iter().filter(|at| *at >= began).collect();
    waited.dedup();
    let gaps = waited
        .windows(2)
        .map(|pair| pair[1].duration_since(pair[0]).as_secs());
    let gaps: Vec<_> = gaps.collect();
    let usual = Options::default().poll.as_secs().cast_signed();
    assert_eq!(gaps[0], usual, "{gaps:?}");
    assert!(gaps.iter().all(|gap| (1..=300).contains(gap)), "{gaps:?}");
    assert!(gaps.contains(&300), "{gaps:?}");
    assert!(gaps.len() < 150, "{} looks in four hours", gaps.len());
}

/// A process that takes over asks for each thing once on its way to the first wait or effect; the effect itself is made on
/// a look at all that it needs.
#[tokio::test]
async fn whoever_takes_over_asks_once_and_acts_on_a_look_of_its_own() {
    let stage = Stage::new(&Start {
        signed: true,
        delegated: true,
        ..Start::default()
    });
    for until in ["verify-added", "verify-swapped", "enable-dane", "final-ttl"] {
        let before = stage.world.0.lock().await.looks;
        let options = Options {
            until: Some(until.into()),
            ..Stage::options()
        };
        let left = stage
            .walk(&mut Watcher::default(), options.clone())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Done, "{until}");
        let first = stage.world.0.lock().await.looks;
        let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
        assert_eq!(left.ending, Ending::Done, "{until}");
        let again = stage.world.0.lock().await.looks - first;
        assert!(again <= 6 && again < first - before, "{until}: {again}");
    }
    let outside = stage.world.0.lock().await;
    let rests_on = &outside.rests_on;
    assert!(rests_on.len() >= 6, "{rests_on:?}");
    for (effect, needs) in rests_on {
        let enough = match *effect {
            "write-mx" => needs.zone && needs.smtp && needs.policy && !needs.hosts.is_empty(),
            "enable-dnssec" | "enable-dane" => needs.exchange,
            other => panic!("{other}"),
        };
        assert!(enough, "{effect}: {needs:?}");
    }
}
