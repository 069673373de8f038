//! The zone, its delegation, the resolvers and the DNS provider.

use crate::kernel::Host;
use crate::step::{Context, Finding, sign_zone, write_mx};
use crate::world::{Answer, Chain, Fact, SigningFacts, ZoneFacts};

/// Suffixes of Exchange Online's MX hosts without DNSSEC.
const LEGACY_ZONES: [&str; 3] = [
    "mail.protection.outlook.com",
    "mail.eo.outlook.com",
    "mail.protection.outlook.de",
];

/// Whether Exchange Online runs this host.
pub(super) fn is_microsoft(host: &Host) -> bool {
    LEGACY_ZONES.iter().any(|zone| host.is_within(zone)) || is_new(host)
}

pub(super) fn is_new(host: &Host) -> bool {
    host.is_within(crate::step::memory::NEW_ZONE)
}

pub(super) fn judge(cx: &Context<'_>, found: &mut Vec<Finding>) {
    match &cx.facts.zone {
        Fact::Known { value, .. } => {
            servers(cx, value, found);
            mx(cx, value, found);
        }
        Fact::Refused { why, .. } => found.push(Finding::blocker(
            "dns.zone",
            why,
            "without a zone there is no MX record to change",
            "check the domain's name and its delegation",
        )),
        other => found.push(write_mx::zone_unknown(cx, other.why_unknown())),
    }
    chain(cx, found);
    vantages(cx, found);
}

fn servers(cx: &Context<'_>, zone: &ZoneFacts, found: &mut Vec<Finding>) {
    for server in &zone.servers {
        if let Answer::Failed { why } = &server.mx {
            found.push(Finding::could_not_tell(
                "dns.server",
                format!("{} does not answer for {}: {why}", server.server, cx.setup.domain),
                "a sender may ask just this server, and a change is not visible before all of them serve it",
                "mend the server, or take it out of the delegation",
            ));
        }
    }
    if !zone.out_of_reach.is_empty() {
        found.push(Finding::warning(
            "dns.no-path",
            format!(
                "this machine has no path to {}",
                zone.out_of_reach.join(", ")
            ),
            "these addresses could not be asked whether they serve a change; their other family was",
            "run where both address families work, if you can",
        ));
    }
    for difference in &zone.delegation_differs {
        found.push(Finding::warning(
            "dns.delegation",
            difference.clone(),
            "parent and zone name different servers; only those the parent names are certain to be asked",
            "make both lists equal",
        ));
    }
}

fn mx(cx: &Context<'_>, zone: &ZoneFacts, found: &mut Vec<Finding>) {
    let Some(agreed) = zone.agreed_mx() else {
        // Once this run has begun to write, its own change may be on its way; the MX steps know what they expect.
        if zone.complete() && !cx.memory.way_back_kept {
            found.push(Finding::could_not_tell(
                "mx.differs",
                format!(
                    "the servers of {} serve different MX RRsets: {}",
                    zone.apex,
                    each_mx(zone)
                ),
                "a change may be on its way, or one server is stale",
                "wait until all serve the same, or mend the one that lags",
            ));
        }
        return;
    };
    let set = &agreed.set;
    let domain = &cx.setup.domain;
    if set.is_null() {
        found.push(Finding::blocker(
            "mx.null",
            format!("{domain} has a null MX"),
            "it says that the domain takes no mail (RFC 7505)",
            "remove it if the domain shall take mail",
        ));
        return;
    }
    if set.is_empty() {
        found.push(Finding::blocker(
            "mx.none",
            format!("{domain} has no MX record"),
            "the documented procedure starts from a working MX at Exchange Online",
            "publish the MX that Microsoft 365 shows for the domain, then run again",
        ));
        return;
    }
    let foreign: Vec<_> = set.hosts().filter(|host| !is_microsoft(host)).collect();
    let listed = foreign
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if foreign.len() == set.len() {
        found.push(Finding::blocker(
            "mx.gateway",
            format!("mail for {domain} enters at {listed}, not at Exchange Online"),
            "with a gateway in front the MX stays where it is; what moves is the gateway's smart host",
            "leave this domain's MX alone; set the gateway's smart host to the DnssecMxValue of Enable-DnssecForVerifiedDomain",
        ));
    } else if !foreign.is_empty() {
        found.push(Finding::blocker(
            "mx.third-party",
            format!("{domain} also lists {listed}"),
            "a second MX at somebody else is outside Microsoft's procedure, and senders that fall to it get no DANE",
            "remove the record first, or keep the domain as it is",
        ));
    }
}

