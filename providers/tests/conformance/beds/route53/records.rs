//! Record sets: a list that begins anywhere, and batches that are made whole or not at all.

use rollout_providers::RecordData;
use serde_json::Value;
use wiremock::Request;

use super::{Refusal, SETS, document, name_from, name_text, order, refuse};
use crate::fakes::{
    Record, Shelf, Zone, query,
    xml::{Element, leaf, node},
};

/// One page of the sets at or after a name and type.
pub(super) fn list(zone: &Zone, request: &Request) -> Result<(u16, String), Refusal> {
    let name = query(request, "name").map(|name| order(&name_from(&name)));
    let rtype = query(request, "type");
    if name.is_none() && rtype.is_some() {
        return refuse(400, "InvalidInput", "The input is not valid");
    }
    let most: usize = query(request, "maxitems").map_or(SETS, |most| most.parse().unwrap());
    let mut sets: Vec<(&str, &str)> = zone
        .records
        .iter()
        .map(|record| (record.name.as_str(), record.rtype.as_str()))
        .collect();
    sets.sort_by_key(|(name, rtype)| (order(name), *rtype));
    sets.dedup();
    let from = (name.unwrap_or_default(), rtype.unwrap_or_default());
    sets.retain(|(name, rtype)| (order(name), (*rtype).to_owned()) >= from);
    let rest = sets.split_off(sets.len().min(most.min(SETS)));
    let shown = sets
        .iter()
        .map(|(name, rtype)| node("ResourceRecordSet", shown(zone, name, rtype)));
    let mut content = node("ResourceRecordSets", shown.collect::<String>());
    content += &leaf(
        "IsTruncated",
        if rest.is_empty() { "false" } else { "true" },
    );
    if let Some((name, rtype)) = rest.first() {
        content += &(leaf("NextRecordName", &name_text(name)) + &leaf("NextRecordType", rtype));
    }
    Ok((
        200,
        document(
            "ListResourceRecordSetsResponse",
            content + &leaf("MaxItems", &most.to_string()),
        ),
    ))
}

fn records<'a>(records: &'a [Record], name: &str, rtype: &str) -> Vec<&'a Record> {
    records
        .iter()
        .filter(|record| record.name == name && record.rtype == rtype)
        .collect()
}

fn shown(zone: &Zone, name: &str, rtype: &str) -> String {
    let records = records(&zone.records, name, rtype);
    let values = records
        .iter()
        .map(|record| node("ResourceRecord", leaf("Value", &value_text(record))));
    leaf("Name", &name_text(name))
        + &leaf("Type", rtype)
        + &leaf("TTL", &records[0].ttl.to_string())
        + &node("ResourceRecords", values.collect::<String>())
}

/// A value as it was given. What people gave has no final dot and capital letters, which is the same to the vendor, but not when it
/// is to be deleted.
fn value_text(record: &Record) -> String {
    if let Value::String(given) = &record.extra {
        return given.clone();
    }
    match record.rtype.as_str() {
        "TXT" => {
            let RecordData::Txt(bytes) =
                RecordData::parse(rollout_providers::RecordType::Txt, &record.data).unwrap()
            else {
                unreachable!()
            };
            text_text(&bytes)
        }
        "MX" | "CNAME" if !record.data.ends_with(" .") => {
            record.data.trim_end_matches('.').replace("mail", "Mail")
        }
        _ => record.data.clone(),
    }
}

/// Quoted strings of at most 255 octets, numbers in octal.
fn text_text(bytes: &[u8]) -> String {
    let octet = |byte: &u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(*byte)),
        b' '..=b'~' => char::from(*byte).to_string(),
        _ => format!("\\{byte:03o}"),
    };
    let string = |part: &[u8]| format!("\"{}\"", part.iter().map(octet).collect::<String>());
    match bytes {
        [] => "\"\"".to_owned(),
        bytes => bytes.chunks(255).map(string).collect::<Vec<_>>().join(" "),
    }
}

