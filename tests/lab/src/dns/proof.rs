//! Judging proofs of absence by NSEC (RFC 4035 5.4).

use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// The NSEC records among these.
pub(crate) fn nsec_records(records: &[Record]) -> impl Iterator<Item = (&Name, &NSEC)> {
    records.iter().filter_map(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(nsec)) => Some((&record.name, nsec)),
        _ => None,
    })
}

/// Whether an NSEC at `owner` says that nothing exists between it and `next`, and `name` lies there.
fn lies_between(owner: &Name, next: &Name, zone: &Name, name: &Name) -> bool {
    if next == zone {
        owner < name
    } else {
        owner < name && name < next
    }
}

/// Whether the name is proven not to exist at all, not even as an empty name.
pub(crate) fn name_is_absent(records: &[Record], zone: &Name, name: &Name) -> bool {
    nsec_records(records).any(|(owner, nsec)| {
        lies_between(owner, nsec.next_domain_name(), zone, name)
            && !name.zone_of(nsec.next_domain_name())
            && !(is_cut(nsec) && owner.zone_of(name))
    })
}

/// Whether an NSEC comes from the parent's side of a cut; it proves nothing below (RFC 6840 4.1).
fn is_cut(nsec: &NSEC) -> bool {
    let types = nsec.type_set();
    types.contains(RecordType::NS) && !types.contains(RecordType::SOA)
}

/// Whether the type is proven absent at a name that exists.
pub(crate) fn type_is_absent(
    records: &[Record],
    zone: &Name,
    name: &Name,
    kind: RecordType,
) -> bool {
    nsec_records(records).any(|(owner, nsec)| {
        let types = nsec.type_set();
        let at_name = owner == name
            && !types.contains(kind)
            && !types.contains(RecordType::CNAME)
            && (kind == RecordType::DS || !is_cut(nsec));
        // An empty name: the next existing name lies below it.
        let empty = lies_between(owner, nsec.next_domain_name(), zone, name)
            && name.zone_of(nsec.next_domain_name());
        at_name || empty
    })
}

/// Whether "no such name" is proven: the name and the wildcard that could have covered it are absent.
pub(crate) fn no_such_name(records: &[Record], zone: &Name, name: &Name) -> bool {
    if !name_is_absent(records, zone, name) {
        return false;
    }
    // The closest encloser is the longest name shared with either end of the gap.
    let encloser = nsec_records(records)
        .filter(|(owner, nsec)| lies_between(owner, nsec.next_domain_name(), zone, name))
        .flat_map(|(owner, nsec)| [owner.clone(), nsec.next_domain_name().clone()])
        .map(|end| shared(&end, name))
        .max_by_key(Name::num_labels)
        .unwrap_or_else(|| zone.clone());
    encloser
        .prepend_label("*")
        .is_ok_and(|wildcard| name_is_absent(records, zone, &wildcard))
}

/// Whether the name is absent and the wildcard that covers it is proven to lack the type (RFC 4035 3.1.3.4).
pub(crate) fn wildcard_lacks(
    records: &[Record],
    zone: &Name,
    name: &Name,
    kind: RecordType,
) -> bool {
    name_is_absent(records, zone, name)
        && nsec_records(records).any(|(owner, nsec)| {
            owner.is_wildcard()
                && owner.base_name().zone_of(name)
                && !nsec.type_set().contains(kind)
                && !nsec.type_set().contains(RecordType::CNAME)
        })
}

fn shared(a: &Name, b: &Name) -> Name {
    let mut candidate = a.clone();
    while !candidate.zone_of(b) {
        candidate = candidate.base_name();
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn nsec(owner: &str, next: &str, types: &[RecordType]) -> Record {
        let data = NSEC::new_cover_self(name(next), types.iter().copied());
        Record::from_rdata(name(owner), 1, RData::DNSSEC(DNSSECRData::NSEC(data)))
    }

    #[test]
    fn a_gap_proves_only_what_lies_in_it() {
        let zone = name("z.");
        let chain = [nsec("b.z.", "d.z.", &[RecordType::A])];
        for (inside, absent) in [
            ("c.z.", true),
            ("b.z.", false),
            ("d.z.", false),
            ("e.z.", false),
        ] {
            assert_eq!(
                name_is_absent(&chain, &zone, &name(inside)),
                absent,
                "{inside}"
            );
        }
        let last = [nsec("x.z.", "z.", &[RecordType::A])];
        assert!(name_is_absent(&last, &zone, &name("y.z.")));
        assert!(!name_is_absent(&last, &zone, &name("w.z.")));
    }

    #[test]
    fn an_empty_name_exists_but_has_no_types() {
        let zone = name("z.");
        let chain = [nsec("a.z.", "_25._tcp.host.z.", &[RecordType::A])];
        assert!(!name_is_absent(&chain, &zone, &name("host.z.")));
        assert!(type_is_absent(
            &chain,
            &zone,
            &name("_tcp.host.z."),
            RecordType::TLSA
        ));
        assert!(!type_is_absent(
            &chain,
            &zone,
            &name("b.z."),
            RecordType::TLSA
        ));
    }

    #[test]
    fn types_at_a_name() {
        let zone = name("z.");
        let chain = [nsec("a.z.", "b.z.", &[RecordType::A])];
        assert!(type_is_absent(
            &chain,
            &zone,
            &name("a.z."),
            RecordType::TLSA
        ));
        assert!(!type_is_absent(&chain, &zone, &name("a.z."), RecordType::A));
        let alias = [nsec("a.z.", "b.z.", &[RecordType::CNAME])];
        assert!(!type_is_absent(
            &alias,
            &zone,
            &name("a.z."),
            RecordType::TLSA
        ));
    }

    #[test]
    fn the_parent_side_of_a_cut_proves_nothing_below_it() {
        let zone = name("z.");
        let cut = [nsec("child.z.", "x.z.", &[RecordType::NS])];
        assert!(!name_is_absent(&cut, &zone, &name("host.child.z.")));
        assert!(!type_is_absent(
            &cut,
            &zone,
            &name("child.z."),
            RecordType::MX
        ));
        assert!(type_is_absent(
            &cut,
            &zone,
            &name("child.z."),
            RecordType::DS
        ));
    }

    #[test]
    fn no_such_name_needs_the_wildcard_proof_too() {
        let zone = name("z.");
        let only_name = [nsec("b.z.", "d.z.", &[RecordType::A])];
        assert!(!no_such_name(&only_name, &zone, &name("c.z.")));
        let apex = nsec("z.", "b.z.", &[RecordType::SOA, RecordType::NS]);
        let both = [only_name[0].clone(), apex];
        assert!(no_such_name(&both, &zone, &name("c.z.")));
    }

    #[test]
    fn a_wildcard_may_lack_the_type() {
        let zone = name("z.");
        let chain = [
            nsec("*.z.", "b.z.", &[RecordType::A]),
            nsec("b.z.", "d.z.", &[RecordType::A]),
        ];
        assert!(wildcard_lacks(
            &chain,
            &zone,
            &name("c.z."),
            RecordType::TLSA
        ));
        assert!(!wildcard_lacks(&chain, &zone, &name("c.z."), RecordType::A));
        assert!(!wildcard_lacks(
            &chain[..1],
            &zone,
            &name("c.z."),
            RecordType::TLSA
        ));
    }
}
