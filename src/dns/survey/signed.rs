//! Reads signatures: what is signed, by which key, until when.

use std::sync::Arc;

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, Record, RecordType};
use jiff::Timestamp;

use super::server::Signed;
use crate::dns::convert::{from_library, serial_time};
use crate::dns::keys::rrsig;

/// Every signature of the zone in the messages, once each, the one that expires first in front.
pub(super) fn signed(messages: &[Arc<Message>], apex: &Name) -> Vec<Signed> {
    let now = Timestamp::now().as_second();
    let mut all: Vec<Signed> = Vec::new();
    for message in messages {
        for section in [&message.answers, &message.authorities] {
            for (owner, rrsig) in section.iter().filter_map(|r| Some((&r.name, rrsig(r)?))) {
                let input = rrsig.input();
                if input.signer_name != *apex {
                    continue;
                }
                let covered = section
                    .iter()
                    .filter(|r| r.name == *owner && r.record_type() == input.type_covered);
                let Some(ttl) = covered.map(|r| r.ttl).max() else {
                    continue;
                };
                all.push(Signed {
                    name: from_library(owner),
                    kind: input.type_covered.to_string(),
                    ttl,
                    inception: serial_time(input.sig_inception.get(), now),
                    expires: serial_time(input.sig_expiration.get(), now),
                    algorithm: input.algorithm.into(),
                    key_tag: input.key_tag,
                });
            }
        }
    }
    all.sort_by(|a, b| {
        let rest = |s: &Signed| (s.key_tag, s.ttl);
        (a.expires.cmp(&b.expires))
            .then_with(|| a.name.cmp(&b.name))
            .then_with(|| a.kind.cmp(&b.kind))
            .then_with(|| rest(a).cmp(&rest(b)))
    });
    all.dedup();
    all.shrink_to_fit();
    all
}

/// Whether every set of the zone in the messages has a signature by this algorithm. `None`: there is no set.
///
/// Of the authority section only what proves something counts: the NS set there need not be signed (RFC 4035, 3.1.1).
pub(super) fn is_zone_wide(messages: &[Arc<Message>], apex: &Name, algorithm: u8) -> Option<bool> {
    let mut any = false;
    for message in messages.iter().filter(|m| m.metadata.authoritative) {
        let proofs = |r: &&Record| {
            matches!(
                r.record_type(),
                RecordType::SOA | RecordType::NSEC | RecordType::NSEC3
            )
        };
        let answers = message.answers.iter().map(|r| (&message.answers, r));
        let authorities = message
            .authorities
            .iter()
            .filter(proofs)
            .map(|r| (&message.authorities, r));
        for (section, record) in answers.chain(authorities) {
            let kind = record.record_type();
            if kind.is_rrsig() || !apex.zone_of(&record.name) || is_synthesized(section, record) {
                continue;
            }
            any = true;
            let is_signed = section.iter().any(|r| {
                r.name == record.name
                    && rrsig(r).is_some_and(|s| {
                        s.input().type_covered == kind && u8::from(s.input().algorithm) == algorithm
                    })
            });
            if !is_signed {
                return Some(false);
            }
        }
    }
    any.then_some(true)
}

/// An alias made from a DNAME has no signature of its own (RFC 6672, 5.3.1).
fn is_synthesized(section: &[Record], record: &Record) -> bool {
    const DNAME: u16 = 39;
    record.record_type() == RecordType::CNAME
        && section.iter().any(|r| {
            u16::from(r.record_type()) == DNAME
                && r.name.zone_of(&record.name)
                && r.name != record.name
        })
}
