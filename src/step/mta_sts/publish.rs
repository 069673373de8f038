//! A policy on its way to senders: the text first, until it is seen over HTTPS, then the id.
//!
//! Everything is decided on what is there now. A text or a record that is neither what is served nor what the run wrote is
//! somebody else's, and nothing is overwritten (S1).

use super::super::{Announced, Context, Finding, Next, Question, WaitFor, write_mx};
use super::text::{next_id, with_id};
use super::wishes::PolicyBy;
use super::{expiry, owner, words};
use crate::kernel::{self, Change, Verdict};
use crate::world::{Action, Fact, PolicyFacts, PolicyText, TxtRrset};

/// Has a policy served that is not the one that is.
pub(super) fn write(cx: &Context<'_>, policy: &PolicyFacts, wanted: PolicyText, why: &str) -> Next {
    let wishes = &cx.setup.mta_sts;
    let kept = &cx.memory.mta_sts;
    let held = match &wishes.policy {
        PolicyBy::Hand => {
            if let Some(next) = too_early(cx, &wanted) {
                return next;
            }
            let record = (!wishes.record_by_provider).then(|| words::record(policy));
            return Next::Ask(Question::ByHand {
                instructions: words::instructions(
                    cx,
                    why,
                    Some((policy, &wanted)),
                    record.as_ref(),
                ),
            });
        }
        PolicyBy::Program(_) => None,
        PolicyBy::File(path) => match &cx.facts.policy_file {
            Fact::Known { value, .. } => Some((path, value)),
            other => return file_unknown(path, other),
        },
    };
    let not_served = |how: String| {
        Next::wait(
            WaitFor::Visible,
            format!(
                "{how}, and https://mta-sts.{}/ still serves the one before",
                cx.setup.domain
            ),
            "the web server serving the new policy",
        )
    };
    let written = kept.written.as_ref() == Some(&wanted);
    if let Some((path, file)) = held {
        if *file == wanted.text {
            return not_served(format!("{path} holds the new policy"));
        }
        if written || (*file != policy.body && !kept.is_ours(file)) {
            return conflict(path, written);
        }
    } else if written {
        return not_served("the new policy was handed over".to_owned());
    }
    let before = held.map_or(&policy.body, |(_, file)| file);
    let action = Action::WritePolicy {
        before: before.clone(),
        after: wanted,
    };
    let observed = match held {
        Some(_) => cx.facts.policy_file.at(),
        None => cx.facts.policy.at(),
    };
    // What is there now is what was there before the write.
    write_mx::unknown_outcome(cx, &action, observed, || Some(true)).unwrap_or(Next::Act(action))
}

/// What is asked of a person is held against the kernel as what the run does itself: nobody is asked for a policy that shuts
/// out a host on which somebody with an older MX set still relies (S2).
fn too_early(cx: &Context<'_>, wanted: &PolicyText) -> Option<Next> {
    let change = Change::Policy(wanted.policy());
    let memory = cx.memory;
    let verdict = kernel::publish(
        &memory.caches,
        &memory.actors,
        &change,
        None,
        &cx.setup.timing,
        cx.now,
    );
    match verdict {
        Verdict::NotBefore(until, because) => Some(expiry(until, &because)),
        Verdict::Now | Verdict::No(_) => None,
    }
}

fn file_unknown(path: &str, fact: &Fact<String>) -> Next {
    let what = format!(
        "the policy file {path} could not be read: {}",
        fact.why_unknown()
    );
    let why = "a policy is changed only where what is there now was seen";
    let mend = "let this program read and replace the file, or remove `mta_sts` from the domain file to publish by hand";
    Next::blocked(match fact {
        Fact::Refused { .. } => Finding::blocker("mta-sts.file", what, why, mend),
        _ => Finding::could_not_tell("mta-sts.file", what, why, mend),
    })
}

fn conflict(path: &str, put_back: bool) -> Next {
    let what = if put_back {
        format!("{path} does not hold the policy any more that the run wrote")
    } else {
        format!("{path} holds another policy than the one that is served")
    };
    Next::blocked(Finding::blocker(
        "mta-sts.conflict",
        what,
        "somebody else changes it, or it is not the file that the web server serves; nothing was overwritten",
        "see that the file and the policy that is served are the same, then run again",
    ))
}

/// Has senders told that the policy that is served is a new one, and that everywhere. `is_stale` says of the policy that the
/// present id announces whether senders must not keep it.
pub(super) fn announce(
    cx: &Context<'_>,
    policy: &PolicyFacts,
    is_stale: impl FnOnce(&Announced) -> bool,
    why: &str,
) -> Option<Next> {
    let announced = cx.memory.announced.as_ref()?;
    if announced.id == policy.id && is_stale(announced) {
        return Some(change_id(cx, policy, why));
    }
    not_everywhere(policy)
}

