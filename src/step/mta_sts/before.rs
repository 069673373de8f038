//! Goal: no enforcing MTA-STS policy that a sender may hold rejects the new host.

use super::super::{Announced, Context, Next, Stage, add_mx};
use super::text::{Edit, edited};
use super::wishes::DuringMove;
use super::{held, publish, read};
use crate::kernel::pattern_matches;
use crate::world::PolicyMode;

pub(in super::super) fn next(cx: &Context<'_>) -> Next {
    let policy = match read(cx) {
        Ok(policy) => policy,
        Err(next) => return *next,
    };
    if policy.mode != PolicyMode::Enforce && cx.memory.caches.policy.versions().len() <= 1 {
        return Next::Done("no MTA-STS policy is enforced".to_owned());
    }
    let Some(new_host) = &cx.memory.new_host else {
        return add_mx::no_host();
    };
    let now = policy.mode.policy(&policy.patterns);
    let admits = now.admits(new_host);
    // Once the MX has moved, nothing moves any more.
    let expected = cx.memory.expected.as_ref();
    let moved = expected.and_then(|mx| cx.stage_of(&mx.set)) == Some(Stage::Removed);
    let testing = cx.setup.mta_sts.during_move == DuringMove::Testing && !moved;
    let to_test = testing && policy.mode == PolicyMode::Enforce;
    let domain = &cx.setup.domain;
    if !admits || to_test {
        let named = |pattern: &String| pattern_matches(pattern, new_host);
        let add = (!policy.patterns.iter().any(named)).then(|| new_host.to_string());
        let edit = Edit {
            mode: to_test.then_some(PolicyMode::Testing),
            add: add.into_iter().collect(),
            ..Edit::default()
        };
        let why = if admits {
            format!("The MTA-STS policy of {domain} is to test only while the MX moves.")
        } else {
            format!("The enforcing MTA-STS policy of {domain} would reject {new_host}.")
        };
        return publish::write(cx, policy, edited(policy, &edit), &why);
    }
    let is_stale = |announced: &Announced| {
        !announced.policy.admits(new_host) || (testing && announced.policy != now)
    };
    let why =
        format!("The MTA-STS policy of {domain} is another one since its record was written.");
    if let Some(next) = publish::announce(cx, policy, is_stale, &why) {
        return next;
    }
    held(cx, |policy| policy.admits(new_host), new_host.as_str())
        .unwrap_or_else(|| Next::Done(format!("every policy senders may hold admits {new_host}")))
}
