//! Goal of the way back: the policy is what it was before the run, byte for byte, under an id of its own.
//!
//! The id of before does not come back: a sender that fetched a policy of in between when it still saw that id would take
//! that policy for the present one again, as long as its `max_age` lasts (RFC 8461 section 3.1: an id tells one instance of a
//! policy from all earlier ones).
//!
//! That takes the new host out of the policy again, so it waits until no cache can hold an MX set that names it. Where a
//! person would have to do it, they are told, and the way back ends; unless the policy only tests because the run asked
//! for that.

use super::super::{Announced, Context, Next};
use super::{publish, read, retired, words};
use crate::world::{PolicyFacts, PolicyMode, PolicyText};

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
    let done = || Next::Done("the MTA-STS policy is what it was before the run".to_owned());
    if as_it_was && !wishes.writes_all() {
        return publish::not_everywhere(now).unwrap_or_else(done);
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
        match new_host_gone(cx, then, now) {
            // A person who was asked for a set that names the host may write it yet, though told not to: the policy goes
            // on admitting it, and nobody waits for what may never come.
            Some(Next::Wait(wait)) if wait.until.is_none() && asked_for_new_host(cx) => {
                return Next::Done(left_to_a_person(cx, now, &wanted));
            }
            Some(next) => return next,
            None => {}
        }
        let why = format!("The MTA-STS policy of {domain} shall be what it was before the run.");
        return publish::write(cx, now, wanted, &why);
    }
    // Who knows the present id may hold the policy that it announces, or any that was served since.
    let untold = cx.memory.mta_sts.is_untold(now.id.as_deref());
    let is_stale = |announced: &Announced| untold || publish::differs(announced, now);
    let why = format!("The MTA-STS policy of {domain} is again what it was before the run.");
    match publish::announce(cx, now, is_stale, &why) {
        // An alias leads elsewhere: the way back does not wait for a person.
        Some(Next::Ask(_)) => Next::Done(left_to_a_person(cx, now, &wanted)),
        next => next.unwrap_or_else(done),
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

/// Whether somebody was asked for an MX set that names the new host, and it was not seen.
fn asked_for_new_host(cx: &Context<'_>) -> bool {
    let original = cx.original();
    let new_host = cx.memory.new_host.as_ref();
    cx.memory.attempted.as_ref().is_some_and(|asked| {
        Some(asked) != original && asked.set.hosts().any(|host| Some(host) == new_host)
    })
}

fn left_to_a_person(cx: &Context<'_>, now: &PolicyFacts, wanted: &PolicyText) -> String {
    let record = words::record(now);
    format!(
        "the MTA-STS policy of {} is not what it was before the run; what it names beside that harms nobody. To restore it when it suits: {}",
        cx.setup.domain,
        words::in_a_sentence(cx, now, wanted, &record)
    )
}
