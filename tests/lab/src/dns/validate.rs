//! The resolver's DNSSEC validation, by signatures and cached keys, as RFC 4035 section 5 has it.
//!
//! It works on what the cache holds, so a key or DS that is still cached has the consequences it has outside.

use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use hickory_proto::dnssec::{DigestType, Verifier as _};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use jiff::Timestamp;

use super::keys::covers;
use super::proof;

/// What is known about an answer (RFC 4035 4.3). The order is from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Security {
    /// Signed badly, or its proof is missing.
    Bogus,
    /// Could not be asked.
    Unknown,
    /// Provably in an unsigned part of the tree.
    Insecure,
    /// Proven.
    Secure,
}

/// The public keys in a set of records.
pub(crate) fn keys_in(records: &[Record]) -> Vec<DNSKEY> {
    records
        .iter()
        .filter_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key.clone()),
            _ => None,
        })
        .collect()
}

/// The DS in a set of records.
pub(crate) fn ds_in(records: &[Record]) -> Vec<DS> {
    records
        .iter()
        .filter_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::DS(ds)) => Some(ds.clone()),
            _ => None,
        })
        .collect()
}

/// Whether one of these signatures by one of these keys is right for the set.
fn signed_by(
    records: &[&Record],
    signatures: &[(&Record, &RRSIG)],
    zone: &Name,
    keys: &[DNSKEY],
) -> bool {
    let Some(first) = records.first() else {
        return false;
    };
    let now = Timestamp::now().as_second();
    signatures.iter().any(|(_, signature)| {
        let input = signature.input();
        let in_time = i64::from(input.sig_inception.get()) <= now
            && now <= i64::from(input.sig_expiration.get());
        in_time
            && input.signer_name == *zone
            && input.num_labels <= first.name.num_labels()
            && keys.iter().any(|key| {
                key.zone_key()
                    && !key.revoke()
                    && key
                        .calculate_key_tag()
                        .is_ok_and(|tag| tag == input.key_tag)
                    && key
                        .verify_rrsig(
                            &first.name,
                            DNSClass::IN,
                            signature,
                            records.iter().copied(),
                        )
                        .is_ok()
            })
    })
}

/// Judges every record set in `records` (with its signatures among them) by the zone's keys.
/// Records of other zones are left aside.
pub(crate) fn sets_are_signed(records: &[Record], zone: &Name, keys: &[DNSKEY]) -> bool {
    let mut kinds: Vec<(&Name, RecordType)> = records
        .iter()
        .filter(|r| covers(r).is_none())
        .map(|r| (&r.name, r.record_type()))
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds.iter().all(|&(name, kind)| {
        let set: Vec<&Record> = records
            .iter()
            .filter(|r| r.name == *name && r.record_type() == kind)
            .collect();
        let signatures: Vec<(&Record, &RRSIG)> = records
            .iter()
            .filter(|r| r.name == *name && covers(r) == Some(kind))
            .filter_map(|r| match &r.data {
                RData::DNSSEC(DNSSECRData::RRSIG(s)) => Some((r, s)),
                _ => None,
            })
            .collect();
        signed_by(&set, &signatures, zone, keys)
    })
}

/// Whether the zone's key set is vouched for by its DS: one of the keys matches and signs the set.
pub(crate) fn keys_match_ds(records: &[Record], zone: &Name, ds: &[DS]) -> Option<Vec<DNSKEY>> {
    let keys = keys_in(records);
    let vouched: Vec<DNSKEY> = keys
        .iter()
        .filter(|key| {
            ds.iter().any(|ds| {
                ds.digest_type() == DigestType::SHA256 && ds.covers(zone, key).unwrap_or(false)
            })
        })
        .cloned()
        .collect();
    sets_are_signed(records, zone, &vouched).then_some(keys)
}

/// Whether a negative answer proves what it says.
pub(crate) fn denial_holds(
    code: ResponseCode,
    authority: &[Record],
    zone: &Name,
    keys: &[DNSKEY],
    name: &Name,
    kind: RecordType,
) -> bool {
    if !sets_are_signed(authority, zone, keys) {
        return false;
    }
    if code == ResponseCode::NXDomain {
        proof::no_such_name(authority, zone, name)
    } else {
        proof::type_is_absent(authority, zone, name, kind)
            || proof::wildcard_lacks(authority, zone, name, kind)
    }
}

/// Whether an answer that a wildcard was expanded for comes with the proof that no closer name exists.
pub(crate) fn expansion_holds(
    answers: &[Record],
    authority: &[Record],
    zone: &Name,
    keys: &[DNSKEY],
) -> bool {
    let expanded: Vec<&Name> = answers
        .iter()
        .filter_map(|r| match &r.data {
            RData::DNSSEC(DNSSECRData::RRSIG(s)) if s.input().num_labels < r.name.num_labels() => {
                (!r.name.is_wildcard()).then_some(&r.name)
            }
            _ => None,
        })
        .collect();
    expanded.is_empty()
        || sets_are_signed(authority, zone, keys)
            && expanded
                .iter()
                .all(|name| proof::name_is_absent(authority, zone, name))
}
