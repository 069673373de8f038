//! The `dns:` part: the provider that serves the zone, and how the DS reaches the parent.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, MapAccess};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DomainName, SecretRef};

/// Who serves the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dns {
    /// The provider's slug, as in `rollout providers`.
    pub provider: String,
    /// The zone, when it is not found by itself: the domain, or one of its parents.
    pub zone: Option<DomainName>,
    /// How the DS reaches the parent.
    pub delegation: Delegation,
    /// The provider's own fields, checked against its registry entry.
    pub fields: BTreeMap<String, Field>,
}

/// The value of a provider's field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Field {
    /// As written; numbers and truth values in their plain form.
    Text(String),
    /// A reference to a secret.
    Secret(SecretRef),
}

/// How the DS reaches the parent zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Delegation {
    /// Watches for the parent to take CDS/CDNSKEY (RFC 7344, RFC 8078), else asks a person.
    #[default]
    Auto,
    /// By the registrar's API, where the provider is the registrar too.
    Registrar,
    /// The parent takes CDS/CDNSKEY from the zone.
    Cds,
    /// By hand: the DS is shown in the forms that registrars ask for.
    Manual,
}

impl Dns {
    /// The keys that are not the provider's.
    pub const KEYS: [&'static str; 3] = ["provider", "zone", "delegation"];

    /// A plain field of the provider.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.fields.get(key)? {
            Field::Text(text) => Some(text),
            Field::Secret(_) => None,
        }
    }

    /// A secret field of the provider.
    pub fn secret(&self, key: &str) -> Option<&SecretRef> {
        match self.fields.get(key)? {
            Field::Text(_) => None,
            Field::Secret(secret) => Some(secret),
        }
    }
}

impl Serialize for Dns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("provider", &self.provider)?;
        if let Some(zone) = &self.zone {
            map.serialize_entry("zone", zone)?;
        }
        map.serialize_entry("delegation", &self.delegation)?;
        for (key, value) in &self.fields {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Dns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Dns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping with the key provider")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Dns, A::Error> {
                let (mut provider, mut zone, mut delegation) = (None, None, Delegation::default());
                let mut fields = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "provider" => provider = Some(map.next_value()?),
                        "zone" => zone = map.next_value()?,
                        "delegation" => delegation = map.next_value()?,
                        _ => {
                            if let Some(field) = map.next_value()? {
                                fields.insert(key, field);
                            }
                        }
                    }
                }
                let provider = provider.ok_or_else(|| de::Error::missing_field("provider"))?;
                Ok(Dns {
                    provider,
                    zone,
                    delegation,
                    fields,
                })
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a single value")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Field, E> {
                // Which keys hold secrets is the registry's to say; a reference is told apart by its form alone.
                Ok(text
                    .parse()
                    .map_or_else(|_| Field::Text(text.to_owned()), Field::Secret))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Field, E> {
                Ok(Field::Text(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Field, E> {
                Ok(Field::Text(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Field, E> {
                Ok(Field::Text(value.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
