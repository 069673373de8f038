//! The keys that a server serves, and the parent's DS records held against them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData};
use hickory_proto::dnssec::{DigestType, PublicKey as _, Verifier as _};
use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use jiff::Timestamp;

use super::server::{DsFit, DsLink, KeyView, Signed};
use super::signed::{is_zone_wide, rrsig};
use crate::dns::algorithm::key_bits;
use crate::dns::convert::serial_time;
use crate::dns::record::{Data, Ds};
use crate::dns::text::hex;
use crate::dns::view::ParentView;

/// The keys in the messages.
pub(super) fn keys(messages: &[Arc<Message>], apex: &Name, signed: &[Signed]) -> Vec<KeyView> {
    let Some(section) = key_section(messages, apex) else {
        return Vec::new();
    };
    let mut all: Vec<KeyView> = dnskeys(section, apex)
        .map(|key| {
            let tag = key.calculate_key_tag().unwrap_or_default();
            let algorithm: u8 = key.public_key().algorithm().into();
            KeyView {
                tag,
                algorithm,
                bits: key_bits(algorithm, key.public_key().public_bytes()),
                flags: key.flags(),
                zone_key: key.zone_key(),
                entry_point: key.secure_entry_point(),
                revoked: key.revoke(),
                signs_keys: signs_keys(section, apex, key),
                signs_zone: signed
                    .iter()
                    .any(|s| s.kind != "DNSKEY" && s.key_tag == tag && s.algorithm == algorithm),
            }
        })
        .collect();
    all.sort_by_key(|k| (!k.entry_point, k.algorithm, k.tag));
    all
}

/// The section that holds the DNSKEY set of the zone.
fn key_section<'a>(messages: &'a [Arc<Message>], apex: &Name) -> Option<&'a [Record]> {
    messages
        .iter()
        .map(|message| message.answers.as_slice())
        .find(|answers| dnskeys(answers, apex).next().is_some())
}

pub(in crate::dns) fn dnskeys<'a>(
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

/// Whether the key validly signs the DNSKEY set that it came with.
pub(in crate::dns) fn signs_keys(section: &[Record], apex: &Name, key: &DNSKEY) -> bool {
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
                && key
                    .verify_rrsig(apex, DNSClass::IN, signature, set())
                    .is_ok()
        })
}

/// How `ds` fits the keys in `section`, and which key it is meant for.
pub(in crate::dns) fn fit<'a>(
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

/// Each DS that some address of the parent serves, held against the keys in the messages.
pub(super) fn ds_links(
    parents: &[ParentView],
    messages: &[Arc<Message>],
    apex: &Name,
    keys: &[KeyView],
) -> Vec<DsLink> {
    let mut all: BTreeMap<Ds, Vec<SocketAddr>> = BTreeMap::new();
    for parent in parents {
        for record in &parent.ds.records {
            if let Data::Ds(ds) = &record.data {
                let servers = all.entry(ds.clone()).or_default();
                if !servers.contains(&parent.address) {
                    servers.push(parent.address);
                }
            }
        }
    }
    let section = key_section(messages, apex).unwrap_or_default();
    all.into_iter()
        .map(|(ds, parents)| {
            let (fit, key) = fit(&ds, section, apex);
            let tag = key.and_then(|key| key.calculate_key_tag().ok());
            DsLink {
                fit,
                signs_keys: fit == DsFit::Fits
                    && key.is_some_and(|key| {
                        keys.iter().any(|k| {
                            Some(k.tag) == tag
                                && k.algorithm == ds.algorithm
                                && k.flags == key.flags()
                                && k.signs_keys
                        })
                    }),
                zone_wide: is_zone_wide(messages, apex, ds.algorithm),
                ds,
                parents,
            }
        })
        .collect()
}
