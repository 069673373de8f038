//! How each server proves what does not exist.

use super::Found;
use crate::dns::survey::{Denial, Probe, ProvenBy};
use crate::dns::{Failure, Outcome, ServerSurvey, Status};
use crate::finding::Severity;
use crate::verify::catalogue::{
    DNSSEC_NSEC3_ITERATIONS, DNSSEC_NSEC3_SALT, DNSSEC_OPT_OUT, Rule, SERVER_DENIAL,
    SERVER_UNPROVEN,
};
use crate::verify::evidence;

/// How one server proves what does not exist.
pub(super) fn denials(server: &ServerSurvey, found: &mut Found) {
    let who = format!("{} ({})", server.server, server.address);
    // Where what is there does not validate either, or counts as unsigned because its algorithm is not known here, no
    // denial is to blame; that was said.
    let bogus = server
        .verdicts
        .iter()
        .any(|set| matches!(set.status, Status::Bogus { .. }));
    let insecure = server.verdicts.iter().any(|set| set.status.is_insecure());
    for denial in &server.denials {
        // Said whatever the signatures are worth, by `existence`.
        if denial.denies_the_apex() {
            continue;
        }
        let follows = bogus && matches!(denial.status, Status::Bogus { .. })
            || insecure && denial.status.is_insecure();
        if let Some((rule, why)) = broken(denial).filter(|_| !follows) {
            found.add(
                rule.found(
                    server.address.to_string(),
                    format!(
                        "{who} cannot deny {} of {}: {why}",
                        denial.answer.kind,
                        asked(denial)
                    ),
                )
                .shown_by([evidence::server(&denial.answer)]),
            );
        }
        if let ProvenBy::Nsec3 {
            iterations,
            salt_length,
            opt_out,
        } = denial.by
        {
            if opt_out {
                found.add(
                    DNSSEC_OPT_OUT.found("", "the zone's denials have the opt-out flag (NSEC3)"),
                );
            }
            if iterations > 0 {
                found.add(DNSSEC_NSEC3_ITERATIONS.found(
                    "",
                    format!("denials are hashed with {iterations} additional iterations (NSEC3)"),
                ));
            }
            if salt_length > 0 {
                found.add(DNSSEC_NSEC3_SALT.found(
                    "",
                    format!("denials are hashed with a salt of {salt_length} octets (NSEC3)"),
                ));
            }
        }
    }
}

/// Names that are there and that one server calls absent: resolvers take its word for every type at the name, and for what
/// is below it (RFC 2308, 5; RFC 8020, 2).
pub(super) fn existence(server: &ServerSurvey, delegation: &Status, found: &mut Found) {
    let who = format!("{} ({})", server.server, server.address);
    let apex = server.denials.iter().filter(|d| d.denies_the_apex());
    let apex = apex.map(|denial| {
        let name = &denial.answer.name;
        let kind = denial.answer.kind;
        let what = format!(
            "{who} says that {name} does not exist, asked for {kind}; it is the zone's own name"
        );
        (&denial.answer, what)
    });
    let cut_off = server.empty_non_terminal.iter();
    let cut_off = cut_off.filter(|_| server.cuts_off_names()).map(|answer| {
        let what = format!("{who} says that a name does not exist below which others do");
        (answer, what)
    });
    for (answer, what) in apex.chain(cut_off) {
        let mut finding = SERVER_DENIAL.found(server.address.to_string(), what);
        if delegation.is_insecure() {
            // No DANE sender looks there, and a resolver errs only where somebody asked for a type that is not there.
            finding.severity = Severity::Warning;
            finding.what += " (the domain is not signed, so this misleads only who asked for that)";
        }
        found.add(finding.shown_by([evidence::server(answer)]));
    }
}

/// Why an absence is not answered as it should be.
fn broken(denial: &Denial) -> Option<(Rule, String)> {
    match (&denial.answer.outcome, &denial.status) {
        (Outcome::Failed(failure @ Failure::Rcode { .. }), _) => {
            Some((SERVER_DENIAL, failure.to_string()))
        }
        (Outcome::Failed(failure), _) => Some((SERVER_UNPROVEN, failure.to_string())),
        (_, Status::Bogus { why }) => Some((SERVER_DENIAL, why.clone())),
        (_, Status::Indeterminate { why }) => Some((SERVER_UNPROVEN, why.clone())),
        (Outcome::NoData | Outcome::NxDomain, Status::Insecure) => match denial.by {
            // Opt-out leaves gaps, and too many iterations count as no proof (RFC 9276, 3.2): the iterations are a finding
            // of their own.
            ProvenBy::Nsec3 {
                iterations,
                opt_out,
                ..
            } if iterations > 0 || opt_out => None,
            _ => Some((SERVER_DENIAL, "the proof does not cover it".to_owned())),
        },
        _ => None,
    }
}

fn asked(denial: &Denial) -> String {
    match denial.probe {
        Probe::RandomName => format!("{} (a name made up for the question)", denial.answer.name),
        Probe::TlsaOfDomain | Probe::TypeAtApex => denial.answer.name.clone(),
    }
}
