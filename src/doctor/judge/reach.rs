//! What can be reached from here.

use std::net::SocketAddr;

use super::{capital, list};
use crate::dane::{MtaStsView, ProbeResult, Route};
use crate::dns::{Failure, VantageVerdict};
use crate::doctor::catalogue::{
    REACH_DNS_TCP, REACH_DNS_UDP, REACH_HTTPS, REACH_IPV6, REACH_MTA_STS, REACH_RESOLVER,
    REACH_SMTP, Rule,
};
use crate::doctor::check::{Check, Mend};
use crate::doctor::view::{HttpsView, MailView, ResolverView, ServerView, View};

const NETWORK: &str = "The administrator of the network";

pub(super) fn judge(view: &View) -> Vec<Check> {
    let mut checks: Vec<Check> = view.https.iter().map(https).collect();
    if view.https.is_empty() {
        checks.push(
            REACH_HTTPS.not_needed("The domain file names no service that is asked over HTTPS."),
        );
    }
    checks.extend(view.resolvers.iter().map(resolver));
    if view.resolvers.is_empty() {
        checks.push(
            REACH_RESOLVER.not_needed("The domain file names no resolver (resolve.resolvers)."),
        );
    }
    checks.push(port_53(&REACH_DNS_UDP, &view.servers, |server| {
        server.udp.as_ref()
    }));
    checks.push(port_53(&REACH_DNS_TCP, &view.servers, |server| {
        server.tcp.as_ref()
    }));
    checks.push(smtp(&view.mail));
    checks.push(mta_sts(view));
    checks.push(ipv6(view));
    checks
}

fn https(service: &HttpsView) -> Check {
    match &service.answer {
        Ok(_) => REACH_HTTPS.passed(format!("{} answers.", service.service)),
        Err(why) => REACH_HTTPS
            .failed(format!("{} cannot be reached: {why}.", service.service))
            .mend(Mend::new(
                NETWORK,
                format!(
                    "lets HTTPS out to {}; a proxy is set with HTTPS_PROXY, and one that opens TLS must let this host through.",
                    service.origin
                ),
            )),
    }
    .about(service.origin.clone())
}

fn resolver(resolver: &ResolverView) -> Check {
    let replace = || {
        Mend::new(
            "Whoever wrote the domain file",
            "names another resolver under resolve.resolvers, or takes this one out.",
        )
    };
    let root = &resolver.root;
    let check = match &root.verdict {
        VantageVerdict::Answer if root.ad => {
            REACH_RESOLVER.passed("It answers and validates DNSSEC.")
        }
        VantageVerdict::Answer => REACH_RESOLVER
            .failed("It answers, but does not validate DNSSEC: its answer about the signed root carries no AD flag.")
            .mend(replace()),
        VantageVerdict::Bogus { .. } => REACH_RESOLVER
            .failed("It takes the root zone for bogus: its trust anchor or its clock is wrong.")
            .mend(replace()),
        VantageVerdict::NoData | VantageVerdict::NxDomain => REACH_RESOLVER
            .failed("It says that the root has no SOA record, so it does not resolve.")
            .mend(replace()),
        VantageVerdict::Failed(Failure::NoRoute { detail }) => REACH_RESOLVER
            .could_not_tell(format!("This machine has no path to it ({detail})."))
            .mend(replace()),
        VantageVerdict::Failed(failure) => REACH_RESOLVER
            .failed(format!("It does not resolve: it {failure}."))
            .mend(Mend::new(
                "Whoever wrote the domain file",
                format!(
                    "names another resolver under resolve.resolvers, or takes this one out; if none answers, the network closes port 53 (UDP and TCP) to {}.",
                    resolver.address
                ),
            )),
    };
    check.about(format!("{} ({})", resolver.name, resolver.address))
}

