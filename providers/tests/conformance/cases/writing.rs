//! Rules 3, 4, 5 and 10: what is changed is what was meant, and nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rollout_providers::{Change, Kind, Outcome, RecordType, Writes, Zone};

use crate::{
    bed::{APEX, Bed, Subject, mx, name, txt},
    proxy::{self, OnWrite},
};

pub async fn rule_3_a_stale_belief_is_a_conflict_and_writes_nothing(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    let live = bed.truth(&name(APEX), RecordType::Mx).await.unwrap();
    let after = mx(APEX, 900, &[(0, "new.mail.example")]);
    let stale = [
        Change::create(after.clone()),
        Change::replace(mx(APEX, 3600, &[(0, "gone.mail.example")]), after.clone()).unwrap(),
        Change::replace(mx(APEX, 3600, &[(1, "old.mail.example")]), after.clone()).unwrap(),
        Change::replace(
            mx(
                APEX,
                3600,
                &[(0, "old.mail.example"), (5, "more.mail.example")],
            ),
            after.clone(),
        )
        .unwrap(),
        // Only the TTL is another.
        Change::replace(mx(APEX, 3601, &[(0, "old.mail.example")]), after).unwrap(),
        Change::delete(mx(APEX, 3600, &[(0, "gone.mail.example")])),
        Change::replace(
            mx("none.example.test", 900, &[(0, "a.example")]),
            mx("none.example.test", 900, &[(0, "b.example")]),
        )
        .unwrap(),
    ];
    for change in stale {
        let error = subject
            .provider
            .write(&subject.zone, &change)
            .await
            .unwrap_err();
        assert!(error.is_conflict(), "{change:?}: {error}");
        assert_eq!(subject.counter.writes(), 0, "{change:?}");
    }
    assert_eq!(bed.truth(&name(APEX), RecordType::Mx).await, Some(live));
}

pub async fn rule_3_applied_again_writes_nothing(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    let before = subject.read(APEX, RecordType::Mx).await.unwrap();
    let lower = before.with_ttl(900).unwrap();
    let both = mx(
        APEX,
        900,
        &[(0, "old.mail.example"), (10, "new.mail.example")],
    );
    let new = mx(APEX, 900, &[(0, "new.mail.example")]);
    let report = txt(
        "_smtp._tls.example.test",
        900,
        &[b"v=TLSRPTv1; rua=mailto:tls@example.test"],
    );
    let changes = [
        Change::replace(before, lower.clone()).unwrap(),
        Change::replace(lower, both.clone()).unwrap(),
        Change::replace(both, new).unwrap(),
        Change::create(report.clone()),
        Change::delete(report),
    ];
    for change in &changes {
        assert_eq!(
            subject.provider.write(&subject.zone, change).await,
            Ok(Outcome::Done),
            "{change:?}"
        );
        assert_eq!(
            bed.truth(change.name(), change.rtype()).await.as_ref(),
            change.after(),
            "{change:?}"
        );
        let writes = subject.counter.writes();
        assert_eq!(
            subject.provider.write(&subject.zone, change).await,
            Ok(Outcome::Unchanged),
            "{change:?}"
        );
        assert_eq!(
            subject.counter.writes(),
            writes,
            "applied again: {change:?}"
        );
    }
    // And all the way back.
    for change in changes[..3].iter().rev().map(Change::inverse) {
        assert_eq!(
            subject.provider.write(&subject.zone, &change).await,
            Ok(Outcome::Done)
        );
    }
    assert_eq!(
        bed.truth(&name(APEX), RecordType::Mx).await,
        Some(mx(APEX, 3600, &[(0, "old.mail.example")]))
    );
}

