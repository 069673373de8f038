//! Signing by the API: the `dnssec` switch, cryptokeys, and the settings that make CDS appear.

use std::time::Duration;

use hickory_proto::dnssec::DigestType;
use serde_json::{Value, json};

use super::{Outcome, PowerDns, Refusal, inside, unprocessable};
use crate::dns::content::ZoneContent;
use crate::dns::keys::{StoredKey, dnskey_text, ds_text};
use crate::error::LabError;
use crate::http::HttpReply;
use crate::state::State;
use crate::world::World;

/// Settings that make the zone offer CDS (digest types) and CDNSKEY.
const PUBLISH_CDS: &str = "PUBLISH-CDS";
const PUBLISH_CDNSKEY: &str = "PUBLISH-CDNSKEY";
/// Settings that have calls of their own.
const NOT_BY_METADATA: [&str; 5] = [
    "API-RECTIFY",
    "NSEC3PARAM",
    "NSEC3NARROW",
    "PRESIGNED",
    "LUA-AXFR-SCRIPT",
];

/// Signs the zone with one new CSK, or takes all keys away.
pub(super) fn secure(
    world: &World,
    state: &mut State,
    id: &str,
    dnssec: bool,
    delay: Duration,
) -> Result<(), Refusal> {
    world
        .change_zone(state, id, delay, |content| {
            if !dnssec {
                content.keys.clear();
            } else if content.keys.is_empty() {
                content.keys.push(StoredKey::generate(1, true, true)?);
            }
            Ok(())
        })
        .map_err(inside)
}

impl PowerDns {
    pub(super) fn keys(&self, id: &str) -> Outcome {
        let state = self.0.state();
        let zone = self.find(&state, id)?;
        let keys = zone
            .content
            .keys
            .iter()
            .map(|key| describe(&zone.content, key))
            .collect::<Result<Vec<_>, _>>()
            .map_err(inside)?;
        Ok(HttpReply::json(200, &Value::Array(keys)))
    }

    /// One key, with its private part: the real API gives it away too, so clients must not ask.
    pub(super) fn key(&self, id: &str, key: &str) -> Outcome {
        let state = self.0.state();
        let zone = self.find(&state, id)?;
        let key = stored(&zone.content, key)?;
        let mut body = describe(&zone.content, key).map_err(inside)?;
        body["privatekey"] = json!(key.private_text());
        Ok(HttpReply::json(200, &body))
    }

    pub(super) fn add_key(&self, id: &str, body: &Value, delay: Duration) -> Outcome {
        let keytype = body["keytype"].as_str().unwrap_or_default();
        if !matches!(keytype, "csk" | "ksk" | "zsk") {
            let text = format!("Invalid keytype {keytype}");
            return Err(unprocessable(text));
        }
        if keytype != "csk" {
            return Err(unprocessable("The laboratory signs with a csk only"));
        }
        let active = body["active"].as_bool().unwrap_or(false);
        let published = body["published"].as_bool().unwrap_or(true);
        let mut state = self.0.state();
        self.find(&state, id)?;
        let added = self
            .0
            .change_zone(&mut state, id, delay, |content| {
                let next = content.keys.iter().map(|k| k.id).max().unwrap_or(0) + 1;
                let key = StoredKey::generate(next, active, published)?;
                content.keys.push(key.clone());
                Ok(key)
            })
            .map_err(inside)?;
        let zone = self.find(&state, id)?;
        let mut body = describe(&zone.content, &added).map_err(inside)?;
        body["privatekey"] = json!(added.private_text());
        Ok(HttpReply::json(201, &body))
    }

    pub(super) fn change_key(&self, id: &str, key: &str, body: &Value, delay: Duration) -> Outcome {
        let active = body["active"]
            .as_bool()
            .ok_or_else(|| unprocessable("Key 'active' not present or not a Boolean"))?;
        let published = body["published"].as_bool();
        let mut state = self.0.state();
        let number = stored(&self.find(&state, id)?.content, key)?.id;
        self.0
            .change_zone(&mut state, id, delay, |content| {
                for key in content.keys.iter_mut().filter(|k| k.id == number) {
                    key.active = active;
                    key.published = published.unwrap_or(key.published);
                }
                Ok(())
            })
            .map_err(inside)?;
        Ok(HttpReply::empty(204))
    }

    pub(super) fn remove_key(&self, id: &str, key: &str, delay: Duration) -> Outcome {
        let mut state = self.0.state();
        let number = stored(&self.find(&state, id)?.content, key)?.id;
        self.0
            .change_zone(&mut state, id, delay, |content| {
                content.keys.retain(|k| k.id != number);
                Ok(())
            })
            .map_err(inside)?;
        Ok(HttpReply::empty(204))
    }

