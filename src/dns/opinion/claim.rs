//! An answer cut down to the one claim that is to be judged.
//!
//! The validator believes what is in a message to belong together; an answer from the network holds more than
//! that: later links of a chain, the zone's name servers, and whatever a stranger put there.

use std::fmt::Write as _;

use hickory_proto::dnssec::rdata::{DNSSECRData, RRSIG};
use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::dns::convert::{from_library, record, record_type};
use crate::dns::handle::is_from_wildcard;
use crate::dns::record::{Data, Kind};
use crate::dns::text::hex;

/// One claim: these records are there, or nothing is.
pub(super) struct Claim {
    /// What the validator gets to see.
    pub(super) message: Message,
    /// Where an alias leads.
    pub(super) next: Option<Name>,
    /// What is wrong with it even if the signatures are good.
    pub(super) contradiction: Option<String>,
    /// An absence with NSEC or NSEC3 records, but without the SOA that the validator starts from.
    pub(super) unproven_for_want_of_soa: bool,
}

impl Claim {
    /// What `message` says of `name`/`kind`. The error is half a sentence.
    pub(super) fn read(message: &Message, name: &Name, kind: RecordType) -> Result<Self, String> {
        let at_name = |wanted: RecordType| {
            message
                .answers
                .iter()
                .any(|r| r.name == *name && r.record_type() == wanted)
        };
        let signed_alias = message
            .answers
            .iter()
            .any(|r| r.name == *name && covered(r) == Some(RecordType::CNAME));
        let alias = at_name(RecordType::CNAME);
        // An alias made from a DNAME has no signature of its own (RFC 6672, 5.3.1).
        if (alias || !at_name(kind))
            && !signed_alias
            && let Some((owner, target)) = dname_above(message, name)
        {
            return Self::through_dname(message, name, kind, &owner, &target);
        }
        if at_name(kind) {
            return Ok(Self::records(message, name, kind, None));
        }
        if alias {
            let next = alias_at(message, name).ok_or("its alias leads nowhere")?;
            return Ok(Self::records(message, name, RecordType::CNAME, Some(next)));
        }
        Ok(Self::absence(message, name, kind))
    }

    /// The record set `name`/`kind` with its signatures.
    fn records(message: &Message, name: &Name, kind: RecordType, next: Option<Name>) -> Self {
        let mut out = empty(name, kind, ResponseCode::NoError);
        out.answers = message
            .answers
            .iter()
            .filter(|r| r.name == *name && covered(r).unwrap_or_else(|| r.record_type()) == kind)
            .filter(|r| may_count(r))
            .cloned()
            .collect();
        if out.answers.iter().any(is_from_wildcard) {
            out.authorities = proofs(message, false);
        }
        Self::of(out, next)
    }

    fn through_dname(
        message: &Message,
        name: &Name,
        kind: RecordType,
        owner: &Name,
        target: &Name,
    ) -> Result<Self, String> {
        let keep = usize::from(name.num_labels()).saturating_sub(usize::from(owner.num_labels()));
        let mut made = Name::root();
        for label in name.iter().take(keep).chain(target.iter()) {
            made = made
                .append_label(label)
                .map_err(|_| "the name that its DNAME makes is too long")?;
        }
        made.set_fqdn(true);
        let dname = record_type(Kind::Dname);
        let next = (kind != RecordType::CNAME).then(|| made.clone());
        let mut claim = Self::records(message, owner, dname, next);
        claim.contradiction = alias_at(message, name)
            .filter(|served| *served != made)
            .map(|served| {
                format!(
                    "the alias leads to {:?}, but the DNAME above it to {:?}",
                    from_library(&served),
                    from_library(&made)
                )
            });
        Ok(claim)
    }

    fn absence(message: &Message, name: &Name, kind: RecordType) -> Self {
        let mut out = empty(name, kind, message.metadata.response_code);
        out.authorities = proofs(message, true);
        out.authorities
            .retain(|r| !is_about(r, RecordType::SOA) || r.name.zone_of(name));
        let mut claim = Self::of(out, None);
        let has = |wanted: RecordType| {
            let mut all = claim.message.authorities.iter();
            all.any(|r| r.record_type() == wanted)
        };
        if !has(RecordType::SOA) {
            claim.unproven_for_want_of_soa = has(RecordType::NSEC) || has(RecordType::NSEC3);
            // Where the zone is unsigned that is no reason to call it bogus. This one has no signature, so it can
            // make an answer insecure, never secure.
            claim.message.authorities.push(bare_soa(name));
        }
        claim
    }

    /// A message about which only the zone's own status can be said: insecure if it is, bogus if it is signed.
    pub(super) fn stand_in(name: &Name) -> Message {
        let mut out = empty(name, RecordType::SOA, ResponseCode::NoError);
        out.answers.push(bare_soa(name));
        out
    }

    /// Whether this says that the name exists and the type does not.
    pub(super) fn is_nodata(&self) -> bool {
        self.message.answers.is_empty()
            && self.message.metadata.response_code == ResponseCode::NoError
    }

