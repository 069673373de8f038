//! Goal: senders are asked to report on TLS (RFC 8460), where the domain file says where to.
//!
//! A record that is there is never changed. Nothing of the move depends on it, so what cannot be told or written is said,
//! and holds nothing up.

use super::{Context, Next, Setup, write_mx};
use crate::kernel::Host;
use crate::world::{Action, Fact, Needs, TxtRrset};

/// TTL of the record in seconds.
const TTL: u32 = 3600;

/// The record's owner name and its text, where the domain file says where reports go (RFC 8460 section 3).
pub(super) fn wanted(setup: &Setup) -> Option<(Host, String)> {
    let to = setup.tls_reports.as_deref()?;
    let name = Host::new(&format!("_smtp._tls.{}", setup.domain));
    Some((name, format!("v=TLSRPTv1; rua={to}")))
}

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    let Some((name, _)) = wanted(cx.setup) else {
        return Needs::default();
    };
    Needs {
        provider: true,
        // What the DNS serves: an alias is nothing that the provider has at this name.
        verdict: cx.facts.tls_reports.known().is_none(),
        texts: [name].into(),
        ..Needs::default()
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let Some((name, text)) = wanted(cx.setup) else {
        return Next::Done("the domain file names nobody to report to".to_owned());
    };
    if cx.facts.tls_reports.known() == Some(&true) {
        return Next::Done("senders are asked for reports already".to_owned());
    }
    let by_hand = |why: &str| {
        Next::Done(format!(
            "{why}. To ask senders for reports, publish {name}. {TTL} IN TXT \"{text}\""
        ))
    };
    if cx
        .facts
        .provider
        .known()
        .is_some_and(|provider| provider.manual)
    {
        return by_hand("the DNS provider has no API that could write the record");
    }
    let Some(Fact::Known { value, at }) = cx.facts.texts.get(&name) else {
        let why = cx
            .facts
            .texts
            .get(&name)
            .map_or("it was not asked", Fact::why_unknown);
        return by_hand(&format!(
            "what the DNS provider has at {name} could not be read: {why}"
        ));
    };
    if let Some(there) = value {
        return Next::Done(format!("the DNS provider has TXT {name} {there}"));
    }
    if cx.facts.tls_reports.known().is_none() {
        return by_hand(&format!(
            "whether there is a record at {name} could not be told"
        ));
    }
    // The provider left it to a person, who is told once.
    if let Some(instructions) = cx.memory.asked.get(cx.step) {
        return by_hand(&instructions.summary);
    }
    let action = Action::WriteTxt {
        name,
        before: None,
        after: Some(TxtRrset::of(&text, cx.ttl(TTL))),
    };
    write_mx::unknown_outcome(cx, &action, Some(*at), || Some(true)).unwrap_or(Next::Act(action))
}