fn port_53(
    rule: &Rule,
    servers: &Result<Vec<ServerView>, Failure>,
    trouble: fn(&ServerView) -> Option<&Failure>,
) -> Check {
    let protocol = if rule.id == REACH_DNS_TCP.id {
        "TCP"
    } else {
        "UDP"
    };
    let open = || {
        Mend::new(
            NETWORK,
            format!(
                "opens port 53 over {protocol} outward; where that cannot be, resolve.forwarders names resolvers that ask in our place."
            ),
        )
    };
    let servers = match servers {
        Ok(servers) if !servers.is_empty() => servers,
        Ok(_) => return rule.could_not_tell("The zone has no server with an address."),
        Err(failure) => {
            return rule
                .could_not_tell(format!(
                    "The zone's servers could not be found out: the last one asked {failure}."
                ))
                .mend(open());
        }
    };
    // Addresses of a family without a path are said once, below.
    let (away, near): (Vec<&ServerView>, Vec<&ServerView>) = servers
        .iter()
        .partition(|server| matches!(trouble(server), Some(Failure::NoRoute { .. })));
    let silent: Vec<String> = near
        .iter()
        .filter_map(|server| {
            let failure = trouble(server)?;
            Some(format!("{} ({}) {failure}", server.server, server.address))
        })
        .collect();
    let all = near.len();
    if near.is_empty() {
        return rule
            .failed(format!(
                "This machine has no path to any of the {} addresses of the zone's servers.",
                away.len()
            ))
            .mend(open());
    }
    if silent.is_empty() {
        return rule.passed(format!(
            "All {all} addresses of the zone's servers answer on port 53 over {protocol}."
        ));
    }
    if silent.len() == all {
        return rule
            .failed(format!(
                "None of the {all} addresses of the zone's servers answers over {protocol}: {}.",
                silent.join("; ")
            ))
            .mend(open());
    }
    rule.could_not_tell(format!(
        "{} of {all} addresses of the zone's servers do not answer over {protocol}: {}. Others do, so it is not this machine's way out.",
        silent.len(),
        silent.join("; ")
    ))
    .mend(Mend::new(
        "Whoever runs the zone's servers",
        format!("sees whether they run and answer over {protocol}; `rollout verify` says more."),
    ))
}

fn smtp(mail: &MailView) -> Check {
    match &mail.route {
        Route::LookupError { why } => {
            return REACH_SMTP
                .could_not_tell(format!("The MX records could not be looked up: {why}."));
        }
        Route::NullMx => {
            return REACH_SMTP.not_needed("The domain says that it takes no mail (RFC 7505).");
        }
        Route::Mx | Route::Implicit | Route::Address => {}
    }
    let reached = |result: &ProbeResult| {
        !matches!(
            result,
            ProbeResult::Refused
                | ProbeResult::Timeout { .. }
                | ProbeResult::NoRoute { .. }
                | ProbeResult::NotProbed
                | ProbeResult::Given { .. }
        )
    };
    let (good, bad): (Vec<_>, Vec<_>) = mail
        .hosts
        .iter()
        .partition(|(_, _, result)| reached(result));
    let silent: Vec<String> = bad
        .iter()
        .filter(|(_, _, result)| !matches!(result, ProbeResult::NoRoute { .. }))
        .map(|(host, address, result)| format!("{host} ({}) {}", address.ip(), unreached(result)))
        .chain(
            mail.unknown
                .iter()
                .map(|(host, why)| format!("{host} has no known address: {why}")),
        )
        .collect();
    let all = mail.hosts.len();
    if !good.is_empty() {
        let check = REACH_SMTP.passed(format!(
            "{} of {all} addresses of the domain's mail hosts answer.",
            good.len()
        ));
        return silent.into_iter().fold(check, |check, silent| {
            check.remark(format!("{}.", capital(&silent)))
        });
    }
    let what = if mail.hosts.is_empty() && mail.unknown.is_empty() {
        "The domain has no mail host to ask.".to_owned()
    } else if silent.is_empty() {
        format!("This machine has no path to any of {all} addresses of the domain's mail hosts.")
    } else {
        format!(
            "No mail host of the domain could be reached, most likely because port {} is blocked on the way: {}.",
            mail.port,
            silent.join("; ")
        )
    };
    if !mail.required {
        return REACH_SMTP
            .not_needed(what)
            .remark("smtp.probe is advisory: the rollout goes on, and the report says that the hosts were not proven.");
    }
    REACH_SMTP.could_not_tell(what).mend(Mend::new(
        NETWORK,
        format!(
            "opens port {} outward (many clouds open it only on request), or rollout runs where it is open. Else `smtp.probe: advisory` in the \
             domain file lets the rollout go on unproven, and `rollout verify --from-chain HOST=FILE` judges a chain that was captured elsewhere.",
            mail.port
        ),
    ))
}

