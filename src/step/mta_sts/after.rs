//! Goal: the MTA-STS policy names the hosts that take the mail now and no other, and is enforced as it was.
//!
//! The last change of a policy is subtractive: it waits until no cache can hold an MX set that names a host which goes
//! (`orchestration.md` 2.4). A host too many harms nobody, so where a person would have to do it, they are told and the
//! run ends; a policy that only tests because the run asked for that is no end.

use std::collections::BTreeSet;

use super::super::{Context, Next, add_mx};
use super::text::{Edit, edited};
use super::wishes::DuringMove;
use super::{publish, read, retired, words};
use crate::kernel::{Host, Policy, pattern_matches};
use crate::world::{PolicyFacts, PolicyMode};

pub(in super::super) fn next(cx: &Context<'_>) -> Next {
    let policy = match read(cx) {
        Ok(policy) => policy,
        Err(next) => return *next,
    };
    if policy.mode == PolicyMode::None {
        return Next::Done("there is no MTA-STS policy".to_owned());
    }
    let Some(new_host) = &cx.memory.new_host else {
        return add_mx::no_host();
    };
    let left: Vec<&Host> = cx
        .original()
        .into_iter()
        .flat_map(|mx| mx.set.hosts())
        .filter(|host| *host != new_host)
        .collect();
    let remove = only_for(policy, &left, new_host);
    let to_enforce = policy.mode == PolicyMode::Testing && cx.memory.mta_sts.enforced;
    let admits = Policy::Enforced(policy.patterns.clone()).admits(new_host);
    let reached = remove.is_empty() && !to_enforce && admits;
    let by_tool = cx.setup.mta_sts.writes_all();
    let is_stale = is_stale(cx, policy);
    let domain = &cx.setup.domain;
    // Whoever still holds the policy that only tests shall learn of the one that is enforced.
    let holds_tests = cx.setup.mta_sts.during_move == DuringMove::Testing
        && policy.mode == PolicyMode::Enforce
        && cx
            .memory
            .announced
            .as_ref()
            .is_some_and(|announced| announced.policy == Policy::NotEnforced);
    if reached && !(is_stale && (by_tool || holds_tests)) {
        // Whoever holds the policy before this one holds one that admits the new host as well.
        return publish::not_everywhere(policy).filter(|_| by_tool).unwrap_or_else(|| {
            Next::Done(format!(
                "the MTA-STS policy of {domain} names {new_host}, no host that was left, and {}",
                match policy.mode {
                    PolicyMode::Enforce => "is enforced",
                    _ => "only tests, as it was found",
                }
            ))
        });
    }
    for host in left {
        if remove.iter().any(|pattern| pattern_matches(pattern, host))
            && let Some(next) = retired(cx, host)
        {
            return next;
        }
    }
    let why =
        format!("The MTA-STS policy of {domain} shall name the hosts that take its mail now.");
    if reached {
        return publish::announce(cx, policy, |_| true, &why)
            .unwrap_or_else(|| Next::Done("it is announced".to_owned()));
    }
    let wanted = edited(
        policy,
        &Edit {
            mode: to_enforce.then_some(PolicyMode::Enforce),
            add: if admits {
                Vec::new()
            } else {
                vec![new_host.to_string()]
            },
            remove,
        },
    );
    let rejects = policy.mode == PolicyMode::Enforce && !admits;
    if !by_tool && !to_enforce && !rejects {
        let record = words::record(policy);
        return Next::Done(format!(
            "the MTA-STS policy of {domain} still fits the hosts of before, which harms nobody. To bring it up to date when it suits: {}",
            words::in_a_sentence(cx, policy, &wanted, &record)
        ));
    }
    publish::write(cx, policy, wanted, &why)
}

/// Whether the present id announces another policy than the one that is served.
fn is_stale(cx: &Context<'_>, policy: &PolicyFacts) -> bool {
    cx.memory
        .announced
        .as_ref()
        .is_some_and(|announced| announced.id == policy.id && publish::differs(announced, policy))
}

/// The patterns that admit a host that was left, and not the new one.
fn only_for(policy: &PolicyFacts, left: &[&Host], new_host: &Host) -> BTreeSet<String> {
    let admits = |pattern: &String, host| pattern_matches(pattern, host);
    policy
        .patterns
        .iter()
        .filter(|pattern| {
            left.iter().any(|host| admits(pattern, host)) && !admits(pattern, new_host)
        })
        .cloned()
        .collect()
}
