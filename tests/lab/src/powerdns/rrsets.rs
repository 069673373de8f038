//! Record sets in the API's form, and the checks a change must pass.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Refusal, unprocessable};
use crate::dns::content::{RecordSet, ZoneContent, parse};

/// One checked change.
pub(super) enum Change {
    Replace(RecordSet),
    Delete { name: String, rtype: String },
}

/// The zone's record sets, perhaps of one name and type only.
pub(super) fn listing(
    content: &ZoneContent,
    name: Option<&String>,
    rtype: Option<&String>,
) -> Value {
    let soa = content.soa();
    content
        .sets
        .iter()
        .chain(std::iter::once(&soa))
        .filter(|set| name.is_none_or(|n| *n == set.name) && rtype.is_none_or(|t| *t == set.rtype))
        .map(|set| {
            let records: Vec<Value> = set
                .contents
                .iter()
                .map(|content| json!({"content": content, "disabled": false}))
                .collect();
            json!({
                "name": set.name, "type": set.rtype, "ttl": set.ttl,
                "records": records, "comments": [],
            })
        })
        .collect()
}

/// The changes of a PATCH, all checked before any is made.
pub(super) fn changes(content: &ZoneContent, body: &Value) -> Result<Vec<Change>, Refusal> {
    let rrsets = body["rrsets"]
        .as_array()
        .ok_or_else(|| unprocessable("No rrsets given in update request"))?;
    let mut seen = BTreeSet::new();
    let mut after = content.clone();
    let mut changes = Vec::new();
    for rrset in rrsets {
        let change = change(content, rrset)?;
        let (name, rtype) = match &change {
            Change::Replace(set) => (set.name.clone(), set.rtype.clone()),
            Change::Delete { name, rtype } => (name.clone(), rtype.clone()),
        };
        if !seen.insert((name.clone(), rtype.clone())) {
            let text = format!("Duplicate RRset {name} IN {rtype} with changetype");
            return Err(unprocessable(text));
        }
        match &change {
            Change::Replace(set) => after.replace(set.clone()),
            Change::Delete { name, rtype } => {
                after.remove(name, rtype);
            }
        }
        changes.push(change);
    }
    conflicts(&after)?;
    Ok(changes)
}

fn change(content: &ZoneContent, rrset: &Value) -> Result<Change, Refusal> {
    let text = |key: &str| {
        rrset[key]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| unprocessable(format!("Key '{key}' not present or not a String")))
    };
    let name = text("name")?;
    if !name.ends_with('.') {
        return Err(unprocessable(format!("DNS Name '{name}' is not canonical")));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.*/@".contains(c);
    if !name.chars().all(allowed) || crate::dns::name(&name).is_err() || name.contains("..") {
        return Err(unprocessable(format!(
            "Name '{name}' contains unsupported characters"
        )));
    }
    let name = name.to_ascii_lowercase();
    let rtype = text("type")?;
    if rtype != rtype.to_ascii_uppercase()
        || rtype.parse::<hickory_proto::rr::RecordType>().is_err()
    {
        let text = format!("RRset {name} IN {rtype}: unknown type given");
        return Err(unprocessable(text));
    }
    let changetype = text("changetype")?;
    if name != content.origin && !name.ends_with(&format!(".{}", content.origin)) {
        let text = format!("RRset {name} IN {rtype}: Name is out of zone");
        return Err(unprocessable(text));
    }
    match changetype.as_str() {
        "DELETE" if rrset.get("ttl").is_some() => Err(unprocessable(
            "Key 'ttl' must not be given with changetype DELETE",
        )),
        "DELETE" => Ok(Change::Delete { name, rtype }),
        "REPLACE" => replace(rrset, name, &rtype),
        _ => Err(unprocessable("Changetype not understood")),
    }
}

fn replace(rrset: &Value, name: String, rtype: &str) -> Result<Change, Refusal> {
    let records = rrset["records"]
        .as_array()
        .ok_or_else(|| unprocessable("No record provided with changetype REPLACE"))?;
    if records.is_empty() {
        let rtype = rtype.to_owned();
        return Ok(Change::Delete { name, rtype });
    }
    let ttl = rrset["ttl"]
        .as_u64()
        .and_then(|ttl| u32::try_from(ttl).ok())
        .filter(|ttl| *ttl <= i32::MAX.unsigned_abs())
        .ok_or_else(|| unprocessable("Key 'ttl' not present or not an Integer"))?;
    if matches!(
        rtype,
        "SOA" | "RRSIG" | "NSEC" | "NSEC3" | "DNSKEY" | "CDS" | "CDNSKEY"
    ) {
        let text = format!("RRset {name} IN {rtype}: the laboratory makes this type itself");
        return Err(unprocessable(text));
    }
    let mut contents = Vec::new();
    for record in records {
        let content = record["content"]
            .as_str()
            .ok_or_else(|| unprocessable("Key 'content' not present or not a String"))?;
        parse(rtype, content).map_err(|reason| {
            unprocessable(format!("Record {name}/{rtype} '{content}': {reason}"))
        })?;
        if record["disabled"] == Value::Bool(true) {
            continue;
        }
        if contents.iter().any(|c| c == content) {
            let text =
                format!("Duplicate record in RRset {name} IN {rtype} with content \"{content}\"");
            return Err(unprocessable(text));
        }
        contents.push(content.to_owned());
    }
    if rtype == "CNAME" && contents.len() > 1 {
        let text = format!("RRset {name} IN CNAME has more than one record");
        return Err(unprocessable(text));
    }
    Ok(Change::Replace(RecordSet::new(&name, rtype, ttl, contents)))
}

/// An alias stands alone, and never at the zone's own name (RFC 1034 3.6.2).
fn conflicts(content: &ZoneContent) -> Result<(), Refusal> {
    for alias in content.sets.iter().filter(|s| s.rtype == "CNAME") {
        let shared = content
            .sets
            .iter()
            .any(|s| s.name == alias.name && s.rtype != "CNAME");
        if shared || alias.name == content.origin {
            return Err(unprocessable(format!(
                "RRset {} IN CNAME: Conflicts with pre-existing RRset",
                alias.name
            )));
        }
    }
    if content.get(&content.origin, "NS").is_none() {
        return Err(unprocessable("The zone would have no NS at its apex"));
    }
    Ok(())
}
