//! Absence that NSEC records prove: what each of them says is judged here, its signature by the validator, a set at a time.
//!
//! The library's validator remembers what it has verified by the question that the set came with, so it checks a zone's SOA and
//! the same few NSEC anew for every name that is not there. Asked about each set by itself, it checks each once. What is not as
//! plain as this (NSEC3, wildcards without the type, anything amiss) is left to it whole.

use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::denial::{closest_encloser, covers};
use super::keys::rrsig;

/// More sets than a proof needs are not looked at: the SOA, the gap at the name, the gap at the wildcard.
const MOST_SETS: usize = 3;

/// A record set with its signatures.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) owner: Name,
    pub(super) kind: RecordType,
    pub(super) records: Vec<Record>,
}

/// The sets of which, if each is validly signed, it follows that there is no `kind` at `name`, as the answer says
/// (RFC 4035, 5.4). `None`: it does not follow, or not from these alone.
pub(super) fn proof(message: &Message, name: &Name, kind: RecordType) -> Option<Vec<Set>> {
    if !message.answers.is_empty() {
        return None;
    }
    let sets = sets(&message.authorities)?;
    let mut of_soa = sets.iter().filter(|set| set.kind == RecordType::SOA);
    let zone = match (of_soa.next(), of_soa.next()) {
        (Some(set), None) => &set.owner,
        _ => return None,
    };
    // The DS set at the top of a zone is its parent's.
    if !zone.zone_of(name) || (kind == RecordType::DS && zone == name) {
        return None;
    }
    let mut gaps = Vec::new();
    for set in &sets {
        // Another zone's records may be valid, and say nothing about this one.
        let signed = set.records.iter().filter_map(rrsig);
        let mut signers = signed.map(|s| &s.input().signer_name).peekable();
        if signers.peek().is_none() || !signers.all(|signer| signer == zone) {
            return None;
        }
        if set.kind == RecordType::NSEC {
            gaps.push(gap(set, zone)?);
        }
    }
    follows(&gaps, message.metadata.response_code, name, kind).then_some(sets)
}

/// The SOA and NSEC sets in a section, each with its signatures. `None`: too many, or there is NSEC3.
fn sets(section: &[Record]) -> Option<Vec<Set>> {
    let mut sets: Vec<Set> = Vec::new();
    for record in section {
        let kind = rrsig(record).map_or_else(|| record.record_type(), |s| s.input().type_covered);
        match kind {
            RecordType::SOA | RecordType::NSEC if record.dns_class == DNSClass::IN => {}
            RecordType::SOA | RecordType::NSEC | RecordType::NSEC3 => return None,
            // An NS set, say: nothing hangs on it.
            _ => continue,
        }
        let known = |set: &Set| set.kind == kind && set.owner == record.name;
        match sets.iter().position(known) {
            Some(at) => sets[at].records.push(record.clone()),
            None if sets.len() == MOST_SETS => return None,
            None => sets.push(Set {
                owner: record.name.clone(),
                kind,
                records: vec![record.clone()],
            }),
        }
    }
    Some(sets)
}

/// The one NSEC of a set, with its owner; both ends lie in the zone.
fn gap<'a>(set: &'a Set, zone: &Name) -> Option<(&'a Name, &'a NSEC)> {
    let mut all = set.records.iter().filter_map(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(nsec)) => Some(nsec),
        _ => None,
    });
    match (all.next(), all.next()) {
        (Some(nsec), None) if zone.zone_of(&set.owner) && zone.zone_of(nsec.next_domain_name()) => {
            Some((&set.owner, nsec))
        }
        _ => None,
    }
}

