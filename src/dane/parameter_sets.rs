//! Roll-overs: each kind of record in a set by itself, and the records that a chain would match.
//!
//! Senders differ in which kinds of records they use, so "some record matches" is not enough: every usage, selector and
//! matching type in the set must by itself fit the chain of the day (RFC 7671, 8).

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::certificate::spki_of;
use super::digest::digest_of;
use super::judgement::{Outcome, RecordResult};
use super::tlsa::judge;
use crate::dns::Tlsa;
use crate::dns::text::hex;

/// The usable records of one kind, held against a chain by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterSet {
    /// Certificate usage.
    pub usage: u8,
    /// Selector.
    pub selector: u8,
    /// Matching type.
    pub matching: u8,
    /// Whether a sender that used no other records would deliver.
    pub fits: bool,
    /// The records of this kind that match.
    pub matching_records: Vec<Tlsa>,
    /// Those that do not: an earlier key's, a later one's, or another server's.
    pub others: Vec<Tlsa>,
}

/// Each kind of usable record in a set by itself, in the order of their parameters. Records that no sender uses
/// (RFC 7672, 3.1.3) are left out: [`super::judge`] names them. The arguments are those of [`super::judge`].
#[must_use]
pub fn parameter_sets(
    records: &[Tlsa],
    chain: &[CertificateDer<'_>],
    names: &[&str],
    at: Timestamp,
) -> Vec<ParameterSet> {
    let mut kinds: Vec<(u8, u8, u8)> = records.iter().map(parameters).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
        .into_iter()
        .filter_map(|kind| {
            let own: Vec<Tlsa> = records
                .iter()
                .filter(|record| parameters(record) == kind)
                .cloned()
                .collect();
            let judgement = judge(&own, chain, names, at);
            if judgement.outcome == Outcome::Unusable {
                return None;
            }
            let (mut matching_records, mut others) = (Vec::new(), Vec::new());
            for verdict in judgement.records {
                match verdict.result {
                    RecordResult::Matches { .. } => matching_records.push(verdict.record),
                    RecordResult::Unusable { .. } => {}
                    RecordResult::Differs { .. } | RecordResult::Superseded { .. } => {
                        others.push(verdict.record);
                    }
                }
            }
            let (usage, selector, matching) = kind;
            Some(ParameterSet {
                usage,
                selector,
                matching,
                fits: !matching_records.is_empty(),
                matching_records,
                others,
            })
        })
        .collect()
}

const fn parameters(record: &Tlsa) -> (u8, u8, u8) {
    (record.usage, record.selector, record.matching)
}

/// The records that this chain would match: `3 1 1` for the server's key, and for each issuer that it sends `2 1 1` and
/// `2 0 1`, where the chain leads there and the certificate is for one of the names.
#[must_use]
pub fn would_need(chain: &[CertificateDer<'_>], names: &[&str], at: Timestamp) -> Vec<Tlsa> {
    let record = |usage, selector, bytes: &[u8]| Tlsa {
        usage,
        selector,
        matching: 1,
        data: hex(&digest_of(1, bytes)),
    };
    let own = chain
        .first()
        .and_then(|leaf| spki_of(leaf))
        .map(|key| record(3, 1, key));
    let issuers = chain.iter().skip(1).flat_map(|issuer| {
        let key = spki_of(issuer).map(|key| record(2, 1, key));
        key.into_iter().chain([record(2, 0, issuer)])
    });
    let mut needed: Vec<Tlsa> = Vec::new();
    for record in own.into_iter().chain(issuers) {
        let judged = judge(std::slice::from_ref(&record), chain, names, at);
        if matches!(judged.outcome, Outcome::Authenticated { .. }) && !needed.contains(&record) {
            needed.push(record);
        }
    }
    needed
}
