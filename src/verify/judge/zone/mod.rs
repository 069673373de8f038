//! The domain's zone: its chain of trust, its signatures, and each of its servers by itself (rules 8 to 12 and 49 to 53
//! of the reference; Zonemaster's CONSISTENCY and DNSSEC areas ask alike).
//!
//! A file per question.

mod chain;
mod delegation;
mod denials;
mod ds;
mod servers;
mod signatures;
mod wildcards;

use jiff::Timestamp;

pub(super) use self::chain::hides_what_is_signed;
use super::Found;
use crate::verify::DomainView;
use crate::verify::catalogue::{DNSSEC_DELEGATION, SERVERS_UNKNOWN};

pub(super) fn judge(view: &DomainView, now: Timestamp, found: &mut Found) {
    let survey = match &view.survey {
        Ok(survey) => survey,
        Err(failure) => {
            found.add(SERVERS_UNKNOWN.found(
                "",
                format!("the zone's servers could not be found out: {failure}"),
            ));
            return;
        }
    };
    chain::chain(view, survey, found);
    delegation::delegation(&survey.zone, found);
    servers::silent(survey, found);
    servers::differences(&survey.zone, found);
    if let Some(why) = survey.delegation.why()
        && !view.mx.status.is_lookup_error()
    {
        found.add(DNSSEC_DELEGATION.found(
            "",
            format!(
                "what the parent says of {} could not be told: {why}",
                survey.zone.cut.apex
            ),
        ));
    }
    for (server, view) in survey.servers.iter().zip(&survey.zone.servers) {
        if view.soa.is_known() {
            denials::existence(server, &survey.delegation, found);
        }
    }
    // What follows is about signatures, which an unsigned or unconnected zone has none of that count.
    if survey.delegation.is_secure() {
        ds::ds(survey, found);
        for (server, view) in survey.servers.iter().zip(&survey.zone.servers) {
            // Of a silent server it was said that nothing is known.
            if view.soa.is_known() {
                servers::served(server, found);
                denials::denials(server, found);
            }
        }
        signatures::algorithms(survey, found);
        signatures::signatures(survey, now, found);
        wildcards::wildcards(view, survey, found);
    }
    servers::tcp(survey, found);
}
