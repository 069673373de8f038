//! A zone's keys: which of them sign the set that they are in, and which a DS means.

use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, RRSIG};
use hickory_proto::dnssec::{DigestType, PublicKey as _, TBS};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::checked::Checked;
use super::convert::serial_time;
use super::record::Ds;
use super::text::hex;

/// How a DS fits a set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DsFit {
    /// Its digest is that of a zone key served here.
    Fits,
    /// A key has its tag and algorithm, but another digest.
    OtherDigest,
    /// No key served here has its tag and algorithm.
    NoKey,
    /// It fits a key without the zone-key flag, or with the revoked one.
    UnfitKey,
    /// The digest type is not known here: such a DS counts for nothing (RFC 4035, 5.2).
    UnknownDigest,
}

/// The keys of the zone `apex` in a section.
pub(super) fn dnskeys<'a>(
    section: &'a [Record],
    apex: &'a Name,
) -> impl Iterator<Item = &'a DNSKEY> {
    section
        .iter()
        .filter(move |r| r.name == *apex)
        .filter_map(|r| match &r.data {
            RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key),
            _ => None,
        })
}

/// Whether the key validly signs the DNSKEY set that it came with. `false` where its algorithm is not known here.
pub(super) fn signs_keys(section: &[Record], apex: &Name, key: &DNSKEY, checked: &Checked) -> bool {
    // The library panics at a key of an algorithm that it does not know, and strangers choose their algorithms.
    if !key.public_key().algorithm().is_supported() {
        return false;
    }
    let now = Timestamp::now();
    let set = || {
        section
            .iter()
            .filter(|r| r.name == *apex && r.record_type() == RecordType::DNSKEY)
    };
    let Ok(tag) = key.calculate_key_tag() else {
        return false;
    };
    section
        .iter()
        .filter(|r| r.name == *apex)
        .filter_map(rrsig)
        .any(|signature| {
            let input = signature.input();
            input.type_covered == RecordType::DNSKEY
                && input.key_tag == tag
                && input.algorithm == key.public_key().algorithm()
                && input.signer_name == *apex
                && serial_time(input.sig_inception.get(), now.as_second()) <= now
                && serial_time(input.sig_expiration.get(), now.as_second()) >= now
                && TBS::from_input(apex, DNSClass::IN, input, set())
                    .is_ok_and(|data| checked.holds(key, signature, &data))
        })
}

/// How `ds` fits the keys in `section`, and which key it is meant for.
pub(super) fn fit<'a>(
    ds: &Ds,
    section: &'a [Record],
    apex: &'a Name,
) -> (DsFit, Option<&'a DNSKEY>) {
    let digest_type = DigestType::from(ds.digest_type);
    if !digest_type.is_supported() {
        return (DsFit::UnknownDigest, None);
    }
    let mut best = (DsFit::NoKey, None);
    for key in dnskeys(section, apex) {
        if key.calculate_key_tag().ok() != Some(ds.key_tag)
            || u8::from(key.public_key().algorithm()) != ds.algorithm
        {
            continue;
        }
        let fits = key
            .to_digest(apex, digest_type)
            .is_ok_and(|digest| hex(digest.as_ref()) == ds.digest);
        match (fits, key.zone_key() && !key.revoke()) {
            (true, true) => return (DsFit::Fits, Some(key)),
            (true, false) => best = (DsFit::UnfitKey, Some(key)),
            (false, _) if best.0 == DsFit::NoKey => best = (DsFit::OtherDigest, Some(key)),
            (false, _) => {}
        }
    }
    best
}

/// Whether the DNSKEY set in `section` is validly signed by one of its own keys, as it must be (RFC 4035, 5.2). `true` also
/// where a key's algorithm is not known here, and where there is no set: then this is not the place to tell.
pub(super) fn is_signed_by_itself(section: &[Record], apex: &Name, checked: &Checked) -> bool {
    let mut none = true;
    for key in dnskeys(section, apex) {
        none = false;
        if !key.public_key().algorithm().is_supported() || signs_keys(section, apex, key, checked) {
            return true;
        }
    }
    none
}

