//! From the library's messages to this program's plain values.

use std::borrow::Cow;

use hickory_proto::dnssec::PublicKey as _;
use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::{Edns, Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{self as hickory, RData, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};
use jiff::Timestamp;

use super::presentation;
use super::record::{Data, Dnskey, Ds, Kind, Name, Record, Signatures, Soa, Tlsa};
use super::text::{hex, safe};
use super::view::Failure;

/// Record type 39 (RFC 6672), which the library does not name.
const DNAME: u16 = 39;

/// The library's type.
pub(super) fn record_type(kind: Kind) -> RecordType {
    match kind {
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
        Kind::Mx => RecordType::MX,
        Kind::Ns => RecordType::NS,
        Kind::Cname => RecordType::CNAME,
        Kind::Dname => RecordType::from(DNAME),
        Kind::Soa => RecordType::SOA,
        Kind::Txt => RecordType::TXT,
        Kind::Ds => RecordType::DS,
        Kind::Dnskey => RecordType::DNSKEY,
        Kind::Cds => RecordType::CDS,
        Kind::Cdnskey => RecordType::CDNSKEY,
        Kind::Tlsa => RecordType::TLSA,
        Kind::Caa => RecordType::CAA,
    }
}

/// The library's name for ours, or for one as people write it; what is no domain name is reported as such.
pub(super) fn to_library(name: &str) -> Result<hickory::Name, Failure> {
    let parsed = if name.is_ascii() {
        presentation::labels(name)
            .ok_or_else(|| "a label is empty, or an escape or a character is wrong".to_owned())
            .and_then(|labels| hickory::Name::from_labels(labels).map_err(|e| e.to_string()))
    } else {
        // U-labels.
        hickory::Name::from_str_relaxed(name).map_err(|e| e.to_string())
    };
    let mut parsed = parsed.map_err(|why| {
        // The library's words repeat what they are about, control characters and all.
        let detail = format!("{} is not a domain name: {why}", safe(name.as_bytes()));
        Failure::Malformed {
            detail: safe(detail.as_bytes()),
        }
    })?;
    parsed.set_fqdn(true);
    Ok(parsed.to_lowercase())
}

/// Our name for the library's.
pub(super) fn from_library(name: &hickory::Name) -> Name {
    presentation::text(name.iter())
}

/// One record as plain data.
pub(super) fn record(record: &hickory::Record) -> Record {
    Record {
        name: from_library(&record.name),
        ttl: record.ttl,
        data: data(record),
    }
}

fn data(record: &hickory::Record) -> Data {
    match &record.data {
        RData::A(a) => Data::A(a.0),
        RData::AAAA(a) => Data::Aaaa(a.0),
        RData::MX(mx) => Data::Mx {
            preference: mx.preference,
            exchange: from_library(&mx.exchange),
        },
        RData::NS(ns) => Data::Ns(from_library(&ns.0)),
        RData::CNAME(cname) => Data::Cname(from_library(&cname.0)),
        RData::SOA(soa) => Data::Soa(Soa {
            zone: from_library(&record.name),
            serial: soa.serial,
            ttl: record.ttl,
            minimum: soa.minimum,
            expire: soa.expire,
        }),
        RData::TXT(txt) => Data::Txt(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        RData::TLSA(tlsa) => Data::Tlsa(Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            data: hex(&tlsa.cert_data),
        }),
        RData::DNSSEC(DNSSECRData::DS(ds)) => Data::Ds(Ds {
            key_tag: ds.key_tag(),
            algorithm: ds.algorithm().into(),
            digest_type: ds.digest_type().into(),
            digest: hex(ds.digest()),
        }),
        RData::DNSSEC(DNSSECRData::CDS(cds)) => Data::Cds(Ds {
            key_tag: cds.key_tag(),
            // Algorithm 0 asks the parent to remove the DS (RFC 8078, 4).
            algorithm: cds.algorithm().map_or(0, Into::into),
            digest_type: cds.digest_type().into(),
            digest: hex(cds.digest()),
        }),
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Data::Dnskey(Dnskey {
            flags: key.flags(),
            algorithm: key.public_key().algorithm().into(),
            key_tag: key.calculate_key_tag().unwrap_or_default(),
            public_key: hex(key.public_key().public_bytes()),
        }),
        RData::Unknown { code, rdata } if u16::from(*code) == DNAME => {
            hickory::Name::read(&mut BinDecoder::new(&rdata.anything)).map_or_else(
                |_| Data::Other(format!("\\# {}", hex(&rdata.anything))),
                |target| Data::Dname(from_library(&target)),
            )
        }
        RData::Unknown { rdata, .. } => Data::Other(format!("\\# {}", hex(&rdata.anything))),
        other => Data::Other(safe(other.to_string().as_bytes())),
    }
}

/// The records at `name` of type `kind` (or the alias there), sorted, without double ones.
pub(super) fn records_at(
    section: &[hickory::Record],
    name: &hickory::Name,
    kind: RecordType,
) -> Vec<Record> {
    let of = |wanted: RecordType| -> Vec<Record> {
        let mut all: Vec<Record> = section
            .iter()
            .filter(|r| r.record_type() == wanted && r.name == *name)
            .map(record)
            .collect();
        all.sort();
        all.dedup();
        // It is held for long, and a list begins with room for four.
        all.shrink_to_fit();
        all
    };
    let direct = of(kind);
    if direct.is_empty() {
        of(RecordType::CNAME)
    } else {
        direct
    }
}

/// The SOA in a section, with its own TTL.
pub(super) fn soa(section: &[hickory::Record]) -> Option<Soa> {
    let mut all = section
        .iter()
        .filter(|r| r.record_type() == RecordType::SOA);
    all.find_map(|r| match data(r) {
        Data::Soa(soa) => Some(soa),
        _ => None,
    })
}

/// The signatures over `name`/`kind` in a section.
pub(super) fn signatures(
    section: &[hickory::Record],
    name: &hickory::Name,
    kind: RecordType,
) -> Option<Signatures> {
    let now = Timestamp::now().as_second();
    let mut found: Option<Signatures> = None;
    for r in section.iter().filter(|r| r.name == *name) {
        let RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) = &r.data else {
            continue;
        };
        let input = rrsig.input();
        if input.type_covered != kind {
            continue;
        }
        let inception = serial_time(input.sig_inception.get(), now);
        let expires = serial_time(input.sig_expiration.get(), now);
        let all = found.get_or_insert_with(|| Signatures {
            inception,
            expires,
            key_tags: Vec::new(),
            signer: from_library(&input.signer_name),
        });
        all.inception = all.inception.max(inception);
        all.expires = all.expires.min(expires);
        all.key_tags.push(input.key_tag);
    }
    if let Some(all) = &mut found {
        all.key_tags.sort_unstable();
        all.key_tags.dedup();
    }
    found
}