    pub(super) fn all_metadata(&self, id: &str) -> Outcome {
        let state = self.0.state();
        let list: Vec<Value> = self
            .find(&state, id)?
            .metadata
            .iter()
            .map(|(kind, values)| entry(kind, values))
            .collect();
        Ok(HttpReply::json(200, &Value::Array(list)))
    }

    pub(super) fn metadata(&self, id: &str, kind: &str) -> Outcome {
        let state = self.0.state();
        let values = self.find(&state, id)?.metadata.get(kind).cloned();
        let values = values.unwrap_or_default();
        Ok(HttpReply::json(200, &entry(kind, &values)))
    }

    pub(super) fn set_metadata(
        &self,
        id: &str,
        kind: Option<&str>,
        body: &Value,
        delay: Duration,
    ) -> Outcome {
        let kind = kind
            .or_else(|| body["kind"].as_str())
            .ok_or_else(|| unprocessable("Key 'kind' not present or not a String"))?
            .to_owned();
        if NOT_BY_METADATA.contains(&kind.as_str()) {
            return Err(unprocessable(format!("Unsupported metadata kind '{kind}'")));
        }
        let values = body["metadata"]
            .as_array()
            .ok_or_else(|| unprocessable("metadata is not specified or not an array"))?
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| unprocessable("metadata must be strings"))?;
        let created = body["kind"].is_string();
        let reply = entry(&kind, &values);
        self.keep_metadata(id, &kind, values, delay)?;
        Ok(HttpReply::json(if created { 201 } else { 200 }, &reply))
    }

    pub(super) fn remove_metadata(&self, id: &str, kind: &str, delay: Duration) -> Outcome {
        self.keep_metadata(id, kind, Vec::new(), delay)?;
        Ok(HttpReply::empty(204))
    }

    fn keep_metadata(
        &self,
        id: &str,
        kind: &str,
        values: Vec<String>,
        delay: Duration,
    ) -> Result<(), Refusal> {
        let mut state = self.0.state();
        self.find(&state, id)?;
        self.0
            .change_zone(&mut state, id, delay, |content| {
                apply(content, kind, &values);
                Ok(())
            })
            .map_err(inside)?;
        if let Some(zone) = state.zones.get_mut(id) {
            if values.is_empty() {
                zone.metadata.remove(kind);
            } else {
                zone.metadata.insert(kind.to_owned(), values);
            }
        }
        Ok(())
    }
}

fn apply(content: &mut ZoneContent, kind: &str, values: &[String]) {
    match kind {
        PUBLISH_CDS => {
            content.cds_digests = values
                .iter()
                .flat_map(|value| value.split(','))
                .filter_map(|digest| digest.trim().parse().ok())
                .collect();
        }
        PUBLISH_CDNSKEY => content.cdnskey = values.iter().any(|value| value == "1"),
        _ => {}
    }
}

fn entry(kind: &str, values: &[String]) -> Value {
    json!({"type": "Metadata", "kind": kind, "metadata": values})
}

fn stored<'a>(content: &'a ZoneContent, id: &str) -> Result<&'a StoredKey, Refusal> {
    content
        .keys
        .iter()
        .find(|key| key.id.to_string() == id)
        .ok_or_else(|| (404, format!("Could not find key with id {id}")))
}

fn describe(content: &ZoneContent, key: &StoredKey) -> Result<Value, LabError> {
    let name = content.name()?;
    let dnskey = key.dnskey(&name)?;
    let ds = [DigestType::SHA256, DigestType::SHA384]
        .into_iter()
        .map(|digest| Ok(ds_text(&key.ds(&name, digest)?)))
        .collect::<Result<Vec<_>, LabError>>()?;
    let cds = content
        .cds_digests
        .iter()
        .filter(|digest| **digest != 0)
        .map(|digest| Ok(ds_text(&key.ds(&name, DigestType::from(*digest))?)))
        .collect::<Result<Vec<_>, LabError>>()?;
    let mut body = json!({
        "type": "Cryptokey", "id": key.id, "keytype": "csk",
        "active": key.active, "published": key.published,
        "algorithm": "ECDSAP256SHA256", "bits": 256, "flags": dnskey.flags(),
        "dnskey": dnskey_text(&dnskey), "ds": ds,
    });
    if !cds.is_empty() {
        body["cds"] = json!(cds);
    }
    Ok(body)
}