/// Between the caller's read and its write for every provider; between the provider's own read and its write for those that
/// are guarded, or that change single records.
pub async fn rule_3_a_foreign_edit_between_read_and_write_is_not_lost(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    let seen = subject.read(APEX, RecordType::Mx).await.unwrap();
    let foreign = mx(
        APEX,
        3600,
        &[(0, "old.mail.example"), (20, "backup.mail.example")],
    );
    bed.foreign(APEX, &name(APEX), RecordType::Mx, Some(foreign.clone()))
        .await;
    let change = Change::replace(seen, mx(APEX, 900, &[(0, "new.mail.example")])).unwrap();
    let error = subject
        .provider
        .write(&subject.zone, &change)
        .await
        .unwrap_err();
    assert!(
        error.is_conflict() && subject.counter.writes() == 0,
        "{error}"
    );
    assert_eq!(
        bed.truth(&name(APEX), RecordType::Mx).await,
        Some(foreign.clone())
    );

    if matches!(subject.zone.writes, Writes::Atomic | Writes::WholeZone) {
        // Nothing in such an interface could notice; `Zone::writes` says so.
        return;
    }
    // The worst moment: the provider has read, its write is on the line.
    let edit = mx(
        APEX,
        3600,
        &[
            (0, "old.mail.example"),
            (20, "backup.mail.example"),
            (30, "late.mail.example"),
        ],
    );
    let (owner, late) = (name(APEX), edit.clone());
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<tokio::sync::oneshot::Sender<()>>(1);
    let moment: proxy::Moment = Arc::new(move || {
        let sender = sender.clone();
        Box::pin(async move {
            let (done, wait) = tokio::sync::oneshot::channel();
            sender.send(done).await.unwrap();
            wait.await.unwrap();
        })
    });
    let address = proxy::start(bed.address(), bed.is_write(), OnWrite::First(moment)).await;
    let subject = Subject::at(bed, address, Duration::from_secs(10)).await;
    let change = Change::replace(foreign, mx(APEX, 900, &[(0, "new.mail.example")])).unwrap();
    let write = subject.provider.write(&subject.zone, &change);
    let meddle = async {
        let done = receiver.recv().await.unwrap();
        bed.foreign(APEX, &owner, RecordType::Mx, Some(late)).await;
        done.send(()).unwrap();
    };
    let (outcome, ()) = tokio::join!(write, meddle);
    let error = outcome.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    let now = bed.truth(&owner, RecordType::Mx).await.unwrap();
    assert!(
        edit.values()
            .last()
            .is_some_and(|late| now.values().contains(late)),
        "the foreign record was lost: {now}"
    );
    if subject.zone.writes == Writes::Guarded {
        assert_eq!(now, edit);
    }
}

