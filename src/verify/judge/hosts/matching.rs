//! The chains that each address shows against the TLSA records.

use super::{Found, how, place};
use crate::dane::{
    AddressView, Certificate, HostView, Judgement, Outcome, Probe, RecordResult, RecordVerdict,
    parameter_sets, reference_names,
};
use crate::dns::Tlsa;
use crate::finding::Finding;
use crate::verify::catalogue::{TLSA_MISMATCH, TLSA_PARAMETER_SET, TLSA_UNMATCHED};
use crate::verify::{DomainView, evidence};

/// Every connection that led to a judgement.
fn judgements(address: &AddressView) -> impl Iterator<Item = (&Probe, &Judgement)> {
    let own = address.judgement.as_ref().map(|j| (&address.probe, j));
    let variants = address
        .variants
        .iter()
        .filter_map(|v| v.judgement.as_ref().map(|j| (&v.probe, j)));
    own.into_iter().chain(variants)
}

/// The chains of one address against the TLSA records.
pub(super) fn judged(view: &DomainView, host: &HostView, address: &AddressView, found: &mut Found) {
    for (probe, judgement) in judgements(address) {
        match &judgement.outcome {
            Outcome::Mismatch => found.add(mismatch(host, address, probe, judgement)),
            Outcome::Authenticated { .. } => each_set(view, host, address, probe, found),
            Outcome::Unusable | Outcome::None => {}
        }
    }
}

/// Usage, selector and matching type.
fn form(record: &Tlsa) -> (u8, u8, u8) {
    (record.usage, record.selector, record.matching)
}

/// Each combination must fit this chain by itself: a sender may know only that one (RFC 7671, 8).
fn each_set(
    view: &DomainView,
    host: &HostView,
    address: &AddressView,
    probe: &Probe,
    found: &mut Found,
) {
    let chain: Vec<_> = probe.result.proven_chain().map_or_else(Vec::new, |chain| {
        chain.iter().map(Certificate::bytes).collect()
    });
    let names = reference_names(&view.route, &view.mx, &host.base);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let records = host.tlsa.secure_records();
    for set in parameter_sets(records, &chain, &names, probe.at) {
        if set.fits {
            continue;
        }
        found.add(
            TLSA_PARAMETER_SET
                .found(
                    place(host, address),
                    format!(
                        "no record of the form {} {} {} fits {} at {}{}, though others do",
                        set.usage,
                        set.selector,
                        set.matching,
                        host.host,
                        address.address,
                        how(probe)
                    ),
                )
                .shown_by([evidence::probe(probe, "authenticated by another record")]),
        );
    }
}

/// What each record did over all addresses and keys.
pub(super) fn records(host: &HostView, found: &mut Found) {
    let verdicts: Vec<&RecordVerdict> = host
        .addresses
        .iter()
        .flat_map(judgements)
        .flat_map(|(_, judgement)| &judgement.records)
        .collect();
    let matched = |with: &dyn Fn(&Tlsa) -> bool| {
        verdicts.iter().any(|verdict| {
            matches!(verdict.result, RecordResult::Matches { .. }) && with(&verdict.record)
        })
    };
    for record in host.tlsa.secure_records() {
        if !matched(&|other| other == record) && matched(&|other| form(other) == form(record)) {
            found.add(TLSA_UNMATCHED.found(
                host.tlsa_name(),
                format!(
                    "the record {record} matches nothing that was seen; another of its kind does"
                ),
            ));
        }
    }
}

fn mismatch(
    host: &HostView,
    address: &AddressView,
    probe: &Probe,
    judgement: &Judgement,
) -> Finding {
    let how = how(probe);
    let reasons: Vec<String> = judgement
        .records
        .iter()
        .map(|verdict| match &verdict.result {
            RecordResult::Differs { why } | RecordResult::Unusable { why } => {
                format!("{}: {why}", verdict.record)
            }
            RecordResult::Superseded { by } => {
                format!("{}: matching type {by} counts instead", verdict.record)
            }
            RecordResult::Matches { .. } => format!("{}: matches", verdict.record),
        })
        .collect();
    TLSA_MISMATCH
        .found(
            place(host, address),
            format!(
                "{} at {}{how} matches none of its TLSA records",
                host.host, address.address
            ),
        )
        .shown_by([evidence::probe(probe, reasons.join("; "))])
}
