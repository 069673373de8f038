//! The domain as Exchange Online knows it, and what connectors name.

use crate::kernel::Host;
use crate::step::{Context, Finding, Severity, catalogue, enable_dnssec};
use crate::world::{Advice, Connector, ExchangeFacts, Fact, FeatureState, Listing};

pub(super) fn judge(cx: &Context<'_>, found: &mut Vec<Finding>) {
    smart_hosts_elsewhere(cx, found);
    let exchange = match &cx.facts.exchange {
        Fact::Known { value, .. } => value,
        Fact::Refused { why, .. } => {
            found.push(enable_dnssec::refused(why));
            return;
        }
        other => {
            found.push(enable_dnssec::unknown(other.why_unknown()));
            return;
        }
    };
    let domain = &cx.setup.domain;
    if exchange.manual {
        let Some(source) = &exchange.source else {
            found.push(catalogue::EXCHANGE_BY_HAND.found(
                "a person runs the cmdlets, so Exchange Online and Graph are not asked about the domain; `rollout microsoft commands FILE` shows what to run and give with --answer to have it judged",
            ));
            return;
        };
        found.push(catalogue::EXCHANGE_PASTED.found(format!(
            "what is known of {domain} at Exchange Online is from {source}"
        )));
    }
    if !exchange.accepted {
        found.push(catalogue::EXCHANGE_NOT_ACCEPTED.found(format!(
            "{domain} is not an accepted domain of the organisation"
        )));
        return;
    }
    accepted(cx, exchange, found);
    if let Some(why) = &exchange.status_refused {
        found.push(catalogue::EXCHANGE_UNSUPPORTED.found(format!(
            "Exchange Online does not answer Get-DnssecStatusForVerifiedDomain for {domain}: {why}"
        )));
    } else if !exchange.manual
        && (exchange.dnssec == FeatureState::Unknown || exchange.dane == FeatureState::Unknown)
    {
        found.push(
            catalogue::EXCHANGE_STATE
                .found("Exchange Online did not say clearly whether DNSSEC or DANE is on"),
        );
    }
    expected_mx(cx, exchange, found);
    found.extend(exchange.advice.iter().map(advice));
    ipv6(cx, found);
    connectors(cx, found);
}

/// What `Get-AcceptedDomain` says.
fn accepted(cx: &Context<'_>, exchange: &ExchangeFacts, found: &mut Vec<Finding>) {
    let domain = &cx.setup.domain;
    let flags = &exchange.flags;
    let on = |flag: Option<bool>| flag == Some(true);
    let said_by_graph = cx.facts.tenant.known().is_some_and(|tenant| tenant.initial);
    if on(flags.initial) && !said_by_graph {
        found.push(super::microsoft::initial(cx));
    }
    if on(flags.pending_removal) {
        found.push(catalogue::EXCHANGE_PENDING_REMOVAL.found(format!(
            "{domain} is being removed from the tenant (PendingRemoval)"
        )));
    }
    if on(flags.pending_completion) {
        found.push(catalogue::EXCHANGE_PENDING_COMPLETION.found(format!(
            "the set-up of {domain} in Exchange Online is not finished (PendingCompletion)"
        )));
    }
    for (flag, name) in [
        (flags.outbound_only, "it only sends (OutboundOnly)"),
        (
            flags.sending_to_disabled,
            "mail to it is switched off (SendingToDomainDisabled)",
        ),
    ] {
        if on(flag) {
            found.push(
                catalogue::EXCHANGE_NO_INBOUND
                    .found(format!("{domain} takes no mail at Exchange Online: {name}")),
            );
        }
    }
    if !exchange.domain_type.eq_ignore_ascii_case("authoritative") {
        found.push(catalogue::EXCHANGE_RELAY.found(format!(
            "{domain} is an accepted domain of type {}",
            exchange.domain_type
        )));
    }
    if on(flags.coexistence) {
        found.push(catalogue::EXCHANGE_COEXISTENCE.found(format!(
            "{domain} is a coexistence domain (IsCoexistenceDomain)"
        )));
    }
    if on(flags.email_only) {
        found.push(
            catalogue::EXCHANGE_EMAIL_ONLY
                .found(format!("{domain} is used for mail only (EmailOnly)")),
        );
    }
}

/// Exchange Online and Graph name the host independently: a cross-check, never a source of its own.
fn expected_mx(cx: &Context<'_>, exchange: &ExchangeFacts, found: &mut Vec<Finding>) {
    let (Some(expected), Some(tenant)) = (&exchange.expected_mx, cx.facts.tenant.known()) else {
        return;
    };
    if exchange.dnssec != FeatureState::Enabled
        || tenant.mx_hosts.is_empty()
        || tenant.mx_hosts.contains(expected)
    {
        return;
    }
    let named: Vec<_> = tenant.mx_hosts.iter().map(ToString::to_string).collect();
    found.push(catalogue::EXCHANGE_MX_DIFFERS.found(format!(
        "Exchange Online expects MX {expected} (ExpectedMxRecord), Graph names {} (mailExchange)",
        named.join(", ")
    )));
}