pub async fn rule_4_the_set_is_never_empty(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    let owner = name(APEX);
    let sets = [
        mx(APEX, 600, &[(0, "a.example")]),
        mx(APEX, 600, &[(0, "b.example")]),
        mx(APEX, 600, &[(5, "b.example")]),
        mx(
            APEX,
            720,
            &[(0, "c.example"), (10, "d.example"), (20, "e.example")],
        ),
        mx(APEX, 600, &[(0, "f.example")]),
        mx(APEX, 600, &[(0, "a.example"), (10, "f.example")]),
        mx(APEX, 660, &[(10, "f.example")]),
    ];
    let done = AtomicBool::new(false);
    let write = async {
        for _ in 0..3 {
            for set in &sets {
                subject.put(set).await;
                assert_eq!(subject.read(APEX, RecordType::Mx).await.as_ref(), Some(set));
            }
        }
        done.store(true, Ordering::SeqCst);
    };
    let watch = async {
        let mut looks = 0;
        while !done.load(Ordering::SeqCst) {
            assert!(
                bed.truth(&owner, RecordType::Mx).await.is_some(),
                "seen empty"
            );
            looks += 1;
            tokio::task::yield_now().await;
        }
        looks
    };
    let ((), looks) = tokio::join!(write, watch);
    assert!(looks > 20, "looked only {looks} times");
    // A server that was asked at the moment of a change may serve its cached answer for a while (PowerDNS: up to 20 s).
    let begin = std::time::Instant::now();
    while bed.truth(&owner, RecordType::Mx).await.as_ref() != sets.last() {
        assert!(begin.elapsed() < Duration::from_secs(30), "never served");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_ne!(
        bed.was_ever_empty(&owner, RecordType::Mx),
        Some(true),
        "empty between two steps"
    );
}

pub async fn rule_4_nothing_else_is_touched(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    let others = [
        (APEX, RecordType::Txt),
        ("other.example.test", RecordType::Mx),
        ("deep.name.example.test", RecordType::Txt),
    ];
    let look = || async {
        let mut seen = Vec::new();
        for (owner, rtype) in others {
            seen.push(bed.truth(&name(owner), rtype).await);
        }
        seen
    };
    let (before, kept) = (
        look().await,
        bed.vendor_fields(&name(APEX), RecordType::Mx).await,
    );
    subject
        .put(&mx(APEX, 900, &[(0, "new.mail.example")]))
        .await;
    assert_eq!(
        bed.truth(&name(APEX), RecordType::Mx).await,
        Some(mx(APEX, 900, &[(0, "new.mail.example")]))
    );
    assert_eq!(bed.vendor_fields(&name(APEX), RecordType::Mx).await, kept);
    subject
        .put(&txt("_mta-sts.example.test", 900, &[b"v=STSv1; id=1"]))
        .await;
    assert_eq!(look().await, before);
    // A deletion takes the served records, no more.
    let before_mx = subject
        .read("other.example.test", RecordType::Mx)
        .await
        .unwrap();
    assert_eq!(
        subject
            .provider
            .write(&subject.zone, &Change::delete(before_mx))
            .await,
        Ok(Outcome::Done)
    );
    assert_eq!(look().await[0], before[0]);
    assert_eq!(
        bed.truth(&name(APEX), RecordType::Mx).await,
        Some(mx(APEX, 900, &[(0, "new.mail.example")]))
    );
}

pub async fn rule_5_a_ttl_out_of_range_sends_nothing(bed: &dyn Bed) {
    let Subject {
        provider,
        zone,
        counter,
    } = Subject::of(bed).await;
    let before = provider
        .read(&zone, &name(APEX), RecordType::Mx)
        .await
        .unwrap()
        .unwrap();
    let zone = Zone {
        ttl: 900..=86_400,
        ..zone
    };
    let sent = counter.total();
    for ttl in [0, 899, 86_401, i32::MAX as u32] {
        let change = Change::replace(before.clone(), before.with_ttl(ttl).unwrap()).unwrap();
        let error = provider.write(&zone, &change).await.unwrap_err();
        assert!(
            error.kind == Kind::Rejected && error.message.contains("900 s to 86400 s"),
            "{error}"
        );
    }
    assert_eq!(counter.total(), sent);
}

pub async fn rule_5_a_name_outside_the_zone_sends_nothing(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    let sent = subject.counter.total();
    for owner in ["test", "badexample.test", "example.org"] {
        let error = subject
            .provider
            .write(
                &subject.zone,
                &Change::create(mx(owner, 900, &[(0, "a.example")])),
            )
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Rejected, "{error}");
    }
    assert_eq!(subject.counter.total(), sent);
}

pub async fn rule_10_a_dropped_write_leaves_the_old_or_the_new(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    let sets = [
        mx(APEX, 900, &[(0, "a.example"), (10, "b.example")]),
        mx(APEX, 1200, &[(0, "c.example")]),
    ];
    subject.put(&sets[0]).await;
    for round in 0..24_u64 {
        let before = subject.read(APEX, RecordType::Mx).await.unwrap();
        let after = sets.iter().find(|set| **set != before).unwrap();
        let change = Change::replace(before.clone(), after.clone()).unwrap();
        let patience = Duration::from_micros(round * round * 40);
        let _ =
            tokio::time::timeout(patience, subject.provider.write(&subject.zone, &change)).await;
        // What was sent may still be on its way.
        tokio::time::sleep(Duration::from_millis(60)).await;
        let live = subject.read(APEX, RecordType::Mx).await.unwrap();
        // Between two records of a set that is changed record by record there are some of both.
        let of_both = |value| before.values().contains(value) || after.values().contains(value);
        let between = subject.zone.writes == Writes::Stepwise && live.values().iter().all(of_both);
        assert!(
            live == before || live == *after || between,
            "round {round}: {live}"
        );
    }
}
