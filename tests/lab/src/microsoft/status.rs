//! `Get-DnssecStatusForVerifiedDomain`: Microsoft's own view of a domain, with its quirks (reference 1.9, 2.2).

use hickory_proto::rr::{RData, RecordType};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::dns::name;
use crate::options::StatusShape;
use crate::state::MailDomain;
use crate::world::World;

/// Which parts the caller left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Skips {
    pub(crate) dns: bool,
    pub(crate) mx: bool,
    pub(crate) mta_sts: bool,
}

/// The cmdlet's whole output.
pub(crate) fn dnssec(world: &World, domain: &str, known: &MailDomain, skips: Skips) -> Value {
    let shape = world.options.status_shape;
    let nested = |value: Value| match shape {
        StatusShape::NestedText => Value::String(value.to_string()),
        StatusShape::Text | StatusShape::Wrapped => value,
    };
    let expected = known
        .new_host()
        .map(|host| json!({"Record": format!("@ 60 IN MX 10 {host}")}));
    json!({
        "DomainName": domain,
        "DnssecFeatureStatus": feature(known.dnssec_since, shape),
        "ExpectedMxRecord": expected.map_or(Value::Null, nested),
        "Errors": [], "Warnings": [],
        "DnsValidation": if skips.dns { Value::Null } else { nested(dns(world, domain)) },
        "MxValidation": if skips.mx { Value::Null } else { nested(mx(world, domain, known)) },
        "MtaStsValidation": if skips.mta_sts { Value::Null } else { nested(mta_sts(world, domain, known)) },
    })
}

fn feature(since: Option<Timestamp>, shape: StatusShape) -> Value {
    let text = if since.is_some() {
        "Enabled"
    } else {
        "Disabled"
    };
    match shape {
        StatusShape::Text => json!(text),
        StatusShape::Wrapped => json!({"Value": text}),
        StatusShape::NestedText => json!({"value": text}),
    }
}

/// Whether the parent has a DS and every server a signed zone.
fn dns(world: &World, domain: &str) -> Value {
    let secure = name(domain).is_ok_and(|name| {
        world.served(|registry| {
            let versions = registry.versions_of(&name);
            let delegated = registry.parent_of(&name).is_some_and(|parent| {
                registry
                    .versions_of(parent)
                    .iter()
                    .all(|v| v.get(&name, RecordType::DS).is_some())
            });
            delegated && !versions.is_empty() && versions.iter().all(|v| v.signed)
        })
    });
    let errors: &[&str] = if secure {
        &[]
    } else {
        &["ED001: No authentic DNSSEC data was found for the domain."]
    };
    json!({
        "DnssecSupport": if secure { "Valid" } else { "Invalid" },
        "Errors": errors, "Warnings": [],
    })
}

/// The documented idea of the right record is preference 10, so a domain that followed the procedure gets EX003.
fn mx(world: &World, domain: &str, known: &MailDomain) -> Value {
    let records = mx_records(world, domain);
    let actual: Vec<String> = records
        .iter()
        .map(|(ttl, preference, host)| format!("@ {ttl} IN MX {preference} {host}"))
        .collect();
    let mut errors = Vec::new();
    match known.new_host() {
        _ if records.is_empty() => errors.push("EX010: No MX record was found."),
        None => {}
        Some(expected) => match records.iter().find(|(_, _, host)| host == expected) {
            None => errors.push("EX002: Expected MX record was not found."),
            Some((_, preference, _)) => {
                if *preference != 10 {
                    errors.push("EX003:Priority of MX record did not match the expected one.");
                }
                if records.len() > 1 {
                    errors.push("EX004: Other MX records were found.");
                }
            }
        },
    }
    let status = if errors.is_empty() {
        "Valid"
    } else {
        "Invalid"
    };
    json!({"Status": status, "ActualMxRecords": actual, "Errors": errors, "Warnings": []})
}

fn mx_records(world: &World, domain: &str) -> Vec<(u32, u16, String)> {
    let Ok(name) = name(domain) else {
        return Vec::new();
    };
    let versions = world.served(|registry| registry.versions_of(&name));
    versions
        .first()
        .and_then(|version| version.get(&name, RecordType::MX))
        .map(|set| {
            set.records
                .iter()
                .filter_map(|record| match &record.data {
                    RData::MX(mx) => {
                        let host = mx.exchange.to_ascii();
                        let host = host.trim_end_matches('.').to_owned();
                        Some((record.ttl, mx.preference, host))
                    }
                    _ => None,
                })
                .collect()
        })
        .unwrap_or_default()
}

fn mta_sts(world: &World, domain: &str, known: &MailDomain) -> Value {
    let policy = world.state().policies.get(domain).cloned();
    let Some(policy) = policy else {
        return json!({
            "Status": "Valid", "MtaStsAvailable": false, "MtaStsMode": "Unavailable",
            "Errors": [], "Warnings": [],
        });
    };
    let missing = policy.mode == "enforce"
        && known
            .new_host()
            .is_some_and(|host| !policy.mx.iter().any(|pattern| matches(pattern, host)));
    let errors: &[&str] = if missing {
        &["ES001: The expected MX record is missing from the MTA-STS policy."]
    } else {
        &[]
    };
    json!({
        "Status": if missing { "Invalid" } else { "Valid" },
        "MtaStsAvailable": true, "MtaStsMode": policy.mode, "Errors": errors, "Warnings": [],
    })
}

/// RFC 8461 4.1: a wildcard stands for exactly one label.
pub(crate) fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(rest) => host
            .split_once('.')
            .is_some_and(|(_, above)| above.eq_ignore_ascii_case(rest)),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// Adds validation messages (reference 1.9): the second letter of the code says which part they belong to, the first one
/// whether they are errors.
pub(crate) fn say(row: &mut Value, texts: &[String]) {
    for text in texts {
        let part = match text.as_bytes().get(1) {
            Some(b'X') => "MxValidation",
            Some(b'D') => "DnsValidation",
            Some(b'S') => "MtaStsValidation",
            _ => "",
        };
        let list = if text.starts_with('W') {
            "Warnings"
        } else {
            "Errors"
        };
        let place = if part.is_empty() {
            &mut row[list]
        } else {
            &mut row[part][list]
        };
        if let Some(items) = place.as_array_mut() {
            items.push(json!(text));
        }
    }
}