/// A 32-bit time in serial arithmetic: the instant nearest to now that it can mean (RFC 4034, 3.1.5).
pub(super) fn serial_time(value: u32, now: i64) -> Timestamp {
    let low = u32::try_from(now & 0xffff_ffff).unwrap_or_default();
    // The wrapping difference read as signed is the distance within half a circle, as the RFC defines it.
    let distance = i64::from(value.wrapping_sub(low).cast_signed());
    Timestamp::from_second(now + distance).unwrap_or(Timestamp::MIN)
}

/// The response code's mnemonic, as in the IANA registry.
pub(super) fn code_name(code: ResponseCode) -> Cow<'static, str> {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        ResponseCode::NotAuth => "NOTAUTH".into(),
        ResponseCode::NotZone => "NOTZONE".into(),
        other => format!("RCODE{}", u16::from(other)).into(),
    }
}

/// An error code as a failure, with the extended error that came along.
pub(super) fn rcode_failure(message: &Message) -> Failure {
    Failure::Rcode {
        code: code_name(message.metadata.response_code).into_owned(),
        explained: explained(message),
    }
}

/// The extended errors that came along.
pub(super) fn explained(message: &Message) -> Option<String> {
    message.edns.as_ref().and_then(extended_error)
}

/// The extended DNS errors of an answer (RFC 8914), as `extended error 22, no reachable authority: text`.
pub(super) fn extended_error(edns: &Edns) -> Option<String> {
    const EXTENDED_ERROR: u16 = 15;
    let all: Vec<String> = edns
        .options()
        .as_ref()
        .iter()
        .filter_map(|(_, option)| match option {
            EdnsOption::Unknown(EXTENDED_ERROR, bytes) => one_extended_error(bytes),
            _ => None,
        })
        .collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn one_extended_error(bytes: &[u8]) -> Option<String> {
    let [high, low, text @ ..] = bytes else {
        return None;
    };
    let code = u16::from_be_bytes([*high, *low]);
    let mut out = format!("extended error {code}");
    if let Some(meaning) = extended_meaning(code) {
        out.push_str(", ");
        out.push_str(meaning);
    }
    if !text.is_empty() {
        out.push_str(": ");
        out.push_str(&safe(text));
    }
    Some(out)
}

/// The codes that occur here; the full list is at IANA.
const fn extended_meaning(code: u16) -> Option<&'static str> {
    Some(match code {
        1 => "unsupported DNSKEY algorithm",
        2 => "unsupported DS digest type",
        3 => "stale answer",
        5 => "DNSSEC indeterminate",
        6 => "DNSSEC bogus",
        7 => "signature expired",
        8 => "signature not yet valid",
        9 => "DNSKEY missing",
        10 => "RRSIGs missing",
        11 => "no zone key bit set",
        12 => "NSEC missing",
        13 => "cached error",
        14 => "not ready",
        15 => "blocked",
        18 => "prohibited",
        20 => "not authoritative",
        22 => "no reachable authority",
        23 => "network error",
        24 => "invalid data",
        27 => "unsupported NSEC3 iterations",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_times_survive_the_end_of_32_bits() {
        let now = 4_294_967_000_i64; // some minutes before 2106-02-07
        assert_eq!(serial_time(100, now).as_second(), 4_294_967_396);
        assert_eq!(serial_time(4_294_966_000, now).as_second(), 4_294_966_000);
    }

    #[test]
    fn names_lose_case_and_dot() {
        let name = to_library("_25._TCP.Example.COM.").expect("a name");
        assert_eq!(from_library(&name), "_25._tcp.example.com");
        assert_eq!(from_library(&hickory::Name::root()), "");
        assert!(to_library(&"a".repeat(70)).is_err());
    }
}
