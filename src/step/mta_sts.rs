//! Goal: no enforcing MTA-STS policy that a sender may hold rejects the new host.

use super::{Context, Finding, Next, Question, Wait, WaitFor, add_mx};
use crate::kernel::{Host, Policy};
use crate::world::{Fact, Instructions, Needs, PolicyFacts, PolicyMode};

pub(super) fn needs(_cx: &Context<'_>) -> Needs {
    Needs {
        policy: true,
        ..Needs::default()
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let policy = match &cx.facts.policy {
        Fact::Known { value, .. } => value,
        other => {
            return Next::blocked(Finding::could_not_tell(
                "mta-sts.unknown",
                format!(
                    "the MTA-STS policy of {} could not be read: {}",
                    cx.setup.domain,
                    other.why_unknown()
                ),
                "an enforcing policy that does not name the new host stops mail to it",
                "make https://mta-sts.<domain>/.well-known/mta-sts.txt reachable, or remove the _mta-sts record",
            ));
        }
    };
    if policy.mode != PolicyMode::Enforce && cx.memory.caches.policy.versions().len() <= 1 {
        return Next::Done("no MTA-STS policy is enforced".to_owned());
    }
    let Some(new_host) = &cx.memory.new_host else {
        return add_mx::no_host();
    };
    let current = Policy::Enforced(policy.patterns.clone());
    if policy.mode == PolicyMode::Enforce && !current.admits(new_host) {
        return Next::Ask(Question::ByHand {
            instructions: publish(cx, policy, new_host),
        });
    }
    if let Some(announced) = &cx.memory.announced
        && announced.id == policy.id
        && !announced.policy.admits(new_host)
    {
        return Next::wait(
            WaitFor::Visible,
            format!(
                "the policy on the web server admits {new_host}, but the record _mta-sts.{} still has the id of the one before: senders that hold that one keep it",
                cx.setup.domain
            ),
            "a new id in the record",
        );
    }
    let held = cx
        .memory
        .caches
        .policy
        .possible(cx.now)
        .filter(|version| !version.value.admits(new_host))
        .filter_map(|version| Some((version.cached_until?, version)))
        .max_by_key(|(until, _)| *until);
    match held {
        None => Next::Done(format!("every policy senders may hold admits {new_host}")),
        Some((until, version)) => Next::Wait(Wait {
            kind: WaitFor::Expiry,
            until: Some(until),
            why: vec![format!(
                "senders may hold an earlier MTA-STS policy that does not admit {new_host}: {} served it at {}",
                version.seen.server,
                crate::kernel::utc(version.seen.at)
            )],
            sooner: "nothing: senders keep a policy until they see a new id".to_owned(),
        }),
    }
}

/// Exactly what to publish: the old patterns and the new host, and a new id. Additive, so that protection
/// never drops.
fn publish(cx: &Context<'_>, policy: &PolicyFacts, new_host: &Host) -> Instructions {
    let domain = &cx.setup.domain;
    let mut lines = vec![
        format!("https://mta-sts.{domain}/.well-known/mta-sts.txt"),
        "version: STSv1".to_owned(),
        "mode: enforce".to_owned(),
    ];
    lines.extend(policy.patterns.iter().map(|p| format!("mx: {p}")));
    lines.push(format!("mx: {new_host}"));
    lines.push(format!("max_age: {}", policy.max_age));
    lines.push(format!(
        "then, in DNS: _mta-sts.{domain} TXT \"v=STSv1; id={};\"",
        next_id(policy.id.as_deref())
    ));
    Instructions {
        summary: format!(
            "The enforcing MTA-STS policy of {domain} would reject {new_host}. Publish this policy first, then the record with its new id:"
        ),
        lines,
        answer: None,
    }
}

/// Another id than the present one, the same each time it is asked for (1 to 32 letters or digits, RFC
/// 8461 section 3.1).
fn next_id(id: Option<&str>) -> String {
    let id = id.unwrap_or_default();
    match id.parse::<u128>().ok().and_then(|n| n.checked_add(1)) {
        Some(next) if next.to_string().len() <= 32 => next.to_string(),
        _ => format!("{}n", id.get(..id.len().min(31)).unwrap_or_default()),
    }
}
