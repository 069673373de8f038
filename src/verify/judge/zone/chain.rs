//! Whether the domain is signed, and connected to the root.

use std::collections::BTreeSet;

use super::Found;
use crate::dns::algorithm::{
    Use, algorithm_name, algorithm_use, digest_name, digest_use, is_checked_here,
    is_digest_known_here,
};
use crate::dns::record::is_within;
use crate::dns::{Data, Ds, Survey};
use crate::verify::catalogue::{DNSSEC_ISLAND, DNSSEC_UNKNOWN_ALGORITHM, DNSSEC_UNSIGNED};
use crate::verify::{DomainView, evidence};

/// Whether the domain is signed, and connected to the root.
pub(super) fn chain(view: &DomainView, survey: &Survey, found: &mut Found) {
    // A name that does not exist, or a lookup that failed, was said already.
    if !view.mx.status.is_insecure() {
        return;
    }
    let keys: BTreeSet<u16> = survey
        .servers
        .iter()
        .flat_map(|server| server.keys.iter().map(|key| key.tag))
        .collect();
    let ds = survey
        .zone
        .parents
        .iter()
        .any(|parent| !parent.ds.records.is_empty());
    let parents = || survey.zone.parents.iter().map(|p| evidence::server(&p.ds));
    let told = survey
        .zone
        .servers
        .iter()
        .all(|server| server.dnskey.is_known());
    let apex = &survey.zone.cut.apex;
    // Whose DS set nobody saw may have none, or one that only this program cannot use; that it was not seen is said elsewhere.
    let seen = survey
        .zone
        .parents
        .iter()
        .any(|parent| parent.ds.is_known());
    if !keys.is_empty() && !seen {
        return;
    }
    let unknown = unknown_to_us(survey);
    let (rule, what) = if let Some(what) = unknown {
        (DNSSEC_UNKNOWN_ALGORITHM, what)
    } else if survey.delegation.is_secure() && ds_records(survey).any(is_known_here) {
        // Through an alias, or below an unsigned zone that the survey did not reach.
        let last = view.mx.final_name();
        (
            DNSSEC_UNSIGNED,
            format!("{apex} is signed, but the MX set at {last} is not"),
        )
    } else if !keys.is_empty() && !ds {
        let keys = list(&keys);
        (
            DNSSEC_ISLAND,
            format!("{apex} is signed (key {keys}), but its parent has no DS"),
        )
    } else if keys.is_empty() && told {
        (DNSSEC_UNSIGNED, format!("{apex} is not signed"))
    } else {
        // A DS that no validator can use leaves the zone unsigned (RFC 4035, 5.2), and so does an unsigned parent.
        (
            DNSSEC_UNSIGNED,
            format!(
                "{apex} counts as not signed: no DS that can be used leads to it from the root"
            ),
        )
    };
    found.add(rule.found("", what).shown_by(parents()));
}

/// Where every DS needs an algorithm or digest that this program does not know and others may: which.
///
/// What nobody may use any more (RFC 9904, RFC 9906), or what is not assigned, makes the zone unsigned for everybody.
fn unknown_to_us(survey: &Survey) -> Option<String> {
    if ds_records(survey).any(is_known_here) {
        return None;
    }
    let mut words = BTreeSet::new();
    for ds in ds_records(survey) {
        let (algorithm, digest) = (ds.algorithm, ds.digest_type);
        if algorithm_use(algorithm) >= Use::MustNot || digest_use(digest) >= Use::MustNot {
            continue;
        }
        words.insert(if is_checked_here(algorithm) {
            format!(
                "has a DS of digest type {digest} ({}), which this program does not know",
                digest_name(digest)
            )
        } else {
            format!(
                "is signed with algorithm {algorithm} ({}), which this program does not know",
                algorithm_name(algorithm)
            )
        });
    }
    let words: Vec<String> = words.into_iter().collect();
    (!words.is_empty()).then(|| format!("{} {}", survey.zone.cut.apex, words.join(" and ")))
}

/// The DS records that the parent's servers serve.
fn ds_records(survey: &Survey) -> impl Iterator<Item = &Ds> {
    let records = survey.zone.parents.iter().flat_map(|p| &p.ds.records);
    records.filter_map(|record| match &record.data {
        Data::Ds(ds) => Some(ds),
        _ => None,
    })
}

/// Whether a validator here can make anything of it.
pub(super) const fn is_known_here(ds: &Ds) -> bool {
    is_checked_here(ds.algorithm) && is_digest_known_here(ds.digest_type)
}

/// Whether a host's name is in a zone that counts as unsigned only because this program does not know its algorithm.
pub(in crate::verify::judge) fn hides_what_is_signed(survey: &Survey, name: &str) -> bool {
    is_within(name, &survey.zone.cut.apex) && unknown_to_us(survey).is_some()
}

fn list(tags: &BTreeSet<u16>) -> String {
    tags.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
