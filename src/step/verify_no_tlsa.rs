//! Goal: the TLSA records of the domain's host are gone, from Microsoft's servers and from every cache.

use super::{Context, Finding, Next, Wait, WaitFor, disable_dane};
use crate::kernel::{Host, Verdict, forgotten};
use crate::world::{Fact, Needs, TlsaFacts};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        exchange: true,
        zone: true,
        hosts: disable_dane::hosts(cx),
        ..Needs::default()
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let hosts = disable_dane::hosts(cx);
    if hosts.is_empty() {
        return Next::blocked(could_not_tell(format!(
            "neither the DNS nor Exchange Online names a host of {} under mx.microsoft, so whose TLSA records are to go could not be told",
            cx.setup.domain
        )));
    }
    for host in &hosts {
        if let Err(next) = gone(cx, host) {
            return *next;
        }
    }
    let names: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    Next::Done(format!(
        "no TLSA records of {} are served, nor in a cache",
        names.join(", ")
    ))
}

fn gone(cx: &Context<'_>, host: &Host) -> Result<(), Box<Next>> {
    let facts = match cx.facts.hosts.get(host) {
        Some(Fact::Known { value, .. }) => value,
        Some(other) => {
            return Err(Box::new(Next::blocked(could_not_tell(format!(
                "{host} could not be looked up: {}",
                other.why_unknown()
            )))));
        }
        None => {
            return Err(Box::new(Next::wait(
                WaitFor::Service,
                format!("{host} was not asked yet"),
                "its answer",
            )));
        }
    };
    match &facts.tlsa {
        TlsaFacts::Records { records, .. } => {
            return Err(Box::new(Next::wait(
                WaitFor::Service,
                format!(
                    "Microsoft's servers still serve {} TLSA records of {host}",
                    records.len()
                ),
                "Microsoft withdrawing them",
            )));
        }
        TlsaFacts::Failed { why } => {
            return Err(Box::new(Next::blocked(could_not_tell(format!(
                "the TLSA lookup of {host} fails: {why}"
            )))));
        }
        // Whoever finds the host insecure asks for no TLSA records.
        TlsaFacts::Absent { .. } | TlsaFacts::NotAsked => {}
    }
    match forgotten(&cx.memory.caches, host, cx.now) {
        Verdict::Now => Ok(()),
        Verdict::NotBefore(until, because) => Err(Box::new(Next::Wait(Wait {
            kind: WaitFor::Expiry,
            until: Some(until),
            why: because.iter().map(ToString::to_string).collect(),
            sooner: "nothing: caches outside cannot be flushed".to_owned(),
        }))),
        Verdict::No(violations) => Err(Box::new(Next::Wait(Wait {
            kind: WaitFor::Visible,
            until: None,
            why: violations.iter().map(ToString::to_string).collect(),
            sooner: "Microsoft withdrawing them".to_owned(),
        }))),
    }
}

fn could_not_tell(what: String) -> Finding {
    Finding::could_not_tell(
        "tlsa.gone",
        what,
        "as long as a sender holds TLSA records that do not match, it does not deliver",
        "look again in a few minutes: rollout resume, or rollout verify",
    )
}
