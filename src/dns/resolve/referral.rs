//! What a server's message means on the way down: an answer, or a delegation.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::dns::convert::rcode_failure;
use crate::dns::keys::rrsig;
use crate::dns::memory::{Reply, Zone};
use crate::dns::view::Failure;

pub(in crate::dns) enum Said {
    Answer(Reply),
    Referral(Zone),
}

pub(in crate::dns) enum Verdict {
    Answer(Arc<Message>),
    Referral(Zone),
}

/// What an authoritative server's message means to someone who believes it serves `zone`.
pub(super) fn judge(message: Arc<Message>, zone: &Zone, name: &Name) -> Result<Verdict, Failure> {
    if !is_readable(&message) {
        return Err(rcode_failure(&message));
    }
    if message.metadata.authoritative {
        return Ok(Verdict::Answer(message));
    }
    match referral(&message, &zone.name, name) {
        Some(deeper) => Ok(Verdict::Referral(deeper)),
        None => Err(Failure::Lame),
    }
}

/// Whether the answer about `name` is from `zone` itself and not from one below it on the same server: the SOA that comes
/// with an absence, or the signer of what is there, is the zone's. (Unsigned data do not tell.)
pub(super) fn shows_no_cut(message: &Message, zone: &Name, name: &Name) -> bool {
    if message.answers.is_empty() {
        let mut soas = message
            .authorities
            .iter()
            .filter(|r| r.record_type() == RecordType::SOA)
            .peekable();
        return soas.peek().is_some() && soas.all(|r| r.name == *zone);
    }
    let mut signatures = message
        .answers
        .iter()
        .filter(|r| r.name == *name)
        .filter_map(rrsig)
        .peekable();
    signatures.peek().is_some() && signatures.all(|s| s.input().signer_name == *zone)
}

/// The delegation below `zone` towards `name` in the authority section.
fn referral(message: &Message, zone: &Name, name: &Name) -> Option<Zone> {
    if !message.answers.is_empty() {
        return None;
    }
    let cut = message
        .authorities
        .iter()
        .filter(|r| r.record_type() == RecordType::NS)
        .map(|r| &r.name)
        // Downwards only, and only towards what was asked: anything else is a lame or lying server.
        .find(|cut| zone.zone_of(cut) && *cut != zone && cut.zone_of(name))?;
    let names = servers_named(&message.authorities, cut);
    Some(Zone {
        name: cut.to_lowercase(),
        servers: Arc::new(with_glue(names, &message.additionals, zone)),
    })
}

/// Whether a resolver's answer is one: a server that does not resolve says NOERROR too, with nothing in it.
pub(in crate::dns) fn resolves(message: &Message) -> bool {
    message.metadata.recursion_available
        || message.metadata.authoritative
        || !message.answers.is_empty()
}

/// Whether the code says that this is an answer.
pub(in crate::dns) fn is_readable(message: &Message) -> bool {
    matches!(
        message.metadata.response_code,
        ResponseCode::NoError | ResponseCode::NXDomain
    )
}

pub(super) fn servers_named(section: &[Record], owner: &Name) -> Vec<Name> {
    let mut all: Vec<Name> = section
        .iter()
        .filter(|r| r.name == *owner)
        .filter_map(|r| match &r.data {
            RData::NS(ns) => Some(ns.0.to_lowercase()),
            _ => None,
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// Adds the addresses that came along, where the sender may speak for them.
pub(super) fn with_glue(
    names: Vec<Name>,
    additionals: &[Record],
    zone: &Name,
) -> Vec<(Name, Vec<IpAddr>)> {
    names
        .into_iter()
        .map(|server| {
            let mut glue: Vec<IpAddr> = if zone.zone_of(&server) {
                additionals
                    .iter()
                    .filter(|r| r.name == server)
                    .filter_map(|r| r.data.ip_addr())
                    .collect()
            } else {
                Vec::new()
            };
            glue.sort();
            glue.dedup();
            (server, glue)
        })
        .collect()
}
