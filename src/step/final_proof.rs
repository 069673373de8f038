//! Goal: every sender, whatever its caches hold, delivers under DANE (S3, I7).

use super::{Context, Finding, Next, Wait, WaitFor, verdict, write_mx};
use crate::kernel::{Verdict, claim};
use crate::world::{Chain, Fact, Needs};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        zone: true,
        parent: true,
        chain: true,
        policy: true,
        // The verdict is dear: it is asked when the kernel has nothing left to say.
        verdict: claim(&cx.memory.caches, &cx.memory.actors, cx.now) == Verdict::Now,
        vantages: true,
        smtp: true,
        hosts: cx.memory.set_of_hosts(cx.now),
        ..Needs::default()
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    // Somebody else's MX set is no reason to wait: nothing of ours would end it (S1).
    if let (Some(zone), Some(expected)) = (cx.zone(), &cx.memory.expected)
        && let Err(next) = write_mx::as_expected(cx, zone, expected)
        && matches!(*next, Next::Blocked(_))
    {
        return *next;
    }
    match claim(&cx.memory.caches, &cx.memory.actors, cx.now) {
        Verdict::NotBefore(until, because) => Next::Wait(Wait {
            kind: WaitFor::Expiry,
            until: Some(until),
            why: because.iter().map(ToString::to_string).collect(),
            sooner: "nothing: caches outside cannot be flushed".to_owned(),
        }),
        Verdict::No(violations) => Next::Wait(Wait {
            kind: WaitFor::Visible,
            until: None,
            why: violations.iter().map(ToString::to_string).collect(),
            sooner: "all of it seen to be right".to_owned(),
        }),
        Verdict::Now => validated(cx),
    }
}

/// What the kernel concludes from record sets, our own validator must find as well.
fn validated(cx: &Context<'_>) -> Next {
    match &cx.facts.chain {
        Fact::Known {
            value: Chain::Secure,
            ..
        } => match verdict::safe(cx) {
            Err(next) => *next,
            Ok(()) => Next::Done(format!(
                "{} is protected by DANE for every sender, whatever its caches hold",
                cx.setup.domain
            )),
        },
        Fact::Known {
            value: Chain::Bogus { why },
            ..
        } => Next::blocked(Finding::blocker(
            "chain.bogus",
            format!(
                "validation of the MX set of {} fails: {why}",
                cx.setup.domain
            ),
            "validating senders get no answer and keep the mail waiting",
            "compare the DS at the registrar with the zone's keys; do not unsign the zone while a DS is there",
        )),
        Fact::Known {
            value: Chain::Insecure,
            ..
        } => Next::wait(
            WaitFor::Visible,
            "our validator finds the domain insecure although the servers agree on a DS",
            "the chain of trust validating from the root",
        ),
        other => Next::blocked(Finding::could_not_tell(
            "chain.unknown",
            format!(
                "the chain of trust of {} could not be validated: {}",
                cx.setup.domain,
                other.why_unknown()
            ),
            "protection is claimed only when it was seen",
            "check that root and parent servers can be reached from here",
        )),
    }
}
