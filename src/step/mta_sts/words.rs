//! What a person is told to publish, exactly.

use super::super::Context;
use super::owner;
use super::text::next_id;
use crate::world::{Action, Instructions, PolicyFacts, PolicyText, TxtRrset};

/// The record that announces a policy under the next id.
pub(super) fn record(policy: &PolicyFacts) -> TxtRrset {
    let text = format!("v=STSv1; id={};", next_id(policy.id.as_deref()));
    TxtRrset::of(&text, policy.record_ttl)
}

/// Both, or what of it a person has to publish.
pub(super) fn instructions(
    cx: &Context<'_>,
    why: &str,
    policy: Option<(&PolicyFacts, &PolicyText)>,
    announced_by: Option<&TxtRrset>,
) -> Instructions {
    let domain = &cx.setup.domain;
    let mut lines = Vec::new();
    let mut effects = Vec::new();
    if let Some((before, after)) = policy {
        lines.push(format!("https://mta-sts.{domain}/.well-known/mta-sts.txt"));
        lines.extend(after.text.lines().map(str::to_owned));
        effects.push(Action::WritePolicy {
            before: before.body.clone(),
            after: after.clone(),
        });
    }
    if let Some(record) = announced_by {
        let then = if lines.is_empty() {
            ""
        } else {
            "then, in DNS: "
        };
        let name = owner(domain);
        lines.push(format!("{then}{name} TXT {}", record.values.join(" ")));
        effects.push(Action::WriteTxt {
            name,
            before: None,
            after: Some(record.clone()),
        });
    }
    let what = match (policy, announced_by) {
        (Some(_), Some(_)) => "Publish this policy first, then the record with its new id:",
        (Some(_), None) => "Publish this policy; its record gets a new id when it is seen:",
        _ => "Give the record a new id, so that senders look for the policy that is served now:",
    };
    Instructions {
        summary: format!("{why} {what}"),
        lines,
        answer: None,
        effects,
    }
}

/// The same in one sentence, for what may be done or left.
pub(super) fn in_a_sentence(
    cx: &Context<'_>,
    before: &PolicyFacts,
    after: &PolicyText,
    record: &TxtRrset,
) -> String {
    let told = instructions(cx, "", Some((before, after)), Some(record));
    told.lines.join(" | ")
}
