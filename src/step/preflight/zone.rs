//! The zone, its delegation, the resolvers and the DNS provider.

use crate::kernel::{Host, MxSet, ZoneKeys};
use crate::playbook::Scope;
use crate::step::{Context, Finding, Severity, catalogue, sign_zone, write_mx};
use crate::world::{Answer, Chain, Fact, HandsOver, OnFile, SigningFacts, ZoneFacts};

/// Suffixes of Exchange Online's MX hosts without DNSSEC.
const LEGACY_ZONES: [&str; 3] = [
    "mail.protection.outlook.com",
    "mail.eo.outlook.com",
    "mail.protection.outlook.de",
];

/// Suffixes of the MX hosts of Microsoft's national clouds (GCC High and DoD; 21Vianet).
const NATIONAL_ZONES: [&str; 2] = [
    "mail.protection.office365.us",
    "mail.protection.partner.outlook.cn",
];

/// Whether this is an MX host of Exchange Online without DNSSEC.
pub(super) fn is_legacy(host: &Host) -> bool {
    LEGACY_ZONES.iter().any(|zone| host.is_within(zone))
}

/// Whether Exchange Online runs this host.
pub(super) fn is_microsoft(host: &Host) -> bool {
    is_legacy(host) || is_new(host)
}

pub(super) fn is_new(host: &Host) -> bool {
    host.is_within(crate::step::memory::NEW_ZONE)
}

pub(super) fn judge(cx: &Context<'_>, scope: Scope, found: &mut Vec<Finding>) {
    match &cx.facts.zone {
        Fact::Known { value, .. } => {
            servers(cx, value, found);
            two_hosts(cx, value, found);
            mx(cx, scope, value, found);
        }
        Fact::Refused { why, .. } => {
            found.push(catalogue::DNS_ZONE.found(why).weighing(Severity::Blocker))
        }
        other => found.push(write_mx::zone_unknown(cx, other.why_unknown())),
    }
    chain(cx, scope, found);
    vantages(cx, found);
}

fn servers(cx: &Context<'_>, zone: &ZoneFacts, found: &mut Vec<Finding>) {
    for server in &zone.servers {
        if let Answer::Failed { why } = &server.mx {
            found.push(catalogue::DNS_SERVER.found(format!(
                "{} does not answer for {}: {why}",
                server.server, cx.setup.domain
            )));
        }
    }
    if !zone.out_of_reach.is_empty() {
        found.push(catalogue::DNS_NO_PATH.found(format!(
            "this machine has no path to {}",
            zone.out_of_reach.join(", ")
        )));
    }
    for difference in &zone.delegation_differs {
        found.push(catalogue::DNS_DELEGATION.found(difference.clone()));
    }
}

/// Two hosts need not be wrong: one can be the other's secondary. But a change at ours must reach all of them.
fn two_hosts(cx: &Context<'_>, zone: &ZoneFacts, found: &mut Vec<Finding>) {
    if zone.split_between.len() < 2 {
        return;
    }
    let named: Vec<_> = zone
        .split_between
        .iter()
        .map(|host| format!("{} ({})", host.host, host.servers.join(", ")))
        .collect();
    let what = format!(
        "the parent delegates {} to {}",
        zone.apex,
        named.join(" and to ")
    );
    let ours = cx.facts.provider.known().map(|facts| &facts.provider);
    let partly = ours.filter(|ours| zone.split_between.iter().any(|host| host.host == **ours));
    // A secondary has the serial of its primary; copies of one's own have serials of their own.
    let mut serials: Vec<u32> = zone.servers.iter().filter_map(|s| s.serial).collect();
    serials.sort_unstable();
    serials.dedup();
    found.push(match partly {
        Some(ours) if serials.len() > 1 => catalogue::DNS_TWO_HOSTS
            .found(format!(
                "{what}, and they serve different SOA serials: a change at {ours} reaches only its own servers"
            ))
            .weighing(Severity::Blocker),
        _ => catalogue::DNS_TWO_HOSTS.found(what),
    });
}

fn mx(cx: &Context<'_>, scope: Scope, zone: &ZoneFacts, found: &mut Vec<Finding>) {
    let Some(agreed) = zone.agreed_mx() else {
        // Once this run has begun to write, its own change may be on its way; the MX steps know what they expect.
        if zone.complete() && !cx.memory.way_back_kept {
            found.push(catalogue::MX_DIFFERS.found(format!(
                "the servers of {} serve different MX RRsets: {}",
                zone.apex,
                each_mx(zone)
            )));
        }
        return;
    };
    if scope == Scope::Dnssec {
        return;
    }
    let set = &agreed.set;
    let domain = &cx.setup.domain;
    if set.is_null() {
        found.push(catalogue::MX_NULL.found(format!("{domain} has a null MX")));
        return;
    }
    if set.is_empty() {
        found.push(catalogue::MX_NONE.found(format!("{domain} has no MX record")));
        return;
    }
    let national = |host: &&Host| NATIONAL_ZONES.iter().any(|zone| host.is_within(zone));
    if let Some(host) = set.hosts().find(national) {
        found.push(catalogue::MX_NATIONAL_CLOUD.found(format!(
            "mail for {domain} enters at {host}, in a national cloud of Microsoft's"
        )));
        return;
    }
    match scope {
        Scope::Move | Scope::Dnssec => {}
        Scope::Dane { .. } => {
            if !set.hosts().all(is_new) {
                found.push(catalogue::MX_NOT_NEW.found(format!(
                    "mail for {domain} does not enter under mx.microsoft alone: MX {agreed}"
                )));
            }
            return;
        }
        Scope::Gateway { .. } => {
            if set.hosts().any(is_microsoft) {
                found.push(catalogue::MX_NOT_GATEWAY.found(format!(
                    "mail for {domain} does not enter at a gateway alone: MX {agreed}"
                )));
            }
            return;
        }
    }
    move_starts(cx, set, &agreed.to_string(), found);
}

