//! A zone as it is served: record sets by name and type, each with its signatures, and the chain of NSEC.

use std::collections::BTreeMap;

use hickory_proto::dnssec::DigestType;
use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::content::ZoneContent;
use super::keys;
use crate::error::LabError;

/// A record set with its signatures.
#[derive(Debug, Clone, Default)]
pub(crate) struct SignedSet {
    pub(crate) records: Vec<Record>,
    pub(crate) signatures: Vec<Record>,
}

impl SignedSet {
    /// The records, with signatures if asked for.
    pub(crate) fn all(&self, dnssec: bool) -> impl Iterator<Item = &Record> {
        let signatures: &[Record] = if dnssec { &self.signatures } else { &[] };
        self.records.iter().chain(signatures)
    }
}

/// Everything at one name.
pub(crate) type Node = BTreeMap<RecordType, SignedSet>;

/// One version of a zone, ready to be served. It never changes; a change makes another one.
#[derive(Debug)]
pub(crate) struct ServedZone {
    pub(crate) origin: Name,
    pub(crate) nodes: BTreeMap<Name, Node>,
    pub(crate) signed: bool,
    pub(crate) serial: u32,
}

impl ServedZone {
    /// Builds and, if the zone has active keys, signs (RFC 4035 section 2).
    pub(crate) fn build(content: &ZoneContent) -> Result<Self, LabError> {
        let origin = content.name()?;
        let mut nodes: BTreeMap<Name, Node> = BTreeMap::new();
        let soa = content.soa();
        for set in content.sets.iter().chain(std::iter::once(&soa)) {
            for record in set.records()? {
                insert(&mut nodes, record);
            }
        }
        let active = content.keys.iter().filter(|k| k.active && k.published);
        let signers = active
            .map(|k| k.signer(&origin))
            .collect::<Result<Vec<_>, _>>()?;
        let signed = !signers.is_empty();
        if signed {
            add_key_records(&mut nodes, content, &origin)?;
            add_denial_chain(&mut nodes, content, &origin);
            let cuts = cuts(content)?;
            for (owner, node) in &mut nodes {
                let place = Place::of(owner, &origin, node);
                if below_cut(owner, &origin, &cuts) {
                    continue;
                }
                for (kind, set) in node.iter_mut() {
                    // At a cut only DS and NSEC belong to this zone (RFC 4035 2.2).
                    if place == Place::Cut && !matches!(*kind, RecordType::DS | RecordType::NSEC) {
                        continue;
                    }
                    for signer in &signers {
                        set.signatures.extend(keys::sign(&set.records, signer)?);
                    }
                }
            }
        }
        Ok(Self {
            origin,
            nodes,
            signed,
            serial: content.serial,
        })
    }

    /// The record set of this name and type.
    pub(crate) fn get(&self, name: &Name, kind: RecordType) -> Option<&SignedSet> {
        self.nodes.get(name)?.get(&kind)
    }

    /// The highest name at or above `name` where the zone ends, if any.
    pub(crate) fn cut_above(&self, name: &Name) -> Option<(&Name, &Node)> {
        let depth = self.origin.num_labels();
        (depth + 1..=name.num_labels())
            .filter_map(|labels| self.nodes.get_key_value(&name.trim_to(usize::from(labels))))
            .find(|(_, node)| node.contains_key(&RecordType::NS))
    }

    /// Whether the name exists, be it only because names below it do.
    pub(crate) fn exists(&self, name: &Name) -> bool {
        self.nodes.contains_key(name)
            || self
                .nodes
                .range(name.clone()..)
                .take(1)
                .any(|(next, _)| name.zone_of(next))
    }

    /// The NSEC set of the last name at or before `name` in canonical order.
    pub(crate) fn denial_for(&self, name: &Name) -> Option<&SignedSet> {
        self.nodes
            .range(..=name.clone())
            .rev()
            .find_map(|(_, node)| node.get(&RecordType::NSEC))
            .or_else(|| self.nodes.get(&self.origin)?.get(&RecordType::NSEC))
    }
}

#[derive(PartialEq, Eq)]
enum Place {
    Inside,
    Cut,
}

impl Place {
    fn of(owner: &Name, origin: &Name, node: &Node) -> Self {
        if owner != origin && node.contains_key(&RecordType::NS) {
            Self::Cut
        } else {
            Self::Inside
        }
    }
}

fn insert(nodes: &mut BTreeMap<Name, Node>, record: Record) {
    nodes
        .entry(record.name.clone())
        .or_default()
        .entry(record.record_type())
        .or_default()
        .records
        .push(record);
}

fn add_key_records(
    nodes: &mut BTreeMap<Name, Node>,
    content: &ZoneContent,
    origin: &Name,
) -> Result<(), LabError> {
    let withdraw = content.cds_digests.contains(&0);
    if withdraw {
        let record = Record::from_rdata(origin.clone(), content.dnskey_ttl, keys::delete_cds());
        insert(nodes, record);
    }
    for key in content.keys.iter().filter(|k| k.published) {
        let dnskey = RData::DNSSEC(DNSSECRData::DNSKEY(key.dnskey(origin)?));
        insert(
            nodes,
            Record::from_rdata(origin.clone(), content.dnskey_ttl, dnskey),
        );
        if withdraw {
            continue;
        }
        for digest in &content.cds_digests {
            let cds = key.cds(origin, DigestType::from(*digest))?;
            insert(
                nodes,
                Record::from_rdata(origin.clone(), content.dnskey_ttl, cds),
            );
        }
        if content.cdnskey {
            let cdnskey = key.cdnskey(origin)?;
            insert(
                nodes,
                Record::from_rdata(origin.clone(), content.dnskey_ttl, cdnskey),
            );
        }
    }
    Ok(())
}

fn cuts(content: &ZoneContent) -> Result<Vec<Name>, LabError> {
    content
        .sets
        .iter()
        .filter(|s| s.rtype == "NS" && s.name != content.origin)
        .map(|s| super::name(&s.name))
        .collect()
}

fn below_cut(owner: &Name, origin: &Name, cuts: &[Name]) -> bool {
    owner != origin && cuts.iter().any(|cut| cut != owner && cut.zone_of(owner))
}

/// Links every name that has something of this zone to the next one (RFC 4034 section 4).
fn add_denial_chain(nodes: &mut BTreeMap<Name, Node>, content: &ZoneContent, origin: &Name) {
    let cuts: Vec<Name> = nodes
        .iter()
        .filter(|(owner, node)| Place::of(owner, origin, node) == Place::Cut)
        .map(|(owner, _)| owner.clone())
        .collect();
    let owners: Vec<Name> = nodes
        .keys()
        .filter(|owner| !below_cut(owner, origin, &cuts))
        .cloned()
        .collect();
    for (position, owner) in owners.iter().enumerate() {
        let next = owners.get(position + 1).unwrap_or(origin).clone();
        let Some(node) = nodes.get_mut(owner) else {
            continue;
        };
        // At a cut only NS and DS are claimed, never what glue may lie there.
        let types = node
            .keys()
            .copied()
            .filter(|kind| {
                Place::of(owner, origin, node) == Place::Inside
                    || matches!(kind, RecordType::NS | RecordType::DS)
            })
            .collect::<Vec<_>>();
        let nsec = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new_cover_self(next, types)));
        let record = Record::from_rdata(owner.clone(), content.negative_ttl, nsec);
        node.entry(RecordType::NSEC)
            .or_default()
            .records
            .push(record);
    }
}
