//! How an absence is proven, and which wildcards an answer gives away.

use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC, NSEC3};
use hickory_proto::op::Message;
use hickory_proto::rr::{Name as LibraryName, RData, Record, RecordType};

use super::server::ProvenBy;
use crate::dns::convert::from_library;
use crate::dns::denial::is_at;
use crate::dns::handle::is_from_wildcard;
use crate::dns::record::Name;

/// NXNAME, the pseudo-type by which compact denial says "no such name" (RFC 9824, 2).
const NXNAME: u16 = 128;

/// The kind of records that came to prove the absence of something at `name`. Nothing is validated here.
pub(super) fn proven_by(message: &Message, name: &LibraryName) -> ProvenBy {
    let nsec3: Vec<&NSEC3> = nsec3s(message).map(|(_, nsec3)| nsec3).collect();
    if !nsec3.is_empty() {
        let salt = nsec3.iter().map(|n| n.salt().len()).max();
        return ProvenBy::Nsec3 {
            iterations: nsec3.iter().map(|n| n.iterations()).max().unwrap_or(0),
            salt_length: salt.and_then(|l| u8::try_from(l).ok()).unwrap_or(0),
            opt_out: nsec3.iter().any(|n| n.opt_out()),
        };
    }
    let mut nsec = nsecs(message).peekable();
    if nsec.peek().is_none() {
        return ProvenBy::Nothing;
    }
    ProvenBy::Nsec {
        compact: nsec.any(|(owner, nsec)| {
            owner == name && nsec.type_set().contains(RecordType::from(NXNAME))
        }),
    }
}

/// The wildcards in the zone `apex` that the answer about `name` shows to exist.
pub(super) fn wildcards(message: &Message, name: &LibraryName, apex: &LibraryName) -> Vec<Name> {
    let mut found: Vec<LibraryName> = Vec::new();
    // Made from one: the signature has fewer labels than the name (RFC 4035, 5.3.2).
    for record in message.answers.iter().filter(|r| r.name == *name) {
        if is_from_wildcard(record)
            && let RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) = &record.data
        {
            found.push(wildcard_below(
                &name.trim_to(usize::from(rrsig.input().num_labels)),
            ));
        }
    }
    for (owner, nsec) in nsecs(message) {
        found.extend(
            [owner, nsec.next_domain_name()]
                .into_iter()
                .filter(|n| n.is_wildcard())
                .map(LibraryName::to_lowercase),
        );
    }
    for (owner, nsec3) in nsec3s(message) {
        let mut above = name.base_name();
        while apex.zone_of(&above) {
            let candidate = wildcard_below(&above);
            if is_at(owner, nsec3, &candidate) {
                found.push(candidate);
            }
            if above.is_root() {
                break;
            }
            above = above.base_name();
        }
    }
    let mut out: Vec<Name> = found
        .iter()
        .filter(|n| apex.zone_of(n))
        .map(from_library)
        .collect();
    out.sort();
    out.dedup();
    out
}

fn wildcard_below(name: &LibraryName) -> LibraryName {
    // `into_wildcard` replaces the first label; a name so long that no label can be put before it has no wildcard.
    name.prepend_label("x")
        .map_or_else(|_| name.clone(), LibraryName::into_wildcard)
        .to_lowercase()
}

fn nsecs(message: &Message) -> impl Iterator<Item = (&LibraryName, &NSEC)> {
    all(message).filter_map(|r| match &r.data {
        RData::DNSSEC(DNSSECRData::NSEC(nsec)) => Some((&r.name, nsec)),
        _ => None,
    })
}

fn nsec3s(message: &Message) -> impl Iterator<Item = (&LibraryName, &NSEC3)> {
    all(message).filter_map(|r| match &r.data {
        RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => Some((&r.name, nsec3)),
        _ => None,
    })
}

fn all(message: &Message) -> impl Iterator<Item = &Record> {
    message.answers.iter().chain(&message.authorities)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> LibraryName {
        LibraryName::from_ascii(text).expect("a name")
    }

    fn denied(owner: &str, next: &str, kinds: &[RecordType]) -> Message {
        let nsec = NSEC::new(name(next), kinds.iter().copied());
        let mut message = Message::query();
        message.add_authority(Record::from_rdata(
            name(owner),
            60,
            RData::DNSSEC(DNSSECRData::NSEC(nsec)),
        ));
        message
    }

    #[test]
    fn compact_denial_is_told_by_its_pseudo_type_at_the_name_itself() {
        let kinds = [
            RecordType::RRSIG,
            RecordType::NSEC,
            RecordType::from(NXNAME),
        ];
        let message = denied("x.zone.test.", "0.x.zone.test.", &kinds);
        assert_eq!(
            proven_by(&message, &name("x.zone.test.")),
            ProvenBy::Nsec { compact: true }
        );
        assert_eq!(
            proven_by(&message, &name("y.zone.test.")),
            ProvenBy::Nsec { compact: false }
        );
        let message = denied("x.zone.test.", "y.zone.test.", &kinds[..2]);
        assert_eq!(
            proven_by(&message, &name("x.zone.test.")),
            ProvenBy::Nsec { compact: false }
        );
        assert_eq!(
            proven_by(&Message::query(), &name("x.zone.test.")),
            ProvenBy::Nothing
        );
    }

    #[test]
    fn both_ends_of_a_gap_may_be_wildcards_but_only_in_this_zone() {
        let apex = name("zone.test.");
        let of = |owner, next| wildcards(&denied(owner, next, &[]), &name("x.zone.test."), &apex);
        assert_eq!(of("*.zone.test.", "z.zone.test."), ["*.zone.test"]);
        assert_eq!(of("a.zone.test.", "*.b.zone.test."), ["*.b.zone.test"]);
        assert_eq!(of("a.zone.test.", "z.zone.test."), [""; 0]);
        assert_eq!(of("*.test.", "z.test."), [""; 0]);
    }
}
