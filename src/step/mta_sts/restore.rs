//! Goal of the way back: policy and record are what they were before the run, byte for byte.
//!
//! That takes the new host out of the policy again, so it waits until no cache can hold an MX set that names it. Where a
//! person would have to do it, they are told, and the way back ends; unless the policy only tests because the run asked
//! for that.

use super::super::{Context, Next};
use super::{owner, publish, read, retired, words};
use crate::world::{Action, PolicyFacts, PolicyMode, PolicyText};

pub(in super::super) fn next(cx: &Context<'_>) -> Next {
    let Some(found) = &cx.memory.mta_sts.found else {
        return Next::Done("no MTA-STS policy was kept".to_owned());
    };
    let then = &found.policy;
    if then.mode == PolicyMode::None {
        return Next::Done("there was no MTA-STS policy".to_owned());
    }
    let now = match read(cx) {
        Ok(policy) => policy,
        Err(next) => return *next,
    };
    let as_it_was = now.body == then.body;
    let wishes = &cx.setup.mta_sts;
    if as_it_was && (now.id == then.id || !wishes.writes_all()) {
        return publish::not_everywhere(now).unwrap_or_else(|| {
            Next::Done("the MTA-STS policy is what it was before the run".to_owned())
        });
    }
    let wanted = PolicyText {
        text: then.body.clone(),
        mode: then.mode,
        patterns: then.patterns.clone(),
    };
    let to_enforce = then.mode == PolicyMode::Enforce && now.mode == PolicyMode::Testing;
    let domain = &cx.setup.domain;
    // Somebody else's policy is not overwritten.
    let ours = as_it_was || cx.memory.mta_sts.is_ours(&now.body);
    let stays = if wishes.writes_all() {
        !ours
    } else {
        !to_enforce
    };
    if stays {
        return Next::Done(left_to_a_person(cx, now, &wanted));
    }
    if !as_it_was {
        if let Some(next) = new_host_gone(cx, then, now) {
            return next;
        }
        let why = format!("The MTA-STS policy of {domain} shall be what it was before the run.");
        return publish::write(cx, now, wanted, &why);
    }
    let Some(record) = &found.record else {
        return publish::announce(cx, now, |announced| publish::differs(announced, now), "")
            .unwrap_or_else(|| Next::Done("the policy is what it was before the run".to_owned()));
    };
    let name = owner(domain);
    match publish::record(cx) {
        Err(next) => *next,
        Ok(Some(live)) if live == record => publish::not_shown(&name),
        Ok(Some(live)) if cx.memory.mta_sts.written_record.as_ref() == Some(live) => {
            publish::write_record(cx, live, record)
        }
        // A write whose answer is missing is observed before anything is concluded.
        Ok(Some(live)) if cx.memory.unknown.contains_key(Action::WRITE_POLICY_RECORD) => {
            publish::write_record(cx, live, record)
        }
        Ok(Some(live)) => {
            publish::foreign_record(&name, live, now.id.as_deref().unwrap_or_default())
        }
        Ok(None) => Next::Done(left_to_a_person(cx, now, &wanted)),
    }
}

/// Waits for caches that name the new host, if it goes out of the policy.
fn new_host_gone(cx: &Context<'_>, then: &PolicyFacts, now: &PolicyFacts) -> Option<Next> {
    let new_host = cx.memory.new_host.as_ref()?;
    let admits = |policy: &PolicyFacts| policy.mode.policy(&policy.patterns).admits(new_host);
    let goes = admits(now) && !admits(then);
    let led_to = cx
        .original()
        .is_some_and(|mx| mx.set.hosts().any(|host| host == new_host));
    if goes && !led_to {
        retired(cx, new_host)
    } else {
        None
    }
}

fn left_to_a_person(cx: &Context<'_>, now: &PolicyFacts, wanted: &PolicyText) -> String {
    let record = words::record(now);
    format!(
        "the MTA-STS policy of {} is not what it was before the run; what it names beside that harms nobody. To restore it when it suits: {}",
        cx.setup.domain,
        words::in_a_sentence(cx, now, wanted, &record)
    )
}
