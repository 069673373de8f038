//! What Porkbun writes and reads: numbers as text, names in full where they are read and relative where they are written.

use std::{str::FromStr, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Ds, Kind, Name, RecordData, RecordType, http::Explained, text};

#[derive(Deserialize)]
pub(super) struct WireRecord {
    pub(super) id: Number,
    /// In full; it is relative where it is written.
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) rtype: String,
    pub(super) content: String,
    pub(super) ttl: Number,
    pub(super) prio: Option<Number>,
}

/// A number, as it is or as text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Number {
    Number(u64),
    Text(String),
}

impl Number {
    pub(super) fn get<T: FromStr + TryFrom<u64>>(&self) -> Option<T> {
        match self {
            Self::Number(number) => T::try_from(*number).ok(),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireDs {
    key_tag: Number,
    alg: Number,
    digest_type: Number,
    digest: String,
}

impl WireDs {
    pub(super) fn read(&self) -> Option<Ds> {
        let digest = text::unhex(&self.digest)?;
        let (algorithm, digest_type) = (self.alg.get()?, self.digest_type.get()?);
        Some(Ds { key_tag: self.key_tag.get()?, algorithm, digest_type, digest }).filter(Ds::has_right_length)
    }
}

/// A record of a set: its id, its TTL, its value.
pub(super) type Live = ((u64, u32), RecordData);

/// Older answers have words only.
pub(super) fn explain(_: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        message: Option<String>,
        code: Option<String>,
        ttl_remaining: Option<u64>,
    }
    let Ok(Body { message, code, ttl_remaining }) = serde_json::from_slice(body) else {
        return Explained::default();
    };
    let mut message = message.unwrap_or_default();
    let closed = code.as_deref() == Some("API_ACCESS_DISABLED") || message.contains("not opted in to API access");
    if closed {
        message.push_str(" Switch it on for the domain in its console: Domain Management, Details, API Access");
    }
    let kind = match code.as_deref().unwrap_or_default() {
        "INVALID_API_KEYS_001" | "INVALID_API_KEYS_002" | "API_KEY_REQUIRED" | "MISSING_SECRETAPIKEY" | "INVALID_USER" => {
            Some(Kind::Auth)
        }
        "IP_NOT_ALLOWED" | "DOMAIN_NOT_ALLOWED" => Some(Kind::Forbidden),
        "INVALID_DOMAIN" | "DOMAIN_NOT_FOUND" => Some(Kind::NotFound),
        // The record is gone, or an identical one is there: somebody else was here since we looked.
        "INVALID_RECORD_ID" | "DUPLICATE_RECORD" => Some(Kind::Conflict),
        "RATE_LIMIT_EXCEEDED" => Some(Kind::Throttled(ttl_remaining.map(Duration::from_secs))),
        _ if message.starts_with("Invalid API key") => Some(Kind::Auth),
        _ if closed => Some(Kind::Forbidden),
        _ if message.starts_with("Invalid domain") => Some(Kind::NotFound),
        _ => None,
    };
    Explained { kind, code: code.map(Into::into), message: (!message.is_empty()).then_some(message) }
}

pub(super) fn decode(record: &WireRecord, rtype: RecordType) -> Result<Live, String> {
    let wrong = || "a number is none".to_owned();
    // Nothing stands for the root, the null MX.
    let host = || if record.content.is_empty() { Ok(Name::root()) } else { Name::parse(&record.content) };
    let host = || host().map_err(|error| error.to_string());
    let value = match rtype {
        RecordType::Mx => RecordData::mx(record.prio.as_ref().and_then(Number::get).ok_or_else(wrong)?, host()?),
        RecordType::Cname => RecordData::Cname(host()?),
        RecordType::Txt => RecordData::txt(record.content.as_str()),
    };
    Ok(((record.id.get().ok_or_else(wrong)?, record.ttl.get().ok_or_else(wrong)?), value))
}

/// A record as it is written: relative owner, hosts without final dot, texts without quotes.
pub(super) fn encode(owner: &str, ttl: u32, value: &RecordData) -> Result<Value, &'static str> {
    let (rtype, ttl) = (value.rtype().as_str(), ttl.to_string());
    let record = |content: String| json!({ "name": owner, "type": rtype, "content": content, "ttl": ttl });
    match value {
        RecordData::Mx { preference, exchange } => {
            let mut record = record(exchange.to_string());
            record["prio"] = preference.to_string().into();
            Ok(record)
        }
        RecordData::Cname(target) => Ok(record(target.to_string())),
        RecordData::Txt(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text.trim() == text && !text.is_empty() => Ok(record(text.to_owned())),
            Ok(_) => Err("Porkbun cannot hold a text that is empty, or that begins or ends with a blank"),
            Err(_) => Err("Porkbun can hold only text that is UTF-8"),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            for value in set.values() {
                match encode("", set.ttl(), value) {
                    Ok(mut wire) => {
                        wire["id"] = "7".into();
                        let record: WireRecord = serde_json::from_value(wire).unwrap();
                        prop_assert_eq!(decode(&record, set.rtype()).unwrap(), ((7, set.ttl()), value.clone()));
                    }
                    // What it cannot hold is refused.
                    Err(_) => {
                        let blank = |text: &str| text.is_empty() || text.trim() != text;
                        let odd = |text: &[u8]| std::str::from_utf8(text).map_or(true, blank);
                        prop_assert!(matches!(value, RecordData::Txt(text) if odd(text)));
                    }
                }
            }
        }
    }

    #[test]
    fn an_id_cannot_change_the_path() {
        let id = |text: &str| Number::Text(text.to_owned()).get::<u64>();
        assert_eq!(id("106926652"), Some(106_926_652));
        for odd in ["", "../1", "1/2", "1?x", "-1"] {
            assert_eq!(id(odd), None, "{odd}");
        }
    }
}
