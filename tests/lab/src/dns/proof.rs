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

fn shared(a: &Name, b: &Name) -> Name {
    let mut candidate = a.clone();
    while !candidate.zone_of(b) {
        candidate = candidate.base_name();
    }
    candidate
}
