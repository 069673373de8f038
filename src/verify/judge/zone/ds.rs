//! The DS set against the keys.

use std::collections::BTreeMap;

use super::Found;
use super::chain::is_known_here;
use crate::dns::algorithm::{Use, algorithm_name, digest_name, digest_use, is_checked_here};
use crate::dns::survey::DsFit;
use crate::dns::{Ds, Survey};
use crate::finding::{Finding, Severity};
use crate::verify::catalogue::{DNSSEC_ALGORITHM_INCOMPLETE, DNSSEC_DIGEST, DNSSEC_DS_WITHOUT_KEY};

/// The DS set against the keys.
pub(super) fn ds(survey: &Survey, found: &mut Found) {
    // A key that was not seen is not a key that is not there.
    let mut servers = survey.zone.servers.iter();
    if !servers.all(|server| server.dnskey.is_known()) {
        return;
    }
    // Where servers differ, the one to which a DS leads speaks for it; that they differ is said elsewhere.
    let mut links: BTreeMap<&Ds, DsFit> = BTreeMap::new();
    for link in survey.servers.iter().flat_map(|server| &server.links) {
        let fit = links.entry(&link.ds).or_insert(link.fit);
        if leads(link.fit) {
            *fit = link.fit;
        }
    }
    for (ds, fit) in &links {
        let text = format!("DS {} {} {}", ds.key_tag, ds.algorithm, ds.digest_type);
        let why = match fit {
            DsFit::Fits | DsFit::UnknownDigest => None,
            DsFit::OtherDigest => Some("its digest is not that of the key it names"),
            DsFit::NoKey => Some("the zone has no such key"),
            DsFit::UnfitKey => Some("the key it names is revoked, or no zone key"),
        };
        if let Some(why) = why {
            found.add(
                DNSSEC_DS_WITHOUT_KEY
                    .found(text.clone(), format!("the {text} leads nowhere: {why}")),
            );
        }
    }
    // Who knows the stronger digest passes over SHA-1, whether the stronger one fits or not (RFC 4509, 3).
    let sha1 = |ds: &Ds| digest_use(ds.digest_type) >= Use::MustNot;
    let strong = || {
        links
            .iter()
            .filter(|(ds, _)| is_known_here(ds) && !sha1(ds))
    };
    let weak = links
        .iter()
        .any(|(ds, fit)| is_known_here(ds) && sha1(ds) && *fit == DsFit::Fits);
    if weak && strong().next().is_some() && strong().all(|(_, fit)| *fit != DsFit::Fits) {
        found.add(Finding {
            severity: Severity::Blocker,
            ..DNSSEC_DS_WITHOUT_KEY.found(
                "",
                "only a DS with a SHA-1 digest leads to a key, and beside one with a stronger digest validators pass over it",
            )
        });
    }
    incomplete(survey, found);
    // An old digest beside a new one does no harm: validators prefer the new one (RFC 4509, 3).
    let better = links
        .iter()
        .any(|(ds, fit)| digest_use(ds.digest_type) < Use::MustNot && *fit == DsFit::Fits);
    if !better {
        for ds in links.keys() {
            if digest_use(ds.digest_type) == Use::MustNot {
                found.add(DNSSEC_DIGEST.found(
                    "",
                    format!(
                        "the only DS that leads to a key uses {}",
                        digest_name(ds.digest_type)
                    ),
                ));
            }
        }
    }
}

/// Algorithms of the DS set that do not sign everything, where a server's answers validate all the same.
fn incomplete(survey: &Survey, found: &mut Found) {
    for server in &survey.servers {
        let valid = server.verdicts.iter().all(|set| set.status.is_secure());
        for link in server.links.iter().filter(|_| valid) {
            let algorithm = link.ds.algorithm;
            if link.zone_wide == Some(false) && is_checked_here(algorithm) {
                found.add(DNSSEC_ALGORITHM_INCOMPLETE.found(
                    format!("algorithm {algorithm}"),
                    format!(
                        "the parent has a DS of algorithm {algorithm} ({}), and not everything in {} is signed with it",
                        algorithm_name(algorithm),
                        survey.zone.cut.apex
                    ),
                ));
            }
        }
    }
}

const fn leads(fit: DsFit) -> bool {
    matches!(fit, DsFit::Fits | DsFit::UnknownDigest)
}