/// The way back; `None` for what is not quoted, too long, or no octal number.
fn text_from(text: &str) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        rest = rest.strip_prefix(b"\"")?;
        let mut part = Vec::new();
        loop {
            match rest {
                [b'"', after @ ..] => {
                    rest = after;
                    break;
                }
                [
                    b'\\',
                    a @ b'0'..=b'3',
                    b @ b'0'..=b'7',
                    c @ b'0'..=b'7',
                    after @ ..,
                ] => {
                    part.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                    rest = after;
                }
                [b'\\', byte @ (b'"' | b'\\'), after @ ..] | [byte @ b' '..=b'~', after @ ..]
                    if byte != &b'\\' || rest[1] == b'\\' =>
                {
                    part.push(*byte);
                    rest = after;
                }
                _ => return None,
            }
        }
        if part.len() > 255 {
            return None;
        }
        all.extend(part);
        match rest {
            [] => return Some(all),
            [b' ', after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// A value in the form of the shelf.
fn data_from(rtype: &str, value: &str) -> Option<String> {
    let host = |text: &str| format!("{}.", text.trim_end_matches('.').to_ascii_lowercase());
    match rtype {
        "TXT" => Some(RecordData::txt(text_from(value)?).to_string()),
        "MX" => {
            let (preference, exchange) = value.split_once(' ')?;
            Some(format!(
                "{} {}",
                preference.parse::<u16>().ok()?,
                host(exchange)
            ))
        }
        "CNAME" => Some(host(value)),
        _ => None,
    }
}

/// Carries a batch out, or says what is wrong with it.
pub(super) fn change(shelf: &mut Shelf, zone_name: &str, body: &Element) -> Result<(), Refusal> {
    let invalid = |message: String| refuse(400, "InvalidChangeBatch", format!("[{message}]"));
    let changes = body
        .at(&["ChangeBatch", "Changes"])
        .map_or(&[] as &[_], |changes| &changes.children);
    if body.name != "ChangeResourceRecordSetsRequest" || changes.is_empty() {
        return refuse(400, "InvalidInput", "Invalid XML ; cvc-complex-type.2.4.b");
    }
    let mut records = shelf.zone(zone_name).unwrap().records.clone();
    for change in changes {
        let set = change.child("ResourceRecordSet").unwrap();
        let (name, rtype) = (
            name_from(set.text_at(&["Name"])),
            set.text_at(&["Type"]).to_owned(),
        );
        let what = format!("resource record set [name='{name}.', type='{rtype}']");
        if name != zone_name && !name.ends_with(&format!(".{zone_name}")) {
            return invalid(format!(
                "RRSet with DNS name {name}. is not permitted in zone {zone_name}."
            ));
        }
        let Ok(ttl) = set.text_at(&["TTL"]).parse::<u32>() else {
            return refuse(
                400,
                "InvalidInput",
                "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords]]",
            );
        };
        let given = set
            .child("ResourceRecords")
            .map_or(&[] as &[_], |records| &records.children);
        let mut given: Vec<String> = given
            .iter()
            .map(|record| record.text_at(&["Value"]).to_owned())
            .collect();
        given.sort();
        let mut held: Vec<String> = self::records(&records, &name, &rtype)
            .into_iter()
            .map(value_text)
            .collect();
        held.sort();
        let held_ttl = self::records(&records, &name, &rtype)
            .first()
            .map(|record| record.ttl);
        match change.text_at(&["Action"]) {
            "DELETE" if held.is_empty() => {
                return invalid(format!("Tried to delete {what} but it was not found"));
            }
            "DELETE" if held != given || held_ttl != Some(ttl) => {
                return invalid(format!(
                    "Tried to delete {what} but the values provided do not match the current values"
                ));
            }
            "DELETE" => records.retain(|record| record.name != name || record.rtype != rtype),
            "CREATE" if !held.is_empty() => {
                return invalid(format!("Tried to create {what} but it already exists"));
            }
            "CREATE" => {
                let beside = records.iter().any(|record| {
                    record.name == name && (rtype == "CNAME" || record.rtype == "CNAME")
                });
                if beside || (rtype == "CNAME" && name == zone_name) {
                    return invalid(format!(
                        "RRSet of type {rtype} with DNS name {name}. is not permitted as it conflicts with other records with the same DNS name \
                         in zone {zone_name}."
                    ));
                }
                if given.is_empty() || given.iter().any(|value| value.len() > 4000) {
                    return invalid(format!("Invalid number of values for {what}"));
                }
                for value in given {
                    let Some(data) = data_from(&rtype, &value) else {
                        return invalid(format!(
                            "Invalid Resource Record: FATAL problem: InvalidCharacterString encountered with '{value}'"
                        ));
                    };
                    let (name, rtype, extra) = (name.clone(), rtype.clone(), Value::String(value));
                    records.push(Record {
                        id: shelf.new_id(),
                        name,
                        rtype,
                        ttl,
                        data,
                        extra,
                    });
                }
            }
            other => {
                return refuse(
                    400,
                    "InvalidInput",
                    format!("Value '{other}' is not facet-valid"),
                );
            }
        }
    }
    shelf.change(zone_name, |zone| zone.records = records);
    Ok(())
}