    /// If this is a DS set: the name above it.
    pub(super) fn parent_of_ds(&self) -> Option<Name> {
        let ds = self.message.answers.first()?;
        (is_about(ds, RecordType::DS) && !ds.name.is_root()).then(|| ds.name.base_name())
    }

    /// The zone whose proof of absence has the opt-out flag, if one has.
    pub(super) fn opt_out_by(&self) -> Option<Name> {
        let authorities = &self.message.authorities;
        let nsec3 = authorities.iter().find(
            |r| matches!(&r.data, RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) if nsec3.opt_out()),
        )?;
        Some(nsec3.name.base_name())
    }

    /// The DS records in zone-file form.
    pub(super) fn ds_in_zone_form(&self) -> String {
        let mut out = String::new();
        for r in &self.message.answers {
            if let RData::DNSSEC(DNSSECRData::DS(ds)) = &r.data {
                // Writing to a String cannot fail.
                let _ = writeln!(
                    out,
                    "{} 3600 IN DS {} {} {} {}",
                    r.name.to_ascii(),
                    ds.key_tag(),
                    u8::from(ds.algorithm()),
                    u8::from(ds.digest_type()),
                    hex(ds.digest())
                );
            }
        }
        out
    }

    const fn of(message: Message, next: Option<Name>) -> Self {
        Self {
            message,
            next,
            contradiction: None,
            unproven_for_want_of_soa: false,
        }
    }
}

/// What the validator may see of an answer that it fetched by itself: DS, DNSKEY or their proven absence.
pub(super) fn fetched(message: &Message, name: &Name, kind: RecordType) -> Message {
    let mut out = empty(name, kind, message.metadata.response_code);
    out.answers = message
        .answers
        .iter()
        .filter(|r| r.name == *name && (is_about(r, kind) || is_about(r, RecordType::CNAME)))
        .filter(|r| may_count(r))
        .cloned()
        .collect();
    out.authorities = proofs(message, true);
    out
}

/// All names from which the validator starts its walk down when it judges `message`.
pub(super) fn names_in(message: &Message) -> impl Iterator<Item = &Name> {
    message
        .answers
        .iter()
        .chain(&message.authorities)
        .flat_map(|r| [Some(&r.name), rrsig(r).map(|s| &s.input().signer_name)])
        .flatten()
}

fn empty(name: &Name, kind: RecordType, code: ResponseCode) -> Message {
    let mut out = Message::query();
    out.metadata.message_type = MessageType::Response;
    out.metadata.response_code = code;
    out.add_query(Query::query(name.clone(), kind));
    out
}

fn proofs(message: &Message, soa: bool) -> Vec<Record> {
    message
        .authorities
        .iter()
        .filter(|r| {
            is_about(r, RecordType::NSEC)
                || is_about(r, RecordType::NSEC3)
                || soa && is_about(r, RecordType::SOA)
        })
        .filter(|r| may_count(r))
        .cloned()
        .collect()
}

fn is_about(record: &Record, kind: RecordType) -> bool {
    covered(record).unwrap_or_else(|| record.record_type()) == kind
}

/// Whether a signature is by a zone that could hold the record (RFC 4035, 5.3.1). The validator takes the status of
/// whatever zone the first signature names: one that names an unsigned zone would make any forgery "insecure".
fn may_count(record: &Record) -> bool {
    rrsig(record).is_none_or(|rrsig| {
        let input = rrsig.input();
        // A DS set belongs to the parent.
        let own = input.type_covered == RecordType::DS && input.signer_name == record.name;
        input.signer_name.zone_of(&record.name) && (!own || record.name.is_root())
    })
}

fn rrsig(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig),
        _ => None,
    }
}

fn covered(record: &Record) -> Option<RecordType> {
    rrsig(record).map(|rrsig| rrsig.input().type_covered)
}

fn alias_at(message: &Message, name: &Name) -> Option<Name> {
    message.answers.iter().find_map(|r| match &r.data {
        RData::CNAME(to) if r.name == *name => Some(to.0.to_lowercase()),
        _ => None,
    })
}

/// The nearest DNAME above `name`: its owner and where it leads.
fn dname_above(message: &Message, name: &Name) -> Option<(Name, Name)> {
    message
        .answers
        .iter()
        .filter(|r| r.name.zone_of(name) && r.name != *name)
        .filter_map(|r| match record(r).data {
            Data::Dname(to) => {
                let to = crate::dns::convert::to_library(&to).ok()?;
                Some((r.name.to_lowercase(), to))
            }
            _ => None,
        })
        .max_by_key(|(owner, _)| owner.num_labels())
}

fn bare_soa(name: &Name) -> Record {
    let soa = SOA::new(Name::root(), Name::root(), 0, 0, 0, 0, 0);
    Record::from_rdata(name.clone(), 0, RData::SOA(soa))
}