/// Whether the policy that an id announces is another than the one that is served.
pub(super) fn differs(announced: &Announced, policy: &PolicyFacts) -> bool {
    announced.policy != policy.mode.policy(&policy.patterns)
        || (!announced.body.is_empty() && announced.body != policy.body)
}

/// Waits for addresses that serve another record.
pub(super) fn not_everywhere(policy: &PolicyFacts) -> Option<Next> {
    (!policy.lagging.is_empty()).then(|| {
        Next::wait(
            WaitFor::Visible,
            policy.lagging.join("; "),
            "every address serving the new id",
        )
    })
}

/// The provider has the record, and its servers do not serve it yet.
fn not_shown(name: &crate::kernel::Host) -> Next {
    Next::wait(
        WaitFor::Visible,
        format!("the provider has the new record at {name}, and its servers do not serve it"),
        "every address serving it",
    )
}

fn change_id(cx: &Context<'_>, policy: &PolicyFacts, why: &str) -> Next {
    let by_hand = || {
        let record = words::record(policy);
        Next::Ask(Question::ByHand {
            instructions: words::instructions(cx, why, None, Some(&record)),
        })
    };
    let name = owner(&cx.setup.domain);
    if !cx.setup.mta_sts.record_by_provider {
        if cx.setup.mta_sts.policy == super::PolicyBy::Hand {
            // Both were asked for at once.
            return Next::wait(
                WaitFor::Visible,
                format!(
                    "the web server has the new policy, but the record {name} still has the id of the one before: senders that hold that one keep it"
                ),
                "a new id in the record",
            );
        }
        return by_hand();
    }
    let live = match record(cx) {
        Ok(Some(live)) => live,
        // An alias leads elsewhere: what is served is no record of this zone.
        Ok(None) => return by_hand(),
        Err(next) => return *next,
    };
    let id = policy.id.as_deref().unwrap_or_default();
    let next = next_id(policy.id.as_deref());
    if live.policy_id() == Some(next.as_str()) {
        return not_shown(&name);
    }
    let Some(text) = live.text().and_then(|text| with_id(text, id, &next)) else {
        return foreign_record(&name, live, id);
    };
    write_record(cx, live, &TxtRrset::of(&text, live.ttl))
}

/// The provider's RRset at `_mta-sts`.
fn record<'a>(cx: &Context<'a>) -> Result<Option<&'a TxtRrset>, Box<Next>> {
    let name = owner(&cx.setup.domain);
    match cx.facts.texts.get(&name) {
        Some(Fact::Known { value, .. }) => Ok(value.as_ref()),
        other => {
            let why = other.map_or("it was not asked", Fact::why_unknown);
            let what = format!("what the DNS provider has at {name} could not be read: {why}");
            let mend = "see that the provider's credentials may read and write TXT records, or set `mta_sts.record: by-hand`";
            Err(Box::new(Next::blocked(Finding {
                severity: match other {
                    Some(Fact::Refused { .. }) => super::super::Severity::Blocker,
                    _ => super::super::Severity::CouldNotTell,
                },
                ..Finding::could_not_tell(
                    "mta-sts.record",
                    what,
                    "a record is changed only where what is there now was seen",
                    mend,
                )
            })))
        }
    }
}

fn foreign_record(name: &crate::kernel::Host, live: &TxtRrset, id: &str) -> Next {
    Next::blocked(Finding::blocker(
        "mta-sts.conflict",
        format!(
            "the TXT record set at {name} is {live}, and not one record with the id {id} that is served"
        ),
        "only a record set that holds the MTA-STS record alone is replaced; nothing was overwritten",
        "take away what else is there, or give the record a new id by hand; then run again",
    ))
}

/// Writes the record, unless an answer to that is missing.
fn write_record(cx: &Context<'_>, live: &TxtRrset, after: &TxtRrset) -> Next {
    let name = owner(&cx.setup.domain);
    // The provider left it to a person: asking once is enough.
    if let Some(instructions) = cx.memory.asked.get(cx.step) {
        return Next::Ask(Question::ByHand {
            instructions: instructions.clone(),
        });
    }
    let answered = cx
        .memory
        .performed
        .contains_key(Action::WRITE_POLICY_RECORD)
        && !cx.memory.unknown.contains_key(Action::WRITE_POLICY_RECORD);
    if answered && cx.memory.mta_sts.written_record.as_ref() == Some(after) {
        return Next::wait(
            WaitFor::Visible,
            format!("the provider took the new record at {name}, and it does not show"),
            "every address serving the new id",
        );
    }
    let observed = cx.facts.texts.get(&name).and_then(Fact::at);
    let action = Action::WriteTxt {
        name,
        before: Some(live.clone()),
        after: Some(after.clone()),
    };
    write_mx::unknown_outcome(cx, &action, observed, || Some(true)).unwrap_or(Next::Act(action))
}
