//! Between our record sets and DNS messages: queries, updates with their prerequisites (RFC 2136, section 2), transfers.

use hickory_proto::{
    dnssec::rdata::DNSSECRData,
    op::{Edns, Message, MessageType, OpCode, Query, UpdateMessage},
    rr::{
        DNSClass, Name as WireName, RData, Record, RecordType as WireType,
        rdata::{CNAME, MX, TXT},
    },
    serialize::binary::{BinEncodable, BinEncoder},
};

use crate::{Dnskey, Name, RecordData, RecordError, RecordType, Rrset};

/// Our name as theirs.
pub(super) fn wire_name(name: &Name) -> Result<WireName, String> {
    WireName::from_ascii(name.fqdn()).map_err(|error| format!("{name} has no wire form: {error}"))
}

/// Their name as ours.
pub(super) fn plain_name(name: &WireName) -> Result<Name, String> {
    Name::parse(&name.to_ascii()).map_err(|error| error.to_string())
}

pub(super) const fn wire_type(rtype: RecordType) -> WireType {
    match rtype {
        RecordType::Mx => WireType::MX,
        RecordType::Txt => WireType::TXT,
        RecordType::Cname => WireType::CNAME,
    }
}

fn fresh(op_code: OpCode) -> Message {
    let mut id = [0; 2];
    // Without random numbers the id is 0: the signature, not the id, binds an answer to its question.
    let _ = aws_lc_rs::rand::fill(&mut id);
    Message::new(u16::from_be_bytes(id), MessageType::Query, op_code)
}

/// A question to an authoritative server.
pub(super) fn query(name: WireName, rtype: WireType, dnssec: bool) -> Message {
    let mut message = fresh(OpCode::Query);
    message.add_query(Query::query(name, rtype));
    if dnssec {
        let mut edns = Edns::new();
        edns.set_max_payload(1232).set_dnssec_ok(true);
        message.set_edns(edns);
    }
    message
}

/// An update that changes the set at `name` from the records `before` to the values `after`, or nothing at all: the
/// prerequisites are "exactly these records" or "no such set". They do not cover the TTL (section 2.4.2).
pub(super) fn update(
    zone: WireName,
    name: &WireName,
    rtype: RecordType,
    before: &[Record],
    after: Option<(u32, Vec<RData>)>,
) -> Message {
    let mut message = update_of(zone);
    if before.is_empty() {
        message.add_pre_requisite(marker(name, rtype, DNSClass::NONE));
    } else {
        for record in before {
            message.add_pre_requisite(Record::from_rdata(name.clone(), 0, record.data.clone()));
        }
        message.add_update(marker(name, rtype, DNSClass::ANY));
    }
    let (ttl, values) = after.unwrap_or_default();
    for value in values {
        message.add_update(Record::from_rdata(name.clone(), ttl, value));
    }
    message
}

/// An update that changes nothing and succeeds exactly when the zone itself has such a set at that name, not by a wildcard.
pub(super) fn exists(zone: WireName, name: &WireName, rtype: RecordType) -> Message {
    let mut message = update_of(zone);
    message.add_pre_requisite(marker(name, rtype, DNSClass::ANY));
    message
}

fn update_of(zone: WireName) -> Message {
    let mut message = fresh(OpCode::Update);
    message.add_zone(Query::query(zone, WireType::SOA));
    message
}

/// A record without data, whose class says what it means.
fn marker(name: &WireName, rtype: RecordType, class: DNSClass) -> Record {
    let mut record = Record::update0(name.clone(), 0, wire_type(rtype));
    record.dns_class = class;
    record
}

/// A value as record data.
pub(super) fn encode(value: &RecordData) -> Result<RData, String> {
    Ok(match value {
        RecordData::Mx { preference, exchange } => RData::MX(MX::new(*preference, wire_name(exchange)?)),
        RecordData::Cname(target) => RData::CNAME(CNAME(wire_name(target)?)),
        RecordData::Txt(bytes) if bytes.is_empty() => RData::TXT(TXT::from_bytes(vec![b""])),
        RecordData::Txt(bytes) => RData::TXT(TXT::from_bytes(bytes.chunks(255).collect())),
    })
}

/// Record data as a value; `None` when it is of another type.
pub(super) fn decode(data: &RData) -> Result<Option<RecordData>, String> {
    Ok(match data {
        RData::MX(MX { preference, exchange, .. }) => Some(RecordData::mx(*preference, plain_name(exchange)?)),
        RData::CNAME(CNAME(target)) => Some(RecordData::Cname(plain_name(target)?)),
        RData::TXT(txt) => Some(RecordData::Txt(txt.txt_data.concat())),
        _ => None,
    })
}

/// The records of one name and type in an answer, as they came.
pub(super) fn records_of(answer: &Message, name: &WireName, rtype: WireType) -> Vec<Record> {
    answer.answers.iter().filter(|record| record.record_type() == rtype && record.name == *name).cloned().collect()
}

/// Records of one set as a set.
pub(super) fn set_of(records: &[Record], name: &Name, rtype: RecordType) -> Result<Option<Rrset>, String> {
    let mut values = Vec::new();
    for record in records {
        values.extend(decode(&record.data)?);
    }
    let Some(ttl) = records.iter().map(|record| record.ttl).max() else {
        return Ok(None);
    };
    Rrset::new(name.clone(), rtype, ttl, values).map(Some).map_err(|error: RecordError| error.to_string())
}

/// The keys in an answer that sign its key set, which are those a DS may point to; and whether there is any key.
pub(super) fn signing_keys(answer: &Message, apex: &WireName) -> Result<(Vec<Dnskey>, bool), String> {
    let mut keys = Vec::new();
    for record in records_of(answer, apex, WireType::DNSKEY) {
        keys.push(dnskey(&record.data)?);
    }
    let signers: Vec<(u16, u8)> = records_of(answer, apex, WireType::RRSIG)
        .iter()
        .filter_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature.input()),
            _ => None,
        })
        .filter(|signature| signature.type_covered == WireType::DNSKEY)
        .map(|signature| (signature.key_tag, u8::from(signature.algorithm)))
        .collect();
    let some = !keys.is_empty();
    keys.retain(|key| key.is_usable() && signers.contains(&(key.key_tag(), key.algorithm)));
    // Where key-signing keys sign too, zone-signing keys that do so besides are not meant for the parent.
    if keys.iter().any(Dnskey::is_entry_point) {
        keys.retain(Dnskey::is_entry_point);
    }
    Ok((keys, some))
}

fn dnskey(data: &RData) -> Result<Dnskey, String> {
    let mut wire = Vec::new();
    data.emit(&mut BinEncoder::new(&mut wire)).map_err(|error| error.to_string())?;
    match wire.as_slice() {
        [high, low, protocol, algorithm, key @ ..] if !key.is_empty() => Ok(Dnskey {
            flags: u16::from_be_bytes([*high, *low]),
            protocol: *protocol,
            algorithm: *algorithm,
            public_key: key.to_vec(),
        }),
        _ => Err("a DNSKEY without a key".to_owned()),
    }
}
