//! Wildcards that stand over the names at which senders look for something.

use std::collections::BTreeMap;

use super::Found;
use crate::dane::MtaStsView;
use crate::dns::survey::Probe;
use crate::dns::{Answer, Name, Outcome, ServerSurvey, Survey};
use crate::mail_records::{self, Seen, tls_rpt};
use crate::verify::DomainView;
use crate::verify::catalogue::DNSSEC_WILDCARD;

/// The wildcards that answer in place of a record that nobody published.
pub(super) fn wildcards(view: &DomainView, survey: &Survey, found: &mut Found) {
    let mut over: BTreeMap<&Name, Vec<String>> = BTreeMap::new();
    for server in survey.servers.iter().filter(|server| is_proven(server)) {
        for name in unpublished(view, server) {
            if let Some(wildcard) = server.wildcard_over(&name) {
                let names = over.entry(wildcard).or_default();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
    }
    for (wildcard, names) in over {
        found.add(DNSSEC_WILDCARD.found(
            wildcard.clone(),
            format!(
                "the wildcard {wildcard} stands over {}, where nothing of that purpose is published",
                names.join(", ")
            ),
        ));
    }
}

/// Whether it is proven what happens to a name that nobody made. A server that only fails to deny has no wildcard.
fn is_proven(server: &ServerSurvey) -> bool {
    server
        .denial(Probe::RandomName)
        .is_some_and(|denial| denial.status.is_secure())
}

/// The names that exist, though what senders look for there was not published.
fn unpublished(view: &DomainView, server: &ServerSurvey) -> Vec<Name> {
    let domain = &view.domain;
    let exists = |answer: &Answer| matches!(answer, Answer::Records(_) | Answer::NoData);
    let mut names = Vec::new();
    if let (Some(tlsa), Some(random)) = (
        server.denial(Probe::TlsaOfDomain),
        server.denial(Probe::RandomName),
    ) {
        let as_random = tlsa.answer.contents() == random.answer.contents();
        let made = match tlsa.answer.outcome {
            Outcome::NoData => true,
            // The same as at a name that nobody made.
            Outcome::Answer => as_random && random.answer.outcome == Outcome::Answer,
            Outcome::NxDomain | Outcome::Failed(_) => false,
        };
        if made {
            names.push(tlsa.answer.name.clone());
        }
    }
    match &view.policy {
        MtaStsView::None { lookup } if exists(&lookup.answer) => {
            names.push(format!("_mta-sts.{domain}"));
        }
        _ => {}
    }
    let tls_rpt = tls_rpt::name(domain);
    let lookup = view.texts.iter().find(|lookup| lookup.name == tls_rpt);
    let none = matches!(
        mail_records::read(domain, &view.texts).tls_rpt,
        Seen::None { .. }
    );
    if none && lookup.is_some_and(|lookup| exists(&lookup.answer)) {
        names.push(tls_rpt);
    }
    names
}