/// Whether the gaps of one zone, taken for true, prove what the answer says.
fn follows(gaps: &[(&Name, &NSEC)], code: ResponseCode, name: &Name, kind: RecordType) -> bool {
    if let Some((_, nsec)) = gaps.iter().find(|(owner, _)| *owner == name) {
        let has = |kind| nsec.type_set().contains(kind);
        // At a cut the parent speaks for the DS alone, and of it the child does not (RFC 6840, 4.1 and 4.4).
        let other_side = match kind {
            RecordType::DS => has(RecordType::SOA),
            _ => has(RecordType::NS) && !has(RecordType::SOA),
        };
        return code == ResponseCode::NoError
            && !has(kind)
            && !has(RecordType::CNAME)
            && !other_side;
    }
    let covering = |name: &Name| gaps.iter().find(|(owner, nsec)| covers(owner, nsec, name));
    let Some((owner, nsec)) = covering(name) else {
        return false;
    };
    let next = nsec.next_domain_name();
    if name.zone_of(next) {
        // Something lies below, so the name is there, and empty (RFC 8020, 3.1).
        return code == ResponseCode::NoError;
    }
    // With another code a wildcard would have to be shown that lacks the type.
    code == ResponseCode::NXDomain
        && closest_encloser(name, owner, next)
            .prepend_label("*")
            .is_ok_and(|wildcard| {
                covering(&wildcard).is_some_and(|(_, nsec)| {
                    // Else the wildcard would be there, and empty.
                    !wildcard.zone_of(nsec.next_domain_name())
                })
            })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use hickory_proto::dnssec::Algorithm;
    use hickory_proto::dnssec::rdata::{RRSIG, SigInput};
    use hickory_proto::rr::SerialNumber;
    use hickory_proto::rr::rdata::SOA;
    use proptest::prelude::*;

    use super::*;

    const APEX: &str = "zone.test.";

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn signature(owner: &Name, kind: RecordType, signer: &str) -> Record {
        let input = SigInput {
            type_covered: kind,
            algorithm: Algorithm::ECDSAP256SHA256,
            num_labels: owner.num_labels(),
            original_ttl: 60,
            sig_expiration: SerialNumber::from(2_000_000_000),
            sig_inception: SerialNumber::from(1_000_000_000),
            key_tag: 1,
            signer_name: name(signer),
        };
        let data = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, vec![1])));
        Record::from_rdata(owner.clone(), 60, data)
    }

    fn soa(zone: &str) -> Vec<Record> {
        let data = SOA::new(name("ns.test."), name("host.test."), 1, 2, 3, 4, 5);
        let record = Record::from_rdata(name(zone), 60, RData::SOA(data));
        vec![record, signature(&name(zone), RecordType::SOA, zone)]
    }

    fn nsec(owner: &Name, next: &Name, kinds: &BTreeSet<RecordType>, signer: &str) -> Vec<Record> {
        let data = NSEC::new(next.clone(), kinds.iter().copied());
        let data = RData::DNSSEC(DNSSECRData::NSEC(data));
        let record = Record::from_rdata(owner.clone(), 60, data);
        vec![record, signature(owner, RecordType::NSEC, signer)]
    }

    fn denying(code: ResponseCode, parts: &[Vec<Record>]) -> Message {
        let mut message = Message::query();
        message.metadata.response_code = code;
        message.authorities = parts.concat();
        message
    }

    fn gap_of(owner: &str, next: &str, kinds: &[RecordType]) -> Vec<Record> {
        nsec(
            &name(owner),
            &name(next),
            &kinds.iter().copied().collect(),
            APEX,
        )
    }

    /// A zone's names with their types, for telling what is true of it.
    #[derive(Debug, Clone)]
    struct Zone(BTreeMap<Name, BTreeSet<RecordType>>);

    #[derive(Debug, PartialEq, Eq)]
    enum Truth {
        NoSuchName,
        NoSuchType,
        /// It is there, or comes from a wildcard, or another zone has to be asked.
        Neither,
    }

    impl Zone {
        fn has(&self, name: &Name, kind: RecordType) -> bool {
            self.0.get(name).is_some_and(|kinds| kinds.contains(&kind))
        }

        /// Whether what is below `name` is not this zone's.
        fn leads_away(&self, at: &Name) -> bool {
            let cut = *at != name(APEX) && self.has(at, RecordType::NS);
            cut || self.has(at, RecordType::DNAME)
        }

        fn exists(&self, name: &Name) -> bool {
            self.0.keys().any(|known| name.zone_of(known))
        }

        fn truth(&self, of: &Name, kind: RecordType) -> Truth {
            let mut above = of.base_name();
            while name(APEX).zone_of(&above) {
                if self.leads_away(&above) {
                    return Truth::Neither;
                }
                above = above.base_name();
            }
            let cut = *of != name(APEX) && self.has(of, RecordType::NS);
            if cut && kind != RecordType::DS || kind == RecordType::DS && *of == name(APEX) {
                return Truth::Neither;
            }
            if self.exists(of) {
                return match self.has(of, kind) || self.has(of, RecordType::CNAME) {
                    true => Truth::Neither,
                    false => Truth::NoSuchType,
                };
            }
            let mut encloser = of.base_name();
            while !self.exists(&encloser) {
                encloser = encloser.base_name();
            }
            match self.exists(&encloser.prepend_label("*").unwrap()) {
                true => Truth::Neither,
                false => Truth::NoSuchName,
            }
        }

        /// The chain of its NSEC records: names below a cut or a DNAME have none.
        fn chain(&self) -> Vec<Vec<Record>> {
            let own = |of: &&Name| {
                let mut above = of.base_name();
                while name(APEX).zone_of(&above) {
                    if self.leads_away(&above) {
                        return false;
                    }
                    above = above.base_name();
                }
                true
            };
            let names: Vec<&Name> = self.0.keys().filter(own).collect();
            let nexts = names.iter().cycle().skip(1);
            let ends = names.iter().zip(nexts);
            ends.map(|(owner, next)| nsec(owner, next, &self.0[*owner], APEX))
                .collect()
        }
    }

    fn below() -> impl Strategy<Value = Name> {
        proptest::collection::vec("[abc*]", 0..4).prop_map(|labels| {
            labels.iter().fold(name(APEX), |of, label| {
                of.prepend_label(label.as_str()).unwrap()
            })
        })
    }

    fn kind() -> impl Strategy<Value = RecordType> {
        use RecordType::{A, CNAME, DS, NS, TXT};
        prop::sample::select(vec![A, A, TXT, TXT, NS, DS, CNAME, RecordType::DNAME])
    }

    fn zone() -> impl Strategy<Value = Zone> {
        let kinds = proptest::collection::btree_set(kind(), 1..3);
        proptest::collection::btree_map(below(), kinds, 0..6).prop_map(|mut names| {
            let apex = [RecordType::SOA, RecordType::NS];
            names.insert(name(APEX), apex.into_iter().collect());
            Zone(names)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn whatever_is_shown_of_a_zone_proves_only_what_is_true(
            zone in zone(),
            of in below(),
            kind in kind(),
            shown in proptest::collection::vec(any::<prop::sample::Index>(), 1..3),
        ) {
            let chain = zone.chain();
            let mut parts = vec![soa(APEX)];
            let places: BTreeSet<usize> = shown.iter().map(|at| at.index(chain.len())).collect();
            parts.extend(places.into_iter().map(|at| chain[at].clone()));
            let truth = zone.truth(&of, kind);
            for (code, claim) in [
                (ResponseCode::NXDomain, Truth::NoSuchName),
                (ResponseCode::NoError, Truth::NoSuchType),
            ] {
                if proof(&denying(code, &parts), &of, kind).is_some() {
                    prop_assert_eq!(&truth, &claim, "{} {}", of, kind);
                }
            }
        }

        #[test]
        fn what_is_true_is_proven_by_some_two_of_its_gaps(zone in zone(), of in below(), kind in kind()) {
            let code = match zone.truth(&of, kind) {
                Truth::NoSuchName => ResponseCode::NXDomain,
                Truth::NoSuchType => ResponseCode::NoError,
                Truth::Neither => return Ok(()),
            };
            let chain = zone.chain();
            let proven = chain.iter().enumerate().any(|(at, first)| {
                chain[at..].iter().any(|second| {
                    let mut parts = vec![soa(APEX), first.clone()];
                    if first != second {
                        parts.push(second.clone());
                    }
                    proof(&denying(code, &parts), &of, kind).is_some()
                })
            });
            prop_assert!(proven, "{} {}", of, kind);
        }
    }

    #[test]
    fn every_set_must_be_signed_by_the_zone_and_there_must_be_one_soa() {
        use RecordType::{A, TXT};
        let gap = gap_of("a.zone.test.", "c.zone.test.", &[A]);
        let proven = |parts: &[Vec<Record>]| {
            let message = denying(ResponseCode::NoError, parts);
            proof(&message, &name("a.zone.test."), TXT).map(|sets| sets.len())
        };
        assert_eq!(proven(&[soa(APEX), gap.clone()]), Some(2));
        assert_eq!(proven(std::slice::from_ref(&gap)), None);
        assert_eq!(proven(&[soa(APEX), soa("test."), gap.clone()]), None);
        assert_eq!(proven(&[soa("test."), gap.clone()]), None);
        assert_eq!(proven(&[soa("other.test."), gap.clone()]), None);
        // Unsigned, by another zone, by another zone as well.
        assert_eq!(proven(&[soa(APEX), gap[..1].to_vec()]), None);
        assert_eq!(proven(&[soa(APEX)[..1].to_vec(), gap.clone()]), None);
        let other = signature(&name("a.zone.test."), RecordType::NSEC, "test.");
        assert_eq!(
            proven(&[soa(APEX), gap[..1].to_vec(), vec![other.clone()]]),
            None
        );
        assert_eq!(proven(&[soa(APEX), gap.clone(), vec![other]]), None);
        // Two at one name, and one that ends outside.
        let second = gap_of("a.zone.test.", "b.zone.test.", &[A]);
        assert_eq!(proven(&[soa(APEX), gap.clone(), second]), None);
        let outside = gap_of("a.zone.test.", "a.zzz.test.", &[A]);
        assert_eq!(proven(&[soa(APEX), outside]), None);
    }

    #[test]
    fn another_code_an_answer_and_nsec3_are_for_the_library() {
        let gap = gap_of("a.zone.test.", "c.zone.test.", &[RecordType::A]);
        let parts = [soa(APEX), gap];
        let of = name("a.zone.test.");
        for code in [ResponseCode::NXDomain, ResponseCode::ServFail] {
            assert!(proof(&denying(code, &parts), &of, RecordType::TXT).is_none());
        }
        let mut answered = denying(ResponseCode::NoError, &parts);
        answered.answers = soa(APEX);
        assert!(proof(&answered, &of, RecordType::TXT).is_none());
        let hashed = signature(&of, RecordType::NSEC3, APEX);
        let message = denying(
            ResponseCode::NoError,
            &[&parts[..], &[vec![hashed]]].concat(),
        );
        assert!(proof(&message, &of, RecordType::TXT).is_none());
    }
}
