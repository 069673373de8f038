//! The keys that a server serves, and the parent's DS records held against them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_proto::dnssec::PublicKey as _;
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, Record};

use super::server::{DsLink, KeyView, Signed};
use super::signed::is_zone_wide;
use crate::dns::algorithm::key_bits;
use crate::dns::checked::Checked;
use crate::dns::keys::{DsFit, dnskeys, fit, signs_keys};
use crate::dns::record::{Data, Ds};
use crate::dns::view::ParentView;

/// The keys in the messages.
pub(super) fn keys(
    messages: &[Arc<Message>],
    apex: &Name,
    signed: &[Signed],
    checked: &Checked,
) -> Vec<KeyView> {
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
                signs_keys: signs_keys(section, apex, key, checked),
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
