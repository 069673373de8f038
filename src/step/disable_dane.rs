//! Goal: inbound SMTP DANE is off, so that Microsoft withdraws the TLSA records of the domain's host.
//!
//! First aid where senders refuse the host because of them: nothing in the DNS has to be right for it, and the certificate
//! stays, so that whoever still holds the records goes on as before.

use std::collections::BTreeSet;

use super::enable_dnssec::{refused, unknown};
use super::memory::NEW_ZONE;
use super::{Context, Next, Question, write_mx};
use crate::kernel::Host;
use crate::world::{Action, Fact, FeatureState, Needs, TlsaFacts};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        exchange: true,
        zone: true,
        // What is served now is what caches may hold afterwards.
        hosts: hosts(cx),
        ..Needs::default()
    }
}

/// The hosts whose TLSA records are Microsoft's: those that a server, a cache or Exchange Online names.
pub(super) fn hosts(cx: &Context<'_>) -> BTreeSet<Host> {
    let served = cx
        .zone()
        .into_iter()
        .flat_map(|zone| &zone.servers)
        .filter_map(|server| server.mx.got())
        .flat_map(|(set, _)| set.hosts());
    let named = cx
        .facts
        .exchange
        .known()
        .and_then(|exchange| exchange.expected_mx.as_ref());
    cx.hosts()
        .chain(served)
        .chain(named)
        .filter(|host| host.is_within(NEW_ZONE))
        .cloned()
        .collect()
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let exchange = match &cx.facts.exchange {
        Fact::Known { value, .. } => value,
        Fact::Refused { why, .. } => return Next::blocked(refused(why)),
        other => return Next::blocked(unknown(other.why_unknown())),
    };
    if exchange.dane == FeatureState::Disabled {
        let done = || Next::Done("Exchange Online says that inbound DANE is off".to_owned());
        let enabling = Action::EnableDane.name();
        return write_mx::may_still_show(cx, enabling, cx.setup.settle_cmdlet).unwrap_or_else(done);
    }
    let action = Action::DisableDane;
    if !exchange.manual && cx.memory.performed.contains_key(action.name()) {
        return Next::Done("Disable-SmtpDaneInbound was answered with success".to_owned());
    }
    if let Some(instructions) = cx.memory.asked.get(cx.step) {
        // A person runs it, and nobody but the DNS says whether they did.
        if let Some(how) = withdrawn(cx) {
            return Next::Done(how);
        }
        return Next::Ask(Question::ByHand {
            instructions: instructions.clone(),
        });
    }
    write_mx::unknown_outcome(cx, &action, cx.facts.exchange.at(), || {
        Some(exchange.dane == FeatureState::Enabled)
    })
    .unwrap_or(Next::Act(action))
}

/// Whether each host was seen to have no TLSA records.
fn withdrawn(cx: &Context<'_>) -> Option<String> {
    let hosts = hosts(cx);
    let absent = |host: &Host| {
        cx.facts
            .host(host)
            .is_some_and(|facts| matches!(facts.tlsa, TlsaFacts::Absent { .. }))
    };
    let names: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    (!hosts.is_empty() && hosts.iter().all(absent))
        .then(|| format!("{} has no TLSA records", names.join(", ")))
}