/// The signature that the record is.
pub(super) fn rrsig(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::dnssec::rdata::SigInput;
    use hickory_proto::dnssec::{Algorithm, PublicKeyBuf};
    use hickory_proto::rr::SerialNumber;

    use super::*;

    fn set(flags: &[(bool, bool, bool)]) -> (Name, Vec<Record>) {
        let apex = Name::from_ascii("zone.test.").expect("a name");
        let records = flags.iter().map(|(zone, entry, revoked)| {
            let key = PublicKeyBuf::new(vec![7; 64], Algorithm::ECDSAP256SHA256);
            let key = DNSKEY::new(*zone, *entry, *revoked, key);
            Record::from_rdata(apex.clone(), 60, RData::DNSSEC(DNSSECRData::DNSKEY(key)))
        });
        (apex.clone(), records.collect())
    }

    fn ds_for(apex: &Name, section: &[Record], digest_type: DigestType) -> Ds {
        let key = dnskeys(section, apex).next().expect("a key");
        Ds {
            key_tag: key.calculate_key_tag().expect("a tag"),
            algorithm: 13,
            digest_type: digest_type.into(),
            digest: hex(key.to_digest(apex, digest_type).expect("a digest").as_ref()),
        }
    }

    #[test]
    fn a_ds_fits_a_zone_key_by_tag_algorithm_and_digest() {
        let (apex, section) = set(&[(true, true, false)]);
        for digest_type in [DigestType::SHA1, DigestType::SHA256, DigestType::SHA384] {
            let good = ds_for(&apex, &section, digest_type);
            assert_eq!(fit(&good, &section, &apex).0, DsFit::Fits);
        }
        let good = ds_for(&apex, &section, DigestType::SHA256);
        let but = |change: fn(&mut Ds)| {
            let mut ds = good.clone();
            change(&mut ds);
            fit(&ds, &section, &apex).0
        };
        assert_eq!(but(|ds| ds.digest = "00".repeat(32)), DsFit::OtherDigest);
        assert_eq!(but(|ds| ds.key_tag ^= 1), DsFit::NoKey);
        assert_eq!(but(|ds| ds.algorithm = 8), DsFit::NoKey);
        assert_eq!(but(|ds| ds.digest_type = 250), DsFit::UnknownDigest);
        assert_eq!(fit(&good, &[], &apex).0, DsFit::NoKey);
    }

    #[test]
    fn a_revoked_key_or_one_that_is_no_zone_key_is_unfit() {
        for flags in [(true, true, true), (false, true, false)] {
            let (apex, section) = set(&[flags]);
            let ds = ds_for(&apex, &section, DigestType::SHA256);
            assert_eq!(fit(&ds, &section, &apex).0, DsFit::UnfitKey, "{flags:?}");
        }
    }

    #[test]
    fn a_set_without_a_signature_is_not_signed() {
        let (apex, section) = set(&[(true, true, false)]);
        assert!(!is_signed_by_itself(&section, &apex, &Checked::default()));
        // Nothing there, or of an algorithm that cannot be checked: not told here.
        assert!(is_signed_by_itself(&[], &apex, &Checked::default()));
        let key = DNSKEY::new(
            true,
            true,
            false,
            PublicKeyBuf::new(vec![7; 64], Algorithm::Unknown(200)),
        );
        let odd = Record::from_rdata(apex.clone(), 60, RData::DNSSEC(DNSSECRData::DNSKEY(key)));
        assert!(is_signed_by_itself(&[odd], &apex, &Checked::default()));
    }

    /// Algorithm 16 (Ed448) is in the registry, and the library that checks signatures does not know it.
    #[test]
    fn a_key_of_an_unknown_algorithm_proves_nothing_and_harms_nobody() {
        let apex = Name::from_ascii("example.com.").unwrap();
        let algorithm = Algorithm::Unknown(16);
        let key = DNSKEY::new(true, true, false, PublicKeyBuf::new(vec![7; 57], algorithm));
        let now = u32::try_from(Timestamp::now().as_second()).unwrap();
        let input = SigInput {
            type_covered: RecordType::DNSKEY,
            algorithm,
            num_labels: 2,
            original_ttl: 60,
            sig_expiration: SerialNumber::new(now + 60),
            sig_inception: SerialNumber::new(now - 60),
            key_tag: key.calculate_key_tag().unwrap(),
            signer_name: apex.clone(),
        };
        let signature = RRSIG::from_sig(input, vec![7; 114]);
        let section: Vec<Record> = [
            DNSSECRData::DNSKEY(key.clone()),
            DNSSECRData::RRSIG(signature),
        ]
        .into_iter()
        .map(|data| Record::from_rdata(apex.clone(), 60, RData::DNSSEC(data)))
        .collect();
        assert!(!signs_keys(&section, &apex, &key, &Checked::default()));
        assert!(is_signed_by_itself(&section, &apex, &Checked::default()));
    }
}