/// What each server serves.
fn each_mx(zone: &ZoneFacts) -> String {
    let each = zone.servers.iter().map(|server| match &server.mx {
        Answer::Got { value, ttl } => format!("{} has MX {value} (TTL {ttl} s)", server.server),
        Answer::Failed { why } => format!("{}: {why}", server.server),
    });
    each.collect::<Vec<_>>().join("; ")
}

fn chain(cx: &Context<'_>, found: &mut Vec<Finding>) {
    match &cx.facts.chain {
        Fact::Known {
            value: Chain::Bogus { why },
            ..
        } => found.push(Finding::blocker(
            "chain.bogus",
            format!("{} does not validate: {why}", cx.setup.domain),
            "validating senders get no answer already now",
            "mend it first: compare the DS at the registrar with the zone's keys, look at the signatures' dates",
        )),
        Fact::Known { .. } => {}
        other => found.push(Finding::could_not_tell(
            "chain.unknown",
            format!(
                "whether {} validates could not be told: {}",
                cx.setup.domain,
                other.why_unknown()
            ),
            "a rollout must not start on a chain of trust that nobody could check",
            "check that root, parent and zone servers can be reached from here, over UDP and TCP",
        )),
    }
}

fn vantages(cx: &Context<'_>, found: &mut Vec<Finding>) {
    let agreed = cx.zone().and_then(ZoneFacts::agreed_mx);
    for vantage in &cx.facts.vantages {
        if let (Answer::Got { value, ttl }, Some(agreed)) = (&vantage.mx, &agreed)
            && *value != agreed.set
        {
            // No obstacle: the kernel counts it among what caches hold, and waits for it.
            found.push(Finding::warning(
                "vantage.differs",
                format!(
                    "resolver {} answers with MX {value} for another {ttl} s, which no server of the zone serves",
                    vantage.vantage
                ),
                "senders behind it use that: an earlier version, or another view of the zone",
                "if it stays so after that time, find out where this resolver has it from",
            ));
        }
        if let Answer::Failed { why } = &vantage.mx {
            found.push(Finding::could_not_tell(
                "vantage.failed",
                format!("resolver {} does not answer for {}: {why}", vantage.vantage, cx.setup.domain),
                "either it cannot be reached, or it cannot resolve the domain: senders behind it could not deliver",
                "take it out of `resolve.resolvers` if it is not reachable from here; otherwise find out what it dislikes",
            ));
        }
    }
}

pub(super) fn provider(cx: &Context<'_>, found: &mut Vec<Finding>) {
    let provider = match &cx.facts.provider {
        Fact::Known { value, .. } => value,
        Fact::Refused { why, .. } => {
            found.push(sign_zone::refused(why));
            return;
        }
        other => {
            found.push(sign_zone::unknown(other.why_unknown()));
            return;
        }
    };
    let served = cx.zone().and_then(ZoneFacts::agreed_mx);
    if let (Some(stored), Some(served)) = (&provider.mx, &served)
        && stored.set != served.set
    {
        found.push(Finding::blocker(
            "provider.differs",
            format!(
                "{} has MX {stored}, but the zone's servers serve MX {served}",
                provider.provider
            ),
            "the account may hold another copy of the zone than the one that is delegated",
            "check that the delegation points to this provider and account",
        ));
    }
    let signed = cx
        .zone()
        .and_then(ZoneFacts::agreed_keys)
        .is_some_and(|keys| *keys != crate::kernel::ZoneKeys::Unsigned);
    if !signed && provider.announces {
        found.push(Finding::warning(
            "provider.announces",
            format!("{} announces the DS by CDS as soon as the zone is signed", provider.provider),
            "a registry that scans for it publishes the DS without being asked, past the gate `ds`; registries wait some days before they do",
            "if the DS must wait for your word, do not start before you could give it",
        ));
    }
    if !signed && provider.signing == SigningFacts::Elsewhere {
        found.push(Finding::warning(
            "provider.signing",
            format!("{} cannot sign the zone by API", provider.provider),
            "the run will stop at a gate and ask for it",
            "turn DNSSEC on at the name server when asked, or move the zone to a provider that signs",
        ));
    }
}
