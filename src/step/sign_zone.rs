//! Goal: every authoritative address serves the zone with signatures.

use super::{Context, Finding, Next, Question, WaitFor, write_mx};
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
        SigningFacts::Elsewhere => Next::Ask(Question::ByHand {
            instructions: sign_by_hand(&provider.provider, &zone.apex),
        }),
        SigningFacts::Off if cx.memory.performed.contains_key(Action::SignZone.name()) => {
            not_visible(zone)
        }
        SigningFacts::Off => {
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
        .map(|server| server.server.as_str())
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
                "BIND 9: zone \"{apex}\" {{ dnssec-policy default; inline-signing yes; }}; then `rndc reconfig`"
            ),
            format!("Knot DNS: zone {apex}: dnssec-signing on; then `knotc reload`"),
            format!("PowerDNS: pdnsutil secure-zone {apex}; pdnsutil rectify-zone {apex}"),
        ],
    }
}

pub(super) fn refused(why: &str) -> Finding {
    Finding::blocker(
        "provider.refused",
        why,
        "without it the zone can be neither read nor changed",
        "check the credential and its rights in the domain file's `dns:` section",
    )
}

pub(super) fn unknown(why: &str) -> Finding {
    Finding::could_not_tell(
        "provider.unreachable",
        format!("the DNS provider could not be asked: {why}"),
        "the next change depends on what it says",
        "try again; nothing was changed",
    )
}
