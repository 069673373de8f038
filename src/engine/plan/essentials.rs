//! What a plan rests on: the lines by which a saved plan is compared with the world.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{Answer, Facts, PolicyMode};

/// What a plan rests on, as lines that can be compared.
#[must_use]
pub fn essentials(facts: &Facts) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    if let Some(zone) = facts.zone.known() {
        for server in &zone.servers {
            let mx = match &server.mx {
                Answer::Got { value, ttl } => format!("{value} (TTL {ttl} s)"),
                Answer::Failed { why } => format!("no answer: {why}"),
            };
            lines.insert(format!("MX at {}", server.server), mx);
            if let Answer::Got { value, .. } = &server.keys {
                let keys = match value {
                    crate::kernel::ZoneKeys::Unsigned => "unsigned".to_owned(),
                    crate::kernel::ZoneKeys::Signed(keys) => join(keys),
                };
                lines.insert(format!("keys at {}", server.server), keys);
            }
        }
    }
    if let Some(parent) = facts.parent.known() {
        for server in &parent.servers {
            if let Answer::Got { value, .. } = &server.ds {
                let ds = if value.is_empty() {
                    "none".to_owned()
                } else {
                    join(value)
                };
                lines.insert(format!("DS at {}", server.server), ds);
            }
        }
    }
    if let Some(policy) = facts.policy.known()
        && policy.mode != PolicyMode::None
    {
        let patterns: Vec<_> = policy.patterns.iter().map(String::as_str).collect();
        let line = format!("{:?} {}", policy.mode, patterns.join(", "));
        lines.insert("MTA-STS policy".to_owned(), line.to_lowercase());
        if let Some(id) = &policy.id {
            lines.insert("MTA-STS id".to_owned(), id.clone());
        }
    }
    if let Some(exchange) = facts.exchange.known()
        && !exchange.manual
    {
        let state = format!("DNSSEC {:?}, DANE {:?}", exchange.dnssec, exchange.dane);
        lines.insert("Exchange Online".to_owned(), state);
    }
    lines
}

fn join(keys: &BTreeSet<crate::kernel::KeyId>) -> String {
    keys.iter()
        .map(|key| key.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

/// SHA-256 over the lines, in hexadecimal.
#[must_use]
pub fn digest(lines: &BTreeMap<String, String>) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (name, value) in lines {
        // Lengths keep two different lists from giving the same text.
        let _ = write!(text, "{}:{name}{}:{value}", name.len(), value.len());
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
