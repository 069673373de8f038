//! What Azure DNS sends and takes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{DelegationKey, Ds, KeyError, Kind, Name, RecordData, RecordType, Rrset, http::Explained};

/// Most characters of one string in a TXT record.
const SEGMENT: usize = 255;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    pub(super) value: Vec<T>,
    #[serde(default)]
    pub(super) next_link: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireZone {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) properties: ZoneProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ZoneProperties {
    #[serde(default)]
    pub(super) name_servers: Option<Vec<String>>,
    #[serde(default)]
    pub(super) zone_type: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireSet {
    pub(super) etag: String,
    pub(super) properties: SetProperties,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetProperties {
    #[serde(rename = "TTL")]
    pub(super) ttl: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Map<String, Value>>,
    #[serde(default, rename = "MXRecords", skip_serializing_if = "Option::is_none")]
    pub(super) mx: Option<Vec<WireMx>>,
    #[serde(default, rename = "TXTRecords", skip_serializing_if = "Option::is_none")]
    pub(super) txt: Option<Vec<WireTxt>>,
    #[serde(default, rename = "CNAMERecord", skip_serializing_if = "Option::is_none")]
    pub(super) cname: Option<WireCname>,
    #[serde(default, skip_serializing)]
    pub(super) target_resource: Option<SubResource>,
    #[serde(default, skip_serializing)]
    pub(super) traffic_management_profile: Option<SubResource>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireMx {
    preference: u16,
    exchange: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireTxt {
    value: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireCname {
    cname: String,
}

/// Without an id it points nowhere.
#[derive(Deserialize)]
pub(super) struct SubResource {
    #[serde(default)]
    pub(super) id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireSigning {
    pub(super) etag: String,
    pub(super) properties: SigningProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SigningProperties {
    #[serde(default)]
    pub(super) provisioning_state: String,
    #[serde(default)]
    pub(super) signing_keys: Vec<WireKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireKey {
    flags: u16,
    protocol: u8,
    security_algorithm_type: u8,
    public_key: String,
    key_tag: u16,
    /// Empty for a key that signs only records.
    #[serde(default)]
    delegation_signer_info: Vec<WireDigest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireDigest {
    digest_algorithm_type: u8,
    digest_value: String,
}

impl WireKey {
    pub(super) const fn is_entry_point(&self) -> bool {
        self.flags & 1 != 0
    }

    pub(super) fn delegation(&self, zone: &Name) -> Result<DelegationKey, KeyError> {
        let Self { flags, protocol, security_algorithm_type: algorithm, public_key, key_tag, .. } = self;
        let ds = self.delegation_signer_info.iter().map(|digest| {
            let WireDigest { digest_algorithm_type, digest_value } = digest;
            format!("{key_tag} {algorithm} {digest_algorithm_type} {digest_value}").parse()
        });
        let dnskey = format!("{flags} {protocol} {algorithm} {public_key}").parse()?;
        DelegationKey::checked(zone, Some(dnskey), ds.collect::<Result<Vec<Ds>, _>>()?)
    }
}

/// `{"error": {"code", "message"}}` from Azure as a whole, the same without the frame from its DNS.
pub(super) fn explain(_: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    struct Body {
        code: String,
        #[serde(default)]
        message: String,
    }
    #[derive(Deserialize)]
    struct Framed {
        error: Body,
    }
    let framed = serde_json::from_slice(body).map(|Framed { error }| error);
    let Ok(Body { code, message }) = framed.or_else(|_| serde_json::from_slice(body)) else {
        return Explained::default();
    };
    // Both come with a status that elsewhere means that somebody else was faster.
    let kind = matches!(code.as_str(), "ScopeLocked" | "ReadOnlyDisabledSubscription").then_some(Kind::Forbidden);
    Explained { kind, code: Some(code.into()), message: (!message.is_empty()).then_some(message) }
}

/// The resource group in a resource's id; Azure is not strict about its case.
pub(super) fn group_of(id: &str) -> Option<String> {
    let mut segments = id.split('/').skip_while(|segment| !segment.eq_ignore_ascii_case("resourceGroups")).skip(1);
    segments.next().filter(|group| !group.is_empty()).map(str::to_owned)
}

pub(super) fn decode(properties: &SetProperties, name: &Name, rtype: RecordType) -> Result<Option<Rrset>, String> {
    // Azure has only absolute names and takes them with and without the final dot.
    let host = |text: &str| Name::parse(text).map_err(|error| error.to_string());
    let values = match rtype {
        RecordType::Mx => properties
            .mx
            .iter()
            .flatten()
            .map(|mx| host(&mx.exchange).map(|exchange| RecordData::mx(mx.preference, exchange)))
            .collect::<Result<Vec<_>, _>>()?,
        RecordType::Txt => properties.txt.iter().flatten().map(|txt| RecordData::txt(txt.value.concat())).collect(),
        RecordType::Cname => properties
            .cname
            .iter()
            .map(|alias| host(&alias.cname).map(RecordData::Cname))
            .collect::<Result<Vec<_>, _>>()?,
    };
    if values.is_empty() {
        return Ok(None);
    }
    Rrset::new(name.clone(), rtype, properties.ttl, values).map(Some).map_err(|error| error.to_string())
}

/// The set as Azure takes it, or why it cannot.
pub(super) fn encode(set: &Rrset, metadata: Option<Map<String, Value>>) -> Result<SetProperties, &'static str> {
    let mut properties = SetProperties { ttl: set.ttl(), metadata, ..SetProperties::default() };
    for value in set.values() {
        match value {
            RecordData::Mx { exchange, .. } if exchange.is_root() => {
                return Err("Azure DNS takes no null MX; a domain without mail has to do without, or be hosted elsewhere");
            }
            RecordData::Mx { preference, exchange } => {
                let record = WireMx { preference: *preference, exchange: exchange.to_string() };
                properties.mx.get_or_insert_default().push(record);
            }
            RecordData::Txt(bytes) if bytes.is_empty() => return Err("Azure DNS takes no empty TXT record"),
            RecordData::Txt(bytes) => {
                // It goes as text, and what becomes of other characters there is not known.
                if !bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
                    return Err("the TXT record holds more than printable ASCII, which might not survive in Azure DNS");
                }
                let segments = bytes.chunks(SEGMENT).map(|part| part.iter().map(|byte| char::from(*byte)).collect());
                properties.txt.get_or_insert_default().push(WireTxt { value: segments.collect() });
            }
            RecordData::Cname(target) => properties.cname = Some(WireCname { cname: target.to_string() }),
        }
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether Azure takes it: no null MX, and of TXT only text.
    fn fits(value: &RecordData) -> bool {
        match value {
            RecordData::Mx { exchange, .. } => !exchange.is_root(),
            RecordData::Txt(bytes) => !bytes.is_empty() && bytes.iter().all(|byte| (0x20..0x7f).contains(byte)),
            RecordData::Cname(_) => true,
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            let possible = set.values().iter().all(fits);
            match encode(&set, None) {
                Err(_) => prop_assert!(!possible),
                Ok(properties) => {
                    prop_assert!(possible);
                    let wire: SetProperties = serde_json::from_value(serde_json::to_value(properties).unwrap()).unwrap();
                    prop_assert!(wire.txt.iter().flatten().flat_map(|txt| &txt.value).all(|part| part.len() <= SEGMENT));
                    prop_assert_eq!(decode(&wire, set.name(), set.rtype()).unwrap(), Some(set));
                }
            }
        }
    }

    #[test]
    fn the_resource_group_is_in_the_id() {
        let id = "/subscriptions/s/resourcegroups/My-Group/providers/Microsoft.Network/dnszones/example.test";
        assert_eq!(group_of(id).as_deref(), Some("My-Group"));
        assert_eq!(group_of("/subscriptions/s/resourceGroups/"), None);
        assert_eq!(group_of("/subscriptions/s"), None);
    }
}
