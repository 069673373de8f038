//! Each server by itself: whether it answers, over UDP and over TCP, whether what it serves validates, and whether the
//! others serve the same.

use std::collections::BTreeMap;

use super::Found;
use crate::dns::{Kind, Outcome, ServerAnswer, ServerSurvey, ServerView, Status, Survey, ZoneView};
use crate::finding::Evidence;
use crate::verify::catalogue::{
    Rule, SERVER_BOGUS, SERVER_DIFFERS, SERVER_NO_TCP, SERVER_SERIAL, SERVER_SILENT,
    SERVER_TCP_DIFFERS, SERVER_UNPROVEN, SERVERS_UNKNOWN,
};
use crate::verify::evidence;

/// Addresses that do not answer at all, or not for the zone.
pub(super) fn silent(survey: &Survey, found: &mut Found) {
    let zone = &survey.zone;
    for server in &zone.servers {
        if let Outcome::Failed(failure) = &server.soa.outcome {
            found.add(
                SERVER_SILENT
                    .found(
                        server.address.to_string(),
                        format!("{} {failure}", place(&server.server, server)),
                    )
                    .shown_by([evidence::server(&server.soa)]),
            );
        }
    }
    for server in &zone.servers {
        let asked = [&server.mx, &server.dnskey, &server.ns];
        // Where signatures count, `served` looks at each of them.
        let here = server.soa.is_known() && !survey.delegation.is_secure();
        for answer in asked.into_iter().filter(|_| here) {
            if let Outcome::Failed(failure) = &answer.outcome {
                let at = place(&server.server, server);
                found.add(
                    SERVER_UNPROVEN
                        .found(
                            server.address.to_string(),
                            format!(
                                "{at} {failure}, asked for {} of {}",
                                answer.kind, answer.name
                            ),
                        )
                        .shown_by([evidence::server(answer)]),
                );
            }
        }
    }
    let all_silent = zone
        .servers
        .iter()
        .all(|server| matches!(server.soa.outcome, Outcome::Failed(_)));
    if all_silent {
        found.add(SERVERS_UNKNOWN.found("", format!("no server of {} answers", zone.cut.apex)));
    }
}

/// A record set about which the servers of `whose` are not of one mind.
pub(super) fn set(rule: &Rule, kind: Kind, whose: &str, zone: &ZoneView, found: &mut Found) {
    let camps = zone.camps(kind);
    if camps.len() < 2 {
        return;
    }
    let sizes = camps.iter().map(|camp| camp.addresses.len());
    let sizes: Vec<String> = sizes.map(|size| size.to_string()).collect();
    let told = zone.answers(kind).filter(|answer| answer.is_known());
    found.add(
        rule.found(
            kind.name(),
            format!(
                "the servers of {whose} do not serve the same {kind} set for {} (addresses: {})",
                zone.answers(kind).next().map_or("", |answer| &answer.name),
                sizes.join(" against ")
            ),
        )
        .shown_by(told.map(evidence::server)),
    );
}

/// What servers serve differently from each other.
pub(super) fn differences(zone: &ZoneView, found: &mut Found) {
    for (kind, rule) in [
        (Kind::Mx, SERVER_DIFFERS),
        (Kind::Dnskey, SERVER_DIFFERS),
        // Of no weight for mail while all of them serve the same MX.
        (Kind::Ns, SERVER_SERIAL),
    ] {
        set(&rule, kind, &zone.cut.apex, zone, found);
    }
    let serials: BTreeMap<u32, Vec<&ServerAnswer>> =
        zone.servers
            .iter()
            .fold(BTreeMap::new(), |mut all, server| {
                if let Some(soa) = server.soa.soa.as_ref().filter(|_| server.soa.is_known()) {
                    all.entry(soa.serial)
                        .or_insert_with(Vec::new)
                        .push(&server.soa);
                }
                all
            });
    if serials.len() > 1 {
        let shown: Vec<_> = serials
            .iter()
            .map(|(serial, at)| format!("{serial} at {}", at.len()))
            .collect();
        found.add(
            SERVER_SERIAL
                .found(
                    "SOA",
                    format!(
                        "the servers of {} are at different serials: {} addresses",
                        zone.cut.apex,
                        shown.join(", ")
                    ),
                )
                .shown_by(serials.into_values().flatten().map(evidence::server)),
        );
    }
}

/// The verdict on one server's own answers: a finding for all that does not validate, and one for all that tells nothing.
pub(super) fn served(server: &ServerSurvey, found: &mut Found) {
    type Why = fn(&Status) -> Option<&String>;
    let kinds: [(Rule, &str, Why); 2] = [
        (
            SERVER_BOGUS,
            "so that it does not validate",
            |status| match status {
                Status::Bogus { why } => Some(why),
                _ => None,
            },
        ),
        (
            SERVER_UNPROVEN,
            "in a way that tells nothing",
            |status| match status {
                Status::Indeterminate { why } => Some(why),
                _ => None,
            },
        ),
    ];
    for (rule, how, why) in kinds {
        let wrong: Vec<(String, &String)> = server
            .verdicts
            .iter()
            .filter_map(|set| Some((format!("{} of {}", set.kind, set.name), why(&set.status)?)))
            .collect();
        // What is wrong with the keys is wrong with all that they sign.
        let Some((_, why)) = wrong.first() else {
            continue;
        };
        let sets: Vec<&str> = wrong.iter().map(|(set, _)| set.as_str()).collect();
        let mut finding = rule.found(
            server.address.to_string(),
            format!(
                "{} ({}) answers {} {how}: {why}",
                server.server,
                server.address,
                sets.join(", ")
            ),
        );
        for (set, why) in &wrong {
            finding.evidence.push(Evidence {
                from: format!("{} ({})", server.server, server.address),
                about: set.clone(),
                said: (*why).clone(),
                at: Some(server.at),
                ..Evidence::default()
            });
        }
        found.add(finding);
    }
}

/// TCP at every address.
pub(super) fn tcp(survey: &Survey, found: &mut Found) {
    for (server, view) in survey.servers.iter().zip(&survey.zone.servers) {
        // Where not even UDP answers, TCP is no further news.
        if matches!(view.soa.outcome, Outcome::Failed(_)) {
            continue;
        }
        let who = format!("{} ({})", server.server, server.address);
        if let Some(failure) = &server.tcp.failure {
            found.add(SERVER_NO_TCP.found(
                server.address.to_string(),
                format!("{who} {failure} over TCP"),
            ));
        }
        if !server.tcp.differs.is_empty() {
            let kinds: Vec<_> = server.tcp.differs.iter().map(|kind| kind.name()).collect();
            found.add(SERVER_TCP_DIFFERS.found(
                server.address.to_string(),
                format!(
                    "{who} answers otherwise over TCP than over UDP: {}",
                    kinds.join(", ")
                ),
            ));
        }
    }
}

fn place(name: &str, server: &ServerView) -> String {
    format!("{name} ({})", server.address)
}
