//! Goal: no enforcing MTA-STS policy that a sender may hold rejects the new host.

use super::super::{Announced, Context, Next, Stage, add_mx};
use super::text::{Edit, edited};
use super::wishes::DuringMove;
use super::{held, publish, read};
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
    let admits = policy.mode.policy(&policy.patterns).admits(new_host);
    // Once the MX has moved, nothing moves any more.
    let expected = cx.memory.expected.as_ref();
    let moved = expected.and_then(|mx| cx.stage_of(&mx.set)) == Some(Stage::Removed);
    let to_test = cx.setup.mta_sts.during_move == DuringMove::Testing
        && policy.mode == PolicyMode::Enforce
        && !moved;
    let wanted = (!admits || to_test).then(|| {
        let named = policy.patterns.iter().any(|pattern| {
            crate::kernel::Policy::Enforced([pattern.clone()].into()).admits(new_host)
        });
        let edit = Edit {
            mode: to_test.then_some(PolicyMode::Testing),
            add: if named {
                Vec::new()
            } else {
                vec![new_host.to_string()]
            },
            ..Edit::default()
        };
        edited(policy, &edit)
    });
    let domain = &cx.setup.domain;
    let why = if admits {
        format!("The MTA-STS policy of {domain} is to test only while the MX moves.")
    } else {
        format!("The enforcing MTA-STS policy of {domain} would reject {new_host}.")
    };
    if let Some(wanted) = wanted {
        return publish::write(cx, policy, wanted, &why);
    }
    let now = policy.mode.policy(&policy.patterns);
    let testing = cx.setup.mta_sts.during_move == DuringMove::Testing;
    let is_stale = |announced: &Announced| {
        !announced.policy.admits(new_host) || (testing && !moved && announced.policy != now)
    };
    if let Some(next) = publish::announce(cx, policy, is_stale, &why) {
        return next;
    }
    held(cx, |policy| policy.admits(new_host), new_host.as_str())
        .unwrap_or_else(|| Next::Done(format!("every policy senders may hold admits {new_host}")))
}
