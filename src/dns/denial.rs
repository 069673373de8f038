//! Proofs of absence that the library leaves to its caller or gets wrong.

use hickory_proto::dnssec::Proof;
use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC, NSEC3};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::convert::{from_library, record_type};
use super::record::Kind;

/// What validated NSEC or NSEC3 records say about a delegation without DS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delegation {
    /// There is a delegation and it has no DS, or opt-out leaves it open: insecure (RFC 4035, 5.2; RFC 5155, 8.9).
    Insecure,
    /// The name is proven not to be a delegation, or not to exist.
    NotACut,
    /// Nothing of the kind is proven.
    Unproven,
}

/// What the parent proves about a possible zone cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// A DS set, validated.
    Secure,
    /// A delegation without a DS that anybody could use, validated.
    Insecure,
    /// No delegation here.
    NotACut,
    /// The name does not exist, so there is nothing below either.
    Nothing,
    /// The proof is broken.
    Bogus(String),
    /// Could not tell.
    Unknown(String),
}

/// Reads the validated proof of "no DS at `name`" (RFC 6840, 4.4: the NS bit must be looked at).
pub(super) fn no_ds(authorities: &[Record], name: &Name) -> Delegation {
    let secure = || authorities.iter().filter(|r| r.proof == Proof::Secure);
    for record in secure() {
        let RData::DNSSEC(DNSSECRData::NSEC(nsec)) = &record.data else {
            continue;
        };
        if record.name == *name {
            let has = |kind| nsec.type_set().contains(kind);
            return if has(RecordType::DS) || has(RecordType::SOA) {
                Delegation::Unproven
            } else if has(RecordType::NS) {
                Delegation::Insecure
            } else {
                Delegation::NotACut
            };
        }
        if covers(&record.name, nsec, name) {
            return Delegation::NotACut;
        }
    }
    for record in secure() {
        let RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) = &record.data else {
            continue;
        };
        match nsec3_at(&record.name, nsec3, name) {
            Some(At::Match) => {
                let has = |kind| nsec3.type_set().contains(kind);
                return if has(RecordType::DS) || has(RecordType::SOA) {
                    Delegation::Unproven
                } else if has(RecordType::NS) {
                    Delegation::Insecure
                } else {
                    Delegation::NotACut
                };
            }
            // Only a proof with a closest encloser would say that the name does not exist; the validator checked
            // that already before it let the answer through as secure.
            Some(At::Covered) => {
                return if nsec3.opt_out() {
                    Delegation::Insecure
                } else {
                    Delegation::NotACut
                };
            }
            None => {}
        }
    }
    Delegation::Unproven
}

/// Which validated record shows that there is a delegation without DS at `name`, as a sentence.
pub(super) fn how_no_ds(authorities: &[Record], name: &Name) -> Option<String> {
    let owner = |record: &Record| from_library(&record.name);
    authorities
        .iter()
        .filter(|r| r.proof == Proof::Secure)
        .find_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::NSEC(nsec)) if record.name == *name => Some(format!(
                "the NSEC at {} lists {} and no DS",
                owner(record),
                listed(nsec.type_bit_maps())
            )),
            RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => match nsec3_at(&record.name, nsec3, name)? {
                At::Match => Some(format!(
                    "the NSEC3 {} of the name lists {} and no DS",
                    owner(record),
                    listed(nsec3.type_bit_maps())
                )),
                At::Covered if nsec3.opt_out() => Some(format!(
                    "the NSEC3 {} spans the name with opt-out: delegations in between are unsigned",
                    owner(record)
                )),
                At::Covered => None,
            },
            _ => None,
        })
}

fn listed(kinds: impl Iterator<Item = RecordType>) -> String {
    let all: Vec<String> = kinds.map(|kind| kind.to_string()).collect();
    all.join(", ")
}

/// Whether validated NSEC3 records leave open, by opt-out, that there is an unsigned delegation at `name` or below it:
/// a name above it exists, and the gap that covers the next name down has the flag (RFC 5155, 8.3 and 8.6). What has
/// nothing but unsigned delegations below it need not have an NSEC3 of its own (RFC 5155, 7.1).
///
/// Needed because the library calls such answers bogus where that gap is not about `name` itself.
pub(super) fn open_by_opt_out(authorities: &[Record], name: &Name) -> bool {
    let proofs: Vec<(&Name, &NSEC3)> = authorities
        .iter()
        .filter(|r| r.proof == Proof::Secure)
        .filter_map(|r| match &r.data {
            RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => Some((&r.name, nsec3)),
            _ => None,
        })
        .collect();
    let mut next = name.clone();
    while !next.is_root() {
        let encloser = next.base_name();
        for (owner, nsec3) in &proofs {
            let zone = owner.base_name();
            if !zone.zone_of(&encloser)
                || !matches!(nsec3_at(owner, nsec3, &encloser), Some(At::Match))
            {
                continue;
            }
            let has = |kind| nsec3.type_set().contains(kind);
            let leads_away = has(RecordType::NS) && !has(RecordType::SOA);
            return !leads_away
                && !has(record_type(Kind::Dname))
                && proofs.iter().any(|(owner, nsec3)| {
                    owner.base_name() == zone
                        && nsec3.opt_out()
                        && matches!(nsec3_at(owner, nsec3, &next), Some(At::Covered))
                });
        }
        next = encloser;
    }
    false
}

