//! Goal: every authoritative address serves the zone with signatures.

use super::{Context, Finding, Next, Question, WaitFor, catalogue, write_mx};
use crate::kernel::{Host, ZoneKeys};
use crate::world::{Action, Fact, Instructions, Needs, SigningFacts, ZoneFacts};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        zone: true,
        provider: true,
        provider_again: cx.memory.unknown.contains_key(Action::SignZone.name()),
        ..Needs::default()
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let zone = match &cx.facts.zone {
        Fact::Known { value, .. } => value,
        other => return Next::blocked(write_mx::zone_unknown(cx, other.why_unknown())),
    };
    if let Some(ZoneKeys::Signed(keys)) = zone.agreed_keys() {
        return Next::Done(format!(
            "all {} addresses of {} serve signatures by {} key{}",
            zone.servers.len(),
            zone.apex,
            keys.len(),
            if keys.len() == 1 { "" } else { "s" }
        ));
    }
    let provider = match &cx.facts.provider {
        Fact::Known { value, .. } => value,
        Fact::Refused { why, .. } => return Next::blocked(refused(why)),
        other => return Next::blocked(unknown(other.why_unknown())),
    };
    match &provider.signing {
        SigningFacts::On { .. } | SigningFacts::Pending => not_visible(zone),
        SigningFacts::Nowhere { instead } => Next::blocked(cannot(&provider.provider, instead)),
        SigningFacts::Elsewhere => Next::Ask(Question::ByHand {
            instructions: sign_by_hand(&provider.provider, &zone.apex),
        }),
        SigningFacts::Off if cx.memory.performed.contains_key(Action::SignZone.name()) => {
            not_visible(zone)
        }
        SigningFacts::Off => {
            // The provider handed it on to a person: asking once is enough.
            if let Some(instructions) = cx.memory.asked.get(cx.step) {
                return Next::Ask(Question::ByHand {
                    instructions: instructions.clone(),
                });
            }
            let action = Action::SignZone;
            // The provider itself says that signing is off.
            write_mx::unknown_outcome(cx, &action, cx.facts.provider.at(), || Some(true))
                .unwrap_or(Next::Act(Action::SignZone))
        }
    }
}

pub(super) fn not_visible(zone: &ZoneFacts) -> Next {
    let unsigned: Vec<_> = zone
        .servers
        .iter()
        .filter(|server| !matches!(server.keys.got(), Some((ZoneKeys::Signed(_), _))))
        .map(|server| &*server.server)
        .collect();
    Next::wait(
        WaitFor::Visible,
        if unsigned.is_empty() {
            format!("the servers of {} serve different DNSKEY RRsets", zone.apex)
        } else {
            format!(
                "{} does not serve signatures of {} yet",
                unsigned.join(", "),
                zone.apex
            )
        },
        "every address serving the signed zone",
    )
}

fn sign_by_hand(provider: &str, apex: &Host) -> Instructions {
    Instructions {
        summary: format!(
            "{provider} offers no way to sign {apex} by API. Turn DNSSEC on for the zone; do not hand a DS to the registrar yet."
        ),
        lines: vec![
            format!(
                "BIND 9: zone \"{apex}\" {{ dnssec-policy default; inline-signing yes; }}; then `rndc sync -clean {apex}` and at once `rndc reconfig`"
            ),
            // Signing starts from the zone file and replays the journal on top of what the file already holds.
            "  (without the sync, a zone that was changed by dynamic updates gets stuck: BIND takes further updates and never serves them)".to_owned(),
            format!("Knot DNS: zone {apex}: dnssec-signing on; then `knotc reload`"),
            format!("PowerDNS: pdnsutil secure-zone {apex}; pdnsutil rectify-zone {apex}"),
        ],
        answer: None,
        effects: vec![Action::SignZone],
    }
}

/// No person could do it at this host either.
pub(super) fn cannot(provider: &str, instead: &str) -> Finding {
    Finding {
        mend: instead.to_owned(),
        ..catalogue::PROVIDER_CANNOT_SIGN.found(format!(
            "the zone is not signed, and {provider} cannot sign it"
        ))
    }
}

/// What stands in the way where the provider was asked and did not say what it takes.
pub(super) fn provider_unknown(cx: &Context<'_>) -> Option<Next> {
    match &cx.facts.provider {
        Fact::Known { .. } | Fact::Unasked => None,
        Fact::Refused { why, .. } => Some(Next::blocked(refused(why))),
        other => Some(Next::blocked(unknown(other.why_unknown()))),
    }
}

pub(super) fn refused(why: &str) -> Finding {
    catalogue::PROVIDER_REFUSED.found(why)
}

pub(super) fn unknown(why: &str) -> Finding {
    catalogue::PROVIDER_UNREACHABLE.found(format!("the DNS provider could not be asked: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::fixture::{Start, at, setup};
    use crate::world::Outcome;

    fn said(signing: SigningFacts, after: Option<&Outcome>) -> Next {
        let start = Start::default();
        let (mut facts, mut memory, setup) = (start.facts(), start.memory(), setup());
        if let Fact::Known { value, .. } = &mut facts.provider {
            value.signing = signing;
        }
        if let Some(outcome) = after {
            memory.record("sign-zone", &Action::SignZone, outcome, &setup, at(1));
        }
        next(&Context {
            setup: &setup,
            facts: &facts,
            memory: &memory,
            step: "sign-zone",
            now: at(2),
        })
    }

    #[test]
    fn an_unsigned_zone_is_signed_once_by_api_or_by_hand() {
        let asked = Outcome::Asked {
            instructions: sign_by_hand("BIND", &Host::new("contoso.com")),
        };
        let done = Outcome::Done {
            note: String::new(),
            mx_host: None,
        };
        let by_hand = |next: &Next| matches!(next, Next::Ask(Question::ByHand { .. }));
        assert_eq!(said(SigningFacts::Off, None), Next::Act(Action::SignZone));
        assert!(by_hand(&said(SigningFacts::Elsewhere, None)));
        let nowhere = SigningFacts::Nowhere {
            instead: "move it".to_owned(),
        };
        let blocked = said(nowhere, None);
        assert!(
            matches!(&blocked, Next::Blocked(found) if found[0].id == "provider.cannot-sign" && found[0].mend == "move it"),
            "nobody is sent to a server that is not theirs: {blocked:?}"
        );
        let again = said(SigningFacts::Off, Some(&asked));
        assert!(
            by_hand(&again),
            "handed on to a person, not tried again: {again:?}"
        );
        let again = said(SigningFacts::Off, Some(&done));
        assert!(matches!(again, Next::Wait(_)), "{again:?}");
    }
}