/// What the move starts from: hosts of Exchange Online, and nobody else's.
fn move_starts(cx: &Context<'_>, set: &MxSet, agreed: &str, found: &mut Vec<Finding>) {
    let domain = &cx.setup.domain;
    let foreign: Vec<_> = set.hosts().filter(|host| !is_microsoft(host)).collect();
    let listed = foreign
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if set.hosts().all(is_new) {
        found.push(catalogue::MX_ALREADY_NEW.found(format!(
            "mail for {domain} enters under mx.microsoft already: MX {agreed}"
        )));
    }
    if foreign.len() == set.len() {
        found.push(catalogue::MX_GATEWAY.found(format!(
            "mail for {domain} enters at {listed}, not at Exchange Online"
        )));
    } else if !foreign.is_empty() {
        found.push(catalogue::MX_THIRD_PARTY.found(format!("{domain} also lists {listed}")));
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

fn chain(cx: &Context<'_>, scope: Scope, found: &mut Vec<Finding>) {
    match &cx.facts.chain {
        Fact::Known {
            value: Chain::Bogus { why },
            ..
        } => found.push(
            catalogue::CHAIN_BOGUS.found(format!("{} does not validate: {why}", cx.setup.domain)),
        ),
        Fact::Known {
            value: Chain::Insecure,
            ..
        } if scope.must_be_signed() => found.push(
            catalogue::CHAIN_INSECURE
                .found(format!("{} is not signed, or has no DS", cx.setup.domain)),
        ),
        Fact::Known { .. } => {}
        other => found.push(catalogue::CHAIN_UNKNOWN.found(format!(
            "whether {} validates could not be told: {}",
            cx.setup.domain,
            other.why_unknown()
        ))),
    }
}

fn vantages(cx: &Context<'_>, found: &mut Vec<Finding>) {
    let agreed = cx.zone().and_then(ZoneFacts::agreed_mx);
    for vantage in &cx.facts.vantages {
        if let (Answer::Got { value, ttl }, Some(agreed)) = (&vantage.mx, &agreed)
            && *value != agreed.set
        {
            // No obstacle: the kernel counts it among what caches hold, and waits for it.
            found.push(catalogue::VANTAGE_DIFFERS.found(format!(
                    "resolver {} answers with MX {value} for another {ttl} s, which no server of the zone serves",
                    vantage.vantage
                )));
        }
        if let Answer::Failed { why } = &vantage.mx {
            found.push(catalogue::VANTAGE_FAILED.found(format!(
                "resolver {} does not answer for {}: {why}",
                vantage.vantage, cx.setup.domain
            )));
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
        found.push(catalogue::PROVIDER_DIFFERS.found(format!(
            "{} has MX {stored}, but the zone's servers serve MX {served}",
            provider.provider
        )));
    }
    let keys = cx.zone().and_then(ZoneFacts::agreed_keys);
    let unsigned = keys.is_some_and(|keys| *keys == ZoneKeys::Unsigned);
    let signed = keys.is_some() && !unsigned;
    match &provider.on_file {
        OnFile::Refused { why } => found.push(catalogue::REGISTRAR_REFUSED.found(why)),
        OnFile::CouldNotTell { why } => found.push(
            catalogue::REGISTRAR_UNREACHABLE
                .found(format!("the registrar could not be asked: {why}")),
        ),
        OnFile::Known { ds } if !ds.is_empty() && unsigned => {
            let ds: Vec<_> = ds.iter().map(|key| key.as_str()).collect();
            found.push(catalogue::REGISTRAR_HAS_DS.found(format!(
                "the registrar has DS {} on file, but the zone is not signed",
                ds.join("; ")
            )));
        }
        OnFile::Known { .. } | OnFile::NotAsked => {}
    }
    if !signed && provider.announces {
        found.push(catalogue::PROVIDER_ANNOUNCES.found(format!(
            "{} announces the DS by CDS as soon as the zone is signed",
            provider.provider
        )));
    }
    let condition = match provider.hands_over {
        HandsOver::Never => None,
        HandsOver::IfRegisteredThere => Some(", if the domain is registered there, too"),
        HandsOver::Always => Some(""),
    };
    if !signed && let Some(condition) = condition {
        found.push(catalogue::PROVIDER_HANDS_OVER.found(format!(
            "{} brings the DS to the parent by itself as soon as the zone is signed{condition}",
            provider.provider
        )));
    }
    for note in &provider.notes {
        found.push(catalogue::PROVIDER_NOTE.found(note));
    }
    if let SigningFacts::Nowhere { instead } = &provider.signing
        && unsigned
    {
        found.push(sign_zone::cannot(&provider.provider, instead));
    }
    if !signed && provider.signing == SigningFacts::Elsewhere {
        found.push(
            catalogue::PROVIDER_SIGNING
                .found(format!("{} cannot sign the zone by API", provider.provider)),
        );
    }
}