/// Whether validated NSEC records prove that a wildcard was rightly expanded to `name`: nothing closer exists
/// (RFC 4035, 5.3.4). `labels` is the label count of the signature, that is of the wildcard's parent.
///
/// Needed because the library calls such answers bogus.
pub(super) fn wildcard_is_proven(authorities: &[Record], name: &Name, labels: u8) -> bool {
    let parent = name.trim_to(usize::from(labels));
    authorities
        .iter()
        .filter(|r| r.proof == Proof::Secure)
        .any(|record| {
            let RData::DNSSEC(DNSSECRData::NSEC(nsec)) = &record.data else {
                return false;
            };
            // The next name may not lie below: then `name` would exist as an empty non-terminal.
            covers(&record.name, nsec, name)
                && !name.zone_of(nsec.next_domain_name())
                && closest_encloser(name, &record.name, nsec.next_domain_name()) == parent
        })
}

/// Whether the validated NSEC3 that lets a wildcard stand for `name` has the opt-out flag: an unsigned delegation may be
/// in that gap, so nothing proves that the wildcard was rightly expanded, and a resolver does not set AD (RFC 5155, 9.2).
/// `labels` as for [`wildcard_is_proven`].
///
/// Needed because the library calls such answers secure.
pub(super) fn wildcard_is_left_open(authorities: &[Record], name: &Name, labels: u8) -> bool {
    let next_closer = name.trim_to(usize::from(labels) + 1);
    authorities
        .iter()
        .filter(|r| r.proof == Proof::Secure)
        .any(|record| {
            let RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) = &record.data else {
                return false;
            };
            nsec3.opt_out()
                && matches!(
                    nsec3_at(&record.name, nsec3, &next_closer),
                    Some(At::Covered)
                )
        })
}

/// The longest name above `name` that the two ends of the gap prove to exist.
pub(super) fn closest_encloser(name: &Name, before: &Name, after: &Name) -> Name {
    let mut candidate = name.base_name();
    while !candidate.is_root() && !candidate.zone_of(before) && !candidate.zone_of(after) {
        candidate = candidate.base_name();
    }
    candidate
}

/// Whether `name` lies in the gap that the record proves to be empty.
pub(super) fn covers(owner: &Name, nsec: &NSEC, name: &Name) -> bool {
    // From the parent's side of a cut nothing can be said about what is below (RFC 6840, 4.1).
    if nsec.is_ancestor_delegation() && owner.zone_of(name) {
        return false;
    }
    let next = nsec.next_domain_name();
    name > owner && (name < next || (next <= owner && next.zone_of(name)))
}

enum At {
    Match,
    Covered,
}

fn nsec3_at(owner: &Name, nsec3: &NSEC3, name: &Name) -> Option<At> {
    let hash = nsec3
        .hash_algorithm()
        .hash(nsec3.salt(), name, nsec3.iterations())
        .ok()?;
    let hash = hash.as_ref();
    let label = owner.iter().next()?;
    let start = base32hex(label)?;
    let end = nsec3.next_hashed_owner_name();
    if start == hash {
        return Some(At::Match);
    }
    let start = start.as_slice();
    let inside = if start < end {
        start < hash && hash < end
    } else {
        hash > start || hash < end
    };
    inside.then_some(At::Covered)
}

/// Whether the record is the one for `name`: its owner is the name's hash. Nothing is validated here.
pub(super) fn is_at(owner: &Name, nsec3: &NSEC3, name: &Name) -> bool {
    matches!(nsec3_at(owner, nsec3, name), Some(At::Match))
}

