//! What every write does around the write itself: refuse early, compare before, look after.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crate::{
    Change, DelegationKey, Dnskey, Ds, Error, Kind, Name, Outcome, Provider, RecordData, Result,
    Rrset, Zone,
};

/// First pause before looking again; it doubles.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest pause before looking again.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What comparing said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is so already.
    Unchanged,
    /// What is live is what the caller believed.
    Write,
}

/// Words after "could not".
pub(crate) fn operation(change: &Change) -> String {
    format!("change {} at {}", change.rtype(), change.name())
}

/// The same, where only one side of the change is at hand.
pub(crate) fn operation_on(set: &Rrset) -> String {
    format!("change {} at {}", set.rtype(), set.name())
}

/// Refuses what the zone cannot take, before any request.
pub(crate) fn admit(provider: &'static str, zone: &Zone, change: &Change) -> Result<()> {
    let refuse = |message| {
        Err(Error::new(
            provider,
            operation(change),
            Kind::Rejected,
            message,
        ))
    };
    if !change.name().is_within(&zone.apex) {
        return refuse(format!(
            "{} is not in the zone {}",
            change.name(),
            zone.apex
        ));
    }
    match change.after() {
        Some(after) if !zone.ttl.contains(&after.ttl()) => {
            let (least, most) = (zone.ttl.start(), zone.ttl.end());
            refuse(format!(
                "a TTL of {} s is not possible in this zone: {least} s to {most} s are",
                after.ttl()
            ))
        }
        _ => Ok(()),
    }
}

/// Compares what is live with what the caller believed.
pub(crate) fn compare(
    provider: &'static str,
    live: Option<&Rrset>,
    change: &Change,
) -> Result<Verdict> {
    if live == change.after() {
        return Ok(Verdict::Unchanged);
    }
    if live == change.before() {
        return Ok(Verdict::Write);
    }
    let message = format!(
        "what is live is not what was seen before: live is {}, expected was {}",
        show(live),
        show(change.before())
    );
    Err(Error::new(
        provider,
        operation(change),
        Kind::Conflict,
        message,
    ))
}

/// Compares the DS records on file at a registrar with what the caller believed; `after` is what will be on file.
pub(crate) fn compare_delegation(
    provider: &'static str,
    apex: &Name,
    live: &[Ds],
    before: &[Ds],
    after: &[Ds],
) -> Result<Verdict> {
    let set = |ds: &[Ds]| ds.iter().cloned().collect::<BTreeSet<_>>();
    if set(live) == set(after) {
        return Ok(Verdict::Unchanged);
    }
    if set(live) == set(before) {
        return Ok(Verdict::Write);
    }
    let show = |ds: &[Ds]| match ds {
        [] => "no DS".to_owned(),
        some => some
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; "),
    };
    let message = format!(
        "what the registrar has on file is not what was expected: it has {}, expected was {}",
        show(live),
        show(before)
    );
    Err(Error::new(
        provider,
        delegate(apex),
        Kind::Conflict,
        message,
    ))
}

/// The keys themselves, for a registrar who takes those and makes the digests.
pub(crate) fn dnskeys(
    provider: &'static str,
    apex: &Name,
    keys: &[DelegationKey],
) -> Result<Vec<Dnskey>> {
    let key = |key: &DelegationKey| {
        key.dnskey.clone().ok_or_else(|| {
            let message =
                "this registrar takes the key itself (DNSKEY), and only its digest is known";
            Error::new(provider, delegate(apex), Kind::Rejected, message)
        })
    };
    keys.iter().map(key).collect()
}

/// Words after "could not".
pub(crate) fn delegate(apex: &Name) -> String {
    format!("change the delegation of {apex}")
}

/// Looks whether the provider has now what was asked for.
pub(crate) async fn confirm(
    provider: &dyn Provider,
    zone: &Zone,
    change: &Change,
) -> Result<Outcome> {
    let live = look(provider, zone, change).await?;
    judge(provider.info().slug, live.as_ref(), change)
}

