//! What Cloud DNS sends and takes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{DelegationKey, Dnskey, Ds, KeyError, Kind, Name, RecordData, RecordType, Rrset, http::Explained, text::harmless};

/// A page of a list; each kind of list has its own word for it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    #[serde(default = "Vec::new", alias = "managedZones", alias = "rrsets", alias = "dnsKeys", alias = "operations")]
    pub(super) items: Vec<T>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireZone {
    pub(super) name: String,
    pub(super) dns_name: String,
    #[serde(default)]
    pub(super) visibility: Option<String>,
    #[serde(default)]
    pub(super) name_servers: Vec<String>,
    #[serde(default)]
    pub(super) dnssec_config: Option<WireSigning>,
}

#[derive(Deserialize)]
pub(super) struct WireSigning {
    #[serde(default)]
    pub(super) state: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireSet {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) rtype: String,
    #[serde(default)]
    pub(super) ttl: u32,
    #[serde(default)]
    pub(super) rrdatas: Vec<String>,
    /// Answers that depend on who asks or on chance.
    #[serde(default, skip_serializing)]
    pub(super) routing_policy: Option<Value>,
}

/// A change of signing on its way.
#[derive(Deserialize)]
pub(super) struct WireOperation {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireKey {
    algorithm: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    is_active: bool,
    public_key: String,
    key_tag: u16,
    #[serde(default)]
    digests: Vec<WireDigest>,
}

#[derive(Deserialize)]
struct WireDigest {
    #[serde(rename = "type")]
    kind: String,
    digest: String,
}

/// Algorithms by their numbers and the names that Cloud DNS and Cloud Domains have for them, the latter in capitals.
pub(super) const ALGORITHMS: &[(u8, &str)] = &[
    (5, "rsasha1"),
    (7, "rsasha1nsec3sha1"),
    (8, "rsasha256"),
    (10, "rsasha512"),
    (13, "ecdsap256sha256"),
    (14, "ecdsap384sha384"),
    (15, "ed25519"),
    (16, "ed448"),
];
/// The same for types of digests.
pub(super) const DIGESTS: &[(u8, &str)] = &[(1, "sha1"), (2, "sha256"), (3, "gost3411"), (4, "sha384")];

/// The number that a name stands for.
pub(super) fn number(of: &[(u8, &str)], name: &str) -> Result<u8, String> {
    let found = of.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
    found.map(|(number, _)| *number).ok_or_else(|| format!("{:?} is not known", harmless(name, 40)))
}

impl WireKey {
    /// Whether the parent may point to it; one that is no longer active still is in the zone.
    pub(super) fn is_entry_point(&self) -> bool {
        self.is_active && matches!(self.kind.as_str(), "keySigning" | "KEY_SIGNING")
    }

    pub(super) fn delegation(&self, zone: &Name) -> Result<DelegationKey, String> {
        let wrong = |error: KeyError| error.to_string();
        let algorithm = number(ALGORITHMS, &self.algorithm)?;
        let public_key = STANDARD.decode(&self.public_key).map_err(|_| "a public key is not base64".to_owned())?;
        let dnskey = Dnskey { flags: 257, protocol: 3, algorithm, public_key };
        let ds = self.digests.iter().map(|WireDigest { kind, digest }| {
            let digest_type = number(DIGESTS, kind)?;
            format!("{} {algorithm} {digest_type} {digest}", self.key_tag).parse().map_err(wrong)
        });
        DelegationKey::checked(zone, Some(dnskey), ds.collect::<Result<Vec<Ds>, String>>()?).map_err(wrong)
    }
}

/// `{"error": {"message", "status", "errors": [{"reason"}], "details": [{"reason"}]}}`; signing in has an `error_description`.
pub(super) fn explain(status: u16, body: &[u8]) -> Explained {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Explained::default();
    };
    let error = &body["error"];
    if let Some(code) = error.as_str() {
        let message = body["error_description"].as_str().unwrap_or(code).to_owned();
        let kind = matches!(status, 400 | 401).then_some(Kind::Auth);
        return Explained { kind, code: Some(code.into()), message: Some(message) };
    }
    let message = error["message"].as_str().map(str::to_owned);
    let details = error["details"].as_array().into_iter().flatten().map(|detail| &detail["reason"]);
    let reasons = [&error["errors"][0]["reason"]].into_iter().chain(details).chain([&error["status"]]);
    let code = reasons.filter_map(Value::as_str).next();
    let kind = match (status, code) {
        (403 | 429, Some("rateLimitExceeded" | "userRateLimitExceeded" | "dailyLimitExceeded" | "RATE_LIMIT_EXCEEDED")) => {
            Some(Kind::Throttled(None))
        }
        // Not of requests but of things in the project.
        (403, Some("quotaExceeded")) => Some(Kind::Rejected),
        // What was to be deleted as it was seen is not there.
        (404, _) if message.as_ref().is_some_and(|message| message.contains("entity.change.deletions")) => Some(Kind::Conflict),
        _ => None,
    };
    Explained { kind, code: code.map(Into::into), message }
}

pub(super) fn decode(set: &WireSet, name: &Name, rtype: RecordType) -> Result<Rrset, String> {
    let values = set.rrdatas.iter().map(|text| RecordData::parse(rtype, text)).collect::<Result<Vec<_>, _>>();
    values.and_then(|values| Rrset::new(name.clone(), rtype, set.ttl, values)).map_err(|error| error.to_string())
}

pub(super) fn encode(set: &Rrset) -> WireSet {
    WireSet {
        name: set.name().fqdn(),
        rtype: set.rtype().to_string(),
        ttl: set.ttl(),
        rrdatas: set.values().iter().map(ToString::to_string).collect(),
        routing_policy: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            let text = serde_json::to_string(&encode(&set)).unwrap();
            let wire: WireSet = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(decode(&wire, set.name(), set.rtype()).unwrap(), set);
        }
    }

    #[test]
    fn a_quota_of_requests_is_not_one_of_records() {
        let kind = |status, reason: &str| {
            let body = serde_json::json!({ "error": { "errors": [{ "reason": reason }], "message": "m" } });
            explain(status, body.to_string().as_bytes()).kind
        };
        assert_eq!(kind(403, "rateLimitExceeded"), Some(Kind::Throttled(None)));
        assert_eq!(kind(403, "quotaExceeded"), Some(Kind::Rejected));
        assert_eq!(kind(403, "forbidden"), None);
    }
}
