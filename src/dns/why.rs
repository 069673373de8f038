//! Says in words what is wrong with an answer that did not validate.

use hickory_proto::dnssec::Proof;
use hickory_proto::dnssec::rdata::{DNSSECRData, RRSIG};
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, Record as LibraryRecord, RecordType};
use jiff::Timestamp;

use super::checked::Checked;
use super::convert::{from_library, record, signatures};
use super::keys::is_signed_by_itself;
use super::record::{Data, Record};

/// The zone that signed, or claims to have signed, what the message holds.
pub(super) fn signer(message: &Message) -> Option<Name> {
    all(message)
        .find_map(rrsig)
        .map(|s| s.input().signer_name.to_lowercase())
}

/// The most telling reason: a broken link to the parent, an expired or missing signature, a broken proof of absence.
pub(super) fn explain(
    message: &Message,
    name: &Name,
    kind: RecordType,
    keys: Option<&Message>,
    ds: &[Record],
) -> String {
    if let Some(keys) = keys
        && let Some(broken) = broken_link(keys, ds).or_else(|| unsigned_keys(keys))
    {
        return broken;
    }
    let bogus = all(message).find(|r| r.proof == Proof::Bogus && !r.record_type().is_rrsig());
    if let Some(bogus) = bogus {
        let what = format!("{} at {:?}", bogus.record_type(), from_library(&bogus.name));
        let section: Vec<LibraryRecord> = all(message).cloned().collect();
        return untrue(&section, &bogus.name, bogus.record_type(), &what);
    }
    let has_answer = message.answers.iter().any(|r| r.name == *name);
    if has_answer {
        "the answer comes from a wildcard and lacks the proof that nothing closer exists".into()
    } else if all(message).any(|r| rrsig(r).is_some()) {
        format!("the signed proof that there is no {kind} does not fit the question")
    } else {
        format!(
            "there is no {kind}, and no signed proof of that, although the parent zone says that the zone is signed"
        )
    }
}

/// What is wrong with the signatures over the zone's keys, if none of them holds.
fn unsigned_keys(keys: &Message) -> Option<String> {
    let zone = &keys
        .answers
        .iter()
        .find(|r| r.record_type() == RecordType::DNSKEY)?
        .name;
    if is_signed_by_itself(&keys.answers, zone, &Checked::default()) {
        return None;
    }
    let what = format!("DNSKEY at {:?}", from_library(zone));
    Some(untrue(&keys.answers, zone, RecordType::DNSKEY, &what))
}

/// What is wrong with the signatures over a set.
fn untrue(section: &[LibraryRecord], owner: &Name, kind: RecordType, what: &str) -> String {
    let now = Timestamp::now();
    match signatures(section, owner, kind) {
        None => format!("{what} is not signed, although the parent zone says that the zone is"),
        Some(s) if s.expires < now => {
            format!("the signature over {what} expired at {}", s.expires)
        }
        Some(s) if s.inception > now => {
            format!(
                "the signature over {what} is valid from {} only",
                s.inception
            )
        }
        Some(s) => format!(
            "the signature over {what} by key {} of {:?} does not verify",
            s.key_tags
                .iter()
                .map(u16::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            s.signer
        ),
    }
}

/// Whether the DS set of the parent leads to no key of the zone.
fn broken_link(keys: &Message, ds: &[Record]) -> Option<String> {
    let tags_wanted: Vec<u16> = ds
        .iter()
        .filter_map(|r| match &r.data {
            Data::Ds(ds) => Some(ds.key_tag),
            _ => None,
        })
        .collect();
    if tags_wanted.is_empty() {
        return None;
    }
    let tags_served: Vec<u16> = keys
        .answers
        .iter()
        .filter_map(|r| match record(r).data {
            Data::Dnskey(key) => Some(key.key_tag),
            _ => None,
        })
        .collect();
    let list = |tags: &[u16]| {
        tags.iter()
            .map(u16::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    if tags_served.is_empty() {
        return Some(format!(
            "the parent zone has a DS (key {}), but the zone serves no DNSKEY",
            list(&tags_wanted)
        ));
    }
    if !tags_wanted.iter().any(|tag| tags_served.contains(tag)) {
        return Some(format!(
            "the parent zone's DS is for key {}, but the zone serves only {}",
            list(&tags_wanted),
            list(&tags_served)
        ));
    }
    None
}

fn all(message: &Message) -> impl Iterator<Item = &LibraryRecord> {
    message.answers.iter().chain(&message.authorities)
}

fn rrsig(record: &LibraryRecord) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig),
        _ => None,
    }
}