/// Base 32 with the extended hex alphabet, no padding (RFC 4648, 7).
fn base32hex(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for c in text {
        let digit = char::from(*c).to_digit(32)?;
        bits = bits << 5 | digit;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        let mut name = Name::from_ascii(text).expect("a name");
        name.set_fqdn(true);
        name
    }

    fn nsec(owner: &str, next: &str, kinds: &[RecordType]) -> Record {
        let data = NSEC::new(name(next), kinds.iter().copied());
        let mut record =
            Record::from_rdata(name(owner), 60, RData::DNSSEC(DNSSECRData::NSEC(data)));
        record.proof = Proof::Secure;
        record
    }

    #[test]
    fn a_delegation_needs_the_ns_bit() {
        use RecordType::{A, DS, NS, SOA};
        let at = |kinds: &[RecordType]| no_ds(&[nsec("b.test", "d.test", kinds)], &name("b.test"));
        assert_eq!(at(&[NS]), Delegation::Insecure);
        // An ordinary host replayed as if it were a delegation.
        assert_eq!(at(&[A]), Delegation::NotACut);
        // From the child's side.
        assert_eq!(at(&[NS, SOA]), Delegation::Unproven);
        assert_eq!(at(&[NS, DS]), Delegation::Unproven);
    }

    #[test]
    fn a_gap_is_no_delegation_and_an_unvalidated_record_is_no_proof() {
        let mut record = nsec("a.test", "d.test", &[RecordType::A]);
        assert_eq!(
            no_ds(std::slice::from_ref(&record), &name("b.test")),
            Delegation::NotACut
        );
        record.proof = Proof::Bogus;
        assert_eq!(no_ds(&[record], &name("b.test")), Delegation::Unproven);
    }

    #[test]
    fn what_a_parent_says_below_its_cut_counts_for_nothing() {
        let record = nsec("b.test", "d.test", &[RecordType::NS]);
        assert_eq!(no_ds(&[record], &name("x.b.test")), Delegation::Unproven);
    }

    #[test]
    fn a_wildcard_needs_the_gap_and_the_right_parent() {
        // *.wild.test exists, and nothing else below wild.test.
        let gap = nsec("*.wild.test", "zone.test", &[RecordType::A]);
        let one = std::slice::from_ref(&gap);
        assert!(wildcard_is_proven(one, &name("x.wild.test"), 2));
        assert!(wildcard_is_proven(one, &name("y.x.wild.test"), 2));
        // The signature claims a wildcard higher up, while wild.test itself exists: replayed.
        assert!(!wildcard_is_proven(one, &name("x.wild.test"), 1));
        // Outside the gap.
        assert!(!wildcard_is_proven(one, &name("zz.test"), 1));
        // The name exists as an empty non-terminal.
        let ent = nsec("*.wild.test", "b.x.wild.test", &[RecordType::A]);
        assert!(!wildcard_is_proven(&[ent], &name("x.wild.test"), 2));
        // Not validated.
        let mut bad = gap;
        bad.proof = Proof::Insecure;
        assert!(!wildcard_is_proven(&[bad], &name("x.wild.test"), 2));
    }

    #[test]
    fn a_wildcard_in_a_gap_with_opt_out_is_left_open() {
        use hickory_proto::dnssec::Nsec3HashAlgorithm::SHA1;
        // From the hash 000… to the hash fff…: every name is in it.
        let gap = |opt_out, next: &[u8]| {
            let data = NSEC3::new(SHA1, opt_out, 0, Vec::new(), next.to_vec(), [RecordType::A]);
            let owner = name(&format!("{}.test", "0".repeat(32)));
            let mut record = Record::from_rdata(owner, 60, RData::DNSSEC(DNSSECRData::NSEC3(data)));
            record.proof = Proof::Secure;
            record
        };
        let asked = name("x.wild.test");
        let all = [0xff; 20];
        assert!(wildcard_is_left_open(&[gap(true, &all)], &asked, 2));
        assert!(!wildcard_is_left_open(&[gap(false, &all)], &asked, 2));
        // A gap that the name is not in.
        let narrow = [0; 19].into_iter().chain([1]).collect::<Vec<u8>>();
        assert!(!wildcard_is_left_open(&[gap(true, &narrow)], &asked, 2));
        let mut bad = gap(true, &all);
        bad.proof = Proof::Bogus;
        assert!(!wildcard_is_left_open(&[bad], &asked, 2));
    }

    #[test]
    fn base32hex_as_in_the_rfc() {
        assert_eq!(base32hex(b"cpnmuoj1").as_deref(), Some(&b"fooba"[..]));
        assert_eq!(base32hex(b"CPNMUOJ1").as_deref(), Some(&b"fooba"[..]));
        assert_eq!(base32hex(b"CPNMU").as_deref(), Some(&b"foo"[..]));
        assert_eq!(base32hex(b"!"), None);
    }
}
