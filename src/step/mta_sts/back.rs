//! Goal: every MTA-STS policy that a sender may hold admits the hosts that the way back leads to.

use super::super::{Announced, Context, Next};
use super::text::{Edit, edited};
use super::{held, publish, read};
use crate::kernel::{Host, Policy, pattern_matches};
use crate::world::PolicyFacts;

pub(in super::super) fn next(cx: &Context<'_>) -> Next {
    let hosts = led_to(cx);
    let admits_all = |policy: &Policy| hosts.iter().all(|host| policy.admits(host));
    let names = || {
        let names: Vec<_> = hosts.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let policy = match read(cx) {
        Ok(policy) => policy,
        Err(next) => {
            // What cannot be read now no sender can read either: they go by the one they have.
            let mut seen = cx.memory.caches.policy.possible(cx.now).peekable();
            let known = seen.peek().is_some();
            if known && seen.all(|version| admits_all(&version.value)) {
                return Next::Done(format!(
                    "every MTA-STS policy that was served while senders may hold it admits {}",
                    names()
                ));
            }
            return *next;
        }
    };
    let now = policy.mode.policy(&policy.patterns);
    let why = format!(
        "The enforcing MTA-STS policy of {} would reject {}, to which the way back leads.",
        cx.setup.domain,
        names()
    );
    if !admits_all(&now) {
        let edit = Edit {
            add: missing(cx, policy, &hosts),
            ..Edit::default()
        };
        return publish::write(cx, policy, edited(policy, &edit), &why);
    }
    // Who sees the present id still may hold any policy that was served since it was given.
    let untold = cx.memory.mta_sts.is_untold(policy.id.as_deref());
    let some_shuts_out = || {
        let mut held = cx.memory.caches.policy.possible(cx.now);
        held.any(|version| !admits_all(&version.value))
    };
    let is_stale =
        |announced: &Announced| !admits_all(&announced.policy) || (untold && some_shuts_out());
    if let Some(next) = publish::announce(cx, policy, is_stale, &why) {
        return next;
    }
    held(cx, admits_all, &names())
        .unwrap_or_else(|| Next::Done(format!("every policy senders may hold admits {}", names())))
}

/// The hosts of the MX set that was there before, as far as the policy of then admitted them.
fn led_to(cx: &Context<'_>) -> Vec<Host> {
    let hosts: Vec<Host> = cx
        .original()
        .into_iter()
        .flat_map(|mx| mx.set.hosts().cloned())
        .collect();
    let Some(found) = &cx.memory.mta_sts.found else {
        return hosts;
    };
    let then = found.policy.mode.policy(&found.policy.patterns);
    let admitted: Vec<Host> = hosts
        .iter()
        .filter(|host| then.admits(host))
        .cloned()
        .collect();
    if admitted.is_empty() { hosts } else { admitted }
}

/// What has to be named for that: as it was named before, where it was.
fn missing(cx: &Context<'_>, policy: &PolicyFacts, hosts: &[Host]) -> Vec<String> {
    let then = cx
        .memory
        .mta_sts
        .found
        .as_ref()
        .map(|found| &found.policy.patterns);
    let mut add: Vec<String> = Vec::new();
    for host in hosts {
        let admits = |pattern: &String| pattern_matches(pattern, host);
        if policy.patterns.iter().chain(&add).any(admits) {
            continue;
        }
        let before = then.and_then(|patterns| patterns.iter().find(|pattern| admits(pattern)));
        add.push(before.cloned().unwrap_or_else(|| host.to_string()));
    }
    add
}