/// The same where a server takes a change before it serves it, as BIND does with inline signing: looks again for as long as
/// `patience`. What does not show by then is unknown; the server did take it.
pub(crate) async fn confirm_within(
    provider: &dyn Provider,
    zone: &Zone,
    change: &Change,
    patience: Duration,
) -> Result<Outcome> {
    let slug = provider.info().slug;
    let begun = Instant::now();
    let mut pause = PAUSE;
    loop {
        let live = look(provider, zone, change).await?;
        if live.as_ref() != change.before() {
            return judge(slug, live.as_ref(), change);
        }
        if begun.elapsed() >= patience {
            let message = "the server said yes, but still serves what was there before";
            return Err(Error::new(slug, operation(change), Kind::Unknown, message));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// An error after `taken` requests were taken: something was changed, so the whole cannot simply be tried again. A record that
/// is gone was removed by somebody else since it was looked at.
pub(crate) fn halfway(error: Error, taken: usize) -> Error {
    let kind = match error.kind {
        Kind::NotFound | Kind::Conflict => Kind::Conflict,
        _ if taken > 0 => Kind::Unknown,
        kind => kind,
    };
    let message = match taken {
        0 => error.message,
        1 => format!("one request was taken, then: {}", error.message),
        _ => format!("{taken} requests were taken, then: {}", error.message),
    };
    Error {
        kind,
        message,
        ..error
    }
}

async fn look(provider: &dyn Provider, zone: &Zone, change: &Change) -> Result<Option<Rrset>> {
    provider
        .read(zone, change.name(), change.rtype())
        .await
        .map_err(|error| Error {
            kind: Kind::Unknown,
            message: format!(
                "it was sent and accepted, but looking at the result failed: {}",
                error.message
            ),
            operation: operation(change),
            ..error
        })
}

fn judge(provider: &'static str, live: Option<&Rrset>, change: &Change) -> Result<Outcome> {
    if live == change.after() {
        return Ok(Outcome::Done);
    }
    let (kind, message) = match (live, change.after()) {
        (Some(live), Some(after)) if live.values() == after.values() => (
            Kind::Rejected,
            format!(
                "the values were written, but the TTL became {} s instead of {} s",
                live.ttl(),
                after.ttl()
            ),
        ),
        _ if live == change.before() => (
            Kind::Rejected,
            "the provider said yes and changed nothing".to_owned(),
        ),
        _ => (
            Kind::Conflict,
            format!(
                "somebody else changed it at the same moment: live is {}, wanted was {}",
                show(live),
                show(change.after())
            ),
        ),
    };
    Err(Error::new(provider, operation(change), kind, message))
}

fn show(set: Option<&Rrset>) -> String {
    set.map_or_else(
        || "no record".to_owned(),
        |set| {
            let values: Vec<_> = set.values().iter().map(ToString::to_string).collect();
            format!("{} (TTL {} s)", values.join(", "), set.ttl())
        },
    )
}

/// How to get from some records to others where the provider changes single records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Steps<R> {
    /// Stay as they are.
    pub(crate) keep: Vec<(R, RecordData)>,
    /// First: change in place to that value.
    pub(crate) change: Vec<(R, RecordData)>,
    /// Then: add.
    pub(crate) add: Vec<RecordData>,
    /// Last: delete.
    pub(crate) delete: Vec<R>,
}

/// Pairs each record to drop with a value to add. So a set that exists before and after is never empty between,
/// in whatever order a provider carries the three out: additions and deletions never come together.
pub(crate) fn steps<R>(have: Vec<(R, RecordData)>, want: &[RecordData]) -> Steps<R> {
    let mut missing: Vec<&RecordData> = want.iter().collect();
    let (mut keep, mut spare) = (Vec::new(), Vec::new());
    for (record, value) in have {
        match missing.iter().position(|wanted| **wanted == value) {
            Some(found) => {
                missing.remove(found);
                keep.push((record, value));
            }
            None => spare.push(record),
        }
    }
    let rest = spare.split_off(spare.len().min(missing.len()));
    let add = missing.split_off(spare.len());
    let change = spare
        .into_iter()
        .zip(missing.into_iter().cloned())
        .collect();
    Steps {
        keep,
        change,
        add: add.into_iter().cloned().collect(),
        delete: rest,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::RecordType;

    fn values(set: &BTreeSet<u8>) -> Vec<RecordData> {
        set.iter()
            .map(|letter| RecordData::txt(vec![*letter]))
            .collect()
    }

    proptest! {
        #[test]
        fn steps_reach_the_goal_and_never_pass_through_nothing(
            have in proptest::collection::btree_set(0_u8..8, 1..8),
            want in proptest::collection::btree_set(0_u8..8, 1..8),
            order in 0_usize..6,
        ) {
            let (have, want) = (values(&have), values(&want));
            let mut live: Vec<(usize, RecordData)> = have.iter().cloned().enumerate().collect();
            let steps = steps(live.clone(), &want);
            prop_assert!(steps.add.is_empty() || steps.delete.is_empty());
            // A vendor may carry the three out in any order; one by one, each state is looked at.
            let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
            for part in orders[order] {
                match part {
                    0 => for (id, value) in &steps.change {
                        live.iter_mut().find(|(at, _)| at == id).unwrap().1 = value.clone();
                        prop_assert!(!live.is_empty());
                    },
                    1 => for value in &steps.add {
                        live.push((usize::MAX, value.clone()));
                    },
                    _ => for id in &steps.delete {
                        live.retain(|(at, _)| at != id);
                        prop_assert!(!live.is_empty());
                    },
                }
            }
            let mut reached: Vec<_> = live.into_iter().map(|(_, value)| value).collect();
            reached.sort();
            prop_assert_eq!(reached, want);
        }
    }

    #[test]
    fn a_registrar_that_takes_keys_needs_keys() {
        let apex: Name = "example.com".parse().unwrap();
        let key: Dnskey = "257 3 13 AAEC".parse().unwrap();
        let known = DelegationKey::from_dnskey(&apex, key.clone()).unwrap();
        let digest = DelegationKey {
            dnskey: None,
            ..known.clone()
        };
        assert_eq!(
            dnskeys("x", &apex, std::slice::from_ref(&known)),
            Ok(vec![key])
        );
        let error = dnskeys("x", &apex, &[known, digest]).unwrap_err();
        assert_eq!(error.kind, Kind::Rejected, "{error}");
    }

    #[test]
    fn duplicates_at_the_vendor_are_deleted() {
        let a = RecordData::txt("a");
        let steps = steps(
            vec![(1, a.clone()), (2, a.clone())],
            std::slice::from_ref(&a),
        );
        assert_eq!((steps.keep, steps.delete), (vec![(1, a)], vec![2]));
    }

    fn set(ttl: u32, exchange: &str) -> Rrset {
        let name: Name = "example.com".parse().unwrap();
        Rrset::new(
            name,
            RecordType::Mx,
            ttl,
            [RecordData::mx(0, exchange.parse().unwrap())],
        )
        .unwrap()
    }

    #[test]
    fn only_what_was_seen_is_overwritten() {
        let change = Change::replace(set(300, "old.example"), set(300, "new.example")).unwrap();
        assert_eq!(
            compare("x", change.before(), &change).unwrap(),
            Verdict::Write
        );
        assert_eq!(
            compare("x", change.after(), &change).unwrap(),
            Verdict::Unchanged
        );
        for live in [
            None,
            Some(set(300, "third.example")),
            Some(set(301, "old.example")),
        ] {
            assert!(
                compare("x", live.as_ref(), &change)
                    .unwrap_err()
                    .is_conflict(),
                "{live:?}"
            );
        }
    }

    #[test]
    fn what_fails_halfway_is_never_passing() {
        let error = |kind| Error::new("x", "y", kind, "no");
        for kind in [
            Kind::Transient,
            Kind::Throttled(None),
            Kind::Auth,
            Kind::Rejected,
            Kind::Unknown,
        ] {
            assert_eq!(halfway(error(kind), 0).kind, kind);
            let later = halfway(error(kind), 2);
            assert_eq!(
                (later.kind, later.message.as_str()),
                (Kind::Unknown, "2 requests were taken, then: no")
            );
        }
        for kind in [Kind::NotFound, Kind::Conflict] {
            assert!(halfway(error(kind), 0).is_conflict() && halfway(error(kind), 1).is_conflict());
        }
    }

    #[test]
    fn what_a_vendor_made_of_it_is_found_out() {
        let change = Change::replace(set(300, "old.example"), set(30, "new.example")).unwrap();
        assert_eq!(judge("x", change.after(), &change).unwrap(), Outcome::Done);
        let raised = judge("x", Some(&set(60, "new.example")), &change).unwrap_err();
        assert!(
            raised.kind == Kind::Rejected && raised.message.contains("60 s instead of 30 s"),
            "{raised}"
        );
        assert_eq!(
            judge("x", change.before(), &change).unwrap_err().kind,
            Kind::Rejected
        );
        assert!(
            judge("x", Some(&set(30, "third.example")), &change)
                .unwrap_err()
                .is_conflict()
        );
        assert!(judge("x", None, &change).unwrap_err().is_conflict());
    }
}