fn unreached(result: &ProbeResult) -> String {
    match result {
        ProbeResult::Refused => "refuses the connection".to_owned(),
        ProbeResult::Timeout { stage } => format!("does not answer in time ({stage})"),
        ProbeResult::NoRoute { detail } => format!("has no path from here ({detail})"),
        _ => "was not asked".to_owned(),
    }
}

fn mta_sts(view: &View) -> Check {
    let host = format!("mta-sts.{}", view.domain);
    match &view.mta_sts {
        Some(MtaStsView::None { .. }) => {
            REACH_MTA_STS.not_needed("The domain has no MTA-STS record.")
        }
        Some(MtaStsView::Found { .. }) => REACH_MTA_STS.passed(format!("{host} gives the policy.")),
        // It answered; what is wrong with the policy is for verify and plan.
        Some(MtaStsView::Invalid { why, .. }) => REACH_MTA_STS
            .passed(format!(
                "The policy is within reach of this machine, but wrong: {why}."
            ))
            .remark("`rollout verify` says what to mend."),
        Some(MtaStsView::Unknown { why, .. }) => REACH_MTA_STS
            .could_not_tell(format!("{why}."))
            .mend(reach_policy(&host)),
        None => REACH_MTA_STS
            .could_not_tell(format!("No answer came from {host} in time."))
            .mend(reach_policy(&host)),
    }
}

fn reach_policy(host: &str) -> Mend {
    Mend::new(
        NETWORK,
        format!(
            "lets HTTPS out to {host} without a proxy, as mail servers fetch it; else whoever runs that host sees whether it answers."
        ),
    )
}

fn ipv6(view: &View) -> Check {
    let servers = view.servers.as_deref().unwrap_or_default();
    let six = |address: &SocketAddr| address.is_ipv6();
    let mut names: Vec<&str> = servers
        .iter()
        .filter(|server| six(&server.address))
        .map(|server| server.server.as_str())
        .chain(
            view.mail
                .hosts
                .iter()
                .filter(|(_, address, _)| six(address))
                .map(|(host, _, _)| host.as_str()),
        )
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return REACH_IPV6.not_needed(
            "No server of the zone and no mail host of the domain has an IPv6 address.",
        );
    }
    let seen = servers
        .iter()
        .any(|server| six(&server.address) && server.udp.is_none())
        || view.mail.hosts.iter().any(|(_, address, result)| {
            six(address)
                && !matches!(
                    result,
                    ProbeResult::NoRoute { .. }
                        | ProbeResult::Timeout { .. }
                        | ProbeResult::Refused
                        | ProbeResult::NotProbed
                        | ProbeResult::Given { .. }
                )
        });
    let names = list(&names);
    if seen {
        return REACH_IPV6.passed(format!("There is a path to the IPv6 addresses of {names}."));
    }
    let open = Mend::new(
        NETWORK,
        "gives this machine IPv6, or rollout runs where there is; without, these addresses stay unproven.",
    );
    if view.ipv6_route {
        REACH_IPV6
            .could_not_tell(format!(
                "This machine has an IPv6 route, but no IPv6 address of {names} answered."
            ))
            .mend(open)
    } else {
        REACH_IPV6
            .could_not_tell(format!(
                "This machine has no IPv6; {names} can be reached that way by others."
            ))
            .mend(open)
    }
}