/// Told apart by the code alone, never by the words.
fn advice(advice: &Advice) -> Finding {
    let rule = match advice.code.as_deref() {
        Some("EX003") => &catalogue::EXCHANGE_EX003,
        _ => &catalogue::EXCHANGE_ADVICE,
    };
    rule.found(advice.to_string())
}

fn ipv6(cx: &Context<'_>, found: &mut Vec<Finding>) {
    let Some(state) = cx.facts.ipv6.known() else {
        return;
    };
    let domain = &cx.setup.domain;
    if *state == FeatureState::Enabled {
        found.push(catalogue::EXCHANGE_IPV6.found(format!(
            "IPv6 is on for {domain}: its hosts take mail over both families"
        )));
    }
    // Which of the domain's hosts have IPv6 addresses, as far as they were seen to have any.
    let hosts = cx.hosts().filter(|host| super::zone::is_microsoft(host));
    for host in hosts {
        let Some(facts) = cx.facts.host(host) else {
            continue;
        };
        if facts.addresses.is_empty() {
            continue;
        }
        let has = facts.addresses.iter().any(|a| a.address.contains(':'));
        let differs = match state {
            FeatureState::Enabled => !has,
            FeatureState::Disabled => has,
            FeatureState::Unknown => false,
        };
        if differs {
            let (says, is) = if has {
                ("off", "has")
            } else {
                ("on", "has no")
            };
            found.push(catalogue::EXCHANGE_IPV6_DIFFERS.found(format!(
                "Exchange Online says that IPv6 is {says} for {domain}, but {host} {is} IPv6 address"
            )));
        }
    }
}

/// The hosts on the domain's own legacy name: where its MX points now, or where Graph says that it should.
fn legacy_hosts(cx: &Context<'_>) -> Vec<Host> {
    let listed = cx.zone().and_then(|zone| zone.agreed_mx());
    let graph = cx.facts.tenant.known().map(|tenant| &tenant.mx_hosts);
    let mut hosts: Vec<Host> = listed
        .iter()
        .flat_map(|mx| mx.set.hosts())
        .chain(graph.into_iter().flatten())
        .filter(|host| super::zone::is_legacy(host))
        .cloned()
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

fn list(hosts: &[Host]) -> String {
    let names: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// What no tenant can see: a person has to confirm it, at the gate before the new host is assigned.
fn smart_hosts_elsewhere(cx: &Context<'_>, found: &mut Vec<Finding>) {
    let moved = cx
        .facts
        .exchange
        .known()
        .is_some_and(|exchange| exchange.dnssec == FeatureState::Enabled);
    let hosts = legacy_hosts(cx);
    if moved || hosts.is_empty() {
        return;
    }
    found.push(catalogue::CONNECTORS_UNSEEN.found(format!(
        "whether own servers, devices or partners send to {} by name cannot be seen from here; the gate `smart-hosts` asks",
        list(&hosts)
    )));
}

fn connectors(cx: &Context<'_>, found: &mut Vec<Finding>) {
    let hosts = legacy_hosts(cx);
    let facts = match &cx.facts.connectors {
        Fact::Known { value, .. } => value,
        Fact::Unasked => return,
        other => {
            found.push(unknown("connectors", other.why_unknown()));
            return;
        }
    };
    for connector in listed(&facts.outbound, "outbound connectors", found) {
        let Some(host) = named(connector, &hosts) else {
            continue;
        };
        let name = &connector.name;
        let what = |state: &str| format!("the {state}outbound connector {name:?} names {host}");
        let finding = match connector.enabled {
            Some(true) => catalogue::CONNECTORS_SMART_HOST.found(what("enabled ")),
            Some(false) => catalogue::CONNECTORS_DISABLED.found(what("disabled ")),
            None => catalogue::CONNECTORS_SMART_HOST
                .found(format!(
                    "{}; whether it is enabled could not be told",
                    what("")
                ))
                .weighing(Severity::CouldNotTell),
        };
        found.push(finding.about(name));
    }
    for connector in listed(&facts.inbound, "inbound connectors", found) {
        if let Some(host) = named(connector, &hosts)
            && connector.enabled != Some(false)
        {
            let name = &connector.name;
            found.push(
                catalogue::CONNECTORS_INBOUND
                    .found(format!(
                        "the inbound connector {name:?} expects a certificate named {host}"
                    ))
                    .about(name),
            );
        }
    }
}

fn unknown(what: &str, why: &str) -> Finding {
    catalogue::CONNECTORS_UNKNOWN.found(format!("the {what} could not be read: {why}"))
}

fn listed<'l>(listing: &'l Listing, what: &str, found: &mut Vec<Finding>) -> &'l [Connector] {
    match listing {
        Listing::Known { connectors } => {
            for connector in connectors {
                if !connector.unread.is_empty() && connector.enabled != Some(false) {
                    let why = format!(
                        "{} of {:?} did not come through",
                        connector.unread.join(", "),
                        connector.name
                    );
                    found.push(unknown(what, &why));
                }
            }
            connectors
        }
        Listing::CouldNotTell { why } => {
            found.push(unknown(what, why));
            &[]
        }
    }
}

fn named<'h>(connector: &Connector, hosts: &'h [Host]) -> Option<&'h Host> {
    hosts.iter().find(|host| connector.hosts.contains(host))
}
