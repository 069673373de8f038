//! The keys and the signatures: their algorithms and sizes, and when they end.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::Found;
use crate::dns::Survey;
use crate::dns::algorithm::{Use, algorithm_name, algorithm_use};
use crate::kernel::utc;
use crate::verify::catalogue::{
    DNSSEC_ALGORITHM, DNSSEC_KEY_SIZE, DNSSEC_SIGNATURE_ENDS, DNSSEC_SIGNATURE_SOON,
    DNSSEC_TTL_OUTLIVES, Rule,
};

/// Zonemaster's lower bound for what is left of a signature (DNSSEC04).
const ENDS: SignedDuration = SignedDuration::from_hours(12);
/// From here on it is worth a look.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Shorter RSA keys are weak (NIST SP 800-57, 5.6.1).
const SHORTEST_RSA: u32 = 2048;

/// The algorithms and sizes of the keys.
pub(super) fn algorithms(survey: &Survey, found: &mut Found) {
    let keys: BTreeSet<(u16, u8, Option<u32>, bool)> = survey
        .servers
        .iter()
        .flat_map(|server| &server.keys)
        .filter(|key| key.zone_key && !key.revoked)
        .map(|key| (key.tag, key.algorithm, key.bits, key.entry_point))
        .collect();
    for (tag, algorithm, bits, entry_point) in keys {
        let name = algorithm_name(algorithm);
        if algorithm_use(algorithm) == Use::MustNot {
            found.add(DNSSEC_ALGORITHM.found(
                "",
                format!("the zone is signed with algorithm {algorithm} ({name})"),
            ));
        }
        let rsa = matches!(algorithm, 5 | 7 | 8 | 10);
        if let Some(bits) = bits.filter(|bits| rsa && *bits < SHORTEST_RSA) {
            found.add(DNSSEC_KEY_SIZE.found(
                format!("key {tag}"),
                format!(
                    "the {} key {tag} ({name}) has {bits} bits",
                    if entry_point {
                        "key-signing"
                    } else {
                        "zone-signing"
                    }
                ),
            ));
        }
    }
}

/// When the signatures end, and what outlives them.
pub(super) fn signatures(survey: &Survey, now: Timestamp, found: &mut Found) {
    let first = survey
        .servers
        .iter()
        .flat_map(|server| server.last_signatures().map(move |signed| (signed, server)))
        // What has ended already is bogus, and said so.
        .filter(|(signed, _)| signed.expires > now)
        .min_by_key(|(signed, _)| signed.expires);
    if let Some((signed, server)) = first {
        let left = signed.expires.duration_since(now);
        let rule: Option<Rule> = if left < ENDS {
            Some(DNSSEC_SIGNATURE_ENDS)
        } else if left < ENDS_SOON {
            Some(DNSSEC_SIGNATURE_SOON)
        } else {
            None
        };
        if let Some(rule) = rule {
            found.add(rule.found(
                "",
                format!(
                    "the signature over {} of {} at {} ({}) ends at {}",
                    signed.kind,
                    signed.name,
                    server.server,
                    server.address,
                    utc(signed.expires)
                ),
            ));
        }
    }
    let outlived = survey
        .servers
        .iter()
        .flat_map(|server| server.outlived())
        .find(|signed| signed.expires > now);
    if let Some(signed) = outlived {
        found.add(DNSSEC_TTL_OUTLIVES.found(
            "",
            format!(
                "{} of {} has a TTL of {} s and a signature that ends before that is over",
                signed.kind, signed.name, signed.ttl
            ),
        ));
    }
}
