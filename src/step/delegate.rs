//! Goal: the parent publishes a DS that names the zone's key, and the chain validates.
//!
//! Never before every address serves the signed zone and every unsigned answer is expired (S4): the
//! kernel refuses it, whatever the playbook says.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Context, Finding, Next, Question, Wait, WaitFor, sign_zone, write_mx};
use crate::kernel::{KeyId, ZoneKeys};
use crate::world::{Action, Chain, DelegationBy, Fact, Needs, ParentFacts, ZoneFacts};

/// Registries look once a day, and publish their zone some hours later.
const SCANS_LATE: Duration = Duration::from_secs(2 * 86_400);

pub(super) fn needs(_cx: &Context<'_>) -> Needs {
    Needs {
        zone: true,
        parent: true,
        chain: true,
        ..Needs::default()
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let zone = match &cx.facts.zone {
        Fact::Known { value, .. } => value,
        other => return Next::blocked(write_mx::zone_unknown(cx, other.why_unknown())),
    };
    let Some(ZoneKeys::Signed(keys)) = zone.agreed_keys() else {
        return sign_zone::not_visible(zone);
    };
    let parent = match &cx.facts.parent {
        Fact::Known { value, .. } => value,
        other => {
            return Next::blocked(Finding::could_not_tell(
                "dns.parent",
                format!(
                    "the parent of {} could not be asked: {}",
                    zone.apex,
                    other.why_unknown()
                ),
                "a DS that nobody sees cannot be judged",
                "check that the parent's servers answer from here",
            ));
        }
    };
    if let Some(ds) = parent.agreed_ds()
        && !ds.is_empty()
    {
        return delegated(cx, keys, ds, parent);
    }
    let partly = published_on(parent);
    if !partly.is_empty() {
        return Next::wait(
            WaitFor::Visible,
            format!(
                "{} does not serve the DS of {} yet",
                partly.join(", "),
                zone.apex
            ),
            "every server of the parent serving it",
        );
    }
    if let Some(instructions) = cx.memory.asked.get(cx.step) {
        if let Some(wait) = registry_looks(cx, zone, parent, keys) {
            return Next::Wait(wait);
        }
        return Next::Ask(Question::ByHand {
            instructions: instructions.clone(),
        });
    }
    let action = Action::PublishDs {
        ds: keys.iter().cloned().collect(),
    };
    if let Some(since) = cx.memory.performed.get(action.name()) {
        return Next::Wait(Wait {
            kind: WaitFor::Visible,
            until: None,
            why: vec![format!(
                "the DS was handed over at {}; no server of {} serves it yet",
                crate::kernel::utc(*since),
                parent.zone
            )],
            sooner: "the registry publishing it".to_owned(),
        });
    }
    // The parent is the judge: no DS there after the settling time means that it was lost.
    write_mx::unknown_outcome(cx, &action, cx.facts.parent.at(), || Some(true))
        .unwrap_or(Next::Act(action))
}

/// The zone announces its keys and the registry is known to look for that: it gets its time before a person is asked.
fn registry_looks(
    cx: &Context<'_>,
    zone: &ZoneFacts,
    parent: &ParentFacts,
    keys: &BTreeSet<KeyId>,
) -> Option<Wait> {
    let by_cds = matches!(cx.setup.delegation, DelegationBy::Auto | DelegationBy::Cds);
    let scans_after = Duration::from_secs(
        parent
            .scans_after
            .filter(|_| by_cds && zone.publishes_cds)?,
    );
    let since = *cx.memory.asked_at.get(cx.step)?;
    let earliest = since.checked_add(scans_after).ok()?;
    let until = earliest.checked_add(SCANS_LATE).ok()?;
    (cx.now < until).then(|| Wait {
        kind: WaitFor::Visible,
        until: None,
        why: vec![format!(
            "{} announces its keys (CDS), and the registry of {} looks for that and publishes the DS by itself, not before {}; \
             a person is asked for it at {}",
            zone.apex,
            parent.zone,
            crate::kernel::utc(earliest),
            crate::kernel::utc(until)
        )],
        sooner: format!("the DS being entered at the registrar: {}", list(keys)),
    })
}

fn published_on(parent: &ParentFacts) -> Vec<&str> {
    let has = |ds: Option<(&BTreeSet<KeyId>, u32)>| ds.is_some_and(|(ds, _)| !ds.is_empty());
    if !parent.servers.iter().any(|s| has(s.ds.got())) {
        return Vec::new();
    }
    parent
        .servers
        .iter()
        .filter(|s| !has(s.ds.got()))
        .map(|s| &*s.server)
        .collect()
}

fn delegated(
    cx: &Context<'_>,
    keys: &BTreeSet<KeyId>,
    ds: &BTreeSet<KeyId>,
    parent: &ParentFacts,
) -> Next {
    if keys.is_disjoint(ds) {
        return Next::blocked(Finding::blocker(
            "ds.mismatch",
            format!(
                "the parent's DS ({}) names none of the zone's keys ({})",
                list(ds),
                list(keys)
            ),
            "every validating sender takes the domain for bogus and delivers nothing",
            "replace the DS at the registrar with the zone's own, now",
        ));
    }
    match &cx.facts.chain {
        Fact::Known {
            value: Chain::Secure,
            ..
        } => Next::Done(format!(
            "the parent serves DS {}, and the chain validates",
            list(ds)
        )),
        Fact::Known {
            value: Chain::Bogus { why },
            ..
        } => Next::blocked(Finding::blocker(
            "chain.bogus",
            format!("the DS is there, but validation fails: {why}"),
            "validating senders get no answer and keep the mail waiting",
            "compare the DS with the zone's keys; remove the DS at the registrar if it cannot be mended at once",
        )),
        other => Next::wait(
            WaitFor::Visible,
            format!(
                "every server of {} serves the DS, but the chain of {} does not validate yet: {}",
                parent.zone,
                cx.setup.domain,
                match other {
                    Fact::Known { .. } => "found insecure",
                    other => other.why_unknown(),
                }
            ),
            "the chain of trust validating from the root",
        ),
    }
}

fn list(keys: &BTreeSet<KeyId>) -> String {
    keys.iter()
        .map(|key| key.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}
