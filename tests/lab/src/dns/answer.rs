//! What an authoritative server says: RFC 1034 4.3.2 with the additions of RFC 4035 section 3.1.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::signed::{Node, ServedZone, SignedSet};

/// An answer before it is put on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) code: ResponseCode,
    pub(crate) authoritative: bool,
    /// The answer's chain was proven; only resolvers set it.
    pub(crate) authentic: bool,
    pub(crate) answers: Vec<Record>,
    pub(crate) authority: Vec<Record>,
    pub(crate) additional: Vec<Record>,
}

impl Reply {
    /// Nothing but a code.
    pub(crate) fn code(code: ResponseCode) -> Self {
        Self {
            code,
            authoritative: false,
            authentic: false,
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
        }
    }

    /// All records, for changes to every one.
    pub(crate) fn records_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.answers
            .iter_mut()
            .chain(&mut self.authority)
            .chain(&mut self.additional)
    }
}

/// Aliases inside one zone are followed this often at most.
const LONGEST_ALIAS_CHAIN: usize = 8;

/// Answers from one version of one zone.
pub(crate) fn answer(zone: &ServedZone, name: &Name, kind: RecordType, dnssec: bool) -> Reply {
    if !zone.origin.zone_of(name) {
        return Reply::code(ResponseCode::Refused);
    }
    let mut reply = Reply::code(ResponseCode::NoError);
    reply.authoritative = true;
    let mut name = name.clone();
    for _ in 0..LONGEST_ALIAS_CHAIN {
        let Some(target) = step(zone, &name, kind, dnssec, &mut reply) else {
            break;
        };
        if !zone.origin.zone_of(&target) || zone.cut_above(&target).is_some() {
            break;
        }
        name = target;
    }
    reply
}

/// Answers for one name; the alias to go on with, if it is one.
fn step(
    zone: &ServedZone,
    name: &Name,
    kind: RecordType,
    dnssec: bool,
    reply: &mut Reply,
) -> Option<Name> {
    if let Some((cut, node)) = zone.cut_above(name)
        && !(cut == name && kind == RecordType::DS)
    {
        refer(zone, cut, node, dnssec, reply);
        return None;
    }
    if let Some(node) = zone.nodes.get(name) {
        if let Some(set) = node.get(&kind) {
            reply.answers.extend(set.all(dnssec).cloned());
            return None;
        }
        if let Some(alias) = node.get(&RecordType::CNAME) {
            reply.answers.extend(alias.all(dnssec).cloned());
            return target(alias);
        }
        deny(zone, &[name], dnssec, reply);
        return None;
    }
    if zone.exists(name) {
        deny(zone, &[name], dnssec, reply);
        return None;
    }
    let encloser = closest_encloser(zone, name);
    let wildcard = encloser
        .prepend_label("*")
        .unwrap_or_else(|_| encloser.clone());
    if let Some(node) = zone.nodes.get(&wildcard) {
        return expand(zone, node, name, kind, dnssec, reply);
    }
    reply.code = ResponseCode::NXDomain;
    deny(zone, &[name, &wildcard], dnssec, reply);
    None
}

fn target(alias: &SignedSet) -> Option<Name> {
    match &alias.records.first()?.data {
        RData::CNAME(target) => Some(target.0.to_lowercase()),
        _ => None,
    }
}

fn closest_encloser(zone: &ServedZone, name: &Name) -> Name {
    let mut encloser = name.base_name();
    while encloser != zone.origin && !zone.exists(&encloser) {
        encloser = encloser.base_name();
    }
    encloser
}

/// RFC 4035 3.1.3.3: the expanded answer comes with the proof that no closer name exists.
fn expand(
    zone: &ServedZone,
    node: &Node,
    name: &Name,
    kind: RecordType,
    dnssec: bool,
    reply: &mut Reply,
) -> Option<Name> {
    let found = node.get(&kind).or_else(|| node.get(&RecordType::CNAME));
    let Some(set) = found else {
        let owner = node
            .values()
            .find_map(|s| s.records.first())
            .map_or_else(|| zone.origin.clone(), |r| r.name.clone());
        deny(zone, &[name, &owner], dnssec, reply);
        return None;
    };
    for record in set.all(dnssec) {
        let mut record = record.clone();
        record.name = name.clone();
        reply.answers.push(record);
    }
    if dnssec && let Some(nsec) = zone.denial_for(name) {
        reply.authority.extend(nsec.all(true).cloned());
    }
    if kind == RecordType::CNAME {
        None
    } else {
        target(set)
    }
}

/// The SOA and, for a signed zone, the proof that each of these names lacks what was asked for.
fn deny(zone: &ServedZone, names: &[&Name], dnssec: bool, reply: &mut Reply) {
    if let Some(soa) = zone.get(&zone.origin, RecordType::SOA) {
        reply.authority.extend(soa.all(dnssec).cloned());
    }
    if !dnssec {
        return;
    }
    let mut shown: Vec<&Name> = Vec::new();
    for name in names {
        if let Some(nsec) = zone.denial_for(name)
            && let Some(first) = nsec.records.first()
            && !shown.contains(&&first.name)
        {
            shown.push(&first.name);
            reply.authority.extend(nsec.all(true).cloned());
        }
    }
}

/// A referral: the child's name servers, its DS or the proof that it has none, and glue.
fn refer(zone: &ServedZone, cut: &Name, node: &Node, dnssec: bool, reply: &mut Reply) {
    reply.authoritative = !reply.answers.is_empty();
    let Some(servers) = node.get(&RecordType::NS) else {
        return;
    };
    reply.authority.extend(servers.records.iter().cloned());
    if dnssec {
        if let Some(ds) = node.get(&RecordType::DS) {
            reply.authority.extend(ds.all(true).cloned());
        } else if let Some(nsec) = zone.denial_for(cut) {
            reply.authority.extend(nsec.all(true).cloned());
        }
    }
    for server in &servers.records {
        if let RData::NS(host) = &server.data
            && let Some(addresses) = zone.get(&host.0.to_lowercase(), RecordType::A)
        {
            reply.additional.extend(addresses.records.iter().cloned());
        }
    }
}
