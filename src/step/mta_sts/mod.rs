//! The MTA-STS policy (RFC 8461): before the move it names old and new hosts, after it the new ones alone.
//!
//! Two things are published, in this order: the policy, until it is seen over HTTPS, then a new id in the TXT record at
//! `_mta-sts`, by which senders learn to look for it (RFC 8461 section 8.1). What the domain file says to be writable is
//! written here, the rest a person does; both is observed in the same way.

mod after;
mod back;
mod before;
mod publish;
mod restore;
mod text;
mod wishes;
mod words;

use jiff::Timestamp;

use super::{Context, Finding, Next, Setup, Wait, WaitFor};
use crate::kernel::{Because, Host, Policy};
use crate::world::{Fact, Needs, PolicyFacts};

pub use wishes::{DuringMove, MtaSts, PolicyBy};

pub(super) use after::next as after;
pub(super) use back::next as back;
pub(super) use before::next as before;
pub(super) use restore::next as restore;

/// The owner name of the record that announces a domain's policy (RFC 8461 section 3.1).
pub(super) fn owner(domain: &Host) -> Host {
    Host::new(&format!("_mta-sts.{domain}"))
}

/// The facts that each of these steps needs.
pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        policy: true,
        ..publishing(cx.setup)
    }
}

/// The same where hosts decide as well: a policy changes for the sake of the MX hosts.
pub(super) fn needs_hosts(cx: &Context<'_>) -> Needs {
    cx.needs_to_write_mx().and(needs(cx))
}

/// What the places hold that the domain file names: it is kept for the way back before the first change.
pub(super) fn publishing(setup: &Setup) -> Needs {
    let wishes = &setup.mta_sts;
    let mut needs = Needs {
        policy_file: matches!(wishes.policy, PolicyBy::File(_)),
        ..Needs::default()
    };
    if wishes.record_by_provider {
        needs.texts.insert(owner(&setup.domain));
    }
    needs
}

/// The policy, or that nobody could tell.
fn read<'a>(cx: &Context<'a>) -> Result<&'a PolicyFacts, Box<Next>> {
    match &cx.facts.policy {
        Fact::Known { value, .. } => Ok(value),
        other => Err(Box::new(Next::blocked(Finding::could_not_tell(
            "mta-sts.unknown",
            format!(
                "the MTA-STS policy of {} could not be read: {}",
                cx.setup.domain,
                other.why_unknown()
            ),
            "an enforcing policy that does not name the new host stops mail to it",
            "make https://mta-sts.<domain>/.well-known/mta-sts.txt reachable, or remove the _mta-sts record",
        )))),
    }
}

/// Waits until no sender can hold a policy that does not admit these hosts.
fn held(cx: &Context<'_>, admits: impl Fn(&Policy) -> bool, whom: &str) -> Option<Next> {
    let mut possible = cx.memory.caches.policy.possible(cx.now);
    if possible.any(|version| version.served.is_some() && !admits(&version.value)) {
        return Some(Next::wait(
            WaitFor::Visible,
            format!(
                "a policy that does not admit {whom} was handed over without an answer, and may still appear"
            ),
            "proof that it was lost, or another policy",
        ));
    }
    let held = cx
        .memory
        .caches
        .policy
        .possible(cx.now)
        .filter(|version| !admits(&version.value))
        .filter_map(|version| Some((version.cached_until?, version)))
        .max_by_key(|(until, _)| *until);
    held.map(|(until, version)| {
        Next::Wait(Wait {
            kind: WaitFor::Expiry,
            until: Some(until),
            why: vec![format!(
                "senders may hold an earlier MTA-STS policy that does not admit {whom}: {} served it at {}",
                version.seen.server,
                crate::kernel::utc(version.seen.at)
            )],
            sooner: "nothing: senders keep a policy until they see a new id".to_owned(),
        })
    })
}

/// Waits until no cache can hold an MX set that names this host; `None` once that is so.
fn retired(cx: &Context<'_>, host: &Host) -> Option<Next> {
    use crate::kernel::{Verdict, retire};
    match retire(&cx.memory.caches, host, cx.now) {
        Verdict::Now => None,
        Verdict::NotBefore(until, because) => Some(expiry(until, &because)),
        Verdict::No(violations) => Some(Next::Wait(Wait {
            kind: WaitFor::Visible,
            until: None,
            why: violations.iter().map(ToString::to_string).collect(),
            sooner: format!("no server serving an MX set that names {host}"),
        })),
    }
}

/// Waits for copies in caches to end.
fn expiry(until: Timestamp, because: &[Because]) -> Next {
    Next::Wait(Wait {
        kind: WaitFor::Expiry,
        until: Some(until),
        why: because.iter().map(ToString::to_string).collect(),
        sooner: "nothing: caches outside cannot be flushed".to_owned(),
    })
}
